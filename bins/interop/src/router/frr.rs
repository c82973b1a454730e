//! FRR: `zebra` and `bgpd`, `vtysh` prints JSON.
//!
//! Without zebra, bgpd knows no interfaces and silently takes every IPv6 route whose next hop has a
//! link-local address for withdrawn.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::config::family;
use super::{Context, Daemon, Route, Routes, Session};
use crate::{Process, eventually};

pub(super) const ZEBRA: &str = "/usr/lib/frr/zebra";
pub(super) const BGPD: &str = "/usr/lib/frr/bgpd";

pub(super) struct Frr;

impl Daemon for Frr {
    fn configure(&self, context: &Context<'_>) -> Result<()> {
        context.write("zebra.conf", "")?;
        context.write("bgpd.conf", &configuration(context)?)?;
        // zebra gives up root before it makes its socket.
        let status = Command::new("chown")
            .arg("frr:frr")
            .arg(context.folder)
            .status()
            .context("running `chown`")?;
        if !status.success() {
            bail!(
                "giving {} to the user frr: {status}",
                context.folder.display()
            );
        }
        Ok(())
    }

    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>> {
        let file = |name| context.argument(name);
        let (folder, socket) = (context.folder.display().to_string(), file("zserv"));
        let common = ["--vty_socket", &folder, "-z", &socket, "-P", "0"];
        let _ = fs::remove_file(context.path("zserv"));

        let (conf, pid) = (file("zebra.conf"), file("zebra.pid"));
        let own = ["-f", &conf, "-i", &pid];
        let zebra = context.spawn(ZEBRA, &[&own[..], &common].concat())?;
        eventually("zebra listens", Duration::from_secs(5), || {
            Ok(context.path("zserv").exists())
        })?;
        let (conf, pid) = (file("bgpd.conf"), file("bgpd.pid"));
        let own = ["-n", "-S", "-f", &conf, "-i", &pid];
        let bgpd = context.spawn(BGPD, &[&own[..], &common].concat())?;
        Ok(vec![zebra, bgpd])
    }

    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session> {
        let summary = vtysh(
            context,
            &format!("show bgp {} summary json", family(neighbor)),
        )?;
        session_of(&summary, neighbor)
    }

    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes> {
        let table = vtysh(
            context,
            &format!("show bgp {} unicast json", family(neighbor)),
        )?;
        routes_of(&table, neighbor)
    }

    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()> {
        let family = family(neighbor);
        tell(
            context,
            &[&format!("clear bgp {family} unicast {neighbor} soft in")],
        )
    }

    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, reason: &str) -> Result<()> {
        let router = format!("router bgp {}", context.config.asn);
        let shutdown = format!("neighbor {neighbor} shutdown message {reason}");
        tell(context, &["configure terminal", &router, &shutdown])
    }

    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
        let answer = vtysh(context, &format!("show bgp neighbors {neighbor} json"))?;
        let neighbor = &answer[neighbor.to_string()];
        let words = ["lastNotificationReason", "lastShutdownDescription"];
        let words = words.iter().filter_map(|key| neighbor[*key].as_str());
        // It unwraps what a hard reset is wrapped around.
        let hard = neighbor["lastNotificationHardReset"] == true;
        let words = hard.then_some("Hard Reset").into_iter().chain(words);
        Ok(words.collect::<Vec<_>>().join(": "))
    }
}

fn vtysh(context: &Context<'_>, question: &str) -> Result<Value> {
    let folder = context.folder.display().to_string();
    context.ask_json("vtysh", &["--vty_socket", &folder, "-c", question])
}

fn tell(context: &Context<'_>, commands: &[&str]) -> Result<()> {
    let folder = context.folder.display().to_string();
    let mut arguments = vec!["--vty_socket", &folder];
    for command in commands {
        arguments.extend(["-c", *command]);
    }
    context.ask("vtysh", &arguments).map(drop)
}

