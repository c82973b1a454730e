//! One TCP connection: reading, writing, closing.

use std::io::{self, IoSlice, Read};
use std::task::{Context, Poll};
use std::time::Duration;

use bgp_fsm::{ConnId, SendProgress};
use bgp_wire::{HEADER_LEN, MessageType};
use bytes::BytesMut;
use socket2::SockRef;
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
    /// Closing: a NOTIFICATION is among what leaves last.
    lingers: bool,
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
            lingers: false,
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

    /// The same without asking the runtime, which may not have looked at the socket for long.
    pub(crate) fn read_at_once(&mut self) -> io::Result<bool> {
        let mut chunk = vec![0; READ_CHUNK];
        match (&*SockRef::from(&self.stream)).read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(octets) => {
                self.inbox.extend_from_slice(&chunk[..octets]);
                Ok(true)
            }
            Err(error) if would_wait(&error) => Ok(false),
            Err(error) => Err(error),
        }
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

    /// Begins to close: the message that has begun to leave, and what the session queued, is all that still does. False: the
    /// socket does not take it now, so the peer may never see it.
    pub(crate) fn take_leave(&mut self) -> bool {
        self.outbox.drop_updates();
        self.inbox = BytesMut::new();
        self.lingers = self.outbox.has_session_messages();
        // A connection that failed was closed by the other side.
        self.write().map_or(true, |progress| progress.unsent == 0)
    }

    /// Whether there is more to do than to drop the connection.
    pub(crate) fn lingers(&self) -> bool {
        self.lingers || !self.outbox.is_empty()
    }

    /// Sends what is left, and closes. Bounded in time.
    pub(crate) async fn close(mut self) {
        // Whether it works or not, the connection ends here.
        let _ = tokio::time::timeout(CLOSE_BOUND, self.finish()).await;
    }

    async fn finish(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            self.stream.writable().await?;
            self.write()?;
        }
        if self.lingers {
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream as StdStream};

    use bgp_fsm::{Endpoints, Session, SessionConfig};
    use bgp_wire::{Asn, KEEPALIVE};

    use super::*;

    fn some_id() -> ConnId {
        let config = SessionConfig::new(Asn(1), [192, 0, 2, 1].into(), Asn(2));
        let mut session = Session::new(config.into(), 0);
        let now = std::time::Instant::now();
        session.handle_command(now, bgp_fsm::Command::Start);
        let end = ([192, 0, 2, 1], 179).into();
        let ends = Endpoints {
            local: end,
            remote: end,
        };
        session.handle_accepted(now, ends).expect("started")
    }

    #[tokio::test]
    async fn what_arrived_is_there_though_the_runtime_has_not_looked() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let local = listener.local_addr().expect("bound");
        let mut far = StdStream::connect(local).expect("it listens");
        let (near, _) = listener.accept().expect("a connection");
        near.set_nonblocking(true).expect("a socket");
        let near = TcpStream::from_std(near).expect("a runtime");
        let mut conn = Conn::new(some_id(), near);
        assert!(!conn.read_at_once().expect("open"), "nothing yet");
        far.write_all(&KEEPALIVE).expect("open");
        // No await since: the runtime cannot know.
        assert!(!conn.read().expect("open"));
        assert!(conn.read_at_once().expect("open"));
        assert_eq!(conn.inbox, KEEPALIVE.as_slice());
        drop(far);
        let end = conn.read_at_once().expect_err("closed");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }
}
