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
        "log-level",
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
fn run_without_folder_or_node_says_what_is_missing() {
    let answer = agent(&["run"]);
    assert_eq!(answer.code, Some(2));
    for word in ["NODE_NAME", "--node", "--manifests"] {
        assert!(answer.err.contains(word), "{word}: {}", answer.err);
    }
}

#[test]
fn run_without_a_cluster_says_how_to_have_one() {
    let run = |kubeconfig: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"))
            .args(["run", "--node", "node-a"])
            .env("KUBECONFIG", kubeconfig)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .env("HOME", "/nonexistent")
            .output()
            .expect("the binary runs");
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        (output.status.code(), error)
    };
    let (code, error) = run("");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--manifests"), "{error}");
    let (code, error) = run("/nonexistent/kubeconfig");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("/nonexistent/kubeconfig"), "{error}");
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
