//! What happened to the sessions with a peer, the last few things of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bgp_fsm::{DialError, DownReason};

/// How many events of a peer are kept.
const MOST: usize = 32;

/// Something that happened to the sessions with a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// When it happened first.
    pub first: SystemTime,
    /// When it happened last.
    pub last: SystemTime,
    /// How often it happened, with nothing but failures in between.
    pub count: u64,
    /// What happened.
    pub kind: SessionEventKind,
    /// Why, in words; the addresses of a session that came up.
    pub text: Arc<str>,
}

/// What happened to a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
#[non_exhaustive]
pub enum SessionEventKind {
    /// It became Established.
    Established,
    /// It was Established and ended.
    Down(DownCause),
    /// It did not become Established.
    Failed(DownCause),
}

impl SessionEventKind {
    /// Why it ended, if it did.
    #[must_use]
    pub const fn cause(self) -> Option<DownCause> {
        match self {
            Self::Established => None,
            Self::Down(cause) | Self::Failed(cause) => Some(cause),
        }
    }
}

/// Why a session ended or did not come up: few enough to count by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
#[non_exhaustive]
pub enum DownCause {
    /// The owner of this speaker ended it: the peer was removed or changed, or the speaker stops.
    Stopped,
    /// This side found an error in what the peer did, and sent a NOTIFICATION.
    NotificationSent,
    /// The peer sent a NOTIFICATION.
    NotificationReceived,
    /// The peer was silent for the hold time (RFC 4271 section 6.5).
    HoldTimer,
    /// The peer took nothing for the send hold time (RFC 9687).
    SendHoldTimer,
    /// The peer's OPEN is not the one that is configured.
    OpenRefused,
    /// Another connection of the same peer took its place.
    Replaced,
    /// TCP was closed or reset, or failed.
    Closed,
    /// Nobody listens at the peer's address.
    ConnectionRefused,
    /// The peer's address did not answer.
    NoAnswer,
    /// There is no route to the peer's address.
    Unreachable,
    /// This side could not dial: a socket option that the kernel refuses, no free port.
    Local,
    /// A bug of this speaker.
    Bug,
}

impl DownCause {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Stopped,
        Self::NotificationSent,
        Self::NotificationReceived,
        Self::HoldTimer,
        Self::SendHoldTimer,
        Self::OpenRefused,
        Self::Replaced,
        Self::Closed,
        Self::ConnectionRefused,
        Self::NoAnswer,
        Self::Unreachable,
        Self::Local,
        Self::Bug,
    ];

    /// A word in lower case, fit for the label of a metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::NotificationSent => "notification-sent",
            Self::NotificationReceived => "notification-received",
            Self::HoldTimer => "hold-timer",
            Self::SendHoldTimer => "send-hold-timer",
            Self::OpenRefused => "open-refused",
            Self::Replaced => "replaced",
            Self::Closed => "closed",
            Self::ConnectionRefused => "connection-refused",
            Self::NoAnswer => "no-answer",
            Self::Unreachable => "unreachable",
            Self::Local => "local",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for DownCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<&DownReason> for DownCause {
    fn from(reason: &DownReason) -> Self {
        match reason {
            DownReason::Admin => Self::Stopped,
            DownReason::Sent(_) => Self::NotificationSent,
            DownReason::Received(_) => Self::NotificationReceived,
            DownReason::HoldTimerExpired => Self::HoldTimer,
            DownReason::SendHoldTimerExpired => Self::SendHoldTimer,
            DownReason::OpenRefused(_) => Self::OpenRefused,
            DownReason::CollisionLost | DownReason::Replaced => Self::Replaced,
            DownReason::DialFailed(error) => Self::from(*error),
            _ => Self::Closed,
        }
    }
}

impl From<DialError> for DownCause {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Refused => Self::ConnectionRefused,
            DialError::TimedOut => Self::NoAnswer,
            DialError::Unreachable => Self::Unreachable,
            _ => Self::Local,
        }
    }
}

/// The last events of a peer, in the order in which they happened last. Attempts that fail again and again for one reason,
/// or now for one and now for another, are one event for each reason, so that they do not push out when the session was up.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: VecDeque<SessionEvent>,
}

impl History {
    pub(crate) fn push(&mut self, kind: SessionEventKind, text: &str) {
        let now = SystemTime::now();
        if let Some(mut again) = self.take_failed(kind, text) {
            again.count += 1;
            again.last = now;
            self.events.push_back(again);
            return;
        }
        if self.events.len() == MOST {
            self.events.pop_front();
        }
        self.events.push_back(SessionEvent {
            first: now,
            last: now,
            count: 1,
            kind,
            text: text.into(),
        });
    }

    /// The same failure, if nothing but failures came since.
    fn take_failed(&mut self, kind: SessionEventKind, text: &str) -> Option<SessionEvent> {
        let trailing = self.events.iter().rev();
        let failures = trailing.take_while(|event| is_failure(event)).count();
        let first = self.events.len() - failures;
        let mut since = self.events.range(first..);
        let at = since.position(|event| event.kind == kind && *event.text == *text)?;
        self.events.remove(first + at)
    }

    /// The oldest first.
    pub(crate) fn events(&self) -> Vec<SessionEvent> {
        self.events.iter().cloned().collect()
    }
}

