//! What a fuzzer's octets mean to a target.

use bgp_wire::{
    AsWidth, Asn, Context, Family, FamilySet, HEADER_LEN, MAX_EXTENDED_MESSAGE, MAX_MESSAGE,
    MessageType, PeerKind,
};

/// Octets taken from the front; zeros once they are used up, so that every input means something.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

/// Bits of the first octet of a context; the second holds the families of ADD-PATH in its low half and
/// those of extended next hops in its high half.
pub(crate) mod bits {
    pub(crate) const FOUR_OCTETS: u8 = 1;
    pub(crate) const IBGP: u8 = 2;
    pub(crate) const CONFEDERATION: u8 = 4;
    pub(crate) const EXTENDED_MESSAGE: u8 = 8;
    pub(crate) const AIGP: u8 = 16;
    pub(crate) const AFI_SAFI_DISABLE: u8 = 32;
    pub(crate) const FIRST_AS: u8 = 64;
    pub(crate) const ALL_FAMILIES: u8 = 0b1111;
}

/// The AS that has to be first in an AS_PATH where the context asks for one.
pub(crate) const FIRST_AS: Asn = Asn(65001);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// As many of `len` octets as there are.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// What a session may have negotiated: two octets.
    pub(crate) fn context(&mut self) -> Context {
        let [first, families] = self.array();
        let set = |bit: u8| first & bit != 0;
        let kind = if set(bits::IBGP) {
            PeerKind::Ibgp
        } else if set(bits::CONFEDERATION) {
            PeerKind::Confederation
        } else {
            PeerKind::Ebgp
        };
        let (width, max) = (
            if set(bits::FOUR_OCTETS) {
                AsWidth::Four
            } else {
                AsWidth::Two
            },
            if set(bits::EXTENDED_MESSAGE) {
                MAX_EXTENDED_MESSAGE
            } else {
                MAX_MESSAGE
            },
        );
        Context::new(kind)
            .with_as_width(width)
            .with_max_message(max)
            .with_aigp(set(bits::AIGP))
            .with_afi_safi_disable(set(bits::AFI_SAFI_DISABLE))
            .with_first_as(set(bits::FIRST_AS).then_some(FIRST_AS))
            .with_add_path(family_set(families))
            .with_extended_next_hop(family_set(families >> 4))
    }
}

fn family_set(bits: u8) -> FamilySet {
    let families = [
        Family::IPV4_UNICAST,
        Family::IPV6_UNICAST,
        Family::IPV4_MULTICAST,
        Family::IPV6_MULTICAST,
    ];
    let chosen = families
        .into_iter()
        .enumerate()
        .filter(|(i, _)| bits & (1 << i) != 0);
    chosen.map(|(_, family)| family).collect()
}

/// A message with this body; `None` if no length could say how long it is.
pub(crate) fn message(kind: MessageType, body: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(HEADER_LEN + body.len()).ok()?;
    let mut message = vec![0xff; 16];
    message.extend(len.to_be_bytes());
    message.push(kind.0);
    message.extend(body);
    Some(message)
}
