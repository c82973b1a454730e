//! An Established session's place in the table.

use std::net::IpAddr;
use std::sync::Arc;

use bgp_fsm::{ConnId, Endpoints, Negotiated};
use bgp_rib::{GroupKey, JoinError, Marker, PeerId, RefreshKind};
use bgp_wire::{Context, Disposition, Family, NextHop, RefreshSubtype, RouteRefresh, UpdateView};
use bytes::Bytes;
use tracing::{debug, error, info, warn};

use crate::config::SpeakerConfig;
use crate::history::SessionEventKind;
use crate::latency::Stopwatch;
use crate::neighbour::{EstablishedRecord, Neighbour};
use crate::shared::Shared;
use crate::status::{NegotiatedStatus, SessionEndpoints};
use crate::subnet;

/// Octets that one batch has at most.
const BATCH: usize = 64 * 1024;

/// Leaves the table when dropped.
pub(crate) struct Established {
    pub(crate) conn: ConnId,
    shared: Arc<Shared>,
    neighbour: Arc<Neighbour>,
    context: Context,
    cursors: Vec<Cursor>,
    at_tail: bool,
    stopwatch: Stopwatch,
    end_of_rib_told: bool,
    malformed_told: bool,
}

struct Cursor {
    family: Family,
    peer: PeerId,
    next_hop: NextHop,
    end_of_rib: bool,
}

impl Established {
    /// Joins the table in every family of the session.
    pub(crate) fn join(
        shared: &Arc<Shared>,
        neighbour: &Arc<Neighbour>,
        conn: ConnId,
        negotiated: &Negotiated,
    ) -> Self {
        let mut cursors = Vec::new();
        for &family in &negotiated.families {
            // Before the lock: it may read what interfaces there are.
            let group = group(&shared.config, negotiated, family);
            let mut routes = shared.routes();
            let joined = group
                .ok_or(JoinError::NextHopFamily(family))
                .and_then(|group| Ok((group.next_hop, routes.table.join(group)?)));
            match joined {
                Ok((next_hop, peer)) => {
                    routes.joined.insert(peer, Arc::clone(neighbour));
                    cursors.push(Cursor {
                        family,
                        peer,
                        next_hop,
                        end_of_rib: false,
                    });
                }
                Err(error) => {
                    error!(peer = %neighbour.address, %error, "no routes of this family are announced");
                }
            }
        }
        shared.upkeep.notify_one();
        let established = Self {
            conn,
            shared: Arc::clone(shared),
            neighbour: Arc::clone(neighbour),
            context: negotiated.context,
            cursors,
            at_tail: false,
            stopwatch: Stopwatch::new(&shared.routes().changes),
            end_of_rib_told: false,
            malformed_told: false,
        };
        established.announce_up(negotiated);
        established
    }

    fn announce_up(&self, negotiated: &Negotiated) {
        let endpoints = SessionEndpoints::from(negotiated.endpoints);
        let status = NegotiatedStatus::from(negotiated);
        let cursors = self
            .cursors
            .iter()
            .map(|cursor| (cursor.family, cursor.peer))
            .collect();
        info!(
            peer = %self.neighbour.address,
            local = %endpoints.local,
            remote = %endpoints.remote,
            peer_id = %status.peer_id,
            hold_time = status.hold_time,
            "session established"
        );
        if status.hold_time == 0 {
            warn!(
                peer = %self.neighbour.address,
                "the peer offers hold time 0: a dead connection will not be noticed by KEEPALIVEs"
            );
        }
        if let Some(observer) = &self.shared.config.observer {
            observer.session_up(self.neighbour.address, &endpoints, &status);
        }
        let next_hops = self.cursors.iter();
        let next_hops = next_hops.map(|it| (it.family, it.next_hop)).collect();
        let text = format!("{} to {}", endpoints.local, endpoints.remote);
        let established = EstablishedRecord {
            endpoints,
            negotiated: status,
            next_hops,
            cursors,
        };
        let mut record = self.neighbour.record();
        record.established = Some(Box::new(established));
        record.history.push(SessionEventKind::Established, &text);
    }

    /// Whether the peer was told everything, when it was last looked at.
    pub(crate) fn at_tail(&self) -> bool {
        self.at_tail
    }

    /// What to tell the peer next, if there is anything.
    pub(crate) fn next_batch(&mut self) -> Option<Bytes> {
        let mut routes = self.shared.routes();
        self.stopwatch.look(&routes.changes);
        for cursor in &mut self.cursors {
            let Some(batch) = routes.table.next_batch(cursor.peer, BATCH) else {
                continue;
            };
            drop(routes);
            self.at_tail = false;
            cursor.end_of_rib |= batch.marker == Some(Marker::EndOfRib);
            if batch.oversized > 0 {
                warn!(
                    peer = %self.neighbour.address,
                    routes = batch.oversized,
                    "withdrew routes whose attributes do not fit into a message of this peer"
                );
            }
            if batch.routes + batch.withdrawals > 0 {
                self.stopwatch.tell();
            }
            let mut record = self.neighbour.record();
            match batch.marker {
                Some(Marker::BeginRefresh | Marker::EndRefresh) => {
                    record.messages.sent.route_refresh += u64::from(batch.messages);
                }
                _ => record.messages.sent.update += u64::from(batch.messages),
            }
            let counts = record.counts(cursor.family);
            counts.advertised += u64::from(batch.routes);
            counts.withdrawn += u64::from(batch.withdrawals);
            return Some(batch.updates);
        }
        drop(routes);
        self.at_tail = true;
        if let Some(time) = self.stopwatch.caught_up() {
            self.neighbour.record().latency.observe(time);
        }
        None
    }

