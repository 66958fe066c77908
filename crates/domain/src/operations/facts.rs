//! The facts about stored archives that retention and a deletion depend on, as they are now.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use super::Operations;
use super::inventory::{Inventory, ProvenArchive};
use crate::change_log;
use crate::destination;
use crate::entity::change;
use crate::entity::job::{self, JobKind, JobState};
use crate::entity::schedule_run::{self, RunState};
use crate::error::{Error, Result};
use crate::retention::{ArchiveFact, KeepReason, RetentionFacts, newest_good};

/// The ends of a job that say whether a backup succeeded. An administrator knows of a cancelled one.
const OUTCOMES: [JobState; 3] = [JobState::Succeeded, JobState::Failed, JobState::Interrupted];

impl Operations {
    /// Everything that a plan of retention depends on: the archives of a listing, and what the database says now.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn retention_facts(&self, inventory: &Inventory) -> Result<RetentionFacts> {
        Ok(RetentionFacts {
            archives: self.archive_facts(inventory).await?,
            unreadable: inventory.unreadable.clone(),
            failure: self.failure_of_the_latest_backup().await?,
            retained_copies: destination::retained_copies(&self.0.database).await?,
        })
    }

    /// Deletes an archive that a plan of retention does not keep.
    ///
    /// # Errors
    /// Those of [`Store::delete`](crate::store::Store::delete), and database errors.
    pub(crate) async fn delete_unkept(&self, id: &str) -> Result<()> {
        self.delete_stored(id).await
    }

    /// Ensures that an archive is neither the newest good backup nor the newest verified one. A protected archive can't be
    /// deleted anyway.
    ///
    /// # Errors
    /// [`Error::ArchiveIsNewest`], [`Error::StoreUnavailable`], and database errors.
    pub(super) async fn ensure_not_newest(&self, id: &str) -> Result<()> {
        let archives = self.archive_facts(&self.inventory().await?).await?;
        let (newest, verified) = newest_good(&archives);
        let is_it = |found: Option<&ArchiveFact>| {
            found.is_some_and(|found| found.id == id && !found.guards.contains(&KeepReason::Protected))
        };
        match (is_it(newest), is_it(verified)) {
            (true, _) => Err(Error::ArchiveIsNewest { what: "backup" }),
            (false, true) => Err(Error::ArchiveIsNewest {
                what: "verified backup",
            }),
            (false, false) => Ok(()),
        }
    }

    /// The facts about each archive. What protects one is read after the list, so that nothing that happened before is missed.
    async fn archive_facts(&self, inventory: &Inventory) -> Result<Vec<ArchiveFact>> {
        let guards = [
            (KeepReason::InUse, self.archives_in_use().await?),
            (
                KeepReason::UndoPossible,
                change_log::needed_for_undo(&self.0.database).await?,
            ),
        ];
        let fact = |archive: &ProvenArchive| {
            let manifest = &archive.manifest;
            let guards = guards.iter().filter(|(_, ids)| ids.contains(&manifest.id));
            let guards = guards.map(|(reason, _)| *reason);
            ArchiveFact {
                id: manifest.id.clone(),
                created_at: manifest.created_at,
                bytes: manifest.object.size,
                class: archive.class(),
                condition: archive.condition(),
                guards: guards
                    .chain(manifest.protected.then_some(KeepReason::Protected))
                    .collect(),
                retained_since: archive.record.as_ref().and_then(|record| record.retained_since),
                retained_checked_at: archive.record.as_ref().and_then(|record| record.retained_checked_at),
            }
        };
        Ok(inventory.archives.iter().map(fact).collect())
    }

    /// The archives of jobs that have not ended, and of scheduled runs that verify one.
    async fn archives_in_use(&self) -> Result<BTreeSet<String>> {
        let doing = "looking for archives that are in use";
        let connection = self.0.database.connection();
        let parameters: Vec<String> = job::Entity::find()
            .select_only()
            .column(job::Column::Parameters)
            .filter(job::Column::State.is_in(JobState::ACTIVE))
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        let parameters: Vec<Value> = parameters
            .iter()
            .filter_map(|json| serde_json::from_str(json).ok())
            .collect();
        let named = |name: &'static str| {
            let values = parameters.iter().filter_map(move |value| value[name].as_str());
            values.map(str::to_owned).collect::<Vec<_>>()
        };
        let undone: Vec<Option<String>> = change::Entity::find()
            .select_only()
            .column(change::Column::SafetyArchiveId)
            .filter(change::Column::Id.is_in(named("clear_id")))
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        let of_runs: Vec<Option<String>> = schedule_run::Entity::find()
            .select_only()
            .column(schedule_run::Column::ArchiveId)
            .filter(schedule_run::Column::State.is_in(RunState::ACTIVE))
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        let of_jobs = named("archive_id").into_iter();
        Ok(of_jobs.chain(undone.into_iter().chain(of_runs).flatten()).collect())
    }

    /// Why the latest backup or the latest scheduled run failed, if none has succeeded since.
    async fn failure_of_the_latest_backup(&self) -> Result<Option<String>> {
        let doing = "looking for the latest backup";
        let connection = self.0.database.connection();
        let job = job::Entity::find()
            .filter(job::Column::Kind.eq(JobKind::Archive))
            .filter(job::Column::State.is_in(OUTCOMES))
            .order_by_desc(job::Column::EndedAt)
            .order_by_desc(job::Column::Id)
            .one(connection)
            .await
            .map_err(Error::database(doing))?;
        let explained = |detail: Option<String>| Some(detail.unwrap_or_else(|| "The reason is not known.".to_owned()));
        if let Some(failed) = job.as_ref().filter(|job| job.state != JobState::Succeeded) {
            return Ok(explained(failed.error_detail.clone()));
        }
        let run = schedule_run::Entity::find()
            .filter(schedule_run::Column::State.is_in([RunState::Succeeded, RunState::Failed]))
            .order_by_desc(schedule_run::Column::EndedAt)
            .order_by_desc(schedule_run::Column::Id)
            .one(connection)
            .await
            .map_err(Error::database(doing))?;
        let succeeded_at = job.and_then(|job| job.ended_at);
        let is_cancelled = |run: &schedule_run::Model| run.error_code.as_deref() == Some(schedule_run::CANCELLED);
        let failed =
            run.filter(|run| run.state == RunState::Failed && !is_cancelled(run) && run.ended_at > succeeded_at);
        Ok(failed.and_then(|run| explained(run.error_detail)))
    }
}
