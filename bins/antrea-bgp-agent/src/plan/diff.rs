//! `plan --diff`: what a running agent would change if these files were what it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use super::intent::{IntendedPeer, Intent, PlannedRoute};
use crate::style::{self, Paint as _};
use crate::table::paragraph;

/// The difference between what an agent does and what it would do.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Diff {
    node: String,
    changes: Vec<Change>,
}

/// One thing that would come, go or be another.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    action: Action,
    /// `policy`, `peer` or `route`.
    what: &'static str,
    /// The name of the policy, the address of the peer, the prefix.
    name: String,
    /// What it is, or which fields change from what to what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    /// What sessions would notice, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Add,
    Remove,
    Change,
}

impl Diff {
    /// What leads from `now` to `then`.
    pub(crate) fn new(now: &Intent, then: &Intent) -> Self {
        let mut changes = process(now, then);
        changes.extend(peers(now, then));
        changes.extend(routes(now, then));
        Self {
            node: then.node.clone(),
            changes,
        }
    }

    /// Whether nothing would change.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether there are peers whose passwords may differ: the values are nowhere to be seen.
    pub(crate) fn leaves_out_passwords(now: &Intent, then: &Intent) -> bool {
        let with_password = |intent: &Intent| -> BTreeSet<String> {
            let peers = intent.peers.iter().filter(|peer| peer.config.authenticated);
            peers.map(address).collect()
        };
        !with_password(now).is_disjoint(&with_password(then))
    }

    /// A line for each change, and a summary.
    pub(crate) fn text(&self) -> String {
        if self.is_empty() {
            return format!("Node {}: nothing would change\n", self.node);
        }
        let mut out = format!("Node {}, against the agent that runs there:\n", self.node);
        for change in &self.changes {
            out += &paragraph(&change.line(), 0, style::columns());
        }
        let count = |action| {
            let of_action = self.changes.iter().filter(|it| it.action == action);
            of_action.count()
        };
        out += &format!(
            "{} to add, {} to remove, {} to change\n",
            count(Action::Add),
            count(Action::Remove),
            count(Action::Change)
        );
        out
    }
}

impl Change {
    fn new(action: Action, what: &'static str, name: &str, details: Vec<String>) -> Self {
        Self {
            action,
            what,
            name: name.to_owned(),
            details,
            effect: None,
        }
    }

    fn with_effect(mut self, effect: &'static str) -> Self {
        self.effect = Some(effect);
        self
    }

    fn line(&self) -> String {
        let (sign, colour) = match self.action {
            Action::Add => ('+', style::GOOD),
            Action::Remove => ('-', style::BAD),
            Action::Change => ('~', style::NOTICE),
        };
        let mut line = format!("{sign} {} {}", self.what, self.name);
        if !self.details.is_empty() {
            let colon = if self.action == Action::Change {
                ":"
            } else {
                ""
            };
            line += &format!("{colon} {}", self.details.join(", "));
        }
        if let Some(effect) = self.effect {
            line += &format!(" ({effect})");
        }
        line.paint(colour)
    }
}

/// Whether the BGP process starts, stops, restarts or goes on.
fn process(now: &Intent, then: &Intent) -> Vec<Change> {
    let (before, after) = match (&now.process, &then.process) {
        (None, None) => return Vec::new(),
        (None, Some(after)) => {
            let details = vec![
                format!("local AS {}", after.settings.local_asn),
                format!("router ID {}", after.settings.router_id),
                format!("listen port {}", after.settings.listen_port),
            ];
            let change = Change::new(Action::Add, "policy", &after.policy, details);
            return vec![change.with_effect("BGP starts")];
        }
        (Some(before), None) => {
            let change = Change::new(Action::Remove, "policy", &before.policy, Vec::new());
            return vec![change.with_effect("BGP stops, and all routes are withdrawn")];
        }
        (Some(before), Some(after)) => (before, after),
    };
    let details = fields(before, after);
    if details.is_empty() {
        return Vec::new();
    }
    let change = Change::new(Action::Change, "policy", &after.policy, details);
    let (old, new) = (&before.settings, &after.settings);
    // Peers are told that another AS speaks, and of nothing where it is the same.
    let is_same_speaker = (
        old.local_asn,
        old.confederation_identifier,
        &old.member_asns,
    ) == (
        new.local_asn,
        new.confederation_identifier,
        &new.member_asns,
    );
    let effect = match before.settings == after.settings {
        true => "sessions stay",
        false if is_same_speaker => {
            "BGP restarts, and with it all sessions; peers with graceful restart keep the routes"
        }
        false => "BGP restarts, and with it all sessions; peers drop the routes meanwhile",
    };
    vec![change.with_effect(effect)]
}

/// What a peer is known by, without the port.
fn address(peer: &IntendedPeer) -> String {
    let address = peer.peer.rsplit_once(':').map(|(address, _)| address);
    address.unwrap_or_default().to_owned()
}

