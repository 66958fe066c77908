//! Schedules for administrators: create, list, edit, delete, and run one now.

use std::fmt;

use sea_orm::{ActiveModelTrait as _, ActiveValue, EntityTrait, IntoActiveModel};

use super::cron::{Preset, Timetable};
use super::transition::{delete_runs, miss_waiting_runs};
use super::view::{ScheduleDetails, SchedulePage, details};
use crate::account::{Actor, Admin, System};
use crate::audit::{AuditEntry, AuditEvent};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::schedule::{ActiveModel, Entity, Model, Verify};
use crate::error::{Error, Result};
use crate::job::{Idempotency, Submitted};
use crate::named::{self, Insertion, RowOrigin};
use crate::notify::{self, Event, ScheduleAction, ScheduleDisabled};
use crate::operations::{Annotations, Operations};

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
            verify: match self.operations.opens_new_archives() {
                true => Verify::Digest,
                false => Verify::None,
            },
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
        named::check_name(&new.name)?;
        check_label(new.label.as_deref())?;
        let timetable = Timetable::new(&new.cron, &new.timezone, now)?;
        self.check_verify(new.verify)?;
        let origin = RowOrigin::new(&actor, idempotency);
        if let Some(earlier) = named::created_before::<Entity>(&self.database, &origin).await? {
            return self.details(earlier).await;
        }
        let name = new.name.clone();
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
            created_by: ActiveValue::Set(origin.created_by.clone()),
            idempotency_key: ActiveValue::Set(origin.idempotency_key.clone()),
            fingerprint: ActiveValue::Set(origin.fingerprint.clone()),
        };
        match named::insert::<Entity>(&self.database, schedule, &origin).await? {
            Insertion::Inserted { transaction, id } => {
                let event = AuditEntry::by_actor(&actor, AuditEvent::ScheduleCreation)
                    .about(id)
                    .with("name", name);
                event.commit(transaction, doing).await?;
                self.details(self.row(id).await?).await
            }
            Insertion::Earlier(earlier) => self.details(earlier).await,
        }
    }

    /// Lists schedules by name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, _: &Admin, limit: u64, offset: u64) -> Result<SchedulePage> {
        let (rows, total) = named::list::<Entity>(&self.database, limit, offset).await?;
        Ok(SchedulePage {
            items: details(self.database.connection(), rows, self.clock.now()).await?,
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
    pub async fn find(&self, _: &Admin, name_or_id: &str) -> Result<ScheduleDetails> {
        self.details(named::find::<Entity>(&self.database, name_or_id).await?)
            .await
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
        patch.name.as_deref().map_or(Ok(()), named::check_name)?;
        check_label(patch.label.as_ref().and_then(Option::as_deref))?;
        patch.verify.map_or(Ok(()), |verify| self.check_verify(verify))?;
        let transaction = self.database.begin_write(doing).await?;
        let before = named::lock::<Entity>(&transaction, id).await?;
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
        let changed = [
            ("name", patch.name.is_some()),
            ("cron", patch.cron.is_some()),
            ("timezone", patch.timezone.is_some()),
            ("label", patch.label.is_some()),
            ("verify", patch.verify.is_some()),
            ("enabled", patch.enabled.is_some()),
        ];
        let is_switched_off = before.enabled && !enabled;
        let after = Model {
            cron: timetable.expression().to_owned(),
            timezone: timezone.to_owned(),
            label: patch.label.unwrap_or_else(|| before.label.clone()),
            verify: patch.verify.unwrap_or(before.verify),
            name: patch.name.unwrap_or_else(|| before.name.clone()),
            enabled,
            next_run_at,
            updated_at: now,
            ..before
        };
        let updated = after.into_active_model().reset_all().update(&transaction).await;
        let updated = updated.map_err(named::update_error::<Entity>(doing))?;
        if !enabled {
            miss_waiting_runs(&transaction, id, now).await?;
        }
        if is_switched_off {
            let event = switched_off(admin, &updated, ScheduleAction::Disabled);
            notify::enqueue(&transaction, now, &event).await?;
        }
        let event = AuditEntry::by(admin, AuditEvent::ScheduleChange)
            .about(id)
            .with("name", updated.name.as_str())
            .changing(changed);
        event.commit(transaction, doing).await?;
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
        let before = named::lock::<Entity>(&transaction, id).await?;
        named::delete::<Entity>(&transaction, id).await?;
        delete_runs(&transaction, id).await?;
        if before.enabled {
            let event = switched_off(admin, &before, ScheduleAction::Deleted);
            notify::enqueue(&transaction, now, &event).await?;
        }
        let event = AuditEntry::by(admin, AuditEvent::ScheduleDeletion)
            .about(id)
            .with("name", before.name);
        event.commit(transaction, doing).await
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

    /// # Errors
    /// [`Error::Invalid`] if the service can't make such verifications.
    fn check_verify(&self, verify: Verify) -> Result<()> {
        match verify == Verify::None || self.operations.opens_new_archives() {
            true => Ok(()),
            false => Err(Error::Invalid {
                field: "verify",
                problem:
                    "must be none: archives are encrypted to public keys alone, so the service can't open them. Verify \
                          them yourself, with the identity"
                        .to_owned(),
            }),
        }
    }

    async fn row(&self, id: i64) -> Result<Model> {
        named::get::<Entity>(&self.database, id).await
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

fn check_label(label: Option<&str>) -> Result<()> {
    Annotations {
        label: label.map(str::to_owned),
        ..Annotations::default()
    }
    .check()
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedules")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
