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
//! **Order.** A message does not overtake an earlier one whose subject is the same, such as the beginning and the end of an alarm
//! ([`EventKind::in_order_with`]). While the earlier one waits for its next attempt, the later one waits, too; a new message is a
//! reason to try the earlier one again at once. Messages about other subjects are not held up.
//!
//! **Stops.** A graceful stop waits for the messages that are being sent.
//!
//! **Targets.** Webhooks and pings connect to no address of the machine itself ([`network`]), follow no redirect and use no
//! proxy. A webhook is signed. Its secret is encrypted in the database with a key that is not there ([`secret`]).
//!
//! **Words.** Events have no data of students, no password and no token. Mails say what happened, what is safe, and what to
//! do next.
//!
//! In reading order: [`event`] has the events, and [`message`] its words; [`outbox`] writes the messages and their
//! states; [`delivery`] sends them to a [`target`], by [`messenger`] with [`smtp`] and [`webhook`]; [`manage`] is for
//! administrators, with the rules of [`values`], test messages ([`trial`]), and the [`view`] that they see; [`status`] is for the
//! health.

mod delivery;
mod event;
mod manage;
mod message;
mod messenger;
pub(crate) mod network;
mod outbox;
mod secret;
mod smtp;
mod status;
mod target;
mod trial;
mod values;
mod view;
mod webhook;

use std::error::Error as StdError;

pub use self::delivery::DeliveryRunner;
pub use self::event::{
    AdministratorAdded, ArchiveSuspicious, BackupFailed, BackupStale, BackupStarted, BackupSucceeded, BackupWellAgain,
    ClearAction, ClearDone, DestinationAlarm, DestinationFailed, Event, EventKind, NotificationsFailing, RestoreDone,
    RetentionHeld, ScheduleAction, ScheduleDisabled, TestMessage,
};
pub use self::manage::{Notifications, SECRET_REPLAY};
pub use self::message::MailStyle;
pub use self::messenger::NotifySettings;
pub use self::network::LocalTargets;
pub use self::outbox::enqueue;
pub(crate) use self::outbox::insert_messages;
pub(crate) use self::secret::SecretPlace;
pub use self::secret::{SECRETS_KEY_BYTES, SecretsKey};
pub use self::smtp::{MailAddress, SmtpServer, SmtpSettings};
pub use self::status::{NotificationStatus, SecretState};
pub use self::trial::TestOutcome;
pub use self::values::{NewNotification, NotificationPatch};
pub use self::view::{NotificationDetails, NotificationPage};
pub use crate::entity::notification::NotificationKind;

/// An error with its sources, in one line.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
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
