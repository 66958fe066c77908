//! Users: which accounts are kept, identified or renumbered.

use campus_backup_archive::Cell;

use super::super::*;
use super::place::*;
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Error;
use crate::sample::*;

const MODES: [RestoreMode; 3] = [RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing];

fn users<const N: usize>(rows: [SampleRow; N]) -> SampleRows {
    rows.into_iter()
        .fold(SampleRows::default(), |school, row| school.with(Table::Users, row))
}

/// Restores users as the administrator with this id, and returns the users afterwards.
async fn restored(
    live: &SampleRows,
    archive: &SampleRows,
    mode: RestoreMode,
    acting: Option<i64>,
) -> crate::Result<(Vec<String>, RestoredTable)> {
    let place = School::with(live).await;
    let source = archive.source(&[Table::Users]);
    let request = request(tables([Table::Users]), mode);
    let plan = place.plan(&Admin::acting(acting), &source, &request).await?;
    let done = place.restore(&Admin::acting(acting), &source, &request).await?;
    let users = done.tables[&Table::Users];
    let planned = plan.tables[&Table::Users];
    assert_eq!((users.kept, users.renumbered), (planned.kept, planned.renumbered));
    Ok((place.lines().await, users))
}

#[tokio::test]
async fn acting_administrator_keeps_account_and_password() {
    let live = users([user(1, "me", "admin", "!new"), user(2, "t", "teacher", "!")]);
    let archive = users([user(1, "me", "teacher", "!old"), user(2, "t", "teacher", "!old")]);
    for mode in MODES {
        let (lines, done) = restored(&live, &archive, mode, Some(1)).await.unwrap();
        assert_eq!(lines[0], live.lines()[0], "{mode:?}");
        assert_eq!((done.kept, done.rows), (1, 2));
    }
    // Under another id it is the same account.
    let archive = users([user(2, "t", "teacher", "!"), user(7, "me", "teacher", "!old")]);
    for mode in MODES {
        let (lines, _) = restored(&live, &archive, mode, Some(1)).await.unwrap();
        assert_eq!(lines, live.lines(), "{mode:?}");
    }
}

#[tokio::test]
async fn archived_user_with_the_id_of_the_acting_one_is_renumbered() {
    let live = users([user(1, "me", "admin", "!"), user(2, "t", "teacher", "!")]);
    let archive = users([user(1, "first", "teacher", "?"), user(2, "t", "teacher", "!")]);
    let expected = live.clone().with(Table::Users, user(3, "first", "teacher", "?"));
    for mode in MODES {
        let (lines, done) = restored(&live, &archive, mode, Some(1)).await.unwrap();
        assert_eq!(lines, expected.lines(), "{mode:?}");
        assert_eq!(done.renumbered, 1);
    }
}

#[tokio::test]
async fn id_and_name_of_different_users_are_distinguished() {
    // Id 1 of the archive is `first`, whose live id is 2; id 2 of the archive is `me`.
    let live = users([user(1, "me", "admin", "!"), user(2, "first", "teacher", "!")]);
    let archive = users([user(1, "first", "teacher", "?"), user(2, "me", "admin", "?")]);
    let (lines, done) = restored(&live, &archive, RestoreMode::Replace, Some(1)).await.unwrap();
    let expected = users([user(1, "me", "admin", "!"), user(3, "first", "teacher", "?")]);
    assert_eq!(lines, expected.lines());
    assert_eq!((done.kept, done.renumbered), (1, 1));
    // In modes that keep rows, `first` is already there.
    for mode in [RestoreMode::Merge, RestoreMode::InsertMissing] {
        let (lines, done) = restored(&live, &archive, mode, Some(1)).await.unwrap();
        assert_eq!(lines, live.lines(), "{mode:?}");
        assert_eq!((done.kept, done.renumbered), (2, 0));
    }
}

