//! One peer's task: its session, its connections, its timer, its place in the table.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bgp_fsm::{
    CloseMode, Closed, Command, ConnId, DownReason, Endpoints, Output, Session, SessionConfig,
    State,
};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;
use tracing::{debug, warn};

use crate::closing::Closing;
use crate::config::{PeerConfig, Shutdown};
use crate::conn::{Conn, Ready, count_messages};
use crate::dial::{DialFailure, dial};
use crate::established::Established;
use crate::history::SessionEventKind;
use crate::neighbour::{Mail, Neighbour};
use crate::shared::Shared;
use crate::words;

/// How many batches a peer is sent before its task looks for other events.
const BATCHES_IN_A_ROW: usize = 4;

/// Runs the sessions of one peer until it is removed or the speaker ends. `restarting`: OPENs say so until End-of-RIB has
/// gone to the peer.
pub(crate) async fn run(shared: Arc<Shared>, neighbour: Arc<Neighbour>, restarting: bool) {
    let mut driver = Driver::new(shared, neighbour, restarting);
    driver.start();
    let mut timer = pin!(tokio::time::sleep_until(tokio::time::Instant::now()));
    while !driver.stopped {
        driver.pump();
        let event = driver.event(timer.as_mut()).await;
        driver.handle(event);
    }
    driver.pump();
    driver.finish().await;
}

struct Driver {
    shared: Arc<Shared>,
    neighbour: Arc<Neighbour>,
    config: Arc<PeerConfig>,
    session: Session,
    /// Two at most, as the session has it.
    conns: Vec<Conn>,
    dial: Option<Dial>,
    /// Connections that still deliver a NOTIFICATION.
    closing: Closing,
    established: Option<Established>,
    routes_changed: watch::Receiver<()>,
    /// Why the last dial failed; none for one that had no answer.
    dial_failure: Option<DialFailure>,
    stopped: bool,
    /// Why the session was told to stop last.
    stopped_for: &'static str,
}

type Dialling = Pin<Box<dyn Future<Output = Result<TcpStream, DialFailure>> + Send>>;

struct Dial {
    id: ConnId,
    future: Dialling,
}

enum Event {
    Mail,
    Timer,
    Ready(Ready),
    Dialled(ConnId, Result<TcpStream, DialFailure>),
    RoutesChanged,
}

impl Driver {
    fn new(shared: Arc<Shared>, neighbour: Arc<Neighbour>, restarting: bool) -> Self {
        let config = Arc::clone(&neighbour.record().config);
        let session = session(&shared, &config, restarting);
        let routes_changed = shared.routes_changed.subscribe();
        Self {
            shared,
            neighbour,
            config,
            session,
            conns: Vec::new(),
            dial: None,
            closing: Closing::default(),
            established: None,
            routes_changed,
            dial_failure: None,
            stopped: false,
            stopped_for: "",
        }
    }

    fn start(&mut self) {
        self.session.handle_command(Instant::now(), Command::Start);
    }

