//! Checks a certificate without the service, a database or an account.

use std::io::{self, Read};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::canonical::{UniqueValue, canonical};
use super::signing::{ALGORITHM, TrustedKey, fingerprint, is_valid, public_key_bytes};
use super::{FORMAT, VERSION};

/// The most bytes of a certificate. One of a hundred tables has a few ten thousand.
pub const MAX_CERTIFICATE_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Why a certificate was refused.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is not a certificate, or it is damaged.
    #[error("this is not a certificate of campus-backup: {problem}")]
    NotACertificate {
        /// What is wrong, in one short line.
        problem: String,
    },
    /// A later version of the program wrote it.
    #[error("the certificate is of version {version}, and this program reads up to version {VERSION}")]
    NewerVersion {
        /// Its version.
        version: u64,
    },
    /// The signature has an algorithm that this program does not know.
    #[error("the signature is not an Ed25519 signature, so it can't be checked")]
    UnknownAlgorithm,
    /// Another key than the expected one signed it.
    #[error(
        "another key signed the certificate: the key in it has the fingerprint {found}, and {expected} was expected"
    )]
    OtherKey {
        /// The fingerprint of the key in the certificate.
        found: String,
        /// The fingerprint of the expected key.
        expected: String,
    },
    /// The signature does not match.
    #[error("the signature does not match. The certificate was changed after it was signed, or it is a forgery")]
    InvalidSignature,
    /// The bytes of the archive are not the certified ones.
    #[error("this is not the certified archive: {what} differs")]
    OtherArchive {
        /// What differs.
        what: &'static str,
    },
    /// The certificate is valid, and says that the archive can't be relied on.
    #[error("the certificate is valid, but it states that the archive can't be relied on: {problem}")]
    Doubtful {
        /// Why, in one short line.
        problem: &'static str,
    },
    /// The bytes of the archive can't be read.
    #[error("the archive can't be read")]
    Unreadable(#[source] io::Error),
}

impl CertificateError {
    /// The stable code of the fault.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotACertificate { .. } => "not_a_certificate",
            Self::NewerVersion { .. } => "certificate_newer_version",
            Self::UnknownAlgorithm => "certificate_unknown_algorithm",
            Self::OtherKey { .. } => "certificate_other_key",
            Self::InvalidSignature => "certificate_invalid_signature",
            Self::OtherArchive { .. } => "certificate_other_archive",
            Self::Doubtful { .. } => "certificate_doubtful",
            Self::Unreadable(_) => "archive_unreadable",
        }
    }
}

/// A certificate with a valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCertificate {
    /// The fingerprint of the key that signed it.
    pub key_id: String,
    /// Whether that is the key that the caller trusts. Otherwise the signature proves only that the certificate was not changed
    /// after the holder of that key signed it.
    pub is_trusted: bool,
    /// The statements that are needed to check an archive.
    pub facts: CertifiedFacts,
}

