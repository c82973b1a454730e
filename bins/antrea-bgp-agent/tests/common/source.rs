//! Source files of this repository, as far as tests read them.

use std::fs;
use std::path::Path;

use super::repository;

/// The Rust files below a folder of the repository, without unit tests.
pub(crate) fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&repository::path(folder), &mut files);
    assert!(!files.is_empty(), "{folder}");
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("an entry").path();
        // A server for tests is no part of what runs.
        if path.is_dir() && !path.ends_with("test_server") {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).expect("a file in UTF-8");
            let shipped = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            files.push((path.display().to_string(), shipped.to_owned()));
        }
    }
}

/// The arguments of every call of a macro, as text.
pub(crate) fn calls<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let begin = format!("{name}!(");
    let starts = text.match_indices(&begin).filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    starts
        .map(|(at, _)| {
            let arguments = &text[at + begin.len()..];
            &arguments[..end_of(arguments)]
        })
        .collect()
}

/// Where the parenthesis closes that was open at the beginning.
fn end_of(text: &str) -> usize {
    let (mut depth, mut in_string, mut escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("a call without end: {text}");
}

/// The string literals of a text, as they are when the program runs.
pub(crate) fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A character literal may be a quote.
        if c == '\'' && characters.peek() == Some(&'"') {
            characters.next();
        }
        if c != '"' {
            continue;
        }
        let mut literal = String::new();
        while let Some(c) = characters.next().filter(|c| *c != '"') {
            if c != '\\' {
                literal.push(c);
                continue;
            }
            match characters.next() {
                // The line goes on where its first word is.
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some(other) => literal.push(other),
                None => {}
            }
        }
        found.push(literal);
    }
    found
}

/// A format string with `…` for what is filled in.
pub(crate) fn pattern(format: &str) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        let (_, behind) = after.split_once('}').expect("it closes");
        out.push('…');
        rest = behind;
    }
    out + rest
}

/// The names of the variants of an enum.
pub(crate) fn variants(text: &str, name: &str) -> Vec<String> {
    let (_, body) = text
        .split_once(&format!("pub enum {name} {{"))
        .unwrap_or_else(|| panic!("{name}"));
    let (body, _) = body.split_once("\n}").expect("it ends");
    let lines = body.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}
