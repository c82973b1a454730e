//! UPDATEs in place, and UPDATEs that own their octets.

use bgp_wire::{
    Aggregator, AsPath, AsWidth, Asn, Attribute, AttributeFlags, AttributeType, AttributeView,
    Community, Context, Disposition, Family, MessageType, Nlri, SegmentKind, Span, Update,
    UpdateError, UpdateErrorKind, UpdateView,
};

use crate::expect;
use crate::input::{Input, message};

/// Two octets of context, then the body of an UPDATE.
///
/// Everything that a view shows agrees with a second, simple reading of the octets, and with itself.
pub fn update(data: &[u8]) {
    let mut input = Input::new(data);
    let context = input.context();
    let _ = UpdateView::parse(data, &context);
    let Some(message) = message(MessageType::UPDATE, input.rest()) else {
        return;
    };
    match UpdateView::parse(&message, &context) {
        Err(error) => refused(&error, &message, &context),
        Ok(view) => {
            errors(&view);
            attributes(&view);
            routes(&view);
            as_path(&view);
            end_of_rib(&view);
        }
    }
}

/// Only what RFC 7606 answers with a reset, or a reset in place of disabling a family, is no UPDATE at all.
fn refused(error: &UpdateError, message: &[u8], context: &Context) {
    let resets = match error.disposition() {
        Disposition::SessionReset => true,
        Disposition::AfiSafiDisable(_) => !context.afi_safi_disable,
        _ => false,
    };
    assert!(resets, "{error} does not end a session");
    let class = if matches!(error.kind, UpdateErrorKind::Header(_)) {
        1
    } else {
        3
    };
    assert_eq!(error.code().code, class, "{error}");
    expect::error(error, error.span, error.notification(message), message);
}

fn errors(view: &UpdateView<'_>) {
    let mut strongest = Disposition::None;
    for error in view.errors() {
        expect::error(
            &error,
            error.span,
            error.notification(view.message()),
            view.message(),
        );
        assert!(
            error.disposition() > Disposition::None,
            "{error} is nothing"
        );
        strongest = strongest.max(error.disposition());
    }
    assert_eq!(view.disposition(), strongest);
    assert_ne!(
        strongest,
        Disposition::SessionReset,
        "a view of what ends the session"
    );
}

/// Each attribute of the list is either shown, bit for bit, or the place of an error.
fn attributes(view: &UpdateView<'_>) {
    let mut shown = view.attributes().peekable();
    let errors: Vec<UpdateError> = view.errors().collect();
    let mut seen = [false; 256];
    for raw in RawAttributes::of(view) {
        let inside = |span: Span| raw.start <= span.offset && end(span) <= raw.end && span.len > 0;
        let wrong = errors.iter().any(|e| inside(e.span));
        let Some(attribute) = shown.next_if(|a| a.span().offset == raw.start) else {
            assert!(wrong, "attribute at {} is gone without an error", raw.start);
            continue;
        };
        assert!(!wrong, "{} has an error and is shown", attribute.kind());
        assert_eq!(end(attribute.span()), raw.end);
        assert_eq!(attribute.span().of(view.message()).len(), raw.octets.len());
        assert_eq!([attribute.flags().0, attribute.kind().0], raw.octets[..2]);
        assert_eq!(attribute.octets(), &raw.octets[raw.header..]);
        assert!(
            !std::mem::replace(&mut seen[usize::from(raw.octets[1])], true),
            "shown twice"
        );
        assert_eq!(
            view.attribute(attribute.kind()).map(|a| a.span()),
            Some(attribute.span())
        );
        value(&attribute, view.context());
    }
    assert!(
        shown.next().is_none(),
        "an attribute that is not in the list"
    );
}

