//! GoBGP: `gobgp -j` prints JSON, over gRPC on loopback inside the namespace.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::config::family;
use super::{Context, Daemon, Route, Routes, Session};
use crate::Process;

pub(super) struct Gobgp;

/// RFC 4271 section 8.2.2, in the order of GoBGP's numbers.
const STATES: [&str; 7] = [
    "Unknown",
    "Idle",
    "Connect",
    "Active",
    "OpenSent",
    "OpenConfirm",
    "Established",
];

/// Path attribute types.
const AS_PATH: u64 = 2;
const NEXT_HOP: u64 = 3;
const MP_REACH_NLRI: u64 = 14;

/// A segment type of RFC 5065 section 3.
const AS_CONFED_SEQUENCE: u64 = 3;

impl Daemon for Gobgp {
    fn configure(&self, context: &Context<'_>) -> Result<()> {
        context.write("gobgpd.toml", &configuration(context)?)
    }

    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>> {
        let config = context.argument("gobgpd.toml");
        let arguments = ["-f", &config, "--api-hosts", "127.0.0.1:50051"];
        let arguments = [&arguments[..], &["--pprof-disable"]].concat();
        Ok(vec![context.spawn("gobgpd", &arguments)?])
    }

    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session> {
        session_of(&gobgp(context, &["neighbor", &neighbor.to_string()])?)
    }

    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes> {
        let family = family(neighbor);
        let table = gobgp(context, &["global", "rib", "-a", family])?;
        routes_of(&table, neighbor)
    }

    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()> {
        tell(context, &["neighbor", &neighbor.to_string(), "softresetin"])
    }

    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, reason: &str) -> Result<()> {
        tell(
            context,
            &[
                "neighbor",
                &neighbor.to_string(),
                "shutdown",
                "--reason",
                reason,
            ],
        )
    }

    /// Only its log has it.
    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
        let log = fs::read_to_string(context.path("gobgpd.log"))?;
        let key = format!("\"Key\":\"{neighbor}\"");
        let mut lines = log.lines().rev();
        let last = lines.find(|line| line.contains("received notification") && line.contains(&key));
        Ok(last.unwrap_or_default().to_owned())
    }
}

fn tell(context: &Context<'_>, command: &[&str]) -> Result<()> {
    let server = ["-u", "127.0.0.1", "-p", "50051"];
    context
        .ask("gobgp", &[&server[..], command].concat())
        .map(drop)
}

fn gobgp(context: &Context<'_>, question: &[&str]) -> Result<Value> {
    let server = ["-u", "127.0.0.1", "-p", "50051", "-j"];
    context.ask_json("gobgp", &[&server[..], question].concat())
}

fn configuration(context: &Context<'_>) -> Result<String> {
    let config = context.config;
    let locals: Vec<String> = config
        .neighbors
        .iter()
        .map(|neighbor| format!("\"{}\"", neighbor.local))
        .collect();
    let mut text = format!(
        "[global.config]\nas = {}\nrouter-id = \"{}\"\nlocal-address-list = [{}]\n",
        config.asn,
        config.router_id,
        locals.join(", ")
    );
    if let Some(confederation) = &config.confederation {
        writeln!(
            text,
            "[global.confederation.config]\nenabled = true\nidentifier = {}\nmember-as-list = {:?}",
            confederation.identifier, confederation.members
        )?;
    }
    for neighbor in &config.neighbors {
        let family = neighbor.family();
        let password = neighbor.password.iter();
        let password: String = password
            .map(|password| format!("auth-password = \"{password}\"\n"))
            .collect();
        let ttl_security = match neighbor.ttl_security {
            true => "[neighbors.ttl-security.config]\nenabled = true\nttl-min = 255\n",
            false => "",
        };
        writeln!(
            text,
            "[[neighbors]]\n\
             [neighbors.config]\nneighbor-address = \"{}\"\npeer-as = {}\n{password}{ttl_security}\
             [neighbors.timers.config]\nhold-time = 9\nkeepalive-interval = 3\nconnect-retry = 1\n\
             [neighbors.graceful-restart.config]\nenabled = true\nrestart-time = 120\nnotification-enabled = {notification}\n\
             [[neighbors.afi-safis]]\n\
             [neighbors.afi-safis.config]\nafi-safi-name = \"{family}-unicast\"\n\
             [neighbors.afi-safis.mp-graceful-restart.config]\nenabled = true",
            neighbor.address,
            neighbor.asn,
            notification = config.graceful_notification,
        )?;
    }
    Ok(text)
}

