//! The checks of RFC 7606 on one attribute.

use crate::as_path::check_path;
use crate::attribute::AIGP_TLV;
use crate::multiprotocol::{check_reach, check_unreach, split_family};
use crate::walk::RawAttribute;
use crate::{
    AsPathView, AsWidth, Asn, AttributeFlags, AttributeType, Context, Disposition, Family, PeerKind,
};
use crate::{Span, UpdateError, UpdateErrorKind};

/// What is wrong with an attribute, in one octet, so that a sound attribute costs as little as can
/// be. [`error`] says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    BeyondList,
    Duplicate,
    Flags,
    LengthWithdraws,
    LengthDiscards,
    UnrecognizedWellKnown,
    NotAllowed,
    Origin,
    NextHop,
    AsPath,
    Confederation,
    FirstAs,
    ZeroAs,
    Malformed,
    TooShort,
    MultiprotocolNextHop,
    MultiprotocolSyntax,
}

impl Fault {
    pub(crate) fn disposition(self, raw: &RawAttribute<'_>) -> Disposition {
        let withdraws = match self {
            Self::UnrecognizedWellKnown | Self::TooShort => return Disposition::SessionReset,
            Self::MultiprotocolNextHop | Self::MultiprotocolSyntax => {
                return Disposition::AfiSafiDisable(family(raw));
            }
            // RFC 7606 section 3 g.
            Self::Duplicate => match raw.kind {
                AttributeType::MP_REACH_NLRI | AttributeType::MP_UNREACH_NLRI => {
                    return Disposition::SessionReset;
                }
                _ => false,
            },
            Self::LengthDiscards | Self::NotAllowed => false,
            // RFC 7606 section 3 c, but RFC 7311 section 3.
            Self::Flags => raw.kind != AttributeType::AIGP,
            // RFC 7607 section 2.
            Self::ZeroAs => raw.kind == AttributeType::AS_PATH,
            Self::Malformed => raw.kind == AttributeType::ATTR_SET,
            Self::BeyondList
            | Self::LengthWithdraws
            | Self::Origin
            | Self::NextHop
            | Self::AsPath
            | Self::Confederation
            | Self::FirstAs => true,
        };
        if withdraws {
            Disposition::TreatAsWithdraw
        } else {
            Disposition::AttributeDiscard
        }
    }

    fn kind(self, raw: &RawAttribute<'_>, context: &Context) -> UpdateErrorKind {
        match self {
            Self::BeyondList => UpdateErrorKind::AttributeBeyondList,
            Self::Duplicate => UpdateErrorKind::Duplicate(raw.kind),
            Self::Flags => UpdateErrorKind::Flags(raw.kind),
            Self::LengthWithdraws | Self::LengthDiscards => UpdateErrorKind::Length(raw.kind),
            Self::UnrecognizedWellKnown => UpdateErrorKind::UnrecognizedWellKnown(raw.kind),
            Self::NotAllowed => UpdateErrorKind::NotAllowed(raw.kind),
            Self::Origin => UpdateErrorKind::InvalidOrigin(raw.value.first().copied().unwrap_or(0)),
            Self::NextHop => UpdateErrorKind::InvalidNextHop,
            Self::AsPath => UpdateErrorKind::MalformedAsPath,
            Self::Confederation => UpdateErrorKind::ConfederationPath,
            Self::FirstAs => UpdateErrorKind::FirstAs(context.first_as.unwrap_or_default()),
            Self::ZeroAs => UpdateErrorKind::ZeroAs(raw.kind),
            Self::Malformed => UpdateErrorKind::Malformed(raw.kind),
            Self::TooShort => UpdateErrorKind::MultiprotocolTooShort(raw.kind),
            Self::MultiprotocolNextHop => UpdateErrorKind::MultiprotocolNextHop(family(raw)),
            Self::MultiprotocolSyntax => UpdateErrorKind::MultiprotocolSyntax(family(raw)),
        }
    }
}

/// The family of a multiprotocol attribute that is long enough to name it.
fn family(raw: &RawAttribute<'_>) -> Family {
    split_family(raw.value).map_or(Family::IPV4_UNICAST, |(family, _)| family)
}

/// Flags that a type prescribes, by type; `UNKNOWN` for types that are not checked.
const CATEGORIES: [u8; 256] = {
    let mut table = [UNKNOWN; 256];
    let mut kind = 0;
    while kind < 256 {
        if let Some(flags) = AttributeType(kind as u8).category() {
            table[kind] = flags.0;
        }
        kind += 1;
    }
    table
};

/// No category: those have only the two highest bits.
const UNKNOWN: u8 = 1;

