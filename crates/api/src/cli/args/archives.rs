//! The arguments of the subcommands that work with archives and tables.

use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_domain::operations::{ArchiveSort, LastResult, SortDirection};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::cli::args::settings::CommonSettings;
use crate::cli::output::Report;
use crate::csv_style::{DatesName, DecimalsName, DelimiterName};

/// The fields of an archive that people set.
#[derive(Clone, Debug, Args)]
pub struct ArchiveFields {
    /// Short name.
    #[arg(long)]
    pub label: Option<String>,
    /// Free-text note.
    #[arg(long)]
    pub note: Option<String>,
    /// Protect it from deletion.
    #[arg(long)]
    pub protected: bool,
}

/// The form of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CertificateForm {
    /// The signed document.
    #[default]
    Json,
    /// One page for people, to be printed.
    Html,
}

/// The arguments of `certificate`.
#[derive(Debug, Args)]
pub struct Certificate {
    /// The archive's id.
    #[arg(value_name = "ID", required_unless_present = "public_key")]
    pub id: Option<String>,
    /// Print the public key that checks the certificates of this installation, and its fingerprint, instead.
    #[arg(long, conflicts_with_all = ["id", "format", "output"])]
    pub public_key: bool,
    /// json, which can be verified, or html, one page to be printed.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: CertificateForm,
    /// Output file. `-` is the standard output [default: -].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// Time zone of the school.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}

/// The certificate that `verify` checks.
#[derive(Clone, Debug, Args)]
pub struct CertificateCheck {
    /// Check this certificate instead; `-` is the standard input. If an archive is named, it is compared with the certificate, byte
    /// for byte. This needs no installation, no database and no keys. The id of a stored archive needs access to the archives.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<String>,
    /// The public key that must have signed the certificate, in base64, or its fingerprint. Without it, any key is accepted.
    #[arg(long, value_name = "KEY", requires = "certificate")]
    pub public_key: Option<String>,
}

/// The arguments of `clear`.
#[derive(Debug, Args)]
pub struct Clear {
    /// students, courses, enrollments, payments, attendance or all.
    pub table: String,
    /// Show what would be deleted and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing if another number of rows would be deleted.
    #[arg(long, value_name = "N")]
    pub expected_rows: Option<u64>,
    /// Do not ask for confirmation. Required where there is no terminal to ask on.
    #[arg(long)]
    pub yes: bool,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}

/// The arguments of `download`.
#[derive(Debug, Args)]
pub struct Download {
    /// An archive's id, for which no account is needed; or a table of the live data, or `all`.
    #[arg(value_name = "ID|TABLE")]
    pub what: String,
    /// Format of a table: csv, json or xlsx [default: csv; json for `all`].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Output file, which appears only when it is complete. `-` is the standard output [default: a file in the current folder,
    /// named by its content].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// The style of a table.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}

/// The style of a table as a file.
#[derive(Clone, Debug, Args)]
pub struct TableStyle {
    /// Delimiter between the fields of CSV.
    #[arg(long, value_name = "DELIMITER", value_enum, default_value_t)]
    pub delimiter: DelimiterName,
    /// Decimal mark of amounts in CSV.
    #[arg(long, value_name = "MARK", value_enum, default_value_t)]
    pub decimals: DecimalsName,
    /// Style of dates in CSV.
    #[arg(long, value_name = "STYLE", value_enum, default_value_t)]
    pub dates: DatesName,
    /// Add columns with the names of students and courses beside their ids, in CSV and XLSX.
    #[arg(long)]
    pub names: bool,
}

/// The arguments of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// An archive's id, or the path of a backup file, which is uploaded first. `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// `replace` makes the rows equal to the archive and deletes all others. `merge` deletes none. `insert_missing` adds only
    /// rows that are absent.
    #[arg(long, value_name = "MODE")]
    pub mode: String,
    /// Restore only this table. May be repeated [default: everything].
    #[arg(long, value_name = "TABLE", conflicts_with = "student")]
    pub table: Vec<String>,
    /// Restore only the student with this id, with all rows that belong to them.
    #[arg(long, value_name = "ID")]
    pub student: Option<i64>,
    /// Disable active administrators that the archive has as inactive, with another role, or with a password that no longer works.
    /// Without this flag they stay as they are.
    #[arg(long)]
    pub disable_administrators: bool,
    /// Restore a stored archive that is not encrypted although the settings encrypt archives. Anyone with write access to the store
    /// could have put it there without a key. A file needs no such flag.
    #[arg(long)]
    pub allow_unencrypted: bool,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation. Required where there is no terminal to ask on.
    #[arg(long)]
    pub yes: bool,
    /// Confirm the changes to administrators' accounts that the plan names. Required with --yes if there are any.
    #[arg(long)]
    pub confirm_administrators: bool,
    /// The secret key that opens the archive.
    #[command(flatten)]
    pub identity: Identity,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}

/// The arguments of `extract`.
#[derive(Debug, Args)]
pub struct Extract {
    /// An archive's id, or the path of a backup file. `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// The table.
    pub table: String,
    /// csv or json.
    #[arg(long, default_value = "csv", value_name = "FORMAT")]
    pub format: String,
    /// Output file, which appears only if the archive is complete. `-` is the standard output [default: -].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// The style of the table.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// Time zone of times in CSV.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// The keys and the archives.
    #[command(flatten)]
    pub reading: Reading,
}

/// The place of archives that are only read, and the keys that open them.
#[derive(Clone, Debug, Args)]
pub struct Reading {
    /// A file with secret keys of age, as `age-keygen` makes it, that opens this archive. Other users must not be able to read the
    /// file [default: the keys of the settings].
    #[arg(long, value_name = "FILE")]
    pub identity: Option<String>,
    /// Print one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// The settings of the installation.
    #[command(flatten)]
    pub common: CommonSettings,
}

/// Which archives to list, in which order.
#[derive(Clone, Debug, Args)]
pub struct ArchiveFilterArguments {
    /// Only archives that have all these words in their label, note, user, kind, date or id.
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// Only archives of this kind: created, uploaded or safety.
    #[arg(long, value_name = "KIND", value_parser = named::<ArchiveKind>)]
    pub kind: Option<ArchiveKind>,
    /// Only archives that are protected from deletion (true), or only the others (false).
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, default_missing_value = "true")]
    pub protected: Option<bool>,
    /// Only archives with this result of their last verification: none, digest, test_restore or failed.
    #[arg(long, value_name = "RESULT", value_parser = named::<LastResult>)]
    pub verification: Option<LastResult>,
    /// Only archives that this user created or uploaded; `system` for schedules.
    #[arg(long, value_name = "NAME")]
    pub created_by: Option<String>,
    /// Only archives with data of this time or later (RFC 3339, with an offset).
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// Only archives with data of a time before this one (RFC 3339, with an offset).
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// The field to sort by: id, created_at, size, total, label, kind or created_by.
    #[arg(long, value_name = "FIELD", default_value = "id", value_parser = named::<ArchiveSort>)]
    pub sort: ArchiveSort,
    /// desc or asc.
    #[arg(long, value_name = "DIRECTION", default_value = "desc", value_parser = named::<SortDirection>)]
    pub direction: SortDirection,
    /// The most archives to list [default: all].
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// How many archives to skip.
    #[arg(long, value_name = "N", default_value = "0")]
    pub offset: u64,
}

