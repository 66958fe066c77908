//! Refused inputs, and the differences of complete ones.

use std::collections::BTreeSet;
use std::io::Read;

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_archive::{Cell, Layers};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::account::Admin;
use crate::export::{CsvOptions, Format, Transfer};
use crate::sample::{self, Memory, SampleRow, SampleRows, School};
use crate::verify;

fn archive(bytes: impl Into<Arc<[u8]>>) -> DiffInput {
    DiffInput::Archive(Archive {
        source: Memory::source(bytes),
        keys: Keys::none(),
        manifest: None,
    })
}

fn of(rows: &SampleRows) -> DiffInput {
    archive(rows.archive(&Table::ALL))
}

async fn count(from: &DiffInput, to: &DiffInput) -> Result<Diff> {
    counts(from, to, &Progress::default()).await
}

async fn page(from: &DiffInput, to: &DiffInput, table: Table, page: DiffPage) -> Result<RowsPage> {
    rows(&Admin::for_tests(), from, to, table, &page).await
}

async fn file(from: &DiffInput, to: &DiffInput, scope: TableScope) -> Result<Vec<u8>> {
    let request = CsvRequest {
        scope,
        change: None,
        csv: CsvOptions::default(),
        transfer: Transfer::default(),
    };
    let never = std::future::pending();
    sample::whole(csv(&Admin::for_tests(), from, to, &sample::settings(), request, never).await?).await
}

const ALL: DiffPage = DiffPage {
    after: None,
    limit: DiffPage::MAX_LIMIT,
    change: None,
};

/// An archive with its manifest, which must not be read.
async fn unread(bytes: &[u8], kind: ArchiveKind) -> DiffInput {
    struct UnreadSource;
    impl ArchiveSource for UnreadSource {
        fn open(&self) -> Result<Box<dyn Read + Send>> {
            Err(Error::Gone)
        }
    }
    let DiffInput::Archive(mut input) = known(bytes, kind).await else {
        panic!("it is an archive");
    };
    input.source = Arc::new(UnreadSource);
    DiffInput::Archive(input)
}

async fn known(bytes: &[u8], kind: ArchiveKind) -> DiffInput {
    let (source, keys) = (Memory::source(bytes), Keys::none());
    let checked = verify::digest(&source, &keys, None, &Progress::default())
        .await
        .unwrap();
    let manifest = Manifest::new("id".to_owned(), kind, &checked.header, &checked.summary, checked.object);
    DiffInput::Archive(Archive {
        source,
        keys,
        manifest: Some(Arc::new(manifest)),
    })
}

#[tokio::test]
async fn incomplete_inputs_are_refused() {
    let school = School::empty().await;
    let live = DiffInput::Live(school.database.clone());
    let whole = sample::rows().archive(&Table::ALL);
    let flipped = String::from_utf8(whole.clone())
        .unwrap()
        .replacen("\"paid\"", "\"Paid\"", 1);
    let keys = Keys::generate();
    let layers = Layers {
        recipients: keys.recipients(),
        ..Layers::default()
    };
    let (encrypted, _) = sample::sealed(&whole, &layers);
    for (bytes, code) in [
        (&whole[..whole.len() - 3], "truncated"),
        (flipped.as_bytes(), "digest_mismatch"),
        (&encrypted, "key_required"),
        (b"", "empty"),
    ] {
        let (wrong, right) = (archive(bytes), archive(whole.as_slice()));
        for (from, to) in [(&wrong, &right), (&right, &wrong), (&wrong, &live), (&live, &wrong)] {
            let refused = count(from, to).await.unwrap_err();
            assert_eq!(refused.archive_code(), Some(code));
            // Also if the requested table comes before the damage.
            let refused = page(from, to, Table::Users, ALL).await.unwrap_err();
            assert_eq!(refused.archive_code(), Some(code));
            let refused = file(from, to, TableScope::One(Table::Users)).await.unwrap_err();
            assert_eq!(refused.archive_code(), Some(code));
        }
    }
    let right = DiffInput::Archive(Archive {
        source: Memory::source(encrypted),
        keys,
        manifest: None,
    });
    assert!(count(&right, &archive(whole)).await.unwrap().is_empty());
}

