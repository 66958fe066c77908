//! The result of signing in, and the proof of being an administrator.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::scope::{TokenScope, TokenScopes};
use super::session::{SessionRights, TokenSession};
use super::{LONGEST_NAME, digest};
use crate::audit::{AuditActor, AuditMethod, COMMAND_LINE, Receipt, ReceiptState};
use crate::entity::user::{self, Role};
use crate::error::{Error, Result};

/// A verified, active user. The public fields are for display: changing them gives no rights.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The id in the table of users; none for a user of an identity provider.
    pub user_id: Option<i64>,
    /// The name.
    pub username: String,
    /// The e-mail address, if known.
    pub email: Option<String>,
    /// The role.
    pub role: Role,
    /// The identity provider that signed the token; none for a user of the table.
    pub issuer: Option<String>,
    /// Whether the user has to change the one-time password before anything else.
    pub password_change_required: bool,
    /// The named token; none for a session and for an identity provider.
    pub token: Option<TokenIdentity>,
    method: AuditMethod,
    authority: Option<Admin>,
}

/// A named token, as its requests show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scopes: TokenScopes,
    /// When it ends, UTC; none if it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used before, UTC.
    pub(super) last_used_at: Option<DateTime<Utc>>,
}

impl Principal {
    pub(super) fn of_user(user: user::Model, session: Option<TokenSession>) -> Self {
        Self::of_account(user, session, None)
    }

    pub(super) fn of_named_token(user: user::Model, token: TokenIdentity) -> Self {
        Self::of_account(user, None, Some(token))
    }

    fn of_account(user: user::Model, session: Option<TokenSession>, token: Option<TokenIdentity>) -> Self {
        let rights = session.as_ref().map_or(SessionRights::Full, |session| session.rights);
        let is_full = rights == SessionRights::Full;
        let method = match (&session, &token) {
            (_, Some(_)) => AuditMethod::Token,
            (Some(_), None) => AuditMethod::Session,
            (None, None) => AuditMethod::CommandLine,
        };
        let authority = (user.role == Role::Admin && is_full).then(|| Admin {
            origin: Origin::of(method),
            user_id: Some(user.id),
            username: user.username.clone(),
            subject: None,
            session,
            token: token.as_ref().map(|token| TokenRights {
                id: token.id,
                scopes: token.scopes.clone(),
            }),
        });
        Self {
            user_id: Some(user.id),
            username: user.username,
            email: user.email,
            role: user.role,
            issuer: None,
            password_change_required: !is_full,
            token,
            method,
            authority,
        }
    }

    pub(super) fn of_provider(subject: Subject, username: String, email: Option<String>, role: Role) -> Self {
        let issuer = subject.issuer.clone();
        let authority = (role == Role::Admin).then(|| Admin {
            origin: Origin::of(AuditMethod::Provider),
            user_id: None,
            username: marked(&username, &issuer),
            subject: Some(subject),
            session: None,
            token: None,
        });
        Self {
            user_id: None,
            username,
            email,
            role,
            issuer: Some(issuer),
            password_change_required: false,
            token: None,
            method: AuditMethod::Provider,
            authority,
        }
    }

    /// The proof of being an administrator.
    ///
    /// # Errors
    /// [`Error::PasswordChangeRequired`] with a one-time password, [`Error::Forbidden`] for every other role.
    pub fn admin(&self) -> Result<Admin> {
        self.ensure_password_is_changed()?;
        self.authority.clone().ok_or(Error::Forbidden)
    }

    /// The user as the audit shows them.
    pub fn audit_actor(&self) -> AuditActor {
        AuditActor {
            username: Some(match &self.issuer {
                None => self.username.clone(),
                Some(issuer) => marked(&self.username, issuer),
            }),
            user_id: self.user_id,
            method: Some(self.method),
            token_id: self.token.as_ref().map(|token| token.id),
            client: None,
        }
    }

    /// Ensures that the user has no one-time password.
    ///
    /// # Errors
    /// [`Error::PasswordChangeRequired`]
    pub fn ensure_password_is_changed(&self) -> Result<()> {
        match self.password_change_required {
            true => Err(Error::PasswordChangeRequired),
            false => Ok(()),
        }
    }

    /// Ensures that the token has a scope, if it is a named one.
    ///
    /// # Errors
    /// [`Error::ScopeMissing`]
    pub fn ensure_scope(&self, needed: TokenScope) -> Result<()> {
        match &self.token {
            Some(token) if !token.scopes.allow(needed) => Err(Error::ScopeMissing { scope: needed }),
            _ => Ok(()),
        }
    }

