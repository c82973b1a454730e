//! Decoding as the API server and a Go client together do it: null is absent, and a whole number
//! is a whole number however it was written.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Null means the type's default.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A whole number of any size; null is zero, as in Go.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(optional_integer(deserializer)?.unwrap_or_default())
}

/// A whole number of any size, or nothing.
pub(crate) fn optional_integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Integer>::deserialize(deserializer)?.map(|Integer(value)| value))
}

/// Whole numbers of any size; null is none at all.
pub(crate) fn integers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let integers: Vec<Integer> = null_is_default(deserializer)?;
    Ok(integers.into_iter().map(|Integer(value)| value).collect())
}

/// An integer by value, not by spelling: JSON Schema counts `65001.0` as one, and the API server
/// hands it on as `65001`. What does not fit into `i64` is clamped; no field's range comes near.
struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;

        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Integer, E> {
                Ok(Integer(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Integer, E> {
                Ok(Integer(i64::try_from(value).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Integer, E> {
                if value.fract() == 0.0 && value.abs() < 9e15 {
                    // Exact: doubles hold every whole number below 2^53.
                    return Ok(Integer(value as i64));
                }
                Err(E::invalid_type(de::Unexpected::Float(value), &self))
            }
        }

        // Not `deserialize_i64`: a YAML reader would then take the quoted "65001" for a number.
        deserializer.deserialize_any(IntegerVisitor)
    }
}
