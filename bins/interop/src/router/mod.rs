//! A real BGP router: its configuration, its processes, and what it says about its sessions and
//! routes.

mod bird;
mod config;
mod exabgp;
mod frr;
mod gobgp;
mod openbgpd;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;

use crate::{Namespace, Process, requirements};

pub use config::{Confederation, Neighbor, RouterConfig};

/// The routers that we are tested against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterKind {
    /// BIRD 2.
    Bird,
    /// FRRouting: `zebra` and `bgpd`.
    Frr,
    /// GoBGP.
    Gobgp,
    /// OpenBGPD.
    Openbgpd,
    /// ExaBGP, which keeps no table: what it has is what it printed.
    Exabgp,
}

impl RouterKind {
    /// The Debian package that has it.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Bird => "bird2",
            Self::Frr => "frr",
            Self::Gobgp => "gobgpd",
            Self::Openbgpd => "openbgpd",
            Self::Exabgp => "exabgp",
        }
    }

    /// Its programs, by path where the name alone would be another router's.
    pub(crate) fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Bird => &["bird", "birdc"],
            Self::Frr => &[frr::ZEBRA, frr::BGPD, "vtysh"],
            Self::Gobgp => &["gobgpd", "gobgp"],
            Self::Openbgpd => &["bgpd", "bgpctl"],
            Self::Exabgp => &["exabgp"],
        }
    }

    /// The version that is installed.
    ///
    /// # Errors
    ///
    /// When the program does not tell.
    pub fn version(self) -> Result<String> {
        let (program, option) = match self {
            Self::Bird => ("bird", "--version"),
            Self::Frr => (frr::BGPD, "--version"),
            Self::Gobgp => ("gobgpd", "--version"),
            Self::Openbgpd => ("bgpd", "-V"),
            Self::Exabgp => ("exabgp", "--version"),
        };
        let (path, _) = locate(program)?;
        let output = Command::new(path).arg(option).output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let mut words = text.split_whitespace();
        let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        let version = words.find(is_number);
        let version = version.with_context(|| format!("`{program} {option}`: {text}"))?;
        Ok(version.to_owned())
    }

    fn daemon(self) -> &'static dyn Daemon {
        match self {
            Self::Bird => &bird::Bird,
            Self::Frr => &frr::Frr,
            Self::Gobgp => &gobgp::Gobgp,
            Self::Openbgpd => &openbgpd::Openbgpd,
            Self::Exabgp => &exabgp::Exabgp,
        }
    }
}

impl fmt::Display for RouterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bird => "BIRD",
            Self::Frr => "FRR",
            Self::Gobgp => "GoBGP",
            Self::Openbgpd => "OpenBGPD",
            Self::Exabgp => "ExaBGP",
        })
    }
}

/// What a router says about one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The state by its name in RFC 4271, as the router spells it.
    pub state: String,
    /// Prefixes that it has from this neighbour.
    pub prefixes: u64,
}

impl Session {
    /// Whether the session is up.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.state.eq_ignore_ascii_case("established")
    }
}

/// What a router has for one prefix from one neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// NEXT_HOP, or the global address of MP_REACH_NLRI.
    pub next_hop: IpAddr,
    /// AS_PATH, as numbers with blanks between.
    pub as_path: String,
    /// Whether it is kept from a session that went down (RFC 4724 section 4.2).
    pub stale: bool,
}

/// The routes of one neighbour.
pub type Routes = BTreeMap<IpNet, Route>;

