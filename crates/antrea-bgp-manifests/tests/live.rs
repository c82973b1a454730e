//! What a second look at a folder yields.

mod common;

use std::fs;
use std::os::unix::fs::symlink;

use antrea_bgp_api::Object;
use antrea_bgp_manifests::{Folder, Rescan};
use common::{applied, changes, folder, policy, service, shown, write};
use tempfile::TempDir;

fn opened(files: &[(&str, &str)]) -> (TempDir, Folder, Rescan) {
    let dir = folder(files);
    let mut opened = Folder::open(dir.path()).expect("folder");
    let first = opened.rescan();
    (dir, opened, first)
}

#[test]
fn only_what_changed_is_yielded() {
    let text = service("a", "10.0.0.1") + "---\n" + &service("b", "10.0.0.2");
    let (dir, mut folder, _) = opened(&[("ab.yaml", &text)]);
    assert!(folder.rescan().is_empty());
    write(dir.path(), "ab.yaml", &text);
    assert!(
        folder.rescan().is_empty(),
        "the same content, written again"
    );
    write(
        dir.path(),
        "ab.yaml",
        &format!(
            "# a comment\n{}",
            text.replace("[10.0.0.2]", "\n  - 10.0.0.2")
        ),
    );
    assert!(
        folder.rescan().is_empty(),
        "the same content, laid out differently"
    );
    write(dir.path(), "ab.yaml", &text.replace("10.0.0.2", "10.0.0.3"));
    assert_eq!(changes(&folder.rescan()), ["+Service/default/b"]);
    write(dir.path(), "ab.yaml", &service("a", "10.0.0.1"));
    assert_eq!(changes(&folder.rescan()), ["-Service/default/b"]);
}

#[test]
fn a_file_that_goes_withdraws_its_objects_and_one_that_moves_does_not() {
    let (dir, mut folder, _) = opened(&[
        ("a.yaml", &service("a", "10.0.0.1")),
        ("b.yaml", &service("b", "10.0.0.2")),
    ]);
    fs::create_dir(dir.path().join("sub")).expect("folder");
    fs::rename(dir.path().join("a.yaml"), dir.path().join("sub/z.yaml")).expect("rename");
    assert!(folder.rescan().is_empty());
    fs::remove_file(dir.path().join("b.yaml")).expect("remove");
    assert_eq!(changes(&folder.rescan()), ["-Service/default/b"]);
}

#[test]
fn what_replaces_comes_before_what_goes() {
    let (dir, mut folder, _) = opened(&[("p.yaml", &policy("old", "64512"))]);
    write(dir.path(), "p.yaml", &policy("new", "64512"));
    assert_eq!(
        changes(&folder.rescan()),
        ["+BGPPolicy/new", "-BGPPolicy/old"]
    );
}

#[test]
fn a_half_written_file_keeps_its_last_good_objects() {
    let text = service("a", "10.0.0.1") + "---\n" + &service("b", "10.0.0.2");
    let (dir, mut folder, _) = opened(&[("ab.yaml", &text)]);

    write(dir.path(), "ab.yaml", &text[..text.len() - 3]);
    let broken = folder.rescan();
    assert_eq!(changes(&broken), [] as [&str; 0]);
    let [diagnostic] = &shown(dir.path(), &broken.added)[..] else {
        panic!("{:?}", broken.added)
    };
    assert!(diagnostic.starts_with("ab.yaml:"), "{diagnostic}");
    assert!(
        diagnostic.contains(": error: not valid YAML: "),
        "{diagnostic}"
    );
    assert!(diagnostic.ends_with("the 2 objects of this file keep their last good form"));

    write(dir.path(), "ab.yaml", &text.replace("10.0.0.2", "10.0.0.3"));
    let whole = folder.rescan();
    assert_eq!(changes(&whole), ["+Service/default/b"]);
    assert_eq!(whole.cleared, broken.added);
}

#[test]
fn of_a_file_that_is_broken_from_the_start_the_documents_that_parse_count() {
    let text = format!(
        "{}---\nx: [\n---\n{}",
        service("a", "10.0.0.1"),
        service("b", "10.0.0.2")
    );
    let (dir, _, first) = opened(&[("ab.yaml", &text)]);
    assert_eq!(
        changes(&first),
        ["+Service/default/a", "+Service/default/b"]
    );
    assert_eq!(
        first.added.len(),
        1,
        "{:?}",
        shown(dir.path(), &first.added)
    );
}

#[test]
fn a_file_that_was_emptied_a_moment_ago_is_given_time() {
    let (dir, mut folder, _) = opened(&[("a.yaml", &service("a", "10.0.0.1"))]);
    write(dir.path(), "a.yaml", "");
    assert!(folder.rescan().is_empty());
    assert!(folder.is_settling());
    write(dir.path(), "a.yaml", &service("a", "10.0.0.2"));
    assert_eq!(changes(&folder.rescan()), ["+Service/default/a"]);
    assert!(!folder.is_settling());
}

