//! Notifications: mails, webhooks and pings that report what happened to people and programs.
//!
//! **Nothing is lost.** The transaction that changes something also inserts a message into the outbox for each notification
//! that wants the event ([`enqueue`]): no change without its messages, and no message without its change. No backup waits for
//! a mail server or fails because of it. [`DeliveryRunner`] sends what waits, again and again for about two days.
//!
//! **Each message is sent once by several copies of the service.** A copy claims a message for a limited time by a conditional
//! update, sends it, and marks it. A copy that is killed in between does not know whether the message arrived, so it is sent
//! again after that time, with the same event id and the same message id: receivers can drop the repeat.
//!
//! **Targets.** Webhooks and pings connect to no address of the machine itself ([`network`]), follow no redirect and use no
//! proxy. A webhook is signed. Its secret is encrypted in the database with a key that is not there ([`secret`]).
//!
//! **Words.** Events have no data of students, no password and no token. Mails say what happened, what is safe, and what to
//! do next.
//!
//! In reading order: [`event`] has the events, and [`message`] its words; [`outbox`] writes the messages and their
//! states; [`delivery`] sends them, by [`messenger`] with [`smtp`] and [`webhook`]; [`manage`] is for administrators, and
//! [`view`] what they see.

mod delivery;
mod event;
mod manage;
mod message;
mod messenger;
mod network;
mod outbox;
mod secret;
mod smtp;
mod view;
mod webhook;

use std::error::Error as StdError;

pub use self::delivery::DeliveryRunner;
pub use self::event::{
    AdministratorAdded, ArchiveSuspicious, BackupFailed, BackupStale, BackupStarted, BackupSucceeded, BackupWellAgain,
    ClearAction, ClearDone, Event, EventKind, RestoreDone, RetentionHeld, ScheduleAction, ScheduleDisabled,
    TestMessage,
};
pub use self::manage::{NewNotification, NotificationPatch, Notifications, SecretsKeyState, TestOutcome};
pub use self::message::MailStyle;
pub use self::messenger::NotifySettings;
pub use self::network::LocalTargets;
pub use self::outbox::enqueue;
pub(crate) use self::outbox::insert_messages;
pub use self::secret::{SECRETS_KEY_BYTES, SecretsKey};
pub use self::smtp::{MailAddress, SmtpServer, SmtpSettings};
pub use self::view::{NotificationDetails, NotificationPage};
pub use crate::entity::notification::NotificationKind;

/// An error with its sources, in one line.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    // Some libraries repeat the source in their own text.
    texts.dedup_by(|source, text| text.contains(source.as_str()));
    texts.join(": ")
}
