//! Speakers with faults between them, on a virtual clock. Each seed is one history.
//!
//! `BGP_SIM_SEEDS=N` runs N seeds instead of a few hundred, `BGP_SIM_SEED=S` that one alone, with
//! its log.

mod net;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use bgp_fsm::{Command, GracefulRestartConfig, Negotiated, SessionConfig, Shutdown, State};
use bgp_wire::{Asn, MessageType};
use bytes::Bytes;

use crate::support::{epoch, message, secs};
use net::Weather;
use world::{Application, World};

const SEEDS: u64 = 300;

#[test]
fn whatever_happens_each_pair_ends_up_with_one_session() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let seeds = match number("BGP_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("BGP_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        run(seed);
    }
}

/// How long the network is bad.
const STORM: Duration = Duration::from_secs(300);
/// The longest that anything started during the storm may hold things up.
const STALL: Duration = Duration::from_secs(60);
/// A hold time to notice that a connection is silent, one wait for an OPEN, one for a retry and
/// one in Idle, each at most a quarter of the restart time; and what was still stalled.
const RECOVERY: Duration = Duration::from_secs(60 + 90 + 30 + 30 + 30);

fn run(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let weather = storm(&mut rng);
    let mut world = World::new(epoch(), rng, weather, Counter::default());
    let outcome = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    if let Err(panic) = outcome {
        let log = world.log.iter().rev().take(150).rev();
        log.for_each(|line| eprintln!("{line}"));
        eprintln!("failed with BGP_SIM_SEED={seed}");
        resume_unwind(panic);
    }
}

/// A storm with mishaps, the calm after it, and the end.
fn live(world: &mut World<Counter>) {
    let begin = world.net.now;
    let pairs: Vec<_> = (0..world.net.rng.usize(1..=2))
        .map(|_| {
            let configs = configs(&mut world.net.rng);
            world.add_pair(configs)
        })
        .collect();
    for end in pairs.iter().flatten() {
        world.command(*end, Command::Start);
    }
    while world.net.now < begin + STORM {
        let pause = secs(60).mul_f64(world.net.rng.f64());
        world.run_until(world.net.now + pause);
        mishap(world);
    }
    world.net.weather = calm();
    world.run_until(world.net.now + RECOVERY);
    for pair in &pairs {
        assert!(
            world.settled(*pair),
            "{pair:?} is not settled {RECOVERY:?} after the storm"
        );
    }

    // Nothing breaks by itself.
    let before = world.app.sessions;
    world.run_until(world.net.now + secs(120));
    assert_eq!(
        world.app.sessions, before,
        "a session was reset in calm weather"
    );
    assert!(pairs.iter().all(|pair| world.settled(*pair)));
    world.app.check();

    for end in pairs.iter().flatten() {
        let text = "end of the world".to_owned();
        world.command(*end, Command::Stop(Shutdown::Administrative { text }));
        let session = &world.ends[*end].session;
        assert_eq!(
            (session.state(), session.poll_timeout()),
            (State::Idle, None)
        );
    }
    world.run_until(world.net.now + secs(60));
    assert!(
        world
            .ends
            .iter()
            .all(|end| end.session.state() == State::Idle)
    );
}

fn mishap(world: &mut World<Counter>) {
    let end = world.net.rng.usize(..world.ends.len());
    match world.net.rng.u8(..8) {
        0 => world.restart(end, false),
        1 => world.restart(end, true),
        2 => {
            let time = secs(120).mul_f64(world.net.rng.f64());
            world.suspend(end, time.min(STALL));
        }
        3 => {
            let config = SessionConfig {
                hold_time: world.net.rng.choice([3, 9, 90]).expect("there is one"),
                ..(**world.ends[end].session.config()).clone()
            };
            world.reconfigure(end, config);
        }
        4 => {
            world.command(
                end,
                Command::Stop(Shutdown::Reset {
                    text: String::new(),
                }),
            );
            world.command(end, Command::Start);
        }
        _ => {}
    }
}

/// Two speakers that differ in whatever may matter. At least one of them dials.
fn configs(rng: &mut fastrand::Rng) -> [SessionConfig; 2] {
    let passive = rng.usize(..4);
    let ids = [rng.u32(1..), rng.u32(1..)];
    let asns = [Asn(rng.u32(1..=3)), Asn(rng.u32(4..=6))];
    std::array::from_fn(|side| SessionConfig {
        passive: passive == side,
        delay_open: (rng.u8(..8) == 0).then(|| secs(rng.u64(1..5))),
        hold_time: rng.choice([3, 9, 30, 90, 90]).expect("there is one"),
        graceful_restart: rng.bool().then(|| GracefulRestartConfig {
            time: 120,
            notification: rng.bool(),
        }),
        restarting: rng.bool(),
        extended_messages: rng.bool(),
        ..SessionConfig::new(asns[side], ids[side].into(), asns[1 - side])
    })
}

fn storm(rng: &mut fastrand::Rng) -> Weather {
    let mut maybe = |probability: f64| {
        if rng.bool() {
            probability * rng.f64()
        } else {
            0.0
        }
    };
    let (refuse, lose_syn, reset) = (maybe(0.5), maybe(0.3), maybe(0.05));
    let (cut, stall) = (maybe(0.03), maybe(0.05));
    Weather {
        delay: Duration::from_millis(rng.choice([0, 1, 50, 500, 3000]).expect("there is one")),
        refuse,
        lose_syn,
        reset,
        cut,
        stall,
        stall_time: STALL,
        window: rng.choice([50, 1000, 65536]).expect("there is one"),
    }
}

fn calm() -> Weather {
    Weather {
        delay: Duration::from_millis(10),
        refuse: 0.0,
        lose_syn: 0.0,
        reset: 0.0,
        cut: 0.0,
        stall: 0.0,
        stall_time: Duration::ZERO,
        window: 65536,
    }
}

/// Each end sends the numbers from 0 up, as withdrawals of host routes, and checks that what it
/// gets is just that.
#[derive(Default)]
struct Counter {
    ends: BTreeMap<usize, Count>,
    /// How often a session became Established.
    sessions: usize,
}

#[derive(Default)]
struct Count {
    sent: u32,
    received: u32,
}

/// How many numbers go out in each session.
const NUMBERS: u32 = 50;

impl Application for Counter {
    fn established(&mut self, end: usize, _: &Negotiated) {
        self.sessions += 1;
        self.ends.insert(end, Count::default());
    }

    fn down(&mut self, end: usize) {
        self.ends.remove(&end);
    }

    fn update(&mut self, end: usize, message: &Bytes) {
        let count = self.ends.get_mut(&end).expect("an UPDATE needs a session");
        let number = u32::from_be_bytes(message[22..26].try_into().expect("four octets"));
        assert_eq!(number, count.received, "lost or repeated at end {end}");
        count.received += 1;
    }

    fn pull(&mut self, end: usize) -> Option<Bytes> {
        let count = self.ends.get_mut(&end)?;
        let number = (count.sent < NUMBERS).then_some(count.sent)?.to_be_bytes();
        count.sent += 1;
        let body = [&[0, 5, 32], &number[..], &[0, 0]].concat();
        Some(message(MessageType::UPDATE, &body).into())
    }

    fn end_of_rib_sent(&self, end: usize) -> bool {
        self.ends
            .get(&end)
            .is_some_and(|count| count.sent == NUMBERS)
    }
}

impl Counter {
    /// In the end everything has arrived.
    fn check(&self) {
        for (end, count) in &self.ends {
            assert_eq!(
                (count.sent, count.received),
                (NUMBERS, NUMBERS),
                "end {end}"
            );
        }
    }
}
