//! The agent under test, run as a user would run it.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::binaries::agent_binary;
use crate::{Lab, Namespace, Process};

/// Where the agent serves metrics unless told otherwise.
const METRICS: &str = "127.0.0.1:9474";

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
        Self::start_with(lab, manifests, &[])
    }

    /// As [`Agent::start`], with more arguments of `antrea-bgp-agent run`.
    ///
    /// # Errors
    ///
    /// As [`Agent::start`].
    pub fn start_with(lab: &Lab, manifests: &Path, more: &[&str]) -> Result<Self> {
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
        command.extend(more.iter().map(Into::into));
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

    /// How many messages of a type the agent has received from all peers, by its metrics.
    ///
    /// # Errors
    ///
    /// When its HTTP address, which only its namespace reaches, gives no answer.
    pub fn received(&self, lab: &Lab, message_type: &str) -> Result<u64> {
        let metrics = lab.ours.enter(|| {
            let mut stream = TcpStream::connect(METRICS)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        })?;
        let wanted = format!("type=\"{message_type}\",direction=\"received\"");
        let series = metrics.lines().filter(|line| {
            line.starts_with("antrea_agent_bgp_messages_total") && line.contains(&wanted)
        });
        let values = series.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
        let values = values.collect::<Result<Vec<_>, _>>()?;
        ensure!(!values.is_empty(), "no series with {wanted} in {metrics}");
        Ok(values.iter().sum())
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
