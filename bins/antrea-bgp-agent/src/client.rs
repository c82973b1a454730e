//! Asking a running agent, or telling it something: one request over its Unix socket.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// What the agent answered, when it answered at all.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200, and the JSON; a text where that was asked for.
    Found(Bytes),
    /// 404, and why: there is no such thing, or no policy is in effect.
    NotFound(String),
}

/// Asks the agent behind `socket` for `path_and_query`.
///
/// # Errors
///
/// When no agent listens there, when this user may not ask it, or when it answers anything but 200
/// or 404; the text says which, and what to do.
pub(crate) async fn get(socket: &Path, path_and_query: &str) -> Result<Answer> {
    ask(socket, Method::GET, path_and_query, String::new()).await
}

/// Tells the agent behind `socket` a new value of what is at `path`; errors as [`get`].
pub(crate) async fn put(socket: &Path, path: &str, value: String) -> Result<Answer> {
    ask(socket, Method::PUT, path, value).await
}

async fn ask(socket: &Path, method: Method, path_and_query: &str, body: String) -> Result<Answer> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!(
            "no agent answers on {} (is `antrea-bgp-agent run` up on this machine, with the same \
             --api-socket, and may this user open it?)",
            socket.display()
        )
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .context("the agent's socket does not speak HTTP")?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path_and_query)
        .header(hyper::header::HOST, "localhost")
        .body(Full::new(Bytes::from(body)))
        .context("that makes no request")?;
    let response = sender
        .send_request(request)
        .await
        .context("the agent closed without an answer")?;
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .context("the answer broke off")?
        .to_bytes();
    drop(sender);
    driver.abort();
    match status {
        StatusCode::OK => Ok(Answer::Found(body)),
        StatusCode::NOT_FOUND => Ok(Answer::NotFound(text(&body))),
        _ => bail!("the agent answered {status}: {}", text(&body)),
    }
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).trim().to_owned()
}

/// Percent-encodes a value for a query string.
pub(crate) fn query_value(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for byte in raw.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_cannot_hold_is_encoded() {
        assert_eq!(query_value("service/a/b c&d"), "service/a/b%20c%26d");
        assert_eq!(query_value("2001:db8::/32"), "2001:db8::/32");
    }
}
