//! Damaged archives are refused at both levels, and a complete one is verified.

use std::fs;

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Cell, Layers};

use super::*;
use crate::catalog::{Table, TableScope};
use crate::export::Format;
use crate::sample::{self, Memory, SampleRows, School};

fn code<T>(outcome: Result<T>) -> Option<&'static str> {
    outcome.err().map(|error| error.archive_code().unwrap_or("none"))
}

/// The code of both levels, which must be the same.
async fn refusal(archive: &[u8], keys: &Keys, expected: Option<&Manifest>) -> Option<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let (source, progress) = (Memory::source(archive), Progress::default());
    let digested = code(digest(&source, keys, expected, &progress).await);
    let tested = code(test_restore(&source, keys, expected, folder.path(), &progress).await);
    assert_eq!(digested, tested);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    digested
}

/// The refusal of a test restore, for rows whose digests are correct.
async fn unrestorable(rows: &SampleRows, code: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (source, progress) = (Memory::source(rows.archive(&Table::ALL)), Progress::default());
    let checked = digest(&source, &Keys::none(), None, &progress).await.unwrap();
    assert_eq!(checked.summary.total, rows.count());
    let refused = test_restore(&source, &Keys::none(), None, folder.path(), &progress).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.archive_code(), Some(code), "{refused:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    refused.to_string()
}

async fn manifest(archive: &[u8], keys: &Keys) -> Manifest {
    let checked = digest(&Memory::source(archive), keys, None, &Progress::default()).await;
    let Checked {
        header,
        summary,
        object,
        ..
    } = checked.unwrap();
    Manifest::new("id".to_owned(), ArchiveKind::Created, &header, &summary, object)
}

#[tokio::test]
async fn damaged_archive_is_refused() {
    let keys = Keys::generate();
    let layers = Layers {
        recipients: keys.recipients(),
        ..Layers::default()
    };
    let bare = sample::rows().archive(&Table::ALL);
    let (sealed, _) = sample::sealed(&bare, &layers);
    let mut flipped = bare.clone();
    let amount = bare.windows(5).position(|text| text == b"12.50").unwrap();
    flipped[amount + 1] ^= 1;
    let mut without = sample::rows();
    without.take(Table::Students, 5);
    for (archive, keys, expected) in [
        (&b""[..], &keys, "empty"),
        (b"PK\x03\x04", &keys, "not_an_archive"),
        (&bare[..bare.len() / 2], &keys, "truncated"),
        (&flipped, &keys, "digest_mismatch"),
        (&sealed, &Keys::none(), "key_required"),
        (&sealed, &Keys::generate(), "wrong_key"),
        (&without.archive(&Table::ALL), &keys, "orphan"),
    ] {
        assert_eq!(refusal(archive, keys, None).await, Some(expected));
    }
    assert_eq!(refusal(&sealed, &keys, None).await, None);
}

#[tokio::test]
async fn archive_that_differs_from_its_manifest_is_refused() {
    let bare = sample::rows().archive(&Table::ALL);
    let right = manifest(&bare, &Keys::none()).await;
    type Change = fn(&mut Manifest);
    let changes: [(Change, &str); 9] = [
        (|it| it.created_at += Duration::from_secs(1), "the moment that it shows"),
        (|it| it.engine = "mysql".to_owned(), "the engine of its rows"),
        (|it| it.app_version.clear(), "the version of its program"),
        (|it| it.total += 1, "the number of all its rows"),
        (|it| it.object.size += 1, "the size of the stored object"),
        (
            |it| it.object.sha256 = "0f".repeat(32),
            "the digest of the stored object",
        ),
        (
            |it| it.rows.insert("students".to_owned(), 9).map_or((), drop),
            "the number of rows of students",
        ),
        (
            |it| it.sha256.remove("courses").map_or((), drop),
            "the digest of courses",
        ),
        (|it| it.totals.clear(), "the sum of courses.fee"),
    ];
    for (change, what) in changes {
        let mut manifest = right.clone();
        change(&mut manifest);
        assert_eq!(
            refusal(&bare, &Keys::none(), Some(&manifest)).await,
            Some("manifest_mismatch")
        );
        let source = Memory::source(bare.as_slice());
        let refused = digest(&source, &Keys::none(), Some(&manifest), &Progress::default()).await;
        assert!(refused.unwrap_err().to_string().contains(what), "{what}");
    }
    // The same rows in other layers are another object.
    let (compressed, _) = sample::sealed(&bare, &Layers::default());
    let refused = refusal(&compressed, &Keys::none(), Some(&right)).await;
    assert_eq!(refused, Some("manifest_mismatch"));
    assert_eq!(refusal(&bare, &Keys::none(), Some(&right)).await, None);
}

