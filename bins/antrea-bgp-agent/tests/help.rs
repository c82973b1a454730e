//! The command line explains itself, and refuses what it does not understand.

mod common;

use common::agent;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let answer = agent(&["--help"]);
    assert_eq!(answer.code, Some(0));
    for word in [
        "run",
        "plan",
        "check",
        "get",
        "explain",
        "crd",
        "Exit codes",
    ] {
        assert!(answer.out.contains(word), "{word}: {}", answer.out);
    }
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    for arguments in [
        &["plan"][..],
        &["get", "bgproutes", "-T", "NodeIP"],
        &["frobnicate"],
        &[],
    ] {
        let answer = agent(arguments);
        assert_eq!(answer.code, Some(2), "{arguments:?}");
        assert!(
            answer.err.contains("Usage") || answer.err.contains("possible values"),
            "{answer:?}"
        );
    }
}

#[test]
fn run_without_a_folder_says_what_this_version_can_do() {
    let answer = agent(&["run"]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("--manifests"), "{}", answer.err);
}

#[test]
fn get_without_an_agent_says_how_to_have_one() {
    let socket = ["--api-socket", "/nonexistent/api.sock"];
    for command in [
        &["get", "bgppolicy"][..],
        &["get", "bgppeers"],
        &["explain", "10.0.0.1"],
    ] {
        let answer = agent(&[command, &socket].concat());
        assert_eq!(answer.code, Some(2), "{command:?}");
        assert!(
            answer.err.contains("/nonexistent/api.sock"),
            "{}",
            answer.err
        );
        assert!(
            answer.err.contains("antrea-bgp-agent run"),
            "{}",
            answer.err
        );
    }
}
