//! Accepting work as a job.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::idempotency::requested_with;
use super::run::{self, JobEnd, RunningJob};
use super::{Context, Idempotency, Job, JobParameters, JobResult, Jobs, Phase};
use crate::account::{Actor, Admin};
use crate::audit::ReceiptState;
use crate::entity::job::{self, Column, JobState};
use crate::error::{Error, Result, is_unique_violation};
use crate::{notify, stats};

/// How often a job of another process is read while a caller waits for its end.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// How many conflicts with other requests are retried before they are an error.
const ATTEMPTS: usize = 5;

/// A request for a job.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The request, shown with the job.
    pub parameters: JobParameters,
    /// The idempotency key of the request, if it has one.
    pub idempotency: Option<Idempotency>,
    /// The lock that the job holds.
    pub lock: Lock,
}

/// The lock that a job holds while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// No lock: the job changes no row of the live data. It may be queued until a slot is free.
    None,
    /// The writer lease: the job changes the live data.
    WriterLease,
}

/// Whether a job was created for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionOrigin {
    /// It was created for this request.
    New,
    /// It was created for the same request, sent earlier.
    Replayed,
}

/// A job that was accepted, now or earlier.
#[derive(Clone, Debug)]
pub struct Submitted {
    jobs: Jobs,
    job: Job,
    origin: SubmissionOrigin,
    running: Option<Arc<RunningJob>>,
}

impl Submitted {
    /// The job as it was when it was accepted or found.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Whether the job was created for this request.
    pub fn origin(&self) -> SubmissionOrigin {
        self.origin
    }

    /// Waits for the end of the job, also if another process runs it.
    ///
    /// # Errors
    /// Database errors, which do not affect the job. [`Error::EndUnwritten`] if the end of the job can't be written for now.
    pub async fn ended(self) -> Result<Job> {
        if self.job.state.has_ended() {
            return Ok(self.job);
        }
        if let Some(running) = self.running {
            let mut end = running.end.subscribe();
            let end = end.wait_for(|end| *end != JobEnd::Pending).await.map(|end| end.clone());
            match end {
                Ok(JobEnd::Written(job)) => return Ok(*job),
                Ok(JobEnd::Unwritten) => return Err(Error::EndUnwritten { job_id: self.job.id }),
                // The service shuts down.
                Ok(JobEnd::Pending) | Err(_) => {}
            }
        }
        loop {
            let job = self.jobs.get(&self.job.id).await?;
            if job.state.has_ended() {
                return Ok(job);
            }
            tokio::time::sleep(READ_INTERVAL).await;
        }
    }
}

/// The earlier job of the same request.
enum PriorRequest {
    /// There is none.
    None,
    /// The job with this id ended without an effect.
    Failed(String),
    /// This job is the answer to the request.
    Found(Box<Job>),
}

/// The result of one attempt to insert a job.
enum Attempt {
    Admitted(Arc<RunningJob>),
    /// Another request was faster, so the lookup before is outdated.
    Conflict,
}

