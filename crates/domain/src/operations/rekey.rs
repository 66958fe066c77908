//! Encrypting an archive again, with the current keys.
//!
//! The archive is replaced in one step, so that a crash at any moment leaves an archive that can be read:
//!
//! 1. The archive is read to its end and compared with its manifest and its record.
//! 2. Its document is written with the current keys into a second file, and opened while it is written: it must have the same
//!    content. The file is read back.
//! 3. The record gets the digest of the second file, beside that of the first. Both are now the archive's.
//! 4. The manifest names the second file, and has one more verification: the reading of step 2. This one write replaces the archive. The job can't be
//!    cancelled any more. If the store's answer is lost, both files stay, and so do both digests in the record.
//! 5. The record forgets the first file, copies in destinations are made again, and the first file is removed. A failure here is
//!    logged: the archive is whole, and a sweep removes the file later. A file is removed only while the one that the manifest
//!    names is there.
//!
//! The id of the archive, its annotations and its verifications stay.

use std::io::Read as _;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use campus_backup_archive::manifest::{MAX_FILE_NUMBER, Object, Verification, VerificationLevel};
use campus_backup_archive::{self as archive, Keys, Limits, Manifest, ManifestKey, ObjectFile, Summary, document};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::Operations;
use super::backup::{TO_SPARE, ensure_free_bytes};
use super::pipeline::{CHUNK_BYTES, PipelineChunk, send};
use super::records::ensure_is_recorded;
use super::verify::add_verification;
use crate::account::Admin;
use crate::destination;
use crate::entity::archive::Model as Record;
use crate::entity::job::{Column, Entity as Jobs, JobKind, JobState};
use crate::error::{Error, Result};
use crate::job::{
    Context, Idempotency, JobParameters, JobResult, Lock, Phase, Progress, RekeyParameters, RekeyReport, Submission,
    Submitted, work,
};
use crate::open::ArchiveSource;
use crate::priority::{self, Priority};
use crate::verify::{digest, verification};

const DOING: &str = "encrypting an archive again";

