//! Log lines on standard error, and which of them are written: that can change while running.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing::warn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::cli::LogFormat;

/// kube says of each request that failed that it failed, and nothing else; what failed and why, the watches say.
const DEFAULT: &str = "info,kube_client::client::builder=off";

/// Chooses which log lines are written, in the syntax of `RUST_LOG`.
#[derive(Clone)]
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// What is written at present.
    pub(crate) fn get(&self) -> String {
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Writes these from now on.
    ///
    /// # Errors
    ///
    /// The text is no filter, with the reason.
    pub(crate) fn set(&self, filter: &str) -> Result<(), String> {
        self.0
            .reload(parse(filter)?)
            .map_err(|error| error.to_string())
    }
}

/// A filter in the syntax of `RUST_LOG`, but that a word alone has to be a level: a misspelt one would be the name of a module,
/// and silence all others.
fn parse(filter: &str) -> Result<EnvFilter, String> {
    for directive in filter.split(',').map(str::trim) {
        let is_level = !directive.is_empty() && directive.parse::<LevelFilter>().is_ok();
        if !is_level && !directive.contains(['=', '[']) {
            return Err(format!(
                "{directive:?} is no level: those are off, error, warn, info, debug and trace; for one module write MODULE=LEVEL"
            ));
        }
        // One by one, since the error names nothing.
        EnvFilter::try_new(directive).map_err(|error| format!("{directive:?}: {error}"))?;
    }
    EnvFilter::try_new(filter).map_err(|error| error.to_string())
}

/// Whether colours are seen, and not unwanted (`NO_COLOR`).
fn is_for_a_person() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}

/// Starts logging. A `RUST_LOG` that makes no sense is reported, and the default is used.
pub(crate) fn start(format: LogFormat) -> LogLevel {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let (filter, complaint) = match wanted.trim() {
        "" => (EnvFilter::new(DEFAULT), None),
        wanted => match parse(wanted) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new(DEFAULT), Some(error)),
        },
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry.with(lines.json()).init(),
        LogFormat::Text => registry.with(lines.with_ansi(is_for_a_person())).init(),
    }
    if let Some(error) = complaint {
        warn!("RUST_LOG={wanted:?} is ignored: {error}");
    }
    LogLevel(handle)
}
