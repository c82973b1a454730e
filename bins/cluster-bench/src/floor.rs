//! What the machine itself takes for the way of an event: as many octets as one has, over the same three sockets, with
//! nothing done in between.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::{BOUND, THERE};

/// A change of one endpoint, as the API server sends it over HTTP.
const EVENT: usize = 902;

/// An UPDATE that withdraws one IPv4 /32.
const UPDATE: usize = 28;

/// From a write at the API server's end to when the peer's end has read what follows, so many a second, in order of
/// length.
pub(crate) async fn measure(rate: u32, seconds: u32) -> Result<Vec<Duration>> {
    let api = TcpListener::bind(("127.0.0.1", 0)).await?;
    let peer = TcpListener::bind((THERE, 0)).await?;
    let proxy = Proxy::start(api.local_addr()?).await?;
    let addresses = (proxy.address(), peer.local_addr()?);
    // In place of the agent. Ends when its sockets do.
    let agent = thread::spawn(move || pass_on(addresses.0, addresses.1));
    let (mut from, _) = timeout(BOUND, api.accept()).await??;
    let (to, _) = timeout(BOUND, peer.accept()).await??;
    from.set_nodelay(true)?;

    let count = u64::from(rate) * u64::from(seconds);
    let heard = tokio::spawn(hear(to, count));
    let begin = Instant::now();
    let mut written = Vec::new();
    for number in 0..count {
        let due = begin + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        written.push(Instant::now());
        from.write_all(&[0; EVENT]).await?;
    }
    let heard = timeout(BOUND, heard).await???;
    drop(from);
    let end = agent
        .join()
        .ok()
        .context("the thread in the middle panicked")?;
    end.context("in the middle")?;
    let mut latencies: Vec<_> = (heard.iter().zip(&written))
        .map(|(heard, written)| *heard - *written)
        .collect();
    latencies.sort_unstable();
    Ok(latencies)
}

/// When each of so many came.
async fn hear(mut from: TcpStream, count: u64) -> Result<Vec<Instant>> {
    let mut all = Vec::new();
    let mut octets = [0; UPDATE];
    for _ in 0..count {
        from.read_exact(&mut octets).await?;
        all.push(Instant::now());
    }
    Ok(all)
}

fn pass_on(api: SocketAddr, peer: SocketAddr) -> Result<()> {
    let mut from = std::net::TcpStream::connect(api)?;
    let mut to = std::net::TcpStream::connect(peer)?;
    to.set_nodelay(true)?;
    let mut octets = [0; EVENT];
    while from.read_exact(&mut octets).is_ok() {
        to.write_all(&octets[..UPDATE])?;
    }
    Ok(())
}
