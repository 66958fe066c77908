//! The table of alarms, and the reports about them. Each change is a conditional update in a transaction of its own, so that
//! of several copies of the service one makes it, and reports it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter};

use super::alarm::{AlarmChange, AlarmNews, News, due_change};
use super::code::{HealthCode, HealthReason, HealthStatus};
use super::report::HealthReport;
use crate::database::Database;
use crate::entity::alarm::{Column, Entity, Model as Alarm, Severity};
use crate::error::{Error, Result, is_unique_violation};
use crate::notify::{
    self, BackupStale, BackupWellAgain, DestinationAlarm, DestinationFailed, Event, NotificationsFailing,
};

/// What is being done, for errors.
const DOING: &str = "changing an alarm";

/// The most characters of a text that is stored and reported.
const MAX_DETAIL: usize = 2_000;

/// The alarms of an installation.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    database: Database,
}

impl Alarms {
    /// The alarms in a database. This reads and writes nothing.
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Makes the alarms agree with a report, and returns what it has reported. After an error of one alarm, the others are
    /// still updated.
    ///
    /// # Errors
    /// The first error. What it concerned is tried again at the next call.
    pub(super) async fn update(&self, report: &HealthReport) -> Result<Vec<AlarmNews>> {
        if report.reason(HealthCode::DatabaseUnavailable).is_some() {
            return Ok(Vec::new());
        }
        let alarms = Entity::find()
            .all(self.database.connection())
            .await
            .map_err(Error::database("reading the alarms"))?;
        let alarms: BTreeMap<_, _> = alarms.iter().map(|alarm| (alarm.code.as_str(), alarm)).collect();
        let mut reported = Vec::new();
        let mut result = Ok(());
        // A code that only a newer version knows is left to it.
        for code in HealthCode::ALL {
            let (alarm, reason) = (alarms.get(code.name()).copied(), report.reason(*code));
            if let Some(change) = due_change(alarm, reason, status_beside(*code, report), report.checked_at) {
                match self.change(*code, alarm, change, report).await {
                    Ok(news) => reported.extend(news),
                    Err(error) => result = result.and(Err(error)),
                }
            }
        }
        result.map(|()| reported)
    }

    /// Makes a change, if the alarm is still as it was read, and reports it. Returns what was reported.
    async fn change(
        &self,
        code: HealthCode,
        alarm: Option<&Alarm>,
        change: AlarmChange,
        report: &HealthReport,
    ) -> Result<Option<AlarmNews>> {
        let (now, reason) = (report.checked_at, report.reason(code));
        let transaction = self.database.begin_write(DOING).await?;
        let rows = match (change, alarm) {
            (AlarmChange::Insert, _) => {
                let Some(reason) = reason else { return Ok(None) };
                insert(&transaction, reason, now).await?
            }
            (_, None) => return Ok(None),
            (AlarmChange::Delete | AlarmChange::Report(News::Over), Some(alarm)) => {
                let deleted = Entity::delete_many().filter(unchanged(alarm)).exec(&transaction).await;
                deleted.map_err(Error::database(DOING))?.rows_affected
            }
            (change, Some(alarm)) => {
                let after = changed(alarm, change, reason, now);
                let updated = Entity::update_many()
                    .col_expr(Column::Severity, Expr::value(after.severity))
                    .col_expr(Column::Detail, Expr::value(after.detail.as_str()))
                    .col_expr(Column::RaisedAt, Expr::value(after.raised_at))
                    .col_expr(Column::ToldAt, Expr::value(after.told_at))
                    .col_expr(Column::AbsentSince, Expr::value(after.absent_since))
                    .filter(unchanged(alarm))
                    .exec(&transaction)
                    .await;
                updated.map_err(Error::database(DOING))?.rows_affected
            }
        };
        if rows != 1 {
            // Another copy was faster.
            return Ok(None);
        }
        let news = match (change, alarm) {
            (AlarmChange::Report(news), Some(alarm)) => Some(news_of(news, code, alarm, reason)),
            _ => None,
        };
        if let Some(news) = &news {
            log(news);
            if let Some(event) = event_of(news, report) {
                notify::enqueue(&transaction, now, &event).await?;
            }
        }
        transaction.commit().await.map_err(Error::database(DOING))?;
        Ok(news)
    }
}

/// The status of the reasons that matter for the end of an alarm. A destination that fails says nothing about the first store,
/// and has an event of its own.
fn status_beside(code: HealthCode, report: &HealthReport) -> HealthStatus {
    let reasons = report.reasons.iter();
    let others = reasons
        .filter(|reason| code != HealthCode::DestinationFailing && reason.code != HealthCode::DestinationFailing);
    match others.map(|reason| reason.severity).max() {
        None => HealthStatus::Ok,
        Some(Severity::Warning) => HealthStatus::Warning,
        Some(Severity::Failing) => HealthStatus::Failing,
    }
}

