//! Counters of what this process has done, for the metrics of the service. Without a recorder, as in a command, they count
//! nothing. [`register`] makes each of them visible before it counts, so that a rate can be computed from the first event.

use metrics::counter;
use sea_orm::ActiveEnum as _;

use crate::entity::job::{JobKind, JobState};
use crate::entity::schedule_run::RunState;

/// Jobs that have ended, by `kind` and `result`.
pub const JOBS: &str = "campus_backup_jobs_total";
/// Runs of schedules that have ended, by `result`.
pub const SCHEDULE_RUNS: &str = "campus_backup_schedule_runs_total";
/// Attempts to sign in with a password, by `result`.
pub const SIGN_INS: &str = "campus_backup_sign_ins_total";

/// The final states of jobs.
const JOB_RESULTS: [JobState; 4] = [
    JobState::Succeeded,
    JobState::Failed,
    JobState::Cancelled,
    JobState::Interrupted,
];

/// The final states of runs.
const RUN_RESULTS: [RunState; 3] = [RunState::Succeeded, RunState::Failed, RunState::Missed];

/// The result of an attempt to sign in with a password. It does not say whether the user exists, because the metrics need
/// no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInResult {
    Succeeded,
    WrongCredentials,
    TooManyAttempts,
}

impl SignInResult {
    const ALL: [Self; 3] = [Self::Succeeded, Self::WrongCredentials, Self::TooManyAttempts];

    const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::WrongCredentials => "wrong_credentials",
            Self::TooManyAttempts => "too_many_attempts",
        }
    }
}

/// Makes all counters visible, with the value 0.
pub fn register() {
    for kind in JobKind::ALL {
        for state in JOB_RESULTS {
            count_job(kind, state, 0);
        }
    }
    for state in RUN_RESULTS {
        count_run(state, 0);
    }
    for result in SignInResult::ALL {
        count_sign_in(result, 0);
    }
}

/// Counts a job that this process has ended.
pub(crate) fn job_ended(kind: JobKind, state: JobState) {
    count_job(kind, state, 1);
}

/// Counts a run of a schedule that this process has ended.
pub(crate) fn run_ended(state: RunState) {
    count_run(state, 1);
}

/// Counts an attempt to sign in.
pub(crate) fn sign_in(result: SignInResult) {
    count_sign_in(result, 1);
}

fn count_job(kind: JobKind, state: JobState, by: u64) {
    counter!(JOBS, "kind" => kind.to_value(), "result" => state.to_value()).increment(by);
}

fn count_run(state: RunState, by: u64) {
    counter!(SCHEDULE_RUNS, "result" => state.to_value()).increment(by);
}

fn count_sign_in(result: SignInResult, by: u64) {
    counter!(SIGN_INS, "result" => result.name()).increment(by);
}
