//! OPEN (RFC 4271 section 4.2).

use crate::header::{body_of, header};
use crate::notification::checked_len;
use crate::{
    Asn, Capability, EncodeError, ErrorCode, ErrorKind, Family, HEADER_LEN, HeaderErrorKind,
    MAX_MESSAGE, MessageType, NotificationData, Span, WireError, read,
};
use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;
use core::net::Ipv4Addr;

/// An OPEN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// My Autonomous System: two octets, [`Asn::TRANS`] for an AS that does not fit. [`Open::asn`]
    /// is the true one.
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

    /// The families of the multiprotocol capabilities; IPv4 unicast where there is none (RFC 4760
    /// section 8).
    pub fn families(&self) -> impl Iterator<Item = Family> {
        let mut offered = self.capabilities.iter().filter_map(|c| match c {
            Capability::MultiProtocol(family) => Some(*family),
            _ => None,
        });
        let first = offered.next();
        core::iter::once(first.unwrap_or(Family::IPV4_UNICAST)).chain(offered)
    }

    /// Reads a whole message, header included.
    ///
    /// Capabilities may come in any number of optional parameters, in the plain or the extended
    /// form (RFC 9072).
    ///
    /// # Errors
    /// Those of RFC 4271 section 6.2 that need no configuration: the version, an AS or identifier
    /// of zero (RFC 7607, RFC 6286), a hold time of one or two seconds, parameters that do not fit
    /// or are not capabilities, two different roles (RFC 9234). Whether the AS is the expected one
    /// is for the session to ask: [`OpenError::bad_peer_as`].
    pub fn decode(message: &[u8]) -> Result<Self, OpenError> {
        let body = body_of(message, MessageType::OPEN)
            .map_err(|e| WireError::new(OpenErrorKind::Header(e.kind), e.span))?;
        let Some((&fixed, rest)) = body.split_first_chunk::<FIXED_LEN>() else {
            return Err(WireError::new(
                OpenErrorKind::Header(HeaderErrorKind::BadLength),
                Span::new(16, 2),
            ));
        };
        let [
            version,
            as_0,
            as_1,
            hold_0,
            hold_1,
            id_0,
            id_1,
            id_2,
            id_3,
            parameters_len,
        ] = fixed;
        let mut open = Self {
            my_as: u16::from_be_bytes([as_0, as_1]),
            hold_time: u16::from_be_bytes([hold_0, hold_1]),
            bgp_id: Ipv4Addr::new(id_0, id_1, id_2, id_3),
            capabilities: Vec::new(),
        };
        if version != VERSION {
            return Err(WireError::new(
                OpenErrorKind::UnsupportedVersion(version),
                VERSION_SPAN,
            ));
        }
        if open.my_as == 0 {
            return Err(OpenError::bad_peer_as(Asn(0)));
        }
        if matches!(open.hold_time, 1 | 2) {
            return Err(OpenError::unacceptable_hold_time(open.hold_time));
        }
        if open.bgp_id.is_unspecified() {
            return Err(OpenError::bad_identifier(open.bgp_id));
        }
        open.capabilities = Parameters::new(message, rest, parameters_len)?.capabilities()?;
        open.check_capabilities()?;
        Ok(open)
    }

    fn check_capabilities(&self) -> Result<(), OpenError> {
        if self.asn().is_zero() {
            return Err(OpenError::bad_peer_as(Asn(0)));
        }
        let mut roles = self
            .capabilities
            .iter()
            .filter(|c| matches!(c, Capability::Role(_)));
        let first = roles.next();
        if roles.any(|role| Some(role) != first) {
            return Err(OpenError::role_mismatch());
        }
        Ok(())
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + FIXED_LEN + self.layout().len()
    }

    /// Writes the whole message: all capabilities in one optional parameter, in the extended form
    /// of RFC 9072 where they need more than 253 octets.
    ///
    /// # Errors
    /// A capability of more than 255 octets, a message of more than 4096, or a buffer without room;
    /// nothing is written then.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        self.capabilities.iter().try_for_each(Capability::check)?;
        let len = checked_len(self.encoded_len(), MAX_MESSAGE, out)?;
        out.put_slice(&header(MessageType::OPEN, len));
        out.put_u8(VERSION);
        out.put_u16(self.my_as);
        out.put_u16(self.hold_time);
        out.put_slice(&self.bgp_id.octets());
        match self.layout() {
            Layout::None => out.put_u8(0),
            Layout::Plain { capabilities } => {
                out.put_slice(&[capabilities as u8 + 2, CAPABILITIES, capabilities as u8]);
            }
            Layout::Extended { capabilities } => {
                out.put_slice(&[EXTENDED, EXTENDED]);
                out.put_u16(capabilities as u16 + 3);
                out.put_u8(CAPABILITIES);
                out.put_u16(capabilities as u16);
            }
        }
        self.capabilities.iter().for_each(|c| c.put(out));
        Ok(())
    }

    fn layout(&self) -> Layout {
        match self.capabilities.iter().map(Capability::encoded_len).sum() {
            0 => Layout::None,
            capabilities @ 1..=253 => Layout::Plain { capabilities },
            capabilities => Layout::Extended { capabilities },
        }
    }
}

const VERSION: u8 = 4;
/// Octets between the header and the optional parameters, their length included.
const FIXED_LEN: usize = 10;
/// The optional parameter "Capabilities" (RFC 5492 section 4).
const CAPABILITIES: u8 = 2;
/// The optional parameter type, and length, that announce the extended form (RFC 9072 section 2).
const EXTENDED: u8 = 255;

