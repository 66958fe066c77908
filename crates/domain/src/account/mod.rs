//! Accounts: signing in, sessions, and the proof of being an administrator.
//!
//! The entry point is [`Accounts`]. A password or a token of an identity provider becomes a [`Principal`]. An
//! administrator's principal becomes an [`Admin`], which every dangerous operation requires. Nothing outside this
//! module can create one. A token alone is never enough: every request looks the user up again, so that deactivating,
//! demoting or deleting a user takes effect at once.
//!
//! In reading order:
//! - `principal`: the result of signing in;
//! - `password`: hashing and strength; `limiter`: the limits for sign-in attempts; `network`: the networks that an
//!   account has signed in from;
//! - `token`: signing and verifying our own tokens, for one `installation`; `session`: active sessions and how they
//!   end; `refresh`: renewing a session without the password; `still_valid`: the second check of a request's credentials;
//! - `provider` and `jwks`: tokens of an identity provider;
//! - `scope` and `named_token`: tokens for scripts, with limited rights; `link`: download links for one use;
//! - `manage` and `view`: accounts for administrators; `one_time`: passwords that must be changed, by `change_password`;
//!   `administration`: administrators, for the start and the command line; `username`: the rule for user names.
//!
//! Passwords, tokens and secrets are never logged, and no `Debug` shows them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait};
use secrecy::{SecretSlice, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Database;
use crate::audit::{AuditActor, AuditEntry, AuditEvent, AuditMethod, RefusalLimiter};
use crate::clock::Clock;
use crate::counters::{self, SignInResult};
use crate::entity::user;
use crate::error::{Error, Result};
use crate::security_log::SecurityEvent;

mod administration;
mod change_password;
mod installation;
mod jwks;
mod limiter;
mod link;
mod manage;
mod named_token;
mod network;
mod one_time;
pub(crate) mod password;
mod principal;
mod provider;
mod refresh;
mod scope;
mod session;
mod still_valid;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod username;
mod view;

pub use administration::FirstAdmin;
pub use installation::installation_id;
pub use jwks::JwksSource;
pub use limiter::{Allowance, LoginLimits};
pub use link::{DownloadLink, LinkState, LinkStatus, LinkUse};
pub use manage::{AccountFilter, AccountPatch, NewAccount};
pub use named_token::{MAX_TOKENS, NewToken, TokenDetails, TokenPage};
pub use one_time::ONE_TIME_LIFETIME;
pub use principal::{Actor, Admin, Principal, System, TokenIdentity};
pub use provider::IdentityProvider;
pub use scope::{TokenScope, TokenScopes};
pub use session::SignOut;
pub use token::check_secret;
pub use view::{AccountCredentials, AccountDetails, AccountPage};

use limiter::Limiter;
use one_time::PasswordKind;
use password::Passwords;
use provider::Provider;
use refresh::RefreshClaims;
use session::{SessionRights, UserSession};
use token::TokenIssuer;

/// The longest user name, in characters: the length of its column.
const LONGEST_NAME: usize = 255;

/// Settings of accounts.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// The secret that signs tokens, at least 32 bytes.
    pub secret: SecretSlice<u8>,
    /// The previous secret. Its tokens are still accepted, so that the secret can be changed without ending all
    /// sessions.
    pub previous_secret: Option<SecretSlice<u8>>,
    /// The id of the installation, see [`installation_id`]. Tokens of another installation are refused, even if the
    /// secret is the same.
    pub installation: String,
    /// How long a token from signing in is valid.
    pub token_lifetime: Duration,
    /// How long a session can be renewed without the password.
    pub session_lifetime: Duration,
    /// The limits for sign-in attempts.
    pub logins: LoginLimits,
    /// An identity provider whose tokens are accepted too.
    pub identity_provider: Option<IdentityProvider>,
    /// The clock of one-time passwords and named tokens.
    pub clock: Clock,
}

impl AccountSettings {
    /// The defaults: tokens of 15 minutes, sessions of 12 hours, no previous secret, no identity provider.
    pub fn new(secret: SecretSlice<u8>, installation: String) -> Self {
        Self {
            secret,
            previous_secret: None,
            installation,
            token_lifetime: Duration::from_secs(900),
            session_lifetime: Duration::from_secs(12 * 60 * 60),
            logins: LoginLimits::default(),
            identity_provider: None,
            clock: Clock::system(),
        }
    }
}

