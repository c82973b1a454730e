//! What goes into the engine.

use std::fmt;

use antrea_bgp_api::{Kind, Object, ObjectRef, Timestamp};

/// Something that happened outside.
///
/// Objects come in any order. A kind counts as known from its first `Relisted` on, or as soon as
/// its source says that it is [`Synced`](SourceState::Synced) or [`Absent`](SourceState::Absent).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// An object appeared or changed; this is all of its present state.
    Applied(Object),
    /// An object appeared or changed and cannot be decoded. What was known of it stays, except for
    /// a policy that is not in effect, which counts as none at once. The last good form of the one
    /// in effect stays unless `created` shows that it was of an object since deleted.
    Invalid {
        /// Which object.
        object: ObjectRef,
        /// Its `metadata.creationTimestamp`, where that much could be read.
        created: Option<Timestamp>,
        /// What is wrong, with the field if that is known.
        reason: String,
    },
    /// An object is gone.
    Deleted(ObjectRef),
    /// All objects of a kind. Those that are in neither list are gone, so a delete that a broken
    /// watch has lost is still a delete.
    Relisted {
        /// The kind.
        kind: Kind,
        /// The objects that could be decoded.
        objects: Vec<Object>,
        /// Those that exist and could not, treated as [`Input::Invalid`].
        invalid: Vec<InvalidObject>,
    },
    /// The source of a kind changed its state.
    Source {
        /// The kind.
        kind: Kind,
        /// How its source is doing.
        state: SourceState,
    },
    /// [`NODE_GRACE`](crate::NODE_GRACE) has passed since
    /// [`Engine::node_missing`](crate::Engine::node_missing) began to say yes. If it still does,
    /// the node is gone for good; otherwise nothing happens.
    NodeGraceElapsed,
}

/// An object that exists and cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidObject {
    /// Which object.
    pub object: ObjectRef,
    /// Its `metadata.creationTimestamp`, where that much could be read.
    pub created: Option<Timestamp>,
    /// What is wrong, with the field if that is known.
    pub reason: String,
}

/// How the source of one kind of object is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SourceState {
    /// Nobody looks for this kind.
    #[default]
    Unwatched,
    /// The first list is under way.
    Listing,
    /// Listed, and followed since.
    Synced,
    /// The kind does not exist here (HTTP 404): there are no objects of it, and those known so far
    /// are gone as after an empty [`Input::Relisted`]. So without the kind BGPPolicy no policy is in
    /// effect. For sources to report only after several answers of that sort in a row, since an API
    /// server that starts may give one for a kind that does exist.
    Absent,
    /// The agent may not list the kind (HTTP 403).
    Denied,
    /// Listing or watching fails for another reason; it is being retried.
    Failing,
}

impl SourceState {
    /// Whether nothing more can be expected for the moment: listed, absent or denied.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            SourceState::Synced | SourceState::Absent | SourceState::Denied
        )
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SourceState::Unwatched => "unwatched",
            SourceState::Listing => "listing",
            SourceState::Synced => "synced",
            SourceState::Absent => "absent",
            SourceState::Denied => "denied",
            SourceState::Failing => "failing",
        })
    }
}
