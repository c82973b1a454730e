//! What a fuzzer starts from: inputs of our own making, one for each thing that a target tells apart.
//!
//! `cargo run -p fuzz-smoke` writes them to `fuzz/seeds/`, and a test there says if the files are others.

use bgp_wire::{
    AddPathFamily, AddPathMode, Afi, Aggregator, AsPath, AsPathSegment, Asn, Attribute,
    AttributeFlags, AttributeType, Capability, Community, Context, ErrorCode, ExtendedCommunity,
    ExtendedNextHop, Family, GracefulRestart, GracefulRestartFamily, HEADER_LEN,
    Ipv6ExtendedCommunity, KEEPALIVE, LargeCommunity, LongLivedFamily, Message, MessageType,
    NextHop, Nlri, Notification, Open, Origin, RefreshSubtype, Role, RouteRefresh, Safi,
    SegmentKind, Update, encode_end_of_rib,
};
use ipnet::IpNet;

use crate::input::{Input, bits, message};
use crate::session::op;
use crate::update::path_for;

/// An input and the name of its file.
pub type Seed = (&'static str, Vec<u8>);

/// The seeds of a target; none for a name that is not in [`TARGETS`](crate::TARGETS).
#[must_use]
pub fn of(target: &str) -> Vec<Seed> {
    match target {
        "framing" => framing(),
        "open" => bodies(opens()),
        "notification" => bodies(notifications()),
        "route_refresh" => bodies(refreshes()),
        "update" => with_update(&[], HEADER_LEN),
        "view_owned" => view_owned(),
        "round_trip" => round_trip(),
        "split" => split(),
        "pack" => pack(),
        "session" => session(),
        _ => Vec::new(),
    }
}

/// Messages without their headers.
fn bodies(messages: Vec<Seed>) -> Vec<Seed> {
    messages
        .into_iter()
        .map(|(name, message)| (name, message[HEADER_LEN..].to_vec()))
        .collect()
}

fn framing() -> Vec<Seed> {
    let stream: Vec<u8> = opens()
        .into_iter()
        .chain(notifications())
        .flat_map(|(_, message)| message)
        .collect();
    let long = message(MessageType::UPDATE, &[0; 4100]).expect("short enough");
    let long_open = message(MessageType::OPEN, &[0; 4100]).expect("short enough");
    let bad = |at: usize, value| {
        let mut message = KEEPALIVE.to_vec();
        message[at] = value;
        message
    };
    let with = |extended: u8, stream: &[u8]| [&[extended], stream].concat();
    vec![
        ("keepalive", with(0, &KEEPALIVE)),
        ("stream", with(0, &stream)),
        ("extended", with(1, &long)),
        // RFC 8654 section 4 leaves OPEN and KEEPALIVE as short as they were.
        ("extended-open", with(1, &long_open)),
        ("too-long", with(0, &long)),
        ("half", with(0, &KEEPALIVE[..18])),
        ("marker", with(0, &bad(7, 0))),
        ("length", with(0, &bad(17, 18))),
        ("type", with(0, &bad(18, 6))),
    ]
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message
        .encode(&mut out)
        .expect("a seed fits into a message");
    out
}

fn opens() -> Vec<Seed> {
    let plain = || Open::new(Asn(65001), 90, [10, 0, 0, 3].into());
    let seed = |open: Open| encoded(&Message::Open(open));
    let with = |capabilities: Vec<Capability>| {
        let mut open = plain();
        open.capabilities = capabilities;
        seed(open)
    };
    let long = Capability::Unknown {
        code: 200,
        value: vec![1; 255].into(),
    };
    let two_parameters = [
        4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 3, 10, 2, 2, 2, 0, 2, 4, 70, 0, 6, 0,
    ];
    let no_capabilities = [4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 3, 3, 1, 1, 0];
    let body = |body: &[u8]| message(MessageType::OPEN, body).expect("short");
    vec![
        ("bare", with(Vec::new())),
        (
            "four-octet-as",
            seed(Open::new(Asn(4_200_000_000), 0, [10, 0, 0, 3].into())),
        ),
        ("all-capabilities", with(capabilities())),
        ("rfc9072", with(vec![long; 3])),
        (
            "two-roles",
            with(vec![
                Capability::Role(Role::Peer),
                Capability::Role(Role::Customer),
            ]),
        ),
        ("two-parameters", body(&two_parameters)),
        ("other-parameter", body(&no_capabilities)),
    ]
}

fn capabilities() -> Vec<Capability> {
    let (v4, v6) = (Family::IPV4_UNICAST, Family::IPV6_UNICAST);
    let restarting = GracefulRestart {
        restarting: true,
        notification: true,
        time: 4095,
        families: vec![GracefulRestartFamily {
            family: v4,
            forwarding: true,
        }],
    };
    vec![
        Capability::MultiProtocol(v4),
        Capability::MultiProtocol(v6),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(vec![ExtendedNextHop {
            family: v4,
            next_hop: Afi::IPV6,
        }]),
        Capability::ExtendedMessage,
        Capability::Role(Role::Customer),
        Capability::GracefulRestart(restarting),
        Capability::FourOctetAsn(Asn(65001)),
        Capability::AddPath(vec![AddPathFamily {
            family: v6,
            mode: AddPathMode::Both,
        }]),
        Capability::EnhancedRouteRefresh,
        Capability::LongLivedGracefulRestart(vec![LongLivedFamily {
            family: v4,
            forwarding: true,
            stale_time: 0x00fe_dcba,
        }]),
        Capability::Fqdn {
            host: "a".into(),
            domain: "example.net".into(),
        },
        Capability::SoftwareVersion("bgp-fuzz".into()),
        Capability::Unknown {
            code: 128,
            value: vec![].into(),
        },
    ]
}

fn notifications() -> Vec<Seed> {
    let seed = |notification: Notification| encoded(&Message::Notification(notification));
    let shutdown = || Notification::new(ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN);
    vec![
        (
            "hold-timer",
            seed(Notification::new(ErrorCode::HOLD_TIMER_EXPIRED)),
        ),
        (
            "text",
            seed(shutdown().with_shutdown_text("maintenance until 6 o'clock, über den Zaun")),
        ),
        (
            "hard-reset",
            seed(shutdown().with_shutdown_text("moved").into_hard_reset()),
        ),
        (
            "not-utf8",
            seed(shutdown().with_data(vec![3, 0xff, 0x1b, 0xc3])),
        ),
        ("beyond", seed(shutdown().with_data(vec![200, b'a']))),
        (
            "data",
            seed(Notification::new(ErrorCode::MALFORMED_AS_PATH).with_data(vec![0; 300])),
        ),
        ("unknown", seed(Notification::new(ErrorCode::new(99, 99)))),
    ]
}

fn refreshes() -> Vec<Seed> {
    let seed = |family, subtype, filters: &[u8]| {
        let mut refresh = RouteRefresh::new(family, subtype);
        refresh.filters = filters.to_vec().into();
        encoded(&Message::RouteRefresh(refresh))
    };
    let v4 = Family::IPV4_UNICAST;
    vec![
        ("normal", seed(v4, RefreshSubtype::Normal, &[])),
        ("begin", seed(v4, RefreshSubtype::BeginRefresh, &[])),
        (
            "end-v6",
            seed(Family::IPV6_UNICAST, RefreshSubtype::EndRefresh, &[]),
        ),
        (
            "filters",
            seed(v4, RefreshSubtype::Normal, &[1, 64, 0, 3, 0, 0, 1]),
        ),
        ("too-long", seed(v4, RefreshSubtype::EndRefresh, &[0])),
        (
            "other",
            seed(
                Family::new(Afi::L2VPN, Safi::EVPN),
                RefreshSubtype::Other(9),
                &[],
            ),
        ),
    ]
}

/// UPDATEs, each with the two octets of its context.
fn updates() -> Vec<(&'static str, [u8; 2], Vec<u8>)> {
    type Build = fn(&mut Update);
    const EBGP: [u8; 2] = [bits::FOUR_OCTETS, 0];
    const IBGP: [u8; 2] = [bits::FOUR_OCTETS | bits::IBGP | bits::AIGP, 0];
    let all = bits::ALL_FAMILIES;
    let body = |body: &[u8]| message(MessageType::UPDATE, body).expect("short");
    let mut v6_end = Vec::new();
    encode_end_of_rib(Family::IPV6_UNICAST, &mut v6_end);
    let mut seeds = vec![
        ("end-of-rib", EBGP, body(&[0; 4])),
        ("end-of-rib-v6", EBGP, v6_end),
        // Half of a length, and half of an attribute behind an MP_UNREACH_NLRI with wrong flags.
        ("half-a-length", EBGP, body(&[0, 1, 0, 0])),
        (
            "half-an-attribute",
            EBGP,
            body(&[0, 0, 0, 8, 0xc0, 15, 3, 0, 2, 1, 0x80, 14]),
        ),
    ];
    let built: [(&str, [u8; 2], Build); 9] = [
        ("v4", EBGP, |update| {
            announce(update, &["10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/0"]);
        }),
        ("v6", EBGP, |update| {
            announce(update, &["2001:db8::/32", "::/0"]);
            withdraw(update, &["2001:db8:1::/48", "10.9.0.0/16"]);
        }),
        ("withdraw", EBGP, |update| {
            withdraw(update, &["10.0.0.0/8", "192.0.2.0/24"]);
        }),
        ("add-path", [bits::FOUR_OCTETS, all], |update| {
            announce(update, &["10.0.0.0/8", "2001:db8::/32"]);
        }),
        (
            "extended-next-hop",
            [bits::FOUR_OCTETS, all << 4],
            |update| over_v6(update, "10.0.0.0/8"),
        ),
        ("all-attributes", IBGP, |update| {
            every_attribute(update);
            announce(update, &["10.0.0.0/8"]);
        }),
        ("two-octets", [0, 0], |update| {
            wide_aggregate(update);
            announce(update, &["10.0.0.0/8"]);
        }),
        ("as-set", [0, 0], |update| {
            announce(update, &["10.0.0.0/8"]);
            behind_a_set(update);
        }),
        (
            "confederation",
            [bits::FOUR_OCTETS | bits::CONFEDERATION, 0],
            |update| announce(update, &["10.0.0.0/8"]),
        ),
    ];
    for (name, context, build) in built {
        let mut update = Update::new(&context_of(context));
        build(&mut update);
        seeds.push((name, context, update.as_octets().to_vec()));
    }
    seeds.extend(other_families());
    seeds.extend(flawed());
    seeds
}

fn context_of(octets: [u8; 2]) -> Context {
    Input::new(&octets).context()
}

fn mandatory(update: &mut Update) {
    let path = path_for(update.context(), [Asn(65001), Asn(64512)]);
    set(update, &Attribute::Origin(Origin::Igp));
    set(update, &Attribute::AsPath(path));
}

fn set(update: &mut Update, attribute: &Attribute) {
    update.set(attribute).expect("a seed fits into a message");
}

fn nlri(prefix: &str) -> Nlri {
    let prefix: IpNet = prefix.parse().expect("written here");
    Nlri {
        path_id: Some(7),
        ..prefix.into()
    }
}

fn announce(update: &mut Update, prefixes: &[&str]) {
    mandatory(update);
    for prefix in prefixes {
        let nlri = nlri(prefix);
        let next_hop = match nlri.prefix {
            IpNet::V4(_) => NextHop::V4([192, 0, 2, 1].into()),
            IpNet::V6(_) => V6_NEXT_HOP,
        };
        update
            .announce(nlri, next_hop)
            .expect("a seed fits into a message");
    }
}

const V6_NEXT_HOP: NextHop = NextHop::V6 {
    global: std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    link_local: Some(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
};

fn over_v6(update: &mut Update, prefix: &str) {
    mandatory(update);
    update
        .announce(nlri(prefix), V6_NEXT_HOP)
        .expect("a seed fits into a message");
}

fn withdraw(update: &mut Update, prefixes: &[&str]) {
    for prefix in prefixes {
        update
            .withdraw(nlri(prefix))
            .expect("a seed fits into a message");
    }
}

fn every_attribute(update: &mut Update) {
    let address = [192, 0, 2, 9].into();
    let aggregator = Aggregator {
        asn: Asn(65001),
        address,
    };
    let large = LargeCommunity {
        global: 65001,
        local_1: 2,
        local_2: 3,
    };
    let attributes = [
        Attribute::MultiExitDisc(10),
        Attribute::LocalPref(100),
        Attribute::AtomicAggregate,
        Attribute::Aggregator(aggregator),
        Attribute::Communities(vec![Community::new(65001, 1), Community(0xffff_ff01)]),
        Attribute::OriginatorId(address),
        Attribute::ClusterList(vec![address, address]),
        Attribute::ExtendedCommunities(vec![ExtendedCommunity([0, 2, 0, 1, 0, 0, 0, 1])]),
        Attribute::Ipv6ExtendedCommunities(vec![Ipv6ExtendedCommunity([1; 20])]),
        Attribute::Aigp(1000),
        Attribute::LargeCommunities(vec![large]),
        Attribute::OnlyToCustomer(Asn(65001)),
        unknown(
            AttributeFlags::OPTIONAL_TRANSITIVE,
            AttributeType::ATTR_SET,
            &[0, 0, 0, 1, 0x40, 1, 1, 0],
        ),
        unknown(AttributeFlags(0xf0), AttributeType(250), &[1; 300]),
    ];
    attributes
        .iter()
        .for_each(|attribute| set(update, attribute));
}

fn unknown(flags: AttributeFlags, kind: AttributeType, value: &[u8]) -> Attribute {
    Attribute::Unknown {
        flags,
        kind,
        value: value.to_vec().into(),
    }
}

/// A wide AS, so that AS4_PATH and AS4_AGGREGATOR come along where AS numbers have two octets.
fn wide_aggregate(update: &mut Update) {
    let address = [192, 0, 2, 9].into();
    set(
        update,
        &Attribute::Aggregator(Aggregator {
            asn: Asn(70_000),
            address,
        }),
    );
    set(
        update,
        &Attribute::AsPath(AsPath::sequence([1, 70_000, 80_000].map(Asn))),
    );
}

/// AS4_PATH that takes over behind an AS_SET, which counts once, and a sequence that counts as it is long.
fn behind_a_set(update: &mut Update) {
    let set_of = |kind, members: &[u32]| AsPathSegment {
        kind,
        members: members.iter().copied().map(Asn).collect(),
    };
    let segments = vec![
        set_of(SegmentKind::Set, &[1, 2, 3]),
        set_of(SegmentKind::Sequence, &[4, 5, Asn::TRANS.0]),
    ];
    set(update, &Attribute::AsPath(AsPath { segments }));
    set(update, &Attribute::As4Path(AsPath::sequence([Asn(70_000)])));
}

/// Families whose NLRI stay raw.
fn other_families() -> Vec<(&'static str, [u8; 2], Vec<u8>)> {
    let mut seeds = Vec::new();
    let flags = AttributeFlags::OPTIONAL_NON_TRANSITIVE;
    for (name, value) in [
        ("evpn", &[0, 25, 70, 4, 192, 0, 2, 1, 0, 3, 2, 1, 2][..]),
        (
            "vpn-v4",
            &[
                0, 1, 128, 12, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1, 0, 96, 1, 2, 3,
            ],
        ),
    ] {
        let context = [bits::FOUR_OCTETS, 0];
        let mut update = Update::new(&context_of(context));
        announce(&mut update, &[]);
        set(
            &mut update,
            &unknown(flags, AttributeType::MP_REACH_NLRI, value),
        );
        seeds.push((name, context, update.as_octets().to_vec()));
    }
    seeds
}

/// One error for each answer that RFC 7606 knows.
fn flawed() -> Vec<(&'static str, [u8; 2], Vec<u8>)> {
    let flags = AttributeFlags::OPTIONAL_NON_TRANSITIVE;
    let well_known = AttributeFlags::WELL_KNOWN;
    [
        (
            "discard",
            0,
            unknown(well_known, AttributeType::ATOMIC_AGGREGATE, &[1]),
        ),
        (
            "treat-as-withdraw",
            0,
            unknown(well_known, AttributeType::ORIGIN, &[9]),
        ),
        (
            "wrong-flags",
            0,
            unknown(
                AttributeFlags(0xc0),
                AttributeType::NEXT_HOP,
                &[192, 0, 2, 1],
            ),
        ),
        (
            "as-path",
            0,
            unknown(
                well_known,
                AttributeType::AS_PATH,
                &[2, 1, 0, 0, 0, 1, 9, 0],
            ),
        ),
        (
            "disable",
            bits::AFI_SAFI_DISABLE,
            unknown(flags, AttributeType::MP_UNREACH_NLRI, &[0, 2, 1, 129]),
        ),
        (
            "first-as",
            bits::FIRST_AS,
            Attribute::AsPath(AsPath::sequence([Asn(3)])),
        ),
        (
            "reset",
            0,
            unknown(flags, AttributeType::MP_UNREACH_NLRI, &[0]),
        ),
        ("well-known", 0, unknown(well_known, AttributeType(99), &[])),
    ]
    .into_iter()
    .map(|(name, more, attribute)| {
        let context = [bits::FOUR_OCTETS | more, 0];
        let mut update = Update::new(&context_of(context));
        announce(&mut update, &["10.0.0.0/8"]);
        set(&mut update, &attribute);
        (name, context, update.as_octets().to_vec())
    })
    .collect()
}

/// Context, `between`, and the UPDATE from the octet `from` on.
fn with_update(between: &[u8], from: usize) -> Vec<Seed> {
    let seeds = updates().into_iter();
    seeds
        .map(|(name, context, message)| (name, [&context, between, &message[from..]].concat()))
        .collect()
}

/// An AGGREGATOR of a wide AS is set in each; where there is one already also a narrow one, and a MULTI_EXIT_DISC in between.
fn view_owned() -> Vec<Seed> {
    let mut seeds = with_update(&[2], HEADER_LEN);
    for (name, change) in [("narrow-aggregator", 2 + 65), ("in-between", 5)] {
        let changed = with_update(&[change], HEADER_LEN);
        let aggregate = changed.into_iter().find(|(name, _)| *name == "two-octets");
        seeds.extend(aggregate.map(|(_, data)| (name, data)));
    }
    seeds
}

fn round_trip() -> Vec<Seed> {
    let mut seeds = with_update(&[], 0);
    for (name, messages) in [
        ("open", opens()),
        ("notification", notifications()),
        ("refresh", refreshes()),
    ] {
        let stream = messages.into_iter().flat_map(|(_, message)| message);
        seeds.push((
            name,
            [bits::FOUR_OCTETS, 0].into_iter().chain(stream).collect(),
        ));
    }
    seeds
}

fn split() -> Vec<Seed> {
    // A limit of 64 octets, and an UPDATE as it came.
    let mut seeds = with_update(&[0, 64, 1], HEADER_LEN);
    let all = bits::ALL_FAMILIES;
    // Mandatory attributes; 200 prefixes of /24 each way; MULTI_EXIT_DISC.
    let routes = |op: u8| [op, 199, 24, 10, 0, 0, 0];
    let everything = [
        &[1][..],
        &routes(0),
        &routes(2 | 1 << 6),
        &routes(4),
        &routes(4 | 1 << 6),
        &[6, 0, 0, 0, 0, 0, 9],
        &[6, 30, 2],
        &[6, 3, 3, 0, 1, 0x11, 0x70],
    ]
    .concat();
    for (name, context, max) in [
        ("built", [bits::FOUR_OCTETS, 0], [1, 0]),
        ("built-old-peer", [0, 0], [4, 0]),
        ("built-add-path", [bits::FOUR_OCTETS, all], [1, 0]),
        (
            "built-multicast",
            [bits::FOUR_OCTETS | bits::IBGP, all << 4],
            [0, 200],
        ),
        ("built-no-room", [bits::FOUR_OCTETS, 0], [0, 60]),
    ] {
        seeds.push((name, [&context[..], &max, &[0], &everything].concat()));
    }
    seeds
}

fn pack() -> Vec<Seed> {
    let prefixes = [255, 24, 10, 0, 0, 0, 7, 48, 10, 9, 0, 0];
    let attributes = [2, 9, 0, 0, 0, 0, 5, 20, 2];
    [
        ("v4", 0, [4, 0], 0),
        ("v6", 1 | 1 << 2, [4, 0], 0),
        ("v4-over-v6", 1 << 3, [2, 0], 0),
        ("multicast", 2, [1, 0], 0),
        ("v4-unreach", 0x80, [0, 100], 0),
        ("v6-unreach", 0x81, [0, 100], 0),
        ("add-path", 1 | 1 << 2, [1, 0], bits::ALL_FAMILIES),
        ("wrong-next-hop", 1, [4, 0], 0),
        ("no-room", 0, [0, 40], 0),
    ]
    .into_iter()
    .map(|(name, choice, max, add_path): (_, u8, [u8; 2], u8)| {
        let attributes = if choice & 0x80 == 0 {
            &attributes[..]
        } else {
            &[]
        };
        let head = [bits::FOUR_OCTETS, add_path, max[0], max[1], choice];
        (name, [&head[..], attributes, &prefixes].concat())
    })
    .collect()
}

fn session() -> Vec<Seed> {
    // On the connection that was made first, in pieces of seven octets.
    let open = [op::OPEN, 0, 6, 0, 0];
    let keepalive = [op::KEEPALIVE, 0, 6];
    let up = [&[op::START, op::CONNECTED][..], &open, &keepalive].concat();
    let says = |kind: MessageType, body: &[u8]| {
        let len = u8::try_from(body.len()).expect("a short body");
        [&[op::MESSAGE, 0, 6, kind.0, len], body].concat()
    };
    let update = &updates().swap_remove(2).2[HEADER_LEN..];
    let cease = says(MessageType::NOTIFICATION, &[6, 2, 2, b'o', b'k']);
    let plain = |steps: &[&[u8]]| [&[0, 0][..], &steps.concat()].concat();
    let after = |config: [u8; 2], steps: &[&[u8]]| [&config[..], &up, &steps.concat()].concat();
    vec![
        ("established", after([0, 0], &[&[op::PASS, 60]])),
        (
            "update",
            after(
                [0, 0],
                &[&says(MessageType::UPDATE, update), &[op::SENT, 0, 19, 1, 0]],
            ),
        ),
        (
            "bad-update",
            after(
                [0, 0],
                &[
                    &says(MessageType::UPDATE, &[0, 9, 0, 0]),
                    &[op::STALE, op::PASS, 30],
                ],
            ),
        ),
        (
            "refresh",
            after(
                [0, 0],
                &[
                    &[op::REFRESH, 0],
                    &says(MessageType::ROUTE_REFRESH, &[0, 1, 0, 1]),
                ],
            ),
        ),
        (
            "cease",
            after(
                [0, 0],
                &[&cease, &[op::TIMER, op::TIMER, op::CONNECTED, op::STOP, 1]],
            ),
        ),
        (
            "stopped",
            after(
                [0x80, 0],
                &[&[op::END_OF_RIB_SENT, op::STOP, 0, op::START, op::STOP, 3]],
            ),
        ),
        (
            "slow-reader",
            after([0, 0x20], &[&[op::SENT, 0, 0, 0, 9, op::PASS, 6]]),
        ),
        (
            "short-hold",
            after(
                [0x10, 0x02],
                &[&[op::PASS, 1, op::KEEPALIVE, 0, 0, op::PASS, 2]],
            ),
        ),
        (
            "restarted-peer",
            after(
                [0, 0],
                &[&[op::ACCEPT], &[op::OPEN, 1, 6, 0, 0, op::KEEPALIVE, 1, 6]],
            ),
        ),
        (
            "garbage",
            plain(&[&[op::START, op::CONNECTED, op::OCTETS, 0, 0, 5, 1, 2, 3, 4, 5]]),
        ),
        (
            "wrong-as",
            plain(&[&[op::START, op::CONNECTED, op::OPEN, 0, 6, 1, 0, op::PASS, 5]]),
        ),
        (
            "collision",
            plain(&[
                &[op::START, op::CONNECTED, op::ACCEPT],
                &open,
                &[op::OPEN, 1, 2, 8, 0],
                &keepalive,
                &keepalive,
            ]),
        ),
        (
            "dial-fails",
            plain(&[&[
                op::START,
                op::DIAL_FAILED,
                op::PASS,
                9,
                op::PASS,
                200,
                op::ACCEPT,
                op::CLOSED,
                0,
            ]]),
        ),
        (
            "delayed-open",
            [
                &[3, 0, op::START, op::ACCEPT][..],
                &open,
                &keepalive,
                &[op::PASS, 3],
            ]
            .concat(),
        ),
        ("ibgp", [&[4, 0][..], &up, &cease].concat()),
        ("confederation", [&[8, 8][..], &up, &[op::PASS, 9]].concat()),
        (
            "two-families",
            after([0, 0x54], &[&[op::REFRESH, 1, op::PASS, 100]]),
        ),
    ]
}
