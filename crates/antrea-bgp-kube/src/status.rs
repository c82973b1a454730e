//! How the watches and the writes are doing, in words for people.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use antrea_bgp_api::Kind;
use antrea_bgp_policy::SourceState;

/// A permission, as a rule of a Role or ClusterRole gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// As in `verbs`.
    pub verbs: &'static [&'static str],
    /// As in `apiGroups`; empty for the core group.
    pub group: &'static str,
    /// As in `resources`.
    pub resource: String,
    /// Where a Role is enough; `None` takes a ClusterRole.
    pub namespace: Option<String>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verbs,
            group,
            resource,
            namespace,
        } = self;
        write!(
            f,
            "verbs {verbs:?} on resource {resource:?} in apiGroup {group:?}"
        )?;
        match namespace {
            Some(namespace) => write!(f, ", in a Role in namespace {namespace:?}"),
            None => f.write_str(", in a ClusterRole"),
        }
    }
}

/// How the watch of one kind is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceStatus {
    /// The kind.
    pub kind: Kind,
    /// As the engine was told.
    pub state: SourceState,
    /// Why the state is not [`SourceState::Synced`], as the API server or the network put it.
    pub detail: Option<String>,
    /// The permission that is missing where the state is [`SourceState::Denied`].
    pub missing_rule: Option<Rule>,
    /// How often all objects were listed, by stream or by page, since the agent started.
    pub lists: u64,
    /// How often a watch was opened.
    pub watches: u64,
    /// How often a request or a watch failed.
    pub failures: u64,
    /// Octets of objects received, as JSON.
    pub received: u64,
    /// When something came last: a list, a change of an object, or a bookmark, which API servers
    /// send about every minute.
    pub last_event: Option<SystemTime>,
    /// Since when the kind is wanted and not followed.
    behind_since: Option<Instant>,
}

impl SourceStatus {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: SourceState::Unwatched,
            detail: None,
            missing_rule: None,
            lists: 0,
            watches: 0,
            failures: 0,
            received: 0,
            last_event: None,
            behind_since: None,
        }
    }

    /// For how long changes of the kind are not heard of; zero while it is followed, absent or not
    /// wanted.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.behind_since
            .map(|since| since.elapsed())
            .unwrap_or_default()
    }

    /// Something came from the API server.
    pub(crate) fn heard(&mut self) {
        self.last_event = Some(SystemTime::now());
    }

    /// Takes note of a state.
    pub(crate) fn enter(&mut self, state: SourceState) {
        self.state = state;
        let is_behind = matches!(
            state,
            SourceState::Listing | SourceState::Denied | SourceState::Failing
        );
        let since = self.behind_since.take();
        self.behind_since = is_behind.then(|| since.unwrap_or_else(Instant::now));
    }
}

impl fmt::Display for SourceStatus {
    /// One line, such as `Service: denied: HTTP 403: …; grant verbs ["list", "watch"] on …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.state)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        match &self.missing_rule {
            Some(rule) => write!(f, "; grant {rule}"),
            None => Ok(()),
        }
    }
}

/// How a write to the API server is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteStatus {
    /// Whether something is still to be written.
    pub pending: bool,
    /// Why the last attempt failed; `None` where it did not.
    pub error: Option<String>,
    /// The permission that is missing, where that is why.
    pub missing_rule: Option<Rule>,
}

/// The statuses of all kinds, written by the tasks and read by whoever asks.
#[derive(Clone)]
pub(crate) struct Statuses(Arc<Mutex<[SourceStatus; Kind::ALL.len()]>>);

impl Statuses {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Kind::ALL.map(SourceStatus::new))))
    }

    pub(crate) fn update<T>(&self, kind: Kind, f: impl FnOnce(&mut SourceStatus) -> T) -> T {
        // Nothing under the lock can panic halfway through a change.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut all[kind as usize])
    }

    pub(crate) fn all(&self) -> Vec<SourceStatus> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_lags_from_when_it_is_wanted_until_it_is_followed() {
        let mut status = SourceStatus::new(Kind::Service);
        assert_eq!(status.behind_since, None);
        status.enter(SourceState::Listing);
        let since = status.behind_since;
        assert!(since.is_some());
        status.enter(SourceState::Failing);
        assert_eq!(status.behind_since, since, "it goes on");
        status.enter(SourceState::Synced);
        assert_eq!(status.lag(), Duration::ZERO);
        status.enter(SourceState::Denied);
        assert!(status.behind_since > since);
        for settled in [SourceState::Absent, SourceState::Unwatched] {
            status.enter(settled);
            assert_eq!(status.lag(), Duration::ZERO);
        }
    }
}
