//! Checks the chain.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, EntityTrait as _, FromQueryResult, Statement};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::append::HEAD;
use super::chain::hash;
use super::list::{page, read_head};
use super::retention::DELETED_UNTIL;
use super::{Audit, AuditEvent};
use crate::account::{Admin, TokenScope};
use crate::entity::audit_event::{Entity, Model};
use crate::error::{Error, Result};

/// How many events are read at once.
const PAGE: u64 = 2000;

/// What is being done, for errors.
const VERIFYING: &str = "verifying the audit";

/// An event of the chain and its hash, as they were noted elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The id of the event.
    pub id: i64,
    /// Its hash, in lower-case hexadecimal.
    pub hash: String,
}

impl AuditHead {
    /// Reads `ID:HASH`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field `noted`.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = text.split_once(':').and_then(|(id, hash)| {
            let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            let id = id.parse::<i64>().ok().filter(|id| *id > 0)?;
            is_hash.then(|| Self {
                id,
                hash: hash.to_ascii_lowercase(),
            })
        });
        parsed.ok_or_else(|| Error::Invalid {
            field: "noted",
            problem: "must be the id of an event, a colon, and its hash of 64 hexadecimal digits".to_owned(),
        })
    }
}

/// The result of a verification of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditReport, example = json!({
    "ok": true, "events": 48213, "last_id": 48213,
    "last_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "deleted_until": 0, "first_bad": null,
    "fault": null, "seconds": 0.4, "events_per_second": 120532,
}))]
pub struct AuditReport {
    /// Whether every event is unchanged, and none is missing or added.
    pub ok: bool,
    /// How many events were checked.
    pub events: u64,
    /// The id of the newest event; 0 if there is none.
    pub last_id: i64,
    /// Its hash. Note both elsewhere: a later verification with `noted` then also finds a chain that was computed again.
    pub last_hash: String,
    /// The id of the newest event that the retention has deleted; 0 if it has deleted none. Its newest event says the same, or the
    /// verification fails.
    pub deleted_until: i64,
    /// The id of the first wrong event; `null` if there is none.
    #[schema(required = true)]
    pub first_bad: Option<i64>,
    /// The fault of that event; `null` if there is none.
    #[schema(required = true)]
    pub fault: Option<AuditFault>,
    /// The duration in seconds.
    pub seconds: f64,
    /// How many events were checked in one second.
    pub events_per_second: u64,
}

/// A fault of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditFault {
    /// The event, or the one before it, was changed.
    Changed,
    /// The event was deleted.
    Missing,
    /// The event was added.
    Added,
    /// The head of the chain was changed, or the newest event was replaced.
    Head,
    /// The event does not have the hash that was noted.
    Noted,
}

/// The head, and the smallest and the largest id of the events, in one moment.
#[derive(Debug, FromQueryResult)]
struct Bounds {
    last_id: i64,
    last_hash: String,
    anchor_id: i64,
    anchor_hash: String,
    lowest: Option<i64>,
    highest: Option<i64>,
    /// The details of the newest event of the retention.
    retention: Option<String>,
}

impl Bounds {
    /// The id up to which the retention has deleted events, as its newest event says; 0 without one. The walk checks this event.
    fn deleted_until(&self) -> i64 {
        let details = self.retention.as_deref().map(serde_json::from_str::<Value>);
        let details = details.and_then(Result::ok).unwrap_or_default();
        details[DELETED_UNTIL].as_i64().unwrap_or_default()
    }
}

/// The first fault of a chain.
type Fault = (i64, AuditFault);

impl Audit {
    /// Checks all events, oldest first, while others may be written. The memory does not grow with their number. `noted` is an
    /// event that was noted elsewhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the noted event was deleted by the retention, [`Error::ScopeMissing`], and database errors. A fault
    /// of the chain is no error.
    pub async fn verify(&self, admin: &Admin, noted: Option<&AuditHead>) -> Result<AuditReport> {
        admin.ensure_scope(TokenScope::Admin)?;
        let began = Instant::now();
        let bounds = self.bounds().await?;
        if noted.is_some_and(|noted| noted.id < bounds.anchor_id) {
            return Err(Error::Invalid {
                field: "noted",
                problem: format!(
                    "is an event that the retention of the audit has deleted, as all up to {}",
                    bounds.anchor_id
                ),
            });
        }
        let mut events = 0;
        let fault = match fault_of_bounds(&bounds) {
            Some(fault) => Some(fault),
            None => self.walk(&bounds, noted, &mut events).await?,
        };
        let elapsed = began.elapsed();
        Ok(AuditReport {
            ok: fault.is_none(),
            events,
            last_id: bounds.last_id,
            last_hash: bounds.last_hash,
            deleted_until: bounds.anchor_id,
            first_bad: fault.map(|(id, _)| id),
            fault: fault.map(|(_, fault)| fault),
            seconds: elapsed.as_secs_f64(),
            events_per_second: rate(events, elapsed),
        })
    }

