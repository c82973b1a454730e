//! Prefixes of UPDATEs (NLRI).

use core::fmt;
use ipnet::IpNet;

/// A prefix of an UPDATE, with its path identifier where RFC 7911 was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Nlri {
    /// The prefix; bits beyond its length are zero.
    pub prefix: IpNet,
    /// The path identifier (RFC 7911).
    pub path_id: Option<u32>,
}

impl From<IpNet> for Nlri {
    fn from(prefix: IpNet) -> Self {
        Self {
            prefix,
            path_id: None,
        }
    }
}

impl fmt::Display for Nlri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.prefix, f)?;
        match self.path_id {
            Some(id) => write!(f, " (path {id})"),
            None => Ok(()),
        }
    }
}
