//! One BGP neighbour as a sans-IO state machine (RFC 4271 section 8).

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
pub use session::Session;
