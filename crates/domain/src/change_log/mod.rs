//! The change log: every clear, restore, import and undo, with its user, its time, its rows, and until when it can be undone.
//!
//! - **A change and its record are one commit.** The transaction that changes rows also inserts the record
//!   ([`Context::finish_in`](crate::job::Context::finish_in)), so a change never lacks its record, nor a record its change.
//!   An undo marks the clear's record in its own transaction; of two undos of one clear, only one commits.
//! - **Times are those of the database's clock**, so that all copies of the service agree until when a clear can be undone.
//! - **It does not depend on the job history.** A record is deleted when it is older than [`KEPT_DAYS`] and its change can
//!   no longer be undone, even if many jobs or changes follow it.
//!
//! [`record`] writes the log, [`list`](mod@list) reads it.

mod list;
mod record;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};

pub use self::list::{ChangeFilter, ChangePage, get, list};
pub(crate) use self::list::{find_undoable, needed_for_undo, undoable_with};
pub use self::record::{Effect, SafetyArchive};
use crate::catalog::Table;
use crate::database::Database;
pub use crate::entity::change::ChangeKind;
use crate::entity::change::{self, Column, Entity};
use crate::error::{Error, Result};
use crate::restore::RestoredTable;

/// For how many days a change is kept at least: longer than the longest time in which a clear can be undone.
pub const KEPT_DAYS: i64 = 400;

/// A change of the live data.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Change, example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "kind": "clear", "username": "admin",
    "changed_at": "2026-11-23T09:30:00Z", "parameters": {"table": "attendance"},
    "rows": {"attendance": {"removed": 100_000, "written": 0}}, "removed_total": 100_000, "written_total": 0,
    "safety_archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
    "safety_archive_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "undo_until": "2026-11-30T09:30:00Z", "undone_at": null, "undone_by": null,
}))]
pub struct ChangeRecord {
    /// The change's id, which is that of its job.
    #[schema(format = "uuid")]
    pub id: String,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The name of the user who requested it.
    pub username: String,
    /// The time of the change, UTC, by the clock of the database.
    pub changed_at: DateTime<Utc>,
    /// The request of the job, which depends on the kind.
    #[schema(schema_with = parameters_schema)]
    pub parameters: Value,
    /// The rows removed and written, for each table that the change concerned.
    #[schema(value_type = BTreeMap<String, RowCounts>)]
    pub rows: BTreeMap<Table, RowCounts>,
    /// The total of removed rows.
    pub removed_total: u64,
    /// The total of written rows.
    pub written_total: u64,
    /// The safety backup of the data before the change; none for an undo, and if no rows were removed.
    pub safety_archive_id: Option<String>,
    /// SHA-256 of the stored bytes of the safety backup; none for changes of earlier versions.
    pub safety_archive_sha256: Option<String>,
    /// Until when it can be undone, UTC; none if it can't be undone.
    pub undo_until: Option<DateTime<Utc>>,
    /// When it was undone, UTC.
    pub undone_at: Option<DateTime<Utc>>,
    /// The name of the user who undid it.
    pub undone_by: Option<String>,
}

/// How many rows of a table a change has removed and written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ChangedRows)]
pub struct RowCounts {
    /// Rows removed.
    pub removed: u64,
    /// Rows inserted or overwritten.
    pub written: u64,
    /// Of an import: SHA-256 of the table's rows afterwards, as in the summary of an archive. While the rows have it, the
    /// import can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub digest: Option<String>,
}

/// The parameters of the jobs that change the live data.
fn parameters_schema() -> Schema {
    AnyOfBuilder::new()
        .description(Some("The request of the job, which depends on the kind."))
        .item(Ref::from_schema_name("ClearJobParameters"))
        .item(Ref::from_schema_name("RestoreJobParameters"))
        .item(Ref::from_schema_name("UndoJobParameters"))
        .item(Ref::from_schema_name("ImportJobParameters"))
        .into()
}

impl From<change::Model> for ChangeRecord {
    fn from(row: change::Model) -> Self {
        // This program has written both texts.
        let rows: BTreeMap<Table, RowCounts> = serde_json::from_str(&row.rows_by_table).unwrap_or_default();
        Self {
            id: row.id,
            kind: row.kind,
            username: row.username,
            changed_at: row.changed_at,
            parameters: serde_json::from_str(&row.parameters).unwrap_or_default(),
            removed_total: rows.values().map(|rows| rows.removed).sum(),
            written_total: rows.values().map(|rows| rows.written).sum(),
            rows,
            safety_archive_id: row.safety_archive_id,
            safety_archive_sha256: row.safety_archive_sha256,
            undo_until: row.undo_until,
            undone_at: row.undone_at,
            undone_by: row.undone_by,
        }
    }
}

/// The rows that a restore has removed and written, by table.
pub(crate) fn row_counts(restored: &BTreeMap<Table, RestoredTable>) -> BTreeMap<Table, RowCounts> {
    let counts = |done: &RestoredTable| RowCounts {
        removed: done.removed,
        written: done.inserted + done.updated,
        digest: None,
    };
    restored.iter().map(|(table, done)| (*table, counts(done))).collect()
}

/// The rows that an import has removed and written, by table, with the digests of the tables afterwards.
pub(crate) fn row_counts_with_digests(
    imported: &BTreeMap<Table, RestoredTable>,
    digests: &BTreeMap<String, String>,
) -> BTreeMap<Table, RowCounts> {
    let mut counts = row_counts(imported);
    for (table, rows) in &mut counts {
        rows.digest = digests.get(table.name()).cloned();
    }
    counts
}

/// Deletes the records of changes that are old and can no longer be undone.
pub(crate) async fn prune(database: &Database) -> Result<()> {
    let now = database.now().await?;
    let is_over = Condition::any()
        .add(Column::UndoUntil.is_null())
        .add(Column::UndoUntil.lt(now));
    let deleted = Entity::delete_many()
        .filter(Column::ChangedAt.lt(now - TimeDelta::days(KEPT_DAYS)))
        .filter(is_over)
        .exec(database.connection())
        .await;
    deleted
        .map(drop)
        .map_err(Error::database("deleting old records of the change log"))
}
