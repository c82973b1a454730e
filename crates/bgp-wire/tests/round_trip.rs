//! What is written reads back as it was, and nothing that is read can do harm.

use bgp_wire::{
    AddPathFamily, AddPathMode, AsPath, AsWidth, Asn, Attribute, AttributeFlags, AttributeType,
    Capability, Community, Context, Family, FamilySet, GracefulRestart, GracefulRestartFamily,
    LargeCommunity, LongLivedFamily, MAX_EXTENDED_MESSAGE, Message, NextHop, Nlri, Notification,
    Open, Origin, PeerKind, Role, Update, UpdatePacker, UpdateView, encode_attributes, frame,
};
use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![
        Just(Family::IPV4_UNICAST),
        Just(Family::IPV6_UNICAST),
        Just(Family::IPV4_MULTICAST),
        Just(Family::IPV6_MULTICAST),
    ]
}

fn capability() -> impl Strategy<Value = Capability> {
    let restart = (
        any::<bool>(),
        any::<bool>(),
        0..4096u16,
        vec((family(), any::<bool>()), 0..4),
    );
    prop_oneof![
        family().prop_map(Capability::MultiProtocol),
        Just(Capability::RouteRefresh),
        Just(Capability::ExtendedMessage),
        Just(Capability::EnhancedRouteRefresh),
        Just(Capability::Role(Role::Customer)),
        restart.prop_map(|(restarting, notification, time, families)| {
            let families = families
                .into_iter()
                .map(|(family, forwarding)| GracefulRestartFamily { family, forwarding })
                .collect();
            Capability::GracefulRestart(GracefulRestart {
                restarting,
                notification,
                time,
                families,
            })
        }),
        vec(family(), 1..4).prop_map(|families| {
            let mode = AddPathMode::Both;
            Capability::AddPath(
                families
                    .into_iter()
                    .map(|family| AddPathFamily { family, mode })
                    .collect(),
            )
        }),
        (family(), any::<bool>(), 0..1u32 << 24).prop_map(|(family, forwarding, stale_time)| {
            let entry = LongLivedFamily {
                family,
                forwarding,
                stale_time,
            };
            Capability::LongLivedGracefulRestart(vec![entry])
        }),
        ("[a-z]{0,60}", "[a-z.]{0,60}")
            .prop_map(|(host, domain)| Capability::Fqdn { host, domain }),
        "[ -~]{0,254}".prop_map(Capability::SoftwareVersion),
        (130..=255u8, vec(any::<u8>(), 0..255)).prop_map(|(code, value)| Capability::Unknown {
            code,
            value: value.into()
        }),
    ]
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let asn = (1..=u32::MAX).prop_map(Asn);
    prop_oneof![
        Just(Attribute::Origin(Origin::Incomplete)),
        vec(asn, 0..300).prop_map(|members| Attribute::AsPath(AsPath::sequence(members))),
        any::<u32>().prop_map(Attribute::MultiExitDisc),
        Just(Attribute::AtomicAggregate),
        vec(any::<u32>().prop_map(Community), 1..100).prop_map(Attribute::Communities),
        vec(any::<[u32; 3]>(), 1..30).prop_map(|list| {
            let large = |[global, local_1, local_2]: [u32; 3]| LargeCommunity {
                global,
                local_1,
                local_2,
            };
            Attribute::LargeCommunities(list.into_iter().map(large).collect())
        }),
        (1..=u32::MAX).prop_map(|asn| Attribute::OnlyToCustomer(Asn(asn))),
        (200..=255u8, any::<bool>(), vec(any::<u8>(), 0..300)).prop_map(
            |(kind, partial, value)| {
                let partial = if partial { AttributeFlags::PARTIAL } else { 0 };
                let long = if value.len() > 255 {
                    AttributeFlags::EXTENDED_LENGTH
                } else {
                    0
                };
                Attribute::Unknown {
                    flags: AttributeFlags(AttributeFlags::OPTIONAL | partial | long),
                    kind: AttributeType(kind),
                    value: value.into(),
                }
            }
        ),
    ]
}

/// Attributes of which no two have the same type.
fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    vec(attribute(), 0..8).prop_map(|mut list| {
        list.sort_by_key(Attribute::kind);
        list.dedup_by_key(|a| a.kind());
        list
    })
}

