//! bgp-wire beside five other BGP codecs: the same messages, read to the same depth.
//!
//! Every codec is a [`Codec`]: it decodes a [`Message`] and shows all that it found to a [`Sink`]. [`Digest`] is the sink of the
//! benchmarks: it adds everything up, so that nothing is optimised away, and so that codecs that read the same have the same sum.
//! [`Facts`] is the sink of the agreement test: it keeps what was found.
//!
//! Three programs: `codec-bench` (times, and instructions with `--instructions`), `allocations`, and the agreement test. See
//! `docs/benchmarks.md`.

pub mod codecs;
pub mod messages;
mod select;
mod sink;

pub use messages::Message;
pub use select::{Selection, quietly, select};
pub use sink::{Digest, Facts, Sink, Way};

/// A codec, set up for a session.
pub trait Codec {
    /// Its name, and how it is used where there are several ways.
    const NAME: &'static str;
    /// What it makes of a message.
    type Value<'a>;

    /// With what does not change from message to message.
    fn new() -> Self;

    /// `None` for what it does not accept.
    fn decode<'a>(&mut self, message: &'a Message) -> Option<Self::Value<'a>>;

    /// Shows all that is in a message. `None` where that fails half way, in codecs that read late.
    fn visit(value: &Self::Value<'_>, sink: &mut impl Sink) -> Option<()>;
}

/// A codec that writes UPDATEs from values too.
pub trait Encoder: Codec {
    /// What it writes.
    type Built;

    /// The values of a message, ready to be written.
    fn build(&mut self, message: &Message) -> Option<Self::Built>;

    /// Writes the message to `out`, which is empty.
    fn encode(&mut self, built: &Self::Built, out: &mut Vec<u8>) -> Option<()>;
}

/// Decodes a message and adds up all that is in it.
pub fn digest<C: Codec>(codec: &mut C, message: &Message) -> Option<u64> {
    let value = codec.decode(message)?;
    let mut sum = Digest::default();
    C::visit(&value, &mut sum)?;
    Some(sum.0)
}
