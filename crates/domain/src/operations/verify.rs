//! Looking at a stored archive again, and remembering what came of it.

use std::sync::Arc;
use std::time::Instant;

use campus_backup_archive as archive;
use campus_backup_archive::manifest::{Origin, Verification, VerificationLevel};
use campus_backup_archive::{Form, Manifest, ManifestError};
use serde_json::json;

use super::records::{Proof, ensure_is_recorded, kind_of};
use super::upload::ensure_all_tables;
use super::{Operations, StoredArchives};
use crate::account::Admin;
use crate::error::{Error, Result};
use crate::job::{Idempotency, Kind, Needs, Progress, Submission, Submitted, Work, work};
use crate::open::Checked;
use crate::store::EntryFault;
use crate::verify::{compare, digest, test_restore, verification};

/// How many verifications an archive remembers; the oldest are forgotten.
const REMEMBERED: usize = 20;

impl Operations {
    /// Begins to verify an archive: a job whose result is what the archive then remembers of it. One that finds the
    /// archive damaged has failed, and the archive remembers that, too.
    ///
    /// Of an archive that has no manifest, or a damaged one, the manifest is made again if the archive is whole: from then on
    /// it is listed, as what its record says, or without a record as one that `admin` has brought.
    ///
    /// The manifest is signed, with the verifications that this installation has signed before and the new one.
    ///
    /// # Errors
    /// Then there is no job: those of [`Store::manifest`](crate::store::Store::manifest) and of
    /// [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn verify(
        &self,
        admin: &Admin,
        id: &str,
        level: VerificationLevel,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        let subject = self.stored().subject(id).await?;
        let submission = Submission {
            kind: Kind::Verify,
            parameters: json!({"archive_id": id, "level": level}),
            idempotency,
            needs: Needs::Nothing,
        };
        let work = self.verify_work(admin.clone(), id.to_owned(), subject, level);
        self.0.jobs.submit(admin, submission, work).await
    }

    fn verify_work(&self, by: Admin, id: String, subject: Subject, level: VerificationLevel) -> Work {
        let (operations, stored) = (self.clone(), self.stored());
        work(async move |context| {
            let proof = operations.proof(&id).await?;
            let looked = stored
                .look(
                    &id,
                    &subject,
                    level,
                    Some(by.username()),
                    Some(&proof),
                    context.progress(),
                )
                .await?;
            stored.remember(&id, &looked, Some(&proof)).await?;
            looked.outcome?;
            Ok(json!({"archive_id": id, "verification": looked.found}))
        })
    }
}

/// What came of looking at an archive.
struct Looked {
    /// What its manifest is to remember, if anything.
    found: Option<Verification>,
    /// What it has, if it is whole.
    outcome: Result<Checked>,
}

impl StoredArchives {
    /// Verifies an archive as [`Operations::verify`] does, but for what only a database can prove. What was found can't be signed
    /// here, so a signed manifest remembers only damage: with its signature the verifications of before no longer count. A
    /// missing or wrong key says nothing about the archive, and is not stored. Where the result can't be stored, the log says
    /// so: what was found is true all the same.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest), and whatever is wrong with the archive.
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
            tracing::warn!(id, %error, "what was found could not be stored with the archive");
        }
        looked.outcome.map(|_| looked.found)
    }

    /// Looks at an archive and makes its manifest, if it is whole and has none.
    ///
    /// # Errors
    /// Only if the manifest can't be made: what is wrong with the archive is the outcome.
    async fn look(
        &self,
        id: &str,
        subject: &Subject,
        level: VerificationLevel,
        by: Option<&str>,
        proof: Option<&Proof<'_>>,
        progress: &Progress,
    ) -> Result<Looked> {
        let (store, keys) = (&self.store, &self.keys);
        let source = store.source(id, subject.form);
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
            ensure_is_recorded(proof.and_then(|proof| proof.record.as_ref()), &checked)?;
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
        Ok(Looked {
            found: found.filter(|_| is_listed),
            outcome: looked.map(|(checked, _)| checked),
        })
    }

    /// Lets the manifest remember what was found, and signs it if there is a key.
    async fn remember(&self, id: &str, looked: &Looked, proof: Option<&Proof<'_>>) -> Result<()> {
        let Some(found) = &looked.found else { return Ok(()) };
        let remember = |manifest: &mut Manifest| {
            // It may be another one than the one that the archive was compared with.
            if let Ok(checked) = &looked.outcome {
                compare(checked, manifest)?;
                manifest.digest.clone_from(&checked.summary.digest);
            }
            if proof.is_some_and(|proof| !proof.key.has_signed(manifest)) {
                manifest.verifications.clear();
            }
            let old = (manifest.verifications.len() + 1).saturating_sub(REMEMBERED);
            manifest.verifications.drain(..old);
            manifest.verifications.push(found.clone());
            if let Some(proof) = proof {
                proof.key.sign(manifest);
            }
            Ok(())
        };
        self.store.update(id, remember).await.map(drop)
    }

    /// What is to be verified.
    async fn subject(&self, id: &str) -> Result<Subject> {
        let store = &self.store;
        match store.manifest(id).await {
            Ok(manifest) => Ok(Subject {
                form: manifest.object.form(),
                manifest: Some(manifest),
            }),
            // What a later version of the program knows of it is not written over.
            Err(
                error @ Error::ManifestUnreadable {
                    source: ManifestError::NewerVersion { .. },
                    ..
                },
            ) => Err(error),
            Err(Error::ArchiveIncomplete { .. } | Error::ManifestUnreadable { .. }) => Ok(Subject {
                form: store.form(id).await?,
                manifest: None,
            }),
            Err(error) => Err(error),
        }
    }
}

/// An archive that is verified.
struct Subject {
    form: Form,
    /// None if it has none that can be read.
    manifest: Option<Arc<Manifest>>,
}

/// The manifest of an archive that is whole and has none.
///
/// # Errors
/// [`Error::TableNotFound`], and [`Error::ArchiveUnreadable`] if its name does not say what it is: the manifest could
/// not lead to it.
fn manifest_of(id: &str, by: Option<&str>, subject: &Subject, checked: &Checked) -> Result<Manifest> {
    ensure_all_tables(checked)?;
    if checked.form != subject.form {
        return Err(Error::ArchiveUnreadable {
            id: id.to_owned(),
            fault: EntryFault::WrongFileName,
            source: format!("it must end with `{}`", checked.form.suffix()).into(),
        });
    }
    let (header, summary) = (&checked.header, &checked.summary);
    let mut manifest = Manifest::new(id.to_owned(), Origin::Uploaded, header, summary, checked.object.clone());
    manifest.created_by = by.map(str::to_owned);
    Ok(manifest)
}
