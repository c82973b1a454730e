//! `deploy/monitoring`: the rules do what they say, and nothing is asked for that there is not.

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use common::repository::{documented_metrics, path, quoted, read, rows};
use common::tool;
use serde_json::Value;

const FILES: [&str; 3] = ["alerts.yaml", "alerts_test.yaml", "dashboard.json"];

/// Labels that every series has from Prometheus.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

fn monitoring(file: &str) -> String {
    read(&format!("deploy/monitoring/{file}"))
}

/// The names of metrics of ours in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c));
    let ours = |word: &&str| word.starts_with("antrea_agent_bgp_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

/// The name of the metric that a series is of: a histogram has three kinds of series.
fn metric_of(series: &str) -> &str {
    let metrics = documented_metrics();
    ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| series.strip_suffix(suffix))
        .find(|name| metrics.get(*name).is_some_and(|it| it.0 == "histogram"))
        .unwrap_or(series)
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    let metrics = documented_metrics();
    for file in FILES {
        let named = metrics_in(&monitoring(file));
        assert!(!named.is_empty(), "{file}");
        for name in named {
            assert!(metrics.contains_key(metric_of(&name)), "{file}: {name}");
        }
    }
}

#[test]
fn promtool_takes_the_rules_and_their_tests_pass() {
    for arguments in [["check", "alerts.yaml"], ["test", "alerts_test.yaml"]] {
        let [what, file] = arguments;
        let mut promtool = Command::new("promtool");
        promtool
            .args([what, "rules", file])
            .current_dir(path("deploy/monitoring"));
        if let Some(output) = tool::run(&mut promtool, "prometheus", "") {
            let said = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{file}: {said}{errors}");
        }
    }
}

#[test]
fn every_alert_is_tested_and_documented() {
    let rules = monitoring("alerts.yaml");
    let alerts: BTreeSet<String> = rules
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- alert: "))
        .map(str::to_owned)
        .collect();
    assert!(alerts.len() >= 6, "{alerts:?}");
    let tests = monitoring("alerts_test.yaml");
    for alert in &alerts {
        assert!(tests.contains(alert.as_str()), "{alert} has no test");
    }
    let page = read("docs/metrics.md");
    let documented: BTreeSet<String> = rows(&page)
        .flat_map(|cells| quoted(cells[0]))
        .filter(|name| name.starts_with("BGP"))
        .collect();
    assert_eq!(documented, alerts);
    let page = read("docs/troubleshooting.md");
    let (_, advice) = page.split_once("\n## Alerts\n").expect("a section");
    let advice = advice.split("\n## ").next().unwrap_or_default();
    let advised: BTreeSet<String> = rows(advice).flat_map(|cells| quoted(cells[0])).collect();
    assert_eq!(advised, alerts);
}

/// The panels of the dashboard that show something.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&monitoring("dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    panels
        .iter()
        .filter(|it| it["type"] != "row")
        .cloned()
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn every_panel_has_a_place_a_title_and_queries() {
    let mut ids = BTreeSet::new();
    for panel in panels() {
        let title = text(&panel["title"]);
        assert!(
            !title.is_empty() && ids.insert(panel["id"].as_u64()),
            "{panel}"
        );
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(99);
        assert!(place("x") + place("w") <= 24, "{title}");
        let targets = panel["targets"].as_array().expect("a list");
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert!(!text(&target["expr"]).is_empty(), "{title}");
        }
    }
    assert!(ids.len() > 15);
}

#[test]
fn legends_name_labels_that_the_metrics_have() {
    let metrics = documented_metrics();
    for panel in panels() {
        for target in panel["targets"].as_array().expect("a list") {
            let (query, legend) = (text(&target["expr"]), text(&target["legendFormat"]));
            let known: BTreeSet<String> = metrics_in(query)
                .iter()
                .flat_map(|series| metrics[metric_of(series)].1.clone())
                .chain(TARGET_LABELS.map(str::to_owned))
                .collect();
            let shown = legend
                .split("{{")
                .skip(1)
                .filter_map(|it| it.split_once("}}"));
            for (label, _) in shown {
                assert!(known.contains(label), "{label} in {query}");
            }
        }
    }
}

/// As recording rules, which promtool can check.
#[test]
fn prometheus_can_read_every_query_of_the_dashboard() {
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for panel in panels() {
        for target in panel["targets"].as_array().expect("a list") {
            let query = text(&target["expr"]).replace("$__rate_interval", "5m");
            let (id, letter) = (&panel["id"], text(&target["refId"]));
            rules += &format!(
                "  - record: panel_{id}_{letter}\n    expr: {}\n",
                Value::from(query)
            );
        }
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), rules).expect("it can be written");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "rules"]).arg(file.path());
    if let Some(output) = tool::run(&mut promtool, "prometheus", "") {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
}
