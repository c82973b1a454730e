//! Driving sessions: outputs are obeyed and connections written to, as a driver owes it to both the
//! session and the table. `bgp-speaker` does the same over TCP.

use bgp_fsm::{CloseMode, Command, ConnId, Output, SendProgress, State};
use bgp_rib::RefreshKind;
use bgp_wire::{KEEPALIVE, RefreshSubtype, RouteRefresh};

use crate::end::{Cursor, Established, Socket};
use crate::world::World;

impl World {
    /// Does whatever a session wants done.
    pub(crate) fn drain(&mut self, end: usize) {
        while let Some(output) = self.poll(end) {
            self.note_output(end, &output);
            self.obey(end, output);
        }
    }

    fn poll(&mut self, end: usize) -> Option<Output> {
        self.ends[end].session.as_mut()?.poll_output()
    }

    fn obey(&mut self, end: usize, output: Output) {
        match output {
            Output::Dial(conn) => {
                let pipe = self.net.dial(end, self.ends[end].peer);
                let socket = Socket::new(pipe, 0, false);
                self.ends[end].sockets.insert(conn, socket);
            }
            Output::CancelDial(conn) => self.close(end, conn),
            Output::Send(conn, message) => {
                let socket = self.ends[end].sockets.get_mut(&conn);
                socket.expect("a live connection").queue(message);
            }
            Output::Close(conn, mode) => {
                self.leave(end, conn);
                if mode == CloseMode::Flush {
                    self.flush(end, conn);
                }
                self.close(end, conn);
            }
            Output::Established(conn) => self.establish(end, conn),
            Output::Update(conn, message) => {
                let effects = self.ends[end].received.update(&message);
                let pipe = self.ends[end].sockets.get(&conn).map(|s| s.pipe);
                self.believe(end, pipe, effects);
            }
            Output::Refresh(conn, message) => self.refresh(end, conn, &message),
            Output::Down {
                was: State::Established,
                reason,
                ..
            } => {
                let effects = self.ends[end].received.down(self.net.now, &reason);
                self.believe(end, None, effects);
            }
            _ => {}
        }
    }

    fn establish(&mut self, end: usize, conn: ConnId) {
        let this = &mut self.ends[end];
        let others = this.sockets.values().any(|socket| socket.established);
        assert!(!others, "two established connections");
        let socket = this.sockets.get_mut(&conn).expect("a live connection");
        socket.established = true;
        let (pipe, side) = (socket.pipe, socket.side);
        self.changes += 1;
        self.established.insert((pipe, side), self.changes);
        self.report.sessions += 1;
        // None if the octets that brought it brought its end as well.
        let negotiated = this.session.as_ref().and_then(|s| s.negotiated());
        let Some(negotiated) = negotiated.filter(|it| it.conn == conn) else {
            return;
        };
        let effects = this.received.established(negotiated);
        let speaker = &self.speakers[this.speaker];
        let groups: Vec<_> = negotiated
            .families
            .iter()
            .map(|family| speaker.group(negotiated, *family))
            .collect();
        let mut established = Established {
            conn,
            max_message: negotiated.max_message,
            families: negotiated.families.clone(),
            enhanced: negotiated.enhanced_route_refresh && !this.plain_refresh,
            cursors: Vec::new(),
            told: false,
        };
        let process = self.speakers[this.speaker].process.as_mut();
        let table = &mut process.expect("a session runs in a process").table;
        for group in groups {
            established.cursors.push(Cursor {
                family: group.family,
                peer: table.join(group).expect("a group that can be served"),
                end_of_rib: false,
            });
        }
        this.established = Some(established);
        self.believe(end, Some(pipe), effects);
    }

    /// The neighbour wants its routes again, or marks its own refresh.
    fn refresh(&mut self, end: usize, conn: ConnId, message: &RouteRefresh) {
        if message.subtype != RefreshSubtype::Normal {
            let effects = self.ends[end].received.refresh(message);
            let pipe = self.ends[end].sockets.get(&conn).map(|s| s.pipe);
            return self.believe(end, pipe, effects);
        }
        let this = &self.ends[end];
        let Some(established) = &this.established else {
            return;
        };
        self.report.refreshes += 1;
        let kind = match established.enhanced {
            true => RefreshKind::Enhanced,
            false => RefreshKind::Plain,
        };
        let process = self.speakers[this.speaker].process.as_mut();
        let table = &mut process.expect("a session runs in a process").table;
        for cursor in &established.cursors {
            if cursor.family == message.family {
                table.refresh(cursor.peer, kind);
            }
        }
    }

