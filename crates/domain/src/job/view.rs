//! Jobs as they are shown: one, a page of them, and the events of one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use uuid::Uuid;

use super::idempotency::{ensure_key, requested_with};
use super::kinds::unexpected;
use super::run::JobEnd;
use super::{JobKind, JobParameters, JobResult, JobState, Jobs, Phase};
use crate::account::Admin;
use crate::database::Database;
use crate::entity::job::{self, Column, Entity};
use crate::error::{Error, Result};

/// The id of the event that a job has ended: greater than any other, and the largest whole number that JavaScript has.
pub const LAST_EVENT: u64 = (1 << 53) - 1;

/// How often a watch reads a job of this process.
const OWN_INTERVAL: Duration = Duration::from_millis(250);

/// How often a watch reads a job of another process.
const OTHER_INTERVAL: Duration = Duration::from_secs(1);

/// A job: work that continues after its request has ended. These are its values at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "kind": "archive", "state": "running", "phase": "backing_up",
    "rows_done": 48_000, "rows_total": 109_053, "bytes": 1_310_720, "eta_seconds": 2, "username": "admin",
    "created_at": "2026-11-25T09:30:00Z", "started_at": "2026-11-25T09:30:00Z",
    "heartbeat_at": "2026-11-25T09:30:02Z", "ended_at": null,
    "parameters": {"label": "before the exams", "note": null, "protected": false}, "result": null, "error": null,
}))]
pub struct Job {
    /// The job's id, a UUID of version 7.
    #[schema(format = "uuid")]
    pub id: String,
    /// The kind of work.
    pub kind: JobKind,
    /// The state.
    pub state: JobState,
    /// The current phase, or the last one.
    pub phase: Phase,
    /// Rows that this phase has processed, or archives while archives are deleted. Equal to `rows_total` if the job has succeeded.
    pub rows_done: u64,
    /// Rows, or archives, that this phase has to process, if that is known.
    #[schema(required = true)]
    pub rows_total: Option<u64>,
    /// Bytes that were stored or read in this phase.
    pub bytes: u64,
    /// How many seconds the rest of this phase is expected to take; none if it is not known or the job has ended.
    #[schema(required = true)]
    pub eta_seconds: Option<u64>,
    /// The user who asked for it; none for an administrator of an external identity provider.
    #[serde(skip)]
    pub user_id: Option<i64>,
    /// The name of the user who requested it.
    pub username: String,
    /// When it was requested, UTC.
    pub created_at: DateTime<Utc>,
    /// When its work started, UTC.
    #[schema(required = true)]
    pub started_at: Option<DateTime<Utc>>,
    /// The last heartbeat, UTC, which is the age of all these values.
    pub heartbeat_at: DateTime<Utc>,
    /// When it ended, UTC.
    #[schema(required = true)]
    pub ended_at: Option<DateTime<Utc>>,
    /// The request. Its fields depend on the kind of the job.
    #[schema(value_type = JobParameters)]
    pub parameters: Value,
    /// The result, if it has succeeded.
    #[schema(required = true)]
    pub result: Option<JobResult>,
    /// The fault, if it has failed or was interrupted.
    #[serde(rename = "error")]
    #[schema(required = true)]
    pub fault: Option<Fault>,
}

/// Why a job did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobError)]
pub struct Fault {
    /// The kind of problem, for programs.
    #[schema(schema_with = problem_code)]
    pub code: String,
    /// What was wrong, for the person who sent the request.
    #[schema(example = "There is no room left on the disk. Nothing was changed.")]
    pub detail: String,
}

impl Fault {
    /// The fault of a row that has its code, if it has one.
    pub(crate) fn of(code: Option<String>, detail: Option<String>) -> Option<Self> {
        Some(Self {
            code: code?,
            detail: detail.unwrap_or_default(),
        })
    }
}

/// The API describes its list of codes.
fn problem_code() -> Ref {
    Ref::from_schema_name("Code")
}

impl Job {
    /// The report of a job that has succeeded.
    ///
    /// # Errors
    /// [`Error::Internal`] if the job has none, or one of another kind.
    pub fn report<R: TryFrom<JobResult, Error = Error>>(&self) -> Result<R> {
        let result = self.result.clone().ok_or_else(|| unexpected("the job has none"))?;
        R::try_from(result)
    }
}

impl From<job::Model> for Job {
    fn from(row: job::Model) -> Self {
        let fault = Fault::of(row.error_code, row.error_detail);
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
            parameters: JobParameters::shown(row.kind, &row.parameters),
            result: row
                .result
                .and_then(|result| JobResult::from_json(row.kind, &result).ok()),
            fault,
        }
    }
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only jobs of this kind.
    pub kind: Option<JobKind>,
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only the job that the caller has requested with this idempotency key.
    pub idempotency_key: Option<String>,
}

/// A page of a list of jobs, newest first.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// The jobs of the page.
    pub items: Vec<Job>,
    /// How many jobs the whole list has.
    pub total: u64,
}

