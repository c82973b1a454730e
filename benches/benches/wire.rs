//! bgp-wire's own operations by criterion, for changes from one day to the next: `cargo bench --manifest-path benches/Cargo.toml`.

use bgp_wire::{
    AsPath, AsWidth, Asn, Attribute, Community, Context, Family, MAX_MESSAGE, NextHop, Origin,
    PeerKind, Update, UpdatePacker, UpdateView, encode_attributes, frame,
};
use codec_bench::codecs::{OursOwned, OursValues, OursView};
use codec_bench::{Codec, Encoder, digest, messages};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn decode(criterion: &mut Criterion) {
    let messages = messages::generated(2_000);
    let context = Context::new(PeerKind::Ibgp).with_as_width(AsWidth::Four);
    let mut group = criterion.benchmark_group("2000 generated UPDATEs");
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("frame", |b| {
        b.iter(|| {
            let framed = |it: &&codec_bench::Message| {
                matches!(frame(black_box(&it.octets), MAX_MESSAGE), Ok(Some(_)))
            };
            messages.iter().filter(framed).count()
        });
    });
    group.bench_function("view: check", |b| {
        b.iter(|| {
            let sound =
                |it: &&codec_bench::Message| UpdateView::parse(&it.octets, &context).is_ok();
            messages.iter().filter(sound).count()
        });
    });
    group.bench_function("view: check and read", |b| {
        let mut codec = OursView::new();
        b.iter(|| messages.iter().map(|it| digest(&mut codec, it)).count());
    });
    group.bench_function("owned: check, keep and read", |b| {
        let mut codec = OursOwned::new();
        b.iter(|| messages.iter().map(|it| digest(&mut codec, it)).count());
    });
    group.bench_function("values to octets", |b| {
        let mut codec = OursValues::new();
        let built: Vec<_> = messages.iter().filter_map(|it| codec.build(it)).collect();
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            built.iter().map(|it| codec.encode(it, &mut out)).count()
        });
    });
    group.finish();
}

/// What a speaker writes: many prefixes with one set of attributes.
fn speak(criterion: &mut Criterion) {
    let attributes = [
        Attribute::Origin(Origin::Igp),
        Attribute::AsPath(AsPath::sequence([64512, 64513].map(Asn))),
        Attribute::Communities(vec![Community::new(64512, 100)]),
    ];
    let mut block = Vec::new();
    encode_attributes(&attributes, AsWidth::Four, &mut block).expect("room in a vector");
    let next_hop = NextHop::V4([192, 0, 2, 1].into());
    let mut group = criterion.benchmark_group("packer");
    group.throughput(Throughput::Elements(100_000));
    group.bench_function("100000 prefixes", |b| {
        let mut out = Vec::with_capacity(1 << 20);
        b.iter(|| {
            out.clear();
            let mut packer =
                UpdatePacker::reach(Family::IPV4_UNICAST, next_hop, &block, MAX_MESSAGE)
                    .expect("attributes fit");
            for n in 0..100_000u32 {
                let prefix = ipnet(0x1400_0000 + n);
                packer.push(&mut out, prefix);
            }
            packer.finish(&mut out);
            out.len()
        });
    });
    group.bench_function("one change in a kept UPDATE", |b| {
        let message = &messages::generated(1)[0];
        let context = Context::new(PeerKind::Ibgp).with_as_width(AsWidth::Four);
        let update = Update::decode(&message.octets, &context).expect("generated sound");
        b.iter(|| {
            let mut update = update.clone();
            update
                .set(&Attribute::LocalPref(200))
                .expect("it has room for that");
            update
        });
    });
    group.finish();
}

fn ipnet(address: u32) -> ipnet::IpNet {
    ipnet::Ipv4Net::new_assert(address.into(), 32).into()
}

criterion_group!(benches, decode, speak);
criterion_main!(benches);
