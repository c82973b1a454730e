//! Whether a session's peer is on a subnet of this host, and by which link-local address it sees us there.

use std::net::Ipv6Addr;

/// Where Linux lists the IPv6 addresses of this network namespace.
const IF_INET6: &str = "/proc/self/net/if_inet6";

/// `IFA_F_DADFAILED` and `IFA_F_TENTATIVE` of `linux/if_addr.h`: an address that may belong to somebody else.
const UNUSABLE: u8 = 0x08 | 0x40;

/// One IPv6 address of this host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Address {
    ip: Ipv6Addr,
    /// The index of its interface.
    interface: u32,
    prefix_len: u8,
    flags: u8,
}

/// The link-local address of the interface that has `local`, if `remote` is on the same subnet: what RFC 2545 section 3
/// asks for in the next hop. Read anew for each session, because addresses come and go.
///
/// `None` too where it cannot be known: an address of 128 bits says nothing about its subnet, and a next hop without a
/// link-local address is right on every subnet.
pub(crate) fn link_local(local: Ipv6Addr, remote: Ipv6Addr) -> Option<Ipv6Addr> {
    // A host without IPv6 has no such file.
    let listed = std::fs::read_to_string(IF_INET6).ok()?;
    link_local_in(&listed, local, remote)
}

/// [`link_local`] on the text of `/proc/net/if_inet6`.
fn link_local_in(listed: &str, local: Ipv6Addr, remote: Ipv6Addr) -> Option<Ipv6Addr> {
    let addresses = || listed.lines().filter_map(parse);
    let shared = addresses().find(|address| address.ip == local && address.covers(remote))?;
    addresses()
        .filter(|address| address.interface == shared.interface)
        .filter(|address| address.ip.is_unicast_link_local() && address.flags & UNUSABLE == 0)
        .map(|address| address.ip)
        .next()
}

/// One line: address, interface index, prefix length, scope and flags in hexadecimal, then the interface's name.
fn parse(line: &str) -> Option<Address> {
    let mut fields = line.split_ascii_whitespace();
    let ip = u128::from_str_radix(fields.next()?, 16).ok()?;
    let interface = u32::from_str_radix(fields.next()?, 16).ok()?;
    let prefix_len = u8::from_str_radix(fields.next()?, 16).ok()?;
    let _scope = fields.next()?;
    let flags = u8::from_str_radix(fields.next()?, 16).ok()?;
    (prefix_len <= 128).then_some(Address {
        ip: ip.into(),
        interface,
        prefix_len,
        flags,
    })
}

impl Address {
    /// Whether `other` is another host of its subnet.
    fn covers(&self, other: Ipv6Addr) -> bool {
        let host_bits = 128 - u32::from(self.prefix_len);
        let differing = u128::from(self.ip) ^ u128::from(other);
        differing != 0 && differing.checked_shr(host_bits).unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two uplinks, one of them waiting for duplicate address detection, and a host address.
    const LISTED: &str = "\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
20010db8000000010000000000000002 04 40 00 82     eth0
20010db800000009ffff000000000001 04 80 00 82     eth0
fe8000000000000000fc00fffe000002 1a 40 20 c0     eth1
20010db8000000020000000000000002 1a 40 00 80     eth1
";

    fn found(local: &str, remote: &str) -> Option<String> {
        let [local, remote] = [local, remote].map(|text| text.parse().expect("an address"));
        link_local_in(LISTED, local, remote).map(|it| it.to_string())
    }

    #[test]
    fn a_peer_on_the_subnet_gets_the_interfaces_link_local_address() {
        let expected = Some("fe80::fc:ff:fe00:1".to_owned());
        assert_eq!(found("2001:db8:0:1::2", "2001:db8:0:1::9"), expected);
    }

    #[test]
    fn a_peer_behind_a_router_gets_none() {
        assert_eq!(found("2001:db8:0:1::2", "2001:db8:0:7::9"), None);
        assert_eq!(found("2001:db8:0:1::2", "2001:db8:0:2::9"), None, "eth1's");
    }

    #[test]
    fn a_host_address_says_nothing_about_its_subnet() {
        let local = "2001:db8:0:9:ffff::1";
        assert_eq!(found(local, "2001:db8:0:9:ffff::2"), None);
        assert_eq!(found(local, local), None);
        assert_eq!(found("::1", "::1"), None);
    }

    #[test]
    fn an_address_that_may_be_somebody_elses_is_not_told() {
        assert_eq!(found("2001:db8:0:2::2", "2001:db8:0:2::9"), None);
    }

    #[test]
    fn an_address_of_no_interface_has_none() {
        assert_eq!(found("2001:db8:0:1::3", "2001:db8:0:1::9"), None);
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        for line in [
            "",
            "xyz",
            "fe80 04 40",
            "fe8000000000000000fc00fffe000001 04 81 20 80 eth0",
            "fe8000000000000000fc00fffe000001 04 40 20 180 eth0",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
