//! Keys of the installation. A migration makes them, all copies of the service on one database share them, and they never
//! change.

use sea_orm::EntityTrait;

use crate::database::Database;
use crate::entity::key;
use crate::error::{Error, Result};

/// Reads the key of that name, in hexadecimal.
///
/// # Errors
/// What the database says, and [`Error::Internal`] if it is not there.
pub(crate) async fn read(database: &Database, name: &str, doing: &'static str) -> Result<String> {
    let row = key::Entity::find_by_id(name).one(database.connection()).await;
    let row = row.map_err(Error::database(doing))?;
    row.map(|row| row.value)
        .ok_or_else(|| Error::internal(doing)("the table backup_keys does not have it"))
}
