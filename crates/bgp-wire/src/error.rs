//! Errors: what is wrong, where in the message, which NOTIFICATION it stands for.

use crate::{ErrorCode, Family, Notification};
use bytes::Bytes;
use core::fmt;

/// A part of a message: an offset from its first octet (the marker's) and a length, both in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Span {
    /// Octets before the part.
    pub offset: u16,
    /// Octets of the part. Zero where something is missing.
    pub len: u16,
}

impl Span {
    /// The span of `len` octets from `offset`. Values beyond what a message can hold (65535) are
    /// cut to it.
    #[must_use]
    pub const fn new(offset: usize, len: usize) -> Self {
        const MAX: usize = u16::MAX as usize;
        Self {
            offset: if offset > MAX {
                MAX as u16
            } else {
                offset as u16
            },
            len: if len > MAX { MAX as u16 } else { len as u16 },
        }
    }

    /// The span of octets that are known to lie in a message, so that both values fit.
    #[inline]
    pub(crate) const fn within(offset: usize, len: usize) -> Self {
        Self {
            offset: offset as u16,
            len: len as u16,
        }
    }

    /// The octets of the span in `message`; empty where `message` is not the one that the span
    /// belongs to and too short.
    #[must_use]
    pub fn of(self, message: &[u8]) -> &[u8] {
        let start = usize::from(self.offset);
        message
            .get(start..start + usize::from(self.len))
            .unwrap_or(&[])
    }
}

/// What went wrong in a message, and where. `Copy`; `K` names the operation's kinds of error.
///
/// See [`HeaderError`](crate::HeaderError), [`OpenError`](crate::OpenError),
/// [`UpdateError`](crate::UpdateError), [`NotificationError`](crate::NotificationError) and
/// [`RefreshError`](crate::RefreshError).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WireError<K> {
    /// What is wrong.
    pub kind: K,
    /// Where in the message.
    pub span: Span,
}

impl<K> WireError<K> {
    /// The error `kind` at `span`.
    #[must_use]
    pub const fn new(kind: K, span: Span) -> Self {
        Self { kind, span }
    }
}

impl<K: ErrorKind> WireError<K> {
    /// The NOTIFICATION's code and subcode.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.kind.code()
    }

    /// The NOTIFICATION that the error stands for; its data is borrowed from `message`, the whole
    /// message that the error is about, header included.
    #[must_use]
    pub fn notification<'a>(&self, message: &'a [u8]) -> NotificationView<'a> {
        NotificationView {
            error: self.kind.code(),
            data: self.kind.data(self.span, message),
        }
    }
}

impl<K: fmt::Display> fmt::Display for WireError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (octets {}+{})",
            self.kind, self.span.offset, self.span.len
        )
    }
}

impl<K: fmt::Debug + fmt::Display> core::error::Error for WireError<K> {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::HeaderErrorKind {}
    impl Sealed for crate::OpenErrorKind {}
    impl Sealed for crate::UpdateErrorKind {}
    impl Sealed for crate::NotificationErrorKind {}
    impl Sealed for crate::RefreshErrorKind {}
}

/// What every kind of error knows: the NOTIFICATION it stands for. Sealed.
pub trait ErrorKind: sealed::Sealed + Copy + fmt::Debug + fmt::Display {
    /// Code and subcode.
    fn code(self) -> ErrorCode;

    /// The NOTIFICATION's Data field. Unless a kind says otherwise, the octets of the span.
    fn data(self, span: Span, message: &[u8]) -> NotificationData<'_> {
        NotificationData::Message(span.of(message))
    }
}

/// The Data field of a NOTIFICATION about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotificationData<'a> {
    /// A part of the message.
    Message(&'a [u8]),
    /// Two octets of our own: the version that we speak.
    Version([u8; 2]),
    /// The type of a path attribute that is missing.
    AttributeType([u8; 1]),
}

impl NotificationData<'_> {
    /// The octets.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Message(data) => data,
            Self::Version(data) => data,
            Self::AttributeType(data) => data,
        }
    }
}

