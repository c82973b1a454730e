//! A passive peer that prints what it gets, one line each: sessions, routes with their attributes, withdrawals, End-of-RIB.
//!
//!     receive --asn 65001 --router-id 2.2.2.2 --listen 127.0.1.1:2795 --peer 127.0.0.105=64512 --dial
//!
//! With `--dial` it connects too, for peers that wait for it as `announce` does.

use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bgp_speaker::{
    Asn, NegotiatedStatus, Observer, PeerConfig, SessionEndpoints, Shutdown, Speaker, SpeakerConfig,
};
use bgp_wire::{AttributeValue, AttributeView, Family, UpdateView};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Options {
    #[arg(long)]
    asn: u32,
    #[arg(long)]
    router_id: Ipv4Addr,
    /// Address and port to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// A peer.
    #[arg(long, value_name = "ADDRESS=ASN", value_parser = peer)]
    peer: Vec<(IpAddr, Asn)>,
    /// Connect to the peers too, at this port; without a number, at the one that is listened on here.
    #[arg(long, value_name = "PORT", num_args = 0..=1)]
    dial: Option<Option<u16>>,
    /// Print how many routes came until End-of-RIB, and in what time, instead of each.
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let printer = Printer {
        quiet: options.quiet,
        counts: Mutex::default(),
    };
    let config = SpeakerConfig::new(Asn(options.asn), options.router_id);
    let speaker = Speaker::start(config.listen(options.listen).observer(Arc::new(printer)));
    for (address, asn) in options.peer {
        let mut peer = PeerConfig::new(address, asn);
        peer.passive = options.dial.is_none();
        peer.port = options.dial.flatten().unwrap_or(options.listen.port());
        speaker.set_peer(peer);
    }
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    speaker.shutdown(Shutdown::Silent).await;
    Ok(())
}

struct Printer {
    quiet: bool,
    /// Since when each session is up, and how many routes came.
    counts: Mutex<HashMap<IpAddr, (Instant, usize)>>,
}

impl Observer for Printer {
    fn session_up(&self, peer: IpAddr, ends: &SessionEndpoints, agreed: &NegotiatedStatus) {
        println!(
            "up {peer} from {} id {} hold {} s",
            ends.local, agreed.peer_id, agreed.hold_time
        );
        self.lock().insert(peer, (Instant::now(), 0));
    }

    fn session_down(&self, peer: IpAddr, reason: &str) {
        println!("down {peer} {reason}");
    }

    fn update(&self, peer: IpAddr, update: &UpdateView<'_>) {
        if let Some(family) = update.end_of_rib() {
            self.end_of_rib(peer, family);
        } else if self.quiet {
            if let Some((_, count)) = self.lock().get_mut(&peer) {
                *count += update.announced().count();
            }
        } else {
            print_routes(peer, update);
        }
    }
}

impl Printer {
    fn end_of_rib(&self, peer: IpAddr, family: Family) {
        match self.lock().get(&peer) {
            Some((up, count)) if self.quiet => {
                println!(
                    "end-of-rib {peer} {family} {count} routes {:.3} s",
                    up.elapsed().as_secs_f64()
                );
            }
            _ => println!("end-of-rib {peer} {family}"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, (Instant, usize)>> {
        self.counts.lock().expect("no panic while it is held")
    }
}

fn print_routes(peer: IpAddr, update: &UpdateView<'_>) {
    for route in update.withdrawn() {
        println!("withdraw {peer} {}", route.prefix);
    }
    let mut announced = update.announced().peekable();
    let Some(first) = announced.peek() else {
        return;
    };
    let next_hop = update.next_hop(Family::unicast_of(&first.prefix));
    let next_hop = next_hop.map_or_else(|| "none".into(), |next_hop| next_hop.to_string());
    let attributes = update
        .attributes()
        .filter_map(described)
        .collect::<Vec<_>>()
        .join(" ");
    for route in announced {
        println!(
            "route {peer} {} next-hop {next_hop} {attributes}",
            route.prefix
        );
    }
}

/// An attribute in words; next hop and prefixes have their own.
fn described(attribute: AttributeView<'_>) -> Option<String> {
    fn list(values: impl Iterator<Item = impl ToString>) -> String {
        values
            .map(|value| value.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
    match attribute.value() {
        AttributeValue::Origin(origin) => Some(format!("origin {origin:?}").to_lowercase()),
        AttributeValue::AsPath(path) => Some(format!("as-path {path}")),
        AttributeValue::MultiExitDisc(med) => Some(format!("med {med}")),
        AttributeValue::LocalPref(preference) => Some(format!("local-pref {preference}")),
        AttributeValue::Communities(it) => Some(format!("communities {}", list(it.iter()))),
        AttributeValue::LargeCommunities(it) => {
            Some(format!("large-communities {}", list(it.iter())))
        }
        AttributeValue::NextHop(_) | AttributeValue::MpReach(_) | AttributeValue::MpUnreach(_) => {
            None
        }
        _ => Some(format!("{} {:02x?}", attribute.kind(), attribute.octets())),
    }
}

fn peer(text: &str) -> Result<(IpAddr, Asn), String> {
    let (address, asn) = text.split_once('=').ok_or("expected ADDRESS=ASN")?;
    let address = address
        .parse()
        .map_err(|error| format!("{address}: {error}"))?;
    let asn = asn.parse().map_err(|error| format!("{asn}: {error}"))?;
    Ok((address, Asn(asn)))
}