    /// Every neighbour of a speaker gets what there is to send, as far as the network takes it.
    pub(crate) fn pump(&mut self, speaker: usize) {
        for at in 0..self.speakers[speaker].ends.len() {
            self.write_all(self.speakers[speaker].ends[at]);
        }
    }

    /// The same for one neighbour.
    pub(crate) fn write_all(&mut self, end: usize) {
        let conns: Vec<ConnId> = self.ends[end].sockets.keys().copied().collect();
        for conn in conns {
            self.write(end, conn);
        }
    }

    /// Hands as much to the network as it takes, then tells the session.
    pub(crate) fn write(&mut self, end: usize, conn: ConnId) {
        let mut progress = SendProgress::default();
        loop {
            if !self.refill(end, conn) {
                break;
            }
            let socket = self.ends[end].sockets.get_mut(&conn);
            let socket = socket.expect("it was there to be filled");
            let rest = socket.outbox.next();
            let wanted = rest.len();
            let taken = self.net.write(socket.pipe, socket.side, rest);
            progress.written += taken;
            progress.updates += usize::from(socket.outbox.advance(taken));
            if taken < wanted {
                progress.unsent = socket.outbox.len();
                break;
            }
        }
        if progress != SendProgress::default()
            && let Some(session) = &mut self.ends[end].session
        {
            session.handle_sent(self.net.now, conn, progress);
        }
    }

    /// Gets the next batch once everything has left. False if there is nothing to write.
    fn refill(&mut self, end: usize, conn: ConnId) -> bool {
        let this = &mut self.ends[end];
        let Some(socket) = this.sockets.get_mut(&conn).filter(|s| s.connected) else {
            return false;
        };
        if !socket.outbox.is_empty() {
            return true;
        }
        let established = this.established.as_mut().filter(|it| it.conn == conn);
        let Some(established) = established.filter(|_| !socket.ending) else {
            return false;
        };
        if established.take_end_of_rib_sent() {
            this.restarting = false;
            let session = this.session.as_mut().expect("an Established session");
            session.handle_command(self.net.now, Command::EndOfRibSent);
        }
        let process = self.speakers[this.speaker].process.as_mut();
        let process = process.expect("a session runs in a process");
        let Some(batch) = established.next_batch(process) else {
            return false;
        };
        socket.outbox.set_updates(batch);
        true
    }

    /// The last words of a connection: what the network takes at once.
    fn flush(&mut self, end: usize, conn: ConnId) {
        let Some(socket) = self.ends[end].sockets.get_mut(&conn) else {
            return;
        };
        socket.ending = true;
        socket.outbox.drop_updates();
        self.write(end, conn);
    }

    /// The connection is gone: so is its place in the table.
    fn leave(&mut self, end: usize, conn: ConnId) {
        let this = &mut self.ends[end];
        if this.established.as_ref().is_some_and(|it| it.conn == conn) {
            let process = self.speakers[this.speaker].process.as_mut();
            this.leave(process);
        }
    }

    fn close(&mut self, end: usize, conn: ConnId) {
        if let Some(socket) = self.ends[end].sockets.remove(&conn) {
            self.net.close(socket.pipe, socket.side);
        }
    }

    fn note_output(&mut self, end: usize, output: &Output) {
        if matches!(output, Output::Update(..)) {
            return;
        }
        if matches!(output, Output::Send(_, message) if message[..] == KEEPALIVE) {
            return;
        }
        let session = self.ends[end].session.as_ref();
        let state = session.map_or(State::Idle, |session| session.state());
        let peer = self.ends[end].peer;
        self.note(|| match output {
            Output::Send(conn, message) => {
                format!(
                    "end {end} (to {peer}) {state}: send {conn} type {}",
                    message[18]
                )
            }
            other => format!("end {end} (to {peer}) {state}: {other:?}"),
        });
    }
}
