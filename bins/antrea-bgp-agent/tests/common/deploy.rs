//! The manifests under `deploy/`, put together as kustomize does it for what they use: lists of resources.
#![allow(dead_code, reason = "every test file uses another part")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::repository;

/// A folder below `deploy/`.
pub(crate) fn folder(name: &str) -> PathBuf {
    repository::path("deploy").join(name)
}

/// Every object of a kustomization.
pub(crate) fn objects(folder: &Path) -> Vec<Value> {
    let kustomization = documents(&folder.join("kustomization.yaml"));
    let [kustomization] = kustomization.as_slice() else {
        panic!("{} has one kustomization", folder.display());
    };
    for field in kustomization.as_object().expect("an object").keys() {
        assert!(
            ["apiVersion", "kind", "resources"].contains(&field.as_str()),
            "{}: this test does not know {field}",
            folder.display()
        );
    }
    let resources = kustomization["resources"].as_array().expect("a list");
    let mut all = Vec::new();
    for resource in resources {
        let path = folder.join(resource.as_str().expect("a path"));
        match path.is_dir() {
            true => all.extend(objects(&path)),
            false => all.extend(documents(&path)),
        }
    }
    all
}

pub(crate) fn documents(file: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let documents = serde_saphyr::from_multiple(&text);
    documents.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What a ServiceAccount may do, a word for each: group, resource, verb, namespace (`*` for all), name (`*` for any).
pub(crate) type Grants = BTreeSet<[String; 5]>;

/// What the roles of `objects` grant, bindings not looked at.
pub(crate) fn grants(objects: &[Value]) -> Grants {
    let mut grants = Grants::new();
    for role in objects {
        let namespace = match role["kind"].as_str() {
            Some("ClusterRole") => "*",
            Some("Role") => role["metadata"]["namespace"].as_str().expect("a namespace"),
            _ => continue,
        };
        for rule in role["rules"].as_array().expect("rules") {
            let words = |field: &str| -> Vec<String> {
                let words = rule[field].as_array().into_iter().flatten();
                words
                    .map(|word| word.as_str().expect("a word").to_owned())
                    .collect()
            };
            let mut names = words("resourceNames");
            if names.is_empty() {
                names.push("*".to_owned());
            }
            for group in words("apiGroups") {
                for resource in words("resources") {
                    for verb in words("verbs") {
                        for name in &names {
                            let words = [&group, &resource, &verb, namespace, name];
                            grants.insert(words.map(str::to_owned));
                        }
                    }
                }
            }
        }
    }
    grants
}
