//! Inputs: into records, and from there to whatever depends on them.

use std::collections::HashSet;

use antrea_bgp_api::{
    BGPPolicy, Kind, Node, Object, ObjectRef, PASSWORDS_SECRET, Secret, Selector, dropped_fields,
    validate,
};

use crate::report::{ReasonCode, Report, Severity};
use crate::{Input, InvalidObject, KindSet, SourceState};

use super::Engine;
use super::ledger::Topic;
use super::normalise;
use super::passwords::Passwords;
use super::policies::{Broken, Candidate};

impl Engine {
    /// Takes in what happened. What is to be done about it can be polled afterwards.
    pub fn handle(&mut self, input: Input) {
        self.handle_all([input]);
    }

    /// Takes in what happened at once, and carries on only from the result: an address that one
    /// object loses and another one gains is not withdrawn in between, and a policy that replaces
    /// another one stops no process that it would start again.
    pub fn handle_all(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let changed: KindSet = inputs
            .into_iter()
            .filter_map(|input| self.take_in(input))
            .collect();
        if changed.contains(Kind::BgpPolicy) || changed.contains(Kind::Node) {
            self.reselect();
        } else if changed.contains(Kind::Secret) {
            self.sync_peers();
        }
        self.finish();
    }

    /// Brings the records up to date, and routes as far as they depend on nothing else. Returns
    /// the kind that may have changed.
    fn take_in(&mut self, input: Input) -> Option<Kind> {
        let kind = match &input {
            Input::Applied(object) => object.kind(),
            Input::Invalid { object, .. } | Input::Deleted(object) => object.kind,
            Input::Relisted { kind, .. } | Input::Source { kind, .. } => *kind,
            Input::NodeGraceElapsed => Kind::Node,
        };
        if !self.sources.accepts(kind) {
            return None;
        }
        match input {
            Input::Applied(object) => {
                self.apply(&object);
            }
            Input::Invalid {
                object,
                created,
                reason,
            } => {
                self.apply_invalid(&InvalidObject {
                    object,
                    created,
                    reason,
                });
            }
            Input::Deleted(object) => self.delete(&object),
            Input::Relisted {
                kind,
                objects,
                invalid,
            } => self.replace(kind, &objects, &invalid, SourceState::Synced),
            Input::Source {
                kind,
                state: SourceState::Absent,
            } => self.replace(kind, &[], &[], SourceState::Absent),
            Input::Source { kind, state } => {
                if self.sources.set_state(kind, state) {
                    self.source_problems();
                }
            }
            Input::NodeGraceElapsed => {
                if std::mem::take(&mut self.node_missing) {
                    self.node = None;
                }
            }
        }
        Some(kind)
    }

    /// Returns the key of the object.
    fn apply(&mut self, object: &Object) -> String {
        let reference = object.object_ref();
        let key = normalise::key(&reference);
        if let Some(reports) = self.record(object, &reference, &key) {
            self.ledger.set(&reference, Topic::Object, reports);
        }
        key
    }

    /// Takes in an object, and returns what is odd about it; `None` where nobody is told that here.
    fn record(&mut self, object: &Object, reference: &ObjectRef, key: &str) -> Option<Vec<Report>> {
        Some(match object {
            Object::BgpPolicy(policy) => self.apply_policy(policy, reference),
            Object::Node(node) => self.apply_node(node, reference)?,
            Object::Secret(secret) => {
                self.apply_secret(secret, reference);
                return None;
            }
            Object::Service(service) => {
                let (record, reports) = normalise::service(service, reference);
                self.services
                    .apply_service(key, record, &self.rules, &mut self.table);
                reports
            }
            Object::EndpointSlice(slice) => {
                let present = normalise::slice(slice, &self.node_name);
                let present = present.as_ref().map(|it| (it.0.as_str(), it.1));
                self.services
                    .apply_slice(key, present, &self.rules, &mut self.table);
                Vec::new()
            }
            Object::Egress(egress) => {
                let (record, reports) = normalise::egress(egress, reference, &self.node_name);
                self.egresses
                    .apply(key, record, &self.rules, &mut self.table);
                reports
            }
        })
    }

    fn apply_policy(&mut self, policy: &BGPPolicy, object: &ObjectRef) -> Vec<Report> {
        let validated = validate(&policy.spec);
        let mut reports: Vec<Report> = validated
            .issues
            .into_iter()
            .map(|issue| normalise::issue(issue, object))
            .chain(
                dropped_fields(policy)
                    .into_iter()
                    .map(|field| normalise::dropped(field, object)),
            )
            .collect();
        let created = policy
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        match validated.policy {
            Some(valid) => {
                let name = object.name.clone();
                self.policies.apply(Candidate {
                    name,
                    created,
                    policy: valid,
                });
            }
            None => {
                let selector = Selector::new(&policy.spec.node_selector).ok();
                reports.extend(self.policy_broken(object, Broken { created, selector }));
            }
        }
        reports
    }

    /// Notes that a policy is invalid now; says so if that concerns the one in effect.
    fn policy_broken(&mut self, object: &ObjectRef, broken: Broken) -> Option<Report> {
        let kept = self.policies.apply_broken(&object.name, broken);
        kept.then(|| Report {
            severity: Severity::Warning,
            object: object.clone(),
            field: None,
            code: ReasonCode::KeptLastGoodPolicy,
            message: "the last good form of this policy stays in effect until it is mended or \
                      deleted, or no longer selects this node"
                .to_owned(),
        })
    }

