//! Errors of UPDATEs (RFC 4271 section 6.3, RFC 7606).

use crate::{
    Asn, AttributeType, Disposition, ErrorCode, ErrorKind, Family, HeaderErrorKind,
    NotificationData, NotificationView, Span,
};
use core::fmt;

/// An error in an UPDATE: what, where, and what RFC 7606 says is to be done. `Copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UpdateError {
    /// What is wrong.
    pub kind: UpdateErrorKind,
    /// Where: the whole attribute, flags and type included, unless the kind says otherwise.
    pub span: Span,
    disposition: Disposition,
}

impl UpdateError {
    pub(crate) const fn new(kind: UpdateErrorKind, span: Span, disposition: Disposition) -> Self {
        Self {
            kind,
            span,
            disposition,
        }
    }

    pub(crate) const fn reset(kind: UpdateErrorKind, span: Span) -> Self {
        Self::new(kind, span, Disposition::SessionReset)
    }

    /// The error, but the session ends for it (RFC 7606 section 5.2).
    pub(crate) const fn escalated(self) -> Self {
        Self {
            disposition: Disposition::SessionReset,
            ..self
        }
    }

    /// What is to be done about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// The NOTIFICATION's code and subcode.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.kind.code()
    }

    /// The NOTIFICATION that the error stands for, were the session to end for it; its data is
    /// borrowed from `message`, the whole message that the error is about, header included.
    #[must_use]
    pub fn notification<'a>(&self, message: &'a [u8]) -> NotificationView<'a> {
        NotificationView {
            error: self.kind.code(),
            data: self.kind.data(self.span, message),
        }
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UPDATE: {} (octets {}+{}): {}",
            self.kind, self.span.offset, self.span.len, self.disposition
        )
    }
}

impl core::error::Error for UpdateError {}

/// What is wrong with an UPDATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateErrorKind {
    /// The header is not that of an UPDATE of this length.
    Header(HeaderErrorKind),
    /// Withdrawn Routes Length or Total Path Attribute Length reach beyond the message (RFC 7606
    /// section 3 a): 3/1. The span is that length field, as much of it as there is.
    LengthBeyondMessage,
    /// A prefix in Withdrawn Routes has a wrong length (RFC 7606 section 5.3): 3/10. The span is
    /// the rest of the field from there.
    WithdrawnSyntax,
    /// A prefix in the NLRI field has a wrong length (RFC 7606 section 5.3): 3/10. The span is the
    /// rest of the field from there.
    NlriSyntax,
    /// An attribute reaches beyond the attribute list, or its header does (RFC 7606 section 4):
    /// 3/1. The span is what is left.
    AttributeBeyondList,
    /// The attribute is there more than once (RFC 7606 section 3 g): 3/1. The span is the later
    /// one.
    Duplicate(AttributeType),
    /// The Optional or Transitive bit is not what the type prescribes (RFC 7606 section 3 c): 3/4.
    Flags(AttributeType),
    /// A length that the type does not allow (RFC 7606 section 7): 3/5.
    Length(AttributeType),
    /// A well-known mandatory attribute is missing (RFC 7606 section 3 d): 3/3. The span is the
    /// attribute list's end.
    Missing(AttributeType),
    /// A well-known attribute that no RFC defines (RFC 4271 section 6.3): 3/2.
    UnrecognizedWellKnown(AttributeType),
    /// The attribute may not come from this peer or on this session, such as LOCAL_PREF by eBGP
    /// (RFC 7606 section 7.5), AS4_PATH from a peer with four-octet AS numbers (RFC 6793 section
    /// 4.1), or AIGP where it is not enabled (RFC 7311 section 3.3).
    NotAllowed(AttributeType),
    /// An undefined ORIGIN (RFC 7606 section 7.1): 3/6.
    InvalidOrigin(u8),
    /// Not the address of a host (RFC 4271 section 6.3): 3/8.
    InvalidNextHop,
    /// An unknown segment type, an empty segment, or one that does not fit (RFC 7606 section 7.2):
    /// 3/11. The span is the rest of the value from that segment on.
    MalformedAsPath,
    /// Confederation segments from a peer outside of the confederation, or a path from inside that
    /// does not start with AS_CONFED_SEQUENCE (RFC 5065 section 5): 3/11.
    ConfederationPath,
    /// The path does not start with the peer's AS (RFC 4271 section 6.3): 3/11.
    FirstAs(Asn),
    /// AS 0 in AS_PATH, AGGREGATOR, AS4_PATH or AS4_AGGREGATOR (RFC 7607): 3/11 for AS_PATH, else
    /// 3/9.
    ZeroAs(AttributeType),
    /// The value of an optional attribute does not parse: 3/9.
    Malformed(AttributeType),
    /// MP_REACH_NLRI or MP_UNREACH_NLRI is too short to name its family: 3/9.
    MultiprotocolTooShort(AttributeType),
    /// The next hop's length does not fit the family (RFC 7606 section 7.11): 3/9.
    MultiprotocolNextHop(Family),
    /// A prefix in MP_REACH_NLRI or MP_UNREACH_NLRI has a wrong length (RFC 7606 section 5.3): 3/9.
    MultiprotocolSyntax(Family),
}

