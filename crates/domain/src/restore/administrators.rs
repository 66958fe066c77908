//! The administrators' accounts that a restore changes, each by its name. A change of administrators must not be hidden in
//! counts of rows.
//!
//! An account is identified by its user name, with which people sign in, even if its id changes.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::outcome::RowAction;
use super::staging::Staging;
use crate::account::password;
use crate::error::Result;

/// How many accounts a list names. The others are only counted.
pub const MAX_LISTED: usize = 100;

/// The administrators' accounts that a restore changes. Each account is in one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Administrators {
    /// New accounts with the role of an administrator.
    pub added: AccountChanges,
    /// Administrators whose password changes.
    pub changed: AccountChanges,
    /// Accounts with another role, and inactive ones, that become an active administrator's.
    pub raised: AccountChanges,
    /// Administrators who lose their rights.
    pub disabled: AccountChanges,
    /// The digest of all changes, also of those that are not listed; none if there are none.
    digest: Option<String>,
}

/// Some accounts, with the change of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccountList)]
pub struct AccountChanges {
    /// The first hundred by name.
    pub items: Vec<AccountChange>,
    /// How many accounts there are in total.
    pub total: u64,
}

/// The change of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountChange {
    /// Its user name.
    pub username: String,
    /// The change as a sentence.
    pub text: String,
}

/// Separates the hash of a plan from the digest of the administrators, if any change.
const SEPARATOR: char = '-';

impl Administrators {
    /// Adds the changes of administrators to the hash of a plan.
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

/// The hash of a plan without its changes of administrators.
pub fn without_administrators(plan_hash: &str) -> &str {
    plan_hash.split_once(SEPARATOR).map_or(plan_hash, |(hash, _)| hash)
}

/// An account, before or after the restore.
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

/// The list that an account belongs to.
#[derive(Clone, Copy)]
enum List {
    Added,
    Changed,
    Raised,
    Disabled,
}

/// `username, role, is_active, password_hash` of an account that is written, and the last three of the live account with the
/// same name.
type AccountPair = (
    String,
    String,
    bool,
    String,
    Option<String>,
    Option<bool>,
    Option<String>,
);

/// Finds the changes, after the actions of all users are known.
pub(super) async fn find(staging: &mut Staging) -> Result<Administrators> {
    let sql = format!(
        "SELECT a.username, a.role, a.is_active, a.password_hash, l.role, l.is_active, l.password_hash \
         FROM x_users x JOIN a_users a ON a.id = x.id LEFT JOIN l_users l ON l.username = a.username \
         WHERE x.action IN ({}) AND (a.role = 'admin' OR l.role = 'admin') ORDER BY a.username",
        RowAction::write()
    );
    let mut found = Administrators::default();
    let mut digest = Sha256::new();
    let collect = |pair: AccountPair| {
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
    staging.each(&sql, collect).await?;
    let totals = [&found.added, &found.changed, &found.raised, &found.disabled].map(|list| list.total);
    found.digest = (totals != [0; 4]).then(|| hex::encode(digest.finalize()));
    Ok(found)
}

/// The change of an account; none if it does not affect an administrator's rights.
fn change(before: Option<&Account>, after: &Account) -> Option<(List, String)> {
    let Some(before) = before else {
        let text = match (after.is_active, after.has_usable_password()) {
            (true, true) => "A new administrator, who can sign in with the password in the archive.",
            (true, false) => "A new administrator, with an unusable password.",
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
        let text = "Gets an unusable password.";
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

/// Ids and names of live active administrators who would lose their rights if the archive's row replaced theirs.
pub(super) async fn losing_access(staging: &mut Staging) -> Result<Vec<(i64, String)>> {
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
    staging.each(sql, collect).await?;
    Ok(losing)
}