#[tokio::test]
async fn test_restore_refuses_rows_that_violate_the_schema() {
    let mut rows = sample::rows();
    let mut twin = rows.row(Table::Students, 5).unwrap().clone();
    twin[0] = Cell::Integer(71);
    rows.put(Table::Students, twin);
    let refused = unrestorable(&rows, "duplicate_key").await;
    assert!(refused.contains("students"), "{refused}");

    for (table, id, column, value, expected) in [
        (Table::Users, 1, 4, Cell::Text("owner"), "role"),
        (
            Table::Payments,
            10,
            3,
            Cell::Decimal("12.345".parse().unwrap()),
            "row 10",
        ),
        (
            Table::Courses,
            2,
            5,
            Cell::Decimal("-10000000000".parse().unwrap()),
            "row 2",
        ),
    ] {
        let mut rows = sample::rows();
        rows.set(table, id, column, value);
        // Refused before the restore: the check has the same rules.
        let (source, progress) = (Memory::source(rows.archive(&Table::ALL)), Progress::default());
        let refused = digest(&source, &Keys::none(), None, &progress).await.unwrap_err();
        assert_eq!(refused.archive_code(), Some("invalid_value"), "{refused:?}");
        let refused = refused.to_string();
        assert!(
            refused.contains(expected) && refused.contains(table.name()),
            "{refused}"
        );
        assert!(!refused.contains("owner"), "{refused}");
    }
}

#[tokio::test]
async fn test_restore_of_one_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Memory::source(sample::rows().archive(&[Table::Courses]));
    let refused = test_restore(&archive, &Keys::none(), None, folder.path(), &Progress::default()).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::TableNotFound(Table::Users)));
    let level = VerificationLevel::TestRestore;
    assert_eq!(verification(level, Duration::ZERO, Err(&refused)), None);
}

#[tokio::test]
async fn test_restore_can_be_cancelled_in_any_phase() {
    let school = School::demo().await;
    let archive = Memory::source(school.download(TableScope::All, Format::Json).await);
    for phase in [None, Some(Phase::Checking), Some(Phase::TestRestore)] {
        let folder = tempfile::tempdir().unwrap();
        let progress = Progress::default();
        let keys = Keys::none();
        let ask = async {
            while phase.is_some_and(|phase| progress.state().phase != phase || progress.state().rows_done == 0) {
                tokio::task::yield_now().await;
            }
            assert!(progress.cancel());
        };
        let restore = test_restore(&archive, &keys, None, folder.path(), &progress);
        let ((), ended) = tokio::join!(ask, restore);
        let ended = ended.unwrap_err();
        assert!(matches!(ended, Error::Cancelled), "{ended}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{phase:?}");
        assert_eq!(
            verification(VerificationLevel::TestRestore, Duration::ZERO, Err(&ended)),
            None
        );
    }
}

#[tokio::test]
async fn test_restore_of_a_whole_archive_leaves_no_files() {
    let school = School::demo().await;
    let document = school.download(TableScope::All, Format::Json).await;
    let keys = Keys::generate();
    let layers = Layers {
        recipients: keys.recipients(),
        ..Layers::default()
    };
    let (archive, _) = sample::sealed(&document, &layers);
    let expected = manifest(&archive, &keys).await;
    // A name with characters that are special in a database URL.
    let folder = school.folder.path().join("a%20b?c d#e");
    fs::create_dir(&folder).unwrap();
    let progress = Progress::default();
    let began = std::time::Instant::now();
    let source = Memory::source(archive);
    let tested = test_restore(&source, &keys, Some(&expected), &folder, &progress)
        .await
        .unwrap();
    assert_eq!(tested.checked.summary.total, 109_053);
    assert_eq!(progress.state().rows_done, 109_053);
    assert!(tested.restored_in > Duration::ZERO && tested.restored_in < began.elapsed());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let outcome = Ok(Some(tested.restored_in));
    let remembered = verification(VerificationLevel::TestRestore, began.elapsed(), outcome).unwrap();
    assert_eq!(remembered.result, VerificationResult::Ok);
    let milliseconds = u32::try_from(tested.restored_in.as_millis()).unwrap();
    assert_eq!(remembered.restore_seconds, Some(f64::from(milliseconds) / 1_000.0));
    let orphan = Error::Orphan {
        table: Table::Payments,
        row: 1,
    };
    let remembered = verification(VerificationLevel::Digest, Duration::from_millis(1500), Err(&orphan)).unwrap();
    assert_eq!(remembered.result, VerificationResult::Failed);
    assert_eq!((remembered.code.as_deref(), remembered.seconds), (Some("orphan"), 1.5));
}
