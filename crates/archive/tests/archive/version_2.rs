//! Version 2: any keys, names and kinds, escapes, references, and what is refused.

use campus_backup_archive::order::write_sort_key;
use campus_backup_archive::{
    ArchiveHeader, Cell, Column, Compression, Encryption, Error, Form, Header, Keys, Kind, Limits, Reader, Reference,
    Schema, StoredValue, Summary, TableSchema, Version, Writer,
};
use chrono::DateTime;
use proptest::prelude::*;

use crate::content::{Rows, compressed, encrypted, keys, read, seal};

const BARE: &[u8] = include_bytes!("../golden/version-2.json");
const COMPRESSED: &[u8] = include_bytes!("../golden/version-2.json.zst");
const ENCRYPTED: &[u8] = include_bytes!("../golden/version-2.json.zst.age");

const CATALOG: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn column(name: &str, kind: Kind, native: &str, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        nullable,
        native: native.to_owned(),
        has_total: false,
    }
}

fn table(name: &str, columns: Vec<Column>, key: Option<&[usize]>) -> TableSchema {
    TableSchema {
        name: name.to_owned(),
        schema: None,
        columns,
        key: key.map(<[usize]>::to_vec),
        references: Vec::new(),
    }
}

fn header_of(tables: Vec<TableSchema>) -> ArchiveHeader {
    ArchiveHeader {
        version: Version::Two,
        created_at: DateTime::UNIX_EPOCH,
        app_version: "0.1.0".to_owned(),
        engine: "sqlite".to_owned(),
        catalog: CATALOG.to_owned(),
        schema: Schema { tables },
    }
}

/// The tables of the golden files.
fn header() -> ArchiveHeader {
    let person = table(
        "Person",
        vec![
            column("full name", Kind::Text, "TEXT", true),
            column("ID", Kind::Integer, "BIGINT", false),
            column("photo", Kind::Bytes, "BLOB", true),
            column("born", Kind::Date, "DATE", true),
        ],
        Some(&[1]),
    );
    let fee = Column {
        has_total: true,
        ..column("fee", Kind::Real, "FLOAT", true)
    };
    let attendance = TableSchema {
        schema: Some("library".to_owned()),
        references: vec![Reference {
            columns: vec![2],
            table: "Person".to_owned(),
            to: vec!["ID".to_owned()],
        }],
        ..table(
            "library.lo\"an.s",
            vec![
                column("day", Kind::Date, "DATE", false),
                column("code", Kind::Text, "VARCHAR(20)", false),
                column("person", Kind::Integer, "INTEGER", true),
                fee,
                column("a.b", Kind::Real32, "real", true),
            ],
            Some(&[1, 0]),
        )
    };
    let log = table(
        "журнал",
        vec![
            column("at", Kind::Datetime, "DATETIME", true),
            column("shape", Kind::Native, "point", true),
            column("amount", Kind::Decimal, "NUMERIC", true),
            column("is open", Kind::Boolean, "BOOLEAN", true),
            column("seen", Kind::Timestamp, "TIMESTAMP", true),
            column("", Kind::Integer, "", true),
        ],
        None,
    );
    ArchiveHeader {
        created_at: "2026-11-30T01:02:03.000400Z".parse().unwrap(),
        ..header_of(vec![person, attendance, log, table("no columns", Vec::new(), None)])
    }
}

