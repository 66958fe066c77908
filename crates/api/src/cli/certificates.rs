//! `campus-backup certificate`, and `verify --certificate`, which needs no installation, no account and no network.

use std::fs::File;
use std::io::{self, Read, Write as _};

use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::certificate::{
    self, CertificateError, CertifiedFacts, CheckedCertificate, MAX_CERTIFICATE_BYTES, SignedCertificate, TrustedKey,
};
use campus_backup_domain::security_log::SecurityEvent;
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanCount;
use serde::Serialize;

use crate::cli::archives::refused;
use crate::cli::args::{Acting, Certificate, CertificateCheck, CertificateForm, Reading};
use crate::cli::exit::ExitError;
use crate::cli::extract::time_zone;
use crate::cli::inspect::with_archives;
use crate::cli::named_archive::NamedArchive;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::{OutputFile, STANDARD};
use crate::cli::run::with_admin;
use crate::{AppState, certificate_page};

const WRITING: &str = "writing the certificate";

/// The answer of `certificate --json` with `--output`.
#[derive(Serialize)]
struct SavedCertificate<'s> {
    file: &'s str,
    archive_id: &'s str,
}

pub(super) fn certificate(arguments: &Certificate) -> Result<(), ExitError> {
    let acting = &arguments.acting;
    let Some(id) = &arguments.id else {
        return with_admin(acting, async |state, admin| print_key(state, admin, acting).await);
    };
    let zone = time_zone(&arguments.timezone).map_err(|problem| ExitError::Settings(vec![problem]))?;
    with_admin(acting, async |state, admin| {
        let issued = state.operations.certificate(admin, id, zone).await;
        let issued = issued.map_err(refused)?;
        let entry = AuditEntry::by(admin, AuditEvent::Certificate).about(id);
        state.audit.record(entry).await.map_err(refused)?;
        SecurityEvent {
            user: Some(admin.username()),
            user_id: admin.user_id(),
            id: Some(id),
            ..SecurityEvent::default()
        }
        .record("certificate");
        let text = text(&issued, arguments.format)?;
        let output = arguments.output.as_deref().unwrap_or(STANDARD);
        let mut file = OutputFile::begin(output)?;
        file.write_all(text.as_bytes()).map_err(ExitError::failed(WRITING))?;
        file.finish()?;
        match acting.report() {
            // The standard output has the certificate.
            _ if output == STANDARD => Ok(()),
            Report::Json => print_json(&SavedCertificate {
                file: output,
                archive_id: id,
            }),
            report => report.say(output),
        }
    })
}

fn text(issued: &SignedCertificate, form: CertificateForm) -> Result<String, ExitError> {
    match form {
        CertificateForm::Html => Ok(certificate_page::page(issued)),
        CertificateForm::Json => {
            let mut json = serde_json::to_string_pretty(issued).map_err(ExitError::failed(WRITING))?;
            json.push('\n');
            Ok(json)
        }
    }
}

async fn print_key(state: &AppState, admin: &Admin, acting: &Acting) -> Result<(), ExitError> {
    let key = state.operations.certificate_key(admin).await.map_err(refused)?;
    if acting.json {
        return print_json(&key);
    }
    // The key is what was asked for, so it is printed with `--quiet`, too.
    print(&format!("{}  public key", key.public_key))?;
    print(&format!("{}  fingerprint", key.key_id))
}

/// The answer of `verify --certificate --json`.
#[derive(Serialize)]
struct CertificateReport<'r> {
    archive_id: &'r str,
    /// The moment of the archive's data.
    created_at: DateTime<Utc>,
    issued_at: DateTime<Utc>,
    key_id: &'r str,
    /// Whether the key is that of `--public-key`.
    is_trusted: bool,
    status: &'r str,
    statement: &'r str,
    /// Whether the digests matched the installation's record of the archive: `matches`, `differs` or `absent`.
    record: &'r str,
    /// Whether the installation had signed the manifest. Otherwise the counts and sums are not proven.
    is_manifest_signed: bool,
    /// Whether the bytes of the archive were compared. They are then the certified ones.
    is_archive_compared: bool,
}

