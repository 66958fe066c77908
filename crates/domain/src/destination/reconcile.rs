//! Compares the archives of the first store with the rows of copies: which copies are missing, and which are to be deleted.
//!
//! The listing of the first store alone deletes nothing, because it is also empty when a disk is away or when `--archives` names
//! another place. A copy is deleted only if the first store has a tombstone of its archive, and not one from before the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campus_backup_archive::Manifest;
use chrono::{DateTime, TimeDelta, Utc};

use super::rows::{self, StateChange};
use super::transfer::manifest_digest;
use crate::database::Database;
use crate::entity::archive_copy::{CopyState, Model as CopyRow};
use crate::entity::destination::Model as Destination;
use crate::error::Result;
use crate::store::Store;

/// The clocks of the service and of the first store may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A copy whose manifest differs from that of its archive.
#[derive(Clone, Debug)]
pub(super) struct OutdatedManifest {
    /// The id of the row.
    pub(super) copy_id: i64,
    pub(super) manifest: Arc<Manifest>,
}

/// What a comparison has found for each destination, beside the changes that it has written.
pub(super) type OutdatedManifests = BTreeMap<i64, Vec<OutdatedManifest>>;

/// The states in which rows are forgotten.
const UNPROVEN: [CopyState; 4] = [
    CopyState::Pending,
    CopyState::Failed,
    CopyState::Deleting,
    CopyState::Retained,
];

/// What is to be written about the copies of one destination.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// Archives without a row, with their size.
    missing: Vec<(String, u64)>,
    /// Copies that are to be made (again).
    to_copy: Vec<i64>,
    /// Copies that are to be deleted.
    to_delete: Vec<i64>,
    /// Copies that stay although their archive was deleted, because the destination keeps copies now.
    to_keep: Vec<i64>,
    /// Rows of unverified copies that can't be made any more.
    to_forget: Vec<i64>,
}

/// Makes the rows of copies agree with the first store.
///
/// # Errors
/// Errors of the first store, and database errors. Nothing is wrong with what was written before.
pub(super) async fn reconcile(
    database: &Database,
    first: &Store,
    destinations: &[Destination],
    now: DateTime<Utc>,
) -> Result<OutdatedManifests> {
    let listing = first.list().await?;
    let unreadable: BTreeSet<_> = listing.unreadable.iter().map(|entry| entry.id.as_str()).collect();
    let present: BTreeMap<_, _> = listing
        .archives
        .iter()
        .map(|manifest| (manifest.id.as_str(), manifest))
        .collect();
    let digests: BTreeMap<_, _> = present
        .iter()
        .map(|(id, manifest)| (*id, manifest_digest(manifest)))
        .collect();
    let (mut deleted, none) = (None, BTreeMap::new());
    let mut outdated = OutdatedManifests::new();
    for destination in destinations {
        let copies = rows::of_destination(database, destination.id).await?;
        let is_absent = |copy: &CopyRow| {
            !present.contains_key(copy.archive_id.as_str()) && !unreadable.contains(copy.archive_id.as_str())
        };
        // Read only if there is a reason to do so.
        if deleted.is_none() && copies.iter().any(is_absent) {
            deleted = Some(first.deleted().await?);
        }
        let tombstones = deleted.as_ref().unwrap_or(&none);
        let changes = changes(destination, &copies, &present, &unreadable, tombstones);
        write(database, destination.id, &changes, now).await?;
        let of_destination = copies.iter().filter_map(|copy| {
            let manifest = present.get(copy.archive_id.as_str())?;
            let is_current = copy.manifest_digest.as_ref() == digests.get(copy.archive_id.as_str());
            (copy.state == CopyState::Copied && !is_current).then(|| OutdatedManifest {
                copy_id: copy.id,
                manifest: Arc::clone(manifest),
            })
        });
        outdated.insert(destination.id, of_destination.collect());
    }
    Ok(outdated)
}

