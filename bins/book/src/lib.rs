//! The pages under `docs/` as a book: read, checked, and written as HTML that needs nothing else.
//!
//! What belongs to it is said by `docs/SUMMARY.md`, in the form that mdBook reads. Beside the
//! chapters come the README and every other Markdown page of the repository that one of them links
//! to, so that the links of those are checked as well.

mod html;
mod links;
mod page;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

pub use page::{CodeBlock, CodeSpan, Heading, Link, Page};
pub use summary::Item;

use links::Destination;

/// The folder of the chapters.
const DOCS: &str = "docs";

/// Pages, and what they link to. All paths are relative to the repository's root.
#[derive(Debug)]
pub struct Book {
    root: PathBuf,
    /// What `docs/SUMMARY.md` lists, in order.
    pub items: Vec<Item>,
    /// Chapters and the other Markdown pages, by path.
    pub pages: BTreeMap<PathBuf, Page>,
    /// Files and folders that are no Markdown and are linked to.
    others: BTreeSet<PathBuf>,
}

impl Book {
    /// Reads the book of a repository and follows every link.
    ///
    /// # Errors
    ///
    /// When a page cannot be read, or anything is wrong in one: each finding is a line that begins
    /// with file and line.
    pub fn load(root: &Path) -> Result<Self> {
        let summary = Path::new(DOCS).join("SUMMARY.md");
        let (items, mut findings) = summary::parse(&read(root, &summary)?, &summary);
        let mut book = Self {
            root: root.to_owned(),
            items,
            pages: BTreeMap::new(),
            others: BTreeSet::new(),
        };
        findings.extend(book.unlisted(&summary)?);
        let mut waiting: Vec<PathBuf> = book.chapters().map(|(_, file)| file.to_owned()).collect();
        waiting.push("README.md".into());
        while let Some(file) = waiting.pop() {
            // A chapter that does not exist is a link of the summary that leads nowhere.
            if book.pages.contains_key(&file) || !root.join(&file).is_file() {
                continue;
            }
            let page = Page::parse(&read(root, &file)?);
            if page.title().is_none() && file.starts_with(DOCS) {
                findings.push(at(&file, 1, "no title: begin with `# …`"));
            }
            findings.extend(page.findings.iter().map(|it| it.at(&file)));
            for link in &page.links {
                match links::resolve(root, &file, &link.destination) {
                    Ok(Destination::Page { file, .. }) => waiting.push(file),
                    Ok(Destination::Other(path)) => {
                        book.others.insert(path);
                    }
                    Ok(Destination::Elsewhere | Destination::Rustdoc) => {}
                    Err(why) => findings.push(at(&file, link.line, &why)),
                }
            }
            book.pages.insert(file, page);
        }
        findings.extend(book.dead_anchors());
        ensure!(findings.is_empty(), "{}", findings.join("\n"));
        Ok(book)
    }

    /// The chapters in order, each with its title in the summary and its file.
    pub fn chapters(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.items.iter().filter_map(|item| match item {
            Item::Part(_) => None,
            Item::Chapter { title, file, .. } => Some((title.as_str(), file.as_path())),
        })
    }

    /// Writes the book into a folder, whose former content goes.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or one that is shown is no text.
    pub fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("clearing {}", folder.display()))?;
        }
        for (path, content) in html::files(self)? {
            let path = folder.join(path);
            let parent = path.parent().context("a file is in a folder")?;
            fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
            fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    /// Chapters that do not exist, and pages of `docs/` that are no chapter.
    fn unlisted(&self, summary: &Path) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for item in &self.items {
            let Item::Chapter { file, line, .. } = item else {
                continue;
            };
            if !self.root.join(file).is_file() {
                let why = format!("{} does not exist", file.display());
                findings.push(at(summary, *line, &why));
            }
        }
        let listed: BTreeSet<&Path> = self.chapters().map(|(_, file)| file).collect();
        for file in markdown_below(&self.root, Path::new(DOCS))? {
            if file != summary && !listed.contains(file.as_path()) {
                let why = format!("no chapter: add it to {}", summary.display());
                findings.push(at(&file, 1, &why));
            }
        }
        Ok(findings)
    }

    fn dead_anchors(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for (file, page) in &self.pages {
            for link in &page.links {
                let resolved = links::resolve(&self.root, file, &link.destination);
                let Ok(Destination::Page {
                    file: to,
                    anchor: Some(anchor),
                }) = resolved
                else {
                    continue;
                };
                let there = self.pages.get(&to);
                if !there.is_some_and(|page| page.headings.iter().any(|it| it.anchor == anchor)) {
                    let why = format!("{} has no heading #{anchor}", to.display());
                    findings.push(at(file, link.line, &why));
                }
            }
        }
        findings
    }
}

/// A finding at its place.
fn at(file: &Path, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", file.display())
}

fn read(root: &Path, file: &Path) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| format!("reading {}", file.display()))
}

/// The Markdown files below a folder, in order.
fn markdown_below(root: &Path, folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let entries = fs::read_dir(root.join(folder));
    for entry in entries.with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files.extend(markdown_below(root, &path)?);
        } else if links::is_markdown(&path) {
            files.insert(path);
        }
    }
    Ok(files)
}
