//! Limits of a reader. An archive may have any origin, and a few kilobytes can expand to terabytes.
//!
//! The writer has the same limits, so that everything it writes can be read: it refuses a row that is too long
//! ([`Limits::holds_row`]), and never compresses better than a reader accepts.

/// Limits for reading an archive. The defaults are far beyond any school's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the bare document. Default: 64 GiB.
    pub document_bytes: u64,
    /// Bytes of the bare document for each compressed byte, once 256 MiB are unpacked. Real data is near 8, the most
    /// regular near 100, a bomb at 30,000. Default: 1,000.
    pub ratio: u64,
    /// The binary logarithm of the bytes that decompression may look back, all of which it keeps in memory. The levels
    /// up to 19 need at most 23. Default: 23 (8 MiB).
    pub window_log: u32,
    /// Bytes of one line, and so of one row, which is kept in memory once, or twice if it has escapes. Default: 16 MiB.
    pub line_bytes: usize,
    /// Tables. Default: 64.
    pub tables: usize,
    /// Columns of each table. Default: 256.
    pub columns: usize,
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
    /// Whether a row with this number of bytes of JSON fits. Its line also has a comma.
    pub fn holds_row(&self, json_bytes: usize) -> bool {
        json_bytes < self.line_bytes
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 64 << 30,
            ratio: 1_000,
            window_log: 23,
            line_bytes: 16 << 20,
            tables: 64,
            columns: 256,
            header_text_bytes: 256,
            work_factor: 18,
        }
    }
}
