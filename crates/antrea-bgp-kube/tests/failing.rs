//! What comes in while the API server fails in every way there is. Routes depend on what is known,
//! so each test says what stays known.

mod support;

use std::time::Duration;

use antrea_bgp_api::{Kind, Object, ObjectRef};
use antrea_bgp_kube::Timing;
use antrea_bgp_kube::test_server::{Fault, Seen, TestServer, Verb};
use antrea_bgp_policy::SourceState::{Absent, Denied, Failing, Listing, Synced};
use serde_json::json;

use support::objects::{EGRESSES, NODES, SERVICES, create, delete, egress, node, patch, service};
use support::{Follower, eventually, timing};

async fn server() -> TestServer {
    TestServer::start().await.expect("loopback has free ports")
}

/// A server with Services, and somebody who knows them.
async fn following(names: &[&str], timing: Timing) -> (TestServer, Follower) {
    let server = server().await;
    for name in names {
        create(&server.client(), SERVICES, service(name)).await;
    }
    let mut follower = Follower::new(server.client(), timing, [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    (server, follower)
}

fn lists(server: &TestServer) -> Vec<Seen> {
    let mut seen = server.seen();
    seen.retain(|seen| {
        let streamed = seen.query.contains_key("sendInitialEvents");
        seen.verb == Verb::List || streamed
    });
    seen
}

#[tokio::test]
async fn a_client_can_be_made_for_tls() {
    let url = "https://127.0.0.1:1".parse().expect("a URL");
    let mut config = kube::Config::new(url);
    config.accept_invalid_certs = true;
    let client = antrea_bgp_kube::client(config).expect("a provider of cryptography is built in");
    let mut follower = Follower::new(client, timing(), [Kind::Node]);
    // Nobody is there; it is not the client that fails.
    follower.until_state(Kind::Node, Failing).await;
}

#[tokio::test]
async fn an_idle_node_holds_two_watches() {
    let server = server().await;
    let mut follower = Follower::new(server.client(), timing(), [Kind::BgpPolicy, Kind::Node]);
    follower.until_synced(Kind::BgpPolicy).await;
    follower.until_synced(Kind::Node).await;
    let open = server.open_watches();
    assert_eq!(
        open.into_iter().collect::<Vec<_>>(),
        [("bgppolicies".to_owned(), 1), ("nodes".to_owned(), 1)]
    );
    // Streaming lists: no request but those that stay open.
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_kind_that_is_not_wanted_any_more_costs_no_watch() {
    let (server, mut follower) = following(&["a"], timing()).await;
    follower.watch([]);
    eventually("the watch ends", || async {
        server.open_watches().is_empty().then_some(())
    })
    .await;
    assert_eq!(
        follower.cluster.statuses()[Kind::Service as usize]
            .state
            .to_string(),
        "unwatched"
    );
}

#[tokio::test]
async fn without_streaming_lists_all_comes_in_pages() {
    let server = server().await;
    server.set_streaming_lists(false);
    for name in ["a", "b", "c", "d", "e"] {
        create(&server.client(), SERVICES, service(name)).await;
    }
    let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    assert_eq!(follower.names(Kind::Service), ["a", "b", "c", "d", "e"]);
    assert_eq!(follower.states_of(Kind::Service), [Listing, Synced]);
    let pages = server.seen().into_iter().filter(|s| s.verb == Verb::List);
    assert_eq!(pages.count(), 3);
    create(&server.client(), SERVICES, service("f")).await;
    follower
        .until("f is there", |f| f.names(Kind::Service).contains(&"f"))
        .await;
}

#[tokio::test]
async fn a_server_that_ignores_streaming_lists_is_listed_in_pages() {
    let server = server().await;
    // No end mark ever comes.
    server.fail(Fault::silence().streaming_lists());
    create(&server.client(), SERVICES, service("a")).await;
    let quick = Timing {
        request: Duration::from_millis(200),
        ..timing()
    };
    let mut follower = Follower::new(server.client(), quick, [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    assert_eq!(follower.names(Kind::Service), ["a"]);
    assert_eq!(follower.states_of(Kind::Service), [Listing, Synced]);
}

#[tokio::test]
async fn a_server_whose_storage_cannot_stream_lists_is_listed_in_pages() {
    let server = server().await;
    let error = json!({ "type": "ERROR", "object": { "kind": "Status", "code": 500, "message":
        "a watch stream was requested by the client but the required storage feature \
         RequestWatchProgress is disabled" } });
    server.fail(Fault::body(format!("{error}\n")).streaming_lists());
    create(&server.client(), SERVICES, service("a")).await;
    let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    assert_eq!(follower.names(Kind::Service), ["a"]);
    // Nobody has to be told of that.
    assert_eq!(follower.states_of(Kind::Service), [Listing, Synced]);
}

#[tokio::test]
async fn where_streaming_lists_fail_for_an_unknown_reason_pages_are_tried() {
    for fault in [Fault::status(500), Fault::hang_up(), Fault::body("half")] {
        let server = server().await;
        server.fail(fault.streaming_lists());
        create(&server.client(), SERVICES, service("a")).await;
        let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
        follower.until_synced(Kind::Service).await;
        assert_eq!(follower.names(Kind::Service), ["a"]);
        create(&server.client(), SERVICES, service("b")).await;
        follower
            .until("b is there", |f| f.names(Kind::Service) == ["a", "b"])
            .await;
    }
}

#[tokio::test]
async fn a_continue_token_that_expired_starts_the_list_over() {
    let server = server().await;
    server.set_streaming_lists(false);
    for name in ["a", "b", "c"] {
        create(&server.client(), SERVICES, service(name)).await;
    }
    // The second page.
    server.fail(Fault::status(410).verb(Verb::List).after(1).times(1));
    let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    assert_eq!(follower.names(Kind::Service), ["a", "b", "c"]);
    assert_eq!(follower.relists[&Kind::Service], 1);
}

#[tokio::test]
async fn a_watch_that_ends_is_resumed_where_it_was() {
    let (server, mut follower) = following(&["a"], timing()).await;
    for end in [TestServer::end_watches, TestServer::cut_watches] {
        end(&server);
        let name = format!("s{}", server.seen().len());
        create(&server.client(), SERVICES, service(&name)).await;
        follower
            .until("the new one is there", |f| {
                f.names(Kind::Service).contains(&name.as_str())
            })
            .await;
    }
    assert_eq!(lists(&server).len(), 1);
    assert_eq!(follower.relists[&Kind::Service], 1);
    assert_eq!(follower.states_of(Kind::Service), [Listing, Synced]);
}

#[tokio::test]
async fn a_delete_that_a_broken_watch_lost_is_still_a_delete() {
    let (server, mut follower) = following(&["a", "b"], timing()).await;
    server.fail(Fault::hang_up().on(Kind::Service));
    server.cut_watches();
    follower.until_state(Kind::Service, Failing).await;
    assert_eq!(follower.names(Kind::Service), ["a", "b"]);

    server.mend();
    // What happens meanwhile is not in any history: the resumed watch gets 410.
    server.fail(Fault::hang_up().on(Kind::Service).verb(Verb::Watch));
    delete(&server.client(), SERVICES, "a").await;
    create(&server.client(), SERVICES, service("c")).await;
    server.compact();
    server.mend();
    follower
        .until("a is gone and c is there", |f| {
            f.names(Kind::Service) == ["b", "c"]
        })
        .await;
    assert_eq!(follower.relists[&Kind::Service], 2);
    follower.until_synced(Kind::Service).await;
}

#[tokio::test]
async fn bookmarks_save_a_quiet_kind_from_being_listed_again() {
    let server = server().await;
    server.set_bookmark_interval(Duration::from_millis(20));
    create(&server.client(), SERVICES, service("a")).await;
    let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    // Other kinds bring the server's version on, and its history is forgotten.
    for n in 0..10 {
        create(&server.client(), NODES, node(&format!("n{n}"))).await;
    }
    // Two bookmarks: the first may have been under way before.
    let received = || follower.cluster.statuses()[Kind::Service as usize].received;
    let before = received();
    eventually("bookmarks come", || async {
        (received() > before + 400).then_some(())
    })
    .await;
    server.compact();
    server.end_watches();
    create(&server.client(), SERVICES, service("b")).await;
    follower
        .until("b is there", |f| f.names(Kind::Service).contains(&"b"))
        .await;
    assert_eq!(follower.relists[&Kind::Service], 1);
}

#[tokio::test]
async fn whatever_fails_at_first_is_caught_up_with() {
    let faults = [
        ("500", Fault::status(500)),
        ("429", Fault::status_with_retry_after(429, 0)),
        ("503", Fault::status(503)),
        ("an expired token", Fault::status(401)),
        ("no answer", Fault::hang_up()),
        ("half a JSON", Fault::cut(60)),
        (
            "no JSON",
            Fault::body("<html>welcome to this proxy</html>\n"),
        ),
        ("another JSON", Fault::body("{\"kind\":\"Surprise\"}\n")),
    ];
    for (name, fault) in faults {
        for streaming in [true, false] {
            let server = server().await;
            server.set_streaming_lists(streaming);
            create(&server.client(), SERVICES, service("a")).await;
            server.fail(fault.clone().on(Kind::Service).times(2));
            let mut follower = Follower::new(server.client(), timing(), [Kind::Service]);
            follower.until_state(Kind::Service, Failing).await;
            let status = follower.cluster.statuses()[Kind::Service as usize].clone();
            assert!(status.detail.is_some(), "{name}: {status}");
            follower.until_synced(Kind::Service).await;
            assert_eq!(follower.names(Kind::Service), ["a"], "{name}");
            assert_eq!(
                follower.states_of(Kind::Service),
                [Listing, Failing, Synced]
            );
        }
    }
}

#[tokio::test]
async fn whatever_fails_later_leaves_what_is_known() {
    let faults = [
        Fault::status(500),
        Fault::status(429),
        Fault::status(401),
        Fault::status(403),
        Fault::hang_up(),
        Fault::cut(0),
        Fault::body("not JSON\n"),
    ];
    for fault in faults {
        let (server, mut follower) = following(&["a", "b"], timing()).await;
        server.fail(fault.on(Kind::Service));
        server.end_watches();
        follower
            .until("something is wrong", |f| {
                matches!(f.states[&Kind::Service], Failing | Denied)
            })
            .await;
        follower.idle(Duration::from_millis(200)).await;
        assert_eq!(follower.names(Kind::Service), ["a", "b"]);
        // It failed once and for all, and did not seem well again between two attempts.
        assert_eq!(follower.states_of(Kind::Service).len(), 3);
        server.mend();
        create(&server.client(), SERVICES, service("c")).await;
        follower
            .until("it has caught up", |f| {
                f.names(Kind::Service) == ["a", "b", "c"] && f.states[&Kind::Service] == Synced
            })
            .await;
    }
}

#[tokio::test]
async fn a_server_that_answers_too_slowly_is_a_failing_one() {
    let quick = Timing {
        request: Duration::from_millis(100),
        ..timing()
    };
    let (server, mut follower) = following(&["a"], quick).await;
    server.fail(Fault::delay(Duration::from_secs(3)).on(Kind::Service));
    server.end_watches();
    follower.until_state(Kind::Service, Failing).await;
    let status = follower.cluster.statuses()[Kind::Service as usize].clone();
    assert_eq!(status.detail.as_deref(), Some("no answer within 100ms"));
    server.mend();
    follower.until_synced(Kind::Service).await;
    assert_eq!(follower.names(Kind::Service), ["a"]);
}

#[tokio::test]
async fn a_connection_that_died_silently_is_noticed() {
    let alert = Timing {
        watch_idle: Duration::from_millis(150),
        ..timing()
    };
    let server = server().await;
    server.set_bookmark_interval(Duration::from_secs(3600));
    let mut follower = Follower::new(server.client(), alert, [Kind::Service]);
    follower.until_synced(Kind::Service).await;
    eventually("the watch is opened again", || async {
        (server.seen().len() >= 3).then_some(())
    })
    .await;
    assert_eq!(lists(&server).len(), 1);
    follower.idle(Duration::ZERO).await;
    assert_eq!(follower.relists[&Kind::Service], 1);
}

#[tokio::test]
async fn retry_after_is_kept_to() {
    let (server, mut follower) = following(
        &["a"],
        Timing {
            retry_longest: Duration::from_secs(30),
            ..timing()
        },
    )
    .await;
    server.fail(
        Fault::status_with_retry_after(429, 1)
            .on(Kind::Service)
            .times(1),
    );
    let before = server.seen().len();
    server.end_watches();
    let begin = tokio::time::Instant::now();
    follower.until_state(Kind::Service, Failing).await;
    follower.until_synced(Kind::Service).await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.seen().len() - before, 2);
}

#[tokio::test]
async fn a_missing_permission_hurts_one_kind_and_is_named() {
    let server = server().await;
    create(&server.client(), SERVICES, service("a")).await;
    create(&server.client(), EGRESSES, egress("e")).await;
    server.fail(Fault::status(403).on(Kind::Egress));
    let kinds = [Kind::Service, Kind::Egress];
    let mut follower = Follower::new(server.client(), timing(), kinds);
    follower.until_state(Kind::Egress, Denied).await;
    follower.until_synced(Kind::Service).await;
    let status = follower.cluster.statuses()[Kind::Egress as usize].clone();
    let rule = status.missing_rule.expect("a rule is missing");
    assert_eq!(
        rule.to_string(),
        "verbs [\"list\", \"watch\"] on resource \"egresses\" in apiGroup \"crd.antrea.io\", \
         in a ClusterRole"
    );
    // Granted: noticed without a restart.
    server.mend();
    follower.until_synced(Kind::Egress).await;
    assert_eq!(follower.names(Kind::Egress), ["e"]);
}

#[tokio::test]
async fn an_absent_crd_is_no_failure_and_is_noticed_when_it_appears() {
    let server = server().await;
    server.set_served(Kind::Egress, false);
    let mut follower = Follower::new(server.client(), timing(), [Kind::Egress]);
    follower.until_state(Kind::Egress, Absent).await;
    server.set_served(Kind::Egress, true);
    create(&server.client(), EGRESSES, egress("e")).await;
    follower
        .until("e is there", |f| f.names(Kind::Egress) == ["e"])
        .await;
    assert_eq!(follower.states_of(Kind::Egress), [Listing, Absent, Synced]);
}

#[tokio::test]
async fn a_crd_that_goes_takes_its_objects_along_but_not_at_the_first_404() {
    let server = server().await;
    create(&server.client(), EGRESSES, egress("e")).await;
    let mut follower = Follower::new(server.client(), timing(), [Kind::Egress]);
    follower.until_synced(Kind::Egress).await;

    // A server that starts and does not know its CRDs yet.
    server.fail(Fault::status(404).on(Kind::Egress).times(2));
    server.end_watches();
    follower.until_state(Kind::Egress, Failing).await;
    assert_eq!(follower.names(Kind::Egress), ["e"]);
    follower.until_synced(Kind::Egress).await;
    assert_eq!(follower.names(Kind::Egress), ["e"]);

    server.set_served(Kind::Egress, false);
    follower.until_state(Kind::Egress, Absent).await;
    assert!(follower.names(Kind::Egress).is_empty());
}

#[tokio::test]
async fn a_change_during_an_outage_is_caught_up_with_after_it() {
    let (server, mut follower) = following(&["a"], timing()).await;
    server.fail(Fault::hang_up().on(Kind::Service).verb(Verb::Watch));
    server.cut_watches();
    follower.until_state(Kind::Service, Failing).await;
    let other = json!({ "spec": { "externalIPs": ["192.0.2.81"] } });
    patch(&server.client(), SERVICES, "a", other).await;
    server.mend();
    let a = ObjectRef::namespaced(Kind::Service, "default", "a");
    follower
        .until("a has another address", |f| {
            matches!(f.objects.get(&a), Some(Object::Service(a))
                if a.spec.external_ips == ["192.0.2.81"])
        })
        .await;
    // Resumed, not listed: a short outage costs the API server nothing.
    assert_eq!(lists(&server).len(), 1);
}
