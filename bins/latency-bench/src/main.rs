//! `cargo xtask bench latency`: how long a change of one route takes from the call of `announce` or `withdraw` to when a
//! receiver has read it, with a full table in place; one change at a time, and in a storm.
//!
//! Speaker and receivers are in this process, over loopback. Receivers are threads that wait for octets.

mod floor;
mod receiver;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bgp_speaker::{Asn, Attributes, PeerConfig, Shutdown, Speaker, SpeakerConfig};
use clap::Parser;
use ipnet::{IpNet, Ipv4Net};
use measure::{latencies, own_cpu, share};
use tokio::runtime::Handle;

use receiver::Receiver;

const SPEAKER: Ipv4Addr = Ipv4Addr::new(127, 88, 0, 1);
const PORT: u16 = 1790;

/// Nothing here takes this long.
const BOUND: Duration = Duration::from_secs(60);

/// Before a single change: everybody has gone to sleep.
const PAUSE: Duration = Duration::from_millis(1);

/// Between two looks at the clock in a storm.
const TICK: Duration = Duration::from_millis(1);

#[derive(Parser)]
#[command(about)]
struct Options {
    /// Routes in place
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    routes: u32,
    /// Receivers, one measurement each
    #[arg(long, value_delimiter = ',', default_value = "1,16", value_parser = clap::value_parser!(u8).range(1..=200))]
    receivers: Vec<u8>,
    /// Changes one at a time
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    flips: u32,
    /// Changes a second in a storm
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Seconds of a storm
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// One route of how many changes in a storm
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    one_in: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    println!(
        "| receivers | what | p50, ms | p99, ms | p99.9, ms | most, ms | changes | prefixes told | UPDATEs | CPU, s |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for receivers in &options.receivers {
        // The receivers' threads wait as threads do; the speaker has the runtime for itself.
        tokio::task::block_in_place(|| measure_with(*receivers, &options))?;
    }
    Ok(())
}

fn measure_with(receivers: u8, options: &Options) -> Result<()> {
    let floor = floor::measure(receivers, options.flips)?;
    row(receivers, "a raw write, one at a time", &floor, None);
    let lab = Lab::start(receivers, options.routes)?;
    let (single, cost) = lab.flips(options.flips)?;
    row(receivers, "bgp-speaker, one at a time", &single, Some(cost));
    let (storm, cost) = lab.storm(options)?;
    let what = format!(
        "bgp-speaker, {} a second of {} routes",
        options.rate,
        (options.routes / options.one_in).max(1)
    );
    row(receivers, &what, &storm, Some(cost));
    Handle::current().block_on(lab.speaker.shutdown(Shutdown::Silent));
    Ok(())
}

/// What a measurement took besides time.
struct Cost {
    changes: u64,
    /// Of the first receiver.
    prefixes: usize,
    updates: u64,
    cpu: f64,
}

fn row(receivers: u8, what: &str, latencies: &[Duration], cost: Option<Cost>) {
    let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1.0].map(|it| share(latencies, it));
    let cost = cost.map_or_else(
        || "| | | |".to_owned(),
        |it| {
            let Cost {
                changes,
                prefixes,
                updates,
                cpu,
            } = it;
            format!("{changes} | {prefixes} | {updates} | {cpu:.2} |")
        },
    );
    println!("| {receivers} | {what} | {p50:.3} | {p99:.3} | {p999:.3} | {most:.3} | {cost}");
}

fn prefix(number: u32) -> IpNet {
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(20, 0, 0, 0)) + number);
    Ipv4Net::from(address).into()
}

/// An address of loopback for each receiver.
fn receiver_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 88, 1, number + 1)
}

/// A speaker with a full table, and receivers that have all of it.
struct Lab {
    speaker: Speaker,
    receivers: Vec<Arc<Receiver>>,
    routes: u32,
}

impl Lab {
    fn start(receivers: u8, routes: u32) -> Result<Self> {
        let here = SocketAddr::from((SPEAKER, PORT));
        let speaker = Speaker::start(SpeakerConfig::new(Asn(64512), SPEAKER).listen(here));
        let addresses: Vec<_> = (0..receivers).map(receiver_address).collect();
        for address in &addresses {
            let mut peer = PeerConfig::new((*address).into(), Asn(receiver::AS));
            peer.passive = true;
            speaker.set_peer(peer);
        }
        speaker.announce((0..routes).map(prefix), &Attributes::default());
        let receivers = addresses
            .into_iter()
            .map(|address| dial(address, here))
            .collect::<Result<Vec<_>>>()?;
        for receiver in &receivers {
            receiver.until(BOUND, |heard| heard.routes.len() == routes as usize)?;
            receiver.forget();
        }
        Ok(Self {
            speaker,
            receivers,
            routes,
        })
    }

