//! AS paths: AS_PATH (RFC 4271 section 4.3, RFC 5065) and its merge with AS4_PATH (RFC 6793).

use crate::attribute_encode::put_each;
use crate::{AsWidth, Asn, EncodeError};
use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;

/// The type of a segment of an AS path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SegmentKind {
    /// AS_SET: 1. Decoded, and best never made (RFC 9774).
    Set,
    /// AS_SEQUENCE: 2.
    Sequence,
    /// AS_CONFED_SEQUENCE: 3 (RFC 5065).
    ConfedSequence,
    /// AS_CONFED_SET: 4 (RFC 5065).
    ConfedSet,
}

impl SegmentKind {
    const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Set),
            2 => Some(Self::Sequence),
            3 => Some(Self::ConfedSequence),
            4 => Some(Self::ConfedSet),
            _ => None,
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::Set => 1,
            Self::Sequence => 2,
            Self::ConfedSequence => 3,
            Self::ConfedSet => 4,
        }
    }

    /// Whether the segment is about members of a confederation.
    #[must_use]
    pub const fn is_confederation(self) -> bool {
        matches!(self, Self::ConfedSequence | Self::ConfedSet)
    }

    /// What `members` of such a segment count towards the length of a path: RFC 4271 section
    /// 9.1.2.2, RFC 5065 section 5.3.
    const fn hops(self, members: usize) -> usize {
        match self {
            Self::Set => 1,
            Self::Sequence => members,
            Self::ConfedSequence | Self::ConfedSet => 0,
        }
    }
}

/// An AS path that owns its segments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AsPath {
    /// The segments; the AS that is nearest comes first. Those without members are not written.
    pub segments: Vec<AsPathSegment>,
}

/// A segment of an [`AsPath`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AsPathSegment {
    /// What the members are.
    pub kind: SegmentKind,
    /// 1 to 255 AS numbers.
    pub members: Vec<Asn>,
}

/// The most members that a segment can say it has.
const MAX_MEMBERS: usize = 255;

impl AsPath {
    /// A path of AS_SEQUENCE segments; one, unless there are more than 255 members. Without members
    /// the path is empty.
    #[must_use]
    pub fn sequence(members: impl IntoIterator<Item = Asn>) -> Self {
        Self::of(SegmentKind::Sequence, members)
    }

    /// A path of AS_CONFED_SEQUENCE segments, as towards another member AS (RFC 5065).
    #[must_use]
    pub fn confed_sequence(members: impl IntoIterator<Item = Asn>) -> Self {
        Self::of(SegmentKind::ConfedSequence, members)
    }

    fn of(kind: SegmentKind, members: impl IntoIterator<Item = Asn>) -> Self {
        let members: Vec<Asn> = members.into_iter().collect();
        let segments = members
            .chunks(MAX_MEMBERS)
            .map(|members| AsPathSegment {
                kind,
                members: members.to_vec(),
            })
            .collect();
        Self { segments }
    }

    /// Octets of the attribute's value.
    pub(crate) fn value_len(&self, width: AsWidth) -> usize {
        self.written()
            .map(|s| 2 + width.octets() * s.members.len())
            .sum()
    }

    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        match self
            .segments
            .iter()
            .map(|s| s.members.len())
            .find(|n| *n > MAX_MEMBERS)
        {
            Some(count) => Err(EncodeError::TooManyMembers {
                count,
                max: MAX_MEMBERS,
            }),
            None => Ok(()),
        }
    }

    /// The segments that are written: one without members would be malformed.
    fn written(&self) -> impl Iterator<Item = &AsPathSegment> {
        self.segments.iter().filter(|s| !s.members.is_empty())
    }

    /// Writes the attribute's value.
    pub(crate) fn put(&self, width: AsWidth, out: &mut impl BufMut) {
        for segment in self.written() {
            let members = &segment.members;
            out.put_slice(&[segment.kind.octet(), members.len() as u8]);
            match width {
                AsWidth::Two => put_each(members, |it| it.to_two_octets().to_be_bytes(), out),
                AsWidth::Four => put_each(members, |it| it.0.to_be_bytes(), out),
            }
        }
    }

    /// The AS4_PATH that must go along where AS numbers have two octets: none if every number fits
    /// (RFC 6793 section 4.2.2).
    pub(crate) fn as4_path(&self) -> Option<Self> {
        let wide = self
            .segments
            .iter()
            .flat_map(|s| &s.members)
            .any(|a| !a.is_two_octets());
        let outside = |s: &&AsPathSegment| !s.kind.is_confederation();
        wide.then(|| Self {
            segments: self.segments.iter().filter(outside).cloned().collect(),
        })
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self
            .segments
            .iter()
            .map(|s| (s.kind, s.members.iter().copied()));
        write_path(f, segments)
    }
}

