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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Asn;
    use crate::check::check;
    use crate::walk::Walk;
    use alloc::vec::Vec;

    fn contexts() -> Vec<Context> {
        let mut all = Vec::new();
        for kind in [PeerKind::Ebgp, PeerKind::Ibgp, PeerKind::Confederation] {
            for width in [AsWidth::Two, AsWidth::Four] {
                for first_as in [None, Some(Asn(0x0102_0304))] {
                    let context = Context::new(kind).with_as_width(width);
                    all.push(context.with_first_as(first_as));
                }
            }
        }
        all
    }

    /// Values of up to 24 octets that are sound for one type or another, and their neighbours.
    fn values() -> Vec<Vec<u8>> {
        let starts: [&[u8]; 8] = [
            &[],
            &[3],
            &[2, 1],
            &[2, 2, 0, 0],
            &[2, 1, 0, 0, 0, 0],
            &[1, 2, 3, 1],
            &[0, 1, 1, 4, 192, 0, 2, 1, 0, 8],
            &[0, 2, 1],
        ];
        let mut all = Vec::new();
        for start in starts {
            for len in 0..=24 {
                for filler in [0, 1, 240] {
                    let mut value = start.to_vec();
                    value.resize(len, filler);
                    all.push(value);
                }
            }
        }
        all
    }

    fn passes(attribute: &[u8], context: &Context) -> bool {
        let mut taken = not_allowed(context);
        let rest = pass(
            attribute,
            attribute.len(),
            &mut taken,
            &mut Places::default(),
            context,
        );
        rest.is_empty()
    }

    #[test]
    fn nothing_passes_that_the_checks_refuse() {
        let mut passed = [0u32; 256];
        for context in contexts() {
            for value in values() {
                for kind in 0..=255 {
                    for flags in [0x00, 0x40, 0x80, 0xc0, 0x50, 0xe0] {
                        let mut attribute = [flags, kind].to_vec();
                        if AttributeFlags(flags).is_extended_length() {
                            attribute.push(0);
                        }
                        attribute.push(value.len() as u8);
                        attribute.extend_from_slice(&value);
                        if !passes(&attribute, &context) {
                            continue;
                        }
                        passed[usize::from(kind)] += 1;
                        let mut walk = Walk::new(&attribute, 0, context);
                        let (raw, found) = walk.advance().expect("an attribute");
                        assert_eq!(found, Ok(()), "{attribute:?} in {context:?}");
                        assert_eq!(check(&raw, &context), Ok(()));
                    }
                }
            }
        }
        let plain: Vec<_> = (0..=255).filter(|kind| passed[*kind] > 0).collect();
        assert_eq!(plain, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 32]);
    }

    #[test]
    fn a_second_one_of_a_type_is_left_to_the_checks() {
        let twice = [0x40, 1, 1, 0, 0x40, 1, 1, 0];
        let context = Context::new(PeerKind::Ibgp);
        let mut taken = 0;
        let rest = pass(&twice, 40, &mut taken, &mut Places::default(), &context);
        assert_eq!((rest.len(), taken), (4, 1 << 1));
    }

    #[test]
    fn values_are_found_where_they_lie_in_the_message() {
        let list = [0x40, 2, 4, 2, 1, 0, 9, 0x50, 3, 0, 4, 192, 0, 2, 1];
        let (mut taken, mut places) = (0, Places::default());
        let end = 100 + list.len();
        let context = Context::new(PeerKind::Ibgp);
        let rest = pass(&list, end, &mut taken, &mut places, &context);
        assert!(rest.is_empty());
        assert_eq!(places.as_path, Span::new(103, 4));
        assert_eq!(places.next_hop, Span::new(111, 4));
        assert_eq!(places.reach, Span::default());
    }
}
