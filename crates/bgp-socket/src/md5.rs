use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use zeroize::Zeroizing;

use crate::listener::is_v6;
use crate::options::unmapped;
use crate::{SocketError, SocketOption, sys};

/// A TCP MD5 password (RFC 2385): 1 to 80 octets. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone, Eq, PartialEq)]
pub struct Md5Key(Zeroizing<Vec<u8>>);

impl Md5Key {
    /// The most octets that Linux takes (`TCP_MD5SIG_MAXKEYLEN`).
    pub const MAX_LEN: usize = libc::TCP_MD5SIG_MAXKEYLEN;

    /// # Errors
    /// [`KeyTooLong`] above [`Md5Key::MAX_LEN`] octets. An empty password is none at all and not refused here: setting
    /// it removes the key, as the kernel has it.
    pub fn new(octets: &[u8]) -> Result<Self, KeyTooLong> {
        match octets.len() {
            0..=Self::MAX_LEN => Ok(Self(Zeroizing::new(octets.to_vec()))),
            length => Err(KeyTooLong { length }),
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Md5Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Key(..)")
    }
}

/// A password of more octets than TCP MD5 takes on Linux.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyTooLong {
    /// Its length in octets.
    pub length: usize,
}

impl fmt::Display for KeyTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the password has {} octets, TCP MD5 takes at most {}",
            self.length,
            Md5Key::MAX_LEN
        )
    }
}

impl Error for KeyTooLong {}

/// Demands signed segments of `peer` from now on, with this key; replaces an earlier one. On a listener it holds for later
/// connections: those already accepted keep the key that they came with.
///
/// # Errors
/// The kernel's refusal: a kernel without TCP MD5, too many keys (`net.core.optmem_max`), a socket of the other family.
pub fn set_md5_key(socket: &impl AsFd, peer: IpAddr, key: &Md5Key) -> Result<(), SocketError> {
    apply(socket, peer, None, key.octets())
}

/// Like [`set_md5_key`], for every peer whose address starts with the first `prefix_len` bits of `network`.
///
/// # Errors
/// As [`set_md5_key`], and for a `prefix_len` above 32 (IPv6: 128).
pub fn set_md5_key_for_network(
    socket: &impl AsFd,
    network: IpAddr,
    prefix_len: u8,
    key: &Md5Key,
) -> Result<(), SocketError> {
    apply(socket, network, Some(prefix_len), key.octets())
}

/// Forgets the key of `peer`; without one this does nothing.
///
/// # Errors
/// The kernel's refusal.
pub fn clear_md5_key(socket: &impl AsFd, peer: IpAddr) -> Result<(), SocketError> {
    apply(socket, peer, None, &[])
}

/// Forgets the key that [`set_md5_key_for_network`] set for exactly this network; without one this does nothing.
///
/// # Errors
/// The kernel's refusal.
pub fn clear_md5_key_for_network(
    socket: &impl AsFd,
    network: IpAddr,
    prefix_len: u8,
) -> Result<(), SocketError> {
    apply(socket, network, Some(prefix_len), &[])
}

fn apply(
    socket: &impl AsFd,
    peer: IpAddr,
    prefix_len: Option<u8>,
    key: &[u8],
) -> Result<(), SocketError> {
    let peer = unmapped(peer);
    let error = |cause| SocketError::new(SocketOption::Md5, SocketAddr::new(peer, 0), cause);
    if is_v6(socket).is_some_and(|v6| v6 != peer.is_ipv6()) {
        let cause = io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket is of the other family",
        );
        return Err(error(cause));
    }
    match sys::set_md5(socket.as_fd(), peer, prefix_len, key) {
        Err(e) if key.is_empty() && means_no_key(&e) => Ok(()),
        result => result.map_err(error),
    }
}

/// What the kernel says where it has no key to forget: none of this peer, or none at all because it is built without
/// TCP MD5.
fn means_no_key(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOPROTOOPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_at_most_80_octets() {
        assert!(Md5Key::new(&[b'x'; 80]).is_ok());
        assert_eq!(Md5Key::new(&[b'x'; 81]), Err(KeyTooLong { length: 81 }));
    }

    #[test]
    fn without_tcp_md5_in_the_kernel_there_is_no_key_to_forget() {
        let error = io::Error::from_raw_os_error;
        assert!(means_no_key(&error(libc::ENOPROTOOPT)));
        assert!(means_no_key(&error(libc::ENOENT)));
        assert!(!means_no_key(&error(libc::ENOMEM)));
    }

    #[test]
    fn debug_hides_the_key() {
        let key = Md5Key::new(b"s3cret").expect("short");
        assert_eq!(format!("{key:?}"), "Md5Key(..)");
    }
}
