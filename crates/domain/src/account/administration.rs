//! Creates administrators and sets passwords, for the start of the service and for the command line. [`manage`](super::manage)
//! is for requests, and uses the same steps.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveEnum as _, ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter,
};
use secrecy::SecretString;

use super::one_time::{OneTimePasswords, PasswordKind};
use super::session::end_access;
use super::{Accounts, LONGEST_NAME, invalid, one_time, password, username};
use crate::audit::{AuditActor, AuditEntry, AuditEvent};
use crate::entity::user::{self, Role};
use crate::error::{Error, Result, is_unique_violation};
use crate::notify::{self, AdministratorAdded, Event};
use crate::security_log::SecurityEvent;

/// The action, for errors.
const LOOKING: &str = "looking for an administrator";

/// An administrator who was created, or whose password was set.
#[derive(Debug)]
pub struct FirstAdmin {
    /// The name.
    pub username: String,
    /// The one-time password, if it was generated. It is stored nowhere: show it once.
    pub password: Option<SecretString>,
}

/// The result of an insert: another process may have taken the name at the same time.
pub(super) enum InsertOutcome {
    /// With the id of the new account.
    Inserted(i64),
    NameTaken,
}

impl Accounts {
    /// Creates the first administrator, unless there is one, active or not. Several copies of the service may do this
    /// at once: one of them succeeds, and the others find that there is one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the password is too weak, or if the name is taken by a user with another role.
    pub async fn ensure_first_admin(
        &self,
        username: &str,
        password: Option<&SecretString>,
    ) -> Result<Option<FirstAdmin>> {
        let doing = "making the first administrator";
        if has_admin(self.0.database.connection()).await? {
            return Ok(None);
        }
        let chosen = self.choose(username, None, password).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        // Checked again under SQLite's write lock. On the other engines the unique name decides.
        if has_admin(&transaction).await? {
            return Ok(None);
        }
        let now = self.0.clock.now();
        match insert(&transaction, username, None, Role::Admin, &chosen, now).await? {
            InsertOutcome::Inserted(id) => {
                let event = created_event(AuditActor::service(), id, username);
                event.commit(transaction, doing).await?;
            }
            InsertOutcome::NameTaken => {
                transaction.rollback().await.map_err(Error::database(doing))?;
                return match has_admin(self.0.database.connection()).await? {
                    true => Ok(None),
                    false => Err(invalid("username", "is the name of a user who is not an administrator")),
                };
            }
        }
        record("account_created", username);
        Ok(Some(FirstAdmin {
            username: username.to_owned(),
            password: chosen.generated,
        }))
    }

    /// Creates an administrator after a restore into a database that had none, unless an administrator can sign in now.
    /// If the name is taken, a number is appended: no restored account is changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the name is not valid or the password is too weak.
    pub async fn ensure_administrator_can_sign_in(
        &self,
        username: &str,
        password: Option<&SecretString>,
    ) -> Result<Option<FirstAdmin>> {
        if self.can_administrator_sign_in().await? {
            return Ok(None);
        }
        let mut name = username.to_owned();
        for number in 2.. {
            if self.user_named(&name).await?.is_none() {
                break;
            }
            name = format!("{username}-{number}");
        }
        self.create_admin(&name, None, password).await.map(Some)
    }

    /// Whether an active administrator has a usable password that has not expired.
    async fn can_administrator_sign_in(&self) -> Result<bool> {
        let (connection, now) = (self.0.database.connection(), self.0.clock.now());
        let administrators = user::Entity::find()
            .filter(user::Column::Role.eq(Role::Admin))
            .filter(user::Column::IsActive.eq(true))
            .all(connection)
            .await
            .map_err(Error::database(LOOKING))?;
        let passwords = OneTimePasswords::of(connection, &administrators).await?;
        Ok(administrators.iter().any(|administrator| {
            password::is_usable(&administrator.password_hash)
                && passwords.kind(administrator, now) != PasswordKind::Expired
        }))
    }

