//! `get bgppolicy`.

use super::{Shown, Table, shown};
use crate::table::Cell;
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

    fn remarks(&self) -> &[String] {
        &self.remarks
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
