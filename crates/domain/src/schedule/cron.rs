//! The times of a schedule: a cron expression in a time zone, also where daylight saving changes the clock.
//!
//! - **A schedule for certain hours runs once at each of its times of day.** If the clock skips a time, the run is at the
//!   first moment after the skipped ones; several skipped times of a schedule are one run. If a time comes twice, the run
//!   is at the first.
//! - **A schedule for every hour follows the elapsed time.** It has a run in both hours of a doubled one, and none in a
//!   skipped one, so there are never two hours between two hourly backups.
//!
//! Nothing here reads a clock.

use std::str::FromStr as _;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// How many characters an expression may have.
const MAX_EXPRESSION: usize = 100;

/// No clock was ever set back by more than this.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::hours(25);

/// A common cron expression by its name. `hourly`: every full hour. `daily`: every day at 02:00. `weekly`: every Sunday at
/// 02:00. `monthly`: on the first day of every month at 02:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SchedulePreset)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Every full hour.
    Hourly,
    /// Every day at 02:00.
    Daily,
    /// Every Sunday at 02:00.
    Weekly,
    /// On the first day of every month at 02:00.
    Monthly,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The preset of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its cron expression.
    pub const fn expression(self) -> &'static str {
        match self {
            Self::Hourly => "0 * * * *",
            Self::Daily => "0 2 * * *",
            Self::Weekly => "0 2 * * 0",
            Self::Monthly => "0 2 1 * *",
        }
    }

    /// The preset with that expression, if there is one.
    pub fn of_expression(expression: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.expression() == expression)
    }
}

/// The times of a schedule.
#[derive(Clone, Debug)]
pub struct Timetable {
    expression: String,
    cron: Cron,
    is_hourly: bool,
    zone: Tz,
}

impl Timetable {
    /// Reads a cron expression of five fields and the name of an IANA time zone.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `cron` if the expression can't be read or has no time after `now`, and for `timezone` if the
    /// zone is not known.
    pub fn new(expression: &str, timezone: &str, now: DateTime<Utc>) -> Result<Self> {
        let timetable = Self::read(expression, timezone)?;
        match timetable.next_after(now) {
            Some(_) => Ok(timetable),
            None => Err(Error::Invalid {
                field: "cron",
                problem: "describes times that never come, such as the 30th of February".to_owned(),
            }),
        }
    }

    /// The same, also for an expression that has no time after now.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `cron` and for `timezone`.
    pub(super) fn read(expression: &str, timezone: &str) -> Result<Self> {
        let zone = Tz::from_str(timezone).map_err(|_| Error::Invalid {
            field: "timezone",
            problem: "must be the name of a time zone, such as `Europe/Berlin` or `UTC`".to_owned(),
        })?;
        let is_short = expression.len() <= MAX_EXPRESSION;
        let expression = expression.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let refused = || Error::Invalid {
            field: "cron",
            problem:
                "must be a cron expression of five fields (minute, hour, day of the month, month, day of the week), \
                      such as `0 2 * * *`"
                    .to_owned(),
        };
        let is_plain = is_short && expression.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        // A nickname such as `@daily` is midnight to cron, and a preset here.
        if !is_plain || expression.contains('@') {
            return Err(refused());
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(&expression).map_err(|_| refused())?;
        let is_hourly = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        Ok(Self {
            expression,
            cron,
            is_hourly,
            zone,
        })
    }

    /// The expression, with one space between two fields.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first time after a moment; none if no time comes any more.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = moment.with_timezone(&self.zone).naive_local();
        // In the first of two equal hours, times of day before this one come once more.
        let mut wall = match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Ambiguous(..) if self.is_hourly => local - LONGEST_OVERLAP,
            _ => local,
        };
        // A time of day that comes twice: the second one may be next.
        let mut second = None::<DateTime<Utc>>;
        loop {
            wall = match self.cron.find_next_occurrence(&wall, false) {
                Ok(wall) => wall,
                Err(_) => return second,
            };
            let next = match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(only) => Some(only.to_utc()),
                MappedLocalTime::Ambiguous(first, last) => {
                    let (first, last) = (first.to_utc(), last.to_utc());
                    if self.is_hourly && first <= moment && last > moment {
                        second = Some(second.map_or(last, |second| second.min(last)));
                    }
                    Some(first)
                }
                MappedLocalTime::None if self.is_hourly => None,
                MappedLocalTime::None => self.end_of_gap(wall),
            };
            // The first moments of times of day come in the order of the times.
            if let Some(next) = next.filter(|next| *next > moment) {
                return Some(second.map_or(next, |second| second.min(next)));
            }
        }
    }

    /// The next times after a moment, at most `count`.
    pub fn upcoming(&self, moment: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(moment), |last| self.next_after(*last))
            .take(count)
            .collect()
    }

    /// The last time from `from` to `until`, both included; none if there is none.
    pub fn last_within(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Looks back further and further, so that a short interval of the schedule costs nothing after a long outage.
        let windows = [
            TimeDelta::hours(1),
            TimeDelta::days(1),
            TimeDelta::days(32),
            TimeDelta::days(366),
        ];
        let windows = windows
            .into_iter()
            .map(|window| until - window)
            .filter(|begin| *begin > from);
        windows.chain([from]).find_map(|begin| {
            let first = self.next_after(begin - TimeDelta::microseconds(1))?;
            let times = std::iter::successors(Some(first), |last| self.next_after(*last));
            times.take_while(|time| *time <= until).last()
        })
    }

    /// The first moment after a time of day that the clock skips.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let minutes = 1..=LONGEST_OVERLAP.num_minutes();
        let after = minutes.map(|minutes| wall + TimeDelta::minutes(minutes));
        let mut resolved = after.filter_map(|wall| self.zone.from_local_datetime(&wall).earliest());
        resolved.next().map(|first| first.to_utc())
    }
}

#[cfg(test)]
mod tests;
