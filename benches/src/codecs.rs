//! The codecs, each used as its own documentation uses it, in the fastest way that its public interface has.

mod bgpkit;
mod netgauze;
mod ours;
mod routecore;
mod rustbgpd;
mod zettabgp;

use crate::{Codec, Encoder, Sink};

pub use bgpkit::Bgpkit;
pub use netgauze::Netgauze;
pub use ours::{OursOwned, OursValues, OursView};
pub use routecore::{RoutecoreOwned, RoutecoreView};
pub use rustbgpd::{Rustbgpd, RustbgpdChecked};
pub use zettabgp::Zettabgp;

/// AS4_PATH and AS4_AGGREGATOR of codecs that do not know them, taken from the octets as a caller would have to.
#[inline]
fn visit_unknown(kind: u8, value: &[u8], sink: &mut impl Sink) {
    match kind {
        17 => {
            let mut rest = value;
            while let [_, count, members @ ..] = rest {
                let (members, after) = members.split_at(members.len().min(4 * usize::from(*count)));
                for asn in members.as_chunks::<4>().0 {
                    sink.hop(17, u32::from_be_bytes(*asn));
                }
                rest = after;
            }
        }
        18 => {
            for number in value.as_chunks::<4>().0 {
                sink.number(18, u32::from_be_bytes(*number));
            }
        }
        _ => {}
    }
}

/// Something to be done with every codec.
pub trait EachCodec {
    /// Does it with one.
    fn codec<C: Codec + 'static>(&mut self);
}

/// Does it with every codec: ours first.
pub fn each_codec(work: &mut impl EachCodec) {
    work.codec::<OursView>();
    work.codec::<OursOwned>();
    work.codec::<OursValues>();
    work.codec::<Zettabgp>();
    work.codec::<Netgauze>();
    work.codec::<Rustbgpd>();
    work.codec::<RustbgpdChecked>();
    work.codec::<RoutecoreView>();
    work.codec::<RoutecoreOwned>();
    work.codec::<Bgpkit>();
}

/// Something to be done with every codec that writes.
pub trait EachEncoder {
    /// Does it with one.
    fn encoder<E: Encoder + 'static>(&mut self);
}

/// Does it with every codec that writes UPDATEs from what it decoded. routecore builds UPDATEs of one family from a map of attributes,
/// and its MP_REACH_NLRI cannot be written back (`todo!()` in 0.7.2), so it is not among them.
pub fn each_encoder(work: &mut impl EachEncoder) {
    work.encoder::<OursOwned>();
    work.encoder::<OursValues>();
    work.encoder::<Zettabgp>();
    work.encoder::<Netgauze>();
    work.encoder::<Rustbgpd>();
    work.encoder::<Bgpkit>();
}
