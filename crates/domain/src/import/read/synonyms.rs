//! The words that people use for the columns of each table.

use super::FileTarget;
use crate::catalog::{Column, ColumnSource, NameColumns, Table};

/// What the heading of a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Values of the table.
    Target(FileTarget),
    /// The name of a student beside what identifies the student.
    StudentName,
}

/// How surely a heading has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// A word of the list below.
    Synonym,
    /// The name of the column in the API or the heading of our own files.
    Exact,
    /// The person says so.
    Mapping,
}

/// Words for a registration number.
const REGISTRATION: &[&str] = &[
    "Registration Number",
    "Registration No",
    "Registration Num",
    "Registration",
    "Registration ID",
    "Reg No",
    "Reg Number",
    "Reg Num",
    "Reg ID",
    "Reg",
    "Regd No",
    "Regn No",
    "Regn Number",
    "Roll Number",
    "Roll No",
    "Roll Num",
    "Roll",
    "Enrollment Number",
    "Enrolment Number",
    "Enrollment No",
    "Enrolment No",
    "Admission Number",
    "Admission No",
    "Adm No",
    "Student Number",
    "Student No",
    "Matriculation Number",
    "Matric No",
    "Student Registration Number",
    "Student Reg No",
    "Student Roll No",
];

/// Words for the name of a student.
const STUDENT_NAME: &[&str] = &[
    "Student Name",
    "Name of Student",
    "Name of the Student",
    "Student Full Name",
    "Student",
    "Pupil Name",
    "Pupil",
    "Learner Name",
];

/// Words for the name of a course.
const COURSE_NAME: &[&str] = &[
    "Course Name",
    "Course",
    "Course Title",
    "Name of Course",
    "Name of the Course",
    "Subject",
    "Subject Name",
];

/// Words for the name of a payment category.
const CATEGORY_NAME: &[&str] = &[
    "Payment Category",
    "Category",
    "Category Name",
    "Payment Category Name",
    "Fee Type",
    "Fee Head",
    "Fee Category",
    "Payment Type",
    "Payment For",
    "Paid For",
    "Purpose",
];

