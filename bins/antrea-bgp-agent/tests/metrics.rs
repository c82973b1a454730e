//! What Prometheus is told, and that it understands.

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;

use common::running::{PORT, Peer, Running, address, eventually, http, probe_as};
use common::{Folder, node, policy, tool};
use serde_json::Value;

/// What Prometheus asks for: OpenMetrics rather than the older text.
const PROMETHEUS: &str =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";

/// A policy that advertises Pod CIDRs to this peer, or to nobody.
fn edge(peer: Option<Ipv4Addr>) -> String {
    let peers = peer
        .map(|it| format!("{{ address: {it}, asn: 65001, port: {PORT}, connectRetrySeconds: 2 }}"))
        .unwrap_or_default();
    policy(
        "edge",
        &format!("  listenPort: {PORT}\n  advertisements: {{ pod: {{}} }}\n  bgpPeers: [{peers}]"),
    )
}

fn folder(peer: Ipv4Addr) -> Folder {
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge(Some(peer)));
    folder
}

/// The value of the series whose line begins like this.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let rest = metrics.lines().find_map(|line| line.strip_prefix(series))?;
    rest.trim().parse().ok()
}

#[test]
fn metrics_name_the_policy_the_routes_and_the_peers() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let folder = folder(peer);
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    let metrics = || agent.probe(here, "/metrics").1;
    let labels = format!("peer=\"{peer}\",asn=\"65001\"");
    let series = [
        "antrea_agent_bgp_effective_policy{policy=\"edge\"} 1".to_owned(),
        "antrea_agent_bgp_configured_peers 1".to_owned(),
        "antrea_agent_bgp_advertised_routes{type=\"NodeIPAMPodCIDR\"} 1".to_owned(),
        "antrea_agent_bgp_table_routes{family=\"ipv4-unicast\"} 1".to_owned(),
        format!("antrea_agent_bgp_peer_up{{{labels}}} 1"),
    ];
    for series in &series {
        eventually(series, || metrics().lines().any(|line| line == series));
    }
    assert_eq!(agent.probe(here, "/livez"), (200, "ok".to_owned()));
    assert_eq!(agent.probe(here, "/readyz").0, 200);

    let open = agent.probe_as(here, "/metrics", PROMETHEUS);
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(open.contains("\n# TYPE antrea_agent_bgp_peer_flaps counter\n"));
    assert!(open.ends_with("# EOF\n"));
    let classic = agent.probe_as(
        here,
        "/metrics",
        "application/openmetrics-text;q=0,text/plain",
    );
    assert!(classic.contains("content-type: text/plain; version=0.0.4"));
    assert!(classic.contains("\n# TYPE antrea_agent_bgp_peer_flaps_total counter\n"));

    folder.write("policy.yaml", &edge(None));
    eventually("the removed peer's series go", || {
        !metrics().contains(&peer.to_string())
    });
}

#[test]
fn the_last_error_and_the_last_notification_of_a_peer_have_a_time_and_a_cause() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let folder = folder(peer);
    let agent = Running::start(&folder, here, &[]);
    let metrics = || agent.probe(here, "/metrics").1;
    let labels = format!("peer=\"{peer}\",asn=\"65001\"");
    let error = |cause: &str| {
        let name = "antrea_agent_bgp_peer_last_error_timestamp_seconds";
        value(&metrics(), &format!("{name}{{{labels},cause=\"{cause}\"}}"))
    };
    eventually("nobody listens", || error("connection-refused").is_some());

    let receiver = Peer::start(peer, here);
    receiver.expect_routes(&["10.244.1.0/24"]);
    receiver.leave("for good");
    eventually("the end", || error("notification-received").is_some());
    let name = "antrea_agent_bgp_peer_last_notification_timestamp_seconds";
    let received = format!("{name}{{{labels},direction=\"received\",code=\"6\",subcode=\"2\"}}");
    let at = value(&metrics(), &received).expect("it was received");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("now");
    assert!((now.as_secs_f64() - at).abs() < 60.0, "{at}");
}