/// An attribute's own value encodes to the octets that it was read from.
fn value(attribute: &AttributeView<'_>, context: &Context) {
    let owned = attribute.to_owned();
    assert_eq!(owned.kind(), attribute.kind());
    let mut out = Vec::new();
    owned
        .encode(context.as_width, &mut out)
        .expect("it came in an attribute");
    assert_eq!(out.len(), owned.encoded_len(context.as_width));
    let octets = attribute.octets();
    assert!(
        out.ends_with(octets),
        "{owned:?} is written as {out:02x?}, came as {octets:02x?}"
    );
    let header = out.len() - octets.len();
    let extended = AttributeFlags(out[0]).is_extended_length();
    assert_eq!(header, if extended { 4 } else { 3 });
    // The flags of a known type are those that it prescribes, which a sound attribute has; Partial and Extended Length may differ.
    assert_eq!((out[0] ^ attribute.flags().0) & 0xc0, 0, "{owned:?}");
}

/// Withdrawn and announced prefixes are those of the fields, in order, and none is announced where RFC 7606 withdraws.
fn routes(view: &UpdateView<'_>) {
    let context = view.context();
    let read = |octets, family| prefixes(octets, family, context);
    let disabled = Disposition::AfiSafiDisable(Family::IPV4_UNICAST);
    let v4 = |octets| {
        if view.disposition() == disabled {
            return Vec::new();
        }
        read(octets, Family::IPV4_UNICAST)
    };
    let unreach = view
        .mp_unreach()
        .map_or_else(Vec::new, |it| read(it.nlri, it.family));
    let reach = view
        .mp_reach()
        .map_or_else(Vec::new, |it| read(it.nlri, it.family));
    let nlri = v4(view.nlri_field());
    let mut withdrawn = [v4(view.withdrawn_field()), unreach].concat();
    let mut announced = [nlri, reach].concat();
    let withdraws = view
        .errors()
        .any(|e| e.disposition() == Disposition::TreatAsWithdraw);
    if withdraws {
        withdrawn.append(&mut announced);
    }
    assert_eq!(view.withdrawn().collect::<Vec<_>>(), withdrawn);
    assert_eq!(view.announced().collect::<Vec<_>>(), announced);
    for nlri in view.announced() {
        assert!(
            view.next_hop(nlri.family).is_some(),
            "{nlri} has no next hop"
        );
    }
}

/// The path, AS4_PATH merged in, reads the same in all ways of reading it.
fn as_path(view: &UpdateView<'_>) {
    let _ = view.aggregator();
    let Some(path) = view.as_path() else {
        assert!(view.attribute(AttributeType::AS_PATH).is_none());
        return;
    };
    let owned = path.to_owned();
    assert_eq!(path.to_string(), owned.to_string());
    assert_eq!(path.is_empty(), owned.segments.is_empty());
    assert!(
        path.asns().eq(owned
            .segments
            .iter()
            .flat_map(|s| s.members.iter().copied()))
    );
    let hops = owned.segments.iter().map(|segment| match segment.kind {
        SegmentKind::Set => 1,
        SegmentKind::Sequence => segment.members.len(),
        _ => 0,
    });
    assert_eq!(
        path.hops(),
        hops.sum::<usize>(),
        "{path}: AS4_PATH changed the length"
    );
    assert!(
        path.first()
            .is_none_or(|asn| path.asns().next() == Some(asn))
    );
    assert!(
        path.origin()
            .is_none_or(|asn| path.asns().last() == Some(asn))
    );
}

fn end_of_rib(view: &UpdateView<'_>) {
    if let Some(family) = view.end_of_rib() {
        let routes = view.withdrawn().chain(view.announced()).count();
        assert_eq!(routes, 0, "{family} has routes");
        // With the wrong flags MP_UNREACH_NLRI still says what is withdrawn, though it is not shown.
        let shown = view.attributes().count();
        let alone = view.message().len() == 23 || RawAttributes::of(view).count() == 1;
        assert!(alone && shown <= 1, "{family} ends with attributes");
    }
}

fn end(span: Span) -> u16 {
    span.offset + span.len
}

/// An attribute list read with nothing but RFC 4271 section 4.3 in mind; what fits no attribute comes as the last.
struct RawAttributes<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

struct RawAttribute<'a> {
    octets: &'a [u8],
    start: u16,
    end: u16,
    /// Octets before the value.
    header: usize,
}

