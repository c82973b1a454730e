//! What holds for every message and every error.

use bgp_wire::{EncodeError, Message, NotificationView, Span};

/// An error points into its message, and the NOTIFICATION it stands for has a code that RFC 4271 section 4.5 knows
/// and no more data than there was.
pub(crate) fn error(
    what: &dyn std::fmt::Display,
    span: Span,
    notification: NotificationView<'_>,
    message: &[u8],
) {
    let end = usize::from(span.offset) + usize::from(span.len);
    assert!(
        end <= message.len(),
        "{what}: the span is not in the message of {} octets",
        message.len()
    );
    assert!(
        (1..=7).contains(&notification.error.code),
        "{what}: {:?}",
        notification.error
    );
    assert!(
        notification.data.as_slice().len() <= message.len().max(2),
        "{what}: data from elsewhere"
    );
    assert!(!what.to_string().is_empty());
    let owned = notification.to_owned();
    assert!(!owned.to_string().is_empty());
}

/// Encodes a message that fits: as long as announced, into a buffer of just that size, and not at all into a smaller one.
pub(crate) fn encodes(message: &Message) -> Vec<u8> {
    let len = message.encoded_len();
    let mut out = Vec::new();
    message
        .encode(&mut out)
        .expect("a message that was received can be sent");
    assert_eq!(out.len(), len, "encoded_len");

    let mut exact = vec![0; len];
    let mut room = &mut exact[..];
    assert_eq!(message.encode(&mut room), Ok(()));
    assert!(
        room.is_empty() && exact == out,
        "another buffer, other octets"
    );

    let mut short = vec![0; len - 1];
    let mut room = &mut short[..];
    let refused = EncodeError::BufferTooSmall {
        needed: len,
        available: len - 1,
    };
    assert_eq!(message.encode(&mut room), Err(refused));
    assert_eq!(
        room.len(),
        len - 1,
        "something was written to a buffer that is too small"
    );
    out
}
