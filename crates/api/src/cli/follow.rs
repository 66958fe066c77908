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

/// The time that an interrupted job has to end.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Waits for a job and shows its progress on a terminal. Ctrl-C interrupts the job, unless it is committing.
///
/// # Errors
/// [`ExitError::Interrupted`] if Ctrl-C ended the job, and the error of a job that failed.
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
            state.jobs.wait_for_shutdown(INTERRUPT_TIMEOUT).await;
            true
        }
    };
    bar.finish_and_clear();
    // A job that has not ended by then is recorded as interrupted and can't commit any more, unless it is committing.
    let job = submitted.ended().await.map_err(refused)?;
    match ApiError::of_job(&job) {
        Some(_) if is_interrupted && matches!(job.state, JobState::Interrupted | JobState::Cancelled) => {
            Err(ExitError::interrupted())
        }
        Some(error) => Err(error.into()),
        None => Ok(job),
    }
}

/// Waits until a job is admitted. After Ctrl-C it waits a moment longer, so that the outcome is known.
async fn submit(submitted: impl Future<Output = Result<Submitted, Error>>) -> Result<Submitted, ExitError> {
    let mut submitted = pin!(submitted);
    tokio::select! {
        biased;
        () = interrupt::pressed() => {}
        done = &mut submitted => return done.map_err(refused),
    }
    match tokio::time::timeout(INTERRUPT_TIMEOUT, submitted).await {
        Ok(Ok(submitted)) => Ok(submitted),
        // No job was admitted.
        Ok(Err(_)) | Err(_) => Err(ExitError::interrupted()),
    }
}
