//! That the test server does what the tests of the agent rely on; a real one does the same.

mod support;

use http::Request;
use kube::Client;
use serde_json::{Value, json};

use support::objects::{EGRESSES, NODES, SERVICES, create, egress, get, node, patch, service};
use support::on_every_server;

/// Sends a request, and gives the status code and the answer.
async fn ask(client: &Client, method: &str, path: &str, kind: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .body(kube::client::Body::from(body.to_string().into_bytes()))
        .expect("the path is valid");
    let response = client.send(request).await.expect("the server is there");
    let code = response.status().as_u16();
    let body = response.into_body().collect_bytes().await;
    let body = body.expect("the answer is whole");
    (code, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

const JSON: &str = "application/json";

#[tokio::test]
async fn an_update_of_an_old_form_is_refused() {
    on_every_server(|client| async move {
        let old = create(&client, NODES, node("n")).await;
        let label = json!({ "metadata": { "labels": { "a": "b" } } });
        let new = patch(&client, NODES, "n", label).await;
        assert_ne!(
            old["metadata"]["resourceVersion"],
            new["metadata"]["resourceVersion"]
        );
        let path = format!("{NODES}/n");
        let (code, answer) = ask(&client, "PUT", &path, JSON, &old).await;
        assert_eq!((code, &answer["reason"]), (409, &json!("Conflict")));
        let (code, answer) = ask(&client, "PUT", &path, JSON, &new).await;
        assert_eq!(code, 200, "{answer}");
        assert_eq!(
            answer["metadata"]["resourceVersion"], new["metadata"]["resourceVersion"],
            "nothing has changed"
        );
    })
    .await;
}

#[tokio::test]
async fn the_status_of_a_custom_resource_is_changed_by_its_subresource_alone() {
    on_every_server(|client| async move {
        let mut with_status = egress("e");
        with_status["status"] = json!({ "egressIP": "192.0.2.1" });
        let created = create(&client, EGRESSES, with_status).await;
        assert!(created["status"].is_null());
        let change = json!({
            "metadata": { "labels": { "not": "taken" } },
            "spec": { "egressIP": "192.0.2.99" },
            "status": { "egressIP": "192.0.2.9", "egressNode": "node-a" },
        });
        patch(&client, EGRESSES, "e/status", change).await;
        let after = get(&client, &format!("{EGRESSES}/e")).await;
        assert_eq!(after["status"]["egressNode"], "node-a");
        assert_eq!(after["spec"]["egressIP"], "192.0.2.9");
        assert!(after["metadata"]["labels"].is_null());
        assert_eq!(after["metadata"]["generation"], 1);
    })
    .await;
}

#[tokio::test]
async fn apply_creates_and_then_changes() {
    on_every_server(|client| async move {
        let path = format!("{EGRESSES}/e?fieldManager=test");
        let apply = "application/apply-patch+yaml";
        let (code, answer) = ask(&client, "PATCH", &path, apply, &egress("e")).await;
        assert!(code == 200 || code == 201, "{answer}");
        let mut other = egress("e");
        other["spec"]["egressIP"] = json!("192.0.2.10");
        let (code, answer) = ask(&client, "PATCH", &path, apply, &other).await;
        assert_eq!(
            (code, &answer["spec"]["egressIP"]),
            (200, &json!("192.0.2.10"))
        );
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages_and_by_selectors() {
    on_every_server(|client| async move {
        for name in ["a", "b", "c"] {
            let mut service = service(name);
            service["metadata"]["labels"] = json!({ "name": name, "test": "yes" });
            create(&client, SERVICES, service).await;
        }
        let names = |list: &Value| -> Vec<String> {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let names = items.iter().filter_map(|i| i["metadata"]["name"].as_str());
            names.map(str::to_owned).collect()
        };
        let first = get(&client, &format!("{SERVICES}?labelSelector=test&limit=2")).await;
        assert_eq!(names(&first), ["a", "b"]);
        let token = first["metadata"]["continue"]
            .as_str()
            .expect("there is more");
        let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
        let path = format!("{SERVICES}?labelSelector=test&limit=2&continue={token}");
        let second = get(&client, &path).await;
        assert_eq!(names(&second), ["c"]);
        assert!(
            second["metadata"]["continue"]
                .as_str()
                .is_none_or(str::is_empty)
        );
        let some = get(&client, &format!("{SERVICES}?labelSelector=test,name!%3Db")).await;
        assert_eq!(names(&some), ["a", "c"]);
        let one = get(
            &client,
            &format!("{SERVICES}?fieldSelector=metadata.name%3Db"),
        )
        .await;
        assert_eq!(names(&one), ["b"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_and_what_is_there_already_is_said_so() {
    on_every_server(|client| async move {
        let path = format!("{NODES}/none");
        let (code, answer) = ask(&client, "GET", &path, JSON, &Value::Null).await;
        assert_eq!((code, &answer["reason"]), (404, &json!("NotFound")));
        create(&client, NODES, node("n")).await;
        let (code, answer) = ask(&client, "POST", NODES, JSON, &node("n")).await;
        assert_eq!((code, &answer["reason"]), (409, &json!("AlreadyExists")));
        let (code, _) = ask(
            &client,
            "GET",
            "/apis/none.example/v1/things",
            JSON,
            &Value::Null,
        )
        .await;
        assert_eq!(code, 404);
    })
    .await;
}
