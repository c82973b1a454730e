//! One task per kind: lists, watches, and starts over where it has to.

use std::sync::Arc;
use std::time::Duration;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Input, SourceState};
use http::Request;
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::Request as Requests;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::backoff::Backoff;
use crate::cluster::{Batch, Uids};
use crate::decode::{self, Event, Item};
use crate::failure::Failure;
use crate::http::{Pieces, send};
use crate::list::Listing;
use crate::resource::Resource;
use crate::status::Statuses;
use crate::timing::Timing;

/// How many answers that make no sense a resumed watch may give before all is listed anew.
const GARBLED_RESUMES: u32 = 3;

/// The source of one kind.
pub(crate) struct Source {
    pub(crate) client: Client,
    pub(crate) resource: Resource,
    pub(crate) timing: Arc<Timing>,
    pub(crate) random: fastrand::Rng,
    pub(crate) statuses: Statuses,
    pub(crate) uids: Uids,
    pub(crate) out: mpsc::Sender<Batch>,
    /// Tells this task's batches from those of an earlier one for the same kind.
    pub(crate) epoch: u64,
}

/// What is known about the server between two attempts.
struct Follower {
    source: Source,
    retry: Backoff,
    slow: Backoff,
    /// Where a watch can be resumed; `None`: all has to be listed.
    position: Option<String>,
    state: SourceState,
    /// Whether objects were listed and have not been swept since.
    listed: bool,
    /// Whether the present attempt brought anything.
    progress: bool,
    /// Whether the present attempt listed all objects.
    listed_now: bool,
    /// Pauses between lists that lead to nothing but the next list.
    relist: Backoff,
    /// Since when every answer was 404.
    not_found: Option<Instant>,
    garbled: u32,
    /// The last streaming list failed for a reason that pages may not have.
    pages_next: bool,
}

/// Nobody wants the objects any more.
struct Unwanted;

enum Stop {
    Failed(Failure),
    Unwanted,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Unwanted> for Stop {
    fn from(_: Unwanted) -> Self {
        Self::Unwanted
    }
}

impl Source {
    /// Follows the kind until nobody wants to know any more.
    pub(crate) async fn run(self) {
        let timing = &self.timing;
        let mut follower = Follower {
            retry: Backoff::new(timing.retry_first, timing.retry_longest),
            slow: Backoff::new(timing.slow_first, timing.slow_longest),
            position: None,
            state: SourceState::Unwatched,
            listed: false,
            progress: false,
            listed_now: false,
            relist: Backoff::new(timing.retry_first, timing.slow_longest),
            not_found: None,
            garbled: 0,
            pages_next: false,
            source: self,
        };
        // Only its end is of interest, and that was our owner's wish.
        let Unwanted = follower.run().await;
    }
}

impl Follower {
    async fn run(&mut self) -> Unwanted {
        if let Err(unwanted) = self.enter(SourceState::Listing, Vec::new(), None).await {
            return unwanted;
        }
        loop {
            self.progress = false;
            self.listed_now = false;
            let attempt = match self.position.clone() {
                Some(position) => self.resume(&position).await,
                None => self.list().await,
            };
            let pause = match attempt {
                Ok(()) => Ok(self.ended()),
                Err(Stop::Failed(failure)) => self.failed(&failure).await,
                Err(Stop::Unwanted) => return Unwanted,
            };
            match pause {
                Ok(pause) => tokio::time::sleep(pause).await,
                Err(unwanted) => return unwanted,
            }
        }
    }

    fn kind(&self) -> Kind {
        self.source.resource.kind
    }

    /// A watch came to its end as every watch does.
    fn ended(&mut self) -> Duration {
        if self.progress {
            // Watches of many agents end together when their API server stops.
            let random = self.source.random.f64();
            return self.source.timing.retry_first.mul_f64(random / 2.0);
        }
        // One that ends before anything came is no better than one that fails.
        self.retry.next(&mut self.source.random)
    }

    // ---- requests ----

