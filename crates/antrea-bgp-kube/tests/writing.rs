//! What is written: the router ID and Events.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use antrea_bgp_api::{Kind, ObjectRef, ROUTER_ID_ANNOTATION};
use antrea_bgp_kube::test_server::{Fault, TestServer, Verb};
use antrea_bgp_kube::{Cluster, Event, EventType, Timing};
use kube::Client;
use serde_json::{Value, json};

use support::objects::{EVENTS, NODES, POLICIES, create, get, node, policy};
use support::{Follower, NODE, config, eventually, on_every_server, timing};

const ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

async fn annotation(client: &Client) -> Option<String> {
    let node = get(client, &format!("{NODES}/{NODE}")).await;
    let value = &node["metadata"]["annotations"][ROUTER_ID_ANNOTATION];
    value.as_str().map(str::to_owned)
}

async fn until_written(client: &Client, id: Ipv4Addr) {
    eventually("the router ID is written", || async {
        (annotation(client).await == Some(id.to_string())).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_router_id_is_written_beside_what_the_node_has() {
    on_every_server(|client| async move {
        let mut own = node(NODE);
        own["metadata"]["annotations"] = json!({ "other": "stays" });
        own["metadata"]["labels"] = json!({ "bgp": "yes" });
        create(&client, NODES, own).await;
        let cluster = Cluster::new(client.clone(), config(timing()));
        cluster.write_router_id(ID);
        until_written(&client, ID).await;
        let node = get(&client, &format!("{NODES}/{NODE}")).await;
        assert_eq!(node["metadata"]["annotations"]["other"], "stays");
        assert_eq!(node["metadata"]["labels"]["bgp"], "yes");
        cluster.write_router_id(OTHER);
        until_written(&client, OTHER).await;
    })
    .await;
}

async fn server_with_node() -> TestServer {
    let server = TestServer::start().await.expect("loopback has free ports");
    create(&server.client(), NODES, node(NODE)).await;
    server
}

#[tokio::test]
async fn writing_the_router_id_is_tried_until_it_succeeds() {
    for fault in [
        Fault::status(500),
        Fault::status(409),
        Fault::status(401),
        Fault::hang_up(),
    ] {
        let server = server_with_node().await;
        server.fail(fault.verb(Verb::Patch).times(3));
        let cluster = Cluster::new(server.client(), config(timing()));
        cluster.write_router_id(ID);
        eventually("the failure shows", || async {
            cluster.router_id_status().error
        })
        .await;
        until_written(&server.client(), ID).await;
        eventually("the failure is over", || async {
            (!cluster.router_id_status().pending).then_some(())
        })
        .await;
        assert_eq!(cluster.router_id_status().error, None);
        let patches = server.seen().into_iter().filter(|s| s.verb == Verb::Patch);
        assert_eq!(patches.count(), 4);
    }
}

#[tokio::test]
async fn the_newest_router_id_wins() {
    let server = server_with_node().await;
    server.fail(Fault::status(500).verb(Verb::Patch));
    let patient = Timing {
        retry_first: Duration::from_secs(3600),
        retry_longest: Duration::from_secs(3600),
        ..timing()
    };
    let cluster = Cluster::new(server.client(), config(patient));
    cluster.write_router_id(ID);
    eventually("the failure shows", || async {
        cluster.router_id_status().error
    })
    .await;
    server.mend();
    // It does not wait for the hour to pass either.
    cluster.write_router_id(OTHER);
    until_written(&server.client(), OTHER).await;
    let patches = server.seen().into_iter().filter(|s| s.verb == Verb::Patch);
    assert_eq!(patches.count(), 2);
}

#[tokio::test]
async fn a_missing_permission_to_write_the_router_id_is_named() {
    let server = server_with_node().await;
    server.fail(Fault::status(403).verb(Verb::Patch));
    let cluster = Cluster::new(server.client(), config(timing()));
    cluster.write_router_id(ID);
    let rule = eventually("the rule is named", || async {
        cluster.router_id_status().missing_rule
    })
    .await;
    assert_eq!(
        rule.to_string(),
        "verbs [\"patch\"] on resource \"nodes/status\" in apiGroup \"\", in a ClusterRole"
    );
    server.mend();
    until_written(&server.client(), ID).await;
}

// ---- Events ----

async fn events(client: &Client) -> Vec<Value> {
    let list = get(client, EVENTS).await;
    let mut items = list["items"].as_array().cloned().unwrap_or_default();
    items.retain(|event| event["reportingController"] == "antrea-bgp-agent");
    items
}

async fn until_events(client: &Client, what: &str, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    eventually(what, || async {
        let events = events(client).await;
        is_so(&events).then_some(events)
    })
    .await
}

fn peer_down() -> Event {
    Event::node(
        NODE,
        EventType::Warning,
        "PeerDown",
        "192.0.2.7: hold timer expired",
    )
}

fn bad_policy() -> Event {
    Event {
        object: ObjectRef::cluster(Kind::BgpPolicy, "edge"),
        event_type: EventType::Warning,
        reason: "InvalidElement".to_owned(),
        note: "spec.bgpPeers[0].address: not an IP address".to_owned(),
    }
}

#[tokio::test]
async fn an_event_is_found_where_people_look_for_it() {
    on_every_server(|client| async move {
        let own = create(&client, NODES, node(NODE)).await;
        let edge = create(&client, POLICIES, policy("edge")).await;
        let kinds = [Kind::Node, Kind::BgpPolicy];
        let mut follower = Follower::new(client.clone(), timing(), kinds);
        follower.until_synced(Kind::Node).await;
        follower.until_synced(Kind::BgpPolicy).await;
        let events = follower.cluster.events();
        events.publish(peer_down());
        events.publish(bad_policy());
        let written = until_events(&client, "both are written", |e| e.len() == 2).await;
        let about = |kind: &str| {
            let event = written.iter().find(|e| e["regarding"]["kind"] == kind);
            event
                .unwrap_or_else(|| panic!("none about a {kind}"))
                .clone()
        };
        let (down, bad) = (about("Node"), about("BGPPolicy"));
        assert_eq!(down["regarding"]["uid"], own["metadata"]["uid"]);
        assert_eq!(down["regarding"]["name"], NODE);
        assert_eq!(down["reason"], "PeerDown");
        assert_eq!(down["type"], "Warning");
        assert_eq!(down["note"], "192.0.2.7: hold timer expired");
        assert_eq!(down["reportingInstance"], NODE);
        assert_eq!(bad["regarding"]["uid"], edge["metadata"]["uid"]);
        assert_eq!(bad["regarding"]["apiVersion"], "crd.antrea.io/v1alpha1");
        assert_eq!(events.counts().written, 2);
    })
    .await;
}

#[tokio::test]
async fn what_repeats_is_counted_in_one_event() {
    on_every_server(|client| async move {
        let cluster = Cluster::new(client.clone(), config(timing()));
        let events = cluster.events();
        for _ in 0..50 {
            events.publish(peer_down());
        }
        let written = until_events(&client, "all are counted", |events| {
            events.first().is_some_and(|e| e["series"]["count"] == 50)
        })
        .await;
        assert_eq!(written.len(), 1);
        assert_eq!((events.counts().written, events.counts().repeated), (1, 49));
    })
    .await;
}

#[tokio::test]
async fn a_flapping_peer_makes_few_events() {
    let server = server_with_node().await;
    let cluster = Cluster::new(server.client(), config(timing()));
    let events = cluster.events();
    for n in 0..100 {
        let note = format!("192.0.2.7: down for the {n}th time");
        events.publish(Event::node(NODE, EventType::Warning, "PeerDown", note));
        tokio::task::yield_now().await;
    }
    eventually("all were looked at", || async {
        let counts = events.counts();
        (counts.written + counts.limited == 100).then_some(())
    })
    .await;
    assert_eq!(events.counts().written, 3);
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|s| s.verb == Verb::Create)
            .count()
            - 1,
        3
    );
}

#[tokio::test]
async fn what_all_agents_see_is_written_once() {
    let server = server_with_node().await;
    let clusters: Vec<_> = (0..5_u64)
        .map(|n| {
            let mut config = config(timing());
            config.node = format!("node-{n}");
            config.seed = n;
            Cluster::new(server.client(), config)
        })
        .collect();
    for cluster in &clusters {
        cluster.events().publish(bad_policy());
        cluster.events().publish(bad_policy());
    }
    for cluster in &clusters {
        eventually("it is written by somebody", || async {
            (cluster.events().counts().written == 1).then_some(())
        })
        .await;
    }
    // Again, after it was written: nobody counts.
    for cluster in &clusters {
        cluster.events().publish(bad_policy());
    }
    tokio::time::sleep(3 * timing().event_update).await;
    assert_eq!(events(&server.client()).await.len(), 1);
    let patches = server.seen().into_iter().filter(|s| s.verb == Verb::Patch);
    assert_eq!(patches.count(), 0);
}

#[tokio::test]
async fn an_api_server_that_is_away_delays_events_and_nobody_else() {
    let server = server_with_node().await;
    server.fail(Fault::hang_up());
    let cluster = Cluster::new(server.client(), config(timing()));
    let events = cluster.events();
    events.publish(peer_down());
    tokio::time::sleep(Duration::from_millis(100)).await;
    // More than can wait: publishing does not, and what is lost is counted.
    for n in 0..2000 {
        let reason = format!("Reason{n}");
        events.publish(Event::node(NODE, EventType::Normal, reason, ""));
    }
    assert!(events.counts().lost > 0);
    server.mend();
    until_events(&server.client(), "the first one is written", |events| {
        events.iter().any(|e| e["reason"] == "PeerDown")
    })
    .await;
}

#[tokio::test]
async fn however_often_an_event_cannot_be_written_it_is_in_the_end() {
    let server = server_with_node().await;
    server.fail(Fault::hang_up());
    let cluster = Cluster::new(server.client(), config(timing()));
    cluster.events().publish(peer_down());
    // A minute without an API server is about eight attempts, with the default pauses.
    eventually("it is tried often", || async {
        let tried = server.seen().into_iter().filter(|s| s.verb == Verb::Create);
        (tried.count() > 20).then_some(())
    })
    .await;
    assert_eq!(cluster.events().counts().lost, 0);
    server.mend();
    until_events(&server.client(), "it is written", |events| {
        events.iter().any(|e| e["reason"] == "PeerDown")
    })
    .await;
}

#[tokio::test]
async fn an_event_that_expired_is_written_anew_when_it_happens_again() {
    let server = server_with_node().await;
    let client = server.client();
    let cluster = Cluster::new(client.clone(), config(timing()));
    cluster.events().publish(peer_down());
    let written = until_events(&client, "it is written", |e| e.len() == 1).await;
    let name = written[0]["metadata"]["name"].as_str().expect("a name");
    support::objects::delete(&client, EVENTS, name).await;
    // This one finds that its series is gone; the next one starts another.
    cluster.events().publish(peer_down());
    eventually("the loss is noticed", || async {
        (cluster.events().counts().lost == 1).then_some(())
    })
    .await;
    cluster.events().publish(peer_down());
    until_events(&client, "it is there again", |e| e.len() == 1).await;
}