impl fmt::Display for UpdateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(kind) => fmt::Display::fmt(kind, f),
            Self::LengthBeyondMessage => f.write_str("a length reaches beyond the message"),
            Self::WithdrawnSyntax => f.write_str("malformed prefix in Withdrawn Routes"),
            Self::NlriSyntax => f.write_str("malformed prefix in the NLRI field"),
            Self::AttributeBeyondList => f.write_str("an attribute reaches beyond the list"),
            Self::Duplicate(kind) => write!(f, "{kind} is there more than once"),
            Self::Flags(kind) => write!(f, "wrong flags of {kind}"),
            Self::Length(kind) => write!(f, "wrong length of {kind}"),
            Self::Missing(kind) => write!(f, "{kind} is missing"),
            Self::UnrecognizedWellKnown(kind) => write!(f, "{kind} claims to be well-known"),
            Self::NotAllowed(kind) => write!(f, "{kind} is not allowed on this session"),
            Self::InvalidOrigin(value) => write!(f, "undefined ORIGIN {value}"),
            Self::InvalidNextHop => f.write_str("NEXT_HOP is not the address of a host"),
            Self::MalformedAsPath => f.write_str("malformed AS_PATH"),
            Self::ConfederationPath => f.write_str("confederation segments do not fit the peer"),
            Self::FirstAs(asn) => write!(f, "AS_PATH does not start with AS {asn}"),
            Self::ZeroAs(kind) => write!(f, "AS 0 in {kind}"),
            Self::Malformed(kind) => write!(f, "malformed {kind}"),
            Self::MultiprotocolTooShort(kind) => write!(f, "{kind} is too short"),
            Self::MultiprotocolNextHop(family) => write!(f, "wrong next hop for {family}"),
            Self::MultiprotocolSyntax(family) => write!(f, "malformed prefix of {family}"),
        }
    }
}

impl ErrorKind for UpdateErrorKind {
    fn code(self) -> ErrorCode {
        match self {
            Self::Header(kind) => kind.code(),
            Self::LengthBeyondMessage | Self::AttributeBeyondList | Self::Duplicate(_) => {
                ErrorCode::MALFORMED_ATTRIBUTE_LIST
            }
            Self::WithdrawnSyntax | Self::NlriSyntax => ErrorCode::INVALID_NETWORK_FIELD,
            Self::Flags(_) => ErrorCode::ATTRIBUTE_FLAGS_ERROR,
            Self::Length(_) => ErrorCode::ATTRIBUTE_LENGTH_ERROR,
            Self::Missing(_) => ErrorCode::MISSING_WELL_KNOWN_ATTRIBUTE,
            Self::UnrecognizedWellKnown(_) => ErrorCode::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE,
            Self::InvalidOrigin(_) => ErrorCode::INVALID_ORIGIN,
            Self::InvalidNextHop => ErrorCode::INVALID_NEXT_HOP,
            Self::MalformedAsPath
            | Self::ConfederationPath
            | Self::FirstAs(_)
            | Self::ZeroAs(AttributeType::AS_PATH) => ErrorCode::MALFORMED_AS_PATH,
            Self::NotAllowed(_)
            | Self::ZeroAs(_)
            | Self::Malformed(_)
            | Self::MultiprotocolTooShort(_)
            | Self::MultiprotocolNextHop(_)
            | Self::MultiprotocolSyntax(_) => ErrorCode::OPTIONAL_ATTRIBUTE_ERROR,
        }
    }

    fn data(self, span: Span, message: &[u8]) -> NotificationData<'_> {
        match self {
            Self::Header(kind) => kind.data(span, message),
            // RFC 4271 section 6.3 gives these no data.
            Self::LengthBeyondMessage
            | Self::AttributeBeyondList
            | Self::Duplicate(_)
            | Self::WithdrawnSyntax
            | Self::NlriSyntax => NotificationData::Message(&[]),
            Self::Missing(kind) => NotificationData::AttributeType([kind.0]),
            _ if self.code() == ErrorCode::MALFORMED_AS_PATH => NotificationData::Message(&[]),
            _ => NotificationData::Message(span.of(message)),
        }
    }
}
