//! `cargo xtask bench` compares the released program with the engines' own tools.
//!
//! Ratios are similar on different machines, seconds are not. So each measurement alternates with its yardstick, in
//! the same run on the same data, and the result is the ratio of the medians. The machine should be idle.
//!
//! There is one file for each kind of measurement: `downloads`, `every` (memory and the first byte), `together`,
//! `clear`, `stats`, `demo`, `archives`, `imports`. `report` is common to all: spreads, rows, limits and the output. `machine`
//! describes the machine.

mod archives;
mod clear;
mod demo;
mod downloads;
mod every;
mod imports;
mod machine;
mod report;
mod stats;
mod together;

use clap::{Args, ValueEnum};
use serde_json::json;

use self::report::Report;
use crate::Result;
use crate::database::{Database, Engine};
use crate::service::Service;
use crate::shell::{cargo, output};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The demo's scale: 10 is a million rows of attendance.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// A second scale, at which only the memory of each download is measured; 0 leaves it out.
    #[arg(long, default_value_t = 50)]
    memory_scale: u32,
    /// How often each thing is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measure only this; may be repeated.
    #[arg(long, value_enum, value_name = "WORK")]
    only: Vec<Work>,
    /// Measure only on this engine; may be repeated.
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// Measure target/release/campus-backup as it is.
    #[arg(long)]
    no_build: bool,
    /// Where the results go as JSON.
    #[arg(long, default_value = "target/bench/results.json")]
    json: String,
}

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Downloads against the engines' own tools.
    Downloads,
    /// Every download in every form: its memory and its first byte.
    Memory,
    /// Sixteen downloads at once.
    Together,
    /// Counting, with one caller and with sixteen.
    Stats,
    /// Clearing everything.
    Clear,
    /// Filling an empty database.
    Demo,
    /// Creating and restoring archives, and their memory.
    Archives,
    /// Importing a file, and its memory.
    Imports,
}

impl Options {
    fn wants(&self, work: Work) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }

    fn engines(&self) -> impl Iterator<Item = Engine> {
        let asked = |engine: &Engine| self.engine.is_empty() || self.engine.contains(engine);
        [Engine::Sqlite, Engine::Postgres, Engine::Mysql]
            .into_iter()
            .filter(asked)
            .filter(|engine| engine.is_found())
    }
}

/// Builds, fills, measures, prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_build {
        output(cargo(["build", "--release", "--bin", "campus-backup"]))?;
    }
    let engines: Vec<_> = options.engines().collect();
    let mut report = Report::default();
    let machine = machine::describe(&engines)?;
    for &engine in &engines {
        let database = Database::of_scale(engine, options.scale)?;
        measure(options, &database, &mut report)?;
        if options.memory_scale > 0 && options.wants(Work::Memory) {
            let large = Database::of_scale(engine, options.memory_scale)?;
            every::memory(&large, options.memory_scale, 1, &mut report)?;
        }
    }
    println!("{}", machine::text(&machine));
    println!(
        "Scale {}, medians of {} (least to most).\n",
        options.scale, options.runs
    );
    println!("{}", report.table());
    let results = json!({
        "machine": machine, "scale": options.scale, "memory_scale": options.memory_scale, "runs": options.runs,
        "rows": report.json(),
    });
    std::fs::write(&options.json, serde_json::to_string_pretty(&results)?)?;
    println!("The same as JSON, with each run: {}", options.json);
    Ok(())
}

fn measure(options: &Options, database: &Database, report: &mut Report) -> Result<()> {
    let (engine, runs) = (database.engine, options.runs);
    // A new service for each, so that memory of the previous measurement does not count.
    if options.wants(Work::Downloads) {
        downloads::measure(&Service::start(&database.url)?, database, runs, report)?;
    }
    if options.wants(Work::Memory) {
        let first_bytes = every::memory(database, options.scale, runs, report)?;
        report.add(first_bytes);
    }
    if options.wants(Work::Together) {
        together::measure(&Service::start(&database.url)?, engine, runs, report)?;
    }
    if options.wants(Work::Stats) {
        stats::measure(&Service::start(&database.url)?, database, runs, report)?;
    }
    // These use copies of the database, which can be created only without other connections.
    if options.wants(Work::Clear) {
        clear::measure(database, runs, report)?;
    }
    if options.wants(Work::Demo) {
        demo::measure(database, options.scale, runs, report)?;
    }
    if options.wants(Work::Archives) {
        archives::measure(database, runs, report)?;
    }
    if options.wants(Work::Imports) {
        imports::measure(database, runs, report)?;
    }
    Ok(())
}
