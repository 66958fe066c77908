//! The words of mails: what happened, what is safe, and what to do next, as plain text and as HTML.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::event::{
    BackupFailed, BackupSucceeded, ClearAction, ClearDone, DestinationAlarm, DestinationFailed, Event, ScheduleAction,
};

/// What all mails have in common.
#[derive(Clone, Debug)]
pub struct MailStyle {
    /// The school's time zone.
    pub timezone: Tz,
    /// The address of the dashboard, if the settings have it.
    pub dashboard: Option<String>,
}

/// The text of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailText {
    pub(super) subject: String,
    /// Sentences for people, in paragraphs.
    paragraphs: Vec<String>,
    /// Names and values that help to find what the mail is about.
    details: Vec<(&'static str, String)>,
}

impl MailText {
    fn new(subject: impl Into<String>, paragraphs: impl IntoIterator<Item = String>) -> Self {
        Self {
            subject: subject.into(),
            paragraphs: paragraphs.into_iter().collect(),
            details: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.details.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a paragraph at the end.
    pub(super) fn add(&mut self, paragraph: String) {
        self.paragraphs.push(paragraph);
    }

    /// As plain text.
    pub(super) fn plain(&self) -> String {
        let mut text = self.paragraphs.join("\n\n");
        if !self.details.is_empty() {
            text += "\n\n";
            let lines = self.details.iter().map(|(name, value)| format!("{name}: {value}"));
            text += &lines.collect::<Vec<_>>().join("\n");
        }
        text + "\n"
    }

    /// As HTML.
    pub(super) fn html(&self) -> String {
        let paragraphs = self
            .paragraphs
            .iter()
            .map(|paragraph| format!("<p>{}</p>\n", escaped(paragraph)));
        let rows = self
            .details
            .iter()
            .map(|(name, value)| format!("<tr><th align=\"left\">{name}</th><td>{}</td></tr>\n", escaped(value)));
        let details = match self.details.is_empty() {
            true => String::new(),
            false => format!("<table>\n{}</table>\n", rows.collect::<String>()),
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"font-family: sans-serif\">\n{}{details}</body></html>\n",
            escaped(&self.subject),
            paragraphs.collect::<String>(),
        )
    }
}

/// A text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            '\n' => html += "<br>\n",
            letter => html.push(letter),
        }
    }
    html
}

