//! The routes of this node, and how far each has come.

use std::net::IpAddr;

use antrea_bgp_policy::PeerState;
use bgp_speaker::{Delivery, Speaker, State, Status};
use ipnet::IpNet;

use super::explain::delivery;
use super::{Filter, Known, Missing, known_peer};
use crate::view::{RouteView, Sent};

/// The advertised routes: IPv4 first, then by type, prefix length and address.
pub(crate) fn routes(known: &Known<'_>, filter: &Filter) -> Result<Vec<RouteView>, Missing> {
    let (engine, process) = (known.engine, known.process);
    engine.policy().ok_or(Missing::Policy)?;
    if let Some(peer) = filter.peer {
        let state = known_peer(engine, peer)?.state;
        if let PeerState::Skipped(_) = state {
            return Err(Missing::SkippedPeer {
                asked: peer,
                state: state.to_string(),
            });
        }
    }
    let status = process.status();
    let established = status.as_ref().map(established).unwrap_or_default();
    let is_for_peer = |prefix: &IpNet| {
        filter
            .peer
            .is_none_or(|peer| peer.is_ipv4() == prefix.addr().is_ipv4())
    };
    let routes = engine
        .routes()
        .filter(|route| filter.family.admits(route.prefix.addr()) && is_for_peer(&route.prefix));
    // Of several owners the one of the type that is asked for stands for the route.
    let wanted = routes.filter_map(|route| {
        let owner = match &filter.route_type {
            None => Some(route.owner()),
            Some(name) => route.owners.iter().find(|o| o.route_type.name() == name),
        };
        Some((owner?, route))
    });
    let views = wanted.map(|(owner, route)| RouteView {
        route: route.prefix.to_string(),
        route_type: owner.route_type.name().to_owned(),
        k8s_obj_ref: owner.object.to_string(),
        owners: match route.owners {
            [_] => Vec::new(),
            several => several
                .iter()
                .map(|o| format!("{} {}", o.route_type, o.object))
                .collect(),
        },
        sent: filter
            .wide
            .then(|| sent(process.speaker(), &established, &route.prefix)),
        delivery: filter.peer.map(|peer| {
            delivery(
                peer,
                Some(&route.prefix),
                process.speaker(),
                status.as_ref(),
            )
        }),
    });
    Ok(views.collect())
}

fn established(status: &Status) -> Vec<IpAddr> {
    let up = status
        .peers
        .iter()
        .filter(|peer| peer.state == State::Established);
    up.map(|peer| peer.address).collect()
}

fn sent(speaker: Option<&Speaker>, established: &[IpAddr], prefix: &IpNet) -> Sent {
    let mut of_family = established
        .iter()
        .filter(|peer| peer.is_ipv4() == prefix.addr().is_ipv4())
        .peekable();
    let of = of_family.clone().count();
    let delivered = |speaker: &Speaker| {
        of_family
            .by_ref()
            .filter(|peer| speaker.delivery(**peer, prefix) == Delivery::Sent)
            .count()
    };
    Sent {
        to: speaker.map(delivered).unwrap_or_default(),
        of,
    }
}
