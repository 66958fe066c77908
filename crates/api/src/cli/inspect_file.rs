//! `campus-backup open`: looking into an archive that is a file in the hand.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use campus_backup_archive::{Compression, Encryption, Keys};
use campus_backup_domain::export::{ArchivedFormat, CsvOptions};
use campus_backup_domain::job::Progress;
use campus_backup_domain::open::{self, Checked, Extraction};
use campus_backup_domain::{Error, Table};
use chrono::SecondsFormat;
use chrono_tz::Tz;
use serde_json::json;

use crate::cli::args::{Archive, Open, TableStyle};
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::{OutputFile, STANDARD};
use crate::csv_style;
use crate::data_dir::secret;

/// Does what one of the subcommands says.
///
/// # Errors
/// [`ExitError::Archive`] if the archive is refused; [`ExitError::Settings`] for arguments that can't be.
pub(super) fn open(what: &Open) -> Result<(), ExitError> {
    match what {
        Open::List(archive) => list(archive),
        Open::Verify(archive) => verify(archive),
        Open::Extract {
            archive,
            table,
            format,
            output,
            table_style,
            timezone,
        } => {
            let wanted = wanted(table, format, table_style, timezone)?;
            // A file that can't be read is told as one.
            let source = source(archive)?;
            extract(
                || Ok(source),
                &keys(archive)?,
                wanted,
                output.as_deref(),
                report(archive),
                refused(&archive.file),
            )
        }
    }
}

fn list(archive: &Archive) -> Result<(), ExitError> {
    let checked = check(archive)?;
    if archive.json {
        return print_json(&description(&checked));
    }
    let header = &checked.header;
    let taken = header.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    print(&format!(
        "taken {taken} on {} by campus-backup {}",
        header.engine, header.app_version
    ))?;
    let compressed = match checked.form.compression {
        Compression::None => "not compressed",
        Compression::Zstd => "compressed",
    };
    let encrypted = match checked.form.encryption {
        Encryption::None => "not encrypted",
        Encryption::Age => "encrypted",
    };
    print(&format!("format version {}, {compressed}, {encrypted}", header.version))?;
    for table in &header.schema.tables {
        let rows = checked.summary.rows.get(&table.name).copied().unwrap_or_default();
        print(&format!("{:>12}  {}", rows, table.name))?;
    }
    for (column, total) in &checked.summary.totals {
        print(&format!("{total:>12}  sum of {column}"))?;
    }
    Ok(())
}

fn verify(archive: &Archive) -> Result<(), ExitError> {
    let checked = check(archive)?;
    if archive.json {
        return print_json(&description(&checked));
    }
    let total = checked.summary.total;
    report(archive).say(&format!(
        "{}: whole, {total} rows; all counts, digests and totals agree",
        archive.file
    ))
}

/// For scripts: the same of `list` and `verify`.
fn description(checked: &Checked) -> serde_json::Value {
    json!({
        "created_at": checked.header.created_at,
        "app_version": checked.header.app_version,
        "engine": checked.header.engine,
        "version": checked.header.version,
        "compression": checked.form.compression,
        "encryption": checked.form.encryption,
        "summary": checked.summary,
    })
}

fn check(archive: &Archive) -> Result<Checked, ExitError> {
    open::check(source(archive)?, &keys(archive)?, &Progress::default()).map_err(refused(&archive.file))
}

fn report(archive: &Archive) -> Report {
    Report::of(archive.json, archive.quiet)
}

/// Takes a table out of an archive, whose bytes `open` gives, and puts it where it is wanted.
pub(super) fn extract(
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
    // The standard output is the table's, unless it has a file.
    let said = match report {
        Report::Json => json!({"table": wanted.table, "rows": rows}).to_string(),
        Report::Text => format!("{}: {rows} rows", wanted.table),
        Report::Quiet => return Ok(()),
    };
    match output {
        STANDARD => Ok(()),
        _ => print(&said),
    }
}

/// The bytes of the standard input.
pub(super) fn standard_input() -> Box<dyn Read + Send> {
    // Its lock is not for other threads.
    Box::new(BufReader::new(io::stdin()))
}

/// What is to be taken out.
///
/// # Errors
/// [`ExitError::Settings`] with everything that is wrong.
pub(super) fn wanted(table: &str, format: &str, style: &TableStyle, timezone: &str) -> Result<Extraction, ExitError> {
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
    // An empty variable counts as not set.
    let time_zone = match timezone.trim() {
        "" => Ok(Tz::UTC),
        timezone => timezone.parse(),
    };
    let time_zone = time_zone.map_err(|_| {
        problems.push(format!(
            "--timezone: `{timezone}` is not a time zone such as Europe/Berlin"
        ));
    });
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

fn source(archive: &Archive) -> Result<Box<dyn Read + Send>, ExitError> {
    if archive.file == STANDARD {
        return Ok(standard_input());
    }
    match File::open(&archive.file) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(ExitError::Settings(vec![format!(
            "`{}` can't be read: {error}",
            archive.file
        )])),
    }
}

fn keys(archive: &Archive) -> Result<Keys, ExitError> {
    let Some(file) = &archive.identity else {
        return Ok(Keys::none());
    };
    let text = secret::read_private(Path::new(file))
        .map_err(|problem| ExitError::Settings(vec![format!("--identity: `{file}` {problem}")]))?;
    Keys::parse(&text).map_err(|error| ExitError::Settings(vec![format!("--identity: `{file}`: {error}")]))
}

/// What is wrong with an archive that has that name.
pub(super) fn refused(file: &str) -> impl Fn(Error) -> ExitError {
    move |error| match error.archive_code() {
        None => ExitError::failed("looking into the archive")(error),
        Some(_) => ExitError::Archive {
            file: file.to_owned(),
            source: Box::new(error),
        },
    }
}
