//! Archives: creating, restoring, verifying and comparing, against the engines' own dumps; and the memory of each.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::every::{MEBIBYTE, warm};
use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::client;
use crate::database::{Database, Engine, Scratch};
use crate::service::Service;
use crate::shell::{program, time};

/// How much memory each operation may use above an idle service, in mebibytes.
const MOST_MEMORY: f64 = 48.0;

/// The engine's dump. One measurement writes it, another reads it.
const DUMP: &str = "target/bench/dump";

/// All measurements. MariaDB's own dump is not used as a yardstick.
pub(crate) fn measure(database: &Database, runs: u32, report: &mut Report) -> Result<()> {
    let archive = take(database, runs, report)?;
    restore(database, &archive, runs, report)?;
    memory(database, &archive, report)
}

/// Creates archives and dumps in turn, and returns the last archive.
fn take(database: &Database, runs: u32, report: &mut Report) -> Result<String> {
    let service = Service::start(&database.url)?;
    let (mut measured, mut other, mut last) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..runs {
        let (seconds, job) = work(&service, "/backup/archives", "{}")?;
        measured.push(seconds);
        last = text(&job["result"]["archive_id"])?;
        if let Some(dump) = compressed_dump(database) {
            other.push(time(dump)?.as_secs_f64());
        }
    }
    let limit = (!other.is_empty()).then_some(Limit::RatioAtMost(0.6));
    report.add(ReportRow {
        work: "create a backup, zstd, read back".to_owned(),
        engine: database.engine,
        unit: Unit::Seconds,
        measured: Spread::of(measured),
        yardstick: (!other.is_empty()).then(|| Spread::of(other)),
        limit,
        note: String::new(),
        details: Value::Null,
    });
    Ok(last)
}

