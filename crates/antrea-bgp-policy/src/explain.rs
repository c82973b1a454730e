//! The answer to "why is this advertised?" and "why is it not?".

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::Owner;
use crate::obstacle::Obstacle;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An address: its host route, or the Pod CIDR around it.
    Address(IpAddr),
    /// Exactly this prefix.
    Prefix(IpNet),
    /// All addresses of a Service.
    Service {
        /// The Service's namespace.
        namespace: String,
        /// The Service's name.
        name: String,
    },
    /// The address of an Egress.
    Egress {
        /// The Egress's name.
        name: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Address(address) => write!(f, "{address}"),
            Subject::Prefix(prefix) => write!(f, "{prefix}"),
            Subject::Service { namespace, name } => write!(f, "service/{namespace}/{name}"),
            Subject::Egress { name } => write!(f, "egress/{name}"),
        }
    }
}

/// A text that is no [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidSubject;

impl fmt::Display for InvalidSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected IP, PREFIX, service/NAMESPACE/NAME or egress/NAME")
    }
}

impl std::error::Error for InvalidSubject {}

impl FromStr for Subject {
    type Err = InvalidSubject;

    /// Addresses are unmapped, and prefixes lose their host bits.
    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Subject::Address(address.to_canonical()));
        }
        if let Ok(prefix) = text.parse::<IpNet>() {
            return Ok(Subject::Prefix(prefix.trunc()));
        }
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            ["service", namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Subject::Service {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                })
            }
            ["egress", name] if !name.is_empty() => Ok(Subject::Egress {
                name: name.to_owned(),
            }),
            _ => Err(InvalidSubject),
        }
    }
}

/// What the engine has to say about a [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What was asked about.
    pub subject: Subject,
    /// The name of the effective policy.
    pub policy: Option<String>,
    /// Whether that policy was made invalid since, and its last good form is in effect.
    pub last_good: bool,
    /// What was found, advertised ones first; never empty.
    pub findings: Vec<Finding>,
}

impl Explanation {
    /// Whether anything that the subject stands for is advertised.
    #[must_use]
    pub fn is_advertised(&self) -> bool {
        self.findings
            .iter()
            .any(|f| matches!(f.verdict, Verdict::Advertised { .. }))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if i == 0 { "" } else { "\n" })?;
        }
        match &self.policy {
            Some(policy) if self.last_good => write!(
                f,
                "\nBGPPolicy {policy} is invalid now; its last good form is in effect"
            ),
            _ => Ok(()),
        }
    }
}

/// One prefix of one owner, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The prefix, where there is one.
    pub prefix: Option<IpNet>,
    /// Whose prefix, where anybody's.
    pub owner: Option<Owner>,
    /// What becomes of it.
    pub verdict: Verdict,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = self.prefix {
            write!(f, "{prefix} ")?;
        }
        if let Some(owner) = &self.owner {
            write!(f, "({owner}) ")?;
        }
        write!(f, "{}", self.verdict)
    }
}

/// Advertised to whom, or the first rule that stopped it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The node advertises it.
    Advertised {
        /// The peers of that family in the effective policy, by address; there is one at least.
        /// What becomes of each [`Engine::peers`](crate::Engine::peers) tells; whether its session
        /// is up, and has the route, is known to the speaker.
        peers: Vec<IpAddr>,
    },
    /// The node does not advertise it.
    Stopped(Obstacle),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Advertised { peers } => {
                f.write_str("is advertised to ")?;
                for (i, peer) in peers.iter().enumerate() {
                    write!(f, "{}{peer}", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Verdict::Stopped(obstacle) => write!(f, "is not advertised: {obstacle}"),
        }
    }
}
