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
        if json.len() < PIECE {
            self.pending.extend_from_slice(json);
        } else {
            // A copy of the row would take as much memory again.
            self.digest_pending();
            self.digest.update(json);
        }
        self.pending.push(b'\n');
        if self.pending.len() >= PIECE {
            self.digest_pending();
        }
    }

    /// The digest of all rows so far. The next digest begins empty.
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
    fn digest_equals_that_of_the_lines() {
        let mut digest = RowsDigest::default();
        let usual = br#"{"id":1,"name":"a row that is about as long as they are"}"#.as_slice();
        let long = vec![b'x'; PIECE];
        for rows in [
            vec![],
            vec![usual],
            vec![usual; 500],
            vec![long.as_slice(); 2],
            vec![usual, &long, &long[1..], usual],
        ] {
            rows.iter().for_each(|row| digest.row(row));
            let lines: Vec<u8> = rows.iter().flat_map(|row| [*row, b"\n"].concat()).collect();
            assert_eq!(digest.take().finalize(), Sha256::digest(lines), "{} rows", rows.len());
        }
    }
}
