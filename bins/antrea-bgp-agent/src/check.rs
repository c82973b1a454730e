//! `check`: is there anything wrong in a folder of manifests?

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use antrea_bgp_api::{Kind, Object, ObjectRef, PASSWORDS_SECRET, Scope, validate};
use antrea_bgp_manifests::{Folder, Place, Position, Problem, Severity, locate};
use antrea_bgp_policy::{Engine, ReasonCode, Report, password_key};
use anyhow::Result;

use crate::cli::CheckArgs;
use crate::snapshot::Snapshot;
use crate::style::{self, Paint as _, print};

/// Prints every finding and a summary; the exit code is 1 if one of them fails the check.
pub(crate) fn check(args: &CheckArgs) -> Result<ExitCode> {
    let mut folder = Folder::open(&args.manifests)?;
    let snapshot = Snapshot::new(folder.rescan().changes);
    let judgements: Vec<Judgement> = invalid_values(&snapshot)
        .into_iter()
        .chain(misnamed_secrets(&snapshot))
        .chain(consequences(&snapshot))
        .collect();
    let questions: Vec<_> = judgements
        .iter()
        .map(|j| (&j.object, j.field.as_deref()))
        .collect();
    let places = locate(folder.path(), &questions);
    let mut findings: Vec<Finding> = judgements
        .iter()
        .zip(places)
        .map(|(j, place)| j.at(place, folder.path()))
        .collect();
    findings.extend(folder.diagnostics().cloned().map(|mut diagnostic| {
        if args.strict && diagnostic.problem == Problem::UnknownField {
            diagnostic.severity = Severity::Error;
        }
        Finding {
            place: (diagnostic.file.clone(), diagnostic.position),
            severity: diagnostic.severity,
            text: diagnostic.to_string(),
        }
    }));
    findings.sort();

    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut out: String = findings.iter().map(|f| f.line() + "\n").collect();
    out += &format!(
        "{}: {}, {}, {}\n",
        args.manifests.display(),
        number_of(snapshot.len(), "object"),
        number_of(errors, "error"),
        number_of(warnings, "warning"),
    );
    print(&out)?;
    Ok(match errors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    })
}

fn number_of(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

/// One line of output. The order of findings is that of files and places.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    place: (PathBuf, Option<Position>),
    severity: Severity,
    text: String,
}

impl Finding {
    /// The text, with its severity in a colour.
    fn line(&self) -> String {
        let colour = match self.severity {
            Severity::Error => style::BAD,
            Severity::Warning => style::NOTICE,
            Severity::Info => return self.text.clone(),
        };
        let word = self.severity.to_string();
        let painted = format!(" {}: ", word.paint(colour));
        self.text.replacen(&format!(" {word}: "), &painted, 1)
    }
}

/// Something that is wrong with an object that decodes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Judgement {
    object: ObjectRef,
    field: Option<String>,
    severity: Severity,
    message: String,
}

impl Judgement {
    /// The finding, at its place; at the folder if the object is gone by now.
    fn at(&self, place: Option<Place>, folder: &Path) -> Finding {
        let Self {
            object,
            field,
            severity,
            message,
        } = self;
        let (file, position) = match place {
            Some((file, position)) => (file, Some(position)),
            None => (folder.to_owned(), None),
        };
        let line = position
            .map(|position| format!("{position}:"))
            .unwrap_or_default();
        let field = field
            .as_ref()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        let text = format!(
            "{}:{line} {severity}: {object}: {field}{message}",
            file.display()
        );
        Finding {
            place: (file, position),
            severity: *severity,
            text,
        }
    }
}

/// Secrets with keys for peers that nobody reads.
fn misnamed_secrets(snapshot: &Snapshot) -> Vec<Judgement> {
    let secrets = snapshot.objects(Kind::Secret).iter();
    let misnamed = secrets.filter(|object| match object {
        Object::Secret(secret) => {
            let is_for_peer = |key: &String| password_key(key).is_some();
            object.object_ref().name != PASSWORDS_SECRET && secret.entries.keys().any(is_for_peer)
        }
        _ => false,
    });
    misnamed
        .map(|object| Judgement {
            object: object.object_ref(),
            field: None,
            severity: Severity::Warning,
            message: format!(
                "has passwords of peers and is not read: only a Secret named {PASSWORDS_SECRET} is"
            ),
        })
        .collect()
}

/// Values that no policy may have, whether or not the policy selects a Node of the folder.
fn invalid_values(snapshot: &Snapshot) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    for object in snapshot.objects(Kind::BgpPolicy) {
        let Object::BgpPolicy(policy) = object else {
            continue;
        };
        judgements.extend(
            validate(&policy.spec)
                .issues
                .into_iter()
                .map(|issue| Judgement {
                    object: object.object_ref(),
                    severity: match issue.scope {
                        Scope::Notice => Severity::Warning,
                        _ => Severity::Error,
                    },
                    message: match issue.value.as_str() {
                        "" => issue.message,
                        value => format!("{value:?}: {}", issue.message),
                    },
                    field: Some(issue.field),
                }),
        );
    }
    judgements
}

/// What the Nodes of the folder would run into: addresses that are none, passwords without a peer.
/// Most of it is the same for every Node and is said once.
fn consequences(snapshot: &Snapshot) -> BTreeSet<Judgement> {
    let mut judgements = BTreeSet::new();
    for node in snapshot.node_names() {
        let engine = snapshot.engine(&node);
        judgements.extend(own_addresses(&engine, snapshot));
        let reports = engine.problems().filter(|report| !is_said_already(report));
        judgements.extend(reports.map(|report| Judgement {
            object: report.object.clone(),
            field: report.field.clone(),
            severity: severity(report.severity),
            message: report.message.clone(),
        }));
    }
    judgements
}

/// Peers that are the node itself: their sessions cannot come up.
fn own_addresses(engine: &Engine, snapshot: &Snapshot) -> Vec<Judgement> {
    let node = engine.node();
    let Some(own) = snapshot.node(node) else {
        return Vec::new();
    };
    let Some(policy) = engine.policy() else {
        return Vec::new();
    };
    let addresses =
        (own.status.addresses.iter()).filter_map(|it| it.address.parse::<IpAddr>().ok());
    let addresses: Vec<_> = addresses.map(|address| address.to_canonical()).collect();
    (engine.peers())
        .map(|view| view.peer.address)
        .filter(|peer| addresses.contains(peer))
        .map(|peer| Judgement {
            object: ObjectRef::cluster(Kind::BgpPolicy, policy.name),
            field: Some("spec.bgpPeers".to_owned()),
            severity: Severity::Warning,
            message: format!(
                "peer {peer} is an address of node {node} itself: no session with it comes up there"
            ),
        })
        .collect()
}

/// [`invalid_values`] or the folder says it too, for every policy and with the place.
fn is_said_already(report: &Report) -> bool {
    matches!(
        report.code,
        ReasonCode::InvalidPolicy
            | ReasonCode::KeptLastGoodPolicy
            | ReasonCode::InvalidElement
            | ReasonCode::NoEffect
            | ReasonCode::Undecodable
    )
}

fn severity(severity: antrea_bgp_policy::Severity) -> Severity {
    match severity {
        antrea_bgp_policy::Severity::Info => Severity::Info,
        antrea_bgp_policy::Severity::Warning => Severity::Warning,
        antrea_bgp_policy::Severity::Error => Severity::Error,
    }
}
