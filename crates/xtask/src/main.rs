//! Chores of the developers: `cargo xtask openapi`, `cargo xtask docs`, `cargo xtask notices`, `cargo xtask bench`.

// Printing is the purpose of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod client;
mod database;
mod notices;
mod service;
mod shell;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// An error whose text names the failed step. A chore does not distinguish kinds of errors.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Chores of the developers of campus-backup.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Write the API's document again: openapi/campus-backup.json.
    Openapi,
    /// Write the reference pages, the man pages, the completions and the environment file again.
    Docs,
    /// Write the notices of third parties' works in the program, and refuse licences that are not allowed.
    Notices,
    /// Measure the released program side by side with the engines' own tools.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Openapi => openapi(),
        Chore::Docs => docs(),
        Chore::Notices => notices::write(),
        Chore::Bench(options) => bench::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn openapi() -> Result<()> {
    let document = shell::output(shell::cargo([
        "run",
        "--quiet",
        "--bin",
        "campus-backup",
        "--",
        "openapi",
    ]))?;
    Ok(std::fs::write(Path::new("openapi/campus-backup.json"), document)?)
}

/// A test of the crate `api` compares these files with the code. With `UPDATE_DOCS` it writes them.
fn docs() -> Result<()> {
    let mut test = shell::cargo([
        "test",
        "--quiet",
        "--package",
        "campus-backup-api",
        "--lib",
        "--",
        "reference::generated_files_are_current",
    ]);
    test.env("UPDATE_DOCS", "1");
    shell::output(test).map(drop)
}