/// Whether a peer is told of the new session as of the old one come back (RFC 4724).
fn keeps_routes(former: &IntendedPeer, peer: &IntendedPeer) -> bool {
    former.asn == peer.asn
        && former.config.graceful_restart_enabled
        && peer.config.graceful_restart_enabled
}

/// The peers are compared by address: the same one on another port is a change.
fn peers(now: &Intent, then: &Intent) -> Vec<Change> {
    let by_address = |intent: &'_ Intent| -> BTreeMap<String, IntendedPeer> {
        let peers = intent.peers.iter();
        peers.map(|peer| (address(peer), peer.clone())).collect()
    };
    let (before, after) = (by_address(now), by_address(then));
    let named = |peer: &IntendedPeer| {
        let mut details = vec![format!("AS {}", peer.asn)];
        details.extend(peer.skipped.clone());
        details
    };
    let gone = before
        .iter()
        .filter(|(key, _)| !after.contains_key(*key))
        .map(|(_, peer)| Change::new(Action::Remove, "peer", &peer.peer, named(peer)));
    let others = after.iter().filter_map(|(key, peer)| {
        let Some(former) = before.get(key) else {
            return Some(Change::new(Action::Add, "peer", &peer.peer, named(peer)));
        };
        let details = fields(former, peer);
        (!details.is_empty()).then(|| {
            let change = Change::new(Action::Change, "peer", &peer.peer, details);
            change.with_effect(match (&former.skipped, &peer.skipped) {
                (None, None) if keeps_routes(former, peer) => {
                    "its session restarts; with graceful restart the peer keeps the routes"
                }
                (None, None) => "its session restarts, and the peer drops the routes meanwhile",
                (None, Some(_)) => "its session ends",
                (Some(_), None) => "its session starts",
                (Some(_), Some(_)) => "it has no session",
            })
        })
    });
    gone.chain(others).collect()
}

fn routes(now: &Intent, then: &Intent) -> Vec<Change> {
    let by_prefix = |intent: &'_ Intent| -> BTreeMap<String, PlannedRoute> {
        let routes = intent.routes.iter();
        routes.map(|it| (it.route.clone(), it.clone())).collect()
    };
    let (before, after) = (by_prefix(now), by_prefix(then));
    let owner = |route: &PlannedRoute| {
        let object = match route.k8s_obj_ref.as_str() {
            "" => String::new(),
            object => format!(" {object}"),
        };
        format!("{}{object}", route.route_type)
    };
    // In the order in which they are shown elsewhere.
    let gone = now
        .routes
        .iter()
        .filter(|route| !after.contains_key(&route.route))
        .map(|route| Change::new(Action::Remove, "route", &route.route, vec![owner(route)]));
    let others = then.routes.iter().filter_map(|route| {
        let Some(former) = before.get(&route.route) else {
            let details = vec![owner(route)];
            return Some(Change::new(Action::Add, "route", &route.route, details));
        };
        (former != route).then(|| {
            let details = vec![from_to("owner", owner(former), owner(route))];
            let change = Change::new(Action::Change, "route", &route.route, details);
            change.with_effect("nothing is sent")
        })
    });
    gone.chain(others).collect()
}

/// Which fields of two values differ, each by its own name in JSON, and how.
fn fields(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    // Values of our own types have keys that are strings, which is all that can go wrong.
    flatten(serde_json::to_value(before).unwrap_or_default(), &mut old);
    flatten(serde_json::to_value(after).unwrap_or_default(), &mut new);
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let none = "none".to_owned();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| {
            from_to(
                key,
                old.get(key).unwrap_or(&none),
                new.get(key).unwrap_or(&none),
            )
        })
        .collect()
}

/// Members of members under their own name: no two have the same one.
fn flatten(value: Value, into: &mut BTreeMap<String, String>) {
    let Value::Object(members) = value else {
        return;
    };
    for (key, value) in members {
        match value {
            Value::Object(_) => flatten(value, into),
            Value::String(text) => drop(into.insert(key, text)),
            other => drop(into.insert(key, other.to_string())),
        }
    }
}

