//! The arguments of `adopt`.

use campus_backup_engine::mapping::SheetName;
use clap::Args;

use super::CommonSettings;

/// What `adopt` takes.
#[derive(Clone, Debug, Args)]
pub struct Adopt {
    /// Compare this mapping file with the database instead. The exit code is 0 if it fits, 1 if it can be used and something
    /// is to be looked at, and 2 if it can't be used.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explain", "mapping"])]
    pub check: Option<String>,
    /// Print the rows that belong to this sheet instead, table by table: `students`, `courses`, `payments`, `attendance`,
    /// `enrollments` or `users`.
    #[arg(long, value_name = "SHEET", value_parser = sheet)]
    pub explain: Option<SheetName>,
    /// With `--explain`: the mapping file [default: a guess].
    #[arg(long, value_name = "FILE", requires = "explain")]
    pub mapping: Option<String>,
    /// The database and the log. The rest is not used.
    #[command(flatten)]
    pub common: CommonSettings,
}

fn sheet(name: &str) -> Result<SheetName, String> {
    let names = SheetName::ALL.map(SheetName::name).join(", ");
    SheetName::from_name(name).ok_or_else(|| format!("it is none of {names}"))
}
