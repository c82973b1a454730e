//! Whether all is as it should be once nothing is left to happen.

use std::collections::BTreeMap;

use bgp_fsm::State;
use bgp_rib::Delivery;
use bgp_wire::{Family, MAX_EXTENDED_MESSAGE};
use ipnet::IpNet;

use crate::end::{End, Established};
use crate::speaker::{OVERSIZED, Speaker};
use crate::world::World;

impl World {
    /// What is not as it should be in the end, if anything is.
    pub(crate) fn unsettled(&self) -> Option<String> {
        for (number, end) in self.ends.iter().enumerate() {
            let at = |what: String| Some(format!("end {number} (to {}): {what}", end.peer));
            if let Some(what) = self.session_unsettled(end) {
                return at(what);
            }
            if let Some(what) = self.routes_unsettled(end) {
                return at(what);
            }
        }
        self.speakers
            .iter()
            .enumerate()
            .find_map(|(number, speaker)| {
                let what = self.table_unsettled(speaker)?;
                Some(format!("speaker {number}: {what}"))
            })
    }

    /// Both ends have to be Established over one and the same connection, with none besides.
    fn session_unsettled(&self, end: &End) -> Option<String> {
        if !end.configured {
            return (!end.sockets.is_empty()).then(|| "removed, but connected".to_owned());
        }
        let state = end.session.as_ref().map_or(State::Idle, |s| s.state());
        if state != State::Established {
            return Some(format!("{state}"));
        }
        if end.sockets.len() > 1 {
            return Some("two connections".to_owned());
        }
        let pipe = |end: &End| end.sockets.values().next().map(|socket| socket.pipe);
        let same = pipe(end) == pipe(&self.ends[end.peer]);
        let works = pipe(end).is_some_and(|pipe| self.net.works(pipe));
        (!same || !works).then(|| "Established over a connection of its own".to_owned())
    }

    /// What a receiver believes has to be what the sender wants it to.
    fn routes_unsettled(&self, end: &End) -> Option<String> {
        if let Some(what) = end.received.unfinished() {
            return Some(what);
        }
        let sender = &self.ends[end.peer];
        let (Some(session), true) = (&sender.established, end.configured) else {
            let left = end.received.routes.len();
            return (left > 0).then(|| format!("{left} routes of a removed neighbour"));
        };
        let speaker = &self.speakers[sender.speaker];
        let wanted = wanted(speaker, session);
        let received: BTreeMap<IpNet, u32> = end
            .received
            .routes
            .iter()
            .map(|(prefix, route)| (*prefix, route.version))
            .collect();
        let differs = wanted
            .iter()
            .find(|(prefix, version)| received.get(prefix) != Some(version))
            .or_else(|| {
                received
                    .iter()
                    .find(|(prefix, _)| !wanted.contains_key(prefix))
            });
        if let Some((prefix, _)) = differs {
            let (wanted, received) = (wanted.get(prefix), received.get(prefix));
            return Some(format!("{prefix} is {received:?}, wanted {wanted:?}"));
        }
        let foreign =
            end.received.routes.iter().find(|(prefix, route)| {
                route.next_hop != speaker.next_hop(Family::unicast_of(prefix))
            });
        foreign.map(|(prefix, route)| format!("{prefix} has next hop {:?}", route.next_hop))
    }

    /// The table has to know that everything is delivered, and keep nothing for anybody.
    fn table_unsettled(&self, speaker: &Speaker) -> Option<String> {
        let table = &speaker.process.as_ref()?.table;
        for family in FAMILIES {
            let statistics = table.statistics(family);
            if statistics.tombstones > 0 {
                return Some(format!("{} tombstones of {family}", statistics.tombstones));
            }
            let sessions = self.sessions(speaker).flat_map(|it| &it.cursors);
            let peers = sessions.filter(|cursor| cursor.family == family).count();
            if statistics.peers != peers {
                return Some(format!("{} peers in the table", statistics.peers));
            }
        }
        for session in self.sessions(speaker) {
            for cursor in &session.cursors {
                let undelivered = wanted(speaker, session)
                    .into_keys()
                    .filter(|prefix| Family::unicast_of(prefix) == cursor.family)
                    .find(|prefix| table.delivery(cursor.peer, prefix) != Delivery::Sent);
                if let Some(prefix) = undelivered {
                    return Some(format!("{prefix} counts as not delivered"));
                }
            }
        }
        None
    }

    fn sessions<'a>(&'a self, speaker: &'a Speaker) -> impl Iterator<Item = &'a Established> {
        let ends = speaker.ends.iter().map(|end| &self.ends[*end]);
        ends.filter_map(|end| end.established.as_ref())
    }
}

const FAMILIES: [Family; 2] = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];

/// What a speaker wants the other side of a session to know.
fn wanted(speaker: &Speaker, session: &Established) -> BTreeMap<IpNet, u32> {
    let fits = |version: u32| version < OVERSIZED || session.max_message == MAX_EXTENDED_MESSAGE;
    speaker
        .intent
        .iter()
        .filter(|(prefix, _)| session.families.contains(&Family::unicast_of(prefix)))
        .filter_map(|(prefix, fate)| Some((*prefix, fate.version.filter(|v| fits(*v))?)))
        .collect()
}
