//! Measures the parts of a workbook before anything is kept of it.
//!
//! A ZIP file of a few kilobytes can unpack to terabytes, and its directory may lie about sizes. A part may also say that it has
//! billions of texts, or that a cell comes a million times. So every part is unpacked once and counted.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::fault::{FileFault, ReadError};
use super::limits::{
    MAX_ODS_CELLS, MAX_ODS_CONTENT_BYTES, MAX_PARTS, MAX_UNPACKED_BYTES, MAX_XLSX_PART_BYTES, MAX_XML_TOKEN_BYTES,
};
use super::workbook::{damaged, encrypted};

/// The attribute with the number of texts, for which the reader reserves memory before it reads them.
const TEXT_COUNT: &[u8] = b"uniqueCount";

/// The most texts of a workbook: each has at least 16 bytes.
const MAX_TEXTS: u64 = MAX_XLSX_PART_BYTES / 16;

/// The two formats of workbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkbookFormat {
    Xlsx,
    Ods,
}

/// Unpacks every part once, within the limits, and finds the format.
pub(super) fn measure(path: &Path) -> Result<WorkbookFormat, ReadError> {
    let mut zip = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(zip_error)?;
    if zip.len() > MAX_PARTS {
        return Err(FileFault::new(format!("The workbook has more than {MAX_PARTS} parts.")).into());
    }
    let format = format_of(&mut zip)?;
    let mut unpacked = 0;
    for index in 0..zip.len() {
        let mut part = zip.by_index(index).map_err(zip_error)?;
        let name = part.name().map_err(zip_error)?.into_owned();
        let mut measured = PartMeter::new(format, &name);
        let mut block = [0; 32 * 1024];
        loop {
            let read = part.read(&mut block).map_err(damaged)?;
            if read == 0 {
                break;
            }
            unpacked += read as u64;
            if unpacked > MAX_UNPACKED_BYTES {
                let problem = format!("The workbook has more than {} GiB unpacked.", MAX_UNPACKED_BYTES >> 30);
                return Err(FileFault::new(problem).into());
            }
            measured.add(&block[..read])?;
        }
    }
    Ok(format)
}

fn zip_error(error: ZipError) -> ReadError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => encrypted(),
        ZipError::Io(error) if error.raw_os_error().is_some() => error.into(),
        error => damaged(error),
    }
}

fn format_of(zip: &mut ZipArchive<BufReader<File>>) -> Result<WorkbookFormat, ReadError> {
    let is_there = |name: &str| zip.index_for_name(name).is_some();
    if is_there("xl/workbook.xml") {
        return Ok(WorkbookFormat::Xlsx);
    }
    if is_there("xl/workbook.bin") {
        return Err(FileFault::new(
            "The file is a binary Excel workbook (.xlsb). Save it as an Excel workbook (.xlsx).",
        )
        .into());
    }
    let is_word = is_there("word/document.xml");
    if is_there("mimetype") && is_there("content.xml") {
        let mut kind = String::new();
        let part = zip.by_name("mimetype").map_err(zip_error)?;
        part.take(100).read_to_string(&mut kind).map_err(damaged)?;
        if kind
            .trim()
            .starts_with("application/vnd.oasis.opendocument.spreadsheet")
        {
            return Ok(WorkbookFormat::Ods);
        }
    }
    let problem = match is_word {
        true => {
            "The file is a text document, not a spreadsheet. Copy the table into a spreadsheet and save it as XLSX or CSV."
        }
        false => "The file is a ZIP file, but no workbook. Unpack it and send the file in it.",
    };
    Err(FileFault::new(problem).into())
}

/// Measures a part while it is unpacked.
struct PartMeter {
    name: String,
    format: WorkbookFormat,
    limit: u64,
    bytes: u64,
    /// The tag or the text since the last tag, only as far as it is needed.
    token: Vec<u8>,
    token_bytes: usize,
    /// The cells of ODS, for its content.
    grid: OdsGrid,
}

