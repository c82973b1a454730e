//! TCP sockets as BGP needs them: TTL, GTSM, TCP MD5, DSCP.
//!
//! For programs that speak BGP over Linux sockets. Every socket comes out non-blocking and fully set up, so that it can be
//! handed to tokio, mio or the standard library. An option that the kernel refuses is an error that names the option, the
//! address and the cause; none is skipped in silence.
//!
//! It is not a runtime and not a protocol: nothing here reads, writes or waits. It is the only crate of this workspace with
//! `unsafe` code, all of it in one module, for the three options that no safe crate offers.
//!
//! ```
//! use bgp_socket::{Listener, Md5Key, Ttl, accepted};
//!
//! # fn main() -> Result<(), bgp_socket::SocketError> {
//! let listener = Listener::new("127.0.0.1:0".parse().unwrap()).backlog(64).listen()?;
//! let peer = "127.0.0.2".parse().unwrap();
//! let key = Md5Key::new(b"s3cret").unwrap();
//! bgp_socket::set_md5_key(&listener, peer, &key)?;      // segments of this peer must be signed from now on
//! bgp_socket::clear_md5_key(&listener, peer)?;          // and no longer
//! # let connect = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
//! # listener.set_nonblocking(false).unwrap();
//! let (stream, _) = listener.accept().unwrap();
//! accepted(&stream, Ttl::security(1))?;                 // GTSM: sends 255, takes nothing below 255
//! # Ok(()) }
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!(
    "bgp-socket sets Linux socket options; other systems have no counterpart for all of them"
);

mod dialer;
mod error;
mod listener;
mod md5;
mod options;
mod sys;
mod ttl;

pub use dialer::Dialer;
pub use error::{SocketError, SocketOption};
pub use listener::Listener;
pub use md5::{
    KeyTooLong, Md5Key, clear_md5_key, clear_md5_key_for_network, set_md5_key,
    set_md5_key_for_network,
};
pub use options::{DSCP_CS6, MAX_UNSENT, accepted};
pub use ttl::Ttl;