impl Operations {
    /// Starts to encrypt an archive again with the keys of the settings: a job whose result is a [`RekeyReport`].
    ///
    /// # Errors
    /// Then there is no job: [`Error::Invalid`] if the settings encrypt nothing; [`Error::RecordMismatch`]; a key that is missing
    /// or wrong; [`Error::Busy`] if a job uses the archive or changes the live data; those of
    /// [`Store::manifest`](crate::store::Store::manifest) and of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn rekey(&self, admin: &Admin, id: &str, idempotency: Option<Idempotency>) -> Result<Submitted> {
        if self.0.layers.recipients.is_empty() {
            return Err(Error::Invalid {
                field: "archive_recipients",
                problem: "must name a key: the settings do not encrypt archives".to_owned(),
            });
        }
        let manifest = self.0.store.manifest(id).await?;
        self.ensure_recorded(&manifest).await?;
        self.ensure_opens_file(id, manifest.file()).await?;
        self.ensure_unused(id).await?;
        let submission = Submission {
            parameters: JobParameters::Rekey(RekeyParameters {
                archive_id: id.to_owned(),
            }),
            idempotency,
            // Restores, undos and other jobs that encrypt archives again hold it, too.
            lock: Lock::WriterLease,
        };
        let (operations, id) = (self.clone(), id.to_owned());
        let work = work(async move |context| operations.run_rekey(&id, &context).await);
        self.0.jobs.submit(admin, submission, work).await
    }

    /// Whether an archive is encrypted to exactly the keys that new archives are encrypted to, as far as its manifest says.
    pub fn has_current_keys(&self, manifest: &Manifest) -> bool {
        let (mut current, mut of_archive) = (self.fingerprints(), manifest.recipients.clone());
        current.sort();
        of_archive.sort();
        current == of_archive
    }

    /// # Errors
    /// [`Error::Busy`] if a verification of the archive has not ended. Other jobs that read archives hold the lease.
    async fn ensure_unused(&self, id: &str) -> Result<()> {
        let user = Jobs::find()
            .filter(Column::State.is_in(JobState::ACTIVE))
            .filter(Column::Kind.eq(JobKind::Verify))
            // An id has no character with a meaning in a pattern.
            .filter(Column::Parameters.contains(id))
            .one(self.0.database.connection())
            .await
            .map_err(Error::database("looking for jobs that use an archive"))?;
        user.map_or(Ok(()), |job| Err(Error::Busy { job_id: job.id }))
    }

    async fn run_rekey(&self, id: &str, context: &Context) -> Result<JobResult> {
        let progress = context.progress();
        let manifest = self.0.store.manifest(id).await?;
        let (record, key) = (self.ensure_recorded(&manifest).await?, self.manifest_key().await?);
        let (source, began) = (self.source(&manifest), Instant::now());
        let checked = digest(&source, &self.0.settings.keys, Some(&manifest), progress).await?;
        if let Some(record) = &record {
            ensure_is_recorded(record, Some(&manifest), key, &checked)?;
        }
        let file = ObjectFile {
            form: self.0.layers.form(),
            number: another_number(manifest.file_number),
        };
        let object = self.write_again(&manifest, file, &checked.summary, progress).await?;
        let recorded = async {
            let recorded = self.record_rekeying(record.as_ref(), &manifest, &object).await?;
            // A cancelled job changes nothing.
            progress.commit()?;
            Ok(recorded)
        };
        let record = match recorded.await {
            Ok(record) => record,
            Err(error) => {
                self.discard_file(id, file).await;
                return Err(error);
            }
        };
        let verified = verification(VerificationLevel::Digest, began.elapsed(), Ok(None));
        self.name_file(&manifest, file, &object, verified, key).await?;
        self.finish_rekey(id, record.as_ref(), &object).await;
        Ok(JobResult::Rekey(RekeyReport {
            archive_id: id.to_owned(),
            size: object.size,
            recipients: self.fingerprints(),
        }))
    }

    /// Writes the document of an archive into another file with the current keys, and reads the file back.
    async fn write_again(
        &self,
        manifest: &Manifest,
        file: ObjectFile,
        content: &Summary,
        progress: &Progress,
    ) -> Result<Object> {
        progress.enter(Phase::Encrypting, None)?;
        if let Some(free) = self.0.store.room().await? {
            ensure_free_bytes(free, manifest.object.size.saturating_add(TO_SPARE))?;
        }
        let id = &manifest.id;
        let incoming = self.0.store.create(id, file).await?;
        let (source, keys) = (self.source(manifest), self.0.settings.keys.clone());
        let told = progress.clone();
        let produce = async |queue| {
            let copy = move || copy_document(&*source, &keys, &queue, &told);
            priority::run(Priority::Low, DOING, copy).await.flatten()
        };
        let ((), written) = self.seal(produce, incoming, Priority::Low, progress).await?;
        let (measurement, checked) = written.finish(content).await?;
        let read_back = self.read_back(id, file, measurement, content.total, Priority::Low, progress);
        if let Err(error) = read_back.await {
            self.discard_file(id, file).await;
            return Err(error);
        }
        Ok(checked.object)
    }

    /// Makes another file the archive's, if the archive is still as it was read.
    ///
    /// # Errors
    /// If nothing was written, the file was removed. [`Error::RekeyUnknown`] if the manifest may name it, now or later: then the file
    /// stays, and a sweep removes the one that the manifest does not name.
    async fn name_file(
        &self,
        before: &Manifest,
        file: ObjectFile,
        object: &Object,
        verified: Option<Verification>,
        key: &ManifestKey,
    ) -> Result<()> {
        let recipients = self.fingerprints();
        let mut may_be_written = false;
        let change = |manifest: &mut Manifest| {
            let current = (manifest.file(), manifest.object.clone());
            if current == (file, object.clone()) {
                // An earlier attempt has written it, and another change came after that.
                return Ok(());
            }
            if current != (before.file(), before.object.clone()) {
                return Err(Error::internal(DOING)("the archive was replaced meanwhile"));
            }
            may_be_written = true;
            if !key.has_signed(manifest) {
                manifest.verifications.clear();
            }
            manifest.object = object.clone();
            manifest.set_file_number(file.number);
            manifest.recipients.clone_from(&recipients);
            if let Some(verified) = &verified {
                manifest.rekeyed_at = Some(verified.at);
                add_verification(manifest, verified.clone());
            }
            key.sign(manifest);
            Ok(())
        };
        let Err(error) = self.0.store.update(&before.id, change).await else {
            return Ok(());
        };
        if !may_be_written {
            self.discard_file(&before.id, file).await;
            return Err(error);
        }
        // The manifest may be stored although the answer was lost, or be stored later.
        self.0.store.end_writing(&before.id).await;
        match self.0.store.manifest(&before.id).await {
            Ok(there) if there.file() == file && there.object == *object => Ok(()),
            // A sweep removes what is left of it.
            Err(gone @ Error::ArchiveGone { .. }) => Err(gone),
            _ => {
                tracing::warn!(id = before.id, %error, "it is not known whether an archive was encrypted again");
                Err(Error::RekeyUnknown {
                    source: Box::new(error),
                })
            }
        }
    }

    /// What follows when the manifest names the new file. A failure leaves nothing that is wrong.
    async fn finish_rekey(&self, id: &str, record: Option<&Record>, object: &Object) {
        if let Err(error) = self.record_object(record, object).await {
            tracing::warn!(id, %error, "the record of an archive still has its former file, too");
        }
        let copies = destination::copy_again(&self.0.database, id, object.size);
        if let Err(error) = copies.await {
            tracing::warn!(id, %error, "the copies of an archive that was encrypted again are made again later");
        }
        self.0.store.end_writing(id).await;
        if let Err(error) = self.0.store.remove_superseded(id).await {
            tracing::warn!(id, %error, "the former file of an archive was not removed; it will be removed later");
        }
    }
}

/// A number that the file of the archive does not have.
fn another_number(current: u32) -> u32 {
    loop {
        let number = rand::random_range(1..=MAX_FILE_NUMBER);
        if number != current {
            return number;
        }
    }
}

/// Sends the document of an archive. It blocks.
fn copy_document(
    source: &dyn ArchiveSource,
    keys: &Keys,
    queue: &SyncSender<PipelineChunk>,
    progress: &Progress,
) -> Result<()> {
    let mut document = document(source.open()?, keys, &Limits::default())?;
    loop {
        progress.advance(0)?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = document.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let read = read.map_err(|error| match error.downcast::<archive::Error>() {
            Ok(error) => Error::from(error),
            Err(error) => Error::io(DOING)(error),
        })?;
        if read == 0 {
            return send(queue, PipelineChunk::End);
        }
        send(queue, PipelineChunk::Bytes(chunk))?;
    }
}