/// The accounts of one database. Cloning is cheap, and clones share the limits.
#[derive(Clone)]
pub struct Accounts(Arc<AccountsInner>);

struct AccountsInner {
    database: Database,
    tokens: TokenIssuer,
    token_lifetime: Duration,
    session_lifetime: Duration,
    passwords: Passwords,
    limiter: Limiter,
    provider: Option<Provider>,
    clock: Clock,
    refusals: RefusalLimiter,
}

/// The user of a refused request, if known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedUser {
    /// The user's id.
    pub id: Option<i64>,
    /// Their name.
    pub name: Option<String>,
}

/// The result of signing in.
pub struct SignedIn {
    /// The bearer token. A secret.
    pub access_token: String,
    /// When it ends, in UTC and whole seconds.
    pub expires_at: DateTime<Utc>,
    /// The seconds until then.
    pub expires_in: u64,
    /// Who signed in.
    pub principal: Principal,
    user_id: i64,
    refresh_claims: RefreshClaims,
}

impl Accounts {
    /// Checks the settings. It needs no runtime, and uses neither the database nor the network.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a secret is shorter than 32 bytes or easy to guess, or if a limit or a source of keys is
    /// not valid.
    pub fn new(database: Database, settings: AccountSettings) -> Result<Self> {
        Ok(Self(Arc::new(AccountsInner {
            database,
            tokens: TokenIssuer::new(
                &settings.secret,
                settings.previous_secret.as_ref(),
                &settings.installation,
            )?,
            token_lifetime: settings.token_lifetime,
            session_lifetime: settings.session_lifetime,
            passwords: Passwords::default(),
            limiter: Limiter::new(settings.logins)?,
            provider: settings.identity_provider.map(Provider::new).transpose()?,
            clock: settings.clock,
            refusals: RefusalLimiter::default(),
        })))
    }