#[test]
fn the_time_from_an_event_to_the_wire_is_a_histogram() {
    let (here, peer) = (address(3, 0), address(3, 1));
    let folder = folder(peer);
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    let figure = |suffix: &str, first: &str| {
        let (_, metrics) = agent.probe(here, "/metrics");
        let series = format!(
            "antrea_agent_bgp_event_to_wire_seconds_{suffix}{{{first}peer=\"{peer}\",asn=\"65001\"}}"
        );
        value(&metrics, &series).unwrap_or_else(|| panic!("no {series} in {metrics}"))
    };
    let before = figure("count", "");
    let moved = node("node-a", 1).replace("10.244.1.0/24", "10.244.2.0/24");
    folder.write("all.yaml", &moved);
    receiver.expect_routes(&["10.244.2.0/24"]);
    eventually("the change is counted", || figure("count", "") > before);
    let count = figure("count", "");
    assert!(figure("sum", "") > 0.0);
    assert_eq!(figure("bucket", "le=\"+Inf\","), count);
    assert!(figure("bucket", "le=\"0.00025\",") <= figure("bucket", "le=\"10.0\","));
}

#[test]
fn policies_that_are_ignored_are_named_with_the_reason() {
    let here = address(4, 0);
    let folder = folder(address(4, 1));
    let young = edge(None).replace("name: edge", "name: young");
    let created = |text: &str, year: u32| {
        let time = format!("creationTimestamp: \"{year}-01-01T00:00:00Z\"");
        text.replace("metadata: { ", &format!("metadata: {{ {time}, "))
    };
    folder.write("policy.yaml", &created(&edge(None), 2025));
    folder.write("young.yaml", &created(&young, 2026));
    let broken = young.replace("name: young", "name: broken");
    folder.write("broken.yaml", &broken.replace("64512", "0"));
    let elsewhere = broken.replace("name: broken", "name: elsewhere");
    let elsewhere = elsewhere.replace(
        "matchLabels: { bgp: enabled }",
        "matchLabels: { rack: far }",
    );
    assert!(elsewhere.contains("rack: far"), "{elsewhere}");
    folder.write("elsewhere.yaml", &elsewhere.replace("64512", "0"));
    let agent = Running::start(&folder, here, &[]);
    let ignored = |policy: &str, reason: &str| {
        let (_, metrics) = agent.probe(here, "/metrics");
        let name = "antrea_agent_bgp_ignored_policy";
        value(
            &metrics,
            &format!("{name}{{policy=\"{policy}\",reason=\"{reason}\"}}"),
        )
    };
    assert_eq!(ignored("young", "younger"), Some(1.0));
    assert_eq!(ignored("broken", "invalid"), Some(1.0));
    assert_eq!(
        ignored("elsewhere", "invalid"),
        None,
        "it is for other nodes"
    );
    assert_eq!(ignored("edge", "last-good"), None);
    let edited = created(&edge(None), 2025).replace("64512", "0");
    folder.write("policy.yaml", &edited);
    eventually("the last good form stays", || {
        ignored("edge", "last-good") == Some(1.0)
    });
    assert_eq!(ignored("edge", "invalid"), None);
}

#[test]
fn the_process_has_the_figures_that_every_exporter_has() {
    let here = address(5, 0);
    let folder = Folder::with(&node("node-a", 1));
    let agent = Running::start(&folder, here, &[]);
    let (_, metrics) = agent.probe(here, "/metrics");
    let figure =
        |name: &str| value(&metrics, &format!("{name} ")).unwrap_or_else(|| panic!("{name}"));
    assert!(figure("process_resident_memory_bytes") > 1e6);
    assert!(figure("process_virtual_memory_bytes") >= figure("process_resident_memory_bytes"));
    assert!(figure("process_open_fds") > 5.0);
    assert!(figure("process_max_fds") > figure("process_open_fds"));
    assert!(figure("process_threads") >= 1.0);
    assert!(figure("process_cpu_seconds_total") >= 0.0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("now");
    let age = now.as_secs_f64() - figure("process_start_time_seconds");
    assert!((-2.0..120.0).contains(&age), "{age}");
    assert!(metrics.contains("antrea_agent_bgp_build_info{version=\""));
}

/// `promtool check metrics`, of Debian's package prometheus, finds nothing to say about the text.
#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let (here, peer) = (address(6, 0), address(6, 1));
    let folder = folder(peer);
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    receiver.leave("for a check");
    let metrics = || agent.probe(here, "/metrics").1;
    eventually("every metric has a series", || {
        metrics().contains("last_notification_timestamp_seconds{")
    });
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]);
    // The body comes without its last line end.
    if let Some(output) = tool::run(&mut promtool, "prometheus", &format!("{}\n", metrics())) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}

