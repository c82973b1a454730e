//! The command line: flags and commands are a contract, and `--help` is the manual.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::peer_name::PeerName;

/// Where `run` listens for `get` and `explain` unless told otherwise.
pub(crate) const DEFAULT_API_SOCKET: &str = "/run/antrea-bgp-agent/api.sock";

/// Advertises Kubernetes Service, Pod and Egress addresses to BGP peers, as BGPPolicy resources say.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 success; 1 the answer is no (check found errors, nothing is in effect, \
                  what `explain` was asked about is not advertised, `plan --diff` found a difference); 2 the command could not do its work (usage, files, the agent is not running)."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent on this node: in a cluster, or on a folder of manifests
    Run(RunArgs),
    /// Show what each node would advertise, without any BGP
    Plan(PlanArgs),
    /// Validate a folder of manifests; errors name file, line and field
    Check(CheckArgs),
    /// Ask a running agent for its policy, its peers or its routes
    #[command(subcommand)]
    Get(GetCommand),
    /// Say why an address, a Service or an Egress is advertised, or the first rule that stops it
    Explain(ExplainArgs),
    /// Show the log level of a running agent, or choose another until it ends
    LogLevel(LogLevelArgs),
    /// Print the CustomResourceDefinition of BGPPolicy as YAML
    Crd,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Read Nodes, Services, BGPPolicies and the rest from the YAML files in this folder, and
    /// follow its changes, in place of a cluster [default: the API server that KUBECONFIG names,
    /// else that of the cluster whose Pod this is]
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: Option<PathBuf>,

    /// The Node that this agent runs on; may be left out where the folder has exactly one
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    pub(crate) node: Option<String>,

    /// Listen for BGP on this address only; repeat for more [default: all addresses, IPv4 and IPv6]
    #[arg(long, value_name = "IP")]
    pub(crate) listen_address: Vec<IpAddr>,

    /// The Unix socket on which `get` and `explain` find this agent (created with mode 0660)
    #[arg(long, value_name = "PATH", default_value = DEFAULT_API_SOCKET)]
    pub(crate) api_socket: PathBuf,

    /// Where a folder-fed agent keeps the router ID that it chose
    /// [default: $XDG_STATE_HOME/antrea-bgp-agent, else /var/lib/antrea-bgp-agent]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Serve /metrics, /livez and /readyz over HTTP on this address
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9474", value_parser = http_address)]
    pub(crate) http_address: SocketAddr,

    /// Serve a status page at / on that address too: read-only, for people with a browser
    #[arg(long)]
    pub(crate) status_page: bool,

    /// How log lines are written to standard error; RUST_LOG chooses which
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// What SIGTERM does to the routes: `graceful` leaves them to graceful restart, `withdraw` takes
    /// them back, `auto` withdraws only from a node that is going away (unschedulable, being deleted
    /// or tainted out of service)
    #[arg(long, value_enum, default_value_t = ShutdownMode::Auto)]
    pub(crate) shutdown: ShutdownMode,
}

