//! What stands at the end of an archive and proves it whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts, digests and totals of everything that came before. Keys are table names.
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
    /// The sum of each decimal column, as `table.column`.
    pub totals: BTreeMap<String, String>,
}
