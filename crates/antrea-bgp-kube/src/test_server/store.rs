//! The objects, and what has happened to them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use antrea_bgp_api::Timestamp;
use serde_json::{Map, Value, json};

use super::route::{Resource, Route};
use super::selector::Selection;

/// Name of a resource, namespace, name.
pub(super) type Key = (&'static str, String, String);

/// A refusal: status code, reason, message.
pub(super) type Refusal = (u16, &'static str, String);

#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    history: Vec<Change>,
    version: u64,
    compacted: u64,
    uids: u64,
    /// Names of fields that the schema of a resource does not know.
    pruned: BTreeMap<&'static str, Vec<String>>,
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Change {
    version: u64,
    resource: &'static str,
    before: Option<Arc<Value>>,
    after: Option<Arc<Value>>,
}

/// Some of a collection.
pub(super) struct Slice {
    pub(super) items: Vec<Arc<Value>>,
    /// The last key, where there is more.
    pub(super) more: Option<Key>,
}

impl Store {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn compact(&mut self) {
        self.compacted = self.version;
        self.history.clear();
    }

    /// Whether all that happened after this version is known.
    pub(super) fn reaches_back_to(&self, version: u64) -> bool {
        version >= self.compacted
    }

    pub(super) fn get(&self, route: &Route) -> Result<Arc<Value>, Refusal> {
        let key = key(route);
        self.objects.get(&key).cloned().ok_or_else(|| {
            let message = format!("{} {:?} not found", route.resource.plural, route.name);
            (404, "NotFound", message)
        })
    }

    pub(super) fn list(
        &self,
        resource: &'static Resource,
        selection: &Selection,
        after: Option<Key>,
        limit: usize,
    ) -> Slice {
        let from = match after {
            Some(key) => Bound::Excluded(key),
            None => Bound::Included((resource.plural, String::new(), String::new())),
        };
        let mut items = Vec::new();
        let mut last = None;
        let all = self
            .objects
            .range((from, Bound::Unbounded))
            .take_while(|((plural, ..), _)| *plural == resource.plural)
            .filter(|(_, object)| selection.selects(object));
        for (key, object) in all {
            if items.len() == limit {
                return Slice { items, more: last };
            }
            items.push(Arc::clone(object));
            last = Some(key.clone());
        }
        Slice { items, more: None }
    }

    /// Events of a watch: what happened after a version.
    pub(super) fn since(
        &self,
        version: u64,
        resource: &'static Resource,
        selection: &Selection,
    ) -> Vec<(&'static str, Value)> {
        let from = self.history.partition_point(|c| c.version <= version);
        let changes = self.history[from..].iter();
        changes
            .filter(|change| change.resource == resource.plural)
            .filter_map(|change| change.as_seen_by(selection))
            .collect()
    }

    pub(super) fn create(&mut self, route: &Route, mut object: Value) -> Result<Value, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(invalid("metadata.name: Required value"));
        }
        let resource = route.resource;
        let key = (resource.plural, route.namespace.clone(), name.to_owned());
        if self.objects.contains_key(&key) {
            let message = format!("{} {name:?} already exists", resource.plural);
            return Err((409, "AlreadyExists", message));
        }
        if resource.namespaced {
            object["metadata"]["namespace"] = json!(route.namespace);
        }
        self.identify(&mut object);
        if resource.plural != "nodes"
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
        Ok(self.put(key, object))
    }

    /// What every new object gets.
    fn identify(&mut self, object: &mut Value) {
        self.uids += 1;
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012x}", self.uids));
        metadata["generation"] = json!(1);
        // Objects of a test may have an age; those of a real server are as old as they are.
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = json!(format!("{:.0}", Timestamp::now()));
        }
        metadata["managedFields"] = json!([{ "manager": "test", "operation": "Update",
            "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:metadata": { "f:labels": {} }, "f:spec": {} } }]);
    }

    /// Puts an object in place, whole.
    pub(super) fn write(&mut self, key: Key, mut object: Value) {
        match self.objects.get(&key) {
            Some(old) => {
                for field in ["uid", "creationTimestamp", "managedFields", "generation"] {
                    object["metadata"][field] = old["metadata"][field].clone();
                }
                if object["spec"] != old["spec"] {
                    let generation = old["metadata"]["generation"].as_u64().unwrap_or_default();
                    object["metadata"]["generation"] = json!(generation + 1);
                }
            }
            None => self.identify(&mut object),
        }
        self.put(key, object);
    }

    pub(super) fn object(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    pub(super) fn all(&self, plural: &str) -> Vec<Value> {
        let all = self.objects.iter().filter(|((of, ..), _)| *of == plural);
        all.map(|(_, object)| (**object).clone()).collect()
    }

    pub(super) fn set_pruned(&mut self, plural: &'static str, fields: Vec<String>) {
        self.pruned.insert(plural, fields);
    }

    /// Replaces an object, as far as the path lets it.
    pub(super) fn update(&mut self, route: &Route, new: &Value) -> Result<Value, Refusal> {
        let old = self.get(route)?;
        let expected = &new["metadata"]["resourceVersion"];
        if !expected.is_null() && *expected != old["metadata"]["resourceVersion"] {
            let message = "the object has been modified; please apply your changes to the latest \
                           version and try again";
            return Err((409, "Conflict", message.to_owned()));
        }
        let mut object = (*old).clone();
        let is_custom = route.resource.base.contains("antrea");
        if !(route.status && is_custom) {
            for field in ["labels", "annotations"] {
                object["metadata"][field] = new["metadata"][field].clone();
            }
        }
        let Some(fields) = new.as_object() else {
            return Err(invalid("not an object"));
        };
        for (name, value) in fields {
            let is_status = name == "status";
            if name != "metadata" && is_status == route.status {
                object[name] = value.clone();
            }
        }
        if object["spec"] != old["spec"] {
            let generation = old["metadata"]["generation"].as_u64().unwrap_or_default();
            object["metadata"]["generation"] = json!(generation + 1);
        }
        if object == *old {
            return Ok(object);
        }
        Ok(self.put(key(route), object))
    }

    /// Merge patch (RFC 7396).
    pub(super) fn patch(&mut self, route: &Route, patch: &Value) -> Result<Value, Refusal> {
        let mut object = (*self.get(route)?).clone();
        merge(&mut object, patch);
        self.update(route, &object)
    }

    pub(super) fn delete(&mut self, route: &Route) -> Result<Value, Refusal> {
        let found = self.get(route)?;
        Ok(self.remove(&key(route)).unwrap_or_else(|| (*found).clone()))
    }

    /// Removes an object, if it is there; its last form.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let old = self.objects.remove(key)?;
        self.version += 1;
        // The last form of an object carries the version of its end.
        let mut last = (*old).clone();
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let last = Arc::new(last);
        self.history.push(Change {
            version: self.version,
            resource: key.0,
            before: Some(Arc::clone(&last)),
            after: None,
        });
        Some((*last).clone())
    }

    fn put(&mut self, key: Key, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if let Some(fields) = self.pruned.get(key.0) {
            prune(&mut object["spec"], fields);
        }
        let after = Arc::new(object.clone());
        let resource = key.0;
        let before = self.objects.insert(key, Arc::clone(&after));
        self.history.push(Change {
            version: self.version,
            resource,
            before,
            after: Some(after),
        });
        object
    }
}

impl Change {
    /// What comes into a selection is new, what leaves it is gone.
    fn as_seen_by(&self, selection: &Selection) -> Option<(&'static str, Value)> {
        let selected = |object: &&Arc<Value>| selection.selects(object);
        let before = self.before.as_ref().filter(selected);
        let after = self.after.as_ref().filter(selected);
        match (before, after) {
            (None, None) => None,
            (None, Some(object)) => Some(("ADDED", (**object).clone())),
            (Some(_), Some(object)) => Some(("MODIFIED", (**object).clone())),
            (Some(object), None) => {
                let mut object = (**object).clone();
                object["metadata"]["resourceVersion"] = json!(self.version.to_string());
                Some(("DELETED", object))
            }
        }
    }
}

fn key(route: &Route) -> Key {
    (
        route.resource.plural,
        route.namespace.clone(),
        route.name.clone(),
    )
}

fn invalid(message: &str) -> Refusal {
    (422, "Invalid", message.to_owned())
}

fn prune(value: &mut Value, fields: &[String]) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !fields.contains(name));
            members.values_mut().for_each(|value| prune(value, fields));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, fields)),
        _ => {}
    }
}

pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}
