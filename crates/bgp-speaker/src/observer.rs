use std::net::IpAddr;

use bgp_wire::UpdateView;

use crate::{NegotiatedStatus, SessionEndpoints};

/// Hears what happens on sessions; for looking glasses, route collectors and tests. The speaker itself keeps no route
/// that it receives.
///
/// Called from the peer's own task, in order: a call that takes long holds up that peer, and no other. A call that panics
/// ends the peer's session, is logged as a bug, and the peer starts again after a pause.
pub trait Observer: Send + Sync {
    /// A session became Established.
    fn session_up(
        &self,
        peer: IpAddr,
        endpoints: &SessionEndpoints,
        negotiated: &NegotiatedStatus,
    ) {
        let _ = (peer, endpoints, negotiated);
    }

    /// A session that was Established no longer is; `reason` in words.
    fn session_down(&self, peer: IpAddr, reason: &str) {
        let _ = (peer, reason);
    }

    /// An UPDATE that passed the checks of RFC 7606; its [`disposition`](UpdateView::disposition) says what is left of
    /// its routes.
    fn update(&self, peer: IpAddr, update: &UpdateView<'_>) {
        let _ = (peer, update);
    }
}
