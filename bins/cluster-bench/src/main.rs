//! `cargo xtask bench cluster`: the agent in a large cluster. What it reads from the API server, what it takes of its node,
//! and how long a change takes from there to a peer.
//!
//! The API server is the in-process one of `antrea-bgp-kube`, the peer a receiver in this process; the agent is a process
//! of its own, and a proxy between it and the API server counts octets. Everything is on loopback.

mod floor;
mod objects;
mod peer;
mod process;
mod proxy;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use antrea_bgp_kube::test_server::TestServer;
use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use peer::Peer;
use process::Agent;
use proxy::Proxy;

/// The agent and its peer.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 2);

/// Where both listen.
const PORT: u16 = 1790;

/// A start takes less, or something is wrong.
const BOUND: Duration = Duration::from_secs(120);

#[derive(Parser)]
#[command(about)]
struct Options {
    /// Services, each with two EndpointSlices
    #[arg(long, default_value_t = 10_000)]
    services: u32,
    /// Endpoints of a slice
    #[arg(long, default_value_t = 5)]
    endpoints: u32,
    /// Endpoints that change a second, one measurement each
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    rates: Vec<u32>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Program of the agent, a release build
    #[arg(long, default_value = "target/release/antrea-bgp-agent")]
    agent: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let server = TestServer::start().await?;
    // As a kube-apiserver does.
    server.set_bookmark_interval(Duration::from_secs(60));
    objects::put_all(&server, options.services, options.endpoints);
    let url = server.url();
    let address = url.strip_prefix("http://").context("an http URL")?;
    let proxy = Proxy::start(address.parse()?).await?;
    let peer = Peer::start();
    unselected(&options, &server, &proxy).await?;

    let octets = (proxy.received(), proxy.sent());
    let begin = Instant::now();
    let agent = Agent::start(&options.agent, objects::SELECTED, &server, &proxy)?;
    let routes = options.services as usize + 1;
    peer.until(BOUND, |heard| {
        heard.routes.len() == routes && heard.end_of_rib
    })
    .await?;
    let took = begin.elapsed();
    let usage = agent.usage()?;
    println!(
        "start: {} Services, {} EndpointSlices; {routes} routes and End-of-RIB after {:.2} s",
        options.services,
        2 * options.services,
        took.as_secs_f64()
    );
    println!(
        "  from the API server {:.1} MB, to it {:.1} KB, watches {:?}",
        (proxy.received() - octets.0) as f64 / 1e6,
        (proxy.sent() - octets.1) as f64 / 1e3,
        server.open_watches()
    );
    println!(
        "  agent: {:.2} s of CPU, peak {:.1} MB, now {:.1} MB, {} threads",
        usage.cpu,
        usage.peak as f64 / 1e6,
        usage.resident as f64 / 1e6,
        usage.threads
    );
    idle(&agent, &proxy, options.seconds).await?;
    for rate in options.rates {
        let floor = floor::measure(rate, options.seconds).await?;
        let at = |share| measure::share(&floor, share);
        println!(
            "{rate} raw writes a second over the same sockets: at the peer p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
        flips(
            &server,
            &agent,
            &proxy,
            &peer,
            rate,
            options.seconds,
            options.services,
        )
        .await?;
    }
    let usage = agent.usage()?;
    println!(
        "at the end: peak {:.1} MB, now {:.1} MB",
        usage.peak as f64 / 1e6,
        usage.resident as f64 / 1e6
    );
    Ok(())
}

/// The agent of a node that no policy selects.
async fn unselected(options: &Options, server: &TestServer, proxy: &Proxy) -> Result<()> {
    let agent = Agent::start(&options.agent, objects::UNSELECTED, server, proxy)?;
    let deadline = Instant::now() + BOUND;
    while server.open_watches().len() < 2 {
        ensure!(Instant::now() < deadline, "no watches after {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("on a node that no policy selects:");
    idle(&agent, proxy, options.seconds).await?;
    let usage = agent.usage()?;
    println!(
        "  agent: peak {:.1} MB, now {:.1} MB, {} threads, watches {:?}",
        usage.peak as f64 / 1e6,
        usage.resident as f64 / 1e6,
        usage.threads,
        server.open_watches()
    );
    drop(agent);
    while !server.open_watches().is_empty() {
        ensure!(Instant::now() < deadline, "its watches stay");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Nothing happens.
async fn idle(agent: &Agent, proxy: &Proxy, seconds: u32) -> Result<()> {
    // What the start left to do is over.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, octets) = (agent.usage()?, proxy.received() + proxy.sent());
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let (after, since) = (agent.usage()?, proxy.received() + proxy.sent() - octets);
    let per_second = |count: u64| count as f64 / f64::from(seconds);
    println!(
        "idle for {seconds} s: {:.2} % of a core, {:.1} wake-ups a second, {:.0} octets a second with the API server",
        100.0 * (after.cpu - before.cpu) / f64::from(seconds),
        per_second(after.switches - before.switches),
        per_second(since),
    );
    Ok(())
}

/// The only local endpoint of a Service at random turns ready or not, again and again.
async fn flips(
    server: &TestServer,
    agent: &Agent,
    proxy: &Proxy,
    peer: &Peer,
    rate: u32,
    seconds: u32,
    services: u32,
) -> Result<()> {
    peer.forget();
    let (before, octets) = (agent.usage()?, proxy.received());
    let updates = peer.with(|heard| heard.updates);
    let mut random = fastrand::Rng::with_seed(u64::from(rate));
    let mut ready = vec![true; services as usize];
    let count = u64::from(rate) * u64::from(seconds);
    let begin = Instant::now();
    let mut changes = Vec::new();
    for number in 0..count {
        let due = begin + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let service = random.u32(..services);
        let is_ready = &mut ready[service as usize];
        *is_ready = !*is_ready;
        changes.push((objects::route_of(service), *is_ready, Instant::now()));
        server.put(objects::local_slice(service, *is_ready));
    }
    let expected: Vec<_> = (0..services)
        .map(|service| (objects::route_of(service), ready[service as usize]))
        .collect();
    peer.until(BOUND, |heard| heard.agrees(&expected)).await?;
    let took = begin.elapsed();
    let after = agent.usage()?;
    let latencies = peer.with(|heard| measure::latencies(&changes, &heard.history));
    ensure!(!latencies.is_empty(), "no change was heard of");
    let at = |share| measure::share(&latencies, share);
    println!(
        "{rate} changes a second for {seconds} s: to the peer p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms ({} of {count} seen one by one)",
        at(0.5),
        at(0.99),
        at(1.0),
        latencies.len()
    );
    println!(
        "  agent: {:.1} % of a core; from the API server {:.1} KB a second; UPDATEs {}",
        100.0 * (after.cpu - before.cpu) / took.as_secs_f64(),
        (proxy.received() - octets) as f64 / took.as_secs_f64() / 1e3,
        peer.with(|heard| heard.updates) - updates,
    );
    // As it was, for the next one.
    for service in (0..services).filter(|service| !ready[*service as usize]) {
        server.put(objects::local_slice(service, true));
    }
    let all = services as usize + 1;
    peer.until(BOUND, |heard| heard.routes.len() == all).await
}
