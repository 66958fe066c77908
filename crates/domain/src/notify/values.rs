//! The values of a notification, as administrators enter them, and their rules.

use secrecy::SecretString;
use serde_json::json;

use super::event::EventKind;
use super::messenger::{NO_MAIL_SERVER, NotifySettings};
use super::smtp::MailAddress;
use super::{network, webhook};
use crate::entity::notification::NotificationKind;
use crate::error::{Error, Result};
use crate::named::check_name;

/// How many addresses a mail may go to.
const MAX_ADDRESSES: usize = 10;

/// How many characters an address may have (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// A notification to be created or tried.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// A name that no other notification has.
    pub name: String,
    /// How it is sent.
    pub kind: NotificationKind,
    /// The addresses of an email; empty otherwise.
    pub to: Vec<String>,
    /// The URL of a webhook or a ping.
    pub url: Option<String>,
    /// The events; none for the defaults. A ping has its own.
    pub events: Option<Vec<EventKind>>,
    /// The secret of a webhook; none for a new one.
    pub secret: Option<SecretString>,
    /// Whether mails about backups carry the archive.
    pub attach_archive: bool,
    /// Whether it is sent.
    pub enabled: bool,
}

/// New values of a notification: `None` leaves one unchanged.
#[derive(Clone, Debug, Default)]
pub struct NotificationPatch {
    /// A name that no other notification has.
    pub name: Option<String>,
    /// The addresses of an email.
    pub to: Option<Vec<String>>,
    /// The URL of a webhook or a ping.
    pub url: Option<String>,
    /// The events.
    pub events: Option<Vec<EventKind>>,
    /// The secret of a webhook.
    pub secret: Option<SecretString>,
    /// Whether mails about backups carry the archive.
    pub attach_archive: Option<bool>,
    /// Whether it is sent.
    pub enabled: Option<bool>,
}

impl NewNotification {
    /// The target as it is stored.
    pub(super) fn target(&self) -> String {
        match self.kind {
            NotificationKind::Email => json!(self.to).to_string(),
            NotificationKind::Webhook | NotificationKind::Ping => self.url.clone().unwrap_or_default(),
        }
    }

    /// Checks the values, and returns the secret that the notification gets.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) async fn checked(&self, settings: &NotifySettings) -> Result<Option<SecretString>> {
        check_name(&self.name)?;
        match self.kind {
            NotificationKind::Email if self.to.is_empty() => {
                return Err(invalid("to", "is missing: an email needs an address"));
            }
            NotificationKind::Webhook | NotificationKind::Ping if self.url.is_none() => {
                return Err(invalid("url", "is missing: a webhook or a ping needs a URL"));
            }
            _ => {}
        }
        if self.kind == NotificationKind::Email && settings.smtp.is_none() {
            return Err(invalid(
                "kind",
                format!("can't be email. {}", NO_MAIL_SERVER.trim_end_matches('.')),
            ));
        }
        let values = NotificationPatch {
            to: (!self.to.is_empty()).then(|| self.to.clone()),
            url: self.url.clone(),
            events: self.events.clone(),
            secret: self.secret.clone(),
            attach_archive: self.attach_archive.then_some(true),
            ..NotificationPatch::default()
        };
        check_values(self.kind, &values, settings).await?;
        if self.kind != NotificationKind::Webhook {
            return Ok(None);
        }
        settings.secrets_key()?;
        Ok(Some(self.secret.clone().unwrap_or_else(webhook::new_secret)))
    }
}

impl NotificationPatch {
    /// Checks the values for a notification of this kind.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) async fn check(&self, kind: NotificationKind, settings: &NotifySettings) -> Result<()> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        if self.to.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("to", "must not be empty"));
        }
        check_values(kind, self, settings).await
    }
}

impl NotificationKind {
    /// The events of a notification, by those that its creator has named.
    pub(super) fn events(self, named: Option<Vec<EventKind>>) -> Vec<EventKind> {
        let mut events = match self {
            Self::Ping => EventKind::OF_PINGS.to_vec(),
            Self::Email | Self::Webhook => named.unwrap_or_else(EventKind::defaults),
        };
        events.sort();
        events.dedup();
        events
    }
}

async fn check_values(kind: NotificationKind, values: &NotificationPatch, settings: &NotifySettings) -> Result<()> {
    let is_email = kind == NotificationKind::Email;
    if let Some(to) = &values.to {
        if !is_email {
            return Err(invalid("to", "is for an email only"));
        }
        check_addresses(to)?;
    }
    if let Some(url) = &values.url {
        if is_email {
            return Err(invalid("url", "is for a webhook or a ping only"));
        }
        let checked = network::check(&network::parse(url)?, settings.local_targets).await;
        checked.map_err(|problem| invalid("url", format!("can't be used: {}", problem.trim_end_matches('.'))))?;
    }
    if let Some(events) = &values.events {
        check_events(kind, events)?;
    }
    if let Some(secret) = &values.secret {
        if kind != NotificationKind::Webhook {
            return Err(invalid("secret", "is for a webhook only"));
        }
        webhook::check_secret(secret)?;
        settings.secrets_key()?;
    }
    match values.attach_archive {
        Some(true) if !is_email => Err(invalid("attach_archive", "is for an email only")),
        _ => Ok(()),
    }
}

fn check_events(kind: NotificationKind, events: &[EventKind]) -> Result<()> {
    let problem = if kind == NotificationKind::Ping {
        "is not for a ping, which reports the start and the end of backups"
    } else if events.is_empty() {
        "must not be empty"
    } else if !events.iter().all(|event| EventKind::CHOICES.contains(event)) {
        "has an event that can't be chosen"
    } else {
        return Ok(());
    };
    Err(invalid("events", problem))
}

fn check_addresses(to: &[String]) -> Result<()> {
    if to.len() > MAX_ADDRESSES {
        return Err(invalid("to", format!("has more than {MAX_ADDRESSES} addresses")));
    }
    for (position, address) in to.iter().enumerate() {
        if address.len() > MAX_ADDRESS {
            return Err(invalid("to", "has an address that is too long"));
        }
        MailAddress::parse(address).map_err(|problem| invalid("to", problem))?;
        if to[..position].contains(address) {
            return Err(invalid("to", "has an address twice"));
        }
    }
    Ok(())
}

pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> Error {
    Error::Invalid {
        field,
        problem: problem.into(),
    }
}