/// An AS path as it lies in a message, AS4_PATH merged in (RFC 6793 section 4.2.3). Displayed as
/// `64512 64513 {1,2}`, with `( )` around an AS_CONFED_SEQUENCE and `[ ]` around an AS_CONFED_SET.
#[derive(Clone, Copy, Debug)]
pub struct AsPathView<'a> {
    /// The value of AS_PATH.
    octets: &'a [u8],
    width: AsWidth,
    /// How many hops of AS_PATH count before AS4_PATH takes over.
    leading: usize,
    /// The value of AS4_PATH, empty where there is none or it does not count.
    as4: &'a [u8],
}

impl<'a> AsPathView<'a> {
    /// The path that `octets`, a checked value, spell.
    pub(crate) const fn new(octets: &'a [u8], width: AsWidth) -> Self {
        Self {
            octets,
            width,
            leading: usize::MAX,
            as4: &[],
        }
    }

    /// The path with an AS4_PATH merged in: what AS_PATH is longer stays in front. A longer
    /// AS4_PATH is ignored.
    pub(crate) fn merged(self, as4: &'a [u8]) -> Self {
        let hops_of_as4 = Segments::new(as4, AsWidth::Four).hops();
        match self.hops().checked_sub(hops_of_as4) {
            Some(leading) if hops_of_as4 > 0 => Self {
                leading,
                as4,
                ..self
            },
            _ => self,
        }
    }

    /// The segments, the nearest AS first.
    #[inline]
    pub fn segments(&self) -> impl Iterator<Item = AsPathSegmentView<'a>> + Clone + use<'a> {
        MergedSegments {
            head: Segments::new(self.octets, self.width),
            tail: Segments::new(self.as4, AsWidth::Four),
            left: self.leading,
        }
    }

    /// All members of all segments in order.
    #[inline]
    pub fn asns(&self) -> impl Iterator<Item = Asn> + Clone + use<'a> {
        self.segments().flat_map(|segment| segment.members())
    }

    /// The path's length as route selection counts it: an AS_SET is one, confederation segments are
    /// none.
    #[must_use]
    pub fn hops(&self) -> usize {
        Segments::new(self.octets, self.width).hops()
    }

    /// The AS that the route came from last: the first member of a leading sequence.
    #[must_use]
    pub fn first(&self) -> Option<Asn> {
        let segment = self.segments().next()?;
        match segment.kind {
            SegmentKind::Sequence | SegmentKind::ConfedSequence => segment.members().next(),
            SegmentKind::Set | SegmentKind::ConfedSet => None,
        }
    }

    /// The AS that the route started in: the last member of a final AS_SEQUENCE.
    #[must_use]
    pub fn origin(&self) -> Option<Asn> {
        let segment = self.segments().last()?;
        match segment.kind {
            SegmentKind::Sequence => segment.members().last(),
            _ => None,
        }
    }

    /// Whether the path has no segment, as within the AS that a route starts in.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The path with its segments copied.
    #[must_use]
    pub fn to_owned(&self) -> AsPath {
        let segments = self
            .segments()
            .map(|s| AsPathSegment {
                kind: s.kind,
                members: s.members().collect(),
            })
            .collect();
        AsPath { segments }
    }
}

impl fmt::Display for AsPathView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, self.segments().map(|s| (s.kind, s.members())))
    }
}

/// A segment of an [`AsPathView`].
#[derive(Clone, Copy, Debug)]
pub struct AsPathSegmentView<'a> {
    /// What the members are.
    pub kind: SegmentKind,
    octets: &'a [u8],
    width: AsWidth,
}

