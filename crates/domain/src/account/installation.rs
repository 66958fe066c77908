//! The id of the installation, which every token of ours names. Without it, two schools with one signing secret would
//! accept each other's tokens: an administrator of one would be the user with the same id in the other.
//!
//! The id is in the database and not in the data folder, because the accounts are there too. All copies of the service
//! on one database share it. A new data folder does not change it, and a restore with the engine's own tools keeps it.

use crate::Database;
use crate::error::Result;
use crate::installation_key;

/// Its name in the table of keys.
const NAME: &str = "installation";

/// Reads the id.
///
/// # Errors
/// Those of the database, and [`Error::Internal`](crate::Error::Internal) if the id is missing.
pub async fn installation_id(database: &Database) -> Result<String> {
    installation_key::read(database, NAME, "reading the id of the installation").await
}