fn rows() -> Vec<Rows> {
    let integer = Cell::Integer;
    let date = |text: &str| Cell::Date(text.parse().unwrap());
    let at = |text: &str| Cell::Datetime(text.parse().unwrap());
    let stored = Cell::Stored;
    let null = Cell::Null;
    vec![
        vec![
            vec![
                Cell::Text("Ann \"A\" \\ Lee\n"),
                integer(-1),
                Cell::Bytes(b"\x89PNG\r\n\0\xff"),
                date("2001-02-03"),
            ],
            vec![
                stored(StoredValue::TextBytes(b"\xff\0a")),
                integer(7),
                Cell::Bytes(b""),
                Cell::Native("0000-00-00"),
            ],
            vec![
                stored(StoredValue::Real(0.5)),
                Cell::Native("9223372036854775809"),
                stored(StoredValue::Text("f")),
                null,
            ],
            vec![
                null,
                Cell::Native("18446744073709551614"),
                null,
                stored(StoredValue::Bytes(b"f")),
            ],
        ],
        vec![
            vec![
                date("2026-01-02"),
                Cell::Text("A"),
                integer(7),
                Cell::Real(0.1),
                Cell::Real32(0.1),
            ],
            vec![
                date("2026-01-01"),
                Cell::Text("B"),
                null,
                Cell::Real(0.2),
                Cell::Real32(f32::INFINITY),
            ],
            vec![
                date("2026-01-02"),
                Cell::Text("B"),
                integer(7),
                Cell::Real(-0.0),
                Cell::Real32(1e-45),
            ],
            vec![
                date("2026-01-02"),
                Cell::Text("a"),
                stored(StoredValue::Text("")),
                Cell::Native("x"),
                null,
            ],
        ],
        vec![
            vec![null; 6],
            vec![null; 6],
            vec![at("0001-01-01T00:00:00"), null, null, null, null, integer(1)],
            vec![
                at("2025-03-30T02:30:00.123456"),
                Cell::Text(""),
                Cell::Decimal("-12.5".parse().unwrap()),
                Cell::Boolean(true),
                Cell::Timestamp("2026-01-01T00:00:00Z".parse().unwrap()),
                null,
            ],
            vec![
                at("2025-03-30T02:30:00.123456"),
                Cell::Text("(1,2)"),
                Cell::Native("NaN"),
                stored(StoredValue::Integer(2)),
                stored(StoredValue::Text("2026-01-01T00:00:00Z")),
                stored(StoredValue::Real(1e300)),
            ],
            vec![stored(StoredValue::Text("soon")), null, null, null, null, null],
        ],
        vec![vec![], vec![]],
    ]
}

fn write(header: ArchiveHeader, rows: &[Rows]) -> (Vec<u8>, Summary) {
    let mut out = Vec::new();
    let mut writer = Writer::with_header(header, &mut out).unwrap();
    for rows in rows {
        writer.begin_table(&mut out);
        rows.iter().for_each(|row| writer.row(row, &mut out));
        writer.end_table(&mut out);
    }
    let summary = writer.finish(&mut out);
    (out, summary)
}

fn limits() -> Limits {
    Limits::of(Version::Two)
}

fn read_all(archive: &[u8]) -> Result<Summary, Error> {
    Reader::open(archive, &Keys::none(), limits())?.finish()
}

/// Writes the golden files of version 2. Once released they are never written again.
#[test]
#[ignore = "writes the files that the other tests read"]
fn write_the_golden_files_of_version_2() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (bare, _) = write(header(), &rows());
    std::fs::write(folder.join("version-2.json"), &bare).unwrap();
    std::fs::write(folder.join("version-2.json.zst"), seal(&bare, &compressed())).unwrap();
    std::fs::write(folder.join("version-2.json.zst.age"), seal(&bare, &encrypted())).unwrap();
}

#[test]
fn the_writer_writes_exactly_the_golden_file_of_version_2() {
    let (written, _) = write(header(), &rows());
    assert_eq!(String::from_utf8(written).unwrap(), std::str::from_utf8(BARE).unwrap());
    let document: serde_json::Value = serde_json::from_slice(BARE).unwrap();
    assert_eq!(document["version"], 2);
    assert_eq!(document["tables"]["no columns"], serde_json::json!([{}, {}]));
    assert_eq!(document["tables"]["журнал"][4]["is open"]["integer"], 2);
}

