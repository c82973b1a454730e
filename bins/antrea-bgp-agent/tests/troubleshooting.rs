//! `docs/troubleshooting.md` has every Event and every log line that an operator can meet, and no
//! others.

mod common;

use std::collections::BTreeSet;

use common::repository::{quoted, read, rows};
use common::source::{calls, literals, pattern, rust_files, variants};

const PAGE: &str = "docs/troubleshooting.md";

/// What runs on a node.
const SHIPPED: [&str; 9] = [
    "bins/antrea-bgp-agent/src",
    "crates/antrea-bgp-api/src",
    "crates/antrea-bgp-kube/src",
    "crates/antrea-bgp-manifests/src",
    "crates/antrea-bgp-policy/src",
    "crates/bgp-fsm/src",
    "crates/bgp-rib/src",
    "crates/bgp-socket/src",
    "crates/bgp-speaker/src",
];

/// A section of the page, from its heading to the next one of its kind.
fn section(heading: &str) -> String {
    let page = read(PAGE);
    let (_, rest) = page
        .split_once(&format!("{heading}\n"))
        .unwrap_or_else(|| panic!("{heading}"));
    let level = heading.split(' ').next().unwrap_or_default();
    let end = rest.find(&format!("\n{level} ")).unwrap_or(rest.len());
    rest[..end].to_owned()
}

/// The first cells of the tables of a section, those with several names split.
fn first_cells(section: &str) -> BTreeSet<String> {
    // Two backquotes stand for one that the text itself has.
    let section = section.replace("``", "\u{0}");
    let cells = rows(&section).flat_map(|cells| quoted(cells[0]));
    cells.map(|cell| cell.replace('\u{0}', "`")).collect()
}

/// The texts of the log lines of a level, with `…` for what differs.
fn log_lines(level: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (file, text) in SHIPPED.iter().flat_map(|folder| rust_files(folder)) {
        for arguments in calls(&text, level) {
            let literal = literals(arguments).into_iter().next();
            let literal = literal.unwrap_or_else(|| panic!("{file}: {level}!({arguments})"));
            lines.insert(pattern(&literal));
        }
    }
    lines
}

#[test]
fn every_log_line_is_explained() {
    let logged: BTreeSet<String> = ["info", "warn", "error"]
        .into_iter()
        .flat_map(log_lines)
        // Reports, findings and sources, which have tables of their own.
        .filter(|line| line != "…")
        .collect();
    assert!(logged.len() > 40, "{logged:?}");
    // Lines that are made elsewhere: the findings by kind, and what is said of sources.
    let others = |line: &String| !line.contains("KIND: ") && !line.contains("FILE:LINE");
    let findings: BTreeSet<String> = problems().into_iter().collect();
    let explained: BTreeSet<String> = first_cells(&section("## Log lines"))
        .into_iter()
        .filter(|line| others(line) && !findings.contains(line))
        .collect();
    let missing: Vec<_> = logged.difference(&explained).collect();
    let stale: Vec<_> = explained.difference(&logged).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing {missing:#?}, stale {stale:#?}"
    );
}

fn problems() -> Vec<String> {
    let source = read("crates/antrea-bgp-manifests/src/diagnostic.rs");
    variants(&source, "Problem")
}

#[test]
fn every_kind_of_finding_in_a_folder_is_explained() {
    let explained = first_cells(&section("### A folder of manifests"));
    for problem in problems() {
        assert!(explained.contains(&problem), "{problem}");
    }
}

#[test]
fn every_state_of_a_source_that_is_logged_is_explained() {
    let explained = first_cells(&section("### The API server")).into_iter();
    let explained: Vec<String> = explained.collect();
    for state in ["failing", "denied", "absent", "synced"] {
        let line = format!("KIND: {state}");
        assert!(explained.iter().any(|it| it.starts_with(&line)), "{line}");
    }
}

#[test]
fn every_reason_of_an_event_is_explained() {
    let is_reason = |word: &String| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_alphanumeric())
    };
    let reasons = read("crates/antrea-bgp-policy/src/report.rs");
    let (_, codes) = reasons.split_once("fn as_str").expect("the codes");
    let (codes, _) = codes.split_once("\n    }\n}").expect("their end");
    let mut told: BTreeSet<String> = literals(codes).into_iter().filter(is_reason).collect();
    for file in ["telling.rs", "source/cluster.rs"] {
        let text = read(&format!("bins/antrea-bgp-agent/src/{file}"));
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        told.extend(literals(shipped).into_iter().filter(is_reason));
    }
    assert!(told.len() > 20, "{told:?}");
    assert_eq!(first_cells(&section("## Events")), told);
}

/// The texts that the `Display` of a type has for its values, with `…` for what differs.
fn displayed(file: &str, name: &str) -> BTreeSet<String> {
    let text = read(file);
    let (_, rest) = text
        .split_once(&format!("impl fmt::Display for {name} {{"))
        .unwrap_or_else(|| panic!("{name}"));
    let (body, _) = rest.split_once("\n}\n").expect("it ends");
    literals(body).iter().map(|text| pattern(text)).collect()
}

/// What keeps an address or a peer back is explained, each reason by the words that it begins with, or the field that it
/// fills in.
#[test]
fn every_obstacle_and_every_state_of_a_peer_is_explained() {
    let obstacle = "crates/antrea-bgp-policy/src/obstacle.rs";
    let state = "crates/antrea-bgp-policy/src/peer.rs";
    for (heading, file, name, least) in [
        ("## An address is not advertised", obstacle, "Obstacle", 20),
        ("## A session does not come up", state, "PeerState", 2),
    ] {
        let mut said = displayed(file, name);
        // What is as it should be, and who is left out of what was said before.
        said.retain(|text| text != "configured");
        assert!(said.len() >= least, "{name}: {said:?}");
        let explained = first_cells(&section(heading));
        // A row may leave out the end of what is said, and what differs.
        let parts = |text: &str| -> Vec<String> {
            let parts = text.split('…').map(|part| part.trim().to_owned());
            parts.filter(|part| !part.is_empty()).collect()
        };
        let is_explained = |said: &String| {
            explained.iter().any(|row| {
                let row = parts(row);
                !row.is_empty() && row.iter().all(|part| said.contains(part.as_str()))
            })
        };
        let missing: Vec<_> = said.iter().filter(|text| !is_explained(text)).collect();
        assert!(missing.is_empty(), "{name}: {missing:#?}");
    }
}

/// What the tables quote of reasons and errors, the program says in these words.
#[test]
fn what_is_quoted_is_what_is_said() {
    let said: String = SHIPPED
        .iter()
        .flat_map(|folder| rust_files(folder))
        .flat_map(|(_, text)| literals(&text))
        .map(|literal| literal + "\n")
        .collect();
    // The kernel's words, and the name of a NOTIFICATION after ours.
    let others = [
        "Connection refused",
        "No route to host",
        "Network is unreachable",
        "received Cease: …",
    ];
    for heading in [
        "## A session does not come up",
        "## An address is not advertised",
        "## It does not start",
    ] {
        let quoted = first_cells(&section(heading));
        assert!(quoted.len() > 5, "{heading}");
        for phrase in quoted.iter().filter(|it| !others.contains(&it.as_str())) {
            for part in phrase.split('…').map(str::trim).filter(|it| it.len() > 3) {
                assert!(said.contains(part), "{part:?} of {phrase:?}");
            }
        }
    }
}