/// A value by its name in the API.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, serde::de::value::Error> {
    T::deserialize(name.into_deserializer())
}

/// The secret key of a command that acts.
#[derive(Clone, Debug, Args)]
pub struct Identity {
    /// A file with secret keys of age, as `key generate` makes it. They open the archive, beside the keys of the settings. Other
    /// users must not be able to read the file. It is needed if archives are encrypted to public keys alone.
    #[arg(id = "identity_file", long = "identity", value_name = "FILE")]
    pub file: Option<String>,
}

/// The account that acts, and the installation. The service may run at the same time.
#[derive(Clone, Debug, Args)]
pub struct Acting {
    /// The administrator that acts. A restore leaves this account as it is.
    #[arg(
        long = "as",
        env = "CAMPUS_BACKUP_ADMIN_USERNAME",
        value_name = "USERNAME",
        default_value = "admin"
    )]
    pub username: String,
    /// Print one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// The settings of the installation.
    #[command(flatten)]
    pub common: CommonSettings,
}

impl Acting {
    /// The user name of the account. An empty variable counts as not set.
    pub(crate) fn username(&self) -> &str {
        match self.username.trim() {
            "" => "admin",
            username => username,
        }
    }

    /// The form of the command's output.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
}

impl Reading {
    /// The form of the command's output.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
}
