//! `campus-backup backup`, `diff` and `undo`, and what they have in common with `restore`: the archives of a school from its
//! command line. They do what the API does, by the same calls, whether the service runs or not; the writer's lease keeps
//! them apart.

use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::archives::{ListedArchive, Words};
use campus_backup_domain::catalog;
use campus_backup_domain::diff::{self, CsvRequest};
use campus_backup_domain::export::{CsvOptions, Transfer};
use campus_backup_domain::job::{Job, JobState, Progress, Submitted};
use futures_util::StreamExt as _;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};

use crate::AppState;
use crate::cli::Acting;
use crate::commands::with_state;
use crate::failure::Failure;
use crate::installation::Installation;
use crate::interrupt;
use crate::output::{Report, file_output, print, print_json};
use crate::problem::ApiError;
use crate::progress;
use crate::routes::archives::ArchiveAnswer;
use crate::routes::diff::{DiffCounts, side};

/// How long a job has to end that is interrupted.
const LAST_MOMENTS: Duration = Duration::from_secs(3);

pub(crate) fn backup(words: Words, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let job = follow(state, acting, state.archives.take(admin, words, None)).await?;
        let id = job.result.as_ref().and_then(|result| result["archive_id"].as_str());
        let archive = state.archives.show(admin, id.unwrap_or_default()).await;
        report_archive(acting.report(), archive.map_err(refused)?)
    })
}

/// Tells of an archive that a command has made or changed.
pub(crate) fn report_archive(report: Report, archive: ListedArchive) -> Result<(), Failure> {
    match report {
        Report::Json => print_json(&ArchiveAnswer::from(archive)),
        Report::Text | Report::Quiet => report.say(&line(&archive)),
    }
}

pub(crate) fn diff(from: String, to: String, csv: bool, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let sides = async { Ok((side(admin, state, &from).await?, side(admin, state, &to).await?)) };
        let (one, other) = sides.await.map_err(|error: ApiError| Failure::from(error))?;
        if csv {
            let request = CsvRequest {
                scope: catalog::Scope::All,
                change: None,
                csv: CsvOptions::default(),
                transfer: Transfer::default(),
            };
            let body = diff::csv(admin, &one, &other, &state.downloads, request, std::future::pending());
            let mut body = body.await.map_err(refused)?;
            let mut output = file_output();
            while let Some(bytes) = body.next().await {
                let written = output.write_all(&bytes.map_err(refused)?);
                written.map_err(Failure::failed("writing to the standard output"))?;
            }
            return output
                .flush()
                .map_err(Failure::failed("writing to the standard output"));
        }
        let counted = diff::counts(&one, &other, &Progress::default())
            .await
            .map_err(refused)?;
        let answer = json!(DiffCounts::new(from, to, &counted));
        if acting.json {
            return print_json(&answer);
        }
        print("       added     removed     changed   unchanged")?;
        for (table, counts) in answer["tables"].as_object().into_iter().flatten() {
            let counts = ["added", "removed", "changed", "unchanged"].map(|what| column(counts, what));
            print(&format!("{}  {table}", counts.concat()))?;
        }
        for (table, only) in answer["missing"].as_object().into_iter().flatten() {
            print(&format!("{table} is only in `{}`", only.as_str().unwrap_or_default()))?;
        }
        Ok(())
    })
}

pub(crate) fn undo(id: &str, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let job = follow(state, acting, state.archives.undo(admin, id, None)).await?;
        let report = job.result.unwrap_or_default();
        if acting.json {
            return print_json(&report);
        }
        for (table, done) in report["tables"].as_object().into_iter().flatten() {
            acting.report().say(&format!("{}  {table}", column(done, "inserted")))?;
        }
        Ok(())
    })
}

pub(crate) fn with_admin(
    acting: &Acting,
    work: impl AsyncFnOnce(&AppState, &Admin) -> Result<(), Failure>,
) -> Result<(), Failure> {
    with_state(&acting.common, Installation::Required, async |state| {
        let admin = state.accounts.administrator(acting.username()).await;
        work(state, &admin.map_err(Failure::refused("--as"))?).await
    })
}

/// Waits for a job, shows on a terminal how far it is, and asks it to end on Ctrl-C.
///
/// # Errors
/// [`Failure::Interrupted`] if it has ended because of that; one that is past that point ends as it would have.
pub(crate) async fn follow(
    state: &AppState,
    acting: &Acting,
    submitted: impl Future<Output = Result<Submitted, Error>>,
) -> Result<Job, Failure> {
    let submitted = submit(submitted).await?;
    let bar = progress::bar(acting.report());
    let mut watch = state.jobs.watch(&submitted.job().id, None).await.map_err(refused)?;
    let watched = async {
        while let Ok(Some(event)) = watch.next().await {
            let Job {
                phase,
                rows_done,
                rows_total,
                ..
            } = event.job;
            progress::show(&bar, phase, rows_done, rows_total);
        }
    };
    let is_interrupted = tokio::select! {
        () = watched => false,
        () = interrupt::pressed() => {
            state.jobs.close();
            state.jobs.closed(LAST_MOMENTS).await;
            true
        }
    };
    bar.finish_and_clear();
    // One that has not ended by then is written down as interrupted and can't commit any more, unless it commits already.
    let job = submitted.ended().await.map_err(refused)?;
    match ApiError::of_job(&job) {
        Some(_) if is_interrupted && matches!(job.state, JobState::Interrupted | JobState::Cancelled) => {
            Err(Failure::interrupted())
        }
        Some(error) => Err(error.into()),
        None => Ok(job),
    }
}

/// Waits until a job is admitted. On Ctrl-C it still may be for a moment, so that it is known what became of it.
async fn submit(submitted: impl Future<Output = Result<Submitted, Error>>) -> Result<Submitted, Failure> {
    let mut submitted = pin!(submitted);
    tokio::select! {
        biased;
        () = interrupt::pressed() => {}
        done = &mut submitted => return done.map_err(refused),
    }
    match tokio::time::timeout(LAST_MOMENTS, submitted).await {
        Ok(Ok(submitted)) => Ok(submitted),
        // There is no job.
        Ok(Err(_)) | Err(_) => Err(Failure::interrupted()),
    }
}

/// An archive in a line.
pub(crate) fn line(archive: &ListedArchive) -> String {
    let manifest = &archive.manifest;
    let kind = json!(manifest.kind);
    let origin = match archive.origin.map(|origin| json!(origin)) {
        Some(origin) => format!("  {:9}", origin.as_str().unwrap_or_default()),
        None => String::new(),
    };
    let verified = match archive.verifications().last() {
        None => "not verified".to_owned(),
        Some(last) => {
            let level = json!(last.level);
            let what = last.code.as_deref().unwrap_or("ok");
            format!("{} {what}", level.as_str().unwrap_or_default())
        }
    };
    let protected = if manifest.protected { "  protected" } else { "" };
    let label = manifest
        .label
        .as_deref()
        .map(|label| format!("  {label}"))
        .unwrap_or_default();
    format!(
        "{}  {:8}{origin}  {:>12} rows  {:>11}  {verified}{protected}{label}",
        manifest.id,
        kind.as_str().unwrap_or_default(),
        HumanCount(manifest.total).to_string(),
        HumanBytes(manifest.object.size).to_string(),
    )
}

/// A number of a table that has twelve places for it.
pub(crate) fn column(counts: &Value, name: &str) -> String {
    format!("{:>12}", counts[name].as_u64().unwrap_or_default())
}

pub(crate) fn refused(error: Error) -> Failure {
    ApiError::from(error).into()
}
