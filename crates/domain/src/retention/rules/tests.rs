//! The rules, alone and against a brute-force model on random histories.

use std::time::Instant;

use chrono::{NaiveDate, NaiveDateTime, TimeZone as _};
use proptest::prelude::*;

use super::*;
use crate::schedule::Timetable;

const NEW_YORK: Tz = chrono_tz::America::New_York;
const ZONES: [Tz; 5] = [
    chrono_tz::UTC,
    chrono_tz::Europe::Berlin,
    NEW_YORK,
    chrono_tz::Asia::Kolkata,
    chrono_tz::Australia::Lord_Howe,
];

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn created(id: &str, created_at: &str) -> ArchiveFact {
    ArchiveFact {
        id: id.to_owned(),
        created_at: at(created_at),
        bytes: 10,
        class: ArchiveClass::Created,
        condition: ArchiveCondition::Good,
        guards: BTreeSet::new(),
        retained_since: None,
        retained_checked_at: None,
    }
}

fn facts(archives: impl IntoIterator<Item = ArchiveFact>) -> RetentionFacts {
    RetentionFacts {
        archives: archives.into_iter().collect(),
        ..RetentionFacts::default()
    }
}

fn kept(plan: &RetentionPlan) -> Vec<&str> {
    plan.keep.iter().map(|archive| archive.id.as_str()).collect()
}

fn reasons<'p>(plan: &'p RetentionPlan, id: &str) -> &'p BTreeSet<KeepReason> {
    &plan.keep.iter().find(|archive| archive.id == id).unwrap().reasons
}

const NOW: &str = "2026-12-31T12:00:00Z";

fn planned(facts: &RetentionFacts, policy: &RetentionPolicy) -> RetentionPlan {
    plan(facts, policy, chrono_tz::UTC, at(NOW))
}

fn daily(days: u32) -> RetentionPolicy {
    RetentionPolicy {
        daily: days,
        ..RetentionPolicy::default()
    }
}

#[test]
fn newest_of_each_period_stays() {
    let facts = facts([
        created("a", "2026-11-28T01:00:00Z"),
        created("b", "2026-11-29T01:00:00Z"),
        created("c", "2026-11-29T02:00:00Z"),
        created("d", "2026-12-05T01:00:00Z"),
    ]);
    let plan = planned(&facts, &daily(2));
    assert_eq!(kept(&plan), ["d", "c"]);
    assert_eq!(reasons(&plan, "c"), &BTreeSet::from([KeepReason::Daily]));
    assert_eq!(
        reasons(&plan, "d"),
        &BTreeSet::from([KeepReason::Daily, KeepReason::Minimum, KeepReason::Newest])
    );
    let deleted: Vec<_> = plan
        .delete
        .iter()
        .map(|archive| (archive.id.as_str(), archive.reason))
        .collect();
    assert_eq!(deleted, [("b", DeleteReason::NoRule), ("a", DeleteReason::NoRule)]);
    assert_eq!((plan.frees_bytes, plan.held), (20, None));
}

#[test]
fn periods_are_those_of_the_time_zone() {
    // Two days in New York, one in UTC.
    let facts = facts([
        created("a", "2026-11-29T04:30:00Z"),
        created("b", "2026-11-29T05:30:00Z"),
    ]);
    assert_eq!(kept(&planned(&facts, &daily(2))), ["b"]);
    assert_eq!(kept(&plan(&facts, &daily(2), NEW_YORK, at(NOW))), ["b", "a"]);
    // The ISO week of the 1st of January 2027 began in 2026.
    let facts = self::facts([
        created("a", "2026-12-29T00:00:00Z"),
        created("b", "2027-01-01T00:00:00Z"),
    ]);
    let policy = RetentionPolicy {
        weekly: 2,
        ..RetentionPolicy::default()
    };
    assert_eq!(kept(&planned(&facts, &policy)), ["b"]);
}