    /// Lists all, by stream where the server can, and follows what comes after.
    async fn list(&mut self) -> Result<(), Stop> {
        if std::mem::take(&mut self.pages_next) {
            return self.pages().await;
        }
        match self.stream().await {
            Err(Stop::Failed(Failure::Refused(why))) => {
                debug!(kind = %self.kind(), why, "no streaming lists here; listing in pages");
                self.pages().await
            }
            Err(Stop::Failed(failure @ (Failure::Other { .. } | Failure::Silent(_)))) => {
                // Nobody knows all the ways in which servers fail at what is new.
                self.pages_next = !self.listed_now;
                Err(failure.into())
            }
            result => result,
        }
    }

    /// A watch that begins with all objects.
    async fn stream(&mut self) -> Result<(), Stop> {
        let mut pieces = self.watch("", true).await?;
        let mut listing = Some(Listing::default());
        // Objects first, and at once: a pause means that the end mark will never come, as from a
        // server that ignores what it does not know.
        let idle = self.source.timing.request;
        while let Some(list) = &mut listing {
            let more = match pieces.read(idle).await {
                Ok(more) => more,
                Err(Failure::Silent(why)) => return Err(Failure::Refused(why).into()),
                Err(failure) => return Err(failure.into()),
            };
            self.count(&mut pieces);
            let mut done = None;
            while let Some(line) = pieces.line() {
                match decode::event(self.source.resource.kind, line)? {
                    Event::Applied(item) => list.push(item),
                    Event::Deleted(identity) => list.remove(&identity.object),
                    Event::Bookmark {
                        version,
                        initial_end: true,
                    } => {
                        done = Some(version);
                        break;
                    }
                    Event::Bookmark { .. } => {}
                    Event::Error(failure) => return Err(failure.into()),
                }
            }
            if let Some(version) = done {
                let list = listing.take().unwrap_or_default();
                self.listed(list, version).await?;
            } else if !more {
                return Err(cut(&pieces, "the list ended before its end mark").into());
            } else {
                check_line(&pieces)?;
            }
        }
        self.follow(pieces).await
    }

    /// All objects in pages, then a watch from there.
    async fn pages(&mut self) -> Result<(), Stop> {
        let mut listing = Listing::default();
        let mut params = ListParams {
            label_selector: self.source.resource.labels.clone(),
            field_selector: self.source.resource.fields.clone(),
            limit: Some(self.source.timing.page),
            ..ListParams::default()
        };
        let version = loop {
            let request = Requests::new(&*self.source.resource.path).list(&params);
            let mut pieces = self.open(request.map_err(|e| unbuildable(&e))?).await?;
            pieces.read_to_end(self.source.timing.request).await?;
            self.count(&mut pieces);
            let page = decode::page(self.kind(), pieces.unread())?;
            page.items.into_iter().for_each(|item| listing.push(item));
            match page.continues {
                Some(token) => params.continue_token = Some(token),
                None => break page.version,
            }
        };
        self.listed(listing, version.clone()).await?;
        self.resume(&version).await
    }

    /// Goes on where an earlier watch or a list ended.
    async fn resume(&mut self, position: &str) -> Result<(), Stop> {
        let pieces = self.watch(position, false).await?;
        self.follow(pieces).await
    }

    async fn watch(&mut self, position: &str, all: bool) -> Result<Pieces, Failure> {
        let shortest = self.source.timing.watch_lifetime.as_secs().max(1);
        let lifetime = self.source.random.u64(shortest..=2 * shortest);
        let params = WatchParams {
            label_selector: self.source.resource.labels.clone(),
            field_selector: self.source.resource.fields.clone(),
            timeout: Some(u32::try_from(lifetime).unwrap_or(u32::MAX)),
            bookmarks: true,
            send_initial_events: all,
        };
        let request = Requests::new(&*self.source.resource.path).watch(&params, position);
        self.source
            .statuses
            .update(self.kind(), |status| status.watches += 1);
        self.open(request.map_err(|e| unbuildable(&e))?).await
    }

