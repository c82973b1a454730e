//! The routes of this node, and how far each has come.

use antrea_bgp_policy::{PeerState, PeerView};
use bgp_speaker::{Delivery, Speaker, State, Status};
use ipnet::IpNet;

use super::delivery::AtPeer;
use super::{Filter, Known, Missing, known_peer};
use crate::peer_name::PeerName;
use crate::view::{RouteView, Sent};

/// The advertised routes: IPv4 first, then by type, prefix length and address.
pub(crate) fn routes(known: &Known<'_>, filter: &Filter) -> Result<Vec<RouteView>, Missing> {
    let engine = known.engine;
    engine.policy().ok_or(Missing::Policy)?;
    let peer = (filter.peer.as_ref()).map(|asked| peer_with_routes(known, asked));
    let peer = peer.transpose()?;
    let is_wanted = |prefix: &IpNet| {
        let of_peer = |view: &PeerView<'_>| view.peer.address.is_ipv4() == prefix.addr().is_ipv4();
        filter.family.admits(prefix.addr()) && peer.as_ref().is_none_or(of_peer)
    };
    // Of several owners the one of the type that is asked for stands for the route.
    let wanted = (engine.routes())
        .filter(|route| is_wanted(&route.prefix))
        .filter_map(|route| {
            let owner = match &filter.route_type {
                None => Some(route.owner()),
                Some(name) => route.owners.iter().find(|o| o.route_type.name() == name),
            };
            Some((owner?, route))
        });
    let (prefixes, mut views): (Vec<_>, Vec<_>) = wanted
        .map(|(owner, route)| {
            let view = RouteView {
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
                sent: None,
                delivery: None,
            };
            (route.prefix, view)
        })
        .unzip();
    let status = known.process.status();
    if filter.wide {
        let sent = sent(known.process.speaker(), status.as_ref(), &prefixes);
        for (view, sent) in views.iter_mut().zip(sent) {
            view.sent = Some(sent);
        }
    }
    if let Some(peer) = &peer {
        let deliveries = AtPeer::of(known, peer, status.as_ref()).deliveries(&prefixes);
        for (view, delivery) in views.iter_mut().zip(deliveries) {
            view.delivery = Some(delivery);
        }
    }
    Ok(views)
}

/// The peer of this name, if any route goes to it.
fn peer_with_routes<'a>(known: &Known<'a>, asked: &PeerName) -> Result<PeerView<'a>, Missing> {
    let view = known_peer(known.engine, asked)?;
    match view.state {
        PeerState::Skipped(_) => Err(Missing::SkippedPeer {
            asked: *asked,
            state: view.state.to_string(),
        }),
        _ => Ok(view),
    }
}

/// To how many of the established peers of its family each has gone.
fn sent(speaker: Option<&Speaker>, status: Option<&Status>, prefixes: &[IpNet]) -> Vec<Sent> {
    let mut all = vec![Sent { to: 0, of: 0 }; prefixes.len()];
    let peers = status.map(|status| status.peers.as_slice());
    let established = (peers.unwrap_or_default().iter())
        .filter(|peer| peer.state == State::Established)
        .map(|peer| peer.address);
    let Some(speaker) = speaker else { return all };
    for peer in established {
        let deliveries = speaker.deliveries(peer, prefixes);
        for ((sent, prefix), delivery) in all.iter_mut().zip(prefixes).zip(deliveries) {
            sent.of += usize::from(prefix.addr().is_ipv4() == peer.is_ipv4());
            sent.to += usize::from(delivery == Delivery::Sent);
        }
    }
    all
}
