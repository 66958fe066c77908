//! Templates: a file with the headings of a table and one example row, to be filled in.
//!
//! The headings are those of our downloads, but without ids: a new row has none, and people know a student by the registration
//! number and a course by its name. The example row begins with a word that no data has, so that an import leaves it out if a
//! person forgets to remove it. CSV has no place for notes; a workbook has a second sheet for them.

use rust_xlsxwriter::{Format, Workbook};

use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::export::write_text;

const DOING: &str = "writing a template";

/// The format of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateFormat {
    /// Headings and the example row. CSV has no place for notes.
    Csv,
    /// The same, and a second sheet with notes.
    Xlsx,
}

/// The values by which the example rows are recognized.
const EXAMPLES: [&str; 3] = ["EXAMPLE-1", "EXAMPLE: Mathematics", "EXAMPLE: Tuition"];

/// A column: heading, example, note.
type TemplateColumn = (&'static str, &'static str, &'static str);

const STUDENT: TemplateColumn = (
    "Registration Number",
    EXAMPLES[0],
    "Required. The registration number of a student who exists. A column `Student ID` does instead.",
);
const COURSE: TemplateColumn = (
    "Course Name",
    "Mathematics",
    "Required. The name of a course that exists. A column `Course ID` does instead.",
);

/// The columns of the template of a table.
fn columns(table: Table) -> &'static [TemplateColumn] {
    match table {
        // Accounts can't be imported.
        Table::Users => &[],
        Table::Students => &[
            (
                "Registration Number",
                EXAMPLES[0],
                "Required, up to 255 characters. It identifies the student: each number only once.",
            ),
            ("Full Name", "Anita Sharma", "Required, up to 255 characters."),
            ("Email", "anita@example.org", "Optional, up to 255 characters."),
            (
                "Phone",
                "+91 98450 12345",
                "Optional, up to 255 characters. Format the column as text, or the spreadsheet removes digits.",
            ),
            ("Address", "12 Lake Road, Pune", "Optional."),
            (
                "Date of Birth",
                "31-12-2010",
                "Optional. Day, month, year: 31-12-2010 or 2010-12-31.",
            ),
        ],
        Table::Courses => &[
            (
                "Course Name",
                EXAMPLES[1],
                "Required, up to 255 characters. It identifies the course: each name only once.",
            ),
            ("Description", "Algebra and geometry", "Optional."),
            ("Instructor Name", "Ravi Kumar", "Optional, up to 255 characters."),
            (
                "Instructor Contact",
                "+91 98450 54321",
                "Optional, up to 255 characters.",
            ),
            ("Fee", "1234.50", "Required. An amount with at most two decimals."),
            ("Seats", "30", "Required. A whole number."),
        ],
        Table::PaymentCategories => &[
            (
                "Name",
                EXAMPLES[2],
                "Required, up to 255 characters. It identifies the category: each name only once.",
            ),
            ("Description", "Fees of a term", "Optional."),
        ],
        Table::Enrollments => &[
            STUDENT,
            COURSE,
            (
                "Enrolled At",
                "31-12-2024 09:30:00",
                "Optional: the time of the import if it is empty. In the school's time zone.",
            ),
        ],
        Table::Payments => &[
            STUDENT,
            ("Payment Category", "Tuition", "Required. The name of a category."),
            (
                "Amount Paid",
                "1234.50",
                "Required. An amount with at most two decimals.",
            ),
            (
                "Payment Date",
                "31-12-2024 09:30:00",
                "Date and time in the school's time zone; a date alone is midnight.",
            ),
            ("Status", "paid", "Required: paid, pending or partial_paid."),
            (
                "Transaction ID",
                "T-1001",
                "Optional, up to 255 characters. It identifies a payment that is imported again.",
            ),
        ],
        Table::Attendance => &[
            STUDENT,
            COURSE,
            (
                "Date",
                "31-12-2024",
                "Required. Day, month, year: 31-12-2024 or 2024-12-31.",
            ),
            (
                "Status",
                "present",
                "Required: present, absent or leave; P, A and L do as well.",
            ),
        ],
    }
}

/// Whether a cell is that by which the example row of a template is recognized.
pub(super) fn is_example(text: &str) -> bool {
    text.starts_with("EXAMPLE") && EXAMPLES.contains(&text)
}

/// The template of a table, the bytes of a file.
///
/// # Errors
/// [`Error::Invalid`] for the table of users, which can't be imported; [`Error::Internal`] if the workbook can't be written.
pub fn template(table: Table, format: TemplateFormat) -> Result<Vec<u8>> {
    let columns = columns(table);
    if columns.is_empty() {
        return Err(Error::Invalid {
            field: "table",
            problem: "must not be users, which can't be imported".to_owned(),
        });
    }
    match format {
        TemplateFormat::Csv => Ok(csv(columns)),
        TemplateFormat::Xlsx => xlsx(table, columns).map_err(Error::internal(DOING)),
    }
}

fn csv(columns: &[TemplateColumn]) -> Vec<u8> {
    // Without a byte order mark Excel misreads what people add.
    let mut out = "\u{feff}".as_bytes().to_vec();
    let headings = columns.iter().map(|(heading, ..)| *heading);
    let examples = columns.iter().map(|(_, example, _)| *example);
    for row in [headings.collect::<Vec<_>>(), examples.collect()] {
        for (place, cell) in row.into_iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_text(cell, &mut out);
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn xlsx(table: Table, columns: &[TemplateColumn]) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    // In cells of the format text a spreadsheet changes nothing that is typed.
    let (text, bold) = (Format::new().set_num_format("@"), Format::new().set_bold());
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name(table.name())?;
    for (place, (heading, example, _)) in (0..).zip(columns) {
        sheet.set_column_width(place, 24)?.set_column_format(place, &text)?;
        sheet.write_string_with_format(0, place, *heading, &bold)?;
        sheet.write_string_with_format(1, place, *example, &text)?;
    }
    let notes = workbook.add_worksheet().set_name("Notes")?;
    notes.set_column_width(0, 24)?.set_column_width(1, 100)?;
    notes.write_string_with_format(0, 0, "How to fill in", &bold)?;
    notes.write_string(
        0,
        1,
        "One row for each entry. Remove the example row, or leave it: it is not imported.",
    )?;
    for (row, (heading, _, note)) in (1..).zip(columns) {
        notes.write_string(row, 0, *heading)?;
        notes.write_string(row, 1, *note)?;
    }
    workbook.save_to_buffer()
}
