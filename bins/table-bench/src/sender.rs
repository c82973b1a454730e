//! The senders: how each is told its table and its receivers, and how one sees that it is loaded.
//! None dials: the receivers do, once the table is there.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use interop::{Namespace, Process, eventually};

use crate::cell::{FEEDER_AS, RECEIVER_AS, SENDER_AS, Sender, Version};

/// How long a table may take to load, which is not measured.
const LOAD: Duration = Duration::from_secs(400);

/// FRR's bgpd, whose name is OpenBGPD's too.
const FRR_BGPD: &str = "/usr/lib/frr/bgpd";

/// How long FRR waits for more receivers before it tells the first of them anything, in milliseconds: it is done soonest
/// so. Peers share what is done for one only if they come within that time, and with a large table FRR takes its time to
/// let them in; with a small one it costs less to do everything for each. One receiver has nobody to wait for.
const fn frr_coalesces(receivers: u16, prefixes: u32) -> u32 {
    match (receivers, prefixes) {
        (1, _) => 0,
        (_, 1_000_000..) => 1000,
        _ => 50,
    }
}

/// A sender that has its table. It ends when it is dropped.
pub(crate) struct Running {
    /// The one that sends comes first.
    processes: Vec<Process>,
}

/// What a sender is told.
pub(crate) struct Task<'a> {
    pub(crate) namespace: &'a Namespace,
    /// Its own, empty.
    pub(crate) folder: &'a Path,
    pub(crate) version: Version,
    pub(crate) count: u32,
    /// Numbers of receivers that may dial.
    pub(crate) receivers: u16,
}

impl Running {
    /// The process that sends.
    pub(crate) fn pid(&self) -> u32 {
        self.processes[0].id()
    }
}

impl Sender {
    /// The program that has to be there, and whether it is.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let (program, package) = match self {
            Self::Raw | Self::Ours => return None,
            Self::Bird => ("/usr/sbin/bird", "bird2"),
            Self::Frr => (FRR_BGPD, "frr"),
            Self::Gobgp => ("/usr/bin/gobgpd", "gobgpd"),
        };
        (!Path::new(program).exists()).then_some(package)
    }

    /// Starts it and waits until it has its table.
    pub(crate) fn start(self, task: &Task<'_>) -> Result<Running> {
        let processes = match self {
            Self::Raw => vec![raw(task)?],
            Self::Ours => vec![ours(task)?],
            Self::Bird => vec![bird(task)?],
            Self::Frr => vec![frr(task)?],
            Self::Gobgp => gobgp(task)?,
        };
        Ok(Running { processes })
    }

    /// Before so many receivers dial.
    pub(crate) fn prepare(self, task: &Task<'_>, receivers: u16) -> Result<()> {
        if self != Self::Frr {
            return Ok(());
        }
        let milliseconds = frr_coalesces(receivers, task.count);
        let (router, wait) = (
            format!("router bgp {SENDER_AS}"),
            format!("coalesce-time {milliseconds}"),
        );
        let folder = task.folder.display().to_string();
        let mut command = vec!["vtysh", "--vty_socket", &folder];
        for line in ["configure terminal", &router, &wait] {
            command.extend(["-c", line]);
        }
        task.ask(&command);
        let shown = [
            "vtysh",
            "--vty_socket",
            &folder,
            "-c",
            "show running-config",
        ];
        let shown = task.ask(&shown);
        ensure!(
            shown.lines().any(|line| line.trim() == wait),
            "FRR did not take {wait:?}"
        );
        Ok(())
    }
}

