//! The slow timer of the table: forgets batches that nobody takes, and resets peers that hold back too many withdrawals.

use std::sync::Arc;
use std::time::Duration;

use bgp_rib::TombstoneLimit;
use bgp_wire::Family;

use crate::neighbour::Mail;
use crate::shared::{Routes, Shared};

/// Runs until the speaker ends. Without work it sleeps, and wakes no CPU.
pub(crate) async fn run(shared: Arc<Shared>) {
    let interval = shared.config.laggard_patience.max(Duration::from_secs(1));
    loop {
        shared.upkeep.notified().await;
        while !is_clean(&shared.routes()) {
            tokio::time::sleep(interval).await;
            let mut routes = shared.routes();
            routes.table.sweep();
            reset_laggards(&mut routes);
        }
    }
}

fn is_clean(routes: &Routes) -> bool {
    [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
        .into_iter()
        .all(|family| {
            let statistics = routes.table.statistics(family);
            statistics.tombstones == 0 && statistics.cached_batches == 0
        })
}

fn reset_laggards(routes: &mut Routes) {
    for peer in routes.table.laggards(TombstoneLimit::default()) {
        if let Some(neighbour) = routes.joined.get(&peer) {
            neighbour.send(Mail::Lagging);
        }
    }
}
