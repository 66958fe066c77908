//! An archive that is truncated, changed in any bit or mutated at random is never accepted as complete.

use std::io::{self, Read};

use campus_backup_archive::{Error, Keys, Limits, Reader};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::content::{BARE, COMPRESSED, ENCRYPTED, compressed, keys, read, refusal, seal};

const FORMS: [(&str, &[u8]); 3] = [("bare", BARE), ("zstd", COMPRESSED), ("age", ENCRYPTED)];

#[test]
fn archive_cut_at_any_byte_is_refused() {
    let keys = keys();
    for (form, whole) in FORMS {
        for length in 0..whole.len() {
            let error = refusal(&whole[..length], &keys);
            let codes: &[&str] = match (form, length) {
                (_, 0) => &["empty"],
                ("age", _) => &["truncated", "corrupt"],
                _ => &["truncated"],
            };
            assert!(codes.contains(&error.code()), "{form} cut to {length}: {error}");
        }
    }
}

#[test]
fn flipped_bit_is_refused_at_any_place() {
    let keys = keys();
    for (form, whole) in FORMS {
        let mut changed = whole.to_vec();
        for bit in 0..whole.len() * 8 {
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                read(&changed, &keys).is_err(),
                "{form}: bit {bit} was flipped and not noticed"
            );
            changed[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(changed, whole);
    }
}

/// A frame of another compressor has no trailer. A flipped bit in it is found, or it changes nothing.
#[test]
fn flipped_bit_in_a_frame_of_another_compressor_is_refused_or_harmless() {
    let frame = zstd::encode_all(BARE, 19).unwrap();
    let whole = read(&frame, &Keys::none()).unwrap();
    let mut changed = frame;
    for bit in 0..changed.len() * 8 {
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = read(&changed, &Keys::none()) {
            assert_eq!(read, whole, "bit {bit}");
        }
        changed[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn random_mutations_are_refused() {
    let keys = keys();
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    for number in 0..10_000 {
        let (form, whole) = FORMS[number % FORMS.len()];
        let mut mutant = whole.to_vec();
        for _ in 0..chance.random_range(1..=3) {
            mutate(&mut mutant, &mut chance);
        }
        let result = read(&mutant, &keys);
        assert_eq!(result.is_ok(), mutant == whole, "{form}: mutation {number}");
    }
}

fn mutate(bytes: &mut Vec<u8>, chance: &mut ChaCha8Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = chance.random_range(0..bytes.len());
    let end = at + chance.random_range(0..=(bytes.len() - at).min(64));
    match chance.random_range(0..8) {
        0 => bytes[at] ^= 1 << chance.random_range(0..8),
        1 => bytes[at] = chance.random(),
        2 => bytes.insert(at, chance.random()),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let copy = bytes[at..end].to_vec();
            let to = chance.random_range(0..=bytes.len());
            bytes.splice(to..to, copy);
        }
        5 => bytes.truncate(at),
        6 => {
            let mut tail = vec![0; end - at];
            chance.fill_bytes(&mut tail);
            bytes.extend_from_slice(&tail);
        }
        _ => bytes[at..end].reverse(),
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let keys = keys();
    for (form, whole) in FORMS {
        for tail in [&b"\n"[..], b" ", b"{}", b"\0", &whole[..whole.len().min(64)], whole] {
            let error = refusal(&[whole, tail].concat(), &keys);
            let codes: &[&str] = if form == "age" {
                &["corrupt"]
            } else {
                &["trailing_data"]
            };
            assert!(codes.contains(&error.code()), "{form}: {error}");
        }
    }
    // zstd skips such a frame, but the reader must not.
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"more"].concat();
    assert_eq!(
        refusal(&[COMPRESSED, &skippable].concat(), &keys).code(),
        "trailing_data"
    );
    let two_frames = [
        zstd::encode_all(BARE, 3).unwrap(),
        zstd::encode_all(&b""[..], 3).unwrap(),
    ]
    .concat();
    assert_eq!(refusal(&two_frames, &keys).code(), "trailing_data");
}

#[test]
fn frame_without_its_trailer_is_refused_as_truncated() {
    let frame = &COMPRESSED[..COMPRESSED.len() - 40];
    assert_eq!(zstd::decode_all(frame).unwrap(), BARE, "it is a whole frame");
    assert_eq!(refusal(frame, &Keys::none()).code(), "truncated");
    let mut other = seal(BARE, &compressed());
    let last = other.len() - 1;
    other[last] ^= 1;
    assert_eq!(refusal(&other, &Keys::none()).code(), "digest_mismatch");
}

/// Fails after this number of bytes.
struct Failing<'a>(&'a [u8]);

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct DiskGone;

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other(DiskGone));
        }
        let length = buffer.len().min(7);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_failing_source_is_reachable_through_every_layer() {
    let keys = keys();
    for (form, whole) in FORMS {
        for length in [0, 1, 10, 60, 200, whole.len() - 1, whole.len()] {
            let opened = Reader::open(Failing(&whole[..length]), &keys, Limits::default());
            let error = match opened.map(Reader::finish) {
                Ok(Ok(_)) => panic!("{form}: taken for whole"),
                Ok(Err(error)) | Err(error) => error,
            };
            assert_eq!(error.code(), "io", "{form} up to {length}: {error}");
            let Error::Io(source) = error else { panic!() };
            assert!(source.get_ref().unwrap().is::<DiskGone>(), "{form} up to {length}");
        }
    }
}

#[test]
fn reader_repeats_its_error() {
    let damaged = super::content::replaced("{\"id\":2,\"full_name\"", "{\"id\":0,\"full_name\"");
    let mut reader = Reader::open(&*damaged, &Keys::none(), Limits::default()).unwrap();
    reader.next_table().unwrap();
    reader.next_table().unwrap();
    reader.next_row().unwrap().unwrap();
    assert_eq!(reader.next_row().unwrap_err().code(), "ids_out_of_order");
    assert_eq!(reader.next_row().unwrap_err().code(), "corrupt");
    assert_eq!(reader.next_table().unwrap_err().code(), "corrupt");
    assert!(matches!(reader.finish().unwrap_err(), Error::Refused));
}