#[test]
fn archives_of_people_and_protected_ones_stay_outside_the_count() {
    let with = |id: &str, class, condition, guard: Option<KeepReason>| ArchiveFact {
        class,
        condition,
        guards: guard.into_iter().collect(),
        ..created(id, &format!("2026-12-0{id}T00:00:00Z"))
    };
    use ArchiveClass::*;
    use ArchiveCondition::*;
    let facts = facts([
        with("1", Created, Good, None),
        with("2", Created, Good, None),
        with("3", Uploaded, Good, None),
        with("4", Found, Good, None),
        with("5", Created, Suspicious, None),
        with("6", Created, Damaged, None),
        with("7", Created, Good, Some(KeepReason::InUse)),
        with("8", Created, Verified, Some(KeepReason::Protected)),
    ]);
    let facts = RetentionFacts {
        unreadable: vec!["x".to_owned()],
        ..facts
    };
    let policy = RetentionPolicy {
        keep_last: 2,
        ..RetentionPolicy::default()
    };
    let plan = planned(&facts, &policy);
    // The first place is that of 7 and the second that of 2.
    assert_eq!(kept(&plan), ["8", "7", "6", "5", "4", "3", "2", "x"]);
    for (id, expected) in [
        (
            "8",
            vec![KeepReason::Newest, KeepReason::NewestVerified, KeepReason::Protected],
        ),
        ("7", vec![KeepReason::Last, KeepReason::Minimum, KeepReason::InUse]),
        ("6", vec![KeepReason::Damaged]),
        ("5", vec![KeepReason::Suspicious]),
        ("4", vec![KeepReason::Found]),
        ("3", vec![KeepReason::Uploaded]),
        ("2", vec![KeepReason::Last]),
        ("x", vec![KeepReason::Unreadable]),
    ] {
        assert_eq!(reasons(&plan, id), &expected.into_iter().collect(), "{id}");
    }
}

#[test]
fn newest_verified_archive_stays_although_no_rule_keeps_it() {
    let facts = facts([
        ArchiveFact {
            condition: ArchiveCondition::Verified,
            ..created("a", "2020-01-01T00:00:00Z")
        },
        created("b", "2026-11-01T00:00:00Z"),
        created("c", "2026-11-02T00:00:00Z"),
    ]);
    let plan = planned(&facts, &daily(1));
    assert_eq!(kept(&plan), ["c", "a"]);
    assert_eq!(reasons(&plan, "a"), &BTreeSet::from([KeepReason::NewestVerified]));
}

#[test]
fn safety_backups_are_deleted_after_their_days_unless_an_undo_needs_them() {
    let safety = |id: &str, created_at: &str, guard: Option<KeepReason>| ArchiveFact {
        class: ArchiveClass::Safety,
        guards: guard.into_iter().collect(),
        ..created(id, created_at)
    };
    let facts = facts([
        created("backup", "2026-12-31T00:00:00Z"),
        safety("old", "2026-12-01T11:59:59Z", None),
        safety("young", "2026-12-01T12:00:01Z", None),
        safety("undo", "2026-10-01T00:00:00Z", Some(KeepReason::UndoPossible)),
    ]);
    let plan = planned(&facts, &daily(1));
    assert_eq!(kept(&plan), ["backup", "young", "undo"]);
    assert_eq!(plan.delete[0].reason, DeleteReason::SafetyExpired);
}

#[test]
fn size_limit_deletes_the_oldest_but_nothing_with_a_reason_of_its_own() {
    let days = |guarded: &str| {
        facts((1..=5).map(|day| ArchiveFact {
            guards: match guarded == day.to_string() {
                true => BTreeSet::from([KeepReason::InUse]),
                false => BTreeSet::new(),
            },
            ..created(&day.to_string(), &format!("2026-12-0{day}T00:00:00Z"))
        }))
    };
    let policy = |max_bytes, min_keep| RetentionPolicy {
        max_bytes: Some(max_bytes),
        min_keep,
        ..daily(10)
    };
    assert_eq!(kept(&planned(&days(""), &policy(50, 1))), ["5", "4", "3", "2", "1"]);
    let plan = planned(&days(""), &policy(49, 1));
    assert_eq!(kept(&plan), ["5", "4", "3", "2"]);
    assert_eq!(plan.delete[0].reason, DeleteReason::MaxBytes);
    assert_eq!(kept(&planned(&days("1"), &policy(25, 1))), ["5", "1"]);
    assert_eq!(kept(&planned(&days(""), &policy(1, 3))), ["5", "4", "3"]);
    assert_eq!(kept(&planned(&days(""), &policy(1, 1))), ["5"]);
}

