//! A job as it is shown.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{JobState, Kind, Phase};
use crate::entity::job;

/// A job, as it is at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// A UUID of version 7.
    pub id: String,
    /// What kind of work it is.
    pub kind: Kind,
    /// How it stands.
    pub state: JobState,
    /// What it does, or did last.
    pub phase: Phase,
    /// Rows that this phase has dealt with.
    pub rows_done: u64,
    /// Rows that it has to deal with, if that is known.
    pub rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    pub bytes: u64,
    /// How many seconds the rest of this phase is expected to take; none if it is not known or the job has ended.
    pub eta_seconds: Option<u64>,
    /// Who asked; none for an administrator of an outside identity provider.
    pub user_id: Option<i64>,
    /// The name of who asked.
    pub username: String,
    /// When it was asked, in UTC as all times here.
    pub created_at: DateTime<Utc>,
    /// When its turn came.
    pub started_at: Option<DateTime<Utc>>,
    /// When its runner was last known to be alive; that is how old all this is.
    pub heartbeat_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What was asked.
    pub parameters: Value,
    /// What came of it, if it succeeded.
    pub result: Option<Value>,
    /// Why it did not, if it failed or was interrupted.
    pub fault: Option<Fault>,
}

/// Why a job did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault, for programs.
    pub code: String,
    /// What was wrong, for the person who asked.
    pub detail: String,
}

impl From<job::Model> for Job {
    fn from(row: job::Model) -> Self {
        let fault = row.error_code.map(|code| Fault {
            code,
            detail: row.error_detail.unwrap_or_default(),
        });
        Self {
            eta_seconds: row
                .eta_seconds
                .filter(|_| !row.state.has_ended())
                .map(i64::cast_unsigned),
            id: row.id,
            kind: row.kind,
            state: row.state,
            phase: row.phase,
            rows_done: row.rows_done.cast_unsigned(),
            rows_total: row.rows_total.map(i64::cast_unsigned),
            bytes: row.bytes.cast_unsigned(),
            user_id: row.user_id,
            username: row.username,
            created_at: row.created_at,
            started_at: row.started_at,
            heartbeat_at: row.heartbeat_at,
            ended_at: row.ended_at,
            // This program has written both.
            parameters: serde_json::from_str(&row.parameters).unwrap_or_default(),
            result: row.result.and_then(|result| serde_json::from_str(&result).ok()),
            fault,
        }
    }
}