#[tokio::test]
async fn archive_that_differs_from_its_manifest_is_refused() {
    let mut rows = sample::rows();
    let one = known(&rows.archive(&Table::ALL), ArchiveKind::Created).await;
    rows.take(Table::Payments, 11);
    let DiffInput::Archive(mut other) = known(&rows.archive(&Table::ALL), ArchiveKind::Created).await else {
        panic!("it is an archive");
    };
    assert_eq!(
        count(&one, &DiffInput::Archive(other.clone()))
            .await
            .unwrap()
            .of(Table::Payments)
            .unwrap()
            .removed,
        1
    );
    other.source = Memory::source(SampleRows::default().archive(&Table::ALL));
    let refused = count(&one, &DiffInput::Archive(other)).await.unwrap_err();
    assert_eq!(refused.archive_code(), Some("manifest_mismatch"));
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let school = School::empty().await;
    let live = DiffInput::Live(school.database.clone());
    let (one, all) = (archive(sample::rows().archive(&[Table::Courses])), of(&sample::rows()));
    for other in [&all, &live] {
        let refused = page(&one, other, Table::Payments, ALL).await.unwrap_err();
        assert!(matches!(refused, Error::TableNotFound(Table::Payments)), "{refused:?}");
        let refused = file(other, &one, TableScope::One(Table::Payments)).await.unwrap_err();
        assert!(matches!(refused, Error::TableNotFound(Table::Payments)), "{refused:?}");
    }
    for limit in [0, DiffPage::MAX_LIMIT + 1] {
        let refused = page(&all, &all, Table::Payments, DiffPage { limit, ..ALL })
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "limit", .. }));
    }
    let progress = Progress::default();
    progress.cancel();
    assert!(matches!(counts(&one, &all, &progress).await, Err(Error::Cancelled)));
}

#[tokio::test]
async fn comparison_can_be_cancelled() {
    let school = School::demo().await;
    let bytes = school.download(TableScope::All, Format::Json).await;
    let (stored, live) = (archive(bytes), DiffInput::Live(school.database.clone()));
    for (from, to) in [(&stored, &stored), (&stored, &live), (&live, &stored)] {
        let progress = Progress::default();
        let ask = async {
            while progress.state().rows_done == 0 {
                tokio::task::yield_now().await;
            }
            progress.cancel();
        };
        let ((), ended) = tokio::join!(ask, counts(from, to, &progress));
        assert!(matches!(ended, Err(Error::Cancelled)));
    }
    // The connection is free again.
    assert!(count(&stored, &live).await.unwrap().is_empty());
    assert!(count(&live, &live).await.unwrap().is_empty());
}

