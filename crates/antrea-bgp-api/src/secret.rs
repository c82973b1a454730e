//! Secrets, whose values never show.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use zeroize::Zeroizing;

use crate::{Metadata, lenient};

/// A Secret: its entries, already decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    /// Name and namespace.
    pub metadata: Metadata,
    /// `data`, with `stringData` laid over it as the API server does.
    pub entries: BTreeMap<String, SecretValue>,
}

/// One value of a [`Secret`]. Its octets are overwritten when it is dropped, and `Debug` does not
/// show them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// The octets of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretValue {
    fn from(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            metadata: Metadata,
            #[serde(default, deserialize_with = "lenient::null_is_default")]
            data: BTreeMap<String, Base64>,
            #[serde(default, deserialize_with = "lenient::null_is_default")]
            string_data: BTreeMap<String, Text>,
        }

        let Written {
            metadata,
            data,
            string_data,
        } = Written::deserialize(deserializer)?;
        let mut entries: BTreeMap<_, _> = data
            .into_iter()
            .map(|(key, Base64(value))| (key, value))
            .collect();
        entries.extend(
            string_data
                .into_iter()
                .map(|(key, Text(value))| (key, value)),
        );
        Ok(Self { metadata, entries })
    }
}

/// A value of `data`.
struct Base64(SecretValue);

/// A value of `stringData`.
struct Text(SecretValue);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(SecretVisitor { base64: true })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(SecretVisitor { base64: false })
            .map(Self)
    }
}

/// What is said of an entry under `data` that is not base64. It quotes nothing of the entry.
pub const NOT_BASE64: &str = "the value is not base64; encode it, or write it under stringData";

/// How what is said of an entry that is no string begins. It quotes nothing of the entry either.
pub const NOT_A_STRING: &str = "the value is no string";

/// Takes a string, and says of anything else only that it is none: serde's own messages would
/// quote the password that someone forgot to put in quotes.
struct SecretVisitor {
    base64: bool,
}

impl SecretVisitor {
    fn refuse<E: de::Error>(&self) -> Result<SecretValue, E> {
        Err(E::custom(format_args!("{NOT_A_STRING}; {}", Hint(self))))
    }
}

struct Hint<'a>(&'a SecretVisitor);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.base64 {
            "write base64 in quotes"
        } else {
            "put it in quotes"
        })
    }
}

impl Visitor<'_> for SecretVisitor {
    type Value = SecretValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string; {}", Hint(self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretValue, E> {
        if !self.base64 {
            return Ok(text.as_bytes().to_vec().into());
        }
        BASE64_STANDARD
            .decode(text)
            .map(SecretValue::from)
            .map_err(|_| E::custom(NOT_BASE64))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<SecretValue, E> {
        let text = Zeroizing::new(text);
        self.visit_str(&text)
    }

    fn visit_unit<E: de::Error>(self) -> Result<SecretValue, E> {
        Ok(SecretValue::default())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretValue, E> {
        self.refuse()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretValue, E> {
        self.refuse()
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<SecretValue, E> {
        self.refuse()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretValue, E> {
        self.refuse()
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<SecretValue, E> {
        self.refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretValue, E> {
        self.refuse()
    }
}
