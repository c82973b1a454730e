//! A receiver: a thread that does nothing but read, and knows when it read what.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bgp_speaker::Asn;
use bgp_wire::{
    AsWidth, Capability, Context, Family, KEEPALIVE, MAX_MESSAGE, MessageType, Open, PeerKind,
    UpdateView, frame,
};
use measure::{Change, Heard};
use socket2::{Domain, Protocol, Socket, Type};

use crate::BOUND;

/// The AS of all receivers.
pub(crate) const AS: u32 = 65001;

/// Octets that one read may bring.
const READ: usize = 256 * 1024;

/// A session with the speaker. Its thread ends with the session.
pub(crate) struct Receiver {
    heard: Mutex<Heard>,
    /// Why it hears nothing more.
    end: OnceLock<String>,
    news: Condvar,
}

impl Receiver {
    /// Dials the speaker from an address.
    pub(crate) fn start(from: Ipv4Addr, speaker: SocketAddr) -> Result<Arc<Self>> {
        let mut stream = connect(from, speaker)?;
        // No hold timer: nothing is to wake anybody but changes.
        let mut open = Open::new(Asn(AS), 0, from);
        let family = Capability::MultiProtocol(Family::IPV4_UNICAST);
        open.capabilities.push(family);
        let mut octets = Vec::new();
        open.encode(&mut octets)?;
        stream.write_all(&octets)?;
        let receiver = Arc::new(Self {
            heard: Mutex::default(),
            end: OnceLock::new(),
            news: Condvar::new(),
        });
        let listening = Arc::clone(&receiver);
        thread::spawn(move || {
            let end = listening.listen(stream);
            let why = end.map_or_else(|error| format!("{error:#}"), |()| "it ended".to_owned());
            // Under the lock, so that nobody looks before and waits after.
            let heard = listening.lock();
            let _ = listening.end.set(format!("{from}: {why}"));
            drop(heard);
            listening.news.notify_all();
        });
        Ok(receiver)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Drops the history.
    pub(crate) fn forget(&self) {
        self.lock().history.clear();
    }

    /// Waits until this change is the last one heard, and says when it was.
    pub(crate) fn until_heard(&self, (route, is_there, since): Change) -> Result<Instant> {
        let is_it =
            |change: &Change| (change.0, change.1) == (route, is_there) && change.2 >= since;
        self.until(BOUND, |heard| heard.history.last().is_some_and(is_it))?;
        Ok(self.lock().history.last().map_or(since, |change| change.2))
    }

    /// Waits until something is heard.
    pub(crate) fn until(&self, bound: Duration, is_so: impl Fn(&Heard) -> bool) -> Result<()> {
        let deadline = Instant::now() + bound;
        let mut heard = self.lock();
        while !is_so(&heard) {
            if let Some(end) = self.end.get() {
                bail!("a receiver hears nothing more: {end}");
            }
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(
                !left.is_zero(),
                "not heard within {bound:?}; there are {} routes",
                heard.routes.len()
            );
            let woken = self.news.wait_timeout(heard, left);
            (heard, _) = woken.unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        Ok(())
    }

    /// Reads until the other side ends the session.
    fn listen(&self, mut stream: TcpStream) -> Result<()> {
        let context = Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four);
        let mut buffer = vec![0; READ + usize::from(MAX_MESSAGE)];
        let mut filled = 0;
        loop {
            let octets = stream.read(&mut buffer[filled..])?;
            let now = Instant::now();
            if octets == 0 {
                return Ok(());
            }
            filled += octets;
            let mut at = 0;
            while let Some(message) = frame(&buffer[at..filled], MAX_MESSAGE)? {
                match message.kind() {
                    MessageType::OPEN => stream.write_all(&KEEPALIVE)?,
                    MessageType::UPDATE => {
                        self.take(&UpdateView::parse(message.message(), &context)?, now);
                    }
                    MessageType::NOTIFICATION => bail!("NOTIFICATION {:?}", message.message()),
                    _ => {}
                }
                at += message.message().len();
            }
            buffer.copy_within(at..filled, 0);
            filled -= at;
        }
    }

    fn take(&self, update: &UpdateView<'_>, now: Instant) {
        self.lock().take(update, now);
        self.news.notify_all();
    }
}

/// From an address of the receiver's own: the speaker knows its peers by it.
pub(crate) fn connect(from: Ipv4Addr, to: SocketAddr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&to.into(), Duration::from_secs(5))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}
