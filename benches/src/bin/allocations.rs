//! Allocations for each UPDATE, and the bytes that an UPDATE takes while it is kept. A program of its own, as counting takes time.

use codec_bench::codecs::{EachCodec, each_codec};
use codec_bench::{Codec, Digest, Message, messages, select};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let generated = Some(messages::generated(20_000));
    for (name, messages) in [("generated", generated), ("corpus", messages::corpus())] {
        let Some(messages) = messages else {
            let path = messages::corpus_path();
            println!("{name}: skipped, nothing at {}", path.display());
            continue;
        };
        let messages = select(messages).messages;
        println!("{name}: {} UPDATEs", messages.len());
        println!(
            "  allocations to decode and read, most of one UPDATE, bytes kept (on the heap and the value itself)"
        );
        each_codec(&mut Count(&messages));
    }
}

struct Count<'a>(&'a [Message]);

impl EachCodec for Count<'_> {
    fn codec<C: Codec + 'static>(&mut self) {
        let mut codec = C::new();
        let (mut allocations, mut most, mut bytes) = (0, 0, 0);
        for message in self.0 {
            let mut region = Region::new(ALLOCATOR);
            let value = codec.decode(message).expect("chosen for that");
            let mut sum = Digest::default();
            C::visit(&value, &mut sum).expect("chosen for that");
            let change = region.change_and_reset();
            std::hint::black_box((&value, sum));
            let count = change.allocations + change.reallocations;
            allocations += count;
            most = most.max(count);
            bytes += change.bytes_allocated - change.bytes_deallocated + size_of_val(&value);
        }
        let mean = |total: usize| total as f64 / self.0.len() as f64;
        println!(
            "  {:28} {:6.2} {most:4} {:8.1}",
            C::NAME,
            mean(allocations),
            mean(bytes)
        );
    }
}
