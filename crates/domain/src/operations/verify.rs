//! Verifying a stored archive, and storing the result in its manifest.

use std::sync::Arc;
use std::time::Instant;

use campus_backup_archive as archive;
use campus_backup_archive::manifest::{ArchiveKind, Verification, VerificationLevel};
use campus_backup_archive::{Manifest, ManifestError, ObjectFile};

use super::records::{Proof, ensure_is_recorded, kind_of};
use super::upload::ensure_all_tables;
use super::{Operations, StoredArchives};
use crate::account::Actor;
use crate::error::{Error, Result};
use crate::job::{
    Idempotency, JobParameters, JobResult, Lock, Progress, Submission, Submitted, VerifyParameters, VerifyReport, Work,
    work,
};
use crate::open::Checked;
use crate::store::EntryFault;
use crate::verify::{compare, digest, test_restore, verification};

/// How many verifications a manifest keeps; the oldest are removed.
const REMEMBERED: usize = 20;

impl Operations {
    /// Starts to verify an archive: a job whose result is a [`VerifyReport`] with the verification that the manifest then has. If the archive is
    /// damaged, the job fails, and the manifest gets a failed verification.
    ///
    /// If the manifest is missing or damaged and the archive is complete, the manifest is created again. The archive is then
    /// listed with the kind of its record, or without a record as an upload by `actor`.
    ///
    /// The manifest is signed, with the earlier verifications that this installation has signed and the new one.
    ///
    /// # Errors
    /// Then there is no job: a key that is missing or wrong, and those of [`Store::manifest`](crate::store::Store::manifest) and
    /// of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn verify(
        &self,
        actor: impl Into<Actor>,
        id: &str,
        level: VerificationLevel,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        let actor = actor.into();
        let subject = self.stored().subject(id).await?;
        self.ensure_opens_file(id, subject.file).await?;
        let submission = Submission {
            parameters: JobParameters::Verify(VerifyParameters {
                archive_id: id.to_owned(),
                level,
            }),
            idempotency,
            lock: Lock::None,
        };
        let work = self.verify_work(actor.username().to_owned(), id.to_owned(), subject, level);
        self.0.jobs.submit(actor, submission, work).await
    }

    fn verify_work(&self, by: String, id: String, subject: VerifySubject, level: VerificationLevel) -> Work {
        let (operations, stored) = (self.clone(), self.stored());
        work(async move |context| {
            let proof = operations.proof(&id).await?;
            let looked = stored
                .look(&id, &subject, level, Some(&by), Some(&proof), context.progress())
                .await?;
            stored.remember(&id, &looked, Some(&proof)).await?;
            looked.outcome?;
            Ok(JobResult::Verify(VerifyReport {
                archive_id: id,
                verification: looked.found,
            }))
        })
    }
}

/// The result of checking an archive.
struct ArchiveCheck {
    /// The verification for its manifest, if there is one.
    found: Option<Verification>,
    /// Its content, if it is complete.
    outcome: Result<Checked>,
    /// The file that was read.
    file: ObjectFile,
}

impl StoredArchives {
    /// Verifies an archive as [`Operations::verify`] does, without the proof that needs a database. The result can't be signed
    /// here, and an unsigned manifest loses its earlier verifications. A signed manifest therefore stores only damage. A
    /// missing or wrong key proves nothing about the archive, and is not stored. If the result can't be stored, that is
    /// logged; the result is valid anyway.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest), and errors of the archive.
    pub async fn verify(
        &self,
        id: &str,
        level: VerificationLevel,
        progress: &Progress,
    ) -> Result<Option<Verification>> {
        let subject = self.subject(id).await?;
        let is_signed = subject
            .manifest
            .as_ref()
            .is_some_and(|manifest| manifest.signature.is_some());
        let looked = self.look(id, &subject, level, None, None, progress).await?;
        let is_locked = matches!(
            looked.outcome,
            Err(Error::Archive(
                archive::Error::KeyRequired { .. } | archive::Error::WrongKey
            ))
        );
        if !is_locked
            && (!is_signed || looked.outcome.is_err())
            && let Err(error) = self.remember(id, &looked, None).await
        {
            tracing::warn!(id, %error, "the result of a verification could not be stored with the archive");
        }
        looked.outcome.map(|_| looked.found)
    }

