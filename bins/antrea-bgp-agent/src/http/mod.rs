//! Metrics and probes over TCP, and the status page where it is wanted: nothing secret, nothing that
//! changes anything.

mod page;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::answers::Condition;
use crate::metrics;
use crate::query::{Asker, Query};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`, `/livez` and `/readyz`, and with `status_page` the page.
pub(crate) fn router(asker: Asker, status_page: bool) -> Router {
    let probes = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(asker.clone());
    if status_page {
        probes.merge(page::router(asker))
    } else {
        probes
    }
}

/// OpenMetrics for who accepts it, as Prometheus does since 2.5, and the older text format for
/// everybody else.
async fn metrics_text(State(asker): State<Asker>, headers: HeaderMap) -> Response {
    let Some(snapshot) = asker.ask(Query::Snapshot).await else {
        return stopping();
    };
    let text = match metrics::render(&snapshot) {
        Ok(text) => text,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let (content_type, text) = match accepts_open_metrics(&headers) {
        true => (OPEN_METRICS, text),
        false => (CLASSIC, metrics::from_open_metrics(&text)),
    };
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Whether the Accept header names OpenMetrics (RFC 9110 section 12.5.1), and not with a weight of
/// zero.
fn accepts_open_metrics(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges
        .map(|range| range.split(';').map(str::trim))
        .any(|mut parts| {
            parts.next() == Some("application/openmetrics-text")
                && !parts.any(|it| matches!(it, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
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
