//! `campus-backup open`: looking into an archive that is a file in the hand.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use campus_backup_archive::{Compression, Encryption, Keys};
use campus_backup_domain::catalog::NameColumns;
use campus_backup_domain::export::{ArchivedFormat, CsvOptions};
use campus_backup_domain::job::Progress;
use campus_backup_domain::open::{self, Checked, Extraction, Source};
use campus_backup_domain::{Error, Table};
use chrono::SecondsFormat;
use chrono_tz::Tz;
use serde_json::json;

use crate::cli::{Archive, Open};
use crate::failure::Failure;
use crate::output::{print, printable};

/// Does what one of the subcommands says.
///
/// # Errors
/// [`Failure::Archive`] if the archive is refused; [`Failure::Settings`] for arguments that can't be.
pub(crate) fn open(what: &Open) -> Result<(), Failure> {
    match what {
        Open::List(archive) => list(archive),
        Open::Verify(archive) => verify(archive),
        Open::Extract {
            archive,
            table,
            format,
            output,
            timezone,
        } => {
            let wanted = wanted(table, format, timezone)?;
            // A file that can't be read is told as one.
            source(archive)?;
            extract(
                &PathBuf::from(&archive.file),
                &keys(archive)?,
                wanted,
                output.as_deref(),
                archive.json,
                refused(&archive.file),
            )
        }
    }
}

fn list(archive: &Archive) -> Result<(), Failure> {
    let checked = check(archive)?;
    if archive.json {
        return print(&description(&checked).to_string());
    }
    let header = &checked.header;
    let taken = header.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    print(&format!(
        "taken {taken} on {} by campus-backup {}",
        printable(&header.engine),
        printable(&header.app_version)
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

fn verify(archive: &Archive) -> Result<(), Failure> {
    let checked = check(archive)?;
    if archive.json {
        return print(&description(&checked).to_string());
    }
    let total = checked.summary.total;
    print(&format!(
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

fn check(archive: &Archive) -> Result<Checked, Failure> {
    open::check(source(archive)?, &keys(archive)?, &Progress::default()).map_err(refused(&archive.file))
}

/// Takes a table out of an archive, and puts it where it is wanted.
pub(crate) fn extract(
    source: &dyn Source,
    keys: &Keys,
    wanted: Extraction,
    output: Option<&str>,
    json: bool,
    refused: impl Fn(Error) -> Failure,
) -> Result<(), Failure> {
    let doing = "writing the table";
    let exists = |output: &str| Failure::Settings(vec![format!("--output: there is a file `{output}` already")]);
    let rows = match output {
        None => {
            let source = source.open().map_err(&refused)?;
            open::extract(source, keys, wanted, &mut std::io::stdout().lock()).map_err(refused)?
        }
        Some(output) => {
            if Path::new(output).exists() {
                return Err(exists(output));
            }
            // Beside its place, so that it can be put there at once when it is whole.
            let folder = Path::new(output)
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let mut file =
                tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(Failure::failed(doing))?;
            let source = source.open().map_err(&refused)?;
            let rows = open::extract(source, keys, wanted, &mut file).map_err(refused)?;
            file.as_file().sync_all().map_err(Failure::failed(doing))?;
            file.persist_noclobber(output)
                .map_err(|refused| match refused.error.kind() {
                    ErrorKind::AlreadyExists => exists(output),
                    _ => Failure::failed(doing)(refused.error),
                })?;
            rows
        }
    };
    // The standard output is the table's, unless it has a file.
    let said = match json {
        true => json!({"table": wanted.table, "rows": rows}).to_string(),
        false => format!("{}: {rows} rows", wanted.table),
    };
    match output {
        Some(_) => print(&said),
        None => writeln!(std::io::stderr().lock(), "{said}").map_err(Failure::failed("writing to the standard error")),
    }
}

/// What is to be taken out.
///
/// # Errors
/// [`Failure::Settings`] with everything that is wrong.
pub(crate) fn wanted(table: &str, format: &str, timezone: &str) -> Result<Extraction, Failure> {
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
            csv: CsvOptions::default(),
            names: NameColumns::Omitted,
            time_zone,
        }),
        _ => Err(Failure::Settings(problems)),
    }
}

fn source(archive: &Archive) -> Result<BufReader<File>, Failure> {
    let opened = File::open(&archive.file).map(BufReader::new);
    opened.map_err(|error| Failure::Settings(vec![format!("`{}` can't be read: {error}", archive.file)]))
}

fn keys(archive: &Archive) -> Result<Keys, Failure> {
    let Some(file) = &archive.identity else {
        return Ok(Keys::none());
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Settings(vec![format!("--identity: `{file}` can't be read: {error}")]))?;
    Keys::parse(&text).map_err(|error| Failure::Settings(vec![format!("--identity: `{file}`: {error}")]))
}

/// What is wrong with an archive that has that name.
pub(crate) fn refused(file: &str) -> impl Fn(Error) -> Failure {
    move |error| match error.archive_code() {
        None => Failure::failed("looking into the archive")(error),
        Some(_) => Failure::Archive {
            file: file.to_owned(),
            source: Box::new(error),
        },
    }
}
