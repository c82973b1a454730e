//! What the handle, the listeners and a peer's task share about one peer.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bgp_fsm::{ConnId, DownReason, SessionTimers, State};
use bgp_rib::PeerId;
use bgp_wire::{Family, HEADER_LEN, MessageType, NextHop, Notification, PeerKind};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tracing::{debug, info, warn};

use crate::config::{PeerConfig, Shutdown};
use crate::conn::count_messages;
use crate::history::{DownCause, History, SessionEventKind};
use crate::latency::LatencyHistogram;
use crate::status::{
    FamilyCounts, MessageCounts, NegotiatedStatus, NotificationStatus, SessionEndpoints,
};
use crate::words;

/// One peer.
pub(crate) struct Neighbour {
    pub(crate) address: IpAddr,
    mailbox: Mutex<Mailbox>,
    wake: Notify,
    record: Mutex<Record>,
}

/// What waits for a peer's task.
#[derive(Default)]
struct Mailbox {
    mail: VecDeque<Mail>,
    /// Told to stop, whether or not the task still gets to see that mail.
    stopped: bool,
}

/// What a peer's task is told.
pub(crate) enum Mail {
    /// The peer dialled in. Options are set, nothing is read.
    Accepted(TcpStream),
    /// The configuration changed; [`Record::config`] has it.
    Configured,
    /// The peer holds back too many withdrawals.
    Lagging,
    /// End, for good, and why.
    Stop(Shutdown, &'static str),
}

/// What is known about a peer, for [`Status`](crate::Status). Written by its task.
pub(crate) struct Record {
    pub(crate) config: Arc<PeerConfig>,
    pub(crate) kind: PeerKind,
    /// A listener could not be told the password: nothing that it accepts may be trusted.
    pub(crate) unkeyed: Option<String>,
    /// A dialled or accepted socket could not be set up.
    pub(crate) refused_option: Option<String>,
    pub(crate) state: State,
    pub(crate) since: (SystemTime, Instant),
    pub(crate) flaps: u64,
    pub(crate) last_error_sent: Option<NotificationStatus>,
    pub(crate) last_error_received: Option<NotificationStatus>,
    pub(crate) last_down: Option<String>,
    pub(crate) history: History,
    pub(crate) timers: SessionTimers,
    /// When the next attempt is, while none is under way.
    pub(crate) retry_at: Option<Instant>,
    pub(crate) messages: MessageCounts,
    pub(crate) routes: Vec<FamilyCounts>,
    /// UPDATEs that were survived in spite of errors.
    pub(crate) malformed_updates: u64,
    pub(crate) queue_octets: usize,
    pub(crate) latency: LatencyHistogram,
    /// The session that the observer was told of.
    pub(crate) observed: Option<ConnId>,
    /// The session while it is Established.
    pub(crate) established: Option<Box<EstablishedRecord>>,
}

pub(crate) struct EstablishedRecord {
    pub(crate) endpoints: SessionEndpoints,
    pub(crate) negotiated: NegotiatedStatus,
    pub(crate) next_hops: Vec<(Family, NextHop)>,
    /// Its cursors in the table.
    pub(crate) cursors: Vec<(Family, PeerId)>,
}

impl Neighbour {
    pub(crate) fn new(config: Arc<PeerConfig>, kind: PeerKind) -> Self {
        Self {
            address: config.address,
            mailbox: Mutex::default(),
            wake: Notify::new(),
            record: Mutex::new(Record::new(config, kind)),
        }
    }

    /// Never held over an await, and no other lock is taken under it.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, mail: Mail) {
        let mut mailbox = self.mailbox();
        mailbox.stopped |= matches!(mail, Mail::Stop(..));
        mailbox.mail.push_back(mail);
        drop(mailbox);
        self.wake.notify_one();
    }

    /// Hands over a connection that a listener accepted, unless another one still waits: then it is closed. So a peer that
    /// floods connections costs two at most.
    pub(crate) fn offer(&self, stream: TcpStream) {
        let mut mailbox = self.mailbox();
        let is_connection = |mail: &Mail| matches!(mail, Mail::Accepted(_));
        if mailbox.mail.iter().any(is_connection) {
            return;
        }
        mailbox.mail.push_back(Mail::Accepted(stream));
        drop(mailbox);
        self.wake.notify_one();
    }

