//! One test's network: us, some routers, and a link to each of them.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::tail;
use crate::{Namespace, Neighbor, Router, RouterConfig, RouterKind, available};

/// Who is in which AS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asns {
    /// The AS that the routers expect us in.
    pub ours: u32,
    /// The AS of every router.
    pub theirs: u32,
}

impl Default for Asns {
    /// Two private two-octet AS numbers: external sessions.
    fn default() -> Self {
        Self {
            ours: 64512,
            theirs: 65001,
        }
    }
}

/// The addresses of one end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// In a /24 of its own.
    pub v4: Ipv4Addr,
    /// In a /64 of its own.
    pub v6: Ipv6Addr,
}

impl Ends {
    /// Both addresses, IPv4 first.
    #[must_use]
    pub fn both(self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}

/// A veth pair between us and one router: `10.77.N.1` and `fd77:N::1` are ours, `.2` and `::2` are
/// the router's, N counting from 1.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Our end.
    pub ours: Ends,
    /// The router's end.
    pub theirs: Ends,
}

impl Link {
    fn new(index: usize) -> Result<Self> {
        let number = u8::try_from(index + 1).context("a lab has at most 255 links")?;
        let end = |host: u8| Ends {
            v4: Ipv4Addr::new(10, 77, number, host),
            v6: Ipv6Addr::new(0xfd77, number.into(), 0, 0, 0, 0, 0, host.into()),
        };
        Ok(Self {
            ours: end(1),
            theirs: end(2),
        })
    }
}

/// A network of namespaces, with routers that are configured but not started.
#[derive(Debug)]
pub struct Lab {
    // Fields drop in this order: processes go before their namespaces, those before the folder.
    /// One for each link, in the same order.
    pub routers: Vec<Router>,
    /// The namespace at our end of all links.
    pub ours: Arc<Namespace>,
    /// One for each router.
    pub links: Vec<Link>,
    /// As the routers are configured.
    pub asns: Asns,
    folder: TempDir,
}

impl Lab {
    /// Makes a lab with a router of each of these kinds. Tests without a wish of their own have
    /// [`with_lab`].
    ///
    /// # Errors
    ///
    /// When namespaces cannot be made here.
    pub fn new(kinds: &[RouterKind], asns: Asns) -> Result<Self> {
        let folder = tempfile::tempdir().context("making the lab's folder")?;
        // Daemons that give up root still have to reach their sockets.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let mut lab = Self {
            routers: Vec::new(),
            ours: Arc::new(Namespace::new("ours")?),
            links: Vec::new(),
            asns,
            folder,
        };
        for (index, kind) in kinds.iter().enumerate() {
            lab.add(index, *kind)?;
        }
        Ok(lab)
    }

    /// A folder of the test's own, gone when the lab is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn add(&mut self, index: usize, kind: RouterKind) -> Result<()> {
        let link = Link::new(index)?;
        let theirs = Arc::new(Namespace::new(&kind.to_string().to_lowercase())?);
        let interface = format!("link{index}");
        self.ours.connect(&interface, &theirs, "uplink")?;
        for (namespace, interface, end) in [
            (&self.ours, interface.as_str(), link.ours),
            (&theirs, "uplink", link.theirs),
        ] {
            namespace.add_address(interface, end.v4.into(), 24)?;
            namespace.add_address(interface, end.v6.into(), 64)?;
        }
        let neighbors = link.theirs.both().into_iter().zip(link.ours.both());
        let neighbors =
            neighbors.map(|(local, address)| Neighbor::new(local, address, self.asns.ours));
        let config = RouterConfig::new(self.asns.theirs, link.theirs.v4, neighbors);
        let folder = self.folder.path().join(format!("{index}-{kind}"));
        self.routers
            .push(Router::new(kind, theirs, &folder, config)?);
        self.links.push(link);
        Ok(())
    }

    /// The last lines of everything that ran.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for log in log_files(self.folder.path()) {
            let _ = write!(text, "\n==== {}\n{}\n", log.display(), tail(&log));
        }
        text
    }
}

fn log_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(log_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Runs `test` in a lab with `routers` and external sessions, or says that it is skipped.
///
/// # Panics
///
/// When the test fails, with the logs of everything that ran; and with `CI=true` when something is
/// missing.
pub fn with_lab(routers: &[RouterKind], test: impl FnOnce(&mut Lab) -> Result<()>) {
    with_lab_of(Asns::default(), routers, test);
}

/// As [`with_lab`], with these AS numbers.
///
/// # Panics
///
/// As [`with_lab`].
pub fn with_lab_of(asns: Asns, routers: &[RouterKind], test: impl FnOnce(&mut Lab) -> Result<()>) {
    if !available(routers) {
        return;
    }
    let mut lab = match Lab::new(routers, asns) {
        Ok(lab) => lab,
        Err(error) => panic!("making the lab: {error:#}"),
    };
    if let Err(error) = test(&mut lab) {
        panic!("{error:#}\n{}", lab.logs());
    }
}
