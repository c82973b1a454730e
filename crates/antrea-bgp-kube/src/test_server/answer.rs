//! From a request to an answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::fault::Action;
use super::route::{Route, Verb};
use super::selector::Selection;
use super::store::{Key, Refusal, Store};
use super::{Shared, lock, watch};

/// The body of an answer, in pieces.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    /// Octets that may still pass, where the answer is to break off.
    left: Option<usize>,
}

/// Where the pieces come from.
pub(super) type Sender = mpsc::Sender<io::Result<Bytes>>;

impl Pieces {
    pub(super) fn new() -> (Sender, Self) {
        let (sender, pieces) = mpsc::channel(64);
        (sender, Self { pieces, left: None })
    }

    fn whole(body: impl Into<Bytes>) -> Self {
        let (sender, pieces) = Self::new();
        // A new channel has room.
        let _ = sender.try_send(Ok(body.into()));
        pieces
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == Some(0) {
            return Poll::Ready(Some(Err(io::Error::other("cut, as told"))));
        }
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        let Some(Ok(mut data)) = piece else {
            return Poll::Ready(piece.map(|piece| piece.map(Frame::data)));
        };
        if let Some(left) = &mut self.left {
            data.truncate(*left);
            *left -= data.len();
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<Pieces>> {
    let (head, body) = request.into_parts();
    let route = Route::of(&head.method, head.uri.path(), head.uri.query());
    let Some(route) = route else {
        return Ok(text(404, "404 page not found\n"));
    };
    lock(&shared.seen).push(route.seen());
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let apply = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value == "application/apply-patch+yaml");
    let fault = lock(&shared.faults).take(&route);
    let mut cut = None;
    match fault {
        None => {}
        Some(Action::Status { code, retry_after }) => return Ok(status(code, retry_after)),
        Some(Action::HangUp) => return Err(io::Error::other("hung up, as told")),
        Some(Action::Delay(by)) => tokio::time::sleep(by).await,
        Some(Action::Cut { after }) => cut = Some(after),
        Some(Action::Body(body)) => return Ok(text(200, body)),
        Some(Action::Silence) => {
            let (open, pieces) = Pieces::new();
            tokio::spawn(async move { open.closed().await });
            return Ok(streaming(pieces));
        }
    }
    let unserved = lock(&shared.options).unserved.clone();
    if route
        .resource
        .kind
        .is_some_and(|kind| unserved.contains(&kind))
    {
        return Ok(text(404, "404 page not found\n"));
    }
    let mut response = match route.verb {
        Verb::Watch => watch::open(&shared, &route),
        _ => handle(&shared, &route, &body, apply),
    }
    .unwrap_or_else(refused);
    response.body_mut().left = cut;
    Ok(response)
}

fn handle(
    shared: &Shared,
    route: &Route,
    body: &[u8],
    apply: bool,
) -> Result<Response<Pieces>, Refusal> {
    let parse = || -> Result<Value, Refusal> {
        serde_json::from_slice(body).map_err(|e| (400, "BadRequest", e.to_string()))
    };
    let mut store = lock(&shared.store);
    let answer = match route.verb {
        Verb::Get => (*store.get(route)?).clone(),
        Verb::List => list(&store, route)?,
        Verb::Create => {
            let object = parse()?;
            check_event(route, &object)?;
            store.create(route, object)?
        }
        Verb::Update => store.update(route, &parse()?)?,
        Verb::Patch if apply => {
            let mut object = parse()?;
            match store.patch(route, &object) {
                Err((404, ..)) => {
                    object["metadata"]["name"] = json!(route.name);
                    store.create(route, object)?
                }
                result => result?,
            }
        }
        Verb::Patch => store.patch(route, &parse()?)?,
        _ => store.delete(route)?,
    };
    let version = store.version();
    drop(store);
    shared.version.send_replace(version);
    let code = match route.verb {
        Verb::Create => 201,
        _ => 200,
    };
    Ok(json_answer(code, &answer))
}

fn list(store: &Store, route: &Route) -> Result<Value, Refusal> {
    let selection = selection(route)?;
    let token = route.parameter("continue");
    let (version, after) = match token {
        "" => (store.version(), None),
        token => continued(token, route)?,
    };
    if !store.reaches_back_to(version) {
        let message = "The provided continue parameter is too old".to_owned();
        return Err((410, "Expired", message));
    }
    let limit = match route.parameter("limit").parse() {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    };
    let page = store.list(route.resource, &selection, after, limit);
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    if let Some((_, namespace, name)) = page.more {
        metadata["continue"] = json!(format!("{version} {namespace} {name}"));
    }
    Ok(json!({
        "kind": format!("{}List", route.resource.name),
        "apiVersion": route.resource.base.trim_start_matches("/apis/").trim_start_matches("/api/"),
        "metadata": metadata,
        "items": page.items.iter().map(|item| (**item).clone()).collect::<Vec<_>>(),
    }))
}

fn continued(token: &str, route: &Route) -> Result<(u64, Option<Key>), Refusal> {
    let parts: Vec<_> = token.split(' ').collect();
    let [version, namespace, name] = parts.as_slice() else {
        return Err((400, "BadRequest", "continue key is not valid".to_owned()));
    };
    let key = (
        route.resource.plural,
        (*namespace).to_owned(),
        (*name).to_owned(),
    );
    Ok((version.parse().unwrap_or_default(), Some(key)))
}

pub(super) fn selection(route: &Route) -> Result<Selection, Refusal> {
    let (labels, fields) = ("labelSelector", "fieldSelector");
    Selection::new(
        &route.namespace,
        route.parameter(labels),
        route.parameter(fields),
    )
    .map_err(|message| (400, "BadRequest", message))
}

/// What a real server asks of an Event.
fn check_event(route: &Route, event: &Value) -> Result<(), Refusal> {
    if route.resource.kind.is_some() {
        return Ok(());
    }
    let refuse = |what: String| Err((422, "Invalid", what));
    for field in [
        "eventTime",
        "reportingController",
        "reportingInstance",
        "action",
        "reason",
    ] {
        if event[field].as_str().is_none_or(str::is_empty) {
            return refuse(format!("{field}: Required value"));
        }
    }
    if event["note"].as_str().is_some_and(|note| note.len() > 1024) {
        return refuse("note: can have at most 1024 bytes".to_owned());
    }
    if event["regarding"]["namespace"].is_null() && route.namespace != "default" {
        return refuse("metadata.namespace: does not match regarding.namespace".to_owned());
    }
    Ok(())
}

pub(super) fn streaming(pieces: Pieces) -> Response<Pieces> {
    respond(200, "application/json", pieces)
}

fn refused((code, reason, message): Refusal) -> Response<Pieces> {
    json_answer(code, &failure(code, reason, &message))
}

fn status(code: u16, retry_after: Option<u32>) -> Response<Pieces> {
    let mut response = json_answer(code, &failure(code, "", "as the test told the server"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

pub(super) fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code })
}

fn json_answer(code: u16, answer: &Value) -> Response<Pieces> {
    respond(code, "application/json", Pieces::whole(answer.to_string()))
}

fn text(code: u16, text: impl Into<Bytes>) -> Response<Pieces> {
    respond(code, "text/plain", Pieces::whole(text))
}

fn respond(code: u16, content_type: &'static str, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    let value = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}
