//! `get`, `explain` and `log-level`: ask the agent, print what it says.

mod explain;
mod peer;
mod peers;
mod policy;
mod routes;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::{AskArgs, FamilyArgs, GetCommand, LogLevelArgs, Output};
use crate::client::{self, Answer};
use crate::style::{BAD, NOTICE, Paint as _, columns, print};
use crate::table::{Cell, paragraph, render};
use crate::view::{PeerDetail, PeerView, PolicyView, RouteView};

pub(crate) use explain::explain;
pub(crate) use routes::object_ref;

/// An answer of the agent, or an element of one that is a list.
pub(crate) trait Shown: Clone + PartialEq + Serialize + DeserializeOwned {
    /// The longest words that columns come to have, as far as they are known: a watch prints its heading before it sees them.
    const WIDEST: &'static [&'static str] = &[];

    /// By what it is the same one in two answers.
    fn key(&self) -> String;

    /// The same without what changes by itself, such as ages.
    fn settled(&self) -> Self;

    /// Several of them as a table with a row each; `None` where one of them fills a page.
    fn table(items: &[Self], wide: bool) -> Option<Table>;

    /// What a wide table has to say besides the row, a line each.
    fn remarks(&self) -> &[String] {
        &[]
    }

    /// Several of them for people.
    fn text(items: &[Self], wide: bool) -> String {
        let table = Self::table(items, wide).unwrap_or_default();
        let mut out = render(&table.header, &table.rows, columns());
        if wide {
            out.extend(items.iter().map(remarks));
        }
        out
    }
}

/// The remarks on one of them, a line each, in the colour of how bad it is.
fn remarks(item: &impl Shown) -> String {
    let line = |remark: &String| {
        let colour = match remark.contains("error: ") {
            true => BAD,
            false => NOTICE,
        };
        paragraph(&remark.paint(colour), 0, columns())
    };
    item.remarks().iter().map(line).collect()
}

/// Headings, and rows of as many cells.
#[derive(Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// Carries out a `get` command.
pub(crate) async fn get(command: &GetCommand) -> Result<ExitCode> {
    match command {
        GetCommand::Policy(ask) => {
            let code = show::<PolicyView>(ask, &policy_path(ask)).await?;
            if code != ExitCode::SUCCESS {
                say_problems(&ask.api_socket).await?;
            }
            Ok(code)
        }
        GetCommand::Peers(args) => {
            if let Some(peer) = &args.peer {
                let path = format!("/bgppeers/{}", client::query_value(&peer.to_string()));
                return show::<PeerDetail>(&args.ask, &path).await;
            }
            let query = family_query(&args.family).into_iter();
            let path = with_query("/bgppeers", query.chain(wide_query(&args.ask)));
            show::<PeerView>(&args.ask, &path).await
        }
        GetCommand::Routes(args) => {
            let route_type = args.route_type.as_ref();
            let route_type = route_type.map(|it| format!("type={}", client::query_value(it)));
            let peer = args
                .peer
                .as_ref()
                .map(|peer| format!("peer={}", client::query_value(&peer.to_string())));
            let query = family_query(&args.family).into_iter();
            let query = query.chain(route_type).chain(peer);
            let path = with_query("/bgproutes", query.chain(wide_query(&args.ask)));
            show::<RouteView>(&args.ask, &path).await
        }
    }
}

/// Carries out `log-level`: prints the filter that is in use then.
pub(crate) async fn log_level(args: &LogLevelArgs) -> Result<ExitCode> {
    let path = "/loglevel";
    let answer = match &args.filter {
        Some(filter) => client::put(&args.api_socket, path, filter.clone()).await?,
        None => client::get(&args.api_socket, path).await?,
    };
    match answer {
        Answer::Found(text) => print(&String::from_utf8_lossy(&text))?,
        Answer::NotFound(why) => return Ok(say_no(&why)),
    };
    let has_default = |filter: &String| filter.split(',').any(|it| !it.contains(['=', '[']));
    if !args.filter.as_ref().is_none_or(has_default) {
        eprintln!(
            "note: nothing else is logged now; begin the filter with a level, such as `info,`, for the rest"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks once, or again and again, and prints the answer in the form that is wanted.
async fn show<T: Shown>(ask: &AskArgs, path: &str) -> Result<ExitCode> {
    if ask.watch {
        return watch::watch::<T>(ask, path).await;
    }
    let body = match client::get(&ask.api_socket, path).await? {
        Answer::NotFound(why) => return Ok(say_no(&why)),
        Answer::Found(body) => body,
    };
    let text = match ask.output {
        Output::Json => pretty(&body)?,
        Output::Yaml => yaml(&body)?,
        Output::Table => T::text(&items(&body)?, false),
        Output::Wide => T::text(&items(&body)?, true),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The elements of a list, or the one thing that the answer is.
fn items<T: DeserializeOwned>(body: &Bytes) -> Result<Vec<T>> {
    if body.first() == Some(&b'[') {
        read(body)
    } else {
        Ok(vec![read(body)?])
    }
}

/// Where no policy is in effect, what is wrong with those that there are is the next question.
async fn say_problems(socket: &Path) -> Result<()> {
    if let Answer::Found(body) = client::get(socket, "/problems?wide").await? {
        for problem in read::<Vec<String>>(&body)? {
            eprintln!("{problem}");
        }
    }
    Ok(())
}

fn say_no(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(1)
}

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body)
        .context("the agent's answer is not understood: is it of another version?")
}

fn pretty(body: &Bytes) -> Result<String> {
    let value: serde_json::Value = read(body)?;
    Ok(format!("{value:#}\n"))
}

fn yaml(body: &Bytes) -> Result<String> {
    let value: serde_json::Value = read(body)?;
    serde_saphyr::to_string(&value).context("the answer as YAML")
}

fn family_query(family: &FamilyArgs) -> Vec<String> {
    let flags = [
        (family.ipv4_only, "ipv4-only"),
        (family.ipv6_only, "ipv6-only"),
    ];
    flags
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

/// Places are looked up in the files, which a watch would do every second.
fn policy_path(ask: &AskArgs) -> String {
    let wide = wide_query(ask).filter(|_| !ask.watch);
    with_query("/bgppolicy", wide)
}

/// What takes longer to look up is asked for only where it is shown.
fn wide_query(ask: &AskArgs) -> Option<String> {
    (ask.output == Output::Wide).then(|| "wide".to_owned())
}

fn with_query(path: &str, parts: impl IntoIterator<Item = String>) -> String {
    let query = parts.into_iter().collect::<Vec<_>>().join("&");
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

fn shown(value: Option<impl ToString>) -> Cell {
    value.map(Cell::from).unwrap_or_default()
}
