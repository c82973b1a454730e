//! The book as HTML.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pulldown_cmark::{CowStr, Event, Tag, TagEnd, html::push_html};

use crate::links::{self, Destination};
use crate::{Book, DOCS, Item, Page};

const STYLE: &str = include_str!("book.css");

/// Every file of the book, by its path there.
pub(crate) fn files(book: &Book) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = vec![(PathBuf::from("book.css"), STYLE.as_bytes().to_vec())];
    let chapters: Vec<&Path> = book.chapters().map(|(_, file)| file).collect();
    for (file, page) in &book.pages {
        let position = chapters.iter().position(|chapter| chapter == file);
        let neighbour = |offset: isize| {
            let position = position?.checked_add_signed(offset)?;
            chapters.get(position).copied()
        };
        let around = Around {
            previous: neighbour(-1),
            next: neighbour(1),
        };
        let name = file.display().to_string();
        let title = page.title().unwrap_or(&name);
        let text = whole(book, file, title, &body(book, file, page), around);
        if position == Some(0) {
            files.push(("index.html".into(), text.clone().into_bytes()));
        }
        files.push((place(file), text.into_bytes()));
    }
    for path in &book.others {
        files.push((place(path), other(book, path)?));
    }
    Ok(files)
}

/// Where a file of the repository is in the book: chapters at its root, the rest below `repository`.
fn place(file: &Path) -> PathBuf {
    let (place, in_docs) = match file.strip_prefix(DOCS) {
        Ok(rest) => (rest.to_owned(), true),
        Err(_) => (Path::new("repository").join(file), false),
    };
    if links::is_markdown(file) {
        place.with_extension("html")
    } else if in_docs {
        // A picture is copied as it is.
        place
    } else {
        // The text of a file, or the list of a folder.
        let mut name = place.into_os_string();
        name.push(".html");
        name.into()
    }
}

/// The way from one page of the book to another.
fn way(from: &Path, to: &Path) -> String {
    let up = place(from).components().count() - 1;
    format!("{}{}", "../".repeat(up), place(to).display())
}

/// A file that is no page: a picture as it is, anything else as the text or the list of names it is.
fn other(book: &Book, path: &Path) -> Result<Vec<u8>> {
    let full = book.root.join(path);
    let reading = || format!("reading {}", path.display());
    if path.starts_with(DOCS) {
        return fs::read(&full).with_context(reading);
    }
    let text = if full.is_dir() {
        let entries = fs::read_dir(&full).with_context(reading)?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        names.join("\n")
    } else {
        fs::read_to_string(&full).with_context(reading)?
    };
    let title = path.display().to_string();
    let (heading, text) = (escaped(&title), escaped(&text));
    let body = format!("<h1>{heading}</h1>\n<pre><code>{text}</code></pre>\n");
    Ok(whole(book, path, &title, &body, Around::default()).into_bytes())
}

/// The chapters before and after one.
#[derive(Clone, Copy, Default)]
struct Around<'b> {
    previous: Option<&'b Path>,
    next: Option<&'b Path>,
}

/// A page with everything around it.
fn whole(book: &Book, file: &Path, title: &str, body: &str, around: Around<'_>) -> String {
    let title = escaped(title);
    let up = "../".repeat(place(file).components().count() - 1);
    let list = list(book, file);
    let step = |to: Option<&Path>, relation: &str, text: &str| {
        let to = to.and_then(|to| Some((way(file, to), book.pages.get(to)?.title()?)));
        to.map_or_else(String::new, |(way, title)| {
            let title = escaped(title);
            format!("<a rel=\"{relation}\" href=\"{way}\">{text}: {title}</a>\n")
        })
    };
    let previous = step(around.previous, "prev", "Previous");
    let next = step(around.next, "next", "Next");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · antrea-bgp-agent</title>\n\
         <link rel=\"stylesheet\" href=\"{up}book.css\">\n</head>\n<body>\n\
         <nav class=\"chapters\" aria-label=\"Chapters\">\n{list}</nav>\n\
         <div class=\"page\">\n<main>\n{body}</main>\n\
         <nav class=\"around\" aria-label=\"Neighbours\">\n{previous}{next}</nav>\n</div>\n\
         </body>\n</html>\n"
    )
}

