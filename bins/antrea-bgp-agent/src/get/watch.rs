//! `--watch`: what is there, and from then on whatever changes.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{Shown, Table, items, remarks};
use crate::cli::{AskArgs, Output};
use crate::client::{self, Answer};
use crate::style::{Reader, columns, print};
use crate::table::{Cell, Columns};

/// How long to wait between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of something, in the words of a watch of the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Added,
    Modified,
    Deleted,
}

impl EventType {
    fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Event<T> {
    r#type: EventType,
    object: T,
}

/// Prints until it is interrupted or nobody reads any more. An agent that goes away meanwhile is
/// waited for.
pub(super) async fn watch<T: Shown>(ask: &AskArgs, path: &str) -> Result<ExitCode> {
    let mut known = Known::new(ask.output);
    let mut printer = Printer::new(ask.output);
    let mut trouble = Trouble::default();
    let mut answered = false;
    loop {
        match client::get(&ask.api_socket, path).await {
            Ok(Answer::Found(body)) => {
                trouble.is_over();
                if printer.print(&known.replace(items::<T>(&body)?))? == Reader::HasLeft {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Ok(Answer::NotFound(why)) => {
                trouble.is(why);
                if printer.print(&known.replace(Vec::new()))? == Reader::HasLeft {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Err(error) if !answered => return Err(error),
            Err(error) => trouble.is(format!("{error:#}; waiting for it")),
        }
        answered = true;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was said last about why there is no answer: it is said once.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn is(&mut self, why: String) {
        if self.0.as_ref() != Some(&why) {
            eprintln!("{why}");
            self.0 = Some(why);
        }
    }

    fn is_over(&mut self) {
        self.0 = None;
    }
}

/// What the last answer was, and how much of it people see.
struct Known<T> {
    items: Vec<T>,
    output: Output,
}

impl<T: Shown> Known<T> {
    fn new(output: Output) -> Self {
        let items = Vec::new();
        Self { items, output }
    }

    /// Takes in an answer; what is new about it: first what is gone, then the rest in its order.
    fn replace(&mut self, items: Vec<T>) -> Vec<Event<T>> {
        let by_key =
            |all: &[T]| -> HashMap<String, usize> { all.iter().map(Shown::key).zip(0..).collect() };
        let former = std::mem::take(&mut self.items);
        let (before, now) = (by_key(&former), by_key(&items));
        let gone = former.iter().filter(|it| !now.contains_key(&it.key()));
        let mut events: Vec<_> = gone
            .map(|item| Event {
                r#type: EventType::Deleted,
                object: item.clone(),
            })
            .collect();
        for item in &items {
            let r#type = match before.get(&item.key()) {
                None => EventType::Added,
                Some(at) if !looks_alike(&former[*at], item, self.output) => EventType::Modified,
                Some(_) => continue,
            };
            let object = item.clone();
            events.push(Event { r#type, object });
        }
        self.items = items;
        events
    }
}

/// Whether two states of something are told alike: a change of what a table does not show is none to its reader.
fn looks_alike<T: Shown>(a: &T, b: &T, output: Output) -> bool {
    if a == b {
        return true;
    }
    let (a, b) = (a.settled(), b.settled());
    let wide = match output {
        _ if a == b => return true,
        Output::Json | Output::Yaml => return false,
        Output::Table => false,
        Output::Wide if a.remarks() != b.remarks() => return false,
        Output::Wide => true,
    };
    let row = |of: T| {
        let cells = T::table(&[of], wide)?.rows.into_iter().flatten();
        Some(cells.map(|cell| cell.text().to_owned()).collect::<Vec<_>>())
    };
    // Where one fills a page, all of it is shown.
    row(a).zip(row(b)).is_some_and(|(a, b)| a == b)
}

/// Prints events as they come.
struct Printer {
    output: Output,
    columns: Option<Columns>,
}

impl Printer {
    fn new(output: Output) -> Self {
        Self {
            output,
            columns: None,
        }
    }

    fn print<T: Shown>(&mut self, events: &[Event<T>]) -> Result<Reader> {
        if events.is_empty() {
            return Ok(Reader::Reads);
        }
        let text = match self.output {
            Output::Json => documents(events, |event| {
                let json = serde_json::to_string(event).context("the answer as JSON")?;
                Ok(json + "\n")
            })?,
            Output::Yaml => documents(events, |event| {
                let yaml = serde_saphyr::to_string(event).context("the answer as YAML")?;
                Ok(format!("---\n{yaml}"))
            })?,
            Output::Table => self.lines(events, false),
            Output::Wide => self.lines(events, true),
        };
        print(&text)
    }

    /// Rows under one heading, which is printed once; or page after page.
    fn lines<T: Shown>(&mut self, events: &[Event<T>], wide: bool) -> String {
        let objects: Vec<_> = events.iter().map(|event| event.object.clone()).collect();
        let Some(Table { mut header, rows }) = T::table(&objects, wide) else {
            let last = events.last().filter(|it| it.r#type != EventType::Deleted);
            let page = last.map(|event| T::text(std::slice::from_ref(&event.object), wide));
            return page.map(|page| page + "\n").unwrap_or_default();
        };
        header.insert(0, "EVENT");
        let named = events.iter().zip(rows).map(|(event, mut row)| {
            row.insert(0, event.r#type.name().into());
            row
        });
        let rows: Vec<Vec<Cell>> = named.collect();
        let mut out = String::new();
        let is_first = self.columns.is_none();
        let columns = self
            .columns
            .get_or_insert_with(|| Columns::new(&header, columns()));
        columns.widen(&rows);
        if is_first {
            let modified = EventType::Modified.name();
            let widest = std::iter::once(modified).chain(T::WIDEST.iter().copied());
            columns.widen(&[widest.map(Cell::from).collect()]);
            out += &columns.heading(&header);
        }
        for (row, event) in rows.iter().zip(events) {
            out += &columns.line(row);
            if wide && event.r#type != EventType::Deleted {
                out += &remarks(&event.object);
            }
        }
        out
    }
}

fn documents<T>(
    events: &[Event<T>],
    document: impl Fn(&Event<T>) -> Result<String>,
) -> Result<String> {
    events.iter().map(document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{PeerView, PolicyView};

    fn peer(name: &str, state: &str, since: u64) -> PeerView {
        PeerView {
            peer: name.to_owned(),
            asn: 65001,
            state: state.to_owned(),
            since_seconds: Some(since),
            advertised: None,
            received: None,
            flaps: None,
            retry_in_seconds: None,
            last_error: None,
        }
    }

    fn told(events: &[Event<PeerView>]) -> Vec<(&'static str, &str)> {
        let told = events.iter();
        told.map(|event| (event.r#type.name(), event.object.peer.as_str()))
            .collect()
    }

    #[test]
    fn only_what_changes_is_told_and_age_is_no_change() {
        let mut known = Known::new(Output::Json);
        let first = vec![peer("a", "Active", 1), peer("b", "Idle", 1)];
        assert_eq!(
            told(&known.replace(first)),
            [("ADDED", "a"), ("ADDED", "b")]
        );
        let older = vec![peer("a", "Active", 2), peer("b", "Idle", 2)];
        assert_eq!(known.replace(older), []);
        let other = vec![peer("b", "Established", 0), peer("c", "Idle", 0)];
        assert_eq!(
            told(&known.replace(other)),
            [("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "c")]
        );
    }

    #[test]
    fn a_change_of_what_is_not_shown_is_told_only_to_who_sees_it() {
        let failed = |why: &str| PeerView {
            last_error: Some(why.to_owned()),
            ..peer("a", "Active", 1)
        };
        for (output, expected) in [
            (Output::Table, 0),
            (Output::Wide, 1),
            (Output::Json, 1),
            (Output::Yaml, 1),
        ] {
            let mut known = Known::new(output);
            known.replace(vec![failed("connection refused")]);
            let events = known.replace(vec![failed("timed out")]);
            assert_eq!(events.len(), expected, "{output:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_no_change_of_its_row() {
        let policy = |remarks: &[&str]| -> PolicyView {
            let json = serde_json::json!({ "name": "edge", "routerID": "192.0.2.1", "localASN": 64512,
                "listenPort": 179, "remarks": remarks });
            serde_json::from_value(json).expect("a policy")
        };
        for (output, expected) in [(Output::Table, 0), (Output::Wide, 1), (Output::Json, 1)] {
            let mut known = Known::new(output);
            known.replace(vec![policy(&[])]);
            let events = known.replace(vec![policy(&["error: …"])]);
            assert_eq!(events.len(), expected, "{output:?}");
            let text = Printer::new(output).lines(&events, output == Output::Wide);
            assert_eq!(text.contains("error: …"), output == Output::Wide, "{text}");
        }
    }

    #[test]
    fn the_heading_comes_once() {
        let mut printer = Printer::new(Output::Table);
        let mut known = Known::new(Output::Table);
        let first = printer.lines(&known.replace(vec![peer("a", "Active", 1)]), false);
        assert!(
            first.starts_with("EVENT    PEER ASN   STATE\nADDED    a    65001 "),
            "{first}"
        );
        let then = printer.lines(&known.replace(vec![peer("a", "Idle", 1)]), false);
        assert!(then.starts_with("MODIFIED a    65001 "), "{then}");
    }
}
