//! Where a link leads.

use std::path::{Component, Path, PathBuf};

/// What a link leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A Markdown page of the repository, or a heading of it.
    Page {
        file: PathBuf,
        anchor: Option<String>,
    },
    /// Another file, or a folder.
    Other(PathBuf),
    /// An item of Rust, in a guide that is part of a crate's documentation: rustdoc checks those.
    Rustdoc,
    /// The world outside.
    Elsewhere,
}

/// Follows a link of a page. Whether a page has the heading is not looked at.
///
/// # Errors
///
/// When it leads to nothing in the repository; the reason.
pub(crate) fn resolve(root: &Path, from: &Path, link: &str) -> Result<Destination, String> {
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return Ok(Destination::Elsewhere);
    }
    if link.contains("::") && from.starts_with("crates") {
        return Ok(Destination::Rustdoc);
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    let file = if path.is_empty() {
        from.to_owned()
    } else {
        let folder = from.parent().unwrap_or(Path::new(""));
        normal(&folder.join(path)).ok_or_else(|| format!("{link} leads out of the repository"))?
    };
    if !root.join(&file).exists() {
        return Err(format!("{} does not exist", file.display()));
    }
    if is_markdown(&file) {
        return Ok(Destination::Page { file, anchor });
    }
    match anchor {
        None => Ok(Destination::Other(file)),
        Some(anchor) => Err(format!(
            "#{anchor}: {} is no Markdown page and has no headings",
            file.display()
        )),
    }
}

pub(crate) fn is_markdown(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "md")
}

/// A relative path without `.` and `..`; none if it leads out.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => normal.push(name),
            Component::ParentDir if normal.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}