/// The statements of a certificate about the archive itself. Later versions may add members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CertifiedFacts {
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    archive: ArchiveFacts,
    digests: DigestFacts,
    verification: VerificationFacts,
    proof: ProofFacts,
    /// Rows of all tables.
    pub total_rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ArchiveFacts {
    id: String,
    created_at: DateTime<Utc>,
    size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct DigestFacts {
    stored_bytes_sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct VerificationFacts {
    status: String,
    statement: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ProofFacts {
    record: String,
    is_manifest_signed: bool,
}

impl CertifiedFacts {
    /// The id of the archive.
    pub fn archive_id(&self) -> &str {
        &self.archive.id
    }

    /// The moment of the archive's data.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.archive.created_at
    }

    /// SHA-256 of the archive's stored bytes, in lower-case hexadecimal.
    pub fn stored_bytes_sha256(&self) -> &str {
        &self.digests.stored_bytes_sha256
    }

    /// The result of the archive's verifications, see [`CertifiedStatus`](super::CertifiedStatus).
    pub fn status(&self) -> &str {
        &self.verification.status
    }

    /// The same as a sentence.
    pub fn statement(&self) -> &str {
        &self.verification.statement
    }

    /// Whether the digests match the record of the installation, see [`RecordProof`](super::RecordProof).
    pub fn record(&self) -> &str {
        &self.proof.record
    }

    /// Whether the installation had signed the archive's manifest. Otherwise the counts and sums are not proven.
    pub fn is_manifest_signed(&self) -> bool {
        self.proof.is_manifest_signed
    }

    /// Ensures that the certificate itself does not say that the archive can't be relied on. Its signature proves only that the
    /// installation has stated this.
    ///
    /// # Errors
    /// [`CertificateError::Doubtful`]
    pub fn ensure_sound(&self) -> Result<(), CertificateError> {
        let problem = match (self.status(), self.record(), self.is_manifest_signed()) {
            ("damaged", ..) => "its last verification failed",
            ("differs_from_record", ..) | (_, "differs", _) => {
                "it is not the archive that the installation has recorded"
            }
            ("manifest_unproven", ..) | (_, _, false) => {
                "its manifest had no valid signature, so its counts and sums are not proven"
            }
            _ => return Ok(()),
        };
        Err(CertificateError::Doubtful { problem })
    }

    /// Reads the bytes of an archive to their end and compares their number and their digest with the certified ones. It blocks.
    ///
    /// # Errors
    /// [`CertificateError::OtherArchive`] and [`CertificateError::Unreadable`].
    pub fn compare(&self, mut archive: impl Read) -> Result<(), CertificateError> {
        let (mut digest, mut size, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
        loop {
            match archive.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    digest.update(&chunk[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CertificateError::Unreadable(error)),
            }
        }
        if size != self.archive.size {
            return Err(CertificateError::OtherArchive { what: "its size" });
        }
        match hex::encode(digest.finalize()) == self.digests.stored_bytes_sha256 {
            true => Ok(()),
            false => Err(CertificateError::OtherArchive {
                what: "the digest of its bytes",
            }),
        }
    }
}

/// The signature as it is read. Unsigned members would not be noticed, so there are no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureMembers {
    algorithm: String,
    public_key: String,
    key_id: String,
    value: String,
}

/// The members of every version.
#[derive(Deserialize)]
struct CertificateStart {
    format: String,
    version: u64,
}

/// Checks that a certificate is whole and unchanged since it was signed, and that the `trusted` key signed it, if there is one.
///
/// # Errors
/// The first reason why it is refused.
pub fn check(json: &[u8], trusted: Option<&TrustedKey>) -> Result<CheckedCertificate, CertificateError> {
    let UniqueValue(document) = serde_json::from_slice(json).map_err(not_a_certificate)?;
    let (certificate, signature) = parts(document)?;
    let signature: SignatureMembers = serde_json::from_value(signature).map_err(not_a_certificate)?;
    if signature.algorithm != ALGORITHM {
        return Err(CertificateError::UnknownAlgorithm);
    }
    let public_key = public_key_bytes(&signature.public_key).ok_or(CertificateError::InvalidSignature)?;
    let key_id = fingerprint(&public_key);
    if let Some(trusted) = trusted
        && trusted.key_id() != key_id
    {
        return Err(CertificateError::OtherKey {
            found: key_id,
            expected: trusted.key_id().to_owned(),
        });
    }
    let signed = canonical(&certificate).map_err(not_a_certificate)?;
    if signature.key_id != key_id || !is_valid(&public_key, signed.as_bytes(), &signature.value) {
        return Err(CertificateError::InvalidSignature);
    }
    Ok(CheckedCertificate {
        key_id,
        is_trusted: trusted.is_some(),
        facts: facts(certificate)?,
    })
}

/// The certificate and its signature, and nothing else.
fn parts(document: Value) -> Result<(Value, Value), CertificateError> {
    let problem = || CertificateError::NotACertificate {
        problem: "it must have the members `certificate` and `signature`, and no others".to_owned(),
    };
    let Value::Object(mut members) = document else {
        return Err(problem());
    };
    match (members.remove("certificate"), members.remove("signature")) {
        (Some(certificate), Some(signature)) if members.is_empty() => Ok((certificate, signature)),
        _ => Err(problem()),
    }
}

/// The statements of a signed certificate. Its version is read first.
fn facts(certificate: Value) -> Result<CertifiedFacts, CertificateError> {
    let start = CertificateStart::deserialize(&certificate).map_err(not_a_certificate)?;
    if start.format != FORMAT || start.version == 0 {
        let problem = "its `format` or its `version` is another".to_owned();
        return Err(CertificateError::NotACertificate { problem });
    }
    if start.version > u64::from(VERSION) {
        return Err(CertificateError::NewerVersion { version: start.version });
    }
    serde_json::from_value(certificate).map_err(not_a_certificate)
}

/// The parser's error may quote a value of any length.
fn not_a_certificate(error: impl ToString) -> CertificateError {
    let problem = error
        .to_string()
        .chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect();
    CertificateError::NotACertificate { problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::signing::tests::{key, other_key, signed};
    use super::*;

    fn certificate() -> Value {
        json!({
            "format": FORMAT, "version": VERSION, "issued_at": "2026-11-30T09:00:00Z", "total_rows": 3,
            "archive": {"id": "2026-11-25T00-00-00Z-5f1c", "created_at": "2026-11-25T00:00:00.000001Z", "size": 3, "label": "a"},
            "digests": {"stored_bytes_sha256": hex::encode(Sha256::digest(b"abc"))},
            "verification": {"status": "verified", "statement": "It was verified."},
            "proof": {"record": "matches", "is_manifest_signed": true},
            "tables": [{"name": "students", "rows": 1, "sha256": null}],
        })
    }

    fn code(document: &Value, trusted: Option<&TrustedKey>) -> &'static str {
        check(&serde_json::to_vec(document).unwrap(), trusted)
            .unwrap_err()
            .code()
    }

    #[test]
    fn unchanged_certificate_is_accepted_in_every_layout() {
        let document = signed(&key(), &certificate());
        let trusted = TrustedKey::parse(&key().public().public_key).unwrap();
        for json in [
            serde_json::to_vec(&document).unwrap(),
            serde_json::to_vec_pretty(&document).unwrap(),
        ] {
            let checked = check(&json, None).unwrap();
            assert!(!checked.is_trusted);
            assert_eq!(checked.key_id, key().public().key_id);
            assert_eq!(checked.facts.archive_id(), "2026-11-25T00-00-00Z-5f1c");
            assert!(check(&json, Some(&trusted)).unwrap().is_trusted);
        }
    }

    /// Replaces, removes or adds at each place of the document in turn.
    #[test]
    fn each_change_of_a_member_is_refused() {
        let document = signed(&key(), &certificate());
        let mut pointers = Vec::new();
        collect(&document, "", &mut pointers);
        assert!(pointers.len() > 20, "{pointers:?}");
        for pointer in &pointers {
            let mut changed = document.clone();
            let place = changed.pointer_mut(pointer).unwrap();
            *place = match &place {
                Value::String(text) => json!(format!("{text}x")),
                Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                Value::Null => json!("x"),
                _ => continue,
            };
            check(&serde_json::to_vec(&changed).unwrap(), None).unwrap_err();
        }
        for pointer in &pointers {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let mut changed = document.clone();
            match changed.pointer_mut(parent).unwrap() {
                Value::Object(members) => drop(members.remove(name)),
                Value::Array(items) => drop(items.remove(name.parse().unwrap())),
                _ => unreachable!(),
            }
            check(&serde_json::to_vec(&changed).unwrap(), None).unwrap_err();
        }
        for parent in ["", "/certificate", "/certificate/archive", "/signature"] {
            let mut changed = document.clone();
            changed.pointer_mut(parent).unwrap()["more"] = json!(1);
            check(&serde_json::to_vec(&changed).unwrap(), None).unwrap_err();
        }
    }

    fn collect(value: &Value, pointer: &str, found: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(at, value)| (at.to_string(), value))
                .collect(),
            _ => Vec::new(),
        };
        for (name, child) in children {
            let pointer = format!("{pointer}/{name}");
            found.push(pointer.clone());
            collect(child, &pointer, found);
        }
    }

    #[test]
    fn foreign_documents_are_refused_with_their_reason() {
        let document = signed(&key(), &certificate());
        let changed = |change: fn(&mut Value)| {
            let mut document = document.clone();
            change(&mut document);
            document
        };
        for algorithm in ["none", "ed25519", "HS256", "RS256"] {
            let mut document = document.clone();
            document["signature"]["algorithm"] = json!(algorithm);
            assert_eq!(code(&document, None), "certificate_unknown_algorithm");
        }
        for document in [json!({}), json!([]), json!(null), changed(|it| it["more"] = json!(1))] {
            assert_eq!(code(&document, None), "not_a_certificate", "{document}");
        }
        let mut newer = certificate();
        newer["version"] = json!(2);
        assert_eq!(code(&signed(&key(), &newer), None), "certificate_newer_version");
        // The signature is valid, but it is one for another purpose.
        assert_eq!(
            code(&signed(&key(), &json!({"format": "x", "version": 1})), None),
            "not_a_certificate"
        );
        // Another key, and a signature of another key beside the expected one.
        let trusted = TrustedKey::parse(&key().public().key_id).unwrap();
        let forged = signed(&other_key(), &certificate());
        assert!(check(&serde_json::to_vec(&forged).unwrap(), None).is_ok());
        assert_eq!(code(&forged, Some(&trusted)), "certificate_other_key");
        let mut mixed = forged;
        for member in ["public_key", "key_id"] {
            mixed["signature"][member] = document["signature"][member].clone();
        }
        assert_eq!(code(&mixed, Some(&trusted)), "certificate_invalid_signature");
    }

    #[test]
    fn doubt_in_a_valid_certificate_is_an_error() {
        let sound = |change: fn(&mut Value)| {
            let mut certificate = certificate();
            change(&mut certificate);
            let json = serde_json::to_vec(&signed(&key(), &certificate)).unwrap();
            check(&json, None).unwrap().facts.ensure_sound()
        };
        sound(|_| {}).unwrap();
        sound(|it| it["proof"]["record"] = json!("absent")).unwrap();
        let doubts: [fn(&mut Value); 4] = [
            |it| it["proof"]["is_manifest_signed"] = json!(false),
            |it| it["proof"]["record"] = json!("differs"),
            |it| it["verification"]["status"] = json!("damaged"),
            |it| it["verification"]["status"] = json!("manifest_unproven"),
        ];
        for doubt in doubts {
            assert_eq!(sound(doubt).unwrap_err().code(), "certificate_doubtful");
        }
    }

    #[test]
    fn ambiguous_json_is_refused() {
        let text = serde_json::to_string(&signed(&key(), &certificate())).unwrap();
        let refused = |text: &str| check(text.as_bytes(), None).unwrap_err().code();
        assert_eq!(
            refused(&text.replace("\"size\":3", "\"size\":3,\"size\":3")),
            "not_a_certificate"
        );
        assert_eq!(refused(&format!("{text}{{}}")), "not_a_certificate");
        assert_eq!(
            refused(&text.replace("\"size\":3", "\"size\":3.0")),
            "not_a_certificate"
        );
        for length in 0..text.len() {
            check(&text.as_bytes()[..length], None).unwrap_err();
        }
    }

    #[test]
    fn other_bytes_of_an_archive_are_refused() {
        let json = serde_json::to_vec(&signed(&key(), &certificate())).unwrap();
        let facts = check(&json, None).unwrap().facts;
        facts.compare(&b"abc"[..]).unwrap();
        for (bytes, expected) in [
            (&b"abd"[..], "the digest of its bytes"),
            (b"ab", "its size"),
            (b"abcd", "its size"),
        ] {
            match facts.compare(bytes) {
                Err(CertificateError::OtherArchive { what }) => assert_eq!(what, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
