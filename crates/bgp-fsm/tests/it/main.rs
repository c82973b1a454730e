//! Sessions from the outside: every event, collision, negotiation, timers, nonsense.

mod collision;
mod events;
mod garbage;
mod graceful_restart;
mod opening;
mod support;
mod timers;
