//! What a request asks for.

use std::collections::BTreeMap;

use antrea_bgp_api::Kind;
use hyper::Method;

use super::Seen;

/// What is asked for, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// One object.
    Get,
    /// All objects.
    List,
    /// All changes.
    Watch,
    /// A new object.
    Create,
    /// An object in place of another.
    Update,
    /// A change of an object.
    Patch,
    /// No object any more.
    Delete,
}

/// A resource that is served.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) base: &'static str,
    pub(super) plural: &'static str,
    pub(super) name: &'static str,
    pub(super) namespaced: bool,
    /// `None`: Events, which the agent writes and does not read.
    pub(super) kind: Option<Kind>,
}

impl Resource {
    /// The API group that its path says.
    fn group(&self) -> &'static str {
        let group = self.base.strip_prefix("/apis/").unwrap_or_default();
        group.split('/').next().unwrap_or_default()
    }
}

const fn resource(
    base: &'static str,
    plural: &'static str,
    name: &'static str,
    namespaced: bool,
    kind: Option<Kind>,
) -> Resource {
    Resource {
        base,
        plural,
        name,
        namespaced,
        kind,
    }
}

pub(super) static RESOURCES: [Resource; 7] = [
    resource("/api/v1", "nodes", "Node", false, Some(Kind::Node)),
    resource("/api/v1", "services", "Service", true, Some(Kind::Service)),
    resource("/api/v1", "secrets", "Secret", true, Some(Kind::Secret)),
    resource(
        "/apis/discovery.k8s.io/v1",
        "endpointslices",
        "EndpointSlice",
        true,
        Some(Kind::EndpointSlice),
    ),
    resource(
        "/apis/crd.antrea.io/v1alpha1",
        "bgppolicies",
        "BGPPolicy",
        false,
        Some(Kind::BgpPolicy),
    ),
    resource(
        "/apis/crd.antrea.io/v1beta1",
        "egresses",
        "Egress",
        false,
        Some(Kind::Egress),
    ),
    resource("/apis/events.k8s.io/v1", "events", "Event", true, None),
];

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) resource: &'static Resource,
    /// Empty: of all namespaces, or of none.
    pub(super) namespace: String,
    /// Empty: the collection.
    pub(super) name: String,
    pub(super) status: bool,
    pub(super) query: BTreeMap<String, String>,
}

impl Route {
    /// `None`: nothing is there.
    pub(super) fn of(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        let (resource, namespace, rest) = RESOURCES.iter().find_map(|resource| {
            let below = path.strip_prefix(resource.base)?;
            let mut parts = below.strip_prefix('/')?.split('/').collect::<Vec<_>>();
            let mut namespace = "";
            if parts.len() > 2 && parts[0] == "namespaces" && resource.namespaced {
                namespace = parts[1];
                parts.drain(..2);
            }
            (parts.first() == Some(&resource.plural)).then_some((resource, namespace, parts))
        })?;
        let (name, status) = match rest.as_slice() {
            [_] => ("", false),
            [_, name] => (*name, false),
            [_, name, "status"] => (*name, true),
            _ => return None,
        };
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let query: BTreeMap<String, String> = pairs.into_owned().collect();
        let watch = query.get("watch").is_some_and(|value| value == "true");
        let verb = match (method, name.is_empty()) {
            (&Method::GET, true) if watch => Verb::Watch,
            (&Method::GET, true) => Verb::List,
            (&Method::GET, false) => Verb::Get,
            (&Method::POST, true) => Verb::Create,
            (&Method::PUT, false) => Verb::Update,
            (&Method::PATCH, false) => Verb::Patch,
            (&Method::DELETE, false) => Verb::Delete,
            _ => return None,
        };
        Some(Self {
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            status,
            query,
        })
    }

    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            verb: self.verb,
            group: self.resource.group().to_owned(),
            resource: self.resource.plural.to_owned(),
            subresource: if self.status { "status" } else { "" },
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            query: self.query.clone(),
        }
    }
}
