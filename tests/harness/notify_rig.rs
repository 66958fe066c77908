//! Notifications with a clock that a test sets: copies of the service that send messages.

use std::path::PathBuf;
use std::time::Duration;

use campus_backup_domain::Result;
use campus_backup_domain::account::Admin;
use campus_backup_domain::clock::Clock;
use campus_backup_domain::notify::{
    self, DeliveryRunner, Event, LocalTargets, MailAddress, MailStyle, NewNotification, NotificationKind,
    Notifications, NotifySettings, SecretsKey, SmtpServer, SmtpSettings, TestMessage,
};
use campus_backup_domain::store::{Store, StoreSettings};
use sea_orm::TransactionTrait as _;

use super::copy_runtime::{CopyRuntime, administrator, connect};
use super::schedule_rig::TestClock;
use super::{Receiver, Scratch};

/// The key of stored secrets in the tests.
pub const TEST_KEY: &str = "5d0a8f3be1c72946b3f8e07a19cd526478e2d9a4f60b1c35ca914e6d83b7f025";

/// Without a mail server, with loopback allowed.
pub fn notify_settings() -> NotifySettings {
    NotifySettings {
        smtp: None,
        local_targets: LocalTargets::Allowed,
        attachment_limit: 1 << 20,
        style: MailStyle {
            timezone: chrono_tz::Asia::Kolkata,
            dashboard: None,
        },
        key: Some(SecretsKey::from_hex(TEST_KEY).unwrap()),
    }
}

/// With the mail server at this port, without encryption.
pub fn mail_settings(port: u16) -> NotifySettings {
    let server = SmtpServer::parse(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap();
    let from = MailAddress::parse("Backups <backup@school.example>").unwrap();
    NotifySettings {
        smtp: Some(SmtpSettings { server, from }),
        ..notify_settings()
    }
}

/// A copy of the service that sends messages. It has a runtime of its own, whose end is the end of the copy.
pub struct NotifyCopy {
    /// Dropped first.
    runtime: CopyRuntime,
    pub notifications: Notifications,
    pub deliveries: DeliveryRunner,
    pub admin: Admin,
}

impl NotifyCopy {
    pub async fn on(scratch: &Scratch, clock: &TestClock, settings: NotifySettings) -> Self {
        let runtime = CopyRuntime::new();
        let (url, folder, clock) = (scratch.url().to_owned(), scratch.folder().to_owned(), clock.clock());
        let (notifications, deliveries, admin) = runtime.run(build(url, folder, clock, settings)).await;
        Self {
            notifications,
            deliveries,
            admin,
            runtime,
        }
    }

    /// Sends what is due, on the copy's own runtime.
    pub async fn deliver(&self) -> Result<()> {
        let deliveries = self.deliveries.clone();
        self.runtime.run(async move { deliveries.deliver_due().await }).await
    }

    /// Begins to send, and does not wait.
    pub fn begin(&self) {
        let _runtime = self.runtime.enter();
        self.deliveries.begin();
    }

    pub async fn create(&self, new: NewNotification) -> i64 {
        self.notifications.create(&self.admin, new, None).await.unwrap().id
    }
}

async fn build(
    url: String,
    folder: PathBuf,
    clock: Clock,
    settings: NotifySettings,
) -> (Notifications, DeliveryRunner, Admin) {
    let database = connect(url, Duration::from_secs(10)).await;
    let store = Store::open(&StoreSettings::folder(folder.join("archives"))).unwrap();
    let admin = administrator(&database).await;
    let notifications = Notifications::new(database.clone(), store.clone(), clock.clone(), settings.clone());
    let deliveries = DeliveryRunner::new(database, store, clock, settings);
    (notifications, deliveries, admin)
}

/// An email about everything.
pub fn email(name: &str, to: &[&str]) -> NewNotification {
    NewNotification {
        name: name.to_owned(),
        kind: NotificationKind::Email,
        to: to.iter().map(|address| (*address).to_owned()).collect(),
        url: None,
        events: Some(notify::EventKind::CHOICES.to_vec()),
        secret: None,
        attach_archive: false,
        enabled: true,
    }
}

/// A webhook about everything.
pub fn webhook(name: &str, receiver: &Receiver) -> NewNotification {
    NewNotification {
        kind: NotificationKind::Webhook,
        url: Some(receiver.url("/hook")),
        ..email(name, &[])
    }
}

/// A ping.
pub fn ping(name: &str, receiver: &Receiver) -> NewNotification {
    NewNotification {
        kind: NotificationKind::Ping,
        url: Some(receiver.url("/ping/0193d2f0?x=1")),
        events: None,
        ..email(name, &[])
    }
}

/// Writes the messages of an event, as a change would that commits.
pub async fn enqueue(scratch: &Scratch, clock: &TestClock, event: &Event) {
    let transaction = scratch.connection().begin().await.unwrap();
    notify::enqueue(&transaction, clock.now(), event).await.unwrap();
    transaction.commit().await.unwrap();
}

/// An event with this number in it.
pub fn numbered(number: usize) -> Event {
    Event::AdministratorAdded(notify::AdministratorAdded {
        username: format!("admin {number}"),
    })
}

/// A message that no notification can choose.
pub fn test_message() -> Event {
    Event::Test(TestMessage {
        name: "x".to_owned(),
        username: "x".to_owned(),
    })
}

/// The events of all messages with their states, in their order.
pub async fn outbox(scratch: &Scratch) -> Vec<(String, String)> {
    let rows = scratch.rows("select event, state from backup_outbox order by id").await;
    let text = |value: &Option<String>| value.clone().unwrap();
    rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
}
