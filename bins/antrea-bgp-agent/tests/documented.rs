//! What the documentation lists, and what there is: the same.

mod common;

use std::collections::BTreeSet;

use common::api::{self, Api};
use common::repository::{Metrics, documented_metrics, quoted, read, rows};
use common::running::{Peer, address, eventually};

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
    assert_eq!(documented_metrics(), exposed(&metrics()));
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
