//! The certificate of an archive as one page for people: readable on a screen, and printed on A4.
//!
//! The page loads nothing and has no script. It contains the signed document, so a saved page still has what can be verified.

use std::fmt::Write as _;

use campus_backup_archive::manifest::{ArchiveKind, VerificationResult};
use campus_backup_archive::{Compression, Encryption};
use campus_backup_domain::certificate::{
    CertifiedCopy, CertifiedStatus, CertifiedVerification, RecordProof, SignedCertificate,
};
use campus_backup_domain::destination::CopyState;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::link_page::{escaped, policy_of};

/// The style sheet. The policy allows it by its digest.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#868e96;--good:#2b8a3e;--bad:#c92a2a}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}\
h2{font-size:1.125rem;margin:1.5rem 0 .5rem;break-after:avoid}\
p{margin:.25rem 0}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}\
th[scope=row]{font-weight:600;min-width:9rem}\
tr{break-inside:avoid}\
.number{text-align:right;font-variant-numeric:tabular-nums}\
.digest,pre{font-family:ui-monospace,monospace;font-size:.8125rem}\
pre{white-space:pre-wrap;border:1px solid var(--line);padding:.5rem}\
.status{border-left:.375rem solid var(--line);padding:.25rem .75rem;margin:1rem 0;font-weight:600}\
.good{border-color:var(--good)}\
.bad{border-color:var(--bad)}\
@media (prefers-color-scheme:dark){:root{--good:#69db7c;--bad:#ff8787}}\
@page{size:A4;margin:18mm}\
@media print{:root{color-scheme:light}body{font-size:10pt;max-width:none;margin:0;padding:0}details{display:none}}";

/// The page may have its style sheet, and nothing else.
pub(crate) fn policy() -> String {
    policy_of(STYLE, "'none'")
}

/// The page of a certificate.
pub(crate) fn page(signed: &SignedCertificate) -> String {
    let certificate = &signed.certificate;
    let zone = certificate.timezone.parse().unwrap_or(Tz::UTC);
    let time = |at| time(at, zone);
    let mut page = Page(String::new());
    page.begin(&certificate.archive.id);
    page.paragraph(&format!(
        "Issued on {} for {} by the installation {}.",
        time(certificate.issued_at),
        certificate.issued_by,
        certificate.issuer.installation_id
    ));
    let class = match certificate.verification.status {
        CertifiedStatus::Verified => "good",
        CertifiedStatus::CheckedWhenStored | CertifiedStatus::Unverified => "",
        CertifiedStatus::Damaged | CertifiedStatus::ManifestUnproven | CertifiedStatus::DiffersFromRecord => "bad",
    };
    page.status(class, &certificate.verification.statement);

    page.heading("The backup");
    let archive = &certificate.archive;
    page.begin_table();
    page.optional_row("Label", archive.label.as_deref());
    page.row("Data of", &time(archive.created_at));
    let unknown = "a schedule, or not known";
    page.row(
        match archive.kind {
            ArchiveKind::Uploaded => "Uploaded by",
            ArchiveKind::Created | ArchiveKind::Safety => "Created by",
        },
        archive.created_by.as_deref().unwrap_or(unknown),
    );
    page.row("Kind", kind(archive.kind));
    page.optional_row("Stored by the job", archive.job_id.as_deref());
    page.row("Size", &format!("{} bytes", grouped(archive.size)));
    page.row("Stored as", &form(archive.compression, archive.encryption));
    page.end_table();

    page.heading("The database");
    let source = &certificate.source;
    page.begin_table();
    page.row("Engine", engine(&source.engine));
    page.row("Installation", source.installation_id.as_deref().unwrap_or("not known"));
    page.row(
        "Schema version",
        source.schema_version.as_deref().unwrap_or("not recorded"),
    );
    page.row(
        "Program",
        &format!(
            "campus-backup {}, archive format {}",
            source.app_version, source.format_version
        ),
    );
    page.end_table();

    page.heading("Rows and digests");
    page.begin_columns(&["Table", "Rows", "SHA-256 of the rows"]);
    for table in &certificate.tables {
        page.counted(
            &table.name,
            &grouped(table.rows),
            Some(table.sha256.as_deref().unwrap_or("not recorded")),
        );
    }
    page.counted("All tables", &grouped(certificate.total_rows), Some(""));
    page.end_table();

    page.heading("Sums of money");
    page.begin_columns(&["Column", "Sum"]);
    for total in &certificate.money {
        page.counted(&total.column, &total.total, None);
    }
    page.end_table();

    page.heading("Digests of the file");
    page.begin_table();
    page.digest("Stored bytes (SHA-256)", &certificate.digests.stored_bytes_sha256);
    let document = certificate.digests.document_sha256.as_deref();
    page.digest("Document (SHA-256)", document.unwrap_or("not recorded"));
    page.end_table();

    page.heading("Verifications");
    page.begin_table();
    let verification = &certificate.verification;
    page.row("Verification", &verified(verification.digest.as_ref(), zone));
    page.row("Test restore", &verified(verification.test_restore.as_ref(), zone));
    page.end_table();

    page.heading("Copies");
    if certificate.copies.is_empty() {
        page.paragraph("There is no copy in a destination.");
    } else {
        page.begin_table();
        for copy in &certificate.copies {
            page.row(&copy.destination, &copied(copy, zone));
        }
        page.end_table();
    }

    page.heading("Safety");
    let safety = &certificate.safety;
    page.begin_table();
    page.row("Protected from deletion", yes_or_no(safety.protected));
    page.row("Has hashes of passwords", yes_or_no(safety.contains_password_hashes));
    if let Some(since) = safety.deletion_refused_since {
        page.row("The store refuses to delete it", &format!("since {}", time(since)));
    }
    if let Some(undo) = &safety.needed_for_undo {
        let text = format!("the change {}, until {}", undo.change_id, time(undo.until));
        page.row("Needed to undo", &text);
    }
    if let Some(suspicion) = &safety.suspicion {
        page.row("Suspicious", &suspicion.findings.join("; "));
        let accepted = match (suspicion.accepted_at, &suspicion.accepted_by) {
            (Some(at), by) => format!("on {} by {}", time(at), by.as_deref().unwrap_or("an administrator")),
            (None, _) => "no".to_owned(),
        };
        page.row("Accepted", &accepted);
    }
    page.end_table();

    page.heading("Proof");
    let proof = &certificate.proof;
    for statement in &proof.statements {
        page.paragraph(statement);
    }
    page.begin_table();
    page.row("Record in the database", record(proof.record));
    if let Some(at) = proof.recorded_at {
        page.row("Recorded", &time(at));
    }
    page.row("Signed manifest", yes_or_no(proof.is_manifest_signed));
    page.end_table();

    page.heading("Signature");
    page.begin_table();
    page.digest("Algorithm", &signed.signature.algorithm);
    page.digest("Fingerprint of the key", &signed.signature.key_id);
    page.digest("Public key", &signed.signature.public_key);
    page.digest("Signed document (SHA-256)", &signed.sha256);
    page.digest("Signature", &signed.signature.value);
    page.end_table();
    page.paragraph(
        "Compare the fingerprint with the one that you have written down. A printed page alone proves nothing: verify the signed \
         document with `campus-backup verify --certificate`.",
    );
    page.document(signed);
    page.finish()
}

/// HTML that is being written. Every text is escaped.
struct Page(String);

impl Page {
    fn begin(&mut self, id: &str) {
        let id = escaped(id);
        self.write(format_args!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>Certificate of the backup {id}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Certificate of the backup {id}</h1>
"#
        ));
    }

    /// Writing to a `String` can't fail.
    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(text);
    }

    fn heading(&mut self, text: &str) {
        self.write(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.write(format_args!("<p>{}</p>\n", escaped(text)));
    }

    fn status(&mut self, class: &str, text: &str) {
        self.write(format_args!("<p class=\"status {class}\">{}</p>\n", escaped(text)));
    }

    fn begin_table(&mut self) {
        self.0.push_str("<table>\n");
    }

    fn begin_columns(&mut self, headings: &[&str]) {
        self.0.push_str("<table>\n<thead><tr>");
        for (index, heading) in headings.iter().enumerate() {
            let class = if index == 1 { " class=\"number\"" } else { "" };
            self.write(format_args!("<th scope=\"col\"{class}>{}</th>", escaped(heading)));
        }
        self.0.push_str("</tr></thead>\n");
    }

    fn end_table(&mut self) {
        self.0.push_str("</table>\n");
    }

    /// `bdi` isolates a text whose direction differs, so that it can't reorder the text around it.
    fn row(&mut self, name: &str, value: &str) {
        let (name, value) = (escaped(name), escaped(value));
        self.write(format_args!(
            "<tr><th scope=\"row\"><bdi>{name}</bdi></th><td><bdi>{value}</bdi></td></tr>\n"
        ));
    }

    fn optional_row(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.row(name, value);
        }
    }

    fn digest(&mut self, name: &str, value: &str) {
        let (name, value) = (escaped(name), escaped(value));
        self.write(format_args!(
            "<tr><th scope=\"row\">{name}</th><td class=\"digest\">{value}</td></tr>\n"
        ));
    }

    /// A row of a table with two columns, or with a digest as the third.
    fn counted(&mut self, name: &str, count: &str, digest: Option<&str>) {
        let (name, count) = (escaped(name), escaped(count));
        self.write(format_args!(
            "<tr><th scope=\"row\"><bdi>{name}</bdi></th><td class=\"number\">{count}</td>"
        ));
        if let Some(digest) = digest {
            self.write(format_args!("<td class=\"digest\">{}</td>", escaped(digest)));
        }
        self.0.push_str("</tr>\n");
    }

    fn document(&mut self, signed: &SignedCertificate) {
        // Texts and integers always have a JSON form.
        let json = serde_json::to_string_pretty(signed).unwrap_or_default();
        self.write(format_args!(
            "<details>\n<summary>Signed document</summary>\n<pre>{}</pre>\n</details>\n",
            escaped(&json)
        ));
    }

    fn finish(mut self) -> String {
        self.0.push_str("</main>\n</body>\n</html>\n");
        self.0
    }
}

