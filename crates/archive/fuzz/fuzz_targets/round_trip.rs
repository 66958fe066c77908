//! Any lines as the rows of a table of each version. Each row that is accepted is written again as the same bytes, and
//! the new document is accepted completely.

#![no_main]

use campus_backup_archive::{
    ArchiveHeader, Column, ColumnSchema, Header, Keys, Kind, Limits, Reader, Schema, TableSchema, Version, Writer,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    version_1(bytes);
    for key in [None, Some(vec![0]), Some(vec![1, 0])] {
        version_2(bytes, key);
    }
});

const KINDS: [(&str, Kind); 5] = [
    ("a", Kind::Text),
    ("b", Kind::Decimal),
    ("c", Kind::Date),
    ("d", Kind::Timestamp),
    ("e", Kind::Boolean),
];

const KINDS_OF_VERSION_2: [(&str, Kind); 5] = [
    ("f", Kind::Real),
    ("g", Kind::Real32),
    ("h", Kind::Datetime),
    ("i", Kind::Bytes),
    ("", Kind::Native),
];

fn version_1(bytes: &[u8]) {
    let id = ColumnSchema {
        name: "id",
        kind: Kind::Integer,
        nullable: false,
    };
    let others = KINDS.iter().map(|(name, kind)| ColumnSchema {
        name,
        kind: *kind,
        nullable: true,
    });
    let header = Header {
        created_at: Default::default(),
        app_version: "",
        engine: "",
        tables: vec![("t", std::iter::once(id).chain(others).collect())],
    };
    let mut out = Vec::new();
    let writer = Writer::begin(&header, &mut out);
    round_trip(bytes, writer, out);
}

fn version_2(bytes: &[u8], key: Option<Vec<usize>>) {
    let kinds = [("id", Kind::Integer)]
        .into_iter()
        .chain(KINDS)
        .chain(KINDS_OF_VERSION_2);
    let columns = kinds.map(|(name, kind)| Column {
        name: name.to_owned(),
        kind,
        nullable: true,
        native: String::new(),
        has_total: matches!(kind, Kind::Real | Kind::Real32),
    });
    let table = TableSchema {
        name: "T \"t\"".to_owned(),
        schema: None,
        columns: columns.collect(),
        key,
        references: Vec::new(),
    };
    let header = ArchiveHeader {
        version: Version::Two,
        created_at: Default::default(),
        app_version: String::new(),
        engine: String::new(),
        catalog: "0".repeat(64),
        schema: Schema { tables: vec![table] },
    };
    let mut out = Vec::new();
    let Ok(writer) = Writer::with_header(header, &mut out) else {
        panic!("the header is right");
    };
    round_trip(bytes, writer, out);
}

fn round_trip(bytes: &[u8], mut writer: Writer, mut out: Vec<u8>) {
    writer.begin_table(&mut out);
    let document = [&out[..], b"\n", bytes].concat();
    let limits = Limits::of(Version::Two);
    let Ok(mut reader) = Reader::open(&*document, &Keys::none(), limits) else {
        panic!("the header is right");
    };
    if reader.next_table().is_err() {
        return;
    }
    let mut rows = 0;
    while let Ok(Some(row)) = reader.next_row() {
        let start = out.len();
        writer.row(row.cells(), &mut out);
        let written = out[start..].trim_ascii_start();
        let written = written.strip_prefix(b",").unwrap_or(written).trim_ascii_start();
        assert_eq!(written, row.json());
        rows += 1;
    }
    writer.end_table(&mut out);
    let summary = writer.finish(&mut out);
    assert_eq!(summary.total, rows);
    match Reader::open(&*out, &Keys::none(), limits).and_then(Reader::finish) {
        Ok(read) => assert_eq!(read, summary),
        Err(error) => panic!("{error}"),
    }
}
