//! Going on without the password: the refresh token of a browser (RFC 6749, section 1.5).
//!
//! A page keeps its access token in memory and loses it when it is reloaded. A refresh token is for a cookie that no script
//! can read. It gives one access token after the other and is itself replaced each time (RFC 9700, section 4.14). It ends
//! when the access token of the same moment ends, so that whoever stays away for longer is asked for the password, and the
//! session ends [`Settings::session_lifetime`](super::Settings) after the password was given. It is dead as soon as the user is
//! inactive or gone, the password is another, or the session was ended.
//!
//! Nothing is stored, so that a page can be reloaded while a restore has the whole database to itself. The price is that a
//! copy in other hands is not noticed.

use std::sync::LazyLock;
use std::time::Duration;

use jsonwebtoken::get_current_timestamp;
use serde::{Deserialize, Serialize};

use super::token::{self, Claims, Kind};
use super::{Accounts, SignedIn, digest};
use crate::error::{Error, Result};

static KIND: LazyLock<Kind> = LazyLock::new(|| Kind::new("campus-backup-refresh+jwt", "campus-backup-refresh"));

const LASTED: &str = "the session has lasted as long as it may; sign in again";
const PASSWORD_CHANGED: &str = "the password was changed; sign in again";

/// What goes on from one token to the next: what only a refresh token says.
#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    #[serde(rename = "sid")]
    pub(super) id: String,
    /// When the password was given, in seconds since 1970, as OpenID Connect calls it.
    #[serde(rename = "auth_time")]
    pub(super) began_at: u64,
    pub(super) epoch: i64,
    /// The digest of the password's hash, which must not have changed.
    pub(super) password: String,
}

impl Accounts {
    /// What somebody who has just signed in, or gone on, can go on with. A secret.
    ///
    /// # Errors
    /// If it can't be signed.
    pub fn refresh_token(&self, signed_in: &SignedIn) -> Result<String> {
        let (lifetime, tokens) = (self.0.token_lifetime, &self.0.tokens);
        let (token, _) = tokens.sign(&KIND, signed_in.user_id, lifetime, &signed_in.session)?;
        Ok(token)
    }

    /// Goes on with a session: a new access token, with the role of now.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with a short reason that may be shown.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn> {
        let header = token::read_header(refresh_token)?;
        let claims: Claims<Session> = self.0.tokens.claims(&KIND, &header, refresh_token)?;
        let (user_id, session) = (claims.user_id()?, claims.own);
        let holder = self.holder_of(user_id, session.epoch, &session.id).await?;
        if digest(&holder.user.password_hash) != session.password {
            return Err(Error::Unauthenticated(PASSWORD_CHANGED));
        }
        let ends_at = session.began_at.saturating_add(self.0.session_lifetime.as_secs());
        let left = Duration::from_secs(ends_at.saturating_sub(get_current_timestamp()));
        if left.is_zero() {
            return Err(Error::Unauthenticated(LASTED));
        }
        self.sign_in(holder, self.0.token_lifetime.min(left), Some(session))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sea_orm::ConnectionTrait;

    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::super::token::{NO_LONGER_ACTIVE, SESSION_ENDED};
    use super::*;
    use crate::entity::user::{self, Role};

    fn token(school: &SchoolAccounts, signed_in: &SignedIn) -> String {
        school.accounts.refresh_token(signed_in).unwrap()
    }

    async fn reason(school: &SchoolAccounts, token: &str) -> &'static str {
        match refusal(school.accounts.refresh(token).await) {
            Error::Unauthenticated(reason) => reason,
            other => unreachable!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_session_goes_on_with_the_role_of_now_and_each_time_with_another_token() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let signed_in = school.login("grace", PASSWORD).await.unwrap();
        let first = token(&school, &signed_in);
        let next = school.accounts.refresh(&first).await.unwrap();
        assert_eq!(next.expires_in, 900);
        assert_ne!(next.access_token, signed_in.access_token);
        let second = token(&school, &next);
        assert_ne!(second, first);
        school.change(user.id, user::Column::Role, Role::Teacher).await;
        let third = school.accounts.refresh(&second).await.unwrap();
        assert_eq!(third.principal.role, Role::Teacher);
        for access in [&signed_in, &next, &third] {
            school.accounts.authenticate(&access.access_token).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_access_token_is_no_refresh_token_nor_the_other_way_round() {
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
        let another = SchoolAccounts::with(|settings, _| settings.secret = vec![8; 32].into()).await;
        another.user("grace", Role::Admin).await;
        assert_eq!(reason(&another, &refresh).await, token::NOT_VALID);
    }

    #[tokio::test]
    async fn it_ends_with_the_account_and_with_the_password() {
        let school = SchoolAccounts::new().await;
        let user = school.user("grace", Role::Admin).await;
        let refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        school.change(user.id, user::Column::IsActive, false).await;
        assert_eq!(reason(&school, &refresh).await, NO_LONGER_ACTIVE);
        school.change(user.id, user::Column::IsActive, true).await;
        school.accounts.refresh(&refresh).await.unwrap();
        let changed = school.accounts.reset_password("grace", Some(&PASSWORD.into())).await;
        changed.unwrap();
        assert_eq!(reason(&school, &refresh).await, PASSWORD_CHANGED);
        let refresh = token(&school, &school.login("grace", PASSWORD).await.unwrap());
        school.accounts.refresh(&refresh).await.unwrap();
    }

    #[tokio::test]
    async fn no_token_outlives_the_session() {
        let school = SchoolAccounts::with(|settings, _| settings.session_lifetime = Duration::from_secs(60)).await;
        school.user("grace", Role::Admin).await;
        let mut signed_in = school.login("grace", PASSWORD).await.unwrap();
        let began_at = signed_in.session.began_at - 20;
        signed_in.session.began_at = began_at;
        for _ in 0..2 {
            let refresh = token(&school, &signed_in);
            signed_in = school.accounts.refresh(&refresh).await.unwrap();
            assert!((30..=40).contains(&signed_in.expires_in), "{}", signed_in.expires_in);
            assert_eq!(signed_in.session.began_at, began_at);
        }
        signed_in.session.began_at -= 60;
        assert_eq!(reason(&school, &token(&school, &signed_in)).await, LASTED);
    }

    #[tokio::test]
    async fn of_the_sessions_that_end_the_spared_one_goes_on() {
        let school = SchoolAccounts::new().await;
        school.user("grace", Role::Admin).await;
        let (mine, another) = (
            school.login("grace", PASSWORD).await.unwrap(),
            school.login("grace", PASSWORD).await.unwrap(),
        );
        let (early, ended) = (token(&school, &mine), token(&school, &another));
        // Whoever began with one token may have gone on with another when the others are ended.
        let mine = school.accounts.refresh(&early).await.unwrap();
        let admin = school.accounts.authenticate(&mine.access_token).await.unwrap().admin();
        for statement in school.accounts.end_sessions(&admin.unwrap()) {
            school.database().connection().execute_raw(statement).await.unwrap();
        }
        assert_eq!(reason(&school, &ended).await, SESSION_ENDED);
        let mut refresh = token(&school, &mine);
        for _ in 0..2 {
            let next = school.accounts.refresh(&refresh).await.unwrap();
            school.accounts.authenticate(&next.access_token).await.unwrap();
            refresh = token(&school, &next);
        }
    }
}
