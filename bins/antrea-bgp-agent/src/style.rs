//! Colours, and where text goes that has some.
//!
//! Text is painted regardless; [`print()`] takes the paint off where nobody would see it: when standard
//! output is no terminal, or `NO_COLOR` is set.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};

/// As it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Not as it should be.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Not yet as it should be, or worth a look.
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();

/// Paints text.
pub(crate) trait Paint {
    /// The text in this colour.
    fn paint(&self, style: Style) -> String;
}

impl Paint for str {
    fn paint(&self, style: Style) -> String {
        format!("{style}{self}{style:#}")
    }
}

/// Whether anybody still reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    /// A reader that has seen enough (`| head`) closes the pipe; that is no failure of ours.
    HasLeft,
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<Reader> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::HasLeft),
        Err(error) => Err(error).context("standard output"),
    }
}

/// How many columns a line may have: what `COLUMNS` says, else as many as the terminal has. `None`
/// where neither is there: programs read whole lines.
pub(crate) fn columns() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok();
    let told = told.and_then(|text| text.parse().ok());
    told.or_else(|| {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0))
    })
    .filter(|width| *width > 0)
}
