//! Which API server, and as whom.

use std::env;
use std::fmt;

use kube::config::{InClusterError, InferConfigError, KubeConfigOptions, KubeconfigError};
use kube::{Client, Config};

use crate::cluster::client;

/// Has the path of a kubeconfig, or several.
const KUBECONFIG: &str = "KUBECONFIG";

/// Kubernetes sets it in every container.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// An API server to talk to.
#[derive(Clone)]
#[non_exhaustive]
pub struct Connection {
    /// As [`client`] makes it. Nothing was sent yet.
    pub client: Client,
    /// The agent's own namespace: that of the service account in a Pod, that of the context in a
    /// kubeconfig.
    pub namespace: String,
    /// Where the API server is, for people.
    pub server: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Why it is not known how to reach an API server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// `KUBECONFIG` names something that cannot be used.
    Kubeconfig(KubeconfigError),
    /// This is a Pod without the files of its service account.
    InCluster(InClusterError),
    /// This is no Pod, and there is no kubeconfig in its usual place either.
    Nowhere(InferConfigError),
    /// The certificates or credentials cannot be used.
    Client(kube::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubeconfig(_) => "the kubeconfig that KUBECONFIG names cannot be used",
            Self::InCluster(_) => {
                "this Pod has no token of its service account (automountServiceAccountToken)"
            }
            Self::Nowhere(_) => "this is no Pod of a cluster, and KUBECONFIG names no kubeconfig",
            Self::Client(_) => "the certificates or credentials for the API server cannot be used",
        })
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kubeconfig(error) => Some(error),
            Self::InCluster(error) => Some(error),
            Self::Nowhere(error) => Some(error),
            Self::Client(error) => Some(error),
        }
    }
}

/// The API server that `KUBECONFIG` names; without that, the one of the cluster that this Pod is
/// in; outside of any, the one in `~/.kube/config`. It need not be reachable.
///
/// # Errors
///
/// There is none of these, or what there is cannot be read.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn connect() -> Result<Connection, ConnectError> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let config = if is_set(KUBECONFIG) {
        let options = KubeConfigOptions::default();
        let config = Config::from_kubeconfig(&options).await;
        config.map_err(ConnectError::Kubeconfig)?
    } else if is_set(IN_CLUSTER) {
        Config::incluster().map_err(ConnectError::InCluster)?
    } else {
        Config::infer().await.map_err(ConnectError::Nowhere)?
    };
    let namespace = config.default_namespace.clone();
    let server = config.cluster_url.to_string();
    let client = client(config).map_err(ConnectError::Client)?;
    Ok(Connection {
        client,
        namespace,
        server,
    })
}
