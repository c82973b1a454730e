//! `docs/SUMMARY.md`: parts as headings, chapters as a list of links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use crate::page::{events, line_of};

/// A line of the summary.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// The title of the chapters that follow.
    Part(String),
    /// A chapter.
    Chapter {
        /// Its title in the list.
        title: String,
        /// Its file, from the repository's root.
        file: PathBuf,
        /// Its line in the summary.
        line: usize,
    },
}

/// The items, and what is wrong with them.
pub(crate) fn parse(text: &str, summary: &Path) -> (Vec<Item>, Vec<String>) {
    let folder = summary.parent().unwrap_or(Path::new(""));
    let (mut items, mut findings, mut files) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut words = String::new();
    let mut link = None;
    // mdBook takes the first heading for the title of the list.
    let mut headings = 0;
    for (event, range) in events(text).into_offset_iter() {
        let line = line_of(text, range.start);
        match event {
            Event::Start(Tag::Heading { .. }) => words.clear(),
            Event::Start(Tag::Link { dest_url, .. }) => {
                words.clear();
                link = Some((dest_url.into_string(), line));
            }
            Event::Text(text) | Event::Code(text) => words += &text,
            Event::End(TagEnd::Heading(level)) => {
                headings += 1;
                if level != HeadingLevel::H1 {
                    findings.push(crate::at(summary, line, "a part is a heading with one `#`"));
                } else if headings > 1 {
                    items.push(Item::Part(words.clone()));
                }
            }
            Event::End(TagEnd::Link) => {
                let Some((destination, line)) = link.take() else {
                    continue;
                };
                let file = folder.join(&destination);
                if destination.contains(['#', ':']) || destination.starts_with("..") {
                    let why = format!("{destination} is no page of {}", folder.display());
                    findings.push(crate::at(summary, line, &why));
                } else if files.insert(file.clone()) {
                    let title = words.clone();
                    items.push(Item::Chapter { title, file, line });
                } else {
                    findings.push(crate::at(summary, line, "listed twice"));
                }
            }
            _ => {}
        }
    }
    (items, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_chapters_come_in_order() {
        let text = "# Summary\n\n- [One](one.md)\n\n# Part\n\n- [`Two`](two.md)\n";
        let (items, findings) = parse(text, Path::new("docs/SUMMARY.md"));
        let chapter = |title: &str, file: &str, line| Item::Chapter {
            title: title.into(),
            file: file.into(),
            line,
        };
        let expected = [
            chapter("One", "docs/one.md", 3),
            Item::Part("Part".into()),
            chapter("Two", "docs/two.md", 7),
        ];
        assert_eq!((items.as_slice(), findings), (&expected[..], vec![]));
    }

    #[test]
    fn what_is_no_chapter_is_refused() {
        let text = "# S\n- [A](a.md)\n- [B](a.md)\n- [C](../c.md)\n## D\n";
        let (_, findings) = parse(text, Path::new("docs/SUMMARY.md"));
        assert_eq!(
            findings,
            [
                "docs/SUMMARY.md:3: listed twice",
                "docs/SUMMARY.md:4: ../c.md is no page of docs",
                "docs/SUMMARY.md:5: a part is a heading with one `#`",
            ]
        );
    }
}
