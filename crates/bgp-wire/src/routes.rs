//! The prefixes of a message, field by field.

use crate::{Nlri, Prefixes};

/// The prefixes of the field of IPv4 unicast, then those of the multiprotocol attribute, then, under
/// treat-as-withdraw, those that were announced.
#[derive(Clone, Debug)]
pub(crate) struct Routes<'a> {
    now: Prefixes<'a>,
    next: Option<Prefixes<'a>>,
    also: Option<[Prefixes<'a>; 2]>,
}

impl<'a> Routes<'a> {
    #[inline(always)]
    pub(crate) const fn new(
        now: Prefixes<'a>,
        next: Option<Prefixes<'a>>,
        also: Option<[Prefixes<'a>; 2]>,
    ) -> Self {
        Self { now, next, also }
    }

    #[inline(always)]
    pub(crate) const fn none() -> Self {
        Self::new(Prefixes::none(), None, None)
    }

    /// Goes on to the next field. Whether there may be one.
    #[inline]
    fn advance(&mut self) -> bool {
        if let Some(next) = self.next.take() {
            self.now = next;
            return true;
        }
        let Some([now, next]) = self.also.take() else {
            return false;
        };
        (self.now, self.next) = (now, Some(next));
        true
    }

    fn fold_all<B, F: FnMut(B, Nlri) -> B>(mut self, init: B, mut f: F) -> B {
        let mut sum = init;
        loop {
            sum = self.now.fold(sum, &mut f);
            if !self.advance() {
                return sum;
            }
        }
    }
}

impl Iterator for Routes<'_> {
    type Item = Nlri;

    #[inline]
    fn next(&mut self) -> Option<Nlri> {
        loop {
            if let Some(nlri) = self.now.next() {
                return Some(nlri);
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// Most messages have prefixes in one field, or none of the kind that is asked for.
    #[inline(always)]
    fn fold<B, F: FnMut(B, Nlri) -> B>(self, init: B, f: F) -> B {
        if self.next.is_none() && self.also.is_none() {
            if self.now.is_empty() {
                return init;
            }
            return self.now.fold(init, f);
        }
        self.fold_all(init, f)
    }
}
