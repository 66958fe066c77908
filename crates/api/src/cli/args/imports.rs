//! The arguments of `import`.

use clap::Args;

use super::Acting;

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// students, courses, payment_categories, enrollments, payments or attendance.
    pub table: String,
    /// The file: CSV, XLSX, ODS or JSON. `-` is the standard input.
    pub file: String,
    /// insert (only new rows), update (only existing rows), upsert (both) or replace (both, and rows that the file does not have are
    /// removed).
    #[arg(long, default_value = "upsert", value_name = "MODE")]
    pub mode: String,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation. Required where there is no terminal to ask on.
    #[arg(long)]
    pub yes: bool,
    /// Leave out wrong and conflicting rows. Otherwise nothing is imported if there is one.
    #[arg(long)]
    pub skip_wrong: bool,
    /// Write the wrong and conflicting rows with the reasons into a CSV file.
    #[arg(long, value_name = "FILE")]
    pub errors: Option<String>,
    /// The column of the table for a heading that is not recognized. Can be given more than once. Without a column, the heading is
    /// ignored.
    #[arg(long, value_name = "HEADING=COLUMN", num_args = 1..)]
    pub columns: Vec<String>,
    /// A table in which missing rows are created: payment_categories.
    #[arg(long, value_name = "TABLE")]
    pub create_missing: Vec<String>,
    /// The order in dates such as 03/04/2024: day_first, month_first or year_first.
    #[arg(long, default_value = "day_first", value_name = "ORDER")]
    pub dates: String,
    /// The decimal mark of amounts: auto, point or comma.
    #[arg(long, default_value = "auto", value_name = "MARK")]
    pub decimals: String,
    /// The sheet of a workbook [default: the only one with rows].
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Keep the apostrophe that protects texts in downloads from being run as formulas.
    #[arg(long)]
    pub no_formula_guard: bool,
    /// The account that acts, and the installation.
    #[command(flatten)]
    pub acting: Acting,
}
