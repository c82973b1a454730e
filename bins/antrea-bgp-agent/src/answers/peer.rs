//! One peer in full.

use std::time::{Duration, SystemTime};

use bgp_speaker::{
    ByType, FamilyCounts, NegotiatedStatus, NotificationStatus, PeerKind, PeerStatus,
    SessionEndpoints, SessionEvent, SessionEventKind, TimerStatus,
};
use bgp_wire::Capability;
use jiff::Timestamp;

use super::peers::summary;
use super::{Known, Missing, known_peer};
use crate::capability;
use crate::peer_name::PeerName;
use crate::view::{
    ByTypeView, FamilyCountsView, MessagesView, NextHopView, NotificationView, PeerConfigView,
    PeerDetail, SessionEventView, SessionView, TimersView,
};

/// The peer of this name, whether or not it has a session.
pub(crate) fn peer(known: &Known<'_>, asked: &PeerName) -> Result<PeerDetail, Missing> {
    let peer = known_peer(known.engine, asked)?;
    let status = known.process.status();
    let session = status
        .as_ref()
        .and_then(|status| status.peer(peer.peer.address));
    let summary = summary(known, &peer, session, true);
    let configured = configured(peer.peer, peer.authenticated);
    let Some(session) = session else {
        return Ok(PeerDetail {
            summary,
            end_of_rib_sent: false,
            configured,
            session: None,
            timers: TimersView::default(),
            messages: MessagesView::default(),
            routes: Vec::new(),
            malformed_updates: 0,
            queue_octets: 0,
            pending_changes: 0,
            last_notification_sent: None,
            last_notification_received: None,
            history: Vec::new(),
        });
    };
    Ok(PeerDetail {
        summary,
        end_of_rib_sent: session.end_of_rib_sent,
        configured,
        session: agreed(session),
        timers: timers(&session.timers),
        messages: MessagesView {
            sent: by_type(&session.messages.sent),
            received: by_type(&session.messages.received),
        },
        routes: session.routes.iter().map(family_counts).collect(),
        malformed_updates: session.malformed_updates,
        queue_octets: session.queue_octets,
        pending_changes: session.pending_changes,
        last_notification_sent: session.last_error_sent.as_ref().map(notification),
        last_notification_received: session.last_error_received.as_ref().map(notification),
        history: session.history.iter().map(event).collect(),
    })
}

/// What the policy says about a peer.
pub(crate) fn configured(peer: &antrea_bgp_api::Peer, authenticated: bool) -> PeerConfigView {
    PeerConfigView {
        multihop_ttl: peer.multihop_ttl,
        ttl_security_enabled: peer.ttl_security,
        hold_time_seconds: peer.hold_time,
        keepalive_interval_seconds: peer.keepalive_interval,
        connect_retry_seconds: peer.connect_retry,
        idle_hold_time_after_reset_seconds: peer.idle_hold_time_after_reset,
        graceful_restart_enabled: peer.graceful_restart,
        graceful_restart_time_seconds: peer.graceful_restart_time,
        authenticated,
    }
}

fn agreed(session: &PeerStatus) -> Option<SessionView> {
    let (endpoints, negotiated) = session.endpoints.zip(session.negotiated.as_ref())?;
    let SessionEndpoints { local, remote } = endpoints;
    let NegotiatedStatus {
        peer_id,
        local_asn,
        hold_time,
        local_hold_time,
        peer_hold_time,
        keepalive_interval,
        families,
        four_octet_as,
        max_message,
        route_refresh,
        enhanced_route_refresh,
        graceful_restart,
        notification_restart,
        local_capabilities,
        peer_capabilities,
        ..
    } = negotiated;
    let next_hops = session.next_hops.iter().map(|(family, hop)| NextHopView {
        family: family.to_string(),
        next_hop: hop.to_string(),
    });
    Some(SessionView {
        local_address: local.to_string(),
        remote_address: remote.to_string(),
        kind: kind(session.kind).to_owned(),
        peer_router_id: peer_id.to_string(),
        local_asn: local_asn.0,
        families: families.iter().map(ToString::to_string).collect(),
        next_hops: next_hops.collect(),
        hold_time_seconds: *hold_time,
        local_hold_time_seconds: *local_hold_time,
        peer_hold_time_seconds: *peer_hold_time,
        keepalive_seconds: keepalive_interval.map(|interval| interval.as_secs()),
        four_octet_as: *four_octet_as,
        max_message_octets: *max_message,
        route_refresh: *route_refresh,
        enhanced_route_refresh: *enhanced_route_refresh,
        local_restart_time_seconds: graceful_restart
            .as_ref()
            .and_then(|_| restart_time(local_capabilities)),
        peer_restart_time_seconds: graceful_restart.as_ref().map(|restart| restart.time),
        notification_restart: *notification_restart,
        capabilities: capability::compare(local_capabilities, peer_capabilities),
    })
}

fn restart_time(capabilities: &[Capability]) -> Option<u16> {
    capabilities.iter().find_map(|capability| match capability {
        Capability::GracefulRestart(restart) => Some(restart.time),
        _ => None,
    })
}

/// How a peer stands to this AS.
fn kind(kind: PeerKind) -> &'static str {
    match kind {
        PeerKind::Ebgp => "external",
        PeerKind::Ibgp => "internal",
        PeerKind::Confederation => "confederation",
    }
}

fn timers(timers: &TimerStatus) -> TimersView {
    let seconds = |left: Option<Duration>| left.map(|it| it.as_millis().div_ceil(1000) as u64);
    TimersView {
        hold_seconds: seconds(timers.hold),
        keepalive_seconds: seconds(timers.keepalive),
        send_hold_seconds: seconds(timers.send_hold),
    }
}

fn by_type(counts: &ByType) -> ByTypeView {
    ByTypeView {
        open: counts.open,
        update: counts.update,
        notification: counts.notification,
        keepalive: counts.keepalive,
        route_refresh: counts.route_refresh,
    }
}

fn family_counts(counts: &FamilyCounts) -> FamilyCountsView {
    FamilyCountsView {
        family: counts.family.to_string(),
        advertised: counts.advertised,
        withdrawn: counts.withdrawn,
        received: counts.received,
        received_withdrawn: counts.received_withdrawn,
    }
}

fn notification(notification: &NotificationStatus) -> NotificationView {
    NotificationView {
        at: rfc3339(notification.at),
        code: notification.error.code,
        subcode: notification.error.subcode,
        text: notification.text.clone(),
    }
}

fn event(event: &SessionEvent) -> SessionEventView {
    let name = match event.kind {
        SessionEventKind::Established => "Established",
        SessionEventKind::Down(_) => "Down",
        _ => "Failed",
    };
    SessionEventView {
        first: rfc3339(event.first),
        last: rfc3339(event.last),
        count: event.count,
        event: name.to_owned(),
        cause: event.kind.cause().map(|cause| cause.to_string()),
        text: event.text.to_string(),
    }
}

/// Whole seconds are enough to compare with a log.
fn rfc3339(at: SystemTime) -> String {
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since_epoch.map_or(0, |time| time.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_of_utc() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
        assert_eq!(rfc3339(at), "2023-11-14T22:13:20Z");
    }
}
