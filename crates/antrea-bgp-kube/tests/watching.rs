//! What comes in from a server that does as it should: the test server and, where there is one, a
//! real one.

mod support;

use std::time::Duration;

use antrea_bgp_api::{Kind, Object, ObjectRef};
use antrea_bgp_kube::Timing;
use antrea_bgp_policy::SourceState;
use serde_json::json;

use support::objects::{
    EGRESSES, NODES, POLICIES, SECRETS, SERVICES, SLICES, create, delete, egress, node, patch,
    policy, secret, service, slice,
};
use support::{Follower, eventually, on_every_server, timing};

#[tokio::test]
async fn what_is_there_comes_first_and_what_happens_follows() {
    on_every_server(|client| async move {
        create(&client, SERVICES, service("a")).await;
        create(&client, SERVICES, service("b")).await;
        let mut follower = Follower::new(client.clone(), timing(), [Kind::Service]);
        follower.until_synced(Kind::Service).await;
        let names = follower.names(Kind::Service);
        assert!(names.contains(&"a") && names.contains(&"b"), "{names:?}");
        assert_eq!(
            follower.states_of(Kind::Service),
            [SourceState::Listing, SourceState::Synced]
        );

        create(&client, SERVICES, service("c")).await;
        follower
            .until("c is there", |f| f.names(Kind::Service).contains(&"c"))
            .await;
        let other = json!({ "spec": { "externalIPs": ["192.0.2.81"] } });
        patch(&client, SERVICES, "a", other).await;
        follower
            .until("a has another address", |f| {
                let a = ObjectRef::namespaced(Kind::Service, "default", "a");
                let Some(Object::Service(a)) = f.objects.get(&a) else {
                    return false;
                };
                a.spec.external_ips == ["192.0.2.81"]
            })
            .await;
        delete(&client, SERVICES, "b").await;
        follower
            .until("b is gone", |f| !f.names(Kind::Service).contains(&"b"))
            .await;
        assert_eq!(follower.relists[&Kind::Service], 1);
    })
    .await;
}

#[tokio::test]
async fn of_nodes_only_the_own_one_comes_and_of_secrets_only_the_one() {
    on_every_server(|client| async move {
        for name in ["node-a", "node-b"] {
            create(&client, NODES, node(name)).await;
        }
        for name in ["antrea-bgp-passwords", "other"] {
            create(&client, SECRETS, secret(name, "cGFzc3dvcmQ=")).await;
        }
        let mut follower = Follower::new(client.clone(), timing(), [Kind::Node, Kind::Secret]);
        follower.until_synced(Kind::Node).await;
        follower.until_synced(Kind::Secret).await;
        assert_eq!(follower.names(Kind::Node), ["node-a"]);
        assert_eq!(follower.names(Kind::Secret), ["antrea-bgp-passwords"]);

        let label = json!({ "metadata": { "labels": { "bgp": "yes" } } });
        patch(&client, NODES, "node-b", label.clone()).await;
        patch(&client, NODES, "node-a", label).await;
        follower
            .until("the own node has a label", |f| {
                let own = ObjectRef::cluster(Kind::Node, "node-a");
                let Some(Object::Node(own)) = f.objects.get(&own) else {
                    return false;
                };
                own.metadata.labels.contains_key("bgp")
            })
            .await;
        assert_eq!(follower.names(Kind::Node), ["node-a"]);
        let own = follower.cluster.node().expect("the own node is there");
        assert!(own.metadata.labels.contains_key("bgp"));

        delete(&client, NODES, "node-a").await;
        follower
            .until("the own node is gone", |f| f.cluster.node().is_none())
            .await;
    })
    .await;
}

#[tokio::test]
async fn slices_that_are_headless_or_of_another_proxy_do_not_come() {
    on_every_server(|client| async move {
        let named = json!({ "kubernetes.io/service-name": "s" });
        create(&client, SLICES, slice("plain", &named)).await;
        let headless = json!({ "service.kubernetes.io/headless": "" });
        create(&client, SLICES, slice("headless", &headless)).await;
        let foreign = json!({ "service.kubernetes.io/service-proxy-name": "other" });
        create(&client, SLICES, slice("foreign", &foreign)).await;
        let mut follower = Follower::new(client.clone(), timing(), [Kind::EndpointSlice]);
        follower.until_synced(Kind::EndpointSlice).await;
        assert_eq!(own_slices(&follower), ["plain"]);

        // One that is handed over to another proxy is gone for us.
        let labels = json!({ "metadata": { "labels": foreign } });
        patch(&client, SLICES, "plain", labels).await;
        follower
            .until("none is left", |f| own_slices(f).is_empty())
            .await;
    })
    .await;
}

/// A real server has slices of its own Service too.
fn own_slices(follower: &Follower) -> Vec<&str> {
    let mut names = follower.names(Kind::EndpointSlice);
    names.retain(|name| *name != "kubernetes");
    names
}