    /// Reads the events in the order of their ids, and returns the first fault.
    async fn walk(&self, bounds: &Bounds, noted: Option<&AuditHead>, events: &mut u64) -> Result<Option<Fault>> {
        let mut before = bounds.anchor_hash.clone();
        let mut last = bounds.anchor_id;
        if is_not_noted(noted, last, &before) {
            return Ok(Some((last, AuditFault::Noted)));
        }
        while last < bounds.last_id {
            let rows = page(&self.0.database, Entity::find(), last, bounds.last_id, PAGE).await?;
            if rows.first().is_none_or(|first| first.id != last + 1) {
                // The retention may have deleted it meanwhile.
                let head = read_head(&self.0.database).await?;
                if head.anchor_id <= last {
                    return Ok(Some((last + 1, AuditFault::Missing)));
                }
                (last, before) = (head.anchor_id, head.anchor_hash);
                continue;
            }
            for event in rows {
                if let Some(fault) = fault_of(&event, last, &before) {
                    return Ok(Some(fault));
                }
                if is_not_noted(noted, event.id, &event.hash) {
                    return Ok(Some((event.id, AuditFault::Noted)));
                }
                (last, before) = (event.id, event.hash);
                *events += 1;
            }
        }
        if last == bounds.last_id && before != bounds.last_hash {
            return Ok(Some((last, AuditFault::Head)));
        }
        Ok(noted
            .filter(|noted| noted.id > bounds.last_id)
            .map(|noted| (noted.id, AuditFault::Noted)))
    }

    async fn bounds(&self) -> Result<Bounds> {
        let connection = self.0.database.connection();
        let sql = format!(
            "SELECT last_id, last_hash, anchor_id, anchor_hash, \
             (SELECT MIN(id) FROM backup_audit_events) AS lowest, \
             (SELECT MAX(id) FROM backup_audit_events) AS highest, \
             (SELECT details FROM backup_audit_events WHERE event = '{}' ORDER BY id DESC LIMIT 1) AS retention \
             FROM backup_audit_head WHERE id = {HEAD}",
            AuditEvent::AuditRetention.name()
        );
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(statement).await;
        let row = row.map_err(Error::database(VERIFYING))?;
        let row = row.ok_or_else(|| Error::internal(VERIFYING)("the table backup_audit_head does not have its row"))?;
        Bounds::from_query_result(&row, "").map_err(Error::database(VERIFYING))
    }
}

/// A fault that the smallest and the largest id show, or the newest event of the retention.
fn fault_of_bounds(bounds: &Bounds) -> Option<Fault> {
    let expected = bounds.anchor_id + 1;
    let deleted_until = bounds.deleted_until();
    match (bounds.lowest, bounds.highest) {
        (Some(lowest), _) if lowest < expected => Some((lowest, AuditFault::Added)),
        (Some(lowest), _) if lowest > expected => Some((expected, AuditFault::Missing)),
        (_, Some(highest)) if highest > bounds.last_id => Some((bounds.last_id + 1, AuditFault::Added)),
        (None, _) if bounds.last_id < bounds.anchor_id => Some((bounds.last_id, AuditFault::Head)),
        (None, _) if bounds.last_id > bounds.anchor_id => Some((expected, AuditFault::Missing)),
        // The oldest events are gone, but the retention has not deleted them.
        _ if bounds.anchor_id > deleted_until => Some((deleted_until + 1, AuditFault::Missing)),
        _ if bounds.anchor_id < deleted_until => Some((bounds.anchor_id, AuditFault::Head)),
        _ => None,
    }
}

/// The fault of an event after the event `last` with the hash `before`.
fn fault_of(event: &Model, last: i64, before: &str) -> Option<Fault> {
    if event.id != last + 1 {
        return Some((last + 1, AuditFault::Missing));
    }
    (event.hash != hash(before, event)).then_some((event.id, AuditFault::Changed))
}

fn is_not_noted(noted: Option<&AuditHead>, id: i64, hash: &str) -> bool {
    noted.is_some_and(|noted| noted.id == id && noted.hash != hash)
}

fn rate(events: u64, elapsed: Duration) -> u64 {
    let nanoseconds = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(events) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
}