#[test]
fn an_object_that_stops_decoding_is_invalid_until_it_decodes_again() {
    let (dir, mut folder, _) = opened(&[("p.yaml", &policy("p", "64512"))]);
    write(dir.path(), "p.yaml", &policy("p", "many"));
    let invalid = folder.rescan();
    assert_eq!(changes(&invalid), ["!BGPPolicy/p"]);
    assert_eq!(invalid.added.len(), 1);
    write(dir.path(), "p.yaml", &policy("p", "64512"));
    let valid = folder.rescan();
    assert_eq!(changes(&valid), ["+BGPPolicy/p"]);
    assert_eq!(valid.cleared, invalid.added);
}

#[test]
fn of_one_object_in_two_files_the_first_counts_and_the_second_takes_over() {
    let (dir, mut folder, first) = opened(&[
        ("a.yaml", &service("web", "10.0.0.1")),
        ("b.yaml", &service("web", "10.0.0.2")),
    ]);
    let Object::Service(web) = applied(&first, "Service/default/web") else {
        panic!()
    };
    assert_eq!(web.spec.cluster_ips, ["10.0.0.1"]);
    assert_eq!(changes(&first), ["+Service/default/web"]);
    let [diagnostic] = &shown(dir.path(), &first.added)[..] else {
        panic!("{:?}", first.added)
    };
    assert_eq!(
        diagnostic,
        "b.yaml:1:1: warning: Service/default/web: not used: the same object is in a.yaml:1:1, the \
         first by path"
    );

    write(dir.path(), "b.yaml", &service("web", "10.0.0.3"));
    assert_eq!(
        changes(&folder.rescan()),
        [] as [&str; 0],
        "a change of what is not used"
    );

    fs::remove_file(dir.path().join("a.yaml")).expect("remove");
    let second = folder.rescan();
    let Object::Service(web) = applied(&second, "Service/default/web") else {
        panic!()
    };
    assert_eq!(web.spec.cluster_ips, ["10.0.0.3"]);
    assert_eq!(second.cleared, first.added);
}

#[test]
fn a_configmap_swap_is_a_change_of_its_files() {
    let (dir, mut folder, _) = opened(&[
        ("..1/web.yaml", &service("web", "10.0.0.1")),
        ("..2/web.yaml", &service("web", "10.0.0.2")),
    ]);
    symlink("..1", dir.path().join("..data")).expect("link");
    symlink("..data/web.yaml", dir.path().join("web.yaml")).expect("link");
    assert_eq!(changes(&folder.rescan()), ["+Service/default/web"]);
    symlink("..2", dir.path().join("..data_tmp")).expect("link");
    fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).expect("swap");
    let swapped = folder.rescan();
    let Object::Service(web) = applied(&swapped, "Service/default/web") else {
        panic!()
    };
    assert_eq!(web.spec.cluster_ips, ["10.0.0.2"]);
}

#[test]
fn a_folder_that_vanishes_keeps_its_objects_and_is_reported() {
    let outer = folder(&[("inner/a.yaml", &service("a", "10.0.0.1"))]);
    let inner = outer.path().join("inner");
    let mut folder = Folder::open(&inner).expect("folder");
    assert_eq!(changes(&folder.rescan()), ["+Service/default/a"]);

    fs::rename(&inner, outer.path().join("away")).expect("rename");
    let gone = folder.rescan();
    assert_eq!(changes(&gone), [] as [&str; 0]);
    let [diagnostic] = &shown(outer.path(), &gone.added)[..] else {
        panic!("{:?}", gone.added)
    };
    assert!(
        diagnostic.starts_with("inner: error: the folder cannot be listed"),
        "{diagnostic}"
    );
    assert!(folder.rescan().is_empty());

    fs::rename(outer.path().join("away"), &inner).expect("rename");
    let back = folder.rescan();
    assert_eq!(changes(&back), [] as [&str; 0]);
    assert_eq!(back.cleared, gone.added);
}

#[test]
fn what_takes_over_comes_once_its_own_file_can_be_read() {
    let (dir, mut folder, _) = opened(&[
        ("a.yaml", &service("web", "10.0.0.1")),
        ("b.yaml", &service("web", "10.0.0.2")),
    ]);
    write(dir.path(), "b.yaml", "broken: [");
    assert_eq!(changes(&folder.rescan()), [] as [&str; 0]);
    fs::remove_file(dir.path().join("a.yaml")).expect("remove");
    assert_eq!(
        changes(&folder.rescan()),
        [] as [&str; 0],
        "neither gone nor known"
    );
    write(dir.path(), "b.yaml", &service("web", "10.0.0.2"));
    assert_eq!(changes(&folder.rescan()), ["+Service/default/web"]);
}
