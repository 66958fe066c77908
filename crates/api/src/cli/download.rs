//! `campus-backup download`: a stored archive, which needs no account, or a table of the live data.

use std::io::{Read as _, Write as _};

use campus_backup_archive::Manifest;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::catalog::{Table, TableScope};
use campus_backup_domain::export::{self, CsvOptions, Format, Transfer};
use campus_backup_domain::open::ArchiveSource;
use campus_backup_domain::store;
use futures_util::StreamExt as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::cli::archives::refused;
use crate::cli::args::{Download, Reading};
use crate::cli::exit::ExitError;
use crate::cli::inspect::with_archives;
use crate::cli::output::{Report, print_json};
use crate::cli::output_file::{OutputFile, STANDARD};
use crate::cli::run::with_admin;
use crate::csv_style;
use crate::problem::{ApiError, Code};
use crate::routes::archives::file_name;

const DOING: &str = "writing the file";

/// The answer of `download --json` for an archive.
#[derive(Serialize)]
struct SavedArchive<'s> {
    file: &'s str,
    archive_id: &'s str,
    bytes: u64,
}

/// The answer of `download --json` for a table.
#[derive(Serialize)]
struct SavedTable<'s> {
    file: &'s str,
    table: &'s str,
    rows: u64,
}

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

pub(super) fn download(arguments: &Download) -> Result<(), ExitError> {
    match store::is_id(&arguments.what) {
        true => archive(arguments),
        false => table(arguments),
    }
}

fn archive(arguments: &Download) -> Result<(), ExitError> {
    if arguments.format.is_some() {
        let problem = "--format: an archive is saved as it is; `extract` writes one of its tables";
        return Err(ExitError::Settings(vec![problem.to_owned()]));
    }
    let reading = Reading {
        identity: None,
        json: arguments.acting.json,
        common: arguments.acting.common.clone(),
    };
    let report = reading.report();
    with_archives(&reading, async |archives, _| {
        let listed = archives.show(&arguments.what).await.map_err(refused)?;
        let (source, manifest) = (archives.source(&listed.manifest), listed.manifest.clone());
        let output = arguments.output.clone().unwrap_or_else(|| file_name(&manifest));
        // Reading blocks.
        let copied = tokio::task::spawn_blocking(move || copy(&*source, &manifest, output));
        let (output, bytes) = copied.await.map_err(ExitError::failed(DOING))??;
        report_saved(
            report,
            &output,
            &SavedArchive {
                file: &output,
                archive_id: &arguments.what,
                bytes,
            },
        )
    })
}

/// Copies an archive to the output. Returns the output and the number of bytes.
fn copy(source: &dyn ArchiveSource, manifest: &Manifest, output: String) -> Result<(String, u64), ExitError> {
    let mut file = OutputFile::begin(&output)?;
    let mut source = source.open().map_err(refused)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source
            .read(&mut chunk)
            .map_err(ExitError::failed("reading the archive"))?;
        if read == 0 {
            break;
        }
        digest.update(&chunk[..read]);
        file.write_all(&chunk[..read]).map_err(ExitError::failed(DOING))?;
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    ensure_digest(manifest, &digest)?;
    file.finish()?;
    Ok((output, manifest.object.size))
}

/// Demands that the stored file still has the digest of its manifest.
fn ensure_digest(manifest: &Manifest, digest: &str) -> Result<(), ExitError> {
    match manifest.object.sha256 == digest {
        true => Ok(()),
        false => {
            let detail = "The stored file has changed since it was written: its digest differs. Nothing was saved.";
            Err(ApiError::new(Code::ArchiveDigestMismatch, detail).into())
        }
    }
}

fn table(arguments: &Download) -> Result<(), ExitError> {
    let scope = TableScope::from_name(&arguments.what).ok_or_else(|| {
        let names = Table::ALL.map(Table::name).join(", ");
        let problem = format!(
            "`{}` is neither the id of an archive nor a table; there are {names}, all",
            arguments.what
        );
        ExitError::Settings(vec![problem])
    })?;
    let format = match (arguments.format.as_deref(), scope) {
        (None, TableScope::One(_)) | (Some("csv"), _) => Format::Csv,
        (None, TableScope::All) | (Some("json"), _) => Format::Json,
        (Some("xlsx"), _) => Format::Xlsx,
        (Some(other), _) => {
            return Err(ExitError::Settings(vec![format!(
                "--format: `{other}` is not csv, json or xlsx"
            )]));
        }
    };
    let style = &arguments.table_style;
    let request = export::ExportRequest {
        scope,
        format,
        csv: CsvOptions {
            style: csv_style::style(style.delimiter, style.decimals, style.dates),
            ..CsvOptions::default()
        },
        names: csv_style::name_columns(style.names),
        transfer: Transfer::default(),
    };
    request.check().map_err(refused)?;
    with_admin(&arguments.acting, async |state, admin| {
        let never = std::future::pending();
        let entry = AuditEntry::by(admin, AuditEvent::Download).of_table(Some(scope.name()));
        state.audit.record(entry).await.map_err(refused)?;
        let begun = export::download(admin, &state.database, &state.downloads, request, never).await;
        let mut download = begun.map_err(refused)?;
        let output = arguments.output.clone().unwrap_or(download.file_name);
        let mut file = OutputFile::begin(&output)?;
        while let Some(bytes) = download.body.next().await {
            file.write_all(&bytes.map_err(refused)?)
                .map_err(ExitError::failed(DOING))?;
        }
        file.finish()?;
        let rows = download.total_rows;
        report_saved(
            arguments.acting.report(),
            &output,
            &SavedTable {
                file: &output,
                table: scope.name(),
                rows,
            },
        )
    })
}

/// Reports what was saved, unless the file went to the standard output.
fn report_saved(report: Report, output: &str, answer: &impl Serialize) -> Result<(), ExitError> {
    match report {
        _ if output == STANDARD => Ok(()),
        Report::Json => print_json(answer),
        Report::Text | Report::Quiet => report.say(output),
    }
}
