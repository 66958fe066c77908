//! Every download in every format: the memory above an idle service, and the time of the first byte.

use std::fmt;

use serde_json::json;

use super::report::{Limit, Report, ReportRow, Spread, Unit};
use crate::Result;
use crate::database::{Database, TABLES};
use crate::service::Service;

pub(crate) const MEBIBYTE: f64 = 1_048_576.0;

/// A form of a download.
struct Download {
    table: &'static str,
    format: &'static str,
    /// Empty for no coding.
    coding: &'static str,
}

impl Download {
    /// Every table in every format, and the complete one in every coding.
    fn every() -> Vec<Self> {
        let tables = TABLES.into_iter().flat_map(|table| {
            ["csv", "json", "xlsx"].map(|format| Self {
                table,
                format,
                coding: "",
            })
        });
        let complete = ["", "gzip", "zstd", "br"].map(|coding| Self {
            table: "all",
            format: "json",
            coding,
        });
        tables.chain(complete).collect()
    }
}

impl fmt::Display for Download {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} as {}", self.table, self.format)?;
        if !self.coding.is_empty() {
            write!(formatter, ", {}", self.coding)?;
        }
        Ok(())
    }
}

/// The results of one form in all runs.
struct Seen {
    download: Download,
    /// The resident memory before the first run, in bytes.
    idle: u64,
    /// The peak above that, in bytes.
    above_idle: u64,
    /// Milliseconds.
    first_bytes: Spread,
}

/// Reports the memory. Returns the row of the first bytes, which is useful at one scale only.
pub(crate) fn memory(database: &Database, scale: u32, runs: u32, report: &mut Report) -> Result<ReportRow> {
    let mut seen = Vec::new();
    let mut refused = Vec::new();
    for download in Download::every() {
        // A new service, so that memory of the previous download does not count.
        match look(&Service::start(&database.url)?, download, runs)? {
            Ok(found) => seen.push(found),
            Err(download) => refused.push(download.to_string()),
        }
    }
    let all = one_after_the_other(&Service::start(&database.url)?)? as f64 / MEBIBYTE;
    let details: Vec<_> = seen
        .iter()
        .map(|seen| {
            json!({
                "download": seen.download.to_string(),
                "mebibytes_above_idle": seen.above_idle as f64 / MEBIBYTE,
                "idle_mebibytes": seen.idle as f64 / MEBIBYTE,
                "first_byte_milliseconds": seen.first_bytes.median(),
            })
        })
        .collect();
    let details = json!({"all_mebibytes_above_idle": all, "downloads": details, "refused": refused});
    let worst = seen
        .iter()
        .max_by_key(|seen| seen.above_idle)
        .ok_or("nothing was downloaded")?;
    let mut note = format!(
        "worst: {}; all of them one after the other in one service: {all:.1} MiB",
        worst.download
    );
    if !refused.is_empty() {
        note = format!("{note}; refused as too large: {}", refused.join(", "));
    }
    report.add(ReportRow {
        work: format!("memory of any download above idle, scale {scale}"),
        engine: database.engine,
        unit: Unit::Mebibytes,
        measured: Spread::of(vec![worst.above_idle as f64 / MEBIBYTE]),
        yardstick: None,
        limit: Some(Limit::AtMost(16.0)),
        note,
        details: details.clone(),
    });
    let slowest = seen
        .into_iter()
        .filter(|seen| seen.download.coding.is_empty())
        .max_by(|one, other| one.first_bytes.median().total_cmp(&other.first_bytes.median()))
        .ok_or("nothing was downloaded")?;
    Ok(ReportRow {
        work: "time to first byte, any download".to_owned(),
        engine: database.engine,
        unit: Unit::Milliseconds,
        measured: slowest.first_bytes,
        yardstick: None,
        limit: Some(Limit::AtMost(20.0)),
        note: format!("worst: {}", slowest.download),
        details,
    })
}

/// The resident memory of an idle service after a little work, with a connection of each pool.
pub(crate) fn warm(service: &Service) -> Result<u64> {
    service.succeed("/backup/stats", [])?;
    service.succeed("/backup/download/users", [])?;
    service.reset_peak()
}

/// One form, several times. A format that can't hold so many rows is refused before the first byte.
fn look(service: &Service, download: Download, runs: u32) -> Result<std::result::Result<Seen, Download>> {
    let idle = warm(service)?;
    let mut first_bytes = Vec::new();
    for _ in 0..runs {
        match get(service, &download)? {
            Some(first_byte) => first_bytes.push(first_byte * 1000.0),
            None => return Ok(Err(download)),
        }
    }
    Ok(Ok(Seen {
        download,
        idle,
        above_idle: service.peak()?.saturating_sub(idle),
        first_bytes: Spread::of(first_bytes),
    }))
}

/// The peak of all forms, each once, in bytes above the idle service.
fn one_after_the_other(service: &Service) -> Result<u64> {
    let idle = warm(service)?;
    for download in Download::every() {
        get(service, &download)?;
    }
    Ok(service.peak()?.saturating_sub(idle))
}

/// The seconds until the first byte, or `None` if the download was refused.
fn get(service: &Service, download: &Download) -> Result<Option<f64>> {
    const REFUSED: u16 = 422;
    let path = format!("/backup/download/{}?format={}", download.table, download.format);
    let accept = format!("Accept-Encoding: {}", download.coding);
    let answer = service.curl(&path, ["-H", &accept])?;
    match answer.status {
        200 if answer.coding == download.coding => Ok(Some(answer.first_byte)),
        REFUSED => Ok(None),
        status => Err(format!("{download} was answered with {status} {}", answer.coding).into()),
    }
}
