//! A running agent, what it is asked, and the peer that it advertises to.
#![allow(dead_code, reason = "every test file uses another part")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bgp_speaker::{
    Asn, NegotiatedStatus, Observer, PeerConfig, SessionEndpoints, Speaker, SpeakerConfig,
};
use bgp_wire::UpdateView;
use tempfile::TempDir;

use super::{Answer, Folder, agent};

/// The bound of every wait; nothing here takes nearly as long.
const BOUND: Duration = Duration::from_secs(30);

/// The port of every BGP speaker in these tests: each has an address of its own.
pub(crate) const PORT: u16 = 1790;

/// An address on loopback for one host of one test of one process, so that tests can run side by
/// side. Host 0 is the agent, its peers follow.
pub(crate) fn address(test: u8, host: u8) -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, test * 10 + host + 1)
}

/// Waits until the condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "still not: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// `antrea-bgp-agent run`, killed with the value.
pub(crate) struct Running {
    child: Child,
    files: TempDir,
}

impl Running {
    /// Starts the agent on a folder, listening for BGP on `listen`, and waits until it answers.
    pub(crate) fn start(folder: &Folder, listen: Ipv4Addr, arguments: &[&str]) -> Self {
        Self::start_in(
            tempfile::tempdir().expect("a folder"),
            folder,
            listen,
            arguments,
        )
    }

    fn start_in(files: TempDir, folder: &Folder, listen: Ipv4Addr, arguments: &[&str]) -> Self {
        let state_dir = files.path().join("state");
        let mut command = Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"));
        command
            .args(["run", "--manifests"])
            .arg(folder.path())
            .arg("--state-dir")
            .arg(state_dir)
            .args(arguments)
            .env_remove("NODE_NAME");
        Self::launch(files, command, listen)
    }

    /// Starts the agent of a node in the cluster of a kubeconfig, listening for BGP on `listen`, and
    /// waits until it answers.
    pub(crate) fn in_cluster(
        kubeconfig: &Path,
        node: &str,
        listen: Ipv4Addr,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"));
        command
            .arg("run")
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("NODE_NAME", node);
        Self::launch(tempfile::tempdir().expect("a folder"), command, listen)
    }

    fn launch(files: TempDir, mut command: Command, listen: Ipv4Addr) -> Self {
        let path = |name: &str| files.path().join(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(path("log"))
            .expect("a log");
        let child = command
            .args(["--listen-address", &listen.to_string()])
            .args(["--http-address", &format!("{listen}:9474")])
            .arg("--api-socket")
            .arg(path("api.sock"))
            .env_remove("RUST_LOG")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        let mut running = Self { child, files };
        eventually("the agent answers", || {
            if let Some(status) = running.child.try_wait().expect("a child of ours") {
                panic!("the agent left with {status}: {}", running.log());
            }
            UnixStream::connect(running.socket()).is_ok()
                && std::net::TcpStream::connect((listen, 9474)).is_ok()
        });
        running
    }

    /// Ends the agent with SIGTERM, and starts it again with the same files.
    pub(crate) fn restart(mut self, folder: &Folder, listen: Ipv4Addr) -> Self {
        self.terminate();
        self.start_again(folder, listen)
    }

    /// Starts an agent that has ended again, with the same files.
    pub(crate) fn start_again(mut self, folder: &Folder, listen: Ipv4Addr) -> Self {
        let files = std::mem::replace(&mut self.files, tempfile::tempdir().expect("a folder"));
        drop(self);
        Self::start_in(files, folder, listen, &[])
    }

    /// Sends SIGTERM and waits for the end; the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        // The shell's own: a bare Debian has no program of that name.
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("sh runs");
        assert!(sent.success());
        let mut code = None;
        eventually("the agent ends", || {
            let ended = self.child.try_wait().expect("a child of ours");
            code = ended.and_then(|status| status.code());
            ended.is_some()
        });
        code
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).expect("the log is there")
    }

    /// Whether the agent keeps a router ID for this node.
    pub(crate) fn keeps_router_id(&self, node: &str) -> bool {
        self.files
            .path()
            .join("state")
            .join(format!("router-id.{node}"))
            .exists()
    }

    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.files.path().join("api.sock")
    }

    /// Runs `get …` or `explain …` against this agent.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Answer {
        let socket = self.socket();
        agent(
            &[
                arguments,
                &["--api-socket", socket.to_str().expect("UTF-8")],
            ]
            .concat(),
        )
    }

    /// The elements of a list that `get` prints; none while no policy is in effect, as when an agent has only just started.
    fn list(&self, what: &str) -> Vec<serde_json::Value> {
        let answer = self.ask(&["get", what, "-o", "json"]);
        if answer.code == Some(1) {
            return Vec::new();
        }
        answer.json().as_array().cloned().expect("a list")
    }

    /// The state of the session with a peer, by `get bgppeers`.
    pub(crate) fn state(&self, peer: &str) -> String {
        let peers = self.list("bgppeers");
        let found = peers.iter().find(|view| view["peer"] == peer);
        found
            .map(|view| view["state"].as_str().unwrap_or_default().to_owned())
            .unwrap_or_default()
    }

    /// The prefixes that `get bgproutes` lists.
    pub(crate) fn routes(&self) -> Vec<String> {
        let prefix =
            |view: &serde_json::Value| view["route"].as_str().unwrap_or_default().to_owned();
        self.list("bgproutes").iter().map(prefix).collect()
    }

    /// One GET on the local API, as antctl or curl would send it: status and body.
    pub(crate) fn http(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    /// One request on the local API: status and body.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let stream = UnixStream::connect(self.socket()).expect("the agent listens");
        http(stream, method, path, body)
    }

    /// One GET on `--http-address`.
    pub(crate) fn probe(&self, listen: Ipv4Addr, path: &str) -> (u16, String) {
        let stream = std::net::TcpStream::connect((listen, 9474)).expect("the agent listens");
        http(stream, "GET", path, "")
    }

    /// [`Running::probe`] by somebody who accepts only this type; the headers come too.
    pub(crate) fn probe_as(&self, listen: Ipv4Addr, path: &str, accept: &str) -> String {
        probe_as(listen, path, accept)
    }
}

