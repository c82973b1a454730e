//! Waiting for a condition, with a bound.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const POLL: Duration = Duration::from_millis(100);

/// Waits until `condition` yields a value, asking about ten times a second.
///
/// An error of `condition` counts as "not yet", since a daemon that is starting has no control
/// socket to answer on.
///
/// # Errors
///
/// When `bound` has passed: names `what` was waited for, with the last error of `condition` if it
/// ended with one.
pub fn eventually_some<T>(
    what: &str,
    bound: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + bound;
    loop {
        let last = condition();
        match last {
            Ok(Some(value)) => return Ok(value),
            last if Instant::now() >= deadline => {
                let never = format!("not within {} s: {what}", bound.as_secs_f32());
                last.with_context(|| never.clone())?;
                bail!(never);
            }
            _ => thread::sleep(POLL),
        }
    }
}

/// Waits until `condition` holds. See [`eventually_some`].
///
/// # Errors
///
/// When `bound` has passed.
pub fn eventually(
    what: &str,
    bound: Duration,
    mut condition: impl FnMut() -> Result<bool>,
) -> Result<()> {
    eventually_some(what, bound, || Ok(condition()?.then_some(())))
}
