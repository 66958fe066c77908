//! `cargo xtask bench`: what the released program takes, side by side with the engines' own tools.
//!
//! Ratios travel between machines, seconds don't. So each measurement runs in alternation with its yardstick, in the
//! same run on the same data, and what counts is the ratio of the medians. The machine should be idle.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::Result;
use crate::database::{Database, Engine};
use crate::service::Service;
use crate::shell::{cargo, output, time};

const MEBIBYTE: f64 = 1_048_576.0;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The demo's scale: 10 is a million rows of attendance.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// How often each thing is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Where the results go as JSON.
    #[arg(long, default_value = "target/bench/results.json")]
    json: String,
}

/// Builds, fills, measures, prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    output(cargo(["build", "--release", "--bin", "campus-backup"]))?;
    println!("scale {}, medians of {} (least to most)\n", options.scale, options.runs);
    println!("| work | engine | campus-backup | yardstick | ratio |\n|---|---|---|---|---|");
    let mut results = Vec::new();
    for engine in Engine::found() {
        let database = Database::of_scale(engine, options.scale)?;
        let service = Service::start(&database.url)?;
        for (work, path, yardstick) in downloads(&database) {
            let measured = measure(options.runs, &service, path, yardstick)?;
            results.push(measured.report(work, engine));
        }
        results.push(memory(&service, engine)?);
        results.push(sixteen(&service, engine)?);
    }
    std::fs::write(&options.json, serde_json::to_string_pretty(&results)?)?;
    println!("\nThe same as JSON: {}", options.json);
    Ok(())
}

type Work<'a> = (&'static str, &'static str, Option<Box<dyn Fn() -> Command + 'a>>);

/// Each download with the tool that writes the same columns in the same form.
fn downloads(database: &Database) -> Vec<Work<'_>> {
    let (attendance, payments) = match database.engine {
        Engine::Sqlite => (
            "SELECT id, student_id, course_id, strftime('%d-%m-%Y', date), status FROM attendance ORDER BY id",
            "SELECT p.id, p.student_id, printf('%.2f', p.amount_paid), strftime('%d-%m-%Y %H:%M:%S', p.payment_date), \
             c.name, p.status, p.transaction_id \
             FROM payments p LEFT JOIN payment_categories c ON c.id = p.category_id ORDER BY p.id",
        ),
        Engine::Postgres => (
            "COPY (SELECT id, student_id, course_id, to_char(date, 'DD-MM-YYYY'), status FROM attendance ORDER BY id) \
             TO STDOUT CSV",
            "COPY (SELECT p.id, p.student_id, p.amount_paid, to_char(p.payment_date, 'DD-MM-YYYY HH24:MI:SS'), \
             c.name, p.status, p.transaction_id \
             FROM payments p LEFT JOIN payment_categories c ON c.id = p.category_id ORDER BY p.id) TO STDOUT CSV",
        ),
        Engine::Mysql => (
            "SELECT id, student_id, course_id, date_format(date, '%d-%m-%Y'), status FROM attendance ORDER BY id",
            "SELECT p.id, p.student_id, p.amount_paid, date_format(p.payment_date, '%d-%m-%Y %H:%i:%s'), \
             c.name, p.status, p.transaction_id \
             FROM payments p LEFT JOIN payment_categories c ON c.id = p.category_id ORDER BY p.id",
        ),
    };
    vec![
        (
            "attendance CSV",
            "/backup/download/attendance",
            Some(Box::new(|| database.shell(attendance))),
        ),
        (
            "payments CSV",
            "/backup/download/payments",
            Some(Box::new(|| database.shell(payments))),
        ),
        (
            "complete JSON with digests",
            "/backup/download/all",
            database
                .has_dump()
                .then(|| Box::new(|| database.dump()) as Box<dyn Fn() -> Command>),
        ),
    ]
}

/// The times of one download and of its yardstick.
struct Measured {
    seconds: Spread,
    first_byte: Spread,
    yardstick: Option<Spread>,
}

/// Seconds, sorted.
struct Spread(Vec<f64>);

impl Spread {
    fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    fn text(&self) -> String {
        let least = self.0.first().copied().unwrap_or_default();
        let most = self.0.last().copied().unwrap_or_default();
        format!("{:.3} s ({least:.3} to {most:.3})", self.median())
    }
}

fn measure(
    runs: usize,
    service: &Service,
    path: &str,
    yardstick: Option<Box<dyn Fn() -> Command + '_>>,
) -> Result<Measured> {
    let (mut seconds, mut first_byte, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let measured = output(service.curl(path, "%{time_total} %{time_starttransfer}"))?;
        let (total, first) = measured.split_once(' ').ok_or("curl told no times")?;
        seconds.push(total.parse()?);
        first_byte.push(first.trim().parse()?);
        if let Some(yardstick) = &yardstick {
            other.push(time(yardstick())?.as_secs_f64());
        }
    }
    Ok(Measured {
        seconds: Spread::of(seconds),
        first_byte: Spread::of(first_byte),
        yardstick: yardstick.map(|_| Spread::of(other)),
    })
}

impl Measured {
    fn report(&self, work: &str, engine: Engine) -> Value {
        let ratio = self
            .yardstick
            .as_ref()
            .map(|yardstick| self.seconds.median() / yardstick.median());
        println!(
            "| {work} | {} | {}, first byte {:.0} ms | {} | {} |",
            engine.name(),
            self.seconds.text(),
            self.first_byte.median() * 1000.0,
            self.yardstick.as_ref().map_or("-".to_owned(), Spread::text),
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2} x")),
        );
        json!({
            "work": work, "engine": engine.name(), "seconds": self.seconds.0, "first_byte_seconds": self.first_byte.0,
            "yardstick_seconds": self.yardstick.as_ref().map(|yardstick| &yardstick.0), "ratio": ratio,
        })
    }
}

/// What each download adds to the memory of an idle service.
fn memory(service: &Service, engine: Engine) -> Result<Value> {
    let mut most = 0.0f64;
    for path in [
        "/backup/download/attendance",
        "/backup/download/payments",
        "/backup/download/all",
    ] {
        let idle = service.reset_peak()?;
        output(service.curl(path, ""))?;
        most = most.max((service.peak()?.saturating_sub(idle)) as f64 / MEBIBYTE);
    }
    println!(
        "| memory of any download above idle | {} | {most:.1} MiB | | |",
        engine.name()
    );
    Ok(json!({"work": "memory of any download above idle", "engine": engine.name(), "mebibytes": most}))
}

/// Sixteen downloads at once against one after the other.
fn sixteen(service: &Service, engine: Engine) -> Result<Value> {
    const READERS: u32 = 16;
    let path = "/backup/download/attendance";
    let alone = time(service.curl(path, ""))?;
    let idle = service.reset_peak()?;
    let start = Instant::now();
    let took: Vec<std::result::Result<Duration, String>> = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| time(service.curl(path, "")).map_err(|error| error.to_string())))
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|_| Err("a reader panicked".to_owned())))
            .collect()
    });
    for result in took {
        result?;
    }
    let together = start.elapsed();
    let throughput = alone.as_secs_f64() * f64::from(READERS) / together.as_secs_f64();
    let memory = service.peak()?.saturating_sub(idle) as f64 / MEBIBYTE;
    println!(
        "| 16 downloads at once | {} | {throughput:.2} x the throughput of one, {memory:.0} MiB above idle | | |",
        engine.name()
    );
    Ok(json!({
        "work": "16 downloads at once", "engine": engine.name(), "throughput": throughput, "mebibytes": memory,
    }))
}