/// [`Running::probe_as`] of an agent that need not be there any more by then.
pub(crate) fn probe_as(listen: Ipv4Addr, path: &str, accept: &str) -> String {
    let mut stream = std::net::TcpStream::connect((listen, 9474)).expect("the agent listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it takes a request");
    std::io::read_to_string(stream).expect("it answers")
}

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the agent's log:\n{}", self.log());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection: status and body.
pub(crate) fn http(
    mut stream: impl std::io::Read + std::io::Write,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .expect("the agent reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the agent answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    (status, body.trim_end().to_owned())
}

/// Whether a path is a socket that only owner and group may use.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

/// A BGP peer that waits to be dialled and keeps what it hears.
pub(crate) struct Peer {
    runtime: tokio::runtime::Runtime,
    speaker: Option<Speaker>,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    /// The prefixes announced and not withdrawn, with their next hops.
    routes: Mutex<BTreeMap<String, String>>,
    /// Why sessions ended.
    downs: Mutex<Vec<String>>,
    ends_of_rib: Mutex<usize>,
}

impl Observer for Heard {
    fn session_up(&self, _: IpAddr, _: &SessionEndpoints, _: &NegotiatedStatus) {
        self.routes.lock().unwrap().clear();
    }

    fn session_down(&self, _: IpAddr, reason: &str) {
        self.downs.lock().unwrap().push(reason.to_owned());
    }

    fn update(&self, _: IpAddr, update: &UpdateView<'_>) {
        if update.end_of_rib().is_some() {
            *self.ends_of_rib.lock().unwrap() += 1;
        }
        let mut routes = self.routes.lock().unwrap();
        for route in update.withdrawn() {
            routes.remove(&route.prefix.to_string());
        }
        for route in update.announced() {
            let next_hop = update.next_hop(bgp_wire::Family::unicast_of(&route.prefix));
            let next_hop = next_hop.map(|hop| hop.to_string()).unwrap_or_default();
            routes.insert(route.prefix.to_string(), next_hop);
        }
    }
}

impl Peer {
    /// A peer in AS 65001 at `address` that the agent at `agent`, in AS 64512, dials.
    pub(crate) fn start(address: Ipv4Addr, agent: Ipv4Addr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let heard = Arc::new(Heard::default());
        let config = SpeakerConfig::new(Asn(65001), Ipv4Addr::new(10, 0, 0, 2))
            .listen(SocketAddr::new(address.into(), PORT))
            .observer(heard.clone());
        let _inside = runtime.enter();
        let speaker = Speaker::start(config);
        let mut peer = PeerConfig::new(agent.into(), Asn(64512));
        peer.passive = true;
        peer.idle_hold_after_reset = Some(1);
        speaker.set_peer(peer);
        drop(_inside);
        Self {
            runtime,
            speaker: Some(speaker),
            heard,
        }
    }

    /// Ends the session with Cease, Administrative Shutdown, and this text for its operator.
    pub(crate) fn leave(mut self, text: &str) {
        let speaker = self.speaker.take().expect("it runs until now");
        let how = bgp_speaker::Shutdown::Withdraw {
            text: text.to_owned(),
        };
        self.runtime.block_on(speaker.shutdown(how));
    }

    /// The prefixes that the agent advertises.
    pub(crate) fn routes(&self) -> Vec<String> {
        self.heard.routes.lock().unwrap().keys().cloned().collect()
    }

    /// The next hop of a prefix.
    pub(crate) fn next_hop(&self, prefix: &str) -> Option<String> {
        self.heard.routes.lock().unwrap().get(prefix).cloned()
    }

    /// Why sessions ended, in order.
    pub(crate) fn downs(&self) -> Vec<String> {
        self.heard.downs.lock().unwrap().clone()
    }

    /// How often the agent said that it had told everything.
    pub(crate) fn ends_of_rib(&self) -> usize {
        *self.heard.ends_of_rib.lock().unwrap()
    }

    /// Waits for exactly these prefixes, in order.
    pub(crate) fn expect_routes(&self, expected: &[&str]) {
        let mut last = Vec::new();
        let end = Instant::now() + BOUND;
        while Instant::now() < end {
            last = self.routes();
            if last == expected {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("expected {expected:?}, heard {last:?}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(speaker) = self.speaker.take() {
            self.runtime
                .block_on(speaker.shutdown(bgp_speaker::Shutdown::Silent));
        }
    }
}
