//! Filling an empty database with the demo school, against the engine's shell loading its own dump of the same school.

use std::fs::File;

use serde_json::Value;

use super::report::{Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::database::{Database, Scratch};
use crate::service;
use crate::shell::time;

/// There is no limit for this.
pub(crate) fn measure(database: &Database, scale: u32, runs: u32, report: &mut Report) -> Result<()> {
    const DUMP: &str = "target/bench/dump.sql";
    let Some(mut dump) = database.dump() else {
        return Ok(());
    };
    if !dump.stdout(File::create(DUMP)?).status()?.success() {
        return Err(format!("{dump:?} failed").into());
    }
    let (mut measured, mut other) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let empty = Scratch::empty(database.engine)?;
        let fill = service::command(&empty.url, ["demo", "--scale", &scale.to_string()]);
        measured.push(time(fill)?.as_secs_f64());
        drop(empty);
        let empty = Scratch::empty(database.engine)?;
        other.push(time(empty.read(DUMP)?)?.as_secs_f64());
    }
    std::fs::remove_file(DUMP)?;
    report.add(ReportRow {
        work: "demo school".to_owned(),
        engine: database.engine,
        unit: Unit::Seconds,
        measured: Spread::of(measured),
        yardstick: Some(Spread::of(other)),
        limit: None,
        note: String::new(),
        details: Value::Null,
    });
    Ok(())
}
