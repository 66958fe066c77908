//! The counts, digests and sums of what was read, and their comparison with the summary.

use sha2::Sha256;

use super::row::ReaderTable;
use crate::error::{Digested, Error, Position, Result};
use crate::summary::{Summary, hexadecimal};
use crate::version::Version;

/// Its size depends on the number of tables, not of rows.
#[derive(Debug)]
pub(super) struct SummaryCheck {
    header: Sha256,
    found: Summary,
}

impl SummaryCheck {
    pub(super) fn new(version: Version, header: Sha256) -> Self {
        Self {
            header,
            found: Summary::of(version),
        }
    }

    pub(super) fn add(&mut self, table: &ReaderTable, digest: Sha256) {
        let digest = hexadecimal(digest);
        self.found.add(table.schema(), table.rows(), digest, table.totals());
    }

    /// Ensures that the line equals the summary of what was read, byte for byte.
    pub(super) fn compare(self, line: &[u8], position: impl Fn() -> Position) -> Result<Summary> {
        let Self { header, mut found } = self;
        let mut expected = b"\"summary\":".to_vec();
        expected.extend_from_slice(&found.seal(header));
        expected.push(b'}');
        if line == expected {
            return Ok(found);
        }
        let json = line
            .strip_prefix(b"\"summary\":")
            .and_then(|rest| rest.strip_suffix(b"}"));
        match json.map(serde_json::from_slice::<Summary>) {
            Some(Ok(promised)) if promised.escapes.is_some() == found.escapes.is_some() => {
                Err(difference(&promised, &found, position()))
            }
            _ => Err(Error::Corrupt {
                at: position(),
                problem: "not a summary as this version writes it",
            }),
        }
    }
}

/// The most important difference between two summaries.
fn difference(promised: &Summary, found: &Summary, at: Position) -> Error {
    for (table, rows) in &found.rows {
        let promised = promised.rows.get(table).copied().unwrap_or_default();
        if promised != *rows {
            return Error::CountMismatch {
                table: Some(table.clone()),
                promised,
                found: *rows,
            };
        }
    }
    if promised.total != found.total {
        return Error::CountMismatch {
            table: None,
            promised: promised.total,
            found: found.total,
        };
    }
    if let Some((table, _)) = found
        .sha256
        .iter()
        .find(|(table, digest)| promised.sha256.get(*table) != Some(digest))
    {
        return Error::DigestMismatch {
            what: Digested::Table(table.clone()),
        };
    }
    if let Some((column, _)) = found
        .totals
        .iter()
        .find(|(column, total)| promised.totals.get(*column) != Some(total))
    {
        return Error::TotalsMismatch { column: column.clone() };
    }
    if promised.escapes != found.escapes {
        return Error::Corrupt {
            at,
            problem: "the numbers of escapes are not those of the summary",
        };
    }
    let is_the_rest_equal =
        promised.rows == found.rows && promised.sha256 == found.sha256 && promised.totals == found.totals;
    if is_the_rest_equal && promised.digest != found.digest {
        return Error::DigestMismatch { what: Digested::Header };
    }
    if is_the_rest_equal {
        return Error::NotCanonical {
            at,
            problem: "a summary that is laid out otherwise",
        };
    }
    Error::Corrupt {
        at,
        problem: "a summary of tables or columns that the archive does not have",
    }
}
