//! Framing, and the messages that are short.

use bgp_wire::{
    Context, Family, Frame, HEADER_LEN, HeaderError, HeaderErrorKind, MAX_EXTENDED_MESSAGE,
    MAX_MESSAGE, Message, MessageType, Notification, Open, PeerKind, RefreshSubtype, RouteRefresh,
    frame,
};

use crate::expect;
use crate::input::{Input, message};

/// A stream of any octets. First octet: whether messages may be extended; then the stream.
///
/// Every message is found as RFC 4271 section 6.1 says, written down here a second time; what was found does not change with
/// what follows, and errors do not wait for it.
pub fn framing(data: &[u8]) {
    let mut input = Input::new(data);
    let max = if input.bool() {
        MAX_EXTENDED_MESSAGE
    } else {
        MAX_MESSAGE
    };
    let mut stream = input.rest();
    while let Some(found) = frame_at(stream, max) {
        stream = &stream[found.message().len()..];
    }
}

fn frame_at(stream: &[u8], max: u16) -> Option<Frame<'_>> {
    let result = frame(stream, max);
    match (&result, expected(stream, max)) {
        (Ok(None), Ok(None)) => {}
        (Ok(Some(found)), Ok(Some(len))) => {
            assert_eq!(found.message(), &stream[..len]);
            assert_eq!(found.body(), &stream[HEADER_LEN..len]);
            assert_eq!(found.kind(), MessageType(stream[18]));
            assert_eq!(
                frame(&stream[..len - 1], max),
                Ok(None),
                "a message without its last octet"
            );
            assert_eq!(
                frame(&stream[..len], max),
                result,
                "what follows changed the message"
            );
        }
        (Err(error), Err(kind)) => {
            assert_eq!(error.kind, kind);
            header_error(error, stream);
            assert_eq!(
                frame(&stream[..HEADER_LEN], max),
                result,
                "the error waits for a body"
            );
        }
        (got, wanted) => panic!("{got:?} where RFC 4271 has {wanted:?}"),
    }
    result.ok().flatten()
}

/// RFC 4271 section 6.1, RFC 8654 section 4: the message's length, `None` if it is not whole yet.
fn expected(stream: &[u8], max: u16) -> Result<Option<usize>, HeaderErrorKind> {
    if stream.len() < 19 {
        return Ok(None);
    }
    if stream[..16].iter().any(|octet| *octet != 255) {
        return Err(HeaderErrorKind::NotSynchronized);
    }
    let len = u16::from_be_bytes([stream[16], stream[17]]);
    let (least, most) = match stream[18] {
        _ if len < 19 || len > max => (u16::MAX, 0),
        1 => (29, max.min(4096)),
        2 => (23, max),
        3 => (21, max),
        4 => (19, 19),
        5 => (19, max),
        _ => return Err(HeaderErrorKind::BadType),
    };
    if len < least || len > most {
        return Err(HeaderErrorKind::BadLength);
    }
    Ok(Some(usize::from(len)).filter(|len| *len <= stream.len()))
}

/// The data that RFC 4271 section 6.1 gives each error.
fn header_error(error: &HeaderError, stream: &[u8]) {
    let notification = error.notification(stream);
    expect::error(error, error.span, notification, stream);
    let data = match error.kind {
        HeaderErrorKind::BadLength => &stream[16..18],
        HeaderErrorKind::BadType => &stream[18..19],
        _ => &[],
    };
    assert_eq!(notification.data.as_slice(), data, "{error}");
}

/// The body of an OPEN.
///
/// What is accepted keeps the promises of [`Open::decode`], encodes to no more octets than it came in, and reads back as it was.
pub fn open(data: &[u8]) {
    let _ = Open::decode(data);
    let Some(message) = message(MessageType::OPEN, data) else {
        return;
    };
    let open = match Open::decode(&message) {
        Ok(open) => open,
        Err(error) => {
            return expect::error(&error, error.span, error.notification(&message), &message);
        }
    };
    assert!(open.my_as != 0 && open.asn().0 != 0 && !open.bgp_id.is_unspecified());
    assert!(!matches!(open.hold_time, 1 | 2));
    assert!(
        2 * open.capabilities.len() <= data.len(),
        "capabilities from nowhere"
    );
    assert!(open.families().count() > 0);
    let out = expect::encodes(&Message::Open(open.clone()));
    assert!(
        out.len() <= message.len(),
        "{} octets became {}",
        message.len(),
        out.len()
    );
    let again = Open::decode(&out).expect("our own OPEN is right");
    assert_eq!(again, open);
    assert_eq!(
        out[19..28],
        message[19..28],
        "version, AS, hold time, identifier"
    );
    assert_eq!(capabilities(&out), capabilities(&message));
    negotiation_is_fair(&open);
}