/// Checks an attribute's flags, length and value.
#[inline(always)]
pub(crate) fn check(raw: &RawAttribute<'_>, context: &Context) -> Result<(), Fault> {
    let value = check_value(raw.kind, raw.value, context);
    let category = CATEGORIES[usize::from(raw.kind.0)];
    if raw.flags.category() == category {
        return value;
    }
    if category == UNKNOWN {
        check_unknown(raw)
    } else {
        wrong_flags(raw, value)
    }
}

/// The error for a fault of an attribute.
#[cold]
pub(crate) fn error(raw: &RawAttribute<'_>, fault: Fault, context: &Context) -> UpdateError {
    let span = match fault {
        Fault::AsPath => malformed_segment(raw, context),
        _ => raw.span,
    };
    UpdateError::new(fault.kind(raw, context), span, fault.disposition(raw))
}

/// An attribute that this crate does not know is kept, unless it claims that everybody knows it
/// (RFC 4271 section 6.3).
fn check_unknown(raw: &RawAttribute<'_>) -> Result<(), Fault> {
    if raw.flags.is_optional() {
        Ok(())
    } else {
        Err(Fault::UnrecognizedWellKnown)
    }
}

/// Of wrong flags and a wrong value the stronger counts; but what is discarded for who sent it may
/// be malformed as it likes.
#[cold]
fn wrong_flags(raw: &RawAttribute<'_>, value: Result<(), Fault>) -> Result<(), Fault> {
    match value {
        Err(Fault::NotAllowed) => value,
        Err(fault) if fault.disposition(raw) > Fault::Flags.disposition(raw) => value,
        _ => Err(Fault::Flags),
    }
}

/// Checks who may send the attribute, and its value.
#[inline(always)]
fn check_value(kind: AttributeType, value: &[u8], context: &Context) -> Result<(), Fault> {
    match kind {
        AttributeType::ORIGIN => check_origin(value),
        AttributeType::AS_PATH => check_as_path(value, context),
        AttributeType::NEXT_HOP => check_next_hop(value),
        AttributeType::MULTI_EXIT_DISC | AttributeType::ONLY_TO_CUSTOMER => {
            withdraw_unless(value.len() == 4)
        }
        AttributeType::LOCAL_PREF => {
            allowed_if(context.peer_kind.is_internal())?;
            withdraw_unless(value.len() == 4)
        }
        AttributeType::ORIGINATOR_ID => {
            allowed_if(context.peer_kind == PeerKind::Ibgp)?;
            withdraw_unless(value.len() == 4)
        }
        AttributeType::CLUSTER_LIST => {
            allowed_if(context.peer_kind == PeerKind::Ibgp)?;
            check_list(value, 4)
        }
        AttributeType::ATOMIC_AGGREGATE => discard_unless(value.is_empty()),
        AttributeType::AGGREGATOR => check_aggregator(value, context.as_width),
        AttributeType::COMMUNITIES => check_list(value, 4),
        AttributeType::EXTENDED_COMMUNITIES => check_list(value, 8),
        AttributeType::LARGE_COMMUNITY => check_list(value, 12),
        AttributeType::IPV6_EXTENDED_COMMUNITIES => check_list(value, 20),
        AttributeType::MP_REACH_NLRI => check_reach(value, context),
        AttributeType::MP_UNREACH_NLRI => check_unreach(value, context),
        AttributeType::AS4_PATH => {
            allowed_if(context.as_width == AsWidth::Two)?;
            check_as4_path(value)
        }
        AttributeType::AS4_AGGREGATOR => {
            allowed_if(context.as_width == AsWidth::Two)?;
            check_aggregator(value, AsWidth::Four)
        }
        AttributeType::AIGP => {
            allowed_if(context.aigp)?;
            check_aigp(value)
        }
        AttributeType::ATTR_SET => check_attr_set(value),
        _ => Ok(()),
    }
}

/// RFC 7606 section 7.1.
#[inline]
pub(crate) fn check_origin(value: &[u8]) -> Result<(), Fault> {
    match value {
        [0..=2] => Ok(()),
        [_] => Err(Fault::Origin),
        _ => Err(Fault::LengthWithdraws),
    }
}

/// RFC 7606 section 7.2, RFC 5065 section 5, RFC 7607, and the peer's AS in front where that is
/// asked for.
#[inline(never)]
pub(crate) fn check_as_path(value: &[u8], context: &Context) -> Result<(), Fault> {
    let facts = check_path(value, context.as_width).map_err(|_| Fault::AsPath)?;
    let fits_peer = match context.peer_kind {
        PeerKind::Ebgp => !facts.has_confederation,
        PeerKind::Confederation => facts.starts_in_confederation,
        PeerKind::Ibgp => true,
    };
    if !fits_peer {
        return Err(Fault::Confederation);
    }
    if facts.has_zero {
        return Err(Fault::ZeroAs);
    }
    match context.first_as {
        Some(asn) if context.peer_kind == PeerKind::Ebgp => check_first_as(value, asn, context),
        _ => Ok(()),
    }
}

