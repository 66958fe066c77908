//! Archives of downloads, read without their database.

use campus_backup_archive::Layers;

use super::*;
use crate::catalog::TableScope;
use crate::export::Format;
use crate::sample::{self, School, ZONE};

fn extraction(table: Table, format: ArchivedFormat) -> Extraction {
    Extraction {
        table,
        format,
        csv: CsvOptions::default(),
        names: NameColumns::Omitted,
        time_zone: ZONE,
    }
}

#[test]
fn row_with_a_missing_reference_is_refused() {
    let code = |archive: &[u8]| {
        let checked = check(archive, &Keys::none(), &Progress::default());
        checked.map(drop).map_err(|error| error.archive_code().unwrap())
    };
    let whole = sample::rows();
    code(&whole.archive(&Table::ALL)).unwrap();
    for (parent, id) in [
        (Table::Students, 70),
        (Table::Courses, 2),
        (Table::PaymentCategories, 3),
    ] {
        let mut rows = whole.clone();
        rows.take(parent, id);
        let archive = rows.archive(&Table::ALL);
        assert_eq!(code(&archive), Err("orphan"), "{parent}");
        // Damage is the more important error.
        assert_eq!(code(&archive[..archive.len() - 2]), Err("truncated"));
        let text = String::from_utf8(archive).unwrap();
        let damaged = text.replacen("\"paid\"", "\"Paid\"", 1);
        assert_eq!(code(damaged.as_bytes()), Err("digest_mismatch"));
    }
    // The references of a single table are not checked.
    code(&whole.archive(&[Table::Payments])).unwrap();
}

#[test]
fn check_can_be_cancelled() {
    let progress = Progress::default();
    progress.cancel();
    let archive = sample::rows().archive(&Table::ALL);
    let ended = check(archive.as_slice(), &Keys::none(), &progress).unwrap_err();
    assert!(matches!(ended, Error::Cancelled));
}

#[tokio::test]
async fn extracted_table_equals_its_download() {
    let school = School::demo().await;
    let all = school.download(TableScope::All, Format::Json).await;
    let checked = check(all.as_slice(), &Keys::none(), &Progress::default()).unwrap();
    assert_eq!(checked.summary.total, 109_053);
    for table in Table::ALL {
        let mut csv = Vec::new();
        let rows = extract(
            all.as_slice(),
            &Keys::none(),
            extraction(table, ArchivedFormat::Csv),
            &mut csv,
        )
        .unwrap();
        assert_eq!(rows, checked.summary.rows[table.name()]);
        assert!(
            csv == school.download(TableScope::One(table), Format::Csv).await,
            "{table}"
        );

        // A single table is an archive, too, with the same digest of its rows.
        let mut json = Vec::new();
        extract(
            all.as_slice(),
            &Keys::none(),
            extraction(table, ArchivedFormat::Json),
            &mut json,
        )
        .unwrap();
        let alone = check(json.as_slice(), &Keys::none(), &Progress::default()).unwrap();
        assert_eq!(alone.header.created_at, checked.header.created_at);
        let digest = |summary: &Summary| summary.sha256[table.name()].clone();
        assert_eq!(digest(&alone.summary), digest(&checked.summary), "{table}");
    }
}

#[tokio::test]
async fn layers_are_opened_with_the_right_key_only() {
    let school = School::demo().await;
    let all = school.download(TableScope::All, Format::Json).await;
    let keys = Keys::generate();
    let layers = Layers {
        recipients: keys.recipients(),
        ..Layers::default()
    };
    let (sealed, form) = sample::sealed(&all, &layers);
    let progress = Progress::default();
    let checked = check(sealed.as_slice(), &keys, &progress).unwrap();
    assert_eq!((checked.summary.total, checked.form), (109_053, form));
    let seen = progress.state();
    assert_eq!((seen.rows_done, seen.bytes), (109_053, sealed.len() as u64));
    let mut measured = DigestStream::new(sealed.as_slice());
    std::io::copy(&mut measured, &mut std::io::sink()).unwrap();
    assert_eq!(checked.object, Object::new(measured.measurement(), form));
    let refused = |keys: &Keys| {
        check(sealed.as_slice(), keys, &Progress::default())
            .unwrap_err()
            .archive_code()
            .unwrap()
    };
    assert_eq!(refused(&Keys::none()), "key_required");
    assert_eq!(refused(&Keys::generate()), "wrong_key");
}

#[tokio::test]
async fn incomplete_or_foreign_archive_is_refused() {
    let school = School::demo().await;
    let courses = school.download(TableScope::One(Table::Courses), Format::Json).await;
    let code = |bytes: &[u8], table| {
        let wanted = extraction(table, ArchivedFormat::Csv);
        let refused = extract(bytes, &Keys::none(), wanted, &mut Vec::new());
        refused.map_err(|error| error.archive_code().unwrap())
    };
    assert_eq!(code(&courses, Table::Courses), Ok(40));
    assert_eq!(code(&courses, Table::Students), Err("table_not_found"));
    assert_eq!(code(&courses[..courses.len() / 2], Table::Courses), Err("truncated"));
    assert_eq!(code(b"", Table::Courses), Err("empty"));
    assert_eq!(code(b"PK\x03\x04 and so on", Table::Courses), Err("not_an_archive"));
    let other = String::from_utf8(courses.clone())
        .unwrap()
        .replace("\"courses\"", "\"lessons\"");
    assert_eq!(
        check(other.as_bytes(), &Keys::none(), &Progress::default())
            .unwrap_err()
            .archive_code(),
        Some("schema_mismatch")
    );
    // A payment without its category has no name to show.
    let payments = school.download(TableScope::One(Table::Payments), Format::Json).await;
    assert_eq!(code(&payments, Table::Payments), Err("orphan"));
}

#[tokio::test]
async fn failing_output_is_an_error() {
    let school = School::demo().await;
    let all = school.download(TableScope::All, Format::Json).await;
    let mut full = std::io::Cursor::new([0u8; 100]);
    let wanted = extraction(Table::Students, ArchivedFormat::Csv);
    let error = extract(all.as_slice(), &Keys::none(), wanted, &mut full).unwrap_err();
    assert!(matches!(error, Error::Internal { .. }), "{error}");
}
