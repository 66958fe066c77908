//! Schedules for administrators: create, list, edit, delete, and run one now.

use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};

use super::cron::{Preset, Timetable};
use super::transition::{delete_runs, miss_waiting_runs};
use super::view::{ScheduleDetails, SchedulePage, details};
use crate::account::{Actor, Admin, System};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::schedule::{ActiveModel, Column, Entity, Model, Verify};
use crate::error::{Error, Result};
use crate::job::{Idempotency, Submitted};
use crate::notify::{self, Event, ScheduleAction, ScheduleDisabled};
use crate::operations::{Annotations, Operations, check_text};

/// How many characters a name may have.
const MAX_NAME: usize = 100;

/// A schedule to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// A name that no other schedule has.
    pub name: String,
    /// A cron expression of five fields.
    pub cron: String,
    /// The IANA time zone of the expression.
    pub timezone: String,
    /// The label of its archives; none for the name.
    pub label: Option<String>,
    /// The verification of each new archive.
    pub verify: Verify,
    /// Whether its runs are made.
    pub enabled: bool,
}

/// New values of a schedule: `None` leaves one unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulePatch {
    /// A name that no other schedule has.
    pub name: Option<String>,
    /// A cron expression of five fields.
    pub cron: Option<String>,
    /// The IANA time zone of the expression.
    pub timezone: Option<String>,
    /// The label of its archives; `Some(None)` for the name.
    pub label: Option<Option<String>>,
    /// The verification of each new archive.
    pub verify: Option<Verify>,
    /// Whether its runs are made.
    pub enabled: Option<bool>,
}

/// The schedules of an installation. Cloning is cheap.
#[derive(Clone)]
pub struct Schedules {
    database: Database,
    operations: Operations,
    clock: Clock,
}

impl Schedules {
    /// The schedules of a database. This reads and writes nothing.
    pub fn new(database: Database, operations: Operations, clock: Clock) -> Self {
        Self {
            database,
            operations,
            clock,
        }
    }

    /// Creates a schedule. Its first run is at its first time after now.
    ///
    /// # Errors
    /// Then nothing is created: [`Error::Invalid`] with the name of the field, [`Error::ScheduleNameTaken`], and
    /// [`Error::IdempotencyMismatch`].
    pub async fn create(
        &self,
        admin: &Admin,
        new: NewSchedule,
        idempotency: Option<Idempotency>,
    ) -> Result<ScheduleDetails> {
        self.insert(admin.into(), new, idempotency).await
    }

    /// Creates a daily schedule, if there is no schedule. It is for a demo.
    ///
    /// # Errors
    /// Database errors.
    pub async fn create_first(&self, timezone: &str) -> Result<Option<ScheduleDetails>> {
        if self.is_any().await? {
            return Ok(None);
        }
        let daily = NewSchedule {
            name: "Every night".to_owned(),
            cron: Preset::Daily.expression().to_owned(),
            timezone: timezone.to_owned(),
            label: None,
            verify: Verify::Digest,
            enabled: true,
        };
        match self.insert(System::new().into(), daily, None).await {
            // Another copy of the service was faster.
            Err(Error::ScheduleNameTaken) => Ok(None),
            created => created.map(Some),
        }
    }