    /// Checks an archive, and creates its manifest if the archive is complete and has none.
    ///
    /// # Errors
    /// Only if the manifest can't be created. Errors of the archive are the outcome.
    async fn look(
        &self,
        id: &str,
        subject: &VerifySubject,
        level: VerificationLevel,
        by: Option<&str>,
        proof: Option<&Proof<'_>>,
        progress: &Progress,
    ) -> Result<ArchiveCheck> {
        let (store, keys) = (&self.store, &self.keys);
        let source = store.source(id, subject.file);
        let (began, expected) = (Instant::now(), subject.manifest.as_deref());
        let looked = match level {
            VerificationLevel::Digest => digest(&source, keys, expected, progress)
                .await
                .map(|checked| (checked, None)),
            VerificationLevel::TestRestore => test_restore(&source, keys, expected, &self.scratch, progress)
                .await
                .map(|tested| (tested.checked, Some(tested.restored_in))),
        };
        let looked = looked.and_then(|(checked, restored_in)| {
            if let Some(Proof {
                key,
                record: Some(record),
            }) = proof
            {
                ensure_is_recorded(record, expected, key, &checked)?;
            }
            Ok((checked, restored_in))
        });
        if let (None, Ok((checked, _))) = (&subject.manifest, &looked) {
            let mut manifest = manifest_of(id, by, subject, checked)?;
            if let Some(Proof { key, record }) = proof {
                if let Some(record) = record {
                    (manifest.kind, manifest.created_by) = (kind_of(record), None);
                }
                key.sign(&mut manifest);
            }
            store.remake_manifest(&manifest).await?;
        }
        let outcome = looked.as_ref().map(|(_, restored_in)| *restored_in);
        let found = verification(level, began.elapsed(), outcome);
        let is_listed = subject.manifest.is_some() || looked.is_ok();
        Ok(ArchiveCheck {
            found: found.filter(|_| is_listed),
            outcome: looked.map(|(checked, _)| checked),
            file: subject.file,
        })
    }

    /// Adds the verification to the manifest, and signs the manifest if there is a key.
    async fn remember(&self, id: &str, looked: &ArchiveCheck, proof: Option<&Proof<'_>>) -> Result<()> {
        let Some(found) = &looked.found else { return Ok(()) };
        let remember = |manifest: &mut Manifest| {
            if manifest.file() != looked.file {
                return Err(Error::StoreUnavailable {
                    doing: "storing a verification",
                    source: "the archive was encrypted again meanwhile".into(),
                });
            }
            // The manifest may have changed since the archive was compared with it.
            if let Ok(checked) = &looked.outcome {
                compare(checked, manifest)?;
                manifest.digest.clone_from(&checked.summary.digest);
            }
            if proof.is_some_and(|proof| !proof.key.has_signed(manifest)) {
                manifest.verifications.clear();
            }
            add_verification(manifest, found.clone());
            if let Some(proof) = proof {
                proof.key.sign(manifest);
            }
            Ok(())
        };
        self.store.update(id, remember).await.map(drop)
    }

    /// Finds the archive to verify.
    async fn subject(&self, id: &str) -> Result<VerifySubject> {
        let store = &self.store;
        match store.manifest(id).await {
            Ok(manifest) => Ok(VerifySubject {
                file: manifest.file(),
                manifest: Some(manifest),
            }),
            // A manifest of a later program version is not overwritten.
            Err(
                error @ Error::ManifestUnreadable {
                    source: ManifestError::NewerVersion { .. },
                    ..
                },
            ) => Err(error),
            Err(Error::ArchiveIncomplete { .. } | Error::ManifestUnreadable { .. }) => Ok(VerifySubject {
                file: store.file_of(id).await?,
                manifest: None,
            }),
            Err(error) => Err(error),
        }
    }
}

/// Adds a verification, and removes the oldest one of too many.
pub(super) fn add_verification(manifest: &mut Manifest, found: Verification) {
    let old = (manifest.verifications.len() + 1).saturating_sub(REMEMBERED);
    manifest.verifications.drain(..old);
    manifest.verifications.push(found);
}

/// An archive to verify.
struct VerifySubject {
    file: ObjectFile,
    /// None if it is missing or can't be read.
    manifest: Option<Arc<Manifest>>,
}

/// Creates the manifest of a complete archive that has none.
///
/// # Errors
/// [`Error::TableNotFound`], and [`Error::ArchiveUnreadable`] if its file name does not match its form: the manifest
/// could not refer to it.
fn manifest_of(id: &str, by: Option<&str>, subject: &VerifySubject, checked: &Checked) -> Result<Manifest> {
    ensure_all_tables(checked)?;
    if checked.form != subject.file.form {
        return Err(Error::ArchiveUnreadable {
            id: id.to_owned(),
            fault: EntryFault::WrongFileName,
            source: format!("it must end with `{}`", checked.form.suffix()).into(),
        });
    }
    let (header, summary) = (&checked.header, &checked.summary);
    let mut manifest = Manifest::new(
        id.to_owned(),
        ArchiveKind::Uploaded,
        header,
        summary,
        checked.object.clone(),
    );
    manifest.set_file_number(subject.file.number);
    manifest.created_by = by.map(str::to_owned);
    Ok(manifest)
}