    /// The next thing that happens to this peer.
    async fn event(&mut self, mut timer: Pin<&mut Sleep>) -> Event {
        let deadline = self
            .session
            .poll_timeout()
            .map(tokio::time::Instant::from_std);
        if let Some(deadline) = deadline
            && timer.deadline() != deadline
        {
            timer.as_mut().reset(deadline);
        }
        let waits_for_routes = self.established.as_ref().is_some_and(Established::at_tail);
        let filling = self
            .established
            .as_ref()
            .filter(|it| !it.at_tail())
            .map(|it| it.conn);
        let Self {
            neighbour,
            conns,
            dial,
            routes_changed,
            ..
        } = self;
        tokio::select! {
            biased;
            () = neighbour.woken() => Event::Mail,
            () = timer, if deadline.is_some() => Event::Timer,
            (id, result) = dialled(dial) => Event::Dialled(id, result),
            ready = ready(conns, filling) => Event::Ready(ready),
            _ = routes_changed.changed(), if waits_for_routes => Event::RoutesChanged,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Mail => {
                while let Some(mail) = self.neighbour.next_mail() {
                    self.take(mail);
                }
            }
            Event::Timer => {
                // A hold timer is judged by what arrived, not by when this task got to look.
                let ids: Vec<_> = self.conns.iter().map(|conn| conn.id).collect();
                ids.into_iter()
                    .for_each(|id| self.read(id, Conn::read_at_once));
                self.session.handle_timeout(Instant::now());
            }
            Event::Ready(Ready::Read(id)) => self.read(id, Conn::read),
            // Both are done by the pump.
            Event::Ready(Ready::Write(_)) | Event::RoutesChanged => {}
            Event::Dialled(id, result) => {
                self.dial = None;
                self.dialled(id, result);
            }
        }
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Accepted(stream) => self.accepted(stream),
            Mail::Configured => self.configured(),
            Mail::Lagging => {
                warn!(peer = %self.neighbour.address, "reset: it reads too slowly to be told all withdrawals");
                self.stop(
                    bgp_fsm::Shutdown::OutOfResources,
                    "the peer reads too slowly",
                );
                self.start();
            }
            Mail::Stop(how, why) => {
                self.stop(how.into(), why);
                self.stopped = true;
            }
        }
    }

    /// Ends the session. `why` is for the operator.
    fn stop(&mut self, how: bgp_fsm::Shutdown, why: &'static str) {
        self.stopped_for = why;
        self.session
            .handle_command(Instant::now(), Command::Stop(how));
        self.outputs();
    }

    /// Ends the session and starts another one, if the configuration is another one.
    fn configured(&mut self) {
        let config = Arc::clone(&self.neighbour.record().config);
        if config == self.config {
            return;
        }
        let other_as = config.asn != self.config.asn;
        let how = if other_as {
            Shutdown::PeerDeconfigured
        } else {
            Shutdown::Silent
        };
        self.stop(how.into(), self.config.change_to(&config));
        self.conns.clear();
        self.dial = None;
        // After a silent end the peer may hold our routes (RFC 4724 section 4.1).
        let restarting = self.session.restarting();
        self.session = session(&self.shared, &config, restarting);
        self.config = config;
        self.start();
    }

    fn accepted(&mut self, stream: TcpStream) {
        let Ok(endpoints) = endpoints(&stream) else {
            return;
        };
        match self.session.handle_accepted(Instant::now(), endpoints) {
            Ok(id) => {
                self.neighbour.record().refused_option = None;
                self.conns.push(Conn::new(id, stream));
            }
            Err(why) => {
                debug!(peer = %self.neighbour.address, %why, "closed a connection of the peer");
            }
        }
    }

    fn dialled(&mut self, id: ConnId, result: Result<TcpStream, DialFailure>) {
        let now = Instant::now();
        let connected = result.and_then(|stream| {
            let endpoints = endpoints(&stream).map_err(DialFailure::from)?;
            Ok((stream, endpoints))
        });
        match connected {
            Ok((stream, endpoints)) => {
                self.neighbour.record().refused_option = None;
                self.conns.push(Conn::new(id, stream));
                self.session.handle_connected(now, id, endpoints);
            }
            Err(failure) => {
                let reason = failure.reason;
                self.dial_failure = Some(failure);
                self.session.handle_dial_failed(now, id, reason);
            }
        }
    }

    /// Tells status and log; the log only once for the same failure.
    fn dial_failed(&self, failure: &DialFailure) {
        let mut record = self.neighbour.record();
        let kind = SessionEventKind::Failed(failure.reason.into());
        record.history.push(kind, &failure.text);
        if failure.is_option {
            record.refused_option = Some(failure.text.clone());
        }
        if record.last_down.as_ref() == Some(&failure.text) {
            return;
        }
        let next_attempt = words::next_attempt(self.session.retry_at());
        warn!(peer = %self.neighbour.address, reason = failure.text, next_attempt, "cannot connect, trying again");
        record.last_down = Some(failure.text.clone());
    }

    fn read(&mut self, id: ConnId, read: fn(&mut Conn) -> io::Result<bool>) {
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else {
            return;
        };
        match read(conn) {
            Ok(false) => {}
            Ok(true) => {
                let now = Instant::now();
                count_messages(&conn.inbox, &mut self.neighbour.record().messages.received);
                self.session.handle_data(now, id, &mut conn.inbox);
                conn.release();
                self.outputs();
            }
            Err(error) => self.lost(id, &error),
        }
    }

    fn lost(&mut self, id: ConnId, error: &io::Error) {
        self.conns.retain(|conn| conn.id != id);
        self.session
            .handle_closed(Instant::now(), id, Closed::from(error));
        self.outputs();
    }

    /// Does what the session wants done and sends what there is to send, while the sockets take it. Not for long at a time:
    /// what arrives and timers get their turn.
    fn pump(&mut self) {
        self.outputs();
        for _ in 0..BATCHES_IN_A_ROW {
            if !self.transmit() {
                break;
            }
            self.outputs();
        }
        self.outputs();
        self.publish();
    }

    fn outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.output(output);
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Dial(id) => self.dial(id),
            Output::CancelDial(id) => self.dial = self.dial.take().filter(|dial| dial.id != id),
            Output::Send(id, message) => {
                self.neighbour.sent(&message);
                if let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) {
                    conn.outbox.push(message);
                }
            }
            Output::Close(id, mode) => self.close(id, mode),
            Output::Established(id) => self.established(id),
            Output::Update(_, message) => {
                if let Some(established) = &mut self.established {
                    established.received(&message);
                }
            }
            Output::Refresh(_, request) => {
                let enhanced = self
                    .session
                    .negotiated()
                    .is_some_and(|n| n.enhanced_route_refresh);
                if let Some(established) = &mut self.established {
                    established.refresh(&request, enhanced);
                }
            }
            Output::Down {
                reason: DownReason::DialFailed(_),
                ..
            } => {
                let failure = self.dial_failure.take();
                let failure = failure.unwrap_or_else(|| DialFailure::unanswered(&self.config));
                self.dial_failed(&failure);
            }
            Output::Down { conn, was, reason } => {
                self.dropped(conn);
                self.down(conn, was, &reason);
            }
            other => debug!(?other, "an output of a later version of the session"),
        }
    }

    fn dial(&mut self, id: ConnId) {
        let future = Box::pin(dial(Arc::clone(&self.shared), Arc::clone(&self.config)));
        self.dial = Some(Dial { id, future });
    }

    fn established(&mut self, id: ConnId) {
        let Some(negotiated) = self.session.negotiated() else {
            return;
        };
        self.neighbour.record().observed = Some(id);
        let established = Established::join(&self.shared, &self.neighbour, id, negotiated);
        self.established = Some(established);
    }

    fn down(&mut self, id: ConnId, was: State, reason: &DownReason) {
        let text = words::reason(reason, was, self.session.config(), self.stopped_for);
        let next = self.session.retry_at();
        self.neighbour.down(was, reason, &text, next);
        let observed = self.neighbour.record().observed.take_if(|it| *it == id);
        if observed.is_some()
            && let Some(observer) = &self.shared.config.observer
        {
            observer.session_down(self.neighbour.address, &text);
        }
    }

    /// The connection is gone: so is its place in the table.
    fn dropped(&mut self, id: ConnId) {
        if self
            .established
            .as_ref()
            .is_some_and(|established| established.conn == id)
        {
            self.established = None;
        }
    }

    fn close(&mut self, id: ConnId, mode: CloseMode) {
        let was_established = self.established.as_ref().is_some_and(|it| it.conn == id);
        self.dropped(id);
        let Some(at) = self.conns.iter().position(|conn| conn.id == id) else {
            return;
        };
        let mut conn = self.conns.swap_remove(at);
        if mode == CloseMode::Now {
            return;
        }
        let taken = conn.take_leave();
        if was_established && !taken {
            // Rather a restart too many than one too few: without it the peer would drop the routes that it kept.
            self.shared
                .peers()
                .restarting
                .insert(self.neighbour.address, true);
            self.session
                .handle_command(Instant::now(), Command::FarewellLost);
        }
        if conn.lingers() {
            self.closing.push(conn.close());
        }
    }

    /// Gives every connection a chance to write, and the Established one its next batch. True: there is more to do now.
    fn transmit(&mut self) -> bool {
        let mut more = false;
        for at in 0..self.conns.len() {
            let conn = &mut self.conns[at];
            let id = conn.id;
            if let Some(established) = self.established.as_mut().filter(|e| e.conn == id)
                && conn.outbox.wants_updates()
            {
                if established.take_end_of_rib_sent() {
                    let address = self.neighbour.address;
                    self.shared.peers().restarting.insert(address, false);
                    self.session
                        .handle_command(Instant::now(), Command::EndOfRibSent);
                }
                self.routes_changed.mark_unchanged();
                if let Some(updates) = established.next_batch() {
                    conn.outbox.set_updates(updates);
                }
            }
            if conn.outbox.is_empty() {
                continue;
            }
            match conn.write() {
                Ok(progress) => {
                    more |= progress.unsent == 0;
                    self.session.handle_sent(Instant::now(), id, progress);
                }
                Err(error) => {
                    self.lost(id, &error);
                    return true;
                }
            }
        }
        more
    }

    /// Shows the state to whoever asks.
    fn publish(&self) {
        let mut record = self.neighbour.record();
        record.retry_at = self.session.retry_at();
        record.timers = self.session.timers();
        record.queue_octets = self.conns.iter().map(|conn| conn.outbox.len()).sum();
        let state = self.session.state();
        if record.set_state(state) {
            drop(record);
            debug!(peer = %self.neighbour.address, %state, "session state");
            self.shared.changed();
        }
    }

    /// Waits for connections that still deliver a NOTIFICATION.
    async fn finish(&mut self) {
        self.established = None;
        self.conns.clear();
        self.closing.finish().await;
    }
}

