//! Many routes in several messages.

use bgp_wire::{
    Aggregator, Asn, Attribute, AttributeFlags, AttributeType, Community, Context, Disposition,
    EncodeError, Family, LargeCommunity, MessageType, NextHop, Nlri, Origin, Update, UpdatePacker,
    UpdateView, encode_attributes, frame,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::input::{Input, message};
use crate::update::path_for;

/// Two octets of context, two of a limit, one that says whether an UPDATE follows (bit 0) or what to build one from.
///
/// Every piece decodes, none is over the limit, together they are the original: routes in order, with the same attributes and
/// next hops. Where there is an error, there was no way to split.
pub fn split(data: &[u8]) {
    let mut input = Input::new(data);
    let context = input.context();
    let max = input.u16() % 4097;
    let update = if input.bool() {
        let message = message(MessageType::UPDATE, input.rest());
        message.and_then(|message| Update::decode(&message, &context).ok())
    } else {
        Some(build(&mut input, &context))
    };
    if let Some(update) = update {
        pieces(&update, max, &context);
    }
}

fn pieces(update: &Update, max: u16, context: &Context) {
    let mut out = vec![7];
    match update.split(max, &mut out) {
        Err(error) => {
            assert_eq!(out, [7], "something was written");
            assert!(
                matches!(error, EncodeError::MessageTooLong { .. }),
                "{error}"
            );
            not_to_be_split(update, max);
        }
        Ok(()) if update.encoded_len() <= usize::from(max) => {
            assert_eq!(&out[1..], update.as_octets());
        }
        Ok(()) => {
            let view = update.view().expect("only sound ones are split");
            assert_eq!(view.disposition(), Disposition::None);
            let pieces = messages(&out[1..], max);
            let pieces: Vec<_> = pieces.iter().map(|piece| sound(piece, context)).collect();
            same_routes(&view, &pieces);
            pieces
                .iter()
                .for_each(|piece| same_attributes(&view, piece));
        }
    }
}

/// Too long, and either not sound, or without routes, or with more attributes than leave room for a route.
fn not_to_be_split(update: &Update, max: u16) {
    assert!(update.encoded_len() > usize::from(max));
    let Ok(view) = update.view() else {
        return;
    };
    let reach = view.mp_reach();
    let raw = reach.is_some_and(|it| it.family.prefix_bits().is_none())
        || view
            .mp_unreach()
            .is_some_and(|it| it.family.prefix_bits().is_none());
    let routes = view.withdrawn().chain(view.announced()).count();
    if view.disposition() != Disposition::None || routes == 0 || raw {
        return;
    }
    let attributes: u16 = own(&view).map(|a| a.span().len).sum();
    let next_hop = reach.map_or(0, |it| it.next_hop.len());
    // Header, two lengths, attributes; MP_REACH_NLRI with its header, family, next hop, and one prefix with a path identifier.
    let enough = 19 + 4 + usize::from(attributes) + 4 + 5 + next_hop + 21;
    assert!(enough > usize::from(max), "{enough} octets fit into {max}");
}

/// The attributes that a route keeps.
fn own<'a>(view: &UpdateView<'a>) -> impl Iterator<Item = bgp_wire::AttributeView<'a>> {
    let carriers = [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI];
    view.attributes()
        .filter(move |a| !carriers.contains(&a.kind()))
}

/// The messages of a stream, none over the limit.
fn messages(mut stream: &[u8], max: u16) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(frame) = frame(stream, max).expect("within the limit") {
        found.push(frame.message());
        stream = &stream[frame.message().len()..];
    }
    assert!(stream.is_empty(), "half a message is left");
    found
}

fn sound<'a>(message: &'a [u8], context: &Context) -> UpdateView<'a> {
    let view = UpdateView::parse(message, context).expect("a piece of what was sound");
    assert_eq!(view.errors().next(), None);
    view
}

/// Octet for octet, whatever the family's NLRI look like.
fn same_routes(whole: &UpdateView<'_>, pieces: &[UpdateView<'_>]) {
    type Field = fn(&UpdateView<'_>) -> Vec<u8>;
    let fields: [(&str, Field); 4] = [
        ("withdrawn", |view| view.withdrawn_field().to_vec()),
        ("NLRI", |view| view.nlri_field().to_vec()),
        ("unreach", |view| {
            view.mp_unreach()
                .map_or_else(Vec::new, |it| it.nlri.to_vec())
        }),
        ("reach", |view| {
            view.mp_reach().map_or_else(Vec::new, |it| it.nlri.to_vec())
        }),
    ];
    for (name, field) in fields {
        let together: Vec<u8> = pieces.iter().flat_map(field).collect();
        assert_eq!(together, field(whole), "{name}");
    }
    for piece in pieces {
        assert!(
            piece.withdrawn().chain(piece.announced()).count() > 0 || piece.message().len() > 23,
            "an empty piece"
        );
        assert!(
            piece.end_of_rib().is_none(),
            "a piece that reads as the end of all"
        );
    }
}

fn same_attributes(whole: &UpdateView<'_>, piece: &UpdateView<'_>) {
    let announces = !piece.nlri_field().is_empty() || piece.mp_reach().is_some();
    if !announces {
        assert_eq!(own(piece).count(), 0, "attributes of withdrawn routes");
        return;
    }
    let in_field = !piece.nlri_field().is_empty();
    let octets = |view: &UpdateView<'_>| -> Vec<u8> {
        let kept = own(view).filter(|a| in_field || a.kind() != AttributeType::NEXT_HOP);
        kept.flat_map(|a| a.span().of(view.message()).to_vec())
            .collect()
    };
    assert_eq!(octets(piece), octets(whole));
    if let (Some(here), Some(there)) = (piece.mp_reach(), whole.mp_reach()) {
        assert_eq!((here.family, here.next_hop), (there.family, there.next_hop));
    }
}

