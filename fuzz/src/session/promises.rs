//! What a session promises about its outputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use bgp_fsm::{ConnId, DownReason, Output, Session, SessionConfig, State};
use bgp_wire::{
    Capability, Context, Disposition, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, MessageType, Open,
    UpdateView, frame,
};

/// Watches every output.
pub(super) struct Promises {
    config: Arc<SessionConfig>,
    /// The dial that was asked for and not answered.
    pub(super) dial: Option<ConnId>,
    /// The connection that is Established.
    pub(super) established: Option<ConnId>,
    /// A dial that the driver said has failed.
    failed: Option<ConnId>,
    connections: BTreeMap<ConnId, Connection>,
    last_id: Option<ConnId>,
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Connection {
    /// The session has it; others are closed and not spoken of again.
    taken: bool,
    opened: bool,
    notified: bool,
    established: bool,
    closed: bool,
    down: bool,
    context: Option<Context>,
}

impl Promises {
    pub(super) fn new(config: Arc<SessionConfig>) -> Self {
        Self {
            config,
            dial: None,
            established: None,
            failed: None,
            connections: BTreeMap::new(),
            last_id: None,
        }
    }

    /// A dial was answered, or a connection accepted.
    pub(super) fn connected(&mut self, id: ConnId, taken: bool) {
        let connection = Connection {
            taken,
            ..Connection::default()
        };
        assert!(
            self.connections.insert(id, connection).is_none(),
            "{id} is used again"
        );
    }

    pub(super) fn dial_failed(&mut self, id: ConnId) {
        self.failed = Some(id);
    }

    pub(super) fn check(&mut self, output: &Output, session: &Session) {
        match output {
            Output::Dial(id) => {
                assert!(self.dial.replace(*id).is_none(), "two dials at once");
                assert!(
                    self.last_id.replace(*id) < Some(*id) && !self.connections.contains_key(id)
                );
                assert!(!self.config.passive, "a passive session dials");
            }
            Output::CancelDial(id) => {
                assert_eq!(self.dial.take(), Some(*id));
                self.failed = Some(*id);
            }
            Output::Down {
                conn,
                reason: DownReason::DialFailed(_),
                was,
            } => {
                assert_eq!((self.failed.take(), *was), (Some(*conn), State::Connect));
            }
            Output::Send(id, octets) => self.sent(*id, octets, session),
            Output::Established(id) => self.up(*id, session),
            Output::Update(id, octets) => self.update(*id, octets),
            Output::Refresh(id, refresh) => {
                assert_eq!(self.established, Some(*id), "a refresh");
                assert!(
                    self.config.families.contains(&refresh.family),
                    "{}",
                    refresh.family
                );
            }
            Output::Close(id, _) => {
                let connection = self.of(*id);
                assert!(
                    !std::mem::replace(&mut connection.closed, true),
                    "{id} is closed twice"
                );
            }
            Output::Down { conn, was, reason } => self.down(*conn, *was, reason),
            other => panic!("{other:?} is not checked"),
        }
    }

    /// With nothing left to do, what the session says of itself is what it said all along.
    pub(super) fn at_rest(&mut self, session: &Session) {
        for (id, connection) in &self.connections {
            assert!(
                connection.closed || !connection.notified,
                "{id}: a NOTIFICATION without a close"
            );
            assert_eq!(
                connection.down,
                connection.closed && connection.taken,
                "{id}: {connection:?}"
            );
        }
        self.connections.retain(|_, connection| !connection.closed);
        self.failed = None;
        assert_eq!(session.negotiated().map(|n| n.conn), self.established);
        assert_eq!(
            session.state() == State::Established,
            self.established.is_some()
        );
        assert_eq!(
            session.established_since().is_some(),
            self.established.is_some()
        );
        if self.connections.is_empty() {
            assert_eq!(session.state() == State::Connect, self.dial.is_some());
        }
    }

    /// A connection that may still be spoken of.
    fn of(&mut self, id: ConnId) -> &mut Connection {
        let connection = self.connections.get_mut(&id);
        connection.unwrap_or_else(|| panic!("{id} is not a connection any more"))
    }

    /// One whole message: an OPEN first and once, a NOTIFICATION last.
    fn sent(&mut self, id: ConnId, octets: &[u8], session: &Session) {
        let connection = self.of(id);
        assert!(
            !connection.closed && !connection.notified,
            "{id}: a message after the last"
        );
        // Where the end came with the KEEPALIVE nobody saw what was negotiated.
        let unknown = if connection.established {
            MAX_EXTENDED_MESSAGE
        } else {
            MAX_MESSAGE
        };
        let max = connection
            .context
            .map_or(unknown, |context| context.max_message);
        let found = frame(octets, max)
            .expect("our header is right")
            .expect("a whole message");
        assert_eq!(found.message(), octets, "one message at a time");
        let opens = found.kind() == MessageType::OPEN;
        assert_ne!(
            std::mem::replace(&mut connection.opened, true),
            opens,
            "{id}: {}",
            found.kind()
        );
        connection.notified = found.kind() == MessageType::NOTIFICATION;
        if opens {
            self.our_open(
                &Open::decode(octets).expect("our own OPEN is right"),
                session,
            );
        }
    }

    fn our_open(&self, open: &Open, session: &Session) {
        let config = &self.config;
        assert_eq!(open.my_as, config.open_asn().to_two_octets());
        assert_eq!(
            (open.hold_time, open.bgp_id),
            (config.hold_time, config.bgp_id)
        );
        for capability in &open.capabilities {
            match capability {
                Capability::FourOctetAsn(asn) => assert_eq!(*asn, config.open_asn()),
                Capability::GracefulRestart(it) => assert_eq!(it.restarting, session.restarting()),
                _ => {}
            }
        }
    }

    fn up(&mut self, id: ConnId, session: &Session) {
        assert_eq!(
            self.established.replace(id),
            None,
            "two Established connections"
        );
        let negotiated = session.negotiated().filter(|n| n.conn == id);
        let connection = self.of(id);
        assert!(connection.opened && !connection.notified && !connection.closed);
        assert!(
            !std::mem::replace(&mut connection.established, true),
            "{id} twice"
        );
        connection.context = negotiated.map(|n| n.context);
        if let Some(negotiated) = negotiated {
            assert_eq!(negotiated.peer_open.asn(), self.config.peer_asn);
            assert!(!negotiated.families.is_empty(), "nothing to talk about");
        }
    }

    fn update(&mut self, id: ConnId, octets: &[u8]) {
        assert_eq!(self.established, Some(id), "an UPDATE of {id}");
        if let Some(context) = self.of(id).context {
            let view =
                UpdateView::parse(octets, &context).expect("an UPDATE that keeps the session");
            assert!(view.disposition() <= Disposition::TreatAsWithdraw);
        }
    }

    fn down(&mut self, id: ConnId, was: State, reason: &DownReason) {
        let connection = self.of(id);
        assert!(connection.closed, "{id} is down and not closed");
        assert!(
            !std::mem::replace(&mut connection.down, true),
            "{id} is down twice"
        );
        assert_eq!(
            was == State::Established,
            connection.established,
            "{id} was {was}"
        );
        assert!(!reason.to_string().is_empty());
        if connection.established {
            assert_eq!(self.established.take(), Some(id));
        }
    }
}
