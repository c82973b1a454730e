//! Every command of `README.md` and of `docs/` does what the page says.
//!
//! Each page is gone through in order, in a folder of its own that looks like a checkout, with the
//! programs on the PATH. What a page shows of the output is compared. What cannot run here stands
//! in one table ([`instead`]), with the reason and with what is looked at instead.

#[path = "../common/mod.rs"]
mod common;

mod instead;
mod output;
mod page;
mod programs;
mod session;

use common::{Folder, agent, agent_on};
use page::{Page, Step};
use session::Session;

/// Programs whose commands run.
const RUN: [&str; 9] = [
    "announce",
    "antrea-bgp-agent",
    "cat",
    "cp",
    "echo",
    "export",
    "mkdir",
    "receive",
    "sed",
];

/// Pages about an agent that a DaemonSet started, and not the reader.
const ON_A_NODE: [&str; 1] = ["docs/install.md"];

/// Nothing is left out because nobody thought of it.
#[test]
fn every_command_runs_or_is_in_the_table() {
    let mut unknown = Vec::new();
    for page in Page::all() {
        for command in page.commands() {
            let known = |program: &str| RUN.contains(&program);
            if instead::of(command).is_none() && !command.programs().all(|it| known(&it)) {
                unknown.push(format!("{}: {}", command.place, command.text));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "add them to RUN or to the table of instead.rs:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn every_entry_of_the_table_is_needed() {
    let pages = Page::all();
    for entry in &instead::TABLE {
        let used = pages
            .iter()
            .flat_map(|page| page.commands().chain(&page.mentions))
            .any(|command| instead::of(command).is_some_and(|it| it.begins == entry.begins));
        assert!(used, "no page has {:?}", entry.begins);
    }
}

/// Values for what the text leaves open.
const PLACEHOLDERS: [(&str, &str); 3] = [("PEER", "192.0.2.1"), ("IP", "192.0.2.1"), ("DIR", ".")];

/// Commands within sentences and tables lack what the sentence says, so they are parsed only.
#[test]
fn every_command_in_the_text_is_understood() {
    let mut count = 0;
    for page in Page::all().iter().filter(|page| !page.mentions.is_empty()) {
        let mut session = Session::start(page);
        for command in &page.mentions {
            count += 1;
            if let Some(entry) = instead::of(command) {
                (entry.look)(&mut session, command);
                continue;
            }
            let words = command.words();
            let value = |word: &String| {
                let open = PLACEHOLDERS.iter().find(|(name, _)| name == word);
                open.map_or(word.clone(), |(_, value)| (*value).to_owned())
            };
            let words = words.iter().filter(|word| *word != "antrea-bgp-agent");
            let words: Vec<String> = words.map(value).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
            let answer = agent(&words);
            assert_eq!(answer.code, Some(0), "{}: {answer:?}", command.place);
        }
    }
    assert!(count > 20, "{count} commands");
}

#[test]
fn every_manifest_is_valid() {
    for (place, manifest) in Page::all().into_iter().flat_map(|page| page.manifests) {
        let folder = Folder::with(&manifest);
        let answer = agent_on(folder.path(), "check", &["--strict"]);
        assert_eq!(answer.code, Some(0), "{place}: {answer:?}");
    }
}

#[test]
fn every_page_does_what_it_says() {
    let mut commands = 0;
    for page in Page::all() {
        if page.commands().next().is_none() {
            continue;
        }
        let mut session = Session::start(&page);
        if ON_A_NODE.contains(&page.name.as_str()) {
            session.start_as_a_daemonset_does();
        }
        for step in &page.steps {
            match step {
                Step::Command(command) => {
                    commands += 1;
                    match instead::of(command) {
                        Some(entry) => {
                            println!("{}: not run, {}", command.place, entry.because);
                            (entry.look)(&mut session, command);
                        }
                        None => session.run(command),
                    }
                }
                Step::Output { place, lines } => session.expect_more_output(place, lines),
            }
        }
        session.finish();
    }
    assert!(commands > 40, "{commands} commands");
}