/// Reads `gobgp -j neighbor ADDRESS`. Fields that are zero are left out.
fn session_of(neighbor: &Value) -> Result<Session> {
    let number = neighbor["state"]["session_state"]
        .as_u64()
        .unwrap_or_default();
    let state = usize::try_from(number)
        .ok()
        .and_then(|number| STATES.get(number))
        .with_context(|| format!("an unknown state {number}"))?;
    let families = neighbor["afi_safis"].as_array().into_iter().flatten();
    Ok(Session {
        state: (*state).to_owned(),
        prefixes: families
            .filter_map(|family| family["state"]["received"].as_u64())
            .sum(),
    })
}

/// Reads `gobgp -j global rib`.
fn routes_of(table: &Value, neighbor: IpAddr) -> Result<Routes> {
    let neighbor = neighbor.to_string();
    let mut routes = Routes::new();
    for (prefix, paths) in table.as_object().into_iter().flatten() {
        let mut paths = paths.as_array().into_iter().flatten();
        let Some(path) = paths.find(|path| path["neighbor-ip"] == neighbor.as_str()) else {
            continue;
        };
        let attribute = |kind: u64| {
            let mut attributes = path["attrs"].as_array().into_iter().flatten();
            attributes.find(move |attribute| attribute["type"] == kind)
        };
        let next_hop = attribute(NEXT_HOP)
            .or_else(|| attribute(MP_REACH_NLRI))
            .and_then(|attribute| attribute["nexthop"].as_str())
            .with_context(|| format!("no next hop for {prefix}"))?;
        let route = Route {
            next_hop: next_hop.parse()?,
            as_path: attribute(AS_PATH).map(as_path_of).unwrap_or_default(),
            stale: path["stale"] == true,
        };
        routes.insert(prefix.parse()?, route);
    }
    Ok(routes)
}

/// As other routers print it: what the members of a confederation added is in parentheses.
fn as_path_of(attribute: &Value) -> String {
    let segments = attribute["as_paths"].as_array().into_iter().flatten();
    let segments = segments.map(|segment| {
        let asns = segment["asns"].as_array().into_iter().flatten();
        let asns = asns.map(Value::to_string).collect::<Vec<_>>().join(" ");
        match segment["segment_type"].as_u64() {
            Some(AS_CONFED_SEQUENCE) => format!("({asns})"),
            _ => asns,
        }
    });
    segments.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_both_kinds_of_next_hop() {
        let path = |next_hop: Value| {
            json!([{"attrs": [
                {"type": 1, "value": 0},
                {"type": 2, "as_paths": [{"segment_type": 2, "num": 2, "asns": [64512, 64513]}]},
                next_hop,
            ], "stale": false, "neighbor-ip": "fd77:1::1"}])
        };
        let table = json!({
            "10.96.0.1/32": path(json!({"type": 3, "nexthop": "10.77.1.1"})),
            "fd96::1/128": path(json!({"type": 14, "nexthop": "fd77:1::1"})),
        });
        let routes = routes_of(&table, "fd77:1::1".parse().unwrap()).unwrap();
        let next_hops: Vec<_> = routes.values().map(|route| route.next_hop).collect();
        assert_eq!(
            next_hops,
            [
                "10.77.1.1".parse::<IpAddr>().unwrap(),
                "fd77:1::1".parse().unwrap()
            ]
        );
        assert!(routes.values().all(|route| route.as_path == "64512 64513"));
    }

    #[test]
    fn an_absent_count_is_zero() {
        let neighbor = json!({"state": {"session_state": 6}, "afi_safis": [{"state": {}}]});
        let session = session_of(&neighbor).unwrap();
        assert!(session.is_established());
        assert_eq!(session.prefixes, 0);
    }
}
