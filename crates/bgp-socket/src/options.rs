use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use socket2::SockRef;

use crate::{SocketError, SocketOption, Ttl, sys};

/// Class Selector 6, network control: what BGP is marked with (RFC 4594 section 3.2).
pub const DSCP_CS6: u8 = 48;

/// Octets that the kernel may hold unsent for one connection. Without a bound it buffers megabytes for a peer that reads
/// slowly, and a KEEPALIVE would wait behind them.
pub const MAX_UNSENT: u32 = 64 * 1024;

/// Sets up a connection that a listener accepted: TTL and GTSM, DSCP CS6, `TCP_NODELAY`, [`MAX_UNSENT`]. It has to come before the first
/// read, because a minimum TTL holds only for what arrives after it.
///
/// # Errors
/// The first option that the kernel refuses.
pub fn accepted(stream: &impl AsFd, ttl: Ttl) -> Result<(), SocketError> {
    let socket = SockRef::from(stream);
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let peer = socket
        .peer_addr()
        .map_err(|e| SocketError::new(SocketOption::Ttl, nobody, e))?;
    let socket = Options {
        address: peer.as_socket().unwrap_or(nobody),
        socket,
    };
    socket.ttl(ttl)?;
    socket.dscp(DSCP_CS6)?;
    socket.no_delay()?;
    socket.max_unsent()
}

/// One socket together with the address that its errors name.
pub(crate) struct Options<'s> {
    pub(crate) socket: SockRef<'s>,
    pub(crate) address: SocketAddr,
}

impl Options<'_> {
    pub(crate) fn check(
        &self,
        option: SocketOption,
        result: io::Result<()>,
    ) -> Result<(), SocketError> {
        result.map_err(|cause| SocketError::new(option, self.address, cause))
    }

    pub(crate) fn ttl(&self, ttl: Ttl) -> Result<(), SocketError> {
        let hops = u32::from(ttl.sent());
        let result = match self.address {
            SocketAddr::V4(_) => self.socket.set_ttl_v4(hops),
            SocketAddr::V6(_) => self.socket.set_unicast_hops_v6(hops),
        };
        self.check(SocketOption::Ttl, result)?;
        match ttl.minimum() {
            Some(minimum) => self.check(
                SocketOption::MinimumTtl,
                sys::set_minimum_ttl(self.socket.as_fd(), self.address.is_ipv6(), minimum),
            ),
            None => Ok(()),
        }
    }

    pub(crate) fn dscp(&self, dscp: u8) -> Result<(), SocketError> {
        // The DSCP is the upper six bits of the octet; the lower two are ECN's and the kernel's own.
        let octet = u32::from(dscp) << 2;
        let result = match self.address {
            SocketAddr::V4(_) => self.socket.set_tos_v4(octet),
            SocketAddr::V6(_) => self.socket.set_tclass_v6(octet),
        };
        self.check(SocketOption::Dscp, result)
    }

    pub(crate) fn max_unsent(&self) -> Result<(), SocketError> {
        self.check(
            SocketOption::MaxUnsent,
            self.socket.set_tcp_notsent_lowat(MAX_UNSENT),
        )
    }

    pub(crate) fn no_delay(&self) -> Result<(), SocketError> {
        self.check(SocketOption::NoDelay, self.socket.set_tcp_nodelay(true))
    }
}

/// `::ffff:192.0.2.1` is 192.0.2.1: sockets here carry one family each.
pub(crate) fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
