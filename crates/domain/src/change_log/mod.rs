//! The change log: every clear, restore and undo, with who, when, which rows, and until when it can be undone.
//!
//! - **A change and its record are one commit.** The transaction that changes rows also inserts the record
//!   ([`Context::finish_in`](crate::job::Context::finish_in)), so there is neither a change without a record nor the reverse.
//!   An undo marks the clear's record in its own transaction; of two undos of one clear, only one commits.
//! - **Times are those of the database's clock**, so that all copies of the service agree until when a clear can be undone.
//! - **It does not depend on the job history.** A record is deleted when it is older than [`KEPT_DAYS`] and its change can't be
//!   undone any more, however many jobs or changes come after it.
//!
//! [`record`] has the statements that a change runs, [`list`](mod@list) reads the log.

mod list;
mod record;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::list::{ChangePage, Filter, get, list};
pub(crate) use self::list::{find, undoable_with};
pub use self::record::{Effect, SafetyArchive};
use crate::catalog::Table;
use crate::database::Database;
pub use crate::entity::change::Kind;
use crate::entity::change::{self, Column, Entity};
use crate::error::{Error, Result};
use crate::restore::RestoredTable;

/// For how many days a change is remembered at least: more than the longest time in which a clear can be undone.
pub const KEPT_DAYS: i64 = 400;

/// One change of the live data.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRecord {
    /// Its id, which is that of its job.
    pub id: String,
    /// What kind of change it is.
    pub kind: Kind,
    /// The name of who asked.
    pub username: String,
    /// When.
    pub changed_at: DateTime<Utc>,
    /// What was asked, as the job has it.
    pub parameters: Value,
    /// What became of the rows, for each table that it concerned.
    pub tables: BTreeMap<Table, RowCounts>,
    /// The archive of what was there before.
    pub safety_archive_id: Option<String>,
    /// SHA-256 of its stored bytes; none if the change was made before there was a change log.
    pub safety_archive_sha256: Option<String>,
    /// Until when it can be undone; none if it can't.
    pub undo_until: Option<DateTime<Utc>>,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// The name of who undid it.
    pub undone_by: Option<String>,
}

/// How many rows of a table a change has removed and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows removed.
    pub removed: u64,
    /// Rows inserted or overwritten.
    pub written: u64,
}

impl From<change::Model> for ChangeRecord {
    fn from(row: change::Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            username: row.username,
            changed_at: row.changed_at,
            // This program has written both.
            parameters: serde_json::from_str(&row.parameters).unwrap_or_default(),
            tables: serde_json::from_str(&row.rows_by_table).unwrap_or_default(),
            safety_archive_id: row.safety_archive_id,
            safety_archive_sha256: row.safety_archive_sha256,
            undo_until: row.undo_until,
            undone_at: row.undone_at,
            undone_by: row.undone_by,
        }
    }
}

/// What a restore did to the rows of each table.
pub(crate) fn row_counts(restored: &BTreeMap<Table, RestoredTable>) -> BTreeMap<Table, RowCounts> {
    let counts = |done: &RestoredTable| RowCounts {
        removed: done.removed,
        written: done.inserted + done.updated,
    };
    restored.iter().map(|(table, done)| (*table, counts(done))).collect()
}

/// Deletes the records of changes that are old and can't be undone any more.
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
