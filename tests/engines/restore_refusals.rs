//! Refused restores: nothing is changed, and the error says why.

use campus_backup_archive::Cell;
use campus_backup_domain::restore::RestoreMode;
use campus_backup_domain::snapshot::{ReadStrategy, Snapshot};
use campus_backup_domain::{Error, Table};

use harness::restore_rig::{Archive, RestorePlace, everything, one, student};
use harness::{Engine, on_every_engine, small_school};

/// An archive without the category of payment 2.
fn with_an_orphan(archive: &Archive) -> Archive {
    archive.rewritten(|table, cells| table != "payment_categories" || cells[0] != Cell::Integer(2))
}

/// An archive whose students 1 and 2 have the same number.
fn with_a_number_twice(archive: &Archive) -> Archive {
    archive.rewritten(|table, cells| {
        if table == "students" && cells[0] == Cell::Integer(2) {
            cells[2] = Cell::Text("000123");
        }
        true
    })
}

#[on_every_engine]
async fn orphans_are_refused_and_nothing_changes(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = with_an_orphan(&place.archive().await);
    let before = school.scratch.everything().await;
    for request in [
        everything(RestoreMode::Replace),
        one(Table::Payments, RestoreMode::Replace),
    ] {
        // Payments alone refer to the live category.
        if request == everything(RestoreMode::Replace) {
            let refused = place.restore(&archive, &request).await;
            assert!(
                matches!(
                    refused,
                    Err(Error::Orphan {
                        table: Table::Payments,
                        row: 2
                    })
                ),
                "{refused:?}"
            );
        } else {
            place.restore(&archive, &request).await.unwrap();
        }
        assert_eq!(school.scratch.everything().await, before);
    }
    // A client that reads at the same time makes no difference.
    let reader = Snapshot::take(&place.database, ReadStrategy::Native, &Table::ALL)
        .await
        .unwrap();
    let refused = place.restore(&archive, &everything(RestoreMode::Replace)).await;
    assert!(
        matches!(
            refused,
            Err(Error::Orphan {
                table: Table::Payments,
                row: 2
            })
        ),
        "{refused:?}"
    );
    reader.end().await.unwrap();
    assert_eq!(school.scratch.everything().await, before);
}

#[on_every_engine]
async fn duplicate_key_is_refused_and_nothing_changes(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = with_a_number_twice(&place.archive().await);
    let before = school.scratch.everything().await;
    for request in [
        everything(RestoreMode::Replace),
        one(Table::Students, RestoreMode::Replace),
    ] {
        let refused = place.restore(&archive, &request).await;
        assert!(
            matches!(refused, Err(Error::DuplicateKey { table: Table::Students })),
            "{refused:?}"
        );
        assert_eq!(school.scratch.everything().await, before);
    }
    let refused = place.restore(&archive, &student(2, RestoreMode::Merge)).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                table: Table::Students,
                row: 2
            })
        ),
        "{refused:?}"
    );
    assert_eq!(school.scratch.everything().await, before);
}

#[on_every_engine]
async fn inadmissible_values_are_refused_on_every_engine(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let whole = place.archive().await;
    let before = school.scratch.everything().await;
    let third_digit = whole.rewritten(|table, cells| {
        if table == "payments" && cells[0] == Cell::Integer(3) {
            cells[3] = Cell::Decimal("0.125".parse().unwrap());
        }
        true
    });
    let word = whole.rewritten(|table, cells| {
        if table == "attendance" && cells[0] == Cell::Integer(5) {
            cells[4] = Cell::Text("late");
        }
        true
    });
    for (archive, row, column) in [(third_digit, 3, "amount_paid"), (word, 5, "status")] {
        for request in [everything(RestoreMode::Replace), everything(RestoreMode::Merge)] {
            match place.restore(&archive, &request).await {
                Err(Error::Inadmissible {
                    row: found,
                    column: named,
                    ..
                }) => assert_eq!((found, named), (row, column)),
                other => panic!("{other:?}"),
            }
            assert_eq!(school.scratch.everything().await, before);
        }
    }
}
