//! Counting: the time for one caller, and the number of answers for sixteen callers.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::client::Connection;
use crate::database::{Database, TABLES};
use crate::service::Service;
use crate::shell::time;

const CALLERS: usize = 16;
const LASTS: Duration = Duration::from_secs(2);
const STATS: &str = "/backup/stats";
/// This request needs no database: it measures the cost of the client and of HTTP.
const NOTHING: &str = "/healthz";

/// The results of some callers in one run.
struct Load {
    /// The median time of an answer, in milliseconds.
    p50: f64,
    per_second: f64,
    /// The client's own processor time for each answer.
    client_microseconds: f64,
}

/// The service with one and with sixteen callers, and the engine's shell in between.
pub(crate) fn measure(service: &Service, database: &Database, runs: u32, report: &mut Report) -> Result<()> {
    let shell = Shell::of(database)?;
    let (mut one, mut many, mut rounds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut nothing, mut many_nothing) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        one.push(load(service, STATS, 1)?);
        rounds.push(shell.seconds_a_round()?);
        many.push(load(service, STATS, CALLERS)?);
        nothing.push(load(service, NOTHING, 1)?);
        many_nothing.push(load(service, NOTHING, CALLERS)?);
    }
    let p50 = |loads: &[Load]| Spread::of(loads.iter().map(|load| load.p50).collect());
    let rate = |loads: &[Load]| Spread::of(loads.iter().map(|load| load.per_second).collect());
    let details = |loads: &[Load]| -> Value {
        let own = Spread::of(loads.iter().map(|load| load.client_microseconds).collect());
        json!({"client_microseconds_an_answer": own.median(), "rounds_of_the_shell_in_a_run": shell.rounds})
    };
    let mut add = |work: &str, unit, measured, yardstick, limit, note: String, details| {
        report.add(ReportRow {
            work: work.to_owned(),
            engine: database.engine,
            unit,
            measured,
            yardstick,
            limit,
            note,
            details,
        });
    };
    let note = format!(
        "/healthz: {:.2} ms with one caller, {:.0}/s with 16",
        p50(&nothing).median(),
        rate(&many_nothing).median()
    );
    add(
        "stats, one caller, p50",
        Unit::Milliseconds,
        p50(&one),
        Some(Spread::of(rounds.iter().map(|seconds| seconds * 1000.0).collect())),
        Some(Limit::RatioAtMost(1.5)),
        note,
        details(&one),
    );
    add(
        "stats, 16 callers, answers a second",
        Unit::PerSecond,
        rate(&many),
        Some(Spread::of(rounds.iter().map(|seconds| 1.0 / seconds).collect())),
        Some(Limit::RatioAtLeast(5.0)),
        String::new(),
        details(&many),
    );
    Ok(())
}

fn load(service: &Service, path: &str, callers: usize) -> Result<Load> {
    let (start, processor) = (Barrier::new(callers), processor_seconds()?);
    let mut milliseconds = thread::scope(|scope| -> Result<Vec<f64>> {
        let callers: Vec<_> = (0..callers)
            .map(|_| scope.spawn(|| call(service, path, &start)))
            .collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok(all)
    })?;
    milliseconds.sort_by(f64::total_cmp);
    let answers = milliseconds.len() as f64;
    Ok(Load {
        p50: milliseconds.get(milliseconds.len() / 2).copied().unwrap_or_default(),
        per_second: answers / LASTS.as_secs_f64(),
        client_microseconds: (processor_seconds()? - processor) * 1e6 / answers,
    })
}

/// Repeats a request over one connection. Late answers don't count.
fn call(service: &Service, path: &str, start: &Barrier) -> std::io::Result<Vec<f64>> {
    let opened = Connection::open(&service.address, &service.token, path).and_then(|mut connection| {
        connection.ask()?;
        Ok(connection)
    });
    // A client that could not connect must reach the barrier too, or the others would wait for ever.
    start.wait();
    let mut connection = opened?;
    let end = Instant::now() + LASTS;
    let mut milliseconds = Vec::new();
    loop {
        let asked = Instant::now();
        connection.ask()?;
        let now = Instant::now();
        if now > end {
            return Ok(milliseconds);
        }
        milliseconds.push((now - asked).as_secs_f64() * 1000.0);
    }
}

/// The processor time of this process. The kernel counts in hundredths of a second.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may have spaces; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let hundredths = fields.split_whitespace().skip(11).take(2);
    let hundredths: Vec<u64> = hundredths.map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok(hundredths.iter().sum::<u64>() as f64 / 100.0)
}

/// The engine's shell, counting each table in turn over one connection.
struct Shell<'a> {
    database: &'a Database,
    rounds: u32,
}

impl<'a> Shell<'a> {
    /// A number of rounds that takes about as long as the callers.
    fn of(database: &'a Database) -> Result<Self> {
        let trial = Self { database, rounds: 10 };
        let rounds = (LASTS.as_secs_f64() / trial.seconds_a_round()?).clamp(10.0, 10_000.0) as u32;
        Ok(Self { database, rounds })
    }

    /// Without the time to start, connect and end.
    fn seconds_a_round(&self) -> Result<f64> {
        let (none, all) = (self.seconds(0)?, self.seconds(self.rounds)?);
        Ok((all - none) / f64::from(self.rounds))
    }

    /// The time of a number of rounds, after one that does not count.
    fn seconds(&self, rounds: u32) -> Result<f64> {
        const FILE: &str = "target/bench/counts.sql";
        let round = TABLES.map(|table| format!("SELECT count(*) FROM {table};\n")).concat();
        std::fs::write(FILE, round.repeat(rounds as usize + 1))?;
        Ok(time(self.database.read(FILE)?)?.as_secs_f64())
    }
}
