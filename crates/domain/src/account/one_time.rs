//! One-time passwords: those that the service has generated. Their user must change them at the first sign-in, within
//! [`ONE_TIME_LIFETIME`].
//!
//! The table of users belongs to the school, so a table of the service remembers these passwords, each by a digest of its hash. A
//! hash has a random salt, so no chosen password has that digest. A row is never removed: if a restore puts a
//! one-time password back that was changed long ago, it has expired.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{Accounts, digest};
use crate::entity::one_time_password::{ActiveModel, Column, Entity, Model};
use crate::entity::user;
use crate::error::{Error, Result};

/// How long a one-time password can be used to sign in.
pub const ONE_TIME_LIFETIME: TimeDelta = TimeDelta::days(1);

/// The action, for errors.
const READING: &str = "looking for one-time passwords";

/// The kind of an account's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordKind {
    /// A user has chosen it.
    Chosen,
    /// The service has generated it, and it must be changed.
    OneTime,
    /// It was not changed in time.
    Expired,
}

/// The one-time passwords of some accounts.
pub(super) struct OneTimePasswords(Vec<Model>);

impl OneTimePasswords {
    /// Reads those of these accounts.
    pub(super) async fn of<'a>(
        connection: &impl ConnectionTrait,
        users: impl IntoIterator<Item = &'a user::Model>,
    ) -> Result<Self> {
        let digests = users.into_iter().map(|user| digest(&user.password_hash));
        let rows = Entity::find()
            .filter(Column::PasswordDigest.is_in(digests))
            .all(connection)
            .await;
        rows.map(Self).map_err(Error::database(READING))
    }

    /// Until when the password of an account can be used; none if it is not a one-time password.
    pub(super) fn expires_at(&self, user: &user::Model) -> Option<DateTime<Utc>> {
        let digest = digest(&user.password_hash);
        let row = self.0.iter().find(|row| row.password_digest == digest)?;
        Some(row.expires_at)
    }

    /// The kind of an account's password.
    pub(super) fn kind(&self, user: &user::Model, now: DateTime<Utc>) -> PasswordKind {
        match self.expires_at(user) {
            None => PasswordKind::Chosen,
            Some(expires_at) if now < expires_at => PasswordKind::OneTime,
            Some(_) => PasswordKind::Expired,
        }
    }
}

impl Accounts {
    /// The kind of an account's password.
    pub(super) async fn password_kind(&self, user: &user::Model) -> Result<PasswordKind> {
        let passwords = OneTimePasswords::of(self.0.database.connection(), [user]).await?;
        Ok(passwords.kind(user, self.0.clock.now()))
    }
}

/// Records that the password with this hash is a one-time password.
pub(super) async fn remember(transaction: &DatabaseTransaction, hash: &str, now: DateTime<Utc>) -> Result<()> {
    let row = ActiveModel {
        password_digest: ActiveValue::Set(digest(hash)),
        expires_at: ActiveValue::Set(now + ONE_TIME_LIFETIME),
    };
    let written = Entity::insert(row).exec_without_returning(transaction).await;
    written
        .map(drop)
        .map_err(Error::database("recording a one-time password"))
}
