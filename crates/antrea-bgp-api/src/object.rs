//! Any of the objects that are read, its kind, and a reference to it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::{BGPPolicy, Egress, EndpointSlice, Node, Secret, Service};

/// The kinds of objects that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `crd.antrea.io/v1alpha1`
    BgpPolicy,
    /// `v1`
    Node,
    /// `v1`
    Service,
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `crd.antrea.io/v1beta1`
    Egress,
    /// `v1`; only the one with the passwords.
    Secret,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::BgpPolicy,
        Self::Node,
        Self::Service,
        Self::EndpointSlice,
        Self::Egress,
        Self::Secret,
    ];

    /// The kind that a manifest's `apiVersion` and `kind` name, if it is one that is read.
    #[must_use]
    pub fn from_manifest(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|k| k.api_version() == api_version && k.as_str() == kind)
    }

    /// `apiVersion` of a manifest of this kind.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::BgpPolicy => "crd.antrea.io/v1alpha1",
            Self::Egress => "crd.antrea.io/v1beta1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::Node | Self::Service | Self::Secret => "v1",
        }
    }

    /// `kind` of a manifest of this kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BgpPolicy => "BGPPolicy",
            Self::Node => "Node",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Egress => "Egress",
            Self::Secret => "Secret",
        }
    }

    /// Whether objects of this kind live in a namespace.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        matches!(self, Self::Service | Self::EndpointSlice | Self::Secret)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one object. Displayed as `Kind/name` or `Kind/namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Kind of the object.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object of a cluster-scoped kind.
    #[must_use]
    pub fn cluster(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.into(),
        }
    }

    /// Names an object in a namespace.
    #[must_use]
    pub fn namespaced(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind}/{namespace}/{name}"),
            None => write!(f, "{kind}/{name}"),
        }
    }
}

/// Any of the objects that are read. Cloning shares the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A BGPPolicy; [`validate`](crate::validate) has not judged it yet.
    BgpPolicy(Arc<BGPPolicy>),
    /// A Node.
    Node(Arc<Node>),
    /// A Service.
    Service(Arc<Service>),
    /// A slice of a Service's endpoints.
    EndpointSlice(Arc<EndpointSlice>),
    /// An Egress.
    Egress(Arc<Egress>),
    /// A Secret.
    Secret(Arc<Secret>),
}

impl Object {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::BgpPolicy(_) => Kind::BgpPolicy,
            Self::Node(_) => Kind::Node,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Egress(_) => Kind::Egress,
            Self::Secret(_) => Kind::Secret,
        }
    }

    /// Its name and namespace. A namespaced object without one is in `default`.
    #[must_use]
    pub fn object_ref(&self) -> ObjectRef {
        let (name, namespace) = match self {
            Self::BgpPolicy(o) => (o.metadata.name.as_ref(), None),
            Self::Node(o) => (Some(&o.metadata.name), None),
            Self::Service(o) => (Some(&o.metadata.name), o.metadata.namespace.as_ref()),
            Self::EndpointSlice(o) => (Some(&o.metadata.name), o.metadata.namespace.as_ref()),
            Self::Egress(o) => (Some(&o.metadata.name), None),
            Self::Secret(o) => (Some(&o.metadata.name), o.metadata.namespace.as_ref()),
        };
        let kind = self.kind();
        let namespace = kind
            .is_namespaced()
            .then(|| namespace.map_or("default", String::as_str).to_owned());
        ObjectRef {
            kind,
            namespace,
            name: name.cloned().unwrap_or_default(),
        }
    }
}

/// An object, and what in its manifest has no meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object.
    pub object: Object,
    /// Paths of the fields of a BGPPolicy that this version does not know, as in
    /// `spec.bgpPeers[0].pasword`. Of the other kinds only some fields are read, so nothing can be
    /// said about theirs.
    pub unknown_fields: Vec<String>,
}

/// Why an object cannot be decoded.
#[derive(Clone, Debug)]
pub struct DecodeError<E> {
    /// Path of the field that could not be decoded: `spec.nodeSelector.matchLabels.bgp`.
    pub field: String,
    /// What the deserializer says about it.
    pub source: E,
}

impl<E: fmt::Display> fmt::Display for DecodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" | "." => self.source.fmt(f),
            field => write!(f, "{field}: {}", self.source),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for DecodeError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Decodes one object of a known kind, from JSON, YAML or anything else that serde reads.
///
/// # Errors
///
/// The field whose type is wrong, or that is missing. A value that has the right type but makes no
/// sense is no error here; [`validate`](crate::validate) finds it.
pub fn decode<'de, D>(kind: Kind, deserializer: D) -> Result<Decoded, DecodeError<D::Error>>
where
    D: Deserializer<'de>,
{
    let known = |object| Decoded {
        object,
        unknown_fields: Vec::new(),
    };
    Ok(match kind {
        Kind::BgpPolicy => {
            let mut unknown_fields = Vec::new();
            let mut report = |path: serde_ignored::Path<'_>| match dotted(&path) {
                // Read by whoever chose the kind, not by the type.
                header if header == "apiVersion" || header == "kind" => {}
                field => unknown_fields.push(field),
            };
            let deserializer = serde_ignored::Deserializer::new(deserializer, &mut report);
            let policy = with_path(deserializer)?;
            Decoded {
                object: Object::BgpPolicy(Arc::new(policy)),
                unknown_fields,
            }
        }
        Kind::Node => known(Object::Node(Arc::new(with_path(deserializer)?))),
        Kind::Service => known(Object::Service(Arc::new(with_path(deserializer)?))),
        Kind::EndpointSlice => known(Object::EndpointSlice(Arc::new(with_path(deserializer)?))),
        Kind::Egress => known(Object::Egress(Arc::new(with_path(deserializer)?))),
        Kind::Secret => known(Object::Secret(Arc::new(with_path(deserializer)?))),
    })
}

fn with_path<'de, T, D>(deserializer: D) -> Result<T, DecodeError<D::Error>>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|e| DecodeError {
        field: e.path().to_string(),
        source: e.into_inner(),
    })
}

/// `spec.bgpPeers[0].pasword`, where serde_ignored would write `spec.bgpPeers.0.pasword`.
fn dotted(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", dotted(parent)),
        Path::Map { parent, key } => match dotted(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => dotted(parent),
    }
}