impl Task<'_> {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> Result<String> {
        let file = self.file(name);
        fs::write(&file, text).with_context(|| format!("writing {file}"))?;
        Ok(file)
    }

    fn spawn(&self, command: &[&str]) -> Result<Process> {
        let name = command[0].rsplit('/').next().unwrap_or("process");
        let log = self.folder.join(format!("{name}.log"));
        Process::start(self.namespace, &log, command.iter().copied())
    }

    /// What a program prints inside the namespace; nothing while it fails.
    fn ask(&self, command: &[&str]) -> String {
        let mut process = self.namespace.command(command[0]);
        let output = process.args(&command[1..]).output();
        output.map_or(String::new(), |it| {
            String::from_utf8_lossy(&it.stdout).into_owned()
        })
    }

    fn receiver_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let version = self.version;
        (0..self.receivers).map(move |number| version.receiver(number))
    }

    /// Waits until what `question` answers contains the number of prefixes.
    fn loaded(&self, question: impl Fn() -> Option<u32>) -> Result<()> {
        let what = format!("all {} prefixes are loaded", self.count);
        eventually(&what, LOAD, || Ok(question() == Some(self.count)))
    }
}

/// A program that was built beside this one.
fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("examples").join(name);
    ensure!(
        path.exists(),
        "{} is missing: cargo build --release -p bgp-speaker --examples",
        path.display()
    );
    Ok(path)
}

fn raw(task: &Task<'_>) -> Result<Process> {
    let own = std::env::current_exe()?.display().to_string();
    let version = match task.version {
        Version::V4 => "v4",
        Version::V6 => "v6",
    };
    task.spawn(&[&own, "raw", version, &task.count.to_string()])
}

fn ours(task: &Task<'_>) -> Result<Process> {
    let version = task.version;
    announce(
        task,
        SENDER_AS,
        version.sender(),
        RECEIVER_AS,
        &task.receiver_addresses().collect::<Vec<_>>(),
    )
}

/// `examples/announce.rs` with the whole table.
fn announce(
    task: &Task<'_>,
    asn: u32,
    address: IpAddr,
    peer_as: u32,
    peers: &[IpAddr],
) -> Result<Process> {
    let program = built("announce")?.display().to_string();
    let (asn, count) = (asn.to_string(), task.count.to_string());
    let first = task.version.prefix(0).addr().to_string();
    let listen = std::net::SocketAddr::new(address, 179).to_string();
    let mut command = vec![program.as_str(), "--asn", &asn, "--router-id", "10.0.0.1"];
    command.extend(["--count", &count, "--first", &first, "--listen", &listen]);
    let peers: Vec<String> = peers.iter().map(|it| format!("{it}={peer_as}")).collect();
    for peer in &peers {
        command.extend(["--peer", peer]);
    }
    task.spawn(&command)
}

fn bird(task: &Task<'_>) -> Result<Process> {
    let channel = match task.version {
        Version::V4 => "ipv4",
        Version::V6 => "ipv6",
    };
    let mut text = format!(
        "router id 10.0.0.1;\nprotocol device {{}}\nprotocol static table_of_ours {{\n {channel};\n"
    );
    for number in 0..task.count {
        writeln!(text, " route {} blackhole;", task.version.prefix(number))?;
    }
    text.push_str("}\n");
    let sender = task.version.sender();
    for (number, receiver) in task.receiver_addresses().enumerate() {
        writeln!(
            text,
            "protocol bgp receiver{number} {{\n local {sender} as {SENDER_AS};\n \
             neighbor {receiver} as {RECEIVER_AS};\n multihop; passive yes; hold time 600;\n \
             error wait time 1, 2;\n \
             {channel} {{ import none; export where source = RTS_STATIC; next hop self; }};\n}}"
        )?;
    }
    let (conf, control) = (task.write("bird.conf", &text)?, task.file("bird.ctl"));
    let bird = task.spawn(&["bird", "-f", "-c", &conf, "-s", &control])?;
    task.loaded(|| {
        let answer = task.ask(&["birdc", "-s", &control, "show", "route", "count"]);
        // A line for each table: "10000 of 10000 routes for 10000 networks in table master4".
        let counts = answer.lines().filter(|line| line.contains(" routes for "));
        counts
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .max()
    })?;
    Ok(bird)
}

