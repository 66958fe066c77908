//! Importing all attendance as CSV into an empty table, plan and safety backup included, against the engine's own import of the same
//! file; and the memory of that.

use std::time::Instant;

use serde_json::{Value, json};

use super::archives::{text, work};
use super::every::{MEBIBYTE, warm};
use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::database::{Database, Engine, Scratch};
use crate::service::Service;
use crate::shell::{output, program, time};

/// The file that both import.
const FILE: &str = "target/bench/attendance.csv";

/// How much memory an import may use above an idle service, in mebibytes.
const MAX_MEMORY: f64 = 64.0;

/// How many times the engine's own import it may take.
const MAX_RATIO: f64 = 3.0;

pub(crate) fn measure(database: &Database, runs: u32, report: &mut Report) -> Result<()> {
    let engine = database.engine;
    if engine == Engine::Mysql {
        return Ok(());
    }
    save_file(database)?;
    let (mut measured, mut other, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let copy = Scratch::copy_of(database)?;
        copy.sql("DELETE FROM attendance")?;
        let service = Service::start(&copy.url)?;
        let idle = warm(&service)?;
        measured.push(imported(&service)?);
        memory.push(service.peak()?.saturating_sub(idle) as f64 / MEBIBYTE);
        drop(service);
        is_there(&copy, database)?;
        drop(copy);
        let copy = Scratch::copy_of(database)?;
        copy.sql("DELETE FROM attendance")?;
        other.push(time(copy.shell(&own_import(engine)))?.as_secs_f64());
        is_there(&copy, database)?;
    }
    let mut add = |work: &str, unit, measured, yardstick: Option<Vec<f64>>, limit| {
        report.add(ReportRow {
            work: work.to_owned(),
            engine,
            unit,
            measured: Spread::of(measured),
            yardstick: yardstick.map(Spread::of),
            limit: Some(limit),
            note: String::new(),
            details: Value::Null,
        });
    };
    add(
        "import attendance, plan and safety backup included",
        Unit::Seconds,
        measured,
        Some(other),
        Limit::RatioAtMost(MAX_RATIO),
    );
    add(
        "memory of that import",
        Unit::Mebibytes,
        memory,
        None,
        Limit::AtMost(MAX_MEMORY),
    );
    Ok(())
}

/// Downloads the file, with dates that the engines read, too.
fn save_file(database: &Database) -> Result<()> {
    let service = Service::start(&database.url)?;
    let url = format!(
        "http://{}/backup/download/attendance?dates=iso&bom=false",
        service.address
    );
    let header = format!("Authorization: Bearer {}", service.token);
    output(program("curl", ["-sS", "--fail", "-H", &header, "-o", FILE, &url])).map(drop)
}

/// Plans and applies, as an administrator does.
fn imported(service: &Service) -> Result<f64> {
    let start = Instant::now();
    let file = format!("@{FILE}");
    let kind = "Content-Type: application/octet-stream";
    let plan = service.json(
        "/backup/imports/attendance?mode=insert",
        ["-H", kind, "--data-binary", &file],
    )?;
    let asked = json!({"plan_hash": plan["hash"], "confirm": "import"}).to_string();
    work(
        service,
        &format!("/backup/imports/{}/apply", text(&plan["id"])?),
        &asked,
    )?;
    Ok(start.elapsed().as_secs_f64())
}

fn own_import(engine: Engine) -> String {
    match engine {
        Engine::Sqlite => format!(".import --csv --skip 1 {FILE} attendance"),
        Engine::Postgres | Engine::Mysql => format!("\\copy attendance from '{FILE}' csv header"),
    }
}

/// Checks that all rows are there.
fn is_there(copy: &Database, original: &Database) -> Result<()> {
    let count = "SELECT count(*) FROM attendance";
    match copy.sql(count)? == original.sql(count)? {
        true => Ok(()),
        false => Err("the import has lost rows".into()),
    }
}