    /// Whether End-of-RIB of every family has left, once per session. To be asked when nothing is left to write.
    pub(crate) fn take_end_of_rib_sent(&mut self) -> bool {
        let sent = !self.end_of_rib_told
            && !self.cursors.is_empty()
            && self.cursors.iter().all(|cursor| cursor.end_of_rib);
        self.end_of_rib_told |= sent;
        sent
    }

    /// Counts a received UPDATE, and lets the observer look; nothing of it is kept.
    pub(crate) fn received(&mut self, message: &[u8]) {
        let Ok(update) = UpdateView::parse(message, &self.context) else {
            return;
        };
        let malformed = update.disposition() != Disposition::None;
        if malformed {
            self.malformed(&update);
        }
        let mut record = self.neighbour.record();
        record.malformed_updates += u64::from(malformed);
        for nlri in update.announced() {
            record.counts(Family::unicast_of(&nlri.prefix)).received += 1;
        }
        for nlri in update.withdrawn() {
            record
                .counts(Family::unicast_of(&nlri.prefix))
                .received_withdrawn += 1;
        }
        drop(record);
        if let Some(observer) = &self.shared.config.observer {
            observer.update(self.neighbour.address, &update);
        }
    }

    /// RFC 7606 section 8 asks for a word in the log; one a session, because a peer may send nothing else.
    fn malformed(&mut self, update: &UpdateView<'_>) {
        let errors = || update.errors().map(|error| error.to_string());
        if std::mem::replace(&mut self.malformed_told, true) {
            debug!(peer = %self.neighbour.address, errors = ?errors().collect::<Vec<_>>(), "another malformed UPDATE");
        } else {
            let error = errors().next().unwrap_or_default();
            warn!(peer = %self.neighbour.address, error, "malformed UPDATE; others of this session are counted only");
        }
    }

    /// The peer asked for its routes again.
    pub(crate) fn refresh(&mut self, request: &RouteRefresh, enhanced: bool) {
        // BoRR and EoRR of the peer are about its own routes, of which none are kept.
        if request.subtype != RefreshSubtype::Normal {
            return;
        }
        let kind = if enhanced {
            RefreshKind::Enhanced
        } else {
            RefreshKind::Plain
        };
        let mut routes = self.shared.routes();
        for cursor in self
            .cursors
            .iter()
            .filter(|cursor| cursor.family == request.family)
        {
            debug!(peer = %self.neighbour.address, family = %cursor.family, "the peer asks for its routes again");
            routes.table.refresh(cursor.peer, kind);
        }
        drop(routes);
        self.at_tail = false;
    }
}

impl Drop for Established {
    fn drop(&mut self) {
        let mut routes = self.shared.routes();
        for cursor in &self.cursors {
            routes.joined.remove(&cursor.peer);
            routes.table.leave(cursor.peer);
        }
        drop(routes);
        self.neighbour.record().established = None;
    }
}

/// The update group of a session; `None` where there is no next hop of this family.
fn group(config: &SpeakerConfig, negotiated: &Negotiated, family: Family) -> Option<GroupKey> {
    Some(GroupKey {
        family,
        kind: negotiated.peer_kind,
        prepend: negotiated.prepend.unwrap_or(negotiated.local_asn),
        as_width: negotiated.as_width,
        next_hop: next_hop(config, negotiated, family)?,
        max_message: negotiated.max_message,
    })
}

/// The configured next hop of the family, or the session's local address.
///
/// IPv6 next hops have 16 octets. The link-local address is added only where next hop and peer share a subnet (RFC 2545
/// section 3), which can be told of our own address alone.
fn next_hop(config: &SpeakerConfig, negotiated: &Negotiated, family: Family) -> Option<NextHop> {
    let Endpoints { local, remote } = negotiated.endpoints;
    match (family, local.ip().to_canonical(), remote.ip()) {
        (Family::IPV4_UNICAST, IpAddr::V4(local), _) => {
            Some(config.next_hop_v4.unwrap_or(local).into())
        }
        (Family::IPV4_UNICAST, IpAddr::V6(_), _) => config.next_hop_v4.map(NextHop::V4),
        (_, IpAddr::V6(local), IpAddr::V6(remote)) => Some(match config.next_hop_v6 {
            Some(configured) if configured != local => configured.into(),
            _ => NextHop::V6 {
                global: local,
                link_local: subnet::link_local(local, remote),
            },
        }),
        _ => config.next_hop_v6.map(NextHop::from),
    }
}
