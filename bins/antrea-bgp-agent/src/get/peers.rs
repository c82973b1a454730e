//! `get bgppeers`.

use anstyle::Style;

use super::{Shown, Table, shown};
use crate::style::{BAD, GOOD, NOTICE};
use crate::table::{Cell, age};
use crate::view::PeerView;

impl Shown for PeerView {
    const WIDEST: &'static [&'static str] = &["", "", "Established"];

    fn key(&self) -> String {
        self.peer.clone()
    }

    fn settled(&self) -> Self {
        Self {
            since_seconds: None,
            retry_in_seconds: None,
            ..self.clone()
        }
    }

    fn table(items: &[Self], wide: bool) -> Option<Table> {
        let mut header = vec!["PEER", "ASN", "STATE"];
        if wide {
            // Short, so that an IPv6 address leaves room for them.
            header.extend(["SINCE", "SENT", "RECV", "FLAPS", "RETRY", "LAST-ERROR"]);
        }
        let rows = items.iter().map(|peer| row(peer, wide)).collect();
        Some(Table { header, rows })
    }
}

fn row(peer: &PeerView, wide: bool) -> Vec<Cell> {
    let mut row = vec![Cell::from(&peer.peer), peer.asn.into(), state(peer)];
    if wide {
        row.push(shown(peer.since_seconds.map(age)));
        row.extend([shown(peer.advertised), shown(peer.received)]);
        row.push(shown(peer.flaps));
        row.push(shown(peer.retry_in_seconds.map(age)));
        row.push(shown(peer.last_error.as_ref()));
    }
    row
}

fn state(peer: &PeerView) -> Cell {
    Cell::painted(
        &peer.state,
        state_style(&peer.state, peer.last_error.as_deref()),
    )
}

/// Green where it works, red where there is a reason why it does not, yellow while it may only take
/// its time.
pub(super) fn state_style(state: &str, last_error: Option<&str>) -> Style {
    match (state, last_error) {
        ("Established", _) => GOOD,
        (_, Some(_)) => BAD,
        _ => NOTICE,
    }
}