fn http_address(text: &str) -> Result<SocketAddr, String> {
    let without_port = text.parse::<IpAddr>().is_ok();
    text.parse().map_err(|_| match without_port {
        true if text.contains(':') => format!("the port is missing: write [{text}]:9474"),
        true => format!("the port is missing: write {text}:9474"),
        false => {
            "expected an IP address and a port, such as 127.0.0.1:9474 or [::1]:9474".to_owned()
        }
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShutdownMode {
    Auto,
    Graceful,
    Withdraw,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The folder of YAML files
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: PathBuf,

    /// This node only [default: every node in the folder]
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Table)]
    pub(crate) output: PlanOutput,

    /// Show only what the running agent would change if it read this folder; exit code 1 if there is
    /// anything
    #[arg(long)]
    pub(crate) diff: bool,

    /// The Unix socket of the agent to compare with
    #[arg(long, value_name = "PATH", default_value = DEFAULT_API_SOCKET, requires = "diff")]
    pub(crate) api_socket: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanOutput {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The folder of YAML files
    #[arg(long, value_name = "DIR")]
    pub(crate) manifests: PathBuf,

    /// Take unknown fields for errors
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GetCommand {
    /// Print the BGPPolicy in effect on this node
    #[command(name = "bgppolicy", visible_alias = "bgppolicies")]
    Policy(AskArgs),
    /// Print the BGP peers and the state of their sessions
    #[command(name = "bgppeers", visible_alias = "bgppeer")]
    Peers(PeersArgs),
    /// Print the advertised routes and what each is for
    #[command(name = "bgproutes", visible_alias = "bgproute")]
    Routes(RoutesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The Unix socket of the agent to ask
    #[arg(long, value_name = "PATH", default_value = DEFAULT_API_SOCKET)]
    pub(crate) api_socket: PathBuf,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,

    /// Stay, and print whatever changes, until interrupted
    #[arg(short, long)]
    pub(crate) watch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Wide,
    Json,
    Yaml,
}

#[derive(Debug, Args)]
pub(crate) struct FamilyArgs {
    /// IPv4 only
    #[arg(long, conflicts_with = "ipv6_only")]
    pub(crate) ipv4_only: bool,

    /// IPv6 only
    #[arg(long)]
    pub(crate) ipv6_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PeersArgs {
    /// One peer in full, by its address
    #[arg(conflicts_with_all = ["ipv4_only", "ipv6_only"])]
    pub(crate) peer: Option<PeerName>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) family: FamilyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RoutesArgs {
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) family: FamilyArgs,

    /// Routes of this type only
    #[arg(short = 'T', long = "type", value_name = "TYPE", value_parser = ROUTE_TYPES)]
    pub(crate) route_type: Option<String>,

    /// Routes for this peer only, and what has become of each there
    #[arg(long, value_name = "PEER")]
    pub(crate) peer: Option<PeerName>,
}

/// antctl's names of the route types.
pub(crate) const ROUTE_TYPES: [&str; 5] = [
    "EgressIP",
    "ServiceLoadBalancerIP",
    "ServiceExternalIP",
    "ServiceClusterIP",
    "NodeIPAMPodCIDR",
];

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// What to explain
    #[arg(value_name = "IP|PREFIX|service/NS/NAME|egress/NAME")]
    pub(crate) subject: String,

    #[command(flatten)]
    pub(crate) ask: ExplainAskArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainAskArgs {
    /// The Unix socket of the agent to ask
    #[arg(long, value_name = "PATH", default_value = DEFAULT_API_SOCKET)]
    pub(crate) api_socket: PathBuf,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Table)]
    pub(crate) output: PlanOutput,
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelArgs {
    /// A filter in the syntax of RUST_LOG, such as `debug` or `info,bgp_speaker=trace`; shows the one in use if left out
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// The Unix socket of the agent
    #[arg(long, value_name = "PATH", default_value = DEFAULT_API_SOCKET)]
    pub(crate) api_socket: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_http_address_without_a_port_is_named() {
        for (given, told) in [
            ("127.0.0.1", "write 127.0.0.1:9474"),
            ("::1", "write [::1]:9474"),
            ("localhost:80", "expected an IP address and a port"),
        ] {
            let why = http_address(given).unwrap_err();
            assert!(why.contains(told), "{why}");
        }
        assert!(http_address("[::1]:80").is_ok());
    }

    #[test]
    fn a_family_beside_one_peer_is_refused() {
        let refused =
            Cli::try_parse_from(["a", "get", "bgppeers", "192.0.2.1", "--ipv6-only"]).is_err();
        assert!(refused);
    }

    #[test]
    fn both_families_only_is_refused() {
        let refused =
            Cli::try_parse_from(["a", "get", "bgproutes", "--ipv4-only", "--ipv6-only"]).is_err();
        assert!(refused);
    }
}
