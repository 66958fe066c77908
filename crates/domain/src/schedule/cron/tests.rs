use chrono::Timelike as _;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 4] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
];

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn timetable(expression: &str, zone: &str) -> Timetable {
    Timetable::new(expression, zone, at("2026-01-01T00:00:00Z")).unwrap()
}

/// The times of a schedule as a clock on the wall shows them, minute by minute. It uses croner only to match one time of day.
struct MinuteWalk {
    times: Vec<DateTime<Utc>>,
}

impl MinuteWalk {
    fn of(timetable: &Timetable, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let matches = |wall: NaiveDateTime| timetable.cron.is_time_matching(&wall).unwrap();
        let wall_at = |moment: DateTime<Utc>| moment.with_timezone(&timetable.zone).naive_local();
        let minute = TimeDelta::minutes(1);
        let mut times = Vec::new();
        // The latest time of day that was shown before: what is not later is shown for the second time.
        let mut latest = wall_at(from - TimeDelta::days(2));
        let mut moment = from - TimeDelta::days(2);
        while moment <= until {
            let wall = wall_at(moment);
            let is_due = match timetable.is_hourly {
                true => matches(wall),
                false => {
                    let skipped = std::iter::successors(Some(latest + minute), |wall| Some(*wall + minute));
                    let skipped = skipped.take_while(|skipped| *skipped < wall);
                    wall > latest && (matches(wall) || skipped.into_iter().any(matches))
                }
            };
            if is_due && moment >= from {
                times.push(moment);
            }
            latest = latest.max(wall);
            moment += minute;
        }
        Self { times }
    }
}

/// That the times of an interval are those of the walk.
fn assert_walks(expression: &str, zone: &str, from: &str, until: &str) {
    let (from, until) = (at(from), at(until));
    let timetable = timetable(expression, zone);
    let expected = MinuteWalk::of(&timetable, from, until).times;
    assert!(!expected.is_empty(), "{expression} {zone}");
    let mut times = timetable.upcoming(from - TimeDelta::seconds(1), expected.len() + 1);
    times.retain(|time| *time <= until);
    assert_eq!(times, expected, "{expression} {zone}");
}

