//! Retention for administrators, and the step that the service does by itself.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Select};

use super::policy::RetentionPolicy;
use super::rules::{RetentionHold, RetentionPlan, plan};
use super::stored::{
    LastCheck, StoredPolicy, claim_check, read_last_check, read_policy, remove_policy, report_hold, write_policy,
};
use crate::account::{Actor, Admin, System};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::job::{self, JobKind, JobState};
use crate::error::{Error, Result};
use crate::job::{
    Idempotency, Job, JobFilter, JobParameters, Lock, RetentionParameters, Submission, Submitted, newest_ended,
};
use crate::notify::{Event, RetentionHeld};
use crate::operations::{Inventory, Operations};

/// What is being done, for errors.
const LOOKING: &str = "looking for the newest backup";

/// How often the service applies the policy by itself, if no backup is created.
const INTERVAL: TimeDelta = TimeDelta::hours(1);

/// How often the service tries by itself to delete an archive that the store refuses to delete.
const RETAINED_INTERVAL: TimeDelta = TimeDelta::days(1);

/// The retention of an installation. Cloning is cheap.
#[derive(Clone)]
pub struct Retention {
    pub(super) database: Database,
    pub(super) operations: Operations,
    pub(super) clock: Clock,
    pub(super) zone: Tz,
}

/// The policy as it is shown.
#[derive(Clone, Debug)]
pub struct RetentionDetails {
    /// The policy; none if nothing is deleted.
    pub policy: Option<RetentionPolicy>,
    /// When it was changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The name of the user who changed it.
    pub updated_by: Option<String>,
    /// Why nothing is deleted now, if so.
    pub held: Option<RetentionHold>,
    /// The last job that has deleted archives.
    pub last_application: Option<Job>,
}

impl Retention {
    /// The retention of a database and its archives, with the periods of a time zone. This reads and writes nothing.
    pub fn new(database: Database, operations: Operations, clock: Clock, zone: Tz) -> Self {
        Self {
            database,
            operations,
            clock,
            zone,
        }
    }

    /// The policy, and what became of its last application.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], and database errors.
    pub async fn get(&self, admin: &Admin) -> Result<RetentionDetails> {
        let stored = read_policy(&self.database).await?;
        let filter = JobFilter {
            kind: Some(JobKind::Retention),
            ..JobFilter::default()
        };
        let last = self.operations.jobs().list(admin, &filter, 1, 0).await?;
        let held = match &stored {
            Some(stored) => self.plan(&stored.policy).await?.held,
            None => None,
        };
        let (policy, changed) = stored
            .map(|stored| (stored.policy, (stored.updated_at, stored.updated_by)))
            .unzip();
        let (updated_at, updated_by) = changed.unzip();
        Ok(RetentionDetails {
            policy,
            updated_at,
            updated_by,
            held,
            last_application: last.items.into_iter().next(),
        })
    }

    /// Sets the policy. The service applies it by itself after the next backup, or in an hour.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::Invalid`] with the name of the field, and database errors.
    pub async fn set(&self, admin: &Admin, policy: RetentionPolicy) -> Result<RetentionDetails> {
        policy.check()?;
        let now = self.clock.now();
        let stored = StoredPolicy {
            policy,
            updated_at: now,
            updated_by: admin.username().to_owned(),
        };
        let check = LastCheck {
            at: now,
            job_id: self.newest_backup_job().await?,
            told: None,
        };
        write_policy(admin, &self.database, &stored, &check).await?;
        self.get(admin).await
    }

    /// Removes the policy: no archive is deleted by retention any more. A job that is deleting ends early.
    ///
    /// # Errors
    /// Database errors.
    pub async fn remove(&self, admin: &Admin) -> Result<()> {
        remove_policy(admin, &self.database).await
    }

    /// What an application would do now, of the policy or of one that is tried.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field, [`Error::RetentionOff`] if there is no policy,
    /// [`Error::StoreUnavailable`], and database errors.
    pub async fn preview(&self, _: &Admin, tried: Option<&RetentionPolicy>) -> Result<RetentionPlan> {
        match tried {
            Some(tried) => {
                tried.check()?;
                self.plan(tried).await
            }
            None => self.plan(&self.policy().await?).await,
        }
    }

