//! Makes one copy: reads an archive from the first store, writes it into a destination, reads it back, and lists it there.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use campus_backup_archive::manifest::Object;
use campus_backup_archive::{Manifest, ManifestKey};
use sha2::{Digest as _, Sha256};

use super::fault::{CopyFailure, explained};
use crate::entity::archive::Model as Record;
use crate::error::{Error, Result};
use crate::open::ArchiveSource;
use crate::operations::ensure_same;
use crate::priority::{self, Priority};
use crate::store::{Store, StoreWriter, is_refusal};

/// How many bytes are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// After so many bytes they are forced to the disk, so that no step of a copy takes long without a byte that is moved.
const SYNC_BYTES: usize = 64 << 20;

/// The bytes that must stay free in a folder beside a copy.
const TO_SPARE: u64 = 4 << 20;

/// The note of a copy in a destination that lets nothing be overwritten.
const KEPT_FORMER: &str = "The archive was encrypted again, and the new file was copied. The destination lets nothing be overwritten, so the \
                           manifest of the copy names the former file, which the former key opens.";

const COPYING: &str = "copying an archive";
const READING_BACK: &str = "reading back a copy";

/// The progress of a transfer, for the task that keeps its claim.
#[derive(Debug, Default)]
pub(super) struct TransferProgress {
    moved: AtomicU64,
    is_stopped: AtomicBool,
}

impl TransferProgress {
    /// How many bytes were read or written so far.
    pub(super) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Ends the transfer at its next chunk.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// # Errors
    /// [`Error::Stopping`] if the transfer has to end.
    fn ensure_wanted(&self) -> Result<()> {
        match self.is_stopped.load(Ordering::Relaxed) {
            true => Err(Error::Stopping),
            false => Ok(()),
        }
    }
}

/// What a destination has of an archive.
enum Presence {
    /// Nothing that can be used.
    Absent,
    /// The archive file, without a manifest.
    Unlisted,
    /// An archive with this manifest.
    Listed(Arc<Manifest>),
    /// The same archive as it was before it was encrypted again: another file with the same content.
    Superseded,
}

/// The two ends of a copy.
pub(super) struct Transfer<'a> {
    pub(super) first: &'a Store,
    pub(super) destination: &'a Store,
    pub(super) manifest: &'a Arc<Manifest>,
    pub(super) progress: &'a Arc<TransferProgress>,
    /// The key that signs manifests.
    pub(super) key: &'a ManifestKey,
}

