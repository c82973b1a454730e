//! The cluster's side of a BGP agent: objects in, router ID and Events out.
//!
//! For the node agent that runs in a cluster, as [`antrea_bgp_policy::Input`]'s other source beside
//! a folder of manifests. [`Cluster`] watches the kinds that the engine asks for and yields what
//! happened as batches of inputs; it writes the router ID to the Node, and [`Events`] tells people
//! what happened there where `kubectl describe` shows it. It decides nothing about policies or
//! routes, and knows no BGP.
//!
//! ```no_run
//! use antrea_bgp_kube::{Cluster, ClusterConfig, connect};
//! use antrea_bgp_policy::{Effect, Engine};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let api = connect().await?;
//! let mut cluster = Cluster::new(api.client, ClusterConfig::new("node-a", api.namespace));
//! let mut engine = Engine::new("node-a");
//! loop {
//!     while let Some(effect) = engine.poll_effect() {
//!         match effect {
//!             Effect::Watch(kinds) => cluster.watch(kinds),
//!             Effect::WriteRouterId(id) => cluster.write_router_id(id),
//!             _ => {} // BGP
//!         }
//!     }
//!     engine.handle_all(cluster.next().await);
//! }
//! # }
//! ```
//!
//! # What happens when the API server does not do as wished
//!
//! Whatever was listed stays known: no failure of a request makes an object go away. What the
//! engine hears of it is a [`SourceState`](antrea_bgp_policy::SourceState), and
//! [`Cluster::statuses`] has the words for people.
//!
//! | answer | state | what follows |
//! | --- | --- | --- |
//! | no connection, no answer in time, 401, 429, 5xx, half a JSON, not JSON | `Failing` | tried again with backoff and jitter, not before `Retry-After` |
//! | a watch that breaks or ends | as before | resumed at its last resourceVersion; `Failing` only if that fails |
//! | 410 | as before | listed anew; what is not in the list is gone |
//! | 403 | `Denied` | [`SourceStatus::missing_rule`] names the rule; tried again slowly |
//! | 404 | `Absent` | tried again slowly. A kind that had been listed is `Failing` for [`Timing::absent_after`] first: an API server that starts does not know its CRDs yet |
//! | streaming lists are refused (400, 422), not possible with this etcd, or never end | as before | a list in pages |
//! | a streaming list fails in another way | `Failing` | the next attempt is a list in pages |
//! | an object that cannot be decoded | as before | [`Input::Invalid`](antrea_bgp_policy::Input::Invalid) for that object alone |
//!
//! # Permissions
//!
//! | apiGroup | resource | verbs | where |
//! | --- | --- | --- | --- |
//! | `crd.antrea.io` | `bgppolicies`, `egresses` | list, watch | ClusterRole |
//! | core | `nodes`, `services` | list, watch | ClusterRole |
//! | `discovery.k8s.io` | `endpointslices` | list, watch | ClusterRole |
//! | core | `secrets`, with resourceName `antrea-bgp-passwords` | list, watch | Role in the agent's namespace |
//! | core | `nodes/status` | patch | ClusterRole |
//! | `events.k8s.io` | `events` | create, patch | Role in namespace `default` |
//!
//! # Why not `kube::runtime::watcher`
//!
//! Read in kube 5.0.0: it decodes each page of a list as a whole; it has no way back from a server
//! without streaming lists; an error inside a watch other than 410 leaves it on the broken stream;
//! its errors reach the caller without `Retry-After`; and `Client::request` logs a body that it
//! cannot decode, which may be the Secret's. `kube::Client` stays: it does TLS, authentication and
//! the reloading of tokens. Its own retries have to be off ([`client`] does that): up to 15 of them,
//! with pauses that double up to 1000 s, would hide from everybody that the API server refuses.

mod backoff;
mod cluster;
mod connect;
mod decode;
mod events;
mod failure;
mod http;
mod list;
mod resource;
mod router_id;
mod source;
mod status;
#[cfg(feature = "test-server")]
pub mod test_server;
mod timing;

pub use cluster::{Cluster, ClusterConfig, client};
pub use connect::{ConnectError, Connection, connect};
pub use events::{Event, EventCounts, EventType, Events};
pub use status::{Rule, SourceStatus, WriteStatus};
pub use timing::Timing;