fn v4() -> impl Strategy<Value = IpNet> {
    (any::<[u8; 4]>(), 0..=32u8)
        .prop_map(|(address, len)| IpNet::V4(Ipv4Net::new_assert(address.into(), len).trunc()))
}

fn v6() -> impl Strategy<Value = IpNet> {
    (any::<[u8; 16]>(), 0..=128u8)
        .prop_map(|(address, len)| IpNet::V6(Ipv6Net::new_assert(address.into(), len).trunc()))
}

fn context(width: AsWidth, add_path: bool) -> Context {
    Context::new(PeerKind::Ebgp)
        .with_as_width(width)
        .with_add_path(if add_path {
            FamilySet::ALL
        } else {
            FamilySet::EMPTY
        })
        .with_extended_next_hop(FamilySet::ALL)
        .with_max_message(MAX_EXTENDED_MESSAGE)
}

/// The messages of a stream.
fn messages(mut stream: &[u8], max: u16) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(frame) = frame(stream, max).expect("headers are right") {
        found.push(frame.message());
        stream = &stream[frame.message().len()..];
    }
    assert!(stream.is_empty(), "half a message is left");
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn open(asn in 1..=u32::MAX, hold in 3..=u16::MAX, id in 1..=u32::MAX, more in vec(capability(), 0..12)) {
        let mut open = Open::new(Asn(asn), hold, id.into());
        open.capabilities.extend(more);
        let mut out = Vec::new();
        open.encode(&mut out).unwrap();
        prop_assert_eq!(out.len(), open.encoded_len());
        prop_assert_eq!(Open::decode(&out), Ok(open));
    }

    #[test]
    fn notification(code: u8, subcode: u8, data in vec(any::<u8>(), 0..300)) {
        let error = bgp_wire::ErrorCode::new(code, subcode);
        let notification = Notification::new(error).with_data(data);
        let mut out = Vec::new();
        notification.encode(&mut out).unwrap();
        let _ = notification.to_string();
        prop_assert_eq!(Notification::decode(&out), Ok(notification));
    }

    #[test]
    fn shutdown_text(text in "\\PC{0,200}") {
        let notification = Notification::new(bgp_wire::ErrorCode::CEASE_ADMINISTRATIVE_RESET)
            .with_shutdown_text(&text);
        let read = notification.shutdown_text().unwrap_or_default();
        prop_assert!(text.starts_with(&read) && notification.data.len() <= 256);
        prop_assert_eq!(notification.into_hard_reset().shutdown_text().unwrap_or_default(), read);
    }

    /// Attributes of every kind, to peers new and old: the AS path is whole for both.
    #[test]
    fn attributes_of_a_route(list in attributes(), wide: bool, prefix in v4()) {
        let context = context(if wide { AsWidth::Four } else { AsWidth::Two }, false);
        let mut update = Update::new(&context);
        for attribute in &list {
            update.set(attribute).unwrap();
        }
        update.announce(prefix.into(), NextHop::V4([192, 0, 2, 1].into())).unwrap();
        if !list.iter().any(|a| a.kind() == AttributeType::ORIGIN) {
            update.set(&Attribute::Origin(Origin::Igp)).unwrap();
        }
        if !list.iter().any(|a| a.kind() == AttributeType::AS_PATH) {
            update.set(&Attribute::AsPath(AsPath::default())).unwrap();
        }
        let view = update.view().unwrap();
        prop_assert_eq!(view.errors().next(), None);
        prop_assert!(view.announced().eq([Nlri::from(prefix)]));
        for attribute in &list {
            let read = view.attribute(attribute.kind()).unwrap();
            match attribute {
                Attribute::AsPath(path) => prop_assert_eq!(&view.as_path().unwrap().to_owned(), path),
                other => prop_assert_eq!(&read.to_owned(), other),
            }
        }
        let mut again = Vec::new();
        update.encode(&mut again).unwrap();
        prop_assert_eq!(Update::decode(&again, &context), Ok(update));
    }

    /// The packer's messages hold the prefixes in order, none is too long, and all but the last are
    /// full.
    #[test]
    fn packer(prefixes in vec(v4(), 1..400), list in attributes(), max in 2500..4096u16) {
        let mut block = Vec::new();
        encode_attributes(&list, AsWidth::Four, &mut block).unwrap();
        let next_hop = NextHop::V4([192, 0, 2, 1].into());
        let mut out = Vec::new();
        let Ok(mut packer) = UpdatePacker::reach(Family::IPV4_UNICAST, next_hop, &block, max) else {
            return Ok(());
        };
        prefixes.iter().for_each(|prefix| packer.push(&mut out, *prefix));
        packer.finish(&mut out);
        let context = context(AsWidth::Four, false);
        let mut read = Vec::new();
        let found = messages(&out, max);
        for (i, message) in found.iter().enumerate() {
            let view = UpdateView::parse(message, &context).unwrap();
            prop_assert_eq!(view.next_hop(Family::IPV4_UNICAST), Some(next_hop));
            // Without all mandatory attributes the routes count as withdrawn.
            read.extend(view.announced().chain(view.withdrawn()));
            prop_assert!(i + 1 == found.len() || message.len() + 5 > usize::from(max));
        }
        prop_assert!(read.into_iter().map(|n| n.prefix).eq(prefixes));
    }

    #[test]
    fn packer_of_multiprotocol(prefixes in vec(v6(), 1..400), reach: bool, max in 100..1000u16) {
        let (family, mut out) = (Family::IPV6_UNICAST, Vec::new());
        let block = [0x40, 1, 1, 0, 0x40, 2, 0];
        let next_hop = NextHop::V6 { global: 1u128.into(), link_local: Some(2u128.into()) };
        let mut packer = if reach {
            UpdatePacker::reach(family, next_hop, &block, max).unwrap()
        } else {
            UpdatePacker::unreach(family, max).unwrap()
        };
        prefixes.iter().for_each(|prefix| packer.push(&mut out, *prefix));
        packer.finish(&mut out);
        let mut read = Vec::new();
        for message in messages(&out, max) {
            let view = UpdateView::parse(message, &context(AsWidth::Four, false)).unwrap();
            prop_assert_eq!(view.errors().next(), None);
            prop_assert_eq!(view.next_hop(family), reach.then_some(next_hop));
            prop_assert_eq!(if reach { view.withdrawn().count() } else { view.announced().count() }, 0);
            read.extend(view.announced().chain(view.withdrawn()));
        }
        prop_assert!(read.into_iter().map(|n| n.prefix).eq(prefixes));
    }

    /// An UPDATE built prefix by prefix, in all four places that prefixes have, then split.
    #[test]
    fn build_and_split(
        announced in vec((v4(), any::<u32>()), 0..60), announced6 in vec((v6(), any::<u32>()), 0..60),
        withdrawn in vec((v4(), any::<u32>()), 0..60), withdrawn6 in vec((v6(), any::<u32>()), 0..60),
        add_path: bool, max in 200..1200u16,
    ) {
        let context = context(AsWidth::Four, add_path);
        let nlri = |(prefix, id): &(IpNet, u32)| Nlri { path_id: add_path.then_some(*id), ..(*prefix).into() };
        let mut update = Update::new(&context);
        update.set(&Attribute::AsPath(AsPath::sequence([Asn(1)]))).unwrap();
        update.set(&Attribute::Origin(Origin::Igp)).unwrap();
        let v6_hop = NextHop::V6 { global: 1u128.into(), link_local: None };
        for it in &announced {
            update.announce(nlri(it), NextHop::V4([192, 0, 2, 1].into())).unwrap();
        }
        announced6.iter().for_each(|it| update.announce(nlri(it), v6_hop).unwrap());
        withdrawn.iter().chain(&withdrawn6).for_each(|it| update.withdraw(nlri(it)).unwrap());
        let expect = |a: &[_], b: &[_]| a.iter().chain(b).map(nlri).collect::<Vec<Nlri>>();
        let view = update.view().unwrap();
        prop_assert_eq!(view.errors().next(), None);
        prop_assert_eq!(view.announced().collect::<Vec<_>>(), expect(&announced, &announced6));
        prop_assert_eq!(view.withdrawn().collect::<Vec<_>>(), expect(&withdrawn, &withdrawn6));

        let mut out = Vec::new();
        update.split(max, &mut out).unwrap();
        let (mut reached, mut gone) = (Vec::new(), Vec::new());
        for message in messages(&out, max) {
            let view = UpdateView::parse(message, &context).unwrap();
            prop_assert_eq!(view.errors().next(), None);
            reached.extend(view.announced());
            gone.extend(view.withdrawn());
        }
        let sorted = |mut list: Vec<Nlri>| { list.sort(); list };
        prop_assert_eq!(sorted(reached), sorted(expect(&announced, &announced6)));
        prop_assert_eq!(sorted(gone), sorted(expect(&withdrawn, &withdrawn6)));
    }

    /// Whatever comes, nothing panics, and what is read can be written again.
    #[test]
    fn arbitrary_octets(body in vec(any::<u8>(), 0..200), kind in 1..=5u8, wide: bool, add_path: bool) {
        let message = with_header(kind, &body);
        exercise(&message, wide, add_path);
        exercise(&body, wide, add_path);
    }

    /// The same with attributes that look like some, so that the checks of each type see much
    /// nonsense.
    #[test]
    fn arbitrary_attributes(
        list in vec((any::<u8>(), 0..40u8, vec(0..6u8, 0..24)), 0..8), nlri in vec(0..40u8, 0..20),
        wide: bool, add_path: bool,
    ) {
        let mut attributes = Vec::new();
        for (flags, kind, value) in list {
            attributes.extend([flags & 0xef, kind, value.len() as u8]);
            attributes.extend(value);
        }
        let mut body = vec![0, 0];
        body.extend((attributes.len() as u16).to_be_bytes());
        body.extend(attributes);
        body.extend(nlri);
        exercise(&with_header(2, &body), wide, add_path);
    }
}