impl PartMeter {
    fn new(format: WorkbookFormat, name: &str) -> Self {
        let limit = match format {
            // Sheets are read from the file as they come.
            WorkbookFormat::Xlsx if name.starts_with("xl/worksheets/sheet") => MAX_UNPACKED_BYTES,
            WorkbookFormat::Xlsx => MAX_XLSX_PART_BYTES,
            WorkbookFormat::Ods => MAX_ODS_CONTENT_BYTES,
        };
        Self {
            name: name.to_owned(),
            format,
            limit,
            bytes: 0,
            token: Vec::new(),
            token_bytes: 0,
            grid: OdsGrid::default(),
        }
    }

    fn add(&mut self, block: &[u8]) -> Result<(), FileFault> {
        self.bytes += block.len() as u64;
        if self.bytes > self.limit {
            let problem = format!(
                "The part `{}` of the workbook has more than {} MiB unpacked. Save the sheet as CSV, which has no such limit.",
                self.name,
                self.limit >> 20
            );
            return Err(FileFault::new(problem));
        }
        // Pictures have long runs of bytes without a bracket. Any other part may be read as XML, whatever its name.
        if self.name.starts_with("xl/media/") || self.name.starts_with("Pictures/") {
            return Ok(());
        }
        if self.format == WorkbookFormat::Ods && self.name == "content.xml" {
            self.grid.add(block)?;
        }
        let has_texts =
            self.format == WorkbookFormat::Xlsx && self.name.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut rest = block;
        while let Some(place) = rest.iter().position(|byte| matches!(byte, b'<' | b'>')) {
            self.extend(&rest[..place], has_texts)?;
            if has_texts && contains(&self.token, TEXT_COUNT) && count(&self.token, TEXT_COUNT) > MAX_TEXTS {
                let problem = format!("The workbook says that it has more than {MAX_TEXTS} texts.");
                return Err(FileFault::new(problem));
            }
            self.token.clear();
            self.token_bytes = 0;
            rest = &rest[place + 1..];
        }
        self.extend(rest, has_texts)
    }

