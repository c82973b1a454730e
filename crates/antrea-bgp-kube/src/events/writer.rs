//! The task that writes Events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use antrea_bgp_api::Timestamp;
use http::Request;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request as Requests;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::backoff::Backoff;
use crate::cluster::Uids;
use crate::failure::Failure;
use crate::http::send;
use crate::timing::Timing;

use super::limits::Limits;
use super::{Counters, Event, object};

/// How many different Events are remembered.
const REMEMBERED: usize = 512;

/// For how long after it happened an Event is still news: about as long as API servers keep one.
const NEWS: Duration = Duration::from_secs(3600);

pub(super) struct Writer {
    client: Client,
    node: String,
    timing: Arc<Timing>,
    uids: Uids,
    random: fastrand::Rng,
    counters: Arc<Counters>,
    limits: Limits,
    retry: Backoff,
    /// After a failure nothing is written before this.
    not_before: Instant,
    known: HashMap<Event, Known>,
    /// Whether a missing permission was reported, so that it is not again.
    denied: bool,
}

/// An Event that was, or is to be, written.
struct Known {
    name: String,
    state: State,
    /// How often it happened.
    count: u32,
    last: Instant,
    last_time: Timestamp,
}

enum State {
    /// Not written yet; similar ones were left out before it.
    New { due: Instant, left_out: u32 },
    /// As it stands.
    Written { at: Instant },
    /// Happened again since it was written.
    Again { due: Instant },
}

impl Known {
    fn due(&self) -> Option<Instant> {
        match self.state {
            State::New { due, .. } | State::Again { due } => Some(due),
            State::Written { .. } => None,
        }
    }
}

impl Writer {
    pub(super) fn new(
        client: Client,
        node: String,
        timing: Arc<Timing>,
        uids: Uids,
        seed: u64,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            client,
            node,
            uids,
            // The same seed as others use must not give the same jitter as theirs.
            random: fastrand::Rng::with_seed(!seed),
            counters,
            limits: Limits::new(timing.event_burst, timing.event_refill),
            retry: Backoff::new(timing.retry_first, timing.retry_longest),
            timing,
            not_before: Instant::now(),
            known: HashMap::new(),
            denied: false,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Event>) {
        loop {
            let due = self.next_due();
            tokio::select! {
                // Repetitions that are there already belong into what is written next.
                biased;
                event = queue.recv() => match event {
                    Some(event) => self.take(event, Instant::now(), Timestamp::now()),
                    None => return,
                },
                () = sleep_until(due), if due.is_some() => self.write_next().await,
            }
        }
    }

    /// Decides what becomes of an Event.
    fn take(&mut self, event: Event, now: Instant, time: Timestamp) {
        self.forget(now);
        let update = self.timing.event_update;
        if let Some(known) = self.known.get_mut(&event) {
            known.count = known.count.saturating_add(1);
            known.last = now;
            known.last_time = time;
            match known.state {
                // All agents would count up the one Event that they share.
                State::Written { at } if !event.is_shared() => {
                    known.state = State::Again { due: at + update };
                }
                _ => {}
            }
            Counters::add(&self.counters.repeated);
            return;
        }
        if self.known.len() >= REMEMBERED {
            Counters::add(&self.counters.lost);
            return;
        }
        let Ok(left_out) = self.limits.take(now, &event.object, &event.reason) else {
            Counters::add(&self.counters.limited);
            return;
        };
        let spread = match event.is_shared() {
            true => self.timing.event_spread.mul_f64(self.random.f64()),
            false => Duration::ZERO,
        };
        let known = Known {
            name: object::name(&event, &self.node, time),
            state: State::New {
                due: now + spread,
                left_out,
            },
            count: 1,
            last: now,
            last_time: time,
        };
        self.known.insert(event, known);
    }

    /// Drops what ended: another one like it will be a new Event.
    fn forget(&mut self, now: Instant) {
        let series = self.timing.event_series;
        self.known
            .retain(|_, known| known.due().is_some() || now < known.last + series);
        self.limits.tidy(now);
    }

    fn next_due(&self) -> Option<Instant> {
        let first = self.known.values().filter_map(Known::due).min()?;
        Some(first.max(self.not_before))
    }

    /// Writes what was due first.
    async fn write_next(&mut self) {
        let due = self
            .known
            .iter()
            .filter_map(|(event, known)| Some((known.due()?, event)))
            .min_by_key(|(due, _)| *due);
        let Some((_, event)) = due else { return };
        let event = event.clone();
        let Some(known) = self.known.remove(&event) else {
            return;
        };
        let result = match self.request(&event, &known) {
            Ok(request) => send(&self.client, request, self.timing.request).await,
            Err(failure) => Err(failure),
        };
        match result.map(drop) {
            Ok(()) => self.written(event, known),
            // Another agent was first, or an answer of an earlier attempt got lost.
            Err(Failure::Conflict(_)) if matches!(known.state, State::New { .. }) => {
                self.written(event, known);
            }
            Err(failure) => self.failed(event, known, &failure),
        }
    }

    fn request(&self, event: &Event, known: &Known) -> Result<Request<Vec<u8>>, Failure> {
        let events = Requests::new(object::PATH);
        match known.state {
            State::New { left_out, .. } => {
                let uid = self.uids.get(&event.object);
                let (name, time) = (&known.name, known.last_time);
                let new = object::new(event, name, &self.node, uid.as_deref(), time, left_out);
                events.create(&PostParams::default(), new.to_string().into_bytes())
            }
            State::Again { .. } | State::Written { .. } => {
                let patch = Patch::Merge(object::series(known.count, known.last_time));
                events.patch(&known.name, &PatchParams::default(), &patch)
            }
        }
        .map_err(|error| Failure::from_error(&error))
    }

    fn written(&mut self, event: Event, mut known: Known) {
        self.retry.reset();
        self.denied = false;
        let now = Instant::now();
        known.state = match known.state {
            State::New { .. } => {
                Counters::add(&self.counters.written);
                // What all agents see alike is not counted by each of them.
                match known.count > 1 && !event.is_shared() {
                    true => State::Again {
                        due: now + self.timing.event_update,
                    },
                    false => State::Written { at: now },
                }
            }
            State::Again { .. } | State::Written { .. } => State::Written { at: now },
        };
        self.known.insert(event, known);
    }

    fn failed(&mut self, event: Event, mut known: Known, failure: &Failure) {
        let now = Instant::now();
        let pause = self.retry.next(&mut self.random);
        let wished = failure.retry_after().unwrap_or_default();
        self.not_before = now + pause.max(wished.min(self.timing.retry_longest));
        match failure {
            Failure::Denied(_) if !std::mem::replace(&mut self.denied, true) => {
                warn!(
                    "cannot write Events: {failure}; grant verbs create and patch on resource \
                     \"events\" in apiGroup \"events.k8s.io\", in namespace {:?}",
                    object::NAMESPACE
                );
            }
            _ => debug!(%failure, "cannot write an Event"),
        }
        let hopeless = matches!(failure, Failure::Refused(_));
        let expired =
            matches!(failure, Failure::NotFound(_)) && matches!(known.state, State::Again { .. });
        if hopeless || expired || now > known.last + NEWS {
            // Forgotten, so that it is written anew should it happen again.
            Counters::add(&self.counters.lost);
            return;
        }
        known.state = match known.state {
            State::New { left_out, .. } => State::New { due: now, left_out },
            State::Again { .. } | State::Written { .. } => State::Again { due: now },
        };
        self.known.insert(event, known);
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
