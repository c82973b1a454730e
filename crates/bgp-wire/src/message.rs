//! Any message.

use crate::{
    Context, EncodeError, Frame, KEEPALIVE, MessageType, Notification, NotificationError,
    NotificationView, Open, OpenError, RefreshError, RouteRefresh, Update, UpdateError,
};
use bytes::BufMut;
use core::fmt;

/// Any message that owns its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// OPEN.
    Open(Open),
    /// UPDATE.
    Update(Update),
    /// NOTIFICATION.
    Notification(Notification),
    /// KEEPALIVE.
    Keepalive,
    /// ROUTE-REFRESH.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// Reads a message that [`frame`](crate::frame) has found.
    ///
    /// # Errors
    /// Those of the message's own `decode`.
    pub fn decode(frame: &Frame<'_>, context: &Context) -> Result<Self, MessageError> {
        let message = frame.message();
        Ok(match frame.kind() {
            MessageType::OPEN => Self::Open(Open::decode(message)?),
            MessageType::UPDATE => Self::Update(Update::decode(message, context)?),
            MessageType::NOTIFICATION => Self::Notification(Notification::decode(message)?),
            MessageType::ROUTE_REFRESH => Self::RouteRefresh(RouteRefresh::decode(message)?),
            // A frame has no other type.
            _ => Self::Keepalive,
        })
    }

    /// The message's type.
    #[must_use]
    pub const fn kind(&self) -> MessageType {
        match self {
            Self::Open(_) => MessageType::OPEN,
            Self::Update(_) => MessageType::UPDATE,
            Self::Notification(_) => MessageType::NOTIFICATION,
            Self::Keepalive => MessageType::KEEPALIVE,
            Self::RouteRefresh(_) => MessageType::ROUTE_REFRESH,
        }
    }

    /// Octets of the whole message.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Open(it) => it.encoded_len(),
            Self::Update(it) => it.encoded_len(),
            Self::Notification(it) => it.encoded_len(),
            Self::Keepalive => KEEPALIVE.len(),
            Self::RouteRefresh(it) => it.encoded_len(),
        }
    }

    /// Writes the whole message.
    ///
    /// # Errors
    /// Those of the message's own `encode`.
    pub fn encode(&self, out: &mut impl BufMut) -> Result<(), EncodeError> {
        match self {
            Self::Open(it) => it.encode(out),
            Self::Update(it) => it.encode(out),
            Self::Notification(it) => it.encode(out),
            Self::Keepalive => {
                let (needed, available) = (KEEPALIVE.len(), out.remaining_mut());
                if available < needed {
                    return Err(EncodeError::BufferTooSmall { needed, available });
                }
                out.put_slice(&KEEPALIVE);
                Ok(())
            }
            Self::RouteRefresh(it) => it.encode(out),
        }
    }
}

/// An error in any message. `Copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageError {
    /// In an OPEN.
    Open(OpenError),
    /// In an UPDATE.
    Update(UpdateError),
    /// In a NOTIFICATION, which no NOTIFICATION answers.
    Notification(NotificationError),
    /// In a ROUTE-REFRESH.
    RouteRefresh(RefreshError),
}

impl MessageError {
    /// The NOTIFICATION that the error stands for; its data is borrowed from `message`.
    #[must_use]
    pub fn notification<'a>(&self, message: &'a [u8]) -> NotificationView<'a> {
        match self {
            Self::Open(e) => e.notification(message),
            Self::Update(e) => e.notification(message),
            Self::Notification(e) => e.notification(message),
            Self::RouteRefresh(e) => e.notification(message),
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(e) => fmt::Display::fmt(e, f),
            Self::Update(e) => fmt::Display::fmt(e, f),
            Self::Notification(e) => fmt::Display::fmt(e, f),
            Self::RouteRefresh(e) => fmt::Display::fmt(e, f),
        }
    }
}

impl core::error::Error for MessageError {}

impl From<OpenError> for MessageError {
    fn from(e: OpenError) -> Self {
        Self::Open(e)
    }
}

impl From<UpdateError> for MessageError {
    fn from(e: UpdateError) -> Self {
        Self::Update(e)
    }
}

impl From<NotificationError> for MessageError {
    fn from(e: NotificationError) -> Self {
        Self::Notification(e)
    }
}

impl From<RefreshError> for MessageError {
    fn from(e: RefreshError) -> Self {
        Self::RouteRefresh(e)
    }
}
