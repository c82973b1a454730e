//! Keeps a peer's task going. A panic in it is a bug, here or in an observer, but no reason to give the peer up.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tracing::error;

use crate::driver;
use crate::neighbour::Neighbour;
use crate::shared::Shared;

/// The pause after a panic doubles from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A task that ran for this long before it panicked starts with the first pause again.
const RAN_WELL: Duration = Duration::from_secs(10 * 60);

/// Runs the sessions of one peer until it is removed or the speaker ends. `restarting`: OPENs say so until End-of-RIB has
/// gone to the peer.
pub(crate) async fn run(shared: Arc<Shared>, neighbour: Arc<Neighbour>, mut restarting: bool) {
    let mut pause = PAUSE.0;
    loop {
        let began = Instant::now();
        let panic = {
            // Pinned here and not in a function that takes it, which would keep room for it twice.
            let (shared, neighbour) = (Arc::clone(&shared), Arc::clone(&neighbour));
            let task = pin!(driver::run(shared, neighbour, restarting));
            match caught(task).await {
                Ok(()) => return,
                Err(panic) => panic,
            }
        };
        report(&shared, &neighbour, &in_words(&*panic));
        if began.elapsed() > RAN_WELL {
            pause = PAUSE.0;
        }
        let this_pause = pause.min(cap(&neighbour));
        neighbour.record().retry_at = Some(Instant::now() + this_pause);
        if stopped_within(this_pause, &neighbour).await {
            return;
        }
        pause = (pause * 2).min(PAUSE.1);
        // TCP closed in silence, so the peer may hold our routes (RFC 4724 section 4.1).
        restarting = true;
    }
}

/// No pause exceeds a quarter of the time for which the peer keeps our routes.
fn cap(neighbour: &Neighbour) -> Duration {
    let restart_time = neighbour.record().config.graceful_restart;
    restart_time.map_or(PAUSE.1, |time| Duration::from_secs(u64::from(time)) / 4)
}

/// Shows a panic in log and status, and tells the observer of a session that ended with it.
fn report(shared: &Shared, neighbour: &Neighbour, panic: &str) {
    error!(peer = %neighbour.address, panic, "bug: the task of this peer panicked; it starts again");
    let text = format!("a bug of this speaker: {panic}");
    if neighbour.failed(&text)
        && let Some(observer) = &shared.config.observer
    {
        let told = AssertUnwindSafe(|| observer.session_down(neighbour.address, &text));
        if let Err(panic) = catch_unwind(told) {
            error!(panic = in_words(&*panic), "bug: the observer panicked");
        }
    }
    shared.changed();
}

/// Waits. Connections that the peer opens meanwhile are closed. True: the peer is removed or the speaker ends.
async fn stopped_within(pause: Duration, neighbour: &Neighbour) -> bool {
    let stopped = async {
        while !neighbour.is_stopped() {
            while neighbour.next_mail().is_some() {}
            neighbour.woken().await;
        }
    };
    tokio::time::timeout(pause, stopped).await.is_ok()
}

/// The end of a future, or the panic that ended it.
async fn caught<F: Future>(mut future: Pin<&mut F>) -> Result<F::Output, Box<dyn Any + Send>> {
    // Nothing of the future is looked at after a panic.
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

fn in_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
