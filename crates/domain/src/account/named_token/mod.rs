//! Named tokens for scripts. An administrator creates one with a name, [scopes](super::TokenScope) and perhaps an expiry, and can
//! revoke it alone.
//!
//! A token is 256 random bits, of which only the SHA-256 is stored. Each request looks it up in the database, together with its
//! account: a revoked token, and one of a deactivated or deleted account, is refused at the next request, by every copy of the
//! service. A token of another installation is unknown here.
//!
//! A token has no session. It outlives the sessions of its account and a restore. It ends with its expiry, when it is revoked,
//! when all sessions of the account are ended, and when another administrator disables or deletes the account, changes its role or
//! resets its password. After a restore another account may have the id of its account, so the name must be the same, too. A
//! restore deletes the tokens whose account is then no longer an active administrator with that id and name.

mod manage;
mod view;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

pub use manage::{MAX_TOKENS, NewToken};
pub use view::{TokenDetails, TokenPage};

use super::token::{NO_LONGER_ACTIVE, NOT_VALID};
use super::{Accounts, Admin, Principal, RefusedUser, TokenIdentity, TokenScopes, digest};
use crate::entity::named_token::{Column, Entity, Model};
use crate::entity::user;
use crate::error::{Error, Result};

/// The beginning of every named token. Programs that look for leaked secrets find it by this.
const PREFIX: &str = "cbt_";
const SECRET_BYTES: usize = 32;

/// How exact the time of the last use is.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

const EXPIRED: &str = "the token has expired";

/// The action, for errors.
const LOOKING: &str = "looking up a named token";

/// Whether a bearer token is a named one. It does not say whether it is valid.
pub(super) fn is_named(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

impl Accounts {
    /// The user of a named token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with a short reason for the client.
    pub(super) async fn authenticate_named(&self, bearer: &str) -> Result<Principal> {
        let token = self.find_named_token(bearer).await?;
        self.principal_of_named_token(token).await
    }

    /// The administrator of a named token that has created a link.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] or [`Error::Forbidden`] if the token would be refused now.
    pub(super) async fn admin_of_named_token(&self, id: i64) -> Result<Admin> {
        let token = Entity::find_by_id(id).one(self.0.database.connection()).await;
        let token = token.map_err(Error::database(LOOKING))?;
        self.principal_of_named_token(token).await?.admin()
    }

    async fn principal_of_named_token(&self, token: Option<Model>) -> Result<Principal> {
        let token = accepted(token, self.0.clock.now())?;
        let user = user::Entity::find_by_id(token.user_id)
            .one(self.0.database.connection())
            .await
            .map_err(Error::database(LOOKING))?
            .filter(|user| user.is_active && user.username == token.username)
            .ok_or(Error::Unauthenticated(NO_LONGER_ACTIVE))?;
        let identity = TokenIdentity {
            id: token.id,
            scopes: TokenScopes::of_stored(&token.scopes),
            name: token.name,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        };
        Ok(Principal::of_named_token(user, identity))
    }

    async fn find_named_token(&self, bearer: &str) -> Result<Option<Model>> {
        if bearer.len() != PREFIX.len() + 2 * SECRET_BYTES {
            return Ok(None);
        }
        Entity::find()
            .filter(Column::TokenDigest.eq(digest(bearer)))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database(LOOKING))
    }

    /// The user of a named token that was refused, for the security log.
    pub(super) async fn user_of_refused_named_token(&self, bearer: &str) -> RefusedUser {
        let token = self.find_named_token(bearer).await.ok().flatten();
        RefusedUser {
            id: token.as_ref().map(|token| token.user_id),
            name: token.map(|token| token.username),
        }
    }

    /// Records when and from where a named token was used, at most once a minute. If that fails, the request continues.
    pub async fn record_token_use(&self, principal: &Principal, address: IpAddr) {
        let Some(token) = &principal.token else { return };
        if let Err(error) = self.write_use(token, address).await {
            tracing::warn!(%error, token = token.id, "the use of a named token was not recorded");
        }
    }

    async fn write_use(&self, token: &TokenIdentity, address: IpAddr) -> Result<()> {
        let (doing, now) = ("recording the use of a named token", self.0.clock.now());
        let recent = now - USE_INTERVAL;
        // A later time was written before the clock was set back.
        if token.last_used_at.is_some_and(|at| at > recent && at <= now) {
            return Ok(());
        }
        // On SQLite a restore may hold the write lock for minutes. A later request records it.
        let Some(transaction) = self.0.database.try_begin_write(doing).await? else {
            return Ok(());
        };
        let is_due = Condition::any()
            .add(Column::LastUsedAt.is_null())
            .add(Column::LastUsedAt.lte(recent))
            .add(Column::LastUsedAt.gt(now));
        let written = Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(Some(now)))
            .col_expr(
                Column::LastUsedFrom,
                Expr::value(Some(address.to_canonical().to_string())),
            )
            .filter(Column::Id.eq(token.id))
            .filter(is_due)
            .exec(&transaction)
            .await;
        written.map_err(Error::database(doing))?;
        transaction.commit().await.map_err(Error::database(doing))
    }
}

/// Ensures that a named token is neither revoked nor expired.
pub(super) async fn ensure_accepted(connection: &impl ConnectionTrait, id: i64, now: DateTime<Utc>) -> Result<()> {
    let token = Entity::find_by_id(id).one(connection).await;
    accepted(token.map_err(Error::database(LOOKING))?, now).map(drop)
}

fn accepted(token: Option<Model>, now: DateTime<Utc>) -> Result<Model> {
    let token = token.ok_or(Error::Unauthenticated(NOT_VALID))?;
    match has_expired(&token, now) {
        true => Err(Error::Unauthenticated(EXPIRED)),
        false => Ok(token),
    }
}

fn has_expired(token: &Model, now: DateTime<Utc>) -> bool {
    token.expires_at.is_some_and(|expires_at| expires_at <= now)
}
