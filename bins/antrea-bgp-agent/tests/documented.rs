//! What the documentation lists, and what there is: the same.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::api::{self, Api};
use common::running::{Peer, address, eventually};

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of all tables of a page that have a name in backquotes first, by their cells.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// Each metric with its type and its labels.
type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

/// What the older text format says.
fn exposed(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some((of, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            name = of.to_owned();
            metrics.insert(name.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let (labels, _) = labels.rsplit_once('}').expect("labels end");
            let names = labels.split(',').filter_map(|it| it.split_once('='));
            let names = names.map(|(name, _)| name.to_owned());
            let names = names.filter(|name| name != "le");
            let known = metrics.get_mut(&name).expect("its type comes first");
            known.1.extend(names);
        }
    }
    metrics
}

#[test]
fn every_metric_is_documented_with_its_labels() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let api = Api::with_web(peer);
    let mut younger = api::policy("younger", peer);
    younger["metadata"]["creationTimestamp"] = "2036-01-01T00:00:00Z".into();
    api.server.put(younger);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    receiver.leave("so that there is a NOTIFICATION");
    let metrics = || agent.probe(here, "/metrics").1;
    // By then every metric has a series.
    eventually("the NOTIFICATION is counted", || {
        metrics().contains("last_notification_timestamp_seconds{")
    });
    let page = read("docs/metrics.md");
    let documented: Metrics = rows(&page)
        .filter(|cells| cells.len() >= 3 && !cells[0].contains(','))
        .map(|cells| {
            let name = quoted(cells[0]).pop_first().expect("a name");
            (name, (cells[1].to_owned(), quoted(cells[2])))
        })
        .collect();
    assert_eq!(documented, exposed(&metrics()));
}

#[test]
fn every_cause_is_documented() {
    let page = read("docs/metrics.md");
    let (_, causes) = page.split_once("### Causes").expect("its heading");
    let (causes, _) = causes.split_once("\n## ").expect("what follows");
    let documented: BTreeSet<String> = rows(causes).flat_map(|cells| quoted(cells[0])).collect();
    let causes = bgp_speaker::DownCause::ALL.map(|cause| cause.name().to_owned());
    assert_eq!(documented, BTreeSet::from(causes));
}
