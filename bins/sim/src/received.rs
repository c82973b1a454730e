//! What one speaker believes of another's routes: a helper of graceful restart (RFC 4724 section
//! 4.2) that keeps everything it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bgp_fsm::{DownReason, Negotiated};
use bgp_wire::{
    AttributeType, AttributeValue, Context, Disposition, ErrorCode, Family, NextHop,
    RefreshSubtype, RouteRefresh, UpdateView,
};
use ipnet::IpNet;

/// The routes of one neighbour.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) routes: BTreeMap<IpNet, Route>,
    /// When routes of a session that is gone are given up.
    pub(crate) stale_until: Option<Instant>,
    session: Option<Session>,
}

/// One route as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The MULTI_EXIT_DISC, which stands for all attributes.
    pub(crate) version: u32,
    pub(crate) next_hop: NextHop,
    /// From before the restart of the neighbour.
    stale: bool,
}

/// What belongs to the present session.
struct Session {
    context: Context,
    /// How long its routes outlive it, by family; empty without graceful restart.
    restart_time: Duration,
    preserved: Vec<Family>,
    notification_restart: bool,
    families: Vec<Family>,
    ends_of_rib: BTreeSet<Family>,
    /// Routes that were not seen again since BoRR.
    refreshing: BTreeMap<Family, BTreeSet<IpNet>>,
}

/// What a message changed.
pub(crate) enum Effect {
    Announced(IpNet, Route),
    Removed(IpNet, Why),
}

/// Why a route is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The neighbour withdrew it.
    Withdrawn,
    /// End-of-RIB came without it.
    EndOfRib,
    /// The end of a refresh came without it.
    EndOfRefresh,
    /// This side ended the session.
    Ours,
    /// The session ended in a way, or came back in a way, that does not preserve routes.
    Session,
    /// The session ended a second time before End-of-RIB.
    SecondRestart,
    /// The restart time is over.
    RestartTime,
}

impl Received {
    /// A session is up. Stale routes wait for End-of-RIB, if the neighbour kept forwarding.
    pub(crate) fn established(&mut self, negotiated: &Negotiated) -> Vec<Effect> {
        let restart = negotiated.graceful_restart.as_ref();
        let preserved: Vec<Family> = restart
            .into_iter()
            .flat_map(|gr| &gr.families)
            .filter(|entry| entry.forwarding && negotiated.families.contains(&entry.family))
            .map(|entry| entry.family)
            .collect();
        self.stale_until = None;
        let effects = self.remove(Why::Session, |prefix, _| {
            !preserved.contains(&Family::unicast_of(prefix))
        });
        self.session = Some(Session {
            context: negotiated.context,
            restart_time: Duration::from_secs(restart.map_or(0, |gr| u64::from(gr.time))),
            preserved,
            notification_restart: negotiated.notification_restart,
            families: negotiated.families.clone(),
            ends_of_rib: BTreeSet::new(),
            refreshing: BTreeMap::new(),
        });
        effects
    }

    /// The session is gone.
    pub(crate) fn down(&mut self, now: Instant, reason: &DownReason) -> Vec<Effect> {
        let session = self.session.take();
        let Some(session) = session.filter(|session| session.outlived_by_routes(reason)) else {
            self.stale_until = None;
            let why = match reason {
                DownReason::Admin => Why::Ours,
                _ => Why::Session,
            };
            return self.remove(why, |_, _| true);
        };
        // RFC 4724 section 4.2: what was stale already goes at once.
        let mut effects = self.remove(Why::SecondRestart, |_, route| route.stale);
        effects.extend(self.remove(Why::Session, |prefix, _| {
            !session.preserved.contains(&Family::unicast_of(prefix))
        }));
        self.routes
            .values_mut()
            .for_each(|route| route.stale = true);
        self.stale_until = Some(now + session.restart_time);
        effects
    }

