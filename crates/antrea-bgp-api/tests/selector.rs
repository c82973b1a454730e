//! Selectors are accepted and refused as Kubernetes' own conversion does, and mean the same.

use std::collections::BTreeMap;

use antrea_bgp_api::{LabelSelector, Selector, SelectorError};
use serde_json::{Value, json};

fn selector(written: Value) -> Result<Selector, SelectorError> {
    let written: LabelSelector = serde_json::from_value(written).expect("it decodes");
    Selector::new(&written)
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Result<Selector, SelectorError> {
    let expression = json!({ "key": key, "operator": operator, "values": values });
    selector(json!({ "matchExpressions": [expression] }))
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn scenario_57_selectors_that_kubernetes_refuses_are_refused() {
    let refused = [
        (
            expression("bgp", "Foo", &["a"]),
            "matchExpressions[0].operator",
        ),
        (
            expression("bgp", "in", &["a"]),
            "matchExpressions[0].operator",
        ),
        (expression("bgp", "In", &[]), "matchExpressions[0].values"),
        (
            expression("bgp", "NotIn", &[]),
            "matchExpressions[0].values",
        ),
        (
            expression("bgp", "Exists", &["a"]),
            "matchExpressions[0].values",
        ),
        (
            expression("bgp", "DoesNotExist", &["a"]),
            "matchExpressions[0].values",
        ),
        (
            expression("bad key!!", "Exists", &[]),
            "matchExpressions[0].key",
        ),
        (expression("", "Exists", &[]), "matchExpressions[0].key"),
        (
            expression("bgp", "In", &["good", "not good"]),
            "matchExpressions[0].values[1]",
        ),
        (
            selector(json!({ "matchLabels": { "bad key!!": "a" } })),
            "matchLabels[bad key!!]",
        ),
        (
            selector(json!({ "matchLabels": { "bgp": "-a" } })),
            "matchLabels[bgp]",
        ),
        (
            selector(json!({ "matchExpressions": [{}] })),
            "matchExpressions[0].operator",
        ),
    ];
    for (result, field) in refused {
        assert_eq!(result.expect_err(field).field, field);
    }
}

#[test]
fn keys_are_qualified_names() {
    let long = "a".repeat(63);
    let too_long = "a".repeat(64);
    let long_prefix = format!("{}.{long}.{long}.{}/a", long, "a".repeat(61));
    let good = [
        "a",
        "A-b_c.D",
        "0",
        "example.com/a",
        "a/a",
        &long,
        &long_prefix,
    ];
    for key in good {
        assert!(expression(key, "Exists", &[]).is_ok(), "{key}");
    }
    let bad = [
        "-a",
        "a-",
        ".a",
        "a/",
        "/a",
        "a/b/c",
        "Example.com/a",
        "a..b/c",
        "-a.b/c",
        "é",
        &too_long,
    ];
    for key in bad {
        assert!(expression(key, "Exists", &[]).is_err(), "{key}");
    }
    assert!(
        expression(&format!("a{long_prefix}"), "Exists", &[]).is_err(),
        "254 octets"
    );
}

#[test]
fn values_are_label_values() {
    for value in ["", "a", "A-b_c.D", &"a".repeat(63)] {
        assert!(expression("bgp", "In", &[value]).is_ok(), "{value}");
    }
    for value in ["-", "a b", "a/b", ".a", &"a".repeat(64)] {
        assert!(expression("bgp", "In", &[value]).is_err(), "{value}");
    }
}

#[test]
fn operators_mean_what_they_mean_in_kubernetes() {
    let (absent, other, same) = (
        labels(&[]),
        labels(&[("bgp", "no")]),
        labels(&[("bgp", "yes")]),
    );
    let cases = [
        (
            expression("bgp", "In", &["yes", "on"]),
            [false, false, true],
        ),
        (
            expression("bgp", "NotIn", &["yes", "on"]),
            [true, true, false],
        ),
        (expression("bgp", "Exists", &[]), [false, true, true]),
        (expression("bgp", "DoesNotExist", &[]), [true, false, false]),
        (
            selector(json!({ "matchLabels": { "bgp": "yes" } })),
            [false, false, true],
        ),
        (selector(json!({})), [true, true, true]),
    ];
    for (selector, expected) in cases {
        let selector = selector.expect("a good selector");
        let matched = [&absent, &other, &same].map(|labels| selector.matches(labels));
        assert_eq!(matched, expected, "{selector:?}");
    }
}

#[test]
fn all_requirements_must_hold() {
    let selector = selector(json!({
        "matchLabels": { "bgp": "yes" },
        "matchExpressions": [{ "key": "zone", "operator": "NotIn", "values": ["b"] }],
    }))
    .expect("a good selector");
    assert!(selector.matches(&labels(&[("bgp", "yes"), ("zone", "a")])));
    assert!(!selector.matches(&labels(&[("bgp", "yes"), ("zone", "b")])));
    assert!(!selector.matches(&labels(&[("zone", "a")])));
}
