//! The agent: composition, command line, HTTP.
mod cli;
mod client;
mod get;
mod table;
mod view;

use clap::Parser as _;

fn main() {
    let _ = cli::Cli::parse();
}