/// A stopped session of this configuration.
fn session(shared: &Shared, config: &PeerConfig, restarting: bool) -> Session {
    // Jitter only has to differ between peers and runs.
    let seed = RandomState::new().build_hasher().finish();
    let config: SessionConfig = config.session(&shared.config, restarting);
    Session::new(Arc::new(config), seed)
}

/// Both ends, IPv4-mapped addresses as IPv4.
fn endpoints(stream: &TcpStream) -> io::Result<Endpoints> {
    let (mut local, mut remote) = (stream.local_addr()?, stream.peer_addr()?);
    local.set_ip(local.ip().to_canonical());
    remote.set_ip(remote.ip().to_canonical());
    Ok(Endpoints { local, remote })
}

/// Until the dial that is under way ends; without one, for ever.
async fn dialled(dial: &mut Option<Dial>) -> (ConnId, Result<TcpStream, DialFailure>) {
    match dial {
        Some(Dial { id, future }) => (*id, future.as_mut().await),
        None => std::future::pending().await,
    }
}

/// Until one of the connections is ready; the one that is being filled is ready as soon as it takes more.
async fn ready(conns: &[Conn], filling: Option<ConnId>) -> Ready {
    poll_fn(|cx| {
        let ready = conns
            .iter()
            .map(|conn| conn.poll_ready(filling == Some(conn.id), cx))
            .find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    })
    .await
}
