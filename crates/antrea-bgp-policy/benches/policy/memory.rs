//! What a cold start takes, and what is kept of each object: by what the kernel says of a process of its own for each size,
//! so that what one has freed is not what another one uses.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use antrea_bgp_api::{Kind, Object};
use antrea_bgp_policy::{Engine, Input};

use crate::cluster::{self, SLICES, drain};
/// How many Services there are. In smaller clusters, what the allocator keeps in reserve would be most of it.
const SIZES: [u32; 2] = [10_000, 100_000];

/// Objects that exist beside the engine where they come one by one.
const CHUNK: usize = 512;

/// How the objects come.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// One by one: what is measured is the engine.
    Single,
    /// As lists, as an API server's: all objects of a kind exist at once.
    Lists,
}

impl FromStr for Way {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "single" => Ok(Self::Single),
            "lists" => Ok(Self::Lists),
            _ => Err("single or lists"),
        }
    }
}

/// Measures every size in a process of its own, and prints a table.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    println!(
        "\n| Services | slices | cold start, one by one | cold start, lists | most resident, lists | resident after | a Service | a slice |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for services in SIZES {
        let [time, base, with_services, with_slices, _] = of_child("single", services)?;
        let [time_of_lists, .., most] = of_child("lists", services)?;
        let slices = services * SLICES;
        println!(
            "| {services} | {slices} | {:.3} s | {:.3} s | {:.1} MB | {:.1} MB | {:.0} octets | {:.0} octets |",
            time / 1e9,
            time_of_lists / 1e9,
            most / 1e6,
            with_slices / 1e6,
            (with_services - base) / f64::from(services),
            (with_slices - with_services) / f64::from(slices),
        );
    }
    Ok(())
}

/// The figures that a child prints.
fn of_child(way: &str, services: u32) -> Result<[f64; 5], Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["memory", way, &services.to_string()])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let figures = figures?.try_into();
    figures.map_err(|_| format!("a child: {}", output.status).into())
}

/// One cold start. Prints its nanoseconds, and octets that are resident: without Services, with them, with slices too, and
/// the most that it was.
pub(crate) fn measure(way: Way, services: u32) -> Result<(), Box<dyn Error>> {
    let mut start = Start {
        engine: Engine::new(cluster::NODE),
        time: Duration::ZERO,
    };
    for list in cluster::setting() {
        start.take(vec![list]);
    }
    let without = resident("VmRSS:")?;
    start.bring(way, Kind::Service, cluster::services(services));
    let with_services = resident("VmRSS:")?;
    start.bring(way, Kind::EndpointSlice, cluster::slices(services));
    let (with_slices, most) = (resident("VmRSS:")?, resident("VmHWM:")?);
    let time = start.time.as_nanos();
    println!("{time} {without} {with_services} {with_slices} {most}");
    Ok(())
}

/// An engine that starts.
struct Start {
    engine: Engine,
    /// What it took so far. Objects are made meanwhile, which does not count.
    time: Duration,
}

impl Start {
    fn bring(&mut self, way: Way, kind: Kind, mut objects: impl Iterator<Item = Object>) {
        match way {
            Way::Lists => self.take(vec![cluster::listed(kind, objects.collect())]),
            Way::Single => loop {
                let chunk = objects.by_ref().take(CHUNK).map(Input::Applied);
                let chunk: Vec<Input> = chunk.collect();
                if chunk.is_empty() {
                    break;
                }
                self.take(chunk);
            },
        }
    }

    fn take(&mut self, inputs: Vec<Input>) {
        let begin = Instant::now();
        for input in inputs {
            self.engine.handle(input);
            drain(&mut self.engine);
        }
        self.time += begin.elapsed();
    }
}

/// Octets of this process by this key.
fn resident(key: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kibibytes.ok_or("no such key")?.parse::<u64>()? * 1024)
}
