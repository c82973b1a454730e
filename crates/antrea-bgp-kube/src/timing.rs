//! How long things may take, and how soon they are tried again.

use std::time::Duration;

/// How long to wait for an API server, and how soon to ask again.
///
/// The defaults fit a cluster of thousands of nodes; tests make everything shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For the head of an answer, and between two pieces of a list. Default: 30 s.
    pub request: Duration,
    /// Without anything from a watch, after which it counts as dead and is resumed. API servers
    /// send a bookmark about every minute. Default: 150 s.
    pub watch_idle: Duration,
    /// A watch is asked to last between this and twice as long, so that those of many agents do
    /// not end together. Full seconds count. Default: 300 s.
    pub watch_lifetime: Duration,
    /// The first pause after a failure; each further one is twice as long. Each is shortened at
    /// random by up to a half. Default: 500 ms.
    pub retry_first: Duration,
    /// No pause after a failure is longer, `Retry-After` included. Default: 30 s.
    pub retry_longest: Duration,
    /// The same for what is absent (404) or forbidden (403). Default: 2 s.
    pub slow_first: Duration,
    /// No pause after a 404 or a 403 is longer, hence about how long a new CRD or a new
    /// permission goes unnoticed. Default: 60 s.
    pub slow_longest: Duration,
    /// How long a kind that had been listed has to be answered with 404 until it counts as
    /// absent, so that its objects are gone. Default: 30 s.
    pub absent_after: Duration,
    /// Objects in a page, where lists come in pages. Default: 500.
    pub page: u32,
    /// Equal Events are one, with a count, when no more than this lies between them.
    /// Default: 6 minutes, as everywhere in Kubernetes.
    pub event_series: Duration,
    /// How often the count of such a series is written at most. Default: 60 s.
    pub event_update: Duration,
    /// Events that all agents see alike are written after a random part of this. Default: 60 s.
    pub event_spread: Duration,
    /// How many different Events there may be about one object for one reason at once.
    /// Default: 3.
    pub event_burst: u32,
    /// How long until there may be another one after that. Default: 5 minutes.
    pub event_refill: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            watch_idle: Duration::from_secs(150),
            watch_lifetime: Duration::from_secs(300),
            retry_first: Duration::from_millis(500),
            retry_longest: Duration::from_secs(30),
            slow_first: Duration::from_secs(2),
            slow_longest: Duration::from_secs(60),
            absent_after: Duration::from_secs(30),
            page: 500,
            event_series: Duration::from_secs(360),
            event_update: Duration::from_secs(60),
            event_spread: Duration::from_secs(60),
            event_burst: 3,
            event_refill: Duration::from_secs(300),
        }
    }
}