    /// Starts to apply the policy: a job whose result is a [`RetentionReport`](crate::job::RetentionReport). It deletes what the
    /// plan with this hash deletes, unless an archive is needed by then.
    ///
    /// # Errors
    /// Then nothing is deleted: [`Error::RetentionOff`] if there is no policy, [`Error::RetentionHeld`],
    /// [`Error::PlanOutdated`] if the plan has another hash now, and those of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn apply(&self, admin: &Admin, plan_hash: &str, idempotency: Option<Idempotency>) -> Result<Submitted> {
        let jobs = self.operations.jobs();
        if let Some(earlier) = jobs.submitted_before(admin, idempotency.as_ref()).await? {
            return Ok(earlier);
        }
        let policy = self.policy().await?;
        let plan = self.plan(&policy).await?;
        if let Some(held) = plan.held {
            return Err(Error::RetentionHeld { detail: held.detail });
        }
        if plan.plan_hash != plan_hash {
            return Err(Error::PlanOutdated);
        }
        self.submit(admin, policy, plan, idempotency).await
    }

    /// Applies the policy, if it is time: after each successful backup, and once an hour. Of several copies of the service, one
    /// does it. It does nothing while retention is held.
    ///
    /// # Errors
    /// Database errors, and those of the store. It is tried again after the next backup, or in an hour.
    pub async fn step(&self) -> Result<()> {
        let Some(stored) = read_policy(&self.database).await? else {
            return Ok(());
        };
        let before = read_last_check(&self.database).await?;
        let (text, last) = before.map_or((None, None), |(text, check)| (Some(text), check));
        let check = LastCheck {
            at: self.clock.now(),
            job_id: self.newest_backup_job().await?,
            told: last.as_ref().and_then(|last| last.told),
        };
        if last.is_some_and(|last| !is_time(&last, &check)) {
            return Ok(());
        }
        if !claim_check(&self.database, text.as_deref(), &check).await? {
            return Ok(());
        }
        let mut plan = self.plan(&stored.policy).await?;
        self.report_hold(&check, &plan).await?;
        if plan.held.is_some() {
            return Ok(());
        }
        // A store that refuses to delete an archive is asked again once a day, and not after each backup.
        plan.delete.retain(|archive| {
            archive
                .retained_checked_at
                .is_none_or(|at| is_past(at, check.at, RETAINED_INTERVAL))
        });
        if plan.delete.is_empty() {
            return Ok(());
        }
        self.submit(System::new(), stored.policy, plan, None).await.map(drop)
    }

    /// Reports that archives that are due for deletion stay: once for each reason.
    async fn report_hold(&self, check: &LastCheck, plan: &RetentionPlan) -> Result<()> {
        let hold = plan.held.as_ref().filter(|_| !plan.delete.is_empty());
        if let Some(hold) = hold {
            tracing::warn!(reason = hold.detail, "retention deletes no archives for now");
        }
        let told = hold.map(|hold| hold.code);
        if told == check.told {
            return Ok(());
        }
        let event = hold.map(|hold| {
            Event::RetentionHeld(RetentionHeld {
                reasons: vec![hold.detail.clone()],
                archives: plan.delete.len() as u64,
            })
        });
        report_hold(&self.database, check, told, event.as_ref()).await
    }

    /// Why archives that are due for deletion stay, if so. It is for the health.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn held(&self, inventory: &Inventory) -> Result<Option<RetentionHold>> {
        let Some(stored) = read_policy(&self.database).await? else {
            return Ok(None);
        };
        let plan = self.plan_of(&stored.policy, inventory).await?;
        Ok(plan.held.filter(|_| !plan.delete.is_empty()))
    }

    async fn policy(&self) -> Result<RetentionPolicy> {
        let stored = read_policy(&self.database).await?;
        stored.map(|stored| stored.policy).ok_or(Error::RetentionOff)
    }

    /// The plan of a policy, as things are now.
    pub(super) async fn plan(&self, policy: &RetentionPolicy) -> Result<RetentionPlan> {
        self.plan_of(policy, &self.operations.inventory().await?).await
    }

    /// The plan of a policy for the archives of a listing, with what the database and the clock say now.
    pub(super) async fn plan_of(&self, policy: &RetentionPolicy, inventory: &Inventory) -> Result<RetentionPlan> {
        let facts = self.operations.retention_facts(inventory).await?;
        Ok(plan(&facts, policy, self.zone, self.clock.now()))
    }

    async fn submit(
        &self,
        actor: impl Into<Actor>,
        policy: RetentionPolicy,
        plan: RetentionPlan,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        let submission = Submission {
            parameters: JobParameters::Retention(RetentionParameters {
                policy: policy.clone(),
                plan_hash: plan.plan_hash,
            }),
            idempotency,
            lock: Lock::None,
        };
        let work = self.deletion_work(policy, plan.delete);
        self.operations.jobs().submit(actor, submission, work).await
    }

    /// The newest job that has created a backup.
    async fn newest_backup_job(&self) -> Result<Option<String>> {
        newest_ended(&self.database, successful_backups(), LOOKING).await
    }

    /// Changes with each backup that succeeds.
    pub(super) async fn backup_mark(&self) -> Result<BackupMark> {
        let jobs = successful_backups().count(self.database.connection()).await;
        Ok(BackupMark {
            newest_job: self.newest_backup_job().await?,
            jobs: jobs.map_err(Error::database(LOOKING))?,
        })
    }
}

/// What was the newest backup at one moment. The clocks of several copies of the service may differ, so their number counts,
/// too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackupMark {
    newest_job: Option<String>,
    jobs: u64,
}

fn successful_backups() -> Select<job::Entity> {
    job::Entity::find()
        .filter(job::Column::Kind.eq(JobKind::Archive))
        .filter(job::Column::State.eq(JobState::Succeeded))
}

/// Whether there is a newer backup, or an hour has passed. A clock that was set back counts as an hour.
fn is_time(last: &LastCheck, now: &LastCheck) -> bool {
    now.job_id != last.job_id || is_past(last.at, now.at, INTERVAL)
}

/// Whether an interval has passed since a time. A clock that was set back counts as that.
fn is_past(at: DateTime<Utc>, now: DateTime<Utc>, interval: TimeDelta) -> bool {
    now < at || now - at >= interval
}

impl fmt::Debug for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retention")
            .field("clock", &self.clock)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_after_a_backup_and_after_an_hour() {
        let check = |minutes: i64, job_id: Option<&str>| LastCheck {
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            job_id: job_id.map(str::to_owned),
            told: None,
        };
        let last = check(60, Some("a"));
        for (now, expected) in [
            (check(60, Some("a")), false),
            (check(119, Some("a")), false),
            (check(120, Some("a")), true),
            (check(60, Some("b")), true),
            (check(60, None), true),
            (check(59, Some("a")), true),
        ] {
            assert_eq!(is_time(&last, &now), expected, "{now:?}");
        }
    }
}