impl<'a> RawAttributes<'a> {
    fn of(view: &UpdateView<'a>) -> Self {
        let message = view.message();
        let withdrawn = usize::from(u16::from_be_bytes([message[19], message[20]]));
        let at = 23 + withdrawn;
        let len = u16::from_be_bytes([message[at - 2], message[at - 1]]);
        Self {
            message,
            at,
            end: at + usize::from(len),
        }
    }
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        let list = &self.message[self.at..self.end];
        let (header, value) = match *list {
            [] => return None,
            [flags, _, high, low, ..] if flags & 0x10 != 0 => {
                (4, usize::from(high) << 8 | usize::from(low))
            }
            [flags, _, len, ..] if flags & 0x10 == 0 => (3, usize::from(len)),
            _ => (0, list.len()),
        };
        let octets = &list[..list.len().min(header + value)];
        let start = self.at;
        self.at += octets.len();
        let to_u16 = |at| u16::try_from(at).expect("a message has at most 65535 octets");
        Some(RawAttribute {
            octets,
            start: to_u16(start),
            end: to_u16(self.at),
            header,
        })
    }
}

/// A field of prefixes read with nothing but RFC 4271 section 4.3 and RFC 7911 in mind.
fn prefixes(mut octets: &[u8], family: Family, context: &Context) -> Vec<Nlri> {
    let v4 = match (family.afi.0, family.safi.0) {
        (1, 1 | 2) => true,
        (2, 1 | 2) => false,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    while !octets.is_empty() {
        let mut path_id = None;
        if context.add_path_receive.contains(family) {
            path_id = Some(u32::from_be_bytes(octets[..4].try_into().expect("four")));
            octets = &octets[4..];
        }
        let bits = octets[0];
        let len = usize::from(bits).div_ceil(8);
        let mut address = [0; 16];
        address[..len].copy_from_slice(&octets[1..=len]);
        octets = &octets[1 + len..];
        let address = u128::from_be_bytes(address)
            & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
        let prefix = if v4 {
            let address = std::net::Ipv4Addr::from((address >> 96) as u32);
            ipnet::Ipv4Net::new(address, bits).expect("checked").into()
        } else {
            ipnet::Ipv6Net::new(address.into(), bits)
                .expect("checked")
                .into()
        };
        found.push(Nlri {
            family,
            prefix,
            path_id,
        });
    }
    found
}

/// Two octets of context, one of what to change, then the body of an UPDATE.
///
/// An UPDATE that owns its octets shows what the view shows, is written as it came, and a change of one attribute changes
/// nothing else.
pub fn view_owned(data: &[u8]) {
    let mut input = Input::new(data);
    let context = input.context();
    let change = input.octet();
    let Some(message) = message(MessageType::UPDATE, input.rest()) else {
        return;
    };
    let (view, owned) = match (
        UpdateView::parse(&message, &context),
        Update::decode(&message, &context),
    ) {
        (Ok(view), Ok(owned)) => (view, owned),
        (Err(here), Err(there)) => return assert_eq!(here, there),
        (here, there) => panic!("view: {here:?}, owned: {there:?}"),
    };
    assert_eq!(owned.as_octets(), message);
    assert_eq!(view.to_owned(), owned);
    let again = owned.view().expect("it was decoded");
    assert_eq!(again.disposition(), view.disposition());
    assert!(again.errors().eq(view.errors()));
    assert!(again.withdrawn().eq(view.withdrawn()) && again.announced().eq(view.announced()));
    assert_eq!(kept(&again, |_| true), kept(&view, |_| true));
    assert_eq!(
        again.as_path().map(|p| p.to_owned()),
        view.as_path().map(|p| p.to_owned())
    );
    assert_eq!(
        (again.aggregator(), again.end_of_rib()),
        (view.aggregator(), view.end_of_rib())
    );
    // What is withdrawn for an error may come back, or go, with the attribute that is at fault.
    if view.disposition() <= Disposition::AttributeDiscard {
        set(&view, owned.clone(), change);
        remove(&view, owned, AttributeType(change));
    }
}

/// The octets of the attributes of some types: flags, type, value.
fn kept<'a>(
    view: &UpdateView<'a>,
    keep: impl Fn(AttributeType) -> bool,
) -> Vec<(u8, u8, &'a [u8])> {
    let chosen = view.attributes().filter(|a| keep(a.kind()));
    chosen
        .map(|a| (a.flags().0, a.kind().0, a.octets()))
        .collect()
}

