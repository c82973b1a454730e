//! A daemon under test: started with its output in a file, ended by its process id.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Namespace, eventually_some};

/// How long a daemon may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Lines of a log that are worth printing when a test fails.
const TAIL: usize = 60;

/// A running process. Ended when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    /// SIGKILL would orphan the children of a daemon that has several processes.
    needs_sigterm: bool,
}

impl Process {
    /// Starts `command` (a program and its arguments) inside `namespace`; what it prints is
    /// appended to `log`.
    ///
    /// The process also dies with the thread that calls this, so that a test that is killed leaves
    /// nothing behind.
    ///
    /// # Errors
    ///
    /// When the log cannot be written or the program cannot be started.
    pub fn start(
        namespace: &Namespace,
        log: &Path,
        command: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self> {
        let open = || {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(log)
                .with_context(|| format!("opening the log {}", log.display()))
        };
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(["ip", "netns", "exec", namespace.name()])
            .args(command.into_iter().map(Into::into))
            .stdin(Stdio::null())
            .stdout(open()?)
            .stderr(open()?)
            .spawn()
            .context("starting `setpriv` (Debian package util-linux)")?;
        Ok(Self {
            child,
            log: log.to_owned(),
            needs_sigterm: false,
        })
    }

    /// Marks a daemon of several processes, which only its own handler of SIGTERM ends together.
    #[must_use]
    pub fn with_children(mut self) -> Self {
        self.needs_sigterm = true;
        self
    }

    /// Asks the process to end (SIGTERM) and waits for it.
    ///
    /// # Errors
    ///
    /// When it is still there after five seconds. It is killed then.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait_for_exit(GRACE)
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    ///
    /// When it is still there after `bound`.
    pub fn wait_for_exit(&mut self, bound: Duration) -> Result<ExitStatus> {
        let what = format!("the process of {} ends", self.log.display());
        eventually_some(&what, bound, || Ok(self.child.try_wait()?))
    }

    /// Ends the process without a word to its peers, as a crash would.
    ///
    /// # Errors
    ///
    /// When it had ended before: then it crashed, and the test should not go on.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "had already ended ({status}), see {}:\n{}",
                self.log.display(),
                self.log_tail()
            );
        }
        self.end();
        Ok(())
    }

    /// The process id of the program itself.
    #[must_use]
    pub fn id(&self) -> u32 {
        // setpriv and ip become the program.
        self.child.id()
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that the process printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    fn signal(&self, signal: Signal) {
        // Until it is waited for, the process id cannot be anybody else's.
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, signal);
        }
    }

    fn end(&mut self) {
        if self.needs_sigterm {
            self.signal(Signal::TERM);
            let deadline = Instant::now() + GRACE;
            while self.is_running() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The last lines of a log; nothing when there is none.
pub(crate) fn tail(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// What a log has so far, without the last line while that is half written.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn complete_lines(log: &Path) -> Result<String> {
    let mut text = fs::read_to_string(log).with_context(|| format!("reading {}", log.display()))?;
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    Ok(text)
}
