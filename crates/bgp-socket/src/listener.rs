use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::options::{DSCP_CS6, Options};
use crate::{SocketError, SocketOption, Ttl};

/// Builds a listening socket for BGP. One family each: an IPv6 one takes no IPv4-mapped connections.
#[derive(Clone, Copy, Debug)]
#[must_use = "a listener listens only after `listen`"]
pub struct Listener {
    address: SocketAddr,
    backlog: i32,
}

impl Listener {
    /// Will listen on `address`; port 0 takes any free one.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            backlog: 128,
        }
    }

    /// How many connections may wait to be accepted. 128 by default; the kernel caps it at `net.core.somaxconn`.
    pub const fn backlog(mut self, connections: u16) -> Self {
        self.backlog = connections as i32;
        self
    }

    /// Creates the socket, non-blocking, and listens. Its SYN-ACKs leave with TTL 255, as peers with GTSM demand
    /// (RFC 5082); what a connection sends later is up to [`accepted`](crate::accepted).
    ///
    /// # Errors
    /// The first option that the kernel refuses, [`SocketOption::Bind`] or [`SocketOption::Listen`] where the port is
    /// taken.
    pub fn listen(self) -> Result<TcpListener, SocketError> {
        let domain = Domain::for_address(self.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
            .map_err(|e| SocketError::new(SocketOption::Create, self.address, e))?;
        let options = Options {
            socket: SockRef::from(&socket),
            address: self.address,
        };
        options.check(SocketOption::NonBlocking, socket.set_nonblocking(true))?;
        options.check(SocketOption::ReuseAddress, socket.set_reuse_address(true))?;
        if self.address.is_ipv6() {
            options.check(SocketOption::OnlyV6, socket.set_only_v6(true))?;
        }
        options.ttl(Ttl::hops(255))?;
        options.dscp(DSCP_CS6)?;
        options.check(SocketOption::Bind, socket.bind(&self.address.into()))?;
        options.check(SocketOption::Listen, socket.listen(self.backlog))?;
        Ok(socket.into())
    }
}

/// Whether `socket` is of the family of `v6`; an option for the other one would fail with a cause that misleads.
pub(crate) fn is_v6(socket: &impl AsFd) -> Option<bool> {
    let local = SockRef::from(socket).local_addr().ok()?;
    Some(local.is_ipv6())
}
