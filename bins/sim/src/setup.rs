//! What differs from seed to seed: speakers, who peers with whom, how, over what network.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bgp_fsm::{Confederation, GracefulRestartConfig, SessionConfig};
use bgp_wire::{Asn, Family};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::end::End;
use crate::net::Weather;
use crate::speaker::{OVERSIZED, Speaker};
use crate::world::World;

/// The longest that anything started during the storm may hold things up.
pub(crate) const STALL: Duration = Duration::from_secs(60);

/// What is announced: a pool of prefixes, and versions of their attributes.
pub(crate) struct Routes {
    pool: Vec<IpNet>,
    versions: u32,
    oversized: bool,
}

impl Routes {
    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        let size: u32 = pick(rng, &[3, 30, 30, 300, 2000]);
        let prefix = |number: u32| match number % 2 {
            0 => Ipv4Net::new(Ipv4Addr::from(0x1400_0000 + number), 32).map(IpNet::from),
            _ => {
                let address = (0x2001_0db8_u128 << 96) + (u128::from(number) << 64);
                Ipv6Net::new(Ipv6Addr::from(address), 64).map(IpNet::from)
            }
        };
        let pool = (0..size).map(|number| prefix(number).expect("a sound length"));
        Self {
            pool: pool.collect(),
            versions: pick(rng, &[1, 3, 1000]),
            oversized: rng.u8(..4) == 0,
        }
    }

    /// Some changes: few or many of the pool, a third of them withdrawals; now and then everything
    /// is withdrawn.
    pub(crate) fn changes(&self, rng: &mut fastrand::Rng) -> Vec<(IpNet, Option<u32>)> {
        if rng.u8(..20) == 0 {
            return self.pool.iter().map(|prefix| (*prefix, None)).collect();
        }
        let most = pick(rng, &[1, 1, 10, 100, 1000]);
        let count = rng.usize(1..=most.min(self.pool.len()));
        (0..count).map(|_| self.change(rng)).collect()
    }

    fn change(&self, rng: &mut fastrand::Rng) -> (IpNet, Option<u32>) {
        let version = match rng.u32(..100) {
            0..34 => None,
            34 if self.oversized => Some(OVERSIZED),
            _ => Some(rng.u32(..self.versions)),
        };
        (pick(rng, &self.pool), version)
    }
}

/// Two to eight speakers, every one of them reachable from every other one by sessions.
pub(crate) fn populate(world: &mut World, routes: &Routes) {
    let rng = &mut world.net.rng;
    let shape = pick(
        rng,
        &[Shape::Tree, Shape::Tree, Shape::Confederation, Shape::Star],
    );
    let count = match shape {
        Shape::Star => rng.u8(4..=8),
        _ => pick(rng, &[2, 2, 2, 3, 3, 4, 5, 8]),
    };
    for number in 1..=count {
        let rng = &mut world.net.rng;
        let id = Ipv4Addr::from((rng.u32(1..1 << 24) << 8) | u32::from(number));
        let asn = match (shape, number) {
            (Shape::Star, 1) => 1,
            (Shape::Star, _) => 2,
            _ => rng.u32(1..=4),
        };
        let mut speaker = Speaker::new(Asn(asn), id, number);
        for _ in 0..4 {
            for (prefix, version) in routes.changes(rng) {
                speaker.want(prefix, version, 0);
            }
        }
        world.speakers.push(speaker);
    }
    for second in 1..usize::from(count) {
        if shape == Shape::Star {
            add_pair(world, [0, second], shape);
            continue;
        }
        let first = world.net.rng.usize(..second);
        add_pair(world, [first, second], shape);
        let other = world.net.rng.usize(..second);
        if other != first && world.net.rng.u8(..3) == 0 {
            add_pair(world, [other, second], shape);
        }
    }
}

/// Who peers with whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Everybody with somebody, in any number of ASes.
    Tree,
    /// The same, with a confederation among them.
    Confederation,
    /// All with one, as one update group.
    Star,
}

