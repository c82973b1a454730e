//! The messages that all codecs read the same: only on those is their speed worth comparing.

use crate::codecs::{EachCodec, each_codec};
use crate::{Codec, Message, digest};
use bgp_wire::{Context, FamilySet, PeerKind, UpdateView};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The messages, and why others are left out.
pub struct Selection {
    /// What all codecs decode to the same digest.
    pub messages: Vec<Message>,
    /// How many messages each codec alone would have cost, and how many were no candidates.
    pub left_out: BTreeMap<String, usize>,
}

/// Chooses among the messages. Not candidates: with path identifiers (three codecs take them by family, two for all), with AS numbers of
/// a width that is a guess, of families other than IPv4 and IPv6 unicast (which bgp-wire keeps as octets, others take apart).
#[must_use]
pub fn select(messages: Vec<Message>) -> Selection {
    let mut left_out = BTreeMap::new();
    let all = messages.len();
    let candidates: Vec<_> = messages.into_iter().filter(is_candidate).collect();
    left_out.insert("not a candidate".into(), all - candidates.len());
    let mut work = Agreement {
        expected: Vec::new(),
        agreed: vec![true; candidates.len()],
        messages: &candidates,
        left_out,
    };
    quietly(|| each_codec(&mut work));
    let Agreement {
        agreed, left_out, ..
    } = work;
    let mut agreed = agreed.into_iter();
    let mut messages = candidates;
    messages.retain(|_| agreed.next().unwrap_or(false));
    Selection { messages, left_out }
}

struct Agreement<'a> {
    messages: &'a [Message],
    /// The digests of the first codec.
    expected: Vec<Option<u64>>,
    agreed: Vec<bool>,
    left_out: BTreeMap<String, usize>,
}

impl EachCodec for Agreement<'_> {
    fn codec<C: Codec + 'static>(&mut self) {
        let mut codec = C::new();
        let digests: Vec<_> = self
            .messages
            .iter()
            .map(|it| catch_unwind(AssertUnwindSafe(|| digest(&mut codec, it))).unwrap_or(None))
            .collect();
        if self.expected.is_empty() {
            self.expected.clone_from(&digests);
        }
        let mut differ = 0;
        for ((digest, expected), agreed) in digests.iter().zip(&self.expected).zip(&mut self.agreed)
        {
            if digest.is_none() || digest != expected {
                *agreed = false;
                differ += 1;
            }
        }
        self.left_out.insert(C::NAME.into(), differ);
    }
}

fn is_candidate(message: &Message) -> bool {
    if message.add_path || message.width_unknown {
        return false;
    }
    let context = Context::new(PeerKind::Ibgp)
        .with_max_message(u16::MAX)
        .with_extended_next_hop(FamilySet::ALL)
        .with_as_width(if message.four_octets {
            bgp_wire::AsWidth::Four
        } else {
            bgp_wire::AsWidth::Two
        });
    let Ok(view) = UpdateView::parse(&message.octets, &context) else {
        return false;
    };
    let families = [
        view.mp_reach().map(|it| it.family),
        view.mp_unreach().map(|it| it.family),
    ];
    families
        .into_iter()
        .flatten()
        .all(|family| family.safi == bgp_wire::Safi::UNICAST)
}

/// Does something without a word about panics: some codecs panic on messages that are malformed.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = work();
    std::panic::set_hook(hook);
    result
}