#[test]
fn nothing_is_deleted_while_the_latest_backup_is_in_doubt() {
    let good = created("a", "2026-12-01T00:00:00Z");
    let suspicious = |id: &str, created_at: &str| ArchiveFact {
        condition: ArchiveCondition::Suspicious,
        ..created(id, created_at)
    };
    let code = |facts: &RetentionFacts| planned(facts, &daily(1)).held.map(|held| held.code);
    assert_eq!(code(&facts([good.clone()])), None);
    let failed = RetentionFacts {
        failure: Some("The disk is full.".to_owned()),
        ..facts([good.clone()])
    };
    assert_eq!(code(&failed), Some(HoldCode::LatestBackupFailed));
    let held = planned(&failed, &daily(1)).held.unwrap();
    assert!(held.detail.contains("The disk is full."), "{held:?}");
    let newest = suspicious("b", "2026-12-02T00:00:00Z");
    assert_eq!(
        code(&facts([good.clone(), newest])),
        Some(HoldCode::LatestBackupSuspicious)
    );
    // A good backup came after it.
    let older = suspicious("b", "2026-11-02T00:00:00Z");
    assert_eq!(code(&facts([good, older])), None);
    for (created_at, expected) in [
        ("2026-12-31T12:05:00Z", None),
        ("2026-12-31T12:05:00.000001Z", Some(HoldCode::ClockBehind)),
    ] {
        assert_eq!(code(&facts([created("a", created_at)])), expected);
    }
    // An uploaded archive says nothing about the clock.
    let uploaded = ArchiveFact {
        class: ArchiveClass::Uploaded,
        ..created("a", "2030-01-01T00:00:00Z")
    };
    assert_eq!(code(&facts([uploaded])), None);
}

#[test]
fn hash_changes_with_the_policy_and_the_decisions_only() {
    let all = facts([
        created("a", "2026-12-01T00:00:00Z"),
        created("b", "2026-12-02T00:00:00Z"),
    ]);
    let hash = |facts: &RetentionFacts, policy: &RetentionPolicy| planned(facts, policy).plan_hash;
    let first = hash(&all, &daily(1));
    let reversed = facts(all.archives.iter().rev().cloned());
    assert_eq!(hash(&reversed, &daily(1)), first);
    assert_ne!(hash(&all, &daily(2)), first);
    let policy = RetentionPolicy {
        safety_days: 31,
        ..daily(1)
    };
    assert_ne!(hash(&all, &policy), first);
    let mut in_use = all.clone();
    in_use.archives[0].guards.insert(KeepReason::InUse);
    assert_ne!(hash(&in_use, &daily(1)), first);
    let mut newer = all.clone();
    newer.archives.push(created("c", "2026-12-03T00:00:00Z"));
    assert_ne!(hash(&newer, &daily(1)), first);
    let failed = RetentionFacts {
        failure: Some("x".to_owned()),
        ..all
    };
    assert_eq!(hash(&failed, &daily(1)), first);
}

