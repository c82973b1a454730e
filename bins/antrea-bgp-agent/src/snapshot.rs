//! What a folder holds at one moment, and what each node makes of it. No clock, no network.

use std::collections::{BTreeMap, BTreeSet};

use antrea_bgp_api::{Kind, Node, Object};
use antrea_bgp_manifests::Change;
use antrea_bgp_policy::{Engine, Input, InvalidObject, KindSet, SourceState};

/// What a folder holds at one moment.
pub(crate) struct Snapshot {
    objects: BTreeMap<Kind, Vec<Object>>,
    invalid: BTreeMap<Kind, Vec<InvalidObject>>,
}

impl Snapshot {
    /// The objects that the first look at a folder found.
    pub(crate) fn new(changes: Vec<Change>) -> Self {
        let mut snapshot = Self {
            objects: BTreeMap::new(),
            invalid: BTreeMap::new(),
        };
        for change in changes {
            match change {
                Change::Applied(object) => {
                    snapshot
                        .objects
                        .entry(object.kind())
                        .or_default()
                        .push(object);
                }
                Change::Invalid {
                    object,
                    reason,
                    created,
                } => {
                    let kind = object.kind;
                    let invalid = InvalidObject {
                        object,
                        created,
                        reason,
                    };
                    snapshot.invalid.entry(kind).or_default().push(invalid);
                }
                // The first look deletes nothing.
                _ => {}
            }
        }
        snapshot
    }

    /// The objects of a kind.
    pub(crate) fn objects(&self, kind: Kind) -> &[Object] {
        self.objects.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// How many objects there are, decodable or not.
    pub(crate) fn len(&self) -> usize {
        let decoded: usize = self.objects.values().map(Vec::len).sum();
        decoded + self.invalid.values().map(Vec::len).sum::<usize>()
    }

    /// The Nodes' names.
    pub(crate) fn node_names(&self) -> BTreeSet<String> {
        self.objects(Kind::Node)
            .iter()
            .map(|node| node.object_ref().name)
            .collect()
    }

    /// The Node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.objects(Kind::Node)
            .iter()
            .find_map(|object| match object {
                Object::Node(node) if node.metadata.name == name => Some(&**node),
                _ => None,
            })
    }

    /// The engine of one node after it has seen everything it asked for.
    pub(crate) fn engine(&self, node: &str) -> Engine {
        self.seen_by(Engine::new(node))
    }

    /// An engine after it has seen everything it asked for.
    pub(crate) fn seen_by(&self, mut engine: Engine) -> Engine {
        let mut known = KindSet::EMPTY;
        loop {
            // Nothing is carried out; what is advertised in the end is asked for afterwards.
            while engine.poll_effect().is_some() {}
            let wanted = engine.needed().difference(known);
            if wanted.is_empty() {
                return engine;
            }
            known = known.union(wanted);
            for kind in wanted.iter() {
                let objects = self.objects(kind).to_vec();
                let invalid = self.invalid.get(&kind).cloned().unwrap_or_default();
                engine.handle_all(listed(kind, objects, invalid));
            }
        }
    }
}

/// What a source says that has all objects of a kind at hand.
pub(crate) fn listed(kind: Kind, objects: Vec<Object>, invalid: Vec<InvalidObject>) -> [Input; 2] {
    let list = Input::Relisted {
        kind,
        objects,
        invalid,
    };
    let state = SourceState::Synced;
    [list, Input::Source { kind, state }]
}
