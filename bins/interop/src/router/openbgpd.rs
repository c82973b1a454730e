//! OpenBGPD: four processes that end together, `bgpctl -j` prints JSON.
//!
//! It refuses connections while a session is Idle, and dials when it likes: start it last.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Context, Daemon, Route, Routes, Session};
use crate::Process;

pub(super) struct Openbgpd;

/// The home of its unprivileged user, which its processes make their root. Debian's unit makes it.
const CHROOT: &str = "/run/openbgpd";

impl Daemon for Openbgpd {
    fn configure(&self, context: &Context<'_>) -> Result<()> {
        context.write("bgpd.conf", &configuration(context)?)?;
        // It refuses a configuration that others can read.
        fs::set_permissions(context.path("bgpd.conf"), Permissions::from_mode(0o600))?;
        fs::create_dir_all(CHROOT).with_context(|| format!("making {CHROOT}"))
    }

    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>> {
        let arguments = ["-d", "-v", "-f", &context.argument("bgpd.conf")];
        Ok(vec![context.spawn("bgpd", &arguments)?.with_children()])
    }

    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session> {
        session_of(&bgpctl(context, &["show", "neighbor"])?, neighbor)
    }

    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes> {
        let family = if neighbor.is_ipv4() { "inet" } else { "inet6" };
        routes_of(&bgpctl(context, &["show", "rib", family])?, neighbor)
    }

    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()> {
        tell(context, &["neighbor", &neighbor.to_string(), "refresh"])
    }

    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, reason: &str) -> Result<()> {
        tell(
            context,
            &["neighbor", &neighbor.to_string(), "down", reason],
        )
    }

    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
        let neighbor = neighbor.to_string();
        let socket = context.argument("bgpd.sock");
        let text = context.ask("bgpctl", &["-s", &socket, "show", "neighbor", &neighbor])?;
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| line.starts_with("Last received"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

fn tell(context: &Context<'_>, command: &[&str]) -> Result<()> {
    let socket = context.argument("bgpd.sock");
    context
        .ask("bgpctl", &[&["-s", &socket], command].concat())
        .map(drop)
}

fn bgpctl(context: &Context<'_>, question: &[&str]) -> Result<Value> {
    let socket = context.argument("bgpd.sock");
    context.ask_json("bgpctl", &[&["-s", &socket, "-j"], question].concat())
}

fn configuration(context: &Context<'_>) -> Result<String> {
    let config = context.config;
    let mut text = format!(
        "AS {}\nrouter-id {}\nsocket \"{}\"\nholdtime 9\nfib-update no\n",
        config.asn,
        config.router_id,
        context.argument("bgpd.sock")
    );
    for neighbor in &config.neighbors {
        writeln!(text, "listen on {}", neighbor.local)?;
    }
    for neighbor in &config.neighbors {
        let family = if neighbor.address.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        writeln!(
            text,
            "neighbor {} {{\n\tremote-as {}\n\tlocal-address {}\n\tannounce {family} unicast",
            neighbor.address, neighbor.asn, neighbor.local
        )?;
        if let Some(password) = &neighbor.password {
            writeln!(text, "\ttcp md5sig password \"{password}\"")?;
        }
        if neighbor.ttl_security {
            text.push_str("\tttl-security yes\n");
        }
        text.push_str("}\n");
    }
    text.push_str("allow from any\nallow to any\n");
    Ok(text)
}

/// Reads `bgpctl -j show neighbor`.
fn session_of(neighbors: &Value, neighbor: IpAddr) -> Result<Session> {
    let address = neighbor.to_string();
    let mut neighbors = neighbors["neighbors"].as_array().into_iter().flatten();
    let neighbor = neighbors
        .find(|neighbor| neighbor["remote_addr"] == address.as_str())
        .context("it has no such neighbour")?;
    Ok(Session {
        state: neighbor["state"]
            .as_str()
            .context("no state in it")?
            .to_owned(),
        prefixes: neighbor["stats"]["prefixes"]["received"]
            .as_u64()
            .unwrap_or_default(),
    })
}

/// Reads `bgpctl -j show rib`.
fn routes_of(table: &Value, neighbor: IpAddr) -> Result<Routes> {
    let address = neighbor.to_string();
    let mut routes = Routes::new();
    for entry in table["rib"].as_array().into_iter().flatten() {
        if entry["neighbor"]["remote_addr"] != address.as_str() {
            continue;
        }
        let text = |key: &str| {
            entry[key]
                .as_str()
                .with_context(|| format!("no {key} in {entry}"))
        };
        let route = Route {
            next_hop: text("exit_nexthop")?.parse()?,
            as_path: text("aspath")?.to_owned(),
            stale: entry["stale"] == true,
        };
        routes.insert(text("prefix")?.parse()?, route);
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_routes_of_one_neighbor() {
        let entry = |neighbor: &str, prefix: &str| {
            json!({"prefix": prefix, "aspath": "64512", "exit_nexthop": "10.77.1.1",
                   "neighbor": {"remote_addr": neighbor}})
        };
        let table = json!({"rib": [
            entry("10.77.1.1", "10.96.0.1/32"), entry("10.77.9.9", "10.96.0.2/32"),
        ]});
        let routes = routes_of(&table, "10.77.1.1".parse().unwrap()).unwrap();
        assert_eq!(routes.len(), 1);
        assert_eq!(routes[&"10.96.0.1/32".parse().unwrap()].as_path, "64512");
    }

    #[test]
    fn reads_the_state_and_the_count() {
        let neighbors = json!({"neighbors": [{
            "remote_addr": "10.77.1.1", "state": "Established",
            "stats": {"prefixes": {"sent": 0, "received": 2}},
        }]});
        let session = session_of(&neighbors, "10.77.1.1".parse().unwrap()).unwrap();
        assert!(session.is_established());
        assert_eq!(session.prefixes, 2);
    }
}