    /// The mail that has waited longest.
    pub(crate) fn next_mail(&self) -> Option<Mail> {
        let mut mailbox = self.mailbox();
        let mail = mailbox.mail.pop_front();
        if mailbox.mail.is_empty() {
            mailbox.mail = VecDeque::new();
        }
        mail
    }

    /// Whether the peer's sessions were told to end for good.
    pub(crate) fn is_stopped(&self) -> bool {
        self.mailbox().stopped
    }

    /// Until there is mail.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Its cursors in the table, one per family, while the session is Established.
    pub(crate) fn cursors(&self) -> Vec<(Family, PeerId)> {
        let record = self.record();
        record
            .established
            .as_ref()
            .map(|it| it.cursors.clone())
            .unwrap_or_default()
    }

    /// Takes note of a message that the session sends.
    pub(crate) fn sent(&self, message: &[u8]) {
        let mut record = self.record();
        count_messages(message, &mut record.messages.sent);
        let is_notification = message.get(HEADER_LEN - 1) == Some(&MessageType::NOTIFICATION.0);
        if is_notification && let Ok(notification) = Notification::decode(message) {
            record.last_error_sent = Some(NotificationStatus::new(&notification));
        }
    }

    /// Takes note of the end of a connection, in status and log. `text` is the reason in words.
    pub(crate) fn down(&self, was: State, reason: &DownReason, text: &str, next: Option<Instant>) {
        let mut record = self.record();
        if let DownReason::Received(notification) = reason {
            record.last_error_received = Some(NotificationStatus::new(notification));
        }
        let again = record.last_down.as_deref() == Some(text);
        let (peer, next_attempt) = (self.address, words::next_attempt(next));
        if was == State::Established {
            record.flaps += 1;
        }
        if *reason == DownReason::Admin {
            info!(%peer, state = %was, reason = text, "session ended");
        } else if was == State::Established {
            warn!(%peer, reason = text, next_attempt, "session down");
        } else if again {
            debug!(%peer, state = %was, reason = text, next_attempt, "connection ended again");
        } else if words::needs_operator(reason) {
            warn!(%peer, state = %was, reason = text, next_attempt, "connection ended");
        } else {
            info!(%peer, state = %was, reason = text, next_attempt, "connection ended");
        }
        // What happens to the other connection of a collision is no news about the peer.
        if *reason != DownReason::CollisionLost {
            record.last_down = Some(text.to_owned());
            let kind = match was {
                State::Established => SessionEventKind::Down,
                _ => SessionEventKind::Failed,
            };
            record.history.push(kind(reason.into()), text);
        }
    }

    /// Takes note of a panic in the peer's task. True: the observer knows of a session that is no more.
    pub(crate) fn failed(&self, text: &str) -> bool {
        let mut record = self.record();
        let observed = record.observed.take().is_some();
        record.flaps += u64::from(observed);
        record.last_down = Some(text.to_owned());
        let kind = match observed {
            true => SessionEventKind::Down,
            false => SessionEventKind::Failed,
        };
        record.history.push(kind(DownCause::Bug), text);
        record.queue_octets = 0;
        record.timers = SessionTimers::default();
        record.set_state(State::Idle);
        observed
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn new(config: Arc<PeerConfig>, kind: PeerKind) -> Self {
        Self {
            config,
            kind,
            unkeyed: None,
            refused_option: None,
            state: State::Idle,
            since: (SystemTime::now(), Instant::now()),
            flaps: 0,
            last_error_sent: None,
            last_error_received: None,
            last_down: None,
            history: History::default(),
            timers: SessionTimers::default(),
            retry_at: None,
            messages: MessageCounts::default(),
            routes: Vec::new(),
            malformed_updates: 0,
            observed: None,
            queue_octets: 0,
            latency: LatencyHistogram::default(),
            established: None,
        }
    }

    /// Takes note of the state; tells whether it is another one.
    pub(crate) fn set_state(&mut self, state: State) -> bool {
        if self.state == state {
            return false;
        }
        self.state = state;
        self.since = (SystemTime::now(), Instant::now());
        true
    }

    /// The counters of a family.
    pub(crate) fn counts(&mut self, family: Family) -> &mut FamilyCounts {
        let at = self
            .routes
            .iter()
            .position(|counts| counts.family == family);
        let at = at.unwrap_or_else(|| {
            self.routes.push(FamilyCounts::new(family));
            self.routes.len() - 1
        });
        &mut self.routes[at]
    }
}
