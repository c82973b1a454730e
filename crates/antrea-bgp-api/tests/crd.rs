//! The CRD: what Antrea's own accepts stays accepted, and the API server takes it as structural.

use kube::core::cel::Validator;
use serde_json::{Value, json};

fn crd() -> Value {
    serde_json::to_value(antrea_bgp_api::crd()).expect("a CRD is plain data")
}

/// The schema of `spec`, or of a field below it: `bgpPeers.asn`.
fn field(path: &str) -> Value {
    let crd = crd();
    let mut schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for name in path.split('.').filter(|name| !name.is_empty()) {
        if schema["type"] == "array" {
            schema = &schema["items"];
        }
        schema = &schema["properties"][name];
    }
    assert!(!schema.is_null(), "{path} is in the schema");
    schema.clone()
}

#[test]
fn it_has_the_names_and_columns_of_antreas() {
    let crd = crd();
    assert_eq!(crd["metadata"]["name"], "bgppolicies.crd.antrea.io");
    assert_eq!(crd["spec"]["group"], "crd.antrea.io");
    assert_eq!(crd["spec"]["scope"], "Cluster");
    let names = json!({ "kind": "BGPPolicy", "plural": "bgppolicies", "singular": "bgppolicy" });
    assert_eq!(crd["spec"]["names"], names);
    let version = &crd["spec"]["versions"][0];
    assert_eq!(version["name"], "v1alpha1");
    let columns = version["additionalPrinterColumns"]
        .as_array()
        .expect("columns");
    let names: Vec<_> = columns.iter().map(|c| c["name"].as_str()).collect();
    let (first, last) = (names.first().copied(), names.last().copied());
    assert_eq!((first, last), (Some(Some("Local ASN")), Some(Some("Age"))));
    for column in columns {
        let path = column["jsonPath"].as_str().expect("a path");
        if let Some(path) = path.strip_prefix(".spec.") {
            field(&path.replace("[*]", ""));
        }
    }
}

/// As the API server would: the defaults are there before the rules are asked.
fn refusals(mut peer: Value) -> Vec<String> {
    let properties = &field("bgpPeers")["items"]["properties"];
    for (name, property) in properties.as_object().expect("properties") {
        if let Some(default) = property.get("default") {
            let fields = peer.as_object_mut().expect("an object");
            fields.entry(name).or_insert_with(|| default.clone());
        }
    }
    let schema = &crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let policy = json!({ "spec": {
        "nodeSelector": {}, "localASN": 64512, "bgpPeers": [peer] } });
    match Validator::new().validate(schema, &policy, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_keepalive_interval_is_below_the_hold_time() {
    for (hold_time, interval, is_refused) in [
        (json!(9), json!(8), false),
        (json!(9), json!(9), true),
        (json!(9), json!(10), true),
        (Value::Null, json!(89), false),
        (Value::Null, json!(90), true),
        (json!(3), Value::Null, false),
    ] {
        let mut peer = json!({ "address": "192.0.2.1", "asn": 65001 });
        for (field, value) in [
            ("holdTimeSeconds", &hold_time),
            ("keepaliveIntervalSeconds", &interval),
        ] {
            if !value.is_null() {
                peer[field] = value.clone();
            }
        }
        let refusals = refusals(peer.clone());
        assert_eq!(!refusals.is_empty(), is_refused, "{peer}: {refusals:?}");
        if is_refused {
            assert!(
                refusals[0].contains("less than holdTimeSeconds"),
                "{refusals:?}"
            );
            assert!(
                refusals[0].contains("keepaliveIntervalSeconds"),
                "{refusals:?}"
            );
        }
    }
}

#[test]
fn as_numbers_are_64_bit_integers_with_bounds() {
    for path in ["localASN", "confederation.identifier", "bgpPeers.asn"] {
        let asn = field(path);
        assert_eq!(asn["type"], "integer", "{path}");
        assert_eq!(asn["format"], "int64", "{path}: int32 refuses 4294967294");
        assert_eq!(asn["minimum"], json!(1.0), "{path}");
        assert_eq!(asn["maximum"], json!(4_294_967_294.0), "{path}");
        assert_eq!(asn["default"], Value::Null, "{path}");
    }
    assert_eq!(
        field("confederation.memberASNs")["items"]["format"],
        "int64"
    );
}

#[test]
fn ranges_and_defaults_are_as_wide_as_antreas() {
    let antrea = [
        ("listenPort", 1, 65_535, json!(179)),
        ("bgpPeers.port", 1, 65_535, json!(179)),
        ("bgpPeers.multihopTTL", 1, 255, json!(1)),
        ("bgpPeers.gracefulRestartTimeSeconds", 1, 3600, json!(120)),
    ];
    for (path, min, max, default) in antrea {
        let schema = field(path);
        assert_eq!(schema["minimum"], json!(f64::from(min)), "{path}");
        assert_eq!(schema["maximum"], json!(f64::from(max)), "{path}");
        assert_eq!(schema["default"], default, "{path}");
    }
}

#[test]
fn what_is_required_is_what_antrea_requires() {
    assert_eq!(field("")["required"], json!(["localASN", "nodeSelector"]));
    assert_eq!(
        field("bgpPeers")["items"]["required"],
        json!(["address", "asn"])
    );
    for path in ["confederation", "advertisements", "advertisements.service"] {
        assert_eq!(field(path)["required"], Value::Null, "{path}");
    }
}

#[test]
fn addresses_are_of_one_family_or_the_other() {
    let expected = json!([{ "format": "ipv4" }, { "format": "ipv6" }]);
    let address = field("bgpPeers.address");
    assert_eq!(
        (&address["type"], &address["oneOf"]),
        (&json!("string"), &expected)
    );
}

#[test]
fn match_labels_are_not_typed() {
    let untyped = json!({ "x-kubernetes-preserve-unknown-fields": true });
    assert_eq!(field("nodeSelector")["properties"]["matchLabels"], untyped);
}

/// A structural schema types every node, or keeps what it does not know; it has no references and
/// no types below `oneOf`. Nothing may be null or default to it either, since Antrea's has none.
#[test]
fn the_schema_is_structural() {
    fn check(path: &str, schema: &Value) {
        let keeps_all = schema["x-kubernetes-preserve-unknown-fields"] == true;
        assert!(
            schema["type"].is_string() || keeps_all,
            "{path} has no type"
        );
        for (key, value) in schema.as_object().expect("a schema is an object") {
            assert!(
                !key.starts_with('$') && key != "nullable",
                "{path} has {key}"
            );
            assert!(!value.is_null(), "{path}.{key} is null");
            if key == "oneOf" {
                let typed = value
                    .as_array()
                    .is_some_and(|all| all.iter().any(|s| s["type"] != Value::Null));
                assert!(!typed, "{path} has types below oneOf");
            }
        }
        if let Some(items) = schema.get("items") {
            check(&format!("{path}[]"), items);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            check(&format!("{path}.{name}"), property);
        }
    }
    check(
        "",
        &crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
    );
}
