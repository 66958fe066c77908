//! Letting work in.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, SqlErr};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::idempotency::requested_with;
use super::running::{End, Running};
use super::{Context, Idempotency, Job, Jobs, Kind, Phase, run};
use crate::account::Admin;
use crate::entity::job::{self, Column, State};
use crate::error::{Error, Result};

/// How often a job of another process is looked at by who waits for its end.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often others may be faster with the same key before that is a fault.
const ATTEMPTS: usize = 5;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What kind of work it is.
    pub kind: Kind,
    /// What was asked, to be shown with the job. No secrets.
    pub parameters: Value,
    /// What the caller calls the request, if it is to be done once however often it is sent.
    pub idempotency: Option<Idempotency>,
    /// What it has to have to itself.
    pub needs: Needs,
}

/// What a job has to have to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it changes no row of the live data. It may have to wait for its turn.
    Nothing,
    /// The lease of the one who changes the live data.
    WriterLease,
}

/// Whether a job is the answer to this request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was made for it.
    New,
    /// The same request was sent before, and it was made for that.
    Replayed,
}

/// A job that was let in, now or before.
#[derive(Clone, Debug)]
pub struct Submitted {
    jobs: Jobs,
    job: Job,
    origin: Origin,
    running: Option<Arc<Running>>,
}

