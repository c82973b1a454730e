//! The checks of RFC 7606 on one attribute.

use crate::as_path::check_path;
use crate::attribute::AIGP_TLV;
use crate::multiprotocol::{Fault, check_reach, check_unreach};
use crate::walk::RawAttribute;
use crate::{
    AsPathView, AsWidth, Asn, AttributeFlags, AttributeType, Context, Disposition, PeerKind,
};
use crate::{Span, UpdateError, UpdateErrorKind};

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
        wrong_flags(raw.kind, value)
    }
}

/// The error for a fault of an attribute.
#[cold]
pub(crate) fn error(raw: &RawAttribute<'_>, fault: Fault, context: &Context) -> UpdateError {
    let (kind, disposition) = fault;
    let span = match kind {
        UpdateErrorKind::MalformedAsPath => malformed_segment(raw, context),
        _ => raw.span,
    };
    UpdateError::new(kind, span, disposition)
}

/// An attribute that this crate does not know is kept, unless it claims that everybody knows it (RFC 4271 section 6.3).
fn check_unknown(raw: &RawAttribute<'_>) -> Result<(), Fault> {
    if raw.flags.is_optional() {
        return Ok(());
    }
    Err((
        UpdateErrorKind::UnrecognizedWellKnown(raw.kind),
        Disposition::SessionReset,
    ))
}

/// What wrong flags lead to: RFC 7606 section 3 c, but for AIGP RFC 7311 section 3. A value that calls for more wins, and so does
/// who may send the attribute: what is discarded for that may be malformed as it likes.
#[cold]
fn wrong_flags(kind: AttributeType, value: Result<(), Fault>) -> Result<(), Fault> {
    let disposition = match kind {
        AttributeType::AIGP => Disposition::AttributeDiscard,
        _ => Disposition::TreatAsWithdraw,
    };
    match value {
        Err(fault @ (UpdateErrorKind::NotAllowed(_), _)) => Err(fault),
        Err(fault) if fault.1 > disposition => Err(fault),
        _ => Err((UpdateErrorKind::Flags(kind), disposition)),
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
            withdraw_unless(value.len() == 4, kind)
        }
        AttributeType::LOCAL_PREF => {
            allowed_if(context.peer_kind.is_internal(), kind)?;
            withdraw_unless(value.len() == 4, kind)
        }
        AttributeType::ORIGINATOR_ID => {
            allowed_if(context.peer_kind == PeerKind::Ibgp, kind)?;
            withdraw_unless(value.len() == 4, kind)
        }
        AttributeType::CLUSTER_LIST => {
            allowed_if(context.peer_kind == PeerKind::Ibgp, kind)?;
            check_list(value, 4, kind)
        }
        AttributeType::ATOMIC_AGGREGATE => discard_unless(value.is_empty(), kind),
        AttributeType::AGGREGATOR => check_aggregator(value, context.as_width, kind),
        AttributeType::COMMUNITIES => check_list(value, 4, kind),
        AttributeType::EXTENDED_COMMUNITIES => check_list(value, 8, kind),
        AttributeType::LARGE_COMMUNITY => check_list(value, 12, kind),
        AttributeType::IPV6_EXTENDED_COMMUNITIES => check_list(value, 20, kind),
        AttributeType::MP_REACH_NLRI => check_reach(value, context),
        AttributeType::MP_UNREACH_NLRI => check_unreach(value, context),
        AttributeType::AS4_PATH => {
            allowed_if(context.as_width == AsWidth::Two, kind)?;
            check_as4_path(value)
        }
        AttributeType::AS4_AGGREGATOR => {
            allowed_if(context.as_width == AsWidth::Two, kind)?;
            check_aggregator(value, AsWidth::Four, kind)
        }
        AttributeType::AIGP => {
            allowed_if(context.aigp, kind)?;
            check_aigp(value)
        }
        AttributeType::ATTR_SET => check_attr_set(value),
        _ => Ok(()),
    }
}

/// RFC 7606 section 7.1.
#[inline]
fn check_origin(value: &[u8]) -> Result<(), Fault> {
    match value {
        [0..=2] => Ok(()),
        [other] => Err(withdraw(UpdateErrorKind::InvalidOrigin(*other))),
        _ => Err(withdraw(UpdateErrorKind::Length(AttributeType::ORIGIN))),
    }
}

