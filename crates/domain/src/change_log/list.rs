//! Reading the change log.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait as _, EntityTrait, FromQueryResult as _, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait as _,
};
use uuid::Uuid;

use super::{ChangeKind, ChangeRecord};
use crate::account::Admin;
use crate::database::Database;
use crate::entity::change::{self, Column, Entity};
use crate::error::{Error, Result};
use crate::stats;

/// Which changes to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeFilter {
    /// Only changes of this kind.
    pub kind: Option<ChangeKind>,
    /// Only changes at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only changes before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only changes that can be undone now, or only the others.
    pub undoable: Option<bool>,
}

/// A page of the change log, newest first.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// The changes of the page.
    pub items: Vec<ChangeRecord>,
    /// How many changes the whole list has.
    pub total: u64,
}

/// Lists changes, newest first.
///
/// # Errors
/// Database errors.
pub async fn list(
    _: &Admin,
    database: &Database,
    filter: &ChangeFilter,
    limit: u64,
    offset: u64,
) -> Result<ChangePage> {
    let doing = "listing changes";
    let mut condition = Condition::all()
        .add_option(filter.kind.map(|kind| Column::Kind.eq(kind)))
        .add_option(filter.from.map(|from| Column::ChangedAt.gte(from)))
        .add_option(filter.to.map(|to| Column::ChangedAt.lt(to)));
    if let Some(undoable) = filter.undoable {
        let now = database.now().await?;
        condition = condition.add(match undoable {
            true => is_undoable(now),
            // Not `NOT`: it would leave out rows without a time.
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

/// The kinds of changes that can be undone.
const UNDOABLE: [ChangeKind; 2] = [ChangeKind::Clear, ChangeKind::Import];

/// A clear or an import, and the time by the clock of the database, in one query; none if it is not in the log.
pub(crate) async fn find_undoable(database: &Database, id: &str) -> Result<Option<(ChangeRecord, DateTime<Utc>)>> {
    let doing = "reading the change log";
    // PostgreSQL would not accept every text.
    let Ok(id) = Uuid::try_parse(id) else {
        return Ok(None);
    };
    let query = Entity::find_by_id(id.to_string()).filter(Column::Kind.is_in(UNDOABLE));
    let Some(clock) = database.clock_sql() else {
        // The clock of an SQLite database is the clock of this machine.
        let row = query.one(database.connection()).await.map_err(Error::database(doing))?;
        return Ok(row.map(|row| (ChangeRecord::from(row), stats::now())));
    };
    let connection = database.connection();
    let statement = query
        .expr_as(Expr::cust(clock), "now")
        .build(connection.get_database_backend());
    let row = connection
        .query_one_raw(statement)
        .await
        .map_err(Error::database(doing))?;
    row.map(|row| {
        let change = change::Model::from_query_result(&row, "")?;
        Ok((ChangeRecord::from(change), row.try_get("", "now")?))
    })
    .transpose()
    .map_err(Error::database(doing))
}

/// One change, if it is recorded.
async fn find(database: &Database, id: &str) -> Result<Option<ChangeRecord>> {
    // PostgreSQL would not accept every text.
    let Ok(id) = Uuid::try_parse(id) else {
        return Ok(None);
    };
    let row = Entity::find_by_id(id.to_string()).one(database.connection()).await;
    row.map(|row| row.map(ChangeRecord::from))
        .map_err(Error::database("reading the change log"))
}

/// The change that can be undone only with this archive, if there is one.
pub(crate) async fn undoable_with(database: &Database, archive_id: &str) -> Result<Option<ChangeRecord>> {
    let row = Entity::find()
        .filter(Column::SafetyArchiveId.eq(archive_id))
        .filter(is_undoable(database.now().await?))
        .one(database.connection())
        .await;
    row.map(|row| row.map(ChangeRecord::from))
        .map_err(Error::database("looking for a change that needs an archive"))
}

/// The archives that changes can be undone with, now.
pub(crate) async fn needed_for_undo(database: &Database) -> Result<BTreeSet<String>> {
    let ids: Vec<Option<String>> = Entity::find()
        .select_only()
        .column(Column::SafetyArchiveId)
        .filter(is_undoable(database.now().await?))
        .into_tuple()
        .all(database.connection())
        .await
        .map_err(Error::database("looking for archives that changes can be undone with"))?;
    Ok(ids.into_iter().flatten().collect())
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