/// Restores everything into a cleared copy. The yardstick is the engine, which reads its own dump into an empty
/// database.
fn restore(database: &Database, archive: &str, runs: u32, report: &mut Report) -> Result<()> {
    let engine = database.engine;
    let limit = match engine {
        Engine::Sqlite => 0.8,
        Engine::Postgres => 1.2,
        Engine::Mysql => return Ok(()),
    };
    let (mut measured, mut full, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let copy = Scratch::copy_of(database)?;
        let service = Service::start(&copy.url)?;
        full.push(restored(&service, archive)?);
        service.succeed("/backup/clear", ["--json", r#"{"table": "all", "confirm": "all"}"#])?;
        measured.push(restored(&service, archive)?);
        drop(service);
        is_there(&copy, database)?;
        drop(copy);
        let empty = Scratch::empty(engine)?;
        other.push(time(read_dump(database, &empty)?)?.as_secs_f64());
        is_there(&empty, database)?;
    }
    let mut add = |work: &str, measured, limit, note: &str| {
        report.add(ReportRow {
            work: work.to_owned(),
            engine,
            unit: Unit::Seconds,
            measured: Spread::of(measured),
            yardstick: Some(Spread::of(other.clone())),
            limit,
            note: note.to_owned(),
            details: Value::Null,
        });
    };
    let counted = "reading, checking and the safety archive counted";
    add(
        "restore all into an empty school",
        measured,
        Some(Limit::RatioAtMost(limit)),
        counted,
    );
    add(
        "restore all over a full school",
        full,
        None,
        "the yardstick fills an empty one",
    );
    Ok(())
}

/// Plans and restores, as an administrator does.
fn restored(service: &Service, archive: &str) -> Result<f64> {
    let plan = service.json(
        &format!("/backup/archives/{archive}/restore-plan"),
        ["--json", r#"{"mode": "replace"}"#],
    )?;
    let asked = json!({"mode": "replace", "plan_hash": plan["hash"], "confirm": "restore"}).to_string();
    let (seconds, _) = work(service, &format!("/backup/archives/{archive}/restore"), &asked)?;
    Ok(seconds)
}

/// The memory of each operation above an idle service.
fn memory(database: &Database, archive: &str, report: &mut Report) -> Result<()> {
    type Act = fn(&Service, &str) -> Result<()>;
    let acts: [(&str, Act); 4] = [
        ("take", |service, _| work(service, "/backup/archives", "{}").map(drop)),
        ("test_restore", |service, archive| {
            let verify = format!("/backup/archives/{archive}/verify");
            work(service, &verify, r#"{"level": "test_restore"}"#).map(drop)
        }),
        ("diff with now", |service, archive| {
            service
                .succeed(&format!("/backup/diff?from={archive}&to=live"), [])
                .map(drop)
        }),
        ("plan and restore", |service, archive| {
            restored(service, archive).map(drop)
        }),
    ];
    for (name, act) in acts {
        // A new service, so that memory of the previous operation does not count.
        let copy = match database.engine {
            Engine::Mysql if name == "plan and restore" => continue,
            Engine::Mysql => None,
            Engine::Sqlite | Engine::Postgres => Some(Scratch::copy_of(database)?),
        };
        let service = Service::start(copy.as_deref().map_or(&database.url, |copy| &copy.url))?;
        let idle = warm(&service)?;
        act(&service, archive)?;
        let above = service.peak()?.saturating_sub(idle) as f64 / MEBIBYTE;
        report.add(ReportRow {
            work: format!("memory of {name} above idle"),
            engine: database.engine,
            unit: Unit::Mebibytes,
            measured: Spread::of(vec![above]),
            yardstick: None,
            limit: Some(Limit::AtMost(MOST_MEMORY)),
            note: String::new(),
            details: Value::Null,
        });
    }
    Ok(())
}

/// Requests work and waits for its success. Returns the seconds and the job.
pub(super) fn work(service: &Service, path: &str, asked: &str) -> Result<(f64, Value)> {
    let (address, token) = (&service.address, &service.token);
    let start = Instant::now();
    let job = client::post(address, token, path, asked)?;
    let path = format!("/backup/jobs/{}", text(&job["id"])?);
    // The stream of events ends with the job. Polling would use processor time and change the measurement.
    client::download(address, token, &format!("{path}/events"))?;
    let seconds = start.elapsed().as_secs_f64();
    let job = service.json(&path, [])?;
    match job["state"].as_str() {
        Some("succeeded") => Ok((seconds, job)),
        _ => Err(format!("it has not succeeded: {job}").into()),
    }
}

pub(super) fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().ok_or("an answer lacks a text")?.to_owned())
}

/// The engine's own compressed dump.
fn compressed_dump(database: &Database) -> Option<Command> {
    match database.engine {
        Engine::Sqlite => {
            let script = format!("sqlite3 {} .dump | zstd -3 -q -f -o {DUMP}.zst", database.path());
            Some(program("sh", ["-c", &script]))
        }
        Engine::Postgres => Some(program(
            "pg_dump",
            ["-Fc", "--no-owner", "--file", DUMP, "--dbname", &database.url],
        )),
        Engine::Mysql => None,
    }
}

/// The engine reads its own dump into an empty database: plain SQL on SQLite, which has no other dump.
fn read_dump(database: &Database, empty: &Database) -> Result<Command> {
    match database.engine {
        Engine::Sqlite => {
            let plain = format!("{DUMP}.sql");
            let script = format!("sqlite3 {} .dump > {plain}", database.path());
            time(program("sh", ["-c", &script]))?;
            empty.read(&plain)
        }
        _ => Ok(program("pg_restore", ["--no-owner", "--dbname", &empty.url, DUMP])),
    }
}

/// Checks that the restore had an effect.
fn is_there(copy: &Database, original: &Database) -> Result<()> {
    let count = "SELECT count(*) FROM attendance";
    match copy.sql(count)? == original.sql(count)? {
        true => Ok(()),
        false => Err("not everything was restored".into()),
    }
}
