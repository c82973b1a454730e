//! Names that Antrea gives to annotations and Secrets, and Kubernetes to labels.

/// Node annotation that holds the BGP router ID: set by people to choose one, written back by the
/// agent once it has selected one.
pub const ROUTER_ID_ANNOTATION: &str = "node.antrea.io/bgp-router-id";

/// Node annotation in which Antrea lists the addresses of the transport interface, separated by
/// commas, where that is not the interface of the Node's InternalIP.
pub const TRANSPORT_ADDRESSES_ANNOTATION: &str = "node.antrea.io/transport-addresses";

/// Name of the Secret that holds the TCP MD5 passwords of the BGP peers. It lives in the agent's
/// own namespace.
pub const PASSWORDS_SECRET: &str = "antrea-bgp-passwords";

/// Namespace in which Antrea runs unless told otherwise, hence where the Secret is looked for.
pub const DEFAULT_NAMESPACE: &str = "kube-system";

/// EndpointSlice label that names the Service the slice belongs to.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// Label that hands a Service and its slices to another proxy than kube-proxy or Antrea.
pub const SERVICE_PROXY_NAME_LABEL: &str = "service.kubernetes.io/service-proxy-name";

/// Label on the slices of a headless Service.
pub const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";
