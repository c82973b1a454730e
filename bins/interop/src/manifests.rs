//! The node that the agent under test believes to run on.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::workspace_root;

/// A copy of the folder `tests/node` that a test may change.
#[derive(Debug)]
pub struct Manifests {
    /// Where the copy is.
    pub folder: PathBuf,
}

impl Manifests {
    /// Copies the manifests to `folder`, which is made.
    ///
    /// # Errors
    ///
    /// When `folder` exists already or cannot be written.
    pub fn copy_to(folder: &Path) -> Result<Self> {
        fs::create_dir(folder).with_context(|| format!("making {}", folder.display()))?;
        for file in fs::read_dir(workspace_root().join("bins/interop/tests/node"))? {
            let file = file?;
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes `to` for every `from` in one file.
    ///
    /// # Errors
    ///
    /// When the file has no `from`, or cannot be written.
    pub fn replace(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(from), "no `{from}` in {file}");
        fs::write(path, text.replace(from, to))?;
        Ok(())
    }

    /// Writes the policy anew: everything is advertised, to these peers, with `more` fields in its
    /// spec.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn set_policy(&self, local_asn: u32, peers: &[Value], more: &Value) -> Result<()> {
        let mut spec = json!({
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": local_asn,
            "advertisements": {
                "service": { "ipTypes": ["ClusterIP", "ExternalIP", "LoadBalancerIP"] },
                "pod": {},
                "egress": {},
            },
            "bgpPeers": peers,
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        let policy = json!({
            "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
            "metadata": { "name": "everything" }, "spec": spec,
        });
        self.write("policy.yaml", &[policy])
    }

    /// Writes the Secret with these passwords, by address and AS of their peers; without any there
    /// is no Secret.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn set_passwords(&self, passwords: &[(IpAddr, u32, &str)]) -> Result<()> {
        let passwords = passwords.iter().map(|(address, asn, password)| {
            (format!("{address}-{asn}").replace(':', "_"), *password)
        });
        let passwords: BTreeMap<String, &str> = passwords.collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "antrea-bgp-passwords", "namespace": "kube-system" },
            "stringData": passwords,
        });
        let secrets = if passwords.is_empty() {
            vec![]
        } else {
            vec![secret]
        };
        self.write("passwords.yaml", &secrets)
    }

    /// Writes a file of the folder anew, in one step: whoever watches never reads half of it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, file: &str, objects: &[Value]) -> Result<()> {
        // JSON is YAML too.
        let documents: Vec<_> = objects.iter().map(ToString::to_string).collect();
        let new = self.folder.join(format!(".{file}.new"));
        fs::write(&new, documents.join("\n---\n"))?;
        fs::rename(&new, self.folder.join(file))?;
        Ok(())
    }
}