fn frr(task: &Task<'_>) -> Result<Process> {
    let family = match task.version {
        Version::V4 => "ipv4",
        Version::V6 => "ipv6",
    };
    let mut text = format!(
        "router bgp {SENDER_AS}\n bgp router-id 10.0.0.1\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n no bgp default ipv4-unicast\n timers bgp 200 600\n \
         coalesce-time 0\n"
    );
    for receiver in task.receiver_addresses() {
        writeln!(
            text,
            " neighbor {receiver} remote-as {RECEIVER_AS}\n neighbor {receiver} passive\n \
             neighbor {receiver} disable-connected-check\n \
             neighbor {receiver} ebgp-multihop 255"
        )?;
    }
    writeln!(text, " address-family {family} unicast")?;
    for number in 0..task.count {
        writeln!(text, "  network {}", task.version.prefix(number))?;
    }
    for receiver in task.receiver_addresses() {
        writeln!(text, "  neighbor {receiver} activate")?;
    }
    text.push_str(" exit-address-family\n");
    let conf = task.write("bgpd.conf", &text)?;
    let (folder, pid) = (task.folder.display().to_string(), task.file("bgpd.pid"));
    let common = ["--vty_socket", folder.as_str(), "-P", "0", "-i", &pid];
    // Without zebra nothing is installed.
    let own = [FRR_BGPD, "-n", "-S", "-Z", "-f", &conf];
    let bgpd = task.spawn(&[&own[..], &common].concat())?;
    let question = format!("show bgp {family} unicast statistics json");
    task.loaded(|| {
        let answer = task.ask(&["vtysh", "--vty_socket", &folder, "-c", &question]);
        let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
        let count = find(&answer, "totalPrefixes")?;
        u32::try_from(count).ok()
    })?;
    Ok(bgpd)
}

/// GoBGP takes its table from a feeder: its own command adds prefixes one by one.
fn gobgp(task: &Task<'_>) -> Result<Vec<Process>> {
    let family = match task.version {
        Version::V4 => "ipv4",
        Version::V6 => "ipv6",
    };
    let (sender, feeder) = (task.version.sender(), task.version.feeder());
    let mut text = format!(
        "[global.config]\nas = {SENDER_AS}\nrouter-id = \"10.0.0.1\"\nport = 179\n\
         local-address-list = [\"{sender}\"]\n"
    );
    let receivers = task.receiver_addresses().map(|it| (it, RECEIVER_AS, true));
    for (address, asn, passive) in receivers.chain([(feeder, FEEDER_AS, false)]) {
        writeln!(
            text,
            "[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{address}\"\npeer-as = {asn}\n\
             [neighbors.transport.config]\npassive-mode = {passive}\nlocal-address = \"{sender}\"\n\
             [neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 64\n\
             [neighbors.timers.config]\nhold-time = 600\nkeepalive-interval = 200\nconnect-retry = 1\n\
             idle-hold-time-after-reset = 1\n\
             [[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{family}-unicast\""
        )?;
    }
    let conf = task.write("gobgpd.toml", &text)?;
    let api = "127.0.0.1:50051";
    let feeder = announce(task, FEEDER_AS, feeder, SENDER_AS, &[sender])?;
    let arguments = ["-f", &conf, "--api-hosts", api, "--pprof-disable"];
    let daemon = task.spawn(&[&["gobgpd"][..], &arguments].concat())?;
    task.loaded(|| {
        let question = ["gobgp", "-j", "global", "rib", "summary", "-a", family];
        let answer: serde_json::Value = serde_json::from_str(&task.ask(&question)).ok()?;
        let count = find(&answer, "num_destination").or_else(|| find(&answer, "NumDestination"))?;
        u32::try_from(count).ok()
    })?;
    Ok(vec![daemon, feeder])
}

/// The first number of this name, however deep.
fn find(value: &serde_json::Value, name: &str) -> Option<u64> {
    match value {
        serde_json::Value::Object(fields) => fields
            .get(name)
            .and_then(serde_json::Value::as_u64)
            .or_else(|| fields.values().find_map(|it| find(it, name))),
        serde_json::Value::Array(values) => values.iter().find_map(|it| find(it, name)),
        _ => None,
    }
}
