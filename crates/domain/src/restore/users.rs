//! Whose account is whose: what a restore of users must not touch, decided before anything is compared.
//!
//! In the stage the table `kept` gets the ids of the live rows that stay byte for byte:
//! - that of the administrator who acts;
//! - those of administrators whose user name the archive does not have: no restore removes an administrator;
//! - those of active administrators whom the archive has as inactive, with another role, or with a password with which nobody
//!   can sign in, unless [`Restore::disable_administrators`] asks for that.
//!
//! An archived user with the user name of a kept row is the same account, and is left out. One that has only the id of a
//! kept row is somebody else, and gets an id behind the greatest of both sides that leaves room; nothing refers to users. Where live rows
//! stay (in every mode but [`Mode::Replace`]), that somebody may be there already under another id: then that row is kept
//! as well, or the account would come twice; and so on, until no more is found.
//!
//! An undo brings no administrator back, because no clear removes one.

use super::administrators;
use super::request::{Mode, Provenance, Restore};
use super::stage::Stage;
use crate::account::{password, username};
use crate::catalog::LARGEST_ID;
use crate::error::Result;

/// How many names a sentence has.
const MAX_NAMES: usize = 10;

/// What was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    /// Live rows that stay as they are.
    pub(super) kept: u64,
    /// Archived users that get another id.
    pub(super) renumbered: u64,
    /// Administrators who stay active although the archive has them otherwise.
    pub(super) still_active: Named,
    /// Users whose names no new account may have, each with its row and what its name must be.
    pub(super) misnamed: Named,
}

/// Some of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The first of them.
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

    /// As part of a sentence.
    pub(super) fn list(&self) -> String {
        let more = match self.total - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.first.join(", ") + &more
    }
}

/// Decides, and makes the archive's users in the stage what is to be restored of them.
pub(super) async fn settle(
    stage: &mut Stage,
    request: &Restore,
    provenance: Provenance,
    acting: Option<i64>,
) -> Result<Accounts> {
    let mode = request.mode;
    stage.run("CREATE TABLE kept (id INTEGER PRIMARY KEY)").await?;
    stage.run("CREATE INDEX names_l_users ON l_users (username)").await?;
    if provenance == Provenance::Undo {
        let others = "DELETE FROM a_users WHERE role = 'admin' AND username NOT IN (SELECT username FROM l_users)";
        stage.run(others).await?;
    }
    let misnamed = match provenance {
        Provenance::Unknown => misnamed(stage, mode).await?,
        Provenance::SafetyArchive | Provenance::Undo => Named::default(),
    };
    if let Some(id) = acting {
        stage
            .run(&format!("INSERT INTO kept SELECT id FROM l_users WHERE id = {id}"))
            .await?;
    }
    stage
        .run(
            "INSERT OR IGNORE INTO kept SELECT l.id FROM l_users l WHERE l.role = 'admin' \
             AND NOT EXISTS (SELECT 1 FROM a_users a WHERE a.username = l.username)",
        )
        .await?;
    let mut still_active = Named::default();
    // Where only missing rows come, no row changes.
    if mode != Mode::InsertMissing && !request.disable_administrators {
        for (id, name) in administrators::losing_access(stage).await? {
            stage.run(&format!("INSERT INTO kept VALUES ({id})")).await?;
            still_active.add(format!("`{}`", name.escape_debug()));
        }
    }
    if mode != Mode::Replace {
        let elsewhere = "INSERT OR IGNORE INTO kept SELECT l.id FROM kept k JOIN a_users a ON a.id = k.id \
                         JOIN l_users l ON l.username = a.username AND l.id <> a.id";
        while stage.run(elsewhere).await? > 0 {}
    }
    stage
        .run("DELETE FROM a_users WHERE username IN (SELECT username FROM l_users WHERE id IN (SELECT id FROM kept))")
        .await?;
    let renumbered = renumber(stage).await?;
    Ok(Accounts {
        kept: stage.number("SELECT count(*) FROM kept").await?.unsigned_abs(),
        renumbered,
        still_active,
        misnamed,
    })
}

/// Users whom nobody here has by name, and whose name no new account could have. They come: as new rows or in the place of
/// others. Accounts that were here before keep the names that they had. Where there are no users nobody can be imitated, and
/// a school that has lost its database gets all of its accounts back.
async fn misnamed(stage: &mut Stage, mode: Mode) -> Result<Named> {
    if stage.number("SELECT count(*) FROM l_users").await? == 0 {
        return Ok(Named::default());
    }
    let comes = match mode {
        Mode::InsertMissing => "AND NOT EXISTS (SELECT 1 FROM l_users l WHERE l.id = a.id)",
        Mode::Replace | Mode::Merge => "",
    };
    let sql = format!(
        "SELECT a.id, a.username FROM a_users a \
         WHERE NOT EXISTS (SELECT 1 FROM l_users l WHERE l.username = a.username) {comes} ORDER BY a.id"
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
    stage.each(&sql, collect).await?;
    Ok(misnamed)
}

/// Active users who come, and whose passwords nobody verifies because of what that costs.
pub(super) async fn need_reset(stage: &mut Stage) -> Result<Named> {
    let coming = "SELECT username, password_hash FROM a_users WHERE is_active \
                  AND id IN (SELECT id FROM x_users WHERE action IN ('i', 'u')) ORDER BY username";
    let mut named = Named::default();
    let collect = |(name, hash): (String, String)| {
        if password::is_too_costly(&hash) {
            named.add(format!("`{}`", name.escape_debug()));
        }
    };
    stage.each(coming, collect).await?;
    Ok(named)
}

/// Gives each archived user who has the id of a kept row another one, and says how many they are: the id behind the greatest
/// of both sides. Where that leaves no room, it is the greatest free one that does.
async fn renumber(stage: &mut Stage) -> Result<u64> {
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
    while let Some(old) = stage.first(&taken(after)).await? {
        let new = stage.first(&next).await?.unwrap_or(1);
        stage
            .run(&format!("UPDATE a_users SET id = {new} WHERE id = {old}"))
            .await?;
        renumbered += 1;
        after = old;
    }
    Ok(renumbered)
}
