//! Describes a file that is not an archive, so that people recognize the file that they have chosen.

const MAGIC: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a ZIP file or an Excel or Word document"),
    (b"\x1f\x8b", "a gzip file (unpack it first)"),
    (b"BZh", "a bzip2 file (unpack it first)"),
    (b"\xfd7zXZ\0", "an xz file (unpack it first)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
    (b"Rar!", "a RAR file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PGDMP", "a PostgreSQL dump"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xff\xfe", "a text in UTF-16"),
    (b"\xfe\xff", "a text in UTF-16"),
    (b"\x28\xb5\x2f\xfd", "a zstd file inside a zstd file"),
    (
        b"age-encryption.org/",
        "an encrypted file inside an encrypted file, or of an unknown version of age",
    ),
];

const SQL: [&str; 9] = [
    "--", "/*", "create", "insert", "begin", "pragma", "set ", "drop", "use ",
];

/// The kind of file with these first bytes, with an article.
pub(super) fn looks_like(start: &[u8]) -> &'static str {
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return name;
    }
    if start.get(257..262) == Some(b"ustar") {
        return "a tar file";
    }
    // The last character may be incomplete.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return "binary data of an unknown kind",
    };
    if text.contains('\0') {
        return "binary data of an unknown kind";
    }
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if text.starts_with(['{', '[']) {
        return "JSON of another kind";
    }
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return "a web page";
    }
    if text.starts_with('<') {
        return "XML";
    }
    if text.starts_with("-----begin ") {
        return "a key or a certificate";
    }
    if SQL.iter().any(|word| text.starts_with(word)) {
        return "an SQL dump";
    }
    if text.lines().next().is_some_and(|line| line.contains([',', ';', '\t'])) {
        return "a CSV table";
    }
    "a text"
}
