//! The rest of the cluster, as a test plays it: straight at the store, past all faults.

use antrea_bgp_api::{Kind, ObjectRef};
use serde_json::{Value, json};

use super::route::{RESOURCES, Resource};
use super::store::Key;
use super::{TestServer, lock};

impl TestServer {
    /// Puts an object in place, whole and with its status: a new one, or a new form of one that is
    /// there. `apiVersion`, `kind`, `metadata.name` and, where the kind has one,
    /// `metadata.namespace` say which.
    ///
    /// # Panics
    ///
    /// They do not name an object of a kind that is served.
    pub fn put(&self, object: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = Kind::from_manifest(&text(&object["apiVersion"]), &text(&object["kind"]))
            .unwrap_or_else(|| panic!("of no kind that is served: {object}"));
        let metadata = &object["metadata"];
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        let reference = match kind.is_namespaced() {
            true => ObjectRef::namespaced(kind, namespace, name),
            false => ObjectRef::cluster(kind, name),
        };
        self.write(&reference, object);
    }

    /// Changes an object that is there, its status too, by a merge patch (RFC 7396).
    ///
    /// # Panics
    ///
    /// It is not there.
    pub fn merge(&self, object: &ObjectRef, patch: &Value) {
        let mut changed = self
            .object(object)
            .unwrap_or_else(|| panic!("{object} is not there"));
        super::store::merge(&mut changed, patch);
        self.write(object, changed);
    }

    /// Removes an object, if it is there.
    pub fn remove(&self, object: &ObjectRef) {
        let mut store = lock(&self.shared.store);
        store.remove(&key(object));
        let version = store.version();
        drop(store);
        self.shared.version.send_replace(version);
    }

    /// An object as it is now.
    #[must_use]
    pub fn object(&self, object: &ObjectRef) -> Option<Value> {
        let found = lock(&self.shared.store).object(&key(object))?;
        Some((*found).clone())
    }

    /// All Events.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        lock(&self.shared.store).all("events")
    }

    /// From now on fields of these names are dropped wherever they are in a `spec` of this kind, as
    /// a server does with what the schema of its CRD does not know.
    pub fn set_pruned(&self, kind: Kind, fields: &[&str]) {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        lock(&self.shared.store).set_pruned(resource(kind).plural, fields);
    }

    /// A kubeconfig for this server, whose context is in `namespace`.
    #[must_use]
    pub fn kubeconfig(&self, namespace: &str) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{ "name": "test", "cluster": { "server": self.url() } }],
            "users": [{ "name": "test", "user": {} }],
            "contexts": [{ "name": "test", "context": {
                "cluster": "test", "user": "test", "namespace": namespace } }],
            "current-context": "test",
        })
        .to_string()
    }

    fn write(&self, reference: &ObjectRef, object: Value) {
        let mut store = lock(&self.shared.store);
        store.write(key(reference), object);
        let version = store.version();
        drop(store);
        self.shared.version.send_replace(version);
    }
}

fn key(object: &ObjectRef) -> Key {
    let namespace = object.namespace.clone().unwrap_or_default();
    (resource(object.kind).plural, namespace, object.name.clone())
}

fn resource(kind: Kind) -> &'static Resource {
    let found = RESOURCES.iter().find(|r| r.kind == Some(kind));
    found.expect("every kind is served")
}
