//! `campus-backup token`: access tokens without a password, and named tokens.

use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::account::{Admin, NewToken, TokenDetails, TokenScope};
use campus_backup_domain::security_log::SecurityEvent;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, CommonSettings, NamedTokens};
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_state;
use crate::data_dir::secret;
use crate::installation::Installation;
use crate::problem::{ApiError, Code};

/// The most tokens that a list has.
const ALL: u64 = i64::MAX.cast_unsigned();

/// Prints an access token.
pub(super) fn issue(username: &str, lifetime: Option<Duration>, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        secret::required_secret(&state.settings)?;
        let lifetime = lifetime.unwrap_or(state.settings.token_lifetime);
        let issued = state.accounts.issue_token(username, lifetime).await;
        print(&issued.map_err(ExitError::failed("issuing the token"))?.access_token)
    })
}

pub(super) fn named(command: NamedTokens) -> Result<(), ExitError> {
    match command {
        NamedTokens::Create {
            name,
            scope,
            lifetime,
            acting,
        } => create(name, &scope, lifetime, &acting),
        NamedTokens::List { acting } => list(&acting),
        NamedTokens::Revoke { token, acting } => revoke(&token, &acting),
    }
}

fn create(name: String, scopes: &[String], lifetime: Option<Duration>, acting: &Acting) -> Result<(), ExitError> {
    let scopes = scopes.iter().map(|scope| scope_named(scope));
    let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
    with_owner(acting, async |state, admin| {
        let lifetime = lifetime.and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
        let new = NewToken {
            name,
            scopes,
            expires_at: lifetime.map(|lifetime| Utc::now() + lifetime),
        };
        let created = state.accounts.create_token(admin, new).await.map_err(refused)?;
        record("token_created", admin, &created);
        match (acting.report(), &created.token) {
            (Report::Json, _) => print_json(&created),
            // The token is what was asked for, so it is printed with `--quiet`, too.
            (_, Some(token)) => print(token.expose_secret()),
            (_, None) => Ok(()),
        }
    })
}

/// The answer of `token list --json`.
#[derive(Serialize)]
struct TokenItems {
    items: Vec<TokenDetails>,
}

fn list(acting: &Acting) -> Result<(), ExitError> {
    with_owner(acting, async |state, admin| {
        let listed = state.accounts.list_tokens(admin, ALL, 0).await.map_err(refused)?;
        if acting.json {
            return print_json(&TokenItems { items: listed.items });
        }
        listed.items.iter().try_for_each(|token| print(&line(token)))
    })
}

/// The answer of `token revoke --json`.
#[derive(Serialize)]
struct RevokedToken {
    id: i64,
    revoked: bool,
}

fn revoke(token: &str, acting: &Acting) -> Result<(), ExitError> {
    with_owner(acting, async |state, admin| {
        let found = match state.accounts.find_token(admin, token).await {
            Err(Error::UnknownToken) => {
                let detail = format!(
                    "The account `{}` has no token with the name or the id `{token}`.",
                    admin.username()
                );
                return Err(ApiError::new(Code::UnknownToken, detail).into());
            }
            found => found.map_err(refused)?,
        };
        let revoked = state.accounts.revoke_token(admin, found.id).await;
        revoked.map_err(refused)?;
        record("token_revoked", admin, &found);
        match acting.report() {
            Report::Json => print_json(&RevokedToken {
                id: found.id,
                revoked: true,
            }),
            report => report.say(&format!("The token `{}` was revoked.", found.name)),
        }
    })
}

/// Runs a subcommand as the owner of the tokens. It needs no archives.
fn with_owner(
    acting: &Acting,
    work: impl AsyncFnOnce(&AppState, &Admin) -> Result<(), ExitError>,
) -> Result<(), ExitError> {
    with_state(&acting.common, Installation::Database, async |state| {
        let admin = state.accounts.administrator(acting.username()).await;
        work(state, &admin.map_err(ExitError::refused("--as"))?).await
    })
}

/// Logs a change of a token by the command line.
fn record(event: &'static str, admin: &Admin, token: &TokenDetails) {
    SecurityEvent {
        user: Some(admin.username()),
        user_id: admin.user_id(),
        id: Some(&token.id.to_string()),
        ..SecurityEvent::default()
    }
    .record(event);
}

/// A token as one line.
fn line(token: &TokenDetails) -> String {
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.name()).collect();
    let ends = match token.expires_at {
        None => "does not expire".to_owned(),
        Some(at) if token.is_expired => format!("expired {}", moment(at)),
        Some(at) => format!("until {}", moment(at)),
    };
    let used = match (token.last_used_at, &token.last_used_from) {
        (Some(at), Some(from)) => format!("last used {} from {from}", moment(at)),
        _ => "never used".to_owned(),
    };
    format!("{:>4}  {}  {}  {ends}  {used}", token.id, token.name, scopes.join(","))
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn scope_named(name: &str) -> Result<TokenScope, ExitError> {
    TokenScope::from_name(name).ok_or_else(|| {
        let names = TokenScope::ALL.map(TokenScope::name).join(", ");
        ExitError::Settings(vec![format!("--scope: `{name}` is not one of {names}")])
    })
}