/// Of more a fuzzer learns nothing, and one by one they cost the square of their number.
const MOST_ROUTES: usize = 600;

/// An UPDATE out of whatever the octets say; what does not fit is left out. What is in it reads as it was put there.
fn build(input: &mut Input<'_>, context: &Context) -> Update {
    let mut update = Update::new(context);
    let mut added = Vec::new();
    let mandatory = input.bool();
    if mandatory {
        let path = path_for(context, context.first_as.into_iter().chain([Asn(64512)]));
        update.set(&Attribute::Origin(Origin::Igp)).expect("short");
        update.set(&Attribute::AsPath(path)).expect("short");
    }
    while !input.is_empty() {
        let (op, count) = (input.octet(), input.octet());
        let add = |update: &mut Update, nlri: Nlri| match op % 8 {
            0 | 1 => update.announce(nlri, NextHop::V4([192, 0, 2, 1].into())),
            2 | 3 => update.announce(
                nlri,
                NextHop::from(
                    "2001:db8::1"
                        .parse::<std::net::Ipv6Addr>()
                        .expect("written here"),
                ),
            ),
            _ => update.withdraw(nlri),
        };
        if op % 8 > 5 {
            let _ = update.set(&attribute(input, context, count));
            continue;
        }
        let room = MOST_ROUTES.saturating_sub(added.len());
        for nlri in routes(input, op, count).take(room) {
            let before = update.encoded_len();
            if add(&mut update, nlri).is_ok() {
                assert!(update.encoded_len() > before, "{nlri} was not added");
                let ids = context.add_path_receive.contains(nlri.family);
                let path_id = nlri.path_id.filter(|_| ids);
                added.push(Nlri { path_id, ..nlri });
            }
        }
    }
    reads_as_built(&update, added);
    update
}

/// Whatever the attributes are worth, the routes are all there and well-formed.
fn reads_as_built(update: &Update, mut added: Vec<Nlri>) {
    match update.view() {
        Err(error) => {
            use bgp_wire::UpdateErrorKind::{
                AttributeBeyondList, Header, LengthBeyondMessage, MultiprotocolSyntax, NlriSyntax,
                WithdrawnSyntax,
            };
            let syntax = matches!(
                error.kind,
                AttributeBeyondList
                    | Header(_)
                    | LengthBeyondMessage
                    | MultiprotocolSyntax(_)
                    | NlriSyntax
                    | WithdrawnSyntax
            );
            assert!(!syntax, "{error}");
        }
        // The next hop is not what was negotiated for the family.
        Ok(view) if view.disposition() > Disposition::TreatAsWithdraw => {}
        Ok(view) => {
            let mut read: Vec<Nlri> = view.withdrawn().chain(view.announced()).collect();
            read.sort();
            added.sort();
            assert_eq!(read, added);
        }
    }
}

/// Neighbouring prefixes, from one that the input gives.
fn routes(input: &mut Input<'_>, op: u8, count: u8) -> impl Iterator<Item = Nlri> {
    let (bits, base) = (input.octet(), input.u32());
    let family = match op >> 6 {
        0 => Family::IPV4_UNICAST,
        1 => Family::IPV6_UNICAST,
        2 => Family::IPV4_MULTICAST,
        _ => Family::IPV6_MULTICAST,
    };
    (0..=u32::from(count)).map(move |i| Nlri {
        family,
        prefix: prefix(family, bits, base.wrapping_add(i << 8)),
        path_id: Some(i),
    })
}

fn prefix(family: Family, bits: u8, base: u32) -> IpNet {
    if family.prefix_bits() == Some(32) {
        Ipv4Net::new_assert(base.into(), bits % 33).trunc().into()
    } else {
        let address = (0x2001_0db8_u128 << 96) | (u128::from(base) << 40);
        Ipv6Net::new_assert(address.into(), bits % 129)
            .trunc()
            .into()
    }
}

