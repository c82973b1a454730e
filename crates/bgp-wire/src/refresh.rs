//! ROUTE-REFRESH (RFC 2918, RFC 7313).

use crate::header::{body_of, header};
use crate::notification::checked_len;
use crate::{
    Afi, EncodeError, ErrorCode, ErrorKind, Family, HEADER_LEN, HeaderErrorKind,
    MAX_EXTENDED_MESSAGE, MessageType, NotificationData, Safi, Span, WireError,
};
use bytes::{BufMut, Bytes};
use core::fmt;

/// What a ROUTE-REFRESH says (RFC 7313 section 3.2); the octet that RFC 2918 reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RefreshSubtype {
    /// Asks for all routes of the family: 0.
    Normal,
    /// Beginning of Route Refresh, BoRR: 1.
    BeginRefresh,
    /// End of Route Refresh, EoRR: 2.
    EndRefresh,
    /// Any other value: to be ignored (RFC 7313 section 5).
    Other(u8),
}

impl RefreshSubtype {
    const fn from_octet(octet: u8) -> Self {
        match octet {
            0 => Self::Normal,
            1 => Self::BeginRefresh,
            2 => Self::EndRefresh,
            other => Self::Other(other),
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::BeginRefresh => 1,
            Self::EndRefresh => 2,
            Self::Other(other) => other,
        }
    }
}

/// A ROUTE-REFRESH.
///
/// ```text
/// | AFI (2) | subtype (1) | SAFI (1) | outbound route filters, RFC 5291 (rest) |
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteRefresh {
    /// Whose routes are meant.
    pub family: Family,
    /// A request, or the begin or end of an answer.
    pub subtype: RefreshSubtype,
    /// Outbound route filters (RFC 5291), raw. Empty from peers that did not negotiate them.
    pub filters: Bytes,
}

impl RouteRefresh {
    /// A message without filters.
    #[must_use]
    pub const fn new(family: Family, subtype: RefreshSubtype) -> Self {
        Self {
            family,
            subtype,
            filters: Bytes::new(),
        }
    }

    /// Reads a whole message, header included.
    ///
    /// # Errors
    /// A wrong header; a body shorter than four octets, or longer than that for a begin or end of
    /// refresh (RFC 7313 section 5). A longer request is taken as one with filters.
    pub fn decode(message: &[u8]) -> Result<Self, RefreshError> {
        let body = body_of(message, MessageType::ROUTE_REFRESH)
            .map_err(|e| WireError::new(RefreshErrorKind::Header(e.kind), e.span))?;
        let bad_length = WireError::new(RefreshErrorKind::BadLength, Span::new(0, message.len()));
        let [afi_high, afi_low, subtype, safi, filters @ ..] = body else {
            return Err(bad_length);
        };
        let subtype = RefreshSubtype::from_octet(*subtype);
        let marks = matches!(
            subtype,
            RefreshSubtype::BeginRefresh | RefreshSubtype::EndRefresh
        );
        if marks && !filters.is_empty() {
            return Err(bad_length);
        }
        let afi = Afi(u16::from_be_bytes([*afi_high, *afi_low]));
        Ok(Self {
            family: Family::new(afi, Safi(*safi)),
            subtype,
            filters: Bytes::copy_from_slice(filters),
        })
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + 4 + self.filters.len()
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// Filters too long for a message of 65535 octets, or a buffer without room; nothing is written
    /// then.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        let len = checked_len(self.encoded_len(), MAX_EXTENDED_MESSAGE, out)?;
        out.put_slice(&header(MessageType::ROUTE_REFRESH, len));
        out.put_u16(self.family.afi.0);
        out.put_u8(self.subtype.octet());
        out.put_u8(self.family.safi.0);
        out.put_slice(&self.filters);
        Ok(())
    }
}

/// An error in a ROUTE-REFRESH.
pub type RefreshError = WireError<RefreshErrorKind>;

/// What is wrong with a ROUTE-REFRESH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshErrorKind {
    /// The header is not that of a ROUTE-REFRESH of this length.
    Header(HeaderErrorKind),
    /// The body's length is wrong: 7/1, the message as data (RFC 7313 section 5).
    BadLength,
}

impl fmt::Display for RefreshErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(kind) => write!(f, "ROUTE-REFRESH: {kind}"),
            Self::BadLength => f.write_str("ROUTE-REFRESH: wrong length"),
        }
    }
}

impl ErrorKind for RefreshErrorKind {
    fn code(self) -> ErrorCode {
        match self {
            Self::Header(kind) => kind.code(),
            Self::BadLength => ErrorCode::INVALID_ROUTE_REFRESH_LENGTH,
        }
    }

    fn data(self, span: Span, message: &[u8]) -> NotificationData<'_> {
        match self {
            Self::Header(kind) => kind.data(span, message),
            Self::BadLength => NotificationData::Message(span.of(message)),
        }
    }
}
