//! Where each kind is found, and which of its objects are asked for.

use antrea_bgp_api::{HEADLESS_LABEL, Kind, PASSWORDS_SECRET, SERVICE_PROXY_NAME_LABEL};

use crate::status::Rule;

/// Where the objects of one kind are found.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    /// Without a query.
    pub(crate) path: String,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: Option<String>,
    pub(crate) fields: Option<String>,
}

impl Resource {
    /// What the agent of this node, in this namespace, needs of a kind.
    pub(crate) fn of(kind: Kind, node: &str, namespace: &str) -> Self {
        let plural = plural(kind);
        let (group, base) = match kind.api_version().split_once('/') {
            Some((group, _)) => (group, format!("/apis/{}", kind.api_version())),
            None => ("", format!("/api/{}", kind.api_version())),
        };
        let own_namespace = (kind == Kind::Secret).then(|| namespace.to_owned());
        let path = match &own_namespace {
            Some(namespace) => format!("{base}/namespaces/{namespace}/{plural}"),
            None => format!("{base}/{plural}"),
        };
        let fields = match kind {
            Kind::Node => Some(format!("metadata.name={node}")),
            Kind::Secret => Some(format!("metadata.name={PASSWORDS_SECRET}")),
            _ => None,
        };
        // Most slices of a large cluster can belong to headless Services, and none of these is of
        // use. Services are asked for whole: there are few, and why one of another proxy is not
        // advertised is a question that people ask.
        let labels = (kind == Kind::EndpointSlice)
            .then(|| format!("!{HEADLESS_LABEL},!{SERVICE_PROXY_NAME_LABEL}"));
        Self {
            kind,
            group,
            plural,
            path,
            namespace: own_namespace,
            labels,
            fields,
        }
    }

    /// The permission that following it takes.
    pub(crate) fn rule(&self) -> Rule {
        Rule {
            verbs: &["list", "watch"],
            group: self.group,
            resource: self.plural.to_owned(),
            namespace: self.namespace.clone(),
        }
    }
}

/// Name of a kind in a path.
fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::BgpPolicy => "bgppolicies",
        Kind::Node => "nodes",
        Kind::Service => "services",
        Kind::EndpointSlice => "endpointslices",
        Kind::Egress => "egresses",
        Kind::Secret => "secrets",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_asked_for_where_it_lives() {
        let path = |kind| Resource::of(kind, "node-a", "antrea").path;
        assert_eq!(
            path(Kind::BgpPolicy),
            "/apis/crd.antrea.io/v1alpha1/bgppolicies"
        );
        assert_eq!(path(Kind::Egress), "/apis/crd.antrea.io/v1beta1/egresses");
        assert_eq!(path(Kind::Node), "/api/v1/nodes");
        assert_eq!(path(Kind::Service), "/api/v1/services");
        assert_eq!(
            path(Kind::EndpointSlice),
            "/apis/discovery.k8s.io/v1/endpointslices"
        );
        assert_eq!(path(Kind::Secret), "/api/v1/namespaces/antrea/secrets");
    }

    #[test]
    fn only_what_is_needed_is_asked_for() {
        let of = |kind| Resource::of(kind, "node-a", "antrea");
        assert_eq!(
            of(Kind::Node).fields.as_deref(),
            Some("metadata.name=node-a")
        );
        assert_eq!(
            of(Kind::Secret).fields.as_deref(),
            Some("metadata.name=antrea-bgp-passwords")
        );
        assert_eq!(
            of(Kind::EndpointSlice).labels.as_deref(),
            Some("!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name")
        );
    }
}
