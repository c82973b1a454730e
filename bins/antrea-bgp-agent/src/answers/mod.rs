//! Answers to queries: joins what the engine wants with what the speaker has done.

mod delivery;
mod explain;
mod peer;
mod peers;
mod routes;

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Engine, PeerState, PeerView, SourceState};
use bgp_speaker::Status;

use crate::peer_name::PeerName;
use crate::process::Process;
use crate::source::Source;
use crate::view::{AgentView, PolicyView, ProcessView};

pub(crate) use explain::explain;
pub(crate) use peer::{configured, peer};
pub(crate) use peers::peers;
pub(crate) use routes::routes;

/// Why there is no answer: what was asked about does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No policy is in effect.
    Policy,
    /// The policy in effect has no such peer, but those.
    Peer {
        asked: PeerName,
        policy: String,
        /// Called as the one that was asked for.
        known: Vec<PeerName>,
    },
    /// The policy in effect has this peer, and this node leaves it out.
    SkippedPeer {
        asked: PeerName,
        /// Why.
        state: String,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // antctl's own words.
            Self::Policy => f.write_str("there is no effective bgp policy applied to the Node"),
            Self::SkippedPeer { asked, state } => {
                write!(f, "no route goes to peer {asked}: {state}")
            }
            Self::Peer {
                asked,
                policy,
                known,
            } => {
                write!(f, "BGPPolicy {policy} has no peer {asked}; ")?;
                match known.as_slice() {
                    [] => f.write_str("it has none"),
                    known => {
                        let known: Vec<_> = known.iter().map(PeerName::to_string).collect();
                        write!(f, "it has {}", known.join(", "))
                    }
                }
            }
        }
    }
}

/// The peer of this name in the policy in effect.
fn known_peer<'a>(engine: &'a Engine, asked: &PeerName) -> Result<PeerView<'a>, Missing> {
    let policy = engine.policy().ok_or(Missing::Policy)?;
    let found = engine.peers().find(|view| asked.names(view));
    found.ok_or_else(|| Missing::Peer {
        asked: *asked,
        policy: policy.name.to_owned(),
        known: engine.peers().map(|view| asked.alike(&view)).collect(),
    })
}

/// Which elements of a list are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) family: FamilyFilter,
    /// One of antctl's route types.
    pub(crate) route_type: Option<String>,
    /// Only routes that are meant for this peer, each with what has become of it there.
    pub(crate) peer: Option<PeerName>,
    /// Whether to look up what takes longer: to whom each route was sent.
    pub(crate) wide: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FamilyFilter {
    #[default]
    Both,
    Ipv4,
    Ipv6,
}

impl FamilyFilter {
    fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// All that there is to answer from.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) process: &'a Process,
    pub(crate) source: &'a Source,
    /// When the agent started.
    pub(crate) started: Instant,
}

/// Who answers.
pub(crate) fn agent(known: &Known<'_>) -> AgentView {
    AgentView {
        node: known.engine.node().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: known.source.name(),
        uptime_seconds: known.started.elapsed().as_secs(),
        generation: known.engine.generation(),
    }
}

/// One thing that a ready agent needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) name: String,
    pub(crate) holds: bool,
    /// Why it does not hold.
    pub(crate) why: String,
}

const UNREADABLE_SECRET: &str =
    "it cannot be read, and peers wait for it; `get bgppolicy -o wide` tells what is wrong with it";

/// What readiness depends on: all must hold. A kind that was listed once and cannot be followed at
/// present costs no route, but whoever rolls out a change should wait for it.
pub(crate) fn conditions(known: &Known<'_>) -> Vec<Condition> {
    let unsettled = known.engine.unsettled();
    let peers_wait = (known.engine.peers()).any(|peer| peer.state == PeerState::AwaitingSecret);
    let mut conditions: Vec<_> = known
        .engine
        .needed()
        .iter()
        .map(|kind| {
            let state = known.engine.source(kind);
            let fails = matches!(state, SourceState::Denied | SourceState::Failing);
            let detail = || known.source.detail(kind);
            // It came, and nobody can read it.
            let waited_for = kind == Kind::Secret && state == SourceState::Synced && peers_wait;
            Condition {
                name: format!("synced/{kind}"),
                holds: !unsettled.contains(kind) && !fails && !waited_for,
                why: match waited_for {
                    true => UNREADABLE_SECRET.to_owned(),
                    false => detail().unwrap_or_else(|| state.to_string()),
                },
            }
        })
        .collect();
    let absent = absent_node(known.engine);
    conditions.push(Condition {
        name: format!("node/{}", known.engine.node()),
        holds: absent.is_none(),
        why: absent.unwrap_or_default().to_owned(),
    });
    conditions.extend(known.source.condition());
    let listeners = known.process.status().map(|status| status.listeners);
    conditions.extend(
        listeners
            .unwrap_or_default()
            .into_iter()
            .map(|l| Condition {
                name: format!("listening/{}", l.address),
                holds: l.local.is_some(),
                why: l.error.unwrap_or_else(|| "not yet".to_owned()),
            }),
    );
    conditions
}

/// The policy in effect. With `placed` the problems have their places.
pub(crate) fn policy(known: &Known<'_>, placed: bool) -> Result<PolicyView, Missing> {
    let (engine, process) = (known.engine, known.process);
    let policy = engine.policy().ok_or(Missing::Policy)?;
    let status = process.status();
    Ok(PolicyView {
        name: policy.name.to_owned(),
        process: ProcessView::of(policy.process),
        listeners: status.as_ref().map(listeners).unwrap_or_default(),
        remarks: problems(known, placed),
    })
}

/// What the agent's own Node lacks, if it was looked for and is not there.
fn absent_node(engine: &Engine) -> Option<&'static str> {
    engine.node_absent().then(|| match engine.node_missing() {
        true => "it is gone; BGP stops if it stays away",
        false => {
            "there is no such Node, so nothing is advertised; add it, or mend --node or NODE_NAME"
        }
    })
}

/// What is wrong at present with what this node reads, a line each. With `placed` those about objects of a folder begin with
/// the place there, for which its files are read again.
pub(crate) fn problems(known: &Known<'_>, placed: bool) -> Vec<String> {
    let (engine, source) = (known.engine, known.source);
    let missing = absent_node(engine).map(|why| format!("error: Node/{}: {why}", engine.node()));
    let reports: Vec<_> = (engine.problems())
        .filter(|report| !source.says(report))
        .collect();
    let places = match placed {
        true => source.locate(&reports),
        false => vec![None; reports.len()],
    };
    let in_objects = reports
        .iter()
        .zip(places)
        .map(|(report, place)| match place {
            Some(place) => format!("{place}: {report}"),
            None => report.to_string(),
        });
    (missing.into_iter())
        .chain(source.problems(engine))
        .chain(in_objects)
        .collect()
}

fn listeners(status: &Status) -> Vec<String> {
    let show = |l: &bgp_speaker::ListenerStatus| match (&l.local, &l.error) {
        (Some(local), _) => local.to_string(),
        (None, Some(error)) => format!("{} ({error})", l.address),
        (None, None) => format!("{} (not yet)", l.address),
    };
    status.listeners.iter().map(show).collect()
}