    async fn open(&self, request: Request<Vec<u8>>) -> Result<Pieces, Failure> {
        let wipe = self.kind() == Kind::Secret;
        let response = send(&self.source.client, request, self.source.timing.request).await?;
        Ok(Pieces::new(response, wipe))
    }

    /// Takes in events until the watch ends. One that follows a failure has to bring something,
    /// or at least to stay open for a moment, before all counts as well again.
    async fn follow(&mut self, mut pieces: Pieces) -> Result<(), Stop> {
        let mut inputs = Vec::new();
        loop {
            let ended = self.take_lines(&mut pieces, &mut inputs);
            self.deliver(std::mem::take(&mut inputs)).await?;
            ended?;
            check_line(&pieces)?;
            if self.progress {
                self.recovered().await?;
            }
            let idle = match self.state {
                SourceState::Synced => self.source.timing.watch_idle,
                _ => self.source.timing.retry_first,
            };
            match pieces.read(idle).await {
                Ok(true) => self.count(&mut pieces),
                Ok(false) if pieces.unread().is_empty() => return Ok(()),
                Ok(false) => return Err(cut(&pieces, "the watch ended").into()),
                Err(Failure::Silent(_)) if self.state != SourceState::Synced => {
                    self.recovered().await?;
                }
                // Dead, or a server without bookmarks. Resuming will tell.
                Err(Failure::Silent(_)) => return Ok(()),
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Takes in what is there, up to what cannot be understood.
    fn take_lines(&mut self, pieces: &mut Pieces, inputs: &mut Vec<Input>) -> Result<(), Failure> {
        while let Some(line) = pieces.line() {
            if line.is_empty() {
                continue;
            }
            let event = decode::event(self.source.resource.kind, line)?;
            let version = match event {
                Event::Applied(item) => {
                    self.source.uids.insert(&item.identity);
                    let (version, input) = applied(item);
                    inputs.push(input);
                    version
                }
                Event::Deleted(identity) => {
                    self.source.uids.remove(&identity.object);
                    inputs.push(Input::Deleted(identity.object));
                    identity.version
                }
                Event::Bookmark { version, .. } => version,
                Event::Error(failure) => return Err(failure),
            };
            self.position = Some(version);
            self.succeeded();
            self.relist.reset();
        }
        Ok(())
    }

    // ---- what came of it ----

    fn succeeded(&mut self) {
        self.progress = true;
        self.retry.reset();
        self.slow.reset();
        self.not_found = None;
        self.garbled = 0;
    }

    async fn recovered(&mut self) -> Result<(), Unwanted> {
        if self.state == SourceState::Synced {
            return Ok(());
        }
        self.enter(SourceState::Synced, Vec::new(), None).await
    }

    async fn listed(&mut self, listing: Listing, version: String) -> Result<(), Unwanted> {
        let kind = self.kind();
        self.succeeded();
        self.listed = true;
        self.listed_now = true;
        self.position = Some(version);
        self.source.statuses.update(kind, |status| {
            status.lists += 1;
            status.heard();
        });
        let (all, uids) = listing.into_input(kind);
        self.source.uids.replace(kind, uids);
        self.enter(SourceState::Synced, vec![all], None).await
    }

    /// Decides what a failure means, and how long to wait.
    async fn failed(&mut self, failure: &Failure) -> Result<Duration, Unwanted> {
        let kind = self.kind();
        let (broke_off, was_resumed) = (self.progress, self.position.is_some());
        self.source.statuses.update(kind, |s| s.failures += 1);
        debug!(%kind, %failure, "a request or a watch failed");
        match failure {
            Failure::Gone(_) => {
                self.position = None;
                // At once, unless it was a list already that led here.
                if self.listed_now {
                    return Ok(self.relist.next(&mut self.source.random));
                }
                if broke_off || was_resumed {
                    return Ok(Duration::ZERO);
                }
            }
            Failure::NotFound(_) => return self.found_nothing(failure).await,
            Failure::Denied(_) => {
                self.enter(SourceState::Denied, Vec::new(), Some(failure))
                    .await?;
                return Ok(self.slow.next(&mut self.source.random));
            }
            Failure::Other { garbled: true, .. } | Failure::Refused(_) => {
                self.garbled += 1;
                if self.garbled >= GARBLED_RESUMES {
                    self.position = None;
                }
            }
            Failure::Other { .. } | Failure::Conflict(_) | Failure::Silent(_) => {}
        }
        // A watch that breaks is nothing unusual. It counts as failing when it cannot be resumed.
        if !broke_off {
            self.enter(SourceState::Failing, Vec::new(), Some(failure))
                .await?;
        }
        let pause = self.retry.next(&mut self.source.random);
        let wished = failure.retry_after().unwrap_or_default();
        Ok(pause.max(wished.min(self.source.timing.retry_longest)))
    }

    async fn found_nothing(&mut self, failure: &Failure) -> Result<Duration, Unwanted> {
        self.position = None;
        let since = *self.not_found.get_or_insert_with(Instant::now);
        if self.listed && since.elapsed() < self.source.timing.absent_after {
            self.enter(SourceState::Failing, Vec::new(), Some(failure))
                .await?;
            return Ok(self.slow.next(&mut self.source.random));
        }
        let mut inputs = Vec::new();
        if std::mem::take(&mut self.listed) {
            let (none, uids) = Listing::default().into_input(self.kind());
            self.source.uids.replace(self.kind(), uids);
            inputs.push(none);
        }
        self.enter(SourceState::Absent, inputs, Some(failure))
            .await?;
        Ok(self.slow.next(&mut self.source.random))
    }

    // ---- outwards ----

    /// Hands over inputs and, if it is another, the state.
    async fn enter(
        &mut self,
        state: SourceState,
        mut inputs: Vec<Input>,
        why: Option<&Failure>,
    ) -> Result<(), Unwanted> {
        let (kind, before) = (self.kind(), self.state);
        let status = self.source.statuses.update(kind, |status| {
            status.enter(state);
            status.detail = why.map(|failure| failure.message().to_owned());
            let denied = state == SourceState::Denied;
            status.missing_rule = denied.then(|| self.source.resource.rule());
            status.clone()
        });
        if state != before {
            match state {
                SourceState::Failing | SourceState::Denied => warn!("{status}"),
                SourceState::Absent => info!("{status}"),
                SourceState::Synced if before != SourceState::Listing => info!("{status}"),
                _ => debug!("{status}"),
            }
            self.state = state;
            inputs.push(Input::Source { kind, state });
        }
        self.deliver(inputs).await
    }

    async fn deliver(&self, inputs: Vec<Input>) -> Result<(), Unwanted> {
        if inputs.is_empty() {
            return Ok(());
        }
        let batch = Batch {
            kind: self.kind(),
            epoch: self.source.epoch,
            at: Instant::now().into_std(),
            inputs,
        };
        self.source.out.send(batch).await.map_err(|_| Unwanted)
    }

    fn count(&self, pieces: &mut Pieces) {
        let received = pieces.take_received();
        self.source.statuses.update(self.kind(), |status| {
            status.received += received;
            status.heard();
        });
    }
}

fn applied(item: Item) -> (String, Input) {
    let input = match item.object {
        Ok(object) => Input::Applied(object),
        Err(invalid) => Input::Invalid {
            object: invalid.object,
            created: invalid.created,
            reason: invalid.reason,
        },
    };
    (item.identity.version, input)
}

fn check_line(pieces: &Pieces) -> Result<(), Failure> {
    if pieces.is_overlong() {
        return Err(Failure::garbled("a line without end"));
    }
    Ok(())
}

fn cut(pieces: &Pieces, what: &str) -> Failure {
    match pieces.unread().len() {
        0 => Failure::transport(what),
        n => Failure::transport(format!("{what} amid an object, after {n} octets of it")),
    }
}

/// The paths are our own, so this does not happen; if it did, it would be seen as a failure.
fn unbuildable(error: &kube::core::request::Error) -> Failure {
    Failure::from_error(error)
}