/// Checks a certificate, and an archive against it if one is named.
pub(super) fn verify(archive: Option<&str>, check: &CertificateCheck, reading: &Reading) -> Result<(), ExitError> {
    let name = check.certificate.as_deref().unwrap_or_default();
    if archive == Some(STANDARD) && name == STANDARD {
        let problem = "the certificate and the archive can't both be the standard input";
        return Err(ExitError::Settings(vec![problem.to_owned()]));
    }
    let trusted = check.public_key.as_deref().map(trusted_key).transpose()?;
    let refused = |source| ExitError::Certificate {
        file: name.to_owned(),
        source,
    };
    let checked = certificate::check(&read(name)?, trusted.as_ref()).map_err(refused)?;
    match archive {
        None => {}
        Some(archive) => compare(archive, &checked.facts, reading)?,
    }
    report(name, archive, &checked, reading.report())?;
    // Last, so that a script sees all statements before the exit code.
    checked.facts.ensure_sound().map_err(refused)
}

fn trusted_key(text: &str) -> Result<TrustedKey, ExitError> {
    TrustedKey::parse(text).ok_or_else(|| {
        let problem =
            "--public-key: it must be a public key of 32 bytes in base64, or its fingerprint of 64 hexadecimal digits";
        ExitError::Settings(vec![problem.to_owned()])
    })
}

/// The bytes of the certificate. One byte more than it may have is read, so that a longer one is refused.
fn read(name: &str) -> Result<Vec<u8>, ExitError> {
    let unreadable =
        |error: io::Error| ExitError::Settings(vec![format!("--certificate: `{name}` can't be read: {error}")]);
    let source: Box<dyn Read> = match name {
        STANDARD => Box::new(io::stdin()),
        name => Box::new(File::open(name).map_err(unreadable)?),
    };
    let mut bytes = Vec::new();
    let limited = source.take(MAX_CERTIFICATE_BYTES + 1).read_to_end(&mut bytes);
    limited.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_CERTIFICATE_BYTES {
        let problem = format!("it has more than {MAX_CERTIFICATE_BYTES} bytes");
        return Err(ExitError::Certificate {
            file: name.to_owned(),
            source: CertificateError::NotACertificate { problem },
        });
    }
    Ok(bytes)
}

/// Compares the bytes of an archive with the certified ones. A file needs no installation.
fn compare(archive: &str, facts: &CertifiedFacts, reading: &Reading) -> Result<(), ExitError> {
    let refused_certificate = |source| ExitError::Certificate {
        file: archive.to_owned(),
        source,
    };
    let id = match NamedArchive::of(archive)? {
        NamedArchive::File(file) => return facts.compare(file.read()?).map_err(refused_certificate),
        NamedArchive::Stored(id) => id,
    };
    with_archives(reading, async |archives, _| {
        let stored = archives.show(&id).await.map_err(refused)?;
        let (source, facts) = (archives.source(&stored.manifest), facts.clone());
        // Reading blocks.
        let compared = tokio::task::spawn_blocking(move || {
            let bytes = source.open().map_err(refused)?;
            Ok(facts.compare(bytes))
        });
        let compared: Result<_, ExitError> = compared.await.map_err(ExitError::failed("reading the archive"))?;
        compared?.map_err(refused_certificate)
    })
}

fn report(name: &str, archive: Option<&str>, checked: &CheckedCertificate, report: Report) -> Result<(), ExitError> {
    let CheckedCertificate {
        key_id,
        is_trusted,
        facts,
    } = checked;
    if report == Report::Json {
        return print_json(&CertificateReport {
            archive_id: facts.archive_id(),
            created_at: facts.created_at(),
            issued_at: facts.issued_at,
            key_id,
            is_trusted: *is_trusted,
            status: facts.status(),
            statement: facts.statement(),
            record: facts.record(),
            is_manifest_signed: facts.is_manifest_signed(),
            is_archive_compared: archive.is_some(),
        });
    }
    report.say(&format!(
        "{name}: the signature is valid, issued on {} for the archive {}",
        moment(facts.issued_at),
        facts.archive_id()
    ))?;
    report.say(&match is_trusted {
        true => format!("the key of --public-key signed it ({key_id})"),
        false => format!(
            "no key was given with --public-key, so this proves only that the certificate was not changed after the key in it signed \
             it; compare the fingerprint of that key with yours: {key_id}"
        ),
    })?;
    report.say(&format!(
        "data of {}, {} rows. {}",
        moment(facts.created_at()),
        HumanCount(facts.total_rows),
        facts.statement()
    ))?;
    report.say(&format!(
        "status: {}, record in the database: {}, manifest signed: {}",
        facts.status(),
        facts.record(),
        match facts.is_manifest_signed() {
            true => "yes",
            false => "no",
        }
    ))?;
    match archive {
        Some(archive) => report.say(&format!("{archive}: this is the certified archive, byte for byte")),
        None => Ok(()),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
