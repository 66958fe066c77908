//! The summary at the end of an archive, which proves that it is complete.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::schema::TableSchema;
use crate::totals::TableTotals;
use crate::version::Version;

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
    /// The sum of each decimal column, as `table.column` (see [`column_key`]); a sum that no decimal can hold is left
    /// out. In version 2 also the sum of each column of reals with [`Column::has_total`](crate::Column::has_total).
    pub totals: BTreeMap<String, String>,
    /// How many values of each column are escapes, as `table.column`, columns without escapes left out. Version 1 does
    /// not count them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub escapes: Option<BTreeMap<String, u64>>,
    /// SHA-256 of the header, which is every byte before the line `"tables":{`, followed by this summary's own JSON up
    /// to this member. So it covers all that the other digests don't, and names the whole document.
    pub digest: String,
}

/// A key of a summary for a column: `table.column`. In both names a `\\` stands before each `.` and `\\`, so that
/// different columns never have the same key. No name of version 1 has such characters.
pub fn column_key(table: &str, column: &str) -> String {
    let mut key = String::with_capacity(table.len() + column.len() + 1);
    for (position, name) in [table, column].into_iter().enumerate() {
        if position > 0 {
            key.push('.');
        }
        for character in name.chars() {
            if matches!(character, '.' | '\\') {
                key.push('\\');
            }
            key.push(character);
        }
    }
    key
}

/// A `null` is not the absence of the member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, u64>>, D::Error> {
    BTreeMap::deserialize(deserializer).map(Some)
}

impl Summary {
    /// That of an archive without tables.
    pub(crate) fn of(version: Version) -> Self {
        Self {
            escapes: (version >= Version::Two).then(BTreeMap::new),
            ..Self::default()
        }
    }

    /// Adds a table.
    pub(crate) fn add(&mut self, table: &TableSchema, rows: u64, sha256: String, totals: &TableTotals) {
        self.rows.insert(table.name.clone(), rows);
        self.total += rows;
        self.sha256.insert(table.name.clone(), sha256);
        totals.record(table, self);
    }

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
    fn keys_of_different_columns_differ() {
        assert_eq!(column_key("payments", "amount_paid"), "payments.amount_paid");
        assert_eq!(column_key("a.b", "c"), r"a\.b.c");
        assert_eq!(column_key("a", "b.c"), r"a.b\.c");
        assert_eq!(column_key(r"a\", ".b"), r"a\\.\.b");
    }

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
