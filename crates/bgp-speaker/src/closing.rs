//! Connections that the session has let go, while they still deliver a NOTIFICATION.

use std::collections::VecDeque;
use std::future::Future;

use tokio::task::{AbortHandle, JoinSet};

/// A peer that sends OPENs to be refused, and reads none of the answers, costs as many sockets beside those of its session.
const MOST: usize = 2;

/// Ends them all when dropped.
#[derive(Default)]
pub(crate) struct Closing {
    tasks: JoinSet<()>,
    /// The same, the oldest first.
    order: VecDeque<AbortHandle>,
}

impl Closing {
    /// Runs the end of a connection. Of more than two the oldest is dropped.
    pub(crate) fn push(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.order.retain(|task| !task.is_finished());
        if self.order.len() == MOST
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(end));
    }

    /// Until all have ended.
    pub(crate) async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_oldest_of_three_goes() {
        let mut closing = Closing::default();
        let sockets: [_; 3] = std::array::from_fn(|_| Arc::new(()));
        for socket in &sockets {
            let held = Arc::clone(socket);
            closing.push(async move {
                std::future::pending::<()>().await;
                drop(held);
            });
        }
        let held = || sockets.each_ref().map(Arc::strong_count);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(held(), [1, 2, 2]);
        drop(closing);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(held(), [1, 1, 1]);
    }

    #[tokio::test]
    async fn those_that_have_ended_do_not_count() {
        let mut closing = Closing::default();
        let last = Arc::new(());
        let held = Arc::clone(&last);
        closing.push(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        for _ in 0..10 {
            closing.push(async {});
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&last), 2);
    }
}
