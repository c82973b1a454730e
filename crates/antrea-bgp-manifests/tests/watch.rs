//! Live changes through the watcher. Every wait is bounded.

mod common;

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use antrea_bgp_manifests::{Folder, Rescan, StateDir, WatchOptions, Watcher};
use common::{changes, folder, node, policy, service, write};

const PATIENCE: Duration = Duration::from_secs(20);

struct Watched {
    watcher: Watcher,
    rescans: Receiver<Rescan>,
}

/// Watches with a poll so rare that only events can bring a change in time.
fn watch(dir: &Path) -> Watched {
    let mut options = WatchOptions::default();
    options.poll = PATIENCE * 10;
    start(Folder::open(dir).expect("folder"), options)
}

fn start(folder: Folder, options: WatchOptions) -> Watched {
    let (sender, rescans) = mpsc::channel();
    let sink = move |rescan| {
        let _ = sender.send(rescan);
    };
    let watcher = Watcher::start(folder, options, sink).expect("thread");
    Watched { watcher, rescans }
}

impl Watched {
    fn next(&self) -> Rescan {
        self.rescans
            .recv_timeout(PATIENCE)
            .expect("a change in time")
    }

    /// The changes of the next rescan that has any.
    fn changes(&self) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let changes = changes(&self.next());
            if !changes.is_empty() {
                return changes;
            }
        }
        panic!("only diagnostics");
    }
}

#[test]
fn edits_new_files_renames_and_deletions_are_seen() {
    let dir = folder(&[("a.yaml", &service("a", "10.0.0.1"))]);
    let watched = watch(dir.path());
    assert_eq!(watched.changes(), ["+Service/default/a"]);

    write(dir.path(), "a.yaml", &service("a", "10.0.0.2"));
    assert_eq!(watched.changes(), ["+Service/default/a"]);
    write(dir.path(), "new/sub/p.yaml", &policy("p", "64512"));
    assert_eq!(watched.changes(), ["+BGPPolicy/p"]);
    write(dir.path(), "new/sub/p.yaml", &policy("p", "64513"));
    assert_eq!(watched.changes(), ["+BGPPolicy/p"]);
    // An editor's way: written beside, then moved over.
    write(dir.path(), ".a.yaml.swp", &service("a", "10.0.0.3"));
    fs::rename(dir.path().join(".a.yaml.swp"), dir.path().join("a.yaml")).expect("rename");
    assert_eq!(watched.changes(), ["+Service/default/a"]);
    fs::remove_file(dir.path().join("a.yaml")).expect("remove");
    assert_eq!(watched.changes(), ["-Service/default/a"]);
}

#[test]
fn a_file_written_in_pieces_settles_before_it_is_read() {
    use std::io::Write;

    let dir = folder(&[("a.yaml", &service("a", "10.0.0.1"))]);
    // Pauses within a write are far below this, however busy the machine.
    let mut options = WatchOptions::default();
    options.debounce = Duration::from_secs(2);
    options.max_delay = PATIENCE;
    let watched = start(Folder::open(dir.path()).expect("folder"), options);
    assert_eq!(watched.changes(), ["+Service/default/a"]);

    let text = service("a", "10.0.0.2") + "---\n" + &service("b", "10.0.0.3");
    let mut file = fs::File::create(dir.path().join("a.yaml")).expect("file");
    for piece in text.as_bytes().chunks(16) {
        file.write_all(piece).expect("write");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(file);
    let rescan = watched.next();
    assert_eq!(
        changes(&rescan),
        ["+Service/default/a", "+Service/default/b"]
    );
    assert_eq!(rescan.added, [], "it was never seen half-written");
}

#[test]
fn a_configmap_swap_is_seen() {
    let dir = folder(&[
        ("..1/web.yaml", &service("web", "10.0.0.1")),
        ("..2/web.yaml", &service("web", "10.0.0.2")),
    ]);
    symlink("..1", dir.path().join("..data")).expect("link");
    symlink("..data/web.yaml", dir.path().join("web.yaml")).expect("link");
    let watched = watch(dir.path());
    assert_eq!(watched.changes(), ["+Service/default/web"]);
    symlink("..2", dir.path().join("..data_tmp")).expect("link");
    fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).expect("swap");
    assert_eq!(watched.changes(), ["+Service/default/web"]);
}

#[test]
fn a_folder_that_is_replaced_is_watched_again() {
    let outer = folder(&[("inner/a.yaml", &service("a", "10.0.0.1"))]);
    let inner = outer.path().join("inner");
    let mut options = WatchOptions::default();
    options.poll = Duration::from_millis(100);
    options.poll_without_events = Duration::from_millis(100);
    let watched = start(Folder::open(&inner).expect("folder"), options);
    assert_eq!(watched.changes(), ["+Service/default/a"]);

    fs::rename(&inner, outer.path().join("away")).expect("rename");
    let gone = watched.next();
    assert_eq!((changes(&gone), gone.added.len()), (vec![], 1));
    write(&inner, "b.yaml", &service("b", "10.0.0.2"));
    // It may be seen while it has no file yet.
    let mut seen = watched.changes();
    while seen.len() < 2 {
        seen.extend(watched.changes());
    }
    seen.sort();
    assert_eq!(seen, ["+Service/default/b", "-Service/default/a"]);
    write(&inner, "b.yaml", &service("b", "10.0.0.3"));
    assert_eq!(watched.changes(), ["+Service/default/b"]);
}

#[test]
fn without_events_the_folder_is_polled() {
    let dir = folder(&[("a.yaml", &service("a", "10.0.0.1"))]);
    let mut options = WatchOptions::default();
    options.events = false;
    options.poll_without_events = Duration::from_millis(50);
    let watched = start(Folder::open(dir.path()).expect("folder"), options);
    assert_eq!(watched.changes(), ["+Service/default/a"]);
    write(dir.path(), "a.yaml", &service("a", "10.0.0.2"));
    assert_eq!(watched.changes(), ["+Service/default/a"]);
}

#[test]
fn a_written_router_id_brings_the_node_again() {
    let dir = folder(&[("n.yaml", &node("node-a", None))]);
    let state = tempfile::tempdir().expect("a temporary folder");
    let kept = StateDir::open(state.path()).expect("state directory");
    let folder = Folder::open(dir.path()).expect("folder").with_state(kept);
    let watched = start(folder, WatchOptions::default());
    assert_eq!(watched.changes(), ["+Node/node-a"]);
    watched
        .watcher
        .write_router_id("node-a", Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(watched.changes(), ["+Node/node-a"]);
}
