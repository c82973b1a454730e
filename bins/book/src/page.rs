//! One page of Markdown.

use std::collections::BTreeMap;
use std::path::Path;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What a page has, each with its line in the file.
#[derive(Debug, Default)]
pub struct Page {
    /// The headings in order; the first is the title.
    pub headings: Vec<Heading>,
    /// Links and images.
    pub links: Vec<Link>,
    /// Blocks of code, indented or fenced.
    pub blocks: Vec<CodeBlock>,
    /// Code within the text, in backquotes.
    pub spans: Vec<CodeSpan>,
    /// What is wrong with the page itself.
    pub(crate) findings: Vec<Finding>,
    /// The page as it is written.
    pub(crate) text: String,
}

/// A heading.
#[derive(Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its text.
    pub text: String,
    /// What a link to it has after the `#`.
    pub anchor: String,
}

/// A link or an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, as it is written.
    pub destination: String,
    /// Its line, from 1 on.
    pub line: usize,
}

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// The language of a fenced block; empty if none is named, or if it is indented.
    pub language: String,
    /// Its text.
    pub text: String,
    /// The line of its first line of code, from 1 on.
    pub line: usize,
}

/// Code within the text.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSpan {
    /// The code.
    pub text: String,
    /// Its line, from 1 on.
    pub line: usize,
}

/// Something that is wrong in a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    line: usize,
    what: &'static str,
}

impl Finding {
    pub(crate) fn at(&self, file: &Path) -> String {
        crate::at(file, self.line, self.what)
    }
}

/// The events of a page. What is more than tables, mdBook and the forges read differently.
pub(crate) fn events(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

impl Page {
    /// Reads a page.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut page = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        let mut anchors = BTreeMap::new();
        let mut heading: Option<String> = None;
        let mut block: Option<CodeBlock> = None;
        for (event, range) in events(text).into_offset_iter() {
            let line = line_of(text, range.start);
            if let Event::Code(code) = &event {
                let text = code.to_string();
                page.spans.push(CodeSpan { text, line });
            }
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let text = heading.take().unwrap_or_default();
                    let anchor = anchor(&text, &mut anchors);
                    page.headings.push(Heading { text, anchor });
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link {
                        destination: dest_url.into_string(),
                        line,
                    });
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    // A fence is a line of its own.
                    let (language, line) = match kind {
                        CodeBlockKind::Fenced(language) => (language.into_string(), line + 1),
                        CodeBlockKind::Indented => (String::new(), line),
                    };
                    let text = String::new();
                    block = Some(CodeBlock {
                        language,
                        text,
                        line,
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(block) = &mut block {
                        block.text += &text;
                    } else if let Some(heading) = &mut heading {
                        *heading += &text;
                    }
                }
                Event::Html(_) | Event::InlineHtml(_) => page.findings.push(Finding {
                    line,
                    what: "HTML, of which no link is checked: write Markdown, or quote it as code",
                }),
                _ => {}
            }
        }
        page
    }

    /// The first heading, if there is one.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        Some(&self.headings.first()?.text)
    }
}

/// The line of an octet, from 1 on.
pub(crate) fn line_of(text: &str, octet: usize) -> usize {
    text[..octet].matches('\n').count() + 1
}

/// The anchor of a heading as the forges make it: letters, digits, `-` and `_` in lower case, `-`
/// for a space; a number after one that the page has already.
fn anchor(heading: &str, taken: &mut BTreeMap<String, usize>) -> String {
    let mut anchor = String::new();
    for character in heading.trim().chars() {
        if character.is_alphanumeric() || matches!(character, '-' | '_') {
            anchor.extend(character.to_lowercase());
        } else if character == ' ' {
            anchor.push('-');
        }
    }
    let count = taken.entry(anchor.clone()).or_default();
    *count += 1;
    match *count {
        1 => anchor,
        more => format!("{anchor}-{}", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_the_forges() {
        let page = Page::parse("# What \"works\" means\n## `plan` on Antrea's\n## A\n## A\n");
        let anchors: Vec<_> = page.headings.iter().map(|it| it.anchor.as_str()).collect();
        assert_eq!(anchors, ["what-works-means", "plan-on-antreas", "a", "a-1"]);
        assert_eq!(page.title(), Some("What \"works\" means"));
    }

    #[test]
    fn links_and_blocks_have_their_lines() {
        let text =
            "# T\n\na\n[b](c.md#d) ![e](f.svg) `g h`\n\n    one\n    two\n\n```sh\nthree\n```\n";
        let page = Page::parse(text);
        let links = page.links.iter().map(|it| (it.line, &*it.destination));
        assert_eq!(links.collect::<Vec<_>>(), [(4, "c.md#d"), (4, "f.svg")]);
        let (span, line) = ("g h".to_owned(), 4);
        assert_eq!(page.spans, [CodeSpan { text: span, line }]);
        let blocks: Vec<_> = page
            .blocks
            .iter()
            .map(|it| (it.line, &*it.language, &*it.text))
            .collect();
        assert_eq!(blocks, [(6, "", "one\ntwo\n"), (10, "sh", "three\n")]);
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let page = Page::parse("text\n\n<a href=\"x\">y</a>\n");
        let findings: Vec<_> = page
            .findings
            .iter()
            .map(|it| it.at(Path::new("x.md")))
            .collect();
        assert!(findings[0].starts_with("x.md:3: HTML"), "{findings:?}");
    }
}
