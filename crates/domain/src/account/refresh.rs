//! Renewing a session without the password: the refresh token of a browser (RFC 6749, section 1.5).
//!
//! A page keeps its access token in memory and loses it on a reload. The refresh token is in a cookie that scripts
//! can't read. Each use gives an access token and a new refresh token. It expires together with that access token, so a
//! user who stays away for longer must enter the password. The session ends
//! [`AccountSettings::session_lifetime`](super::AccountSettings) after the password was entered. It is no longer valid
//! once the user is inactive or deleted, the password has changed, or the session was ended.
//!
//! A token that was replaced and is used again means that a second copy exists. The service can't tell which copy is
//! the thief's, so it ends the session (RFC 9700, section 4.14). One exception: the token before the current one is
//! accepted for [`REUSE_WINDOW`] and gets the current one. Two tabs may renew at once, and the response to a renewal
//! may be lost.
//!
//! On SQLite a restore holds the write lock, and its page may be reloaded meanwhile. If the renewal can't be recorded,
//! the response has a refresh token of the same generation, and the next renewal replaces it.

use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::get_current_timestamp;
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};

use super::session::{self, ENDED, MARGIN, TokenSession};
use super::token::{self, TokenClaims, TokenKind};
use super::{Accounts, SignedIn, now};
use crate::audit::{AuditActor, AuditEntry, AuditEvent};
use crate::entity::login_session::{self, Column, Entity};
use crate::error::{Error, Result, is_unique_violation};

const LASTED: &str = "the session has lasted as long as it may; sign in again";
const REUSED: &str = "the session was renewed elsewhere with the same cookie, so it was ended; sign in again";

/// The action, for errors.
const RENEWING: &str = "renewing a session";

/// How long a refresh token is accepted after it was first replaced.
const REUSE_WINDOW: TimeDelta = TimeDelta::seconds(60);

/// The claims of a refresh token only.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RefreshClaims {
    #[serde(flatten)]
    pub(super) session: TokenSession,
    /// When the password was entered, in seconds since 1970, by OpenID Connect's name.
    #[serde(rename = "auth_time")]
    pub(super) began_at: u64,
    /// How often the session was renewed before.
    pub(super) generation: i64,
}

/// What happens with a refresh token.
enum RefreshDecision {
    /// It is the current one and is replaced.
    Current,
    /// It was just replaced by the one of this generation.
    JustReplaced(i64),
    /// It was replaced before and is used again.
    Reused,
}

impl RefreshDecision {
    fn of(generation: i64, stored: Option<&login_session::Model>) -> Self {
        let Some(stored) = stored.filter(|stored| generation < stored.generation) else {
            return Self::Current;
        };
        let is_recent = stored.rotated_at.is_some_and(|at| now() - at <= REUSE_WINDOW);
        match generation + 1 == stored.generation && is_recent {
            true => Self::JustReplaced(stored.generation),
            false => Self::Reused,
        }
    }
}

impl Accounts {
    /// The refresh token for a session that was just begun or renewed. A secret.
    ///
    /// # Errors
    /// If it can't be signed.
    pub fn refresh_token(&self, signed_in: &SignedIn) -> Result<String> {
        let (lifetime, tokens) = (self.0.token_lifetime, &self.0.tokens);
        let (token, _) = tokens.sign(
            TokenKind::Refresh,
            signed_in.user_id,
            lifetime,
            &signed_in.refresh_claims,
        )?;
        Ok(token)
    }

    /// Renews a session: a new access token, with the current role. `client` is the address of the request.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with a short reason for the client.
    pub async fn refresh(&self, refresh_token: &str, client: Option<IpAddr>) -> Result<SignedIn> {
        let claims = self.read_refresh(refresh_token)?;
        let (user_id, expires_at) = (claims.user_id()?, claims.expires_at());
        let mut refresh_claims = claims.own;
        let user_session = self.user_session_of(user_id, &refresh_claims.session).await?;
        let ends_at = refresh_claims
            .began_at
            .saturating_add(self.0.session_lifetime.as_secs());
        let left = Duration::from_secs(ends_at.saturating_sub(get_current_timestamp()));
        if left.is_zero() {
            return Err(Error::Unauthenticated(LASTED));
        }
        refresh_claims.generation = match self.replace(user_id, &refresh_claims).await? {
            Some(generation) => generation,
            None => {
                tracing::warn!(
                    user_id,
                    "a refresh token that was replaced came back; its session is ended"
                );
                let transaction = self.0.database.begin_write(RENEWING).await?;
                session::end(&transaction, user_id, &refresh_claims.session.id, expires_at).await?;
                let user = &user_session.user;
                let actor = AuditActor::user(user.id, user.username.as_str(), None).with_client(client);
                let event = AuditEntry::new(actor, AuditEvent::CookieRefused).refused(REUSED);
                event.commit(transaction, RENEWING).await?;
                return Err(Error::Unauthenticated(REUSED));
            }
        };
        self.sign_in(user_session, self.0.token_lifetime.min(left), refresh_claims)
    }

