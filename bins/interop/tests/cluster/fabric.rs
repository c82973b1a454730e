//! One test's network and cluster: two nodes, FRR, BIRD and an API server on one switch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use interop::{Agent, Namespace, Neighbor, Router, RouterConfig, RouterKind};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

pub(crate) const FRR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const BIRD: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const NODE_A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 11);
pub(crate) const NODE_B: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 12);
pub(crate) const API_SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

pub(crate) const NODES: [(&str, Ipv4Addr); 2] = [("node-a", NODE_A), ("node-b", NODE_B)];

/// The AS of the nodes, and that of the routers.
pub(crate) const OURS: u32 = 64512;
pub(crate) const THEIRS: u32 = 65001;

/// The namespace of the agents.
pub(crate) const AGENT_NAMESPACE: &str = "kube-system";

/// A router's table: by which next hops a prefix is reached, and no stale route among them.
pub(crate) type Table = BTreeMap<String, BTreeSet<IpAddr>>;

/// Starts an API server in a namespace.
pub(crate) type StartServer = fn(&Arc<Namespace>) -> Result<Box<dyn Server>>;

/// Everything that runs. Fields drop in this order.
pub(crate) struct Fabric {
    pub(crate) agents: BTreeMap<&'static str, Agent>,
    pub(crate) frr: Router,
    pub(crate) bird: Router,
    pub(crate) server: Box<dyn Server>,
    namespaces: BTreeMap<&'static str, Arc<Namespace>>,
    _switch: Namespace,
    folder: TempDir,
}

impl Fabric {
    /// The network, with routers that are configured and do not run, and an empty cluster.
    pub(crate) fn new(start: StartServer) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Daemons that give up root still have to reach their sockets.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let switch = Namespace::new("switch")?;
        switch.ip(&["link", "add", "bridge", "type", "bridge"])?;
        switch.ip(&["link", "set", "bridge", "up"])?;
        let mut namespaces = BTreeMap::new();
        for (name, address) in [
            ("frr", FRR),
            ("bird", BIRD),
            ("node-a", NODE_A),
            ("node-b", NODE_B),
            ("api", API_SERVER),
        ] {
            let namespace = Namespace::new(name)?;
            switch.connect(name, &namespace, "uplink")?;
            switch.ip(&["link", "set", name, "master", "bridge"])?;
            namespace.add_address("uplink", address.into(), 24)?;
            fs::create_dir(folder.path().join(name))?;
            namespaces.insert(name, Arc::new(namespace));
        }
        let router = |kind, name: &str, address: Ipv4Addr| {
            let neighbors = NODES.map(|(_, node)| Neighbor::new(address.into(), node.into(), OURS));
            let config = RouterConfig::new(THEIRS, address, neighbors);
            let namespace = Arc::clone(&namespaces[name]);
            Router::new(kind, namespace, &folder.path().join(name), config)
        };
        let (frr, bird) = (
            router(RouterKind::Frr, "frr", FRR)?,
            router(RouterKind::Bird, "bird", BIRD)?,
        );
        let server = start(&namespaces["api"])?;
        Ok(Self {
            agents: BTreeMap::new(),
            frr,
            bird,
            server,
            namespaces,
            _switch: switch,
            folder,
        })
    }

    fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the agent of a node.
    pub(crate) fn start_agent(&mut self, node: &'static str) -> Result<()> {
        let folder = self.folder_of(node);
        let kubeconfig = folder.join("kubeconfig");
        if !kubeconfig.exists() {
            fs::write(&kubeconfig, self.server.kubeconfig(node)?)?;
        }
        let agent = Agent::in_cluster(&self.namespaces[node], node, &kubeconfig, &folder)?;
        self.agents.insert(node, agent);
        Ok(())
    }

    /// Ends the agent of a node with SIGTERM.
    pub(crate) fn stop_agent(&mut self, node: &str) -> Result<()> {
        let agent = self.agents.remove(node).context("it runs")?;
        let status = agent.terminate()?;
        ensure!(status.success(), "the agent of {node} left with {status}");
        Ok(())
    }

    /// How often the session of a node with a router ended, as its agent counts.
    pub(crate) fn flaps(&self, node: &str, router: Ipv4Addr) -> Result<u64> {
        let peers = self.agents[node].get("bgppeers")?;
        let name = format!("{router}:179");
        let mut peers = peers.as_array().into_iter().flatten();
        let peer = peers.find(|peer| peer["peer"] == name.as_str());
        let peer = peer.with_context(|| format!("no peer {name} on {node}"))?;
        peer["flaps"].as_u64().context("no flaps in it")
    }

    /// What an agent finds wrong at present.
    pub(crate) fn remarks(&self, node: &str) -> Result<String> {
        let policy = self.agents[node].get("bgppolicy")?;
        Ok(policy["remarks"].to_string())
    }

    /// How many paths FRR would use at once for a prefix.
    pub(crate) fn multipath(&self, prefix: &str) -> Result<usize> {
        let table = self.vtysh(&["show bgp ipv4 unicast json"])?;
        let table: Value = serde_json::from_str(&table)?;
        let paths = table["routes"][prefix].as_array().into_iter().flatten();
        Ok(paths
            .filter(|path| path["bestpath"] == true || path["multipath"] == true)
            .count())
    }

    /// Has FRR expect this password of both nodes from now on; without one, none.
    pub(crate) fn set_frr_password(&self, password: &str) -> Result<()> {
        let lines = NODES.map(|(_, node)| format!("neighbor {node} password {password}"));
        let router = format!("router bgp {THEIRS}");
        let [a, b] = &lines;
        self.vtysh(&["configure terminal", &router, a, b]).map(drop)
    }

    /// The same for BIRD, which does not run yet.
    pub(crate) fn set_bird_password(&mut self, password: &str) -> Result<()> {
        self.bird.reconfigure(|config| {
            for neighbor in &mut config.neighbors {
                neighbor.password = Some(password.to_owned());
            }
        })
    }

    fn vtysh(&self, commands: &[&str]) -> Result<String> {
        let mut command: Command = self.namespaces["frr"].command("vtysh");
        command.arg("--vty_socket").arg(self.folder_of("frr"));
        for line in commands {
            command.args(["-c", line]);
        }
        let output = command.output().context("running vtysh")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "vtysh {commands:?}: {text}");
        Ok(text)
    }

    /// What the agents logged last.
    pub(crate) fn logs(&self) -> String {
        let logs = NODES.map(|(node, _)| {
            let log = fs::read_to_string(self.folder_of(node).join("agent.log"));
            let log = log.unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            format!("\n==== {node}\n{tail}\n")
        });
        logs.concat()
    }
}

/// The Service that a real API server makes for itself. It comes and goes with the other ClusterIP.
const OF_THE_SERVER: &str = "10.96.0.1/32";

/// What a router would forward by.
pub(crate) fn table(router: &Router) -> Result<Table> {
    let mut table = Table::new();
    for (_, node) in NODES {
        for (prefix, route) in router.routes(node.into())? {
            if !route.stale {
                let hops = table.entry(prefix.to_string()).or_default();
                hops.insert(route.next_hop);
            }
        }
    }
    table.remove(OF_THE_SERVER);
    Ok(table)
}
