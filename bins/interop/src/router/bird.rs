//! BIRD: one protocol per neighbour, `birdc` prints text.

use std::fmt::Write as _;
use std::net::IpAddr;

use anyhow::{Context as _, Result};

use super::{Context, Daemon, Route, Routes, Session};
use crate::Process;

pub(super) struct Bird;

/// Retries are as short as BIRD takes them: its defaults wait for up to a minute.
const PEER: &str = "\
template bgp peer {
  strict bind yes;
  direct;
  hold time 9;
  keepalive time 3;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
}
";

impl Daemon for Bird {
    fn configure(&self, context: &Context<'_>) -> Result<()> {
        context.write("bird.conf", &configuration(context)?)
    }

    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>> {
        let file = |name| context.argument(name);
        let (conf, control, pid) = (file("bird.conf"), file("bird.ctl"), file("bird.pid"));
        let arguments = ["-f", "-c", &conf, "-s", &control, "-P", &pid];
        Ok(vec![context.spawn("bird", &arguments)?])
    }

    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session> {
        let protocol = protocol(context, neighbor)?;
        session_of(&birdc(context, &format!("show protocols all {protocol}"))?)
    }

    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes> {
        let protocol = protocol(context, neighbor)?;
        let table = if neighbor.is_ipv4() {
            "master4"
        } else {
            "master6"
        };
        let question = format!("show route table {table} all protocol {protocol}");
        let mut routes = routes_of(&birdc(context, &question)?)?;
        let session = birdc(context, &format!("show protocols all {protocol}"))?;
        if restarting(&session) {
            routes.values_mut().for_each(|route| route.stale = true);
        }
        Ok(routes)
    }

    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()> {
        let protocol = protocol(context, neighbor)?;
        birdc(context, &format!("reload in {protocol}")).map(drop)
    }

    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, reason: &str) -> Result<()> {
        let protocol = protocol(context, neighbor)?;
        birdc(context, &format!("disable {protocol} \"{reason}\"")).map(drop)
    }

    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
        let protocol = protocol(context, neighbor)?;
        let text = birdc(context, &format!("show protocols all {protocol}"))?;
        let lines = text.lines().map(str::trim);
        let lines =
            lines.filter(|line| line.starts_with("Last error:") || line.starts_with("Message:"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

fn birdc(context: &Context<'_>, question: &str) -> Result<String> {
    context.ask("birdc", &["-s", &context.argument("bird.ctl"), question])
}

fn protocol(context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
    let mut neighbors = context.config.neighbors.iter();
    let index = neighbors
        .position(|known| known.address == neighbor)
        .context("it has no such neighbour")?;
    Ok(format!("neighbor{index}"))
}

fn configuration(context: &Context<'_>) -> Result<String> {
    let config = context.config;
    let mut text = format!("router id {};\nprotocol device {{}}\n", config.router_id);
    for prefix in &config.originate {
        let channel = if prefix.addr().is_ipv4() {
            "ipv4"
        } else {
            "ipv6"
        };
        writeln!(
            text,
            "protocol static {{ {channel}; route {prefix} blackhole; }}"
        )?;
    }
    text.push_str(PEER);
    for (index, neighbor) in config.neighbors.iter().enumerate() {
        let (address, local, channel) = (neighbor.address, neighbor.local, neighbor.family());
        writeln!(
            text,
            "protocol bgp neighbor{index} from peer {{\n  \
               local {local} as {asn};\n  \
               neighbor {address} as {remote};\n  \
               {channel} {{ import all; export where source ~ [RTS_STATIC, RTS_BGP]; next hop self; }};",
            asn = config.asn,
            remote = neighbor.asn,
        )?;
        if let Some(password) = &neighbor.password {
            writeln!(text, "  password \"{password}\";")?;
        }
        if neighbor.ttl_security {
            writeln!(text, "  ttl security on;")?;
        }
        if let Some(confederation) = &config.confederation {
            writeln!(text, "  confederation {};", confederation.identifier)?;
            if confederation.members.contains(&neighbor.asn) {
                writeln!(text, "  confederation member yes;")?;
            }
        }
        text.push_str("}\n");
    }
    Ok(text)
}

/// Reads `show protocols all NAME`.
fn session_of(text: &str) -> Result<Session> {
    let value = |key: &str| {
        let mut lines = text.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(key).map(str::trim))
    };
    let state = value("BGP state:").context("no BGP state in it")?;
    // Missing while the channel is down.
    let imported = value("Routes:").and_then(|routes| routes.split(' ').next()?.parse().ok());
    Ok(Session {
        state: state.to_owned(),
        prefixes: imported.unwrap_or_default(),
    })
}

/// Whether the neighbour's routes are kept until its End-of-RIB. BIRD marks no single route.
fn restarting(session: &str) -> bool {
    session.contains("Neighbor graceful restart active")
}

/// Reads `show route all`: a line that starts with the prefix, then indented lines for it.
fn routes_of(text: &str) -> Result<Routes> {
    let mut routes = Routes::new();
    let mut prefix = None;
    let mut path = String::new();
    for line in text.lines() {
        let word = |index| line.split_whitespace().nth(index);
        if line.starts_with(|first: char| first.is_ascii_hexdigit() || first == ':') {
            prefix = word(0).and_then(|word| word.parse().ok());
            path.clear();
        } else if let Some(value) = line.trim().strip_prefix("BGP.as_path:") {
            path = value.trim().to_owned();
        } else if word(0) == Some("BGP.next_hop:")
            && let Some(prefix) = prefix
        {
            let next_hop = word(1).context("a next hop without an address")?;
            let route = Route {
                next_hop: next_hop.parse()?,
                as_path: path.clone(),
                stale: false,
            };
            routes.insert(prefix, route);
        }
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_routes_with_next_hop_and_path() {
        let text = "\
BIRD 2.0.12 ready.
Table master4:
10.10.0.0/24         unicast [neighbor0 06:03:17.856] * (100) [AS64512i]
\tvia 10.77.1.1 on uplink
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 64512 64513
\tBGP.next_hop: 10.77.1.1
\tBGP.local_pref: 100
10.96.0.1/32         unicast [neighbor0 06:03:17.856] * (100) [AS64512i]
\tvia 10.77.1.1 on uplink
\tBGP.as_path: 64512
\tBGP.next_hop: 10.77.1.1
";
        let routes = routes_of(text).unwrap();
        let fresh = &routes[&"10.10.0.0/24".parse().unwrap()];
        assert_eq!(fresh.as_path, "64512 64513");
        assert_eq!(fresh.next_hop.to_string(), "10.77.1.1");
        assert_eq!(routes[&"10.96.0.1/32".parse().unwrap()].as_path, "64512");
    }

    #[test]
    fn takes_the_global_next_hop_of_an_ipv6_route() {
        let text = "\
fd96::1/128          unicast [neighbor1 06:03:17.856] * (100) [AS64512i]
\tBGP.as_path: 64512
\tBGP.next_hop: fd77:1::1 fe80::2ccb:2cff:fe7c:18e3
";
        let routes = routes_of(text).unwrap();
        let route = routes.values().next().unwrap();
        assert_eq!(route.next_hop.to_string(), "fd77:1::1");
    }

    #[test]
    fn sees_that_the_neighbor_restarts() {
        let text = "    Local AS:         65001\n    Neighbor graceful restart active\n";
        assert!(restarting(text));
        assert!(!restarting("    Neighbor AS:      64512\n"));
    }

    #[test]
    fn reads_the_state_and_the_count() {
        let text = "\
neighbor0  BGP        ---        up     06:03:18.725  Established
  BGP state:          Established
  Channel ipv4
    Routes:         3 imported, 2 exported, 0 preferred
";
        let session = session_of(text).unwrap();
        assert!(session.is_established());
        assert_eq!(session.prefixes, 3);
    }
}