/// What differs from router to router.
trait Daemon: Sync {
    /// Writes the configuration files.
    fn configure(&self, context: &Context<'_>) -> Result<()>;
    /// Starts the processes.
    fn start(&self, context: &Context<'_>) -> Result<Vec<Process>>;
    fn session(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Session>;
    fn routes(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<Routes>;
    /// Has ROUTE-REFRESH sent (RFC 2918).
    fn refresh(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<()>;
    /// Ends a session with the reason in its NOTIFICATION (RFC 9003).
    fn shut_down(&self, context: &Context<'_>, neighbor: IpAddr, reason: &str) -> Result<()>;
    /// What it says about the NOTIFICATION that it received last.
    fn last_received(&self, context: &Context<'_>, neighbor: IpAddr) -> Result<String>;
}

/// Where a daemon runs and with what.
struct Context<'a> {
    namespace: &'a Namespace,
    folder: &'a Path,
    config: &'a RouterConfig,
}

impl Context<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The argument for a file of this router.
    fn argument(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Starts a daemon that logs to `<program>.log`.
    fn spawn(&self, program: &str, arguments: &[&str]) -> Result<Process> {
        let (path, name) = locate(program)?;
        let log = self.path(&format!("{name}.log"));
        let path = path.display().to_string();
        let command = [path.as_str()].into_iter().chain(arguments.iter().copied());
        Process::start(self.namespace, &log, command)
    }

    /// What a control program prints, run beside the daemon.
    fn ask(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let (path, _) = locate(program)?;
        let mut command: Command = self.namespace.command(path);
        let output = command
            .args(arguments)
            .output()
            .with_context(|| format!("running `{program}`"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "`{program} {}`: {text}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(text)
    }

    fn ask_json(&self, program: &str, arguments: &[&str]) -> Result<serde_json::Value> {
        let text = self.ask(program, arguments)?;
        serde_json::from_str(&text)
            .with_context(|| format!("`{program} {}` printed {text}", arguments.join(" ")))
    }
}

fn locate(program: &str) -> Result<(PathBuf, &str)> {
    let path = requirements::find_program(program)
        .with_context(|| format!("`{program}` is not installed"))?;
    let name = program.rsplit('/').next().unwrap_or(program);
    Ok((path, name))
}

/// A router in its own namespace. Its processes end when it is dropped.
#[derive(Debug)]
pub struct Router {
    processes: Vec<Process>,
    /// Which one it is.
    pub kind: RouterKind,
    namespace: Arc<Namespace>,
    folder: PathBuf,
    config: RouterConfig,
}

impl Router {
    /// Writes the configuration of a router into `folder`; [`Router::start`] starts it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written to.
    pub fn new(
        kind: RouterKind,
        namespace: Arc<Namespace>,
        folder: &Path,
        config: RouterConfig,
    ) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let router = Self {
            processes: Vec::new(),
            kind,
            namespace,
            folder: folder.to_owned(),
            config,
        };
        kind.daemon().configure(&router.context())?;
        Ok(router)
    }

    /// The namespace that the router runs in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Changes the configuration of a router that does not run.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be written.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut RouterConfig)) -> Result<()> {
        change(&mut self.config);
        self.kind.daemon().configure(&self.context())
    }

    /// Starts the router's processes. They are not ready to answer yet when this returns.
    ///
    /// # Errors
    ///
    /// When one of them cannot be started.
    pub fn start(&mut self) -> Result<()> {
        self.processes = self.kind.daemon().start(&self.context())?;
        Ok(())
    }

    /// Kills the router, as a crash would.
    ///
    /// # Errors
    ///
    /// When it had crashed before.
    pub fn kill(&mut self) -> Result<()> {
        for process in self.processes.drain(..).rev() {
            process
                .kill()
                .with_context(|| format!("ending {}", self.kind))?;
        }
        Ok(())
    }

    /// What the router says about its session with `neighbor`.
    ///
    /// # Errors
    ///
    /// When it does not answer, which while it starts is to be expected, or has no such neighbour.
    pub fn session(&self, neighbor: IpAddr) -> Result<Session> {
        self.kind
            .daemon()
            .session(&self.context(), neighbor)
            .with_context(|| format!("asking {} about {neighbor}", self.kind))
    }

    /// The routes that the router has from `neighbor`, of the family of that address.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn routes(&self, neighbor: IpAddr) -> Result<Routes> {
        self.kind
            .daemon()
            .routes(&self.context(), neighbor)
            .with_context(|| format!("asking {} for routes from {neighbor}", self.kind))
    }

    /// Has the router ask `neighbor` for all its routes again, by ROUTE-REFRESH (RFC 2918).
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn refresh(&self, neighbor: IpAddr) -> Result<()> {
        self.kind
            .daemon()
            .refresh(&self.context(), neighbor)
            .with_context(|| format!("having {} refresh {neighbor}", self.kind))
    }

    /// Has the router end its session with `neighbor`, with `reason` in the NOTIFICATION (RFC 9003)
    /// where it can send one.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn shut_down(&self, neighbor: IpAddr, reason: &str) -> Result<()> {
        self.kind
            .daemon()
            .shut_down(&self.context(), neighbor, reason)
            .with_context(|| format!("having {} shut down {neighbor}", self.kind))
    }

    /// What the router tells its operator about the NOTIFICATION that it received last from
    /// `neighbor`, in its own words. Empty where there was none.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn last_received(&self, neighbor: IpAddr) -> Result<String> {
        self.kind
            .daemon()
            .last_received(&self.context(), neighbor)
            .with_context(|| format!("asking {} for the last error of {neighbor}", self.kind))
    }

    fn context(&self) -> Context<'_> {
        Context {
            namespace: &self.namespace,
            folder: &self.folder,
            config: &self.config,
        }
    }
}
