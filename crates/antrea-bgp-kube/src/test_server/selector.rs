//! Label and field selectors.

use serde_json::Value;

/// Which objects of a collection are meant.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    namespace: String,
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selection {
    /// # Errors
    ///
    /// What cannot be understood.
    pub(super) fn new(namespace: &str, labels: &str, fields: &str) -> Result<Self, String> {
        let fields = parse(fields)?;
        for field in &fields {
            let (Requirement::In(name, _) | Requirement::NotIn(name, _)) = field else {
                return Err("field selectors only compare".to_owned());
            };
            if name != "metadata.name" && name != "metadata.namespace" {
                return Err(format!("field label not supported: {name}"));
            }
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            labels: parse(labels)?,
            fields,
        })
    }

    pub(super) fn selects(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let in_namespace = self.namespace.is_empty() || metadata["namespace"] == *self.namespace;
        let label = |key: &str| metadata["labels"][key].as_str();
        let field = |key: &str| metadata[key.trim_start_matches("metadata.")].as_str();
        in_namespace
            && self.labels.iter().all(|r| r.is_met_by(label))
            && self.fields.iter().all(|r| r.is_met_by(field))
    }
}

impl Requirement {
    fn is_met_by<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
            Self::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Self::NotIn(key, values) => !value(key).is_some_and(|v| values.iter().any(|w| w == v)),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut requirements = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        // A comma inside of parentheses separates values.
        let open = rest.find('(').unwrap_or(rest.len());
        let end = match rest.find(',') {
            Some(comma) if comma < open => comma,
            _ => {
                let close = rest.find(')').unwrap_or(0);
                rest[close..]
                    .find(',')
                    .map_or(rest.len(), |comma| close + comma)
            }
        };
        requirements.push(requirement(rest[..end].trim())?);
        rest = rest[end..].trim_start_matches(',').trim();
    }
    Ok(requirements)
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if let Some((head, values)) = text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        return match head.trim().split_once(' ') {
            Some((key, "in")) => Ok(Requirement::In(key.to_owned(), values)),
            Some((key, "notin")) => Ok(Requirement::NotIn(key.to_owned(), values)),
            _ => Err(format!("unable to parse requirement: {text}")),
        };
    }
    let pair = |(key, value): (&str, &str)| (key.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some(found) = text.split_once("!=") {
        let (key, values) = pair(found);
        return Ok(Requirement::NotIn(key, values));
    }
    if let Some(found) = text.split_once("==").or_else(|| text.split_once('=')) {
        let (key, values) = pair(found);
        return Ok(Requirement::In(key, values));
    }
    Ok(match text.strip_prefix('!') {
        Some(key) => Requirement::Absent(key.trim().to_owned()),
        None => Requirement::Exists(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select_as_in_kubernetes() {
        let object = json!({ "metadata": {
            "name": "a", "namespace": "n", "labels": { "app": "web", "tier": "front" },
        } });
        for (labels, fields, selected) in [
            ("", "", true),
            ("app", "", true),
            ("!app", "", false),
            ("!other,app=web", "", true),
            ("app==db", "", false),
            ("app!=db,other!=x", "", true),
            ("app in (db, web),tier", "", true),
            ("app notin (db,web)", "", false),
            ("", "metadata.name=a", true),
            ("", "metadata.name!=a", false),
            ("", "metadata.namespace=m", false),
        ] {
            let selection = Selection::new("", labels, fields).expect("it can be parsed");
            assert_eq!(
                selection.selects(&object),
                selected,
                "{labels:?} {fields:?}"
            );
        }
        assert!(Selection::new("", "", "spec.type=x").is_err());
        assert!(!Selection::new("m", "", "").is_ok_and(|s| s.selects(&object)));
    }
}
