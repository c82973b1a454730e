//! From JSON to the few fields that are read, one object at a time.

use std::borrow::Cow;
use std::sync::Arc;

use antrea_bgp_api::{
    BGPPolicy, Kind, LAST_APPLIED_ANNOTATION, Object, ObjectRef, Timestamp, decode,
};
use antrea_bgp_policy::InvalidObject;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::{Failure, Status};

/// Marks the end of the objects that were there when a streaming list began.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// One line of a watch.
pub(crate) enum Event {
    /// An object is there, in this form.
    Applied(Item),
    /// An object is gone, or is not selected any more.
    Deleted(Identity),
    /// Nothing happened up to this resourceVersion.
    Bookmark { version: String, initial_end: bool },
    /// The watch ends for this reason.
    Error(Failure),
}

/// An object, or that it could not be decoded.
pub(crate) struct Item {
    pub(crate) identity: Identity,
    pub(crate) object: Result<Object, InvalidObject>,
}

/// What every object has.
pub(crate) struct Identity {
    pub(crate) object: ObjectRef,
    pub(crate) version: String,
    pub(crate) uid: String,
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) version: String,
    /// Where the next page begins; `None` on the last one.
    pub(crate) continues: Option<String>,
}

/// Decodes one line of a watch.
///
/// # Errors
///
/// It is no event. (An event about an object that cannot be decoded is no error.)
pub(crate) fn event(kind: Kind, line: &[u8]) -> Result<Event, Failure> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(rename = "type", borrow)]
        event: Cow<'a, str>,
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let Line { event, object } = serde_json::from_slice(line).map_err(|e| not_understood(&e))?;
    Ok(match event.as_ref() {
        "ADDED" | "MODIFIED" => Event::Applied(item(kind, object)?),
        "DELETED" => Event::Deleted(meta(object)?.identity(kind)?),
        "BOOKMARK" => bookmark(object)?,
        "ERROR" => {
            let status: Status =
                serde_json::from_str(object.get()).map_err(|e| not_understood(&e))?;
            Event::Error(Failure::from_status(status.code, &status, None))
        }
        other => {
            let other: String = other.chars().take(40).collect();
            return Err(Failure::garbled(format!("a watch event of type {other:?}")));
        }
    })
}

/// Decodes a page of a list.
///
/// # Errors
///
/// It is no list. (A list with objects that cannot be decoded is no error.)
pub(crate) fn page(kind: Kind, body: &[u8]) -> Result<Page, Failure> {
    #[derive(Deserialize)]
    struct List<'a> {
        metadata: ListMeta,
        // null in an empty list of some servers.
        #[serde(borrow, default)]
        items: Option<Vec<&'a RawValue>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ListMeta {
        resource_version: String,
        #[serde(rename = "continue")]
        continues: Option<String>,
    }
    let list: List<'_> = serde_json::from_slice(body).map_err(|e| not_understood(&e))?;
    let raw = list.items.unwrap_or_default();
    let items = raw.into_iter().map(|raw| item(kind, raw));
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        version: list.metadata.resource_version,
        continues: list.metadata.continues.filter(|token| !token.is_empty()),
    })
}

/// Only what is wrong, not what is there: that may be a password.
fn not_understood(error: &serde_json::Error) -> Failure {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "JSON that ends too early",
        Category::Syntax => "something that is not JSON",
        _ => "JSON of another shape than expected",
    };
    let (line, column) = (error.line(), error.column());
    Failure::garbled(format!("{what} (line {line}, column {column})"))
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    creation_timestamp: Option<Cow<'a, str>>,
}

impl Meta<'_> {
    fn identity(&self, kind: Kind) -> Result<Identity, Failure> {
        let Metadata {
            name,
            namespace,
            resource_version,
            uid,
            ..
        } = &self.metadata;
        if name.is_empty() || resource_version.is_empty() {
            let what = format!("a {kind} without a name or without a resourceVersion");
            return Err(Failure::garbled(what));
        }
        let namespace = namespace.as_deref().unwrap_or("default");
        Ok(Identity {
            object: ObjectRef {
                kind,
                namespace: kind.is_namespaced().then(|| namespace.to_owned()),
                name: name.to_string(),
            },
            version: resource_version.to_string(),
            uid: uid.to_string(),
        })
    }
}

fn meta(raw: &RawValue) -> Result<Meta<'_>, Failure> {
    serde_json::from_str(raw.get()).map_err(|e| not_understood(&e))
}

