//! What waits for one connection's socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bgp_wire::{HEADER_LEN, MessageType};
use bytes::{Buf, Bytes};

/// Slices of one vectored write: the rest of a message, session messages, UPDATEs.
pub(crate) const MAX_SLICES: usize = 8;

/// One byte queue: session messages overtake UPDATEs that have not begun to leave, at a message boundary. So a KEEPALIVE
/// waits for one message at most, and UPDATEs are never copied.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The rest of a message whose beginning has left.
    begun: Bytes,
    /// Whether that is an UPDATE.
    begun_update: bool,
    /// Messages of the session, one each.
    session: VecDeque<Bytes>,
    /// Whole UPDATEs: at most one batch.
    updates: Bytes,
}

impl Outbox {
    /// Queues one message of the session.
    pub(crate) fn push(&mut self, message: Bytes) {
        self.session.push_back(message);
    }

    /// Queues whole UPDATEs. Only once the batch before has left, see [`Outbox::wants_updates`].
    pub(crate) fn set_updates(&mut self, updates: Bytes) {
        debug_assert!(self.wants_updates());
        self.updates = updates;
    }

    /// Whether everything has left, so that the next batch is due.
    pub(crate) fn wants_updates(&self) -> bool {
        self.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.session.is_empty() && self.updates.is_empty()
    }

    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        let session: usize = self.session.iter().map(Bytes::len).sum();
        self.begun.len() + session + self.updates.len()
    }

    /// Forgets UPDATEs that have not begun to leave: after a NOTIFICATION nothing follows.
    pub(crate) fn drop_updates(&mut self) {
        self.updates = Bytes::new();
    }

    /// Whether messages of the session wait.
    pub(crate) fn has_session_messages(&self) -> bool {
        !self.session.is_empty()
    }

    /// What to write next, in order, and how many of the slices are set.
    pub(crate) fn slices<'b>(&'b self, slices: &mut [IoSlice<'b>; MAX_SLICES]) -> usize {
        let mut count = 0;
        let mut set = |octets: &'b Bytes| {
            slices[count] = IoSlice::new(octets);
            count += 1;
        };
        if !self.begun.is_empty() {
            set(&self.begun);
        }
        for message in self.session.iter().take(MAX_SLICES - 2) {
            set(message);
        }
        // Not while session messages are left out that have to go first.
        if !self.updates.is_empty() && self.session.len() <= MAX_SLICES - 2 {
            set(&self.updates);
        }
        count
    }

    /// Takes note that the socket took the first `octets` of what [`Outbox::slices`] showed. Tells how many UPDATEs that
    /// completed: marks of a refresh are none, since the peer's HoldTimer does not heed them (RFC 4271 section 8.2.2).
    pub(crate) fn advance(&mut self, octets: usize) -> usize {
        let from_begun = octets.min(self.begun.len());
        self.begun.advance(from_begun);
        let completed = from_begun > 0 && self.begun.is_empty() && self.begun_update;
        let mut left = octets - from_begun;
        while left > 0 {
            let Some(mut message) = self.session.pop_front() else {
                return usize::from(completed) + self.advance_updates(left);
            };
            let taken = left.min(message.len());
            message.advance(taken);
            left -= taken;
            self.begun = message;
            self.begun_update = false;
        }
        usize::from(completed)
    }

    fn advance_updates(&mut self, octets: usize) -> usize {
        let octets = octets.min(self.updates.len());
        let (mut completed, mut start, mut end) = (0, 0, 0);
        while end < octets {
            start = end;
            end += message_len(&self.updates[start..]).min(self.updates.len() - start);
            completed += usize::from(end <= octets && is_update(&self.updates[start..]));
        }
        self.begun_update = is_update(&self.updates[start..]);
        let message = self.updates.split_to(end);
        self.begun = message.slice(octets.max(start)..);
        completed
    }
}

/// Whether `octets` starts with an UPDATE.
fn is_update(octets: &[u8]) -> bool {
    octets.get(HEADER_LEN - 1) == Some(&MessageType::UPDATE.0)
}

