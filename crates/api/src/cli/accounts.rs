//! `campus-backup admin` and `token`: accounts of administrators, and access tokens.

use std::time::Duration;

use campus_backup_domain::account::FirstAdmin;
use secrecy::ExposeSecret;

use crate::cli::args::{Admin, CommonSettings};
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print};
use crate::cli::run::with_state;
use crate::data_dir::secret;
use crate::installation::Installation;

pub(super) fn administer(admin: Admin) -> Result<(), ExitError> {
    match admin {
        Admin::Create {
            username,
            email,
            password_file,
            common,
        } => {
            let password = password_file.as_deref().map(secret::password_in).transpose()?;
            with_state(&common, Installation::CreateIfMissing, async |state| {
                let accounts = &state.accounts;
                let made = accounts
                    .create_admin(&username, email.as_deref(), password.as_ref())
                    .await;
                let made = made.map_err(ExitError::failed("changing the account"))?;
                print_account(
                    &format!("Administrator `{}` was created.", made.username),
                    &made,
                    &common,
                )
            })
        }
        Admin::ResetPassword {
            username,
            password_file,
            common,
        } => {
            let password = password_file.as_deref().map(secret::password_in).transpose()?;
            with_state(&common, Installation::Database, async |state| {
                let reset = state.accounts.reset_password(&username, password.as_ref()).await;
                let reset = reset.map_err(ExitError::failed("changing the account"))?;
                print_account(
                    &format!("The password of `{}` was set.", reset.username),
                    &reset,
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

/// Prints what was done, and a generated password.
fn print_account(what: &str, account: &FirstAdmin, common: &CommonSettings) -> Result<(), ExitError> {
    match &account.password {
        Some(password) => print(&format!("{what} One-time password: {}", password.expose_secret())),
        None => Report::of(false, common.quiet).say(what),
    }
}

pub(super) fn token(username: &str, lifetime: Option<Duration>, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        secret::required_secret(&state.settings)?;
        let lifetime = lifetime.unwrap_or(state.settings.token_lifetime);
        let issued = state.accounts.issue_token(username, lifetime).await;
        print(&issued.map_err(ExitError::failed("issuing the token"))?.access_token)
    })
}