impl Jobs {
    /// Lists jobs, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the idempotency key is not a valid one, and database errors.
    pub async fn list(&self, admin: &Admin, filter: &JobFilter, limit: u64, offset: u64) -> Result<JobPage> {
        let doing = "listing jobs";
        let mut jobs = Entity::find();
        if let Some(kind) = filter.kind {
            jobs = jobs.filter(Column::Kind.eq(kind));
        }
        if let Some(state) = filter.state {
            jobs = jobs.filter(Column::State.eq(state));
        }
        if let Some(key) = &filter.idempotency_key {
            ensure_key(key, "idempotency_key")?;
            jobs = jobs.filter(requested_with(&admin.into(), key));
        }
        let connection = self.0.database.connection();
        let total = jobs.clone().count(connection).await.map_err(Error::database(doing))?;
        let rows = jobs
            .order_by_desc(Column::Id)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(JobPage {
            items: rows.into_iter().map(|row| self.current(row)).collect(),
            total,
        })
    }

    /// One job: as it is now if this process runs it, and otherwise as it was at its last heartbeat.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    pub async fn get(&self, id: &str) -> Result<Job> {
        // A text that is not an id needs no query, and PostgreSQL would not accept every text.
        let id = Uuid::try_parse(id).map_err(|_| Error::UnknownJob)?.to_string();
        if let Some(running) = self.running(&id) {
            return Ok(running.row().into());
        }
        let row = Entity::find_by_id(&id).one(self.0.database.connection()).await;
        row.map_err(Error::database("reading a job"))?
            .map(Job::from)
            .ok_or(Error::UnknownJob)
    }

    /// The job of a row that was read, with the current values if this process runs it.
    pub(super) fn current(&self, row: job::Model) -> Job {
        let running = self.running(&row.id).filter(|_| !row.state.has_ended());
        running.map_or(row, |running| running.row()).into()
    }

    /// Watches a job, for a client that has seen all events up to `seen`.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    pub async fn watch(&self, id: &str, seen: Option<u64>) -> Result<Watch> {
        let job = self.get(id).await?;
        Ok(Watch {
            end: self.running(&job.id).map(|running| running.end.subscribe()),
            jobs: self.clone(),
            id: job.id,
            seen,
            last: None,
            next_read: None,
        })
    }
}

/// A job as it was at one moment.
#[derive(Clone, Debug)]
pub struct Event {
    /// The age of the job at that moment, in milliseconds, or [`LAST_EVENT`] if it has ended. A client that has seen an event
    /// needs no event with the same or a lower id, from any copy of the service.
    pub id: u64,
    /// The job.
    pub job: Job,
}

/// The events of one job.
#[derive(Debug)]
pub struct Watch {
    jobs: Jobs,
    id: String,
    /// The id of the last event.
    seen: Option<u64>,
    /// The job of the last event.
    last: Option<Job>,
    next_read: Option<Instant>,
    end: Option<watch::Receiver<JobEnd>>,
}

impl Watch {
    /// Whether the last event was given.
    pub fn is_over(&self) -> bool {
        self.seen >= Some(LAST_EVENT)
    }

    /// The next event: at once if something has changed since the last one, at most four a second, and the end without
    /// delay. None after the end, and when the service shuts down. Dropping the future before it is ready loses no event.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        while !self.is_over() {
            if let Some(next_read) = self.next_read {
                let shutting_down = self.jobs.0.shutting_down.clone();
                tokio::select! {
                    () = tokio::time::sleep_until(next_read) => {}
                    () = ended(self.end.as_mut()) => self.end = None,
                    () = shutting_down.cancelled() => return Ok(None),
                }
            }
            let is_own = self.jobs.running(&self.id).is_some();
            let job = self.jobs.get(&self.id).await?;
            self.next_read = Some(Instant::now() + if is_own { OWN_INTERVAL } else { OTHER_INTERVAL });
            if let Some(event) = self.event(job) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn event(&mut self, job: Job) -> Option<Event> {
        let is_same = |last: &Job| {
            let with_old_heartbeat = Job {
                heartbeat_at: last.heartbeat_at,
                ..job.clone()
            };
            with_old_heartbeat == *last
        };
        let id = match job.state.has_ended() {
            true => LAST_EVENT,
            false => age(job.created_at, job.heartbeat_at),
        };
        if self.seen.is_some_and(|seen| id <= seen) || self.last.as_ref().is_some_and(is_same) {
            return None;
        }
        self.seen = Some(id);
        self.last = Some(job.clone());
        Some(Event { id, job })
    }
}

fn age(created_at: DateTime<Utc>, at: DateTime<Utc>) -> u64 {
    let age = at.signed_duration_since(created_at).num_milliseconds();
    u64::try_from(age).unwrap_or_default()
}

/// Ready when a job of this process has ended; never for a job of another process.
async fn ended(job: Option<&mut watch::Receiver<JobEnd>>) {
    match job {
        // If the sender is gone, the job is no longer one of this process.
        Some(job) => drop(job.wait_for(JobEnd::is_written).await),
        None => std::future::pending().await,
    }
}

/// The id of the job that has ended last, of these jobs.
pub(crate) async fn newest_ended(
    database: &Database,
    jobs: Select<job::Entity>,
    doing: &'static str,
) -> Result<Option<String>> {
    jobs.select_only()
        .column(job::Column::Id)
        .order_by_desc(job::Column::EndedAt)
        .order_by_desc(job::Column::Id)
        .limit(1)
        .into_tuple()
        .one(database.connection())
        .await
        .map_err(Error::database(doing))
}
