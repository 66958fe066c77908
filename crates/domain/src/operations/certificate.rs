//! Issues the certificate of an archive: the facts about it, and their proof.

use std::time::Duration;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::{Verification, VerificationLevel, VerificationResult};
use chrono::SecondsFormat;
use chrono_tz::Tz;

use super::records::ensure_same;
use super::{ArchiveOrigin, ListedArchive, Operations};
use crate::account::{self, Admin};
use crate::certificate::{
    self, Certificate, CertificateIssuer, CertificatePublicKey, CertifiedArchive, CertifiedCopy, CertifiedDigests,
    CertifiedProof, CertifiedSafety, CertifiedSource, CertifiedStatus, CertifiedSuspicion, CertifiedTable,
    CertifiedTotal, CertifiedUndo, CertifiedVerification, CertifiedVerifications, RecordProof, SignedCertificate,
};
use crate::change_log;
use crate::database;
use crate::entity::archive::Model;
use crate::error::{Error, Result};
use crate::stats;

impl Operations {
    /// Issues a certificate of an archive. The archive itself is not read. `timezone` is the one of the school.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest), and database errors.
    pub async fn certificate(&self, admin: &Admin, id: &str, timezone: Tz) -> Result<SignedCertificate> {
        let (archive, record) = self.archive_and_record(id).await?;
        let undo = change_log::undoable_with(&self.0.database, &archive.manifest.id).await?;
        let undo = undo.and_then(|change| {
            Some(CertifiedUndo {
                change_id: change.id,
                until: change.undo_until?,
            })
        });
        let issuer = CertificateIssuer {
            installation_id: account::installation_id(&self.0.database).await?,
            app_version: self.0.settings.app_version.to_owned(),
            engine: self.0.database.engine().name().to_owned(),
            schema_version: database::schema_version(),
        };
        let key = certificate::read_key(&self.0.database).await?;
        let compared = match &record {
            Some(record) => Some(ensure_same(record, &archive.manifest, self.manifest_key().await?)),
            None => None,
        };
        key.sign(certificate_of(
            admin,
            &archive,
            (record.as_ref(), compared),
            issuer,
            undo,
            timezone,
        ))
    }

    /// An archive and its record. They are read one after the other, and an archive may be stored or encrypted again in between. So
    /// if they disagree, both are read once more.
    async fn archive_and_record(&self, id: &str) -> Result<(ListedArchive, Option<Model>)> {
        let read = async || {
            let manifest = self.0.store.manifest(id).await?;
            let record = self.record(id).await?;
            Ok::<_, Error>((self.describe_one(manifest).await?, record))
        };
        let (archive, record) = read().await?;
        let key = self.manifest_key().await?;
        let is_same = |record: &Model| ensure_same(record, &archive.manifest, key).is_ok();
        match record.as_ref().is_some_and(is_same) {
            true => Ok((archive, record)),
            false => read().await,
        }
    }

    /// The public key that checks the certificates of this installation.
    ///
    /// # Errors
    /// Database errors, and [`Error::Internal`] if the key is missing.
    pub async fn certificate_key(&self, _: &Admin) -> Result<CertificatePublicKey> {
        let key = certificate::read_key(&self.0.database).await?;
        Ok(key.public())
    }
}

fn certificate_of(
    admin: &Admin,
    archive: &ListedArchive,
    (record, compared): (Option<&Model>, Option<Result<()>>),
    issuer: CertificateIssuer,
    undo: Option<CertifiedUndo>,
    timezone: Tz,
) -> Certificate {
    let manifest = archive.manifest.as_ref();
    let proof = proof(archive, record, compared);
    let matching = record.filter(|_| proof.record == RecordProof::Matches);
    let is_own = proof.origin == ArchiveOrigin::MadeHere;
    Certificate {
        format: certificate::FORMAT.to_owned(),
        version: certificate::VERSION,
        issued_at: stats::now(),
        issued_by: admin.username().to_owned(),
        timezone: timezone.name().to_owned(),
        archive: CertifiedArchive {
            id: manifest.id.clone(),
            label: manifest.label.clone(),
            kind: manifest.kind,
            created_at: manifest.created_at,
            created_by: manifest.created_by.clone(),
            job_id: matching.map(|record| record.job_id.clone()),
            size: manifest.object.size,
            compression: manifest.object.compression,
            encryption: manifest.object.encryption,
        },
        source: CertifiedSource {
            engine: manifest.engine.clone(),
            installation_id: is_own.then(|| issuer.installation_id.clone()),
            schema_version: matching
                .filter(|_| is_own)
                .and_then(|record| record.schema_version.clone()),
            app_version: manifest.app_version.clone(),
            format_version: manifest.archive_version,
        },
        digests: CertifiedDigests {
            stored_bytes_sha256: manifest.object.sha256.clone(),
            document_sha256: Some(manifest.digest.clone()).filter(|digest| !digest.is_empty()),
        },
        tables: tables(manifest),
        total_rows: manifest.total,
        money: manifest.totals.iter().map(total).collect(),
        verification: verifications(&manifest.verifications, archive.is_signed(), proof.record),
        copies: copies(archive),
        safety: CertifiedSafety {
            protected: manifest.protected,
            contains_password_hashes: manifest.contains_password_hashes,
            deletion_refused_since: archive.retained.as_ref().map(|retained| retained.since),
            needed_for_undo: undo,
            suspicion: archive.suspicion.as_ref().map(|suspicion| CertifiedSuspicion {
                findings: suspicion.findings.iter().map(ToString::to_string).collect(),
                accepted_at: suspicion.accepted_at,
                accepted_by: suspicion.accepted_by.clone(),
            }),
        },
        issuer,
        proof,
    }
}

