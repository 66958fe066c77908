//! Reading events.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::append::HEAD;
use super::chain::written_time;
use super::{Audit, AuditEvent, AuditMethod, AuditResult};
use crate::account::{Admin, TokenScope};
use crate::database::Database;
use crate::entity::audit_event::{Column, Entity, Model};
use crate::entity::audit_head;
use crate::error::{Error, Result};

/// How many events are read at once.
const PAGE: u64 = 1000;

/// What is being done, for errors.
const LISTING: &str = "listing events of the audit";

/// Which events to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this event.
    pub event: Option<AuditEvent>,
    /// Only those of the user with this name.
    pub username: Option<String>,
    /// Only those with this result.
    pub result: Option<AuditResult>,
    /// Only those about this table, or about `all`.
    pub table: Option<String>,
    /// Only those at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only those about the object with this id.
    pub subject: Option<String>,
}

/// A page of events, newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The events of the page.
    pub items: Vec<AuditRecord>,
    /// How many events the whole list has.
    pub total: u64,
}

/// One event of the audit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditRecord, example = json!({
    "id": 4711, "at": "2026-11-30T09:15:00.123456Z", "event": "clear", "result": "succeeded", "username": "admin", "user_id": 1,
    "method": "session", "token_id": null, "client": "203.0.113.7", "subject": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70",
    "table": "attendance", "status": null, "reason": null,
    "details": {"job_id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "removed": {"attendance": 18}},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}))]
pub struct AuditRecord {
    /// Its place in the chain: 1, 2, 3, ... without gaps.
    pub id: i64,
    /// When it was recorded, UTC, by the clock of the database; always with six digits of microseconds.
    #[schema(format = "date-time")]
    pub at: String,
    /// What was done.
    #[schema(value_type = AuditEvent)]
    pub event: String,
    /// How it ended.
    #[schema(value_type = AuditResult)]
    pub result: String,
    /// The name of the user; `system` for the service itself, and `null` if the user is not known.
    #[schema(required = true)]
    pub username: Option<String>,
    /// The id of the user; `null` for an administrator of an identity provider, the command line and the service itself.
    #[schema(required = true)]
    pub user_id: Option<i64>,
    /// How the user was authenticated; `null` if they were not.
    #[schema(required = true, value_type = Option<AuditMethod>)]
    pub method: Option<String>,
    /// The id of the named token that was used; `null` without one.
    #[schema(required = true)]
    pub token_id: Option<i64>,
    /// The IP address of the client, seen through trusted proxies; `null` without a client.
    #[schema(required = true)]
    pub client: Option<String>,
    /// The id of the archive, account, job or other object of the event; `null` without one.
    #[schema(required = true)]
    pub subject: Option<String>,
    /// The name of the table, or `all`; `null` if the event is about no table.
    #[schema(required = true)]
    pub table: Option<String>,
    /// The HTTP status of the answer; `null` if the event was written with what it records, before the answer.
    #[schema(required = true)]
    pub status: Option<i32>,
    /// Why it was refused or failed, often the code of the problem; `null` if it succeeded.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Counts and digests; `null` without any.
    #[schema(required = true, value_type = Option<Object>)]
    pub details: Option<Value>,
    /// SHA-256 over the hash of the event before it and all other fields, in lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

impl From<Model> for AuditRecord {
    fn from(event: Model) -> Self {
        Self {
            id: event.id,
            at: written_time(event.at),
            event: event.event,
            result: event.result,
            username: event.username,
            user_id: event.user_id,
            method: event.method,
            token_id: event.token_id,
            client: event.client,
            subject: event.subject,
            table: event.table_name,
            status: event.status,
            reason: event.reason,
            // Another program changed a text that is not JSON. It is shown as a text, and the verification finds it.
            details: event
                .details
                .map(|details| serde_json::from_str(&details).unwrap_or(Value::String(details))),
            hash: event.hash,
        }
    }
}

impl AuditFilter {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn condition(&self) -> Condition {
        Condition::all()
            .add_option(self.event.map(|event| Column::Event.eq(event.name())))
            .add_option(self.username.as_deref().map(|name| Column::Username.eq(name)))
            .add_option(self.result.map(|result| Column::Result.eq(result.name())))
            .add_option(self.table.as_deref().map(|table| Column::TableName.eq(table)))
            .add_option(self.from.map(|from| Column::At.gte(from)))
            .add_option(self.to.map(|to| Column::At.lt(to)))
            .add_option(self.subject.as_deref().map(|subject| Column::Subject.eq(subject)))
    }

    /// # Errors
    /// [`Error::Invalid`] for a text with a NUL character, which PostgreSQL refuses even in a query.
    fn check(&self) -> Result<()> {
        for (field, text) in [
            ("user", &self.username),
            ("table", &self.table),
            ("subject", &self.subject),
        ] {
            if text.as_deref().is_some_and(|text| text.contains('\0')) {
                return Err(Error::Invalid {
                    field,
                    problem: "must not have a NUL character".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl Audit {
    /// Lists events, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field, [`Error::ScopeMissing`], and database errors.
    pub async fn list(&self, admin: &Admin, filter: &AuditFilter, limit: u64, offset: u64) -> Result<AuditPage> {
        admin.ensure_scope(TokenScope::Admin)?;
        filter.check()?;
        let connection = self.0.database.connection();
        let total = match filter.is_empty() {
            // Counting millions of rows takes seconds, and the chain has no gaps.
            true => {
                let head = read_head(&self.0.database).await?;
                u64::try_from(head.last_id - head.anchor_id).unwrap_or_default()
            }
            false => {
                let counted: Option<i64> = Entity::find()
                    .select_only()
                    .column_as(Column::Id.count(), "total")
                    .filter(filter.condition())
                    .into_tuple()
                    .one(connection)
                    .await
                    .map_err(Error::database(LISTING))?;
                u64::try_from(counted.unwrap_or_default()).unwrap_or_default()
            }
        };
        // The ids first: an index has them, and the rows of millions of other events stay unread.
        let ids: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(filter.condition())
            .order_by_desc(Column::Id)
            .limit(limit)
            .offset(offset)
            .into_tuple()
            .all(connection)
            .await
            .map_err(Error::database(LISTING))?;
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids))
            .order_by_desc(Column::Id)
            .all(connection)
            .await
            .map_err(Error::database(LISTING))?;
        Ok(AuditPage {
            items: rows.into_iter().map(AuditRecord::from).collect(),
            total,
        })
    }

    /// All events of a filter, oldest first, up to the newest one at this time.
    ///
    /// # Errors
    /// As [`Audit::list`].
    pub async fn pages(&self, admin: &Admin, filter: AuditFilter) -> Result<AuditPages> {
        admin.ensure_scope(TokenScope::Admin)?;
        filter.check()?;
        let head = read_head(&self.0.database).await?;
        Ok(AuditPages {
            database: self.0.database.clone(),
            filter,
            after: head.anchor_id,
            last: head.last_id,
        })
    }
}

/// Reads events page by page, so that the memory does not grow with their number.
#[derive(Clone, Debug)]
pub struct AuditPages {
    database: Database,
    filter: AuditFilter,
    after: i64,
    last: i64,
}

impl AuditPages {
    /// The next events; none after the last one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next(&mut self) -> Result<Option<Vec<AuditRecord>>> {
        let select = Entity::find().filter(self.filter.condition());
        let rows = page(&self.database, select, self.after, self.last, PAGE).await?;
        let Some(newest) = rows.last() else { return Ok(None) };
        self.after = newest.id;
        Ok(Some(rows.into_iter().map(AuditRecord::from).collect()))
    }
}

/// Events after an id and up to another one, oldest first.
pub(super) async fn page(
    database: &Database,
    select: Select<Entity>,
    after: i64,
    last: i64,
    limit: u64,
) -> Result<Vec<Model>> {
    let rows = select
        .filter(Column::Id.gt(after))
        .filter(Column::Id.lte(last))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(database.connection())
        .await;
    rows.map_err(Error::database(LISTING))
}

pub(super) async fn read_head(database: &Database) -> Result<audit_head::Model> {
    let head = audit_head::Entity::find_by_id(HEAD).one(database.connection()).await;
    head.map_err(Error::database(LISTING))?
        .ok_or_else(|| Error::internal(LISTING)("the table backup_audit_head does not have its row"))
}
