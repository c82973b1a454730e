//! Path attributes as they lie in a message.

use crate::walk::{List, RawAttribute, TypeSet};
use crate::{
    Aggregator, AsPathView, AsWidth, Asn, Attribute, AttributeFlags, AttributeType, ClusterList,
    Communities, Context, ExtendedCommunities, FamilySet, Ipv6ExtendedCommunities,
    LargeCommunities, MpReachView, MpUnreachView, Origin, Span,
};
use bytes::Bytes;
use core::net::Ipv4Addr;

/// A sound path attribute of a message; see
/// [`UpdateView::attributes`](crate::UpdateView::attributes). Nothing is decoded until
/// [`AttributeView::value`] is asked for.
#[derive(Clone, Copy, Debug)]
pub struct AttributeView<'a> {
    raw: RawAttribute<'a>,
    form: Form,
}

/// What of a [`Context`] changes how values read: two octets, as every view of an attribute has
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    as_width: AsWidth,
    add_path: FamilySet,
}

impl Form {
    #[inline(always)]
    pub(crate) const fn of(context: &Context) -> Self {
        Self {
            as_width: context.as_width,
            add_path: context.add_path_receive,
        }
    }
}

/// The value of a path attribute, borrowed from the message. [`Attribute`] names the RFC of each.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AttributeValue<'a> {
    /// ORIGIN.
    Origin(Origin),
    /// AS_PATH, without AS4_PATH merged in; see
    /// [`UpdateView::as_path`](crate::UpdateView::as_path).
    AsPath(AsPathView<'a>),
    /// NEXT_HOP.
    NextHop(Ipv4Addr),
    /// MULTI_EXIT_DISC.
    MultiExitDisc(u32),
    /// LOCAL_PREF.
    LocalPref(u32),
    /// ATOMIC_AGGREGATE.
    AtomicAggregate,
    /// AGGREGATOR.
    Aggregator(Aggregator),
    /// COMMUNITIES.
    Communities(Communities<'a>),
    /// ORIGINATOR_ID.
    OriginatorId(Ipv4Addr),
    /// CLUSTER_LIST.
    ClusterList(ClusterList<'a>),
    /// MP_REACH_NLRI.
    MpReach(MpReachView<'a>),
    /// MP_UNREACH_NLRI.
    MpUnreach(MpUnreachView<'a>),
    /// EXTENDED COMMUNITIES.
    ExtendedCommunities(ExtendedCommunities<'a>),
    /// AS4_PATH.
    As4Path(AsPathView<'a>),
    /// AS4_AGGREGATOR.
    As4Aggregator(Aggregator),
    /// IPv6 Address Specific Extended Community.
    Ipv6ExtendedCommunities(Ipv6ExtendedCommunities<'a>),
    /// AIGP with nothing but the metric.
    Aigp(u64),
    /// LARGE_COMMUNITY.
    LargeCommunities(LargeCommunities<'a>),
    /// OTC.
    OnlyToCustomer(Asn),
    /// Any other attribute, raw.
    Unknown(&'a [u8]),
}

impl<'a> AttributeView<'a> {
    #[inline(always)]
    pub(crate) const fn new(raw: RawAttribute<'a>, form: Form) -> Self {
        Self { raw, form }
    }

    /// The flags, all eight bits.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> AttributeFlags {
        self.raw.flags
    }

    /// The type code.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> AttributeType {
        self.raw.kind
    }

    /// The value's octets.
    #[must_use]
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.raw.value
    }

    /// Where the whole attribute lies in the message.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.raw.span
    }

    /// The value, by its type.
    #[must_use]
    #[inline(always)]
    pub fn value(&self) -> AttributeValue<'a> {
        self.known()
            .unwrap_or(AttributeValue::Unknown(self.raw.value))
    }

    /// The value of a type that is known here and has the form it should have, as it has in a view.
    #[inline(always)]
    fn known(&self) -> Option<AttributeValue<'a>> {
        let value = self.raw.value;
        Some(match self.raw.kind {
            AttributeType::ORIGIN => AttributeValue::Origin(Origin::from_octet(*value.first()?)?),
            AttributeType::AS_PATH => {
                AttributeValue::AsPath(AsPathView::new(value, self.form.as_width))
            }
            AttributeType::NEXT_HOP => AttributeValue::NextHop(address(value)?),
            AttributeType::MULTI_EXIT_DISC => AttributeValue::MultiExitDisc(number(value)?),
            AttributeType::LOCAL_PREF => AttributeValue::LocalPref(number(value)?),
            AttributeType::ATOMIC_AGGREGATE => AttributeValue::AtomicAggregate,
            AttributeType::AGGREGATOR => {
                AttributeValue::Aggregator(Aggregator::from_octets(value)?)
            }
            AttributeType::COMMUNITIES => AttributeValue::Communities(Communities::new(value)),
            AttributeType::ORIGINATOR_ID => AttributeValue::OriginatorId(address(value)?),
            AttributeType::CLUSTER_LIST => AttributeValue::ClusterList(ClusterList::new(value)),
            AttributeType::MP_REACH_NLRI => {
                AttributeValue::MpReach(MpReachView::new(value, self.form.add_path)?)
            }
            AttributeType::MP_UNREACH_NLRI => {
                AttributeValue::MpUnreach(MpUnreachView::new(value, self.form.add_path)?)
            }
            AttributeType::EXTENDED_COMMUNITIES => {
                AttributeValue::ExtendedCommunities(ExtendedCommunities::new(value))
            }
            AttributeType::AS4_PATH => {
                AttributeValue::As4Path(AsPathView::new(value, AsWidth::Four))
            }
            AttributeType::AS4_AGGREGATOR => {
                AttributeValue::As4Aggregator(Aggregator::from_octets(value)?)
            }
            AttributeType::IPV6_EXTENDED_COMMUNITIES => {
                AttributeValue::Ipv6ExtendedCommunities(Ipv6ExtendedCommunities::new(value))
            }
            AttributeType::AIGP => AttributeValue::Aigp(aigp_metric(value)?),
            AttributeType::LARGE_COMMUNITY => {
                AttributeValue::LargeCommunities(LargeCommunities::new(value))
            }
            AttributeType::ONLY_TO_CUSTOMER => AttributeValue::OnlyToCustomer(Asn(number(value)?)),
            _ => return None,
        })
    }

    /// The attribute with its value copied. The Partial bit of a type that is known here gets lost.
    /// MP_REACH_NLRI and MP_UNREACH_NLRI come as [`Attribute::Unknown`].
    #[must_use]
    pub fn to_owned(&self) -> Attribute {
        match self.value() {
            AttributeValue::Origin(origin) => Attribute::Origin(origin),
            AttributeValue::AsPath(path) => Attribute::AsPath(path.to_owned()),
            AttributeValue::NextHop(address) => Attribute::NextHop(address),
            AttributeValue::MultiExitDisc(value) => Attribute::MultiExitDisc(value),
            AttributeValue::LocalPref(value) => Attribute::LocalPref(value),
            AttributeValue::AtomicAggregate => Attribute::AtomicAggregate,
            AttributeValue::Aggregator(it) => Attribute::Aggregator(it),
            AttributeValue::Communities(list) => Attribute::Communities(list.iter().collect()),
            AttributeValue::OriginatorId(id) => Attribute::OriginatorId(id),
            AttributeValue::ClusterList(list) => Attribute::ClusterList(list.iter().collect()),
            AttributeValue::ExtendedCommunities(list) => {
                Attribute::ExtendedCommunities(list.iter().collect())
            }
            AttributeValue::As4Path(path) => Attribute::As4Path(path.to_owned()),
            AttributeValue::As4Aggregator(it) => Attribute::As4Aggregator(it),
            AttributeValue::Ipv6ExtendedCommunities(list) => {
                Attribute::Ipv6ExtendedCommunities(list.iter().collect())
            }
            AttributeValue::Aigp(metric) => Attribute::Aigp(metric),
            AttributeValue::LargeCommunities(list) => {
                Attribute::LargeCommunities(list.iter().collect())
            }
            AttributeValue::OnlyToCustomer(asn) => Attribute::OnlyToCustomer(asn),
            AttributeValue::MpReach(_)
            | AttributeValue::MpUnreach(_)
            | AttributeValue::Unknown(_) => Attribute::Unknown {
                flags: self.raw.flags,
                kind: self.raw.kind,
                value: Bytes::copy_from_slice(self.raw.value),
            },
        }
    }
}

/// The sound attributes of a message.
#[derive(Clone, Debug)]
pub(crate) struct SoundAttributes<'a> {
    pub(crate) list: List<'a>,
    pub(crate) form: Form,
    /// In a message with errors: the types of which there is a sound attribute still to come.
    pub(crate) only: Option<TypeSet>,
}

impl<'a> Iterator for SoundAttributes<'a> {
    type Item = AttributeView<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let mut raw = self.list.next()?;
        if let Some(types) = &mut self.only {
            while !types.remove(raw.kind) {
                raw = self.list.next()?;
            }
        }
        Some(AttributeView::new(raw, self.form))
    }
}

#[inline]
fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

#[inline]
fn address(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

/// The metric of an AIGP that is one TLV; others stay raw.
fn aigp_metric(value: &[u8]) -> Option<u64> {
    let (head, metric) = value.split_first_chunk::<3>()?;
    if *head != [crate::attribute::AIGP_TLV, 0, 11] {
        return None;
    }
    metric.try_into().ok().map(u64::from_be_bytes)
}
