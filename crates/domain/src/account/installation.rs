//! The id of the installation, which every token of ours names: with one signing secret for two schools, an administrator of
//! one would else be whoever has the same number in the other.
//!
//! It is in the database and not in the data folder, because the accounts are there too: all copies of the service on one
//! database share it, a new data folder changes nothing, and who restores the database with the tools of its engine keeps it.

use crate::Database;
use crate::error::Result;
use crate::installation_key;

/// Its name among the keys.
const NAME: &str = "installation";

/// Reads it.
///
/// # Errors
/// What the database says, and [`Error::Internal`](crate::Error::Internal) if it is not there.
pub async fn installation_id(database: &Database) -> Result<String> {
    installation_key::read(database, NAME, "reading the id of the installation").await
}
