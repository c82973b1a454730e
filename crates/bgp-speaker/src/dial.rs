//! Dialling a peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bgp_fsm::DialError;
use bgp_socket::{Dialer, SocketError};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::PeerConfig;
use crate::shared::Shared;

/// Why a dial failed: for the session, and in words.
#[derive(Debug)]
pub(crate) struct DialFailure {
    pub(crate) reason: DialError,
    pub(crate) text: String,
    /// Our own socket could not be set up as configured.
    pub(crate) is_option: bool,
}

impl DialFailure {
    /// Nothing came back, not even a refusal.
    pub(crate) fn unanswered(config: &PeerConfig) -> Self {
        let remote = SocketAddr::new(config.address, config.port);
        let text = format!(
            "dialling {remote}: no answer: the peer is not reachable, a filter drops segments, or passwords differ"
        );
        Self {
            reason: DialError::TimedOut,
            text,
            is_option: false,
        }
    }
}

impl From<io::Error> for DialFailure {
    fn from(error: io::Error) -> Self {
        Self {
            reason: DialError::from(&error),
            text: error.to_string(),
            is_option: false,
        }
    }
}

impl From<SocketError> for DialFailure {
    fn from(error: SocketError) -> Self {
        Self {
            reason: DialError::Local(error.cause().kind()),
            text: error.to_string(),
            is_option: true,
        }
    }
}

/// Connects to the peer, every option set before the first segment.
pub(crate) async fn dial(
    shared: Arc<Shared>,
    config: Arc<PeerConfig>,
) -> Result<TcpStream, DialFailure> {
    let remote = SocketAddr::new(config.address, config.port);
    let socket = socket(&shared, &config, remote)?;
    let connected = TcpSocket::from_std_stream(socket).connect(remote).await;
    connected.map_err(|error| {
        let mut text = format!("dialling {remote}: {error}");
        let source = source(&config, &shared.config.listen);
        if let Some(source) = source.filter(|ip| ip.is_loopback() && !remote.ip().is_loopback()) {
            text += &format!("; the loopback address {source}, from which it is dialled, does not lead there: listen on an address of the network");
        }
        DialFailure {
            text,
            ..DialFailure::from(error)
        }
    })
}

fn socket(
    shared: &Shared,
    config: &PeerConfig,
    remote: SocketAddr,
) -> Result<std::net::TcpStream, SocketError> {
    let kind = shared.config.peer_kind(config.asn);
    let mut dialer = Dialer::new(remote).ttl(config.ttl(kind));
    if let Some(source) = source(config, &shared.config.listen) {
        dialer = dialer.source(source);
    }
    if let Some(password) = &config.password {
        dialer = dialer.key(password);
    }
    dialer.socket()
}

/// The local address to dial from: the peer's own setting, or where the speaker listens, because peers know it by that.
fn source(config: &PeerConfig, listen: &[SocketAddr]) -> Option<IpAddr> {
    let of_family = |ip: &IpAddr| ip.is_ipv6() == config.address.is_ipv6() && !ip.is_unspecified();
    config
        .source
        .or_else(|| listen.iter().map(SocketAddr::ip).find(of_family))
}
