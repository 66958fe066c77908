//! Reading the log.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{ChangeRecord, Kind};
use crate::account::Admin;
use crate::database::Database;
use crate::entity::change::{Column, Entity};
use crate::error::{Error, Result};

/// Which changes to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// Only those of this moment and later.
    pub from: Option<DateTime<Utc>>,
    /// Only those before this moment.
    pub to: Option<DateTime<Utc>>,
    /// Only those that can be undone now, or only the others.
    pub undoable: Option<bool>,
}

/// Some changes of the log, newest first, and how many there are in all.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// The changes.
    pub items: Vec<ChangeRecord>,
    /// How many the whole list has.
    pub total: u64,
}

/// Lists changes, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(_: &Admin, database: &Database, filter: &Filter, limit: u64, offset: u64) -> Result<ChangePage> {
    let doing = "listing changes";
    let mut condition = Condition::all()
        .add_option(filter.kind.map(|kind| Column::Kind.eq(kind)))
        .add_option(filter.from.map(|from| Column::ChangedAt.gte(from)))
        .add_option(filter.to.map(|to| Column::ChangedAt.lt(to)));
    if let Some(undoable) = filter.undoable {
        let now = database.now().await?;
        condition = condition.add(match undoable {
            true => is_undoable(now),
            // Not `NOT`: it leaves out rows that have no time.
            false => is_not_undoable(now),
        });
    }
    let (changes, connection) = (Entity::find().filter(condition), database.connection());
    let total = changes
        .clone()
        .count(connection)
        .await
        .map_err(Error::database(doing))?;
    let rows = changes
        .order_by_desc(Column::ChangedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .offset(offset)
        .all(connection)
        .await
        .map_err(Error::database(doing))?;
    Ok(ChangePage {
        items: rows.into_iter().map(ChangeRecord::from).collect(),
        total,
    })
}

/// One change.
///
/// # Errors
/// [`Error::UnknownChange`].
pub async fn get(_: &Admin, database: &Database, id: &str) -> Result<ChangeRecord> {
    find(database, id).await?.ok_or(Error::UnknownChange)
}

/// One change, if it is recorded.
pub(crate) async fn find(database: &Database, id: &str) -> Result<Option<ChangeRecord>> {
    // PostgreSQL would not take every text.
    let Ok(id) = Uuid::try_parse(id) else {
        return Ok(None);
    };
    let row = Entity::find_by_id(id.to_string()).one(database.connection()).await;
    row.map(|row| row.map(ChangeRecord::from))
        .map_err(Error::database("reading the change log"))
}

/// The change that can be undone only with that archive, if there is one.
pub(crate) async fn undoable_with(database: &Database, archive_id: &str) -> Result<Option<ChangeRecord>> {
    let row = Entity::find()
        .filter(Column::SafetyArchiveId.eq(archive_id))
        .filter(is_undoable(database.now().await?))
        .one(database.connection())
        .await;
    row.map(|row| row.map(ChangeRecord::from))
        .map_err(Error::database("looking for a change that needs an archive"))
}

fn is_undoable(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::UndoneAt.is_null())
        .add(Column::UndoUntil.gte(now))
}

fn is_not_undoable(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::UndoneAt.is_not_null())
        .add(Column::UndoUntil.is_null())
        .add(Column::UndoUntil.lt(now))
}