#[tokio::test]
async fn administrators_absent_from_the_archive_are_kept() {
    let live = users([
        user(1, "me", "admin", "!"),
        user(2, "boss", "admin", "!"),
        user(3, "t", "teacher", "!"),
    ]);
    let archive = users([user(2, "u", "teacher", "?")]);
    for acting in [None, Some(1)] {
        let (lines, done) = restored(&live, &archive, RestoreMode::Replace, acting).await.unwrap();
        let expected = users([
            user(1, "me", "admin", "!"),
            user(2, "boss", "admin", "!"),
            user(4, "u", "teacher", "?"),
        ]);
        assert_eq!(lines, expected.lines());
        assert_eq!((done.kept, done.renumbered, done.removed), (2, 1, 1));
    }
}

#[tokio::test]
async fn actor_without_a_row_keeps_no_row() {
    let live = users([user(1, "admin", "admin", "!new")]);
    let archive = users([user(1, "admin", "admin", "!old")]);
    let (lines, done) = restored(&live, &archive, RestoreMode::Replace, None).await.unwrap();
    assert_eq!(lines, archive.lines());
    assert_eq!((done.kept, done.updated), (0, 1));
}

#[tokio::test]
async fn name_of_another_row_is_a_conflict() {
    let live = users([user(1, "me", "admin", "!"), user(7, "x", "teacher", "!")]);
    let archive = users([user(8, "x", "teacher", "?")]);
    for mode in [RestoreMode::Merge, RestoreMode::InsertMissing] {
        let refused = restored(&live, &archive, mode, Some(1)).await;
        assert!(
            matches!(
                refused,
                Err(Error::Conflict {
                    table: Table::Users,
                    row: 8
                })
            ),
            "{refused:?}"
        );
    }
    let (lines, _) = restored(&live, &archive, RestoreMode::Replace, Some(1)).await.unwrap();
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn plan_warns_if_no_administrator_could_sign_in() {
    let place = School::with(&users([user(1, "t", "teacher", "!")])).await;
    let source = users([user(1, "t", "teacher", "?")]).source(&[Table::Users]);
    let request = request(tables([Table::Users]), RestoreMode::Replace);
    let plan = place.plan(&Admin::acting(None), &source, &request).await.unwrap();
    let codes: Vec<_> = plan.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::PasswordsRestored, WarningCode::NoAdministrator]);
}

/// The hash of a known password.
const USABLE: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$6ZzIhBXp1pW1nU6wY3kQ0w$gB0s7mPzv9c5Qe2XyT8uRkV1oJ4hN6dLaFqKiWtZ3xE";

#[tokio::test]
async fn plan_names_users_whose_password_needs_a_reset() {
    const COSTLY: &str =
        "$argon2id$v=19$m=262144,t=16,p=1$6ZzIhBXp1pW1nU6wY3kQ0w$gB0s7mPzv9c5Qe2XyT8uRkV1oJ4hN6dLaFqKiWtZ3xE";
    let mut inactive = user(4, "gone", "teacher", COSTLY);
    inactive[5] = Cell::Boolean(false);
    let live = users([user(1, "me", "admin", USABLE)]);
    let archive = users([
        user(1, "me", "admin", USABLE),
        user(2, "imported", "teacher", COSTLY),
        user(3, "usual", "teacher", USABLE),
        inactive,
    ]);
    let place = School::with(&live).await;
    let request = request(tables([Table::Users]), RestoreMode::Replace);
    let source = archive.source(&[Table::Users]);
    let plan = place.plan(&Admin::acting(Some(1)), &source, &request).await.unwrap();
    let mut warnings = plan.warnings.iter();
    let warning = warnings.find(|warning| warning.code == WarningCode::PasswordsNeedReset);
    let text = &warning.unwrap().text;
    assert!(text.contains("`imported`") && text.contains("reset-password"), "{text}");
    assert!(!text.contains("`usual`") && !text.contains("`gone`"), "{text}");
}

