//! The files of version 1. Every later version must read the same rows from them.

use campus_backup_archive::{Cell, Compression, Encryption, Form, Keys, Limits, Reader, Version};

use crate::content::{BARE, COMPRESSED, ENCRYPTED, compressed, document, encrypted, header, keys, rows, seal};

/// Writes the golden files again. They are released, so use this only for the files of a new version.
#[test]
#[ignore = "writes the files that the other tests read"]
fn write_the_golden_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (bare, _) = document(&header(), &rows());
    std::fs::write(folder.join("version-1.json"), &bare).unwrap();
    std::fs::write(folder.join("version-1.json.zst"), seal(&bare, &compressed())).unwrap();
    std::fs::write(folder.join("version-1.json.zst.age"), seal(&bare, &encrypted())).unwrap();
}

#[test]
fn the_writer_writes_exactly_the_golden_file() {
    let (written, _) = document(&header(), &rows());
    assert_eq!(String::from_utf8(written).unwrap(), std::str::from_utf8(BARE).unwrap());
}

#[test]
fn the_golden_file_is_json() {
    let document: serde_json::Value = serde_json::from_slice(BARE).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["tables"]["payments"][1]["student_id"], i64::MIN);
    assert_eq!(document["tables"]["courses"], serde_json::json!([]));
    assert_eq!(document["summary"]["total"], 9);
}

fn check_every_cell(archive: &[u8], keys: &Keys, form: Form) {
    let mut reader = Reader::open(archive, keys, Limits::default()).unwrap();
    assert_eq!(reader.form(), form);
    let expected = header();
    let found = reader.header().clone();
    assert_eq!(found.version, Version::One);
    assert_eq!(found.created_at, expected.created_at);
    assert_eq!(found.app_version, expected.app_version);
    assert_eq!(found.engine, expected.engine);
    found.schema.demand(&expected.tables).unwrap();
    for ((name, columns), rows) in expected.tables.iter().zip(rows()) {
        let table = reader.next_table().unwrap().unwrap();
        assert_eq!(table.name, *name);
        assert_eq!(table.columns.len(), columns.len());
        for (index, cells) in rows.iter().enumerate() {
            let row = reader.next_row().unwrap().unwrap();
            assert_eq!(row.cells(), cells, "{name}");
            assert_eq!(Cell::Integer(row.id()), cells[0]);
            assert_eq!(row.number(), index as u64 + 1);
            let json: serde_json::Value = serde_json::from_slice(row.json()).unwrap();
            assert_eq!(json.as_object().unwrap().len(), columns.len());
        }
        assert!(reader.next_row().unwrap().is_none());
        assert!(reader.next_row().unwrap().is_none());
    }
    assert!(reader.next_table().unwrap().is_none());
    let summary = reader.finish().unwrap();
    assert_eq!(summary, document(&header(), &super::content::rows()).1);
    assert_eq!(summary.total, 9);
    assert_eq!(summary.rows["courses"], 0);
    assert_eq!(summary.totals["courses.fee"], "0.00");
    assert_eq!(summary.totals["payments.amount_paid"], "0.00");
    assert_eq!(summary.totals["payments.refunded"], "0.075");
}

#[test]
fn golden_file_of_version_1_is_read() {
    let mut form = Form::default();
    check_every_cell(BARE, &Keys::none(), form);
    form.compression = Compression::Zstd;
    check_every_cell(COMPRESSED, &Keys::none(), form);
    form.encryption = Encryption::Age;
    check_every_cell(ENCRYPTED, &keys(), form);
}

#[test]
fn finish_checks_the_unread_rest() {
    let mut reader = Reader::open(BARE, &Keys::none(), Limits::default()).unwrap();
    reader.next_table().unwrap();
    reader.next_row().unwrap();
    assert_eq!(reader.finish().unwrap().total, 9);
    let damaged = super::content::replaced("日本語", "日本話");
    let reader = Reader::open(&*damaged, &Keys::none(), Limits::default()).unwrap();
    assert_eq!(reader.finish().unwrap_err().code(), "digest_mismatch");
}
