//! Memory for reading: no allocation for a row, and little memory for a decompression bomb.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell as Counter;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use campus_backup_archive::{Cell, ColumnSchema, Header, Keys, Kind, Layers, Limits, Reader, Writer};
use chrono::DateTime;

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Counter<u64> = const { Counter::new(0) };
}

// SAFETY: every call is passed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The test measures the memory of the whole process, so the tests of this file run one after another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn header() -> Header<'static> {
    let column = |name, kind| ColumnSchema {
        name,
        kind,
        nullable: false,
    };
    Header {
        created_at: DateTime::UNIX_EPOCH,
        app_version: "0.1.0",
        engine: "sqlite",
        tables: vec![(
            "notes",
            vec![
                column("id", Kind::Integer),
                column("text", Kind::Text),
                column("fee", Kind::Decimal),
            ],
        )],
    }
}

fn write(rows: i64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::begin(&header(), &mut out);
    writer.begin_table(&mut out);
    for id in 0..rows {
        let text = Cell::Text(if id % 2 == 0 { "plain" } else { "with \"escapes\"\n" });
        writer.row(&[Cell::Integer(id), text, Cell::Decimal(id.into())], &mut out);
    }
    writer.end_table(&mut out);
    writer.finish(&mut out);
    out
}

fn allocations(archive: &[u8]) -> u64 {
    let before = ALLOCATIONS.get();
    let mut reader = Reader::open(archive, &Keys::none(), Limits::default()).unwrap();
    reader.next_table().unwrap();
    while let Some(row) = reader.next_row().unwrap() {
        assert_eq!(row.cells().len(), 3);
    }
    reader.finish().unwrap();
    ALLOCATIONS.get() - before
}

#[test]
fn a_row_allocates_nothing() {
    let _alone = alone();
    let (few, many) = (write(10), write(100_000));
    // A buffer may be enlarged once.
    assert!(allocations(&many) < allocations(&few) + 10);
    let sealed = |document: &[u8]| {
        let mut sealer = Layers::default().seal(Vec::new()).unwrap();
        sealer.write_all(document).unwrap();
        sealer.finish().unwrap().0
    };
    assert!(allocations(&sealed(&many)) < allocations(&sealed(&few)) + 10);
}

/// The growth of the process in kilobytes at the peak, compared with its start.
#[cfg(target_os = "linux")]
fn growth(step: impl FnOnce()) -> u64 {
    let field = |name: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    // Resets the peak (proc(5)).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = field("VmRSS:");
    step();
    field("VmHWM:").saturating_sub(before)
}

#[cfg(target_os = "linux")]
const LIMIT: u64 = 64 << 10;

/// A gibibyte in one row, with and without escapes, also without the limit of the ratio.
#[cfg(target_os = "linux")]
#[test]
fn decompression_bomb_uses_little_memory() {
    let _alone = alone();
    for piece in ["a", "\\n"] {
        let mut start = write(1);
        start.truncate(start.windows(5).position(|bytes| bytes == b"plain").unwrap());
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.write_all(&start).unwrap();
        let piece = piece.repeat(1 << 20);
        for _ in 0..(1 << 30) / piece.len() {
            encoder.write_all(piece.as_bytes()).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        for ratio in [1_000, u64::MAX] {
            let limits = Limits {
                ratio,
                ..Limits::default()
            };
            let growth = growth(|| {
                let mut reader = Reader::open(bomb.as_slice(), &Keys::none(), limits).unwrap();
                reader.next_table().unwrap();
                assert_eq!(reader.next_row().unwrap_err().code(), "limit_exceeded");
            });
            assert!(growth < LIMIT, "{growth} kB");
        }
    }
}

/// The longest allowed row, full of escapes, in the largest allowed window.
#[cfg(target_os = "linux")]
#[test]
fn longest_row_uses_little_memory() {
    let _alone = alone();
    let mut out = Vec::new();
    let text = "\n".repeat((8 << 20) - 100);
    let mut writer = Writer::begin(&header(), &mut out);
    writer.begin_table(&mut out);
    writer.row(
        &[Cell::Integer(1), Cell::Text(&text), Cell::Decimal(1.into())],
        &mut out,
    );
    writer.end_table(&mut out);
    writer.finish(&mut out);
    let archive = zstd::encode_all(out.as_slice(), 19).unwrap();
    drop((out, text));
    let limits = Limits {
        ratio: u64::MAX,
        ..Limits::default()
    };
    let growth = growth(|| {
        let reader = Reader::open(archive.as_slice(), &Keys::none(), limits).unwrap();
        assert_eq!(reader.finish().unwrap().total, 1);
    });
    assert!(growth < LIMIT, "{growth} kB");
    println!("{growth} kB");
}
