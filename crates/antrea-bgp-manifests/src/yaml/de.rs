//! Nodes to Rust types through serde, with the path and place of what does not fit.

use std::fmt;

use antrea_bgp_api::{NOT_A_STRING, NOT_BASE64};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::{Entries, Items, Node, Position, Shape, push_index, push_key};

/// Decodes a node.
pub(crate) fn decode<'d, T: Deserialize<'d>>(node: Node<'d, '_>) -> Result<T, DecodeError> {
    T::deserialize(node)
}

/// What does not fit, where.
#[derive(Debug)]
pub(crate) struct DecodeError {
    place: Option<Place>,
    reason: Reason,
}

#[derive(Debug)]
struct Place {
    position: Position,
    /// Innermost first.
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug)]
enum Reason {
    /// Something else was expected than what is there.
    Mismatch {
        found: String,
        kind: &'static str,
        expected: String,
    },
    /// Any other words of the type's own.
    Other(String),
}

impl DecodeError {
    /// Where the value that does not fit stands.
    pub(crate) fn position(&self) -> Option<Position> {
        self.place.as_ref().map(|place| place.position)
    }

    /// Its field path, empty for the decoded node itself.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for step in self.place.iter().flat_map(|place| place.steps.iter().rev()) {
            match step {
                Step::Key(key) => push_key(&mut path, key),
                Step::Index(index) => push_index(&mut path, *index),
            }
        }
        path
    }

    /// What is wrong, without quoting any value: for objects that hold secrets.
    pub(crate) fn without_values(&self) -> String {
        match &self.reason {
            Reason::Mismatch { kind, expected, .. } => format!("expected {expected}, found {kind}"),
            Reason::Other(message)
                if message == NOT_BASE64 || message.starts_with(NOT_A_STRING) =>
            {
                message.clone()
            }
            Reason::Other(_) => "the value is not valid".to_owned(),
        }
    }

    /// Notes the value that did not fit, unless a value within it was noted before.
    fn at(mut self, position: Position) -> DecodeError {
        self.place.get_or_insert_with(|| Place {
            position,
            steps: Vec::new(),
        });
        self
    }

    fn within(mut self, step: impl FnOnce() -> Step) -> DecodeError {
        if let Some(place) = &mut self.place {
            place.steps.push(step());
        }
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Mismatch {
                found, expected, ..
            } => {
                write!(f, "expected {expected}, found {found}")
            }
            Reason::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> DecodeError {
        DecodeError {
            place: None,
            reason: Reason::Other(message.to_string()),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> DecodeError {
        mismatch(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> DecodeError {
        mismatch(found, expected)
    }

    fn missing_field(field: &'static str) -> DecodeError {
        de::Error::custom(format_args!("required field {field} is missing"))
    }
}

fn mismatch(found: Unexpected<'_>, expected: &dyn Expected) -> DecodeError {
    let kind = match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        _ => "something else",
    };
    let mut expected = expected.to_string();
    if expected == "a string" && matches!(kind, "a boolean" | "a number") {
        expected += " (quotes make it one)";
    }
    let found = match found {
        Unexpected::Str(text) => format!("the string {:?}", shortened(text)),
        Unexpected::Bool(value) => format!("the boolean {value}"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        _ => kind.to_owned(),
    };
    DecodeError {
        place: None,
        reason: Reason::Mismatch {
            found,
            kind,
            expected,
        },
    }
}

/// Enough of a text to recognise it in a message.
fn shortened(text: &str) -> String {
    const ENOUGH: usize = 64;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl<'d> Node<'d, '_> {
    fn visit<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.shape() {
            Shape::Null => visitor.visit_unit(),
            Shape::Bool(value) => visitor.visit_bool(value),
            Shape::Int(value) => visitor.visit_i64(value),
            Shape::Uint(value) => visitor.visit_u64(value),
            Shape::Float(value) => visitor.visit_f64(value),
            Shape::String(value) => visitor.visit_borrowed_str(value),
            Shape::Sequence(items) => visitor.visit_seq(Sequence { items, next: 0 }),
            Shape::Mapping(entries) => visitor.visit_map(Mapping {
                entries,
                value: None,
            }),
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor).map_err(|e| e.at(self.position()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.shape() {
            Shape::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|e| e.at(self.position()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|e| e.at(self.position()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor
            .visit_enum(Enum(self))
            .map_err(|e| e.at(self.position()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Sequence<'d, 'a> {
    items: Items<'d, 'a>,
    next: usize,
}

impl<'d> SeqAccess<'d> for Sequence<'d, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'d>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(item)
            .map(Some)
            .map_err(|e| e.at(item.position()).within(|| Step::Index(index)))
    }
}

struct Mapping<'d, 'a> {
    entries: Entries<'d, 'a>,
    value: Option<(Node<'d, 'a>, Node<'d, 'a>)>,
}

impl<'d> MapAccess<'d> for Mapping<'d, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'d>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        seed.deserialize(key)
            .map(Some)
            .map_err(|e| e.at(key.position()))
    }

    fn next_value_seed<S: DeserializeSeed<'d>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        let Some((key, value)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let step = || Step::Key(key.as_str().unwrap_or_default().to_owned());
        seed.deserialize(value)
            .map_err(|e| e.at(value.position()).within(step))
    }
}

/// Enumerations of words; no Kubernetes type carries data in a variant.
struct Enum<'d, 'a>(Node<'d, 'a>);

impl<'d, 'a> EnumAccess<'d> for Enum<'d, 'a> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'d>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let Some(word) = self.0.as_str() else {
            return Err(de::Error::custom("expected a word"));
        };
        let word = IntoDeserializer::<DecodeError>::into_deserializer(word);
        seed.deserialize(word).map(|value| (value, self))
    }
}

impl<'d> VariantAccess<'d> for Enum<'d, '_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'d>>(self, _: T) -> Result<T::Value, DecodeError> {
        Err(de::Error::invalid_type(
            Unexpected::UnitVariant,
            &"a variant with a value",
        ))
    }

    fn tuple_variant<V: Visitor<'d>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        Err(de::Error::invalid_type(Unexpected::UnitVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'d>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(de::Error::invalid_type(Unexpected::UnitVariant, &visitor))
    }
}