fn tables(manifest: &Manifest) -> Vec<CertifiedTable> {
    let tables = manifest.rows.iter().map(|(name, rows)| CertifiedTable {
        name: name.clone(),
        rows: *rows,
        sha256: manifest.sha256.get(name).cloned(),
    });
    tables.collect()
}

fn total((column, total): (&String, &String)) -> CertifiedTotal {
    CertifiedTotal {
        column: column.clone(),
        total: total.clone(),
    }
}

fn copies(archive: &ListedArchive) -> Vec<CertifiedCopy> {
    let copies = archive.copies.iter().flatten().map(|copy| CertifiedCopy {
        destination: copy.name.clone(),
        state: copy.state,
        copied_at: copy.copied_at,
    });
    copies.collect()
}

/// The proof of the statements. The origin is that of [`Operations::describe`].
fn proof(archive: &ListedArchive, record: Option<&Model>, compared: Option<Result<()>>) -> CertifiedProof {
    let origin = archive.origin.unwrap_or(ArchiveOrigin::Found);
    let (found, statement) = match &compared {
        Some(Err(error)) => {
            let what = match error {
                Error::RecordMismatch { what } => *what,
                _ => "a value",
            };
            let statement = format!(
                "This is not the archive that this installation has recorded: {what} differs from the record in the database."
            );
            (RecordProof::Differs, statement)
        }
        Some(Ok(())) => (RecordProof::Matches, of_origin(origin).to_owned()),
        None => (RecordProof::Absent, of_origin(ArchiveOrigin::Found).to_owned()),
    };
    let details = match archive.is_signed() {
        true => {
            "This installation has signed the archive's manifest. The counts, the sums, the digests of the tables, the user, the label \
             and the verifications are those of the manifest."
        }
        false => {
            "The archive's manifest has no valid signature of this installation. Its counts, sums, digests of tables, times, user and \
             label are not proven, and its verifications do not count."
        }
    };
    let mut statements = vec![statement, details.to_owned()];
    if let Some(at) = archive.manifest.rekeyed_at.filter(|_| archive.is_signed()) {
        statements.push(format!(
            "The archive was encrypted again at {}, with the same content. Its new file was read back then. Verifications and \
             certificates from before that are of its former file.",
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        ));
    }
    statements.push("The stored archive was not read again for this certificate.".to_owned());
    CertifiedProof {
        origin,
        record: found,
        recorded_at: record.map(|record| record.recorded_at),
        is_manifest_signed: archive.is_signed(),
        statements,
    }
}

const fn of_origin(origin: ArchiveOrigin) -> &'static str {
    match origin {
        ArchiveOrigin::MadeHere => {
            "This installation created the archive. Its database has a record of the digests, and they match."
        }
        ArchiveOrigin::Uploaded => {
            "A user uploaded the archive to this installation. The database that its rows come from is not known. The database of this \
             installation has a record of the digests since then, and they match."
        }
        ArchiveOrigin::Found => {
            "The archive was found in the store. This installation has no record of it, so nothing proves where it comes from."
        }
    }
}

