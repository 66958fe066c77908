//! `campus-backup notification`: mails, webhooks and pings about what happened.
//!
//! The commands write notifications into the database. The running service sends their messages.

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::notify::{
    EventKind, NewNotification, NotificationDetails, NotificationKind, NotificationPatch,
};
use chrono::SecondsFormat;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Notification, NotificationValues};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::with_admin;
use crate::data_dir::secret;
use crate::problem::ApiError;

/// The most notifications that a list has.
const ALL: u64 = i64::MAX.cast_unsigned();

pub(super) fn notification(command: Notification) -> Result<(), ExitError> {
    match command {
        Notification::List { acting } => list(&acting),
        Notification::Show { notification, acting } => show(&notification, &acting),
        Notification::Create {
            name,
            email,
            webhook,
            ping,
            values,
            attach_archive,
            disabled,
            acting,
        } => {
            let (kind, url) = match (webhook, ping) {
                (Some(url), _) => (NotificationKind::Webhook, Some(url)),
                (None, Some(url)) => (NotificationKind::Ping, Some(url)),
                (None, None) => (NotificationKind::Email, None),
            };
            let new = NewNotification {
                name,
                kind,
                to: email,
                url,
                events: events(&values)?,
                secret: webhook_secret(&values)?,
                attach_archive,
                enabled: !disabled,
            };
            create(new, &acting)
        }
        Notification::Edit {
            notification,
            name,
            email,
            url,
            values,
            attach_archive,
            no_attach_archive,
            enable,
            disable,
            acting,
        } => {
            let patch = NotificationPatch {
                name,
                to: (!email.is_empty()).then_some(email),
                url,
                events: events(&values)?,
                secret: webhook_secret(&values)?,
                attach_archive: (attach_archive || no_attach_archive).then_some(attach_archive),
                enabled: (enable || disable).then_some(enable),
            };
            edit(&notification, patch, &acting)
        }
        Notification::Delete {
            notification,
            yes,
            acting,
        } => delete(&notification, yes, &acting),
        Notification::Test { notification, acting } => test(&notification, &acting),
    }
}

/// The answer of `notification list --json`.
#[derive(Serialize)]
struct NotificationList {
    items: Vec<NotificationDetails>,
}

fn list(acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let listed = state.notifications.list(admin, ALL, 0).await.map_err(refused)?;
        if acting.json {
            return print_json(&NotificationList { items: listed.items });
        }
        listed
            .items
            .iter()
            .try_for_each(|notification| print(&line(notification)))
    })
}

fn show(notification: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let notification = found(state, admin, notification).await?;
        if acting.json {
            return print_json(&notification);
        }
        print(&line(&notification))?;
        let events: Vec<_> = notification.events.iter().map(|event| event.word()).collect();
        print(&format!("events: {}", events.join(", ")))?;
        if notification.waiting > 0 {
            print(&format!("messages that wait: {}", notification.waiting))?;
        }
        match &notification.last_error {
            Some(error) => print(&format!("last error: {error}")),
            None => Ok(()),
        }
    })
}

fn create(new: NewNotification, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let created = state.notifications.create(admin, new, None).await;
        let created = created.map_err(refused)?;
        let secret = created.secret.clone();
        report(acting.report(), created)?;
        match (secret, acting.report()) {
            // It is stored nowhere in this form, so even `--quiet` prints it.
            (Some(secret), Report::Text | Report::Quiet) => print(&format!(
                "The secret that signs its requests, shown only now: {}",
                secret.expose_secret()
            )),
            _ => Ok(()),
        }
    })
}

fn edit(notification: &str, patch: NotificationPatch, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, notification).await?.id;
        let edited = state.notifications.update(admin, id, patch).await;
        report(acting.report(), edited.map_err(refused)?)
    })
}

/// The answer of `notification delete --json`.
#[derive(Serialize)]
struct DeletedNotification {
    id: i64,
    deleted: bool,
}

fn delete(notification: &str, yes: bool, acting: &Acting) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        let notification = found(state, admin, notification).await?;
        if !yes {
            print(&line(&notification))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let id = notification.id;
        state.notifications.delete(admin, id).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&DeletedNotification { id, deleted: true }),
            report => report.say(&format!("The notification `{}` was deleted.", notification.name)),
        }
    })
}

fn test(notification: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let id = found(state, admin, notification).await?.id;
        let outcome = state.notifications.try_saved(admin, id).await.map_err(refused)?;
        let entry = AuditEntry::by(admin, AuditEvent::NotificationTest).about(id);
        state.audit.record(entry).await.map_err(refused)?;
        if acting.json {
            return print_json(&outcome);
        }
        match outcome.delivered {
            true => acting.report().say(&outcome.detail),
            false => Err(ExitError::failed("sending a test message")(outcome.detail)),
        }
    })
}

async fn found(state: &AppState, admin: &Admin, notification: &str) -> Result<NotificationDetails, ExitError> {
    match state.notifications.find(admin, notification).await {
        Err(Error::UnknownNotification) => {
            let detail = format!("There is no notification with the name or the id `{notification}`.");
            Err(ApiError::new(crate::problem::Code::UnknownNotification, detail).into())
        }
        found => found.map_err(refused),
    }
}

/// Prints a notification that a command has created or changed.
fn report(report: Report, notification: NotificationDetails) -> Result<(), ExitError> {
    match report {
        Report::Json => print_json(&notification),
        Report::Text | Report::Quiet => report.say(&line(&notification)),
    }
}

/// A notification as one line.
fn line(notification: &NotificationDetails) -> String {
    let target = match (&notification.url, notification.kind) {
        (Some(url), NotificationKind::Ping) => format!("ping {url}"),
        (Some(url), _) => format!("webhook {url}"),
        (None, _) => format!("email {}", notification.to.join(", ")),
    };
    let moment = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let state = match (
        notification.enabled,
        notification.failing_since,
        notification.last_sent_at,
    ) {
        (false, _, _) => "disabled".to_owned(),
        (true, Some(since), _) => format!("failing since {}", moment(since)),
        (true, None, Some(sent)) => format!("last sent {}", moment(sent)),
        (true, None, None) => "nothing sent yet".to_owned(),
    };
    format!("{:>4}  {}  {target}  {state}", notification.id, notification.name)
}

fn events(values: &NotificationValues) -> Result<Option<Vec<EventKind>>, ExitError> {
    let kinds: Result<Vec<_>, _> = values
        .events
        .iter()
        .map(|word| {
            let chosen = EventKind::CHOICES.into_iter().find(|kind| kind.word() == word);
            chosen.ok_or_else(|| {
                let words = EventKind::CHOICES.map(EventKind::word).join(", ");
                ExitError::Settings(vec![format!("--event: `{word}` is not one of {words}")])
            })
        })
        .collect();
    Ok(Some(kinds?).filter(|kinds| !kinds.is_empty()))
}

fn webhook_secret(values: &NotificationValues) -> Result<Option<SecretString>, ExitError> {
    let file = values.secret_file.as_deref();
    file.map(|file| secret::secret_in_file("--secret-file", file))
        .transpose()
}