impl MailStyle {
    /// The mail about an event, which happened at this time.
    pub(super) fn compose(&self, event: &Event, at: DateTime<Utc>) -> MailText {
        let time = self.time(at);
        let mut text = match event {
            Event::BackupStarted(backup) => MailText::new(
                labelled("Backup begins", backup.label.as_deref()),
                [format!("A backup has begun on {time}.")],
            ),
            Event::BackupSucceeded(backup) => succeeded(backup, &time),
            Event::BackupFailed(backup) => failed(backup, &time),
            Event::BackupStale(stale) => {
                let last = match stale.last_backup_at {
                    Some(at) => format!("The last backup was created on {}.", self.time(at)),
                    None => "There is no backup yet.".to_owned(),
                };
                MailText::new(
                    "The backups need attention",
                    [
                        last,
                        stale.reasons.join("\n"),
                        "The school's data works as before, but no backup has what was entered since then.".to_owned(),
                        "Solve the problem above. Then create a backup in the dashboard, to see that it works.".to_owned(),
                    ],
                )
            }
            Event::BackupWellAgain(well) => MailText::new(
                "The problem with the backups is solved",
                [
                    match well.last_backup_at {
                        Some(at) => format!("The last backup was created on {}.", self.time(at)),
                        None => "The problem with the backups is solved.".to_owned(),
                    },
                    match well.failing_since {
                        Some(since) => format!("There was a problem since {}. It is solved.", self.time(since)),
                        None => String::new(),
                    },
                    "You have nothing to do.".to_owned(),
                ],
            ),
            Event::DestinationFailed(failed) => self.destination(failed),
            Event::ArchiveSuspicious(archive) => MailText::new(
                "A backup looks suspicious",
                [
                    format!("The backup of {time} differs much from the ones before it, or could not be compared with them:"),
                    archive.findings.join("\n"),
                    "The school's data was not changed by this, and no older backup is deleted until you have answered."
                        .to_owned(),
                    "Compare the backup with an earlier one. If the difference is right, accept the backup in the \
                     dashboard. If not, find out what has deleted the data, and restore it from an earlier backup."
                        .to_owned(),
                ],
            )
            .with("Backup", Some(&archive.archive_id)),
            Event::RetentionHeld(held) => MailText::new(
                "Old backups are kept for now",
                [
                    format!(
                        "On {time}, the service did not delete the backups that are due for deletion ({}):",
                        held.archives
                    ),
                    held.reasons.join("\n"),
                    "No backup was deleted.".to_owned(),
                    "Solve the problem above. Until then, the store needs room for all backups.".to_owned(),
                ],
            ),
            Event::RestoreDone(restore) => MailText::new(
                "A backup was restored",
                [
                    format!(
                        "`{}` restored a backup on {time}. {} deleted and {} written.",
                        restore.username,
                        rows_were(restore.removed),
                        rows_were(restore.written)
                    ),
                    "A safety backup has the data as it was before.".to_owned(),
                    format!(
                        "If you expected this, you have nothing to do. If not, restore the safety backup, and change the \
                         password of `{}`.",
                        restore.username
                    ),
                ],
            )
            .with("Backup", Some(&restore.archive_id))
            .with("Safety backup", Some(&restore.safety_archive_id)),
            Event::ClearDone(clear) => self.cleared(clear, &time),
            Event::ScheduleDisabled(schedule) => {
                let done = match schedule.action {
                    ScheduleAction::Disabled => "switched off",
                    ScheduleAction::Deleted => "deleted",
                };
                MailText::new(
                    format!("Schedule {done}: {}", schedule.name),
                    [
                        format!("`{}` {done} the schedule `{}` on {time}.", schedule.username, schedule.name),
                        "The backups that it has created are still there. It creates no more backups.".to_owned(),
                        "If you expected this, you have nothing to do. If not, enable the schedule again, or create \
                         another one."
                            .to_owned(),
                    ],
                )
            }
            Event::AdministratorAdded(added) => MailText::new(
                format!("New administrator: {}", added.username),
                [
                    format!(
                        "On {time}, the account `{}` got the rights of an administrator: from another administrator, by a command \
                         on the server, or by a restored backup.",
                        added.username
                    ),
                    "An active administrator has all rights. No other account was changed by this.".to_owned(),
                    "If you expected this, you have nothing to do. If not, disable the account, and check who can use \
                     the other administrators' accounts and the server."
                        .to_owned(),
                ],
            ),
            Event::NotificationsFailing(failing) => MailText::new(
                "Notifications are not delivered",
                [
                    failing.reasons.join("\n"),
                    "Backups are made as before, and the messages are kept for about two days.".to_owned(),
                    "Solve the problem above. Then test the notification, to see that it works.".to_owned(),
                ],
            ),
            Event::Test(test) => MailText::new(
                format!("Test: {}", test.name),
                [
                    format!("`{}` tried the notification `{}` on {time}. It works.", test.username, test.name),
                    "Nothing has happened, and you have nothing to do.".to_owned(),
                ],
            ),
        };
        text.paragraphs.retain(|paragraph| !paragraph.is_empty());
        text.subject = format!("[campus-backup] {}", one_line(&text.subject));
        text.with("Dashboard", self.dashboard.as_deref())
    }

    fn destination(&self, failed: &DestinationFailed) -> MailText {
        let since = self.time(failed.failing_since);
        match failed.state {
            DestinationAlarm::Failing => MailText::new(
                "A destination of the backups fails",
                [
                    format!("Backups are not copied as they should be, since {since}."),
                    failed.detail.clone(),
                    "The school's data and the backups in the first store are not affected. If the first store is lost now, the \
                     backups that were not copied are lost, too."
                        .to_owned(),
                    "Correct the destination. The service tries again by itself, at least once an hour. The command \
                     `campus-backup destination test` shows whether it works."
                        .to_owned(),
                ],
            ),
            DestinationAlarm::Over => MailText::new(
                "The destinations of the backups work again",
                [
                    format!("There was a problem since {since}. It is solved."),
                    format!("It was: {}", failed.detail),
                    "You have nothing to do.".to_owned(),
                ],
            ),
        }
    }

