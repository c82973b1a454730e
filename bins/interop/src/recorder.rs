//! A third party behind a router that writes down every UPDATE: `examples/receive.rs` in a namespace of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use ipnet::IpNet;

use crate::binaries::receive_binary;
use crate::process::complete_lines;
use crate::{Lab, Namespace, Neighbor, Process};

/// The recorder's AS: neither ours nor the router's.
const ASN: u32 = 65100;

/// The router's interface on the link to the recorder.
const INTERFACE: &str = "recorder";

/// One process for each family, each with its own log.
#[derive(Debug)]
pub struct Recorder {
    // Processes end before their namespace goes.
    processes: Vec<Process>,
    namespace: Namespace,
    logs: Vec<PathBuf>,
}

/// What was heard, in order; without a prefix where it concerns the whole session.
pub type Events = Vec<(Option<IpNet>, Event)>;

/// What one UPDATE said about one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The attributes, in words.
    Announced(String),
    /// The prefix was taken back.
    Withdrawn,
    /// The session with the router, not a prefix, went down.
    SessionLost,
}

impl Recorder {
    /// Links a recorder to the lab's only router and starts it. The router learns of it, so must not run yet.
    ///
    /// # Errors
    ///
    /// When the link cannot be made, or the recorder not be started.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        let namespace = Namespace::new("recorder")?;
        let folder = lab.folder().to_owned();
        let asn = lab.asns.theirs;
        let router = &mut lab.routers[0];
        namespace.connect("uplink", router.namespace(), INTERFACE)?;
        let end = |host: u8| -> [IpAddr; 2] {
            [
                Ipv4Addr::new(10, 78, 1, host).into(),
                Ipv6Addr::new(0xfd78, 1, 0, 0, 0, 0, 0, host.into()).into(),
            ]
        };
        let mut recorder = Self {
            processes: Vec::new(),
            namespace,
            logs: Vec::new(),
        };
        for ((own, theirs), length) in end(1).into_iter().zip(end(2)).zip([24, 64]) {
            recorder.namespace.add_address("uplink", own, length)?;
            router.namespace().add_address(INTERFACE, theirs, length)?;
            let neighbor = Neighbor::new(theirs, own, ASN);
            router.reconfigure(|config| config.neighbors.push(neighbor))?;
            let family = if own.is_ipv4() { "v4" } else { "v6" };
            let log = folder.join(format!("recorder-{family}.log"));
            let mut command = vec![receive_binary()?.into_os_string()];
            for (option, value) in [
                ("--asn", ASN.to_string()),
                ("--router-id", "10.78.1.1".to_owned()),
                ("--listen", std::net::SocketAddr::new(own, 179).to_string()),
                ("--peer", format!("{theirs}={asn}")),
            ] {
                command.extend([option.into(), value.into()]);
            }
            command.push("--dial".into());
            let process = Process::start(&recorder.namespace, &log, command)?;
            recorder.processes.push(process);
            recorder.logs.push(log);
        }
        Ok(recorder)
    }

    /// Everything heard so far from the first UPDATE on, IPv4 before IPv6, in order within a family.
    ///
    /// # Errors
    ///
    /// When a log cannot be read or understood.
    pub fn events(&self) -> Result<[Events; 2]> {
        let mut families = [Vec::new(), Vec::new()];
        for (log, events) in self.logs.iter().zip(&mut families) {
            for line in complete_lines(log)?.lines() {
                events.extend(event_of(line)?);
            }
        }
        Ok(families)
    }

    /// What the recorder has now, by its events.
    #[must_use]
    pub fn table(events: &[(Option<IpNet>, Event)]) -> BTreeMap<IpNet, String> {
        let mut table = BTreeMap::new();
        for (prefix, event) in events {
            match (prefix, event) {
                (Some(prefix), Event::Announced(attributes)) => {
                    table.insert(*prefix, attributes.clone());
                }
                (Some(prefix), _) => {
                    table.remove(prefix);
                }
                (None, _) => table.clear(),
            }
        }
        table
    }
}

/// Reads a line of `receive`: `route PEER PREFIX ATTRIBUTES`, `withdraw PEER PREFIX`, `down PEER REASON`; others are
/// no event.
fn event_of(line: &str) -> Result<Option<(Option<IpNet>, Event)>> {
    let mut words = line.splitn(4, ' ');
    let kind = words.next();
    let mut prefix = || -> Result<IpNet> {
        let prefix = words.nth(1).context("a line without a prefix")?;
        prefix.parse().with_context(|| format!("`{line}`"))
    };
    Ok(match kind {
        Some("route") => {
            let prefix = prefix()?;
            let attributes = words.next().unwrap_or_default().to_owned();
            Some((Some(prefix), Event::Announced(attributes)))
        }
        Some("withdraw") => Some((Some(prefix()?), Event::Withdrawn)),
        Some("down") => Some((None, Event::SessionLost)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_receive_prints() {
        let prefix: IpNet = "10.96.0.10/32".parse().unwrap();
        let events: Vec<_> = [
            "up 10.78.1.2 from 10.78.1.1:179 id 10.77.1.2 hold 9 s",
            "route 10.78.1.2 10.96.0.10/32 next-hop 10.78.1.2 origin igp as-path 65001",
        ]
        .iter()
        .filter_map(|line| event_of(line).unwrap())
        .collect();
        let attributes = "next-hop 10.78.1.2 origin igp as-path 65001".to_owned();
        assert_eq!(events, [(Some(prefix), Event::Announced(attributes))]);
        let withdrawn = event_of("withdraw 10.78.1.2 10.96.0.10/32").unwrap();
        assert_eq!(withdrawn, Some((Some(prefix), Event::Withdrawn)));
        assert!(Recorder::table(&[events, withdrawn.into_iter().collect()].concat()).is_empty());
    }
}
