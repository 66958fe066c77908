//! The course of an alarm: which reports are made, and when. Nothing here reads a clock or a database.

use chrono::{DateTime, TimeDelta, Utc};

use super::code::{HealthCode, HealthReason, HealthStatus};
use crate::entity::alarm::{Model as Alarm, Severity};

/// How long a reason must hold before it is reported, and must not hold before its end is reported. A short fault of the
/// network, or a backup that is caught up after an outage, is not reported.
pub const HOLD: TimeDelta = TimeDelta::minutes(10);

/// The pause between two reports of an alarm.
pub const REPEAT: TimeDelta = TimeDelta::days(1);

/// The clocks of several copies may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// A report about a reason of the health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmNews {
    /// Whether it is new, still holds, or is over.
    pub news: News,
    /// The reason.
    pub code: HealthCode,
    /// How bad it is, or was.
    pub severity: Severity,
    /// What is wrong, or was.
    pub detail: String,
    /// Since when it holds, or held.
    pub raised_at: DateTime<Utc>,
}

/// Why a report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It holds and was not reported before, or has become worse.
    Raised,
    /// It still holds.
    Reminder,
    /// It does not hold any more.
    Over,
}

/// A change of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlarmChange {
    /// The reason is new: the alarm is inserted without a report.
    Insert,
    /// The alarm is reported. It holds, unless it is over.
    Report(News),
    /// The reason does not hold now.
    MarkAbsent,
    /// The reason holds again, before its end was reported.
    MarkPresent,
    /// The alarm was never reported and is deleted.
    Delete,
    /// Its times are in the future, because the clock was set back: they become now.
    SetBack,
}