/// Which archives stay, found archive by archive from the definition of each rule: it shares no code with the rules.
fn model(facts: &RetentionFacts, policy: &RetentionPolicy, zone: Tz, now: DateTime<Utc>) -> BTreeSet<String> {
    let is_newer = |one: &ArchiveFact, other: &ArchiveFact| {
        one.created_at > other.created_at || (one.created_at == other.created_at && one.id > other.id)
    };
    let good: Vec<&ArchiveFact> = facts
        .archives
        .iter()
        .filter(|archive| archive.class == ArchiveClass::Created)
        .filter(|archive| [ArchiveCondition::Good, ArchiveCondition::Verified].contains(&archive.condition))
        .collect();
    let counted: Vec<&ArchiveFact> = good
        .iter()
        .copied()
        .filter(|archive| !archive.guards.contains(&KeepReason::Protected))
        .collect();
    let rank = |archive: &ArchiveFact| counted.iter().filter(|other| is_newer(other, archive)).count();
    let wall = |archive: &ArchiveFact| archive.created_at.with_timezone(&zone).naive_local();
    let is_kept_by = |archive: &ArchiveFact, number: u32, same: &dyn Fn(NaiveDateTime, NaiveDateTime) -> bool| {
        let mine = wall(archive);
        let is_newest = !counted
            .iter()
            .any(|other| same(wall(other), mine) && is_newer(other, archive));
        // One representative of each later period.
        let mut later: Vec<NaiveDateTime> = Vec::new();
        for other in counted
            .iter()
            .map(|other| wall(other))
            .filter(|other| *other > mine && !same(*other, mine))
        {
            if !later.iter().any(|seen| same(*seen, other)) {
                later.push(other);
            }
        }
        is_newest && later.len() < number as usize
    };
    let monday = |time: NaiveDateTime| {
        let days = i64::from(time.date().weekday().num_days_from_monday());
        time.date() - TimeDelta::days(days)
    };
    let by_rule = |archive: &ArchiveFact| {
        rank(archive) < policy.keep_last as usize
            || is_kept_by(archive, policy.hourly, &|one, other| {
                one.format("%Y-%m-%d %H").to_string() == other.format("%Y-%m-%d %H").to_string()
            })
            || is_kept_by(archive, policy.daily, &|one, other| one.date() == other.date())
            || is_kept_by(archive, policy.weekly, &|one, other| monday(one) == monday(other))
            || is_kept_by(archive, policy.monthly, &|one, other| {
                one.format("%Y-%m").to_string() == other.format("%Y-%m").to_string()
            })
            || is_kept_by(archive, policy.yearly, &|one, other| {
                one.format("%Y").to_string() == other.format("%Y").to_string()
            })
    };
    let always = |archive: &ArchiveFact| {
        let is_newest = |among: &[&ArchiveFact]| {
            among.iter().any(|other| other.id == archive.id) && !among.iter().any(|other| is_newer(other, archive))
        };
        let verified: Vec<&ArchiveFact> = good
            .iter()
            .copied()
            .filter(|other| other.condition == ArchiveCondition::Verified)
            .collect();
        let is_counted = counted.iter().any(|other| other.id == archive.id);
        !archive.guards.is_empty()
            || is_newest(&good)
            || is_newest(&verified)
            || (is_counted && rank(archive) < policy.min_keep as usize)
            || match archive.class {
                ArchiveClass::Uploaded | ArchiveClass::Found => true,
                ArchiveClass::Created => {
                    [ArchiveCondition::Suspicious, ArchiveCondition::Damaged].contains(&archive.condition)
                }
                ArchiveClass::Safety => archive.created_at + TimeDelta::days(policy.safety_days.into()) > now,
            }
    };
    let mut stay: Vec<&ArchiveFact> = facts
        .archives
        .iter()
        .filter(|archive| always(archive) || (counted.iter().any(|other| other.id == archive.id) && by_rule(archive)))
        .collect();
    if let Some(max_bytes) = policy.max_bytes {
        loop {
            let of_policy = stay
                .iter()
                .filter(|archive| counted.iter().any(|other| other.id == archive.id));
            let bytes: u64 = of_policy.clone().map(|archive| archive.bytes).sum();
            let mut may_go: Vec<_> = of_policy.filter(|archive| !always(archive)).copied().collect();
            may_go.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
            match may_go.first() {
                Some(oldest) if bytes > max_bytes => stay.retain(|archive| archive.id != oldest.id),
                _ => break,
            }
        }
    }
    stay.into_iter().map(|archive| archive.id.clone()).collect()
}

fn any_archive(minutes: i64) -> impl Strategy<Value = ArchiveFact> {
    let class = prop_oneof![
        8 => Just(ArchiveClass::Created),
        1 => Just(ArchiveClass::Safety),
        1 => Just(ArchiveClass::Uploaded),
        1 => Just(ArchiveClass::Found),
    ];
    let condition = prop_oneof![
        8 => Just(ArchiveCondition::Good),
        3 => Just(ArchiveCondition::Verified),
        1 => Just(ArchiveCondition::Suspicious),
        1 => Just(ArchiveCondition::Damaged),
    ];
    let guard = prop_oneof![
        12 => Just(None),
        1 => Just(Some(KeepReason::Protected)),
        1 => Just(Some(KeepReason::InUse)),
        1 => Just(Some(KeepReason::UndoPossible)),
    ];
    (0..minutes, 1..100_u64, class, condition, guard).prop_map(|(minutes, bytes, class, condition, guard)| {
        ArchiveFact {
            id: String::new(),
            // The year has both changes of daylight saving time of each zone.
            created_at: at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minutes * 7),
            bytes,
            class,
            condition,
            guards: guard.into_iter().collect(),
            retained_since: None,
            retained_checked_at: None,
        }
    })
}

