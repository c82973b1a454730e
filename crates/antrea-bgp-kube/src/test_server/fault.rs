//! Failures to order.

use std::time::Duration;

use antrea_bgp_api::Kind;

use super::route::{Route, Verb};

/// What is to go wrong, with which requests, and how often: until mended, unless told otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    action: Action,
    kind: Option<Kind>,
    verb: Option<Verb>,
    streaming_only: bool,
    /// Requests that are spared.
    spared: u32,
    left: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    Status { code: u16, retry_after: Option<u32> },
    HangUp,
    Delay(Duration),
    Cut { after: usize },
    Body(String),
    Silence,
}

impl Fault {
    fn new(action: Action) -> Self {
        Self {
            action,
            kind: None,
            verb: None,
            streaming_only: false,
            spared: 0,
            left: None,
        }
    }

    /// This HTTP status, with a `Status` object.
    pub fn status(code: u16) -> Self {
        Self::new(Action::Status {
            code,
            retry_after: None,
        })
    }

    /// This HTTP status, and after how many seconds to come again.
    pub fn status_with_retry_after(code: u16, seconds: u32) -> Self {
        Self::new(Action::Status {
            code,
            retry_after: Some(seconds),
        })
    }

    /// The connection is closed without an answer.
    pub fn hang_up() -> Self {
        Self::new(Action::HangUp)
    }

    /// The answer comes this much later.
    pub fn delay(by: Duration) -> Self {
        Self::new(Action::Delay(by))
    }

    /// The answer breaks off after so many octets of its body.
    pub fn cut(after: usize) -> Self {
        Self::new(Action::Cut { after })
    }

    /// The answer is 200 with this text.
    pub fn body(text: impl Into<String>) -> Self {
        Self::new(Action::Body(text.into()))
    }

    /// The answer is 200, and then nothing comes.
    pub fn silence() -> Self {
        Self::new(Action::Silence)
    }

    /// Only with requests for this kind.
    pub fn on(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only with this verb.
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Only so often.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Not with the first few that it would concern.
    pub fn after(mut self, spared: u32) -> Self {
        self.spared = spared;
        self
    }

    /// Only with watches that are to begin with all objects.
    pub fn streaming_lists(mut self) -> Self {
        self.streaming_only = true;
        self
    }

    fn concerns(&self, route: &Route) -> bool {
        let streaming = route.parameter("sendInitialEvents") == "true";
        self.kind
            .is_none_or(|kind| route.resource.kind == Some(kind))
            && self.verb.is_none_or(|verb| route.verb == verb)
            && (streaming || !self.streaming_only)
            && self.left != Some(0)
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self, route: &Route) -> Option<Action> {
        let fault = self.0.iter_mut().find(|fault| fault.concerns(route))?;
        if fault.spared > 0 {
            fault.spared -= 1;
            return None;
        }
        if let Some(left) = &mut fault.left {
            *left -= 1;
        }
        Some(fault.action.clone())
    }
}
