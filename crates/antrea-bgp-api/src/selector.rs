//! Label selectors, judged and evaluated as Kubernetes' own conversion does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::lenient;

/// A label selector as it is written. [`Selector::new`] judges it.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must be there with exactly these values.
    #[serde(default, deserialize_with = "match_labels")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements; all of them must hold.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a [`LabelSelector`] as it is written.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelectorRequirement {
    /// The label's key.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub operator: String,
    /// The values for `In` and `NotIn`; none for the other operators.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// `matchLabels` is not typed in Antrea's CRD, so anything may arrive here. A null value is an
/// empty string, as in Go; a number or boolean is an error, never its text.
fn match_labels<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let labels: BTreeMap<String, LabelValue> = lenient::null_is_default(deserializer)?;
    Ok(labels
        .into_iter()
        .map(|(key, LabelValue(value))| (key, value))
        .collect())
}

struct LabelValue(String);

impl<'de> Deserialize<'de> for LabelValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelValueVisitor;

        impl Visitor<'_> for LabelValueVisitor {
            type Value = LabelValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string (put the value in quotes)")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<LabelValue, E> {
                Ok(LabelValue(value.to_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<LabelValue, E> {
                Ok(LabelValue(String::new()))
            }
        }

        // Not `deserialize_str`: a YAML reader would then take the number 5 for the text "5".
        deserializer.deserialize_any(LabelValueVisitor)
    }
}

/// A label selector that Kubernetes itself would accept. Evaluating it cannot fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, BTreeSet<String>),
    NotIn(String, BTreeSet<String>),
    Exists(String),
    DoesNotExist(String),
}

/// Why a [`LabelSelector`] is not one that Kubernetes accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    /// Path of the offending field, from the selector on: `matchExpressions[0].values`.
    pub field: String,
    /// The offending value.
    pub value: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.field, self.value, self.message)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Judges a selector as `LabelSelectorAsSelector` of Kubernetes' apimachinery does: `In` and
    /// `NotIn` need values, `Exists` and `DoesNotExist` take none, keys and values obey the syntax
    /// of labels.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn new(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let labels = selector
            .match_labels
            .iter()
            .map(|(key, value)| exact_label(key, value));
        let expressions = selector.match_expressions.iter().enumerate();
        let requirements = labels
            .chain(expressions.map(|(index, written)| requirement(index, written)))
            .collect::<Result<_, _>>()?;
        Ok(Self { requirements })
    }

    /// Whether these labels meet every requirement. A selector without any matches everything.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| match requirement {
                Requirement::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
                Requirement::NotIn(key, values) => {
                    !labels.get(key).is_some_and(|v| values.contains(v))
                }
                Requirement::Exists(key) => labels.contains_key(key),
                Requirement::DoesNotExist(key) => !labels.contains_key(key),
            })
    }
}

fn exact_label(key: &str, value: &str) -> Result<Requirement, SelectorError> {
    let error = |value: &str, message| SelectorError {
        field: format!("matchLabels[{key}]"),
        value: value.to_owned(),
        message,
    };
    check_key(key).map_err(|message| error(key, message))?;
    check_value(value).map_err(|message| error(value, message))?;
    Ok(Requirement::In(
        key.to_owned(),
        BTreeSet::from([value.to_owned()]),
    ))
}

fn requirement(
    index: usize,
    written: &LabelSelectorRequirement,
) -> Result<Requirement, SelectorError> {
    let error = |field: String, value: &str, message: String| SelectorError {
        field: format!("matchExpressions[{index}].{field}"),
        value: value.to_owned(),
        message,
    };
    let LabelSelectorRequirement {
        key,
        operator,
        values,
    } = written;
    let takes_values = match operator.as_str() {
        "In" | "NotIn" => true,
        "Exists" | "DoesNotExist" => false,
        _ => {
            let message = "unknown operator; write In, NotIn, Exists or DoesNotExist".to_owned();
            return Err(error("operator".to_owned(), operator, message));
        }
    };
    check_key(key).map_err(|message| error("key".to_owned(), key, message))?;
    if takes_values && values.is_empty() {
        let message = format!("{operator} needs at least one value");
        return Err(error("values".to_owned(), "", message));
    }
    if !takes_values && !values.is_empty() {
        let message = format!("{operator} takes no values; remove them or write In or NotIn");
        return Err(error("values".to_owned(), &values.join(", "), message));
    }
    for (position, value) in values.iter().enumerate() {
        check_value(value)
            .map_err(|message| error(format!("values[{position}]"), value, message))?;
    }
    let set = || values.iter().cloned().collect();
    Ok(match operator.as_str() {
        "In" => Requirement::In(key.clone(), set()),
        "NotIn" => Requirement::NotIn(key.clone(), set()),
        "Exists" => Requirement::Exists(key.clone()),
        _ => Requirement::DoesNotExist(key.clone()),
    })
}

/// Longest name, value, or part of a DNS name, in octets.
const MAX_NAME: usize = 63;
/// Longest prefix of a key, in octets.
const MAX_PREFIX: usize = 253;

/// Kubernetes' "qualified name": an optional DNS subdomain and a slash, then a name.
fn check_key(key: &str) -> Result<(), String> {
    let name = match key.split_once('/') {
        Some((prefix, _)) if !is_dns_subdomain(prefix) => {
            return Err(format!(
                "the prefix of a label key is a lower-case DNS name of at most {MAX_PREFIX} \
                 characters, such as example.com"
            ));
        }
        Some((_, name)) => name,
        None => key,
    };
    if is_name(name) {
        return Ok(());
    }
    Err(format!(
        "a label key is at most {MAX_NAME} letters, digits, '-', '_' and '.', with a letter or \
         digit at both ends, after an optional prefix and '/'"
    ))
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(format!(
        "a label value is empty, or at most {MAX_NAME} letters, digits, '-', '_' and '.', with a \
         letter or digit at both ends"
    ))
}

fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.len() <= MAX_NAME
        && ends
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn is_dns_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends = [bytes.first(), bytes.last()];
        ends.iter().all(|end| end.is_some_and(alphanumeric))
            && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
    };
    name.len() <= MAX_PREFIX && name.split('.').all(is_label)
}
