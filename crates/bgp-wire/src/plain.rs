//! What is plainly sound, told at a glance.
//!
//! Nearly all attributes are, so a view asks here first, with as little code for each type as can
//! be, and puts everything else to the checks of [`crate::check`], which know what is wrong. Here
//! nothing may pass that they would not pass; what they would pass may well fail.

use crate::check::{check_aggregator, check_as_path, check_list, check_next_hop, check_origin};
use crate::multiprotocol::{check_reach, check_unreach};
use crate::walk::RawAttribute;
use crate::{AsWidth, AttributeFlags, AttributeType, Context, PeerKind, Span};

/// Where the values of attributes lie that are asked for often; an offset of zero where one is
/// missing or not sound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) as_path: Span,
    pub(crate) as4_path: Span,
    pub(crate) next_hop: Span,
    pub(crate) reach: Span,
    pub(crate) unreach: Span,
    /// That of any other type, so that noting one needs no branch.
    other: Span,
}

impl Places {
    /// The place of a type.
    pub(crate) const fn of(&mut self, kind: AttributeType) -> &mut Span {
        match kind {
            AttributeType::AS_PATH => &mut self.as_path,
            AttributeType::AS4_PATH => &mut self.as4_path,
            AttributeType::NEXT_HOP => &mut self.next_hop,
            AttributeType::MP_REACH_NLRI => &mut self.reach,
            AttributeType::MP_UNREACH_NLRI => &mut self.unreach,
            _ => &mut self.other,
        }
    }

    pub(crate) fn note(&mut self, raw: &RawAttribute<'_>) {
        let end = usize::from(raw.span.offset) + usize::from(raw.span.len);
        *self.of(raw.kind) = Span::within(end - raw.value.len(), raw.value.len());
    }
}

/// Passes over the attributes at the start of `list` that are plainly sound, and notes their
/// places. What is behind them.
///
/// `end` is where the list ends in its message. A type below 64 whose bit is set in `taken` is left
/// alone; those that are passed over set theirs.
#[inline(always)]
pub(crate) fn pass<'a>(
    list: &'a [u8],
    end: usize,
    taken: &mut u64,
    places: &mut Places,
    context: &Context,
) -> &'a [u8] {
    let mut rest = list;
    while let [flags, kind, short, low, ..] = *rest {
        let (head, len) = if AttributeFlags(flags).is_extended_length() {
            (4, usize::from(u16::from_be_bytes([short, low])))
        } else {
            (3, usize::from(short))
        };
        let Some((attribute, after)) = rest.split_at_checked(head + len) else {
            break;
        };
        let bit = 1 << (kind & 63);
        if *taken & bit != 0 {
            break;
        }
        let kind = AttributeType(kind);
        let Some(place) = place_if_sound(kind, flags, &attribute[head..], places, context) else {
            break;
        };
        *place = Span::within(end - rest.len() + head, len);
        *taken |= bit;
        rest = after;
    }
    rest
}

/// The place of an attribute that is plainly sound. All types that can be are below 64.
#[inline(always)]
fn place_if_sound<'a>(
    kind: AttributeType,
    flags: u8,
    value: &[u8],
    places: &'a mut Places,
    context: &Context,
) -> Option<&'a mut Span> {
    let category = AttributeFlags(flags).category();
    let well_known = category == AttributeFlags::WELL_KNOWN.0;
    let transitive = category == AttributeFlags::OPTIONAL_TRANSITIVE.0;
    let non_transitive = category == AttributeFlags::OPTIONAL_NON_TRANSITIVE.0;
    let sound = match kind {
        AttributeType::ORIGIN => well_known && check_origin(value).is_ok(),
        AttributeType::AS_PATH => {
            well_known && (is_plain_path(value, context) || check_as_path(value, context).is_ok())
        }
        AttributeType::NEXT_HOP => well_known && check_next_hop(value).is_ok(),
        AttributeType::MULTI_EXIT_DISC | AttributeType::ORIGINATOR_ID => {
            non_transitive && value.len() == 4
        }
        AttributeType::LOCAL_PREF => well_known && value.len() == 4,
        AttributeType::ATOMIC_AGGREGATE => well_known && value.is_empty(),
        AttributeType::AGGREGATOR => {
            transitive && check_aggregator(value, context.as_width).is_ok()
        }
        AttributeType::COMMUNITIES => transitive && check_list(value, 4).is_ok(),
        AttributeType::CLUSTER_LIST => non_transitive && check_list(value, 4).is_ok(),
        AttributeType::EXTENDED_COMMUNITIES => transitive && check_list(value, 8).is_ok(),
        AttributeType::LARGE_COMMUNITY => transitive && check_list(value, 12).is_ok(),
        AttributeType::MP_REACH_NLRI => non_transitive && check_reach(value, context).is_ok(),
        AttributeType::MP_UNREACH_NLRI => non_transitive && check_unreach(value, context).is_ok(),
        _ => false,
    };
    sound.then(|| places.of(kind))
}

/// The types below 64, one bit each, that are not sound from this peer, whatever they hold.
#[inline(always)]
pub(crate) const fn not_allowed(context: &Context) -> u64 {
    const REFLECTION: u64 =
        1 << AttributeType::ORIGINATOR_ID.0 | 1 << AttributeType::CLUSTER_LIST.0;
    match context.peer_kind {
        PeerKind::Ibgp => 0,
        PeerKind::Confederation => REFLECTION,
        PeerKind::Ebgp => REFLECTION | 1 << AttributeType::LOCAL_PREF.0,
    }
}

/// One AS_SEQUENCE without AS 0, as nearly all paths are.
#[inline(always)]
fn is_plain_path(value: &[u8], context: &Context) -> bool {
    const SEQUENCE: u8 = 2;
    let [SEQUENCE, count @ 1..=255, members @ ..] = value else {
        return false;
    };
    if context.peer_kind == PeerKind::Confederation || context.first_as.is_some() {
        return false;
    }
    let count = usize::from(*count);
    // One by one: most paths are too short for vectors to pay off.
    match context.as_width {
        AsWidth::Two => {
            let (asns, rest) = members.as_chunks::<2>();
            asns.len() == count && rest.is_empty() && !asns.contains(&[0; 2])
        }
        AsWidth::Four => {
            let (asns, rest) = members.as_chunks::<4>();
            asns.len() == count && rest.is_empty() && !asns.contains(&[0; 4])
        }
    }
}