    fn change(&self, number: u32, is_there: bool) {
        match is_there {
            true => self
                .speaker
                .announce([prefix(number)], &Attributes::default()),
            false => self.speaker.withdraw([prefix(number)]),
        }
    }

    /// One at a time: from the call to when the last receiver has it.
    fn flips(&self, count: u32) -> Result<(Vec<Duration>, Cost)> {
        let mut random = fastrand::Rng::with_seed(1);
        let mut is_there = vec![true; self.routes as usize];
        let mut latencies = Vec::new();
        let measured = self.measured(count.into(), || {
            for _ in 0..count {
                thread::sleep(PAUSE);
                let number = random.u32(..self.routes);
                let flipped = &mut is_there[number as usize];
                *flipped = !*flipped;
                let (flipped, begin) = (*flipped, Instant::now());
                self.change(number, flipped);
                let mut last = begin;
                for receiver in &self.receivers {
                    last = last.max(receiver.until_heard((prefix(number), flipped, begin))?);
                }
                latencies.push(last - begin);
            }
            Ok(())
        })?;
        latencies.sort_unstable();
        self.restore(&is_there)?;
        Ok((latencies, measured))
    }

    /// So many a second, whether or not anybody has heard of the last ones.
    fn storm(&self, options: &Options) -> Result<(Vec<Duration>, Cost)> {
        let mut random = fastrand::Rng::with_seed(2);
        let mut is_there = vec![true; self.routes as usize];
        let few = (self.routes / options.one_in).max(1);
        let count = u64::from(options.rate) * u64::from(options.seconds);
        let mut changes = Vec::new();
        let cost = self.measured(count, || {
            let begin = Instant::now();
            let mut made = 0;
            while made < count {
                let due = begin.elapsed().as_secs_f64() * f64::from(options.rate);
                while made < count && made as f64 <= due {
                    let number = random.u32(..few) * (self.routes / few);
                    let flipped = &mut is_there[number as usize];
                    *flipped = !*flipped;
                    changes.push((prefix(number), *flipped, Instant::now()));
                    self.change(number, *flipped);
                    made += 1;
                }
                thread::sleep(TICK);
            }
            let step = self.routes / few;
            let touched = (0..few).map(|number| number * step);
            let expected: Vec<_> = touched
                .map(|number| (prefix(number), is_there[number as usize]))
                .collect();
            self.receivers
                .iter()
                .try_for_each(|receiver| receiver.until(BOUND, |heard| heard.agrees(&expected)))
        })?;
        let mut all = Vec::new();
        for receiver in &self.receivers {
            all.extend(latencies(&changes, &receiver.lock().history));
        }
        ensure!(!all.is_empty(), "no change was heard of");
        all.sort_unstable();
        self.restore(&is_there)?;
        Ok((all, cost))
    }

    /// What `work` took, of the first receiver's view.
    fn measured(&self, changes: u64, work: impl FnOnce() -> Result<()>) -> Result<Cost> {
        let (updates, cpu) = (self.receivers[0].lock().updates, own_cpu());
        self.receivers.iter().for_each(|it| it.forget());
        work()?;
        let cpu = own_cpu() - cpu;
        let heard = self.receivers[0].lock();
        Ok(Cost {
            changes,
            prefixes: heard.history.len(),
            updates: heard.updates - updates,
            cpu,
        })
    }

    /// All routes are there again.
    fn restore(&self, is_there: &[bool]) -> Result<()> {
        let missing = (0..self.routes).filter(|number| !is_there[*number as usize]);
        self.speaker
            .announce(missing.map(prefix), &Attributes::default());
        let all = self.routes as usize;
        for receiver in &self.receivers {
            receiver.until(BOUND, |heard| heard.routes.len() == all)?;
            receiver.forget();
        }
        Ok(())
    }
}

fn dial(from: Ipv4Addr, to: SocketAddr) -> Result<Arc<Receiver>> {
    let deadline = Instant::now() + BOUND;
    loop {
        match Receiver::start(from, to) {
            Ok(receiver) => return Ok(receiver),
            // The speaker may not listen yet.
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(TICK),
        }
    }
}
