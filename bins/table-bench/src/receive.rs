//! The receiver: one process, one thread, all sessions. It counts prefixes and keeps none.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bgp_wire::{
    AsWidth, Asn, Capability, Context, KEEPALIVE, MAX_MESSAGE, MessageType, Open, PeerKind,
    UpdateView, frame,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};

use crate::cell::{RECEIVER_AS, Version, receiver_numbers};

/// Octets that one read may bring.
const READ: usize = 256 * 1024;

/// Between two dials of a sender that does not want yet.
const RETRY: Duration = Duration::from_millis(20);

/// After so long a silence senders get a KEEPALIVE. BIRD 2.0.12 leaves UPDATEs until something wakes it, its last one above
/// all, for up to three seconds where nothing does; that is not what is to be measured.
const WAKE: Duration = Duration::from_millis(2);

/// A silence that goes on is interrupted less and less often, down to this: who is busy is not to be kept from its work.
const WAKE_SELDOM: Duration = Duration::from_millis(50);

/// What a receiver saw; seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// From the first session's Established to the last prefix of the last session; none where
    /// that did not come in time.
    pub(crate) last_prefix: Option<f64>,
    /// To the first UPDATE of all.
    pub(crate) first_update: Option<f64>,
    /// CPU of the receiver since then.
    pub(crate) cpu: f64,
    /// NLRI of all sessions.
    pub(crate) prefixes: u64,
}

/// One session, as far as a receiver has one.
struct Session {
    local: IpAddr,
    stream: Option<TcpStream>,
    next_dial: Instant,
    buffer: Vec<u8>,
    filled: usize,
    established: Option<Instant>,
    first_update: Option<Instant>,
    done: Option<Instant>,
    prefixes: u64,
}

/// Dials the sender from the addresses of `receivers` receivers until each has `count` prefixes.
pub(crate) fn run(version: Version, receivers: u16, count: u64, bound: Duration) -> Result<Seen> {
    let mut sessions: Vec<Session> = receiver_numbers(receivers)
        .map(|number| Session::new(version.receiver(number)))
        .collect();
    let context = Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four);
    let start = Instant::now();
    let mut cpu_at_first = None;
    let (mut next_wake, mut pause) = (start + WAKE, WAKE);
    while sessions.iter().any(|it| it.done.is_none()) && start.elapsed() < bound {
        for session in &mut sessions {
            session.dial_if_due(version)?;
        }
        if Instant::now() >= next_wake {
            sessions.iter_mut().try_for_each(Session::wake)?;
            pause = WAKE_SELDOM.min(2 * pause);
            next_wake = Instant::now() + pause;
        }
        let left = next_wake.saturating_duration_since(Instant::now());
        if wait(&sessions, RETRY.min(left))? {
            (next_wake, pause) = (Instant::now() + WAKE, WAKE);
        }
        for session in &mut sessions {
            session.read(&context, count)?;
        }
        if cpu_at_first.is_none() && sessions.iter().any(|it| it.established.is_some()) {
            cpu_at_first = Some(measure::own_cpu());
        }
    }
    let established = sessions.iter().filter_map(|it| it.established).min();
    let since = |at: Instant| established.map(|it| (at - it).as_secs_f64());
    let all_done = sessions.iter().all(|it| it.done.is_some());
    let last = sessions.iter().filter_map(|it| it.done).max();
    let first = sessions.iter().filter_map(|it| it.first_update).min();
    Ok(Seen {
        last_prefix: last.filter(|_| all_done).and_then(since),
        first_update: first.and_then(since),
        cpu: measure::own_cpu() - cpu_at_first.unwrap_or_default(),
        prefixes: sessions.iter().map(|it| it.prefixes).sum(),
    })
}

