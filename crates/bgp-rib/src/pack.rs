//! From log records to messages.

use bgp_wire::{
    AsPath, Attribute, EncodeError, Family, NextHop, PeerKind, RefreshSubtype, RouteRefresh,
    UpdatePacker, encode_attributes, encode_end_of_rib,
};
use bytes::{Bytes, BytesMut};

use crate::attributes::{Attributes, Interner};
use crate::log::{Record, State};
use crate::prefix::Address;
use crate::types::{Batch, GroupKey};

/// LOCAL_PREF where neither route nor operator asks for one; the value that everyone uses.
const DEFAULT_LOCAL_PREF: u32 = 100;
/// More than a message needs beside its attributes and one prefix: header, two length fields, the
/// head of MP_REACH_NLRI with two addresses.
const MESSAGE_OVERHEAD: usize = 128;
/// Output buffers kept between batches.
const SPARE_BUFFERS: usize = 4;

/// Scratch space to pack batches with, so that a batch allocates little more than its octets.
#[derive(Default)]
pub(crate) struct Packer {
    open: Vec<Bucket>,
    /// What became of a set of attributes in the present batch, by its index.
    slots: Vec<Option<Target>>,
    /// Indices of `slots` that are set.
    touched: Vec<u32>,
    withdrawals: Option<usize>,
    spare: Vec<Vec<u8>>,
    block: Vec<u8>,
}

/// Prefixes that share their attributes (or are all withdrawn), thus messages.
struct Bucket {
    packer: UpdatePacker,
    out: Vec<u8>,
    prefixes: u32,
    /// The most that one more prefix can add to `out`.
    growth: usize,
    /// What completing the last message adds: attributes may stand behind the prefixes.
    trailer: usize,
}

#[derive(Clone, Copy)]
enum Target {
    Bucket(usize),
    /// The attributes do not fit into a message of this group.
    Oversized,
}

impl Packer {
    /// Packs records from `start` on, up to `budget` octets (raised to one message), tombstones
    /// before `skip` left out. Yields the end of what was looked at, and the batch unless there were
    /// only holes up to the tail.
    pub(crate) fn pack<A: Address>(
        &mut self,
        key: &GroupKey,
        attributes: &Interner,
        records: &[Record<A>],
        start: u32,
        skip: u32,
        budget: usize,
    ) -> (Option<Batch>, u32) {
        let budget = budget.max(usize::from(key.max_message));
        self.slots
            .resize(self.slots.len().max(attributes.bound()), None);
        let (mut end, mut used, mut oversized) = (start, 0, 0);
        for record in &records[start as usize..] {
            let target = match record.state() {
                State::Live(attrs) => self.target(key, attributes, attrs),
                State::Tombstone if end >= skip => Target::Bucket(self.withdrawals(key)),
                State::Tombstone | State::Hole => {
                    end += 1;
                    continue;
                }
            };
            let bucket = match target {
                Target::Bucket(bucket) => bucket,
                Target::Oversized => self.withdrawals(key),
            };
            let bucket = &mut self.open[bucket];
            if used > 0 && used + bucket.growth > budget {
                break;
            }
            if bucket.prefixes == 0 {
                used += bucket.trailer;
            }
            let before = bucket.out.len();
            bucket
                .packer
                .push(&mut bucket.out, record.address.join(record.len));
            bucket.prefixes += 1;
            used += bucket.out.len() - before;
            oversized += u32::from(matches!(target, Target::Oversized));
            end += 1;
        }
        (self.close(used, oversized), end)
    }

    /// Whether routes with these attributes can be told to the group.
    pub(crate) fn fits(key: &GroupKey, attributes: &Attributes) -> bool {
        open_messages(key, attributes, &mut Vec::new()).is_ok()
    }

    /// The bucket of a set of attributes.
    #[inline]
    fn target(&mut self, key: &GroupKey, attributes: &Interner, attrs: u32) -> Target {
        match self.slots[attrs as usize] {
            Some(target) => target,
            None => self.open(key, attributes.get(attrs), attrs),
        }
    }

    fn open(&mut self, key: &GroupKey, attributes: &Attributes, attrs: u32) -> Target {
        let target = match open_messages(key, attributes, &mut self.block) {
            Ok(packer) => {
                let growth = self.block.len() + MESSAGE_OVERHEAD;
                // MP_REACH_NLRI stands before the attributes, the NLRI field behind them.
                let trailer = match next_hop(key, attributes) {
                    NextHop::V4(_) => 0,
                    NextHop::V6 { .. } => self.block.len(),
                };
                Target::Bucket(self.add(packer, growth, trailer))
            }
            Err(_) => Target::Oversized,
        };
        self.slots[attrs as usize] = Some(target);
        self.touched.push(attrs);
        target
    }

    /// The bucket of withdrawals.
    fn withdrawals(&mut self, key: &GroupKey) -> usize {
        if let Some(bucket) = self.withdrawals {
            return bucket;
        }
        let packer = UpdatePacker::unreach(key.family, key.max_message)
            .expect("join() lets no group in whose messages cannot hold a withdrawal");
        // The trailer is the length of an empty attribute list.
        let bucket = self.add(packer, MESSAGE_OVERHEAD, 2);
        self.withdrawals = Some(bucket);
        bucket
    }

