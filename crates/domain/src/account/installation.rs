//! The id of the installation, which every token of ours names: with one signing secret for two schools, an administrator of
//! one would else be whoever has the same number in the other.
//!
//! It is in the database and not in the data folder, because the accounts are there too: all copies of the service on one
//! database share it, a new data folder changes nothing, and who restores the database with the tools of its engine keeps it.

use sea_orm::EntityTrait;

use crate::Database;
use crate::entity::key;
use crate::error::{Error, Result};

/// Its name among the keys.
const NAME: &str = "installation";

/// Reads it.
///
/// # Errors
/// What the database says, and [`Error::Internal`] if it is not there.
pub async fn installation_id(database: &Database) -> Result<String> {
    let doing = "reading the id of the installation";
    let row = key::Entity::find_by_id(NAME).one(database.connection()).await;
    let row = row.map_err(Error::database(doing))?;
    row.map(|row| row.value)
        .ok_or_else(|| Error::internal(doing)("the table backup_keys does not have it"))
}