/// A time in UTC, and in the time zone of the school if that is another.
fn time(at: DateTime<Utc>, zone: Tz) -> String {
    let utc = at.format("%Y-%m-%d %H:%M:%S UTC");
    match zone {
        Tz::UTC => utc.to_string(),
        zone => {
            let local = at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
            format!("{utc} ({local} {})", zone.name())
        }
    }
}

const fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

const fn kind(kind: ArchiveKind) -> &'static str {
    match kind {
        ArchiveKind::Created => "Backup",
        ArchiveKind::Safety => "Safety backup, created before a clear, a restore or an undo",
        ArchiveKind::Uploaded => "Uploaded backup file",
    }
}

fn engine(name: &str) -> &str {
    match name {
        "sqlite" => "SQLite",
        "postgresql" => "PostgreSQL",
        "mysql" => "MySQL or MariaDB",
        name => name,
    }
}

fn form(compression: Compression, encryption: Encryption) -> String {
    let compressed = match compression {
        Compression::None => "not compressed",
        Compression::Zstd => "compressed (zstd)",
    };
    let encrypted = match encryption {
        Encryption::None => "not encrypted",
        Encryption::Age => "encrypted (age)",
    };
    format!("{compressed}, {encrypted}")
}

const fn record(record: RecordProof) -> &'static str {
    match record {
        RecordProof::Matches => "matches the archive",
        RecordProof::Differs => "differs from the archive",
        RecordProof::Absent => "there is none",
    }
}