    fn cleared(&self, clear: &ClearDone, time: &str) -> MailText {
        let (username, tables) = (&clear.username, clear.tables.join(", "));
        let text = match clear.action {
            ClearAction::Clear => {
                let safe = match (&clear.safety_archive_id, clear.undo_until) {
                    (Some(_), Some(until)) => format!(
                        "A safety backup has the deleted rows. You can undo the clear in the dashboard until {}.",
                        self.time(until)
                    ),
                    (Some(_), None) => "A safety backup has the deleted rows.".to_owned(),
                    (None, _) => "There was nothing to delete, so nothing is lost.".to_owned(),
                };
                MailText::new(
                    format!("Data was deleted: {tables}"),
                    [
                        format!(
                            "`{username}` cleared on {time}. {} deleted from: {tables}.",
                            rows_were(clear.rows)
                        ),
                        safe,
                        format!(
                            "If you expected this, you have nothing to do. If not, undo the clear, and change the password of \
                             `{username}`."
                        ),
                    ],
                )
            }
            ClearAction::Undo => MailText::new(
                format!("A change was undone: {tables}"),
                [
                    format!(
                        "`{username}` undid a clear or an import on {time}. {} put back into: {tables}.",
                        rows_were(clear.rows)
                    ),
                    "Data that was entered after it was not changed.".to_owned(),
                    "You have nothing to do.".to_owned(),
                ],
            ),
            ClearAction::Import => {
                let until = clear.undo_until.map(|until| format!(" until {}", self.time(until)));
                MailText::new(
                    format!("A file was imported: {tables}"),
                    [
                        format!(
                            "`{username}` imported a file on {time}. {} inserted, changed or deleted in: {tables}.",
                            rows_were(clear.rows)
                        ),
                        format!(
                            "A safety backup has the data before it. You can undo the import{}.",
                            until.unwrap_or_default()
                        ),
                        format!(
                            "If you expected this, you have nothing to do. If not, undo the import, and change the password \
                             of `{username}`."
                        ),
                    ],
                )
            }
        };
        text.with("Safety backup", clear.safety_archive_id.as_deref())
    }

    /// A time in the school's time zone.
    fn time(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.timezone);
        format!("{} ({})", local.format("%-d %B %Y, %H:%M"), self.timezone.name())
    }
}

fn succeeded(backup: &BackupSucceeded, time: &str) -> MailText {
    let checked = match backup.verified {
        true => "It was read back, and verified afterwards.",
        false => "It was read back completely.",
    };
    MailText::new(
        labelled("Backup created", backup.label.as_deref()),
        [
            format!("A backup was created on {time}. {checked}"),
            "You have nothing to do.".to_owned(),
        ],
    )
    .with("Backup", Some(&backup.archive_id))
}

fn failed(backup: &BackupFailed, time: &str) -> MailText {
    let happened = match (&backup.archive_id, backup.attempts) {
        (Some(_), _) => format!("A backup was stored, but its verification failed on {time}."),
        (None, 0 | 1) => format!("A backup failed on {time}."),
        (None, attempts) => format!("A backup failed on {time}, after {attempts} attempts."),
    };
    let next = match backup.schedule_id {
        Some(_) => {
            "Solve the problem. The schedule creates the next backup at its next time; you can create one before that in the \
             dashboard."
        }
        None => "Solve the problem, and create the backup again in the dashboard.",
    };
    MailText::new(
        labelled("Backup failed", backup.label.as_deref()),
        [
            happened,
            format!("The reason: {}", backup.detail),
            "The school's data was not changed, and earlier backups are still there.".to_owned(),
            next.to_owned(),
        ],
    )
    .with("Problem", Some(&backup.code))
    .with("Backup", backup.archive_id.as_deref())
}

/// A subject with the label of the archive, if it has one.
fn labelled(subject: &str, label: Option<&str>) -> String {
    match label {
        Some(label) => format!("{subject}: {label}"),
        None => subject.to_owned(),
    }
}

fn rows_were(rows: u64) -> String {
    match rows {
        1 => "1 row was".to_owned(),
        rows => format!("{rows} rows were"),
    }
}

