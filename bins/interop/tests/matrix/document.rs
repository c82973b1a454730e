//! `docs/interop.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use interop::workspace_root;

use crate::cell::Family;
use crate::stories::{FEATURES, Verdict};
use crate::{Place, ROUTERS};

const HEAD: &str = "\
# Interoperability

Written by the test `matrix` of the package `interop` when every cell has passed; do not edit it. To run it, as root on
Debian with the routers installed (`cargo xtask test` installs them):

```console
$ cargo test -p interop --test matrix -- --nocapture
```

In each cell the agent, started as a user would start it, has one session with the router, on port 179 in network
namespaces of their own. The node's routes are a ClusterIP, an external IP and a load balancer's IP of a Service, a Pod
CIDR and an Egress IP.
";

/// Writes the document, if it is not there already as it should be.
///
/// # Panics
///
/// When a router does not tell its version, or the file cannot be written.
pub(crate) fn write(verdicts: &BTreeMap<Place, Verdict>) {
    let text = text(verdicts);
    let path = workspace_root().join("docs/interop.md");
    if fs::read_to_string(&path).unwrap_or_default() != text {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("docs/interop.md is written anew: look at the difference, and commit it");
    }
}

fn text(verdicts: &BTreeMap<Place, Verdict>) -> String {
    let mut text = HEAD.to_owned();
    let versions = ROUTERS.map(|kind| {
        let version = kind.version().unwrap_or_else(|error| panic!("{error:#}"));
        format!("{kind} {version}")
    });
    let _ = writeln!(text, "\nThe routers: {}.", versions.join(", "));
    let mut notes: Vec<String> = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let heads = ROUTERS.map(|kind| kind.to_string());
        let _ = writeln!(text, "\n## {family}\n\n| | {} |", heads.join(" | "));
        let _ = writeln!(text, "| --- |{}", " --- |".repeat(ROUTERS.len()));
        for (feature, row) in FEATURES.iter().enumerate() {
            let _ = write!(text, "| {} |", row.name);
            for (router, kind) in ROUTERS.iter().enumerate() {
                let word = match verdicts.get(&(router, family, feature)) {
                    Some(Verdict::Works) => "works".to_owned(),
                    Some(Verdict::Limited(why)) => {
                        format!("partly [{}]", number(&mut notes, format!("{kind}: {why}")))
                    }
                    None => unreachable!("the whole matrix was run"),
                };
                let _ = write!(text, " {word} |");
            }
            text.push('\n');
        }
    }
    text.push('\n');
    for (index, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}. {note}", index + 1);
    }
    text.push_str("\n## What \"works\" means\n\n| | what was seen |\n| --- | --- |\n");
    for feature in &FEATURES {
        let _ = writeln!(text, "| {} | {} |", feature.name, feature.shows);
    }
    text
}

/// The number of a note, which is added if it is new.
fn number(notes: &mut Vec<String>, note: String) -> usize {
    let known = notes.iter().position(|known| *known == note);
    known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    }) + 1
}
