//! Active sessions, and how they end.
//!
//! Each of our tokens names its session and the state at the time it was issued ([`TokenSession`]). It is no longer
//! valid as soon as one of these changes:
//! - *The epoch of all sessions.* A restore begins the next epoch in its own transaction. Tokens of earlier epochs end
//!   with that commit, except for those of the session that restores.
//! - *The account*: its password hash and the epoch of its sessions. A new password ends all sessions of the account,
//!   also if a restore wrote it. So does "sign out everywhere", which ends the account's named tokens, too.
//! - *The session itself*. Signing out ends it, and so does a refresh token that is used again after it was replaced.
//!
//! One query by primary keys reads all of this together with the user. A session has a row only once it was renewed or
//! ended. So signing in writes nothing, and on SQLite never waits for a restore. The password is compared after that
//! query, so a token for an outdated state is refused too.
//!
//! Tokens of an identity provider are not ours and stay valid; the provider decides about them.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::{OnConflict, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, FromQueryResult,
    QueryFilter, QuerySelect, QueryTrait, Statement,
};
use serde::{Deserialize, Serialize};

use super::administration::record;
use super::token::{self, NO_LONGER_ACTIVE};
use super::{Accounts, Admin, Principal, digest, now};
use crate::audit::{AuditActor, AuditEntry, AuditEvent, AuditMethod};
use crate::entity::session::{Column, Entity};
use crate::entity::user::Role;
use crate::entity::{account_epoch, download_link, login_session, named_token, user};
use crate::error::{Error, Result};
use crate::security_log::SecurityEvent;

pub(super) const ALL_ENDED: &str = "all sessions were ended, as they are when the data is restored; sign in again";
pub(super) const ENDED: &str = "the session was ended; sign in again";
pub(super) const ACCOUNT_CHANGED: &str =
    "the password was changed or all sessions of the account were ended; sign in again";

/// The name of the only row.
const ALL: &str = "all";

/// The longest lifetime of a token from signing in. The row of an ended session stays for that long.
const LONGEST_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(1);
pub(super) const MARGIN: TimeDelta = TimeDelta::minutes(1);

/// The session of a token, and the state that must not have changed since it was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenSession {
    /// The id of the session, by OpenID Connect's name.
    #[serde(rename = "sid")]
    pub(super) id: String,
    /// The epoch of all sessions.
    pub(super) epoch: i64,
    /// A digest of the password's hash and the epoch of the account's sessions.
    pub(super) account: String,
    /// What the session allows.
    #[serde(default, skip_serializing_if = "SessionRights::is_full")]
    pub(super) rights: SessionRights,
}

/// What a session allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionRights {
    /// Everything that its user may do.
    #[default]
    Full,
    /// Only a change of the password: it began with a one-time password.
    PasswordChange,
}

impl SessionRights {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// A user, with the state of the user's sessions.
#[derive(FromQueryResult)]
pub(super) struct UserSession {
    #[sea_orm(nested)]
    pub(super) user: user::Model,
    epoch: Option<i64>,
    except_session: Option<String>,
    pub(super) account_epoch: Option<i64>,
    ended_session: Option<String>,
}

impl UserSession {
    /// See [`Accounts::user_session`].
    pub(super) async fn read(
        connection: &impl ConnectionTrait,
        which: Condition,
        session: Option<&str>,
    ) -> Result<Option<Self>> {
        user::Entity::find()
            .filter(which)
            .expr_as(subquery(Column::Epoch), "epoch")
            .expr_as(subquery(Column::ExceptSession), "except_session")
            .expr_as(account_epoch(), "account_epoch")
            // An empty id matches no session.
            .expr_as(ended_session(session.unwrap_or_default()), "ended_session")
            .into_model::<Self>()
            .one(connection)
            .await
            .map_err(Error::database("looking up a user"))
    }

    /// The session for a token that is issued now.
    pub(super) fn session(&self, id: String, rights: SessionRights) -> TokenSession {
        TokenSession {
            id,
            epoch: self.epoch.unwrap_or_default(),
            account: self.account(),
            rights,
        }
    }

    /// Hashes have a random salt, so the digest can't be used to test passwords.
    fn account(&self) -> String {
        let epoch = self.account_epoch.unwrap_or_default();
        digest(&format!("{epoch} {}", self.user.password_hash))
    }

    /// Why a token of that session is no longer accepted; none if it is.
    pub(super) fn refusal(&self, session: &TokenSession) -> Option<&'static str> {
        let is_of_now = session.epoch == self.epoch.unwrap_or_default();
        if !is_of_now && self.except_session.as_deref() != Some(&session.id) {
            return Some(ALL_ENDED);
        }
        if session.account != self.account() {
            return Some(ACCOUNT_CHANGED);
        }
        self.ended_session.as_ref().map(|_| ENDED)
    }
}

