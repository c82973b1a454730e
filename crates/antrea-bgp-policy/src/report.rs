//! What has to be told to people: typed, so that logs, Events and `check` say the same.

use std::fmt;

use antrea_bgp_api::ObjectRef;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Info,
    /// Works, but probably not as meant.
    Warning,
    /// Something that the object asks for is not done.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// What kind of thing happened, fit for the `reason` of a Kubernetes Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReasonCode {
    /// A policy cannot take effect: its node selector, local ASN, listen port or confederation is
    /// invalid.
    InvalidPolicy,
    /// The policy in effect was made invalid or undecodable; its last good form stays in effect.
    KeptLastGoodPolicy,
    /// One element of a policy (a peer, an IP type) is invalid and left out.
    InvalidElement,
    /// A field is accepted and has no effect.
    NoEffect,
    /// A field was applied, and the API server does not have it: its CRD does not know it.
    FieldDropped,
    /// An object could not be decoded.
    Undecodable,
    /// An address in a Service, an Egress or a Node is not an IP address (or not a prefix), or one
    /// that is never advertised: loopback, link-local, multicast.
    InvalidAddress,
    /// The router ID annotation of the node is not a usable IPv4 address and is replaced.
    InvalidRouterId,
    /// A peer has an address of a family that this node has not.
    PeerSkipped,
    /// The Secret holds no password for a peer.
    PasswordMissing,
    /// The password of a peer went away: its session is no longer authenticated.
    PasswordRemoved,
    /// The Secret holds a password that no peer of the policy uses.
    PasswordUnused,
    /// Two keys of the Secret name one peer.
    PasswordAmbiguous,
    /// A key of the Secret names no peer, or a password looks unintended.
    PasswordOdd,
    /// There are several Secrets of passwords, in several namespaces, and another one is used.
    SecretIgnored,
    /// The agent may not list a kind of object that it needs (HTTP 403).
    SourceDenied,
}

impl ReasonCode {
    /// The code as one word in CamelCase, as Kubernetes wants the reason of an Event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ReasonCode::InvalidPolicy => "InvalidPolicy",
            ReasonCode::KeptLastGoodPolicy => "KeptLastGoodPolicy",
            ReasonCode::InvalidElement => "InvalidElement",
            ReasonCode::NoEffect => "NoEffect",
            ReasonCode::FieldDropped => "FieldDropped",
            ReasonCode::Undecodable => "Undecodable",
            ReasonCode::InvalidAddress => "InvalidAddress",
            ReasonCode::InvalidRouterId => "InvalidRouterID",
            ReasonCode::PeerSkipped => "PeerSkipped",
            ReasonCode::PasswordMissing => "PasswordMissing",
            ReasonCode::PasswordRemoved => "PasswordRemoved",
            ReasonCode::PasswordUnused => "PasswordUnused",
            ReasonCode::PasswordAmbiguous => "PasswordAmbiguous",
            ReasonCode::PasswordOdd => "PasswordOdd",
            ReasonCode::SecretIgnored => "SecretIgnored",
            ReasonCode::SourceDenied => "SourceDenied",
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that people should know about one object.
///
/// A report never holds a secret: passwords are named by key, never by value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How bad it is.
    pub severity: Severity,
    /// The object that it is about.
    pub object: ObjectRef,
    /// The field inside the object, as a path such as `spec.bgpPeers[2].address`; a key of the
    /// Secret's data for passwords.
    pub field: Option<String>,
    /// What kind of thing happened.
    pub code: ReasonCode,
    /// What is wrong, what the agent does about it, and what would mend it.
    pub message: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.severity, self.object)?;
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}
