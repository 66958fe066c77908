//! What the messages of a notification are sent to.

use secrecy::SecretString;

use super::messenger::NotifySettings;
use super::secret::{SecretPlace, SecretsKey};
use super::values::invalid;
use super::view::addresses;
use crate::entity::notification::{Model, NotificationKind};
use crate::error::{Error, Result};

/// The column of secrets, to which each secret is bound.
const SECRET_COLUMN: &str = "backup_notifications.secret";

/// The problem of a webhook whose secret can't be read.
const WRONG_KEY: &str = "The secret of this webhook can't be read with the key of this service. Give the service the key that \
                         it had (--secrets-key-file), or enter the secret again.";

/// What a message is sent to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Email {
        to: Vec<String>,
        attachment: AttachmentChoice,
    },
    Webhook {
        url: String,
        secret: SecretString,
    },
    Ping {
        url: String,
    },
}

/// Whether a mail about a backup carries the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttachmentChoice {
    Archive,
    None,
}

impl Target {
    /// The target of a notification.
    ///
    /// # Errors
    /// The problem, as a sentence: the key does not open the secret.
    pub(super) fn of(notification: &Model, key: Option<&SecretsKey>) -> Result<Self, &'static str> {
        let url = notification.target.clone();
        match notification.kind {
            NotificationKind::Email => Ok(Self::Email {
                to: addresses(notification),
                attachment: match notification.attach_archive {
                    true => AttachmentChoice::Archive,
                    false => AttachmentChoice::None,
                },
            }),
            NotificationKind::Ping => Ok(Self::Ping { url }),
            NotificationKind::Webhook => {
                let stored = notification.secret.as_deref().ok_or(WRONG_KEY)?;
                let secret = key.ok_or(WRONG_KEY)?.decrypt(place(notification.id), stored);
                let secret = secret.map_err(|_| WRONG_KEY)?;
                Ok(Self::Webhook { url, secret })
            }
        }
    }
}

impl NotifySettings {
    /// The key that encrypts secrets.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field `secret` if there is none.
    pub(super) fn secrets_key(&self) -> Result<&SecretsKey> {
        let missing = || {
            invalid(
                "secret",
                "can't be stored: this program has no key for secrets. Start the service once, which makes one in the data folder",
            )
        };
        self.key.as_ref().ok_or_else(missing)
    }

    /// The secret of a notification as it is stored.
    ///
    /// # Errors
    /// Those of [`NotifySettings::secrets_key`].
    pub(super) fn encrypted(&self, id: i64, secret: &SecretString) -> Result<String> {
        let encrypted = self.secrets_key()?.encrypt(place(id), secret);
        encrypted.map_err(|_| Error::internal("encrypting a secret")("the library refuses the key"))
    }
}

fn place(id: i64) -> SecretPlace {
    SecretPlace {
        column: SECRET_COLUMN,
        row: id,
    }
}
