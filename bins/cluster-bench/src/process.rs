//! The agent as a process, and what it takes.

use std::fs;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::HERE;

/// A running agent. Ended when dropped.
pub(crate) struct Agent {
    child: Child,
    _files: TempDir,
}

/// What the process has taken so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Seconds of CPU.
    pub(crate) cpu: f64,
    /// Octets of resident memory.
    pub(crate) resident: u64,
    /// The most that it was.
    pub(crate) peak: u64,
    pub(crate) threads: u64,
    /// How often its threads went to sleep of their own accord, and so were woken.
    pub(crate) switches: u64,
}

impl Agent {
    /// Starts the agent of `node` with a kubeconfig in which `proxy` stands in for `server`.
    pub(crate) fn start(
        program: &str,
        node: &str,
        kubeconfig: &str,
        server: &str,
        proxy: &str,
    ) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let file = files.path().join("kubeconfig");
        fs::write(&file, kubeconfig.replace(server, proxy))?;
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
        let folder = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let number = |text: &str, key: &str| -> Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let word = line.and_then(|line| line.split_whitespace().next());
            Ok(word
                .with_context(|| format!("no {key} in {folder}"))?
                .parse()?)
        };
        let stat = fs::read_to_string(format!("{folder}/stat"))?;
        // The name, in parentheses, may have blanks; utime and stime are the 12th and 13th after it.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks
            .map(|word| word.parse::<u64>().unwrap_or_default())
            .sum();
        let mut switches = 0;
        for thread in fs::read_dir(format!("{folder}/task"))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            switches += number(&status, "voluntary_ctxt_switches:")?;
        }
        Ok(Usage {
            cpu: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident: number(&status, "VmRSS:")? * 1024,
            peak: number(&status, "VmHWM:")? * 1024,
            threads: number(&status, "Threads:")?,
            switches,
        })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
