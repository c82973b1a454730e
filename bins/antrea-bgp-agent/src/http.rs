//! Metrics and probes over TCP: nothing secret, nothing that changes anything.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::answers::Condition;
use crate::metrics;
use crate::query::{Asker, Query};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/metrics`, `/livez` and `/readyz`.
pub(crate) fn router(asker: Asker) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(asker)
}

async fn metrics_text(State(asker): State<Asker>) -> Response {
    let Some(snapshot) = asker.ask(Query::Snapshot).await else {
        return stopping();
    };
    match metrics::render(&snapshot) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Alive is an agent whose task answers.
async fn livez(State(asker): State<Asker>) -> Response {
    match asker.ask(Query::Conditions).await {
        Some(_) => "ok\n".into_response(),
        None => stopping(),
    }
}

/// Ready is an agent that has read what it needs and listens where it should. A line per condition.
async fn readyz(State(asker): State<Asker>) -> Response {
    let Some(conditions) = asker.ask(Query::Conditions).await else {
        return stopping();
    };
    let line = |condition: &Condition| match condition.holds {
        true => format!("[+] {}\n", condition.name),
        false => format!("[-] {}: {}\n", condition.name, condition.why),
    };
    let text: String = conditions.iter().map(line).collect();
    let ready = conditions.iter().all(|condition| condition.holds);
    let code = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, text).into_response()
}

fn stopping() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping").into_response()
}
