//! The programs that pages run, and one of them at work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use crate::common::repository;
use crate::common::running::eventually;

/// The folder of the programs, which has a folder `examples`; all of them up to date.
///
/// Cargo builds no other package's programs for a test. After `cargo xtask test` has built them there
/// is nothing left to compile.
pub(crate) fn folder() -> &'static Path {
    static BUILT: Once = Once::new();
    let agent = Path::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"));
    let folder = agent.parent().expect("a program is in a folder");
    BUILT.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build
            .current_dir(repository::path(""))
            .args(["build", "--quiet", "--workspace"])
            .args(["--example", "announce", "--example", "receive"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "{build:?}: {status}");
    });
    folder
}

/// A program that runs until the page ends.
pub(crate) struct Program {
    /// Where the page starts it.
    pub(crate) place: String,
    /// What the page shows of its output.
    pub(crate) shown: Option<Vec<String>>,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it; standard output and error go into one file.
    pub(crate) fn start(
        command: &mut Command,
        place: &str,
        shown: Option<Vec<String>>,
        log: PathBuf,
    ) -> Self {
        let output = fs::File::create(&log).expect("the folder can be written");
        let errors = output.try_clone().expect("one more descriptor");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        let place = place.to_owned();
        Self {
            place,
            shown,
            child,
            log,
        }
    }

    /// What it has printed.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).expect("its output is UTF-8")
    }

    /// Waits until it is ready.
    pub(crate) fn wait(&mut self, ready: impl Fn() -> bool) {
        let place = self.place.clone();
        eventually(&format!("{place} is ready"), || {
            self.check_running();
            ready()
        });
    }

    pub(crate) fn check_running(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child of ours") {
            panic!("{}: ended with {status}:\n{}", self.place, self.output());
        }
    }

    /// Ends it as Ctrl-C would. It has to end well.
    pub(crate) fn end(mut self) {
        self.check_running();
        let kill = format!("kill -INT {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("sh runs").success(), "{kill}");
        let mut status = None;
        eventually(&format!("{} ends", self.place), || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        });
        let well = status.is_some_and(|it| it.success());
        assert!(well, "{}: {status:?}:\n{}", self.place, self.output());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