fn from_to(name: &str, from: impl Display, to: impl Display) -> String {
    format!("{name} {from} -> {to}")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::intent::IntendedProcess;
    use super::*;
    use crate::view::{PeerConfigView, ProcessView};

    fn intent(routes: &[(&str, &str)]) -> Intent {
        let routes = routes.iter().map(|(route, object)| PlannedRoute {
            route: (*route).to_owned(),
            route_type: "ServiceClusterIP".to_owned(),
            k8s_obj_ref: (*object).to_owned(),
        });
        Intent {
            node: "node-a".to_owned(),
            process: Some(IntendedProcess {
                policy: "edge".to_owned(),
                settings: ProcessView {
                    router_id: Ipv4Addr::new(192, 0, 2, 1),
                    local_asn: 64512,
                    listen_port: 179,
                    confederation_identifier: None,
                    member_asns: Vec::new(),
                },
            }),
            router_id_annotation: None,
            peers: vec![IntendedPeer {
                peer: "192.0.2.9:179".to_owned(),
                asn: 65001,
                skipped: None,
                config: PeerConfigView {
                    hold_time_seconds: 90,
                    ..PeerConfigView::default()
                },
            }],
            routes: routes.collect(),
        }
    }

    fn lines(now: &Intent, then: &Intent) -> Vec<String> {
        let diff = Diff::new(now, then);
        diff.changes
            .iter()
            .map(|it| anstream::adapter::strip_str(&it.line()).to_string())
            .collect()
    }

    #[test]
    fn nothing_changes_where_nothing_differs() {
        let same = intent(&[("10.96.0.1/32", "shop/web")]);
        let diff = Diff::new(&same, &same);
        assert!(diff.is_empty());
        assert_eq!(diff.text(), "Node node-a: nothing would change\n");
    }

    #[test]
    fn routes_come_and_go_and_change_their_owner() {
        let now = intent(&[("10.96.0.1/32", "shop/web"), ("10.96.0.2/32", "shop/old")]);
        let then = intent(&[("10.96.0.1/32", "shop/new"), ("10.96.0.3/32", "shop/new")]);
        assert_eq!(
            lines(&now, &then),
            [
                "- route 10.96.0.2/32 ServiceClusterIP shop/old",
                "~ route 10.96.0.1/32: owner ServiceClusterIP shop/web -> ServiceClusterIP shop/new \
                 (nothing is sent)",
                "+ route 10.96.0.3/32 ServiceClusterIP shop/new",
            ]
        );
    }

    #[test]
    fn a_peer_at_the_same_address_is_the_same_peer() {
        let now = intent(&[]);
        let mut then = intent(&[]);
        then.peers[0].peer = "192.0.2.9:1790".to_owned();
        then.peers[0].config.hold_time_seconds = 30;
        then.peers[0].config.keepalive_interval_seconds = Some(5);
        assert_eq!(
            lines(&now, &then),
            [
                "~ peer 192.0.2.9:1790: holdTimeSeconds 90 -> 30, keepaliveIntervalSeconds none -> 5, \
              peer 192.0.2.9:179 -> 192.0.2.9:1790 (its session restarts, and \
              the peer drops the routes meanwhile)"
            ]
        );
        then.peers[0].peer = "[2001:db8::9]:179".to_owned();
        assert_eq!(
            lines(&now, &then),
            [
                "- peer 192.0.2.9:179 AS 65001",
                "+ peer [2001:db8::9]:179 AS 65001"
            ]
        );
    }

    #[test]
    fn what_becomes_of_a_session_and_of_its_routes_is_told() {
        let (now, mut then, mut waiting) = (intent(&[]), intent(&[]), intent(&[]));
        then.peers[0].config.hold_time_seconds = 30;
        let effect = |now: &Intent, then: &Intent| lines(now, then).concat();
        assert!(effect(&now, &then).ends_with("the peer drops the routes meanwhile)"));
        let (mut graceful, mut longer) = (now.clone(), then.clone());
        for intent in [&mut graceful, &mut longer] {
            intent.peers[0].config.graceful_restart_enabled = true;
        }
        assert!(effect(&graceful, &longer).ends_with("the peer keeps the routes)"));
        assert!(effect(&graceful, &then).ends_with("the peer drops the routes meanwhile)"));
        longer.peers[0].asn += 1;
        assert!(effect(&graceful, &longer).ends_with("the peer drops the routes meanwhile)"));
        then.peers[0].skipped = Some("skipped: the node has no IPv4".to_owned());
        assert!(effect(&now, &then).ends_with("(its session ends)"));
        assert!(effect(&then, &now).ends_with("(its session starts)"));
        waiting.peers[0].skipped = Some("waiting for the Secret of passwords".to_owned());
        assert!(effect(&waiting, &then).ends_with("(it has no session)"));
    }

    #[test]
    fn passwords_may_differ_only_where_both_have_one() {
        let (without, mut with) = (intent(&[]), intent(&[]));
        with.peers[0].config.authenticated = true;
        assert!(Diff::leaves_out_passwords(&with, &with));
        assert!(!Diff::leaves_out_passwords(&without, &with));
        assert!(!Diff::leaves_out_passwords(&with, &without));
    }

    #[test]
    fn what_restarts_the_process_is_told_and_a_name_does_not() {
        let now = intent(&[]);
        let mut then = intent(&[]);
        let process = then.process.as_mut().unwrap();
        process.policy = "core".to_owned();
        assert_eq!(
            lines(&now, &then),
            ["~ policy core: policy edge -> core (sessions stay)"]
        );
        then.process.as_mut().unwrap().settings.local_asn = 64513;
        assert_eq!(
            lines(&now, &then),
            [
                "~ policy core: localASN 64512 -> 64513, policy edge -> core \
              (BGP restarts, and with it all sessions; peers drop the routes meanwhile)"
            ]
        );
        then.process = None;
        assert_eq!(
            lines(&now, &then),
            ["- policy edge (BGP stops, and all routes are withdrawn)"]
        );
        assert_eq!(
            lines(&then, &now),
            ["+ policy edge local AS 64512, router ID 192.0.2.1, listen port 179 (BGP starts)"]
        );
    }
}