fn configuration(context: &Context<'_>) -> Result<String> {
    let config = context.config;
    let mut text = format!(
        "router bgp {}\n bgp router-id {}\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n coalesce-time 0\n timers bgp 3 9\n",
        config.asn, config.router_id
    );
    if config.graceful_notification {
        text.push_str(" bgp graceful-restart notification\n");
    }
    if let Some(confederation) = &config.confederation {
        let identifier = confederation.identifier;
        writeln!(text, " bgp confederation identifier {identifier}")?;
        for member in &confederation.members {
            writeln!(text, " bgp confederation peers {member}")?;
        }
    }
    for neighbor in &config.neighbors {
        let address = neighbor.address;
        writeln!(text, " neighbor {address} remote-as {}", neighbor.asn)?;
        writeln!(text, " neighbor {address} timers connect 1")?;
        if let Some(password) = &neighbor.password {
            writeln!(text, " neighbor {address} password {password}")?;
        }
        if neighbor.ttl_security {
            writeln!(text, " neighbor {address} ttl-security hops 1")?;
        }
    }
    for family in ["ipv4", "ipv6"] {
        writeln!(text, " address-family {family} unicast")?;
        for neighbor in &config.neighbors {
            let no = if neighbor.family() == family {
                ""
            } else {
                "no "
            };
            writeln!(text, "  {no}neighbor {} activate", neighbor.address)?;
        }
        writeln!(text, " exit-address-family")?;
    }
    Ok(text)
}

/// Reads `show bgp AFI summary json`.
fn session_of(summary: &Value, neighbor: IpAddr) -> Result<Session> {
    let unicast = format!("{}Unicast", family(neighbor));
    let families = [&summary[unicast.as_str()], summary];
    let mut peers = families
        .iter()
        .map(|family| &family["peers"][neighbor.to_string()]);
    let peer = peers
        .find(|peer| peer.is_object())
        .context("it has no such neighbour")?;
    Ok(Session {
        state: peer["state"].as_str().context("no state in it")?.to_owned(),
        prefixes: peer["pfxRcd"].as_u64().unwrap_or_default(),
    })
}

/// Reads `show bgp AFI unicast json`.
fn routes_of(table: &Value, neighbor: IpAddr) -> Result<Routes> {
    let neighbor = neighbor.to_string();
    let mut routes = Routes::new();
    for (prefix, paths) in table["routes"].as_object().into_iter().flatten() {
        let mut paths = paths.as_array().into_iter().flatten();
        let Some(path) = paths.find(|path| path["peerId"] == neighbor.as_str()) else {
            continue;
        };
        let next_hops = path["nexthops"].as_array().into_iter().flatten();
        let next_hop = next_hops
            .filter(|hop| hop["scope"] != "link-local")
            .find_map(|hop| hop["ip"].as_str())
            .with_context(|| format!("no next hop for {prefix}"))?;
        let route = Route {
            next_hop: next_hop.parse()?,
            as_path: path["path"].as_str().unwrap_or_default().to_owned(),
            stale: path["stale"] == true,
        };
        routes.insert(prefix.parse()?, route);
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_global_next_hop_of_the_neighbors_own_path() {
        let table = json!({"routes": {"fd96::1/128": [
            {"peerId": "fd77:9::9", "path": "1", "nexthops": [{"ip": "fd77:9::9"}]},
            {"peerId": "fd77:1::1", "path": "64512", "nexthops": [
                {"ip": "fe80::1", "afi": "ipv6", "scope": "link-local", "used": true},
                {"ip": "fd77:1::1", "afi": "ipv6", "scope": "global"}]}
        ]}});
        let routes = routes_of(&table, "fd77:1::1".parse().unwrap()).unwrap();
        let expected = Route {
            next_hop: "fd77:1::1".parse().unwrap(),
            as_path: "64512".to_owned(),
            stale: false,
        };
        assert_eq!(routes[&"fd96::1/128".parse().unwrap()], expected);
    }

    #[test]
    fn reads_the_summary_with_and_without_the_family_around_it() {
        let peers = json!({"peers": {"10.77.1.1": {"state": "Established", "pfxRcd": 2}}});
        let expected = Session {
            state: "Established".to_owned(),
            prefixes: 2,
        };
        for summary in [json!({"ipv4Unicast": peers}), peers] {
            let session = session_of(&summary, "10.77.1.1".parse().unwrap()).unwrap();
            assert_eq!(session, expected);
        }
    }
}