#[tokio::test]
async fn tables_with_equal_digests_are_not_read() {
    let mut rows = sample::rows();
    let bytes = rows.archive(&Table::ALL);
    let (sealed, _) = sample::sealed(&bytes, &Layers::default());
    let one = unread(&bytes, ArchiveKind::Created).await;
    let other = unread(&sealed, ArchiveKind::Uploaded).await;
    let diff = count(&one, &other).await.unwrap();
    assert!(diff.is_empty());
    assert_eq!(diff.tables.len(), 7);
    assert_eq!(diff.of(Table::Students).unwrap().unchanged, 3);
    rows.take(Table::Payments, 11);
    let moved = unread(&rows.archive(&Table::ALL), ArchiveKind::Created).await;
    assert!(page(&one, &moved, Table::Courses, ALL).await.unwrap().items.is_empty());
    assert!(
        page(&one, &moved, Table::Payments, ALL).await.is_err(),
        "it must be read"
    );

    // Equal tables are counted and not merged.
    let one = known(&bytes, ArchiveKind::Created).await;
    let moved = known(&rows.archive(&Table::ALL), ArchiveKind::Created).await;
    let diff = count(&one, &moved).await.unwrap();
    assert_eq!(diff.of(Table::Students).unwrap().unchanged, 3);
    let payments = Counts {
        removed: 1,
        unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(diff.of(Table::Payments).unwrap(), payments);
}

#[tokio::test]
async fn tables_of_only_one_input_are_named() {
    let school = School::empty().await;
    let live = DiffInput::Live(school.database.clone());
    let rows = sample::rows();
    let (one, all) = (archive(rows.archive(&[Table::Courses])), of(&rows));
    let other = archive(rows.archive(&[Table::Users]));
    let diff = count(&one, &all).await.unwrap();
    assert_eq!(diff.of(Table::Courses).unwrap().unchanged, 1);
    assert_eq!(diff.tables[&Table::Students], TableComparison::OnlyTo);
    assert!(!diff.is_empty());
    assert_eq!(
        count(&all, &one).await.unwrap().tables[&Table::Students],
        TableComparison::OnlyFrom
    );
    assert_eq!(count(&live, &one).await.unwrap().of(Table::Courses).unwrap().added, 1);
    let diff = count(&one, &other).await.unwrap();
    let expected = [
        (Table::Users, TableComparison::OnlyTo),
        (Table::Courses, TableComparison::OnlyFrom),
    ];
    assert_eq!(diff.tables, expected.into());
}

#[tokio::test]
async fn live_data_equals_its_own_archive_until_it_changes() {
    let school = School::demo().await;
    let stored = archive(school.download(TableScope::All, Format::Json).await);
    let live = DiffInput::Live(school.database.clone());
    let progress = Progress::default();
    let diff = counts(&stored, &live, &progress).await.unwrap();
    assert!(diff.is_empty());
    assert!(diff.from <= diff.to);
    assert_eq!(progress.state().rows_done, 2 * 109_053);
    for change in [
        "update students set full_name = '=1+1' where id = 17",
        "delete from attendance where id % 2 = 0",
        "update users set password_hash = 'another' where username = 'admin'",
        "insert into payment_categories (id, name) values (99, 'a \"new\" one, with\r\nlines')",
        "update payments set amount_paid = 0.5, transaction_id = null where id = 3",
    ] {
        school.execute(change).await;
    }
    let diff = count(&stored, &live).await.unwrap();
    let back = count(&live, &stored).await.unwrap();
    for (table, added, removed, changed) in [
        (Table::Users, 0, 0, 1),
        (Table::Students, 0, 0, 1),
        (Table::Courses, 0, 0, 0),
        (Table::PaymentCategories, 1, 0, 0),
        (Table::Payments, 0, 0, 1),
        (Table::Attendance, 0, 50_000, 0),
    ] {
        let counts = diff.of(table).unwrap();
        assert_eq!(
            (counts.added, counts.removed, counts.changed),
            (added, removed, changed),
            "{table}"
        );
        let back = back.of(table).unwrap();
        assert_eq!(
            (back.added, back.removed, back.changed),
            (removed, added, changed),
            "{table}"
        );
        assert_eq!(back.unchanged, counts.unchanged);
    }
    let user = page(&stored, &live, Table::Users, ALL).await.unwrap().items;
    let hidden = DifferingField {
        column: "password_hash",
        from: None,
        to: None,
        hidden: true,
    };
    assert_eq!(user[0].fields, [hidden]);
    let payment = page(&stored, &live, Table::Payments, ALL).await.unwrap().items;
    assert_eq!((payment[0].id, payment[0].change), (3, DifferenceKind::Changed));
    let money = &payment[0].fields[0];
    assert_eq!((money.hidden, &money.to), (false, &Some(Value::from("0.50"))));

    let bytes = file(&stored, &live, TableScope::All).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("another"));
    let text = text.strip_prefix('\u{feff}').unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().unwrap(),
        vec!["table", "id", "change", "field", "from", "to"]
    );
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    // Four columns of each removed row of attendance.
    assert_eq!(
        records.iter().filter(|record| &record[0] == "attendance").count(),
        4 * 50_000
    );
    let of = |table: &str| records.iter().filter(|record| &record[0] == table).collect::<Vec<_>>();
    assert_eq!(of("students")[0][5], *"'=1+1");
    assert_eq!(of("users")[0], vec!["users", "1", "changed", "password_hash", "", ""]);
    let name = vec![
        "payment_categories",
        "99",
        "added",
        "name",
        "",
        "a \"new\" one, with\r\nlines",
    ];
    assert_eq!(of("payment_categories")[0], name);
}

