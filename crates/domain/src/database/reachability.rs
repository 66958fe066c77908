//! Finds out why a database server can't be reached. A pool retries for some time and then only reports a timeout; a
//! single connection reports the reason at once.

use std::io::ErrorKind;
use std::time::Duration;

use sea_orm::SqlxError;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{Connection as _, error::DatabaseError};

use super::{DatabaseSettings, Defect, DefectReason};
use crate::error::{Error, Result};

/// How to write a password with special characters; some of them are not noticed before.
const ENCODING: &str = "A character of `#?/@%:` in the password must be percent-encoded, such as # as %23";

/// Connects once and disconnects. An unknown error is left to the connections that follow.
///
/// # Errors
/// [`Error::DatabaseDefect`] if no server listens, the host is unknown or does not respond, or the sign-in is refused.
pub(super) async fn check(settings: &DatabaseSettings) -> Result<()> {
    let found = match connect(&settings.url, settings.lock_timeout).await {
        Err(error) => reason(&error),
        Ok(()) => None,
    };
    match found {
        Some(detail) => Err(Error::DatabaseDefect(Defect::new(DefectReason::Unreachable, detail))),
        None => Ok(()),
    }
}

async fn connect(url: &str, lock_timeout: Duration) -> std::result::Result<(), SqlxError> {
    let connected = async {
        match url.starts_with("mysql:") {
            true => MySqlConnection::connect(url).await?.close().await,
            false => PgConnection::connect(url).await?.close().await,
        }
    };
    let in_time = tokio::time::timeout(lock_timeout, connected).await;
    in_time.unwrap_or_else(|_| Err(SqlxError::Io(ErrorKind::TimedOut.into())))
}

fn reason(error: &SqlxError) -> Option<String> {
    let detail = match error {
        SqlxError::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => {
                "the connection was refused: no server listens there. Check the host and the port, and whether the server runs"
            }
            ErrorKind::NotFound => "there is no such socket. Check its path, and whether the server runs",
            ErrorKind::PermissionDenied => "the socket is not open to the user as whom this runs",
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                "the host does not answer. Check the host and the port, and whether a firewall is in between"
            }
            // The standard library has no kind for it.
            _ if error.to_string().contains("lookup address") => "there is no host of that name. Check the host",
            _ => return None,
        },
        SqlxError::Database(error) => return sign_in(error.as_ref()),
        _ => return None,
    };
    Some(detail.to_owned())
}

/// The server's reason for refusing a sign-in. It has the user name, and never the password.
fn sign_in(error: &dyn DatabaseError) -> Option<String> {
    let (is_credentials, is_database) = match error.try_downcast_ref::<MySqlDatabaseError>() {
        Some(error) => (
            matches!(error.number(), 1045 | 1698),
            matches!(error.number(), 1044 | 1049),
        ),
        None => {
            let code = error.code().unwrap_or_default();
            (code.starts_with("28"), code == "3D000")
        }
    };
    let said = error.message();
    match (is_credentials, is_database) {
        (true, _) => Some(format!(
            "the server does not accept the user name or the password ({said}). {ENCODING}"
        )),
        (_, true) => Some(format!(
            "the server has no such database, or not for this user ({said})"
        )),
        _ => None,
    }
}
