//! Sessions from the outside: every event, collision, negotiation, timers, and a simulated network.

mod collision;
mod events;
mod garbage;
mod graceful_restart;
mod opening;
mod simulator;
mod support;
mod timers;