#[tokio::test]
async fn page_continues_after_the_last_one() {
    let school = School::demo().await;
    let stored = archive(school.download(TableScope::All, Format::Json).await);
    school.execute("delete from attendance where id > 95000").await;
    school
        .execute(
            "update attendance set status = case status when 'leave' then 'absent' else 'leave' end where id <= 10",
        )
        .await;
    let live = DiffInput::Live(school.database.clone());
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let asked = DiffPage {
            after,
            limit: 999,
            change: Some(DifferenceKind::Removed),
        };
        let found = page(&stored, &live, Table::Attendance, asked).await.unwrap();
        assert_eq!((found.counts.removed, found.counts.changed), (5000, 10));
        for row in &found.items {
            assert_eq!(row.change, DifferenceKind::Removed);
            assert!(seen.insert(row.id), "{} was shown before", row.id);
        }
        after = found.next;
        if after.is_none() {
            assert_eq!(found.items.len(), 5);
            break;
        }
        assert_eq!(found.items.len(), 999);
    }
    assert_eq!(seen, (95_001..=100_000).collect());
}

/// A table of a few rows whose ids are often equal.
fn categories() -> impl Strategy<Value = BTreeMap<i64, SampleRow>> {
    let text = prop::sample::select(vec![
        Cell::Null,
        Cell::Text(""),
        Cell::Text("=a"),
        Cell::Text("b,\"\r\nc"),
    ]);
    let id = one_of(&[i64::MIN, -1, 0, 1, 2, 3, 4, 5, 6, 7, i64::MAX]);
    let time = Cell::Timestamp("2024-02-29T01:02:03Z".parse().unwrap());
    let rows = prop::collection::btree_map(id, text, 0..9);
    rows.prop_map(move |rows| {
        let cells = |(id, text)| (id, vec![Cell::Integer(id), Cell::Text("name"), text, time]);
        rows.into_iter().map(cells).collect()
    })
}

fn one_of(values: &[i64]) -> impl Strategy<Value = i64> + use<> {
    prop::sample::select(values.to_vec())
}

proptest! {
    /// The merge finds what a comparison of two maps finds.
    #[test]
    fn every_difference_is_found(from in categories(), to in categories(), limit in 1usize..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let table = Table::PaymentCategories;
        let mut expected = BTreeMap::new();
        let mut counted = Counts::default();
        for id in from.keys().chain(to.keys()) {
            let change = match (from.get(id), to.get(id)) {
                (Some(from), Some(to)) if from == to => None,
                (Some(_), Some(_)) => Some(DifferenceKind::Changed),
                (Some(_), None) => Some(DifferenceKind::Removed),
                _ => Some(DifferenceKind::Added),
            };
            if let Some(change) = change {
                expected.insert(*id, change);
            }
        }
        for change in expected.values() {
            match change {
                DifferenceKind::Added => counted.added += 1,
                DifferenceKind::Removed => counted.removed += 1,
                DifferenceKind::Changed => counted.changed += 1,
            }
        }
        counted.unchanged = from.len() as u64 - counted.removed - counted.changed;
        let rows = |table_rows: BTreeMap<i64, SampleRow>| {
            table_rows.into_values().fold(SampleRows::default(), |rows, row| rows.with(table, row))
        };
        let [from, to] = [from, to].map(|table_rows| of(&rows(table_rows)));
        runtime.block_on(async {
            let diff = count(&from, &to).await.unwrap();
            assert_eq!(diff.of(table).unwrap(), counted);
            assert_eq!(diff.is_empty(), expected.is_empty());
            let mut found = BTreeMap::new();
            let mut after = None;
            loop {
                let asked = DiffPage { after, limit, change: None };
                let page = page(&from, &to, table, asked).await.unwrap();
                found.extend(page.items.into_iter().map(|row| (row.id, row.change)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected);
        });
    }
}