fn with_header(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0xff; 16];
    message.extend(((19 + body.len()) as u16).to_be_bytes());
    message.push(kind);
    message.extend(body);
    message
}

/// Calls everything there is to call.
fn exercise(octets: &[u8], wide: bool, add_path: bool) {
    let context = context(if wide { AsWidth::Four } else { AsWidth::Two }, add_path);
    let Ok(Some(frame)) = frame(octets, MAX_EXTENDED_MESSAGE) else {
        let _ = UpdateView::parse(octets, &context).map_err(|e| e.to_string());
        let _ = Open::decode(octets).map_err(|e| e.notification(octets).to_owned());
        return;
    };
    match Message::decode(&frame, &context) {
        Err(error) => {
            let notification = error.notification(octets).to_owned();
            assert!(notification.data.len() <= octets.len() + 2);
        }
        Ok(message) => {
            let mut again = Vec::new();
            message.encode(&mut again).expect("what was decoded fits");
            assert_eq!(again.len(), message.encoded_len());
            if let Message::Update(update) = message {
                assert_eq!(again, frame.message());
                exercise_view(&update);
            }
        }
    }
}

fn exercise_view(update: &Update) {
    let view = update.view().expect("decoded before");
    let strongest = view
        .errors()
        .map(|e| e.disposition())
        .max()
        .unwrap_or_default();
    assert_eq!(strongest, view.disposition());
    for attribute in view.attributes() {
        let _ = attribute.to_owned();
    }
    let _ = view
        .as_path()
        .map(|path| (path.to_string(), path.hops(), path.origin()));
    let _ = (
        view.aggregator(),
        view.end_of_rib(),
        view.announced().count(),
    );
    let withdrawn: Vec<_> = view.withdrawn().map(|nlri| nlri.to_string()).collect();
    let mut out = Vec::new();
    let _ = update.split(64, &mut out);
    assert!(withdrawn.len() <= update.encoded_len());
    let mut changed = update.clone();
    let _ = changed.set(&Attribute::Unknown {
        flags: AttributeFlags::OPTIONAL_TRANSITIVE,
        kind: AttributeType(250),
        value: Bytes::from_static(&[1, 2, 3]),
    });
    changed.remove(AttributeType::AS_PATH);
    let _ = changed.announce(
        "10.0.0.0/8".parse::<IpNet>().expect("a prefix").into(),
        NextHop::V4([192, 0, 2, 9].into()),
    );
    let _ = changed.view();
}