    /// Whether there is an administrator, active or not.
    pub(super) async fn has_administrator(&self) -> Result<bool> {
        has_admin(self.0.database.connection()).await
    }

    /// Chooses and hashes the password of the administrator of a demo. The caller inserts the user together with other rows. It
    /// is not a one-time password: a demo has nothing to protect.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the name is not valid or the password is too weak.
    pub async fn prepare_admin(&self, username: &str, password: Option<&SecretString>) -> Result<(FirstAdmin, String)> {
        let chosen = self.choose(username, None, password).await?;
        let admin = FirstAdmin {
            username: username.to_owned(),
            password: chosen.generated,
        };
        Ok((admin, chosen.hash))
    }

    /// Creates one more administrator. Without a password, one is generated.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the name is taken or not valid, the e-mail address is not valid, or the password is too
    /// weak.
    pub async fn create_admin(
        &self,
        username: &str,
        email: Option<&str>,
        password: Option<&SecretString>,
    ) -> Result<FirstAdmin> {
        let doing = "creating an administrator";
        let chosen = self.choose(username, email, password).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        let now = self.0.clock.now();
        match insert(&transaction, username, email, Role::Admin, &chosen, now).await? {
            InsertOutcome::Inserted(id) => {
                let event = created_event(AuditActor::command_line(), id, username);
                event.commit(transaction, doing).await?;
                record("account_created", username);
                Ok(FirstAdmin {
                    username: username.to_owned(),
                    password: chosen.generated,
                })
            }
            InsertOutcome::NameTaken => Err(invalid("username", "is taken")),
        }
    }

    /// Sets a user's password and nothing else: an inactive user stays inactive. All sessions, tokens and download
    /// links of the account end with the previous password. Without a password, a one-time password is generated.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no such user or the password is too weak.
    pub async fn reset_password(&self, username: &str, password: Option<&SecretString>) -> Result<FirstAdmin> {
        let missing = || invalid("username", "there is no user of that name");
        let user = self.user_named(username).await?.ok_or_else(missing)?.user;
        let chosen = self
            .password_for(&user.username, user.email.as_deref(), password)
            .await?;
        self.set_password(user.id, &chosen).await.map_err(|error| match error {
            Error::UnknownAccount => missing(),
            other => other,
        })?;
        record("password_reset", &user.username);
        Ok(FirstAdmin {
            username: user.username,
            password: chosen.generated,
        })
    }

    /// Writes a new password, and ends the sessions, tokens and download links of the account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]
    async fn set_password(&self, id: i64, chosen: &NewCredentials) -> Result<()> {
        let doing = "setting a password";
        let transaction = self.0.database.begin_write(doing).await?;
        self.write_password(&transaction, id, chosen).await?;
        let event = AuditEntry::new(AuditActor::command_line(), AuditEvent::AccountReset).about(id);
        event.commit(transaction, doing).await
    }

    /// The same in a transaction of the caller.
    pub(super) async fn write_password(
        &self,
        transaction: &DatabaseTransaction,
        id: i64,
        chosen: &NewCredentials,
    ) -> Result<()> {
        let doing = "setting a password";
        let updated = user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, Expr::value(chosen.hash.clone()))
            .filter(user::Column::Id.eq(id))
            .exec(transaction)
            .await
            .map_err(Error::database(doing))?;
        // Each hash has a new salt, so the row changes, and even MySQL, which counts changed rows, counts it.
        if updated.rows_affected == 0 {
            return Err(Error::UnknownAccount);
        }
        chosen.record(transaction, self.0.clock.now()).await?;
        end_access(transaction, id).await
    }

    pub(super) async fn choose(
        &self,
        username: &str,
        email: Option<&str>,
        password: Option<&SecretString>,
    ) -> Result<NewCredentials> {
        username::check(username).map_err(|problem| invalid("username", problem))?;
        email.map_or(Ok(()), check_email)?;
        self.password_for(username, email, password).await
    }

    pub(super) async fn password_for(
        &self,
        username: &str,
        email: Option<&str>,
        password: Option<&SecretString>,
    ) -> Result<NewCredentials> {
        let (password, generated) = match password {
            Some(password) => {
                password::check_strength(password, &[username, email.unwrap_or_default(), "campus-backup"])?;
                (password.clone(), None)
            }
            None => {
                let password = password::generate()?;
                (password.clone(), Some(password))
            }
        };
        Ok(NewCredentials {
            hash: self.0.passwords.hash(&password).await?,
            generated,
        })
    }
}