/// A Prometheus, ended with the value.
struct Prometheus {
    child: Child,
    address: Ipv4Addr,
    _files: tempfile::TempDir,
}

impl Prometheus {
    /// One that scrapes these targets, each as a job of its own. `None` where it is not installed.
    fn start(address: Ipv4Addr, targets: &[(&str, SocketAddr)]) -> Option<Self> {
        let files = tempfile::tempdir().expect("a folder");
        let jobs: String = targets
            .iter()
            .map(|(job, target)| {
                format!(
                    "  - job_name: {job}\n    static_configs: [{{ targets: [\"{target}\"] }}]\n"
                )
            })
            .collect();
        let config = format!("global: {{ scrape_interval: 1s }}\nscrape_configs:\n{jobs}");
        let file = files.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("the folder can be written");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                files.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}:9090"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self {
                child,
                address,
                _files: files,
            }),
            Err(error) => {
                tool::missing("prometheus", "prometheus", &error);
                None
            }
        }
    }

    /// The values of a query, by job; none while Prometheus does not answer.
    fn query(&self, query: &str) -> Vec<(String, String)> {
        let Ok(stream) = std::net::TcpStream::connect((self.address, 9090)) else {
            return Vec::new();
        };
        let path = format!("/api/v1/query?query={query}");
        let (_, body) = http(stream, "GET", &path, "");
        // Chunks of a longer answer have their lengths between them.
        let json = body.find('{').zip(body.rfind('}'));
        let json = json.and_then(|(from, to)| serde_json::from_str::<Value>(&body[from..=to]).ok());
        let results = json.unwrap_or_default()["data"]["result"].take();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let results = results.as_array().into_iter().flatten();
        let mut values: Vec<_> = results
            .map(|it| (text(&it["metric"]["job"]), text(&it["value"][1])))
            .collect();
        values.sort();
        values
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stands between Prometheus, which would ask for OpenMetrics, and an agent: it asks for the older
/// text. Ends with the test's process.
fn classic_only(listen: Ipv4Addr, agent: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((listen, 9474)).expect("the address is ours");
    let local = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request = BufReader::new(&stream).lines().map_while(Result::ok);
            // Up to the empty line that ends the head.
            request.take_while(|line| !line.is_empty()).for_each(drop);
            let answer = probe_as(agent, "/metrics", "text/plain;version=0.0.4");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    local
}

#[test]
fn a_real_prometheus_scrapes_both_formats() {
    let (here, peer, proxy, prometheus) =
        (address(7, 0), address(7, 1), address(7, 2), address(7, 3));
    let folder = folder(peer);
    let receiver = Peer::start(peer, here);
    let _agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    let classic = classic_only(proxy, here);
    let open = SocketAddr::new(here.into(), 9474);
    let Some(prometheus) = Prometheus::start(prometheus, &[("open", open), ("classic", classic)])
    else {
        return;
    };
    let both = |value: &str| {
        let jobs = ["classic", "open"].into_iter();
        let values = jobs.map(|job| (job.to_owned(), value.to_owned()));
        values.collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("up", "1"),
        ("antrea_agent_bgp_peer_up", "1"),
        (
            "antrea_agent_bgp_messages_total{type=\"open\",direction=\"sent\"}",
            "1",
        ),
        (
            "antrea_agent_bgp_event_to_wire_seconds_bucket{le=\"%2BInf\"}>=bool 0",
            "1",
        ),
        // Nothing that was written was thrown away.
        (
            "scrape_samples_scraped==bool scrape_samples_post_metric_relabeling",
            "1",
        ),
    ] {
        let encoded = query.replace('"', "%22").replace(' ', "%20");
        eventually(query, || prometheus.query(&encoded) == both(expected));
    }
    let samples = prometheus.query("scrape_samples_scraped");
    assert_eq!(samples.len(), 2);
    assert_eq!(
        samples[0].1, samples[1].1,
        "both forms have the same samples"
    );
}
