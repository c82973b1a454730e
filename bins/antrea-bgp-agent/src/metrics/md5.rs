//! Segments that the kernel dropped for their TCP MD5 signature (RFC 2385): the only trace of a
//! password that differs, since neither side answers such a segment.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::Registry;

use super::Counters;

/// The counters of this network namespace, of all its TCP sockets.
const NETSTAT: &str = "/proc/self/net/netstat";

/// The kernel's names, and ours.
const REASONS: [(&str, &str); 3] = [
    ("TCPMD5NotFound", "unsigned"),
    ("TCPMD5Unexpected", "unexpected"),
    ("TCPMD5Failure", "wrong"),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

pub(super) fn register(registry: &mut Registry) {
    // A kernel without TCP MD5 has none of them.
    let netstat = std::fs::read_to_string(NETSTAT).unwrap_or_default();
    let rejected = Counters::<ReasonLabels>::default();
    for (counter, reason) in REASONS {
        if let Some(count) = find(&netstat, counter) {
            let labels = ReasonLabels { reason };
            rejected.get_or_create(&labels).inc_by(count);
        }
    }
    let help = "TCP segments to this host that the kernel dropped: without the signature that the \
                password asks for, with one where none is expected, or with one of another password";
    registry.register("tcp_md5_rejected_segments", help, rejected);
}

/// A counter of `TcpExt`: a line of names, and one of values in the same order.
fn find(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split(' ').position(|it| it == name)?;
    values.split(' ').nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Failure\nTcpExt: 1 2 3\nIpExt: A\nIpExt: 4\n";
        assert_eq!(find(text, "TCPMD5NotFound"), Some(2));
        assert_eq!(find(text, "TCPMD5Failure"), Some(3));
        assert_eq!(find(text, "TCPMD5Unexpected"), None);
        assert_eq!(find("", "TCPMD5Failure"), None);
    }
}