    /// Signs in with a password, for every role. The limits are checked first, because hashing is expensive. An unknown
    /// name, an inactive user and an unreadable hash take as long as a wrong password. With a one-time password, the
    /// token allows nothing but changing it.
    ///
    /// # Errors
    /// [`Error::TooManyLogins`] beyond the limits; [`Error::WrongCredentials`], which does not say what is wrong;
    /// [`Error::OneTimePasswordExpired`] for a right password that was not changed in time.
    pub async fn login(&self, username: &str, password: &SecretString, address: IpAddr) -> Result<SignedIn> {
        let event = SecurityEvent {
            client: Some(address),
            ..SecurityEvent::default()
        };
        let refused = |event: SecurityEvent<'_>, reason| {
            SecurityEvent {
                reason: Some(reason),
                ..event
            }
            .record("sign_in_refused");
        };
        if let Err(refusal) = self.admit_attempt(username, address).await {
            if matches!(refusal, Error::TooManyLogins { .. }) {
                // This costs one query, as an attempt from an unknown network does anyway.
                let user = self
                    .user_named(username)
                    .await
                    .ok()
                    .flatten()
                    .map(|user_session| user_session.user);
                let event = SecurityEvent {
                    user: user.as_ref().map(|user| user.username.as_str()),
                    user_id: user.as_ref().map(|user| user.id),
                    ..event
                };
                refused(event, "too_many_attempts");
                let actor = user.map_or_else(AuditActor::default, |user| {
                    AuditActor::user(user.id, user.username, None)
                });
                let entry = refused_sign_in(actor, address, "too_many_attempts");
                // The limit does not bound the attempts beyond it.
                if self.0.refusals.admits(&entry) {
                    self.audit_refused_attempt(entry).await;
                }
                counters::sign_in(SignInResult::TooManyAttempts);
            }
            return Err(refusal);
        }
        let user_session = self.user_named(username).await?;
        let is_active = user_session
            .as_ref()
            .is_some_and(|user_session| user_session.user.is_active);
        let stored = user_session.as_ref().filter(|_| is_active);
        let stored = stored.map(|user_session| user_session.user.password_hash.clone());
        let matches = self.0.passwords.matches(password, stored).await?;
        let Some(user_session) = user_session else {
            refused(event, "unknown_user");
            let entry = refused_sign_in(AuditActor::default(), address, "unknown_user");
            self.audit_refused_attempt(entry).await;
            counters::sign_in(SignInResult::WrongCredentials);
            return Err(Error::WrongCredentials);
        };
        let user = &user_session.user;
        let event = SecurityEvent {
            user: Some(&user.username),
            user_id: Some(user.id),
            ..event
        };
        if !matches {
            let reason = match is_active {
                false => "inactive_user",
                true if password::is_too_costly(&user.password_hash) => "password_needs_reset",
                true => "wrong_password",
            };
            refused(event, reason);
            let actor = AuditActor::user(user.id, user.username.as_str(), None);
            self.audit_refused_attempt(refused_sign_in(actor, address, reason))
                .await;
            counters::sign_in(SignInResult::WrongCredentials);
            return Err(Error::WrongCredentials);
        }
        // Only a caller who knows the password learns anything about it.
        let rights = match self.password_kind(user).await? {
            PasswordKind::Chosen => SessionRights::Full,
            PasswordKind::OneTime => SessionRights::PasswordChange,
            PasswordKind::Expired => {
                refused(event, "one_time_password_expired");
                let actor = AuditActor::user(user.id, user.username.as_str(), None);
                let entry = refused_sign_in(actor, address, "one_time_password_expired");
                self.audit_refused_attempt(entry).await;
                counters::sign_in(SignInResult::WrongCredentials);
                return Err(Error::OneTimePasswordExpired);
            }
        };
        let actor = AuditActor::user(user.id, user.username.as_str(), Some(AuditMethod::Password));
        let entry = AuditEntry::new(actor.with_client(Some(address)), AuditEvent::SignIn);
        // Without its event, there is no token.
        entry.write(&self.0.database).await?;
        event.record("sign_in");
        counters::sign_in(SignInResult::Succeeded);
        self.remember_network(user, address).await;
        let begun = begin_session(&user_session, rights);
        self.sign_in(user_session, self.0.token_lifetime, begun)
    }

    /// Writes the event of a refused attempt to the audit. The answer is a refusal anyway, so a failure is only logged.
    async fn audit_refused_attempt(&self, entry: AuditEntry) {
        if let Err(error) = entry.write(&self.0.database).await {
            tracing::warn!(%error, "the event of a refused attempt could not be written to the audit");
        }
    }

    /// Whether an attempt to sign in is within the limits.
    async fn admit_attempt(&self, username: &str, address: IpAddr) -> Result<()> {
        self.0.limiter.admit(username, address)?;
        match self.0.limiter.admit_from_everywhere(username) {
            Err(refusal) if !self.knows_network(username, address).await? => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Verifies a bearer token: a named one, one of a session, or the identity provider's. Its user must be active, and its
    /// session must not have ended. The role is the one in the database, not the one in the token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with a short reason for the client.
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal> {
        if named_token::is_named(bearer) {
            return self.authenticate_named(bearer).await;
        }
        let header = token::read_header(bearer)?;
        // The unverified header only chooses the verifier. Each verifier accepts its own algorithms and no other.
        if let Some(provider) = &self.0.provider
            && provider::ALGORITHMS.contains(&header.alg)
        {
            return provider.verify(&header, bearer).await;
        }
        let token = self.0.tokens.verify(&header, bearer)?;
        let user_session = self.user_session_of(token.user_id, &token.session).await?;
        Ok(Principal::of_user(user_session.user, Some(token.session)))
    }

    /// The user of one of our tokens that was refused, such as an expired one. Only for the security log: it gives no
    /// permission.
    pub async fn user_of_refused_token(&self, bearer: &str) -> RefusedUser {
        if named_token::is_named(bearer) {
            return self.user_of_refused_named_token(bearer).await;
        }
        let header = token::read_header(bearer);
        let user_id = header.and_then(|header| self.0.tokens.signed_for(&header, bearer));
        let Ok(user_id) = user_id else {
            return RefusedUser::default();
        };
        let user = user::Entity::find_by_id(user_id).one(self.0.database.connection());
        RefusedUser {
            id: Some(user_id),
            name: user.await.ok().flatten().map(|user| user.username),
        }
    }

    /// Creates a token without a password, for the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no active user has that name, or if `lifetime` is under a second or over a year.
    pub async fn issue_token(&self, username: &str, lifetime: Duration) -> Result<SignedIn> {
        const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
        if !(Duration::from_secs(1)..=LONGEST).contains(&lifetime) {
            return Err(invalid("lifetime", "must be between one second and one year"));
        }
        let user = self.active_user(username).await?;
        let entry = AuditEntry::new(AuditActor::command_line(), AuditEvent::TokenIssued);
        let entry = entry.about(user.user.id).with("username", user.user.username.as_str());
        entry
            .with("seconds", lifetime.as_secs())
            .write(&self.0.database)
            .await?;
        let begun = begin_session(&user, SessionRights::Full);
        self.sign_in(user, lifetime, begun)
    }

    /// The proof of being that administrator, for the command line.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no active user has that name, [`Error::Forbidden`] for every other role.
    pub async fn administrator(&self, username: &str) -> Result<Admin> {
        let user_session = self.active_user(username).await?;
        Principal::of_user(user_session.user, None).admin()
    }

    /// As [`Accounts::administrator`], for a database that may have been lost. If the database has no administrator at
    /// all, the command line itself is the actor.
    ///
    /// # Errors
    /// As [`Accounts::administrator`].
    pub async fn administrator_or_command_line(&self, username: &str) -> Result<Admin> {
        match self.has_administrator().await? {
            true => self.administrator(username).await,
            false => Ok(Admin::of_command_line()),
        }
    }

    /// The command line as an actor, for changes of accounts. Its user has the rights of the service itself.
    pub fn command_line(&self) -> Admin {
        Admin::of_command_line()
    }

    async fn active_user(&self, username: &str) -> Result<UserSession> {
        let user = self
            .user_named(username)
            .await?
            .filter(|user_session| user_session.user.is_active);
        user.ok_or_else(|| invalid("username", "there is no active user of that name"))
    }

    /// Signs a user in, with a new session or with the one that is renewed.
    fn sign_in(
        &self,
        user_session: UserSession,
        lifetime: Duration,
        refresh_claims: RefreshClaims,
    ) -> Result<SignedIn> {
        // With the current epoch: the session that a restore keeps has an earlier one.
        let before = &refresh_claims.session;
        let session = user_session.session(before.id.clone(), before.rights);
        let user = user_session.user;
        let issued = self.0.tokens.issue(user.id, user.role, lifetime, session.clone())?;
        Ok(SignedIn {
            access_token: issued.token,
            expires_at: issued.expires_at,
            expires_in: lifetime.as_secs(),
            user_id: user.id,
            principal: Principal::of_user(user, Some(session.clone())),
            refresh_claims: RefreshClaims {
                session,
                ..refresh_claims
            },
        })
    }

    async fn user_named(&self, username: &str) -> Result<Option<UserSession>> {
        // No user has such a name, and PostgreSQL refuses a NUL even in a query.
        if username.contains('\0') || username.chars().nth(LONGEST_NAME).is_some() {
            return Ok(None);
        }
        self.user_session(Condition::all().add(user::Column::Username.eq(username)), None)
            .await
    }
}

/// The event of a refused sign-in.
fn refused_sign_in(actor: AuditActor, address: IpAddr, reason: &str) -> AuditEntry {
    AuditEntry::new(actor.with_client(Some(address)), AuditEvent::SignInRefused).refused(reason)
}

/// A new session of a user.
fn begin_session(user_session: &UserSession, rights: SessionRights) -> RefreshClaims {
    RefreshClaims {
        session: user_session.session(Uuid::now_v7().to_string(), rights),
        began_at: jsonwebtoken::get_current_timestamp(),
        generation: 0,
    }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid {
        field,
        problem: problem.into(),
    }
}

/// SHA-256 in lower-case hexadecimal. The digest of a secret can be stored or sent without revealing it.
fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The current time, in the whole microseconds that every engine stores.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("expires_at", &self.expires_at)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}
