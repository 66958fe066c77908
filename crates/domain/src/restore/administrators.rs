//! Which administrators' accounts a restore changes, each by its name: what it does to the power over this service is not
//! to be hidden in counts of rows.
//!
//! An account is known by its user name, with which people sign in, whatever its id becomes.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::stage::Stage;
use crate::account::password;
use crate::error::Result;

/// How many accounts a list names. The others are counted.
pub const MAX_LISTED: usize = 100;

/// The administrators' accounts that a restore changes. Each is in one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Administrators {
    /// Accounts that are not there now and will be an administrator's.
    pub added: AccountChanges,
    /// Administrators who get another password.
    pub changed: AccountChanges,
    /// Accounts of other roles, and inactive ones, that will be an active administrator's.
    pub raised: AccountChanges,
    /// Administrators who can't act as such any more.
    pub disabled: AccountChanges,
    /// Of all of it, also of what is not listed; none if there is nothing.
    digest: Option<String>,
}

/// Some accounts, and what happens to each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccountChanges {
    /// The first [`MAX_LISTED`] by name.
    pub items: Vec<AccountChange>,
    /// How many there are in all.
    pub total: u64,
}

/// What happens to one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountChange {
    /// Its user name.
    pub username: String,
    /// What happens, as a sentence.
    pub text: String,
}

/// The hash of a plan has this before the digest of the administrators, if there are any.
const SEPARATOR: char = '-';

impl Administrators {
    /// Whether no administrator's account is changed.
    pub fn is_empty(&self) -> bool {
        self.digest.is_none()
    }

    /// Makes what a plan says of administrators part of its hash.
    pub fn bind(&self, hash: String) -> String {
        match &self.digest {
            None => hash,
            Some(digest) => format!("{hash}{SEPARATOR}{digest}"),
        }
    }
}

/// Whether the plan with that hash changes administrators' accounts.
pub fn changes_administrators(plan_hash: &str) -> bool {
    plan_hash.contains(SEPARATOR)
}

/// What the hash of a plan says of everything but administrators.
pub fn without_administrators(plan_hash: &str) -> &str {
    plan_hash.split_once(SEPARATOR).map_or(plan_hash, |(hash, _)| hash)
}

/// An account as it is or will be.
struct Account {
    role: String,
    is_active: bool,
    password_hash: String,
}

impl Account {
    fn is_administrator(&self) -> bool {
        self.role == "admin"
    }

    fn is_active_administrator(&self) -> bool {
        self.is_administrator() && self.is_active
    }

    fn has_usable_password(&self) -> bool {
        password::is_usable(&self.password_hash)
    }
}

/// In which list.
#[derive(Clone, Copy)]
enum List {
    Added,
    Changed,
    Raised,
    Disabled,
}

/// `username, role, is_active, password_hash` of an account that is written; the last three of the one that has the name now.
type Pair = (
    String,
    String,
    bool,
    String,
    Option<String>,
    Option<bool>,
    Option<String>,
);

/// Finds them, when it is known which rows are written.
pub(super) async fn find(stage: &mut Stage) -> Result<Administrators> {
    let sql = "SELECT a.username, a.role, a.is_active, a.password_hash, l.role, l.is_active, l.password_hash \
               FROM x_users x JOIN a_users a ON a.id = x.id LEFT JOIN l_users l ON l.username = a.username \
               WHERE x.action IN ('i', 'u') AND (a.role = 'admin' OR l.role = 'admin') ORDER BY a.username";
    let mut found = Administrators::default();
    let mut digest = Sha256::new();
    let collect = |pair: Pair| {
        let (username, role, is_active, password_hash, old_role, was_active, old_hash) = pair;
        let after = Account {
            role,
            is_active,
            password_hash,
        };
        let before = match (old_role, was_active, old_hash) {
            (Some(role), Some(is_active), Some(password_hash)) => Some(Account {
                role,
                is_active,
                password_hash,
            }),
            _ => None,
        };
        let Some((list, text)) = change(before.as_ref(), &after) else {
            return;
        };
        // A name has no line break.
        digest.update(format!("{username}\n{text}\n"));
        let list = match list {
            List::Added => &mut found.added,
            List::Changed => &mut found.changed,
            List::Raised => &mut found.raised,
            List::Disabled => &mut found.disabled,
        };
        list.total += 1;
        if list.items.len() < MAX_LISTED {
            list.items.push(AccountChange { username, text });
        }
    };
    stage.each(sql, collect).await?;
    let totals = [&found.added, &found.changed, &found.raised, &found.disabled].map(|list| list.total);
    found.digest = (totals != [0; 4]).then(|| hex::encode(digest.finalize()));
    Ok(found)
}

/// What happens to an account; none if nothing does that an administrator's rights depend on.
fn change(before: Option<&Account>, after: &Account) -> Option<(List, String)> {
    let Some(before) = before else {
        let text = match (after.is_active, after.has_usable_password()) {
            (true, true) => "A new administrator, who can sign in with the password in the archive.",
            (true, false) => "A new administrator, with a password with which nobody can sign in.",
            (false, _) => "A new administrator, who is not active.",
        };
        return after.is_administrator().then(|| (List::Added, text.to_owned()));
    };
    let loses_password = before.has_usable_password() && !after.has_usable_password();
    let (list, text) = if before.is_active_administrator() && !after.is_administrator() {
        let text = format!("Is an administrator and gets the role `{}`.", after.role);
        (List::Disabled, text)
    } else if before.is_active_administrator() && !after.is_active {
        (
            List::Disabled,
            "Is an active administrator and becomes inactive.".to_owned(),
        )
    } else if before.is_active_administrator() && loses_password {
        let text = "Gets a password with which nobody can sign in.";
        return Some((List::Disabled, text.to_owned()));
    } else if after.is_administrator() && !before.is_administrator() {
        let inactive = if after.is_active { "" } else { ", who is not active" };
        let text = format!("Has the role `{}` and becomes an administrator{inactive}.", before.role);
        (List::Raised, text)
    } else if after.is_active_administrator() && !before.is_active {
        (
            List::Raised,
            "Is an inactive administrator and becomes active.".to_owned(),
        )
    } else if after.is_administrator() && after.password_hash != before.password_hash {
        return Some((List::Changed, "Gets the password in the archive.".to_owned()));
    } else {
        return None;
    };
    let password = match after.password_hash == before.password_hash {
        true => "",
        false => " The password becomes that of the archive.",
    };
    Some((list, text + password))
}

/// Of live active administrators those who could not act as such any more if the archive's row came: their ids and names.
pub(super) async fn losing_access(stage: &mut Stage) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT l.id, l.username, l.password_hash, a.role, a.is_active, a.password_hash \
               FROM l_users l JOIN a_users a ON a.username = l.username \
               WHERE l.role = 'admin' AND l.is_active AND l.id NOT IN (SELECT id FROM kept) ORDER BY l.username";
    let mut losing = Vec::new();
    let collect = |row: (i64, String, String, String, bool, String)| {
        let (id, username, old_hash, role, is_active, password_hash) = row;
        let before = Account {
            role: "admin".to_owned(),
            is_active: true,
            password_hash: old_hash,
        };
        let after = Account {
            role,
            is_active,
            password_hash,
        };
        if let Some((List::Disabled, _)) = change(Some(&before), &after) {
            losing.push((id, username));
        }
    };
    stage.each(sql, collect).await?;
    Ok(losing)
}
