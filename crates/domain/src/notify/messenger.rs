//! Sends one message to one target.

use std::time::{Duration, Instant};

use campus_backup_archive::layers::Encryption;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::event::Event;
use super::message::MailStyle;
use super::network::LocalTargets;
use super::outbox::DeliveryFailure;
use super::secret::SecretsKey;
use super::smtp::{AttachedFile, SmtpFailure, SmtpSettings};
use super::target::{AttachmentChoice, Target};
use super::webhook::WebClient;
use crate::store::Store;

/// After how long no further address gets its mail in the same attempt. With the last mail it is less than a claim.
const MAILS_TIMEOUT: Duration = Duration::from_secs(240);

/// How long the store may take to give an archive.
const STORE_TIMEOUT: Duration = Duration::from_secs(45);

/// How notifications are sent.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// The mail server, if there is one.
    pub smtp: Option<SmtpSettings>,
    /// Whether webhooks and pings may connect to addresses of the machine itself.
    pub local_targets: LocalTargets,
    /// How many bytes an archive may have that a mail carries.
    pub attachment_limit: u64,
    /// What all mails have in common.
    pub style: MailStyle,
    /// The key that encrypts the secrets of webhooks. Without it, no secret can be stored or used.
    pub key: Option<SecretsKey>,
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct OutgoingMessage<'a> {
    /// The event's id.
    pub(super) event_id: &'a str,
    /// The id of mails.
    pub(super) message_id: String,
    pub(super) event: &'a Event,
    /// When it happened.
    pub(super) at: DateTime<Utc>,
    /// The addresses that have it already.
    pub(super) delivered_to: Vec<String>,
}

/// Sends messages.
#[derive(Clone)]
pub(super) struct Messenger {
    pub(super) settings: NotifySettings,
    store: Store,
    web: WebClient,
}

impl Messenger {
    pub(super) fn new(settings: NotifySettings, store: Store) -> Self {
        Self {
            web: WebClient::new(settings.local_targets),
            settings,
            store,
        }
    }

    /// Sends a message now, and returns when the server has accepted it.
    ///
    /// # Errors
    /// What the server said, or why it could not be asked.
    pub(super) async fn send(
        &self,
        target: &Target,
        message: &OutgoingMessage<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), DeliveryFailure> {
        let failure = |detail| DeliveryFailure {
            detail,
            delivered_to: Vec::new(),
        };
        match target {
            Target::Email { to, attachment } => self.mail(to, *attachment, message).await,
            Target::Webhook { url, secret } => {
                let event = (message.event, message.at);
                let sent = self.web.post(url, secret, message.event_id, event, now).await;
                sent.map_err(failure)
            }
            Target::Ping { url } => self.web.ping(url, message.event.kind()).await.map_err(failure),
        }
    }

    /// Sends a mail to each address that does not have it yet. One address that is refused does not keep the others from it.
    async fn mail(
        &self,
        to: &[String],
        attachment: AttachmentChoice,
        message: &OutgoingMessage<'_>,
    ) -> Result<(), DeliveryFailure> {
        let mut delivered_to = message.delivered_to.clone();
        let Some(smtp) = &self.settings.smtp else {
            return Err(DeliveryFailure {
                detail: NO_MAIL_SERVER.to_owned(),
                delivered_to,
            });
        };
        let mut text = self.settings.style.compose(message.event, message.at);
        let attached = match (attachment, message.event.archive_id()) {
            (AttachmentChoice::Archive, Some(archive_id)) => match self.attached_in_time(archive_id).await {
                Ok(file) => Some(file),
                Err(why) => {
                    text.add(format!(
                        "The backup is not attached: {why} It is in the store of archives; download it in the dashboard."
                    ));
                    None
                }
            },
            _ => None,
        };
        let (mut problems, started) = (Vec::new(), Instant::now());
        for address in to.iter().filter(|address| !message.delivered_to.contains(address)) {
            if started.elapsed() > MAILS_TIMEOUT {
                problems.push("The mail server is slow, so the other addresses follow later.".to_owned());
                break;
            }
            match smtp.send(address, &message.message_id, &text, attached.as_ref()).await {
                Ok(()) => delivered_to.push(address.clone()),
                Err(SmtpFailure::Refused(problem)) if to.len() == 1 => problems.push(problem),
                Err(SmtpFailure::Refused(problem)) => problems.push(format!("{address}: {problem}")),
                Err(SmtpFailure::Unreachable(problem)) => {
                    problems.push(problem);
                    break;
                }
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(DeliveryFailure {
                detail: problems.join(" "),
                delivered_to,
            }),
        }
    }

    async fn attached_in_time(&self, archive_id: &str) -> Result<AttachedFile, String> {
        match tokio::time::timeout(STORE_TIMEOUT, self.attached(archive_id)).await {
            Ok(attached) => attached,
            Err(_) => Err("the store does not answer.".to_owned()),
        }
    }

    /// An archive as an attachment, if it is encrypted and small enough.
    ///
    /// # Errors
    /// Why not, as a sentence.
    async fn attached(&self, archive_id: &str) -> Result<AttachedFile, String> {
        let unreadable = |_| "it can't be read from the store now.".to_owned();
        let manifest = self.store.manifest(archive_id).await.map_err(unreadable)?;
        let (object, limit) = (&manifest.object, self.settings.attachment_limit);
        if object.encryption != Encryption::Age {
            return Err("it is not encrypted, and mails can be read by others.".to_owned());
        }
        if object.size > limit {
            return Err(format!(
                "it has {} bytes, and a mail may carry {limit} (--mail-attachment-limit).",
                object.size
            ));
        }
        let opened = self.store.read(archive_id, manifest.file(), None).await;
        let mut reader = opened.map_err(unreadable)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await.map_err(unreadable)? {
            bytes.extend_from_slice(&chunk);
        }
        if hex::encode(Sha256::digest(&bytes)) != object.sha256 {
            return Err("it is damaged; verify it.".to_owned());
        }
        Ok(AttachedFile {
            // The id would be too long for the header, and some mail programs can't read a name that is split.
            name: format!(
                "backup-{}.json{}",
                manifest.created_at.format("%Y-%m-%d"),
                object.form().suffix()
            ),
            bytes,
        })
    }
}

/// The problem of an email notification without a mail server.
pub(super) const NO_MAIL_SERVER: &str = "There is no mail server in the settings: --smtp-url-file (CAMPUS_BACKUP_SMTP_URL) and \
                                         --smtp-from (CAMPUS_BACKUP_SMTP_FROM) name it.";