fn any_policy() -> impl Strategy<Value = RetentionPolicy> {
    let count = || prop_oneof![Just(0_u32), 0..4_u32, 0..40_u32];
    let max_bytes = prop_oneof![Just(None), (1..3_000_u64).prop_map(Some)];
    let counts = (count(), count(), count(), count(), count(), count());
    (counts, 1..5_u32, max_bytes, 0..60_u32).prop_map(|(counts, min_keep, max_bytes, safety_days)| {
        let (keep_last, hourly, daily, weekly, monthly, yearly) = counts;
        RetentionPolicy {
            keep_last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            min_keep,
            max_bytes,
            safety_days,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn kept_set_equals_the_model(
        // About two days, two months or two years, so that each rule meets crowded and empty periods.
        mut archives in prop_oneof![Just(400_i64), Just(12_000), Just(150_000)]
            .prop_flat_map(|minutes| prop::collection::vec(any_archive(minutes), 0..60)),
        policy in any_policy(),
        zone in prop::sample::select(ZONES.to_vec()),
        later in 0..100_000_i64,
    ) {
        for (number, archive) in archives.iter_mut().enumerate() {
            archive.id = format!("{number:03}");
        }
        let now = at("2026-06-01T00:00:00Z") + TimeDelta::minutes(later * 8);
        let facts = facts(archives);
        let plan = plan(&facts, &policy, zone, now);
        let kept: BTreeSet<String> = plan.keep.iter().map(|archive| archive.id.clone()).collect();
        prop_assert_eq!(&kept, &model(&facts, &policy, zone, now));
        let deleted: BTreeSet<String> = plan.delete.iter().map(|archive| archive.id.clone()).collect();
        prop_assert!(kept.is_disjoint(&deleted));
        prop_assert_eq!(kept.len() + deleted.len(), facts.archives.len());
        // What is kept is kept again: a second application deletes nothing.
        let rest = self::facts(facts.archives.iter().filter(|archive| kept.contains(&archive.id)).cloned());
        prop_assert_eq!(super::plan(&rest, &policy, zone, now).delete, vec![]);
    }
}

/// A backup every hour for a year, with an application after each of them.
#[test]
fn year_in_four_zones_keeps_what_the_policy_says() {
    let begun = Instant::now();
    let policy = RetentionPolicy {
        hourly: 24,
        daily: 7,
        weekly: 4,
        monthly: 12,
        yearly: 2,
        ..RetentionPolicy::default()
    };
    for zone in &ZONES[1..] {
        let begin = zone.from_local_datetime(
            &NaiveDate::from_ymd_opt(2025, 12, 31)
                .unwrap()
                .and_hms_opt(0, 30, 0)
                .unwrap(),
        );
        let begin = begin.unwrap().with_timezone(&Utc);
        let mut stored: Vec<ArchiveFact> = Vec::new();
        for hour in 0..24 * 366 {
            let created_at = begin + TimeDelta::hours(hour);
            stored.push(ArchiveFact {
                created_at,
                ..created(&format!("{hour:05}"), NOW)
            });
            let plan = plan(&facts(stored.clone()), &policy, *zone, created_at);
            assert_eq!(plan.held, None);
            let kept: BTreeSet<_> = plan.keep.iter().map(|archive| &archive.id).collect();
            stored.retain(|archive| kept.contains(&archive.id));
        }
        let local: Vec<_> = stored
            .iter()
            .map(|archive| archive.created_at.with_timezone(zone))
            .collect();
        // The last backup of each month, of the last seven days and of the last four weeks.
        let months: BTreeSet<_> = local.iter().map(|at| (at.year(), at.month())).collect();
        assert_eq!(months.len(), 13, "{zone}: December 2025 is the newest of its year");
        for month in 1..=11 {
            let last = local
                .iter()
                .filter(|at| at.year() == 2026 && at.month() == month)
                .max()
                .unwrap();
            let next_hour = *last + TimeDelta::hours(1);
            assert_ne!(
                next_hour.month(),
                month,
                "{zone}: {last} is not the last backup of its month"
            );
        }
        assert!(
            (24..=24 + 7 + 4 + 12 + 2).contains(&stored.len()),
            "{zone}: {}",
            stored.len()
        );
    }
    assert!(begun.elapsed().as_secs() < 60);
}

/// What a policy keeps of all archives that were ever made, the oldest first, by the names of their periods.
fn kept_of_all(all: &[ArchiveFact], policy: &RetentionPolicy, zone: Tz) -> BTreeSet<String> {
    let newest_by = |count: u32, name: &dyn Fn(NaiveDateTime) -> String| {
        let wall = |archive: &ArchiveFact| archive.created_at.with_timezone(&zone).naive_local();
        // A later archive takes the place of an earlier one of the same period.
        let newest: BTreeMap<String, String> = all
            .iter()
            .map(|archive| (name(wall(archive)), archive.id.clone()))
            .collect();
        newest.into_values().rev().take(count as usize).collect::<Vec<_>>()
    };
    let monday = |at: NaiveDateTime| at.date().week(chrono::Weekday::Mon).first_day().to_string();
    let last = all.iter().rev().take(policy.keep_last.max(policy.min_keep) as usize);
    let verified = |archive: &&ArchiveFact| archive.condition == ArchiveCondition::Verified;
    last.chain(all.iter().rfind(verified))
        .map(|archive| archive.id.clone())
        .chain(newest_by(policy.hourly, &|at| at.format("%Y-%m-%d %H").to_string()))
        .chain(newest_by(policy.daily, &|at| at.format("%Y-%m-%d").to_string()))
        .chain(newest_by(policy.weekly, &monday))
        .chain(newest_by(policy.monthly, &|at| at.format("%Y-%m").to_string()))
        .chain(newest_by(policy.yearly, &|at| at.format("%Y").to_string()))
        .collect()
}

/// Schedules in four zones for a year, with an application after each run. What stays is what the policy keeps of all archives that
/// were ever made: nothing is deleted that it would keep later.
#[test]
fn year_of_schedules_with_retention_keeps_what_the_policy_says() {
    let begun = Instant::now();
    let policy = RetentionPolicy {
        keep_last: 3,
        hourly: 12,
        daily: 7,
        weekly: 4,
        monthly: 12,
        yearly: 2,
        ..RetentionPolicy::default()
    };
    let begin = at("2026-01-01T00:30:00Z");
    for zone in &ZONES[1..] {
        let times = |cron: &str, count| {
            let timetable = Timetable::new(cron, zone.name(), begin).unwrap();
            timetable.upcoming(begin, count)
        };
        // Twice a day, also in hours that daylight saving skips or doubles, and every Sunday.
        let mut due: Vec<_> = [times("30 1,2 * * *", 730), times("15 2 * * 0", 52)].concat();
        due.sort();
        due.dedup();
        assert!(
            due.len() > 770 && *due.last().unwrap() > at("2026-12-30T00:00:00Z"),
            "{zone}"
        );
        let (mut all, mut stored) = (Vec::new(), Vec::<ArchiveFact>::new());
        for (number, created_at) in due.into_iter().enumerate() {
            let archive = ArchiveFact {
                created_at,
                condition: match number % 50 {
                    0 => ArchiveCondition::Verified,
                    _ => ArchiveCondition::Good,
                },
                ..created(&format!("{number:04}"), NOW)
            };
            all.push(archive.clone());
            stored.push(archive);
            let plan = plan(&facts(stored.clone()), &policy, *zone, created_at);
            assert_eq!(plan.held, None);
            let kept: BTreeSet<_> = plan.keep.iter().map(|archive| archive.id.clone()).collect();
            stored.retain(|archive| kept.contains(&archive.id));
            if number % 23 == 0 {
                assert_eq!(kept, kept_of_all(&all, &policy, *zone), "{zone} {created_at}");
            }
        }
    }
    assert!(begun.elapsed().as_secs() < 60);
}
