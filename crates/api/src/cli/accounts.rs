//! `campus-backup admin`: accounts.

use campus_backup_domain::Error;
use campus_backup_domain::account::{AccountCredentials, AccountDetails, AccountFilter, AccountPatch, NewAccount};
use campus_backup_domain::entity::user::Role;
use campus_backup_domain::security_log::SecurityEvent;
use chrono::SecondsFormat;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Admin, CommonSettings};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_state;
use crate::data_dir::secret;
use crate::installation::Installation;
use crate::problem::{ApiError, Code};

/// How many accounts are read at once.
const PAGE: u64 = 500;

pub(super) fn administer(admin: Admin) -> Result<(), ExitError> {
    match admin {
        Admin::List { json, common } => list(json, &common),
        Admin::Create {
            username,
            email,
            role,
            password_file,
            common,
        } => {
            let new = NewAccount {
                username,
                email,
                role: role_named(&role)?,
                password: password_file.as_deref().map(secret::password_in).transpose()?,
            };
            create(new, &common)
        }
        Admin::Disable { username, common } => set_active(&username, false, &common),
        Admin::Enable { username, common } => set_active(&username, true, &common),
        Admin::Delete { username, yes, common } => delete(&username, yes, &common),
        Admin::ResetPassword {
            username,
            password_file,
            common,
        } => {
            let password = password_file.as_deref().map(secret::password_in).transpose()?;
            with_state(&common, Installation::Database, async |state| {
                let reset = state.accounts.reset_password(&username, password.as_ref()).await;
                let reset = reset.map_err(ExitError::failed("changing the account"))?;
                print_password(
                    &format!("The password of `{}` was set.", reset.username),
                    reset.password.as_ref(),
                    &common,
                )
            })
        }
        Admin::EndSessions { username, common, .. } => {
            with_state(&common, Installation::Database, async |state| match &username {
                Some(username) => {
                    let ended = state.accounts.end_sessions_of(username).await;
                    ended.map_err(ExitError::failed("ending the sessions"))?;
                    Report::of(false, common.quiet).say(&format!("All sessions of `{username}` were ended."))
                }
                None => {
                    let ended = state.accounts.end_all_sessions().await;
                    ended.map_err(ExitError::failed("ending the sessions"))?;
                    Report::of(false, common.quiet).say("All sessions were ended.")
                }
            })
        }
    }
}

/// The answer of `admin list --json`.
#[derive(Serialize)]
struct AccountItems {
    items: Vec<AccountDetails>,
}

fn list(json: bool, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        let (accounts, all) = (&state.accounts, AccountFilter::default());
        let mut items = Vec::new();
        let mut offset = 0;
        loop {
            let page = accounts
                .list_accounts(&accounts.command_line(), all, PAGE, offset)
                .await
                .map_err(refused)?;
            match json {
                true => items.extend(page.items),
                false => page.items.iter().try_for_each(|account| print(&line(account)))?,
            }
            offset += PAGE;
            if offset >= page.total {
                break;
            }
        }
        match json {
            true => print_json(&AccountItems { items }),
            false => Ok(()),
        }
    })
}

fn create(new: NewAccount, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::CreateIfMissing, async |state| {
        let accounts = &state.accounts;
        let created = accounts.create_account(&accounts.command_line(), new).await;
        let AccountCredentials { account, password } = created.map_err(ExitError::failed("creating the account"))?;
        record("account_created", &account);
        let kind = match account.role {
            Role::Admin => "Administrator",
            Role::Accountant => "Accountant",
            Role::Teacher => "Teacher",
        };
        print_password(
            &format!("{kind} `{}` was created.", account.username),
            password.as_ref(),
            common,
        )
    })
}

fn set_active(username: &str, is_active: bool, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        let (accounts, id) = (&state.accounts, found(state, username).await?.id);
        let patch = AccountPatch {
            is_active: Some(is_active),
            ..AccountPatch::default()
        };
        let changed = accounts.update_account(&accounts.command_line(), id, patch).await;
        let changed = changed.map_err(refused)?;
        let (event, done) = match is_active {
            true => ("account_enabled", "enabled"),
            false => ("account_disabled", "disabled. Its sessions and tokens were ended"),
        };
        record(event, &changed);
        Report::of(false, common.quiet).say(&format!("The account `{username}` was {done}."))
    })
}

fn delete(username: &str, yes: bool, common: &CommonSettings) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_state(common, Installation::Database, async |state| {
        let account = found(state, username).await?;
        if !yes {
            print(&line(&account))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let accounts = &state.accounts;
        let deleted = accounts.delete_account(&accounts.command_line(), account.id).await;
        deleted.map_err(refused)?;
        record("account_deleted", &account);
        Report::of(false, common.quiet).say(&format!("The account `{username}` was deleted."))
    })
}

async fn found(state: &AppState, username: &str) -> Result<AccountDetails, ExitError> {
    let accounts = &state.accounts;
    match accounts.find_account(&accounts.command_line(), username).await {
        Err(Error::UnknownAccount) => {
            let detail = format!("There is no account with the user name `{username}`.");
            Err(ApiError::new(Code::UnknownAccount, detail).into())
        }
        found => found.map_err(refused),
    }
}

/// An account as one line.
fn line(account: &AccountDetails) -> String {
    let active = if account.is_active { "active" } else { "disabled" };
    let password = account.one_time_password_expires_at.map(|until| {
        let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("  one-time password until {until}")
    });
    let tokens = match account.tokens {
        0 => String::new(),
        1 => "  1 named token".to_owned(),
        count => format!("  {count} named tokens"),
    };
    format!(
        "{:>4}  {}  {}  {active}{}{tokens}",
        account.id,
        account.username,
        role_name(account.role),
        password.unwrap_or_default()
    )
}

/// Logs a change of an account by the command line.
fn record(event: &'static str, account: &AccountDetails) {
    SecurityEvent {
        user: Some(&account.username),
        user_id: Some(account.id),
        ..SecurityEvent::default()
    }
    .record(event);
}

/// Prints what was done, and a generated password.
fn print_password(what: &str, password: Option<&SecretString>, common: &CommonSettings) -> Result<(), ExitError> {
    match password {
        Some(password) => print(&format!("{what} One-time password: {}", password.expose_secret())),
        None => Report::of(false, common.quiet).say(what),
    }
}

fn role_name(role: Role) -> String {
    json!(role).as_str().unwrap_or_default().to_owned()
}

fn role_named(name: &str) -> Result<Role, ExitError> {
    let all = [Role::Admin, Role::Accountant, Role::Teacher];
    let found = all.into_iter().find(|role| role_name(*role) == name);
    found.ok_or_else(|| {
        let names = all.map(role_name).join(", ");
        ExitError::Settings(vec![format!("--role: `{name}` is not one of {names}")])
    })
}
