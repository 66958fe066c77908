//! The digest of a table's rows.

use sha2::{Digest as _, Sha256};

/// How many bytes are digested at once. A row is one or two blocks of SHA-256, and beginning costs as much as a block.
const PIECE: usize = 8 * 1024;

/// SHA-256 of a table's rows, each followed by a line feed.
#[derive(Debug, Default)]
pub(crate) struct RowsDigest {
    digest: Sha256,
    pending: Vec<u8>,
}

impl RowsDigest {
    /// Adds a row.
    pub(crate) fn row(&mut self, json: &[u8]) {
        self.pending.extend_from_slice(json);
        self.pending.push(b'\n');
        if self.pending.len() >= PIECE {
            self.digest_pending();
        }
    }

    /// The digest of all rows so far; it begins anew.
    pub(crate) fn take(&mut self) -> Sha256 {
        self.digest_pending();
        std::mem::take(&mut self.digest)
    }

    fn digest_pending(&mut self) {
        self.digest.update(&self.pending);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_lines() {
        let mut digest = RowsDigest::default();
        for rows in [0, 1, 500, 3] {
            let row = br#"{"id":1,"name":"a row that is about as long as they are"}"#;
            (0..rows).for_each(|_| digest.row(row));
            let lines = [row.as_slice(), b"\n"].concat().repeat(rows);
            assert_eq!(digest.take().finalize(), Sha256::digest(lines), "{rows}");
        }
    }
}
