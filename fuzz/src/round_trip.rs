//! Decode, encode, decode again.

use bgp_wire::{
    Attribute, AttributeType, Context, Disposition, EncodeError, Family, Frame, Message, NextHop,
    Update, UpdateView, frame,
};

use crate::expect;
use crate::input::Input;

/// Two octets of context, then a stream of messages.
///
/// What decodes encodes, and that decodes to the same and encodes to the same. An UPDATE comes back bit for bit, and when it is
/// built again from its attributes and prefixes it says the same in no more octets.
pub fn round_trip(data: &[u8]) {
    let mut input = Input::new(data);
    let context = input.context();
    let mut stream = input.rest();
    while let Ok(Some(found)) = frame(stream, context.max_message) {
        fixpoint(&found, &context);
        stream = &stream[found.message().len()..];
    }
}

fn fixpoint(found: &Frame<'_>, context: &Context) {
    let Ok(message) = Message::decode(found, context) else {
        return;
    };
    assert_eq!(message.kind(), found.kind());
    let out = expect::encodes(&message);
    let frame = frame(&out, context.max_message).expect("our header is right");
    let frame = frame.expect("a whole message");
    assert_eq!(frame.message(), out, "the length is the header's");
    let again = Message::decode(&frame, context);
    assert_eq!(again.as_ref(), Ok(&message));
    if let Message::Open(_) = message {
        // Capabilities may come in several parameters, and are sent in one.
        assert_eq!(expect::encodes(&again.expect("compared above")), out);
    } else {
        assert_eq!(out, found.message());
    }
    if let Message::Update(update) = message {
        rebuilt(&update);
    }
}

fn rebuilt(update: &Update) {
    let view = update.view().expect("it was decoded");
    if view.disposition() > Disposition::AttributeDiscard || !buildable(&view) {
        return;
    }
    let copy = rebuild(&view, update.context()).expect("all of it was in one message");
    assert!(copy.encoded_len() <= update.encoded_len(), "it grew");
    let read = copy.view().expect("a copy of what was sound");
    assert_eq!(read.errors().next(), None);
    assert!(read.announced().eq(view.announced()), "announced routes");
    assert!(read.withdrawn().eq(view.withdrawn()), "withdrawn routes");
    let owned = |view: &UpdateView<'_>| {
        let mut list: Vec<Attribute> = own(view).collect();
        list.sort_by_key(Attribute::kind);
        list
    };
    assert_eq!(owned(&read), owned(&view));
    assert_eq!(
        read.as_path().map(|p| p.to_owned()),
        view.as_path().map(|p| p.to_owned())
    );
    for nlri in view.announced() {
        assert_eq!(
            read.next_hop(nlri.family),
            view.next_hop(nlri.family),
            "{nlri}"
        );
    }
}

/// The attributes that are a route's own.
fn own(view: &UpdateView<'_>) -> impl Iterator<Item = Attribute> {
    let carriers = [AttributeType::MP_REACH_NLRI, AttributeType::MP_UNREACH_NLRI];
    view.attributes()
        .filter(move |a| !carriers.contains(&a.kind()))
        .map(|a| a.to_owned())
}

/// Not what only others make: IPv4 unicast with an IPv4 next hop in MP_REACH_NLRI, which we send in the NLRI field.
fn buildable(view: &UpdateView<'_>) -> bool {
    view.mp_reach().is_none_or(|reach| {
        reach.family != Family::IPV4_UNICAST || !matches!(reach.next_hop(), Some(NextHop::V4(_)))
    })
}

fn rebuild(view: &UpdateView<'_>, context: &Context) -> Result<Update, EncodeError> {
    let mut copy = Update::new(context);
    let mut attributes: Vec<Attribute> = own(view).collect();
    // AS4_PATH behind AS_PATH, which brings one of its own.
    attributes.sort_by_key(Attribute::kind);
    for attribute in &attributes {
        copy.set(attribute)?;
    }
    for nlri in view.withdrawn() {
        copy.withdraw(nlri)?;
    }
    // IPv4 unicast may be in both places, each with a next hop of its own.
    let reach = view.mp_reach();
    let in_reach = reach.map_or(0, |reach| reach.prefixes().count());
    let in_field = view.announced().count() - in_reach;
    let of_field = own(view).find_map(|attribute| match attribute {
        Attribute::NextHop(address) => Some(address.into()),
        _ => None,
    });
    let of_reach = reach.and_then(|reach| reach.next_hop());
    for (i, nlri) in view.announced().enumerate() {
        let next_hop = if i < in_field { of_field } else { of_reach };
        copy.announce(nlri, next_hop.expect("an announced route has a next hop"))?;
    }
    Ok(copy)
}
