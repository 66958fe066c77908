//! The policy in the database, and when the service has applied it by itself.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::policy::RetentionPolicy;
use super::rules::HoldCode;
use crate::account::{Admin, System};
use crate::audit::{AuditEntry, AuditEvent};
use crate::database::Database;
use crate::entity::setting::{Column, Entity};
use crate::error::{Error, Result, is_unique_violation};
use crate::notify::{self, Event};
use crate::stored_setting::{read, replace, row};

/// The row of the policy.
const POLICY: &str = "retention";

/// The row of the last time at which the service checked by itself.
const LAST_CHECK: &str = "retention_last_check";

/// The policy with its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredPolicy {
    pub(super) policy: RetentionPolicy,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) updated_by: String,
}

/// When the service checked by itself, and after which backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastCheck {
    pub(super) at: DateTime<Utc>,
    /// The job of the newest backup.
    pub(super) job_id: Option<String>,
    /// Why archives that are due for deletion stay, as it was reported.
    #[serde(default)]
    pub(super) told: Option<HoldCode>,
}

/// The policy, if there is one.
pub(super) async fn read_policy(database: &Database) -> Result<Option<StoredPolicy>> {
    let doing = "reading the retention policy";
    let Some(row) = read(database.connection(), POLICY, doing).await? else {
        return Ok(None);
    };
    Ok(Some(StoredPolicy {
        policy: serde_json::from_str(&row.value).map_err(Error::internal(doing))?,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    }))
}

/// Stores a policy. The service applies it by itself after the next backup, or in an hour: `check` is as if it had just checked.
pub(super) async fn write_policy(
    admin: &Admin,
    database: &Database,
    stored: &StoredPolicy,
    check: &LastCheck,
) -> Result<()> {
    let doing = "storing the retention policy";
    let policy = serde_json::to_string(&stored.policy).map_err(Error::internal(doing))?;
    let transaction = database.begin_write(doing).await?;
    for (name, value, by) in [
        (POLICY, policy, stored.updated_by.as_str()),
        (LAST_CHECK, json_of(check)?, System::NAME),
    ] {
        replace(&transaction, row(name, value, stored.updated_at, by), doing).await?;
    }
    let event = AuditEntry::by(admin, AuditEvent::RetentionChange).with("policy", json!(stored.policy));
    event.commit(transaction, doing).await
}

/// Removes the policy.
pub(super) async fn remove_policy(admin: &Admin, database: &Database) -> Result<()> {
    let doing = "removing the retention policy";
    let transaction = database.begin_write(doing).await?;
    let removed = Entity::delete_by_id(POLICY).exec(&transaction).await;
    removed.map_err(Error::database(doing))?;
    let event = AuditEntry::by(admin, AuditEvent::RetentionRemoval);
    event.commit(transaction, doing).await
}

/// The last check, as text and as a value. A text that can't be read counts as none.
pub(super) async fn read_last_check(database: &Database) -> Result<Option<(String, Option<LastCheck>)>> {
    let row = read(database.connection(), LAST_CHECK, "reading when retention was applied").await?;
    Ok(row.map(|row| {
        let check = serde_json::from_str(&row.value).ok();
        (row.value, check)
    }))
}

/// Replaces the last check, if it is still the one that was read. Of several copies of the service, one gets `true`.
pub(super) async fn claim_check(database: &Database, before: Option<&str>, check: &LastCheck) -> Result<bool> {
    let doing = "claiming the turn to apply retention";
    let Some(before) = before else {
        let value = json_of(check)?;
        let inserted = Entity::insert(row(LAST_CHECK, value, check.at, System::NAME).into_active_model())
            .exec_without_returning(database.connection())
            .await;
        return match inserted {
            Ok(_) => Ok(true),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(Error::database(doing)(error)),
        };
    };
    replace_check(database.connection(), before, check, doing).await
}

/// Records the report about a check, and enqueues its event, if no other check was made since.
pub(super) async fn report_hold(
    database: &Database,
    check: &LastCheck,
    told: Option<HoldCode>,
    event: Option<&Event>,
) -> Result<()> {
    let doing = "reporting that retention is held";
    let transaction = database.begin_write(doing).await?;
    let after = LastCheck { told, ..check.clone() };
    if !replace_check(&transaction, &json_of(check)?, &after, doing).await? {
        return Ok(());
    }
    if let Some(event) = event {
        notify::enqueue(&transaction, check.at, event).await?;
    }
    transaction.commit().await.map_err(Error::database(doing))
}

/// Whether the last check was still the one before, and is replaced.
async fn replace_check(
    connection: &impl ConnectionTrait,
    before: &str,
    check: &LastCheck,
    doing: &'static str,
) -> Result<bool> {
    let replaced = Entity::update_many()
        .col_expr(Column::Value, Expr::value(json_of(check)?))
        .col_expr(Column::UpdatedAt, Expr::value(check.at))
        .filter(Column::Name.eq(LAST_CHECK))
        .filter(Column::Value.eq(before))
        .exec(connection)
        .await
        .map_err(Error::database(doing))?;
    Ok(replaced.rows_affected == 1)
}

fn json_of(check: &LastCheck) -> Result<String> {
    serde_json::to_string(check).map_err(Error::internal("writing when retention was applied"))
}
