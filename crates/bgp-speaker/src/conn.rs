//! One TCP connection: reading, writing, closing.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Duration;

use bgp_fsm::{ConnId, SendProgress};
use bgp_wire::{HEADER_LEN, MessageType};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::outbox::{MAX_SLICES, Outbox};
use crate::status::ByType;

/// Octets that one read takes at most.
const READ_CHUNK: usize = 64 * 1024;

/// How long a closed connection may take to deliver its NOTIFICATION.
const CLOSE_BOUND: Duration = Duration::from_secs(3);

/// A connection that the session knows.
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    stream: TcpStream,
    /// What arrived and is not a whole message yet. Without memory while nothing is there.
    pub(crate) inbox: BytesMut,
    pub(crate) outbox: Outbox,
}

/// What a connection is ready for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ready {
    Read(ConnId),
    Write(ConnId),
}

impl Conn {
    pub(crate) fn new(id: ConnId, stream: TcpStream) -> Self {
        Self {
            id,
            stream,
            inbox: BytesMut::new(),
            outbox: Outbox::default(),
        }
    }

    /// Ready once the peer sent something, or once the socket takes what waits or is to come.
    pub(crate) fn poll_ready(&self, filling: bool, cx: &mut Context<'_>) -> Poll<Ready> {
        // Errors show up in the read or write that follows. Reading comes first: writing goes on after every event.
        if self.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(Ready::Read(self.id));
        }
        if !filling && self.outbox.is_empty() {
            return Poll::Pending;
        }
        self.stream
            .poll_write_ready(cx)
            .map(|_| Ready::Write(self.id))
    }

    /// Reads what has arrived, one chunk at most. False: nothing has. The end of the stream is an error.
    pub(crate) fn read(&mut self) -> io::Result<bool> {
        self.inbox.reserve(READ_CHUNK);
        let result = match self.stream.try_read_buf(&mut self.inbox) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(true),
            Err(error) if would_wait(&error) => Ok(false),
            Err(error) => Err(error),
        };
        self.release();
        result
    }

    /// Gives memory back while nothing is kept in it.
    pub(crate) fn release(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    /// Writes until all has left or the socket takes no more.
    pub(crate) fn write(&mut self) -> io::Result<SendProgress> {
        let mut progress = SendProgress::default();
        while !self.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.outbox.slices(&mut slices);
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(octets) => {
                    progress.written += octets;
                    progress.updates += self.outbox.advance(octets);
                }
                Err(error) if would_wait(&error) => break,
                Err(error) => return Err(error),
            }
        }
        progress.unsent = self.outbox.len();
        Ok(progress)
    }

    /// Finishes the message that has begun to leave, sends what the session queued, and closes. Bounded in time.
    pub(crate) async fn close(mut self) {
        self.outbox.drop_updates();
        self.inbox = BytesMut::new();
        if !self.outbox.is_empty() {
            // Whether it works or not, the connection ends here.
            let _ = tokio::time::timeout(CLOSE_BOUND, self.finish()).await;
        }
    }

    async fn finish(&mut self) -> io::Result<()> {
        let lingers = self.outbox.has_session_messages();
        while !self.outbox.is_empty() {
            self.stream.writable().await?;
            self.write()?;
        }
        if lingers {
            // A socket that is closed with unread octets resets the connection, and a NOTIFICATION can be lost with it.
            self.stream.shutdown().await?;
            let mut ignored = [0; 1024];
            while self.stream.read(&mut ignored).await? > 0 {}
        }
        Ok(())
    }
}

fn would_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Counts the whole messages that `octets` starts with.
pub(crate) fn count_messages(mut octets: &[u8], counts: &mut ByType) {
    while let Some(&[high, low, kind]) = octets.get(16..HEADER_LEN) {
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < HEADER_LEN || octets.len() < len {
            return;
        }
        counts.count(MessageType(kind));
        octets = &octets[len..];
    }
}
