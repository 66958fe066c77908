//! Malicious archives are refused early, whatever they claim.

use std::io::{Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use campus_backup_archive::{Cell, ColumnSchema, Error, Header, Keys, Kind, Limits, Reader};

use crate::content::{BARE, compressed, document, keys, read, read_within, refusal, replaced, seal};

/// Counts the bytes that were requested.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn bomb(start: &[u8], byte: u8, length: u64) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(start).unwrap();
    std::io::copy(&mut std::io::repeat(byte).take(length), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// A document with these texts in its rows.
fn of_texts(texts: &[&'static str]) -> Vec<u8> {
    let column = |name, kind| ColumnSchema {
        name,
        kind,
        nullable: false,
    };
    let header = Header {
        created_at: Default::default(),
        app_version: "",
        engine: "",
        tables: vec![("t", vec![column("id", Kind::Integer), column("a", Kind::Text)])],
    };
    let rows = (1..)
        .zip(texts)
        .map(|(id, text)| vec![Cell::Integer(id), Cell::Text(text)]);
    document(&header, &[rows.collect()]).0
}

#[test]
fn gibibyte_of_zeros_is_refused() {
    let bomb = bomb(b"", 0, 1 << 30);
    assert!(bomb.len() < 100_000);
    let read = Arc::new(AtomicU64::new(0));
    let source = Counted(&*bomb, Arc::clone(&read));
    let error = Reader::open(source, &Keys::none(), Limits::default()).unwrap_err();
    assert_eq!(error.code(), "not_an_archive");
    assert!(read.load(Ordering::Relaxed) <= 64 << 10, "{read:?}");
}

#[test]
fn endless_row_is_refused() {
    let start = BARE
        .split_inclusive(|byte| *byte == b'\n')
        .take(9)
        .collect::<Vec<_>>()
        .concat();
    assert!(start.ends_with(b"[\n"));
    let start = [&start[..], b"{\"id\":1,\"username\":\""].concat();
    let bomb = bomb(&start, b'a', 1 << 28);
    assert_eq!(
        refusal(&bomb, &Keys::none()).to_string(),
        "the archive goes beyond the limit of bytes in one line (16777216)"
    );
}

/// Content that is more regular than a reader accepts from others can be read if this program has compressed it.
#[test]
fn very_regular_rows_that_were_sealed_here_are_read() {
    let text: &str = "a".repeat(4 << 20).leak();
    let archive = of_texts(&[text; 65]);
    let sealed = seal(&archive, &compressed());
    let reader = Reader::open(&*sealed, &Keys::none(), Limits::default()).unwrap();
    assert_eq!(reader.finish().unwrap().total, 65);
    let foreign = bomb(&archive, b'\n', 0);
    assert!(foreign.len() < sealed.len() / 4);
    assert_eq!(
        refusal(&foreign, &Keys::none()).to_string(),
        "the archive goes beyond the limit of the compression ratio (1000)"
    );
}

/// The writer's limit for a row is exactly the reader's.
#[test]
fn the_longest_row_that_the_limits_hold_is_read() {
    let limits = Limits::default();
    let around = br#"{"id":1,"a":""}"#.len();
    for (longer, is_read) in [(0, true), (1, false)] {
        let length = limits.line_bytes - 1 + longer;
        assert_eq!(limits.holds_row(length), is_read);
        let archive = of_texts(&["x".repeat(length - around).leak(), ""]);
        assert_eq!(read(&archive, &Keys::none()).is_ok(), is_read, "{longer}");
    }
}

#[test]
fn each_limit_is_enforced() {
    let within = |limits| read_within(BARE, &Keys::none(), limits).map(drop);
    let longest = BARE.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    let default = Limits::default();
    let just = Limits {
        document_bytes: BARE.len() as u64,
        line_bytes: longest,
        tables: 5,
        columns: 5,
        ..default
    };
    within(just).unwrap();
    for limits in [
        Limits {
            document_bytes: just.document_bytes - 1,
            ..just
        },
        Limits {
            line_bytes: longest - 1,
            ..just
        },
        Limits { tables: 4, ..just },
        Limits { columns: 4, ..just },
    ] {
        assert_eq!(within(limits).unwrap_err().code(), "limit_exceeded");
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(BARE).unwrap();
    let wide = encoder.finish().unwrap();
    let error = refusal(&wide, &Keys::none());
    assert_eq!(
        error.to_string(),
        "the archive goes beyond the limit of the compression window, as a power of two (23)"
    );
    read_within(
        &wide,
        &Keys::none(),
        Limits {
            window_log: 24,
            ..default
        },
    )
    .unwrap();
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(1_000_000);
        for archive in [
            deep.clone().into_bytes(),
            replaced("\"admin\"", &deep),
            replaced("{\"id\":1,\"username\":\"admin\",\"is_active\":true}", &deep),
            replaced(
                "{\"id\":1,\"username\":\"admin\"",
                &format!("{{\"x\":{deep},\"id\":1,\"username\":\"admin\""),
            ),
            replaced(
                "[{\"name\":\"id\",\"type\":\"integer\",\"nullable\":false},{\"name\":\"fee\"",
                &deep,
            ),
            replaced("\"summary\":{", &format!("\"summary\":{deep}{{")),
        ] {
            refusal(&archive, &Keys::none());
        }
    }
}

#[test]
fn endless_encryption_header_is_refused() {
    let start = b"age-encryption.org/v1\n";
    let stanzas = "-> X25519 abc\nabc\n".repeat(1_000_000);
    let line = "a".repeat(20_000_000);
    let armour = "-----BEGIN AGE ENCRYPTED FILE-----\n";
    for (archive, code) in [
        ([&start[..], stanzas.as_bytes()].concat(), "limit_exceeded"),
        ([&start[..], b"-> ", line.as_bytes()].concat(), "limit_exceeded"),
        ([armour.as_bytes(), line.as_bytes()].concat(), "corrupt"),
        (
            [
                armour.as_bytes(),
                &b"YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhYmMKLT4gWDI1NTE5IGFi\n".repeat(100_000),
            ]
            .concat(),
            "limit_exceeded",
        ),
    ] {
        let read = Arc::new(AtomicU64::new(0));
        let source = Counted(&*archive, Arc::clone(&read));
        let error = Reader::open(source, &keys(), Limits::default()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(read.load(Ordering::Relaxed) < 1 << 20);
    }
}

#[test]
fn claimed_size_allocates_no_memory() {
    // A frame with a claimed size of 2^62 bytes, in a window of the same size.
    let frame = [&b"\x28\xb5\x2f\xfd\xe0"[..], &(1_u64 << 62).to_le_bytes(), &[0; 64]].concat();
    assert_eq!(refusal(&frame, &Keys::none()).code(), "limit_exceeded");
    let archive = replaced("\"total\":9", "\"total\":10737418240");
    assert!(matches!(
        refusal(&archive, &Keys::none()),
        Error::CountMismatch {
            table: None,
            promised: 10_737_418_240,
            found: 9
        }
    ));
}

/// One byte at a time, with interruptions: the result must not depend on the size of the source's reads.
#[test]
fn source_of_single_bytes_is_read() {
    struct Trickle<'a>(&'a [u8], bool);
    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }
    let expected = read(BARE, &Keys::none()).unwrap().1;
    for archive in [
        BARE,
        crate::content::COMPRESSED,
        crate::content::ENCRYPTED,
        &crate::content::seal(BARE, &compressed()),
    ] {
        let reader = Reader::open(Trickle(archive, false), &keys(), Limits::default()).unwrap();
        assert_eq!(reader.finish().unwrap(), expected);
    }
}
