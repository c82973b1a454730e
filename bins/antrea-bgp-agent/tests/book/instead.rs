//! Commands that cannot run in a test, each with the reason and with what is looked at instead.

use std::process::{Command as Process, Output};

use serde_json::Value;

use crate::common::deploy::{self, documents};
use crate::common::{Folder, agent_on, repository, tool};
use crate::page::Command;
use crate::session::Session;

/// A kind of command that does not run.
pub(crate) struct Instead {
    /// The words that it begins with.
    pub(crate) begins: &'static str,
    /// Why it does not run.
    pub(crate) because: &'static str,
    /// What is looked at in its place.
    pub(crate) look: fn(&mut Session, &Command),
}

/// The first entry that fits counts.
pub(crate) const TABLE: [Instead; 16] = [
    Instead {
        begins: "cargo xtask sim",
        because: "it is a release build; its source names the options",
        look: sim,
    },
    Instead {
        begins: "cargo xtask bench",
        because: "it measures for minutes; its help names the bench, and the bench's source the options",
        look: bench,
    },
    Instead {
        begins: "cargo xtask",
        because: "it builds for minutes, and some of it installs packages; its options are parsed",
        look: xtask,
    },
    Instead {
        begins: "cargo build",
        because: "a release build takes minutes; package and target exist, and CI has built them",
        look: cargo,
    },
    Instead {
        begins: "cargo run",
        because: "a release build takes minutes; package and target exist",
        look: cargo,
    },
    Instead {
        begins: "cargo test",
        because: "it takes minutes, and CI runs those of the workspace by themselves; package and target exist",
        look: cargo,
    },
    Instead {
        begins: "cargo bench",
        because: "it measures for minutes; the package exists",
        look: cargo,
    },
    Instead {
        begins: "podman push",
        because: "there is no registry; the page builds an image of that name",
        look: push,
    },
    Instead {
        begins: "kubectl apply -f -",
        because: "there is no cluster; `check --strict` takes what would be applied",
        look: apply_manifests,
    },
    Instead {
        begins: "kubectl apply",
        because: "there is no cluster; the kustomization's objects are found and parsed",
        look: kustomization,
    },
    Instead {
        begins: "kubectl delete -k",
        because: "there is no cluster; the kustomization's objects are found and parsed",
        look: kustomization,
    },
    Instead {
        begins: "kubectl -n kube-system rollout status",
        because: "there is no cluster; the DaemonSet is there",
        look: daemonset,
    },
    Instead {
        begins: "kubectl -n kube-system exec",
        because: "there are no Pods; what it runs in one asks an agent that follows an API server in the test",
        look: exec,
    },
    Instead {
        begins: "kubectl label node",
        because: "there is no cluster; it is the label that the page's policy selects",
        look: label,
    },
    Instead {
        begins: "kubectl describe node",
        because: "there is no cluster; the Events that the page names arrive at an API server in the test",
        look: describe,
    },
    Instead {
        begins: "promtool",
        because: "not every machine has it; it runs where it is installed, which it is in CI",
        look: promtool,
    },
];

/// The entry of a command.
pub(crate) fn of(command: &Command) -> Option<&'static Instead> {
    let words = command.words();
    TABLE.iter().find(|entry| {
        let begins: Vec<&str> = entry.begins.split(' ').collect();
        words.len() >= begins.len() && begins.iter().zip(&words).all(|(a, b)| a == b)
    })
}

/// Cargo in the repository, with these arguments.
fn in_repository(arguments: &[&str]) -> Output {
    let mut cargo = Process::new(env!("CARGO"));
    cargo.current_dir(repository::path("")).args(arguments);
    cargo.output().expect("cargo runs")
}

/// What `--help` after the words of a command prints, when they are understood.
fn help(command: &Command, words: &[String]) -> String {
    let arguments = words[1..].iter().map(String::as_str).chain(["--help"]);
    let output = in_repository(&arguments.collect::<Vec<_>>());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {error}", command.place);
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn xtask(_: &mut Session, command: &Command) {
    let help = help(command, &command.words());
    let usage = format!("Usage: {}", command.words()[..3].join(" "));
    assert!(help.contains(&usage), "{}: {help}", command.place);
}

/// What comes after the bench's name is for a program that would have to be built first.
fn bench(_: &mut Session, command: &Command) {
    let words = command.words();
    let (bench, options) = (&words[3], &words[4..]);
    let help = help(command, &words[..3]);
    let (_, names) = help.split_once("[possible values: ").expect("the benches");
    let (names, _) = names.split_once(']').expect("an end");
    assert!(
        names.split(", ").any(|it| it == bench),
        "{}: {names}",
        command.place
    );
    let source = match bench.as_str() {
        "wire" => "benches/src/main.rs",
        "table" => "bins/table-bench/src/main.rs",
        "cluster" => "bins/cluster-bench/src/main.rs",
        "latency" => "bins/latency-bench/src/main.rs",
        "policy" => "crates/antrea-bgp-policy/benches/policy/main.rs",
        "rib" => "crates/bgp-rib/benches/table.rs",
        other => panic!("{}: where is the source of {other}?", command.place),
    };
    has_options(command, source, options);
}

fn sim(_: &mut Session, command: &Command) {
    has_options(command, "bins/sim/src/main.rs", &command.words()[3..]);
}

/// That a program's source has these options.
fn has_options(command: &Command, source: &str, options: &[String]) {
    let source = repository::read(source);
    for option in options.iter().filter_map(|word| word.strip_prefix("--")) {
        let by_hand = source.contains(&format!("\"--{option}\" =>"));
        let by_clap =
            source.contains("#[arg(long") && source.contains(&format!("\n    {option}: "));
        assert!(by_hand || by_clap, "{}: --{option}", command.place);
    }
}

/// Packages, and programs, tests and examples of them, by cargo's own account.
fn cargo(_: &mut Session, command: &Command) {
    let words = command.words();
    let words = words.iter().skip(2).map(String::as_str);
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let mut metadata = vec!["metadata", "--format-version=1", "--no-deps", "--offline"];
    let (mut packages, mut targets) = (Vec::new(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let mut value = || {
            *rest
                .next()
                .unwrap_or_else(|| panic!("{}: {word}", command.place))
        };
        match *word {
            "-p" => packages.push(value()),
            "--manifest-path" => metadata.extend(["--manifest-path", value()]),
            "--bin" | "--example" | "--test" => targets.push((&word[2..], value())),
            "--examples" | "--release" => {}
            other => panic!("{}: this test does not know {other}", command.place),
        }
    }
    let output = in_repository(&metadata);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let why = String::from_utf8_lossy(&output.stderr);
        panic!("{}: {error}: {why}", command.place)
    });
    let all: Vec<&Value> = json["packages"].as_array().into_iter().flatten().collect();
    for name in &packages {
        assert!(
            all.iter().any(|it| it["name"] == *name),
            "{}: package {name}",
            command.place
        );
    }
    for (kind, name) in targets {
        let of = all
            .iter()
            .filter(|it| packages.is_empty() || packages.iter().any(|name| it["name"] == *name));
        let mut there = of.flat_map(|it| it["targets"].as_array().into_iter().flatten());
        let found = there.any(|it| it["name"] == name && it["kind"][0] == kind);
        assert!(found, "{}: {kind} {name}", command.place);
    }
}

