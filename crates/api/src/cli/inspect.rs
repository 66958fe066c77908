//! `campus-backup list`, `show`, `verify` and `extract`: archives are read where they lie, by whoever has their files. No
//! database and no account is needed, so that this works also when the database is lost; nothing is made.

use std::path::PathBuf;
use std::time::Duration;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::job::Progress;
use campus_backup_domain::operations::StoredArchives;
use campus_backup_domain::store::{self, Store};
use campus_backup_domain::{Error, open};
use chrono::SecondsFormat;
use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::archives::{line, refused};
use crate::cli::args::{Extract, Reading};
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::STANDARD;
use crate::cli::run::block_on;
use crate::cli::{inspect_file, interrupt, progress};
use crate::installation::{self, Installation};
use crate::logging;
use crate::problem::{ApiError, Code};
use crate::routes::archives::{ArchiveAnswer, UnreadableAnswer};
use crate::settings::Settings;

/// The most archives that a list has.
const ALL: u64 = u64::MAX;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

pub(super) fn list(reading: &Reading) -> Result<(), ExitError> {
    with_archives(reading, async |archives, _| {
        let kept = archives.list(None, ALL, 0).await.map_err(refused)?;
        if reading.json {
            let items: Vec<_> = kept.items.into_iter().map(ArchiveAnswer::from).collect();
            let unreadable: Vec<_> = kept.unreadable.into_iter().map(UnreadableAnswer::from).collect();
            return print_json(&json!({"items": items, "unreadable": unreadable}));
        }
        for archive in &kept.items {
            print(&line(archive))?;
        }
        for one in &kept.unreadable {
            print(&format!("{}  {}: {}", one.id, one.code, one.detail))?;
        }
        Ok(())
    })
}

pub(super) fn show(id: &str, reading: &Reading) -> Result<(), ExitError> {
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
        let taken = manifest.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let by = manifest.created_by.as_deref().unwrap_or("nobody known");
        print(&format!("taken {taken} on {} by {by}", manifest.engine))?;
        for (table, rows) in &manifest.rows {
            print(&format!("{rows:>12}  {table}"))?;
        }
        for (column, total) in &manifest.totals {
            print(&format!("{total:>12}  sum of {column}"))?;
        }
        Ok(())
    })
}

pub(super) fn verify(id: &str, test_restore: bool, reading: &Reading) -> Result<(), ExitError> {
    let level = match test_restore {
        true => VerificationLevel::TestRestore,
        false => VerificationLevel::Digest,
    };
    with_archives(reading, async |archives, _| {
        let progress = Progress::default();
        let report = reading.report();
        let bar = progress::bar(report);
        let verified = shown(&bar, &progress, archives.verify(id, level, &progress)).await;
        bar.finish_and_clear();
        let found = verified?;
        if report == Report::Json {
            return print_json(&json!({"archive_id": id, "verification": found}));
        }
        let seconds = found.as_ref().map(|found| found.seconds).unwrap_or_default();
        let restored = match found.and_then(|found| found.restore_seconds) {
            Some(seconds) => format!("; a restore took {seconds:.1} s"),
            None => String::new(),
        };
        report.say(&format!("{id}: whole, looked at in {seconds:.1} s{restored}"))
    })
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
    let wanted = inspect_file::wanted(table, format, table_style, timezone)?;
    let report = reading.report();
    match NamedArchive::of(archive)? {
        NamedArchive::File(path) => {
            let settings = Settings::of_command(&reading.common)?;
            let refused = inspect_file::refused(archive);
            let open = || open::Source::open(&path);
            inspect_file::extract(open, &settings.archive_keys, wanted, output.as_deref(), report, refused)
        }
        NamedArchive::Standard => {
            let settings = Settings::of_command(&reading.common)?;
            let refused = inspect_file::refused("the standard input");
            let open = || Ok(inspect_file::standard_input());
            inspect_file::extract(open, &settings.archive_keys, wanted, output.as_deref(), report, refused)
        }
        NamedArchive::Stored(id) => with_archives(reading, async |archives, settings| {
            let archive = archives.show(&id).await.map_err(refused)?;
            let source = archives.source(&archive.manifest);
            let (keys, output) = (settings.archive_keys.clone(), output.clone());
            let file = id.clone();
            // Reading blocks.
            let extracted = tokio::task::spawn_blocking(move || {
                let refused = inspect_file::refused(&file);
                inspect_file::extract(|| source.open(), &keys, wanted, output.as_deref(), report, refused)
            });
            extracted.await.map_err(ExitError::failed("taking out a table"))?
        }),
    }
}

/// An archive as an argument names it.
pub(super) enum NamedArchive {
    /// By its id in the store.
    Stored(String),
    /// By the path of a file.
    File(PathBuf),
    /// What comes from the standard input.
    Standard,
}

impl NamedArchive {
    /// What has the form of an id is one, `-` is the standard input; everything else is a file.
    ///
    /// # Errors
    /// [`Code::UnknownArchive`] if it is neither.
    pub(super) fn of(argument: &str) -> Result<Self, ExitError> {
        if store::is_id(argument) {
            return Ok(Self::Stored(argument.to_owned()));
        }
        if argument == STANDARD {
            return Ok(Self::Standard);
        }
        let path = PathBuf::from(argument);
        match path.is_file() {
            true => Ok(Self::File(path)),
            false => {
                let detail = format!("`{argument}` is neither the id of an archive nor a file.");
                Err(ApiError::new(Code::UnknownArchive, detail).into())
            }
        }
    }
}

/// Runs a command on the archives alone.
pub(super) fn with_archives(
    reading: &Reading,
    work: impl AsyncFnOnce(&StoredArchives, &Settings) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    let settings = Settings::of_command(&reading.common)?;
    logging::start(&settings);
    block_on(async {
        installation::check_data_dir(&settings, Installation::Archives)?;
        installation::require_archives(&settings)?;
        work(&archives(&settings)?, &settings).await
    })
}

/// The archives where the settings say, to be read.
pub(super) fn archives(settings: &Settings) -> Result<StoredArchives, ExitError> {
    let store = Store::open_existing(&settings.archives);
    let store = store.map_err(ExitError::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
    // The data folder may be lost, too.
    let scratch = match settings.data_dir.is_dir() {
        true => settings.data_dir.clone(),
        false => std::env::temp_dir(),
    };
    Ok(StoredArchives::new(store, settings.archive_keys.clone(), scratch))
}

/// Shows how far some work is while it goes on; Ctrl-C ends it.
///
/// # Errors
/// [`ExitError::Interrupted`], and what the work says.
async fn shown<T>(
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
