//! The scopes of named tokens: what a script may do with the rights of the administrator who created its token.
//!
//! A session has no scopes: it may do everything that its user may do. `api` says which scope each operation needs.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid;
use crate::error::Result;

/// A scope of a named token. `read`: count, list, download and compare, and preview changes, without the hashes of the passwords.
/// `backup`: create, upload, verify and download backups. `restore`: restore, clear and undo, and delete backups. `admin`:
/// everything, also settings, accounts and tokens. Apart from `admin`, no scope includes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Counts, lists, downloads, comparisons and previews, without the hashes of the passwords.
    Read,
    /// Create, upload, verify and download backups, which have the hashes of the passwords.
    Backup,
    /// Change or delete data: restore, clear, undo, and delete backups. A change of administrators needs `admin`.
    Restore,
    /// Everything, also settings, accounts and tokens.
    Admin,
}

impl TokenScope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Backup, Self::Restore, Self::Admin];

    /// The word, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Admin => "admin",
        }
    }

    /// The scope with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of one named token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenScopes(BTreeSet<TokenScope>);

impl TokenScopes {
    /// The scopes of a new token.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if there are none.
    pub(super) fn new(scopes: impl IntoIterator<Item = TokenScope>) -> Result<Self> {
        let scopes: BTreeSet<TokenScope> = scopes.into_iter().collect();
        match scopes.is_empty() {
            true => Err(invalid("scopes", "must name at least one scope")),
            false => Ok(Self(scopes)),
        }
    }

    /// Whether they allow what needs that scope.
    pub fn allow(&self, needed: TokenScope) -> bool {
        self.0.contains(&needed) || self.0.contains(&TokenScope::Admin)
    }

    /// The first scope of others that these do not allow.
    pub(super) fn missing(&self, others: &Self) -> Option<TokenScope> {
        others.iter().find(|scope| !self.allow(*scope))
    }

    /// The scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = TokenScope> + '_ {
        self.0.iter().copied()
    }

    /// The form in the database.
    pub(super) fn stored(&self) -> String {
        self.iter().map(TokenScope::name).collect::<Vec<_>>().join(" ")
    }

    /// The scopes of a stored form. A word that this version does not know gives no right.
    pub(super) fn of_stored(stored: &str) -> Self {
        Self(stored.split(' ').filter_map(TokenScope::from_name).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_admin_includes_other_scopes() {
        for held in TokenScope::ALL {
            let scopes = TokenScopes::new([held]).unwrap();
            for needed in TokenScope::ALL {
                assert_eq!(
                    scopes.allow(needed),
                    held == needed || held == TokenScope::Admin,
                    "{held} {needed}"
                );
            }
        }
        let both = TokenScopes::new([TokenScope::Restore, TokenScope::Read]).unwrap();
        assert_eq!(both.missing(&TokenScopes::new([TokenScope::Read]).unwrap()), None);
        let wider = TokenScopes::new([TokenScope::Read, TokenScope::Backup]).unwrap();
        assert_eq!(both.missing(&wider), Some(TokenScope::Backup));
        assert!(TokenScopes::new([]).is_err());
    }

    #[test]
    fn stored_scopes_are_read_again() {
        let scopes = TokenScopes::new([TokenScope::Restore, TokenScope::Read]).unwrap();
        assert_eq!(scopes.stored(), "read restore");
        assert_eq!(TokenScopes::of_stored("read restore"), scopes);
        let unknown = TokenScopes::of_stored("write restore");
        assert_eq!(unknown.iter().collect::<Vec<_>>(), [TokenScope::Restore]);
        let longest = TokenScopes::new(TokenScope::ALL).unwrap().stored();
        assert!(longest.len() <= 64, "it fits into its column");
        for scope in TokenScope::ALL {
            assert_eq!(serde_json::json!(scope), scope.name());
            assert_eq!(TokenScope::from_name(scope.name()), Some(scope));
        }
    }
}
