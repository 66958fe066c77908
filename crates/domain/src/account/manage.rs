//! Accounts for administrators: create, list, edit, delete, and reset a password.
//!
//! An account that is disabled, deleted, gets another role or a new password loses all its sessions, tokens and download links in
//! the same transaction. Every copy of the service sees that at the next request.
//!
//! One administrator who can sign in always stays. Each change that takes an administrator's rights first locks the rows of all
//! active administrators, in the order of their ids. Of two changes at once, the second sees the result of the first.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{
    ActiveEnum as _, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use secrecy::SecretString;

use super::administration::{InsertOutcome, check_email, insert};
use super::one_time::{OneTimePasswords, PasswordKind};
use super::session::end_access;
use super::view::{AccountCredentials, AccountDetails, AccountPage, details};
use super::{Accounts, Admin, TokenScope, password};
use crate::audit::{AuditEntry, AuditEvent};
use crate::entity::login_network;
use crate::entity::user::{self, Role};
use crate::error::{Error, Result, Violation};
use crate::notify::{self, AdministratorAdded, Event};

/// An account to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// A user name that no other account has.
    pub username: String,
    /// The email address.
    pub email: Option<String>,
    /// The role.
    pub role: Role,
    /// The password; none to generate a one-time password.
    pub password: Option<SecretString>,
}

/// New values of an account: `None` leaves one unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// The email address; `Some(None)` for none.
    pub email: Option<Option<String>>,
    /// The role.
    pub role: Option<Role>,
    /// Whether its user can sign in.
    pub is_active: Option<bool>,
}

/// Which accounts a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only the active ones, or only the others.
    pub is_active: Option<bool>,
}

/// An account and the administrators, locked by a transaction.
struct LockedAccounts {
    account: user::Model,
    /// The other active administrators.
    administrators: Vec<user::Model>,
}

impl Accounts {
    /// Creates an account. Without a password, a one-time password is generated.
    ///
    /// # Errors
    /// Then nothing is created: [`Error::Invalid`] with the name of the field, [`Error::UsernameTaken`], and
    /// [`Error::Unauthenticated`] if the session or the token of the request has ended meanwhile.
    pub async fn create_account(&self, admin: &Admin, new: NewAccount) -> Result<AccountCredentials> {
        let doing = "creating an account";
        admin.ensure_scope(TokenScope::Admin)?;
        let (username, email) = (new.username.as_str(), new.email.as_deref());
        let chosen = self.choose(username, email, new.password.as_ref()).await?;
        let transaction = self.0.database.begin_write(doing).await?;
        self.lock_valid(&transaction, admin).await?;
        let id = match insert(&transaction, username, email, new.role, &chosen, self.0.clock.now()).await? {
            InsertOutcome::Inserted(id) => id,
            InsertOutcome::NameTaken => return Err(Error::UsernameTaken),
        };
        let event = AuditEntry::by(admin, AuditEvent::AccountCreation)
            .about(id)
            .with("username", username)
            .with("role", new.role.to_value());
        event.commit(transaction, doing).await?;
        Ok(AccountCredentials {
            account: self.account(id).await?,
            password: chosen.generated,
        })
    }