const VERSION_SPAN: Span = Span { offset: 19, len: 1 };
const MY_AS_SPAN: Span = Span { offset: 20, len: 2 };
const HOLD_TIME_SPAN: Span = Span { offset: 22, len: 2 };
const BGP_ID_SPAN: Span = Span { offset: 24, len: 4 };

/// How the capabilities, so many octets of them, are wrapped.
enum Layout {
    None,
    Plain { capabilities: usize },
    Extended { capabilities: usize },
}

impl Layout {
    /// Octets after the octet of the optional parameters' length.
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Plain { capabilities } => 2 + capabilities,
            Self::Extended { capabilities } => 6 + capabilities,
        }
    }
}

/// The optional parameters of a message.
struct Parameters<'a> {
    message: &'a [u8],
    parameters: &'a [u8],
    extended: bool,
}

impl<'a> Parameters<'a> {
    /// `rest` is what follows the fixed part, whose last octet is `len`.
    fn new(message: &'a [u8], rest: &'a [u8], len: u8) -> Result<Self, OpenError> {
        let malformed = OpenError::malformed(message, rest);
        if len != 0 && rest.first() == Some(&EXTENDED) {
            let parameters = read::whole(&rest[1..], read::counted_wide).ok_or(malformed)?;
            return Ok(Self {
                message,
                parameters,
                extended: true,
            });
        }
        if rest.len() != usize::from(len) {
            return Err(malformed);
        }
        Ok(Self {
            message,
            parameters: rest,
            extended: false,
        })
    }

    /// All capabilities of all parameters.
    fn capabilities(&self) -> Result<Vec<Capability>, OpenError> {
        let mut capabilities = Vec::new();
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let malformed = OpenError::malformed(self.message, rest);
            let (after_kind, kind) = read::u8(rest).map_err(|_| malformed)?;
            let counted = if self.extended {
                read::counted_wide
            } else {
                read::counted
            };
            let (after, value) = counted(after_kind).map_err(|_| malformed)?;
            if kind != CAPABILITIES {
                let len = rest.len() - after.len();
                let span = Span::new(self.message.len() - rest.len(), len);
                return Err(WireError::new(
                    OpenErrorKind::UnsupportedParameter(kind),
                    span,
                ));
            }
            self.capabilities_of(value, &mut capabilities)?;
            rest = after;
        }
        Ok(capabilities)
    }

    fn capabilities_of(
        &self,
        mut value: &'a [u8],
        capabilities: &mut Vec<Capability>,
    ) -> Result<(), OpenError> {
        while !value.is_empty() {
            let malformed = OpenError::malformed(self.message, value);
            let (after_code, code) = read::u8(value).map_err(|_| malformed)?;
            let (after, of_code) = read::counted(after_code).map_err(|_| malformed)?;
            capabilities.push(Capability::from_value(code, of_code));
            value = after;
        }
        Ok(())
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
    /// A capability is missing that the session needs: 2/7. Its data is that capability (RFC 5492
    /// section 5), which only the session knows and adds.
    MissingCapability,
    /// Optional parameters or capabilities that do not fit their lengths: 2/0.
    MalformedParameters,
    /// The roles do not fit each other, or the peer sent two different ones (RFC 9234 section 4.2):
    /// 2/11.
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
            Self::MissingCapability => f.write_str("OPEN: a capability that is needed is missing"),
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

    fn data(self, span: Span, message: &[u8]) -> NotificationData<'_> {
        match self {
            Self::Header(kind) => kind.data(span, message),
            Self::UnsupportedVersion(_) => NotificationData::Version([0, VERSION]),
            // RFC 4271 section 6.2 gives the others no data.
            _ => NotificationData::Message(&[]),
        }
    }
}

impl OpenError {
    /// The peer's AS is not the one that is expected.
    #[must_use]
    pub const fn bad_peer_as(asn: Asn) -> Self {
        Self {
            kind: OpenErrorKind::BadPeerAs(asn),
            span: MY_AS_SPAN,
        }
    }

    /// The peer's identifier is zero, or our own on an internal session (RFC 6286 section 2.2).
    #[must_use]
    pub const fn bad_identifier(id: Ipv4Addr) -> Self {
        Self {
            kind: OpenErrorKind::BadIdentifier(id),
            span: BGP_ID_SPAN,
        }
    }

    /// The hold time is one or two seconds, or one that we do not take.
    #[must_use]
    pub const fn unacceptable_hold_time(seconds: u16) -> Self {
        Self {
            kind: OpenErrorKind::UnacceptableHoldTime(seconds),
            span: HOLD_TIME_SPAN,
        }
    }

    /// A capability is missing that the session needs.
    #[must_use]
    pub const fn missing_capability() -> Self {
        Self {
            kind: OpenErrorKind::MissingCapability,
            span: Span { offset: 28, len: 0 },
        }
    }

    /// The roles do not fit each other (RFC 9234 section 4.2).
    #[must_use]
    pub const fn role_mismatch() -> Self {
        Self {
            kind: OpenErrorKind::RoleMismatch,
            span: Span { offset: 28, len: 0 },
        }
    }

    /// The octets from `rest`, a tail of the message, on do not fit their lengths.
    fn malformed(message: &[u8], rest: &[u8]) -> Self {
        let span = Span::new(message.len() - rest.len(), rest.len());
        Self {
            kind: OpenErrorKind::MalformedParameters,
            span,
        }
    }
}