/// The event of a new administrator.
fn created_event(actor: AuditActor, id: i64, username: &str) -> AuditEntry {
    AuditEntry::new(actor, AuditEvent::AccountCreation)
        .about(id)
        .with("username", username)
        .with("role", Role::Admin.to_value())
}

/// Logs a change of an account by the command line.
pub(super) fn record(event: &'static str, username: &str) {
    SecurityEvent {
        user: Some(username),
        ..SecurityEvent::default()
    }
    .record(event);
}

/// A new password.
pub(super) struct NewCredentials {
    hash: String,
    /// The password, if it was generated. Then it is a one-time password.
    pub(super) generated: Option<SecretString>,
}

impl NewCredentials {
    /// Records the password if it is a one-time password.
    async fn record(&self, transaction: &DatabaseTransaction, now: DateTime<Utc>) -> Result<()> {
        match self.generated {
            Some(_) => one_time::remember(transaction, &self.hash, now).await,
            None => Ok(()),
        }
    }
}

async fn has_admin(connection: &impl ConnectionTrait) -> Result<bool> {
    let admins = user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin))
        .count(connection)
        .await
        .map_err(Error::database(LOOKING))?;
    Ok(admins > 0)
}

/// Inserts an account; for an administrator with the messages of notifications about it.
pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    username: &str,
    email: Option<&str>,
    role: Role,
    credentials: &NewCredentials,
    now: DateTime<Utc>,
) -> Result<InsertOutcome> {
    let row = user::ActiveModel {
        id: ActiveValue::NotSet,
        username: ActiveValue::Set(username.to_owned()),
        email: ActiveValue::Set(email.map(str::to_owned)),
        password_hash: ActiveValue::Set(credentials.hash.clone()),
        role: ActiveValue::Set(role),
        is_active: ActiveValue::Set(true),
        created_at: ActiveValue::Set(now),
    };
    let inserted: Result<_, DbErr> = user::Entity::insert(row).exec(transaction).await;
    let id = match inserted {
        Ok(inserted) => inserted.last_insert_id,
        Err(error) if is_unique_violation(&error) => {
            return Ok(InsertOutcome::NameTaken);
        }
        Err(error) => return Err(Error::database("storing an account")(error)),
    };
    credentials.record(transaction, now).await?;
    if role == Role::Admin {
        let event = Event::AdministratorAdded(AdministratorAdded {
            username: username.to_owned(),
        });
        notify::enqueue(transaction, now, &event).await?;
    }
    Ok(InsertOutcome::Inserted(id))
}