fn push(session: &mut Session, command: &Command) {
    let image = &command.words()[2];
    let build = format!("cargo xtask image --tag {image}");
    assert!(
        session.page.contains(&build),
        "{}: no `{build}`",
        command.place
    );
}

fn apply_manifests(_: &mut Session, command: &Command) {
    let folder = Folder::with(command.heredoc().expect("manifests"));
    let answer = agent_on(folder.path(), "check", &["--strict"]);
    assert_eq!(answer.code, Some(0), "{}: {answer:?}", command.place);
    assert!(
        answer.out.contains(": 1 object, 0 errors, 0 warnings"),
        "{}: {answer:?}",
        command.place
    );
}

/// A kustomization of this repository, or one of the reader's on top of it.
fn kustomization(session: &mut Session, command: &Command) {
    let folder = session.path(&command.option("-k").expect("-k FOLDER"));
    let own = documents(&folder.join("kustomization.yaml")).remove(0);
    let resources = own["resources"].as_array().expect("resources");
    let elsewhere = resources.iter().find_map(|it| {
        let (_, name) = it.as_str()?.split_once("/antrea-bgp-agent/deploy/")?;
        Some(deploy::folder(name))
    });
    let objects = deploy::objects(&elsewhere.unwrap_or(folder));
    assert!(!objects.is_empty(), "{}", command.place);
    for image in own["images"].as_array().into_iter().flatten() {
        let name = format!("{}:", image["name"].as_str().expect("a name"));
        let replaced = objects
            .iter()
            .any(|it| image_of(it).is_some_and(|it| it.starts_with(&name)));
        assert!(replaced, "{}: no image {name}", command.place);
    }
}

fn image_of(object: &Value) -> Option<&str> {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str()
}

/// That the DaemonSet which a command names is deployed where the command looks for it.
fn daemonset(_: &mut Session, command: &Command) {
    let words = command.words();
    let named = words.iter().find_map(|word| {
        word.strip_prefix("daemonset/")
            .or_else(|| word.strip_prefix("ds/"))
    });
    let name = named.expect("daemonset/NAME");
    let objects = deploy::objects(&deploy::folder("base"));
    let there = objects.iter().any(|it| {
        it["kind"] == "DaemonSet"
            && it["metadata"]["name"] == name
            && it["metadata"]["namespace"] == words[2].as_str()
    });
    assert!(there, "{}: DaemonSet {name} in {}", command.place, words[2]);
}

fn exec(session: &mut Session, command: &Command) {
    daemonset(session, command);
    let (_, inside) = command.text.split_once(" -- /").expect("-- /PROGRAM");
    let place = command.place.clone();
    let (text, output) = (inside.to_owned(), command.output.clone());
    session.run(&Command {
        place,
        text,
        output,
    });
}

fn label(session: &mut Session, command: &Command) {
    let words = command.words();
    let (key, value) = words[4].split_once('=').expect("KEY=VALUE");
    let selector = format!("matchLabels:\n      {key}: {value}\n");
    assert!(
        session.page.contains(&selector),
        "{}: no {selector:?}",
        command.place
    );
}

fn describe(session: &mut Session, command: &Command) {
    let reasons = command.comment().strip_prefix("Events: ").expect("Events");
    for reason in reasons.split(", ") {
        let about = format!("{reason} Node/{}", command.words()[3]);
        session.api.expect_event(&about, "");
    }
}

fn promtool(session: &mut Session, command: &Command) {
    let words = command.words();
    let mut promtool = Process::new("promtool");
    promtool.args(&words[1..3]).arg(session.path(&words[3]));
    if let Some(output) = tool::run(&mut promtool, "prometheus", "") {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {text}", command.place);
    }
}
