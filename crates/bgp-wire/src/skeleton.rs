//! UPDATE types; being filled in.
#![allow(clippy::todo, missing_docs, unused_variables)]

use crate::*;
use alloc::vec::Vec;
use bytes::{BufMut, Bytes};
use core::net::Ipv4Addr;
use ipnet::IpNet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateErrorKind {
    Malformed,
}
impl core::fmt::Display for UpdateErrorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("malformed UPDATE")
    }
}
impl ErrorKind for UpdateErrorKind {
    fn code(self) -> ErrorCode {
        ErrorCode::MALFORMED_ATTRIBUTE_LIST
    }
}
pub type UpdateError = WireError<UpdateErrorKind>;
impl UpdateError {
    pub fn disposition(&self) -> Disposition {
        Disposition::SessionReset
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    Igp,
    Egp,
    Incomplete,
}

/// Owned AS path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AsPath {
    pub segments: Vec<AsPathSegment>,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AsPathSegment {
    pub kind: SegmentKind,
    pub members: Vec<Asn>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    Set,
    Sequence,
    ConfedSequence,
    ConfedSet,
}
impl AsPath {
    /// One AS_SEQUENCE.
    pub fn sequence(members: impl IntoIterator<Item = Asn>) -> Self {
        todo!()
    }
    /// One AS_CONFED_SEQUENCE.
    pub fn confed_sequence(members: impl IntoIterator<Item = Asn>) -> Self {
        todo!()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(pub u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attribute {
    Origin(Origin),
    AsPath(AsPath),
    NextHop(Ipv4Addr),
    MultiExitDisc(u32),
    LocalPref(u32),
    AtomicAggregate,
    Communities(Vec<Community>),
    Unknown { flags: u8, kind: u8, value: Bytes },
}
/// Writes attributes in the order given, each with its flags, adding AS4_PATH and AS4_AGGREGATOR where
/// the width is two octets and a number needs four. The block for [`UpdatePacker::reach`].
pub fn encode_attributes(
    attributes: &[Attribute],
    as_width: AsWidth,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    todo!()
}

#[derive(Clone, Copy, Debug)]
pub struct UpdateView<'a> {
    message: &'a [u8],
}
impl<'a> UpdateView<'a> {
    pub fn parse(message: &'a [u8], context: &Context) -> Result<Self, UpdateError> {
        todo!()
    }
    pub fn disposition(&self) -> Disposition {
        todo!()
    }
    pub fn errors(&self) -> impl Iterator<Item = UpdateError> + use<'a> {
        core::iter::empty()
    }
    /// Prefixes no longer reachable, of all families, those treated as withdrawn included.
    pub fn withdrawn(&self) -> impl Iterator<Item = Nlri> + use<'a> {
        core::iter::empty()
    }
    /// Prefixes reachable with these attributes, of all families. Empty under treat-as-withdraw.
    pub fn announced(&self) -> impl Iterator<Item = Nlri> + use<'a> {
        core::iter::empty()
    }
    pub fn next_hop(&self, family: Family) -> Option<NextHop> {
        todo!()
    }
    pub fn end_of_rib(&self) -> Option<Family> {
        todo!()
    }
}

/// Packs many prefixes into few messages.
#[derive(Clone, Debug)]
pub struct UpdatePacker {
    x: (),
}
impl UpdatePacker {
    /// `attributes`: encoded by [`encode_attributes`], without NEXT_HOP and MP_REACH_NLRI.
    pub fn reach(
        family: Family,
        next_hop: NextHop,
        attributes: &[u8],
        max_message: u16,
    ) -> Result<Self, EncodeError> {
        todo!()
    }
    pub fn unreach(family: Family, max_message: u16) -> Result<Self, EncodeError> {
        todo!()
    }
    /// Appends to the message under way at the end of `out`, or starts one there. Between the first push and
    /// finish, `out` must not be touched. A prefix of another address family is an error of the caller: debug assertion, ignored.
    pub fn push(&mut self, out: &mut Vec<u8>, prefix: IpNet) {
        todo!()
    }
    /// Completes the message under way.
    pub fn finish(self, out: &mut Vec<u8>) {
        todo!()
    }
}
/// Writes the End-of-RIB marker of a family (RFC 4724 section 2).
pub fn encode_end_of_rib(family: Family, out: &mut impl BufMut) {
    todo!()
}
