//! Appends an event to the chain, in a transaction of the caller.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait as _, IntoActiveModel,
    QueryFilter, QueryTrait, Statement,
};
use serde_json::Value;

use super::chain::hash;
use super::{AuditEntry, AuditHead};
use crate::change::Change;
use crate::entity::{audit_event, audit_head};
use crate::error::{Error, Result};
use crate::stats;

/// The id of the one row of the head.
pub(super) const HEAD: i64 = 1;

/// What is being done, for errors.
const APPENDING: &str = "writing an event of the audit";

/// Appends an event, and returns it as the new head of the chain.
pub(super) async fn append(transaction: &DatabaseTransaction, entry: &AuditEntry) -> Result<AuditHead> {
    append_event(transaction, draft(entry, stats::now()), None).await
}

/// Appends an event without id and hash. Without a time, it gets the one of the database's clock.
pub(super) async fn append_event(
    transaction: &DatabaseTransaction,
    event: audit_event::Model,
    at: Option<DateTime<Utc>>,
) -> Result<AuditHead> {
    let backend = transaction.get_database_backend();
    let locked = transaction.execute_raw(next_id(backend)).await;
    ensure_one(locked.map_err(Error::database(APPENDING))?.rows_affected())?;
    let row = transaction
        .query_one_raw(Statement::from_string(backend, head_sql(backend)))
        .await
        .map_err(Error::database(APPENDING))?
        .ok_or_else(no_head)?;
    let head: String = row.try_get("", "head").map_err(Error::database(APPENDING))?;
    let (statements, appended) = statements(backend, &head, event, at)?;
    for statement in statements {
        let done = transaction.execute_raw(statement).await;
        ensure_one(done.map_err(Error::database(APPENDING))?.rows_affected())?;
    }
    Ok(appended)
}

/// Appends an event in a change of the live data.
pub(super) async fn append_to(change: &mut Change, backend: DbBackend, entry: &AuditEntry) -> Result<()> {
    ensure_one(change.execute(&next_id(backend)).await?)?;
    let head = change.text(&head_sql(backend)).await?.ok_or_else(no_head)?;
    let (statements, _) = statements(backend, &head, draft(entry, stats::now()), None)?;
    for statement in statements {
        ensure_one(change.execute(&statement).await?)?;
    }
    Ok(())
}

/// Takes the next id, and locks the head until the end of the transaction.
fn next_id(backend: DbBackend) -> Statement {
    audit_head::Entity::update_many()
        .col_expr(
            audit_head::Column::LastId,
            Expr::col(audit_head::Column::LastId).add(1_i64),
        )
        .filter(audit_head::Column::Id.eq(HEAD))
        .build(backend)
}

/// Reads the locked head and the time of the database's clock as one text: the id of the new event, the hash of the event before
/// it, and the time with microseconds, UTC; on SQLite without the time, because its clock is the one of this machine.
fn head_sql(backend: DbBackend) -> String {
    let text = match backend {
        DbBackend::Postgres => {
            "last_id::text || ' ' || last_hash || ' ' || \
             to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        }
        DbBackend::MySql => {
            "CONCAT(last_id, ' ', last_hash, ' ', DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ'))"
        }
        _ => "last_id || ' ' || last_hash",
    };
    format!("SELECT {text} AS head FROM backup_audit_head WHERE id = {HEAD}")
}

/// The statements that insert an event and write the new hash to the head, and the new head.
fn statements(
    backend: DbBackend,
    head: &str,
    mut event: audit_event::Model,
    at: Option<DateTime<Utc>>,
) -> Result<([Statement; 2], AuditHead)> {
    let (id, before, now) =
        parse(head).ok_or_else(|| Error::internal(APPENDING)("the head of the audit is not valid"))?;
    event.id = id;
    event.at = at.unwrap_or(now);
    event.hash = hash(before, &event);
    let head = AuditHead {
        id,
        hash: event.hash.clone(),
    };
    let hash = Expr::value(event.hash.as_str());
    let statements = [
        audit_event::Entity::insert(event.into_active_model()).build(backend),
        audit_head::Entity::update_many()
            .col_expr(audit_head::Column::LastHash, hash)
            .filter(audit_head::Column::Id.eq(HEAD))
            .build(backend),
    ];
    Ok((statements, head))
}

fn parse(head: &str) -> Option<(i64, &str, DateTime<Utc>)> {
    let mut parts = head.split(' ');
    let (id, before) = (parts.next()?.parse().ok()?, parts.next()?);
    let at = match parts.next() {
        Some(at) => DateTime::parse_from_rfc3339(at).ok()?.to_utc(),
        None => stats::now(),
    };
    Some((id, before, at))
}

/// The row of an event, still without id and hash.
pub(super) fn draft(entry: &AuditEntry, at: DateTime<Utc>) -> audit_event::Model {
    let actor = &entry.actor;
    let details = match entry.details.is_empty() {
        true => None,
        false => Some(without_nul(&Value::Object(entry.details.clone()).to_string())),
    };
    audit_event::Model {
        id: 0,
        at,
        event: entry.event.name().to_owned(),
        result: entry.result.name().to_owned(),
        username: cut(actor.username.as_deref(), 255),
        user_id: actor.user_id,
        method: actor.method.map(|method| method.name().to_owned()),
        token_id: actor.token_id,
        client: actor.client.map(|client| client.to_string()),
        subject: cut(entry.subject.as_deref(), 64),
        table_name: cut(entry.table.as_deref(), 64),
        status: entry.status.map(i32::from),
        reason: cut(entry.reason.as_deref(), 255),
        details,
        hash: String::new(),
    }
}

/// A text that its column can hold.
fn cut(text: Option<&str>, length: usize) -> Option<String> {
    text.map(|text| without_nul(text).chars().take(length).collect())
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

fn ensure_one(rows: u64) -> Result<()> {
    match rows {
        1 => Ok(()),
        _ => Err(no_head()),
    }
}

fn no_head() -> Error {
    Error::internal(APPENDING)("the table backup_audit_head does not have its row")
}
