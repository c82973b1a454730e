//! BGP-4 messages to bytes and back, for `no_std` + `alloc`: for speakers, route injectors, looking
//! glasses and test peers.
//!
//! [`frame`] takes messages from a stream. [`UpdateView`] reads an UPDATE in place, checked by RFC
//! 7606, without an allocation; the owned types ([`Open`], [`Update`], [`Notification`],
//! [`RouteRefresh`], [`Message`]) are for building and keeping, [`UpdatePacker`] for many prefixes.
//! [`Context`] is what the session negotiated. Errors are small values that know their place in the
//! message and the NOTIFICATION they stand for. No input can panic, recurse, or allocate more than
//! a small multiple of itself.
//!
//! It is not a session (no timers, no sockets, no policy), and it decides nothing about routes.
//!
//! ```
//! use bgp_wire::{Asn, Open, frame, MAX_MESSAGE};
//! let mut stream = Vec::new();
//! Open::new(Asn(4_200_000_000), 90, [192, 0, 2, 1].into()).encode(&mut stream)?;
//! let message = frame(&stream, MAX_MESSAGE)?.expect("the stream holds a whole message");
//! let open = Open::decode(message.message())?;
//! assert_eq!((open.my_as, open.asn()), (23456, Asn(4_200_000_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

#[doc = include_str!("../GUIDE.md")]
pub mod guide {}

mod as_path;
mod asn;
mod attribute;
mod attribute_encode;
mod attribute_type;
mod attribute_view;
mod capability;
mod capability_code;
mod check;
mod community;
mod context;
mod error;
mod error_code;
mod family;
mod header;
mod message;
mod multiprotocol;
mod next_hop;
mod notification;
mod open;
mod pack;
mod plain;
mod prefix;
mod read;
mod refresh;
mod routes;
mod split;
mod update;
mod update_error;
mod view;
mod walk;

pub use as_path::{AsPath, AsPathSegment, AsPathSegmentView, AsPathView, SegmentKind};
pub use asn::{AsWidth, Asn, PeerKind};
pub use attribute::{Aggregator, Attribute, Origin};
pub use attribute_encode::encode_attributes;
pub use attribute_type::{AttributeFlags, AttributeType};
pub use attribute_view::{AttributeValue, AttributeView};
pub use capability::{
    AddPathFamily, AddPathMode, Capability, ExtendedNextHop, GracefulRestart,
    GracefulRestartFamily, LongLivedFamily, Role,
};
pub use capability_code::CapabilityCode;
pub use community::{
    ClusterList, Communities, Community, ExtendedCommunities, ExtendedCommunity,
    Ipv6ExtendedCommunities, Ipv6ExtendedCommunity, LargeCommunities, LargeCommunity, ListView,
};
pub use context::Context;
pub use error::{
    Disposition, EncodeError, ErrorKind, NotificationData, NotificationView, Span, WireError,
};
pub use error_code::ErrorCode;
pub use family::{Afi, Family, FamilySet, Safi};
pub use header::{
    Frame, HEADER_LEN, HeaderError, HeaderErrorKind, KEEPALIVE, MAX_EXTENDED_MESSAGE, MAX_MESSAGE,
    MessageType, encode_keepalive, frame,
};
pub use message::{Message, MessageError};
pub use multiprotocol::{MpReachView, MpUnreachView};
pub use next_hop::NextHop;
pub use notification::{Notification, NotificationError, NotificationErrorKind};
pub use open::{Open, OpenError, OpenErrorKind};
pub use pack::{UpdatePacker, encode_end_of_rib};
pub use prefix::{Nlri, Prefixes};
pub use refresh::{RefreshError, RefreshErrorKind, RefreshSubtype, RouteRefresh};
pub use update::Update;
pub use update_error::{UpdateError, UpdateErrorKind};
pub use view::UpdateView;