    /// The restart time may be over.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Effect> {
        if self.stale_until.take_if(|until| *until <= now).is_none() {
            return Vec::new();
        }
        self.remove(Why::RestartTime, |_, route| route.stale)
    }

    /// An UPDATE came.
    pub(crate) fn update(&mut self, message: &[u8]) -> Vec<Effect> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let update = UpdateView::parse(message, &session.context).expect("a sound UPDATE");
        let error = update.errors().next();
        assert_eq!(update.disposition(), Disposition::None, "{error:?}");
        if let Some(family) = update.end_of_rib() {
            assert!(session.families.contains(&family), "End-of-RIB of {family}");
            let first = session.ends_of_rib.insert(family);
            assert!(first, "a second End-of-RIB of {family} in one session");
            return self.remove(Why::EndOfRib, |prefix, route| {
                route.stale && Family::unicast_of(prefix) == family
            });
        }
        let mut effects = Vec::new();
        for nlri in update.withdrawn() {
            if self.routes.remove(&nlri.prefix).is_some() {
                effects.push(Effect::Removed(nlri.prefix, Why::Withdrawn));
            }
        }
        for nlri in update.announced() {
            let family = Family::unicast_of(&nlri.prefix);
            assert!(session.families.contains(&family), "a route of {family}");
            let route = Route {
                version: version(&update),
                next_hop: update.next_hop(family).expect("a next hop"),
                stale: false,
            };
            self.routes.insert(nlri.prefix, route);
            if let Some(unseen) = session.refreshing.get_mut(&family) {
                unseen.remove(&nlri.prefix);
            }
            effects.push(Effect::Announced(nlri.prefix, route));
        }
        effects
    }

    /// The begin or end of an enhanced refresh (RFC 7313).
    pub(crate) fn refresh(&mut self, message: &RouteRefresh) -> Vec<Effect> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let family = message.family;
        match message.subtype {
            RefreshSubtype::BeginRefresh => {
                let allowed = session.ends_of_rib.contains(&family);
                assert!(allowed, "RFC 7313: no BoRR before End-of-RIB");
                let known = self.routes.keys().copied();
                let unseen = known.filter(|prefix| Family::unicast_of(prefix) == family);
                session.refreshing.insert(family, unseen.collect());
                Vec::new()
            }
            RefreshSubtype::EndRefresh => {
                let unseen = session.refreshing.remove(&family);
                let unseen = unseen.expect("an EoRR follows a BoRR");
                self.remove(Why::EndOfRefresh, |prefix, _| unseen.contains(prefix))
            }
            _ => Vec::new(),
        }
    }

    /// What is still under way, if anything is.
    pub(crate) fn unfinished(&self) -> Option<String> {
        let Some(session) = &self.session else {
            let left = self.routes.len();
            return (left > 0).then(|| format!("{left} routes of a session that is gone"));
        };
        if session.ends_of_rib.len() < session.families.len() {
            return Some(format!("End-of-RIB only of {:?}", session.ends_of_rib));
        }
        if !session.refreshing.is_empty() {
            return Some("a refresh is under way".to_owned());
        }
        let stale = self.routes.values().filter(|route| route.stale).count();
        (stale > 0).then(|| format!("{stale} stale routes after End-of-RIB"))
    }

    fn remove(&mut self, why: Why, goes: impl Fn(&IpNet, &Route) -> bool) -> Vec<Effect> {
        let gone: Vec<_> = self
            .routes
            .extract_if(.., |prefix, route| goes(prefix, route))
            .collect();
        gone.into_iter()
            .map(|(prefix, _)| Effect::Removed(prefix, why))
            .collect()
    }
}

impl Session {
    /// Whether its routes stay for the restart time (RFC 4724 section 4.2, RFC 8538 section 4).
    fn outlived_by_routes(&self, reason: &DownReason) -> bool {
        let hard = |code| code == ErrorCode::CEASE_HARD_RESET;
        !self.preserved.is_empty()
            && match reason {
                DownReason::Transport(_)
                | DownReason::Replaced
                | DownReason::SendHoldTimerExpired => true,
                DownReason::Received(notification) | DownReason::Sent(notification) => {
                    self.notification_restart && !hard(notification.error)
                }
                DownReason::HoldTimerExpired | DownReason::CollisionLost => {
                    self.notification_restart
                }
                _ => false,
            }
    }
}

fn version(update: &UpdateView<'_>) -> u32 {
    let med = update.attribute(AttributeType::MULTI_EXIT_DISC);
    match med.map(|med| med.value()) {
        Some(AttributeValue::MultiExitDisc(version)) => version,
        other => panic!("{other:?} is no MULTI_EXIT_DISC"),
    }
}