/// RFC 7606 section 7.2, RFC 5065 section 5, RFC 7607, and the peer's AS in front where that is asked for.
#[inline]
fn check_as_path(value: &[u8], context: &Context) -> Result<(), Fault> {
    let facts = check_path(value, context.as_width)
        .map_err(|_| withdraw(UpdateErrorKind::MalformedAsPath))?;
    let fits_peer = match context.peer_kind {
        PeerKind::Ebgp => !facts.has_confederation,
        PeerKind::Confederation => facts.starts_in_confederation,
        PeerKind::Ibgp => true,
    };
    if !fits_peer {
        return Err(withdraw(UpdateErrorKind::ConfederationPath));
    }
    if facts.has_zero {
        return Err(withdraw(UpdateErrorKind::ZeroAs(AttributeType::AS_PATH)));
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
    if AsPathView::new(value, context.as_width).first() == Some(expected) {
        return Ok(());
    }
    Err(withdraw(UpdateErrorKind::FirstAs(asn)))
}

/// The rest of an AS_PATH from its first malformed segment on. Only errors come here, so looking twice costs nothing.
fn malformed_segment(raw: &RawAttribute<'_>, context: &Context) -> Span {
    let at = check_path(raw.value, context.as_width).err().unwrap_or(0);
    let head = usize::from(raw.span.len) - raw.value.len();
    Span::new(
        usize::from(raw.span.offset) + head + at,
        raw.value.len() - at,
    )
}

/// RFC 7606 section 7.3, RFC 4271 section 6.3: a host has no address of 0.0.0.0, of class D or of class E.
#[inline]
fn check_next_hop(value: &[u8]) -> Result<(), Fault> {
    match value {
        [0, 0, 0, 0] | [224..=255, _, _, _] => Err(withdraw(UpdateErrorKind::InvalidNextHop)),
        [_, _, _, _] => Ok(()),
        _ => Err(withdraw(UpdateErrorKind::Length(AttributeType::NEXT_HOP))),
    }
}

/// RFC 7606 sections 7.8, 7.10, 7.14, 7.15, RFC 8092 section 6: a list of whole values, not empty.
#[inline]
fn check_list(value: &[u8], size: usize, kind: AttributeType) -> Result<(), Fault> {
    withdraw_unless(!value.is_empty() && value.len().is_multiple_of(size), kind)
}

/// RFC 7606 section 7.7, RFC 6793 section 6, RFC 7607 section 2.
fn check_aggregator(value: &[u8], width: AsWidth, kind: AttributeType) -> Result<(), Fault> {
    discard_unless(value.len() == width.octets() + 4, kind)?;
    if value[..width.octets()].iter().all(|octet| *octet == 0) {
        return Err(discard(UpdateErrorKind::ZeroAs(kind)));
    }
    Ok(())
}

/// RFC 6793 section 6, RFC 7607 section 2. Confederation segments are discarded alone (RFC 6793 section 3), by who reads it.
fn check_as4_path(value: &[u8]) -> Result<(), Fault> {
    let kind = AttributeType::AS4_PATH;
    match check_path(value, AsWidth::Four) {
        Ok(_) if value.is_empty() => Err(discard(UpdateErrorKind::Length(kind))),
        Ok(facts) if facts.has_zero => Err(discard(UpdateErrorKind::ZeroAs(kind))),
        Ok(_) => Ok(()),
        Err(_) => Err(discard(UpdateErrorKind::Malformed(kind))),
    }
}

/// RFC 7311 section 3: TLVs of at least three octets; the metric's has eleven.
fn check_aigp(value: &[u8]) -> Result<(), Fault> {
    let mut rest = value;
    while !rest.is_empty() {
        let wrong = discard(UpdateErrorKind::Malformed(AttributeType::AIGP));
        let [kind, high, low, ..] = *rest else {
            return Err(wrong);
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < 3 || (kind == AIGP_TLV && len != 11) {
            return Err(wrong);
        }
        rest = rest.get(len..).ok_or(wrong)?;
    }
    Ok(())
}

/// RFC 7606 section 7.16: an AS and attributes, which are not looked into further than that they fit.
fn check_attr_set(value: &[u8]) -> Result<(), Fault> {
    let wrong = withdraw(UpdateErrorKind::Malformed(AttributeType::ATTR_SET));
    let (_origin_as, mut rest) = value.split_first_chunk::<4>().ok_or(wrong)?;
    while !rest.is_empty() {
        let len = match *rest {
            [flags, _, high, low, ..] if AttributeFlags(flags).is_extended_length() => {
                4 + usize::from(u16::from_be_bytes([high, low]))
            }
            [flags, _, len, ..] if !AttributeFlags(flags).is_extended_length() => {
                3 + usize::from(len)
            }
            _ => return Err(wrong),
        };
        rest = rest.get(len..).ok_or(wrong)?;
    }
    Ok(())
}

const fn withdraw(kind: UpdateErrorKind) -> Fault {
    (kind, Disposition::TreatAsWithdraw)
}

const fn discard(kind: UpdateErrorKind) -> Fault {
    (kind, Disposition::AttributeDiscard)
}

#[inline]
fn allowed_if(right: bool, kind: AttributeType) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(discard(UpdateErrorKind::NotAllowed(kind)))
    }
}

#[inline]
fn withdraw_unless(right: bool, kind: AttributeType) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(withdraw(UpdateErrorKind::Length(kind)))
    }
}

#[inline]
fn discard_unless(right: bool, kind: AttributeType) -> Result<(), Fault> {
    if right {
        Ok(())
    } else {
        Err(discard(UpdateErrorKind::Length(kind)))
    }
}
