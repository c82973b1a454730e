//! A reader's terminals: a folder that looks like a checkout, and what runs in it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::api::Api;
use crate::common::repository;
use crate::common::running::{PORT, Peer, eventually};
use crate::output::is_shown;
use crate::page::{Command, Page};
use crate::programs::{Program, folder};

/// How long an output may take to become what is shown: a page tells a million routes.
const BOUND: Duration = Duration::from_secs(120);

/// Where pages expect the agent's socket.
const SOCKET_FOLDER: &str = "/run/antrea-bgp-agent";

/// What one page is gone through in.
pub(crate) struct Session {
    /// The page's text.
    pub(crate) page: String,
    /// The cluster that an agent without a folder finds.
    pub(crate) api: Api,
    checkout: TempDir,
    loopback: Loopback,
    running: Vec<Program>,
    _peer: Peer,
}

impl Session {
    pub(crate) fn start(page: &Page) -> Self {
        let loopback = Loopback::take();
        let api = Api::with_web(loopback.peer());
        let peer = Peer::start(loopback.peer(), loopback.agent());
        let session = Self {
            page: page.text.clone(),
            checkout: tempfile::tempdir().expect("a folder"),
            api,
            loopback,
            running: Vec::new(),
            _peer: peer,
        };
        session.fill();
        session
    }