impl<'a> AsPathSegmentView<'a> {
    /// The members, in order.
    #[inline]
    pub fn members(&self) -> impl Iterator<Item = Asn> + Clone + use<'a> {
        // One of the two is empty, which is cheaper than to ask for the width at every member.
        let (two, four): (&[[u8; 2]], &[[u8; 4]]) = match self.width {
            AsWidth::Two => (self.octets.as_chunks().0, &[]),
            AsWidth::Four => (&[], self.octets.as_chunks().0),
        };
        let two = two.iter().map(|it| Asn::from(u16::from_be_bytes(*it)));
        two.chain(four.iter().map(|it| Asn(u32::from_be_bytes(*it))))
    }

    /// How many members there are: 1 to 255.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a segment without members is malformed"
    )]
    pub const fn len(&self) -> usize {
        match self.width {
            AsWidth::Two => self.octets.len() / 2,
            AsWidth::Four => self.octets.len() / 4,
        }
    }

    /// The segment as far as it makes up `hops` hops.
    fn first_hops(self, hops: usize) -> Self {
        match self.kind {
            SegmentKind::Sequence if hops < self.len() => Self {
                octets: &self.octets[..hops * self.width.octets()],
                ..self
            },
            _ => self,
        }
    }
}

/// The segments of a value; ends where the value is not well formed.
#[derive(Clone)]
struct Segments<'a> {
    octets: &'a [u8],
    width: AsWidth,
}

impl<'a> Segments<'a> {
    const fn new(octets: &'a [u8], width: AsWidth) -> Self {
        Self { octets, width }
    }

    fn hops(self) -> usize {
        self.map(|s| s.kind.hops(s.len())).sum()
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = AsPathSegmentView<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let [kind, count, rest @ ..] = self.octets else {
            return None;
        };
        let (octets, rest) = rest.split_at_checked(usize::from(*count) * self.width.octets())?;
        self.octets = rest;
        Some(AsPathSegmentView {
            kind: SegmentKind::from_octet(*kind)?,
            octets,
            width: self.width,
        })
    }
}

/// The segments of AS_PATH as far as they count, then those of AS4_PATH (RFC 6793 section 4.2.3).
#[derive(Clone)]
struct MergedSegments<'a> {
    head: Segments<'a>,
    tail: Segments<'a>,
    /// How many hops of `head` count; `usize::MAX` where nothing is merged.
    left: usize,
}

impl<'a> Iterator for MergedSegments<'a> {
    type Item = AsPathSegmentView<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == usize::MAX {
            self.head.next()
        } else {
            self.next_merged()
        }
    }
}

impl<'a> MergedSegments<'a> {
    #[cold]
    fn next_merged(&mut self) -> Option<AsPathSegmentView<'a>> {
        // Confederation segments next to what is kept are kept too.
        let left = self.left;
        let kept = |s: &AsPathSegmentView<'_>| left > 0 || s.kind.is_confederation();
        if let Some(segment) = self.head.next().filter(kept) {
            self.left = left.saturating_sub(segment.kind.hops(segment.len()));
            return Some(segment.first_hops(left));
        }
        self.head.octets = &[];
        self.tail.find(|s| !s.kind.is_confederation())
    }
}

/// What a value of AS_PATH holds, as far as the checks of RFC 7606 ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathFacts {
    /// AS 0 is a member (RFC 7607).
    pub(crate) has_zero: bool,
    /// A segment is about a confederation.
    pub(crate) has_confederation: bool,
    /// The first segment is an AS_CONFED_SEQUENCE.
    pub(crate) starts_in_confederation: bool,
}

/// Checks the syntax of RFC 7606 section 7.2 in one pass: known segment types, no empty segment,
/// lengths that fit. The error is where the first wrong segment starts in the value.
#[inline]
pub(crate) fn check_path(value: &[u8], width: AsWidth) -> Result<PathFacts, usize> {
    let mut facts = PathFacts::default();
    let mut rest = value;
    while !rest.is_empty() {
        let at = value.len() - rest.len();
        let [kind, count, after @ ..] = rest else {
            return Err(at);
        };
        let kind = SegmentKind::from_octet(*kind).ok_or(at)?;
        let len = usize::from(*count) * width.octets();
        let (members, after) = after.split_at_checked(len).ok_or(at)?;
        if members.is_empty() {
            return Err(at);
        }
        facts.has_confederation |= kind.is_confederation();
        facts.has_zero |= match width {
            AsWidth::Two => has_zero::<2>(members),
            AsWidth::Four => has_zero::<4>(members),
        };
        if at == 0 {
            facts.starts_in_confederation = kind == SegmentKind::ConfedSequence;
        }
        rest = after;
    }
    Ok(facts)
}

