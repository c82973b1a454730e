//! A network on a virtual clock: byte pipes between sockets, and what can go wrong with them.
//!
//! It knows nothing of BGP. Everything that happens comes from the seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// Which end of a pipe: the one that dialled is 0.
pub(crate) type Side = usize;

/// What arrives at one end of a pipe.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// At side 1: somebody dials.
    Syn,
    /// At side 0: the dial succeeded.
    SynAck,
    /// At side 0: it did not.
    Refused,
    Data(Vec<u8>),
    /// The other side closed.
    Fin,
    /// The connection broke.
    Reset,
    /// There is room for writing again.
    Writable,
}

/// What a crash looks like from the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The kernel closes what the process had open.
    Fin,
    /// Connections are reset.
    Reset,
    /// The host is gone, and nobody answers for it.
    Silent,
}

/// How bad the network is. Probabilities are per event, 0 to 1.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// Longest delay of a segment; each one's is drawn up to that.
    pub(crate) delay: Duration,
    pub(crate) refuse: f64,
    /// A SYN gets lost for good.
    pub(crate) lose_syn: f64,
    /// A segment breaks the connection.
    pub(crate) reset: f64,
    /// A segment is the last that arrives: no FIN, no RST, just silence.
    pub(crate) cut: f64,
    /// A segment is held up for as long as `stall_time`.
    pub(crate) stall: f64,
    pub(crate) stall_time: Duration,
    /// Octets that a direction of a pipe holds before writes are refused.
    pub(crate) window: usize,
}

pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) rng: fastrand::Rng,
    pub(crate) weather: Weather,
    pipes: Vec<Pipe>,
    /// When the next arrival of a direction of a pipe is due, with a number that keeps the order
    /// of equal times.
    due: BinaryHeap<Reverse<(Instant, u64, usize, Side)>>,
    scheduled: u64,
}

struct Pipe {
    ends: [usize; 2],
    /// Toward each side, in order.
    toward: [Direction; 2],
    /// Nothing arrives any more, and nobody is told.
    cut: bool,
}

struct Direction {
    arrivals: VecDeque<Arrival>,
    /// No later arrival may overtake this.
    last: Instant,
    octets: usize,
    /// The socket at this side is closed.
    closed: bool,
    /// The writer waits for room.
    blocked: bool,
}

