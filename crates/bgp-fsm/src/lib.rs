//! One BGP neighbour as a sans-IO state machine (RFC 4271 section 8).
//!
//! For whoever builds a BGP speaker, a route injector, a receiver or a test peer on a runtime of
//! their own. A [`Session`] takes what happens (a connection, octets, the passing of time) and
//! says what to do (dial, send, close) and what came of it (Established, an UPDATE, down and why).
//! It covers two connections at once and their collision, negotiation, every timer, graceful
//! restart, confederations and the NOTIFICATION for each error.
//!
//! It opens no socket, reads no clock, keeps no routes and starts no task; messages are
//! [`bgp_wire`]'s. What a driver owes it is written at [`Session`].
//!
//! Driving it by hand, with the neighbour's part played here:
//!
//! ```
//! # use std::net::{Ipv4Addr, SocketAddr};
//! # use std::sync::Arc;
//! use std::time::Instant;
//! use bgp_fsm::{Command, Endpoints, Output, Session, SessionConfig, State};
//! use bgp_wire::{Asn, KEEPALIVE, Open};
//! use bytes::BytesMut;
//!
//! let id = Ipv4Addr::new(192, 0, 2, 1);
//! let config = SessionConfig::new(Asn(64512), id, Asn(65001));
//! let mut session = Session::new(Arc::new(config), 1);
//! let mut now = Instant::now();
//!
//! session.handle_command(now, Command::Start);
//! let Some(Output::Dial(conn)) = session.poll_output() else { panic!() };
//! // ... TCP connects, and the connection's addresses are known.
//! # let address = SocketAddr::from(([192, 0, 2, 1], 179));
//! # let endpoints = Endpoints { local: address, remote: address };
//! session.handle_connected(now, conn, endpoints);
//! let Some(Output::Send(_, open)) = session.poll_output() else { panic!() };
//! assert_eq!(Open::decode(&open)?.asn(), Asn(64512));
//!
//! // Octets arrive, in whatever pieces: what is not a whole message yet stays in the buffer.
//! let mut received = BytesMut::new();
//! Open::new(Asn(65001), 30, Ipv4Addr::new(192, 0, 2, 2)).encode(&mut received)?;
//! received.extend_from_slice(&KEEPALIVE);
//! session.handle_data(now, conn, &mut received);
//! assert_eq!(session.state(), State::Established);
//! assert!(session.negotiated().unwrap().hold_time.unwrap().as_secs() == 30);
//!
//! // One timer for all: when it is due, say what time it is.
//! # while session.poll_output().is_some() {}
//! now = session.poll_timeout().unwrap();
//! session.handle_timeout(now);
//! assert!(matches!(session.poll_output(), Some(Output::Send(_, m)) if m[..] == KEEPALIVE));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[doc = include_str!("../GUIDE.md")]
pub mod guide {}

mod config;
mod connection;
mod event;
mod negotiated;
mod open;
mod retry;
mod session;

pub use config::{Confederation, GracefulRestartConfig, SessionConfig};
pub use event::{
    AcceptError, CloseMode, Closed, Command, ConnId, DialError, DownReason, Endpoints, Output,
    SendProgress, Shutdown, State,
};
pub use negotiated::Negotiated;
pub use session::{Session, SessionTimers};