/// Codes and values of the capabilities of an OPEN that was accepted, reserved bits left out: RFC 5492 section 4, RFC 9072.
fn capabilities(message: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let extended = message[28] != 0 && message.get(29) == Some(&255);
    let (mut rest, header) = if extended {
        (&message[32..], 3)
    } else {
        (&message[29..], 2)
    };
    let mut found = Vec::new();
    while !rest.is_empty() {
        let len = rest[1..header]
            .iter()
            .fold(0, |len, octet| len << 8 | usize::from(*octet));
        let (mut parameter, after) = rest[header..].split_at(len);
        while let [code, len, values @ ..] = parameter {
            let (value, after) = values.split_at(usize::from(*len));
            found.push((*code, without_reserved(*code, value)));
            parameter = after;
        }
        rest = after;
    }
    found
}

/// RFC 4760 section 8, RFC 4724 section 3 with RFC 8538, RFC 9494 section 3.1.
fn without_reserved(code: u8, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    match (code, value.len()) {
        (1, 4) => value[2] = 0,
        (64, 2..) if value.len() % 4 == 2 => {
            value[0] &= 0xcf;
            value[2..]
                .chunks_mut(4)
                .for_each(|family| family[3] &= 0x80);
        }
        (71, _) if value.len().is_multiple_of(7) => {
            value.chunks_mut(7).for_each(|family| family[3] &= 0x80);
        }
        _ => {}
    }
    value
}

/// Both sides come to the same answer.
fn negotiation_is_fair(theirs: &Open) {
    let mut ours = Open::new(bgp_wire::Asn(64512), 90, [192, 0, 2, 1].into());
    ours.capabilities
        .extend(theirs.capabilities.iter().rev().cloned());
    let here = Context::negotiated(&ours, theirs, PeerKind::Ebgp);
    let there = Context::negotiated(theirs, &ours, PeerKind::Ebgp);
    assert_eq!(here.add_path_receive, there.add_path_send);
    assert_eq!(here.add_path_send, there.add_path_receive);
    assert_eq!(
        (here.as_width, here.max_message),
        (there.as_width, there.max_message)
    );
    assert_eq!(here.extended_next_hop, there.extended_next_hop);
    assert!(
        !here.extended_next_hop.contains(Family::IPV6_UNICAST),
        "RFC 8950 is about IPv4"
    );
}

/// The body of a NOTIFICATION.
///
/// It reads back bit for bit; the operator's text is fit to print, and a hard reset keeps it (RFC 8538, RFC 9003).
pub fn notification(data: &[u8]) {
    let _ = Notification::decode(data);
    let Some(message) = message(MessageType::NOTIFICATION, data) else {
        return;
    };
    let notification = match Notification::decode(&message) {
        Ok(notification) => notification,
        Err(error) => {
            assert!(data.len() < 2, "{error}");
            return expect::error(&error, error.span, error.notification(&message), &message);
        }
    };
    assert_eq!(
        expect::encodes(&Message::Notification(notification.clone())),
        message
    );
    let text = notification.shutdown_text();
    for text in [text.clone().unwrap_or_default(), notification.to_string()] {
        assert!(
            !text.chars().any(char::is_control),
            "{text:?} would upset a terminal"
        );
    }
    if data.len() <= usize::from(MAX_MESSAGE)
        && notification.error != bgp_wire::ErrorCode::CEASE_HARD_RESET
    {
        assert_eq!(notification.clone().into_hard_reset().shutdown_text(), text);
    }
    let text = String::from_utf8_lossy(&data[2..]);
    let ours = Notification::new(bgp_wire::ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN)
        .with_shutdown_text(&text);
    let read = ours.shutdown_text().unwrap_or_default();
    let sent: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    assert!(
        sent.starts_with(&read) && ours.data.len() <= 256,
        "{sent:?} became {read:?}"
    );
    assert!(
        text.len() > 255 || read == sent,
        "{sent:?} was cut to {read:?}"
    );
}

/// The body of a ROUTE-REFRESH.
///
/// It reads back bit for bit, unless its length is what RFC 7313 section 5 calls wrong.
pub fn route_refresh(data: &[u8]) {
    let _ = RouteRefresh::decode(data);
    let Some(message) = message(MessageType::ROUTE_REFRESH, data) else {
        return;
    };
    let marks = matches!(data, [_, _, 1 | 2, ..]);
    let fits = data.len() == 4 || (data.len() > 4 && !marks);
    match RouteRefresh::decode(&message) {
        Err(error) => {
            assert!(!fits, "{error}");
            let notification = error.notification(&message);
            assert_eq!(
                notification.data.as_slice(),
                message,
                "RFC 7313 wants the whole message"
            );
            expect::error(&error, error.span, notification, &message);
        }
        Ok(refresh) => {
            assert!(fits, "{refresh:?} from {data:?}");
            let normal = refresh.subtype == RefreshSubtype::Normal;
            assert_eq!(normal, data[2] == 0);
            assert_eq!(expect::encodes(&Message::RouteRefresh(refresh)), message);
        }
    }
}
