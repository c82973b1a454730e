//! Watches.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::answer::{Pieces, Sender, failure, selection, streaming};
use super::route::{Resource, Route};
use super::selector::Selection;
use super::store::Refusal;
use super::{Shared, lock};

/// A watch that is open.
struct Watch {
    shared: Arc<Shared>,
    resource: &'static Resource,
    selection: Selection,
    bookmarks: bool,
    lines: Sender,
    /// What happened up to here was sent.
    version: u64,
}

/// Nobody listens any more.
struct Gone;

/// Starts a watch.
pub(super) fn open(shared: &Arc<Shared>, route: &Route) -> Result<Response<Pieces>, Refusal> {
    let options = lock(&shared.options).clone();
    let all = route.parameter("sendInitialEvents") == "true";
    let bookmarks = route.parameter("allowWatchBookmarks") == "true";
    if all && !options.streaming_lists {
        let message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch \
                       unless the WatchList feature gate is enabled";
        return Err((422, "Invalid", message.to_owned()));
    }
    if all && (route.parameter("resourceVersionMatch") != "NotOlderThan" || !bookmarks) {
        let message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err((422, "Invalid", message.to_owned()));
    }
    let from: u64 = route.parameter("resourceVersion").parse().unwrap_or(0);
    let lifetime = route.parameter("timeoutSeconds").parse().unwrap_or(1800);
    let (lines, pieces) = Pieces::new();
    let watch = Watch {
        shared: Arc::clone(shared),
        resource: route.resource,
        selection: selection(route)?,
        bookmarks,
        lines,
        version: from,
    };
    let end = Instant::now() + Duration::from_secs(lifetime);
    tokio::spawn(watch.run(all, options.bookmarks, end));
    Ok(streaming(pieces))
}

impl Watch {
    async fn run(mut self, all: bool, bookmarks: Duration, end: Instant) {
        let plural = self.resource.plural;
        *lock(&self.shared.open_watches)
            .entry(plural.to_owned())
            .or_default() += 1;
        // Nobody listening is as good an end as any.
        let _ = self.serve(all, bookmarks, end).await;
        let mut open = lock(&self.shared.open_watches);
        if let Some(count) = open.get_mut(plural) {
            *count -= 1;
            if *count == 0 {
                open.remove(plural);
            }
        }
    }

    async fn serve(&mut self, all: bool, bookmarks: Duration, end: Instant) -> Result<(), Gone> {
        let mut interrupt = self.shared.interrupt.subscribe();
        let mut changes = self.shared.version.subscribe();
        let mut tick = interval_at(Instant::now() + bookmarks, bookmarks);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.version == 0 {
            self.send_all().await?;
            if all {
                self.bookmark(true).await?;
            }
        } else if !lock(&self.shared.store).reaches_back_to(self.version) {
            let gone = failure(410, "Expired", "too old resource version");
            return self.send("ERROR", &gone).await;
        }
        loop {
            self.send_changes().await?;
            tokio::select! {
                changed = changes.changed() => changed.map_err(|_| Gone)?,
                _ = tick.tick() => if self.bookmarks { self.bookmark(false).await? },
                () = sleep_until(end) => return Ok(()),
                () = self.lines.closed() => return Err(Gone),
                changed = interrupt.changed() => {
                    if changed.is_ok() && *interrupt.borrow() {
                        return self.break_off().await;
                    }
                    return Ok(());
                }
            }
        }
    }

    async fn send_all(&mut self) -> Result<(), Gone> {
        let (version, objects) = {
            let store = lock(&self.shared.store);
            let all = store.list(self.resource, &self.selection, None, usize::MAX);
            (store.version(), all.items)
        };
        self.version = version;
        for object in objects {
            self.send("ADDED", &object).await?;
        }
        Ok(())
    }

    async fn send_changes(&mut self) -> Result<(), Gone> {
        let (version, events) = {
            let store = lock(&self.shared.store);
            let events = store.since(self.version, self.resource, &self.selection);
            (store.version(), events)
        };
        self.version = version;
        for (event, object) in events {
            self.send(event, &object).await?;
        }
        Ok(())
    }

    async fn bookmark(&mut self, initial_end: bool) -> Result<(), Gone> {
        let mut metadata = json!({
            "resourceVersion": self.version.to_string(),
            "creationTimestamp": null,
        });
        if initial_end {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({ "kind": self.resource.name, "metadata": metadata });
        self.send("BOOKMARK", &object).await
    }

    async fn send(&mut self, event: &str, object: &Value) -> Result<(), Gone> {
        let line = format!("{}\n", json!({ "type": event, "object": object }));
        self.lines
            .send(Ok(Bytes::from(line)))
            .await
            .map_err(|_| Gone)
    }

    async fn break_off(&mut self) -> Result<(), Gone> {
        let half = Bytes::from_static(b"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"na");
        let broken = Err(io::Error::other("cut, as told"));
        for piece in [Ok(half), broken] {
            self.lines.send(piece).await.map_err(|_| Gone)?;
        }
        Ok(())
    }
}
