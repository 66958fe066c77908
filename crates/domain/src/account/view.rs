//! Accounts as administrators see them. No hash of a password is among it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::one_time::OneTimePasswords;
use crate::entity::named_token::{Column, Entity};
use crate::entity::user::{self, Role};
use crate::error::{Error, Result};
use crate::secret::expose;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Account, example = json!({
    "id": 7, "username": "head.office", "email": "head@school.example", "role": "admin", "is_active": true,
    "created_at": "2026-11-23T09:30:00Z", "one_time_password_expires_at": "2026-11-24T09:30:00Z", "tokens": 0,
}))]
pub struct AccountDetails {
    /// Its id.
    pub id: i64,
    /// Its user name. No other account has it.
    pub username: String,
    /// Its email address.
    #[schema(required = true)]
    pub email: Option<String>,
    /// Its role.
    pub role: Role,
    /// Whether its user can sign in.
    pub is_active: bool,
    /// When it was created, UTC.
    pub created_at: DateTime<Utc>,
    /// Until when its one-time password can be used to sign in, UTC. It is `null` if the password was chosen.
    #[schema(required = true)]
    pub one_time_password_expires_at: Option<DateTime<Utc>>,
    /// How many named tokens it has.
    pub tokens: u64,
}

/// A page of a list of accounts, by user name.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// The accounts of the page.
    pub items: Vec<AccountDetails>,
    /// How many accounts there are.
    pub total: u64,
}

/// An account with its new password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "account": {
        "id": 7, "username": "head.office", "email": "head@school.example", "role": "admin", "is_active": true,
        "created_at": "2026-11-23T09:30:00Z", "one_time_password_expires_at": "2026-11-24T09:30:00Z", "tokens": 0,
    },
    "password": "4z973gfxdc7fapmh42wx",
}))]
pub struct AccountCredentials {
    /// The account.
    pub account: AccountDetails,
    /// The one-time password. No other answer has it. It is `null` if the request had a password.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = Option<String>, required = true)]
    pub password: Option<SecretString>,
}

/// Adds the one-time passwords and the numbers of tokens to accounts.
pub(super) async fn details(
    connection: &impl ConnectionTrait,
    accounts: Vec<user::Model>,
) -> Result<Vec<AccountDetails>> {
    let ids = accounts.iter().map(|account| account.id);
    let passwords = OneTimePasswords::of(connection, &accounts).await?;
    let counts: Vec<(i64, String, i64)> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .column(Column::Username)
        .column_as(Column::Id.count(), "tokens")
        .filter(Column::UserId.is_in(ids))
        .group_by(Column::UserId)
        .group_by(Column::Username)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database("counting the tokens of accounts"))?;
    let counts = counts.into_iter().map(|(id, username, count)| ((id, username), count));
    let mut counts: BTreeMap<(i64, String), i64> = counts.collect();
    let details = accounts.into_iter().map(|account| AccountDetails {
        one_time_password_expires_at: passwords.expires_at(&account),
        tokens: counts
            .remove(&(account.id, account.username.clone()))
            .map_or(0, i64::unsigned_abs),
        id: account.id,
        username: account.username,
        email: account.email,
        role: account.role,
        is_active: account.is_active,
        created_at: account.created_at,
    });
    Ok(details.collect())
}