/// The list of chapters beside a page.
fn list(book: &Book, file: &Path) -> String {
    let mut list = format!(
        "<a class=\"home\" href=\"{}\">antrea-bgp-agent</a>\n",
        way(file, Path::new("README.md"))
    );
    let mut open = false;
    for item in &book.items {
        match item {
            Item::Part(title) => {
                if std::mem::take(&mut open) {
                    list += "</ul>\n";
                }
                list += &format!("<h2>{}</h2>\n", escaped(title));
            }
            Item::Chapter {
                title,
                file: chapter,
                ..
            } => {
                if !std::mem::replace(&mut open, true) {
                    list += "<ul>\n";
                }
                let here = if chapter == file {
                    " aria-current=\"page\""
                } else {
                    ""
                };
                let (way, title) = (way(file, chapter), escaped(title));
                list += &format!("<li><a href=\"{way}\"{here}>{title}</a></li>\n");
            }
        }
    }
    if open {
        list += "</ul>\n";
    }
    list
}

/// A page's own text.
fn body(book: &Book, file: &Path, page: &Page) -> String {
    let mut headings = page.headings.iter();
    let mut anchor = CowStr::from("");
    // Whether the link that is open is left out, its text staying.
    let mut plain = false;
    let mut events = Vec::new();
    for event in crate::page::events(&page.text) {
        match event {
            Event::Start(Tag::Heading {
                level,
                classes,
                attrs,
                ..
            }) => {
                let heading = headings.next();
                anchor = heading
                    .map_or_else(String::new, |it| it.anchor.clone())
                    .into();
                let id = Some(anchor.clone());
                events.push(Event::Start(Tag::Heading {
                    level,
                    id,
                    classes,
                    attrs,
                }));
            }
            Event::End(TagEnd::Heading(level)) => {
                let link = format!(
                    " <a class=\"anchor\" href=\"#{anchor}\" aria-label=\"Link to this heading\">#</a>"
                );
                events.push(Event::InlineHtml(link.into()));
                events.push(Event::End(TagEnd::Heading(level)));
            }
            // A wide table scrolls, and not the page.
            Event::Start(Tag::Table(_)) => {
                events.extend([Event::Html("<div class=\"table\">\n".into()), event]);
            }
            Event::End(TagEnd::Table) => events.extend([event, Event::Html("</div>\n".into())]),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => match target(book, file, &dest_url) {
                Some(dest_url) => {
                    let dest_url = dest_url.into();
                    events.push(Event::Start(Tag::Link {
                        link_type,
                        dest_url,
                        title,
                        id,
                    }));
                }
                None => plain = true,
            },
            Event::End(TagEnd::Link) if std::mem::take(&mut plain) => {}
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let dest_url = target(book, file, &dest_url).unwrap_or_default().into();
                events.push(Event::Start(Tag::Image {
                    link_type,
                    dest_url,
                    title,
                    id,
                }));
            }
            other => events.push(other),
        }
    }
    let mut body = String::new();
    push_html(&mut body, events.into_iter());
    body
}

/// Where a link of a page leads in the book; nowhere if rustdoc alone knows.
fn target(book: &Book, from: &Path, link: &str) -> Option<String> {
    match links::resolve(&book.root, from, link) {
        Ok(Destination::Page { file, anchor }) => {
            let anchor = anchor.map_or_else(String::new, |it| format!("#{it}"));
            Some(way(from, &file) + &anchor)
        }
        Ok(Destination::Other(path)) => Some(way(from, &path)),
        Ok(Destination::Elsewhere) => Some(link.to_owned()),
        Ok(Destination::Rustdoc) | Err(_) => None,
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    push_html(&mut escaped, std::iter::once(Event::Text(text.into())));
    escaped
}