    /// The id in the table of users, for what only its users have: a password, sessions and named tokens.
    ///
    /// # Errors
    /// [`Error::NoLocalAccount`] for a user of an identity provider.
    pub fn local_id(&self) -> Result<i64> {
        self.user_id.ok_or(Error::NoLocalAccount)
    }
}

/// The identity of a user at an identity provider. A provider may reassign a name, but not this pair (OpenID Connect
/// Core, section 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) issuer: String,
    pub(super) id: String,
}

/// The name of a provider's user as it is recorded and shown. It has the issuer, because a local user may have the same
/// name.
fn marked(username: &str, issuer: &str) -> String {
    let mark = format!(" (via {issuer})");
    let room = LONGEST_NAME.saturating_sub(mark.chars().count());
    let name: String = username.chars().take(room).collect();
    (name + &mark).chars().take(LONGEST_NAME).collect()
}

/// The actor of a job: an administrator, or the service itself.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a request has one, and none is stored")]
pub enum Actor {
    /// An administrator has requested it.
    Admin(Admin),
    /// The service does it by itself, as a schedule or a rule says.
    System(System),
}

/// The authority of the service itself. Only this crate creates it, for work that an administrator has set up.
#[derive(Clone, Copy, Debug)]
pub struct System(());

impl System {
    /// The name of the service as an actor. Of the actors without a user id, only the service has it.
    pub const NAME: &str = "system";

    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl Actor {
    /// The id in the table of users, see [`Admin::user_id`]; none for the service itself.
    pub fn user_id(&self) -> Option<i64> {
        match self {
            Self::Admin(admin) => admin.user_id(),
            Self::System(_) => None,
        }
    }

    /// The name.
    pub fn username(&self) -> &str {
        match self {
            Self::Admin(admin) => admin.username(),
            Self::System(_) => System::NAME,
        }
    }

    /// An idempotency key as it is stored with the name. No request can send a key with a space, so a user with the
    /// name of the service has other keys.
    pub(crate) fn stored_key(&self, key: &str) -> String {
        match self {
            Self::Admin(admin) => admin.stored_key(key),
            Self::System(_) => format!("system {key}"),
        }
    }
}

impl Actor {
    /// The actor as the audit shows it.
    pub(crate) fn audit_actor(&self) -> AuditActor {
        match self {
            Self::Admin(admin) => admin.audit_actor(),
            Self::System(_) => AuditActor::service(),
        }
    }

    /// Notes in the receipt of the request whether its event is written to the audit.
    pub(crate) fn note(&self, state: ReceiptState) {
        if let Self::Admin(admin) = self {
            admin.receipt().set(state);
        }
    }
}

impl From<&Admin> for Actor {
    fn from(admin: &Admin) -> Self {
        Self::Admin(admin.clone())
    }
}

impl From<System> for Actor {
    fn from(system: System) -> Self {
        Self::System(system)
    }
}

/// The proof of a verified administrator. Functions that destroy or disclose data require one; only this module creates
/// it.
#[derive(Clone, Debug)]
pub struct Admin {
    origin: Origin,
    user_id: Option<i64>,
    username: String,
    subject: Option<Subject>,
    session: Option<TokenSession>,
    token: Option<TokenRights>,
}

/// How the administrator of a request was authenticated, and from which address. It is for the audit, and gives no rights.
#[derive(Clone, Debug)]
struct Origin {
    method: AuditMethod,
    client: Option<IpAddr>,
    receipt: Receipt,
}

impl Origin {
    fn of(method: AuditMethod) -> Self {
        Self {
            method,
            client: None,
            receipt: Receipt::default(),
        }
    }
}

/// The named token of an administrator.
#[derive(Clone, Debug)]
struct TokenRights {
    id: i64,
    scopes: TokenScopes,
}

impl Admin {
    /// The administrator who created a redeemed link.
    pub(super) fn of_link(user_id: Option<i64>, username: String) -> Self {
        Self {
            origin: Origin::of(AuditMethod::Link),
            user_id,
            username,
            subject: None,
            session: None,
            token: None,
        }
    }

    /// The command line, where the database has no administrator, and for changes of accounts.
    pub(super) fn of_command_line() -> Self {
        Self {
            origin: Origin::of(AuditMethod::CommandLine),
            user_id: None,
            username: COMMAND_LINE.to_owned(),
            subject: None,
            session: None,
            token: None,
        }
    }

    /// The same administrator, from the address of a client.
    #[must_use]
    pub fn with_client(self, client: IpAddr) -> Self {
        Self {
            origin: Origin {
                client: Some(client),
                ..self.origin
            },
            ..self
        }
    }

    /// The same administrator, by a link.
    #[must_use]
    pub(super) fn by_link(self) -> Self {
        Self {
            origin: Origin {
                method: AuditMethod::Link,
                ..self.origin
            },
            ..self
        }
    }

