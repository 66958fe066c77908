//! Certificates: signed statements about one archive, which anyone can check without the service.
//!
//! A certificate says who created the archive and when, from which database, its counts, sums and digests, its copies, and the
//! last verifications. [`Operations::certificate`](crate::operations::Operations::certificate) issues one. It says what proves
//! each part: the record in the database, the signed manifest, or nothing.
//!
//! The signature is Ed25519 (RFC 8032) over the JSON Canonicalization Scheme (RFC 8785) of the member `certificate`. That has
//! no numbers but integers, so its canonical form needs no rule for floating-point numbers. The key of the installation is in
//! its database: all copies of the service share it, and a new signing secret for tokens does not change it.
//!
//! In reading order: [`document`] has the members, [`canonical`] reads JSON strictly and writes it canonically, [`signing`] has
//! the keys, and [`check`](mod@check) verifies a certificate, and the bytes of an archive against it. `check` needs no database.

mod canonical;
mod check;
mod document;
mod signing;

pub use self::check::{CertificateError, CertifiedFacts, CheckedCertificate, MAX_CERTIFICATE_BYTES, check};
pub use self::document::{
    Certificate, CertificateIssuer, CertificateSignature, CertifiedArchive, CertifiedCopy, CertifiedDigests,
    CertifiedProof, CertifiedSafety, CertifiedSource, CertifiedStatus, CertifiedSuspicion, CertifiedTable,
    CertifiedTotal, CertifiedUndo, CertifiedVerification, CertifiedVerifications, RecordProof, SignedCertificate,
};
pub(crate) use self::signing::read_key;
pub use self::signing::{CertificatePublicKey, TrustedKey};

/// The `format` of every certificate.
pub const FORMAT: &str = "campus-backup-certificate";

/// The `version` that this program writes.
pub const VERSION: u32 = 1;
