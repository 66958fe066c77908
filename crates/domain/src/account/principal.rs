//! Whoever was let in, and the proof of being an administrator.

use super::session::TokenSession;
use crate::entity::user::{self, Role};
use crate::error::{Error, Result};

/// A verified, active bearer. The public fields are for showing; changing them gives nobody any right.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The id in the table of users; none for a bearer of an outside identity provider.
    pub user_id: Option<i64>,
    /// The name.
    pub username: String,
    /// The e-mail address, if known.
    pub email: Option<String>,
    /// The role.
    pub role: Role,
    authority: Option<Admin>,
}

impl Principal {
    pub(super) fn of_user(user: user::Model, session: Option<TokenSession>) -> Self {
        Self::new(Some(user.id), user.username, user.email, user.role, session)
    }

    pub(super) fn of_provider(username: String, email: Option<String>, role: Role) -> Self {
        Self::new(None, username, email, role, None)
    }

    fn new(
        user_id: Option<i64>,
        username: String,
        email: Option<String>,
        role: Role,
        session: Option<TokenSession>,
    ) -> Self {
        let authority = (role == Role::Admin).then(|| Admin {
            user_id,
            username: username.clone(),
            session,
        });
        Self {
            user_id,
            username,
            email,
            role,
            authority,
        }
    }

    /// The proof of being an administrator.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for every other role.
    pub fn admin(&self) -> Result<Admin> {
        self.authority.clone().ok_or(Error::Forbidden)
    }
}

/// The proof that a verified administrator asks. What destroys or discloses takes one; only this module makes one.
#[derive(Clone, Debug)]
pub struct Admin {
    user_id: Option<i64>,
    username: String,
    session: Option<TokenSession>,
}

impl Admin {
    /// The one to whom a redeemed link belongs.
    pub(super) fn of_link(user_id: Option<i64>, username: String) -> Self {
        Self {
            user_id,
            username,
            session: None,
        }
    }

    /// Whoever has the command line of a database in which there is no administrator.
    pub(super) fn of_command_line() -> Self {
        Self {
            user_id: None,
            username: "command line".to_owned(),
            session: None,
        }
    }

    /// The id in the table of users; none for an administrator of an outside identity provider, and for the command line of a
    /// database without administrators.
    pub fn user_id(&self) -> Option<i64> {
        self.user_id
    }

    /// The name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The session; none for an administrator of an outside identity provider and for whoever comes by a link.
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
}