/// The tokens that a browser or a script signs out with.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignOut<'a> {
    /// The refresh token.
    pub refresh_token: Option<&'a str>,
    /// The bearer token.
    pub bearer: Option<&'a str>,
    /// The address of the client, for the audit.
    pub client: Option<IpAddr>,
}

impl Accounts {
    /// The user, active or not, with the state of the sessions, in one query. `session` is the id of the session to
    /// check.
    pub(super) async fn user_session(&self, which: Condition, session: Option<&str>) -> Result<Option<UserSession>> {
        UserSession::read(self.0.database.connection(), which, session).await
    }

    /// The user of a token. The user must be active, and the session must not have ended.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]
    pub(super) async fn user_session_of(&self, user_id: i64, session: &TokenSession) -> Result<UserSession> {
        let which = Condition::all().add(user::Column::Id.eq(user_id));
        let user_session = self
            .user_session(which, Some(&session.id))
            .await?
            .filter(|user_session| user_session.user.is_active)
            .ok_or(Error::Unauthenticated(NO_LONGER_ACTIVE))?;
        match user_session.refusal(session) {
            None => Ok(user_session),
            Some(reason) => Err(Error::Unauthenticated(reason)),
        }
    }

    /// The statements that end all sessions except the one of `spare`, and make all download links expire. A named token
    /// stays, if an active administrator has the id and the name of its account. Run them in the transaction that makes the
    /// sessions invalid, after its changes of users. Requests that have begun are not interrupted.
    pub fn end_sessions(&self, spare: &Admin) -> Vec<Statement> {
        let mut statements = self.end_all_but(spare.session().map(|session| session.id.clone()));
        let of_account = |token, account| Expr::col((named_token::Entity, token)).equals((user::Entity, account));
        let administrator = user::Entity::find()
            .select_only()
            .column(user::Column::Id)
            .filter(of_account(named_token::Column::UserId, user::Column::Id))
            .filter(of_account(named_token::Column::Username, user::Column::Username))
            .filter(user::Column::Role.eq(Role::Admin))
            .filter(user::Column::IsActive.eq(true))
            .into_query();
        let others = named_token::Entity::delete_many().filter(Expr::exists(administrator).not());
        statements.push(others.build(self.0.database.connection().get_database_backend()));
        statements
    }

    fn end_all_but(&self, except_session: Option<String>) -> Vec<Statement> {
        let backend = self.0.database.connection().get_database_backend();
        let epoch = Entity::update_many()
            .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
            .col_expr(Column::ExceptSession, Expr::value(except_session))
            .filter(Column::Name.eq(ALL));
        let (made, expires) = (download_link::Column::CreatedAt, download_link::Column::ExpiresAt);
        let links = download_link::Entity::update_many()
            .col_expr(expires, Expr::col(made))
            .filter(Expr::col(expires).gt(Expr::col(made)));
        vec![epoch.build(backend), links.build(backend)]
    }

