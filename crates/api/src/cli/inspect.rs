//! `campus-backup list`, `show`, `verify` and `extract`: reading stored archives and backup files.
//!
//! They need no database and no account, so that they also work when the database is lost. They create nothing. For a file they
//! need no installation either, and no settings but the keys.

use std::time::Duration;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_archive::{Compression, Encryption, Keys, Summary};
use campus_backup_domain::Error;
use campus_backup_domain::job::{Progress, VerifyReport};
use campus_backup_domain::open::{self, Checked};
use campus_backup_domain::operations::{ArchiveFilter, ArchiveQuery, StoredArchives};
use campus_backup_domain::plural::counted;
use campus_backup_domain::store::{Store, UnreadableEntry};
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::archives::{line, refused};
use crate::cli::args::{ArchiveFilterArguments, CommonSettings, Extract, Reading};
use crate::cli::exit::ExitError;
use crate::cli::extract::{extract_table, extraction};
use crate::cli::named_archive::{BackupFile, NamedArchive};
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::block_on;
use crate::cli::{interrupt, progress};
use crate::installation::{self, Installation};
use crate::routes::archives::ArchiveAnswer;
use crate::settings::Settings;
use crate::{data_dir, logging};

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// The answer of `list --json`.
#[derive(Serialize)]
struct List {
    items: Vec<ArchiveAnswer>,
    unreadable: Vec<UnreadableEntry>,
}

pub(super) fn list(arguments: ArchiveFilterArguments, json: bool, common: CommonSettings) -> Result<(), ExitError> {
    let query = query_of(arguments);
    let reading = Reading {
        identity: None,
        json,
        common,
    };
    with_archives(&reading, async |archives, _| {
        let listed = archives.list(&query).await.map_err(refused)?;
        if json {
            return print_json(&List {
                items: listed.items.into_iter().map(ArchiveAnswer::from).collect(),
                unreadable: listed.unreadable,
            });
        }
        for archive in &listed.items {
            print(&line(archive))?;
        }
        for one in &listed.unreadable {
            print(&format!("{}  {}: {}", one.id, one.code, one.detail))?;
        }
        Ok(())
    })
}

fn query_of(arguments: ArchiveFilterArguments) -> ArchiveQuery {
    ArchiveQuery {
        filter: ArchiveFilter {
            search: arguments.search,
            kind: arguments.kind,
            protected: arguments.protected,
            created_by: arguments.created_by,
            from: arguments.from,
            to: arguments.to,
            verification: arguments.verification,
            ..ArchiveFilter::default()
        },
        sort: arguments.sort,
        direction: arguments.direction,
        limit: arguments.limit.unwrap_or(u64::MAX),
        offset: arguments.offset,
    }
}

pub(super) fn show(archive: &str, reading: &Reading) -> Result<(), ExitError> {
    match NamedArchive::of(archive)? {
        NamedArchive::Stored(id) => show_stored(&id, reading),
        NamedArchive::File(file) => show_file(file.open(reading)?, reading.report()),
    }
}