/// The last verification of each level, and the result. `found` are the verifications of the manifest, oldest first. Without a
/// signature they do not count, but a failed one is still a warning: otherwise removing the signature would hide the damage.
fn verifications(found: &[Verification], is_signed: bool, record: RecordProof) -> CertifiedVerifications {
    let last = |level| {
        let mut proven = found.iter().rev().filter(|_| is_signed);
        proven.find(|found| found.level == level).map(verification)
    };
    let newest = found.last().map(|found| found.result);
    let status = match (record, newest) {
        (RecordProof::Differs, _) => CertifiedStatus::DiffersFromRecord,
        (_, Some(VerificationResult::Failed)) => CertifiedStatus::Damaged,
        _ if !is_signed => CertifiedStatus::ManifestUnproven,
        (_, Some(VerificationResult::Ok)) => CertifiedStatus::Verified,
        (RecordProof::Matches, None) => CertifiedStatus::CheckedWhenStored,
        (RecordProof::Absent, None) => CertifiedStatus::Unverified,
    };
    CertifiedVerifications {
        status,
        statement: statement(status).to_owned(),
        digest: last(VerificationLevel::Digest),
        test_restore: last(VerificationLevel::TestRestore),
    }
}

const fn statement(status: CertifiedStatus) -> &'static str {
    match status {
        CertifiedStatus::Verified => "The last verification of the stored archive succeeded.",
        CertifiedStatus::CheckedWhenStored => {
            "The archive was read to its end and compared when it was stored. It was not verified since."
        }
        CertifiedStatus::Unverified => "This installation has never verified the archive.",
        CertifiedStatus::Damaged => "The last verification failed. Do not rely on this archive.",
        CertifiedStatus::ManifestUnproven => {
            "The archive's manifest has no valid signature of this installation. Its counts, sums and verifications are not proven."
        }
        CertifiedStatus::DiffersFromRecord => {
            "The archive differs from the record of this installation. Do not rely on this archive."
        }
    }
}

fn verification(found: &Verification) -> CertifiedVerification {
    CertifiedVerification {
        at: found.at,
        result: found.result,
        code: found.code.clone(),
        duration_ms: milliseconds(found.seconds),
        restore_duration_ms: found.restore_seconds.map(milliseconds),
    }
}

/// Seconds of a manifest in milliseconds; 0 if they are no duration.
fn milliseconds(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(duration.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(at: &str, level: VerificationLevel, result: VerificationResult) -> Verification {
        Verification {
            at: at.parse().unwrap(),
            level,
            result,
            code: None,
            seconds: 1.5204,
            restore_seconds: None,
        }
    }

    #[test]
    fn status_names_damage_before_anything_good() {
        let good = verified(
            "2026-11-25T00:00:00Z",
            VerificationLevel::TestRestore,
            VerificationResult::Ok,
        );
        let bad = verified(
            "2026-11-26T00:00:00Z",
            VerificationLevel::Digest,
            VerificationResult::Failed,
        );
        let status = |found: &[Verification], record| verifications(found, true, record).status;
        use {CertifiedStatus as Status, RecordProof as Record};
        assert_eq!(status(&[], Record::Matches), Status::CheckedWhenStored);
        assert_eq!(status(&[], Record::Absent), Status::Unverified);
        assert_eq!(status(std::slice::from_ref(&good), Record::Absent), Status::Verified);
        assert_eq!(status(&[good.clone(), bad.clone()], Record::Matches), Status::Damaged);
        assert_eq!(status(&[bad.clone(), good.clone()], Record::Matches), Status::Verified);
        assert_eq!(
            status(std::slice::from_ref(&good), Record::Differs),
            Status::DiffersFromRecord
        );
        let both = verifications(&[good.clone(), bad.clone()], true, Record::Matches);
        assert_eq!(both.digest.unwrap().result, VerificationResult::Failed);
        assert_eq!(both.test_restore.unwrap().duration_ms, 1520);

        let unsigned = |found: &[Verification], record| verifications(found, false, record).status;
        assert_eq!(unsigned(&[], Record::Matches), Status::ManifestUnproven);
        assert_eq!(
            unsigned(std::slice::from_ref(&good), Record::Absent),
            Status::ManifestUnproven
        );
        assert_eq!(unsigned(&[good.clone(), bad], Record::Matches), Status::Damaged);
        assert_eq!(
            unsigned(std::slice::from_ref(&good), Record::Differs),
            Status::DiffersFromRecord
        );
        assert!(verifications(&[good], false, Record::Matches).test_restore.is_none());
    }

    #[test]
    fn duration_that_is_none_is_zero() {
        for seconds in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            assert_eq!(milliseconds(seconds), 0, "{seconds}");
        }
    }
}
