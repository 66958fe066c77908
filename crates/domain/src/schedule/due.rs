//! What is due at a moment, and when a failed run is tried again. Nothing here reads a clock or a database.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::cron::Timetable;

/// The pauses between attempts; the last one is repeated.
const PAUSES: [TimeDelta; 4] = [
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::minutes(60),
];

/// A run that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueRun {
    /// The time at which it is due.
    pub(super) due_at: DateTime<Utc>,
    /// Whether it is too old to be caught up.
    pub(super) is_missed: bool,
    /// The time of the run after it; none if no time comes any more.
    pub(super) next_run_at: Option<DateTime<Utc>>,
}

impl DueRun {
    /// The run that is due at `now`, if the next one was to be at `next_run_at`. Of several it is the last, so that a backup
    /// is caught up once, however long the service was stopped.
    pub(super) fn of(
        timetable: &Timetable,
        next_run_at: DateTime<Utc>,
        now: DateTime<Utc>,
        catch_up: TimeDelta,
    ) -> Option<Self> {
        if next_run_at > now {
            return None;
        }
        // If the rules of the time zone have changed since, there may be no time left in between.
        let due_at = timetable.last_within(next_run_at, now).unwrap_or(next_run_at);
        Some(Self {
            due_at,
            is_missed: now - due_at > catch_up,
            next_run_at: timetable.next_after(now),
        })
    }
}

/// The first time after `now` for which there is no run.
pub(super) fn first_without_run(
    timetable: &Timetable,
    now: DateTime<Utc>,
    runs: &BTreeSet<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let mut times = std::iter::successors(timetable.next_after(now), |last| timetable.next_after(*last));
    times.find(|time| !runs.contains(time))
}

/// The pause after a failed attempt, if `failed` attempts failed before it.
pub(super) fn pause(failed: i64) -> TimeDelta {
    let last = PAUSES.len() - 1;
    PAUSES[usize::try_from(failed).map_or(0, |failed| failed.min(last))]
}

/// Whether the time of the next attempt has come. A time that is further away than any pause was written before the clock
/// was set back.
pub(super) fn is_time_to_retry(retry_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    retry_at.is_none_or(|retry_at| retry_at <= now || retry_at - now > PAUSES[PAUSES.len() - 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn daily() -> Timetable {
        Timetable::new("0 2 * * *", "UTC", at("2026-01-01T00:00:00Z")).unwrap()
    }

    const DAY: TimeDelta = TimeDelta::days(1);

    #[test]
    fn nothing_is_due_before_its_time() {
        let next = at("2026-01-02T02:00:00Z");
        let due = |now| DueRun::of(&daily(), next, now, DAY);
        assert_eq!(due(next - TimeDelta::microseconds(1)), None);
        let expected = DueRun {
            due_at: next,
            is_missed: false,
            next_run_at: Some(next + DAY),
        };
        assert_eq!(due(next), Some(expected));
    }

    #[test]
    fn last_of_the_missed_runs_is_caught_up_if_it_is_young_enough() {
        let (next, now) = (at("2026-01-02T02:00:00Z"), at("2026-01-10T01:00:00Z"));
        let due = |catch_up| DueRun::of(&daily(), next, now, catch_up).unwrap();
        let last = at("2026-01-09T02:00:00Z");
        assert_eq!((due(DAY).due_at, due(DAY).is_missed), (last, false));
        assert_eq!((due(now - last).due_at, due(now - last).is_missed), (last, false));
        assert!(due(now - last - TimeDelta::microseconds(1)).is_missed);
        assert!(due(TimeDelta::zero()).is_missed);
        assert_eq!(due(DAY).next_run_at, Some(at("2026-01-10T02:00:00Z")));
    }

    #[test]
    fn pauses_grow_and_the_last_is_repeated() {
        let minutes: Vec<_> = (-1..7).map(|failed| pause(failed).num_minutes()).collect();
        assert_eq!(minutes, [1, 1, 5, 15, 60, 60, 60, 60]);
    }

    #[test]
    fn retry_that_a_set_back_clock_moved_away_is_now() {
        let now = at("2026-01-02T02:00:00Z");
        assert!(is_time_to_retry(None, now) && is_time_to_retry(Some(now), now));
        for (minutes, expected) in [(1, false), (60, false), (61, true), (24 * 60, true)] {
            let retry_at = Some(now + TimeDelta::minutes(minutes));
            assert_eq!(is_time_to_retry(retry_at, now), expected, "{minutes}");
        }
    }

    proptest! {
        /// However long nothing was done, the next run is later than now and the due one is not, with no time in between.
        #[test]
        fn no_time_is_between_the_due_run_and_the_next(outage in 0..5_000_000_i64) {
            let next = at("2026-01-02T02:00:00Z");
            let now = next + TimeDelta::seconds(outage);
            let due = DueRun::of(&daily(), next, now, DAY).unwrap();
            prop_assert!(due.due_at <= now && now - due.due_at < DAY);
            prop_assert_eq!(due.next_run_at, Some(due.due_at + DAY));
            prop_assert!(!due.is_missed);
        }

        #[test]
        fn times_with_a_run_are_left_out(run_days in proptest::collection::btree_set(0..20_i64, 0..20)) {
            let now = at("2026-01-02T03:00:00Z");
            let first = at("2026-01-03T02:00:00Z");
            let runs = run_days.iter().map(|days| first + TimeDelta::days(*days)).collect();
            let free = (0..).find(|day| !run_days.contains(day)).unwrap();
            prop_assert_eq!(first_without_run(&daily(), now, &runs), Some(first + TimeDelta::days(free)));
        }
    }
}