/// Whether one of the members, `N` octets each, is AS 0. One by one: most paths are too short for
/// vectors to pay off.
#[inline]
fn has_zero<const N: usize>(members: &[u8]) -> bool {
    members.as_chunks::<N>().0.contains(&[0; N])
}

fn write_path<M: Iterator<Item = Asn>>(
    f: &mut fmt::Formatter<'_>,
    segments: impl Iterator<Item = (SegmentKind, M)>,
) -> fmt::Result {
    for (i, (kind, members)) in segments.enumerate() {
        if i > 0 {
            f.write_str(" ")?;
        }
        let (open, separator, close) = match kind {
            SegmentKind::Sequence => ("", " ", ""),
            SegmentKind::Set => ("{", ",", "}"),
            SegmentKind::ConfedSequence => ("(", " ", ")"),
            SegmentKind::ConfedSet => ("[", ",", "]"),
        };
        f.write_str(open)?;
        for (j, member) in members.enumerate() {
            if j > 0 {
                f.write_str(separator)?;
            }
            fmt::Display::fmt(&member, f)?;
        }
        f.write_str(close)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn value(path: &AsPath, width: AsWidth) -> Vec<u8> {
        let mut out = Vec::new();
        path.put(width, &mut out);
        assert_eq!(out.len(), path.value_len(width));
        out
    }

    #[test]
    fn as4_path_replaces_as_trans_and_keeps_what_leads() {
        // RFC 6793 section 4.2.3: old speakers 1 and 2 prepended themselves behind the new
        // speaker's back.
        let seen = value(
            &AsPath::sequence([1, 2, 23456, 23456].map(Asn)),
            AsWidth::Two,
        );
        let as4 = value(&AsPath::sequence([70000, 80000].map(Asn)), AsWidth::Four);
        let path = AsPathView::new(&seen, AsWidth::Two).merged(&as4);
        assert_eq!(path.to_string(), "1 2 70000 80000");
        assert_eq!(
            (path.first(), path.origin()),
            (Some(Asn(1)), Some(Asn(80000)))
        );
        assert_eq!(path.hops(), 4);
    }

    #[test]
    fn a_longer_as4_path_is_ignored() {
        let seen = value(&AsPath::sequence([Asn(1)]), AsWidth::Two);
        let as4 = value(&AsPath::sequence([7, 8].map(Asn)), AsWidth::Four);
        assert_eq!(
            AsPathView::new(&seen, AsWidth::Two)
                .merged(&as4)
                .to_string(),
            "1"
        );
    }

    #[test]
    fn confederation_segments_lead_and_count_nothing() {
        let mut path = AsPath::confed_sequence([Asn(65001)]);
        path.segments
            .extend(AsPath::sequence([1, 23456].map(Asn)).segments);
        let seen = value(&path, AsWidth::Two);
        let as4 = value(&AsPath::sequence([Asn(70000)]), AsWidth::Four);
        let merged = AsPathView::new(&seen, AsWidth::Two).merged(&as4);
        assert_eq!(merged.to_string(), "(65001) 1 70000");
        assert_eq!(merged.hops(), 2);
    }

    #[test]
    fn long_paths_take_several_segments() {
        let path = AsPath::sequence((1..=256).map(Asn));
        assert_eq!(
            path.segments
                .iter()
                .map(|s| s.members.len())
                .collect::<Vec<_>>(),
            [255, 1]
        );
    }

    #[test]
    fn wrong_segments_are_found_where_they_start() {
        assert!(check_path(&[], AsWidth::Four).is_ok());
        let one = [2, 1, 0, 9];
        for (tail, why) in [
            (vec![9, 1, 0, 1], "unknown type"),
            (vec![2, 0], "no members"),
            (vec![2, 2, 0, 1], "too few members"),
            (vec![2], "half a head"),
        ] {
            let octets = [&one[..], &tail].concat();
            assert_eq!(check_path(&octets, AsWidth::Two).unwrap_err(), 4, "{why}");
        }
    }
}
