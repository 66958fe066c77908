//! The summary at the end of an archive, which proves that it is complete.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Counts, digests and totals of everything before it. Keys are table names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Rows of all tables.
    pub total: u64,
    /// SHA-256, in lower-case hexadecimal, of each table's rows: every row's JSON followed by one line feed, the
    /// commas between rows left out.
    pub sha256: BTreeMap<String, String>,
    /// The sum of each decimal column, as `table.column`; a sum that no decimal can hold is left out.
    pub totals: BTreeMap<String, String>,
    /// SHA-256 of the header, which is every byte before the line `"tables":{`, followed by this summary's own JSON up
    /// to this member. So it covers all that the other digests don't, and names the whole document.
    pub digest: String,
}

impl Summary {
    /// Computes [`Summary::digest`] from the digest of the header's bytes, and returns the summary's JSON.
    pub(crate) fn seal(&mut self, mut header: Sha256) -> Vec<u8> {
        self.digest.clear();
        // Maps of texts and numbers always have a JSON form.
        let mut json = serde_json::to_vec(self).unwrap_or_default();
        json.truncate(json.len().saturating_sub(UNSEALED.len()));
        header.update(&json);
        self.digest = hexadecimal(header);
        json.extend_from_slice(b",\"digest\":\"");
        json.extend_from_slice(self.digest.as_bytes());
        json.extend_from_slice(b"\"}");
        json
    }
}

/// The end of a summary without its digest.
const UNSEALED: &[u8] = b",\"digest\":\"\"}";

/// The digest in hexadecimal.
pub(crate) fn hexadecimal(digest: Sha256) -> String {
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_json_equals_the_summary() {
        let mut summary = Summary {
            total: 7,
            ..Summary::default()
        };
        let json = summary.seal(Sha256::new());
        assert_eq!(json, serde_json::to_vec(&summary).unwrap());
        assert_eq!(serde_json::from_slice::<Summary>(&json).unwrap(), summary);
        let start = br#"{"rows":{},"total":7,"sha256":{},"totals":{}"#;
        let mut expected = Sha256::new();
        expected.update(start);
        assert_eq!(summary.digest, hexadecimal(expected));
    }
}
