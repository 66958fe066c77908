//! Clearing everything, against the same deletes in the engine's shell, each on a fresh copy.

use serde_json::Value;

use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::database::{Database, Engine, Scratch, TABLES};
use crate::service::Service;
use crate::shell::time;

/// Each in one transaction, with checked foreign keys.
pub(crate) fn measure(database: &Database, runs: u32, report: &mut Report) -> Result<()> {
    let engine = database.engine;
    let limit = match engine {
        Engine::Sqlite => 0.25,
        Engine::Postgres => 1.1,
        Engine::Mysql => return Ok(()),
    };
    let (mut measured, mut other) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let copy = Scratch::copy_of(database)?;
        measured.push(with_service(&copy)?);
        is_clear(&copy)?;
        drop(copy);
        let copy = Scratch::copy_of(database)?;
        other.push(time(copy.shell(&deletes(engine)))?.as_secs_f64());
        is_clear(&copy)?;
    }
    report.add(ReportRow {
        work: "clear all".to_owned(),
        engine,
        unit: Unit::Seconds,
        measured: Spread::of(measured),
        yardstick: Some(Spread::of(other)),
        limit: Some(Limit::RatioAtMost(limit)),
        note: String::new(),
        details: Value::Null,
    });
    Ok(())
}

fn with_service(copy: &Database) -> Result<f64> {
    let service = Service::start(&copy.url)?;
    let asked = r#"{"table": "all", "confirm": "all"}"#;
    Ok(service.succeed("/backup/clear", ["--json", asked])?.total)
}

fn deletes(engine: Engine) -> String {
    let mut statements = match engine {
        // SQLite's shell does not check foreign keys by default.
        Engine::Sqlite => "PRAGMA foreign_keys = ON; BEGIN;".to_owned(),
        Engine::Postgres | Engine::Mysql => "BEGIN;".to_owned(),
    };
    for table in TABLES {
        let which = if table == "users" { " WHERE role <> 'admin'" } else { "" };
        statements += &format!(" DELETE FROM {table}{which};");
    }
    statements + " COMMIT;"
}

/// Checks that the clear had an effect.
fn is_clear(copy: &Database) -> Result<()> {
    let counts = TABLES.map(|table| format!("(SELECT count(*) FROM {table})"));
    let left = copy.sql(&format!("SELECT {}", counts.join(" + ")))?;
    if left == "1" {
        Ok(())
    } else {
        Err(format!("{left} rows were left, not the one administrator").into())
    }
}
