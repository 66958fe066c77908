//! Whose account is whose: what a restore of users must not touch, decided before anything is compared.
//!
//! In the stage the table `kept` gets the ids of the live rows that stay byte for byte:
//! - that of the administrator who acts;
//! - those of administrators whose user name the archive does not have: no restore removes an administrator.
//!
//! An archived user with the user name of a kept row is the same account, and is left out. One that has only the id of a
//! kept row is somebody else, and gets an id behind the greatest of both sides that leaves room; nothing refers to users. Where live rows
//! stay (in every mode but [`Mode::Replace`]), that somebody may be there already under another id: then that row is kept
//! as well, or the account would come twice; and so on, until no more is found.

use super::request::Mode;
use super::stage::Stage;
use crate::catalog::LARGEST_ID;
use crate::error::Result;

/// What was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    /// Live rows that stay as they are.
    pub(super) kept: u64,
    /// Archived users that get another id.
    pub(super) renumbered: u64,
}

/// Decides, and makes the archive's users in the stage what is to be restored of them.
pub(super) async fn settle(stage: &mut Stage, mode: Mode, acting: Option<i64>) -> Result<Accounts> {
    stage.run("CREATE TABLE kept (id INTEGER PRIMARY KEY)").await?;
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
    })
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
