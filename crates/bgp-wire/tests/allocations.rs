//! What reading and writing messages allocates: a guard against costs that creep in. Counts are the same on every machine.

use allocation_counter::measure;
use bgp_wire::{
    AsPath, AsWidth, Asn, Attribute, AttributeValue, Community, Context, KEEPALIVE, MAX_MESSAGE,
    Nlri, Origin, PeerKind, Update, UpdateView, frame,
};

fn context() -> Context {
    Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four)
}

/// An UPDATE as routers send them, with 50 prefixes.
fn message() -> Vec<u8> {
    let mut update = Update::new(&context());
    let path = AsPath::sequence([64512, 65010, 65020, 4_200_000_001].map(Asn));
    let communities = (0..10).map(|n| Community::new(64512, n)).collect();
    for attribute in [
        Attribute::Origin(Origin::Igp),
        Attribute::AsPath(path),
        Attribute::MultiExitDisc(10),
        Attribute::Communities(communities),
    ] {
        update.set(&attribute).expect("it fits");
    }
    for number in 0..50u8 {
        let prefix: ipnet::IpNet = format!("10.96.{number}.0/24").parse().expect("a prefix");
        let next_hop = "192.0.2.1".parse::<std::net::IpAddr>().expect("an address");
        update
            .announce(Nlri::from(prefix), next_hop.into())
            .expect("it fits");
    }
    update.as_octets().to_vec()
}

#[test]
fn a_view_read_in_full_allocates_nothing() {
    let (message, context) = (message(), context());
    let mut seen = 0;
    let info = measure(|| {
        let framed = frame(&message, MAX_MESSAGE)
            .expect("well-formed")
            .expect("whole");
        let view = UpdateView::parse(framed.message(), &context).expect("well-formed");
        seen += view.announced().count() + view.withdrawn().count();
        for attribute in view.attributes() {
            seen += match attribute.value() {
                AttributeValue::AsPath(path) => path.segments().map(|s| s.members().count()).sum(),
                AttributeValue::Communities(list) => list.iter().count(),
                _ => 1,
            };
        }
        seen += usize::from(view.end_of_rib().is_some());
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    assert!(seen > 60, "it was read: {seen}");
}

#[test]
fn a_view_with_errors_allocates_nothing_either() {
    let (mut message, context) = (message(), context());
    // ORIGIN 9 does not exist: treat-as-withdraw (RFC 7606 section 7.1).
    let origin = message
        .windows(4)
        .position(|it| it == [0x40, 1, 1, 0])
        .expect("ORIGIN");
    message[origin + 3] = 9;
    let mut withdrawn = 0;
    let info = measure(|| {
        let view = UpdateView::parse(&message, &context).expect("the session survives");
        withdrawn = view.withdrawn().count();
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_eq!(withdrawn, 50);
}

#[test]
fn an_owned_update_is_one_allocation() {
    let (message, context) = (message(), context());
    let mut update = None;
    let info = measure(|| update = Update::decode(&message, &context).ok());
    assert_eq!(info.count_total, 1, "{info:?}");
    let update = update.expect("well-formed");
    let mut out = Vec::with_capacity(update.encoded_len());
    let info = measure(|| update.encode(&mut out).expect("it fits"));
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_eq!(out, message);
}

#[test]
fn a_keepalive_allocates_nothing() {
    let info = measure(|| {
        let framed = frame(&KEEPALIVE, MAX_MESSAGE).expect("well-formed");
        assert!(framed.is_some());
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}
