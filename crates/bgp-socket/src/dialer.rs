use std::net::{IpAddr, SocketAddr, TcpStream};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::options::{DSCP_CS6, Options, unmapped};
use crate::{Md5Key, SocketError, SocketOption, Ttl, set_md5_key};

/// Builds a socket that is about to dial a peer.
#[derive(Clone, Copy, Debug)]
#[must_use = "a dialer makes its socket only with `socket`"]
pub struct Dialer<'k> {
    remote: SocketAddr,
    source: Option<IpAddr>,
    ttl: Ttl,
    key: Option<&'k Md5Key>,
}

impl<'k> Dialer<'k> {
    /// Will dial `remote`, with TTL 255 and no password. An IPv4-mapped address is dialled as IPv4.
    pub fn new(remote: SocketAddr) -> Self {
        let remote = SocketAddr::new(unmapped(remote.ip()), remote.port());
        Self {
            remote,
            source: None,
            ttl: Ttl::hops(255),
            key: None,
        }
    }

    /// Dials from this local address, and any port. Otherwise the kernel's routes choose.
    pub fn source(mut self, source: IpAddr) -> Self {
        self.source = Some(unmapped(source));
        self
    }

    /// The TTL to send with and to demand.
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Signs segments with this password, and takes only signed ones (RFC 2385).
    pub fn key(mut self, key: &'k Md5Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Creates the socket with every option set, non-blocking and not connected yet; the caller connects it to
    /// [`Dialer::remote`].
    ///
    /// # Errors
    /// The first option that the kernel refuses.
    pub fn socket(self) -> Result<TcpStream, SocketError> {
        let domain = Domain::for_address(self.remote);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
            .map_err(|e| SocketError::new(SocketOption::Create, self.remote, e))?;
        let options = Options {
            socket: SockRef::from(&socket),
            address: self.remote,
        };
        options.check(SocketOption::NonBlocking, socket.set_nonblocking(true))?;
        options.ttl(self.ttl)?;
        options.dscp(DSCP_CS6)?;
        options.no_delay()?;
        options.max_unsent()?;
        if let Some(key) = self.key {
            set_md5_key(&socket, self.remote.ip(), key)?;
        }
        if let Some(source) = self.source {
            let local = SocketAddr::new(source, 0);
            socket
                .bind(&local.into())
                .map_err(|e| SocketError::new(SocketOption::Bind, local, e))?;
        }
        Ok(socket.into())
    }

    /// The address to connect to.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
}
