//! Writes the book to `target/book`: `cargo xtask book`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use book::Book;

fn main() -> ExitCode {
    match write() {
        Ok(index) => {
            println!("{}", index.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The first page of the book.
fn write() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let folder = root.join(target).join("book");
    Book::load(&root)?.write(&folder)?;
    Ok(folder.join("index.html"))
}