    /// Lists accounts by user name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list_accounts(
        &self,
        admin: &Admin,
        filter: AccountFilter,
        limit: u64,
        offset: u64,
    ) -> Result<AccountPage> {
        let doing = "listing accounts";
        admin.ensure_scope(TokenScope::Admin)?;
        let connection = self.0.database.connection();
        let wanted = Condition::all()
            .add_option(filter.role.map(|role| user::Column::Role.eq(role)))
            .add_option(filter.is_active.map(|is_active| user::Column::IsActive.eq(is_active)));
        let total = user::Entity::find().filter(wanted.clone()).count(connection).await;
        let accounts = user::Entity::find()
            .filter(wanted)
            .order_by_asc(user::Column::Username)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(AccountPage {
            items: details(connection, accounts).await?,
            total: total.map_err(Error::database(doing))?,
        })
    }

    /// One account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub async fn get_account(&self, admin: &Admin, id: i64) -> Result<AccountDetails> {
        admin.ensure_scope(TokenScope::Admin)?;
        self.account(id).await
    }

    /// The account with this user name, for the command line.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub async fn find_account(&self, admin: &Admin, username: &str) -> Result<AccountDetails> {
        admin.ensure_scope(TokenScope::Admin)?;
        let found = self.user_named(username).await?.ok_or(Error::UnknownAccount)?;
        self.account(found.user.id).await
    }

    /// Edits an account. If it is disabled, enabled or gets another role, all its sessions, tokens and download links end. So
    /// none of an account that another program has disabled comes back.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownAccount`], [`Error::Invalid`] with the name of the field,
    /// [`Error::LastAdministrator`], and [`Error::Unauthenticated`] if the session or the token of the request has ended meanwhile.
    pub async fn update_account(&self, admin: &Admin, id: i64, patch: AccountPatch) -> Result<AccountDetails> {
        let doing = "editing an account";
        admin.ensure_scope(TokenScope::Admin)?;
        let now = self.0.clock.now();
        patch.email.iter().flatten().try_for_each(|email| check_email(email))?;
        let transaction = self.0.database.begin_write(doing).await?;
        let locked = self.lock(&transaction, admin, id).await?;
        let before = &locked.account;
        let after = user::Model {
            email: patch.email.unwrap_or_else(|| before.email.clone()),
            role: patch.role.unwrap_or(before.role),
            is_active: patch.is_active.unwrap_or(before.is_active),
            ..before.clone()
        };
        let (was_administrator, is_administrator) = (is_active_administrator(before), is_active_administrator(&after));
        if was_administrator && !is_administrator {
            locked.ensure_another_can_sign_in(&transaction, now).await?;
        }
        let updated = user::Entity::update_many()
            .col_expr(user::Column::Email, Expr::value(after.email.clone()))
            .col_expr(user::Column::Role, Expr::value(after.role))
            .col_expr(user::Column::IsActive, Expr::value(after.is_active))
            .filter(user::Column::Id.eq(id))
            .exec(&transaction)
            .await;
        updated.map_err(Error::database(doing))?;
        if (before.role, before.is_active) != (after.role, after.is_active) {
            end_access(&transaction, id).await?;
        }
        if is_administrator && !was_administrator {
            let event = Event::AdministratorAdded(AdministratorAdded {
                username: after.username.clone(),
            });
            notify::enqueue(&transaction, now, &event).await?;
        }
        let event = AuditEntry::by(admin, AuditEvent::AccountChange)
            .about(id)
            .with("username", after.username.as_str())
            .with("role", after.role.to_value())
            .with("is_active", after.is_active)
            .with("email_changed", before.email != after.email);
        event.commit(transaction, doing).await?;
        self.account(id).await
    }

    /// Deletes an account, with its sessions, tokens and download links. What the account has done stays in the change log.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownAccount`], [`Error::LastAdministrator`], [`Error::AccountInUse`] if rows of
    /// another program refer to it, and [`Error::Unauthenticated`] if the session or the token of the request has ended meanwhile.
    pub async fn delete_account(&self, admin: &Admin, id: i64) -> Result<()> {
        let doing = "deleting an account";
        admin.ensure_scope(TokenScope::Admin)?;
        let transaction = self.0.database.begin_write(doing).await?;
        let locked = self.lock(&transaction, admin, id).await?;
        if is_active_administrator(&locked.account) {
            let now = self.0.clock.now();
            locked.ensure_another_can_sign_in(&transaction, now).await?;
        }
        let deleted = user::Entity::delete_by_id(id).exec(&transaction).await;
        let in_use = |error: Error| match error.violation() {
            Some(Violation::Reference) => Error::AccountInUse,
            _ => error,
        };
        deleted.map_err(Error::database(doing)).map_err(in_use)?;
        // The epoch of its sessions stays: a restore may bring the account back, but not its sessions.
        end_access(&transaction, id).await?;
        let networks = login_network::Entity::delete_many().filter(login_network::Column::UserId.eq(id));
        networks.exec(&transaction).await.map_err(Error::database(doing))?;
        // SQLite checks some references only now.
        let event = AuditEntry::by(admin, AuditEvent::AccountDeletion)
            .about(id)
            .with("username", locked.account.username.as_str());
        event.commit(transaction, doing).await.map_err(in_use)
    }

    /// Sets a one-time password, and ends all sessions, tokens and download links of the account. An inactive account stays
    /// inactive.
    ///
    /// # Errors
    /// Then nothing is changed: [`Error::UnknownAccount`]; [`Error::LastAdministrator`], because the answer with the one-time
    /// password may get lost; [`Error::Unauthenticated`] if the session or the token of the request has ended meanwhile.
    pub async fn reset_account(&self, admin: &Admin, id: i64) -> Result<AccountCredentials> {
        let doing = "resetting an account";
        admin.ensure_scope(TokenScope::Admin)?;
        let account = self.account(id).await?;
        let chosen = self
            .password_for(&account.username, account.email.as_deref(), None)
            .await?;
        let transaction = self.0.database.begin_write(doing).await?;
        let locked = self.lock(&transaction, admin, id).await?;
        if is_active_administrator(&locked.account) {
            let now = self.0.clock.now();
            locked.ensure_password_is_not_the_last(&transaction, now).await?;
        }
        self.write_password(&transaction, id, &chosen).await?;
        let event = AuditEntry::by(admin, AuditEvent::AccountReset)
            .about(id)
            .with("username", account.username.as_str());
        event.commit(transaction, doing).await?;
        Ok(AccountCredentials {
            account: self.account(id).await?,
            password: chosen.generated,
        })
    }

    /// Reads an account and the active administrators. No other transaction changes them until the end of this one. The request
    /// must still be valid.
    async fn lock(&self, transaction: &DatabaseTransaction, admin: &Admin, id: i64) -> Result<LockedAccounts> {
        let is_administrator = Condition::all()
            .add(user::Column::Role.eq(Role::Admin))
            .add(user::Column::IsActive.eq(true));
        // On SQLite the transaction has the only write lock already.
        let locked = user::Entity::find()
            .filter(Condition::any().add(user::Column::Id.eq(id)).add(is_administrator))
            .order_by_asc(user::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await
            .map_err(Error::database("reading an account in order to change it"))?;
        self.lock_valid(transaction, admin).await?;
        let (account, administrators): (Vec<_>, Vec<_>) = locked.into_iter().partition(|locked| locked.id == id);
        Ok(LockedAccounts {
            account: account.into_iter().next().ok_or(Error::UnknownAccount)?,
            administrators,
        })
    }

    pub(super) async fn account(&self, id: i64) -> Result<AccountDetails> {
        let connection = self.0.database.connection();
        let account = user::Entity::find_by_id(id).one(connection).await;
        let account = account.map_err(Error::database("reading an account"))?;
        let account = details(connection, account.into_iter().collect()).await?;
        account.into_iter().next().ok_or(Error::UnknownAccount)
    }
}

