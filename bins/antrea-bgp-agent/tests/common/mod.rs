//! The binary as a person runs it, on folders made for one test.
#![allow(dead_code, reason = "every test file uses another part")]

pub(crate) mod api;
pub(crate) mod deploy;
pub(crate) mod repository;
pub(crate) mod running;
pub(crate) mod source;
pub(crate) mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of manifests, gone with the value.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for temporary files"))
    }

    /// A folder with one file.
    pub(crate) fn with(manifests: &str) -> Self {
        let folder = Self::new();
        folder.write("all.yaml", manifests);
        folder
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the folder can be written");
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The example that everyone is shown first.
pub(crate) fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lab")
}

/// Runs a command of the agent to its end. Nothing says how wide its lines may be.
pub(crate) fn agent(arguments: &[&str]) -> Answer {
    agent_within(None, arguments)
}

/// The same where lines may have so many columns.
pub(crate) fn agent_within(columns: Option<&str>, arguments: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"));
    command
        .args(arguments)
        .env_remove("NODE_NAME")
        .env_remove("COLUMNS")
        .envs(columns.map(|columns| ("COLUMNS", columns)));
    Answer::of(&command.output().expect("the binary runs"))
}

/// The same on a folder.
pub(crate) fn agent_on(folder: &Path, command: &str, arguments: &[&str]) -> Answer {
    let folder = folder.to_str().expect("a path in UTF-8");
    agent(&[&[command, "--manifests", folder], arguments].concat())
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    fn of(output: &Output) -> Self {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).expect("output is UTF-8");
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A Node of this name with the label `bgp: enabled`, an IPv4 address and a Pod CIDR.
pub(crate) fn node(name: &str, last_octet: u8) -> String {
    format!(
        "apiVersion: v1
kind: Node
metadata: {{ name: {name}, labels: {{ bgp: enabled }} }}
spec: {{ podCIDRs: [10.244.{last_octet}.0/24] }}
status: {{ addresses: [{{ type: InternalIP, address: 192.0.2.{last_octet} }}] }}
---
"
    )
}

/// A policy for these Nodes, with further lines of its spec.
pub(crate) fn policy(name: &str, more: &str) -> String {
    format!(
        "apiVersion: crd.antrea.io/v1alpha1
kind: BGPPolicy
metadata: {{ name: {name} }}
spec:
  nodeSelector: {{ matchLabels: {{ bgp: enabled }} }}
  localASN: 64512
{more}
---
"
    )
}
