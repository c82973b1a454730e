//! ExaBGP: it keeps no table. One API process writes down what it prints about its sessions, as
//! JSON; another hands it the lines of a file as commands.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::config::family;
use super::{Context, Daemon, Route, Routes, Session};
use crate::Process;
use crate::process::complete_lines;

pub(super) struct Exabgp;

const EVENTS: &str = "events.json";
const COMMANDS: &str = "commands.txt";

/// Writes down what it reads, and keeps its output open: ExaBGP ends processes that close it.
const WRITER: &str = "write.sh";

impl Daemon for Exabgp {
    fn configure(&self, context: &Context<'_>) -> Result<()> {
        if context.config.confederation.is_some() {
            bail!("ExaBGP has no confederations");
        }
        let writer = format!("cat >>{}\nexit\n", context.argument(EVENTS));
        context.write(WRITER, &writer)?;
        context.write("exabgp.conf", &configuration(context)?)
    }

    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>> {
        // What an earlier run had to say and to do is over.
        context.write(EVENTS, "")?;
        context.write(COMMANDS, "")?;
        let neighbors = context.config.neighbors.iter();
        let locals: Vec<String> = neighbors.map(|it| it.local.to_string()).collect();
        let bind = format!("exabgp_tcp_bind={}", locals.join(" "));
        let conf = context.argument("exabgp.conf");
        let environment = [
            "exabgp_api_cli=false",
            "exabgp_api_ack=false",
            "exabgp_daemon_user=root",
            &bind,
        ];
        let arguments = [&environment[..], &["exabgp", &conf]].concat();
        Ok(vec![context.spawn("env", &arguments)?.with_children()])
    }

    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session> {
        Ok(Heard::of(&events(context)?, neighbor)?.session())
    }

    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes> {
        Ok(Heard::of(&events(context)?, neighbor)?.routes)
    }

    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()> {
        let family = family(neighbor);
        command(
            context,
            &format!("neighbor {neighbor} announce route-refresh {family} unicast"),
        )
    }

    /// It sends no reason of its operator's.
    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, _reason: &str) -> Result<()> {
        command(context, &format!("neighbor {neighbor} teardown 2"))
    }

    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String> {
        Ok(Heard::of(&events(context)?, neighbor)?.last_received)
    }
}

fn events(context: &Context<'_>) -> Result<String> {
    complete_lines(&context.path(EVENTS))
}

fn command(context: &Context<'_>, line: &str) -> Result<()> {
    let path = context.path(COMMANDS);
    let mut file = OpenOptions::new().append(true).open(&path)?;
    writeln!(file, "{line}").with_context(|| format!("writing {}", path.display()))
}

fn configuration(context: &Context<'_>) -> Result<String> {
    let config = context.config;
    let (writer, commands) = (context.argument(WRITER), context.argument(COMMANDS));
    let mut text = format!(
        "process events {{\n  run /bin/sh {writer};\n  \
           encoder json;\n}}\n\
         process commands {{\n  run /usr/bin/tail -n +1 -f {commands};\n  encoder text;\n}}\n"
    );
    let graceful_restart = match config.graceful_restart {
        true => "graceful-restart 120;",
        false => "",
    };
    for neighbor in &config.neighbors {
        let family = neighbor.family();
        writeln!(
            text,
            "neighbor {} {{\n  router-id {};\n  local-address {};\n  local-as {};\n  peer-as {};\n  \
               hold-time 9;\n  passive false;\n  family {{ {family} unicast; }}\n  \
               capability {{ asn4 enable; route-refresh enable; {graceful_restart} }}\n  \
               api {{\n    processes [ events, commands ];\n    neighbor-changes;\n    \
                 receive {{ parsed; update; notification; }}\n  }}",
            neighbor.address, config.router_id, neighbor.local, config.asn, neighbor.asn
        )?;
        if let Some(password) = &neighbor.password {
            writeln!(text, "  md5-password '{password}';")?;
        }
        if neighbor.ttl_security {
            text.push_str("  incoming-ttl 255;\n  outgoing-ttl 255;\n");
        }
        text.push_str("}\n");
    }
    Ok(text)
}

/// What it said about one neighbour.
#[derive(Debug, Default)]
struct Heard {
    is_up: bool,
    routes: Routes,
    /// Why its sessions and attempts ended, line by line: it says no more about NOTIFICATIONs.
    last_received: String,
}

impl Heard {
    fn of(events: &str, neighbor: IpAddr) -> Result<Self> {
        let mut heard = Self::default();
        let address = neighbor.to_string();
        for line in events.lines() {
            let event: Value =
                serde_json::from_str(line).with_context(|| format!("ExaBGP printed {line}"))?;
            if event["neighbor"]["address"]["peer"] == address.as_str() {
                heard.take(&event)?;
            }
        }
        Ok(heard)
    }

    fn take(&mut self, event: &Value) -> Result<()> {
        let neighbor = &event["neighbor"];
        match event["type"].as_str() {
            Some("state") => {
                self.is_up = neighbor["state"] == "up";
                // It forgets nothing by itself, since it keeps nothing.
                self.routes.clear();
                if let Some(reason) = neighbor["reason"].as_str() {
                    self.last_received += reason;
                    self.last_received += "\n";
                }
            }
            Some("update") => self.update(&neighbor["message"]["update"])?,
            _ => {}
        }
        Ok(())
    }

    fn update(&mut self, update: &Value) -> Result<()> {
        for (_, prefixes) in update["withdraw"].as_object().into_iter().flatten() {
            for prefix in prefixes.as_array().into_iter().flatten() {
                self.routes.remove(&prefix_of(prefix)?);
            }
        }
        let path = update["attribute"]["as-path"]
            .as_array()
            .into_iter()
            .flatten();
        let path: Vec<String> = path.map(ToString::to_string).collect();
        for (_, hops) in update["announce"].as_object().into_iter().flatten() {
            for (next_hop, prefixes) in hops.as_object().into_iter().flatten() {
                // End-of-RIB is listed here too, as something that is no address.
                let Ok(next_hop) = next_hop.parse::<IpAddr>() else {
                    continue;
                };
                if matches!(next_hop, IpAddr::V6(hop) if hop.is_unicast_link_local()) {
                    continue; // The other next hop of the same prefixes (RFC 2545 section 3).
                }
                for prefix in prefixes.as_array().into_iter().flatten() {
                    let route = Route {
                        next_hop,
                        as_path: path.join(" "),
                        stale: false,
                    };
                    self.routes.insert(prefix_of(prefix)?, route);
                }
            }
        }
        Ok(())
    }

    fn session(&self) -> Session {
        Session {
            // It names no state but this one.
            state: if self.is_up { "Established" } else { "Idle" }.to_owned(),
            prefixes: self.routes.len() as u64,
        }
    }
}

fn prefix_of(entry: &Value) -> Result<ipnet::IpNet> {
    let text = entry["nlri"].as_str().context("no prefix in it")?;
    text.parse().with_context(|| format!("the prefix {text}"))
}
