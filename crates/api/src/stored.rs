//! `campus-backup list`, `show`, `verify` and `extract`: archives are read where they lie, by whoever has their files. No
//! database and no account is needed, so that this works also when the database is lost; nothing is made.

use std::path::PathBuf;
use std::time::Duration;

use campus_backup_archive::manifest::VerificationLevel;
use campus_backup_domain::archives::StoredArchives;
use campus_backup_domain::job::Progress;
use campus_backup_domain::store::{self, Store};
use campus_backup_domain::{Error, open};
use chrono::SecondsFormat;
use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::{Extract, Reading};
use crate::commands::block_on;
use crate::failure::Failure;
use crate::installation::{self, Installation};
use crate::interrupt;
use crate::keep::{line, refused};
use crate::output::{Report, print, print_json};
use crate::output_file::STANDARD;
use crate::problem::{ApiError, Code};
use crate::progress;
use crate::routes::archives::{ArchiveAnswer, UnreadableAnswer};
use crate::settings::Settings;
use crate::{logging, look};

/// The most archives that a list has.
const ALL: u64 = u64::MAX;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

pub(crate) fn list(reading: &Reading) -> Result<(), Failure> {
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

pub(crate) fn show(id: &str, reading: &Reading) -> Result<(), Failure> {
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

pub(crate) fn verify(id: &str, test_restore: bool, reading: &Reading) -> Result<(), Failure> {
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

pub(crate) fn extract(arguments: &Extract) -> Result<(), Failure> {
    let Extract {
        archive,
        table,
        format,
        output,
        table_style,
        timezone,
        reading,
    } = arguments;
    let wanted = look::wanted(table, format, table_style, timezone)?;
    let report = reading.report();
    match Named::of(archive)? {
        Named::File(path) => {
            let settings = Settings::of_command(&reading.common)?;
            let refused = look::refused(archive);
            let open = || open::Source::open(&path);
            look::extract(open, &settings.archive_keys, wanted, output.as_deref(), report, refused)
        }
        Named::Standard => {
            let settings = Settings::of_command(&reading.common)?;
            let refused = look::refused("the standard input");
            let open = || Ok(look::standard_input());
            look::extract(open, &settings.archive_keys, wanted, output.as_deref(), report, refused)
        }
        Named::Stored(id) => with_archives(reading, async |archives, settings| {
            let archive = archives.show(&id).await.map_err(refused)?;
            let source = archives.source(&archive.manifest);
            let (keys, output) = (settings.archive_keys.clone(), output.clone());
            let file = id.clone();
            // Reading blocks.
            let extracted = tokio::task::spawn_blocking(move || {
                let refused = look::refused(&file);
                look::extract(|| source.open(), &keys, wanted, output.as_deref(), report, refused)
            });
            extracted.await.map_err(Failure::failed("taking out a table"))?
        }),
    }
}

/// An archive as an argument names it.
pub(crate) enum Named {
    /// By its id in the store.
    Stored(String),
    /// By the path of a file.
    File(PathBuf),
    /// What comes from the standard input.
    Standard,
}

impl Named {
    /// What has the form of an id is one, `-` is the standard input; everything else is a file.
    ///
    /// # Errors
    /// [`Code::UnknownArchive`] if it is neither.
    pub(crate) fn of(argument: &str) -> Result<Self, Failure> {
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
pub(crate) fn with_archives(
    reading: &Reading,
    work: impl AsyncFnOnce(&StoredArchives, &Settings) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = Settings::of_command(&reading.common)?;
    logging::start(&settings);
    block_on(async {
        installation::check_data_dir(&settings, Installation::Archives)?;
        installation::require_archives(&settings)?;
        work(&archives(&settings)?, &settings).await
    })
}

/// The archives where the settings say, to be read.
pub(crate) fn archives(settings: &Settings) -> Result<StoredArchives, Failure> {
    let store = Store::open_existing(&settings.archives);
    let store = store.map_err(Failure::refused("--archives (CAMPUS_BACKUP_ARCHIVES)"))?;
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
/// [`Failure::Interrupted`], and what the work says.
async fn shown<T>(
    bar: &ProgressBar,
    progress: &Progress,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let mut ticks = tokio::time::interval(TICK);
    tokio::pin!(work);
    let mut is_interrupted = false;
    loop {
        tokio::select! {
            done = &mut work => return done.map_err(|error| match error {
                Error::Cancelled => Failure::interrupted(),
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
