//! The book of this repository, and that a finding in another one names its place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use book::Book;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

/// The values of an attribute.
fn values<'t>(html: &'t str, attribute: &str) -> Vec<&'t str> {
    let begin = format!(" {attribute}=\"");
    let rests = html.split(&begin).skip(1);
    rests.filter_map(|rest| rest.split('"').next()).collect()
}

/// The Markdown was checked while it was read; this looks at what a browser gets.
#[test]
fn every_link_of_the_html_leads_somewhere() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("book");
    let book = Book::load(&root()).unwrap_or_else(|error| panic!("{error:#}"));
    book.write(&out).expect("a free disk");
    let pages: BTreeMap<PathBuf, String> = files(&out)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "html"))
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a page");
            (file.canonicalize().expect("it is there"), text)
        })
        .collect();
    assert!(pages.len() > book.chapters().count(), "{}", pages.len());
    for (file, html) in &pages {
        let links = [values(html, "href"), values(html, "src")].concat();
        for link in links.into_iter().filter(|link| !link.contains(':')) {
            let place = || format!("{}: {link}", file.display());
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = match path {
                "" => file.clone(),
                path => file.parent().expect("a folder").join(path),
            };
            let to = to
                .canonicalize()
                .unwrap_or_else(|error| panic!("{}: {error}", place()));
            if !anchor.is_empty() {
                assert!(values(&pages[&to], "id").contains(&anchor), "{}", place());
            }
        }
    }
}

#[test]
fn every_chapter_has_its_neighbours_and_the_list() {
    let folder = TempDir::new().expect("a folder");
    let book = Book::load(&root()).unwrap_or_else(|error| panic!("{error:#}"));
    book.write(folder.path()).expect("a free disk");
    let count = book.chapters().count();
    let mut steps = (0, 0);
    for (title, file) in book.chapters() {
        let name = Path::new(file.file_name().expect("a name")).with_extension("html");
        let html = fs::read_to_string(folder.path().join(name)).expect("a page");
        assert_eq!(html.matches("aria-current=\"page\"").count(), 1, "{title}");
        steps.0 += html.matches("rel=\"prev\"").count();
        steps.1 += html.matches("rel=\"next\"").count();
    }
    assert_eq!(steps, (count - 1, count - 1));
}

/// A repository of these files.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a free disk");
        fs::write(path, text).expect("a free disk");
    }
    folder
}

#[test]
fn findings_name_file_and_line() {
    let folder = repository(&[
        (
            "README.md",
            "# R\n\n[a](docs/a.md) [gone](docs/gone.md)\n[b](crates/x/GUIDE.md)\n",
        ),
        (
            "docs/SUMMARY.md",
            "# Summary\n\n- [A](a.md)\n- [C](c.md)\n- [D](d.md)\n",
        ),
        (
            "docs/a.md",
            "# A\n\n[x](#y)\n\n[f](../deploy/f.yaml) [g](../deploy/g.yaml#h)\n",
        ),
        ("docs/b.md", "# B\n"),
        ("docs/d.md", "D\n"),
        ("deploy/g.yaml", ""),
        (
            "crates/x/GUIDE.md",
            "# X\n\n[S](crate::S)\n[out](../../../out)\n[A](../../docs/a.md#b)\n",
        ),
    ]);
    let error = Book::load(folder.path())
        .expect_err("much is wrong")
        .to_string();
    let mut findings: Vec<&str> = error.lines().collect();
    findings.sort_unstable();
    assert_eq!(
        findings,
        [
            "README.md:3: docs/gone.md does not exist",
            "crates/x/GUIDE.md:4: ../../../out leads out of the repository",
            "crates/x/GUIDE.md:5: docs/a.md has no heading #b",
            "docs/SUMMARY.md:4: docs/c.md does not exist",
            "docs/a.md:3: docs/a.md has no heading #y",
            "docs/a.md:5: #h: deploy/g.yaml is no Markdown page and has no headings",
            "docs/a.md:5: deploy/f.yaml does not exist",
            "docs/b.md:1: no chapter: add it to docs/SUMMARY.md",
            "docs/d.md:1: no title: begin with `# …`",
        ]
    );
}