impl Transfer<'_> {
    /// Makes the copy, or proves the one that is there.
    ///
    /// 1. The archive in the first store must be the one of its record, if there is a record.
    /// 2. What the destination has is not written again. If it is another archive, it stays, and that is an error.
    /// 3. The bytes are copied, and must have the size and the digest of the manifest.
    /// 4. The copy is read back to its end, and must have them, too. Otherwise it is removed.
    /// 5. The manifest is written: only now the copy is an archive of that place.
    /// 6. If the archive was encrypted again, its former file is removed. Until step 5 it was the copy.
    ///
    /// The result is a note for administrators, if there is one: an immutable destination keeps the former file and its manifest beside
    /// the new file, and another attempt would not change that.
    ///
    /// # Errors
    /// The reason why there is no proven copy. Nothing that was there was changed.
    pub(super) async fn run(&self, record: Option<&Record>) -> Result<Option<&'static str>, CopyFailure> {
        let object = &self.manifest.object;
        if let Some(record) = record {
            ensure_same(record, self.manifest, self.key)
                .map_err(|error| CopyFailure::Archive(format!("In the first store, {error}. It is not copied.")))?;
        }
        let presence = self.presence().await?;
        let read_back = match &presence {
            Presence::Absent => None,
            Presence::Unlisted | Presence::Listed(_) | Presence::Superseded => self.read_back().await?,
        };
        let is_written = read_back.is_none();
        match read_back {
            None => self.write().await?,
            Some(found) if is_of(&found, object) => {}
            Some(_) => return Err(other_archive()),
        }
        let is_superseded = matches!(presence, Presence::Superseded);
        let note = self.list(presence).await?;
        if is_written || is_superseded {
            // A manifest that was there already has not ended it.
            self.destination.end_writing(&self.manifest.id).await;
        }
        if is_superseded
            && note.is_none()
            && let Err(error) = self.destination.remove_superseded(&self.manifest.id).await
        {
            tracing::info!(id = self.manifest.id, %error, "the former file of a copy stays for now");
        }
        Ok(note)
    }

    async fn presence(&self) -> Result<Presence, CopyFailure> {
        let id = &self.manifest.id;
        match self.destination.manifest(id).await {
            Ok(there) if is_same_file(&there, self.manifest) => Ok(Presence::Listed(there)),
            Ok(there) if is_same_content(&there, self.manifest) => Ok(Presence::Superseded),
            Ok(_) => Err(other_archive()),
            Err(Error::ArchiveNotFound { .. } | Error::ArchiveGone { .. }) => Ok(Presence::Absent),
            Err(Error::ArchiveIncomplete { .. }) => match self.destination.file_of(id).await {
                Ok(file) if file == self.manifest.file() => Ok(Presence::Unlisted),
                Ok(_) => Err(other_archive()),
                Err(error) => Err(CopyFailure::of_destination(&error)),
            },
            Err(error) => Err(CopyFailure::of_destination(&error)),
        }
    }

    /// Writes the archive file, and proves it.
    async fn write(&self) -> Result<(), CopyFailure> {
        let (object, id) = (self.manifest.object.clone(), &self.manifest.id);
        let file = self.manifest.file();
        if let Some(largest) = self.destination.largest_archive()
            && object.size > largest
        {
            return Err(CopyFailure::Archive(format!(
                "The archive is too large for this destination, which takes {} GiB at most.",
                largest >> 30
            )));
        }
        self.ensure_room(&object).await?;
        let removed = self.destination.remove_remains(id).await;
        removed.map_err(|error| CopyFailure::of_destination(&error))?;
        let incoming = self.destination.create(id, file).await;
        let incoming = incoming.map_err(|error| CopyFailure::of_destination(&error))?;
        let (source, progress) = (self.first.source(id, file), self.progress.clone());
        let copied = priority::run(Priority::Low, COPYING, move || {
            transfer(source.as_ref(), incoming, &object, &progress)
        });
        let copied = copied.await.map_err(|error| CopyFailure::of_destination(&error))??;
        let finished = copied.finish().await;
        finished.map_err(|error| CopyFailure::of_destination(&error))?;
        let read_back = self.read_back().await;
        if let Ok(Some(found)) = &read_back
            && is_of(found, &self.manifest.object)
        {
            return Ok(());
        }
        if let Err(error) = self.destination.discard(id, file).await {
            tracing::warn!(id, %error, "a copy that could not be proven was not removed; it is not listed");
        }
        match read_back? {
            Some(_) => Err(CopyFailure::Archive(
                "The copy was read back, and was not what was written. It was removed.".to_owned(),
            )),
            None => Err(CopyFailure::Archive(
                "The copy was written, and could not be found afterwards.".to_owned(),
            )),
        }
    }

    /// Ensures that a folder has room for the copy.
    async fn ensure_room(&self, object: &Object) -> Result<(), CopyFailure> {
        let room = self.destination.room().await;
        let room = room.map_err(|error| CopyFailure::of_destination(&error))?;
        match room {
            Some(free) if free < object.size.saturating_add(TO_SPARE) => {
                let full = explained(&Error::InsufficientStorage {
                    doing: COPYING,
                    source: "there is no room for the archive".into(),
                });
                Err(CopyFailure::Destination(format!(
                    "{full} {} MiB are free, and the archive has {} MiB.",
                    free >> 20,
                    object.size.div_ceil(1 << 20)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Reads the archive file of the destination to its end, and returns its size and digest; none if there is none.
    async fn read_back(&self) -> Result<Option<(u64, String)>, CopyFailure> {
        let source = self.destination.source(&self.manifest.id, self.manifest.file());
        let progress = self.progress.clone();
        let measured = priority::run(Priority::Low, READING_BACK, move || measure(source.as_ref(), &progress));
        match measured.await.flatten() {
            Ok(found) => Ok(Some(found)),
            Err(Error::ArchiveNotFound { .. } | Error::ArchiveGone { .. } | Error::ArchiveIncomplete { .. }) => {
                Ok(None)
            }
            Err(error) => Err(CopyFailure::of_destination(&error)),
        }
    }

    /// Lists the proven copy. The result is that of [`Transfer::run`].
    async fn list(&self, presence: Presence) -> Result<Option<&'static str>, CopyFailure> {
        self.progress
            .ensure_wanted()
            .map_err(|error| CopyFailure::of_destination(&error))?;
        match presence {
            Presence::Absent | Presence::Unlisted => {
                let listed = self.destination.put_manifest(self.manifest).await;
                listed.map_err(|error| CopyFailure::of_destination(&error))?;
                Ok(None)
            }
            Presence::Listed(there) if there == *self.manifest => Ok(None),
            Presence::Listed(_) => {
                let updated = update_manifest(self.destination, self.manifest).await;
                updated.map_err(|error| CopyFailure::of_destination(&error))?;
                Ok(None)
            }
            Presence::Superseded => match replace_manifest(self.destination, self.manifest).await {
                Ok(()) => Ok(None),
                Err(error) if is_refusal(&error) => {
                    tracing::info!(id = self.manifest.id, %error, "{KEPT_FORMER}");
                    Ok(Some(KEPT_FORMER))
                }
                Err(error) => Err(CopyFailure::of_destination(&error)),
            },
        }
    }
}

/// Makes the manifest of a copy equal to that of its archive: label, note, protection and verifications may have changed. A
/// destination that lets nothing be overwritten keeps the former one.
///
/// # Errors
/// Errors of the destination.
pub(super) async fn update_manifest(destination: &Store, manifest: &Arc<Manifest>) -> Result<ManifestUpdate> {
    let mut outcome = ManifestUpdate::Written;
    let updated = destination.update(&manifest.id, |there| {
        if is_same_file(there, manifest) {
            there.clone_from(manifest);
        } else {
            // The manifest must name the file that is there.
            outcome = ManifestUpdate::OtherFile;
        }
        Ok(())
    });
    match updated.await {
        Err(error) if is_refusal(&error) => Ok(ManifestUpdate::Written),
        updated => updated.map(|_| outcome),
    }
}

/// The outcome of an update of the manifest of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ManifestUpdate {
    /// It is that of the archive, unless the destination does not allow overwriting.
    Written,
    /// It was not changed: the archive was encrypted again, and the copy has its former file.
    OtherFile,
}

/// Writes a manifest of a copy that names the new file of its archive. The file is in the destination, and was read back.
async fn replace_manifest(destination: &Store, manifest: &Arc<Manifest>) -> Result<()> {
    let replaced = destination.update(&manifest.id, |there| {
        there.clone_from(manifest);
        Ok(())
    });
    replaced.await.map(drop)
}

/// Whether two manifests name the same file with the same bytes.
fn is_same_file(one: &Manifest, other: &Manifest) -> bool {
    (one.file(), &one.object) == (other.file(), &other.object)
}

/// Whether two manifests are of one archive, as it was before and after it was encrypted again.
fn is_same_content(one: &Manifest, other: &Manifest) -> bool {
    !one.digest.is_empty()
        && (&one.digest, &one.sha256, one.created_at) == (&other.digest, &other.sha256, other.created_at)
        && one.file_number != other.file_number
}

/// SHA-256 of a manifest, to see whether it has changed.
pub(super) fn manifest_digest(manifest: &Manifest) -> String {
    hex::encode(Sha256::digest(manifest.to_json()))
}

fn other_archive() -> CopyFailure {
    CopyFailure::Archive(
        "The destination has another archive with this id. It was not changed. Find out where it comes from, and remove it \
         there."
            .to_owned(),
    )
}

fn is_of((size, sha256): &(u64, String), object: &Object) -> bool {
    (*size, sha256) == (object.size, &object.sha256)
}

/// Copies the bytes of an archive, which must be those of its manifest. It blocks.
fn transfer(
    source: &dyn ArchiveSource,
    incoming: StoreWriter,
    expected: &Object,
    progress: &TransferProgress,
) -> Result<StoreWriter, CopyFailure> {
    let mut writer = incoming.into_writer();
    let (mut failed_write, mut unsynced) = (None, 0);
    let measured = read_to_end(source, progress, |chunk| {
        unsynced += chunk.len();
        let written = writer.write_all(chunk).map_err(Error::io(COPYING)).and_then(|()| {
            if unsynced < SYNC_BYTES {
                return Ok(());
            }
            unsynced = 0;
            writer.sync()
        });
        written.map_err(|error| {
            failed_write = Some(error);
            Error::Gone
        })
    });
    if let Some(error) = failed_write {
        return Err(CopyFailure::of_destination(&error));
    }
    let measured = measured.map_err(|error| match error {
        Error::Stopping => CopyFailure::Interrupted,
        error => CopyFailure::of_first_store(&error),
    })?;
    if !is_of(&measured, expected) {
        return Err(CopyFailure::Archive(
            "The archive in the first store is damaged: it is not what its manifest says. It was not copied. Verify it.".to_owned(),
        ));
    }
    writer
        .into_incoming()
        .map_err(|error| CopyFailure::of_destination(&error))
}

/// The size and the digest of an archive file. It blocks.
fn measure(source: &dyn ArchiveSource, progress: &TransferProgress) -> Result<(u64, String)> {
    read_to_end(source, progress, |_| Ok(()))
}

/// Reads an archive file to its end, and returns its size and digest.
fn read_to_end(
    source: &dyn ArchiveSource,
    progress: &TransferProgress,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<(u64, String)> {
    let mut reader = source.open()?;
    let (mut size, mut digest) = (0_u64, Sha256::new());
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        progress.ensure_wanted()?;
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io(COPYING)(error)),
        };
        let chunk = &buffer[..read];
        digest.update(chunk);
        take(chunk)?;
        size += read as u64;
        progress.add(read);
    }
    Ok((size, hex::encode(digest.finalize())))
}
