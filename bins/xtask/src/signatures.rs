//! `cargo xtask signatures`: whose types stand in the public signatures of the crates that people
//! embed. A type of another crate there ties our versions to that crate's, so each crate lists in
//! its `Cargo.toml` which ones it means to have:
//!
//! ```toml
//! [package.metadata.signatures]
//! crates = ["bytes", "ipnet"]
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cargo;

/// Crates of the standard library.
const STANDARD: [&str; 3] = ["core", "alloc", "std"];

/// Checks every package of `crates/`.
pub(crate) fn run() -> Result<()> {
    let packages = packages()?;
    let mut wrong = Vec::new();
    for package in &packages {
        let found = foreign_types(&documented(package)?);
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        println!("{}: {}", package.name, names.join(", "));
        wrong.extend(complaints(package, &found));
    }
    ensure!(!packages.is_empty(), "no package of crates/ was found");
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A package and the crates that its signatures may name.
struct Package {
    name: String,
    allowed: BTreeSet<String>,
    /// Where it is documented.
    target: PathBuf,
}

fn packages() -> Result<Vec<Package>> {
    let mut metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let output = metadata.output().context("starting cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", output.status);
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let target = Path::new(target).join("signatures");
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let reusable = packages.filter(|it| {
        let manifest = it["manifest_path"].as_str().unwrap_or_default();
        manifest.contains("/crates/")
    });
    reusable
        .map(|it| {
            let name = it["name"].as_str().context("a package without a name")?;
            let allowed = it["metadata"]["signatures"]["crates"].as_array();
            let allowed = allowed.with_context(|| {
                format!("{name}: its Cargo.toml lacks `crates` in [package.metadata.signatures]")
            })?;
            let allowed = allowed.iter().filter_map(Value::as_str).map(String::from);
            Ok(Package {
                name: name.into(),
                allowed: allowed.collect(),
                target: target.clone(),
            })
        })
        .collect()
}

/// What rustdoc says about a package's public items.
fn documented(package: &Package) -> Result<Value> {
    let mut rustdoc = cargo(&["rustdoc", "--quiet", "--lib", "-p", &package.name]);
    // The format of the output is unstable, and the toolchain is not. Build scripts look at the
    // variable, so a target folder of its own spares the others from being built anew.
    rustdoc.env("RUSTC_BOOTSTRAP", "1");
    rustdoc.env("CARGO_TARGET_DIR", &package.target);
    rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    let status = rustdoc.status().context("starting cargo rustdoc")?;
    ensure!(
        status.success(),
        "cargo rustdoc -p {}: {status}",
        package.name
    );
    let file = format!("doc/{}.json", package.name.replace('-', "_"));
    let file = package.target.join(file);
    let json = fs::read(&file).with_context(|| file.display().to_string())?;
    Ok(serde_json::from_slice(&json)?)
}

/// The types and traits of other crates that public items name, by crate.
fn foreign_types(documented: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let items = documented["index"].as_object().into_iter().flatten();
    for (_, item) in items {
        let implementation = &item["inner"]["impl"];
        // What the standard library implements for every type is nobody's decision.
        let everyones =
            !implementation["blanket_impl"].is_null() || implementation["is_synthetic"] == true;
        if item["crate_id"] == 0 && !everyones {
            collect(&item["inner"], documented, &mut found);
        }
    }
    found
}

/// Adds what a part of an item's description refers to.
fn collect(part: &Value, documented: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match part {
        Value::Object(fields) => {
            if let (Some(id), Some(_)) = (fields.get("id"), fields.get("path"))
                && let Some((owner, path)) = resolve(id, documented)
                && !STANDARD.contains(&owner.as_str())
            {
                found.entry(owner).or_default().insert(path);
            }
            for value in fields.values() {
                collect(value, documented, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect(value, documented, found);
            }
        }
        _ => {}
    }
}

/// The crate and the path of an item of another crate.
fn resolve(id: &Value, documented: &Value) -> Option<(String, String)> {
    let summary = documented["paths"].get(id.to_string())?;
    let owner = summary["crate_id"].as_u64().filter(|id| *id != 0)?;
    let owner = documented["external_crates"].get(owner.to_string())?;
    let path = summary["path"].as_array()?;
    let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
    Some((owner["name"].as_str()?.into(), path.join("::")))
}

fn complaints(package: &Package, found: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let name = &package.name;
    let leaked = found
        .iter()
        .filter(|(owner, _)| !package.allowed.contains(*owner));
    let leaked = leaked.map(|(owner, types)| {
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        format!(
            "{name}: {owner} is in its public signatures, by {}",
            types.join(", ")
        )
    });
    let unused = package.allowed.iter().filter(|it| !found.contains_key(*it));
    let unused = unused.map(|owner| format!("{name}: {owner} is listed but in no signature"));
    leaked.chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A function that takes a `nom::Err<alloc::String>`, and an implementation that everyone has.
    fn crate_with_a_leak() -> Value {
        let everyones = json!({"impl": {
            "blanket_impl": {"generic": "T"},
            "trait": {"path": "Any", "id": 9, "args": null},
        }});
        let leak = json!({"function": {"sig": {"inputs": [["error", {"resolved_path": {
            "path": "Err", "id": 7,
            "args": {"angle_bracketed": {"args": [
                {"type": {"resolved_path": {"path": "String", "id": 8, "args": null}}},
            ]}},
        }}]]}}});
        json!({
            "index": {
                "1": {"crate_id": 0, "inner": leak},
                "2": {"crate_id": 0, "inner": everyones},
                "3": {"crate_id": 4, "inner": {"resolved_path": {"path": "Any", "id": 9}}},
            },
            "paths": {
                "7": {"crate_id": 4, "path": ["nom", "Err"]},
                "8": {"crate_id": 2, "path": ["alloc", "string", "String"]},
                "9": {"crate_id": 5, "path": ["other", "Any"]},
            },
            "external_crates": {
                "2": {"name": "alloc"}, "4": {"name": "nom"}, "5": {"name": "other"},
            },
        })
    }

    #[test]
    fn a_type_of_another_crate_is_found_with_its_path() {
        let found = foreign_types(&crate_with_a_leak());
        assert_eq!(
            found,
            BTreeMap::from([("nom".into(), BTreeSet::from(["nom::Err".into()]))])
        );
    }

    #[test]
    fn what_is_not_listed_and_what_is_listed_in_vain_is_said() {
        let package = Package {
            name: "bgp-wire".into(),
            allowed: BTreeSet::from(["bytes".into()]),
            target: PathBuf::new(),
        };
        let complaints = complaints(&package, &foreign_types(&crate_with_a_leak()));
        assert_eq!(
            complaints,
            [
                "bgp-wire: nom is in its public signatures, by nom::Err",
                "bgp-wire: bytes is listed but in no signature",
            ]
        );
    }
}
