//! The history of the backups for charts: how many rows and bytes they had, and the scheduled runs that made none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use utoipa::ToSchema;

use super::Operations;
use super::inventory::Inventory;
use crate::account::Admin;
use crate::entity::schedule_run::{Column, Entity, Model, RunState};
use crate::error::{Error, Result};
use crate::job::Fault;

/// The most backups, and the most runs, of a history.
const MAX_POINTS: usize = 1000;

/// Rows and sizes of backups over time, and the runs without a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "backups": [{
        "id": "2026-11-29T01-00-03Z-5f1c2a9b", "created_at": "2026-11-29T01:00:03.250177Z", "size": 1_310_720, "total": 109_053,
        "rows": {
            "users": 5, "students": 1000, "courses": 40, "payment_categories": 8, "enrollments": 3000, "payments": 5000,
            "attendance": 100_000,
        },
    }],
    "runs": [{
        "at": "2026-11-28T01:00:00Z", "schedule_id": 1, "label": "Every night", "state": "failed",
        "error": {"code": "insufficient_storage", "detail": "There is no room left on the disk. Nothing was changed."},
    }],
    "complete": true,
}))]
pub struct BackupHistory {
    /// The backups that this installation created, by the moment of their data, the oldest first. Safety backups, uploaded archives
    /// and archives of unknown origin are left out.
    pub backups: Vec<HistoryBackup>,
    /// The scheduled runs that failed or were missed, the oldest first.
    pub runs: Vec<HistoryRun>,
    /// Whether it has all backups and runs of that time. Otherwise it has the newest ones.
    pub complete: bool,
}

/// A backup of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryBackup {
    /// The archive's id.
    pub id: String,
    /// The moment of its data, UTC.
    pub created_at: DateTime<Utc>,
    /// The stored size in bytes.
    pub size: u64,
    /// Rows of all tables.
    pub total: u64,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

/// A scheduled run that made no backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryRun {
    /// When it was due, UTC.
    pub at: DateTime<Utc>,
    /// The id of its schedule.
    pub schedule_id: i64,
    /// The label that its archive would have: that of the schedule, or the schedule's name.
    pub label: String,
    /// Whether it failed or was missed.
    pub state: RunState,
    /// Why the last attempt failed, if it did.
    #[serde(rename = "error")]
    #[schema(required = true)]
    pub fault: Option<Fault>,
}

/// The time of a history, without its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryPeriod {
    /// Only what is of this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only what is of an earlier moment.
    pub to: Option<DateTime<Utc>>,
}

impl HistoryPeriod {
    fn contains(self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

impl From<Model> for HistoryRun {
    fn from(run: Model) -> Self {
        Self {
            at: run.due_at,
            schedule_id: run.schedule_id,
            label: run.label,
            state: run.state,
            fault: Fault::of(run.error_code, run.error_detail),
        }
    }
}

impl Operations {
    /// The history of the backups. It reads manifests and no archive.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`], and database errors.
    pub async fn history(&self, _: &Admin, period: HistoryPeriod) -> Result<BackupHistory> {
        let mut backups = backups_of(&self.inventory().await?, period);
        let mut runs = self.runs_without_backup(period).await?;
        let complete = backups.len() <= MAX_POINTS && runs.len() <= MAX_POINTS;
        keep_newest(&mut backups);
        keep_newest(&mut runs);
        Ok(BackupHistory {
            backups,
            runs,
            complete,
        })
    }

    /// The failed and missed runs, the oldest first: the newest ones of them, and one more than a history has.
    async fn runs_without_backup(&self, period: HistoryPeriod) -> Result<Vec<HistoryRun>> {
        let period = Condition::all()
            .add_option(period.from.map(|from| Column::DueAt.gte(from)))
            .add_option(period.to.map(|to| Column::DueAt.lt(to)));
        let newest = Entity::find()
            .filter(Column::State.is_in([RunState::Failed, RunState::Missed]))
            .filter(period)
            .order_by_desc(Column::DueAt)
            .order_by_desc(Column::Id)
            .limit(MAX_POINTS as u64 + 1)
            .all(self.0.database.connection())
            .await
            .map_err(Error::database("reading the failed and missed runs of schedules"))?;
        Ok(newest.into_iter().rev().map(HistoryRun::from).collect())
    }
}

fn backups_of(inventory: &Inventory, period: HistoryPeriod) -> Vec<HistoryBackup> {
    let manifests = inventory.created().map(|archive| &archive.manifest);
    let mut backups: Vec<_> = manifests
        .filter(|manifest| period.contains(manifest.created_at))
        .map(|manifest| HistoryBackup {
            id: manifest.id.clone(),
            created_at: manifest.created_at,
            size: manifest.object.size,
            total: manifest.total,
            rows: manifest.rows.clone(),
        })
        .collect();
    backups.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    backups
}

/// Removes the oldest items beyond [`MAX_POINTS`].
fn keep_newest<T>(items: &mut Vec<T>) {
    items.drain(..items.len().saturating_sub(MAX_POINTS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_has_its_beginning_and_not_its_end() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let november = HistoryPeriod {
            from: Some(from),
            to: Some(to),
        };
        assert!(november.contains(from));
        assert!(!november.contains(to));
        assert!(!november.contains(at("2026-10-31T23:59:59Z")));
        assert!(HistoryPeriod::default().contains(to));
    }

    #[test]
    fn newest_points_are_kept() {
        let mut few = vec![1, 2];
        keep_newest(&mut few);
        assert_eq!(few, [1, 2]);
        let mut many: Vec<_> = (0..=MAX_POINTS).collect();
        keep_newest(&mut many);
        assert_eq!((many.len(), many[0]), (MAX_POINTS, 1));
    }
}