#[test]
fn golden_file_of_version_2_is_read() {
    let mut form = Form::default();
    for (archive, compression, encryption) in [
        (BARE, Compression::None, Encryption::None),
        (COMPRESSED, Compression::Zstd, Encryption::None),
        (ENCRYPTED, Compression::Zstd, Encryption::Age),
    ] {
        form.compression = compression;
        form.encryption = encryption;
        let mut reader = Reader::open(archive, &keys(), limits()).unwrap();
        assert_eq!(reader.form(), form);
        assert_eq!(*reader.header(), header());
        for rows in rows() {
            let table = reader.next_table().unwrap().unwrap();
            for expected in rows {
                let row = reader.next_row().unwrap().unwrap();
                assert_eq!(row.cells(), expected, "{}", table.name);
                let key = row.key().map(|key| key.copied().collect::<Vec<_>>());
                let positions = table.key.as_ref();
                assert_eq!(
                    key,
                    positions.map(|key| key.iter().map(|position| expected[*position]).collect())
                );
                let id = match (positions.map(Vec::as_slice), key.as_deref()) {
                    (Some([_]), Some([Cell::Integer(id)])) => *id,
                    _ => 0,
                };
                assert_eq!(row.id(), id);
            }
            assert!(reader.next_row().unwrap().is_none());
        }
        let summary = reader.finish().unwrap();
        assert_eq!(summary, write(header(), &super::version_2::rows()).1);
        let totals: Vec<_> = summary
            .totals
            .iter()
            .map(|(key, total)| (key.as_str(), total.as_str()))
            .collect();
        assert_eq!(
            totals,
            [(r#"library\.lo"an\.s.fee"#, "0.30"), ("журнал.amount", "-12.50")]
        );
        let escapes = summary.escapes.unwrap();
        assert_eq!(escapes["Person.ID"], 2);
        assert_eq!(escapes[r#"library\.lo"an\.s.fee"#], 1);
        assert_eq!(escapes["журнал."], 1);
        assert_eq!(escapes.values().sum::<u64>(), 14);
    }
}

#[test]
fn callers_of_version_1_refuse_version_2() {
    let error = read(BARE, &Keys::none()).unwrap_err();
    assert_eq!(error.code(), "newer_version");
    assert_eq!(
        error.to_string(),
        "the archive is of format version 2, this program reads up to version 1"
    );
    let newer = String::from_utf8(BARE.to_vec())
        .unwrap()
        .replacen("\"version\":2", "\"version\":3", 1);
    let error = read_all(newer.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive is of format version 3, this program reads up to version 2"
    );
}

#[test]
fn version_1_is_the_same_for_callers_of_version_2() {
    let reader = Reader::open(crate::content::BARE, &Keys::none(), limits()).unwrap();
    assert_eq!(reader.header().version, Version::One);
    assert_eq!(reader.finish().unwrap().escapes, None);
    // Its own limits stay.
    let names: Vec<String> = (0..65).map(|number| format!("t{number}")).collect();
    let id = campus_backup_archive::ColumnSchema {
        name: "id",
        kind: Kind::Integer,
        nullable: false,
    };
    let of_version_1 = Header {
        created_at: DateTime::UNIX_EPOCH,
        app_version: "",
        engine: "",
        tables: names.iter().map(|name| (name.as_str(), vec![id.clone()])).collect(),
    };
    let (archive, _) = crate::content::document(&of_version_1, &vec![vec![]; 65]);
    assert_eq!(
        read_all(&archive).unwrap_err().to_string(),
        "the archive goes beyond the limit of tables (64)"
    );
}

/// The golden document with one part replaced, which must occur exactly once.
#[track_caller]
fn replaced(part: &str, by: &str) -> Vec<u8> {
    let text = std::str::from_utf8(BARE).unwrap();
    assert_eq!(text.matches(part).count(), 1, "{part}");
    text.replacen(part, by, 1).into_bytes()
}

#[track_caller]
fn assert_refused(part: &str, by: &str, code: &str) {
    let error = read_all(&replaced(part, by)).unwrap_err();
    assert_eq!(error.code(), code, "{part} -> {by}: {error}");
}

#[test]
fn values_of_version_2_have_one_form() {
    for (part, by, code) in [
        // Reals.
        ("\"fee\":\"0.2\"", "\"fee\":\"0.20\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\".2\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"2e-1\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"+0.2\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"0.20000000000000001\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"1e999\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"inf\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"nan\"", "not_canonical"),
        ("\"fee\":\"0.2\"", "\"fee\":\"zero\"", "invalid_value"),
        ("\"fee\":\"0.2\"", "\"fee\":\"\"", "invalid_value"),
        ("\"fee\":\"0.2\"", "\"fee\":0.2", "invalid_value"),
        ("\"fee\":\"0.2\"", "\"fee\":\"-0.2\"", "digest_mismatch"),
        ("\"a.b\":\"1e-45\"", "\"a.b\":\"1.4e-45\"", "not_canonical"),
        ("\"a.b\":\"0.1\"", "\"a.b\":\"0.10000000149011612\"", "not_canonical"),
        // Bytes.
        ("\"photo\":\"\"", "\"photo\":\"Zg\"", "invalid_value"),
        ("\"photo\":\"\"", "\"photo\":\"Zh==\"", "invalid_value"),
        ("\"photo\":\"\"", "\"photo\":\"Zg==Zg==\"", "invalid_value"),
        ("\"photo\":\"\"", "\"photo\":\"__8=\"", "invalid_value"),
        ("\"photo\":\"\"", "\"photo\":\"Z g=\"", "invalid_value"),
        ("\"photo\":\"\"", "\"photo\":\"\\u005ag==\"", "not_canonical"),
        ("\"photo\":\"\"", "\"photo\":\"Zg==\"", "digest_mismatch"),
        // Datetimes.
        ("\"0001-01-01T00:00:00\"", "\"0001-01-01T00:00:00Z\"", "not_canonical"),
        (
            "\"0001-01-01T00:00:00\"",
            "\"0001-01-01T00:00:00.000000\"",
            "not_canonical",
        ),
        ("\"0001-01-01T00:00:00\"", "\"0001-01-01T00:00:00.5\"", "not_canonical"),
        ("\"0001-01-01T00:00:00\"", "\"0001-01-01 00:00:00\"", "invalid_value"),
        ("\"0001-01-01T00:00:00\"", "\"0000-01-01T00:00:00\"", "invalid_value"),
        ("\"0001-01-01T00:00:00\"", "\"0001-02-30T00:00:00\"", "invalid_value"),
        (
            "\"0001-01-01T00:00:00\"",
            "\"0001-01-01T00:00:00+01:00\"",
            "invalid_value",
        ),
        // Native values.
        (
            "\"shape\":\"(1,2)\"",
            "\"shape\":{\"native\":\"(1,2)\"}",
            "not_canonical",
        ),
        ("\"shape\":\"(1,2)\"", "\"shape\":{\"text\":\"(1,2)\"}", "not_canonical"),
        ("\"shape\":\"(1,2)\"", "\"shape\":{\"integer\":1}", "digest_mismatch"),
    ] {
        assert_refused(part, by, code);
    }
}

#[test]
fn escapes_have_one_form() {
    for (part, by, code) in [
        ("{\"integer\":2}", "{\"integer\":1}", "not_canonical"),
        ("{\"integer\":2}", "{\"integer\":02}", "not_canonical"),
        ("{\"integer\":2}", "{\"integer\":\"2\"}", "invalid_value"),
        ("{\"integer\":2}", "{\"integer\":2.5}", "invalid_value"),
        ("{\"integer\":2}", "{\"integer\":2,\"text\":\"a\"}", "invalid_value"),
        ("{\"integer\":2}", "{\"integer\": 2}", "invalid_value"),
        ("{\"integer\":2}", "{\"date\":\"2001-01-01\"}", "invalid_value"),
        ("{\"integer\":2}", "{}", "invalid_value"),
        ("{\"integer\":2}", "{\"integer\":3}", "digest_mismatch"),
        ("{\"real\":\"0.5\"}", "{\"real\":\"0.50\"}", "not_canonical"),
        ("{\"real\":\"0.5\"}", "{\"text\":\"0.5\"}", "not_canonical"),
        ("{\"real\":\"1e+300\"}", "{\"integer\":1}", "not_canonical"),
        (
            "\"fee\":{\"native\":\"x\"}",
            "\"fee\":{\"real\":\"0.5\"}",
            "not_canonical",
        ),
        (
            "\"fee\":{\"native\":\"x\"}",
            "\"fee\":{\"native\":\"0.5\"}",
            "not_canonical",
        ),
        (
            "\"fee\":{\"native\":\"x\"}",
            "\"fee\":{\"native\":\"\"}",
            "not_canonical",
        ),
        (
            "\"photo\":{\"text\":\"f\"}",
            "\"photo\":{\"bytes\":\"Zg==\"}",
            "not_canonical",
        ),
        (
            "{\"text_bytes\":\"/wBh\"}",
            "{\"text_bytes\":\"YQ==\"}",
            "not_canonical",
        ),
        ("{\"text_bytes\":\"/wBh\"}", "{\"text_bytes\":\"\"}", "not_canonical"),
        (
            "{\"text\":\"soon\"}",
            "{\"native\":\"2025-03-30T02:30:00.123456\"}",
            "not_canonical",
        ),
    ] {
        assert_refused(part, by, code);
    }
    // No such escape is in version 1, and no such kind.
    for (part, by, code) in [
        ("\"admin\"", "{\"integer\":1}", "invalid_value"),
        ("\"admin\"", "{\"bytes\":\"Zg==\"}", "invalid_value"),
        ("\"type\":\"boolean\"", "\"type\":\"real\"", "corrupt"),
        ("\"type\":\"boolean\"", "\"type\":\"native\"", "corrupt"),
    ] {
        let archive = crate::content::replaced(part, by);
        assert_eq!(read_all(&archive).unwrap_err().code(), code, "{by}");
    }
}

#[test]
fn rows_are_in_the_order_of_their_keys() {
    let refused = |rows: Vec<Rows>| read_all(&write(header(), &rows).0).map(drop).unwrap_err();
    for (table, one, other) in [
        (0, 0, 1),
        (0, 1, 2),
        (0, 2, 3),
        (1, 0, 1),
        (1, 1, 2),
        (1, 2, 3),
        (2, 1, 2),
        (2, 3, 4),
        (2, 4, 5),
    ] {
        let mut swapped = rows();
        swapped[table].swap(one, other);
        assert_eq!(refused(swapped).code(), "ids_out_of_order", "{table} {one}");
    }
    for table in [0, 1] {
        let mut repeated = rows();
        let row = repeated[table][1].clone();
        repeated[table].insert(1, row);
        assert_eq!(refused(repeated).code(), "duplicate_id");
    }
    // Equal rows are allowed without a key.
    let mut repeated = rows();
    let row = repeated[2][4].clone();
    repeated[2].insert(4, row);
    read_all(&write(header(), &repeated).0).unwrap();

    let mut without = rows();
    without[1][0][1] = Cell::Null;
    let mut nullable = header();
    nullable.schema.tables[1].columns[1].nullable = true;
    let error = read_all(&write(nullable, &without).0).unwrap_err();
    assert_eq!(error.code(), "invalid_value");
    assert!(error.to_string().ends_with("null in a column of the key"), "{error}");
}

/// Writers and readers refuse the same descriptions.
#[test]
fn impossible_headers_are_refused() {
    type Change = fn(&mut ArchiveHeader);
    let long = |length: usize| "n".repeat(length);
    let changes: [(Change, &str); 16] = [
        (|header| header.catalog.clear(), "catalogue"),
        (|header| header.catalog = "F".repeat(64), "catalogue"),
        (
            |header| header.engine = "e".repeat(257),
            "text of the header is too long",
        ),
        (
            |header| header.schema.tables[0].name = "n".repeat(256),
            "longer than 255 bytes",
        ),
        (|header| header.schema.tables[0].name.clear(), "a name that is empty"),
        (|header| header.schema.tables[0].name = "a\0".to_owned(), "a NUL"),
        (
            |header| header.schema.tables[0].columns[0].name = "n".repeat(256),
            "longer than 255 bytes",
        ),
        (
            |header| header.schema.tables[1].name = "loans".to_owned(),
            "begin with its schema",
        ),
        (
            |header| header.schema.tables[2].name = "Person".to_owned(),
            "a table occurs twice",
        ),
        (
            |header| header.schema.tables[0].columns[0].name = "ID".to_owned(),
            "a column occurs twice",
        ),
        (
            |header| header.schema.tables[0].key = Some(vec![]),
            "a key without columns",
        ),
        (
            |header| header.schema.tables[1].key = Some(vec![0, 0]),
            "one that is repeated",
        ),
        (
            |header| header.schema.tables[1].references[0].to.clear(),
            "of another number",
        ),
        (
            |header| header.schema.tables[0].columns[0].has_total = true,
            "no real numbers",
        ),
        (
            |header| {
                header.schema.tables = (0..2_049)
                    .map(|number| table(&number.to_string(), vec![], None))
                    .collect()
            },
            "too many tables",
        ),
        (
            |header| {
                let columns = (0..1_665).map(|number| column(&number.to_string(), Kind::Text, "", true));
                header.schema.tables[0].columns = columns.collect();
            },
            "too many columns",
        ),
    ];
    for (change, problem) in changes {
        let mut header = header();
        change(&mut header);
        let mut out = Vec::new();
        let error = Writer::with_header(header, &mut out).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(out.is_empty());
    }
    for (part, by, code) in [
        (CATALOG, &*long(64), "invalid_value"),
        (&format!(",\"catalog\":\"{CATALOG}\""), "", "corrupt"),
        ("\"ID\",\"type\":\"integer\"", "\"ID\",\"type\":\"uuid\"", "corrupt"),
        (
            "{\"name\":\"full name\",",
            &format!("{{\"name\":\"{}\",", long(256)),
            "corrupt",
        ),
        ("{\"name\":\"full name\",", "{\"name\":\"ID\",", "corrupt"),
        (
            "{\"name\":\"full name\",",
            "{\"name\":\"full\\u0020name\",",
            "not_canonical",
        ),
        ("{\"name\":\"full name\",", "{\"name\":\"full\\u0000name\",", "corrupt"),
        ("\"Person\":{", &format!("\"{}\":{{", long(256)), "corrupt"),
        ("\"Person\":{", "\"журнал\":{", "corrupt"),
        ("\"schema\":\"library\"", "\"schema\":\"librarY\"", "corrupt"),
        ("\"schema\":\"library\",", "", "digest_mismatch"),
        ("\"key\":[\"ID\"]", "\"key\":[\"id\"]", "corrupt"),
        ("\"key\":[\"ID\"]", "\"key\":[]", "corrupt"),
        ("\"key\":[\"code\",\"day\"]", "\"key\":[\"code\",\"code\"]", "corrupt"),
        ("\"key\":[\"ID\"],", "", "not_canonical"),
        ("\"columns\":[\"person\"]", "\"columns\":[\"nobody\"]", "corrupt"),
        ("\"to\":[\"ID\"]", "\"to\":[]", "corrupt"),
        (",\"total\":true", ",\"total\":false", "not_canonical"),
        (",\"total\":true", "", "corrupt"),
        ("\"key\":[\"ID\"],", "\"key\":[\"ID\"],\"more\":1,", "corrupt"),
    ] {
        assert_refused(part, by, code);
    }
}

#[test]
fn limits_of_version_2_are_enforced() {
    let of_tables = |count: usize| {
        let tables = (0..count).map(|number| table(&number.to_string(), vec![], None));
        let (archive, _) = write(header_of(tables.collect()), &vec![vec![]; count]);
        archive
    };
    let archive = of_tables(2_048);
    read_all(&archive).unwrap();
    for (limits, limit) in [
        (
            Limits {
                tables: 2_047,
                ..limits()
            },
            "tables",
        ),
        (
            Limits {
                schema_bytes: 1_000,
                ..limits()
            },
            "bytes in the description of the tables",
        ),
        (
            Limits {
                document_bytes: 1_000,
                ..limits()
            },
            "bytes when unpacked",
        ),
    ] {
        let error = Reader::open(&*archive, &Keys::none(), limits)
            .and_then(Reader::finish)
            .unwrap_err();
        assert!(error.to_string().contains(limit), "{error}");
    }
    let columns = (0..1_664)
        .map(|number| column(&number.to_string(), Kind::Text, "text", true))
        .collect();
    let (wide, _) = write(
        header_of(vec![table("t", columns, None)]),
        &[vec![vec![Cell::Null; 1_664]]],
    );
    read_all(&wide).unwrap();
    let narrow = Limits {
        columns: 1_663,
        ..limits()
    };
    assert_eq!(
        Reader::open(&*wide, &Keys::none(), narrow).unwrap_err().code(),
        "limit_exceeded"
    );

    // A file of more than the 16 MiB of version 1.
    let file: &'static [u8] = vec![7; 20 << 20].leak();
    let files = table("files", vec![column("content", Kind::Bytes, "longblob", true)], None);
    let (archive, _) = write(header_of(vec![files]), &[vec![vec![Cell::Bytes(file)]]]);
    let mut reader = Reader::open(&*archive, &Keys::none(), limits()).unwrap();
    reader.next_table().unwrap();
    assert_eq!(reader.next_row().unwrap().unwrap().cells(), [Cell::Bytes(file)]);
    reader.finish().unwrap();
}

#[test]
fn counts_of_escapes_must_match() {
    for (part, by, code) in [
        ("\"Person.ID\":2", "\"Person.ID\":3", "corrupt"),
        ("\"Person.ID\":2,", "", "corrupt"),
        ("fee\":\"0.30\"", "fee\":\"0.31\"", "totals_mismatch"),
    ] {
        assert_refused(part, by, code);
    }
    let text = crate::content::replaced("},\"digest\":", "},\"escapes\":{},\"digest\":");
    assert_eq!(read_all(&text).unwrap_err().code(), "corrupt");
}

#[test]
fn each_changed_byte_is_found() {
    for position in 0..BARE.len() {
        let mut damaged = BARE.to_vec();
        damaged[position] ^= 1;
        read_all(&damaged).unwrap_err();
        read_all(&BARE[..position]).unwrap_err();
    }
}

#[derive(Clone, Debug)]
enum Value {
    Null,
    Integer(i64),
    Text(String),
    Real(f64),
    Real32(f32),
    Bytes(Vec<u8>),
    Datetime(i64),
    StoredText(String),
    StoredReal(f64),
    StoredBytes(Vec<u8>),
}

impl Value {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(value) => Cell::Integer(*value),
            Self::Text(text) => Cell::Text(text),
            Self::Real(value) => Cell::Real(*value),
            Self::Real32(value) => Cell::Real32(*value),
            Self::Bytes(bytes) => Cell::Bytes(bytes),
            Self::Datetime(time) => Cell::Datetime(DateTime::from_timestamp_micros(*time).unwrap().naive_utc()),
            Self::StoredText(text) => Cell::Stored(StoredValue::Text(text)),
            Self::StoredReal(value) => Cell::Stored(StoredValue::Real(*value)),
            Self::StoredBytes(bytes) => Cell::Stored(StoredValue::Bytes(bytes)),
        }
    }
}

fn texts() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

fn any_row() -> impl Strategy<Value = Vec<Value>> {
    let reals = || prop_oneof![any::<f64>(), any::<u64>().prop_map(f64::from_bits), Just(-0.0)];
    let odd = || {
        prop_oneof![
            Just(Value::Null),
            texts().prop_map(Value::StoredText),
            any::<Vec<u8>>().prop_map(Value::StoredBytes)
        ]
    };
    let integer =
        prop_oneof![3 => any::<i64>().prop_map(Value::Integer), 1 => odd(), 1 => reals().prop_map(Value::StoredReal)];
    let text = prop_oneof![4 => texts().prop_map(Value::Text), 1 => reals().prop_map(Value::StoredReal)];
    let real = prop_oneof![4 => reals().prop_map(Value::Real), 1 => odd()];
    let real32 = prop_oneof![4 => any::<u32>().prop_map(|bits| Value::Real32(f32::from_bits(bits))), 1 => odd()];
    let bytes = prop_oneof![4 => any::<Vec<u8>>().prop_map(Value::Bytes), 1 => reals().prop_map(Value::StoredReal)];
    let times = -62_135_596_800_000_000..253_402_300_800_000_000_i64;
    let datetime = prop_oneof![4 => times.prop_map(Value::Datetime), 1 => odd()];
    (integer, text, real, real32, bytes, datetime).prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// With any columns as the key. Written again the rows have the same bytes.
    #[test]
    fn any_rows_of_version_2_are_read_back(
        mut rows in proptest::collection::vec(any_row(), 0..10),
        names in proptest::collection::btree_set("[^\0]{0,12}", 6),
        table_name in "[^\0]{1,12}",
        mut key in proptest::option::of(proptest::sample::subsequence(vec![0, 1, 2, 3, 4, 5], 1..=6)),
        is_sealed in any::<bool>(),
    ) {
        if let Some(key) = &mut key {
            key.reverse();
            rows.retain(|row| key.iter().all(|position| !matches!(row[*position], Value::Null)));
        }
        let positions = key.clone().unwrap_or_else(|| (0..6).collect());
        let sort_key = |row: &Vec<Value>| {
            let mut bytes = Vec::new();
            positions.iter().for_each(|position| write_sort_key(&row[*position].cell(), &mut bytes));
            bytes
        };
        rows.sort_by_cached_key(sort_key);
        if key.is_some() {
            rows.dedup_by_key(|row| sort_key(row));
        }
        let kinds = [Kind::Integer, Kind::Text, Kind::Real, Kind::Real32, Kind::Bytes, Kind::Datetime];
        let columns = names.iter().zip(kinds).map(|(name, kind)| column(name, kind, "any", true));
        let header = header_of(vec![table(&table_name, columns.collect(), key.as_deref())]);
        let mut out = Vec::new();
        let mut writer = Writer::with_header(header.clone(), &mut out).unwrap();
        writer.begin_table(&mut out);
        for row in &rows {
            let cells: Vec<_> = row.iter().map(Value::cell).collect();
            writer.row(&cells, &mut out);
        }
        writer.end_table(&mut out);
        let written = writer.finish(&mut out);
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();

        let archive = if is_sealed { seal(&out, &compressed()) } else { out.clone() };
        let mut reader = Reader::open(&*archive, &Keys::none(), limits()).unwrap();
        prop_assert_eq!(reader.header(), &header);
        let mut again = Vec::new();
        let mut writer = Writer::with_header(header, &mut again).unwrap();
        reader.next_table().unwrap();
        writer.begin_table(&mut again);
        for row in &rows {
            let read = reader.next_row().unwrap().unwrap();
            // Not by value, because NaN differs from itself.
            let cells: Vec<_> = row.iter().map(Value::cell).collect();
            prop_assert_eq!(format!("{:?}", read.cells()), format!("{:?}", cells).replace("-NaN", "NaN"));
            writer.row(read.cells(), &mut again);
        }
        prop_assert!(reader.next_row().unwrap().is_none());
        writer.end_table(&mut again);
        prop_assert_eq!(reader.finish().unwrap(), written.clone());
        prop_assert_eq!(writer.finish(&mut again), written);
        prop_assert_eq!(again, out);
    }
}