fn add_pair(world: &mut World, speakers: [usize; 2], shape: Shape) {
    let rng = &mut world.net.rng;
    let ipv6 = rng.bool();
    let both = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let families = match rng.u8(..4) {
        _ if shape == Shape::Star => [both.clone(), both],
        0 => [both.clone(), both],
        1 => [both, vec![Family::IPV6_UNICAST]],
        2 => [vec![Family::IPV6_UNICAST], vec![Family::IPV6_UNICAST]],
        _ => [vec![Family::IPV4_UNICAST], vec![Family::IPV4_UNICAST]],
    };
    // One side at least has to dial.
    let passive = rng.usize(..4);
    let restart_time = pick(rng, &[120, 120, 60, 300]);
    let first = world.ends.len();
    for (side, families) in families.into_iter().enumerate() {
        let (us, them) = (
            &world.speakers[speakers[side]],
            &world.speakers[speakers[1 - side]],
        );
        let confederation = |speaker: &Speaker| {
            let member = shape == Shape::Confederation && MEMBERS.contains(&speaker.asn);
            member.then(|| Confederation {
                identifier: IDENTIFIER,
                members: MEMBERS.to_vec(),
            })
        };
        let peer_asn = match (confederation(us), confederation(them)) {
            (None, Some(theirs)) => theirs.identifier,
            _ => them.asn,
        };
        let config = SessionConfig {
            confederation: confederation(us),
            families,
            passive: passive == side,
            ..SessionConfig::new(us.asn, us.id, peer_asn)
        };
        let rng = &mut world.net.rng;
        let mut config = vary(rng, config, restart_time);
        config.extended_messages &= shape != Shape::Star;
        let mut end = End::new(speakers[side], first + 1 - side, ipv6, config);
        end.plain_refresh = rng.u8(..3) == 0;
        world.ends.push(end);
        world.speakers[speakers[side]].ends.push(first + side);
    }
}

const MEMBERS: [Asn; 2] = [Asn(1), Asn(2)];
const IDENTIFIER: Asn = Asn(100);

/// The same neighbour with other values of whatever may change while it is configured.
pub(crate) fn vary(
    rng: &mut fastrand::Rng,
    config: SessionConfig,
    restart_time: u16,
) -> SessionConfig {
    SessionConfig {
        delay_open: (rng.u8(..8) == 0).then(|| Duration::from_secs(rng.u64(1..5))),
        hold_time: pick(rng, &[3, 9, 30, 90, 90]),
        keepalive: (rng.u8(..4) == 0).then(|| rng.u16(1..10)),
        idle_hold: (rng.u8(..8) == 0).then(|| rng.u16(1..10)),
        send_hold_time: rng.bool().then(|| Duration::from_secs(rng.u64(20..100))),
        graceful_restart: (rng.u8(..4) > 0).then(|| GracefulRestartConfig {
            time: restart_time,
            notification: rng.bool(),
        }),
        extended_messages: rng.bool(),
        ..config
    }
}

/// A network in which anything may happen, now and then or all the time.
pub(crate) fn storm(rng: &mut fastrand::Rng) -> Weather {
    let severity = pick(rng, &[0.02, 0.1, 1.0]);
    let mut maybe = |probability: f64| match rng.bool() {
        true => severity * probability * rng.f64(),
        false => 0.0,
    };
    Weather {
        refuse: maybe(0.5),
        lose_syn: maybe(0.3),
        reset: maybe(0.05),
        cut: maybe(0.03),
        stall: maybe(0.05),
        stall_time: STALL,
        delay: Duration::from_millis(pick(rng, &[0, 1, 50, 500, 3000])),
        window: pick(rng, &[50, 1000, 65536]),
    }
}

/// A network in which nothing goes wrong.
pub(crate) fn calm() -> Weather {
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

/// One of several.
pub(crate) fn pick<T: Clone>(rng: &mut fastrand::Rng, some: &[T]) -> T {
    some[rng.usize(..some.len())].clone()
}
