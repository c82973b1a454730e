//! `docs/policy.md`: the fields of a BGPPolicy, as the CRD has them.

mod common;

use std::fmt::Write as _;

use common::{agent, repository};
use serde_json::{Map, Value};

const PAGE: &str = "docs/policy.md";

/// Set to write the page anew.
const WRITE: &str = "WRITE_DOCS";

const HEAD: &str = "\
# Policy reference

The fields of a `BGPPolicy`, `crd.antrea.io/v1alpha1`, with ranges and defaults. Written from the CRD that `antrea-bgp-agent crd`
prints, by the test `policy` of the package `antrea-bgp-agent`; do not edit it. What a policy means for a node is in
[concepts](concepts.md), and what Antrea does differently in [differences](differences.md).

A policy with a peer that is two hops away, for the nodes of one label:

```yaml
apiVersion: crd.antrea.io/v1alpha1
kind: BGPPolicy
metadata:
  name: edge
spec:
  nodeSelector:
    matchLabels:
      bgp: enabled
  localASN: 64512
  advertisements:
    service:
      ipTypes: [ExternalIP, LoadBalancerIP]
    pod: {}
    egress: {}
  bgpPeers:
    - address: 192.0.2.1
      asn: 65001
      multihopTTL: 2
      holdTimeSeconds: 30
```
";

/// The page.
fn page() -> String {
    let crd: Value = serde_saphyr::from_str(&agent(&["crd"]).out).expect("YAML");
    let version = &crd["spec"]["versions"][0];
    let mut page = HEAD.to_owned();
    let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    section(&mut page, "spec", spec);
    page += "\n## Columns\n\nWhat `kubectl get bgppolicies` shows; those marked with `-o wide` only there.\n\n";
    page += "| column | |\n| --- | --- |\n";
    for column in version["additionalPrinterColumns"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let wide = if column["priority"].is_number() {
            ", `-o wide`"
        } else {
            ""
        };
        let name = format!("{}{wide}", words(&column["name"]));
        page += &row(&[&name, &words(&column["description"])]);
    }
    page
}

/// The table of an object's fields, and then the sections of those that have fields themselves.
fn section(page: &mut String, path: &str, object: &Value) {
    let _ = writeln!(page, "\n## `{path}`\n");
    *page += "| field | type | |\n| --- | --- | --- |\n";
    let required = object["required"].as_array();
    let mut inner = Vec::new();
    for (name, field) in properties(object).into_iter().flatten() {
        let needed = required.is_some_and(|all| all.iter().any(|it| it == name));
        let needed = if needed { ", required" } else { "" };
        let meaning = words(&field["description"]);
        range_and_default_are_in_words(name, field, &meaning);
        let kind = format!("{}{needed}", kind(field));
        *page += &row(&[&format!("`{name}`"), &kind, &meaning]);
        let (path, of) = match field["type"].as_str() {
            Some("array") => (format!("{path}.{name}[]"), &field["items"]),
            _ => (format!("{path}.{name}"), field),
        };
        if properties(of).is_some() {
            inner.push((path, of));
        }
    }
    for rule in object["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let field = words(&rule["fieldPath"]);
        let message = words(&rule["message"]);
        let _ = writeln!(page, "\n`{}` {message}.", field.trim_start_matches('.'));
    }
    for (path, of) in inner {
        section(page, &path, of);
    }
}

fn properties(object: &Value) -> Option<&Map<String, Value>> {
    object["properties"].as_object()
}

/// The type of a field, with the words that it may have.
fn kind(field: &Value) -> String {
    let name = match &field["type"] {
        // Of anything, as labels are.
        Value::Null => "object".to_owned(),
        name => words(name),
    };
    if name == "array" {
        return format!("list of {}", kind(&field["items"]));
    }
    let choices: Vec<String> = field["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|word| format!("`{}`", words(word)))
        .collect();
    match choices.as_slice() {
        [] => name,
        choices => choices.join(", "),
    }
}

/// A row of a table.
fn row(cells: &[&str]) -> String {
    let cells = cells
        .iter()
        .map(|cell| format!(" {cell}").trim_end().to_owned() + " |");
    format!("|{}\n", cells.collect::<String>())
}

/// A text on one line, as a cell of a table has it.
fn words(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// The page has no columns for them, so the field's own text has to have them.
fn range_and_default_are_in_words(name: &str, field: &Value, meaning: &str) {
    if let (Some(least), Some(most)) = (field["minimum"].as_i64(), field["maximum"].as_i64()) {
        let range = format!("{least}-{most}");
        assert!(
            meaning.contains(&range),
            "{name}: {range} is not in {meaning:?}"
        );
    }
    if !field["default"].is_null() {
        let default = format!("{} by default", field["default"]);
        assert!(
            meaning.contains(&default),
            "{name}: {default} is not in {meaning:?}"
        );
    }
}

#[test]
fn the_page_in_the_repository_is_the_one_that_is_written() {
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(repository::path(PAGE), &page).expect("the repository can be written");
    }
    assert!(
        repository::read(PAGE) == page,
        "write it anew: {WRITE}=1 cargo test -p antrea-bgp-agent --test policy"
    );
}
