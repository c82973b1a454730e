//! `setsockopt` for the options that no safe crate offers, and nothing else.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void, socklen_t};
use zeroize::Zeroize;

/// GTSM: the kernel drops segments whose TTL or hop limit is below `minimum`.
pub(crate) fn set_minimum_ttl(fd: BorrowedFd<'_>, v6: bool, minimum: u8) -> io::Result<()> {
    let (level, name) = match v6 {
        false => (libc::IPPROTO_IP, libc::IP_MINTTL),
        true => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    set(fd, level, name, &c_int::from(minimum))
}

/// TCP MD5 for segments from and to `peer`, or all addresses of its first `prefix_len` bits. An empty key removes it.
pub(crate) fn set_md5(
    fd: BorrowedFd<'_>,
    peer: IpAddr,
    prefix_len: Option<u8>,
    key: &[u8],
) -> io::Result<()> {
    let mut request = TcpMd5Sig {
        address: SockaddrStorage::from(peer),
        flags: if prefix_len.is_some() {
            TCP_MD5SIG_FLAG_PREFIX
        } else {
            0
        },
        prefix_len: prefix_len.unwrap_or(0),
        key_len: key.len() as u16,
        interface: 0,
        key: [0; libc::TCP_MD5SIG_MAXKEYLEN],
    };
    // `Md5Key` holds no more octets than this.
    request.key[..key.len()].copy_from_slice(key);
    // The kernel has no prefix flag for the plain option, and no reason for the other one without it.
    let name = if prefix_len.is_some() {
        libc::TCP_MD5SIG_EXT
    } else {
        libc::TCP_MD5SIG
    };
    let result = set(fd, libc::IPPROTO_TCP, name, &request);
    request.key.zeroize();
    result
}

/// Types that `setsockopt` may read as plain memory: `repr(C)` or primitive, without padding.
///
/// # Safety
/// Every byte of a value has to be initialised.
unsafe trait Plain {}

// SAFETY: an integer has no padding.
unsafe impl Plain for c_int {}

fn set<T: Plain>(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    // SAFETY: `fd` is open for the length of the borrow; `value` is valid for reads of its own size, all of it
    // initialised (`Plain`), and the kernel only reads from it.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast::<c_void>(),
            size_of::<T>() as socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `TCP_MD5SIG_FLAG_PREFIX` of `linux/tcp.h`, which libc lacks.
const TCP_MD5SIG_FLAG_PREFIX: u8 = 1;

/// `struct tcp_md5sig` of `linux/tcp.h`, which libc lacks.
#[repr(C)]
struct TcpMd5Sig {
    address: SockaddrStorage,
    flags: u8,
    prefix_len: u8,
    key_len: u16,
    interface: c_int,
    key: [u8; libc::TCP_MD5SIG_MAXKEYLEN],
}

// SAFETY: `repr(C)`, and the sizes below leave no room for padding.
unsafe impl Plain for TcpMd5Sig {}
const _: () = assert!(size_of::<TcpMd5Sig>() == 128 + 1 + 1 + 2 + 4 + 80);

/// `struct __kernel_sockaddr_storage` as octets, aligned as the kernel's.
#[repr(C, align(8))]
struct SockaddrStorage([u8; 128]);

impl From<IpAddr> for SockaddrStorage {
    fn from(address: IpAddr) -> Self {
        let mut octets = [0; 128];
        let (family, at) = match address {
            // sockaddr_in: family, port, address. sockaddr_in6: family, port, flow information, address.
            IpAddr::V4(_) => (libc::AF_INET, 4),
            IpAddr::V6(_) => (libc::AF_INET6, 8),
        };
        octets[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
        match address {
            IpAddr::V4(ip) => octets[at..at + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => octets[at..at + 16].copy_from_slice(&ip.octets()),
        }
        Self(octets)
    }
}