/// Words for a column of a table itself, besides its name and our heading.
fn own(table: Table, column: &str) -> &'static [&'static str] {
    match (table, column) {
        (Table::Students, "full_name") => &[
            "Name",
            "Student Name",
            "Student",
            "Student Full Name",
            "Name of Student",
            "Name of the Student",
            "Pupil Name",
            "Pupil",
            "Learner Name",
        ],
        (Table::Students, "registration_number") => REGISTRATION,
        (Table::Students, "email") => &[
            "E-mail",
            "Email Address",
            "E-mail Address",
            "Email ID",
            "Mail",
            "Mail ID",
            "Student Email",
        ],
        (Table::Students, "phone") => &[
            "Phone Number",
            "Phone No",
            "Mobile",
            "Mobile Number",
            "Mobile No",
            "Mobile Phone",
            "Cell",
            "Cell Phone",
            "Contact",
            "Contact Number",
            "Contact No",
            "Telephone",
            "Telephone Number",
            "Tel",
            "Tel No",
            "Student Phone",
        ],
        (Table::Students, "address") => &[
            "Postal Address",
            "Home Address",
            "Residential Address",
            "Permanent Address",
            "Student Address",
            "Residence",
        ],
        (Table::Students, "date_of_birth") => &[
            "DOB",
            "D.O.B.",
            "Birth Date",
            "Birthdate",
            "Birthday",
            "Born",
            "Born On",
            "Date of Birth (DOB)",
        ],
        (Table::Courses, "name") => COURSE_NAME,
        (Table::Courses, "description") => &["Course Description", "Details", "Course Details", "About"],
        (Table::Courses, "instructor_name") => &[
            "Instructor",
            "Teacher",
            "Teacher Name",
            "Tutor",
            "Tutor Name",
            "Faculty",
            "Faculty Name",
            "Lecturer",
            "Trainer",
            "Name of Instructor",
            "Name of Teacher",
        ],
        (Table::Courses, "instructor_contact") => &[
            "Contact",
            "Instructor Phone",
            "Instructor Email",
            "Instructor Mobile",
            "Teacher Contact",
            "Teacher Phone",
            "Teacher Email",
            "Tutor Contact",
            "Faculty Contact",
            "Trainer Contact",
        ],
        (Table::Courses, "fee") => &[
            "Fees",
            "Course Fee",
            "Course Fees",
            "Price",
            "Cost",
            "Tuition",
            "Tuition Fee",
            "Fee Amount",
        ],
        (Table::Courses, "seats") => &[
            "Capacity",
            "Number of Seats",
            "No of Seats",
            "Seat Count",
            "Total Seats",
            "Max Seats",
            "Max Students",
            "Intake",
            "Places",
        ],
        (Table::PaymentCategories, "name") => CATEGORY_NAME,
        (Table::PaymentCategories, "description") => &["Details", "Category Description"],
        (Table::Enrollments, "enrolled_at") => &[
            "Enrolled On",
            "Enrolled",
            "Enrollment Date",
            "Enrolment Date",
            "Date of Enrollment",
            "Date of Enrolment",
            "Enrollment Time",
        ],
        (Table::Enrollments, "id") => &["Enrollment ID", "Enrolment ID"],
        (Table::Payments, "id") => &["Payment ID"],
        (Table::Payments, "category_id") => &["Payment Category ID"],
        (Table::Payments, "amount_paid") => &[
            "Amount",
            "Paid Amount",
            "Fee Paid",
            "Fees Paid",
            "Payment Amount",
            "Payment",
            "Amount Received",
            "Received Amount",
        ],
        (Table::Payments, "payment_date") => &[
            "Date",
            "Date of Payment",
            "Paid On",
            "Paid At",
            "Date Paid",
            "Receipt Date",
            "Transaction Date",
        ],
        (Table::Payments, "status") => &["Payment Status"],
        (Table::Payments, "transaction_id") => &[
            "Transaction",
            "Transaction No",
            "Transaction Number",
            "Txn ID",
            "Txn No",
            "Txn",
            "Reference",
            "Reference No",
            "Reference Number",
            "Ref No",
            "Receipt No",
            "Receipt Number",
            "UTR",
            "UTR No",
            "UTR Number",
        ],
        (Table::Attendance, "id") => &["Attendance ID"],
        (Table::Attendance, "date") => &["Attendance Date", "Class Date", "Date of Class", "Day"],
        (Table::Attendance, "status") => &["Attendance", "Attendance Status", "Present/Absent", "P/A"],
        (_, "created_at") => &["Created", "Created On", "Creation Date", "Date Created"],
        _ => &[],
    }
}

/// The columns of other tables by which a row of this table can be identified, with the name of the column in `columns` and the
/// words of people.
fn referred(table: Table) -> &'static [(&'static str, &'static str, &'static str, &'static [&'static str])] {
    const STUDENT: (&str, &str, &str, &[&str]) = (
        "student_id",
        "registration_number",
        "student_registration_number",
        REGISTRATION,
    );
    const COURSE: (&str, &str, &str, &[&str]) = ("course_id", "name", "course_name", COURSE_NAME);
    const CATEGORY: (&str, &str, &str, &[&str]) = ("category_id", "name", "category_name", CATEGORY_NAME);
    match table {
        Table::Enrollments | Table::Attendance => &[STUDENT, COURSE],
        Table::Payments => &[STUDENT, CATEGORY],
        _ => &[],
    }
}

/// A heading without case, spaces and punctuation.
pub(super) fn normalized(heading: &str) -> String {
    let letters = heading.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The words for the columns of a table.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    words: Vec<(String, Meaning, Certainty)>,
}

