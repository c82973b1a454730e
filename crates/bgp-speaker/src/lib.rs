//! A BGP speaker on tokio that announces and never learns.
//!
//! For programs that have routes to announce: route injectors, service load balancers, anycast daemons, test peers. A
//! [`Speaker`] listens, dials, keeps one session per peer and tells each the same routes; peers and routes change while it
//! runs, and only what changed moves. What peers send is checked (RFC 7606), counted and dropped, unless an [`Observer`]
//! looks at it; it is never stored, never installed, and never sent to another peer.
//!
//! It is not a router: no best path, no RIB to install from, no policy. The state machine without tokio is `bgp-fsm`, the
//! table is `bgp-rib`, the messages are `bgp-wire`.
//!
//! ```
//! use bgp_speaker::{Attributes, Asn, PeerConfig, Shutdown, Speaker, SpeakerConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let speaker = Speaker::start(SpeakerConfig::new(Asn(64512), "192.0.2.1".parse()?));
//! speaker.set_peer(PeerConfig::new("127.0.0.2".parse()?, Asn(65001)));
//! speaker.announce(["10.96.0.1/32".parse()?], &Attributes::default());
//! for peer in speaker.status().peers {
//!     println!("{} AS{} {}", peer.address, peer.asn, peer.state);
//! }
//! speaker.shutdown(Shutdown::Silent).await;
//! # Ok(()) }
//! ```

#[doc = include_str!("../GUIDE.md")]
pub mod guide {}

mod closing;
mod config;
mod conn;
mod dial;
mod driver;
mod established;
mod history;
mod latency;
mod listener;
mod neighbour;
mod observer;
mod outbox;
mod shared;
mod speaker;
mod status;
mod subnet;
mod supervisor;
mod upkeep;
mod words;

pub use bgp_fsm::State;
pub use bgp_rib::{Attributes, Delivery};
/// A TCP MD5 password.
pub use bgp_socket::Md5Key as Password;
pub use bgp_wire::{Asn, Family, PeerKind};
pub use config::{BGP_PORT, Confederation, PeerConfig, Shutdown, SpeakerConfig};
pub use history::{DownCause, SessionEvent, SessionEventKind};
pub use latency::LatencyHistogram;
pub use observer::Observer;
pub use speaker::Speaker;
pub use status::{
    ByType, FamilyCounts, ListenerStatus, MessageCounts, NegotiatedStatus, NotificationStatus,
    PeerStatus, SessionEndpoints, Status, TableStatus, TimerStatus,
};
