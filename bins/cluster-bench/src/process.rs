//! The agent as a process, and what it takes.

use std::fs;
use std::process::{Child, Command, Stdio};

use antrea_bgp_kube::test_server::TestServer;
use anyhow::{Context as _, Result};
use measure::Usage;
use tempfile::TempDir;

use crate::HERE;
use crate::proxy::Proxy;

/// A running agent. Ended when dropped.
pub(crate) struct Agent {
    child: Child,
    _files: TempDir,
}

impl Agent {
    /// Starts the agent of `node` with a kubeconfig in which `proxy` stands in for `server`.
    pub(crate) fn start(
        program: &str,
        node: &str,
        server: &TestServer,
        proxy: &Proxy,
    ) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let file = files.path().join("kubeconfig");
        let kubeconfig = server.kubeconfig("kube-system");
        fs::write(&file, kubeconfig.replace(&server.url(), &proxy.url()))?;
        let child = Command::new(program)
            .args(["run", "--node", node])
            .args(["--listen-address", &HERE.to_string()])
            .arg("--api-socket")
            .arg(files.path().join("api.sock"))
            .args(["--http-address", &format!("{HERE}:9474")])
            .env("KUBECONFIG", file)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("starting {program}; `cargo build --release -p antrea-bgp-agent` makes it")
            })?;
        Ok(Self {
            child,
            _files: files,
        })
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
