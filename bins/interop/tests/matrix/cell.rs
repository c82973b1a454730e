//! One cell of the matrix: the agent and one router, with one session between them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use interop::{
    Agent, Asns, Confederation, Lab, Manifests, Route, Router, RouterKind, Routes, eventually,
};
use serde_json::{Value, json};

/// Most waits end within five seconds. OpenBGPD holds down its dialling for a while after a failure.
pub(crate) const BOUND: Duration = Duration::from_secs(90);

/// The family of the session, and so of its routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// What `tests/node` stands for, IPv4 then IPv6.
pub(crate) const ROUTES: [[&str; 5]; 2] = [
    [
        "10.96.0.10/32",
        "198.51.100.10/32",
        "203.0.113.10/32",
        "10.10.1.0/24",
        "192.0.2.77/32",
    ],
    [
        "fd96::10/128",
        "2001:db8:100::10/128",
        "2001:db8:200::10/128",
        "fd10:10:1::/64",
        "2001:db8:300::77/128",
    ],
];

/// A confederation that both sides are members of, and strangers know as this.
pub(crate) const CONFEDERATION: u32 = 64900;

/// How one side guards its end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guard {
    pub(crate) password: Option<&'static str>,
    pub(crate) ttl_security: bool,
}

/// What is special in a cell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    pub(crate) asns: Asns,
    pub(crate) ours: Guard,
    pub(crate) theirs: Guard,
    /// Whether the node is a member of [`CONFEDERATION`].
    pub(crate) in_confederation: bool,
    /// Whether the router is, too.
    pub(crate) router_in_confederation: bool,
    /// Whether neither offers graceful restart.
    pub(crate) without_graceful_restart: bool,
}

/// A lab of one router, and the node's manifests.
pub(crate) struct Cell {
    pub(crate) kind: RouterKind,
    pub(crate) family: Family,
    pub(crate) lab: Lab,
    pub(crate) manifests: Manifests,
    setup: Setup,
}

impl Cell {
    /// Nothing runs yet.
    pub(crate) fn new(kind: RouterKind, family: Family, setup: Setup) -> Result<Self> {
        let lab = Lab::new(&[kind], setup.asns)?;
        let manifests = Manifests::copy_to(&lab.folder().join("node"))?;
        let mut cell = Self {
            kind,
            family,
            lab,
            manifests,
            setup,
        };
        let ours = cell.ours();
        cell.lab.routers[0].reconfigure(|config| {
            config.neighbors.retain(|neighbor| neighbor.address == ours);
            for neighbor in &mut config.neighbors {
                neighbor.password = setup.theirs.password.map(str::to_owned);
                neighbor.ttl_security = setup.theirs.ttl_security;
                if setup.in_confederation && !setup.router_in_confederation {
                    neighbor.asn = CONFEDERATION;
                }
            }
            config.graceful_restart = !setup.without_graceful_restart;
            config.confederation = setup.router_in_confederation.then(|| Confederation {
                identifier: CONFEDERATION,
                members: vec![setup.asns.ours],
            });
        })?;
        cell.guard(setup.ours)?;
        Ok(cell)
    }

    /// Our address on the session.
    pub(crate) fn ours(&self) -> IpAddr {
        self.lab.links[0].ours.both()[self.family as usize]
    }

    /// The router's.
    pub(crate) fn theirs(&self) -> IpAddr {
        self.lab.links[0].theirs.both()[self.family as usize]
    }

    pub(crate) fn router(&self) -> &Router {
        &self.lab.routers[0]
    }

    /// Writes the policy and the password of our side, also while the agent runs.
    pub(crate) fn guard(&self, guard: Guard) -> Result<()> {
        let Asns { ours, theirs } = self.setup.asns;
        let address = self.theirs();
        let peer = json!({
            "address": address,
            "asn": theirs,
            "holdTimeSeconds": 9,
            "connectRetrySeconds": 2,
            "ttlSecurityEnabled": guard.ttl_security,
            "gracefulRestartEnabled": !self.setup.without_graceful_restart,
        });
        let mut more = json!({});
        if self.setup.in_confederation {
            let members = match self.setup.router_in_confederation {
                true => vec![theirs],
                false => vec![],
            };
            more["confederation"] = json!({ "identifier": CONFEDERATION, "memberASNs": members });
        }
        let password = guard.password.map(|password| (address, theirs, password));
        self.manifests.set_passwords(password.as_slice())?;
        self.manifests.set_policy(ours, &[peer], &more)
    }

    /// Starts both sides.
    pub(crate) fn start(&mut self) -> Result<Agent> {
        let agent = Agent::start(&self.lab, &self.manifests.folder)?;
        self.lab.routers[0].start()?;
        Ok(agent)
    }

    /// Starts both sides and waits for all routes.
    pub(crate) fn up(&mut self) -> Result<Agent> {
        let agent = self.start()?;
        self.has_all_routes()?;
        Ok(agent)
    }

    /// What the router should have.
    pub(crate) fn all_routes(&self) -> Result<Routes> {
        let Asns { ours, theirs } = self.setup.asns;
        let as_path = match self.setup {
            setup if setup.router_in_confederation => format!("({ours})"),
            setup if setup.in_confederation => CONFEDERATION.to_string(),
            _ if ours == theirs => String::new(),
            _ => ours.to_string(),
        };
        let route = Route {
            next_hop: self.ours(),
            as_path,
            stale: false,
        };
        let prefixes = ROUTES[self.family as usize].iter();
        prefixes
            .map(|prefix| Ok((prefix.parse()?, route.clone())))
            .collect()
    }

    /// Waits until the router has every route and no other.
    pub(crate) fn has_all_routes(&self) -> Result<()> {
        self.has_exactly(&self.all_routes()?)
    }

    /// Waits until the router has these routes and no others.
    pub(crate) fn has_exactly(&self, expected: &Routes) -> Result<()> {
        let (router, ours) = (self.router(), self.ours());
        eventually(
            "the router says that the session is Established",
            BOUND,
            || Ok(router.session(ours)?.is_established()),
        )?;
        let mut seen = Routes::new();
        eventually("the router has exactly these routes", BOUND, || {
            seen = router.routes(ours)?;
            Ok(seen == *expected)
        })
        .with_context(|| format!("expected {expected:#?}\nlast seen {seen:#?}"))
    }

    /// Waits until neither side has the session.
    pub(crate) fn is_down(&self, agent: &Agent) -> Result<()> {
        let (router, ours) = (self.router(), self.ours());
        eventually("both sides have lost the session", BOUND, || {
            let theirs = router.session(ours)?.is_established();
            Ok(!theirs && self.peer(agent)?["state"] != "Established")
        })
    }

    /// What the agent says about the peer.
    pub(crate) fn peer(&self, agent: &Agent) -> Result<Value> {
        match agent.get("bgppeers")? {
            Value::Array(mut peers) if peers.len() == 1 => Ok(peers.remove(0)),
            other => bail!("not one peer: {other}"),
        }
    }
}
