//! `get bgproutes`.

use super::{Shown, Table};
use crate::style::{GOOD, NOTICE};
use crate::table::Cell;
use crate::view::{RouteView, Sent};

impl Shown for RouteView {
    fn key(&self) -> String {
        self.route.clone()
    }

    fn settled(&self) -> Self {
        self.clone()
    }

    fn table(items: &[Self], wide: bool) -> Option<Table> {
        let mut header = vec!["ROUTE", "TYPE", "K8S-OBJ-REF"];
        if wide {
            header.extend(["SENT", "OWNERS"]);
        }
        // Where one peer was asked about, what became of each route there is the point.
        if items.iter().any(|route| route.delivery.is_some()) {
            header.push("DELIVERY");
        }
        let rows = items.iter().map(|route| row(route, wide)).collect();
        Some(Table { header, rows })
    }
}

fn row(route: &RouteView, wide: bool) -> Vec<Cell> {
    let mut row = vec![
        Cell::from(&route.route),
        Cell::from(&route.route_type),
        object_ref(&route.k8s_obj_ref).into(),
    ];
    if wide {
        row.push(route.sent.map(sent).unwrap_or_default());
        row.push(route.owners.join(", ").into());
    }
    row.extend(route.delivery.as_deref().map(delivery));
    row
}

fn sent(sent: Sent) -> Cell {
    let text = format!("{}/{}", sent.to, sent.of);
    match sent.to == sent.of && sent.of > 0 {
        true => Cell::painted(text, GOOD),
        false => Cell::painted(text, NOTICE),
    }
}

/// What has become of a route at a peer.
fn delivery(text: &str) -> Cell {
    match text {
        "sent" => Cell::painted(text, GOOD),
        _ => Cell::painted(text, NOTICE),
    }
}

/// antctl's word for a route without an object.
pub(crate) fn object_ref(object: &str) -> String {
    if object.is_empty() {
        "<NONE>".to_owned()
    } else {
        object.to_owned()
    }
}
