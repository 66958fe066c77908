//! The users that a restore must not change, decided before the rows are compared.
//!
//! The table `kept` of the staging database has the ids of the live rows that stay byte for byte:
//! - the row of the acting administrator;
//! - the rows of administrators whose user name the archive does not have: no restore removes an administrator;
//! - the rows of active administrators whom the archive has as inactive, with another role, or with a password that can't be
//!   used, unless [`Restore::disable_administrators`] is set.
//!
//! An archived user with the user name of a kept row is the same account, and is left out. An archived user with only the id
//! of a kept row is another account. It gets the next id after the greatest live or archived one that leaves room; no row
//! refers to users. In modes that keep live rows (all but [`RestoreMode::Replace`]) that account may already be there under a
//! third id. Then that row is kept as well, or the account would be there twice. This is repeated until no more is found.
//!
//! An undo restores no administrator, because no clear removes one.

use super::administrators;
use super::outcome::RowAction;
use super::request::{Provenance, Restore, RestoreMode};
use super::staging::Staging;
use crate::account::{password, username};
use crate::catalog::LARGEST_ID;
use crate::error::Result;

/// How many names a sentence lists.
const MAX_NAMES: usize = 10;

/// The decisions about users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AccountDecisions {
    /// Live rows that stay unchanged.
    pub(super) kept: u64,
    /// Archived users that get another id.
    pub(super) renumbered: u64,
    /// Administrators who stay active, although the archive would disable them.
    pub(super) still_active: Named,
    /// Users with names that new accounts may not have, each with its row and the rule.
    pub(super) misnamed: Named,
}

/// The first names of a list, and their total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The first names.
    pub(super) first: Vec<String>,
    pub(super) total: u64,
}

impl Named {
    fn add(&mut self, name: String) {
        self.total += 1;
        if self.first.len() < MAX_NAMES {
            self.first.push(name);
        }
    }

    /// The list as part of a sentence.
    pub(super) fn list(&self) -> String {
        let more = match self.total - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.first.join(", ") + &more
    }
}

/// Decides which users are kept, and adapts the archived users in the staging database.
pub(super) async fn settle(
    staging: &mut Staging,
    request: &Restore,
    provenance: Provenance,
    acting: Option<i64>,
) -> Result<AccountDecisions> {
    let mode = request.mode;
    staging.run("CREATE TABLE kept (id INTEGER PRIMARY KEY)").await?;
    staging.run("CREATE INDEX names_l_users ON l_users (username)").await?;
    if provenance == Provenance::Undo {
        let others = "DELETE FROM a_users WHERE role = 'admin' AND username NOT IN (SELECT username FROM l_users)";
        staging.run(others).await?;
    }
    let misnamed = match provenance {
        Provenance::Unknown => misnamed(staging, mode).await?,
        Provenance::SafetyArchive | Provenance::Undo => Named::default(),
    };
    if let Some(id) = acting {
        staging
            .run(&format!("INSERT INTO kept SELECT id FROM l_users WHERE id = {id}"))
            .await?;
    }
    staging
        .run(
            "INSERT OR IGNORE INTO kept SELECT l.id FROM l_users l WHERE l.role = 'admin' \
             AND NOT EXISTS (SELECT 1 FROM a_users a WHERE a.username = l.username)",
        )
        .await?;
    let mut still_active = Named::default();
    // This mode changes no live row.
    if mode != RestoreMode::InsertMissing && !request.disable_administrators {
        for (id, name) in administrators::losing_access(staging).await? {
            staging.run(&format!("INSERT INTO kept VALUES ({id})")).await?;
            still_active.add(format!("`{}`", name.escape_debug()));
        }
    }
    if mode != RestoreMode::Replace {
        let elsewhere = "INSERT OR IGNORE INTO kept SELECT l.id FROM kept k JOIN a_users a ON a.id = k.id \
                         JOIN l_users l ON l.username = a.username AND l.id <> a.id";
        while staging.run(elsewhere).await? > 0 {}
    }
    staging
        .run("DELETE FROM a_users WHERE username IN (SELECT username FROM l_users WHERE id IN (SELECT id FROM kept))")
        .await?;
    let renumbered = renumber(staging).await?;
    Ok(AccountDecisions {
        kept: staging.number("SELECT count(*) FROM kept").await?.unsigned_abs(),
        renumbered,
        still_active,
        misnamed,
    })
}

/// Archived users with a name that no live user has and that new accounts may not have. They would be inserted or would
/// overwrite other users. Live accounts keep their names. If there are no live users, no user can be imitated, and
/// a school that has lost its database gets all its accounts back.
async fn misnamed(staging: &mut Staging, mode: RestoreMode) -> Result<Named> {
    if staging.number("SELECT count(*) FROM l_users").await? == 0 {
        return Ok(Named::default());
    }
    let is_written = match mode {
        RestoreMode::InsertMissing => "AND NOT EXISTS (SELECT 1 FROM l_users l WHERE l.id = a.id)",
        RestoreMode::Replace | RestoreMode::Merge => "",
    };
    let sql = format!(
        "SELECT a.id, a.username FROM a_users a \
         WHERE NOT EXISTS (SELECT 1 FROM l_users l WHERE l.username = a.username) {is_written} ORDER BY a.id"
    );
    let mut misnamed = Named::default();
    let collect = |(id, name): (i64, String)| {
        if let Err(problem) = username::check(&name) {
            misnamed.add(format!(
                "row {id} has the user name `{}`, which {problem}",
                name.escape_debug()
            ));
        }
    };
    staging.each(&sql, collect).await?;
    Ok(misnamed)
}

/// Active users that are written and whose password hashes are too expensive to verify.
pub(super) async fn need_reset(staging: &mut Staging) -> Result<Named> {
    let sql = format!(
        "SELECT username, password_hash FROM a_users WHERE is_active \
         AND id IN (SELECT id FROM x_users WHERE action IN ({})) ORDER BY username",
        RowAction::write()
    );
    let mut named = Named::default();
    let collect = |(name, hash): (String, String)| {
        if password::is_too_costly(&hash) {
            named.add(format!("`{}`", name.escape_debug()));
        }
    };
    staging.each(&sql, collect).await?;
    Ok(named)
}

/// Gives each archived user that has the id of a kept row another id, and returns how many there are. The new id follows the
/// greatest live or archived one. If that leaves no room, it is the greatest free id that does.
async fn renumber(staging: &mut Staging) -> Result<u64> {
    let next = format!(
        "WITH used AS (SELECT id FROM l_users UNION ALL SELECT id FROM a_users) \
         SELECT id + 1 FROM used u WHERE id BETWEEN 0 AND {LARGEST_ID} - 1 \
         AND NOT EXISTS (SELECT 1 FROM l_users l WHERE l.id = u.id + 1) \
         AND NOT EXISTS (SELECT 1 FROM a_users a WHERE a.id = u.id + 1) ORDER BY id DESC LIMIT 1"
    );
    let mut renumbered = 0;
    let mut after = i64::MIN;
    let taken = |after| {
        format!("SELECT id FROM a_users WHERE id IN (SELECT id FROM kept) AND id > {after} ORDER BY id LIMIT 1")
    };
    while let Some(old) = staging.first(&taken(after)).await? {
        let new = staging.first(&next).await?.unwrap_or(1);
        staging
            .run(&format!("UPDATE a_users SET id = {new} WHERE id = {old}"))
            .await?;
        renumbered += 1;
        after = old;
    }
    Ok(renumbered)
}