/// Whether anything came in that time.
fn wait(sessions: &[Session], bound: Duration) -> Result<bool> {
    let streams = sessions.iter().filter_map(|it| it.stream.as_ref());
    let mut fds: Vec<_> = streams
        .map(|stream| PollFd::new(stream, PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: bound.subsec_nanos().into(),
    };
    let ready = poll(&mut fds, Some(&timeout)).context("poll")?;
    Ok(ready > 0)
}

impl Session {
    fn new(local: IpAddr) -> Self {
        Self {
            local,
            stream: None,
            next_dial: Instant::now(),
            buffer: vec![0; READ + usize::from(MAX_MESSAGE)],
            filled: 0,
            established: None,
            first_update: None,
            done: None,
            prefixes: 0,
        }
    }

    /// Dials where there is no session, and says OPEN. Nobody there, or nobody who wants, is no error:
    /// a sender takes its time to start.
    fn dial_if_due(&mut self, version: Version) -> Result<()> {
        if self.stream.is_some() || self.done.is_some() || Instant::now() < self.next_dial {
            return Ok(());
        }
        self.next_dial = Instant::now() + RETRY;
        let socket = Socket::new(
            Domain::for_address(SocketAddr::new(self.local, 0)),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(self.local, 0).into())?;
        let to = SocketAddr::new(version.sender(), 179);
        if socket
            .connect_timeout(&to.into(), Duration::from_secs(1))
            .is_err()
        {
            return Ok(());
        }
        socket.set_tcp_nodelay(true)?;
        let mut stream = TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        (self.filled, self.prefixes) = (0, 0);
        if stream.write_all(&open(self.local, version)?).is_ok() {
            self.stream = Some(stream);
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<()> {
        let waits = self.established.is_some() && self.done.is_none();
        match &mut self.stream {
            Some(stream) if waits => Ok(stream.write_all(&KEEPALIVE)?),
            _ => Ok(()),
        }
    }

    /// Takes in all that is there.
    fn read(&mut self, context: &Context, count: u64) -> Result<()> {
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.lost()?,
                Ok(octets) => {
                    self.filled += octets;
                    self.take_messages(context, count)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.lost()?,
            }
        }
        Ok(())
    }

    /// A sender that is not ready closes before it says anything; one that does so later would
    /// spoil the measurement.
    fn lost(&mut self) -> Result<()> {
        if self.established.is_some() && self.done.is_none() {
            bail!("{}: the sender ended the session", self.local);
        }
        self.stream = None;
        Ok(())
    }

    fn take_messages(&mut self, context: &Context, count: u64) -> Result<()> {
        let mut at = 0;
        while let Some(message) = frame(&self.buffer[at..self.filled], MAX_MESSAGE)? {
            let octets = message.message();
            match message.kind() {
                MessageType::OPEN => {
                    if let Some(stream) = &mut self.stream {
                        stream.write_all(&KEEPALIVE)?;
                    }
                }
                MessageType::KEEPALIVE if self.established.is_none() => {
                    self.established = Some(Instant::now());
                }
                MessageType::UPDATE => {
                    let view = UpdateView::parse(octets, context)?;
                    self.prefixes += view.announced().count() as u64;
                    if self.prefixes > 0 && self.first_update.is_none() {
                        self.first_update = Some(Instant::now());
                    }
                    if self.prefixes >= count && self.done.is_none() {
                        self.done = Some(Instant::now());
                    }
                }
                MessageType::NOTIFICATION if self.established.is_some() => {
                    bail!("{}: NOTIFICATION {:?}", self.local, &octets[19..]);
                }
                _ => {}
            }
            at += octets.len();
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }
}

/// Our OPEN. The hold time is longer than any run, so that nobody needs a KEEPALIVE from here.
fn open(local: IpAddr, version: Version) -> Result<Vec<u8>> {
    let last = match local {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    let mut open = Open::new(Asn(RECEIVER_AS), 600, [10, 0, 1, last].into());
    open.capabilities
        .push(Capability::MultiProtocol(version.family()));
    let mut octets = Vec::new();
    open.encode(&mut octets)?;
    Ok(octets)
}