#[test]
fn a_year_in_four_zones_is_that_of_a_walk_minute_by_minute() {
    for zone in ZONES {
        for expression in ["0 * * * *", "0 2 * * *"] {
            assert_walks(expression, zone, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        }
    }
}

/// The weeks in which one of the zones changes its clock.
#[test]
fn weeks_of_clock_changes_are_those_of_a_walk_minute_by_minute() {
    for zone in ZONES {
        for expression in [
            "30 * * * *",
            "15,45 2 * * *",
            "*/20 1-3 * * *",
            "0 */2 * * *",
            "30 1 * * *",
            "0 2 * * 0",
            "0 2 1 * *",
            "59 23 L * *",
            "0 3 * 3,4,10,11 SUN",
            "*/15 * * 3,4,10,11 *",
            "0 4 1,15 * MON",
        ] {
            for (from, until) in [
                ("2026-02-25T00:00:00Z", "2026-04-08T00:00:00Z"),
                ("2026-09-28T00:00:00Z", "2026-11-05T00:00:00Z"),
            ] {
                assert_walks(expression, zone, from, until);
            }
        }
    }
}

#[test]
fn run_in_the_skipped_hour_is_once_at_its_end() {
    let berlin = timetable("30 2 * * *", "Europe/Berlin");
    // On 29 March 02:00 is 03:00 at once.
    let times = berlin.upcoming(at("2026-03-27T12:00:00Z"), 3);
    let expected = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    assert_eq!(times, expected.map(at));
    let often = timetable("*/10 2,3 * * *", "Europe/Berlin");
    let times = often.upcoming(at("2026-03-29T00:00:00Z"), 3);
    let expected = ["2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z", "2026-03-29T01:20:00Z"];
    assert_eq!(times, expected.map(at));
    // Half an hour is skipped on Lord Howe Island.
    let island = timetable("15 2 * * *", "Australia/Lord_Howe");
    let times = island.upcoming(at("2026-10-03T12:00:00Z"), 1);
    assert_eq!(times, [at("2026-10-03T15:30:00Z")]);
}

#[test]
fn run_in_the_doubled_hour_is_once_at_its_first() {
    let berlin = timetable("30 2 * * *", "Europe/Berlin");
    // On 25 October 03:00 is 02:00 once more.
    let times = berlin.upcoming(at("2026-10-24T12:00:00Z"), 2);
    assert_eq!(times, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"].map(at));
    // Also if it is asked between the two.
    for between in [
        "2026-10-25T00:30:00Z",
        "2026-10-25T00:59:59Z",
        "2026-10-25T01:29:59Z",
        "2026-10-25T01:30:00Z",
    ] {
        assert_eq!(
            berlin.next_after(at(between)),
            Some(at("2026-10-26T01:30:00Z")),
            "{between}"
        );
    }
}

#[test]
fn hourly_runs_follow_the_elapsed_time() {
    let berlin = timetable(Preset::Hourly.expression(), "Europe/Berlin");
    for day in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z"] {
        let times = berlin.upcoming(at(day), 30);
        let hours: Vec<_> = (1..=30).map(|hour| at(day) + TimeDelta::hours(hour)).collect();
        assert_eq!(times, hours);
    }
}

#[test]
fn presets_are_expressions_and_have_names() {
    for preset in Preset::ALL {
        let read = timetable(preset.expression(), "UTC");
        assert_eq!(read.expression(), preset.expression());
        assert_eq!(Preset::of_expression(preset.expression()), Some(preset));
        assert_eq!(Preset::from_name(preset.name()), Some(preset));
        assert_eq!(serde_json::to_value(preset).unwrap(), preset.name());
    }
    assert_eq!(Preset::of_expression("1 2 3 4 5"), None);
    assert_eq!(Preset::from_name("yearly"), None);
}

#[test]
fn what_is_no_expression_of_five_fields_is_refused() {
    let now = at("2026-01-01T00:00:00Z");
    for expression in [
        "",
        " ",
        "daily",
        "@daily",
        "@reboot",
        "* * * *",
        "0 0 2 * * *",
        "0 0 2 * * * 2030",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "0 2 * * * # x",
        "0\u{a0}2 * * *",
        "٣ * * * *",
        "0 2 30 2 *",
        "0 2 31 4,6,9,11 *",
        &format!("{} * * * *", "0,".repeat(60) + "0"),
    ] {
        let refused = Timetable::new(expression, "UTC", now);
        assert!(
            matches!(refused, Err(Error::Invalid { field: "cron", .. })),
            "{expression:?}: {refused:?}"
        );
    }
    for zone in ["", "Berlin", "europe/berlin", "CEST+1", "../UTC", "Mars/Olympus"] {
        let refused = Timetable::new("0 2 * * *", zone, now);
        assert!(
            matches!(refused, Err(Error::Invalid { field: "timezone", .. })),
            "{zone:?}: {refused:?}"
        );
    }
    assert_eq!(timetable("  0   2 *\t* * ", "UTC").expression(), "0 2 * * *");
    timetable("0 2 29 2 *", "UTC");
    timetable("0 2 * jan-mar mon-fri", "UTC");
}

#[test]
fn last_time_is_found_after_a_long_outage() {
    let now = at("2026-11-29T12:34:56Z");
    for (expression, last) in [
        ("* * * * *", Some("2026-11-29T12:34:00Z")),
        ("0 2 * * *", Some("2026-11-29T02:00:00Z")),
        ("0 2 1 * *", Some("2026-11-01T02:00:00Z")),
        ("0 2 1 1 *", Some("2026-01-01T02:00:00Z")),
        ("0 2 29 2 *", Some("2024-02-29T02:00:00Z")),
        ("0 2 1 1 *", Some("2026-01-01T02:00:00Z")),
    ] {
        let found = timetable(expression, "UTC").last_within(at("2016-01-01T00:00:00Z"), now);
        assert_eq!(found, last.map(at), "{expression}");
    }
    let daily = timetable("0 2 * * *", "UTC");
    let due = at("2026-11-29T02:00:00Z");
    assert_eq!(daily.last_within(due, now), Some(due));
    assert_eq!(daily.last_within(due, due), Some(due));
    assert_eq!(daily.last_within(due + TimeDelta::microseconds(1), now), None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(expression in "[ -~]{0,20}|([0-9*/,LW#?+-]{1,4} ){4}[0-9*/,L#?+A-Z-]{1,4}|\\PC{0,12}") {
        if let Ok(timetable) = Timetable::read(&expression, "Europe/Berlin") {
            let now = at("2026-10-25T00:30:00Z");
            if let Some(next) = timetable.next_after(now) {
                prop_assert!(next > now);
                prop_assert_eq!((next.second(), next.nanosecond()), (0, 0));
            }
        }
    }

    /// Asked at any moment, the answer is the first of the times after it.
    #[test]
    fn next_time_does_not_depend_on_when_it_is_asked(
        zone in 0..ZONES.len(), hour in 0..4_u32, minute in 0..60_u32, hourly in any::<bool>(),
        seconds in 0..(366 * 24 * 3600_i64), micros in 0..1_000_000_i64,
    ) {
        let expression = if hourly { format!("{minute} * * * *") } else { format!("{minute} {hour} * * *") };
        let timetable = timetable(&expression, ZONES[zone]);
        let moment = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds) + TimeDelta::microseconds(micros);
        let next = timetable.next_after(moment).unwrap();
        let walked = MinuteWalk::of(&timetable, moment.with_second(0).unwrap().with_nanosecond(0).unwrap(), next);
        let expected = walked.times.into_iter().find(|time| *time > moment);
        prop_assert_eq!(Some(next), expected);
        prop_assert_eq!(timetable.last_within(moment, next), Some(next));
        prop_assert!(timetable.last_within(moment + TimeDelta::microseconds(1), next - TimeDelta::microseconds(1)).is_none());
    }
}
