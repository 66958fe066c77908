//! Downloads of a million rows, each beside the tool of the engine that writes the same columns in the same form.

use serde_json::{Value, json};

use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::database::{Database, Engine};
use crate::service::Service;
use crate::shell::time;

/// The three downloads.
pub(crate) fn measure(service: &Service, database: &Database, runs: u32, report: &mut Report) -> Result<()> {
    let engine = database.engine;
    let (attendance, payments) = selects(engine);
    let (of_attendance, of_payments, of_all) = match engine {
        Engine::Sqlite => (0.25, 0.25, Some(0.7)),
        Engine::Postgres => (0.60, 0.65, Some(1.1)),
        Engine::Mysql => (1.2, 0.9, None),
    };
    let start = shell_start(database, runs)?;
    let mut beside = |work: &str, path, limit, yardstick: &dyn Fn() -> Result<f64>| -> Result<()> {
        let (mut measured, mut other) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            measured.push(service.succeed(path, [])?.total);
            other.push(yardstick()?);
        }
        report.add(ReportRow {
            work: work.to_owned(),
            engine,
            unit: Unit::Seconds,
            measured: Spread::of(measured),
            yardstick: Some(Spread::of(other)),
            limit: Some(Limit::RatioAtMost(limit)),
            note: String::new(),
            details: json!({"of_the_yardstick_shell_start_seconds": start}),
        });
        Ok(())
    };
    let shell = |select: &str| Ok(time(database.shell(select))?.as_secs_f64());
    let path = "/backup/download/attendance";
    beside("attendance CSV", path, of_attendance, &|| shell(attendance))?;
    let path = "/backup/download/payments";
    beside("payments CSV", path, of_payments, &|| shell(payments))?;
    if let Some(limit) = of_all {
        let dump = || {
            let command = database.dump().ok_or("no dump")?;
            Ok(time(command)?.as_secs_f64())
        };
        let path = "/backup/download/all";
        beside("complete JSON with digests", path, limit, &dump)?;
    }
    Ok(())
}

/// How long the engine's shell takes to start, connect and end, which is in the yardstick and not in a download.
fn shell_start(database: &Database, runs: u32) -> Result<Value> {
    let mut seconds = Vec::new();
    for _ in 0..runs {
        seconds.push(time(database.shell("SELECT 1"))?.as_secs_f64());
    }
    Ok(json!(Spread::of(seconds).median()))
}

/// Attendance and payments, as the service writes them.
fn selects(engine: Engine) -> (&'static str, &'static str) {
    match engine {
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
    }
}
