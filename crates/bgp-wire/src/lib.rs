//! BGP-4 messages to bytes and back, without I/O, for no_std + alloc.
#![no_std]

extern crate alloc;

mod as_path;
mod asn;
mod attribute;
mod attribute_type;
mod capability;
mod community;
mod context;
mod error;
mod error_code;
mod family;
mod header;
mod next_hop;
mod notification;
mod open;
mod pack;
mod prefix;
mod read;
mod refresh;

mod skeleton;
pub use skeleton::*;

pub use as_path::{AsPath, AsPathSegment, AsPathSegmentView, AsPathView, SegmentKind};
pub use asn::{AsWidth, Asn, PeerKind};
pub use attribute::{Aggregator, Attribute, Origin, encode_attributes};
pub use attribute_type::{AttributeFlags, AttributeType};
pub use capability::{
    AddPathFamily, AddPathMode, Capability, CapabilityCode, ExtendedNextHop, GracefulRestart,
    GracefulRestartFamily, LongLivedFamily, Role,
};
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
pub use next_hop::NextHop;
pub use notification::{Notification, NotificationError, NotificationErrorKind};
pub use open::{Open, OpenError, OpenErrorKind};
pub use pack::{UpdatePacker, encode_end_of_rib};
pub use prefix::Nlri;
pub use refresh::{RefreshError, RefreshErrorKind, RefreshSubtype, RouteRefresh};