fn changes(
    destination: &Destination,
    copies: &[CopyRow],
    present: &BTreeMap<&str, &Arc<Manifest>>,
    unreadable: &BTreeSet<&str>,
    deleted: &BTreeMap<String, DateTime<Utc>>,
) -> Changes {
    let known: BTreeSet<_> = copies.iter().map(|copy| copy.archive_id.as_str()).collect();
    let missing = present.iter().filter(|(id, _)| !known.contains(*id));
    let mut changes = Changes {
        missing: missing
            .map(|(id, manifest)| ((*id).to_owned(), manifest.object.size))
            .collect(),
        ..Changes::default()
    };
    for copy in copies {
        let id = copy.archive_id.as_str();
        let is_to_delete = CopyState::TO_DELETE.contains(&copy.state);
        if present.contains_key(id) {
            if is_to_delete {
                // The archive was copied back.
                changes.to_copy.push(copy.id);
            }
        } else if unreadable.contains(id) {
            // It may be readable again, and its copies may be all that is left.
        } else if is_to_delete {
            if !destination.deletes {
                // An unverified copy does not count.
                match copy.copied_at {
                    Some(_) => changes.to_keep.push(copy.id),
                    None => changes.to_forget.push(copy.id),
                }
            }
        } else if CopyState::TO_COPY.contains(&copy.state) && copy.attempts == 0 {
            changes.to_forget.push(copy.id);
        } else if destination.deletes && deleted.get(id).is_some_and(|at| is_after_copy(*at, copy)) {
            changes.to_delete.push(copy.id);
        } else if CopyState::TO_COPY.contains(&copy.state) {
            // An attempt may have made it, but it was not verified.
            changes.to_forget.push(copy.id);
        }
    }
    changes
}

/// Whether an archive was deleted after its copy was made: a former tombstone says nothing about an archive that came back.
fn is_after_copy(deleted_at: DateTime<Utc>, copy: &CopyRow) -> bool {
    copy.copied_at
        .is_none_or(|copied_at| deleted_at + CLOCK_TOLERANCE > copied_at)
}

