//! Recognizes what a file is by its first bytes, whatever its name says.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::csv;
use super::decode::Charset;
use super::fault::{FileFault, ReadError};
use super::heading::best_row;
use super::limits::HEADING_ROWS;
use super::raw::first_rows;
use super::synonyms::Vocabulary;
use super::workbook::encrypted;
use super::{FileSource, MAX_FILE_BYTES};
use crate::export::Delimiter;

/// What a file is.
#[derive(Clone, Copy, Debug)]
pub(super) enum FileKind {
    /// A ZIP file, probably a workbook.
    Zip,
    /// Text that begins as JSON does.
    Json(Charset),
    /// Other text.
    Csv(Charset),
}

/// The beginning of files that are no table.
const OTHERS: [(&[u8], &str); 12] = [
    (
        b"%PDF",
        "a PDF document. Export the table as XLSX or CSV from the program that made it",
    ),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "compressed. Unpack it first"),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed, perhaps a backup. Restore a backup on the page of the backups",
    ),
    (
        b"age-encryption.org/",
        "an encrypted backup. Restore a backup on the page of the backups",
    ),
    (
        b"-----BEGIN AGE",
        "an encrypted backup. Restore a backup on the page of the backups",
    ),
    (b"SQLite format 3", "a database of SQLite. Export the table as CSV"),
    (b"Rar!", "compressed. Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "compressed. Unpack it first"),
    (
        b"{\\rtf",
        "a text document. Copy the table into a spreadsheet and save it as XLSX or CSV",
    ),
];

/// The first bytes of an OLE container: XLS, and workbooks with a password.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// How many bytes show whether an OLE container has an encrypted workbook.
const OLE_SAMPLE: u64 = 1 << 20;

/// How many bytes show whether a file is text.
const SAMPLE: usize = 4 * 1024;

/// Recognizes the file.
///
/// # Errors
/// If it is no table of any format that can be read.
pub(super) fn recognize(path: &Path) -> Result<FileKind, ReadError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes == 0 {
        return Err(FileFault::new("The file is empty.").into());
    }
    if bytes > MAX_FILE_BYTES {
        let problem = format!(
            "The file has more than {} GiB. Send it in several parts.",
            MAX_FILE_BYTES >> 30
        );
        return Err(FileFault::new(problem).into());
    }
    let mut sample = Vec::with_capacity(SAMPLE);
    file.take(SAMPLE as u64).read_to_end(&mut sample)?;
    if sample.starts_with(b"PK\x03\x04") || sample.starts_with(b"PK\x05\x06") {
        return Ok(FileKind::Zip);
    }
    if sample.starts_with(OLE) {
        return Err(ole(path)?);
    }
    if let Some((_, what)) = OTHERS.iter().find(|(begin, _)| sample.starts_with(begin)) {
        return Err(FileFault::new(format!("The file is {what}.")).into());
    }
    // These decode to letters in some encoding, but are none.
    let is_marked = sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff");
    let is_control = |byte: &&u8| matches!(byte, 1..=8 | 14..=31 | 127);
    if !is_marked && sample.iter().filter(is_control).count() * 20 > sample.len() {
        return Err(binary());
    }
    let charset = Charset::detect(path)?;
    let beginning = beginning(path, charset)?;
    let first = beginning.trim_start();
    if first.chars().filter(|letter| *letter == '\0').count() * 20 > first.chars().count() {
        return Err(binary());
    }
    let lower: String = first.chars().take(200).collect::<String>().to_lowercase();
    if ["<!doctype html", "<html", "<table", "<head", "<meta"]
        .iter()
        .any(|begin| lower.starts_with(begin))
    {
        let problem = "The file is a web page, even if its name says otherwise. Open it in a spreadsheet and save it as XLSX or CSV.";
        return Err(FileFault::new(problem).into());
    }
    if lower.starts_with("<?xml") {
        return Err(FileFault::new("The file is XML. Open it in a spreadsheet and save it as XLSX or CSV.").into());
    }
    match first.starts_with(['{', '[']) {
        true => Ok(FileKind::Json(charset)),
        false => Ok(FileKind::Csv(charset)),
    }
}

fn binary() -> ReadError {
    FileFault::new("The file is not text and no workbook. Send CSV, XLSX, ODS or JSON.").into()
}

/// The first characters of a text.
fn beginning(path: &Path, charset: Charset) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    let source = charset.open(path)?;
    // What can't be decoded is found when the rows are read.
    let _ = source.take(SAMPLE as u64).read_to_end(&mut bytes);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn ole(path: &Path) -> Result<ReadError, ReadError> {
    let mut sample = Vec::new();
    BufReader::new(File::open(path)?)
        .take(OLE_SAMPLE)
        .read_to_end(&mut sample)?;
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let is_encrypted = sample.windows(name.len()).any(|window| window == name);
    Ok(match is_encrypted {
        true => encrypted(),
        false => {
            let problem = "The file is an old Excel workbook (.xls). Open it in a spreadsheet and save it as XLSX.";
            FileFault::new(problem).into()
        }
    })
}

/// Finds the delimiter of CSV: the one with which most headings are recognized; then the one with most columns.
pub(super) fn delimiter(source: &FileSource<'_>, charset: Charset) -> Result<Delimiter, ReadError> {
    let beginning = beginning(source.path, charset)?;
    // Excel reads such a first line.
    let first = beginning.lines().next().unwrap_or_default();
    let named = first.trim().strip_prefix("sep=").and_then(|name| match name {
        "," => Some(Delimiter::Comma),
        ";" => Some(Delimiter::Semicolon),
        "\t" | "" => Some(Delimiter::Tab),
        _ => None,
    });
    if let Some(named) = named {
        return Ok(named);
    }
    let vocabulary = Vocabulary::of(source.table);
    let mut best = (Delimiter::Comma, (0, 0));
    let mut fault = None;
    for delimiter in [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab] {
        let rows = match first_rows(HEADING_ROWS, |sink| csv::rows(source.path, charset, delimiter, sink)) {
            Ok(rows) => rows,
            Err(error @ ReadError::Service(_)) => return Err(error),
            // With another delimiter there may be no fault.
            Err(error) => {
                fault.get_or_insert(error);
                continue;
            }
        };
        let score = best_row(&vocabulary, source.options, &rows).map_or(0, |(score, _)| score);
        let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
        // One column is what every wrong delimiter gives.
        let rank = (score, if width > 1 { width } else { 0 });
        if rank > best.1 {
            best = (delimiter, rank);
        }
    }
    match (best.1, fault) {
        ((0, 0), Some(fault)) => Err(fault),
        _ => Ok(best.0),
    }
}