    /// The administrator as the audit shows them.
    pub fn audit_actor(&self) -> AuditActor {
        AuditActor {
            username: Some(self.username.clone()),
            user_id: self.user_id,
            method: Some(self.origin.method),
            token_id: self.token_id(),
            client: self.origin.client,
        }
    }

    /// Says whether the event of the request is written to the audit.
    pub fn receipt(&self) -> &Receipt {
        &self.origin.receipt
    }

    /// The id in the table of users; none for an administrator of an identity provider, and none for the
    /// [command line](super::Accounts::command_line).
    pub fn user_id(&self) -> Option<i64> {
        self.user_id
    }

    /// The name. That of an identity provider's administrator includes the issuer.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// An idempotency key as it is stored with the name. Keys of an identity provider's administrators include their
    /// subject, because a provider may reassign a name.
    pub(crate) fn stored_key(&self, key: &str) -> String {
        match &self.subject {
            None => key.to_owned(),
            Some(subject) => digest(&serde_json::json!([subject.issuer, subject.id, key]).to_string()),
        }
    }

    /// A digest of issuer and subject of an administrator of an identity provider. A provider may reassign a name, but
    /// not this pair.
    pub(super) fn subject_digest(&self) -> Option<String> {
        let subject = self.subject.as_ref()?;
        Some(digest(&serde_json::json!([subject.issuer, subject.id]).to_string()))
    }

    /// The named token; none for a session, an identity provider and the command line.
    pub fn token_id(&self) -> Option<i64> {
        self.token.as_ref().map(|token| token.id)
    }

    /// The scopes of the named token, which limit the rights; none if nothing limits them.
    pub fn scopes(&self) -> Option<&TokenScopes> {
        self.token.as_ref().map(|token| &token.scopes)
    }

    /// Ensures that the named token, if it is one, has a scope.
    ///
    /// # Errors
    /// [`Error::ScopeMissing`]
    pub fn ensure_scope(&self, needed: TokenScope) -> Result<()> {
        match &self.token {
            Some(token) if !token.scopes.allow(needed) => Err(Error::ScopeMissing { scope: needed }),
            _ => Ok(()),
        }
    }

    /// The session; none for an administrator of an identity provider, for a named token and for a link.
    pub(super) fn session(&self) -> Option<&TokenSession> {
        self.session.as_ref()
    }

    /// Any administrator, for the tests of the services that ask for one.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::acting(None)
    }

    /// The one with this row among the users, if any.
    #[cfg(test)]
    pub(crate) fn acting(user_id: Option<i64>) -> Self {
        Self::of_link(user_id, "tester".to_owned())
    }

    /// An administrator of an identity provider, with this subject and a name that several may have.
    #[cfg(test)]
    pub(super) fn of_subject(id: &str) -> Self {
        let subject = Subject {
            issuer: "https://id.school.example".to_owned(),
            id: id.to_owned(),
        };
        let principal = Principal::of_provider(subject, "admin".to_owned(), None, Role::Admin);
        assert_eq!(principal.username, "admin");
        principal
            .authority
            .unwrap_or_else(|| unreachable!("it is an administrator"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_of_a_provider_share_neither_name_nor_keys_with_others() {
        let local = Admin::of_link(Some(1), "admin".to_owned());
        let (one, other) = (Admin::of_subject("1"), Admin::of_subject("2"));
        assert_eq!(one.username(), "admin (via https://id.school.example)");
        assert_eq!(local.stored_key("k"), "k");
        assert_eq!(one.stored_key("k"), Admin::of_subject("1").stored_key("k"));
        let keys = [
            local.stored_key("k"),
            one.stored_key("k"),
            one.stored_key("l"),
            other.stored_key("k"),
        ];
        for (position, key) in keys.iter().enumerate() {
            assert!(!keys[..position].contains(key), "{key}");
        }
    }

    #[test]
    fn user_with_the_name_of_the_service_has_other_keys() {
        let (service, user) = (
            Actor::from(System::new()),
            Actor::from(&Admin::of_link(Some(1), System::NAME.to_owned())),
        );
        assert_eq!(service.username(), user.username());
        assert_eq!((service.user_id(), user.user_id()), (None, Some(1)));
        assert!(service.stored_key("k").contains(' '), "no request can send it");
        assert_ne!(service.stored_key("k"), user.stored_key("k"));
    }

    #[test]
    fn marked_names_have_room_in_their_column() {
        for (name, issuer) in [("ä".repeat(255), "i".repeat(20)), ("a".to_owned(), "i".repeat(300))] {
            assert_eq!(marked(&name, &issuer).chars().count(), LONGEST_NAME);
        }
    }
}