#[tokio::test]
async fn active_administrators_are_disabled_only_if_asked() {
    let live = users([user(1, "me", "admin", USABLE), user(2, "boss", "admin", USABLE)]);
    let mut inactive = user(2, "boss", "admin", USABLE);
    inactive[5] = Cell::Boolean(false);
    for row in [
        user(2, "boss", "teacher", USABLE),
        user(2, "boss", "admin", "!"),
        // Also under another id.
        user(7, "boss", "teacher", USABLE),
        inactive,
    ] {
        let archive = users([user(1, "me", "admin", USABLE), row]);
        for mode in [RestoreMode::Replace, RestoreMode::Merge] {
            let place = School::with(&live).await;
            let source = archive.source(&[Table::Users]);
            let mut request = request(tables([Table::Users]), mode);
            let me = Admin::acting(Some(1));
            let plan = place.plan(&me, &source, &request).await.unwrap();
            assert!(!changes_administrators(&plan.hash), "{plan:?}");
            let warning = plan.warnings.iter().find(|warning| warning.text.contains("`boss`"));
            assert_eq!(warning.unwrap().code, WarningCode::AdministratorsNotDisabled);
            place.restore(&me, &source, &request).await.unwrap();
            assert_eq!(place.lines().await, live.lines(), "{mode:?}");

            request.disable_administrators = true;
            let plan = place.plan(&me, &source, &request).await.unwrap();
            if plan.blockers.is_empty() {
                assert_eq!(plan.administrators_disabled.items[0].username, "boss", "{mode:?}");
                assert!(changes_administrators(&plan.hash));
                let restored = place.restore(&me, &source, &request).await.unwrap();
                assert_eq!(restored.administrators.disabled, plan.administrators_disabled);
                let hash = without_administrators(&plan.hash).to_owned();
                assert_eq!(restored.administrators.bind(hash), plan.hash);
                assert_eq!(place.lines().await, archive.lines(), "{mode:?}");
            }
        }
    }
}

#[tokio::test]
async fn hash_covers_administrators_that_are_not_listed() {
    let names: Vec<&'static str> = (0..MAX_LISTED + 50)
        .map(|number| &*Box::leak(format!("n{number:04}").into_boxed_str()))
        .collect();
    let archive = |last: &'static str| {
        let all = names.iter().zip(2..);
        let archive = all.fold(SampleRows::default(), |rows, (name, id)| {
            rows.with(Table::Users, user(id, name, "admin", USABLE))
        });
        archive.with(Table::Users, user(1_000, last, "admin", USABLE))
    };
    let place = School::with(&users([user(1, "me", "admin", USABLE)])).await;
    let request = request(tables([Table::Users]), RestoreMode::Merge);
    let mut digests = std::collections::BTreeSet::new();
    for last in ["x", "y"] {
        let source = archive(last).source(&[Table::Users]);
        let plan = place.plan(&Admin::acting(Some(1)), &source, &request).await.unwrap();
        let added = &plan.administrators_added;
        assert_eq!((added.items.len(), added.total), (MAX_LISTED, MAX_LISTED as u64 + 51));
        assert_eq!(without_administrators(&plan.hash).len(), 64);
        let (_, digest) = plan.hash.split_once('-').unwrap();
        digests.insert(digest.to_owned());
    }
    assert_eq!(digests.len(), 2, "the last one is not listed, and counts");
}

#[tokio::test]
async fn each_administrator_is_in_the_list_of_its_change() {
    let live = users([
        user(1, "me", "admin", USABLE),
        user(2, "raised", "teacher", USABLE),
        user(3, "changed", "admin", "!"),
        user(4, "same", "admin", USABLE),
    ]);
    let archive = users([
        user(1, "me", "admin", USABLE),
        user(2, "raised", "admin", USABLE),
        user(3, "changed", "admin", USABLE),
        user(4, "same", "admin", USABLE),
        user(5, "added", "admin", USABLE),
        user(6, "teacher", "teacher", USABLE),
    ]);
    let place = School::with(&live).await;
    let source = archive.source(&[Table::Users]);
    let request = request(tables([Table::Users]), RestoreMode::Replace);
    let plan = place.plan(&Admin::acting(Some(1)), &source, &request).await.unwrap();
    let lists = [
        &plan.administrators_added,
        &plan.administrators_changed,
        &plan.administrators_raised,
        &plan.administrators_disabled,
    ];
    let names = lists.map(|list| {
        let names = list.items.iter().map(|account| account.username.as_str());
        names.collect::<Vec<_>>()
    });
    assert_eq!(names, [vec!["added"], vec!["changed"], vec!["raised"], vec![]]);
}