    fn add(&mut self, packer: UpdatePacker, growth: usize, trailer: usize) -> usize {
        self.open.push(Bucket {
            packer,
            out: self.spare.pop().unwrap_or_default(),
            prefixes: 0,
            growth,
            trailer,
        });
        self.open.len() - 1
    }

    /// Completes the messages of all buckets; withdrawals go first, they free what the peer keeps.
    fn close(&mut self, used: usize, oversized: u32) -> Option<Batch> {
        for attrs in self.touched.drain(..) {
            self.slots[attrs as usize] = None;
        }
        let withdrawals = self.withdrawals.take().map(|at| self.open.swap_remove(at));
        let withdrawn = withdrawals.as_ref().map_or(0, |bucket| bucket.prefixes);
        let mut updates = BytesMut::with_capacity(used);
        let (mut routes, mut messages) = (0, 0);
        for mut bucket in withdrawals.into_iter().chain(self.open.drain(..)) {
            bucket.packer.finish(&mut bucket.out);
            updates.extend_from_slice(&bucket.out);
            messages += count_messages(&bucket.out);
            routes += bucket.prefixes;
            if self.spare.len() < SPARE_BUFFERS {
                bucket.out.clear();
                self.spare.push(bucket.out);
            }
        }
        debug_assert!(
            updates.len() <= used,
            "{} octets, {used} expected",
            updates.len()
        );
        (!updates.is_empty()).then(|| Batch {
            updates: updates.freeze(),
            messages,
            routes: routes - withdrawn,
            withdrawals: withdrawn,
            oversized,
            marker: None,
        })
    }
}

/// A packer for routes with these attributes, whose encoded form is left in `block`.
fn open_messages(
    key: &GroupKey,
    attributes: &Attributes,
    block: &mut Vec<u8>,
) -> Result<UpdatePacker, EncodeError> {
    block.clear();
    encode_attributes(&path_attributes(key, attributes), key.as_width, block)?;
    UpdatePacker::reach(
        key.family,
        next_hop(key, attributes),
        block,
        key.max_message,
    )
}

/// The path attributes that a group sees, without the next hop.
fn path_attributes(key: &GroupKey, attributes: &Attributes) -> Vec<Attribute> {
    let as_path = match key.kind {
        PeerKind::Ibgp => AsPath::default(),
        PeerKind::Ebgp => AsPath::sequence([key.prepend]),
        PeerKind::Confederation => AsPath::confed_sequence([key.prepend]),
    };
    let mut list = vec![
        Attribute::Origin(attributes.origin),
        Attribute::AsPath(as_path),
    ];
    list.extend(attributes.med.map(Attribute::MultiExitDisc));
    // RFC 4271 section 5.1.5 and RFC 5065 section 5.3: within the AS and its confederation only.
    if key.kind != PeerKind::Ebgp {
        let local_pref = attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
        list.push(Attribute::LocalPref(local_pref));
    }
    if !attributes.communities.is_empty() {
        list.push(Attribute::Communities(attributes.communities.clone()));
    }
    if !attributes.extended_communities.is_empty() {
        let communities = attributes.extended_communities.clone();
        list.push(Attribute::ExtendedCommunities(communities));
    }
    if !attributes.large_communities.is_empty() {
        list.push(Attribute::LargeCommunities(
            attributes.large_communities.clone(),
        ));
    }
    list
}

/// The next hop of routes with these attributes in this group.
fn next_hop(key: &GroupKey, attributes: &Attributes) -> NextHop {
    let ipv4 = key.family == Family::IPV4_UNICAST;
    match (attributes.next_hop, key.next_hop) {
        (Some(NextHop::V4(explicit)), _) if ipv4 => explicit.into(),
        (Some(explicit @ NextHop::V6 { .. }), NextHop::V6 { .. }) => explicit,
        (_, own) => own,
    }
}

/// Messages in octets that this crate has just packed.
fn count_messages(mut octets: &[u8]) -> u32 {
    let mut messages = 0;
    while let [
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        high,
        low,
        ..,
    ] = *octets
    {
        octets = octets
            .get(usize::from(u16::from_be_bytes([high, low]))..)
            .unwrap_or_default();
        messages += 1;
    }
    messages
}

/// End-of-RIB, BoRR and EoRR of a family, in the order of [`Marker`](crate::Marker).
pub(crate) fn markers(family: Family) -> [Bytes; 3] {
    let mut end_of_rib = BytesMut::new();
    encode_end_of_rib(family, &mut end_of_rib);
    let refresh = |subtype| {
        let mut octets = BytesMut::new();
        RouteRefresh::new(family, subtype)
            .encode(&mut octets)
            .expect("a refresh without filters fits, and the buffer grows");
        octets.freeze()
    };
    [
        end_of_rib.freeze(),
        refresh(RefreshSubtype::BeginRefresh),
        refresh(RefreshSubtype::EndRefresh),
    ]
}