    /// Ends all sessions, with all tokens, the named ones included, and all download links.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_all_sessions(&self) -> Result<()> {
        let doing = "ending all sessions";
        let transaction = self.0.database.begin_write(doing).await?;
        for statement in self.end_all_but(None) {
            let done = transaction.execute_raw(statement).await;
            done.map_err(Error::database(doing))?;
        }
        let removed = named_token::Entity::delete_many().exec(&transaction).await;
        removed.map_err(Error::database(doing))?;
        let event = AuditEntry::new(AuditActor::command_line(), AuditEvent::AllSessionsEnded);
        event.commit(transaction, doing).await?;
        SecurityEvent::default().record("all_sessions_ended");
        Ok(())
    }

    /// Ends all sessions of an account, with its tokens, those of the command line and the named ones included, and its
    /// download links, for the command line.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_account_sessions(&self, user_id: i64) -> Result<()> {
        let event = AuditEntry::new(AuditActor::command_line(), AuditEvent::SessionsEnded);
        self.end_sessions_with(user_id, event).await
    }

    /// The same for a user who signs out everywhere.
    ///
    /// # Errors
    /// [`Error::NoLocalAccount`] for a user of an identity provider; those of the database.
    pub async fn sign_out_everywhere(&self, principal: &Principal, client: Option<IpAddr>) -> Result<()> {
        let actor = principal.audit_actor().with_client(client);
        let event = AuditEntry::new(actor, AuditEvent::SignOutEverywhere);
        self.end_sessions_with(principal.local_id()?, event).await
    }

    async fn end_sessions_with(&self, user_id: i64, event: AuditEntry) -> Result<()> {
        let doing = "ending the sessions of an account";
        let transaction = self.0.database.begin_write(doing).await?;
        // A request of the account that makes a token is before this, so that the token ends, or after it, and is refused.
        lock_account(&transaction, user_id).await?;
        end_access(&transaction, user_id).await?;
        event.about(user_id).commit(transaction, doing).await
    }

    /// The same by user name, for the command line. The account may be inactive.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no such user.
    pub async fn end_sessions_of(&self, username: &str) -> Result<()> {
        let user_session = self.user_named(username).await?;
        let user_session = user_session.ok_or_else(|| super::invalid("username", "there is no user of that name"))?;
        let event = AuditEntry::new(AuditActor::command_line(), AuditEvent::SessionsEnded);
        let event = event.with("username", user_session.user.username.as_str());
        self.end_sessions_with(user_session.user.id, event).await?;
        record("sessions_ended", &user_session.user.username);
        Ok(())
    }

    /// Ends the sessions of these tokens. A token that is not valid is ignored. Returns the ids of the users whose
    /// sessions ended.
    ///
    /// # Errors
    /// Those of the database; [`Error::DatabaseBusy`] if on SQLite a change holds the database for too long. Then the
    /// sessions stay active.
    pub async fn sign_out(&self, tokens: SignOut<'_>) -> Result<Vec<i64>> {
        let refresh = tokens.refresh_token.and_then(|token| self.read_refresh(token).ok());
        let access = tokens.bearer.and_then(|bearer| {
            let header = token::read_header(bearer).ok()?;
            self.0.tokens.verify(&header, bearer).ok()
        });
        let mut sessions = Vec::new();
        if let Some(claims) = refresh
            && let Ok(user_id) = claims.user_id()
        {
            sessions.push((user_id, claims.own.session.id.clone(), claims.expires_at()));
        }
        if let Some(token) = access
            && sessions.iter().all(|(_, id, _)| *id != token.session.id)
        {
            sessions.push((token.user_id, token.session.id, token.expires_at));
        }
        let doing = "ending a session";
        for (user_id, id, expires_at) in &sessions {
            let transaction = self.0.database.begin_write(doing).await?;
            let row = login_session::Entity::find_by_id(id.as_str()).one(&transaction).await;
            let row = row.map_err(Error::database(doing))?;
            if row.is_some_and(|row| row.ended_at.is_some()) {
                // Repeated by a client. It changes nothing, so it leaves no event.
                continue;
            }
            let username = user::Entity::find_by_id(*user_id).one(&transaction).await;
            let username = username.map_err(Error::database(doing))?.map(|user| user.username);
            end(&transaction, *user_id, id, *expires_at).await?;
            let actor = AuditActor {
                username,
                user_id: Some(*user_id),
                method: Some(AuditMethod::Session),
                token_id: None,
                client: tokens.client,
            };
            AuditEntry::new(actor, AuditEvent::SignOut)
                .commit(transaction, doing)
                .await?;
        }
        self.forget_expired_sessions().await;
        Ok(sessions.into_iter().map(|(user_id, ..)| user_id).collect())
    }

    /// Removes the rows of sessions whose tokens have all expired. After a failure the next write tries again.
    pub(super) async fn forget_expired_sessions(&self) {
        let doing = "removing the sessions that have expired";
        let remove = async || {
            let Some(transaction) = self.0.database.try_begin_write(doing).await? else {
                return Ok(());
            };
            let expired = login_session::Entity::delete_many().filter(login_session::Column::ExpiresAt.lt(now()));
            expired.exec(&transaction).await.map_err(Error::database(doing))?;
            transaction.commit().await.map_err(Error::database(doing))
        };
        if let Err(error) = remove().await {
            tracing::warn!(%error, "sessions that have expired could not be removed");
        }
    }
}

/// Locks an account until the end of the transaction. On SQLite the transaction has the only write lock already.
pub(super) async fn lock_account(transaction: &DatabaseTransaction, user_id: i64) -> Result<()> {
    let locked = user::Entity::find_by_id(user_id)
        .lock_exclusive()
        .one(transaction)
        .await;
    locked.map(drop).map_err(Error::database("locking an account"))
}

/// Locks the epoch of all sessions in the same way.
pub(super) async fn lock_epoch(transaction: &DatabaseTransaction) -> Result<()> {
    let locked = Entity::find()
        .filter(Column::Name.eq(ALL))
        .lock_exclusive()
        .one(transaction)
        .await;
    locked.map(drop).map_err(Error::database("locking the sessions"))
}

