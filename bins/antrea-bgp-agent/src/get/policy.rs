//! `get bgppolicy`.

use super::{Shown, Table, shown};
use crate::style::{BAD, NOTICE, Paint as _, columns};
use crate::table::{Cell, render};
use crate::view::PolicyView;

impl Shown for PolicyView {
    /// There is one at most.
    fn key(&self) -> String {
        String::new()
    }

    fn settled(&self) -> Self {
        self.clone()
    }

    fn table(items: &[Self], wide: bool) -> Option<Table> {
        let mut header = vec![
            "NAME",
            "ROUTER-ID",
            "LOCAL-ASN",
            "LISTEN-PORT",
            "CONFEDERATION-IDENTIFIER",
            "MEMBER-ASNs",
        ];
        if wide {
            header.push("LISTENERS");
        }
        let rows = items.iter().map(|policy| row(policy, wide)).collect();
        Some(Table { header, rows })
    }

    fn text(items: &[Self], wide: bool) -> String {
        let table = Self::table(items, wide).unwrap_or_default();
        let mut out = render(&table.header, &table.rows, columns());
        if wide {
            for remark in items.iter().flat_map(|item| &item.remarks) {
                out += &painted(remark);
                out.push('\n');
            }
        }
        out
    }
}

fn row(policy: &PolicyView, wide: bool) -> Vec<Cell> {
    let process = &policy.process;
    let members: Vec<String> = process.member_asns.iter().map(u32::to_string).collect();
    let mut row = vec![
        Cell::from(&policy.name),
        process.router_id.into(),
        process.local_asn.into(),
        process.listen_port.into(),
        shown(process.confederation_identifier),
        members.join(",").into(),
    ];
    if wide {
        row.push(policy.listeners.join(", ").into());
    }
    row
}

/// A line about something that is wrong, in the colour of how bad it is.
fn painted(remark: &str) -> String {
    if remark.contains("error: ") {
        remark.paint(BAD)
    } else {
        remark.paint(NOTICE)
    }
}