fn show_stored(id: &str, reading: &Reading) -> Result<(), ExitError> {
    with_archives(reading, async |archives, _| {
        let archive = archives.show(id).await.map_err(refused)?;
        if reading.json {
            return print_json(&ArchiveAnswer::from(archive));
        }
        print(&line(&archive))?;
        let manifest = &archive.manifest;
        for paragraph in manifest.note.iter().flat_map(|note| note.lines()) {
            print(paragraph)?;
        }
        let by = manifest.created_by.as_deref().unwrap_or("an unknown user");
        print(&format!(
            "created {} on {} by {by}",
            moment(manifest.created_at),
            manifest.engine
        ))?;
        for (table, rows) in &manifest.rows {
            print(&format!("{rows:>12}  {table}"))?;
        }
        for (column, total) in &manifest.totals {
            print(&format!("{total:>12}  sum of {column}"))?;
        }
        Ok(())
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn show_file(file: BackupFile, report: Report) -> Result<(), ExitError> {
    let checked = check(file)?;
    if report == Report::Json {
        return print_json(&FileContent::of(&checked));
    }
    let header = &checked.header;
    print(&format!(
        "created {} on {} by campus-backup {}",
        moment(header.created_at),
        header.engine,
        header.app_version
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

/// The answer of `show --json` and `verify --json` for a file.
#[derive(Serialize)]
struct FileContent<'c> {
    created_at: DateTime<Utc>,
    app_version: &'c str,
    engine: &'c str,
    version: u32,
    compression: Compression,
    encryption: Encryption,
    summary: &'c Summary,
}

impl<'c> FileContent<'c> {
    fn of(checked: &'c Checked) -> Self {
        Self {
            created_at: checked.header.created_at,
            app_version: &checked.header.app_version,
            engine: &checked.header.engine,
            version: checked.header.version.number(),
            compression: checked.form.compression,
            encryption: checked.form.encryption,
            summary: &checked.summary,
        }
    }
}

/// Reads a file to its end and compares everything.
fn check(file: BackupFile) -> Result<Checked, ExitError> {
    let refused = refused_file(&file.name);
    open::check(file.source, &file.keys, &Progress::default()).map_err(refused)
}

/// The error for an archive that can't be read, with the name under which the command line has it.
pub(super) fn refused_file(name: &str) -> impl Fn(Error) -> ExitError + use<> {
    let name = name.to_owned();
    move |error| match error.archive_code() {
        None => ExitError::failed("reading the backup file")(error),
        Some(_) => ExitError::Archive {
            file: name.clone(),
            source: Box::new(error),
        },
    }
}

pub(super) fn verify(archive: &str, test_restore: bool, reading: &Reading) -> Result<(), ExitError> {
    match NamedArchive::of(archive)? {
        NamedArchive::Stored(id) => verify_stored(&id, test_restore, reading),
        NamedArchive::File(_) if test_restore => {
            let problem = "--test-restore: only a stored archive can be restored into a temporary database; `campus-backup upload` \
                           stores a file";
            Err(ExitError::Settings(vec![problem.to_owned()]))
        }
        NamedArchive::File(file) => verify_file(file.open(reading)?, reading.report()),
    }
}

fn verify_stored(id: &str, test_restore: bool, reading: &Reading) -> Result<(), ExitError> {
    let level = match test_restore {
        true => VerificationLevel::TestRestore,
        false => VerificationLevel::Digest,
    };
    with_archives(reading, async |archives, _| {
        let progress = Progress::default();
        let report = reading.report();
        let bar = progress::bar(report);
        let verified = with_bar(&bar, &progress, archives.verify(id, level, &progress)).await;
        bar.finish_and_clear();
        let verification = verified?;
        if report == Report::Json {
            return print_json(&VerifyReport {
                archive_id: id.to_owned(),
                verification,
            });
        }
        let seconds = verification.as_ref().map(|found| found.seconds).unwrap_or_default();
        let restored = match verification.and_then(|found| found.restore_seconds) {
            Some(seconds) => format!("; a restore took {seconds:.1} s"),
            None => String::new(),
        };
        report.say(&format!("{id}: complete, verified in {seconds:.1} s{restored}"))
    })
}

fn verify_file(file: BackupFile, report: Report) -> Result<(), ExitError> {
    let name = file.name.clone();
    let checked = check(file)?;
    if report == Report::Json {
        return print_json(&FileContent::of(&checked));
    }
    let total = checked.summary.total;
    report.say(&format!(
        "{name}: complete, {}; all counts, digests and totals agree",
        counted(total, "row")
    ))
}

pub(super) fn extract(arguments: &Extract) -> Result<(), ExitError> {
    let Extract {
        archive,
        table,
        format,
        output,
        table_style,
        timezone,
        reading,
    } = arguments;
    let wanted = extraction(table, format, table_style, timezone)?;
    let report = reading.report();
    let id = match NamedArchive::of(archive)? {
        NamedArchive::Stored(id) => id,
        NamedArchive::File(file) => {
            let BackupFile { name, source, keys } = file.open(reading)?;
            let refused = refused_file(&name);
            return extract_table(|| Ok(source), &keys, wanted, output.as_deref(), report, refused);
        }
    };
    with_archives(reading, async |archives, keys| {
        let archive = archives.show(&id).await.map_err(refused)?;
        let source = archives.source(&archive.manifest);
        let (keys, output) = (keys.clone(), output.clone());
        let refused = refused_file(&id);
        // Reading blocks.
        let extracted = tokio::task::spawn_blocking(move || {
            extract_table(|| source.open(), &keys, wanted, output.as_deref(), report, refused)
        });
        extracted.await.map_err(ExitError::failed("extracting a table"))?
    })
}

/// Runs a command that needs the archives alone, and gives it the keys that open them.
pub(super) fn with_archives(
    reading: &Reading,
    work: impl AsyncFnOnce(&StoredArchives, &Keys) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    let mut settings = Settings::of_command(&reading.common)?;
    if let Some(keys) = reading.identity_keys()? {
        settings.archive_keys = keys;
    }
    logging::start(&settings);
    block_on(async {
        data_dir::check(&settings, Installation::Archives)?;
        installation::require_archives(&settings)?;
        work(&stored_archives(&settings)?, &settings.archive_keys).await
    })
}

/// The archives at the place that the settings name, to be read.
pub(super) fn stored_archives(settings: &Settings) -> Result<StoredArchives, ExitError> {
    let store = Store::open_existing(&settings.archives);
    let store = store.map_err(ExitError::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
    // The data folder may be lost, too.
    let scratch = match settings.data_dir.is_dir() {
        true => settings.data_dir.clone(),
        false => std::env::temp_dir(),
    };
    Ok(StoredArchives::new(store, settings.archive_keys.clone(), scratch))
}

/// Shows the progress of work while it runs. Ctrl-C cancels the work.
///
/// # Errors
/// [`ExitError::Interrupted`], and the errors of the work.
async fn with_bar<T>(
    bar: &ProgressBar,
    progress: &Progress,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, ExitError> {
    let mut ticks = tokio::time::interval(TICK);
    tokio::pin!(work);
    let mut is_interrupted = false;
    loop {
        tokio::select! {
            done = &mut work => return done.map_err(|error| match error {
                Error::Cancelled => ExitError::interrupted(),
                error => refused(error),
            }),
            _ = ticks.tick() => {
                let state = progress.state();
                progress::show(bar, state.phase, state.rows_done, state.rows_total);
            }
            () = interrupt::pressed(), if !is_interrupted => {
                is_interrupted = true;
                progress.cancel();
            }
        }
    }
}
