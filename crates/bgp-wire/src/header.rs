//! The message header (RFC 4271 section 4.1), framing, and KEEPALIVE, which is nothing but a
//! header.

use crate::{ErrorCode, ErrorKind, NotificationData, Span, WireError};
use bytes::BufMut;
use core::fmt;

/// Octets of the message header: marker, length, type.
pub const HEADER_LEN: usize = 19;
/// The most octets of a message, header included, where RFC 8654 was not negotiated.
pub const MAX_MESSAGE: u16 = 4096;
/// The most octets of an extended message (RFC 8654). OPEN and KEEPALIVE never exceed
/// [`MAX_MESSAGE`].
pub const MAX_EXTENDED_MESSAGE: u16 = 65535;
/// A KEEPALIVE, whole.
pub const KEEPALIVE: [u8; HEADER_LEN] = {
    let mut message = [0xff; HEADER_LEN];
    message[16] = 0;
    message[17] = HEADER_LEN as u8;
    message[18] = MessageType::KEEPALIVE.0;
    message
};

/// Writes a KEEPALIVE: 19 octets. Panics where `out` has room for fewer.
pub fn encode_keepalive(out: &mut impl BufMut) {
    out.put_slice(&KEEPALIVE);
}

/// The type of a message (RFC 4271 section 4.1, RFC 2918).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct MessageType(pub u8);

impl MessageType {
    /// OPEN.
    pub const OPEN: Self = Self(1);
    /// UPDATE.
    pub const UPDATE: Self = Self(2);
    /// NOTIFICATION.
    pub const NOTIFICATION: Self = Self(3);
    /// KEEPALIVE.
    pub const KEEPALIVE: Self = Self(4);
    /// ROUTE-REFRESH (RFC 2918).
    pub const ROUTE_REFRESH: Self = Self(5);

    /// The least octets of a message of this type, header included; `None` for an unknown type.
    #[must_use]
    pub const fn min_len(self) -> Option<usize> {
        match self {
            Self::OPEN => Some(29),
            Self::UPDATE => Some(23),
            Self::NOTIFICATION => Some(21),
            Self::KEEPALIVE => Some(HEADER_LEN),
            // RFC 7313 section 5 gives a wrong length of its body an error of its own, so none is
            // asked for here.
            Self::ROUTE_REFRESH => Some(HEADER_LEN),
            _ => None,
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OPEN => f.write_str("OPEN"),
            Self::UPDATE => f.write_str("UPDATE"),
            Self::NOTIFICATION => f.write_str("NOTIFICATION"),
            Self::KEEPALIVE => f.write_str("KEEPALIVE"),
            Self::ROUTE_REFRESH => f.write_str("ROUTE-REFRESH"),
            Self(other) => write!(f, "message type {other}"),
        }
    }
}

/// One whole message at the start of a stream, its header checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    message: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The message's type: one of the five that [`MessageType`] names.
    #[must_use]
    pub const fn kind(&self) -> MessageType {
        MessageType(self.message[18])
    }

    /// The message, header included: 19 to 65535 octets.
    #[must_use]
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The message after its header.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        &self.message[HEADER_LEN..]
    }
}

/// Takes the first message from a stream. `None`: more octets are needed.
///
/// `max_message` is the session's limit, [`MAX_MESSAGE`] or [`MAX_EXTENDED_MESSAGE`]; OPEN and
/// KEEPALIVE are held to the former (RFC 8654 section 4). A wrong header is reported as soon as its
/// 19 octets are there, without waiting for a body.
///
/// ```
/// use bgp_wire::{KEEPALIVE, MAX_MESSAGE, MessageType, frame};
/// assert!(frame(&KEEPALIVE[..18], MAX_MESSAGE)?.is_none());
/// assert_eq!(frame(&KEEPALIVE, MAX_MESSAGE)?.unwrap().kind(), MessageType::KEEPALIVE);
/// # Ok::<(), bgp_wire::HeaderError>(())
/// ```
///
/// # Errors
/// The errors of RFC 4271 section 6.1, all of which end the session.
#[inline]
pub fn frame(buf: &[u8], max_message: u16) -> Result<Option<Frame<'_>>, HeaderError> {
    let Some(header) = buf.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let len = check_header(header, max_message)?;
    Ok(buf.get(..len).map(|message| Frame { message }))
}