fn item(kind: Kind, raw: &RawValue) -> Result<Item, Failure> {
    let meta = meta(raw)?;
    let identity = meta.identity(kind)?;
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    let object = match decode(kind, &mut deserializer) {
        Ok(decoded) => Ok(slim(decoded.object)),
        Err(error) => Err(InvalidObject {
            object: identity.object.clone(),
            created: created(&meta),
            // The column would count from the start of this object inside a longer text.
            reason: without_position(&error.to_string()),
        }),
    };
    Ok(Item { identity, object })
}

fn created(meta: &Meta<'_>) -> Option<Timestamp> {
    meta.metadata.creation_timestamp.as_ref()?.parse().ok()
}

fn without_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// A policy keeps of its metadata what a policy is known and chosen by, and what it should have
/// been. (The other kinds have nothing else to begin with.)
fn slim(mut object: Object) -> Object {
    if let Object::BgpPolicy(policy) = &mut object
        && let Some(BGPPolicy { metadata, .. }) = Arc::get_mut(policy)
    {
        metadata.managed_fields = None;
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|name, _| name == LAST_APPLIED_ANNOTATION);
        }
        metadata.labels = None;
        metadata.owner_references = None;
        metadata.finalizers = None;
    }
    object
}

fn bookmark(raw: &RawValue) -> Result<Event, Failure> {
    #[derive(Deserialize)]
    struct Bookmark {
        metadata: BookmarkMeta,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct BookmarkMeta {
        resource_version: String,
        #[serde(default)]
        annotations: Option<std::collections::BTreeMap<String, String>>,
    }
    let Bookmark { metadata } = serde_json::from_str(raw.get()).map_err(|e| not_understood(&e))?;
    let annotations = metadata.annotations.unwrap_or_default();
    let initial_end = annotations
        .get(INITIAL_EVENTS_END)
        .is_some_and(|value| value == "true");
    Ok(Event::Bookmark {
        version: metadata.resource_version,
        initial_end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_keeps_nothing_that_nobody_reads() {
        let line = br#"{"type":"ADDED","object":{"apiVersion":"crd.antrea.io/v1alpha1",
            "kind":"BGPPolicy","metadata":{"name":"p","uid":"u1","resourceVersion":"7",
            "creationTimestamp":"2026-01-02T03:04:05Z","annotations":{"a":"b"},
            "managedFields":[{"manager":"kubectl","operation":"Apply","fieldsType":"FieldsV1",
            "fieldsV1":{"f:spec":{}}}]},
            "spec":{"nodeSelector":{},"localASN":64512}}}"#;
        let Ok(Event::Applied(item)) = event(Kind::BgpPolicy, line) else {
            panic!("it is one");
        };
        assert_eq!(item.identity.version, "7");
        assert_eq!(item.identity.uid, "u1");
        let Ok(Object::BgpPolicy(policy)) = item.object else {
            panic!("it can be decoded");
        };
        assert_eq!(policy.metadata.name.as_deref(), Some("p"));
        assert!(policy.metadata.creation_timestamp.is_some());
        assert_eq!(policy.metadata.managed_fields, None);
        assert_eq!(policy.metadata.annotations, Some(Default::default()));
    }

    #[test]
    fn one_bad_object_in_a_page_is_that_one_alone() {
        let body = br#"{"kind":"EgressList","metadata":{"resourceVersion":"9","continue":""},
            "items":[{"metadata":{"name":"a","resourceVersion":"1",
                "creationTimestamp":"2026-01-02T03:04:05Z"},"status":{"egressIP":7}},
            {"metadata":{"name":"b","resourceVersion":"2"},"status":{"egressIP":"192.0.2.1"}}]}"#;
        let page = page(Kind::Egress, body).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((page.version.as_str(), page.continues), ("9", None));
        let [a, b] = page.items.as_slice() else {
            panic!("there are two");
        };
        let invalid = a.object.as_ref().expect_err("egressIP is a number");
        assert_eq!(invalid.object.to_string(), "Egress/a");
        assert!(invalid.created.is_some());
        assert_eq!(
            invalid.reason,
            "status.egressIP: invalid type: integer `7`, expected a string"
        );
        assert!(b.object.is_ok());
    }

    #[test]
    fn an_error_never_quotes_what_came() {
        let line = br#"{"type":"ADDED","object":{"metadata":{"name":"s"},"data":{"k":"c2VjcmV0"}"#;
        let Err(failure) = event(Kind::Secret, line) else {
            panic!("it is cut off");
        };
        assert!(!failure.message().contains("c2VjcmV0"));
        assert!(failure.message().starts_with("JSON that ends too early"));
    }

    #[test]
    fn a_bookmark_that_ends_the_initial_events_says_so() {
        let line = br#"{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1",
            "metadata":{"resourceVersion":"12","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert!(matches!(
            event(Kind::Service, line),
            Ok(Event::Bookmark { version, initial_end: true }) if version == "12"
        ));
    }
}