/// Ends all sessions, tokens and download links of an account.
pub(super) async fn end_access(transaction: &DatabaseTransaction, user_id: i64) -> Result<()> {
    let doing = "ending the sessions and tokens of an account";
    let row = account_epoch::ActiveModel {
        user_id: ActiveValue::Set(user_id),
        epoch: ActiveValue::Set(1),
    };
    let epoch = account_epoch::Column::Epoch;
    let next = Expr::col((account_epoch::Entity, epoch)).add(1);
    let count = OnConflict::column(account_epoch::Column::UserId)
        .value(epoch, next)
        .to_owned();
    account_epoch::Entity::insert(row)
        .on_conflict(count)
        .exec_without_returning(transaction)
        .await
        .map_err(Error::database(doing))?;
    let tokens = named_token::Entity::delete_many().filter(named_token::Column::UserId.eq(user_id));
    tokens.exec(transaction).await.map(drop).map_err(Error::database(doing))
}

/// Ends one session. One of its tokens expires at that time.
pub(super) async fn end(
    transaction: &DatabaseTransaction,
    user_id: i64,
    id: &str,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let doing = "ending a session";
    let now = now();
    let row = login_session::ActiveModel {
        id: ActiveValue::Set(id.to_owned()),
        user_id: ActiveValue::Set(user_id),
        generation: ActiveValue::Set(0),
        rotated_at: ActiveValue::Set(None),
        ended_at: ActiveValue::Set(Some(now)),
        expires_at: ActiveValue::Set(std::cmp::max(expires_at, now + LONGEST_TOKEN_LIFETIME) + MARGIN),
    };
    let existing = OnConflict::column(login_session::Column::Id)
        .update_columns([login_session::Column::EndedAt, login_session::Column::ExpiresAt])
        .to_owned();
    login_session::Entity::insert(row)
        .on_conflict(existing)
        .exec_without_returning(transaction)
        .await
        .map_err(Error::database(doing))?;
    Ok(())
}

fn subquery(column: Column) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(column)
        .filter(Column::Name.eq(ALL))
        .into_query()
}

fn account_epoch() -> SelectStatement {
    let of_user = Expr::col((user::Entity, user::Column::Id));
    account_epoch::Entity::find()
        .select_only()
        .column(account_epoch::Column::Epoch)
        .filter(Expr::col((account_epoch::Entity, account_epoch::Column::UserId)).eq(of_user))
        .into_query()
}

/// The id of the session, if it has ended.
fn ended_session(id: &str) -> SelectStatement {
    login_session::Entity::find()
        .select_only()
        .column(login_session::Column::Id)
        .filter(login_session::Column::Id.eq(id))
        .filter(login_session::Column::EndedAt.is_not_null())
        .into_query()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::*;

    async fn end(school: &SchoolAccounts, spare: &Admin) {
        let transaction = school.database().begin_write("ending sessions").await.unwrap();
        for statement in school.accounts.end_sessions(spare) {
            transaction.execute_raw(statement).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn all_sessions_end_except_the_given_one() {
        let school = SchoolAccounts::new().await;
        school.user("margaret", Role::Admin).await;
        school.user("grace", Role::Teacher).await;
        let mine = school.login("margaret", PASSWORD).await.unwrap();
        let another = school.login("margaret", PASSWORD).await.unwrap();
        let grace = school.login("grace", PASSWORD).await.unwrap();
        let admin = mine.principal.admin().unwrap();
        let accounts = &school.accounts;
        let authenticated = accounts.authenticate(&mine.access_token).await.unwrap();
        assert_eq!(authenticated.admin().unwrap().session(), admin.session());
        assert!(admin.session().is_some());

        end(&school, &admin).await;
        for ended in [&another, &grace] {
            let refused = refusal(accounts.authenticate(&ended.access_token).await);
            assert!(matches!(refused, Error::Unauthenticated(_)));
        }
        accounts.authenticate(&mine.access_token).await.unwrap();

        // Signing in again works within the same second. The next end of all sessions also ends the excepted one.
        let next = school.login("margaret", PASSWORD).await.unwrap();
        accounts.authenticate(&next.access_token).await.unwrap();
        end(&school, &next.principal.admin().unwrap()).await;
        refusal(accounts.authenticate(&mine.access_token).await);
        accounts.authenticate(&next.access_token).await.unwrap();
    }

    #[tokio::test]
    async fn links_end_with_the_sessions() {
        let school = SchoolAccounts::new().await;
        let admin = school.admin().await;
        let path = "/backup/download/students";
        let before = school.accounts.create_link(&admin, path).await.unwrap();
        end(&school, &admin).await;
        let refused = refusal(school.accounts.redeem_link(&before.token, path).await);
        assert!(matches!(refused, Error::LinkUsed));
        let after = school.accounts.create_link(&admin, path).await.unwrap();
        let (_, link_use) = school.accounts.redeem_link(&after.token, path).await.unwrap();
        link_use.completed();
    }
}
