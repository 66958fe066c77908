//! Waiting for a job that a subcommand has started.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::job::{Job, JobState, Submitted};

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::Acting;
use crate::cli::exit::ExitError;
use crate::cli::{interrupt, progress};
use crate::problem::ApiError;

/// How long a job has to end that is interrupted.
const LAST_MOMENTS: Duration = Duration::from_secs(3);

/// Waits for a job, shows on a terminal how far it is, and asks it to end on Ctrl-C.
///
/// # Errors
/// [`ExitError::Interrupted`] if it has ended because of that; one that is past that point ends as it would have.
pub(super) async fn follow(
    state: &AppState,
    acting: &Acting,
    submitted: impl Future<Output = Result<Submitted, Error>>,
) -> Result<Job, ExitError> {
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
            state.jobs.shutdown();
            state.jobs.wait_for_shutdown(LAST_MOMENTS).await;
            true
        }
    };
    bar.finish_and_clear();
    // One that has not ended by then is written down as interrupted and can't commit any more, unless it commits already.
    let job = submitted.ended().await.map_err(refused)?;
    match ApiError::of_job(&job) {
        Some(_) if is_interrupted && matches!(job.state, JobState::Interrupted | JobState::Cancelled) => {
            Err(ExitError::interrupted())
        }
        Some(error) => Err(error.into()),
        None => Ok(job),
    }
}

/// Waits until a job is admitted. On Ctrl-C it still may be for a moment, so that it is known what became of it.
async fn submit(submitted: impl Future<Output = Result<Submitted, Error>>) -> Result<Submitted, ExitError> {
    let mut submitted = pin!(submitted);
    tokio::select! {
        biased;
        () = interrupt::pressed() => {}
        done = &mut submitted => return done.map_err(refused),
    }
    match tokio::time::timeout(LAST_MOMENTS, submitted).await {
        Ok(Ok(submitted)) => Ok(submitted),
        // There is no job.
        Ok(Err(_)) | Err(_) => Err(ExitError::interrupted()),
    }
}