/// An attribute of `count` somethings.
fn attribute(input: &mut Input<'_>, context: &Context, count: u8) -> Attribute {
    let members = usize::from(count);
    match input.octet() % 8 {
        0 => Attribute::MultiExitDisc(input.u32()),
        1 => {
            let more = (0..members).map(|i| Asn(64512 + 100 * u32::from(i as u8)));
            let path = path_for(context, context.first_as.into_iter().chain(more));
            Attribute::AsPath(path)
        }
        2 => Attribute::Communities((0..=count).map(|i| Community(u32::from(i))).collect()),
        3 => Attribute::Aggregator(Aggregator {
            asn: Asn(input.u32()),
            address: [192, 0, 2, count].into(),
        }),
        4 => Attribute::LargeCommunities(vec![
            LargeCommunity {
                global: 1,
                local_1: 2,
                local_2: 3
            };
            members + 1
        ]),
        5 => Attribute::LocalPref(input.u32()),
        6 => Attribute::AtomicAggregate,
        _ => Attribute::Unknown {
            flags: AttributeFlags::OPTIONAL_TRANSITIVE,
            kind: AttributeType(200 + count % 50),
            value: input.take(members).to_vec().into(),
        },
    }
}

/// Two octets of context, two of a limit, one of a family, whether to announce, attributes, then prefixes.
///
/// A packer's messages hold the prefixes in order, none is over the limit, and a new one is begun only when the next prefix does
/// not fit any more.
pub fn pack(data: &[u8]) {
    let mut input = Input::new(data);
    let context = input.context();
    let (max, choice) = (input.u16() % 4097, input.octet());
    let family = match choice & 3 {
        0 => Family::IPV4_UNICAST,
        1 => Family::IPV6_UNICAST,
        2 => Family::IPV4_MULTICAST,
        _ => Family::IPV6_MULTICAST,
    };
    let next_hop = next_hop(choice >> 2);
    let reach = choice & 0x80 == 0;
    let block = if reach {
        block(&mut input, &context)
    } else {
        Vec::new()
    };
    let packer = if reach {
        UpdatePacker::reach(family, next_hop, &block, max)
    } else {
        UpdatePacker::unreach(family, max)
    };
    let Ok(mut packer) = packer else {
        let longest = 19 + 4 + block.len() + 4 + 5 + next_hop.encoded_len() + 21;
        let misfit =
            reach && family.afi == bgp_wire::Afi::IPV6 && matches!(next_hop, NextHop::V4(_));
        return assert!(
            misfit || longest > usize::from(max),
            "{longest} octets fit into {max}"
        );
    };
    let routes = routes_of(&mut input, family, &context);
    let mut out = Vec::new();
    for nlri in &routes {
        match nlri.path_id {
            Some(id) => packer.push_path(&mut out, id, nlri.prefix),
            None => packer.push(&mut out, nlri.prefix),
        }
    }
    packer.finish(&mut out);
    let context = context.with_extended_next_hop(bgp_wire::FamilySet::ALL);
    let found = messages(&out, max);
    let mut at = 0;
    for message in &found {
        let view = UpdateView::parse(message, &context).expect("what the packer made");
        // What the attributes lack withdraws the routes.
        let read: Vec<_> = view.withdrawn().chain(view.announced()).collect();
        assert_eq!(read, routes[at..at + read.len()]);
        at += read.len();
        if let Some(next) = routes.get(at) {
            let id = if next.path_id.is_some() { 4 } else { 0 };
            let next = id + 1 + usize::from(next.prefix.prefix_len().div_ceil(8));
            let full = message.len() + next > usize::from(max);
            assert!(full, "a message with room was ended");
        }
        if reach {
            assert_eq!(view.next_hop(family), Some(next_hop));
        } else {
            assert_eq!(
                (view.announced().count(), view.disposition()),
                (0, Disposition::None)
            );
        }
    }
    assert_eq!(at, routes.len(), "prefixes got lost");
}

fn next_hop(choice: u8) -> NextHop {
    let global = "2001:db8::1".parse().expect("written here");
    match choice & 3 {
        0 => NextHop::V4([192, 0, 2, 1].into()),
        1 => NextHop::V6 {
            global,
            link_local: None,
        },
        _ => NextHop::V6 {
            global,
            link_local: Some("fe80::1".parse().expect("written here")),
        },
    }
}

fn block(input: &mut Input<'_>, context: &Context) -> Vec<u8> {
    let mut attributes = vec![Attribute::Origin(Origin::Igp)];
    for _ in 0..input.octet() % 4 {
        let count = input.octet();
        attributes.push(attribute(input, context, count));
    }
    attributes.sort_by_key(Attribute::kind);
    attributes.dedup_by_key(|attribute| attribute.kind());
    let mut block = Vec::new();
    encode_attributes(&attributes, context.as_width, &mut block)
        .expect("a few hundred octets each");
    block
}

/// Neighbouring prefixes of one family, with path identifiers where these were negotiated.
fn routes_of(input: &mut Input<'_>, family: Family, context: &Context) -> Vec<Nlri> {
    let ids = context.add_path_send.contains(family);
    let mut routes = Vec::new();
    while !input.is_empty() {
        let (count, bits, base) = (input.octet(), input.octet(), input.u32());
        routes.extend((0..=u32::from(count)).map(|i| Nlri {
            family,
            prefix: prefix(family, bits, base.wrapping_add(i << 8)),
            path_id: ids.then_some(i),
        }));
    }
    routes
}
