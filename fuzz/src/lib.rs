//! Fuzz targets of [`bgp_wire`] and [`bgp_fsm`], as plain functions: for whoever changes what reads from the network.
//!
//! Each takes any octets and panics where a promise is broken. libFuzzer calls them from `fuzz_targets/`; `cargo test` calls
//! them with the [`seeds`] and mutations of these, without a fuzzer (`bins/fuzz-smoke`). How to run, and what to do with a
//! finding, is in `fuzz/README.md`.
//!
//! It is not a set of examples of how to use the crates, and it says nothing about speed.
//!
//! ```
//! let (name, target) = bgp_fuzz::TARGETS[0];
//! target(&[]);
//! assert_eq!(name, "framing");
//! ```

mod expect;
mod input;
mod messages;
mod round_trip;
pub mod seeds;
mod session;
mod split;
mod update;

pub use messages::{framing, notification, open, route_refresh};
pub use round_trip::round_trip;
pub use session::session;
pub use split::{pack, split};
pub use update::{update, view_owned};

/// A target: panics where `data` makes a promise break.
pub type Target = fn(data: &[u8]);

/// Every target with its name, which is also that of its file in `fuzz_targets/` and its folder in `seeds/`.
pub const TARGETS: [(&str, Target); 10] = [
    ("framing", framing),
    ("open", open),
    ("notification", notification),
    ("route_refresh", route_refresh),
    ("update", update),
    ("view_owned", view_owned),
    ("round_trip", round_trip),
    ("split", split),
    ("pack", pack),
    ("session", session),
];
