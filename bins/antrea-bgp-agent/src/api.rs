//! The local API on the Unix socket: antctl's paths, query flags and JSON, and `explain`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use antrea_bgp_policy::{RouteType, Subject};
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::{Path as UrlPath, Query as UrlQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::net::UnixListener;
use tracing::info;

use crate::answers::{FamilyFilter, Filter, Missing};
use crate::logging::LogLevel;
use crate::peer_name::PeerName;
use crate::query::{Asker, Query};

/// antctl's own words.
const INVALID_QUERY: &str = "invalid query";

type Parameters = UrlQuery<HashMap<String, String>>;

/// The routes of the local API.
pub(crate) fn router(asker: Asker, log_level: LogLevel) -> Router {
    let log_level = Router::new()
        .route("/loglevel", get(show_log_level).put(set_log_level))
        .with_state(log_level);
    queries().with_state(asker).merge(log_level)
}

/// What changes nothing.
pub(crate) fn queries() -> Router<Asker> {
    Router::new()
        .route("/bgppolicy", get(policy))
        .route("/bgppeers", get(peers))
        .route("/bgppeers/{peer}", get(peer))
        .route("/bgproutes", get(routes))
        .route("/explain", get(explain))
        .route("/problems", get(problems))
        .route("/plan", get(plan))
        .route("/agent", get(agent))
}

async fn show_log_level(State(log_level): State<LogLevel>) -> String {
    log_level.get() + "\n"
}

/// The body is a filter in the syntax of `RUST_LOG`, such as `debug` or `info,bgp_speaker=trace`.
async fn set_log_level(State(log_level): State<LogLevel>, filter: String) -> Response {
    match log_level.set(filter.trim()) {
        Ok(()) => {
            info!("log level set to {}", filter.trim());
            show_log_level(State(log_level)).await.into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

/// Whether to look up in the files of a folder where problems are: not for who asks again and again.
fn placed(parameters: &HashMap<String, String>) -> bool {
    parameters.contains_key("wide")
}

async fn policy(State(asker): State<Asker>, UrlQuery(parameters): Parameters) -> Response {
    let placed = placed(&parameters);
    effective(asker.ask(|back| Query::Policy { placed, back }).await)
}

async fn peers(State(asker): State<Asker>, UrlQuery(parameters): Parameters) -> Response {
    match filter(&parameters) {
        Some(filter) => effective(asker.ask(|back| Query::Peers(filter, back)).await),
        None => (StatusCode::BAD_REQUEST, INVALID_QUERY).into_response(),
    }
}

/// One peer in full.
async fn peer(State(asker): State<Asker>, UrlPath(peer): UrlPath<String>) -> Response {
    match peer.parse::<PeerName>() {
        Ok(name) => effective(asker.ask(|back| Query::Peer(name, back)).await),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

async fn routes(State(asker): State<Asker>, UrlQuery(parameters): Parameters) -> Response {
    match filter(&parameters) {
        Some(filter) => effective(asker.ask(|back| Query::Routes(filter, back)).await),
        None => (StatusCode::BAD_REQUEST, INVALID_QUERY).into_response(),
    }
}

async fn explain(State(asker): State<Asker>, UrlQuery(parameters): Parameters) -> Response {
    let subject = parameters
        .get("subject")
        .map(String::as_str)
        .unwrap_or_default();
    match subject.parse::<Subject>() {
        Ok(subject) => answer(asker.ask(|back| Query::Explain(subject, back)).await),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// What the engine has decided, to be compared with what another one would.
async fn plan(State(asker): State<Asker>) -> Response {
    answer(asker.ask(Query::Plan).await)
}

async fn agent(State(asker): State<Asker>) -> Response {
    answer(asker.ask(Query::Agent).await)
}

async fn problems(State(asker): State<Asker>, UrlQuery(parameters): Parameters) -> Response {
    let placed = placed(&parameters);
    answer(asker.ask(|back| Query::Problems { placed, back }).await)
}

/// An answer that there is only while a policy is in effect.
fn effective<T: Serialize>(found: Option<Result<T, Missing>>) -> Response {
    match found.transpose() {
        Err(missing) => (StatusCode::NOT_FOUND, missing.to_string()).into_response(),
        Ok(found) => answer(found),
    }
}

fn answer<T: Serialize>(found: Option<T>) -> Response {
    match found {
        Some(found) => Json(found).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping").into_response(),
    }
}

/// What the query asks for; `None` where antctl's rules do not allow it.
fn filter(parameters: &HashMap<String, String>) -> Option<Filter> {
    // A flag is there or not; it has no value.
    let flag = |name: &str| match parameters.get(name).map(String::as_str) {
        None => Some(false),
        Some("") => Some(true),
        Some(_) => None,
    };
    let family = match (flag("ipv4-only")?, flag("ipv6-only")?) {
        (false, false) => FamilyFilter::Both,
        (true, false) => FamilyFilter::Ipv4,
        (false, true) => FamilyFilter::Ipv6,
        (true, true) => return None,
    };
    let route_type = parameters.get("type").filter(|t| !t.is_empty()).cloned();
    if route_type
        .as_ref()
        .is_some_and(|t| t.parse::<RouteType>().is_err())
    {
        return None;
    }
    let peer = parameters.get("peer").map(|peer| peer.parse::<PeerName>());
    let peer = peer.transpose().ok()?;
    Some(Filter {
        family,
        route_type,
        peer,
        wide: flag("wide")?,
    })
}

/// The Unix socket, removed again when dropped.
pub(crate) struct ApiSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl ApiSocket {
    /// Listens at `path` with mode 0660. A socket that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// Another agent listens there, something else than a socket lies there, or the folder cannot be
    /// made or written.
    pub(crate) fn bind(path: &Path) -> Result<Self> {
        let what = || {
            let path = path.display();
            format!("cannot listen on the API socket {path}; choose another --api-socket")
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(what)?;
        }
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                bail!("{}: a file that is no socket lies there", what());
            }
            Ok(_) => replace_stale(path).with_context(what)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(what),
        }
        let listener = UnixListener::bind(path).with_context(what)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).with_context(what)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// The listener, and what removes its file when dropped.
    pub(crate) fn into_parts(self) -> (UnixListener, RemoveFile) {
        (self.listener, RemoveFile(self.path))
    }
}

fn replace_stale(path: &Path) -> Result<()> {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => bail!("another agent is answering there"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes a file when dropped.
pub(crate) struct RemoveFile(PathBuf);

impl Drop for RemoveFile {
    fn drop(&mut self) {
        // The next start replaces a socket that nobody listens on; nothing is lost if this fails.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Option<Filter> {
        filter(
            &pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn scenario_50_flags_have_no_value_and_exclude_each_other() {
        assert_eq!(
            asked(&[("ipv4-only", "")]).map(|f| f.family),
            Some(FamilyFilter::Ipv4)
        );
        assert_eq!(
            asked(&[("ipv6-only", "")]).map(|f| f.family),
            Some(FamilyFilter::Ipv6)
        );
        assert_eq!(asked(&[("ipv4-only", ""), ("ipv6-only", "")]), None);
        assert_eq!(asked(&[("ipv4-only", "true")]), None);
    }

    #[test]
    fn scenario_50_a_type_is_one_of_antctls() {
        assert!(asked(&[("type", "EgressIP")]).is_some_and(|f| f.route_type.is_some()));
        assert_eq!(asked(&[("type", "egressip")]), None);
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/api.sock");
        let first = ApiSocket::bind(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o660
        );
        assert!(ApiSocket::bind(&path).is_err());
        drop(first.listener);
        let (second, remove) = ApiSocket::bind(&path).unwrap().into_parts();
        drop((second, remove));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert!(ApiSocket::bind(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
