//! Any bytes, as a document of any version and as the content of its layers: no panic, and no memory beyond the limits.

#![no_main]

use campus_backup_archive::{Error, Keys, Limits, Reader, Version};
use libfuzzer_sys::fuzz_target;

const KEY: &str = include_str!("../../tests/golden/key.txt");

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        line_bytes: 1 << 20,
        document_bytes: 64 << 20,
        work_factor: 10,
        ..Limits::of(Version::Two)
    };
    let Ok(keys) = Keys::parse(KEY) else { return };
    let result = read(bytes, &keys, limits);
    if let Err(error) = result {
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
});

fn read(bytes: &[u8], keys: &Keys, limits: Limits) -> Result<(), Error> {
    let mut reader = Reader::open(bytes, keys, limits)?;
    while let Some(table) = reader.next_table()? {
        while let Some(row) = reader.next_row()? {
            assert_eq!(row.cells().len(), table.columns.len());
            let key = row.key().map(Iterator::count);
            assert_eq!(key, table.key.as_ref().map(Vec::len));
        }
    }
    reader.finish().map(drop)
}
