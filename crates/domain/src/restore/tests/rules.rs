//! Refusals, and an example of each rule.

use super::super::*;
use super::place::*;
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Error;
use crate::sample::*;

fn without_row() -> Admin {
    Admin::acting(None)
}

#[tokio::test]
async fn restore_of_nothing_or_of_one_payment_is_refused() {
    let live = School::with(&small()).await;
    let archive = small().source(&Table::ALL);
    let payment = Scope::Entity {
        table: Table::Payments,
        id: 1,
    };
    for scope in [tables([]), payment] {
        let refused = live
            .plan(&without_row(), &archive, &request(scope.clone(), RestoreMode::Merge))
            .await;
        assert!(
            matches!(refused, Err(Error::Invalid { field: "scope", .. })),
            "{refused:?}"
        );
        let refused = live
            .restore(&without_row(), &archive, &request(scope, RestoreMode::Merge))
            .await;
        assert!(
            matches!(refused, Err(Error::Invalid { field: "scope", .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn missing_table_or_row_is_refused() {
    let live = School::with(&small()).await;
    let courses = small().source(&[Table::Courses]);
    for scope in [Scope::All, tables([Table::Courses, Table::Payments]), of_student(1)] {
        let refused = live
            .plan(&without_row(), &courses, &request(scope.clone(), RestoreMode::Replace))
            .await;
        assert!(matches!(refused, Err(Error::TableNotFound(_))), "{refused:?}");
        let refused = live
            .restore(&without_row(), &courses, &request(scope, RestoreMode::Replace))
            .await;
        assert!(matches!(refused, Err(Error::TableNotFound(_))), "{refused:?}");
    }
    let all = small().source(&Table::ALL);
    let unknown = request(of_student(99), RestoreMode::Merge);
    for refused in [
        live.plan(&without_row(), &all, &unknown).await.map(drop),
        live.restore(&without_row(), &all, &unknown).await.map(drop),
    ] {
        assert!(
            matches!(
                refused,
                Err(Error::RowNotFound {
                    table: Table::Students,
                    row: 99
                })
            ),
            "{refused:?}"
        );
    }
    assert_eq!(live.lines().await, small().lines());
}

#[tokio::test]
async fn damaged_archive_changes_nothing() {
    let live = School::with(&small()).await;
    let mut bytes = small().without(Table::Payments, 1).archive(&Table::ALL);
    let at = bytes.iter().rposition(|byte| *byte == b'R').unwrap();
    bytes[at] = b'X';
    let bytes = Memory::new(bytes);
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        let refused = live.plan(&without_row(), &bytes, &request(Scope::All, mode)).await;
        assert!(matches!(refused, Err(Error::Archive(_))), "{refused:?}");
    }
    assert_eq!(live.lines().await, small().lines());
}

#[tokio::test]
async fn archive_that_differs_at_its_second_reading_changes_nothing() {
    let live = School::with(&small()).await;
    let summary = small().source(&Table::ALL).summary();
    let other = small().without(Table::Payments, 1).source(&Table::ALL);
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        let request = request(Scope::All, mode);
        let mut change = crate::change::Change::begin(&live.database, request.tables(), "restoring")
            .await
            .unwrap();
        let (keys, progress) = (campus_backup_archive::Keys::none(), crate::job::Progress::default());
        let admin = without_row();
        let context = live.context(&admin, &other, &request, &keys, &progress);
        let refused = apply(&context, &mut change, &summary).await;
        assert!(matches!(refused, Err(Error::Internal { .. })), "{refused:?}");
    }
    assert_eq!(live.lines().await, small().lines());
}

#[tokio::test]
async fn cancelled_plan_changes_nothing() {
    let live = School::with(&small().without(Table::Payments, 1)).await;
    let before = live.lines().await;
    let archive = small().source(&Table::ALL);
    let progress = crate::job::Progress::default();
    progress.cancel();
    let keys = campus_backup_archive::Keys::none();
    let (admin, request) = (without_row(), request(Scope::All, RestoreMode::Replace));
    let refused = plan(&live.context(&admin, &archive, &request, &keys, &progress)).await;
    assert!(matches!(refused, Err(Error::Cancelled)));
    assert_eq!(live.lines().await, before);
}

#[tokio::test]
async fn plan_counts_cascades_and_sums_payments() {
    let live = School::with(&small()).await;
    let archive = small()
        .without(Table::Students, 2)
        .with(Table::Students, student(1, "R1", "Ada L."))
        .with(Table::Students, student(3, "R3", "Cy"));
    let replace = request(tables([Table::Students]), RestoreMode::Replace);
    assert_eq!(
        replace.tables(),
        [Table::Students, Table::Enrollments, Table::Payments, Table::Attendance]
    );
    let plan = live
        .plan(&without_row(), &archive.source(&Table::ALL), &replace)
        .await
        .unwrap();
    let students = plan.tables[&Table::Students];
    assert_eq!((students.inserts, students.updates, students.deletes), (1, 1, 1));
    assert_eq!(
        (students.rows_before, students.rows_after, students.unchanged),
        (2, 2, 0)
    );
    for table in Table::Students.dependents() {
        assert_eq!(
            (plan.tables[table].cascades, plan.tables[table].rows_after),
            (1, 1),
            "{table}"
        );
    }
    assert_eq!(
        (plan.money.before.as_str(), plan.money.after.as_str()),
        ("123.40", "123.45")
    );
    let codes: Vec<_> = plan.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::Cascades; 3]);
    assert_eq!(
        plan.warnings[0].text,
        "1 row of enrollments is removed too, together with the rows that the archive does not have."
    );
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["warnings"][0]["code"], "cascades");
    assert_eq!(json["tables"]["students"]["inserts"], 1);
    assert_eq!(live.lines().await, small().lines(), "a plan changes nothing");
    // A merge does not change referring rows.
    let merge = request(tables([Table::Students]), RestoreMode::Merge);
    assert_eq!(merge.tables(), [Table::Students]);
    let plan = live
        .plan(&without_row(), &archive.source(&Table::ALL), &merge)
        .await
        .unwrap();
    assert_eq!(plan.tables[&Table::Students].deletes, 0);
    assert_eq!(
        (plan.money.before.as_str(), plan.money.after.as_str()),
        ("123.40", "123.40")
    );
}

#[tokio::test]
async fn hash_covers_archive_request_user_and_live_rows() {
    let live = School::with(&small()).await;
    let archive = small().without(Table::Payments, 1).source(&Table::ALL);
    let replace = request(tables([Table::Payments]), RestoreMode::Replace);
    let hash_of = async |admin: Admin, archive: &Memory, request: &Restore| {
        live.plan(&admin, archive, request).await.unwrap().hash
    };
    let first = hash_of(without_row(), &archive, &replace).await;
    assert_eq!(first.len(), 64);
    assert_eq!(hash_of(without_row(), &archive, &replace).await, first);
    assert_ne!(hash_of(Admin::acting(Some(1)), &archive, &replace).await, first);
    assert_ne!(
        hash_of(without_row(), &small().source(&Table::ALL), &replace).await,
        first
    );
    let merge = request(tables([Table::Payments]), RestoreMode::Merge);
    assert_ne!(hash_of(without_row(), &archive, &merge).await, first);
    // A summary of the whole live data gives the same hash.
    let live_sha256 = small().source(&Table::ALL).summary().sha256;
    let digest = archive.summary().digest;
    assert_eq!(hash(&without_row(), &replace, &digest, &live_sha256), first);
    // Tables that the restore does not concern may change, others may not.
    live.fill(&small().without(Table::Attendance, 1)).await;
    assert_eq!(hash_of(without_row(), &archive, &replace).await, first);
    live.fill(&small().without(Table::Payments, 2)).await;
    assert_ne!(hash_of(without_row(), &archive, &replace).await, first);
}

#[tokio::test]
async fn row_of_another_student_is_a_conflict() {
    let archive = small();
    let live = small()
        .without(Table::Payments, 1)
        .with(Table::Payments, payment(1, 2, 2, 7));
    let place = School::with(&live).await;
    let source = archive.source(&Table::ALL);
    for mode in [RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing] {
        let request = request(of_student(1), mode);
        let plan = place.plan(&without_row(), &source, &request).await.unwrap();
        assert_eq!(plan.tables[&Table::Payments].first_conflict, Some(1));
        assert_eq!(plan.blockers[0].code, BlockerCode::Conflicts);
        let refused = place.restore(&without_row(), &source, &request).await;
        assert!(
            matches!(
                refused,
                Err(Error::Conflict {
                    table: Table::Payments,
                    row: 1
                })
            ),
            "{refused:?}"
        );
        assert_eq!(place.lines().await, live.lines());
    }
}

#[tokio::test]
async fn missing_rows_that_a_student_refers_to_are_inserted() {
    let archive = small();
    let live = SampleRows::default()
        .with(Table::Courses, course(1, "Maths, renamed", 5))
        .with(Table::Students, student(9, "R9", "Zoe"));
    let place = School::with(&live).await;
    let source = archive.source(&Table::ALL);
    let request = request(of_student(1), RestoreMode::Replace);
    let plan = place.plan(&without_row(), &source, &request).await.unwrap();
    assert_eq!(plan.warnings[0].code, WarningCode::TakenAlong);
    place.restore(&without_row(), &source, &request).await.unwrap();
    let expected = live
        .with(Table::Students, student(1, "R1", "Ada"))
        .with(Table::PaymentCategories, category(1, "Tuition"))
        .with(Table::Enrollments, enrollment(1, 1, 1))
        .with(Table::Payments, payment(1, 1, 1, 12_345))
        .with(Table::Attendance, attendance(1, 1, 1, 1, "present"));
    assert_eq!(place.lines().await, expected.lines());
}

#[tokio::test]
async fn staging_database_leaves_no_file() {
    let live = School::with(&small()).await;
    let archive = small().source(&Table::ALL);
    live.plan(&without_row(), &archive, &request(Scope::All, RestoreMode::Merge))
        .await
        .unwrap();
    live.restore(&without_row(), &archive, &request(Scope::All, RestoreMode::Replace))
        .await
        .unwrap();
    let names = std::fs::read_dir(live.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names
        .filter(|name| !name.to_string_lossy().starts_with("school.db"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