/// Whether it looks like an e-mail address. Only sending a message can show whether it exists.
pub(super) fn check_email(email: &str) -> Result<()> {
    let parts = email.rsplit_once('@');
    let looks_right = parts.is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    let strange = |character: char| character.is_control() || character.is_whitespace();
    if !looks_right || email.contains(strange) || email.chars().count() > LONGEST_NAME {
        return Err(invalid("email", "must be an address such as name@school.example"));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::tests::{PASSWORD, SchoolAccounts, refusal};
    use super::*;

    #[tokio::test]
    async fn weak_passwords_bad_names_and_taken_names_are_refused() {
        let school = SchoolAccounts::new().await;
        let accounts = &school.accounts;
        school.user("grace", Role::Teacher).await;
        let good = SecretString::from(PASSWORD);
        for (username, email, password, field) in [
            ("admin", None, "password1234", "password"),
            ("campus-backup", None, "campus-backup", "password"),
            ("", None, PASSWORD, "username"),
            (" admin", None, PASSWORD, "username"),
            ("ad\0min", None, PASSWORD, "username"),
            ("admin\u{200b}", None, PASSWORD, "username"),
            (&"x".repeat(256), None, PASSWORD, "username"),
            ("grace", None, PASSWORD, "username"),
            ("admin", Some("nowhere"), PASSWORD, "email"),
            ("admin", Some("a b@school.example"), PASSWORD, "email"),
        ] {
            let result = accounts.create_admin(username, email, Some(&password.into())).await;
            match refusal(result) {
                Error::Invalid { field: found, .. } => assert_eq!(found, field, "{username:?} {email:?}"),
                other => unreachable!("{other:?}"),
            }
        }
        let taken = refusal(accounts.ensure_first_admin("grace", Some(&good)).await);
        assert!(matches!(taken, Error::Invalid { field: "username", .. }));
        let missing = refusal(accounts.reset_password("unknown", None).await);
        assert!(matches!(missing, Error::Invalid { field: "username", .. }));
    }

    #[tokio::test]
    async fn the_first_administrator_is_made_once() {
        let school = SchoolAccounts::new().await;
        let accounts = &school.accounts;
        let first = accounts.ensure_first_admin("admin", None).await.unwrap().unwrap();
        let password = first.password.clone().unwrap();
        assert!(!format!("{first:?}").contains(password.expose_secret()));
        let signed_in = school.login("admin", password.expose_secret()).await.unwrap();
        assert!(matches!(
            refusal(signed_in.principal.admin()),
            Error::PasswordChangeRequired
        ));
        let id = signed_in.principal.user_id.unwrap();
        assert!(accounts.ensure_first_admin("admin", None).await.unwrap().is_none());
        assert!(accounts.ensure_first_admin("another", None).await.unwrap().is_none());
        // An inactive administrator is still one: starting the service again must not open a door.
        school.change(id, user::Column::IsActive, false).await;
        assert!(accounts.ensure_first_admin("another", None).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn concurrent_creation_of_the_first_administrator_succeeds_once() {
        let school = SchoolAccounts::new().await;
        let accounts = &school.accounts;
        let make = || accounts.ensure_first_admin("admin", None);
        let (a, b, c) = tokio::join!(make(), make(), make());
        let made = [a, b, c].into_iter().filter_map(Result::unwrap).count();
        assert_eq!(made, 1);
    }

    #[tokio::test]
    async fn a_chosen_password_is_used_and_can_be_reset() {
        let school = SchoolAccounts::new().await;
        let accounts = &school.accounts;
        let chosen = Some(SecretString::from(PASSWORD));
        let made = accounts
            .create_admin("ada", Some("ada@school.example"), chosen.as_ref())
            .await;
        assert!(made.unwrap().password.is_none());
        let signed_in = school.login("ada", PASSWORD).await.unwrap();
        assert_eq!(signed_in.principal.email.as_deref(), Some("ada@school.example"));

        let id = signed_in.principal.user_id.unwrap();
        school.change(id, user::Column::IsActive, false).await;
        let password = accounts.reset_password("ada", None).await.unwrap().password.unwrap();
        let still_inactive = refusal(school.login("ada", password.expose_secret()).await);
        assert!(matches!(still_inactive, Error::WrongCredentials));
        school.change(id, user::Column::IsActive, true).await;
        school.login("ada", password.expose_secret()).await.unwrap();
        let old = refusal(school.login("ada", PASSWORD).await);
        assert!(matches!(old, Error::WrongCredentials));
    }
}
