//! OPEN (RFC 4271 section 4.2).

use crate::{Asn, Capability, EncodeError, ErrorCode, ErrorKind, HeaderErrorKind, WireError};
use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;
use core::net::Ipv4Addr;

/// An OPEN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// My Autonomous System: two octets, [`Asn::TRANS`] for an AS that does not fit. [`Open::asn`] is the true one.
    pub my_as: u16,
    /// Hold Time in seconds: 0, or 3 to 65535.
    pub hold_time: u16,
    /// BGP Identifier: not zero (RFC 6286).
    pub bgp_id: Ipv4Addr,
    /// The capabilities, in the order sent, duplicates included.
    pub capabilities: Vec<Capability>,
}

impl Open {
    /// An OPEN of AS `asn`, with the four-octet AS number capability.
    #[must_use]
    pub fn new(asn: Asn, hold_time: u16, bgp_id: Ipv4Addr) -> Self {
        let capabilities = alloc::vec![Capability::FourOctetAsn(asn)];
        Self {
            my_as: asn.to_two_octets(),
            hold_time,
            bgp_id,
            capabilities,
        }
    }

    /// The speaker's AS: of the four-octet AS number capability, else of My Autonomous System.
    #[must_use]
    pub fn asn(&self) -> Asn {
        let four = self.capabilities.iter().find_map(|c| match c {
            Capability::FourOctetAsn(asn) => Some(*asn),
            _ => None,
        });
        four.unwrap_or(Asn::from(self.my_as))
    }

    /// Reads a whole message, header included.
    ///
    /// # Errors
    /// Those of RFC 4271 section 6.2.
    pub fn decode(message: &[u8]) -> Result<Self, OpenError> {
        let _ = message;
        todo!()
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        todo!()
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// Too long.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        let _ = out;
        todo!()
    }
}

/// An error in an OPEN.
pub type OpenError = WireError<OpenErrorKind>;

/// What is wrong with an OPEN (RFC 4271 section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The header is not that of an OPEN of this length.
    Header(HeaderErrorKind),
    /// A version other than 4: 2/1, the version we speak as data.
    UnsupportedVersion(u8),
    /// Not the AS that is expected, or AS 0 (RFC 7607): 2/2.
    BadPeerAs(Asn),
    /// A BGP identifier of zero, or our own from an internal peer (RFC 6286): 2/3.
    BadIdentifier(Ipv4Addr),
    /// An optional parameter other than capabilities: 2/4.
    UnsupportedParameter(u8),
    /// A hold time of one or two seconds: 2/6.
    UnacceptableHoldTime(u16),
    /// A capability that is needed is missing: 2/7. The span is empty; the session adds what it needs as data.
    MissingCapability,
    /// Optional parameters or capabilities that do not fit their lengths: 2/0.
    MalformedParameters,
    /// The roles do not fit each other, or the peer sent two different ones (RFC 9234 section 4.2): 2/11.
    RoleMismatch,
}

impl fmt::Display for OpenErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(kind) => write!(f, "OPEN: {kind}"),
            Self::UnsupportedVersion(version) => write!(f, "OPEN: BGP version {version}, not 4"),
            Self::BadPeerAs(asn) => write!(f, "OPEN: AS {asn} is not the expected one"),
            Self::BadIdentifier(id) => write!(f, "OPEN: unacceptable BGP identifier {id}"),
            Self::UnsupportedParameter(kind) => write!(f, "OPEN: optional parameter {kind}"),
            Self::UnacceptableHoldTime(time) => {
                write!(f, "OPEN: hold time of {time} s; 0 or at least 3 is allowed")
            }
            Self::MissingCapability => f.write_str("OPEN: a capability that we need is missing"),
            Self::MalformedParameters => f.write_str("OPEN: malformed optional parameters"),
            Self::RoleMismatch => f.write_str("OPEN: roles do not fit each other"),
        }
    }
}

impl ErrorKind for OpenErrorKind {
    fn code(self) -> ErrorCode {
        match self {
            Self::Header(kind) => kind.code(),
            Self::UnsupportedVersion(_) => ErrorCode::UNSUPPORTED_VERSION,
            Self::BadPeerAs(_) => ErrorCode::BAD_PEER_AS,
            Self::BadIdentifier(_) => ErrorCode::BAD_BGP_IDENTIFIER,
            Self::UnsupportedParameter(_) => ErrorCode::UNSUPPORTED_OPTIONAL_PARAMETER,
            Self::UnacceptableHoldTime(_) => ErrorCode::UNACCEPTABLE_HOLD_TIME,
            Self::MissingCapability => ErrorCode::UNSUPPORTED_CAPABILITY,
            Self::MalformedParameters => ErrorCode::OPEN_MESSAGE_ERROR,
            Self::RoleMismatch => ErrorCode::ROLE_MISMATCH,
        }
    }
}