impl Net {
    pub(crate) fn new(now: Instant, rng: fastrand::Rng, weather: Weather) -> Self {
        Self {
            now,
            rng,
            weather,
            pipes: Vec::new(),
            due: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    /// Opens a pipe from one end to another. Side 0 gets a SynAck, a Refused, or nothing.
    pub(crate) fn dial(&mut self, from: usize, to: usize) -> usize {
        let direction = || Direction {
            arrivals: VecDeque::new(),
            last: self.now,
            octets: 0,
            closed: false,
            blocked: false,
        };
        self.pipes.push(Pipe {
            ends: [from, to],
            toward: [direction(), direction()],
            cut: false,
        });
        let pipe = self.pipes.len() - 1;
        if self.chance(self.weather.lose_syn) {
            self.pipes[pipe].cut = true;
        } else if self.chance(self.weather.refuse) {
            self.schedule(pipe, 0, Arrival::Refused);
        } else {
            self.schedule(pipe, 1, Arrival::Syn);
        }
        pipe
    }

    /// Side 1 takes the connection.
    pub(crate) fn accept(&mut self, pipe: usize) {
        self.schedule(pipe, 0, Arrival::SynAck);
    }

    /// Writes what there is room for, in segments of any size. Returns how much; the writer gets a
    /// Writable when there is room for more.
    pub(crate) fn write(&mut self, pipe: usize, from: Side, octets: &[u8]) -> usize {
        let window = self.weather.window;
        let toward = &mut self.pipes[pipe].toward[1 - from];
        let taken = octets.len().min(window.saturating_sub(toward.octets));
        toward.octets += taken;
        toward.blocked = taken < octets.len();
        let mut rest = &octets[..taken];
        while !rest.is_empty() {
            let (segment, later) = rest.split_at(self.rng.usize(1..=rest.len()));
            rest = later;
            self.schedule(pipe, 1 - from, Arrival::Data(segment.to_vec()));
            if self.chance(self.weather.reset) {
                self.reset(pipe);
            }
            if self.chance(self.weather.cut) {
                self.pipes[pipe].cut = true;
            }
        }
        taken
    }

    /// Closes one side: the other gets a Fin behind the data, this one nothing any more.
    pub(crate) fn close(&mut self, pipe: usize, side: Side) {
        let ends = &mut self.pipes[pipe].toward;
        if !ends[side].closed {
            ends[side].closed = true;
            self.schedule(pipe, 1 - side, Arrival::Fin);
        }
    }

    /// Whatever held the connections of an end is gone.
    pub(crate) fn crash(&mut self, end: usize, how: Crash) {
        for pipe in 0..self.pipes.len() {
            let Some(side) = self.pipes[pipe].ends.iter().position(|e| *e == end) else {
                continue;
            };
            match how {
                Crash::Silent => self.pipes[pipe].cut = true,
                Crash::Reset if !self.pipes[pipe].toward[side].closed => self.reset(pipe),
                Crash::Fin => self.close(pipe, side),
                Crash::Reset => {}
            }
            self.pipes[pipe].toward[side].closed = true;
        }
    }

    /// Which side of a pipe an end has.
    pub(crate) fn side(&self, pipe: usize, end: usize) -> Side {
        usize::from(self.pipes[pipe].ends[1] == end)
    }

    /// Whether what is written still arrives.
    pub(crate) fn works(&self, pipe: usize) -> bool {
        let pipe = &self.pipes[pipe];
        !pipe.cut && pipe.toward.iter().all(|toward| !toward.closed)
    }

    /// When something arrives next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    /// What arrives now, at which end, on which pipe and side. `asleep` says until when an end
    /// does not look.
    pub(crate) fn arrival(
        &mut self,
        asleep: impl Fn(usize) -> Option<Instant>,
    ) -> Option<(usize, usize, Side, Arrival)> {
        while let Some(Reverse((at, number, pipe, side))) = self.due.peek().copied() {
            if at > self.now {
                return None;
            }
            self.due.pop();
            let end = self.pipes[pipe].ends[side];
            if let Some(wakes) = asleep(end).filter(|wakes| *wakes > self.now) {
                self.due.push(Reverse((wakes, number, pipe, side)));
                continue;
            }
            let Some(arrival) = self.pipes[pipe].toward[side].arrivals.pop_front() else {
                continue;
            };
            if let Some(arrival) = self.receive(pipe, side, arrival) {
                return Some((end, pipe, side, arrival));
            }
        }
        None
    }

    /// What a socket makes of an arrival before its owner sees it.
    fn receive(&mut self, pipe: usize, side: Side, arrival: Arrival) -> Option<Arrival> {
        if self.pipes[pipe].cut {
            return None;
        }
        if let Arrival::Data(data) = &arrival {
            let toward = &mut self.pipes[pipe].toward[side];
            toward.octets -= data.len();
            if std::mem::take(&mut toward.blocked) {
                self.schedule(pipe, 1 - side, Arrival::Writable);
            }
            if self.pipes[pipe].toward[side].closed {
                self.schedule(pipe, 1 - side, Arrival::Reset);
                return None;
            }
        }
        // A SYN to a dialler that has given up is still a SYN.
        let closed = self.pipes[pipe].toward[side].closed;
        (!closed).then_some(arrival)
    }

    /// Breaks the connection for both sides at once; what is on its way is lost.
    fn reset(&mut self, pipe: usize) {
        for side in 0..2 {
            let toward = &mut self.pipes[pipe].toward[side];
            toward
                .arrivals
                .iter_mut()
                .for_each(|arrival| *arrival = Arrival::Reset);
            self.schedule(pipe, side, Arrival::Reset);
        }
    }

    fn schedule(&mut self, pipe: usize, side: Side, arrival: Arrival) {
        let mut delay = self.weather.delay.mul_f64(self.rng.f64());
        if self.chance(self.weather.stall) {
            delay += self.weather.stall_time.mul_f64(self.rng.f64());
        }
        let toward = &mut self.pipes[pipe].toward[side];
        toward.last = toward.last.max(self.now + delay);
        toward.arrivals.push_back(arrival);
        self.scheduled += 1;
        self.due
            .push(Reverse((toward.last, self.scheduled, pipe, side)));
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.f64() < probability
    }
}