#[tokio::test]
async fn one_object_that_cannot_be_decoded_stops_nothing() {
    on_every_server(|client| async move {
        let mut bad = policy("bad");
        bad["spec"]["localASN"] = json!("many");
        create(&client, POLICIES, bad).await;
        create(&client, POLICIES, policy("good")).await;
        let mut bad_egress = egress("bad");
        bad_egress["spec"]["egressIP"] = json!(["not", "one"]);
        create(&client, EGRESSES, bad_egress).await;
        let kinds = [Kind::BgpPolicy, Kind::Egress];
        let mut follower = Follower::new(client.clone(), timing(), kinds);
        follower.until_synced(Kind::BgpPolicy).await;
        follower.until_synced(Kind::Egress).await;
        assert_eq!(follower.names(Kind::BgpPolicy), ["good"]);
        let bad = ObjectRef::cluster(Kind::BgpPolicy, "bad");
        assert!(
            follower.invalid[&bad].starts_with("spec.localASN: "),
            "{:?}",
            follower.invalid
        );

        // The same while watching; and the watch goes on.
        let many = json!({ "spec": { "localASN": "many" } });
        patch(&client, POLICIES, "good", many).await;
        create(&client, POLICIES, policy("later")).await;
        patch(
            &client,
            POLICIES,
            "bad",
            json!({ "spec": { "localASN": 1 } }),
        )
        .await;
        let good = ObjectRef::cluster(Kind::BgpPolicy, "good");
        follower
            .until("good is bad, bad is good, and later is there", |f| {
                let names = f.names(Kind::BgpPolicy);
                f.invalid.contains_key(&good) && names.contains(&"later") && names.contains(&"bad")
            })
            .await;
        assert_eq!(follower.relists[&Kind::BgpPolicy], 1);
        assert_eq!(follower.states[&Kind::Egress], SourceState::Synced);
    })
    .await;
}

#[tokio::test]
async fn kinds_come_and_go_while_the_others_stay() {
    on_every_server(|client| async move {
        create(&client, SERVICES, service("a")).await;
        create(&client, NODES, node("node-a")).await;
        let mut follower = Follower::new(client.clone(), timing(), [Kind::Node]);
        follower.until_synced(Kind::Node).await;
        assert!(follower.names(Kind::Service).is_empty());

        follower.watch([Kind::Node, Kind::Service]);
        follower.until_synced(Kind::Service).await;
        assert!(follower.names(Kind::Service).contains(&"a"));

        follower.watch([Kind::Node]);
        create(&client, SERVICES, service("b")).await;
        let label = json!({ "metadata": { "labels": { "bgp": "yes" } } });
        patch(&client, NODES, "node-a", label).await;
        follower
            .until("the node has changed", |f| {
                let own = ObjectRef::cluster(Kind::Node, "node-a");
                matches!(f.objects.get(&own), Some(Object::Node(node))
                    if node.metadata.labels.contains_key("bgp"))
            })
            .await;
        assert!(follower.names(Kind::Service).is_empty());

        follower.watch([Kind::Node, Kind::Service]);
        follower.until_synced(Kind::Service).await;
        assert!(follower.names(Kind::Service).contains(&"b"));
        assert_eq!(follower.relists[&Kind::Node], 1);
        assert_eq!(follower.relists[&Kind::Service], 2);
    })
    .await;
}

#[tokio::test]
async fn what_an_earlier_watch_has_left_behind_is_not_heard() {
    on_every_server(|client| async move {
        create(&client, SERVICES, service("a")).await;
        let mut follower = Follower::new(client.clone(), timing(), [Kind::Service]);
        // It is all there, and nobody looks.
        eventually("all is listed", || async {
            let statuses = follower.cluster.statuses();
            (statuses[Kind::Service as usize].state == SourceState::Synced).then_some(())
        })
        .await;
        follower.watch([]);
        create(&client, SERVICES, service("b")).await;
        follower.watch([Kind::Service]);
        follower.until_synced(Kind::Service).await;
        let names = follower.names(Kind::Service);
        assert!(names.contains(&"a") && names.contains(&"b"), "{names:?}");
        assert_eq!(
            follower.states_of(Kind::Service),
            [SourceState::Listing, SourceState::Synced]
        );
        assert_eq!(follower.relists[&Kind::Service], 1);
    })
    .await;
}

#[tokio::test]
async fn a_watch_is_renewed_when_its_time_is_over() {
    on_every_server(|client| async move {
        let short = Timing {
            watch_lifetime: Duration::from_secs(1),
            ..timing()
        };
        create(&client, SERVICES, service("a")).await;
        let mut follower = Follower::new(client.clone(), short, [Kind::Service]);
        follower.until_synced(Kind::Service).await;
        follower.idle(Duration::from_millis(4500)).await;
        let status = follower.cluster.statuses()[Kind::Service as usize].clone();
        assert!((3..8).contains(&status.watches), "{}", status.watches);
        create(&client, SERVICES, service("b")).await;
        follower
            .until("b is there", |f| f.names(Kind::Service).contains(&"b"))
            .await;
        assert_eq!(follower.relists[&Kind::Service], 1);
        assert_eq!(
            follower.states_of(Kind::Service),
            [SourceState::Listing, SourceState::Synced]
        );
    })
    .await;
}