    /// Whether there is a schedule.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_any(&self) -> Result<bool> {
        let found = Entity::find().one(self.database.connection()).await;
        found
            .map(|found| found.is_some())
            .map_err(Error::database("looking for a schedule"))
    }

    async fn insert(
        &self,
        actor: Actor,
        new: NewSchedule,
        idempotency: Option<Idempotency>,
    ) -> Result<ScheduleDetails> {
        let doing = "creating a schedule";
        let now = self.clock.now();
        check_name(&new.name)?;
        check_label(new.label.as_deref())?;
        let timetable = Timetable::new(&new.cron, &new.timezone, now)?;
        let (idempotency_key, fingerprint) = idempotency.map(|idempotency| idempotency.stored(&actor)).unzip();
        let created_by = actor.username().to_owned();
        let earlier = async || match &idempotency_key {
            Some(key) => self.created_with(&created_by, key, fingerprint.as_deref()).await,
            None => Ok(None),
        };
        if let Some(earlier) = earlier().await? {
            return self.details(earlier).await;
        }
        let schedule = ActiveModel {
            id: ActiveValue::NotSet,
            name: ActiveValue::Set(new.name),
            cron: ActiveValue::Set(timetable.expression().to_owned()),
            timezone: ActiveValue::Set(new.timezone),
            label: ActiveValue::Set(new.label),
            verify: ActiveValue::Set(new.verify),
            enabled: ActiveValue::Set(new.enabled),
            next_run_at: ActiveValue::Set(timetable.next_after(now).filter(|_| new.enabled)),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
            created_by: ActiveValue::Set(created_by.clone()),
            idempotency_key: ActiveValue::Set(idempotency_key.clone()),
            fingerprint: ActiveValue::Set(fingerprint.clone()),
        };
        let transaction = self.database.begin_write(doing).await?;
        let inserted = match Entity::insert(schedule).exec(&transaction).await {
            Ok(inserted) => inserted.last_insert_id,
            Err(error) if is_taken(&error) => {
                transaction.rollback().await.map_err(Error::database(doing))?;
                // The same request may have been faster, or another schedule has the name.
                let earlier = earlier().await?.ok_or(Error::ScheduleNameTaken)?;
                return self.details(earlier).await;
            }
            Err(error) => return Err(Error::database(doing)(error)),
        };
        transaction.commit().await.map_err(Error::database(doing))?;
        self.details(self.row(inserted).await?).await
    }

    /// The schedule that the same request has created before.
    async fn created_with(&self, created_by: &str, key: &str, fingerprint: Option<&str>) -> Result<Option<Model>> {
        let found = Entity::find()
            .filter(Column::CreatedBy.eq(created_by))
            .filter(Column::IdempotencyKey.eq(key))
            .one(self.database.connection())
            .await
            .map_err(Error::database("looking for an earlier schedule of the same request"))?;
        match found {
            Some(found) if found.fingerprint.as_deref() != fingerprint => Err(Error::IdempotencyMismatch),
            found => Ok(found),
        }
    }

    /// Lists schedules by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, _: &Admin, limit: u64, offset: u64) -> Result<SchedulePage> {
        let doing = "listing schedules";
        let connection = self.database.connection();
        let total = Entity::find().count(connection).await.map_err(Error::database(doing))?;
        let rows = Entity::find()
            .order_by_asc(Column::Name)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(SchedulePage {
            items: details(connection, rows, self.clock.now()).await?,
            total,
        })
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`Error::UnknownSchedule`].
    pub async fn get(&self, _: &Admin, id: i64) -> Result<ScheduleDetails> {
        self.details(self.row(id).await?).await
    }

    /// The schedule with this name, or else with this id.
    ///
    /// # Errors
    /// [`Error::UnknownSchedule`].
    pub async fn find(&self, admin: &Admin, name_or_id: &str) -> Result<ScheduleDetails> {
        let doing = "looking for a schedule by its name";
        // PostgreSQL would not accept every text.
        check_name(name_or_id).map_err(|_| Error::UnknownSchedule)?;
        let named = Entity::find().filter(Column::Name.eq(name_or_id));
        let named = named
            .one(self.database.connection())
            .await
            .map_err(Error::database(doing))?;
        match named {
            Some(named) => self.details(named).await,
            None => {
                self.get(admin, name_or_id.parse().map_err(|_| Error::UnknownSchedule)?)
                    .await
            }
        }
    }

    /// Edits a schedule. With another time or time zone, and when it is enabled again, its next run is at its first time after
    /// now. When it is disabled, a run whose next attempt has not begun is missed; one whose job has begun continues.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownSchedule`], [`Error::Invalid`] with the name of the field, and
    /// [`Error::ScheduleNameTaken`].
    pub async fn update(&self, admin: &Admin, id: i64, patch: SchedulePatch) -> Result<ScheduleDetails> {
        let doing = "editing a schedule";
        let now = self.clock.now();
        patch.name.as_deref().map_or(Ok(()), check_name)?;
        check_label(patch.label.as_ref().and_then(Option::as_deref))?;
        let transaction = self.database.begin_write(doing).await?;
        let before = lock(&transaction, id, now).await?;
        let cron = patch.cron.as_deref().unwrap_or(&before.cron);
        let timezone = patch.timezone.as_deref().unwrap_or(&before.timezone);
        let timetable = Timetable::new(cron, timezone, now)?;
        let enabled = patch.enabled.unwrap_or(before.enabled);
        let is_same_time = (timetable.expression(), timezone) == (before.cron.as_str(), before.timezone.as_str());
        let next_run_at = match (enabled, before.enabled && is_same_time) {
            (false, _) => None,
            // A run that is due now must not be lost.
            (true, true) => before.next_run_at,
            (true, false) => timetable.next_after(now),
        };
        let is_switched_off = before.enabled && !enabled;
        let after = Model {
            cron: timetable.expression().to_owned(),
            timezone: timezone.to_owned(),
            label: patch.label.unwrap_or_else(|| before.label.clone()),
            verify: patch.verify.unwrap_or(before.verify),
            name: patch.name.unwrap_or_else(|| before.name.clone()),
            enabled,
            next_run_at,
            ..before
        };
        let updated = after.into_active_model().reset_all().update(&transaction).await;
        let updated = match updated {
            Ok(updated) => updated,
            Err(error) if is_taken(&error) => return Err(Error::ScheduleNameTaken),
            Err(error) => return Err(Error::database(doing)(error)),
        };
        if !enabled {
            miss_waiting_runs(&transaction, id, now).await?;
        }
        if is_switched_off {
            let event = switched_off(admin, &updated, ScheduleAction::Disabled);
            notify::enqueue(&transaction, now, &event).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))?;
        self.details(updated).await
    }

    /// Deletes a schedule and the list of its runs. Its archives stay. A run whose job has begun continues.
    ///
    /// # Errors
    /// [`Error::UnknownSchedule`].
    pub async fn delete(&self, admin: &Admin, id: i64) -> Result<()> {
        let doing = "deleting a schedule";
        let now = self.clock.now();
        let transaction = self.database.begin_write(doing).await?;
        let before = lock(&transaction, id, now).await?;
        let deleted = Entity::delete_by_id(id).exec(&transaction).await;
        if deleted.map_err(Error::database(doing))?.rows_affected == 0 {
            return Err(Error::UnknownSchedule);
        }
        delete_runs(&transaction, id).await?;
        if before.enabled {
            let event = switched_off(admin, &before, ScheduleAction::Deleted);
            notify::enqueue(&transaction, now, &event).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))
    }

    /// Starts a backup now, as a schedule would: with its label, and for the administrator. It is no run of the schedule, whose
    /// times do not change.
    ///
    /// # Errors
    /// [`Error::UnknownSchedule`], and those of [`Operations::create_backup`].
    pub async fn run_now(&self, admin: &Admin, id: i64, idempotency: Option<Idempotency>) -> Result<Submitted> {
        let schedule = self.row(id).await?;
        let annotations = Annotations {
            label: Some(schedule.label.unwrap_or(schedule.name)),
            ..Annotations::default()
        };
        self.operations.create_backup(admin, annotations, idempotency).await
    }

    async fn row(&self, id: i64) -> Result<Model> {
        let row = Entity::find_by_id(id).one(self.database.connection()).await;
        row.map_err(Error::database("reading a schedule"))?
            .ok_or(Error::UnknownSchedule)
    }

    async fn details(&self, schedule: Model) -> Result<ScheduleDetails> {
        let details = details(self.database.connection(), vec![schedule], self.clock.now()).await?;
        details.into_iter().next().ok_or(Error::UnknownSchedule)
    }
}

fn switched_off(admin: &Admin, schedule: &Model, action: ScheduleAction) -> Event {
    Event::ScheduleDisabled(ScheduleDisabled {
        action,
        schedule_id: schedule.id,
        name: schedule.name.clone(),
        username: admin.username().to_owned(),
    })
}

/// Reads a schedule that no other transaction changes until the end of this one.
async fn lock(transaction: &DatabaseTransaction, id: i64, now: DateTime<Utc>) -> Result<Model> {
    let doing = "reading a schedule in order to edit it";
    // The update takes the lock on every engine.
    let touched = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(transaction)
        .await;
    if touched.map_err(Error::database(doing))?.rows_affected == 0 {
        return Err(Error::UnknownSchedule);
    }
    let row = Entity::find_by_id(id).one(transaction).await;
    row.map_err(Error::database(doing))?.ok_or(Error::UnknownSchedule)
}

fn check_name(name: &str) -> Result<()> {
    check_text("name", name, MAX_NAME, |_| false)
}

fn check_label(label: Option<&str>) -> Result<()> {
    Annotations {
        label: label.map(str::to_owned),
        ..Annotations::default()
    }
    .check()
}

fn is_taken(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedules")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