fn set(view: &UpdateView<'_>, mut owned: Update, change: u8) {
    let attribute = match change % 5 {
        0 => Attribute::MultiExitDisc(u32::from(change)),
        1 => Attribute::Communities(vec![Community(u32::from(change)); usize::from(change)]),
        2 => Attribute::Aggregator(Aggregator {
            asn: Asn(if change & 64 == 0 { 70_000 } else { 64_512 }),
            address: [192, 0, 2, 1].into(),
        }),
        3 => Attribute::OnlyToCustomer(Asn(u32::from(change))),
        _ => Attribute::Unknown {
            flags: AttributeFlags::OPTIONAL_TRANSITIVE,
            kind: AttributeType(200),
            value: vec![change; usize::from(change)].into(),
        },
    };
    // A list without communities would be malformed.
    if attribute == Attribute::Communities(Vec::new()) {
        return;
    }
    let before = owned.clone();
    if owned.set(&attribute).is_err() {
        // The limit of 65535 octets is met in the attribute or in its companion.
        return assert!(before.encoded_len() > 64_000, "{attribute:?}");
    }
    let kind = attribute.kind();
    let others = |it| {
        let companion = kind == AttributeType::AGGREGATOR && it == AttributeType::AS4_AGGREGATOR;
        it != kind && !companion
    };
    let after = owned
        .view()
        .expect("a sound attribute does not end the session");
    assert_eq!(kept(&after, others), kept(view, others));
    assert!(after.announced().eq(view.announced()) && after.withdrawn().eq(view.withdrawn()));
    assert!(after.disposition() <= view.disposition());
    assert!(
        !ascending(view) || ascending(&after),
        "{kind} is out of order"
    );
    if let Attribute::Aggregator(it) = attribute {
        // Two octets alone hold no such AS; RFC 6793 section 4.2.3 puts it together again.
        assert_eq!(after.aggregator(), Some(it));
        let companion = after.attribute(AttributeType::AS4_AGGREGATOR);
        let wanted = after.context().as_width == AsWidth::Two && it.asn == Asn(70_000);
        assert_eq!(companion.is_some(), wanted, "AS4_AGGREGATOR");
    } else {
        assert_eq!(after.attribute(kind).map(|a| a.to_owned()), Some(attribute));
    }
}

/// Whether the attributes are in the order of RFC 4271 section 5, those aside that RFC 7606 section 5.1 puts in front.
fn ascending(view: &UpdateView<'_>) -> bool {
    let in_front = [
        AttributeType::MP_REACH_NLRI.0,
        AttributeType::MP_UNREACH_NLRI.0,
    ];
    let kinds = RawAttributes::of(view).map(|raw| raw.octets[1]);
    kinds.filter(|kind| !in_front.contains(kind)).is_sorted()
}

fn remove(view: &UpdateView<'_>, mut owned: Update, kind: AttributeType) {
    let there = RawAttributes::of(view).any(|raw| raw.octets[1] == kind.0);
    assert_eq!(owned.remove(kind), there, "{kind}");
    let after = match owned.view() {
        Ok(after) => after,
        // Without its attributes the routes are withdrawn, and without its routes that ends the session.
        Err(error) => return assert!(there, "{error}"),
    };
    assert!(
        RawAttributes::of(&after).all(|raw| raw.octets[1] != kind.0),
        "{kind} is still there"
    );
    assert_eq!(kept(&after, |_| true), kept(view, |it| it != kind));
    let missing = |e: UpdateError| e.kind == UpdateErrorKind::Missing(kind);
    assert!(after.disposition() <= view.disposition() || after.errors().any(missing));
}

/// An AS path that a peer of this kind may send.
pub(crate) fn path_for(context: &Context, members: impl IntoIterator<Item = Asn>) -> AsPath {
    match context.peer_kind {
        bgp_wire::PeerKind::Confederation => AsPath::confed_sequence(members),
        _ => AsPath::sequence(members),
    }
}
