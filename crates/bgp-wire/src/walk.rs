//! One pass over the attributes of an UPDATE.

use crate::check::{self, Fault};
use crate::{
    AttributeFlags, AttributeType, Context, Disposition, Span, UpdateError, UpdateErrorKind,
};

/// A path attribute as it lies in the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawAttribute<'a> {
    pub(crate) flags: AttributeFlags,
    pub(crate) kind: AttributeType,
    pub(crate) value: &'a [u8],
    /// The whole attribute.
    pub(crate) span: Span,
}

/// A set of attribute types: one bit each. Nearly all are below 64, in a word of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TypeSet {
    pub(crate) low: u64,
    high: [u64; 3],
}

impl TypeSet {
    /// Adds a type. Whether it was new.
    #[inline(always)]
    pub(crate) fn insert(&mut self, kind: AttributeType) -> bool {
        let bit = 1 << (kind.0 & 63);
        let word = self.word(kind);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    #[inline]
    pub(crate) const fn contains(&self, kind: AttributeType) -> bool {
        let word = match kind.0 >> 6 {
            0 => self.low,
            other => self.high[other as usize - 1],
        };
        word & (1 << (kind.0 & 63)) != 0
    }

    /// Whether ORIGIN, AS_PATH and NEXT_HOP are all there.
    #[inline]
    pub(crate) const fn has_mandatory(&self) -> bool {
        const ALL: u64 = 1 << AttributeType::ORIGIN.0
            | 1 << AttributeType::AS_PATH.0
            | 1 << AttributeType::NEXT_HOP.0;
        self.low & ALL == ALL
    }

    /// Takes a type out. Whether it was there.
    #[inline]
    pub(crate) fn remove(&mut self, kind: AttributeType) -> bool {
        let there = self.contains(kind);
        *self.word(kind) &= !(1 << (kind.0 & 63));
        there
    }

    #[inline(always)]
    fn word(&mut self, kind: AttributeType) -> &mut u64 {
        match kind.0 >> 6 {
            0 => &mut self.low,
            other => &mut self.high[usize::from(other - 1)],
        }
    }

    /// Whether there is a type other than MP_UNREACH_NLRI.
    pub(crate) const fn has_other_than_unreach(&self) -> bool {
        let [a, b, c] = self.high;
        self.low & !(1 << AttributeType::MP_UNREACH_NLRI.0) != 0 || a | b | c != 0
    }
}

/// The attributes of a list, unchecked; ends where the next one does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    pub(crate) rest: &'a [u8],
    /// Offset of the end of `rest` in the message.
    end: usize,
}

impl<'a> List<'a> {
    /// Over `list`, which starts at `at` in its message.
    #[inline(always)]
    pub(crate) const fn new(list: &'a [u8], at: usize) -> Self {
        Self {
            rest: list,
            end: at + list.len(),
        }
    }

    /// Offset of `rest` in the message.
    #[inline(always)]
    const fn at(&self) -> usize {
        self.end - self.rest.len()
    }
}

impl<'a> Iterator for List<'a> {
    type Item = RawAttribute<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<RawAttribute<'a>> {
        let [flags, kind, short, after @ ..] = self.rest else {
            return None;
        };
        let flags = AttributeFlags(*flags);
        let (body, head, len) = if flags.is_extended_length() {
            let (low, body) = after.split_first()?;
            (body, 4, usize::from(u16::from_be_bytes([*short, *low])))
        } else {
            (after, 3, usize::from(*short))
        };
        let (value, rest) = body.split_at_checked(len)?;
        let span = Span::within(self.at(), head + len);
        self.rest = rest;
        Some(RawAttribute {
            flags,
            kind: AttributeType(*kind),
            value,
            span,
        })
    }
}

/// Walks over the attributes of a message, checking each. Every user of the attributes walks this
/// way, so all see the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) list: List<'a>,
    pub(crate) seen: TypeSet,
    context: Context,
}

impl<'a> Walk<'a> {
    /// Over `list`, which starts at `at` in its message.
    #[inline]
    pub(crate) fn new(list: &'a [u8], at: usize, context: Context) -> Self {
        Self {
            list: List::new(list, at),
            seen: TypeSet::default(),
            context,
        }
    }

    /// The next attribute, and its fault. Everything on the way from here is inlined into the one
    /// pass of a view.
    #[inline(always)]
    pub(crate) fn advance(&mut self) -> Option<(RawAttribute<'a>, Result<(), Fault>)> {
        if self.list.rest.is_empty() {
            return None;
        }
        let Some(raw) = self.list.next() else {
            return Some(self.beyond());
        };
        let found = if self.seen.insert(raw.kind) {
            check::check(&raw, &self.context)
        } else {
            Err(Fault::Duplicate)
        };
        Some((raw, found))
    }

    /// The next error.
    pub(crate) fn find_error(&mut self) -> Option<UpdateError> {
        while let Some((raw, found)) = self.advance() {
            if let Err(fault) = found {
                return Some(check::error(&raw, fault, &self.context));
            }
        }
        None
    }

    /// What is left does not hold an attribute: RFC 7606 section 4.
    #[cold]
    fn beyond(&mut self) -> (RawAttribute<'a>, Result<(), Fault>) {
        let span = Span::within(self.list.at(), self.list.rest.len());
        let flags = AttributeFlags(self.list.rest.first().copied().unwrap_or(0));
        let kind = AttributeType(self.list.rest.get(1).copied().unwrap_or(0));
        self.list.rest = &[];
        (
            RawAttribute {
                flags,
                kind,
                value: &[],
                span,
            },
            Err(Fault::BeyondList),
        )
    }
}

/// The well-known mandatory attributes, where they are missing and must not be (RFC 7606 section 3
/// d): those of any route, and NEXT_HOP of those in the NLRI field. `at` is where they would have
/// been.
pub(crate) fn missing(
    seen: TypeSet,
    has_routes: bool,
    has_nlri: bool,
    at: usize,
) -> impl Iterator<Item = UpdateError> {
    [
        (AttributeType::ORIGIN, has_routes),
        (AttributeType::AS_PATH, has_routes),
        (AttributeType::NEXT_HOP, has_nlri),
    ]
    .into_iter()
    .filter(move |(kind, mandatory)| *mandatory && !seen.contains(*kind))
    .map(move |(kind, _)| {
        let span = Span::new(at, 0);
        UpdateError::new(
            UpdateErrorKind::Missing(kind),
            span,
            Disposition::TreatAsWithdraw,
        )
    })
}