    fn extend(&mut self, bytes: &[u8], is_kept: bool) -> Result<(), FileFault> {
        self.token_bytes += bytes.len();
        if self.token_bytes > MAX_XML_TOKEN_BYTES {
            let problem = format!(
                "A cell of the workbook has more than {} MiB.",
                MAX_XML_TOKEN_BYTES >> 20
            );
            return Err(FileFault::new(problem));
        }
        if is_kept {
            self.token.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// Counts the cells of ODS, where one cell or row of the file stands for many. The reader keeps the smallest rectangle with all
/// cells of a sheet.
#[derive(Debug, Default)]
struct OdsGrid {
    /// Cells of the sheets before.
    before: u64,
    /// The largest width of a row of this sheet.
    width: u64,
    /// The rows of this sheet, and those up to the last one with a value.
    rows: u64,
    filled_rows: u64,
    /// How often the current row comes, its width up to the last value, and the empty cells after that.
    repeats: u64,
    row_width: u64,
    empty: u64,
    /// The tag in work, without its angle brackets, and the quotation mark of the value in it that is not closed yet.
    tag: Option<Vec<u8>>,
    quote: Option<u8>,
    has_begun: bool,
}

impl OdsGrid {
    /// Counts what a block of the content has.
    fn add(&mut self, block: &[u8]) -> Result<(), FileFault> {
        for byte in block.iter().copied() {
            let Some(tag) = &mut self.tag else {
                if byte == b'<' {
                    self.tag = Some(Vec::new());
                }
                continue;
            };
            // A closing tag has no values.
            let may_quote = tag.first() != Some(&b'/');
            match (byte, self.quote) {
                (b'>', None) => {
                    let tag = self.tag.take().unwrap_or_default();
                    self.count_tag(&tag)?;
                    continue;
                }
                (b'"' | b'\'', None) if may_quote => self.quote = Some(byte),
                (_, Some(quote)) if byte == quote => self.quote = None,
                // Comments and instructions may hide tags. No program writes them here, but for the first line.
                (b'!', None) if tag.is_empty() => return Err(hidden()),
                (b'?', None) if tag.is_empty() && self.has_begun => return Err(hidden()),
                _ => {}
            }
            self.has_begun = true;
            if tag.len() >= MAX_XML_TOKEN_BYTES {
                return Err(hidden());
            }
            tag.push(byte);
        }
        Ok(())
    }

    fn count_tag(&mut self, tag: &[u8]) -> Result<(), FileFault> {
        if tag.starts_with(b"table:table-row") && !tag.starts_with(b"table:table-rows") {
            (self.row_width, self.empty) = (0, 0);
            self.repeats = count(tag, b"number-rows-repeated");
            if tag.ends_with(b"/") {
                self.end_row();
            }
        } else if tag.starts_with(b"table:table-cell") || tag.starts_with(b"table:covered-table-cell") {
            self.empty = self.empty.saturating_add(count(tag, b"number-columns-repeated"));
            if contains(tag, b"office:value-type") || contains(tag, b"table:formula") {
                self.row_width = self.row_width.saturating_add(self.empty);
                self.empty = 0;
            }
        } else if tag.starts_with(b"/table:table-row") && !tag.starts_with(b"/table:table-rows") {
            self.end_row();
        } else if tag == b"/table:table" {
            *self = Self {
                before: self.cells(),
                has_begun: true,
                ..Self::default()
            };
        }
        match self.cells().max(self.row_width) > MAX_ODS_CELLS {
            true => Err(FileFault::new(format!(
                "The workbook has more than {MAX_ODS_CELLS} cells. Save the sheet as CSV or XLSX, which have no such limit."
            ))),
            false => Ok(()),
        }
    }

    fn end_row(&mut self) {
        self.rows = self.rows.saturating_add(self.repeats);
        if self.row_width > 0 {
            self.filled_rows = self.rows;
            self.width = self.width.max(self.row_width);
        }
    }

    fn cells(&self) -> u64 {
        self.before.saturating_add(self.width.saturating_mul(self.filled_rows))
    }
}

fn hidden() -> FileFault {
    FileFault::new(
        "The workbook is damaged: its content has comments or instructions. Open it in its program and save it again.",
    )
}

fn contains(tag: &[u8], wanted: &[u8]) -> bool {
    tag.windows(wanted.len()).any(|window| window == wanted)
}

/// The number of an attribute that says how many there are; one if there is none. A number that is not written in digits is
/// beyond every limit.
fn count(tag: &[u8], attribute: &[u8]) -> u64 {
    let place = tag.windows(attribute.len()).position(|window| window == attribute);
    let Some(place) = place else { return 1 };
    let mut value = tag[place + attribute.len()..]
        .iter()
        .skip_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\''))
        .take_while(|byte| !matches!(byte, b'"' | b'\''))
        .peekable();
    if value.peek().is_none() {
        return u64::MAX;
    }
    value.fold(0, |number: u64, digit| match digit {
        b'0'..=b'9' => number.saturating_mul(10).saturating_add(u64::from(digit - b'0')),
        _ => u64::MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_attributes_are_read_or_refused() {
        for (tag, expected) in [
            ("table:table-row", 1),
            ("table:table-row repeated=\"20\"", 20),
            ("table:table-row repeated = '20' x=\"3\"", 20),
            ("table:table-row repeated=\"&#50;0\"", u64::MAX),
            ("table:table-row repeated=\"\"", u64::MAX),
            ("table:table-row repeated=\"99999999999999999999999\"", u64::MAX),
        ] {
            assert_eq!(count(tag.as_bytes(), b"repeated"), expected, "{tag}");
        }
    }
}
