//! The status page, and the data that it shows: the read-only part of the local API.

use std::net::IpAddr;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

use crate::api;
use crate::query::{Asker, Query};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Everything in one answer.
const PAGE: &str = concat!(
    include_str!("page/head.html"),
    include_str!("page/style.css"),
    include_str!("page/body.html"),
    include_str!("page/page.js"),
    include_str!("page/tail.html"),
);

/// Only this very style and this very script; data from this agent; nothing else, from nowhere, and
/// in nobody's frame.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    // Base64 and these words are what a header may have.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// `/` and `/api/…`.
pub(crate) fn router(asker: Asker) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .nest("/api", api::queries().with_state(asker.clone()))
        .layer(middleware::from_fn_with_state(asker, guard))
}

/// Refuses requests under a name that is not this agent's, and says what a browser may do with an
/// answer.
async fn guard(State(asker): State<Asker>, request: Request, next: Next) -> Response {
    let host = host(request.headers());
    if !is_an_address(host) && !is_the_node(host, &asker).await {
        let host = host.unwrap_or("nobody");
        let text = format!(
            "this page is for those who ask for it by IP address, as localhost or by the name of \
             the Node, not as {host:?}\n"
        );
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The host that the request is for, without the port.
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    };
    Some(without_port)
}

/// A page of somebody else that has its own name resolve to this agent's address (DNS rebinding)
/// could read what this one shows. It has no say over addresses.
fn is_an_address(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    host == "localhost" || bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}

async fn is_the_node(host: Option<&str>, asker: &Asker) -> bool {
    let agent = asker.ask(Query::Agent).await;
    host.zip(agent)
        .is_some_and(|(host, agent)| host.eq_ignore_ascii_case(&agent.node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::try_from(host).unwrap());
        headers
    }

    #[test]
    fn addresses_and_localhost_are_nobody_elses() {
        for ours in [
            "127.0.0.1",
            "127.0.0.1:9474",
            "192.0.2.1:80",
            "localhost:9474",
            "[::1]",
            "[2001:db8::1]:9474",
        ] {
            assert!(is_an_address(host(&asked_for(ours))), "{ours}");
        }
        for other in [
            "rebind.example",
            "rebind.example:9474",
            "127.0.0.1.rebind.example",
            "localhost.rebind.example",
            "",
        ] {
            assert!(!is_an_address(host(&asked_for(other))), "{other}");
        }
        assert!(!is_an_address(host(&HeaderMap::new())));
    }

    #[test]
    fn the_page_asks_nobody_else_for_anything() {
        let links = ["http://", "https://", "//", "url(", "@import", "src="];
        let without_comments = |text: &str| {
            let lines = text.lines().map(str::trim_start);
            let code = lines.filter(|line| !line.starts_with("//"));
            code.collect::<Vec<_>>().join("\n")
        };
        // The namespace of SVG is a name, not a place.
        let page = without_comments(PAGE).replace("http://www.w3.org/2000/svg", "");
        for link in links {
            assert!(!page.contains(link), "{link}");
        }
        assert!(!page.contains("innerHTML") && !page.contains(" style="));
    }
}