    /// Everything of the repository, with `target` and `examples` of its own, and a home.
    fn fill(&self) {
        let here = |name: &str| self.checkout.path().join(name);
        let made = "the folder can be written";
        for entry in fs::read_dir(repository::path("")).expect("the repository") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_str().expect("UTF-8");
            if !["target", "examples", ".git"].contains(&name) {
                let path = repository::path(name).canonicalize().expect("it is there");
                symlink(path, here(name)).expect(made);
            }
        }
        self.copy(&repository::path("examples"), &here("examples"));
        // A reader builds for release; what is tested is what there is.
        fs::create_dir(here("target")).expect(made);
        symlink(folder(), here("target/release")).expect(made);
        fs::create_dir_all(here("home/.kube")).expect(made);
        fs::create_dir(here("run")).expect(made);
        for name in ["admin.conf", "home/.kube/config"] {
            fs::copy(self.api.kubeconfig(), here(name)).expect(made);
        }
    }

    /// Copies text files, with this session's addresses.
    fn copy(&self, from: &Path, to: &Path) {
        fs::create_dir(to).expect("the folder can be written");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                self.copy(&entry.path(), &to);
            } else {
                let text = fs::read_to_string(entry.path()).expect("a text");
                fs::write(to, self.here(&text)).expect("the folder can be written");
            }
        }
    }

    /// What a page says, with this session's addresses and folder.
    pub(crate) fn here(&self, text: &str) -> String {
        let run = self.checkout.path().join("run");
        let run = run.to_str().expect("UTF-8");
        self.loopback.here(text).replace(SOCKET_FOLDER, run)
    }

    /// A path as a command of the page has it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.checkout.path().join(self.here(name))
    }

    /// Runs a command as a reader would: to its end, or until the page ends.
    pub(crate) fn run(&mut self, command: &Command) {
        if command.lasts() {
            self.launch(command);
            return;
        }
        let output = self.finished(command);
        let Some(shown) = &command.output else {
            return;
        };
        let shown = self.lines(shown);
        let (mut last, end) = (output, Instant::now() + BOUND);
        while !is_shown(&shown, &last, false) {
            assert!(
                command.asks() && Instant::now() < end,
                "{}: {}\nis shown to print\n{}\nand prints\n{last}",
                command.place,
                command.text,
                shown.join("\n")
            );
            std::thread::sleep(Duration::from_millis(50));
            last = self.finished(command);
        }
    }

    /// A DaemonSet's Pod on the node of the cluster.
    pub(crate) fn start_as_a_daemonset_does(&mut self) {
        let text = "antrea-bgp-agent run --node node-a".to_owned();
        let place = "the DaemonSet".to_owned();
        let output = None;
        self.launch(&Command {
            place,
            text,
            output,
        });
    }

    /// Waits until a program that runs has printed this.
    pub(crate) fn expect_more_output(&mut self, place: &str, lines: &[String]) {
        let mut shown = vec!["…".to_owned()];
        shown.extend(self.lines(lines));
        eventually(&format!("{place} is printed"), || {
            let mut outputs = self.running.iter().map(Program::output);
            outputs.any(|output| is_shown(&shown, &output, true))
        });
    }

    /// Waits until every program has printed what is shown, and ends them.
    pub(crate) fn finish(mut self) {
        while let Some(mut program) = self.running.pop() {
            if let Some(shown) = program.shown.take() {
                let end = Instant::now() + BOUND;
                while !is_shown(&shown, &program.output(), true) {
                    program.check_running();
                    assert!(
                        Instant::now() < end,
                        "{}: is shown to print\n{}\nand prints\n{}",
                        program.place,
                        shown.join("\n"),
                        program.output()
                    );
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            program.end();
        }
    }

    fn lines(&self, shown: &[String]) -> Vec<String> {
        shown.iter().map(|line| self.here(line)).collect()
    }

    /// Runs a command to its end, which has to be a good one. What it printed.
    fn finished(&self, command: &Command) -> String {
        // The next command finds the variables and the folder that this one leaves.
        let text = self.with_defaults(command);
        let script = format!(
            "{text}\nstatus=$?\nexport -p > \"$HOME/state\"\npwd > \"$HOME/folder\"\nexit $status\n"
        );
        let output = self.shell(&script).output().expect("sh runs");
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        assert!(
            output.status.success(),
            "{}: {}\n{}\n{}{}",
            command.place,
            command.text,
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Starts a command, and waits until it listens.
    fn launch(&mut self, command: &Command) {
        // So that the process is the program, and not a shell that waits for it.
        let script = format!("exec env {}\n", self.with_defaults(command));
        let log = format!("home/log-{}", self.running.len());
        let log = self.checkout.path().join(log);
        let shown = command.output.as_deref().map(|lines| self.lines(lines));
        let mut program = Program::start(&mut self.shell(&script), &command.place, shown, log);
        match command.option("--listen") {
            Some(address) => {
                let address: SocketAddr = self.here(&address).parse().expect("an address");
                program.wait(|| TcpStream::connect(address).is_ok());
            }
            None => {
                let socket = command.option("--api-socket").map(|name| self.path(&name));
                let socket = socket.unwrap_or_else(|| self.socket());
                program.wait(|| UnixStream::connect(&socket).is_ok());
            }
        }
        self.running.push(program);
    }

    /// The agent's socket where a page names none.
    pub(crate) fn socket(&self) -> PathBuf {
        self.checkout.path().join("run/api.sock")
    }

    /// The command with this session's values for what is left to defaults: those are the whole
    /// node's, on which other tests run.
    fn with_defaults(&self, command: &Command) -> String {
        let mut text = self.here(&command.text);
        let runs = command.lasts() && command.option("--listen").is_none();
        if !runs && !command.asks() {
            return text;
        }
        text = self.here(&command.bare());
        let socket = format!("--api-socket {}", self.socket().display());
        let (listen, http) = (self.loopback.agent(), self.loopback.agent());
        let listen = format!("--listen-address {listen}");
        let http = format!("--http-address {http}:9474");
        let defaults = if runs {
            vec![socket, listen, http]
        } else {
            vec![socket]
        };
        for default in defaults {
            let name = default.split(' ').next().unwrap_or_default();
            if command.option(name).is_none() {
                text = format!("{text} {default}");
            }
        }
        text
    }

    /// A shell where the last command left off.
    fn shell(&self, script: &str) -> Process {
        let programs = self.checkout.path().join("target/release");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{0}:{0}/examples:{path}", programs.display());
        let begin = "if [ -f \"$HOME/state\" ]; then . \"$HOME/state\"; cd \"$(cat \"$HOME/folder\")\"; fi\n";
        let mut shell = Process::new("sh");
        shell
            .arg("-c")
            .arg(format!("{begin}{script}"))
            .current_dir(self.checkout.path())
            .env("HOME", self.checkout.path().join("home"))
            .env("PATH", path);
        for name in [
            "KUBECONFIG",
            "KUBERNETES_SERVICE_HOST",
            "NODE_NAME",
            "RUST_LOG",
        ] {
            shell.env_remove(name);
        }
        shell
    }
}

/// Addresses of loopback that nobody else uses: 127.N stands for the 127.0 of the pages.
struct Loopback {
    second: u8,
    /// Taken as long as this listens.
    _guard: TcpListener,
}

impl Loopback {
    fn take() -> Self {
        // Even, since other tests have odd ones, and elsewhere in each process, so that the first is
        // free most often.
        let first = std::process::id() % 120;
        for offset in 0..120 {
            let second = u8::try_from((first + offset) % 120 * 2 + 2).expect("at most 240");
            let last = Ipv4Addr::new(127, second, 255, 254);
            if let Ok(guard) = TcpListener::bind((last, PORT)) {
                return Self {
                    second,
                    _guard: guard,
                };
            }
        }
        panic!("no 127.N.255.254:{PORT} is free");
    }

    fn here(&self, text: &str) -> String {
        text.replace("127.0.", &format!("127.{}.", self.second))
    }

    /// Where the agent of the cluster's node listens.
    fn agent(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, 9, 1)
    }

    /// The peer of the cluster's policy.
    fn peer(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, 9, 2)
    }
}