/// The event that notifies administrators. A warning is only logged and shown, except for destinations, and except that
/// notifications that work report those that don't. A suspicious backup, a hold of retention and the failed run of a schedule
/// are events themselves.
fn event_of(news: &AlarmNews, report: &HealthReport) -> Option<Event> {
    let last_backup_at = report.last_backup.as_ref().map(|last| last.at);
    if news.code == HealthCode::DestinationFailing {
        return Some(Event::DestinationFailed(DestinationFailed {
            state: match news.news {
                News::Raised | News::Reminder => DestinationAlarm::Failing,
                News::Over => DestinationAlarm::Over,
            },
            detail: news.detail.clone(),
            failing_since: news.raised_at,
        }));
    }
    let is_of_notifications = matches!(
        news.code,
        HealthCode::NotificationsFailing | HealthCode::SecretsKeyUnusable
    );
    match (news.severity, news.news) {
        (Severity::Warning, News::Raised | News::Reminder) if is_of_notifications => {
            Some(Event::NotificationsFailing(NotificationsFailing {
                reasons: vec![news.detail.clone()],
            }))
        }
        (Severity::Warning, _) => None,
        (Severity::Failing, News::Raised) if news.code == HealthCode::BackupFailed => None,
        (Severity::Failing, News::Raised | News::Reminder) => Some(Event::BackupStale(BackupStale {
            last_backup_at,
            reasons: vec![news.detail.clone()],
        })),
        (Severity::Failing, News::Over) => Some(Event::BackupWellAgain(BackupWellAgain {
            last_backup_at,
            failing_since: Some(news.raised_at),
        })),
    }
}

fn log(news: &AlarmNews) {
    let AlarmNews {
        news,
        code,
        severity,
        detail,
        raised_at,
    } = news;
    let (code, since) = (code.name(), raised_at);
    match (news, severity) {
        (News::Raised, Severity::Failing) => tracing::error!(code, %since, detail, "an alarm about backups"),
        (News::Raised, Severity::Warning) => tracing::warn!(code, %since, detail, "a warning about backups"),
        (News::Reminder, Severity::Failing) => {
            tracing::error!(code, %since, detail, "an alarm about backups continues")
        }
        (News::Reminder, Severity::Warning) => {
            tracing::warn!(code, %since, detail, "a warning about backups continues")
        }
        (News::Over, _) => tracing::info!(code, %since, detail, "an alarm about backups is over"),
    }
}

fn news_of(news: News, code: HealthCode, alarm: &Alarm, reason: Option<&HealthReason>) -> AlarmNews {
    AlarmNews {
        news,
        code,
        severity: reason.map_or(alarm.severity, |reason| reason.severity),
        detail: reason.map_or_else(|| alarm.detail.clone(), |reason| reason.detail.clone()),
        raised_at: alarm.raised_at,
    }
}

/// Inserts an alarm, and returns how many rows that were: none if another copy was faster.
async fn insert(transaction: &DatabaseTransaction, reason: &HealthReason, now: DateTime<Utc>) -> Result<u64> {
    let alarm = Alarm {
        code: reason.code.name().to_owned(),
        severity: reason.severity,
        detail: stored(&reason.detail),
        raised_at: now,
        told_at: None,
        absent_since: None,
    };
    match Entity::insert(alarm.into_active_model())
        .exec_without_returning(transaction)
        .await
    {
        Ok(_) => Ok(1),
        Err(error) if is_unique_violation(&error) => Ok(0),
        Err(error) => Err(Error::database(DOING)(error)),
    }
}

fn changed(alarm: &Alarm, change: AlarmChange, reason: Option<&HealthReason>, now: DateTime<Utc>) -> Alarm {
    let alarm = alarm.clone();
    match change {
        AlarmChange::Report(_) => Alarm {
            // The worst that was reported: its end is reported, too.
            severity: reason.map_or(alarm.severity, |reason| reason.severity.max(alarm.severity)),
            detail: reason.map_or_else(|| alarm.detail.clone(), |reason| stored(&reason.detail)),
            told_at: Some(now),
            absent_since: None,
            ..alarm
        },
        AlarmChange::MarkAbsent => Alarm {
            absent_since: Some(now),
            ..alarm
        },
        AlarmChange::MarkPresent => Alarm {
            absent_since: None,
            ..alarm
        },
        AlarmChange::SetBack => Alarm {
            raised_at: alarm.raised_at.min(now),
            told_at: alarm.told_at.map(|time| time.min(now)),
            absent_since: alarm.absent_since.map(|time| time.min(now)),
            ..alarm
        },
        // These insert or delete a row.
        AlarmChange::Insert | AlarmChange::Delete => alarm,
    }
}

/// The row of an alarm, if no other copy has changed it.
fn unchanged(alarm: &Alarm) -> Condition {
    let is = |column: Column, time: Option<DateTime<Utc>>| match time {
        Some(time) => column.eq(time),
        None => column.is_null(),
    };
    Condition::all()
        .add(Column::Code.eq(alarm.code.as_str()))
        .add(Column::Severity.eq(alarm.severity))
        .add(Column::RaisedAt.eq(alarm.raised_at))
        .add(is(Column::ToldAt, alarm.told_at))
        .add(is(Column::AbsentSince, alarm.absent_since))
}

/// A text as the table can hold it. PostgreSQL takes no NUL, and what the store answered may have one.
fn stored(detail: &str) -> String {
    detail.chars().filter(|c| *c != '\0').take(MAX_DETAIL).collect()
}