    /// The claims of a refresh token, if it is one of ours and has not expired.
    pub(super) fn read_refresh(&self, refresh_token: &str) -> Result<TokenClaims<RefreshClaims>> {
        let header = token::read_header(refresh_token)?;
        self.0.tokens.claims(TokenKind::Refresh, &header, refresh_token)
    }

    /// Replaces a refresh token. Returns the current generation; none if the token must not be used again.
    async fn replace(&self, user_id: i64, refresh_claims: &RefreshClaims) -> Result<Option<i64>> {
        let (id, generation) = (&refresh_claims.session.id, refresh_claims.generation);
        loop {
            let begun = self.0.database.try_begin_write(RENEWING).await?;
            let stored = match &begun {
                Some(transaction) => stored(transaction, id).await?,
                None => stored(self.0.database.connection(), id).await?,
            };
            if stored.as_ref().is_some_and(|stored| stored.ended_at.is_some()) {
                return Err(Error::Unauthenticated(ENDED));
            }
            match RefreshDecision::of(generation, stored.as_ref()) {
                RefreshDecision::Reused => return Ok(None),
                RefreshDecision::JustReplaced(current) => return Ok(Some(current)),
                RefreshDecision::Current => {}
            }
            let Some(transaction) = begun else {
                return Ok(Some(generation));
            };
            let next = login_session::Model {
                id: id.clone(),
                user_id,
                generation: generation + 1,
                rotated_at: Some(now()),
                ended_at: None,
                expires_at: now() + TimeDelta::from_std(self.0.token_lifetime).unwrap_or(TimeDelta::days(1)) + MARGIN,
            };
            // If another renewal was faster, the next iteration reads it.
            if record(&transaction, stored, next).await? {
                transaction.commit().await.map_err(Error::database(RENEWING))?;
                self.forget_expired_sessions().await;
                return Ok(Some(generation + 1));
            }
        }
    }
}

async fn stored(connection: &impl ConnectionTrait, id: &str) -> Result<Option<login_session::Model>> {
    let row = Entity::find_by_id(id).one(connection).await;
    row.map_err(Error::database(RENEWING))
}

