use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// What was asked of the kernel when it refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SocketOption {
    /// Creating the socket.
    Create,
    /// `O_NONBLOCK`.
    NonBlocking,
    /// `SO_REUSEADDR`.
    ReuseAddress,
    /// `IPV6_V6ONLY`.
    OnlyV6,
    /// Binding to the local address.
    Bind,
    /// Listening.
    Listen,
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`: the TTL of what is sent.
    Ttl,
    /// `IP_MINTTL` or `IPV6_MINHOPCOUNT`: the least TTL of what is taken (GTSM, RFC 5082).
    MinimumTtl,
    /// `TCP_MD5SIG` (RFC 2385).
    Md5,
    /// `IP_TOS` or `IPV6_TCLASS` (RFC 2474).
    Dscp,
    /// `TCP_NODELAY`.
    NoDelay,
    /// `TCP_NOTSENT_LOWAT`.
    MaxUnsent,
}

impl fmt::Display for SocketOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "creating a socket",
            Self::NonBlocking => "setting O_NONBLOCK",
            Self::ReuseAddress => "setting SO_REUSEADDR",
            Self::OnlyV6 => "setting IPV6_V6ONLY",
            Self::Bind => "binding",
            Self::Listen => "listening",
            Self::Ttl => "setting the TTL",
            Self::MinimumTtl => "setting the minimum TTL (GTSM)",
            Self::Md5 => "setting the TCP MD5 password",
            Self::Dscp => "setting the DSCP",
            Self::NoDelay => "setting TCP_NODELAY",
            Self::MaxUnsent => "setting TCP_NOTSENT_LOWAT",
        })
    }
}

/// The kernel refused one option of one socket.
#[derive(Debug)]
pub struct SocketError {
    option: SocketOption,
    address: SocketAddr,
    cause: io::Error,
}

impl SocketError {
    pub(crate) fn new(option: SocketOption, address: SocketAddr, cause: io::Error) -> Self {
        Self {
            option,
            address,
            cause,
        }
    }

    /// What was refused.
    pub fn option(&self) -> SocketOption {
        self.option
    }

    /// The address it was refused for: the local one of a listener or a bind, otherwise the peer's (port 0 where only the
    /// peer's IP address matters).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kernel's answer.
    pub fn cause(&self) -> &io::Error {
        &self.cause
    }

    /// What an operator can do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        use SocketOption::{Bind, Listen, Md5, MinimumTtl};
        match (self.option, self.cause.raw_os_error()?) {
            (Bind | Listen, libc::EADDRINUSE) => {
                Some("another process holds this address and port")
            }
            (Bind, libc::EADDRNOTAVAIL) => Some("no interface of this host has this address"),
            (Bind, libc::EACCES) => Some("ports below 1024 need CAP_NET_BIND_SERVICE"),
            (Md5 | MinimumTtl, libc::ENOPROTOOPT) => Some("this kernel is built without it"),
            (Md5, libc::ENOMEM) => Some("out of socket option memory: raise net.core.optmem_max"),
            (Md5, libc::EPERM) => Some("not permitted: FIPS mode forbids MD5"),
            _ => None,
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for ", self.option)?;
        match self.address.port() {
            0 => write!(f, "{}", self.address.ip())?,
            _ => write!(f, "{}", self.address)?,
        }
        write!(f, ": {}", self.cause)?;
        match self.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