/// Checks a header and returns the message's length.
fn check_header(header: &[u8; HEADER_LEN], max_message: u16) -> Result<usize, HeaderError> {
    if header[..16] != [0xff; 16] {
        return Err(WireError::new(
            HeaderErrorKind::NotSynchronized,
            Span::new(0, 16),
        ));
    }
    let len = u16::from_be_bytes([header[16], header[17]]);
    let kind = MessageType(header[18]);
    let bad_length = Err(WireError::new(HeaderErrorKind::BadLength, Span::new(16, 2)));
    // Out of bounds for every type: said before the type is looked at, in the order of RFC 4271
    // section 6.1.
    if usize::from(len) < HEADER_LEN || len > max_message {
        return bad_length;
    }
    let Some(min) = kind.min_len() else {
        return Err(WireError::new(HeaderErrorKind::BadType, Span::new(18, 1)));
    };
    let max = match kind {
        MessageType::KEEPALIVE => HEADER_LEN as u16,
        MessageType::OPEN => max_message.min(MAX_MESSAGE),
        _ => max_message,
    };
    if usize::from(len) < min || len > max {
        return bad_length;
    }
    Ok(usize::from(len))
}

/// Checks that `message` is one whole message of type `kind`, as [`frame`] yields them, and returns
/// its body.
pub(crate) fn body_of(message: &[u8], kind: MessageType) -> Result<&[u8], HeaderError> {
    let Some((header, body)) = message.split_first_chunk::<HEADER_LEN>() else {
        return Err(WireError::new(HeaderErrorKind::BadLength, Span::new(16, 2)));
    };
    let len = check_header(header, MAX_EXTENDED_MESSAGE)?;
    if len != message.len() {
        return Err(WireError::new(HeaderErrorKind::BadLength, Span::new(16, 2)));
    }
    if MessageType(header[18]) != kind {
        return Err(WireError::new(HeaderErrorKind::BadType, Span::new(18, 1)));
    }
    Ok(body)
}

/// The header of a message of `len` octets, which the caller has checked to fit.
pub(crate) const fn header(kind: MessageType, len: u16) -> [u8; HEADER_LEN] {
    let mut out = [0xff; HEADER_LEN];
    let [high, low] = len.to_be_bytes();
    out[16] = high;
    out[17] = low;
    out[18] = kind.0;
    out
}

/// An error in a message header.
pub type HeaderError = WireError<HeaderErrorKind>;

/// What is wrong with a message header (RFC 4271 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderErrorKind {
    /// The marker is not all ones: 1/1.
    NotSynchronized,
    /// The length is out of bounds for the session or the message type: 1/2, the length as data.
    BadLength,
    /// The type is not known, or not the one that was asked for: 1/3, the type as data.
    BadType,
}

impl fmt::Display for HeaderErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSynchronized => "marker is not all ones",
            Self::BadLength => "message length out of bounds",
            Self::BadType => "unexpected message type",
        })
    }
}

impl ErrorKind for HeaderErrorKind {
    fn code(self) -> ErrorCode {
        match self {
            Self::NotSynchronized => ErrorCode::CONNECTION_NOT_SYNCHRONIZED,
            Self::BadLength => ErrorCode::BAD_MESSAGE_LENGTH,
            Self::BadType => ErrorCode::BAD_MESSAGE_TYPE,
        }
    }

    fn data(self, span: Span, message: &[u8]) -> NotificationData<'_> {
        match self {
            Self::NotSynchronized => NotificationData::Message(&[]),
            _ => NotificationData::Message(span.of(message)),
        }
    }
}
