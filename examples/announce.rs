//! Announces host routes: waits for its peers to dial in, and tells each of them.
//!
//!     announce --asn 64512 --router-id 1.1.1.1 --listen 127.0.0.105:2795 --peer 127.0.1.1=65001 \
//!         --count 1000000 --first 20.0.0.0

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bgp_speaker::{Asn, Attributes, PeerConfig, Shutdown, Speaker, SpeakerConfig};
use clap::Parser;
use ipnet::IpNet;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Options {
    #[arg(long)]
    asn: u32,
    #[arg(long)]
    router_id: Ipv4Addr,
    /// Address and port to listen on.
    #[arg(long)]
    listen: Vec<SocketAddr>,
    /// A peer that will dial in.
    #[arg(long, value_name = "ADDRESS=ASN", value_parser = peer)]
    peer: Vec<(IpAddr, Asn)>,
    /// How many routes, /32 or /128, in order.
    #[arg(long, default_value_t = 1)]
    count: u32,
    #[arg(long)]
    first: IpAddr,
    /// Next hop instead of the session's local address.
    #[arg(long)]
    next_hop: Option<IpAddr>,
    /// Dial the peers too.
    #[arg(long)]
    dial: bool,
    /// Offer graceful restart also after a NOTIFICATION (RFC 8538): the end is then a hard reset.
    #[arg(long)]
    graceful_notification: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let options = Options::parse();
    let mut config = SpeakerConfig::new(Asn(options.asn), options.router_id);
    config.listen = options.listen;
    match options.next_hop {
        Some(IpAddr::V4(next_hop)) => config.next_hop_v4 = Some(next_hop),
        Some(IpAddr::V6(next_hop)) => config.next_hop_v6 = Some(next_hop),
        None => {}
    }
    let speaker = Speaker::start(config);
    let routes = (0..options.count).map(|index| host_route(options.first, index));
    speaker.announce(routes, &Attributes::default());
    for (address, asn) in options.peer {
        let mut peer = PeerConfig::new(address, asn);
        peer.passive = !options.dial;
        peer.graceful_notification = options.graceful_notification;
        speaker.set_peer(peer);
    }
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    speaker
        .shutdown(Shutdown::Withdraw {
            text: "announce ends".into(),
        })
        .await;
    Ok(())
}

fn host_route(first: IpAddr, index: u32) -> IpNet {
    IpNet::from(match first {
        IpAddr::V4(first) => IpAddr::from((u32::from(first).wrapping_add(index)).to_be_bytes()),
        IpAddr::V6(first) => {
            IpAddr::from((u128::from(first).wrapping_add(index.into())).to_be_bytes())
        }
    })
}

fn peer(text: &str) -> Result<(IpAddr, Asn), String> {
    let (address, asn) = text.split_once('=').ok_or("expected ADDRESS=ASN")?;
    let address = address
        .parse()
        .map_err(|error| format!("{address}: {error}"))?;
    let asn = asn.parse().map_err(|error| format!("{asn}: {error}"))?;
    Ok((address, Asn(asn)))
}
