//! Looking at a stored archive again, and remembering what came of it.

use std::sync::Arc;
use std::time::Instant;

use campus_backup_archive::manifest::{Origin, Verification, VerificationLevel};
use campus_backup_archive::{Form, Manifest, ManifestError};
use serde_json::json;

use super::upload::demand_all_tables;
use super::{Archives, StoredArchives};
use crate::account::Admin;
use crate::error::{Error, Result};
use crate::job::{Context, Idempotency, Kind, Needs, Progress, Submission, Submitted};
use crate::open::Checked;
use crate::store::EntryFault;
use crate::verify::{digest, rehearsal, verification};

/// How many verifications an archive remembers; the oldest are forgotten.
const REMEMBERED: usize = 20;

impl Archives {
    /// Begins to verify an archive: a job whose result is what the archive then remembers of it. One that finds the
    /// archive damaged has failed, and the archive remembers that, too.
    ///
    /// Of an archive that has no manifest, or a damaged one, the manifest is made again if the archive is whole: from then on
    /// it is listed, as one that `admin` has brought.
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
        let (stored, id, by) = (self.stored(), id.to_owned(), admin.username().to_owned());
        let work = async move |context: Context| {
            let looked = stored.look(&id, &subject, level, Some(&by), context.progress()).await?;
            stored.remember(&id, &looked).await?;
            looked.outcome?;
            Ok(json!({"archive_id": id, "verification": looked.found}))
        };
        self.0.jobs.submit(admin, submission, work).await
    }
}

/// What came of looking at an archive.
struct Looked {
    /// What its manifest is to remember, if anything.
    found: Option<Verification>,
    /// Whether it is whole.
    outcome: Result<()>,
}

impl StoredArchives {
    /// Verifies an archive and remembers what was found, as [`Archives::verify`] does. Where that can't be stored, the log says
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
        let looked = self.look(id, &subject, level, None, progress).await?;
        if let Err(error) = self.remember(id, &looked).await {
            tracing::warn!(id, %error, "what was found could not be stored with the archive");
        }
        looked.outcome.map(|()| looked.found)
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
        progress: &Progress,
    ) -> Result<Looked> {
        let (store, keys) = (&self.store, &self.keys);
        let source = store.source(id, subject.form);
        let (began, expected) = (Instant::now(), subject.manifest.as_deref());
        let looked = match level {
            VerificationLevel::Digest => digest(&source, keys, expected, progress)
                .await
                .map(|checked| (checked, None)),
            VerificationLevel::Rehearsal => rehearsal(&source, keys, expected, &self.scratch, progress)
                .await
                .map(|rehearsed| (rehearsed.checked, Some(rehearsed.restored_in))),
        };
        if let (None, Ok((checked, _))) = (&subject.manifest, &looked) {
            store.remake_manifest(&manifest_of(id, by, subject, checked)?).await?;
        }
        let outcome = looked.as_ref().map(|(_, restored_in)| *restored_in);
        let found = verification(level, began.elapsed(), outcome);
        let is_listed = subject.manifest.is_some() || looked.is_ok();
        Ok(Looked {
            found: found.filter(|_| is_listed),
            outcome: looked.map(drop),
        })
    }

    /// Lets the manifest remember what was found.
    async fn remember(&self, id: &str, looked: &Looked) -> Result<()> {
        let Some(found) = &looked.found else { return Ok(()) };
        let remember = |manifest: &mut Manifest| {
            let old = (manifest.verifications.len() + 1).saturating_sub(REMEMBERED);
            manifest.verifications.drain(..old);
            manifest.verifications.push(found.clone());
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
/// [`Error::NoTable`], and [`Error::ArchiveUnreadable`] if its name does not say what it is: the manifest could
/// not lead to it.
fn manifest_of(id: &str, by: Option<&str>, subject: &Subject, checked: &Checked) -> Result<Manifest> {
    demand_all_tables(checked)?;
    if checked.form != subject.form {
        return Err(Error::ArchiveUnreadable {
            id: id.to_owned(),
            fault: EntryFault::WrongFileName,
            source: format!("it must end with `{}`", checked.form.suffix()).into(),
        });
    }
    let (header, summary) = (&checked.header, &checked.summary);
    let mut manifest = Manifest::new(id.to_owned(), Origin::Uploaded, header, summary, checked.object.clone());
    manifest.taken_by = by.map(str::to_owned);
    Ok(manifest)
}