fn verified(found: Option<&CertifiedVerification>, zone: Tz) -> String {
    let Some(found) = found else {
        return "never".to_owned();
    };
    let result = match (found.result, &found.code) {
        (VerificationResult::Ok, _) => "succeeded".to_owned(),
        (VerificationResult::Failed, Some(code)) => format!("failed ({code})"),
        (VerificationResult::Failed, None) => "failed".to_owned(),
    };
    let restored = match found.restore_duration_ms {
        Some(duration) => format!(", of which the restore took {}", seconds(duration)),
        None => String::new(),
    };
    let (at, took) = (time(found.at, zone), seconds(found.duration_ms));
    format!("{result} on {at}, in {took}{restored}")
}

fn copied(copy: &CertifiedCopy, zone: Tz) -> String {
    let state = match copy.state {
        CopyState::Copied => "copied and read back",
        CopyState::Pending => "not copied yet",
        CopyState::Failed => "the last attempt to copy it has failed",
        CopyState::Deleting => "it is being deleted",
        CopyState::Retained => "the destination refuses to delete it",
    };
    match copy.copied_at {
        Some(at) => format!("{state}; copied on {}", time(at, zone)),
        None => state.to_owned(),
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A thin space that does not break the line.
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_both_zones_once() {
        let at = "2026-11-30T09:12:04.123456Z".parse().unwrap();
        assert_eq!(time(at, Tz::UTC), "2026-11-30 09:12:04 UTC");
        assert_eq!(
            time(at, Tz::Asia__Kolkata),
            "2026-11-30 09:12:04 UTC (2026-11-30 14:42:04 Asia/Kolkata)"
        );
    }

    #[test]
    fn numbers_are_grouped_and_durations_exact() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(109_053), "109\u{202f}053");
        assert_eq!(grouped(1_000_000), "1\u{202f}000\u{202f}000");
        assert_eq!(seconds(1_520), "1.520 s");
        assert_eq!(seconds(7), "0.007 s");
    }

    #[test]
    fn policy_allows_the_style_sheet_and_no_script() {
        let policy = policy();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    }

    #[test]
    fn rows_are_escaped() {
        let mut page = Page(String::new());
        page.row("<script>", "\"><img src=x onerror=alert(1)>&");
        page.counted("<b>", "<i>", Some("<u>"));
        page.digest("<a>", "<p>");
        assert!(
            !page.0.contains("<script") && !page.0.contains("<img") && !page.0.contains("<b>"),
            "{}",
            page.0
        );
    }
}