/// How long a cause counts beside what follows from it. From one attempt to the next it takes half the restart time at most
/// (a quarter to wait for an OPEN, a quarter as a pause), so this is enough for restart times of up to 20 minutes; where
/// attempts are further apart, the last failure is told.
const TURN: Duration = Duration::from_secs(600);

/// The failure before the last one that tells what is wrong, where the last one does not and both happen in turns.
pub(crate) fn telling(events: &[SessionEvent]) -> Option<&SessionEvent> {
    let (last, before) = events.split_last()?;
    if !is_failure(last) || says_why(last) {
        return None;
    }
    let mut failures = before.iter().rev().take_while(|event| is_failure(event));
    let cause = failures.find(|event| says_why(event))?;
    let since = last.last.duration_since(cause.last);
    let in_turns = cause.last >= last.first && since.is_ok_and(|since| since < TURN);
    in_turns.then_some(cause)
}

fn is_failure(event: &SessionEvent) -> bool {
    matches!(event.kind, SessionEventKind::Failed(_))
}

/// Whether a failure tells what is wrong: a message that said so, or an OPEN that never came.
fn says_why(event: &SessionEvent) -> bool {
    use DownCause::{HoldTimer, NotificationReceived, NotificationSent, OpenRefused};
    matches!(
        event.kind,
        SessionEventKind::Failed(HoldTimer | NotificationReceived | NotificationSent | OpenRefused)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_failures_in_turns_the_one_that_says_why_is_told() {
        let refused = SessionEventKind::Failed(DownCause::OpenRefused);
        let closed = SessionEventKind::Failed(DownCause::Closed);
        let mut history = History::default();
        let told = |history: &History| telling(&history.events()).map(|it| it.text.to_string());
        history.push(refused, "another AS");
        history.push(closed, "reset");
        history.push(refused, "another AS");
        assert_eq!(told(&history), None, "it is the last one anyway");
        history.push(closed, "reset");
        assert_eq!(told(&history), Some("another AS".to_owned()));
        // What came to stay after the refusal does not follow from it.
        history.push(REFUSED, "nobody listens");
        assert_eq!(told(&history), None);
        history.push(SessionEventKind::Established, "a to b");
        assert_eq!(told(&history), None);
    }

    #[test]
    fn an_open_that_never_comes_tells_more_than_the_failures_around_it() {
        let mut history = History::default();
        let silent = SessionEventKind::Failed(DownCause::HoldTimer);
        let closed = SessionEventKind::Failed(DownCause::Closed);
        let no_answer = SessionEventKind::Failed(DownCause::NoAnswer);
        for (kind, text) in [
            (no_answer, "no answer"),
            (closed, "closed"),
            (silent, "no OPEN came"),
            (no_answer, "no answer"),
            (closed, "closed"),
        ] {
            history.push(kind, text);
        }
        let told = telling(&history.events()).map(|it| it.text.to_string());
        assert_eq!(told, Some("no OPEN came".to_owned()));
    }

    #[test]
    fn a_cause_of_long_ago_is_none() {
        let mut history = History::default();
        let refused = SessionEventKind::Failed(DownCause::OpenRefused);
        history.push(refused, "another AS");
        history.push(REFUSED, "nobody listens");
        history.push(refused, "another AS");
        history.push(REFUSED, "nobody listens");
        let mut events = history.events();
        assert!(telling(&events).is_some());
        events[1].last += TURN;
        assert!(telling(&events).is_none());
    }

    const REFUSED: SessionEventKind = SessionEventKind::Failed(DownCause::ConnectionRefused);

    #[test]
    fn what_fails_again_and_again_is_one_event() {
        let mut history = History::default();
        history.push(SessionEventKind::Established, "a to b");
        for _ in 0..1000 {
            history.push(REFUSED, "connection refused");
        }
        history.push(REFUSED, "connection refused by another one");
        let events = history.events();
        let counts: Vec<_> = events.iter().map(|event| event.count).collect();
        assert_eq!(counts, [1, 1000, 1]);
        assert!(events[1].first <= events[1].last);
    }

    #[test]
    fn what_fails_in_turns_is_one_event_for_each_reason() {
        let mut history = History::default();
        history.push(REFUSED, "a");
        history.push(SessionEventKind::Established, "x to y");
        for _ in 0..100 {
            history.push(REFUSED, "a");
            history.push(REFUSED, "b");
        }
        let told = history.events();
        let told: Vec<_> = told.iter().map(|it| (&*it.text, it.count)).collect();
        assert_eq!(told, [("a", 1), ("x to y", 1), ("a", 100), ("b", 100)]);
    }

    #[test]
    fn the_oldest_events_go() {
        let mut history = History::default();
        for n in 0..MOST + 8 {
            history.push(REFUSED, &n.to_string());
        }
        let events = history.events();
        assert_eq!(events.len(), MOST);
        assert_eq!((&*events[0].text, &*events[MOST - 1].text), ("8", "39"));
    }

    #[test]
    fn names_are_words_for_labels_and_differ() {
        let names = DownCause::ALL.map(DownCause::name);
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
            let fits = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(name.chars().all(fits), "{name}");
        }
    }
}