fn check_first_as(value: &[u8], asn: Asn, context: &Context) -> Result<(), Fault> {
    let expected = match context.as_width {
        AsWidth::Two => Asn::from(asn.to_two_octets()),
        AsWidth::Four => asn,
    };
    let first = AsPathView::new(value, context.as_width).first();
    if first == Some(expected) {
        Ok(())
    } else {
        Err(Fault::FirstAs)
    }
}

/// The rest of an AS_PATH from its first malformed segment on. Only errors come here, so looking
/// twice costs nothing.
fn malformed_segment(raw: &RawAttribute<'_>, context: &Context) -> Span {
    let at = check_path(raw.value, context.as_width).err().unwrap_or(0);
    let head = usize::from(raw.span.len) - raw.value.len();
    Span::new(
        usize::from(raw.span.offset) + head + at,
        raw.value.len() - at,
    )
}

/// RFC 7606 section 7.3, RFC 4271 section 6.3: a host has no address of 0.0.0.0, of class D or of
/// class E.
#[inline]
pub(crate) fn check_next_hop(value: &[u8]) -> Result<(), Fault> {
    match value {
        [0, 0, 0, 0] | [224..=255, _, _, _] => Err(Fault::NextHop),
        [_, _, _, _] => Ok(()),
        _ => Err(Fault::LengthWithdraws),
    }
}

/// RFC 7606 sections 7.8, 7.10, 7.14, 7.15, RFC 8092 section 6: a list of whole values, not empty.
#[inline]
pub(crate) fn check_list(value: &[u8], size: usize) -> Result<(), Fault> {
    withdraw_unless(!value.is_empty() && value.len().is_multiple_of(size))
}

/// RFC 7606 section 7.7, RFC 6793 section 6, RFC 7607 section 2.
#[inline]
pub(crate) fn check_aggregator(value: &[u8], width: AsWidth) -> Result<(), Fault> {
    discard_unless(value.len() == width.octets() + 4)?;
    let is_zero = value[..width.octets()].iter().all(|octet| *octet == 0);
    if is_zero { Err(Fault::ZeroAs) } else { Ok(()) }
}

/// RFC 6793 section 6, RFC 7607 section 2. Confederation segments are discarded alone (RFC 6793
/// section 3), by who reads it.
fn check_as4_path(value: &[u8]) -> Result<(), Fault> {
    match check_path(value, AsWidth::Four) {
        Ok(_) if value.is_empty() => Err(Fault::LengthDiscards),
        Ok(facts) if facts.has_zero => Err(Fault::ZeroAs),
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::Malformed),
    }
}

/// RFC 7311 section 3: TLVs of at least three octets; the metric's has eleven.
fn check_aigp(value: &[u8]) -> Result<(), Fault> {
    let mut rest = value;
    while !rest.is_empty() {
        let [kind, high, low, ..] = *rest else {
            return Err(Fault::Malformed);
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < 3 || (kind == AIGP_TLV && len != 11) {
            return Err(Fault::Malformed);
        }
        rest = rest.get(len..).ok_or(Fault::Malformed)?;
    }
    Ok(())
}

/// RFC 7606 section 7.16: an AS and attributes, which are not looked into further than that they
/// fit.
fn check_attr_set(value: &[u8]) -> Result<(), Fault> {
    let (_origin_as, mut rest) = value.split_first_chunk::<4>().ok_or(Fault::Malformed)?;
    while !rest.is_empty() {
        let len = match *rest {
            [flags, _, high, low, ..] if AttributeFlags(flags).is_extended_length() => {
                4 + usize::from(u16::from_be_bytes([high, low]))
            }
            [flags, _, len, ..] if !AttributeFlags(flags).is_extended_length() => {
                3 + usize::from(len)
            }
            _ => return Err(Fault::Malformed),
        };
        rest = rest.get(len..).ok_or(Fault::Malformed)?;
    }
    Ok(())
}

#[inline]
fn allowed_if(right: bool) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(Fault::NotAllowed)
    }
}

#[inline]
fn withdraw_unless(right: bool) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(Fault::LengthWithdraws)
    }
}

#[inline]
fn discard_unless(right: bool) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(Fault::LengthDiscards)
    }
}