/// The length of the message that `octets` starts with (RFC 4271 section 4.1); all of it where there is no whole header.
fn message_len(octets: &[u8]) -> usize {
    match octets.get(16..18) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])).max(HEADER_LEN),
        _ => octets.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An UPDATE of `len` octets, all `mark` but for the length and the type.
    fn message(mark: u8, len: u16) -> Bytes {
        typed(MessageType::UPDATE, mark, len)
    }

    fn typed(kind: MessageType, mark: u8, len: u16) -> Bytes {
        let mut octets = vec![mark; usize::from(len)];
        octets[16..18].copy_from_slice(&len.to_be_bytes());
        octets[18] = kind.0;
        octets.into()
    }

    fn batch(messages: &[Bytes]) -> Bytes {
        messages.concat().into()
    }

    /// Writes `octets` at most, and returns what left.
    fn write(outbox: &mut Outbox, octets: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = outbox.slices(&mut slices);
        let mut left: Vec<u8> = slices[..count].iter().flat_map(|s| s.to_vec()).collect();
        left.truncate(octets);
        outbox.advance(left.len());
        left
    }

    #[test]
    fn a_session_message_goes_in_at_the_next_message_boundary() {
        let (a, b, keepalive) = (message(1, 40), message(2, 30), message(9, 19));
        let mut outbox = Outbox::default();
        outbox.set_updates(batch(&[a.clone(), b.clone()]));
        let mut wire = write(&mut outbox, 25);
        outbox.push(keepalive.clone());
        assert_eq!(outbox.len(), 15 + 30 + 19);
        wire.extend(write(&mut outbox, usize::MAX));
        assert_eq!(wire, batch(&[a, keepalive, b]));
        assert!(outbox.is_empty());
    }

    /// Whatever pieces the socket takes, and whenever the KEEPALIVE comes, whole messages arrive in an allowed order.
    #[test]
    fn every_split_keeps_messages_whole() {
        let (a, b, keepalive) = (message(1, 23), message(2, 29), message(9, 19));
        let allowed = [
            batch(&[keepalive.clone(), a.clone(), b.clone()]),
            batch(&[a.clone(), keepalive.clone(), b.clone()]),
            batch(&[a.clone(), b.clone(), keepalive.clone()]),
        ];
        for before in 0..=52 {
            for piece in 1..=30 {
                let mut outbox = Outbox::default();
                outbox.set_updates(batch(&[a.clone(), b.clone()]));
                let mut wire = write(&mut outbox, before);
                outbox.push(keepalive.clone());
                while !outbox.is_empty() {
                    wire.extend(write(&mut outbox, piece));
                }
                assert!(
                    allowed.iter().any(|order| *order == wire),
                    "{before} {piece}"
                );
            }
        }
    }

    #[test]
    fn updates_are_counted_when_their_last_octet_leaves() {
        let mut outbox = Outbox::default();
        outbox.set_updates(batch(&[message(1, 20), message(2, 20), message(3, 20)]));
        assert_eq!(outbox.advance(19), 0);
        outbox.push(message(9, 19));
        assert_eq!(outbox.advance(1), 1);
        assert_eq!(outbox.advance(19), 0, "a session message is none");
        assert_eq!(outbox.advance(40), 2);
    }

    #[test]
    fn marks_of_a_refresh_do_not_stand_in_for_keepalives() {
        let begin = typed(MessageType::ROUTE_REFRESH, 1, 23);
        let mut outbox = Outbox::default();
        outbox.set_updates(batch(std::slice::from_ref(&begin)));
        assert_eq!(outbox.advance(23), 0);
        outbox.set_updates(batch(&[message(2, 20), begin]));
        assert_eq!(outbox.advance(21), 1);
        assert_eq!(outbox.advance(22), 0, "the rest of it is none either");
    }

    #[test]
    fn after_a_notification_only_the_begun_message_is_finished() {
        let (a, b, notification) = (message(1, 40), message(2, 30), message(3, 21));
        let mut outbox = Outbox::default();
        outbox.set_updates(batch(&[a.clone(), b]));
        let mut wire = write(&mut outbox, 1);
        outbox.push(notification.clone());
        outbox.drop_updates();
        wire.extend(write(&mut outbox, usize::MAX));
        assert_eq!(wire, batch(&[a, notification]));
    }

    #[test]
    fn more_session_messages_than_slices_leave_in_order() {
        let mut outbox = Outbox::default();
        outbox.set_updates(message(0, 19));
        let messages: Vec<Bytes> = (1..=20).map(|mark| message(mark, 19)).collect();
        messages
            .iter()
            .cloned()
            .for_each(|message| outbox.push(message));
        let mut wire = Vec::new();
        while !outbox.is_empty() {
            wire.extend(write(&mut outbox, usize::MAX));
        }
        assert_eq!(wire, [batch(&messages), message(0, 19)].concat());
    }
}