/// Whether the next generation was written. It is not if the session has changed since it was read.
async fn record(
    transaction: &DatabaseTransaction,
    before: Option<login_session::Model>,
    next: login_session::Model,
) -> Result<bool> {
    let Some(before) = before else {
        let inserted = Entity::insert(next.into_active_model())
            .exec_without_returning(transaction)
            .await;
        return match inserted {
            Ok(_) => Ok(true),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(Error::database(RENEWING)(error)),
        };
    };
    let updated = Entity::update_many()
        .col_expr(Column::Generation, Expr::value(next.generation))
        .col_expr(Column::RotatedAt, Expr::value(next.rotated_at))
        .col_expr(Column::ExpiresAt, Expr::value(next.expires_at))
        .filter(Column::Id.eq(next.id))
        .filter(Column::Generation.eq(before.generation))
        .filter(Column::EndedAt.is_null())
        .exec(transaction)
        .await;
    let updated = updated.map_err(Error::database(RENEWING))?;
    Ok(updated.rows_affected == 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::super::session::{ACCOUNT_CHANGED, ALL_ENDED, SignOut};
    use super::super::tests::{OTHER_SECRET, PASSWORD, SchoolAccounts, refusal};
    use super::super::token::NO_LONGER_ACTIVE;
    use super::*;
    use crate::entity::user::{self, Role};

    fn token(school: &SchoolAccounts, signed_in: &SignedIn) -> String {
        school.accounts.refresh_token(signed_in).unwrap()
    }

    async fn reason(school: &SchoolAccounts, token: &str) -> &'static str {
        match refusal(school.accounts.refresh(token, None).await) {
            Error::Unauthenticated(reason) => reason,
            other => unreachable!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn renewal_has_the_current_role_and_a_new_token() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let signed_in = school.login("grace", PASSWORD).await.unwrap();
        let first = token(&school, &signed_in);
        let next = school.accounts.refresh(&first, None).await.unwrap();
        assert_eq!(next.expires_in, 900);
        assert_ne!(next.access_token, signed_in.access_token);
        let second = token(&school, &next);
        assert_ne!(second, first);
        school.change(user.id, user::Column::Role, Role::Teacher).await;
        let third = school.accounts.refresh(&second, None).await.unwrap();
        assert_eq!(third.principal.role, Role::Teacher);
        for access in [&signed_in, &next, &third] {
            school.accounts.authenticate(&access.access_token).await.unwrap();
        }
    }

    #[tokio::test]
    async fn access_and_refresh_tokens_are_not_interchangeable() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let signed_in = school.login("grace", PASSWORD).await.unwrap();
        let refresh = token(&school, &signed_in);
        assert_eq!(reason(&school, &signed_in.access_token).await, token::NOT_VALID);
        assert!(matches!(
            refusal(school.accounts.authenticate(&refresh).await),
            Error::Unauthenticated(token::NOT_VALID)
        ));
        for forged in ["", "a.b.c", &refresh[..refresh.len() - 4], &format!("{refresh}A")] {
            assert_eq!(reason(&school, forged).await, token::NOT_VALID, "{forged}");
        }
        let another =
            SchoolAccounts::with(|settings, _| settings.secret = OTHER_SECRET.as_bytes().to_vec().into()).await;
        another.user("grace", Role::Admin).await;
        assert_eq!(reason(&another, &refresh).await, token::NOT_VALID);
    }

    #[tokio::test]
    async fn session_ends_with_the_account_and_with_the_password() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        school.change(user.id, user::Column::IsActive, false).await;
        assert_eq!(reason(&school, &refresh).await, NO_LONGER_ACTIVE);
        school.change(user.id, user::Column::IsActive, true).await;
        school.accounts.refresh(&refresh, None).await.unwrap();
        let changed = school.accounts.reset_password("grace", Some(&PASSWORD.into())).await;
        changed.unwrap();
        assert_eq!(reason(&school, &refresh).await, ACCOUNT_CHANGED);
        let refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        school.accounts.refresh(&refresh, None).await.unwrap();
    }

    /// As if the last renewal had been longer ago.
    async fn age_renewals(school: &SchoolAccounts, age: TimeDelta) {
        let aged = Entity::update_many()
            .col_expr(Column::RotatedAt, Expr::value(now() - age))
            .exec(school.database().connection())
            .await;
        assert_ne!(aged.unwrap().rows_affected, 0);
    }

    #[tokio::test]
    async fn reused_refresh_token_ends_its_session_only() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let signed_in = school.login("grace", PASSWORD).await.unwrap();
        let another = school.login("grace", PASSWORD).await.unwrap();
        let stolen = token(&school, &signed_in);
        let next = school.accounts.refresh(&stolen, None).await.unwrap();
        let current = token(&school, &next);
        age_renewals(&school, REUSE_WINDOW + TimeDelta::seconds(1)).await;

        assert_eq!(reason(&school, &stolen).await, REUSED);
        assert_eq!(reason(&school, &current).await, ENDED);
        assert_eq!(reason(&school, &stolen).await, ENDED);
        for access in [&signed_in, &next] {
            let refused = refusal(school.accounts.authenticate(&access.access_token).await);
            assert!(matches!(refused, Error::Unauthenticated(ENDED)));
        }
        school.accounts.authenticate(&another.access_token).await.unwrap();
        school.accounts.refresh(&token(&school, &another), None).await.unwrap();
    }

    #[tokio::test]
    async fn simultaneous_and_repeated_renewals_share_one_generation() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let mut refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        for generation in 1..4 {
            let renew = || school.accounts.refresh(&refresh, None);
            let (a, b, c) = tokio::join!(renew(), renew(), renew());
            let again = renew().await;
            let renewed = [a, b, c, again].map(Result::unwrap);
            for renewed in &renewed {
                assert_eq!(renewed.refresh_claims.generation, generation);
                school.accounts.authenticate(&renewed.access_token).await.unwrap();
            }
            refresh = token(&school, &renewed[1]);
        }
        // Only the one just before the current one may come back.
        let older = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        let next = token(&school, &school.accounts.refresh(&older, None).await.unwrap());
        school.accounts.refresh(&next, None).await.unwrap();
        assert_eq!(reason(&school, &older).await, REUSED);
        school.accounts.refresh(&refresh, None).await.unwrap();
    }

    #[tokio::test]
    async fn session_is_renewed_and_not_replaced_while_another_writes() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        let writer = school.database().begin_write("testing").await.unwrap();
        let next = school.accounts.refresh(&refresh, None).await.unwrap();
        assert_eq!(next.refresh_claims.generation, 0);
        school.accounts.authenticate(&next.access_token).await.unwrap();
        writer.rollback().await.unwrap();
        let next = school.accounts.refresh(&token(&school, &next), None).await.unwrap();
        assert_eq!(next.refresh_claims.generation, 1);
    }

    #[tokio::test]
    async fn signing_out_ends_the_sessions_of_both_tokens_and_no_other() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let sign_in = async || school.login("grace", PASSWORD).await.unwrap();
        let (mine, script, another) = (sign_in().await, sign_in().await, sign_in().await);
        let refresh = token(&school, &mine);
        let out = SignOut {
            refresh_token: Some(&refresh),
            bearer: Some(&script.access_token),
            client: None,
        };
        assert_eq!(school.accounts.sign_out(out).await.unwrap(), [user.id; 2]);
        assert_eq!(reason(&school, &refresh).await, ENDED);
        for ended in [&mine, &script] {
            let refused = refusal(school.accounts.authenticate(&ended.access_token).await);
            assert!(matches!(refused, Error::Unauthenticated(ENDED)));
        }
        school.accounts.authenticate(&another.access_token).await.unwrap();
        // Twice is no mistake, and no token is none.
        assert_eq!(school.accounts.sign_out(out).await.unwrap().len(), 2);
        for invalid in [None, Some("x"), Some(refresh.as_str())] {
            let out = SignOut {
                bearer: invalid,
                ..SignOut::default()
            };
            assert!(school.accounts.sign_out(out).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn rows_of_sessions_are_removed_when_their_tokens_have_expired() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let sign_in = async || token(&school, &school.login("grace", PASSWORD).await.unwrap());
        school.accounts.refresh(&sign_in().await, None).await.unwrap();
        let count = async || Entity::find().all(school.database().connection()).await.unwrap().len();
        assert_eq!(count().await, 1);
        let aged = Entity::update_many()
            .col_expr(Column::ExpiresAt, Expr::value(now() - TimeDelta::seconds(1)))
            .exec(school.database().connection());
        aged.await.unwrap();
        school.accounts.refresh(&sign_in().await, None).await.unwrap();
        assert_eq!(count().await, 1);
    }

    #[tokio::test]
    async fn no_token_outlives_the_session() {
        let school = SchoolAccounts::with(|settings, _| settings.session_lifetime = Duration::from_secs(60)).await;
        school.user("grace", Role::Admin).await;
        let mut signed_in = school.login("grace", PASSWORD).await.unwrap();
        let began_at = signed_in.refresh_claims.began_at - 20;
        signed_in.refresh_claims.began_at = began_at;
        for _ in 0..2 {
            let refresh = token(&school, &signed_in);
            signed_in = school.accounts.refresh(&refresh, None).await.unwrap();
            assert!((30..=40).contains(&signed_in.expires_in), "{}", signed_in.expires_in);
            assert_eq!(signed_in.refresh_claims.began_at, began_at);
        }
        signed_in.refresh_claims.began_at -= 60;
        assert_eq!(reason(&school, &token(&school, &signed_in)).await, LASTED);
    }

    #[tokio::test]
    async fn excepted_session_can_still_be_renewed() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let (mine, another) = (
            school.login("grace", PASSWORD).await.unwrap(),
            school.login("grace", PASSWORD).await.unwrap(),
        );
        let (early, ended) = (token(&school, &mine), token(&school, &another));
        // The session may have been renewed when the others are ended.
        let mine = school.accounts.refresh(&early, None).await.unwrap();
        let admin = school.accounts.authenticate(&mine.access_token).await.unwrap().admin();
        for statement in school.accounts.end_sessions(&admin.unwrap()) {
            school.database().connection().execute_raw(statement).await.unwrap();
        }
        assert_eq!(reason(&school, &ended).await, ALL_ENDED);
        let mut refresh = token(&school, &mine);
        for _ in 0..2 {
            let next = school.accounts.refresh(&refresh, None).await.unwrap();
            school.accounts.authenticate(&next.access_token).await.unwrap();
            refresh = token(&school, &next);
        }
    }
}