impl Submitted {
    /// The job as it was when it was let in, or found.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Whether it is the answer to this request alone.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Waits for the end of the job, whoever does it.
    ///
    /// # Errors
    /// What the database says, which does not concern the job. [`Error::EndUnwritten`] if how it ended can't be written
    /// for now.
    pub async fn ended(self) -> Result<Job> {
        if self.job.state.has_ended() {
            return Ok(self.job);
        }
        if let Some(running) = self.running {
            let mut end = running.end.subscribe();
            let end = end.wait_for(|end| *end != End::NotYet).await.map(|end| end.clone());
            match end {
                Ok(End::Written(job)) => return Ok(*job),
                Ok(End::Unwritten) => return Err(Error::EndUnwritten { job_id: self.job.id }),
                // The service is about to end.
                Ok(End::NotYet) | Err(_) => {}
            }
        }
        loop {
            let job = self.jobs.get(&self.job.id).await?;
            if job.state.has_ended() {
                return Ok(job);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// What became of the same request when it was sent before.
enum Before {
    /// It was not.
    Never,
    /// The job of that id ended without an effect.
    InVain(String),
    /// This job is the answer.
    Answered(Box<Job>),
}

/// What an attempt to let a job in came to.
enum Attempt {
    Admitted(Arc<Running>),
    /// Others were faster, and what was looked up no longer holds.
    Overtaken,
}

impl Jobs {
    /// Lets work in: from now on it is a job, and it is done whatever becomes of the caller.
    ///
    /// 1. If the caller has sent the same before, its job is the answer: while it runs, and when it has succeeded. If it
    ///    failed, was cancelled or interrupted, nothing was changed, and it is done anew as another job.
    /// 2. One transaction takes the lease, if it is needed, and makes the job, with its key. Of two who come at once
    ///    one is let in; the other finds what that one made.
    /// 3. `work` is called on a thread of its own, so that it may block, and does its job by way of its [`Context`]. If it
    ///    panics, the job has failed.
    ///
    /// # Errors
    /// Then there is no job. [`Error::IdempotencyMismatch`] if the key was used for something else; [`Error::Busy`] if
    /// another job holds the lease; [`Error::Stopping`] if the service is about to end. [`Error::DatabaseBusy`] if a row can't
    /// be written in time, as on SQLite while a job commits a long change.
    pub async fn submit<W, F>(&self, admin: &Admin, submission: Submission, work: W) -> Result<Submitted>
    where
        W: FnOnce(Context) -> F + Send + 'static,
        F: Future<Output = Result<Value>>,
    {
        for _ in 0..ATTEMPTS {
            if self.0.closing.is_cancelled() {
                return Err(Error::Stopping);
            }
            let before = self.asked_before(admin, submission.idempotency.as_ref()).await?;
            let anew = match before {
                Before::Answered(job) => return Ok(self.replayed(*job)),
                Before::InVain(id) => Some(id),
                Before::Never => None,
            };
            let place = match submission.needs {
                Needs::Nothing => self.0.places.clone().try_acquire_owned().ok(),
                Needs::WriterLease => None,
            };
            match self.admit(admin, &submission, anew, place.as_ref()).await {
                Ok(Attempt::Overtaken) => {}
                Ok(Attempt::Admitted(running)) => {
                    let job = Job::from(running.row());
                    run::start(self.clone(), running.clone(), place, work);
                    return Ok(Submitted {
                        jobs: self.clone(),
                        job,
                        origin: Origin::New,
                        running: Some(running),
                    });
                }
                Err(Error::Busy { job_id }) => {
                    // Perhaps with the very job that is the answer, and was not there a moment ago.
                    return match self.asked_before(admin, submission.idempotency.as_ref()).await? {
                        Before::Answered(job) => Ok(self.replayed(*job)),
                        Before::InVain(_) | Before::Never => Err(Error::Busy { job_id }),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("letting a job in")(
            "others were faster again and again",
        ))
    }

    /// The job that is the answer to a request that was sent before, for whoever looks at more than the job before handing
    /// it in.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`] if the key was used for something else.
    pub async fn submitted_before(
        &self,
        admin: &Admin,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Submitted>> {
        Ok(match self.asked_before(admin, idempotency).await? {
            Before::Answered(job) => Some(self.replayed(*job)),
            Before::InVain(_) | Before::Never => None,
        })
    }

    fn replayed(&self, job: Job) -> Submitted {
        Submitted {
            running: self.running(&job.id),
            jobs: self.clone(),
            job,
            origin: Origin::Replayed,
        }
    }

    /// What became of the same request when it was sent before.
    async fn asked_before(&self, admin: &Admin, idempotency: Option<&Idempotency>) -> Result<Before> {
        let Some(idempotency) = idempotency else {
            return Ok(Before::Never);
        };
        let found = job::Entity::find()
            .filter(requested_with(admin, &idempotency.key))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking whether this was asked before"))?;
        match found {
            None => Ok(Before::Never),
            Some(job) if job.fingerprint.as_ref() != Some(&idempotency.fingerprint) => Err(Error::IdempotencyMismatch),
            Some(job) if State::WITHOUT_EFFECT.contains(&job.state) => Ok(Before::InVain(job.id)),
            Some(job) => Ok(Before::Answered(Box::new(self.shown(job)))),
        }
    }

    /// # Errors
    /// [`Error::Busy`] if a job that is alive holds the lease.
    async fn refuse_if_busy(&self) -> Result<()> {
        let Some(holder) = self.holder().await? else {
            return Ok(());
        };
        let mine = self.running(&holder.job_id).is_some();
        if mine || holder.expires_at >= self.0.database.now().await? {
            return Err(Error::Busy { job_id: holder.job_id });
        }
        // The dead lose their lease anyway; this says so of their job.
        self.interrupt_holder(holder).await
    }

    async fn admit(
        &self,
        admin: &Admin,
        submission: &Submission,
        anew: Option<String>,
        place: Option<&OwnedSemaphorePermit>,
    ) -> Result<Attempt> {
        let doing = "letting a job in";
        if submission.needs == Needs::WriterLease {
            self.refuse_if_busy().await?;
        }
        let now = self.0.database.now().await?;
        let at_once = submission.needs == Needs::WriterLease || place.is_some();
        let row = self.row(admin, submission, now, at_once.then_some(now));
        let transaction = match self.0.database.begin_write(doing).await {
            // On SQLite that is how it looks when a job of another process is about to commit.
            Err(busy @ Error::DatabaseBusy { .. }) if submission.needs == Needs::WriterLease => {
                let holder = self.holder().await?;
                return Err(holder.map_or(busy, |holder| Error::Busy { job_id: holder.job_id }));
            }
            begun => begun?,
        };
        if submission.needs == Needs::WriterLease && !self.acquire(&transaction, &row.id, now).await? {
            return Ok(Attempt::Overtaken);
        }
        let is_repeat = anew.is_some();
        if let Some(before) = anew {
            // By its id: looking for the key would lock the place of one that is not there, and InnoDB lets two do that.
            let freed = job::Entity::update_many()
                .col_expr(Column::IdempotencyKey, Expr::value(None::<String>))
                .filter(Column::Id.eq(before))
                .filter(Column::State.is_in(State::WITHOUT_EFFECT))
                .exec(&transaction)
                .await;
            freed.map_err(Error::database(doing))?;
        }
        let inserted = job::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(&transaction)
            .await;
        match inserted {
            Ok(_) => {}
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
                return Ok(Attempt::Overtaken);
            }
            Err(error) => return Err(Error::database(doing)(error)),
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        let running = Running::new(row, submission.needs, is_repeat);
        Ok(Attempt::Admitted(Arc::new(running)))
    }

    fn row(
        &self,
        admin: &Admin,
        submission: &Submission,
        now: DateTime<Utc>,
        started_at: Option<DateTime<Utc>>,
    ) -> job::Model {
        let (key, fingerprint) = submission
            .idempotency
            .clone()
            .map(|idempotency| (admin.stored_key(&idempotency.key), idempotency.fingerprint))
            .unzip();
        job::Model {
            id: Uuid::now_v7().to_string(),
            kind: submission.kind,
            state: if started_at.is_some() {
                State::Running
            } else {
                State::Queued
            },
            phase: Phase::Waiting,
            rows_done: 0,
            rows_total: None,
            bytes: 0,
            eta_seconds: None,
            user_id: admin.user_id(),
            username: admin.username().to_owned(),
            created_at: now,
            started_at,
            heartbeat_at: now,
            ended_at: None,
            runner: self.0.runner.id().to_owned(),
            parameters: submission.parameters.to_string(),
            result: None,
            error_code: None,
            error_detail: None,
            idempotency_key: key,
            fingerprint,
        }
    }
}
