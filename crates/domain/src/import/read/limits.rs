//! The limits of a file of a person. They are far beyond any school's spreadsheet, and keep memory and time bounded for a file
//! that was made to exceed them.

/// The largest file, in bytes: 2 GiB. A million attendance rows are 40 MB as CSV.
pub const MAX_FILE_BYTES: u64 = 2 << 30;

/// The most columns of a file.
pub(super) const MAX_FILE_COLUMNS: usize = 256;

/// The most rows of a file.
pub(super) const MAX_ROWS: u64 = 20_000_000;

/// The most bytes of one row as UTF-8, as in an archive: 16 MiB.
pub(super) const MAX_ROW_BYTES: usize = 16 << 20;

/// The headings must be among so many first rows that are not blank.
pub(super) const HEADING_ROWS: usize = 30;

/// The most bytes that all parts of a workbook may have once they are unpacked: 4 GiB.
pub(super) const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// The most bytes of a part of an XLSX workbook that is kept in memory: its texts, styles and lists of sheets. 64 MiB.
pub(super) const MAX_XLSX_PART_BYTES: u64 = 64 << 20;

/// The most bytes of the content of an ODS workbook, which is kept in memory: 64 MiB, some 150,000 rows of students.
pub(super) const MAX_ODS_CONTENT_BYTES: u64 = 64 << 20;

/// The most cells of an ODS workbook, where a short text may repeat a cell a million times.
pub(super) const MAX_ODS_CELLS: u64 = 2_000_000;

/// The most bytes of one tag or text of XML: more than Excel's longest cell (32,767 characters) with every character escaped.
pub(super) const MAX_XML_TOKEN_BYTES: usize = 1 << 20;

/// The most parts of a workbook.
pub(super) const MAX_PARTS: usize = 4_096;

/// The most characters of a wrong value in an answer.
pub(super) const MAX_SHOWN_CHARACTERS: usize = 200;
