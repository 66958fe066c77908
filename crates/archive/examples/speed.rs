//! How fast archives are written and read: `cargo run --release --example speed -p campus-backup-archive [rows]`.
//!
//! One line a step, in megabytes of the bare document a second, the best of five.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::io::Write as _;
use std::time::Instant;

use campus_backup_archive::{Cell, ColumnSchema, Header, Keys, Kind, Layers, Limits, Reader, Summary, Writer};
use chrono::{DateTime, Days, NaiveDate};
use rust_decimal::Decimal;

fn main() {
    let rows = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().unwrap());
    let mut document = Vec::new();
    measure("write", 1, || {
        document.clear();
        write(rows, &mut document);
        document.len()
    });
    let keys = Keys::generate();
    for (name, layers) in [
        ("bare", Layers::none()),
        ("zstd", Layers::default()),
        (
            "zstd and age",
            Layers {
                recipients: keys.recipients(),
                ..Layers::default()
            },
        ),
        (
            "age",
            Layers {
                recipients: keys.recipients(),
                ..Layers::none()
            },
        ),
    ] {
        let mut sealed = Vec::new();
        measure(&format!("seal: {name}"), 5, || {
            let mut sealer = layers.seal(Vec::new()).unwrap();
            for piece in document.chunks(64 << 10) {
                sealer.write_all(piece).unwrap();
            }
            sealed = sealer.finish().unwrap().0;
            document.len()
        });
        measure(&format!("read: {name}"), 5, || {
            read(&sealed, &keys);
            document.len()
        });
    }
}

fn measure(name: &str, times: usize, mut step: impl FnMut() -> usize) {
    let mut best = f64::MAX;
    let mut bytes = 0;
    for _ in 0..times {
        let start = Instant::now();
        bytes = step();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{name:<22} {:>7.0} MB/s ({megabytes:.0} MB in {best:.3} s)",
        megabytes / best
    );
}

fn read(sealed: &[u8], keys: &Keys) -> Summary {
    let mut reader = Reader::open(sealed, keys, Limits::default()).unwrap();
    let mut cells = 0;
    while reader.next_table().unwrap().is_some() {
        while let Some(row) = reader.next_row().unwrap() {
            cells += row.cells().len();
        }
    }
    std::hint::black_box(cells);
    reader.finish().unwrap()
}

fn write(rows: i64, out: &mut Vec<u8>) -> Summary {
    let column = |name, kind, nullable| ColumnSchema { name, kind, nullable };
    let id = column("id", Kind::Integer, false);
    let header = Header {
        created_at: DateTime::UNIX_EPOCH,
        app_version: "0.1.0",
        engine: "sqlite",
        tables: vec![
            (
                "students",
                vec![
                    id.clone(),
                    column("full_name", Kind::Text, false),
                    column("email", Kind::Text, true),
                    column("address", Kind::Text, true),
                    column("date_of_birth", Kind::Date, true),
                    column("created_at", Kind::Timestamp, false),
                ],
            ),
            (
                "payments",
                vec![
                    id.clone(),
                    column("student_id", Kind::Integer, false),
                    column("amount_paid", Kind::Decimal, false),
                    column("payment_date", Kind::Timestamp, false),
                    column("status", Kind::Text, false),
                    column("transaction_id", Kind::Text, true),
                ],
            ),
            (
                "attendance",
                vec![
                    id,
                    column("student_id", Kind::Integer, false),
                    column("course_id", Kind::Integer, false),
                    column("date", Kind::Date, false),
                    column("status", Kind::Text, false),
                ],
            ),
        ],
    };
    let mut writer = Writer::begin(&header, out);
    let first_day = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let moment = |row: i64| DateTime::from_timestamp_micros(1_700_000_000_000_000 + row * 1_234_567).unwrap();
    writer.begin_table(out);
    for row in 0..rows / 10 {
        let name = format!("Aditi Sharma {row}");
        let address = format!("{row} MG Road\nBengaluru \"North\"");
        let email = format!("student{row}@school.example");
        let cells = [
            Cell::Integer(row),
            Cell::Text(&name),
            Cell::Text(&email),
            if row % 5 == 0 { Cell::Text(&address) } else { Cell::Null },
            Cell::Date(first_day - Days::new(row as u64 % 9000)),
            Cell::Timestamp(moment(row)),
        ];
        writer.row(&cells, out);
    }
    writer.end_table(out);
    writer.begin_table(out);
    for row in 0..rows / 5 {
        let transaction = format!("TXN{row:010}");
        let cells = [
            Cell::Integer(row),
            Cell::Integer(row % 1000),
            Cell::Decimal(Decimal::new(row * 7919 % 1_000_000, 2)),
            Cell::Timestamp(moment(row)),
            Cell::Text(["paid", "pending", "partial_paid"][row as usize % 3]),
            if row % 3 == 0 {
                Cell::Null
            } else {
                Cell::Text(&transaction)
            },
        ];
        writer.row(&cells, out);
    }
    writer.end_table(out);
    writer.begin_table(out);
    for row in 0..rows {
        let cells = [
            Cell::Integer(row),
            Cell::Integer(row * 31 % 10_007),
            Cell::Integer(row % 97),
            Cell::Date(first_day + Days::new(row as u64 % 700)),
            Cell::Text(["present", "absent", "leave"][row as usize % 3]),
        ];
        writer.row(&cells, out);
    }
    writer.end_table(out);
    writer.finish(out)
}
