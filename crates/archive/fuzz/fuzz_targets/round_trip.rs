//! Any lines as the rows of a table. Each row that is accepted is written again as the same bytes, and the new
//! document is accepted completely.

#![no_main]

use campus_backup_archive::{ColumnSchema, Header, Keys, Kind, Limits, Reader, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let column = |name, kind| ColumnSchema {
        name,
        kind,
        nullable: true,
    };
    let header = Header {
        created_at: Default::default(),
        app_version: "",
        engine: "",
        tables: vec![(
            "t",
            vec![
                ColumnSchema {
                    name: "id",
                    kind: Kind::Integer,
                    nullable: false,
                },
                column("a", Kind::Text),
                column("b", Kind::Decimal),
                column("c", Kind::Date),
                column("d", Kind::Timestamp),
                column("e", Kind::Boolean),
            ],
        )],
    };
    let mut out = Vec::new();
    let mut writer = Writer::begin(&header, &mut out);
    writer.begin_table(&mut out);
    let document = [&out[..], b"\n", bytes].concat();
    let Ok(mut reader) = Reader::open(&*document, &Keys::none(), Limits::default()) else {
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
    match Reader::open(&*out, &Keys::none(), Limits::default()).and_then(Reader::finish) {
        Ok(read) => assert_eq!(read, summary),
        Err(error) => panic!("{error}"),
    }
});