/// A NOTIFICATION that was not built yet: its data lies in the message that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationView<'a> {
    /// Code and subcode.
    pub error: ErrorCode,
    /// The Data field.
    pub data: NotificationData<'a>,
}

impl NotificationView<'_> {
    /// The NOTIFICATION with its data copied.
    #[must_use]
    pub fn to_owned(&self) -> Notification {
        Notification {
            error: self.error,
            data: Bytes::copy_from_slice(self.data.as_slice()),
        }
    }
}

/// What RFC 7606 section 2 says is to be done about an error in an UPDATE, weakest first, so that
/// `max` is the strongest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Disposition {
    /// Nothing is wrong.
    #[default]
    None,
    /// The attribute is discarded, the rest of the UPDATE stands.
    AttributeDiscard,
    /// All routes of the UPDATE count as withdrawn.
    TreatAsWithdraw,
    /// Routes of this family are deleted and ignored from now on. A session reset instead is
    /// allowed.
    AfiSafiDisable(Family),
    /// The NOTIFICATION is sent and the session ends.
    SessionReset,
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no error"),
            Self::AttributeDiscard => f.write_str("attribute discarded"),
            Self::TreatAsWithdraw => f.write_str("treated as withdrawal"),
            Self::AfiSafiDisable(family) => write!(f, "{family} disabled"),
            Self::SessionReset => f.write_str("session reset"),
        }
    }
}

/// Why a value cannot be written as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message would have `len` octets where `max` are allowed.
    MessageTooLong {
        /// Octets of the message.
        len: usize,
        /// The most octets that a message may have.
        max: usize,
    },
    /// An attribute's value has more than 65535 octets.
    AttributeTooLong {
        /// Octets of the value.
        len: usize,
    },
    /// A capability's value has more than 255 octets.
    CapabilityTooLong {
        /// The capability code.
        code: u8,
        /// Octets of the value.
        len: usize,
    },
    /// The optional parameters of an OPEN have more octets than RFC 9072 allows, or than the
    /// message can hold.
    ParametersTooLong {
        /// Octets of the parameters.
        len: usize,
    },
    /// The buffer has room for fewer octets than the message needs.
    BufferTooSmall {
        /// Octets needed.
        needed: usize,
        /// Octets there are.
        available: usize,
    },
    /// A next hop of this kind cannot be sent for the family.
    NextHop(Family),
    /// A prefix is not of the family it was given for.
    PrefixFamily(Family),
    /// A segment of an AS path, or a list in a capability, has more members than its count can say.
    TooManyMembers {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A shutdown text has more than 255 octets of UTF-8 (RFC 9003 section 2).
    TextTooLong {
        /// Octets of the text.
        len: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageTooLong { len, max } => {
                write!(f, "message of {len} octets, at most {max} are allowed")
            }
            Self::AttributeTooLong { len } => {
                write!(
                    f,
                    "attribute value of {len} octets, at most 65535 are allowed"
                )
            }
            Self::CapabilityTooLong { code, len } => {
                write!(
                    f,
                    "capability {code} of {len} octets, at most 255 are allowed"
                )
            }
            Self::ParametersTooLong { len } => {
                write!(
                    f,
                    "optional parameters of {len} octets do not fit into an OPEN"
                )
            }
            Self::BufferTooSmall { needed, available } => {
                write!(
                    f,
                    "message of {needed} octets, the buffer has room for {available}"
                )
            }
            Self::NextHop(family) => write!(f, "next hop of the wrong kind for {family}"),
            Self::PrefixFamily(family) => write!(f, "prefix is not of {family}"),
            Self::TooManyMembers { count, max } => {
                write!(f, "list of {count} members, at most {max} are allowed")
            }
            Self::TextTooLong { len } => {
                write!(f, "shutdown text of {len} octets, at most 255 are allowed")
            }
        }
    }
}

impl core::error::Error for EncodeError {}