async fn write(database: &Database, destination_id: i64, changes: &Changes, now: DateTime<Utc>) -> Result<()> {
    rows::insert(database, destination_id, &changes.missing, now).await?;
    for (ids, change) in [
        (
            &changes.to_copy,
            StateChange {
                from: &CopyState::TO_DELETE,
                to: CopyState::Pending,
            },
        ),
        (
            &changes.to_keep,
            StateChange {
                from: &CopyState::TO_DELETE,
                to: CopyState::Copied,
            },
        ),
        (
            &changes.to_delete,
            StateChange {
                from: &[CopyState::Copied, CopyState::Pending, CopyState::Failed],
                to: CopyState::Deleting,
            },
        ),
    ] {
        rows::change_state(database, ids, change, now).await?;
    }
    rows::forget(database, &changes.to_forget, &UNPROVEN, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: &str = "2026-11-28T02-00-00Z-00000001";
    const GONE: &str = "2026-11-28T02-00-00Z-00000002";
    const LOST: &str = "2026-11-28T02-00-00Z-00000003";
    const DAMAGED: &str = "2026-11-28T02-00-00Z-00000004";

    fn destination(deletes: bool) -> Destination {
        Destination {
            id: 1,
            name: "off-site".to_owned(),
            url: "s3://school".to_owned(),
            endpoint: None,
            region: None,
            access_key_id: None,
            secret: None,
            deletes,
            enabled: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            created_by: "admin".to_owned(),
            idempotency_key: None,
            fingerprint: None,
            failures: 0,
            retry_at: None,
            last_copied_at: None,
            last_error: None,
            failing_since: None,
        }
    }

    fn copy(id: i64, archive_id: &str, state: CopyState, attempts: i64) -> CopyRow {
        CopyRow {
            id,
            destination_id: 1,
            archive_id: archive_id.to_owned(),
            state,
            attempts,
            next_attempt_at: DateTime::UNIX_EPOCH,
            claimed_until: None,
            size: None,
            manifest_digest: None,
            error: None,
            created_at: DateTime::UNIX_EPOCH,
            copied_at: None,
            retained_since: None,
        }
    }

    fn manifest(id: &str) -> Arc<Manifest> {
        let json = serde_json::json!({
            "format": "campus-backup-manifest", "version": 1, "id": id, "created_at": DateTime::UNIX_EPOCH,
            "app_version": "1.2.3", "engine": "sqlite", "archive_version": 1, "kind": "created", "rows": {}, "total": 0,
            "sha256": {}, "totals": {}, "digest": "",
            "object": {"size": 17, "sha256": "", "compression": "zstd", "encryption": "none"},
            "contains_password_hashes": true,
        });
        Arc::new(Manifest::from_json(json.to_string().as_bytes()).unwrap())
    }

    fn deleted_at() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(1)
    }

    /// A copy that was proven, so long after the archive was deleted.
    fn proven(copy: CopyRow, later: TimeDelta) -> CopyRow {
        CopyRow {
            copied_at: Some(deleted_at() + later),
            ..copy
        }
    }

    /// The changes for these copies: `THERE` is listed, `GONE` was deleted, `LOST` is neither, and `DAMAGED` can't be read.
    fn changes_of(destination: &Destination, copies: &[CopyRow]) -> Changes {
        let there = manifest(THERE);
        changes(
            destination,
            copies,
            &BTreeMap::from([(THERE, &there)]),
            &BTreeSet::from([DAMAGED]),
            &BTreeMap::from([(GONE.to_owned(), deleted_at())]),
        )
    }

    #[test]
    fn copies_are_deleted_only_if_the_first_store_remembers_the_deletion() {
        let copies = [
            copy(1, THERE, CopyState::Copied, 1),
            copy(2, GONE, CopyState::Copied, 1),
            copy(3, LOST, CopyState::Copied, 1),
            copy(4, DAMAGED, CopyState::Copied, 1),
        ];
        let expected = Changes {
            to_delete: vec![2],
            ..Changes::default()
        };
        assert_eq!(changes_of(&destination(true), &copies), expected);
        assert_eq!(changes_of(&destination(false), &copies), Changes::default());
    }

    #[test]
    fn copies_that_were_not_made_are_added_or_forgotten() {
        let expected = Changes {
            missing: vec![(THERE.to_owned(), 17)],
            ..Changes::default()
        };
        assert_eq!(changes_of(&destination(true), &[]), expected);
        let copies = [
            copy(1, THERE, CopyState::Pending, 0),
            copy(2, GONE, CopyState::Pending, 0),
            // It may have been made by an attempt whose end was not written.
            copy(3, GONE, CopyState::Failed, 1),
            copy(4, LOST, CopyState::Failed, 1),
            copy(5, DAMAGED, CopyState::Failed, 1),
        ];
        let expected = Changes {
            to_delete: vec![3],
            to_forget: vec![2, 4],
            ..Changes::default()
        };
        assert_eq!(changes_of(&destination(true), &copies), expected);
    }

    #[test]
    fn deletions_end_when_the_archive_or_the_setting_comes_back() {
        let copies = [
            copy(1, THERE, CopyState::Deleting, 2),
            copy(2, GONE, CopyState::Retained, 2),
        ];
        let mut expected = Changes {
            to_copy: vec![1],
            ..Changes::default()
        };
        assert_eq!(changes_of(&destination(true), &copies), expected);
        // It is unknown whether there is a copy.
        expected.to_forget = vec![2];
        assert_eq!(changes_of(&destination(false), &copies), expected);
        let copies = copies.map(|copy| proven(copy, -TimeDelta::hours(1)));
        (expected.to_forget, expected.to_keep) = (vec![], vec![2]);
        assert_eq!(changes_of(&destination(false), &copies), expected);
    }

    #[test]
    fn tombstone_from_before_a_copy_does_not_count() {
        let made = |later| [proven(copy(1, GONE, CopyState::Copied, 2), later)];
        let changes_of = |later| changes_of(&destination(true), &made(later)).to_delete;
        assert_eq!(changes_of(-TimeDelta::hours(1)), [1]);
        assert_eq!(changes_of(CLOCK_TOLERANCE - TimeDelta::seconds(1)), [1]);
        assert_eq!(changes_of(CLOCK_TOLERANCE), [0_i64; 0]);
    }
}