impl Jobs {
    /// Accepts work as a job, which runs to its end even if the caller no longer waits.
    ///
    /// 1. If the caller has sent the same request before, its job is the answer: while it runs, and when it has succeeded.
    ///    If it failed, was cancelled or interrupted, nothing was changed, and a new job does the work again.
    /// 2. One transaction takes the lease, if the job needs it, and inserts the job with its idempotency key. If two requests
    ///    come at the same time, one is accepted and the other finds its job.
    /// 3. `work` is called on a thread that may block, with its [`Context`]. If it panics, the job has failed.
    ///
    /// # Errors
    /// Then there is no job. [`Error::IdempotencyMismatch`] if the key was used for another request; [`Error::Busy`] if
    /// another job holds the lease; [`Error::Stopping`] if the service shuts down. [`Error::DatabaseBusy`] if a row can't be
    /// written in time, as on SQLite while a job commits a long change.
    pub async fn submit<W, F>(&self, actor: impl Into<Actor>, submission: Submission, work: W) -> Result<Submitted>
    where
        W: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<JobResult>>,
    {
        let actor = actor.into();
        for _ in 0..ATTEMPTS {
            if self.0.shutting_down.is_cancelled() {
                return Err(Error::Stopping);
            }
            let prior = self.prior_request(&actor, submission.idempotency.as_ref()).await?;
            let failed_before = match prior {
                PriorRequest::Found(job) => return Ok(self.replayed(&actor, *job)),
                PriorRequest::Failed(id) => Some(id),
                PriorRequest::None => None,
            };
            let slot = match submission.lock {
                Lock::None => self.0.slots.clone().try_acquire_owned().ok(),
                Lock::WriterLease => None,
            };
            match self.insert(&actor, &submission, failed_before, slot.as_ref()).await {
                Ok(Attempt::Conflict) => {}
                Ok(Attempt::Admitted(running)) => {
                    // The job writes the event of the request when it ends.
                    actor.note(ReceiptState::Written);
                    let job = Job::from(running.row());
                    run::start(self.clone(), running.clone(), slot, work);
                    return Ok(Submitted {
                        jobs: self.clone(),
                        job,
                        origin: SubmissionOrigin::New,
                        running: Some(running),
                    });
                }
                Err(Error::Busy { job_id }) => {
                    // The lease may be held by the job of the same request, which was inserted a moment ago.
                    return match self.prior_request(&actor, submission.idempotency.as_ref()).await? {
                        PriorRequest::Found(job) => Ok(self.replayed(&actor, *job)),
                        PriorRequest::Failed(_) | PriorRequest::None => Err(Error::Busy { job_id }),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("inserting a job")(
            "it was in conflict with other requests again and again",
        ))
    }

    /// The job of the same request, if it was sent before: for callers that check more before they submit a job.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] if the key was used for another request.
    pub async fn submitted_before(
        &self,
        admin: &Admin,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Submitted>> {
        let actor = Actor::from(admin);
        Ok(match self.prior_request(&actor, idempotency).await? {
            PriorRequest::Found(job) => Some(self.replayed(&actor, *job)),
            PriorRequest::Failed(_) | PriorRequest::None => None,
        })
    }

    fn replayed(&self, actor: &Actor, job: Job) -> Submitted {
        actor.note(ReceiptState::Repeated);
        Submitted {
            running: self.running(&job.id),
            jobs: self.clone(),
            job,
            origin: SubmissionOrigin::Replayed,
        }
    }

    /// Finds the earlier job of the same request.
    async fn prior_request(&self, actor: &Actor, idempotency: Option<&Idempotency>) -> Result<PriorRequest> {
        let Some(idempotency) = idempotency else {
            return Ok(PriorRequest::None);
        };
        let found = job::Entity::find()
            .filter(requested_with(actor, &idempotency.key))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking for an earlier job of the same request"))?;
        match found {
            None => Ok(PriorRequest::None),
            Some(job) if job.fingerprint.as_ref() != Some(&idempotency.fingerprint) => Err(Error::IdempotencyMismatch),
            Some(job) if JobState::WITHOUT_EFFECT.contains(&job.state) => Ok(PriorRequest::Failed(job.id)),
            Some(job) => Ok(PriorRequest::Found(Box::new(self.current(job)))),
        }
    }

    /// # Errors
    /// [`Error::Busy`] if a job holds a lease that has not expired.
    async fn ensure_not_busy(&self) -> Result<()> {
        let Some(holder) = self.lease_holder().await? else {
            return Ok(());
        };
        let is_own = self.running(&holder.job_id).is_some();
        if is_own || holder.expires_at >= self.0.database.now().await? {
            return Err(Error::Busy { job_id: holder.job_id });
        }
        // An expired lease can be taken over anyway; this also ends the job that held it.
        self.reap_holder(holder).await
    }

    async fn insert(
        &self,
        actor: &Actor,
        submission: &Submission,
        failed_before: Option<String>,
        slot: Option<&OwnedSemaphorePermit>,
    ) -> Result<Attempt> {
        let doing = "inserting a job";
        if submission.lock == Lock::WriterLease {
            self.ensure_not_busy().await?;
        }
        let now = self.0.database.now().await?;
        let starts_now = submission.lock == Lock::WriterLease || slot.is_some();
        let row = self.row(actor, submission, now, starts_now.then_some(now));
        let transaction = match self.0.database.begin_write(doing).await {
            // On SQLite the database is busy while a job of another process commits.
            Err(busy @ Error::DatabaseBusy { .. }) if submission.lock == Lock::WriterLease => {
                let holder = self.lease_holder().await?;
                return Err(holder.map_or(busy, |holder| Error::Busy { job_id: holder.job_id }));
            }
            begun => begun?,
        };
        if submission.lock == Lock::WriterLease && !self.acquire_lease(&transaction, &row.id, now).await? {
            return Ok(Attempt::Conflict);
        }
        let is_repeat = failed_before.is_some();
        if let Some(job_id) = failed_before {
            // By id: a search for the key would lock the gap of a key that is absent, and InnoDB lets two transactions do that.
            let freed = job::Entity::update_many()
                .col_expr(Column::IdempotencyKey, Expr::value(None::<String>))
                .filter(Column::Id.eq(job_id))
                .filter(Column::State.is_in(JobState::WITHOUT_EFFECT))
                .exec(&transaction)
                .await;
            freed.map_err(Error::database(doing))?;
        }
        let inserted = job::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(&transaction)
            .await;
        match inserted {
            Ok(_) => {}
            Err(error) if is_unique_violation(&error) => {
                return Ok(Attempt::Conflict);
            }
            Err(error) => return Err(Error::database(doing)(error)),
        }
        if let Some(event) = notify::Event::of_started_job(&row) {
            notify::enqueue(&transaction, stats::now(), &event).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        let running = RunningJob::new(row, submission.lock, is_repeat);
        Ok(Attempt::Admitted(Arc::new(running)))
    }

    fn row(
        &self,
        actor: &Actor,
        submission: &Submission,
        now: DateTime<Utc>,
        started_at: Option<DateTime<Utc>>,
    ) -> job::Model {
        let (key, fingerprint) = submission
            .idempotency
            .clone()
            .map(|idempotency| (actor.stored_key(&idempotency.key), idempotency.fingerprint))
            .unzip();
        let origin = actor.audit_actor();
        job::Model {
            id: Uuid::now_v7().to_string(),
            kind: submission.parameters.kind(),
            state: if started_at.is_some() {
                JobState::Running
            } else {
                JobState::Queued
            },
            phase: Phase::Waiting,
            rows_done: 0,
            rows_total: None,
            bytes: 0,
            eta_seconds: None,
            user_id: actor.user_id(),
            username: actor.username().to_owned(),
            created_at: now,
            started_at,
            heartbeat_at: now,
            ended_at: None,
            runner: self.0.runner.id().to_owned(),
            parameters: json!(submission.parameters).to_string(),
            result: None,
            error_code: None,
            error_detail: None,
            idempotency_key: key,
            fingerprint,
            method: origin.method.map(|method| method.name().to_owned()),
            client: origin.client.map(|client| client.to_string()),
            token_id: origin.token_id,
        }
    }
}
