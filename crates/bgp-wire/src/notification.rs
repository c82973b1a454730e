//! NOTIFICATION (RFC 4271 section 4.5).

use crate::header::{body_of, header};
use crate::{
    EncodeError, ErrorCode, ErrorKind, HEADER_LEN, HeaderErrorKind, MAX_EXTENDED_MESSAGE,
    MessageType, Span, WireError,
};
use alloc::borrow::ToOwned;
use alloc::string::String;
use bytes::{BufMut, Bytes};
use core::fmt;

/// A NOTIFICATION: why the sender ends the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notification {
    /// Code and subcode.
    pub error: ErrorCode,
    /// The Data field.
    pub data: Bytes,
}

impl Notification {
    /// A NOTIFICATION without data.
    #[must_use]
    pub const fn new(error: ErrorCode) -> Self {
        Self {
            error,
            data: Bytes::new(),
        }
    }

    /// The NOTIFICATION with `data` as its Data field.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }

    /// The NOTIFICATION with a text for the peer's operator (RFC 9003), which has a meaning for
    /// administrative shutdown and administrative reset. Text beyond 255 octets is cut at a
    /// character's boundary.
    #[must_use]
    pub fn with_shutdown_text(self, text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(255)];
        let mut data = alloc::vec::Vec::with_capacity(1 + text.len());
        data.push(text.len() as u8);
        data.extend_from_slice(text.as_bytes());
        self.with_data(data)
    }

    /// The text that the peer's operator left (RFC 9003), also inside of a hard reset (RFC 8538).
    /// Invalid UTF-8 is replaced, control characters become spaces. `None` where there is none, or
    /// its length does not fit.
    #[must_use]
    pub fn shutdown_text(&self) -> Option<String> {
        let (error, data) = self.inner();
        if !matches!(
            error,
            ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN | ErrorCode::CEASE_ADMINISTRATIVE_RESET
        ) {
            return None;
        }
        let (len, rest) = data.split_first()?;
        let text = rest.get(..usize::from(*len)).filter(|t| !t.is_empty())?;
        let text = String::from_utf8_lossy(text);
        Some(
            text.chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect(),
        )
    }

    /// This NOTIFICATION wrapped into a Cease/Hard Reset (RFC 8538 section 3.1).
    #[must_use]
    pub fn into_hard_reset(self) -> Self {
        let mut data = alloc::vec![self.error.code, self.error.subcode];
        data.extend_from_slice(&self.data);
        Self::new(ErrorCode::CEASE_HARD_RESET).with_data(data)
    }

    /// Reads a whole message, header included.
    ///
    /// # Errors
    /// A header of another type or length. RFC 4271 section 6.4: no NOTIFICATION answers a
    /// NOTIFICATION, so the error is for the log.
    pub fn decode(message: &[u8]) -> Result<Self, NotificationError> {
        let body = body_of(message, MessageType::NOTIFICATION)
            .map_err(|e| WireError::new(NotificationErrorKind::Header(e.kind), e.span))?;
        let [code, subcode, data @ ..] = body else {
            let kind = NotificationErrorKind::Header(HeaderErrorKind::BadLength);
            return Err(WireError::new(kind, Span::new(16, 2)));
        };
        let error = ErrorCode::new(*code, *subcode);
        Ok(Self {
            error,
            data: Bytes::from(data.to_owned()),
        })
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + 2 + self.data.len()
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// Data too long for a message of 65535 octets (without RFC 8654 the limit is 4096, which is
    /// the caller's to keep), or a buffer without room; nothing is written then.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        let len = self.encoded_len();
        let head = header(
            MessageType::NOTIFICATION,
            checked_len(len, MAX_EXTENDED_MESSAGE, out)?,
        );
        out.put_slice(&head);
        out.put_slice(&[self.error.code, self.error.subcode]);
        out.put_slice(&self.data);
        Ok(())
    }

    /// The error and data that count: inside of a hard reset those it wraps.
    fn inner(&self) -> (ErrorCode, &[u8]) {
        match (self.error, self.data.as_ref()) {
            (ErrorCode::CEASE_HARD_RESET, [code, subcode, data @ ..]) => {
                (ErrorCode::new(*code, *subcode), data)
            }
            (error, data) => (error, data),
        }
    }
}

/// Checks that a message of `len` octets is within `max` and that `out` has room for it.
pub(crate) fn checked_len(len: usize, max: u16, out: &impl BufMut) -> Result<u16, EncodeError> {
    let max_len = usize::from(max);
    if len > max_len {
        return Err(EncodeError::MessageTooLong { len, max: max_len });
    }
    let available = out.remaining_mut();
    if available < len {
        return Err(EncodeError::BufferTooSmall {
            needed: len,
            available,
        });
    }
    Ok(len as u16)
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)?;
        let (inner, data) = self.inner();
        if inner != self.error {
            write!(f, ": {inner}")?;
        }
        if let Some(text) = self.shutdown_text() {
            return write!(f, ": {text:?}");
        }
        if !data.is_empty() {
            f.write_str(", data ")?;
            // What fits on a line of a log; whole messages may be quoted here.
            for octet in data.iter().take(32) {
                write!(f, "{octet:02x}")?;
            }
            if data.len() > 32 {
                f.write_str("…")?;
            }
        }
        Ok(())
    }
}

/// An error in a NOTIFICATION.
pub type NotificationError = WireError<NotificationErrorKind>;

/// What is wrong with a NOTIFICATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotificationErrorKind {
    /// The header is not that of a NOTIFICATION of this length.
    Header(HeaderErrorKind),
}

impl fmt::Display for NotificationErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(kind) => write!(f, "NOTIFICATION: {kind}"),
        }
    }
}

impl ErrorKind for NotificationErrorKind {
    fn code(self) -> ErrorCode {
        match self {
            Self::Header(kind) => kind.code(),
        }
    }
}