/// What has to be done about an alarm, if there is a row of it, and about its reason, if that holds. One change at a time
/// is enough: another one follows at the next call. `status` is that of all reasons.
pub(super) fn due_change(
    alarm: Option<&Alarm>,
    reason: Option<&HealthReason>,
    status: HealthStatus,
    now: DateTime<Utc>,
) -> Option<AlarmChange> {
    let Some(alarm) = alarm else {
        return reason.map(|_| AlarmChange::Insert);
    };
    let times = [Some(alarm.raised_at), alarm.told_at, alarm.absent_since];
    if times.into_iter().flatten().any(|time| time - now > CLOCK_TOLERANCE) {
        return Some(AlarmChange::SetBack);
    }
    match (reason, alarm.absent_since) {
        // What is due is reported first: another copy may find at once again that the reason does not hold.
        (Some(reason), absent_since) => match alarm.told_at {
            None if now - alarm.raised_at >= HOLD => Some(AlarmChange::Report(News::Raised)),
            Some(_) if reason.severity > alarm.severity => Some(AlarmChange::Report(News::Raised)),
            Some(told_at) if now - told_at >= REPEAT => Some(AlarmChange::Report(News::Reminder)),
            None | Some(_) => absent_since.map(|_| AlarmChange::MarkPresent),
        },
        (None, None) => Some(AlarmChange::MarkAbsent),
        (None, Some(absent_since)) if now - absent_since < HOLD => None,
        (None, Some(_)) if alarm.told_at.is_none() => Some(AlarmChange::Delete),
        // While something else is failing, an end would be read as "all is well". It is reported later.
        (None, Some(_)) if alarm.severity == Severity::Failing && status == HealthStatus::Failing => None,
        (None, Some(_)) => Some(AlarmChange::Report(News::Over)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn noon() -> DateTime<Utc> {
        at("2026-11-29T12:00:00Z")
    }

    fn reason(severity: Severity) -> HealthReason {
        HealthReason {
            code: HealthCode::BackupStale,
            severity,
            detail: "The last backup is old.".to_owned(),
        }
    }

    fn alarm(told_at: Option<DateTime<Utc>>, absent_since: Option<DateTime<Utc>>) -> Alarm {
        Alarm {
            code: HealthCode::BackupStale.name().to_owned(),
            severity: Severity::Warning,
            detail: String::new(),
            raised_at: noon(),
            told_at,
            absent_since,
        }
    }

    #[test]
    fn nothing_is_reported_before_a_reason_has_held() {
        let (holds, alarm) = (reason(Severity::Warning), alarm(None, None));
        let change = |alarm: Option<&Alarm>, reason, now| due_change(alarm, reason, HealthStatus::Warning, now);
        let due = |now| change(Some(&alarm), Some(&holds), now);
        assert_eq!(change(None, None, noon()), None);
        assert_eq!(change(None, Some(&holds), noon()), Some(AlarmChange::Insert));
        assert_eq!(due(noon() + HOLD - TimeDelta::microseconds(1)), None);
        assert_eq!(due(noon() + HOLD), Some(AlarmChange::Report(News::Raised)));
    }

    #[test]
    fn alarm_is_reported_again_after_a_day_and_when_it_becomes_worse() {
        let reported = alarm(Some(noon()), None);
        let due = |severity, now| {
            let reasons = [reason(severity)];
            due_change(Some(&reported), Some(&reasons[0]), HealthStatus::of(&reasons), now)
        };
        assert_eq!(
            due(Severity::Warning, noon() + REPEAT - TimeDelta::microseconds(1)),
            None
        );
        assert_eq!(
            due(Severity::Warning, noon() + REPEAT),
            Some(AlarmChange::Report(News::Reminder))
        );
        assert_eq!(due(Severity::Failing, noon()), Some(AlarmChange::Report(News::Raised)));
    }

    #[test]
    fn end_is_reported_once_the_reason_was_absent_for_long_enough() {
        let absent = alarm(Some(noon()), Some(noon()));
        let due = |alarm: &Alarm, now| due_change(Some(alarm), None, HealthStatus::Ok, now);
        assert_eq!(due(&alarm(Some(noon()), None), noon()), Some(AlarmChange::MarkAbsent));
        assert_eq!(due(&absent, noon() + HOLD - TimeDelta::microseconds(1)), None);
        assert_eq!(due(&absent, noon() + HOLD), Some(AlarmChange::Report(News::Over)));
        // The alarm was never reported, so its end is not reported either.
        assert_eq!(
            due(&alarm(None, Some(noon())), noon() + HOLD),
            Some(AlarmChange::Delete)
        );
        let holds = reason(Severity::Warning);
        let returns = |now| due_change(Some(&absent), Some(&holds), HealthStatus::Warning, now);
        assert_eq!(returns(noon()), Some(AlarmChange::MarkPresent));
        assert_eq!(returns(noon() + REPEAT), Some(AlarmChange::Report(News::Reminder)));
    }

    #[test]
    fn times_in_the_future_become_now() {
        let now = noon() - CLOCK_TOLERANCE;
        let reported = alarm(Some(noon()), None);
        let holds = reason(Severity::Warning);
        let due = |now| due_change(Some(&reported), Some(&holds), HealthStatus::Warning, now);
        assert_eq!(due(now), None);
        assert_eq!(due(now - TimeDelta::microseconds(1)), Some(AlarmChange::SetBack));
    }

    #[test]
    fn end_of_a_failing_alarm_waits_until_nothing_else_is_failing() {
        let absent = |severity| Alarm {
            severity,
            ..alarm(Some(noon()), Some(noon()))
        };
        let due = |severity, status| due_change(Some(&absent(severity)), None, status, noon() + HOLD);
        let over = Some(AlarmChange::Report(News::Over));
        assert_eq!(due(Severity::Failing, HealthStatus::Failing), None);
        assert_eq!(due(Severity::Failing, HealthStatus::Warning), over);
        assert_eq!(due(Severity::Warning, HealthStatus::Failing), over);
    }

    /// Carries out a change, as the table does.
    fn apply(
        alarm: Option<Alarm>,
        change: AlarmChange,
        reason: Option<&HealthReason>,
        now: DateTime<Utc>,
    ) -> Option<Alarm> {
        let severity = reason.map(|reason| reason.severity);
        match (change, alarm) {
            (AlarmChange::Insert, _) => Some(Alarm {
                severity: severity.unwrap(),
                raised_at: now,
                ..self::alarm(None, None)
            }),
            (AlarmChange::Delete | AlarmChange::Report(News::Over), _) => None,
            (_, None) => panic!("there is no alarm to be changed"),
            (AlarmChange::Report(_), Some(alarm)) => Some(Alarm {
                severity: severity.unwrap(),
                told_at: Some(now),
                absent_since: None,
                ..alarm
            }),
            (AlarmChange::MarkAbsent, Some(alarm)) => Some(Alarm {
                absent_since: Some(now),
                ..alarm
            }),
            (AlarmChange::MarkPresent, Some(alarm)) => Some(Alarm {
                absent_since: None,
                ..alarm
            }),
            (AlarmChange::SetBack, Some(alarm)) => Some(Alarm {
                raised_at: alarm.raised_at.min(now),
                told_at: alarm.told_at.map(|time| time.min(now)),
                absent_since: alarm.absent_since.map(|time| time.min(now)),
                ..alarm
            }),
        }
    }

    proptest! {
        /// Checks any history of a reason, minute by minute. Each end that is reported follows a beginning, and each beginning
        /// gets an end. A reminder comes at least a day after the message before it.
        #[test]
        fn beginnings_and_ends_alternate(history in proptest::collection::vec((any::<bool>(), 1..400_u16), 1..30)) {
            let (mut now, mut alarm, mut reported) = (noon(), None, Vec::new());
            let quiet = [(false, 30)];
            for (holds, minutes) in history.into_iter().chain(quiet) {
                for _ in 0..minutes {
                    now += TimeDelta::minutes(1);
                    let reason = holds.then(|| reason(Severity::Failing));
                    let status = HealthStatus::of(reason.as_slice());
                    if let Some(change) = due_change(alarm.as_ref(), reason.as_ref(), status, now) {
                        if let AlarmChange::Report(news) = change {
                            reported.push((now, news));
                        }
                        alarm = apply(alarm, change, reason.as_ref(), now);
                    }
                }
            }
            prop_assert_eq!(alarm, None);
            for pair in reported.windows(2) {
                let ((before, first), (after, second)) = (pair[0], pair[1]);
                match second {
                    News::Raised => prop_assert_eq!(first, News::Over),
                    News::Reminder => {
                        prop_assert_ne!(first, News::Over);
                        prop_assert!(after - before >= REPEAT);
                    }
                    News::Over => prop_assert_ne!(first, News::Over),
                }
            }
            if let Some((_, first)) = reported.first() {
                prop_assert_eq!(*first, News::Raised);
                prop_assert_eq!(reported.last().unwrap().1, News::Over);
            }
        }
    }
}
