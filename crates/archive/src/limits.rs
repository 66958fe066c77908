//! Limits of a reader. An archive may have any origin, and a few kilobytes can expand to terabytes.
//!
//! The writer has the same limits, so that everything it writes can be read: it refuses a row that is too long
//! ([`Limits::holds_row`]), and never compresses better than a reader accepts.

use crate::version::Version;

/// Limits for reading an archive. The defaults are those of version 1, and far beyond any school's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The newest version that is read, for callers that know only the tables of an older one. Default: version 1.
    pub newest: Version,
    /// Bytes of the bare document. Default: 64 GiB.
    pub document_bytes: u64,
    /// Bytes of the bare document for each compressed byte, once 256 MiB are unpacked. Real data is near 8, the most
    /// regular near 100, a bomb at 30,000. Default: 1,000.
    pub ratio: u64,
    /// The binary logarithm of the bytes that decompression may look back, all of which it keeps in memory. The levels
    /// up to 19 need at most 23. Default: 23 (8 MiB).
    pub window_log: u32,
    /// Bytes of one line, and so of one row, which is kept in memory once, or twice if it has escapes. In version 2 it
    /// may be kept four times, because the order of rows may depend on all columns. Default: 16 MiB, and 64 MiB in
    /// version 2, whose rows may have files.
    pub line_bytes: usize,
    /// Tables. Default: 64, and 2,048 in version 2.
    pub tables: usize,
    /// Columns of each table. Default: 256, and 1,664 in version 2.
    pub columns: usize,
    /// Bytes of the `schema`, all of which is kept in memory. Default: 16 MiB in version 2. Version 1 has no such limit,
    /// because its names are short.
    pub schema_bytes: u64,
    /// Bytes of each text of the header (`app_version`, `engine`), which is copied into manifests and answers. Default: 256.
    pub header_text_bytes: usize,
    /// The binary logarithm of the scrypt work for a passphrase. `age` writes 18, which takes 256 MiB and about a
    /// second. Checked only if a passphrase is given. Default: 18.
    pub work_factor: u8,
}

/// The bytes of a document that may have any compression ratio: a reader unpacks them in a second and keeps none of
/// them.
pub(crate) const RATIO_FROM: u64 = 256 << 20;

impl Limits {
    /// The limits for archives up to this version.
    pub const fn of(newest: Version) -> Self {
        let (line_bytes, tables, columns, schema_bytes) = match newest {
            Version::One => (16 << 20, 64, 256, u64::MAX),
            Version::Two => (64 << 20, 2_048, 1_664, 16 << 20),
        };
        Self {
            newest,
            document_bytes: 64 << 30,
            ratio: 1_000,
            window_log: 23,
            line_bytes,
            tables,
            columns,
            schema_bytes,
            header_text_bytes: 256,
            work_factor: 18,
        }
    }

    /// These limits for an archive of one version: a caller that reads newer ones accepts no more in an older one.
    pub(crate) fn within(self, version: Version) -> Self {
        if version == self.newest {
            return self;
        }
        let own = Self::of(version);
        Self {
            line_bytes: self.line_bytes.min(own.line_bytes),
            tables: self.tables.min(own.tables),
            columns: self.columns.min(own.columns),
            schema_bytes: own.schema_bytes,
            ..self
        }
    }

    /// Whether a row with this number of bytes of JSON fits. Its line also has a comma.
    pub fn holds_row(&self, json_bytes: usize) -> bool {
        json_bytes < self.line_bytes
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(Version::default())
    }
}
