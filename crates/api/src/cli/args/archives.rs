//! The arguments of the subcommands that work with archives and tables.

use clap::{Args, Subcommand};

use crate::cli::args::settings::Common;
use crate::cli::output::Report;
use crate::csv_style::{DatesName, DecimalsName, DelimiterName};

/// What people say of an archive.
#[derive(Clone, Debug, Args)]
pub struct ArchiveFields {
    /// A short name.
    #[arg(long)]
    pub label: Option<String>,
    /// A longer word.
    #[arg(long)]
    pub note: Option<String>,
    /// Protect it from deletion.
    #[arg(long)]
    pub protected: bool,
}

/// What `clear` takes.
#[derive(Debug, Args)]
pub struct Clear {
    /// students, courses, enrollments, payments, attendance or all.
    pub table: String,
    /// Show what would be removed and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing if another number of rows would be removed.
    #[arg(long, value_name = "N")]
    pub expected_rows: Option<u64>,
    /// Do not ask. Without a terminal it can't be asked, and is refused.
    #[arg(long)]
    pub yes: bool,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// What `download` takes.
#[derive(Debug, Args)]
pub struct Download {
    /// The archive's id, for which no account is needed; or a table, or `all`, of the live data.
    #[arg(value_name = "ID|TABLE")]
    pub what: String,
    /// csv, json or xlsx, of a table [default: csv; json of `all`].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Where it goes; it appears there only when it is whole. `-` is the standard output [default: a file of its own name in this
    /// folder].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// How a table is written.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// How a table is written for people.
#[derive(Clone, Debug, Args)]
pub struct TableStyle {
    /// What stands between two fields of CSV.
    #[arg(long, value_name = "DELIMITER", value_enum, default_value_t)]
    pub delimiter: DelimiterName,
    /// What stands before the decimals of an amount in CSV.
    #[arg(long, value_name = "MARK", value_enum, default_value_t)]
    pub decimals: DecimalsName,
    /// How dates are written in CSV.
    #[arg(long, value_name = "STYLE", value_enum, default_value_t)]
    pub dates: DatesName,
    /// Columns with the names of students and courses beside their ids, in CSV and XLSX.
    #[arg(long)]
    pub names: bool,
}

/// What `restore` takes.
#[derive(Debug, Args)]
pub struct Restore {
    /// The archive's id, or the path of a file, which is put among the archives first; `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// What becomes of rows: `replace` makes them what the archive has and removes all others, `merge` removes none,
    /// `insert_missing` adds only those that are not there.
    #[arg(long, value_name = "MODE")]
    pub mode: String,
    /// Only this table; may be repeated [default: everything].
    #[arg(long, value_name = "TABLE", conflicts_with = "student")]
    pub table: Vec<String>,
    /// Only the student with this id, with everything that hangs on them.
    #[arg(long, value_name = "ID")]
    pub student: Option<i64>,
    /// Disable active administrators whom the archive has as inactive, with another role, or with a password with which nobody
    /// can sign in. Otherwise they stay as they are.
    #[arg(long)]
    pub disable_administrators: bool,
    /// Restore an archive of the store that is not encrypted although the settings encrypt archives: whoever can write to the
    /// store, without any key, may have put it there. A file needs no such flag.
    #[arg(long)]
    pub allow_unencrypted: bool,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask. Without a terminal it can't be asked, and is refused.
    #[arg(long)]
    pub yes: bool,
    /// Confirm that the accounts of administrators which the plan names are to change. Needed with --yes if there are any.
    #[arg(long)]
    pub confirm_administrators: bool,
    /// Who asks, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// What `extract` takes.
#[derive(Debug, Args)]
pub struct Extract {
    /// The archive's id, or the path of a file; `-` is the standard input.
    #[arg(value_name = "ID|FILE")]
    pub archive: String,
    /// Which table.
    pub table: String,
    /// csv or json.
    #[arg(long, default_value = "csv", value_name = "FORMAT")]
    pub format: String,
    /// Where the table goes; it appears there only if the archive is whole. `-` is the standard output [default: -].
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// How the table is written.
    #[command(flatten)]
    pub table_style: TableStyle,
    /// In which time zone CSV shows times.
    #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// Where the archive is.
    #[command(flatten)]
    pub reading: Reading,
}

/// Where archives are that are only read.
#[derive(Clone, Debug, Args)]
pub struct Reading {
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Where the archives are.
    #[command(flatten)]
    pub common: Common,
}

/// Who acts, and where. The service may run at the same time, or not at all.
#[derive(Clone, Debug, Args)]
pub struct Acting {
    /// The administrator who acts; a restore leaves this account as it is.
    #[arg(
        long = "as",
        env = "CAMPUS_BACKUP_ADMIN_USERNAME",
        value_name = "USERNAME",
        default_value = "admin"
    )]
    pub username: String,
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Where the database and the archives are.
    #[command(flatten)]
    pub common: Common,
}

/// Looking into an archive that is a file in the hand. Each reads it to its end and refuses one that is not whole.
#[derive(Debug, Subcommand)]
pub enum Open {
    /// Say what is in it, by table.
    List(Archive),
    /// Say whether it is whole.
    Verify(Archive),
    /// Take one table out, as its download was at the archive's moment.
    Extract {
        /// Which archive.
        #[command(flatten)]
        archive: Archive,
        /// Which table.
        table: String,
        /// csv or json.
        #[arg(long, default_value = "csv", value_name = "FORMAT")]
        format: String,
        /// Where the table goes; it appears there only if the archive is whole. `-` is the standard output [default: -].
        #[arg(long, value_name = "FILE")]
        output: Option<String>,
        /// How the table is written.
        #[command(flatten)]
        table_style: TableStyle,
        /// In which time zone CSV shows times.
        #[arg(long, env = "CAMPUS_BACKUP_TIMEZONE", value_name = "ZONE", default_value = "UTC")]
        timezone: String,
    },
}

/// An archive file and what opens it.
#[derive(Debug, Args)]
pub struct Archive {
    /// The file, whether bare, compressed (zstd) or encrypted (age); `-` is the standard input.
    pub file: String,
    /// A file with the secret keys of an encrypted one, as `age-keygen` makes it. Others must not be able to read it.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<String>,
    /// Answer with one JSON object, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Print nothing but what was asked for, and errors.
    #[arg(long, short)]
    pub quiet: bool,
}

impl Acting {
    /// Who acts. An empty variable counts as not set.
    pub(crate) fn username(&self) -> &str {
        match self.username.trim() {
            "" => "admin",
            username => username,
        }
    }

    /// How it is told what was done.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
}

impl Reading {
    /// How it is told what was done.
    pub(crate) fn report(&self) -> Report {
        Report::of(self.json, self.common.quiet)
    }
}
