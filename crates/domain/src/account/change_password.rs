//! A user changes their own password. It is the only thing that a one-time password allows.

use std::net::IpAddr;

use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};

use super::session::{ACCOUNT_CHANGED, SessionRights, UserSession};
use super::token::NO_LONGER_ACTIVE;
use super::{Accounts, PasswordKind, Principal, SignedIn, TokenScope, begin_session, invalid, password};
use crate::audit::{AuditEntry, AuditEvent};
use crate::entity::user;
use crate::error::{Error, Result};

impl Accounts {
    /// Changes the password of a signed-in user. All sessions of the account, with their tokens and download links, end; the
    /// answer is a new session. Named tokens stay.
    ///
    /// Attempts are limited as those to sign in are, because a stolen session must not be enough to find the password.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::Invalid`] with `new_password` if it is too weak or the current one, and with
    /// `current_password` if that is wrong; [`Error::OneTimePasswordExpired`] for a right one-time password that was not
    /// changed in time; [`Error::TooManyLogins`] beyond the limits; [`Error::NoLocalAccount`] for a user
    /// of an identity provider; [`Error::ScopeMissing`] for a named token without the scope `admin`;
    /// [`Error::Unauthenticated`] if the account was changed meanwhile.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: &SecretString,
        new: &SecretString,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let changed = self.try_change_password(principal, current, new, address).await;
        if let Err(error) = &changed
            && let Some(reason) = refusal_of(error)
        {
            let actor = principal.audit_actor().with_client(Some(address));
            let entry = AuditEntry::new(actor, AuditEvent::PasswordChangeRefused).refused(reason);
            // The limit does not bound the attempts beyond it.
            if !matches!(error, Error::TooManyLogins { .. }) || self.0.refusals.admits(&entry) {
                self.audit_refused_attempt(entry).await;
            }
        }
        changed
    }

    async fn try_change_password(
        &self,
        principal: &Principal,
        current: &SecretString,
        new: &SecretString,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let doing = "changing a password";
        principal.ensure_scope(TokenScope::Admin)?;
        let user_id = principal.local_id()?;
        let about_the_user = [
            principal.username.as_str(),
            principal.email.as_deref().unwrap_or_default(),
            "campus-backup",
        ];
        password::check_strength(new, &about_the_user).map_err(|error| match error {
            Error::Invalid { problem, .. } => invalid("new_password", problem),
            other => other,
        })?;
        if new.expose_secret() == current.expose_secret() {
            return Err(invalid("new_password", "must not be the current one"));
        }
        self.admit_attempt(&principal.username, address).await?;
        let which = || Condition::all().add(user::Column::Id.eq(user_id));
        let before = self.user_session(which(), None).await?;
        let before = before.filter(|before| before.user.is_active);
        let before = before.ok_or(Error::Unauthenticated(NO_LONGER_ACTIVE))?;
        let stored = Some(before.user.password_hash.clone());
        if !self.0.passwords.matches(current, stored).await? {
            return Err(invalid("current_password", "is wrong"));
        }
        if self.password_kind(&before.user).await? == PasswordKind::Expired {
            return Err(Error::OneTimePasswordExpired);
        }
        let hash = self.0.passwords.hash(new).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        let updated = user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, Expr::value(hash))
            .filter(user::Column::Id.eq(user_id))
            .filter(user::Column::IsActive.eq(true))
            // Not if an administrator has reset it meanwhile.
            .filter(user::Column::PasswordHash.eq(before.user.password_hash))
            .exec(&transaction)
            .await;
        if updated.map_err(Error::database(doing))?.rows_affected == 0 {
            return Err(Error::Unauthenticated(ACCOUNT_CHANGED));
        }
        // Read before the commit: the new session must not survive what an administrator does with the account after it.
        let changed = UserSession::read(&transaction, which(), None).await?;
        let changed = changed
            .filter(|changed| changed.account_epoch == before.account_epoch)
            .ok_or(Error::Unauthenticated(ACCOUNT_CHANGED))?;
        let event = AuditEntry::new(
            principal.audit_actor().with_client(Some(address)),
            AuditEvent::PasswordChange,
        );
        event.about(user_id).commit(transaction, doing).await?;
        let begun = begin_session(&changed, SessionRights::Full);
        self.sign_in(changed, self.0.token_lifetime, begun)
    }
}

/// Why a change was refused; none if it failed.
fn refusal_of(error: &Error) -> Option<&'static str> {
    match error {
        Error::Invalid {
            field: "current_password",
            ..
        } => Some("wrong_password"),
        Error::Invalid { .. } => Some("invalid_field"),
        Error::TooManyLogins { .. } => Some("too_many_attempts"),
        Error::OneTimePasswordExpired => Some("one_time_password_expired"),
        Error::NoLocalAccount => Some("no_local_account"),
        Error::ScopeMissing { .. } => Some("scope_missing"),
        Error::Unauthenticated(_) => Some("account_changed"),
        _ => None,
    }
}