/// A subject has no line break, which would begin another header.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::event::{
        AdministratorAdded, ArchiveSuspicious, BackupStale, BackupStarted, BackupWellAgain, NotificationsFailing,
        RestoreDone, RetentionHeld, ScheduleDisabled, TestMessage,
    };
    use super::*;

    fn style() -> MailStyle {
        MailStyle {
            timezone: chrono_tz::Asia::Kolkata,
            dashboard: Some("https://backup.school.example/backup/".to_owned()),
        }
    }

    fn at() -> DateTime<Utc> {
        "2026-11-29T20:30:00Z".parse().unwrap()
    }

    fn events() -> Vec<Event> {
        let (text, id) = (|| "x".to_owned(), || "2026-11-29T20-30-00Z-5f1c2a9b".to_owned());
        vec![
            Event::BackupStarted(BackupStarted {
                label: None,
                job_id: text(),
            }),
            Event::BackupSucceeded(BackupSucceeded {
                label: Some("Every night".to_owned()),
                archive_id: id(),
                job_id: None,
                schedule_id: Some(1),
                verified: true,
            }),
            Event::BackupFailed(BackupFailed {
                label: Some("Every night".to_owned()),
                job_id: None,
                schedule_id: Some(1),
                attempts: 5,
                archive_id: None,
                code: "insufficient_storage".to_owned(),
                detail: "The disk is full.".to_owned(),
            }),
            Event::BackupStale(BackupStale {
                last_backup_at: None,
                reasons: vec![text()],
            }),
            Event::BackupWellAgain(BackupWellAgain {
                last_backup_at: Some(at()),
                failing_since: None,
            }),
            Event::DestinationFailed(DestinationFailed {
                state: DestinationAlarm::Failing,
                detail: "The destination is full.".to_owned(),
                failing_since: at(),
            }),
            Event::DestinationFailed(DestinationFailed {
                state: DestinationAlarm::Over,
                detail: "The destination is full.".to_owned(),
                failing_since: at(),
            }),
            Event::ArchiveSuspicious(ArchiveSuspicious {
                archive_id: id(),
                findings: vec![text()],
            }),
            Event::RetentionHeld(RetentionHeld {
                reasons: vec![text()],
                archives: 3,
            }),
            Event::RestoreDone(RestoreDone {
                job_id: text(),
                username: "ada".to_owned(),
                archive_id: id(),
                removed: 1,
                written: 2,
                safety_archive_id: id(),
            }),
            Event::ClearDone(ClearDone {
                action: ClearAction::Clear,
                job_id: text(),
                username: "ada".to_owned(),
                tables: vec!["students".to_owned()],
                rows: 2,
                safety_archive_id: Some(id()),
                undo_until: Some(at()),
            }),
            Event::ScheduleDisabled(ScheduleDisabled {
                action: ScheduleAction::Deleted,
                schedule_id: 1,
                name: "Every night".to_owned(),
                username: "ada".to_owned(),
            }),
            Event::AdministratorAdded(AdministratorAdded {
                username: "eve".to_owned(),
            }),
            Event::NotificationsFailing(NotificationsFailing { reasons: vec![text()] }),
            Event::Test(TestMessage {
                name: "office".to_owned(),
                username: "ada".to_owned(),
            }),
        ]
    }

    #[test]
    fn each_event_has_a_subject_and_says_what_to_do() {
        for event in events() {
            let text = style().compose(&event, at());
            assert!(text.subject.starts_with("[campus-backup] "), "{event:?}");
            let plain = text.plain();
            if event.kind() != super::super::EventKind::BackupStarted {
                assert!(text.paragraphs.len() > 1, "{plain}");
            }
            assert!(
                plain.contains("Dashboard: https://backup.school.example/backup/"),
                "{plain}"
            );
            for word in ["HTTP", "SQL", "null", "None"] {
                assert!(!plain.contains(word), "{plain}");
            }
        }
    }

    #[test]
    fn times_are_those_of_the_school() {
        let text = style().compose(&events()[2], at()).plain();
        assert!(
            text.starts_with("A backup failed on 30 November 2026, 02:00 (Asia/Kolkata), after 5 attempts."),
            "{text}"
        );
        assert!(text.contains("The reason: The disk is full."), "{text}");
    }

    #[test]
    fn names_can_add_no_markup_and_no_header() {
        let event = Event::AdministratorAdded(AdministratorAdded {
            username: "<img src=x>\r\nBcc: eve@school.example & 'co'\"".to_owned(),
        });
        let text = style().compose(&event, at());
        assert!(!text.subject.contains(['\r', '\n']), "{}", text.subject);
        let html = text.html();
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("&lt;img src=x&gt;"), "{html}");
        assert!(html.contains("&amp; &#39;co&#39;&quot;"), "{html}");
    }
}
