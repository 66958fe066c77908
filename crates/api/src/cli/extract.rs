//! Writing one table of an archive as a file: the part of `campus-backup extract` that does not depend on where the archive is.

use std::io::Read;

use campus_backup_archive::Keys;
use campus_backup_domain::export::{ArchivedFormat, CsvOptions};
use campus_backup_domain::open::{self, Extraction};
use campus_backup_domain::plural::counted;
use campus_backup_domain::{Error, Table};
use chrono_tz::Tz;
use serde::Serialize;

use crate::cli::args::TableStyle;
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print_json};
use crate::cli::output_file::{OutputFile, STANDARD};
use crate::csv_style;

/// The answer of `extract --json`.
#[derive(Serialize)]
struct ExtractedTable {
    table: Table,
    rows: u64,
}

/// Writes one table of the archive that `open` opens to a file or to the standard output.
///
/// # Errors
/// [`ExitError::Settings`] if the output exists already; what `refused` makes of an archive that can't be read.
pub(super) fn extract_table(
    open: impl FnOnce() -> Result<Box<dyn Read + Send>, Error>,
    keys: &Keys,
    wanted: Extraction,
    output: Option<&str>,
    report: Report,
    refused: impl Fn(Error) -> ExitError,
) -> Result<(), ExitError> {
    let output = output.unwrap_or(STANDARD);
    let mut file = OutputFile::begin(output)?;
    let source = open().map_err(&refused)?;
    let rows = open::extract(source, keys, wanted, &mut file).map_err(refused)?;
    file.finish()?;
    let table = wanted.table;
    match report {
        // The standard output has the table.
        _ if output == STANDARD => Ok(()),
        Report::Json => print_json(&ExtractedTable { table, rows }),
        Report::Text | Report::Quiet => report.say(&format!("{table}: {}", counted(rows, "row"))),
    }
}

/// The extraction that the arguments describe.
///
/// # Errors
/// [`ExitError::Settings`] with all problems of the arguments.
pub(super) fn extraction(
    table: &str,
    format: &str,
    style: &TableStyle,
    timezone: &str,
) -> Result<Extraction, ExitError> {
    let mut problems = Vec::new();
    let table = Table::from_name(table).or_else(|| {
        let names = Table::ALL.map(Table::name).join(", ");
        problems.push(format!("there is no table `{table}`; there are {names}"));
        None
    });
    let format = match format {
        "csv" => Some(ArchivedFormat::Csv),
        "json" => Some(ArchivedFormat::Json),
        other => {
            problems.push(format!("--format: `{other}` is not csv or json"));
            None
        }
    };
    let time_zone = time_zone(timezone).map_err(|problem| problems.push(problem));
    match (table, format, time_zone) {
        (Some(table), Some(format), Ok(time_zone)) => Ok(Extraction {
            table,
            format,
            csv: CsvOptions {
                style: csv_style::style(style.delimiter, style.decimals, style.dates),
                ..CsvOptions::default()
            },
            names: csv_style::name_columns(style.names),
            time_zone,
        }),
        _ => Err(ExitError::Settings(problems)),
    }
}

/// The time zone of `--timezone`. An empty variable counts as not set.
///
/// # Errors
/// What is wrong with the argument.
pub(super) fn time_zone(timezone: &str) -> Result<Tz, String> {
    let time_zone = match timezone.trim() {
        "" => Ok(Tz::UTC),
        timezone => timezone.parse(),
    };
    time_zone.map_err(|_| format!("--timezone: `{timezone}` is not a time zone such as Europe/Berlin"))
}