impl Vocabulary {
    pub(super) fn of(table: Table) -> Self {
        let mut words = Vec::new();
        let mut add = |word: &str, meaning, certainty| words.push((normalized(word), meaning, certainty));
        for (position, column) in table
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, column)| is_shown(table, column))
        {
            let meaning = Meaning::Target(FileTarget::Own(position));
            add(column.name, meaning, Certainty::Exact);
            for word in own(table, column.name) {
                add(word, meaning, Certainty::Synonym);
            }
        }
        for (key, column, name, synonyms) in referred(table) {
            let reference = table.references().iter().find(|reference| reference.column == *key);
            let Some(reference) = reference else { continue };
            let meaning = Meaning::Target(FileTarget::Reference {
                position: reference.position,
                table: reference.table,
                column,
            });
            add(name, meaning, Certainty::Exact);
            for word in *synonyms {
                add(word, meaning, Certainty::Synonym);
            }
            if reference.table == Table::Students {
                for word in STUDENT_NAME {
                    add(word, Meaning::StudentName, Certainty::Synonym);
                }
            }
        }
        for exported in table.export_columns(NameColumns::Included) {
            let meaning = match exported.source {
                ColumnSource::Own(name) => {
                    let place = table.columns().iter().position(|column| column.name == name);
                    place.map(|place| Meaning::Target(FileTarget::Own(place)))
                }
                ColumnSource::Of {
                    table: Table::Students, ..
                } => Some(Meaning::StudentName),
                ColumnSource::Of {
                    key,
                    table: other,
                    column,
                } => {
                    let reference = table.references().iter().find(|reference| reference.column == key);
                    reference.map(|reference| {
                        Meaning::Target(FileTarget::Reference {
                            position: reference.position,
                            table: other,
                            column,
                        })
                    })
                }
            };
            if let Some(meaning) = meaning {
                add(exported.heading, meaning, Certainty::Exact);
            }
        }
        Self { words }
    }

    /// The meaning of a heading.
    pub(super) fn meaning(&self, heading: &str) -> Option<(Meaning, Certainty)> {
        let heading = normalized(heading);
        let found = self.words.iter().filter(|(word, ..)| *word == heading);
        found
            .max_by_key(|(.., certainty)| *certainty)
            .map(|(_, meaning, certainty)| (*meaning, *certainty))
    }

    /// The column of that name in an explicit mapping.
    pub(super) fn column(&self, name: &str) -> Option<FileTarget> {
        match self.meaning(name)? {
            (Meaning::Target(target), Certainty::Exact) => Some(target),
            _ => None,
        }
    }
}

fn is_shown(table: Table, column: &Column) -> bool {
    table.is_exported(column.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_has_one_meaning_in_a_table() {
        for table in Table::ALL {
            let words = Vocabulary::of(table).words;
            for (word, meaning, _) in &words {
                assert!(!word.is_empty(), "{table}");
                let same = words.iter().filter(|(other, ..)| other == word);
                for (_, other, _) in same {
                    assert_eq!(other, meaning, "{table}: {word}");
                }
            }
        }
    }

    #[test]
    fn headings_of_our_files_are_exact() {
        for table in Table::ALL {
            let vocabulary = Vocabulary::of(table);
            for column in table.export_columns(NameColumns::Included) {
                let (_, certainty) = vocabulary.meaning(column.heading).unwrap();
                assert_eq!(certainty, Certainty::Exact, "{table}: {}", column.heading);
            }
            for column in table.columns().iter().filter(|column| column.name != "password_hash") {
                assert!(vocabulary.column(column.name).is_some(), "{table}.{}", column.name);
            }
        }
    }

    #[test]
    fn people_use_other_words() {
        for (table, heading, column) in [
            (Table::Students, "Reg No", "registration_number"),
            (Table::Students, " REG. NO. ", "registration_number"),
            (Table::Students, "Roll Number", "registration_number"),
            (Table::Students, "roll_number", "registration_number"),
            (Table::Students, "DOB", "date_of_birth"),
            (Table::Students, "D.O.B.", "date_of_birth"),
            (Table::Students, "Student Name", "full_name"),
            (Table::Students, "E-Mail", "email"),
            (Table::Courses, "Teacher", "instructor_name"),
            (Table::Payments, "Amount", "amount_paid"),
            (Table::Payments, "Date", "payment_date"),
            (Table::Attendance, "Date", "date"),
        ] {
            let (meaning, _) = Vocabulary::of(table).meaning(heading).unwrap();
            let place = table.columns().iter().position(|own| own.name == column).unwrap();
            assert_eq!(meaning, Meaning::Target(FileTarget::Own(place)), "{table}: {heading}");
        }
        // These could be two things.
        assert_eq!(Vocabulary::of(Table::Students).meaning("Student ID"), None);
        assert_eq!(Vocabulary::of(Table::Enrollments).meaning("Date"), None);
    }

    #[test]
    fn students_and_courses_are_known_by_what_is_unique() {
        let vocabulary = Vocabulary::of(Table::Attendance);
        assert_eq!(
            vocabulary.meaning("Roll No").unwrap().0,
            Meaning::Target(FileTarget::Reference {
                position: 1,
                table: Table::Students,
                column: "registration_number"
            })
        );
        assert_eq!(vocabulary.column("course_name"), vocabulary.column("Course Name"));
        assert_eq!(vocabulary.meaning("Student Name").unwrap().0, Meaning::StudentName);
    }
}
