//! The router ID of a node, as an API server would keep it.

mod common;

use std::fs;
use std::net::Ipv4Addr;

use antrea_bgp_api::Object;
use antrea_bgp_manifests::{Folder, Rescan, StateDir, WatchOptions, Watcher};
use common::{applied, changes, folder, node, shown, write};
use tempfile::TempDir;

const FIRST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SECOND: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

fn open(dir: &TempDir, state: &TempDir) -> (Folder, Rescan) {
    let state = StateDir::open(state.path().join("agent")).expect("state directory");
    let mut folder = Folder::open(dir.path()).expect("folder").with_state(state);
    let rescan = folder.rescan();
    (folder, rescan)
}

fn annotation(rescan: &Rescan) -> Option<String> {
    let Object::Node(node) = applied(rescan, "Node/node-a") else {
        panic!()
    };
    node.metadata.annotations.bgp_router_id.clone()
}

fn places(manifest: &str) -> (TempDir, TempDir) {
    (
        folder(&[("n.yaml", manifest)]),
        tempfile::tempdir().expect("a temporary folder"),
    )
}

#[test]
fn what_is_written_comes_back_as_the_nodes_annotation_and_survives_a_restart() {
    let (dir, state) = places(&node("node-a", None));
    let (mut folder, first) = open(&dir, &state);
    assert_eq!(annotation(&first), None);

    let written = folder.write_router_id("node-a", FIRST);
    assert_eq!(changes(&written), ["+Node/node-a"]);
    assert_eq!(annotation(&written), Some(FIRST.to_string()));
    assert!(folder.rescan().is_empty());

    write(
        dir.path(),
        "n.yaml",
        &(node("node-a", None) + "spec: {unschedulable: true}\n"),
    );
    assert_eq!(
        annotation(&folder.rescan()),
        Some(FIRST.to_string()),
        "another field changed"
    );
    assert_eq!(
        annotation(&open(&dir, &state).1),
        Some(FIRST.to_string()),
        "after a restart"
    );
}

#[test]
fn an_edit_of_the_manifest_is_later_than_what_was_written() {
    let (dir, state) = places(&node("node-a", None));
    let (mut folder, _) = open(&dir, &state);
    let _ = folder.write_router_id("node-a", FIRST);

    write(dir.path(), "n.yaml", &node("node-a", Some("10.0.0.7")));
    assert_eq!(annotation(&folder.rescan()), Some("10.0.0.7".to_owned()));
    // The annotation is taken out again: it is gone, the earlier value does not return.
    write(dir.path(), "n.yaml", &node("node-a", None));
    assert_eq!(annotation(&folder.rescan()), None);
    assert_eq!(annotation(&open(&dir, &state).1), None);
}

#[test]
fn what_is_written_over_an_invalid_annotation_is_later_than_it() {
    let (dir, state) = places(&node("node-a", Some("not an address")));
    let (mut folder, first) = open(&dir, &state);
    assert_eq!(annotation(&first), Some("not an address".to_owned()));
    assert_eq!(
        annotation(&folder.write_router_id("node-a", FIRST)),
        Some(FIRST.to_string())
    );
    assert_eq!(annotation(&open(&dir, &state).1), Some(FIRST.to_string()));
    write(dir.path(), "n.yaml", &node("node-a", Some("192.0.2.2")));
    assert_eq!(annotation(&folder.rescan()), Some(SECOND.to_string()));
}

#[test]
fn a_corrupt_file_is_reported_and_counts_as_absent() {
    let (dir, state) = places(&node("node-a", None));
    let (mut folder, _) = open(&dir, &state);
    let _ = folder.write_router_id("node-a", FIRST);
    let kept = state.path().join("agent/router-id.node-a");
    assert_eq!(
        fs::read_to_string(&kept).expect("the kept file"),
        "192.0.2.1\n"
    );

    for corrupt in ["", "192.0.2", "192.0.2.1", "192.0.2.1\nx\ny\n"] {
        fs::write(&kept, corrupt).expect("file");
        let (mut folder, rescan) = open(&dir, &state);
        assert_eq!(annotation(&rescan), None, "{corrupt:?}");
        let [diagnostic] = &shown(state.path(), &rescan.added)[..] else {
            panic!("{corrupt:?}")
        };
        assert!(diagnostic.starts_with("agent/router-id.node-a: warning: not a kept router ID"));
        let written = folder.write_router_id("node-a", SECOND);
        assert_eq!(annotation(&written), Some(SECOND.to_string()));
        assert_eq!(written.cleared, rescan.added);
    }
}

#[test]
fn a_failure_to_write_is_a_diagnostic() {
    let (dir, state) = places(&node("node-a", None));
    let (mut folder, _) = open(&dir, &state);
    fs::remove_dir_all(state.path().join("agent")).expect("remove");
    let failed = folder.write_router_id("node-a", FIRST);
    assert_eq!(changes(&failed), [] as [&str; 0]);
    assert!(
        failed.added[0]
            .to_string()
            .contains("cannot keep the router ID")
    );
    let strange = folder.write_router_id("../node-a", FIRST);
    assert!(
        strange.added[0]
            .to_string()
            .contains("is no name of a Node"),
        "{strange:?}"
    );
}

#[test]
fn a_router_id_that_could_not_be_kept_is_tried_again_at_each_look() {
    let (dir, state) = places(&node("node-a", None));
    let (mut folder, _) = open(&dir, &state);
    let place = state.path().join("agent");
    fs::remove_dir_all(&place).expect("remove");
    assert_eq!(folder.write_router_id("node-a", FIRST).added.len(), 1);
    assert!(folder.rescan().is_empty(), "still not there");

    fs::create_dir(&place).expect("create");
    let kept = folder.rescan();
    assert_eq!(annotation(&kept), Some(FIRST.to_string()));
    assert_eq!(kept.cleared.len(), 1);
    assert!(folder.rescan().is_empty(), "once is enough");
}

#[test]
fn a_router_id_handed_in_right_before_the_end_is_kept() {
    let (dir, state) = places(&node("node-a", None));
    let (folder, _) = open(&dir, &state);
    let watcher = Watcher::start(folder, WatchOptions::default(), drop).expect("watcher");
    watcher.write_router_id("node-a", FIRST);
    watcher.finish();
    assert_eq!(annotation(&open(&dir, &state).1), Some(FIRST.to_string()));
}
