//! Capabilities of an OPEN in words.

use bgp_wire::{AddPathMode, Capability, CapabilityCode, GracefulRestart, Role};

use crate::view::CapabilityView;

/// What both sides advertised, ours first: a line for each capability that either has.
pub(crate) fn compare(local: &[Capability], peer: &[Capability]) -> Vec<CapabilityView> {
    let mut codes: Vec<CapabilityCode> = Vec::new();
    for capability in local.iter().chain(peer) {
        if !codes.contains(&capability.code()) {
            codes.push(capability.code());
        }
    }
    let of_code = |all: &[Capability], code| {
        let words: Vec<String> = all
            .iter()
            .filter(|capability| capability.code() == code)
            .map(words)
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    codes
        .into_iter()
        .map(|code| CapabilityView {
            code: code.0,
            name: code.to_string(),
            local: of_code(local, code),
            peer: of_code(peer, code),
        })
        .collect()
}

/// What a capability says besides its name. Texts that a peer chose are escaped: they may hold
/// anything that a terminal obeys.
fn words(capability: &Capability) -> String {
    match capability {
        Capability::MultiProtocol(family) => family.to_string(),
        Capability::ExtendedNextHop(entries) => listed(
            entries
                .iter()
                .map(|it| format!("{} over AFI {}", it.family, it.next_hop.0)),
        ),
        Capability::Role(role) => role_name(*role),
        Capability::GracefulRestart(restart) => graceful_restart(restart),
        Capability::FourOctetAsn(asn) => asn.to_string(),
        Capability::AddPath(entries) => listed(entries.iter().map(|it| {
            let mode = match it.mode {
                AddPathMode::Receive => "receive",
                AddPathMode::Send => "send",
                AddPathMode::Both => "send and receive",
            };
            format!("{} {mode}", it.family)
        })),
        Capability::LongLivedGracefulRestart(entries) => listed(
            entries
                .iter()
                .map(|it| format!("{} for {} s", it.family, it.stale_time)),
        ),
        Capability::Fqdn { host, domain } if domain.is_empty() => escaped(host),
        Capability::Fqdn { host, domain } => format!("{}.{}", escaped(host), escaped(domain)),
        Capability::SoftwareVersion(version) => escaped(version),
        Capability::Unknown { value, .. } if value.is_empty() => "yes".to_owned(),
        Capability::Unknown { value, .. } => format!("{} octets", value.len()),
        _ => "yes".to_owned(),
    }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn escaped(text: &str) -> String {
    text.escape_debug().to_string()
}

fn role_name(role: Role) -> String {
    match role {
        Role::Provider => "provider".to_owned(),
        Role::RouteServer => "route server".to_owned(),
        Role::RouteServerClient => "route server client".to_owned(),
        Role::Customer => "customer".to_owned(),
        Role::Peer => "peer".to_owned(),
        Role::Other(other) => format!("role {other}"),
        _ => "an unknown role".to_owned(),
    }
}

/// `120 s, R bit, ipv4-unicast with F bit`: the flags by the letters of RFC 4724 and RFC 8538.
fn graceful_restart(restart: &GracefulRestart) -> String {
    let flags = [
        (restart.restarting, "R bit"),
        (restart.notification, "N bit"),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
    let families = restart.families.iter().map(|it| match it.forwarding {
        true => format!("{} with F bit", it.family),
        false => it.family.to_string(),
    });
    let time = std::iter::once(format!("{} s", restart.time));
    listed(
        time.chain(flags.map(|(_, name)| name.to_owned()))
            .chain(families),
    )
}

#[cfg(test)]
mod tests {
    use bgp_wire::{AddPathFamily, Asn, Family, GracefulRestartFamily};

    use super::*;

    #[test]
    fn a_line_tells_both_sides() {
        let local = [
            Capability::MultiProtocol(Family::IPV4_UNICAST),
            Capability::RouteRefresh,
            Capability::FourOctetAsn(Asn(64512)),
        ];
        let peer = [
            Capability::MultiProtocol(Family::IPV6_UNICAST),
            Capability::MultiProtocol(Family::IPV4_UNICAST),
            Capability::AddPath(vec![AddPathFamily {
                family: Family::IPV4_UNICAST,
                mode: AddPathMode::Both,
            }]),
        ];
        let lines: Vec<_> = compare(&local, &peer)
            .into_iter()
            .map(|it| (it.name, it.local, it.peer))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            lines,
            [
                (
                    "multiprotocol".to_owned(),
                    some("ipv4-unicast"),
                    some("ipv6-unicast, ipv4-unicast")
                ),
                ("route refresh".to_owned(), some("yes"), None),
                ("four-octet AS number".to_owned(), some("64512"), None),
                (
                    "ADD-PATH".to_owned(),
                    None,
                    some("ipv4-unicast send and receive")
                ),
            ]
        );
    }

    #[test]
    fn graceful_restart_tells_time_flags_and_families() {
        let restart = GracefulRestart {
            restarting: true,
            notification: true,
            time: 77,
            families: vec![GracefulRestartFamily {
                family: Family::IPV4_UNICAST,
                forwarding: true,
            }],
        };
        assert_eq!(
            words(&Capability::GracefulRestart(restart)),
            "77 s, R bit, N bit, ipv4-unicast with F bit"
        );
        assert_eq!(
            words(&Capability::GracefulRestart(GracefulRestart::default())),
            "0 s"
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let version = Capability::SoftwareVersion("FRR\u{1b}[2J".to_owned());
        assert_eq!(words(&version), "FRR\\u{1b}[2J");
    }
}
