//! What waits for one connection, in the order in which a driver has to send it.

use std::collections::VecDeque;

use bgp_wire::{HEADER_LEN, MAX_EXTENDED_MESSAGE, MessageType, frame};
use bytes::{Buf, Bytes, BytesMut};

/// Session messages overtake UPDATEs that have not begun to leave, at a message boundary.
#[derive(Default)]
pub(crate) struct Outbox {
    /// The rest of a message whose beginning has left.
    begun: Bytes,
    begun_update: bool,
    session: VecDeque<Bytes>,
    /// Whole UPDATEs: at most one batch.
    updates: Bytes,
    sent: Sent,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: Bytes) {
        self.session.push_back(message);
    }

    /// Queues a batch, once the one before has left.
    pub(crate) fn set_updates(&mut self, updates: Bytes) {
        assert!(self.is_empty(), "a batch is due when nothing is left");
        self.updates = updates;
    }

    /// Forgets UPDATEs that have not begun to leave.
    pub(crate) fn drop_updates(&mut self) {
        self.updates = Bytes::new();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        let session: usize = self.session.iter().map(Bytes::len).sum();
        self.begun.len() + session + self.updates.len()
    }

    /// What to send next: the rest of one message at most.
    pub(crate) fn next(&self) -> &[u8] {
        match (&self.begun[..], self.session.front()) {
            ([], Some(message)) => message,
            ([], None) => &self.updates[..message_len(&self.updates)],
            (begun, _) => begun,
        }
    }

    /// The network took that many octets of [`next`](Self::next). True if an UPDATE left whole.
    pub(crate) fn advance(&mut self, octets: usize) -> bool {
        if octets == 0 {
            return false;
        }
        if self.begun.is_empty() {
            // Marks of a refresh are none: the neighbour's HoldTimer does not heed them.
            self.begun_update = self.next()[HEADER_LEN - 1] == MessageType::UPDATE.0;
            self.begun = match self.session.pop_front() {
                Some(message) => message,
                None => self.updates.split_to(message_len(&self.updates)),
            };
        }
        self.sent.observe(&self.begun.split_to(octets));
        self.begun.is_empty() && self.begun_update
    }
}

fn message_len(octets: &[u8]) -> usize {
    match octets.get(16..18) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => 0,
    }
}

/// Everything that left on one connection, to see that it makes sense as a whole.
#[derive(Default)]
struct Sent {
    partial: BytesMut,
    last: Option<MessageType>,
}

impl Sent {
    fn observe(&mut self, octets: &[u8]) {
        self.partial.extend_from_slice(octets);
        loop {
            let kind = match frame(&self.partial, MAX_EXTENDED_MESSAGE) {
                Ok(Some(frame)) => frame.kind(),
                Ok(None) => break,
                Err(error) => panic!("sent a broken header: {error:?}"),
            };
            match self.last {
                None => assert_eq!(kind, MessageType::OPEN, "the first message"),
                Some(MessageType::NOTIFICATION) => panic!("sent {kind:?} after a NOTIFICATION"),
                Some(_) => assert_ne!(kind, MessageType::OPEN, "a second OPEN"),
            }
            self.last = Some(kind);
            self.partial
                .advance(message_len(&self.partial).max(HEADER_LEN));
        }
        let more = self.last == Some(MessageType::NOTIFICATION) && !self.partial.is_empty();
        assert!(!more, "sent octets after a NOTIFICATION");
    }
}
