//! What people call a peer.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use antrea_bgp_policy::PeerView;

/// A peer, as people name it: its address, or what `get bgppeers` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerName {
    address: IpAddr,
    /// None stands for any: no two peers of a policy have one address.
    port: Option<u16>,
}

impl PeerName {
    /// Whether this peer is meant.
    pub(crate) fn names(&self, peer: &PeerView<'_>) -> bool {
        let port = peer.peer.port;
        self.address == peer.peer.address && self.port.is_none_or(|named| named == port)
    }

    /// What this peer is called where others are called so.
    pub(crate) fn alike(&self, peer: &PeerView<'_>) -> Self {
        Self {
            address: peer.peer.address,
            port: self.port.map(|_| peer.peer.port),
        }
    }
}

impl FromStr for PeerName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, port) = match text.parse::<IpAddr>() {
            Ok(address) => (address, None),
            Err(_) => match text.parse::<SocketAddr>() {
                Ok(with_port) => (with_port.ip(), Some(with_port.port())),
                Err(_) => return Err("expected an IP address, with or without a port"),
            },
        };
        let address = address.to_canonical();
        Ok(Self { address, port })
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_with_or_without_its_port() {
        for (text, canonical) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:179", "192.0.2.1:179"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:179", "192.0.2.1:179"),
            ("2001:db8:0::1", "2001:db8::1"),
            ("[2001:db8::1]:179", "[2001:db8::1]:179"),
        ] {
            let name = text.parse::<PeerName>().map(|name| name.to_string());
            assert_eq!(name.as_deref(), Ok(canonical));
        }
        assert!("router-1".parse::<PeerName>().is_err());
    }
}
