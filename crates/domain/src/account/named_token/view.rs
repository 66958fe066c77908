//! Named tokens as they are shown.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::has_expired;
use crate::account::{TokenScope, TokenScopes};
use crate::entity::named_token::Model;
use crate::secret::expose;

/// A named token.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NamedToken, example = json!({
    "id": 3, "name": "nightly backup", "scopes": ["read", "backup"], "created_at": "2026-11-23T09:30:00Z",
    "expires_at": "2027-11-23T00:00:00Z", "is_expired": false, "last_used_at": "2026-11-29T01:00:09Z",
    "last_used_from": "192.0.2.7", "token": null,
}))]
pub struct TokenDetails {
    /// Its id.
    pub id: i64,
    /// Its name. No other token of the account has it.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<TokenScope>,
    /// When it was created, UTC.
    pub created_at: DateTime<Utc>,
    /// When it ends, UTC. It is `null` if it does not end by itself.
    #[schema(required = true)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it has ended.
    pub is_expired: bool,
    /// When it was last used, to the minute, UTC.
    #[schema(required = true)]
    pub last_used_at: Option<DateTime<Utc>>,
    /// The address of the client that used it then.
    #[schema(required = true)]
    pub last_used_from: Option<String>,
    /// The token, in the answer to its creation. Other answers have `null`: store it now.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = Option<String>, required = true)]
    pub token: Option<SecretString>,
}

/// A page of the tokens of an account, by name.
#[derive(Clone, Debug)]
pub struct TokenPage {
    /// The tokens of the page.
    pub items: Vec<TokenDetails>,
    /// How many tokens the account has.
    pub total: u64,
}

impl TokenDetails {
    pub(super) fn of(token: Model, now: DateTime<Utc>) -> Self {
        Self {
            is_expired: has_expired(&token, now),
            scopes: TokenScopes::of_stored(&token.scopes).iter().collect(),
            id: token.id,
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            last_used_from: token.last_used_from,
            token: None,
        }
    }
}
