//! The content of the golden files, a few rows of awkward values, and functions to read and write such archives.

use std::io::Write as _;

use campus_backup_archive::{
    Cell, ColumnSchema, Error, Header, Keys, Kind, Layers, Limits, Reader, Recipients, Summary, Writer,
};

pub(crate) const KEY: &str = include_str!("../golden/key.txt");
pub(crate) const BARE: &[u8] = include_bytes!("../golden/version-1.json");
pub(crate) const COMPRESSED: &[u8] = include_bytes!("../golden/version-1.json.zst");
pub(crate) const ENCRYPTED: &[u8] = include_bytes!("../golden/version-1.json.zst.age");

pub(crate) fn keys() -> Keys {
    Keys::parse(KEY).unwrap()
}

fn column(name: &'static str, kind: Kind, nullable: bool) -> ColumnSchema<'static> {
    ColumnSchema { name, kind, nullable }
}

pub(crate) fn header() -> Header<'static> {
    let id = || column("id", Kind::Integer, false);
    Header {
        created_at: "2026-11-25T01:02:03.000400Z".parse().unwrap(),
        app_version: "0.1.0 \"golden\"\n",
        engine: "sqlite",
        tables: vec![
            (
                "users",
                vec![
                    id(),
                    column("username", Kind::Text, false),
                    column("is_active", Kind::Boolean, false),
                ],
            ),
            (
                "students",
                vec![
                    id(),
                    column("full_name", Kind::Text, false),
                    column("address", Kind::Text, true),
                    column("date_of_birth", Kind::Date, true),
                    column("created_at", Kind::Timestamp, false),
                ],
            ),
            ("courses", vec![id(), column("fee", Kind::Decimal, false)]),
            (
                "payments",
                vec![
                    id(),
                    column("student_id", Kind::Integer, false),
                    column("amount_paid", Kind::Decimal, false),
                    column("refunded", Kind::Decimal, true),
                    column("payment_date", Kind::Timestamp, false),
                ],
            ),
            ("attendance", vec![id(), column("date", Kind::Date, false)]),
        ],
    }
}

pub(crate) type Rows = Vec<Vec<Cell<'static>>>;

/// The rows of each table; `courses` and the last table are empty.
pub(crate) fn rows() -> Vec<Rows> {
    let integer = Cell::Integer;
    let decimal = |text: &str| Cell::Decimal(text.parse().unwrap());
    let date = |text: &str| Cell::Date(text.parse().unwrap());
    let time = |text: &str| Cell::Timestamp(text.parse().unwrap());
    vec![
        vec![
            vec![integer(-3), Cell::Text(""), Cell::Boolean(false)],
            vec![integer(1), Cell::Text("admin"), Cell::Boolean(true)],
        ],
        vec![
            vec![
                integer(1),
                Cell::Text("Miłosz \"Milo\" O'Neil \\ Sons"),
                Cell::Text("12 High Street\r\nFlat 3\tright\n"),
                date("1969-12-31"),
                time("1931-01-02T03:04:05.000100Z"),
            ],
            vec![
                integer(2),
                Cell::Text("שלום 👩‍🎓 \u{202e}reversed\u{202c}"),
                Cell::Null,
                Cell::Null,
                time("2038-01-19T03:14:08Z"),
            ],
            vec![
                integer(4_000_000_000),
                Cell::Text("\u{1}\u{8}\u{b}\u{c}\u{1f}\u{7f}\u{85}\u{2028}\u{feff}"),
                Cell::Text("</script>&amp;,;=1+1"),
                date("2024-02-29"),
                time("2099-12-31T23:59:59.999999Z"),
            ],
            vec![
                integer(i64::MAX),
                Cell::Text("日本語"),
                Cell::Text("null"),
                date("9999-12-31"),
                time("0001-01-01T00:00:00Z"),
            ],
        ],
        vec![],
        vec![
            vec![
                integer(1),
                integer(1),
                decimal("9999999999.99"),
                Cell::Null,
                time("2026-01-01T00:00:00.500000Z"),
            ],
            vec![
                integer(2),
                integer(i64::MIN),
                decimal("-9999999999.99"),
                decimal("0.125"),
                time("1970-01-01T00:00:00Z"),
            ],
            vec![
                integer(3),
                integer(0),
                decimal("0"),
                decimal("-0.05"),
                time("1969-12-31T23:59:59.999999Z"),
            ],
        ],
        vec![],
    ]
}

/// The bare document with these rows.
pub(crate) fn document(header: &Header<'_>, rows: &[Rows]) -> (Vec<u8>, Summary) {
    let mut out = Vec::new();
    let mut writer = Writer::begin(header, &mut out);
    for rows in rows {
        writer.begin_table(&mut out);
        for row in rows {
            writer.row(row, &mut out);
        }
        writer.end_table(&mut out);
    }
    let summary = writer.finish(&mut out);
    (out, summary)
}

pub(crate) fn seal(document: &[u8], layers: &Layers) -> Vec<u8> {
    let mut sealer = layers.seal(Vec::new()).unwrap();
    sealer.write_all(document).unwrap();
    sealer.finish().unwrap().0
}

pub(crate) fn compressed() -> Layers {
    Layers::default()
}

pub(crate) fn encrypted() -> Layers {
    Layers {
        recipients: keys().recipients(),
        ..Layers::default()
    }
}

pub(crate) fn encrypted_only(recipients: Recipients) -> Layers {
    Layers {
        compression: None,
        recipients,
    }
}

/// Reads everything to the end, and returns the canonical bytes of all rows and the summary.
pub(crate) fn read(archive: &[u8], keys: &Keys) -> Result<(Vec<u8>, Summary), Error> {
    read_within(archive, keys, Limits::default())
}

pub(crate) fn read_within(archive: &[u8], keys: &Keys, limits: Limits) -> Result<(Vec<u8>, Summary), Error> {
    let mut reader = Reader::open(archive, keys, limits)?;
    let mut rows = Vec::new();
    while reader.next_table()?.is_some() {
        while let Some(row) = reader.next_row()? {
            rows.extend_from_slice(row.json());
            rows.push(b'\n');
        }
    }
    Ok((rows, reader.finish()?))
}

/// The error with which the archive is refused.
#[track_caller]
pub(crate) fn refusal(archive: &[u8], keys: &Keys) -> Error {
    match read(archive, keys) {
        Ok(_) => panic!("it was taken for whole"),
        Err(error) => error,
    }
}

/// The golden document with one part replaced, which must occur exactly once.
#[track_caller]
pub(crate) fn replaced(part: &str, by: &str) -> Vec<u8> {
    let text = std::str::from_utf8(BARE).unwrap();
    assert_eq!(text.matches(part).count(), 1, "{part}");
    text.replacen(part, by, 1).into_bytes()
}
