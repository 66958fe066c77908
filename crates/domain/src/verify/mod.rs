//! Verifying a stored archive at one of two levels. It changes nothing.
//!
//! [`digest`] reads the stored object and compares it with its own summary and with its manifest. [`test_restore()`] also
//! restores it into a temporary database ([`scratch`]) and compares the rows that [`read_back`] finds there.
//! [`verification`] is the result for the archive's manifest.

mod read_back;
mod scratch;
mod test_restore;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campus_backup_archive as archive;
use campus_backup_archive::manifest::{Verification, VerificationLevel, VerificationResult};
use campus_backup_archive::{Keys, Manifest, Summary};

pub use self::scratch::sweep;
pub use self::test_restore::{TestRestored, test_restore};
use crate::error::{Error, Result};
use crate::job::{Phase, Progress};
use crate::open::{self, ArchiveSource, Checked};
use crate::priority::{self, Priority};
use crate::stats;

/// Reads the stored object to its end. It compares counts, digests, totals and references with the rows, and everything,
/// together with the object's size and digest, with the manifest, if there is one.
///
/// It reads on a blocking thread, in memory that does not grow with the rows. Dropping the future does not stop the
/// reading; cancelling the progress does.
///
/// # Errors
/// As [`open::check`]; [`Error::ManifestMismatch`] if the archive is complete but does not match its manifest.
pub async fn digest(
    source: &Arc<dyn ArchiveSource>,
    keys: &Keys,
    expected: Option<&Manifest>,
    progress: &Progress,
) -> Result<Checked> {
    progress.enter(Phase::Checking, expected.map(|manifest| manifest.total))?;
    let (source, keys, progress) = (Arc::clone(source), keys.clone(), progress.clone());
    let check = move || open::check(source.open()?, &keys, &progress);
    let checked = priority::run(Priority::Usual, "checking an archive", check).await??;
    if let Some(manifest) = expected {
        compare(&checked, manifest)?;
    }
    Ok(checked)
}

/// Ensures that an archive matches its manifest.
///
/// # Errors
/// [`Error::ManifestMismatch`] with the first difference.
pub fn compare(checked: &Checked, manifest: &Manifest) -> Result<()> {
    compare_summaries(&checked.summary, manifest)?;
    let (header, summary) = (&checked.header, &checked.summary);
    let (object, stored) = (&checked.object, &manifest.object);
    // Older manifests don't have the digest of the content.
    let is_digest_equal = manifest.digest.is_empty() || summary.digest == manifest.digest;
    let whole: [(&str, bool); 9] = [
        ("the moment that it shows", header.created_at == manifest.created_at),
        ("the engine of its rows", header.engine == manifest.engine),
        ("the version of its program", header.app_version == manifest.app_version),
        (
            "the version of its format",
            header.version.number() == manifest.archive_version,
        ),
        ("the number of all its rows", summary.total == manifest.total),
        ("the digest of its content", is_digest_equal),
        ("the size of the stored object", object.size == stored.size),
        ("the digest of the stored object", object.sha256 == stored.sha256),
        (
            "how the object is compressed or encrypted",
            (object.compression, object.encryption) == (stored.compression, stored.encryption),
        ),
    ];
    match whole.into_iter().find(|(_, is_equal)| !is_equal) {
        Some((what, _)) => Err(Error::ManifestMismatch { what: what.to_owned() }),
        None => Ok(()),
    }
}

/// Ensures that the summary of an archive matches its manifest.
///
/// # Errors
/// [`Error::ManifestMismatch`]
pub(crate) fn compare_summaries(summary: &Summary, manifest: &Manifest) -> Result<()> {
    let differing = first_difference("the number of rows of", &summary.rows, &manifest.rows)
        .or_else(|| first_difference("the digest of", &summary.sha256, &manifest.sha256))
        .or_else(|| first_difference("the sum of", &summary.totals, &manifest.totals));
    match differing {
        Some(what) => Err(Error::ManifestMismatch { what }),
        None => Ok(()),
    }
}

/// The first key that only one of the two has, or that has different values.
fn first_difference<V: PartialEq>(
    what: &str,
    found: &BTreeMap<String, V>,
    expected: &BTreeMap<String, V>,
) -> Option<String> {
    let differing = found.keys().chain(expected.keys());
    let mut differing = differing.filter(|key| found.get(*key) != expected.get(*key));
    differing.next().map(|key| format!("{what} {key}"))
}

/// The verification for a manifest: of a success the duration of the test restore, if there was one; of a failure its code.
/// None if the failure says nothing about the archive: it was cancelled, the disk was full, the store did not answer, or the
/// archive has a single table and can't be restored.
pub fn verification(
    level: VerificationLevel,
    took: Duration,
    outcome: Result<Option<Duration>, &Error>,
) -> Option<Verification> {
    let (result, code, restored_in) = match outcome {
        Ok(restored_in) => (VerificationResult::Ok, None, restored_in),
        Err(Error::Archive(archive::Error::Io(_)) | Error::TableNotFound(_)) => return None,
        Err(error) => (VerificationResult::Failed, Some(error.archive_code()?), None),
    };
    Some(Verification {
        at: stats::now(),
        level,
        result,
        code: code.map(str::to_owned),
        seconds: seconds(took),
        restore_seconds: restored_in.map(seconds),
    })
}

/// Rounded to milliseconds: such a number is the same after it was written as JSON and read again, which a signature needs.
fn seconds(took: Duration) -> f64 {
    f64::from(u32::try_from(took.as_millis()).unwrap_or(u32::MAX)) / 1_000.0
}

#[cfg(test)]
mod tests;
