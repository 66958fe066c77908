//! Other files and other versions are refused with a description.

use std::io::Write as _;

use campus_backup_archive::{Error, Keys};

use crate::content::{BARE, compressed, encrypted, keys, refusal, replaced, seal};

#[test]
fn files_that_are_no_archives_are_named() {
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let long_text = "lorem ipsum dolor sit amet ".repeat(1000);
    for (file, name) in [
        (
            &b"PK\x03\x04\x14\0\x06\0"[..],
            "a ZIP file or an Excel or Word document",
        ),
        (b"\x1f\x8b\x08\0", "a gzip file (unpack it first)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"SQLite format 3\0\x10\0", "an SQLite database"),
        (b"-- MySQL dump 10.13\n", "an SQL dump"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN", "an SQL dump"),
        (b"CREATE TABLE students (id int);", "an SQL dump"),
        (b"PGDMP\x01\x0e", "a PostgreSQL dump"),
        (b"ID,Full Name,Email\r\n1,Aditi,", "a CSV table"),
        (b"\xef\xbb\xbfID,Full Name\r\n", "a CSV table"),
        (b"{}", "JSON of another kind"),
        (b"[]", "JSON of another kind"),
        (b"{\"students\": []}", "JSON of another kind"),
        (b"{\"format\":\"other\",\"version\":1}", "JSON of another kind"),
        (
            b"{\"format\":\"campus-backup-manifest\",\"version\":1}",
            "JSON of another kind",
        ),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version=\"1.0\"?>", "XML"),
        (b"-----BEGIN CERTIFICATE-----\n", "a key or a certificate"),
        (b"hello", "a text"),
        (b"null", "a text"),
        (long_text.as_bytes(), "a text"),
        (&[0; 100], "binary data of an unknown kind"),
        (&[0xfe; 3], "binary data of an unknown kind"),
        (&tar, "a tar file"),
    ] {
        for archive in [file.to_vec(), seal(file, &compressed()), seal(file, &encrypted())] {
            match refusal(&archive, &keys()) {
                Error::NotAnArchive { looks_like } => assert_eq!(looks_like, name),
                other => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn random_bytes_are_no_archive() {
    use rand::{Rng as _, SeedableRng as _};
    let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    for length in 1..2000 {
        let mut bytes = vec![0; length];
        chance.fill_bytes(&mut bytes);
        refusal(&bytes, &keys());
    }
}

#[test]
fn empty_file_is_refused() {
    assert_eq!(refusal(b"", &keys()).code(), "empty");
    assert_eq!(
        refusal(&zstd::encode_all(&b""[..], 3).unwrap(), &keys()).code(),
        "empty"
    );
}

/// The reader checks nothing after the version, because a later version may have anything there.
#[test]
fn newer_version_is_refused() {
    for version in ["2", "10", "4294967297", "18446744073709551615"] {
        let start = format!("{{\"format\":\"campus-backup\",\"version\":{version},");
        for rest in ["", "\0\0", "\"tables\":\"elsewhere\"}"] {
            match refusal(format!("{start}{rest}").as_bytes(), &Keys::none()) {
                Error::NewerVersion { version: found, .. } => assert_eq!(found.to_string(), version),
                other => panic!("{other}"),
            }
        }
    }
    for version in [
        "0",
        "01",
        "-1",
        "1.0",
        "1e0",
        "\"1\"",
        "null",
        "18446744073709551616",
        "",
    ] {
        let archive = replaced("\"version\":1,", &format!("\"version\":{version},"));
        assert_eq!(refusal(&archive, &Keys::none()).code(), "corrupt", "{version}");
    }
}

#[test]
fn nested_layers_are_refused() {
    let once = seal(BARE, &compressed());
    assert_eq!(refusal(&seal(&once, &compressed()), &keys()).code(), "not_an_archive");
    let twice = seal(&seal(BARE, &encrypted()), &encrypted());
    assert_eq!(refusal(&twice, &keys()).code(), "not_an_archive");
    let mut gzip = Vec::from(&b"\x1f\x8b\x08"[..]);
    gzip.write_all(BARE).unwrap();
    assert_eq!(refusal(&gzip, &keys()).code(), "not_an_archive");
}
