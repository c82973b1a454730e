//! The prefixes of a message, field by field.

use crate::{Nlri, Prefixes};

/// The prefixes of the field of IPv4 unicast, then those of the multiprotocol attribute, then, under
/// treat-as-withdraw, those that were announced.
#[derive(Clone, Debug)]
pub(crate) struct Routes<'a> {
    now: Prefixes<'a>,
    next: Prefixes<'a>,
    also: Option<[Prefixes<'a>; 2]>,
}

impl<'a> Routes<'a> {
    #[inline(always)]
    pub(crate) const fn new(
        [now, next]: [Prefixes<'a>; 2],
        also: Option<[Prefixes<'a>; 2]>,
    ) -> Self {
        Self { now, next, also }
    }

    /// Goes on to the next field. Whether there may be one.
    #[inline]
    fn advance(&mut self) -> bool {
        if self.next.is_empty() {
            let Some([now, next]) = self.also.take() else {
                return false;
            };
            (self.now, self.next) = (now, next);
        } else {
            self.now = core::mem::replace(&mut self.next, Prefixes::none());
        }
        true
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

    #[inline]
    fn fold<B, F: FnMut(B, Nlri) -> B>(mut self, init: B, mut f: F) -> B {
        let mut sum = init;
        loop {
            if !self.now.is_empty() {
                sum = self.now.fold(sum, &mut f);
            }
            if !self.advance() {
                return sum;
            }
        }
    }
}