impl LockedAccounts {
    /// Ensures that an administrator can sign in without the locked account, and for as long: a one-time password expires, so it
    /// only replaces another one.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`]
    async fn ensure_another_can_sign_in(&self, transaction: &DatabaseTransaction, now: DateTime<Utc>) -> Result<()> {
        let passwords = self.one_time_passwords(transaction).await?;
        let is_lasting = is_lasting(&self.account, &passwords, now);
        let can_replace = |administrator: &user::Model| match is_lasting {
            true => self::is_lasting(administrator, &passwords, now),
            false => {
                password::is_usable(&administrator.password_hash)
                    && passwords.kind(administrator, now) != PasswordKind::Expired
            }
        };
        match self.administrators.iter().any(can_replace) {
            true => Ok(()),
            false => Err(Error::LastAdministrator),
        }
    }

    /// Ensures that the locked account's password is not the only one that does not expire.
    ///
    /// # Errors
    /// [`Error::LastAdministrator`]
    async fn ensure_password_is_not_the_last(
        &self,
        transaction: &DatabaseTransaction,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let passwords = self.one_time_passwords(transaction).await?;
        let mut others = self.administrators.iter();
        match is_lasting(&self.account, &passwords, now) && !others.any(|other| is_lasting(other, &passwords, now)) {
            true => Err(Error::LastAdministrator),
            false => Ok(()),
        }
    }

    async fn one_time_passwords(&self, transaction: &DatabaseTransaction) -> Result<OneTimePasswords> {
        let all = self.administrators.iter().chain([&self.account]);
        OneTimePasswords::of(transaction, all).await
    }
}

/// Whether an account has a usable password that does not expire.
fn is_lasting(account: &user::Model, passwords: &OneTimePasswords, now: DateTime<Utc>) -> bool {
    password::is_usable(&account.password_hash) && passwords.kind(account, now) == PasswordKind::Chosen
}

fn is_active_administrator(account: &user::Model) -> bool {
    account.role == Role::Admin && account.is_active
}
