//! Any written rows are read back equal, and written again they have the same bytes.

use campus_backup_archive::{Cell, ColumnSchema, DigestStream, Header, Keys, Kind, Layers, Limits, Reader};
use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::content::{compressed, document, encrypted, keys, seal};

#[derive(Clone, Debug)]
struct Values {
    number: Option<i64>,
    text: Option<String>,
    amount: Option<Decimal>,
    day: Option<NaiveDate>,
    time: Option<DateTime<Utc>>,
    flag: Option<bool>,
    native: Option<String>,
}

impl Values {
    fn cells(&self, id: i64) -> Vec<Cell<'_>> {
        vec![
            Cell::Integer(id),
            self.number.map_or(Cell::Null, Cell::Integer),
            self.text.as_deref().map_or(Cell::Null, Cell::Text),
            self.amount.map_or(Cell::Null, Cell::Decimal),
            self.day.map_or(Cell::Null, Cell::Date),
            self.time.map_or(Cell::Null, Cell::Timestamp),
            self.flag.map_or(Cell::Null, Cell::Boolean),
            self.native.as_deref().map_or(Cell::Null, Cell::Native),
        ]
    }
}

fn columns() -> Vec<ColumnSchema<'static>> {
    let column = |name, kind, nullable| ColumnSchema { name, kind, nullable };
    vec![
        column("id", Kind::Integer, false),
        column("number", Kind::Integer, true),
        column("text", Kind::Text, true),
        column("amount", Kind::Decimal, true),
        column("day", Kind::Date, true),
        column("time", Kind::Timestamp, true),
        column("flag", Kind::Boolean, true),
        column("native", Kind::Boolean, true),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range('\u{1}', '\u{7f}'),
        prop_oneof![Just('"'), Just('\\'), Just('\n'), Just('/')],
    ];
    proptest::collection::vec(character.prop_filter("NUL is refused", |c| *c != '\0'), 0..40)
        .prop_map(|characters| characters.into_iter().collect())
}

fn decimals() -> impl Strategy<Value = Decimal> {
    const LARGEST: i128 = 79_228_162_514_264_337_593_543_950_335;
    prop_oneof![
        (any::<i64>(), Just(2)).prop_map(|(cents, scale)| Decimal::new(cents, scale)),
        (-LARGEST..=LARGEST, 0..=28_u32).prop_map(|(digits, scale)| Decimal::from_i128_with_scale(digits, scale)),
        (-1000_i64..1000, 0..=28_u32).prop_map(|(digits, scale)| Decimal::new(digits, scale)),
    ]
}

fn values() -> impl Strategy<Value = Values> {
    use proptest::option::of;
    // The years 1 to 9999.
    let days = (-719_162..2_932_897_i32).prop_filter_map("a day of the calendar", NaiveDate::from_epoch_days);
    let usual = (-30_000..60_000_i32).prop_filter_map("a day of the calendar", NaiveDate::from_epoch_days);
    let times = prop_oneof![
        (-62_135_596_800_000_000..253_402_300_800_000_000_i64)
            .prop_filter_map("a time of the calendar", DateTime::from_timestamp_micros),
        (-3_000_000_000..6_000_000_000_i64).prop_filter_map("a time", |seconds| DateTime::from_timestamp(seconds, 0)),
    ];
    (
        of(any::<i64>()),
        of(texts()),
        of(decimals()),
        of(prop_oneof![days, usual]),
        of(times),
        of(any::<bool>()),
        of(texts().prop_filter("there is a text", |text| !text.is_empty())),
    )
        .prop_map(|(number, text, amount, day, time, flag, native)| Values {
            number,
            text,
            amount,
            day,
            time,
            flag,
            native,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn written_archive_is_read_back(
        tables in proptest::collection::vec(proptest::collection::btree_map(any::<i64>(), values(), 0..8), 0..3),
        app_version in texts(),
        form in 0..3_usize,
    ) {
        let header = Header {
            created_at: DateTime::UNIX_EPOCH,
            app_version: &app_version,
            engine: "",
            tables: tables.iter().zip(["one", "two"]).map(|(_, name)| (name, columns())).collect(),
        };
        let mut out = Vec::new();
        let mut writer = campus_backup_archive::Writer::begin(&header, &mut out);
        for rows in &tables {
            writer.begin_table(&mut out);
            for (id, values) in rows {
                writer.row(&values.cells(*id), &mut out);
            }
            writer.end_table(&mut out);
        }
        let written = writer.finish(&mut out);
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();

        let layers = [Layers::none(), compressed(), encrypted()];
        let archive = seal(&out, &layers[form]);
        let mut source = DigestStream::new(&*archive);
        let keys = if form == 2 { keys() } else { Keys::none() };
        let mut reader = Reader::open(&mut source, &keys, Limits::default()).unwrap();
        prop_assert_eq!(&reader.header().app_version, &app_version);
        let mut again = Vec::new();
        let mut writer = campus_backup_archive::Writer::begin(&header, &mut again);
        for rows in &tables {
            reader.next_table().unwrap().unwrap();
            writer.begin_table(&mut again);
            for (id, values) in rows {
                let row = reader.next_row().unwrap().unwrap();
                prop_assert_eq!(row.id(), *id);
                prop_assert_eq!(row.cells(), values.cells(*id));
                writer.row(row.cells(), &mut again);
            }
            prop_assert!(reader.next_row().unwrap().is_none());
            writer.end_table(&mut again);
        }
        prop_assert_eq!(&reader.finish().unwrap(), &written);
        writer.finish(&mut again);
        prop_assert_eq!(again, out);
        prop_assert_eq!(source.bytes(), archive.len() as u64);
    }
}

#[test]
fn empty_archive_is_read_back() {
    let header = Header {
        created_at: DateTime::UNIX_EPOCH,
        app_version: "",
        engine: "",
        tables: Vec::new(),
    };
    let (archive, summary) = document(&header, &[]);
    let reader = Reader::open(&*archive, &Keys::none(), Limits::default()).unwrap();
    assert_eq!(reader.finish().unwrap(), summary);
}

/// Lines, and chunks of age and zstd, that end at many different positions.
#[test]
fn long_texts_cross_every_buffer() {
    let header = Header {
        created_at: DateTime::UNIX_EPOCH,
        app_version: "0.1.0",
        engine: "sqlite",
        tables: vec![("notes", vec![columns()[0].clone(), columns()[2].clone()])],
    };
    let text = "Ünïcödé \"quoted\" \\ and\nbroken ".repeat(100_000);
    let lengths = [0, 1, 65_500, 65_536, 131_072, 262_144, 300_000, 3_000_000];
    let cut = |length: usize| &text[..text.floor_char_boundary(length)];
    let mut out = Vec::new();
    let mut writer = campus_backup_archive::Writer::begin(&header, &mut out);
    writer.begin_table(&mut out);
    for (id, length) in (0..).zip(lengths) {
        writer.row(&[Cell::Integer(id), Cell::Text(cut(length))], &mut out);
    }
    writer.end_table(&mut out);
    writer.finish(&mut out);
    for layers in [Layers::none(), compressed(), encrypted()] {
        let archive = seal(&out, &layers);
        let mut reader = Reader::open(&*archive, &keys(), Limits::default()).unwrap();
        reader.next_table().unwrap();
        for length in lengths {
            let row = reader.next_row().unwrap().unwrap();
            assert_eq!(row.cells()[1], Cell::Text(cut(length)));
        }
        reader.finish().unwrap();
    }
}
