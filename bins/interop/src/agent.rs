//! The agent under test, run as a user would run it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::binaries::agent_binary;
use crate::{Lab, Namespace, Process};

/// A running agent with a folder of manifests. Ended when dropped.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    socket: PathBuf,
}

impl Agent {
    /// Starts the agent on `manifests` at our end of the lab. Its router ID is kept in the lab's
    /// folder, so that a second start is a restart.
    ///
    /// # Errors
    ///
    /// When the agent does not build or start.
    pub fn start(lab: &Lab, manifests: &Path) -> Result<Self> {
        let socket = lab.folder().join("api.sock");
        let arguments = [
            ("--manifests", manifests.to_owned()),
            ("--api-socket", socket.clone()),
            ("--state-dir", lab.folder().join("state")),
        ];
        let mut command = vec![agent_binary()?.into_os_string(), "run".into()];
        for (option, value) in arguments {
            command.extend([option.into(), value.into_os_string()]);
        }
        let process = Process::start(&lab.ours, &lab.folder().join("agent.log"), command)?;
        Ok(Self { process, socket })
    }

    /// Starts the agent of a node in the cluster of a kubeconfig, inside `namespace`. Its socket and
    /// its log are in `folder`.
    ///
    /// # Errors
    ///
    /// When the agent does not build or start.
    pub fn in_cluster(
        namespace: &Namespace,
        node: &str,
        kubeconfig: &Path,
        folder: &Path,
    ) -> Result<Self> {
        let socket = folder.join("api.sock");
        let mut kubeconfig_variable = OsString::from("KUBECONFIG=");
        kubeconfig_variable.push(kubeconfig);
        let command = [
            "env".into(),
            kubeconfig_variable,
            format!("NODE_NAME={node}").into(),
            agent_binary()?.into_os_string(),
            "run".into(),
            "--api-socket".into(),
            socket.clone().into_os_string(),
        ];
        let process = Process::start(namespace, &folder.join("agent.log"), command)?;
        Ok(Self { process, socket })
    }

    /// What `antrea-bgp-agent get WHAT -o json` prints.
    ///
    /// # Errors
    ///
    /// When it fails, with its message.
    pub fn get(&self, what: &str) -> Result<Value> {
        let output = std::process::Command::new(agent_binary()?)
            .args(["get", what, "-o", "json", "--api-socket"])
            .arg(&self.socket)
            .output()
            .context("running the agent's `get`")?;
        if !output.status.success() {
            bail!(
                "`get {what}`: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Asks the agent to end and waits for it.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn terminate(self) -> Result<ExitStatus> {
        self.process.terminate()
    }

    /// Kills the agent, as a crash would.
    ///
    /// # Errors
    ///
    /// When it had crashed before.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}