    /// `None` for another node.
    fn apply_node(&mut self, node: &Node, object: &ObjectRef) -> Option<Vec<Report>> {
        if object.name != self.node_name {
            return None;
        }
        let (record, reports) = normalise::node(node, object);
        self.node = Some(record);
        self.node_missing = false;
        Some(reports)
    }

    fn apply_secret(&mut self, secret: &Secret, object: &ObjectRef) {
        if object.name == PASSWORDS_SECRET {
            if !self.sources.is_known(Kind::Secret) {
                self.sources.set_known(Kind::Secret);
                self.source_problems();
            }
            self.ledger.set(object, Topic::Object, Vec::new());
            let passwords = Passwords::read(secret, object.clone());
            self.secrets.insert(object.clone(), Some(passwords));
        }
    }

    /// An object that cannot be decoded: what is known of it stays, except of a policy that is not
    /// in effect.
    fn apply_invalid(&mut self, invalid: &InvalidObject) {
        let object = &invalid.object;
        let foreign = match object.kind {
            Kind::Node => object.name != self.node_name,
            Kind::Secret => object.name != PASSWORDS_SECRET,
            _ => false,
        };
        if foreign {
            return;
        }
        let mut reports = vec![Report {
            severity: Severity::Error,
            object: object.clone(),
            field: None,
            code: ReasonCode::Undecodable,
            message: format!("cannot be decoded: {}", invalid.reason),
        }];
        match object.kind {
            Kind::BgpPolicy => {
                let broken = Broken {
                    created: invalid.created,
                    selector: None,
                };
                reports.extend(self.policy_broken(object, broken));
            }
            Kind::Secret => {
                self.secrets.entry(object.clone()).or_default();
            }
            Kind::Node | Kind::Service | Kind::EndpointSlice | Kind::Egress => {}
        }
        self.ledger.set(object, Topic::Object, reports);
    }

    fn delete(&mut self, object: &ObjectRef) {
        let key = normalise::key(object);
        match object.kind {
            Kind::BgpPolicy => self.policies.delete(&object.name),
            Kind::Node if object.name == self.node_name => {
                self.node_missing = self.node.is_some();
            }
            Kind::Node => {}
            Kind::Secret => {
                self.secrets.remove(object);
            }
            Kind::Service => self.services.delete_service(&key, &mut self.table),
            Kind::EndpointSlice => {
                self.services
                    .apply_slice(&key, None, &self.rules, &mut self.table);
            }
            Kind::Egress => self.egresses.delete(&object.name, &mut self.table),
        }
        self.ledger.forget(object);
    }

    /// All objects of a kind: what is not in the list is gone. `state` is the source's from now on.
    fn replace(
        &mut self,
        kind: Kind,
        objects: &[Object],
        invalid: &[InvalidObject],
        state: SourceState,
    ) {
        let mut listed = (self.may_lose(kind)).then(|| HashSet::with_capacity(objects.len()));
        for object in objects.iter().filter(|object| object.kind() == kind) {
            let key = self.apply(object);
            if let Some(listed) = &mut listed {
                listed.insert(key);
            }
        }
        for entry in invalid.iter().filter(|entry| entry.object.kind == kind) {
            if let Some(listed) = &mut listed {
                listed.insert(normalise::key(&entry.object));
            }
            self.apply_invalid(entry);
        }
        if let Some(listed) = &listed {
            self.sweep(kind, listed);
        }
        self.sources.set_state(kind, state);
        self.source_problems();
    }

    /// Whether anything of a kind is known that a list might not name. At a start, when lists are
    /// the longest, nothing is, and the names need not be kept.
    fn may_lose(&self, kind: Kind) -> bool {
        let is_known = match kind {
            Kind::Service => !self.services.is_empty(),
            Kind::EndpointSlice => self.services.has_slices(),
            Kind::Egress => !self.egresses.is_empty(),
            Kind::BgpPolicy | Kind::Node | Kind::Secret => true,
        };
        is_known || self.ledger.names(kind)
    }

    /// Forgets what `listed` does not name.
    fn sweep(&mut self, kind: Kind, listed: &HashSet<String>) {
        match kind {
            Kind::BgpPolicy => self.policies.sweep(listed),
            Kind::Node => {
                self.node_missing = self.node.is_some() && !listed.contains(&self.node_name);
            }
            Kind::Secret => {
                self.secrets
                    .retain(|object, _| listed.contains(&normalise::key(object)));
            }
            Kind::Service => self.services.sweep_services(listed, &mut self.table),
            Kind::EndpointSlice => {
                self.services
                    .sweep_slices(listed, &self.rules, &mut self.table);
            }
            Kind::Egress => self.egresses.sweep(listed, &mut self.table),
        }
        self.ledger
            .retain(|object| object.kind != kind || listed.contains(&normalise::key(object)));
    }

    pub(super) fn source_problems(&mut self) {
        let node = ObjectRef::cluster(Kind::Node, self.node_name.clone());
        let mut reports: Vec<Report> = Vec::new();
        for kind in Kind::ALL {
            if self.sources.state(kind) == SourceState::Denied {
                let consequence = match kind {
                    Kind::Secret if self.sources.is_known(kind) => {
                        "; the passwords that were listed last stay in use"
                    }
                    Kind::Secret => "; peers wait, since their passwords may be there",
                    _ => "",
                };
                reports.push(Report {
                    severity: Severity::Error,
                    object: node.clone(),
                    field: None,
                    code: ReasonCode::SourceDenied,
                    message: format!(
                        "the agent may not read objects of kind {kind}; grant it list and watch{consequence}"
                    ),
                });
            }
        }
        self.ledger.set(&node, Topic::Source, reports);
    }
}
