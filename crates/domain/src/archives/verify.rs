//! Looking at a stored archive again, and remembering what came of it.

use std::time::Instant;

use campus_backup_archive::manifest::VerificationLevel;
use serde_json::json;

use super::Archives;
use crate::account::Admin;
use crate::error::Result;
use crate::job::{Context, Idempotency, Kind, Needs, Submission, Submitted};
use crate::verify::{digest, rehearsal, verification};

/// How many verifications an archive remembers; the oldest are forgotten.
const REMEMBERED: usize = 20;

impl Archives {
    /// Begins to verify an archive: a job whose result is what the archive then remembers of it. One that finds the
    /// archive damaged has failed, and the archive remembers that, too.
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
        let manifest = self.0.store.manifest(id).await?;
        let submission = Submission {
            kind: Kind::Verify,
            parameters: json!({"archive_id": id, "level": level}),
            idempotency,
            needs: Needs::Nothing,
        };
        let archives = self.clone();
        let work = async move |context: Context| {
            let (source, settings) = (archives.source(&manifest), &archives.0.settings);
            let (began, progress) = (Instant::now(), context.progress());
            let looked = match level {
                VerificationLevel::Digest => digest(&source, &settings.keys, Some(&manifest), progress)
                    .await
                    .map(|_| None),
                VerificationLevel::Rehearsal => {
                    let (keys, scratch) = (&settings.keys, &settings.scratch);
                    let rehearsed = rehearsal(&source, keys, Some(&manifest), scratch, progress).await;
                    rehearsed.map(|rehearsed| Some(rehearsed.restored_in))
                }
            };
            let found = verification(level, began.elapsed(), looked.as_ref().copied());
            if let Some(found) = &found {
                let remember = |manifest: &mut campus_backup_archive::Manifest| {
                    let old = (manifest.verifications.len() + 1).saturating_sub(REMEMBERED);
                    manifest.verifications.drain(..old);
                    manifest.verifications.push(found.clone());
                };
                archives.0.store.update(&manifest.id, remember).await?;
            }
            looked?;
            Ok(json!({"archive_id": manifest.id, "verification": found}))
        };
        self.0.jobs.submit(admin, submission, work).await
    }
}
