//! The list of the seven tables: their order, dependencies, columns and export headings.
//!
//! Columns and references come from the entities, so that each is written once. A test compares this list with the
//! migrated schema on every engine, so a new column can't be missing from backups unnoticed. All code that walks tables
//! (counting, downloading, clearing, archiving) walks [`Table::ALL`].

use std::fmt;
use std::sync::LazyLock;

use campus_backup_archive::{Cell, Kind};
use sea_orm::sea_query::{StringLen, TableRef};
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Identity, Iterable, RelationDef, RelationTrait};
use serde::{Deserialize, Serialize};

use crate::entity::{attendance, course, enrollment, payment, payment_category, student, user};

/// A table of the school's data. The variants have the order in which rows can be inserted: a referenced row comes
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Accounts of users.
    Users,
    /// Students.
    Students,
    /// Courses.
    Courses,
    /// What payments are for.
    PaymentCategories,
    /// Which student takes which course.
    Enrollments,
    /// Money paid or owed.
    Payments,
    /// Attendance of students.
    Attendance,
}

impl Table {
    /// All seven, in the order in which rows can be inserted; reversed, the order in which they can be deleted.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Students,
        Self::Courses,
        Self::PaymentCategories,
        Self::Enrollments,
        Self::Payments,
        Self::Attendance,
    ];

    /// The table's name, in the database as in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Students => "students",
            Self::Courses => "courses",
            Self::PaymentCategories => "payment_categories",
            Self::Enrollments => "enrollments",
            Self::Payments => "payments",
            Self::Attendance => "attendance",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The tables that can be cleared one by one.
    pub const CLEARABLE: [Self; 5] = [
        Self::Students,
        Self::Courses,
        Self::Enrollments,
        Self::Payments,
        Self::Attendance,
    ];

    /// The tables with foreign keys to this one.
    pub fn dependents(self) -> &'static [Self] {
        &DEPENDENTS[self as usize]
    }

    /// Its foreign keys, in the order of its columns.
    pub fn references(self) -> &'static [Reference] {
        &DESCRIPTIONS[self as usize].references
    }

    /// The columns of the unique key besides the id; empty if there is none.
    pub const fn unique_key(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["username"],
            Self::Students => &["registration_number"],
            Self::Courses | Self::PaymentCategories => &["name"],
            Self::Enrollments => &["student_id", "course_id"],
            Self::Attendance => &["student_id", "course_id", "date"],
            Self::Payments => &[],
        }
    }

    /// Every column, in schema order, the id first.
    pub fn columns(self) -> &'static [Column] {
        &DESCRIPTIONS[self as usize].columns
    }

    /// The columns of a CSV or XLSX file, in its order; if wanted, with the names of students and courses beside their ids.
    pub fn export_columns(self, names: NameColumns) -> &'static [ExportColumn] {
        match names {
            NameColumns::Omitted => &DESCRIPTIONS[self as usize].export_columns,
            NameColumns::Included => &DESCRIPTIONS[self as usize].export_columns_with_names,
        }
    }

    /// Whether people may see the values of a column. The values of any other column are never shown.
    pub fn is_exported(self, column: &str) -> bool {
        self.export_columns(NameColumns::Omitted)
            .iter()
            .any(|exported| exported.source.key() == column)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The largest id that a row may have. A generated id follows the greatest one so far, so a larger id would leave fewer
/// ids for later rows than any school needs (2³²); the last id would leave none.
pub const LARGEST_ID: i64 = i64::MAX - (1 << 32);

/// The largest number of columns of a table or export, so that a row's cells need no allocation; a test checks it.
pub(crate) const MAX_COLUMNS: usize = 8;

/// Empty cells for one row.
pub(crate) const fn cells<'a>() -> [Cell<'a>; MAX_COLUMNS] {
    [Cell::Null; MAX_COLUMNS]
}

/// One table, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableScope {
    /// All seven.
    All,
    /// One of them.
    One(Table),
}

impl TableScope {
    /// The scope of that name: `all` or the name of a table.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "all" => Some(Self::All),
            _ => Table::from_name(name).map(Self::One),
        }
    }

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One(table) => table.name(),
        }
    }

    /// Its tables, in the order in which rows can be inserted.
    pub fn tables(&self) -> &[Table] {
        match self {
            Self::All => &Table::ALL,
            Self::One(table) => std::slice::from_ref(table),
        }
    }
}

/// A column as the schema has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the database, in the API and in the archive.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// How many characters a text may have, if there is a limit.
    pub longest: Option<u32>,
}

/// A foreign key: a column whose values are ids of a table that comes earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The column.
    pub column: &'static str,
    /// Its place among the columns.
    pub position: usize,
    /// The table that it points to.
    pub table: Table,
}

/// Whether CSV and XLSX have the names of students and courses beside their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameColumns {
    /// Ids alone.
    #[default]
    Omitted,
    /// A name after each id.
    Included,
}

/// A column of a CSV or XLSX file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportColumn {
    /// The heading.
    pub heading: &'static str,
    /// Where its values come from.
    pub source: ColumnSource,
    /// What its values are.
    pub kind: Kind,
}

/// Where the values of a [`ExportColumn`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// A column of the table itself.
    Own(&'static str),
    /// A text of the row that a foreign key points to.
    Of {
        /// The foreign key in this table.
        key: &'static str,
        /// The table it points to.
        table: Table,
        /// The column there.
        column: &'static str,
    },
}

impl ColumnSource {
    /// The column of this table that decides the value.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Own(name) | Self::Of { key: name, .. } => name,
        }
    }
}

struct Description {
    columns: Vec<Column>,
    references: Vec<Reference>,
    export_columns: Vec<ExportColumn>,
    export_columns_with_names: Vec<ExportColumn>,
}

static DEPENDENTS: LazyLock<[Vec<Table>; 7]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let refers = |other: &Table| other.references().iter().any(|reference| reference.table == table);
        Table::ALL.into_iter().filter(refers).collect()
    })
});

static DESCRIPTIONS: LazyLock<[Description; 7]> = LazyLock::new(|| {
    use {
        attendance::Column as A, course::Column as C, enrollment::Column as E, payment::Column as P,
        payment_category::Column as K, student::Column as S, user::Column as U,
    };
    let describe_table = |table| match table {
        Table::Users => describe::<user::Entity>(&[
            (U::Id, "ID"),
            (U::Username, "Username"),
            (U::Email, "Email"),
            (U::Role, "Role"),
            (U::IsActive, "Active"),
            (U::CreatedAt, "Created At"),
        ]),
        Table::Students => describe::<student::Entity>(&[
            (S::Id, "ID"),
            (S::FullName, "Full Name"),
            (S::RegistrationNumber, "Registration Number"),
            (S::Email, "Email"),
            (S::Phone, "Phone"),
            (S::Address, "Address"),
            (S::DateOfBirth, "Date of Birth"),
            (S::CreatedAt, "Created At"),
        ]),
        Table::Courses => describe::<course::Entity>(&[
            (C::Id, "ID"),
            (C::Name, "Course Name"),
            (C::Description, "Description"),
            (C::InstructorName, "Instructor Name"),
            (C::InstructorContact, "Instructor Contact"),
            (C::Fee, "Fee"),
            (C::Seats, "Seats"),
            (C::CreatedAt, "Created At"),
        ]),
        Table::PaymentCategories => describe::<payment_category::Entity>(&[
            (K::Id, "ID"),
            (K::Name, "Name"),
            (K::Description, "Description"),
            (K::CreatedAt, "Created At"),
        ]),
        Table::Enrollments => describe::<enrollment::Entity>(&[
            (E::Id, "ID"),
            (E::StudentId, "Student ID"),
            (E::CourseId, "Course ID"),
            (E::EnrolledAt, "Enrolled At"),
        ]),
        Table::Payments => {
            let mut payments = describe::<payment::Entity>(&[
                (P::Id, "ID"),
                (P::StudentId, "Student ID"),
                (P::AmountPaid, "Amount Paid"),
                (P::PaymentDate, "Payment Date"),
                (P::CategoryId, "Payment Category"),
                (P::Status, "Status"),
                (P::TransactionId, "Transaction ID"),
            ]);
            // Administrators know a category by its name.
            for column in &mut payments.export_columns {
                if column.source == ColumnSource::Own(P::CategoryId.as_str()) {
                    column.kind = Kind::Text;
                    column.source = ColumnSource::Of {
                        key: P::CategoryId.as_str(),
                        table: Table::PaymentCategories,
                        column: K::Name.as_str(),
                    };
                }
            }
            payments
        }
        Table::Attendance => describe::<attendance::Entity>(&[
            (A::Id, "ID"),
            (A::StudentId, "Student ID"),
            (A::CourseId, "Course ID"),
            (A::Date, "Date"),
            (A::Status, "Status"),
        ]),
    };
    Table::ALL.map(describe_table).map(|mut described| {
        described.export_columns_with_names = with_names(&described);
        described
    })
});

/// The export columns with a name after each id of a student or a course.
fn with_names(described: &Description) -> Vec<ExportColumn> {
    let mut columns = Vec::new();
    for column in &described.export_columns {
        columns.push(*column);
        let ColumnSource::Own(key) = column.source else {
            continue;
        };
        let reference = described.references.iter().find(|reference| reference.column == key);
        let named = match reference.map(|reference| reference.table) {
            Some(Table::Students) => Some(("Student Name", student::Column::FullName.as_str())),
            Some(Table::Courses) => Some(("Course Name", course::Column::Name.as_str())),
            _ => None,
        };
        if let (Some((heading, column)), Some(reference)) = (named, reference) {
            columns.push(ExportColumn {
                heading,
                source: ColumnSource::Of {
                    key,
                    table: reference.table,
                    column,
                },
                kind: Kind::Text,
            });
        }
    }
    columns
}

fn describe<E: EntityTrait>(exported: &[(E::Column, &'static str)]) -> Description {
    let columns: Vec<_> = E::Column::iter()
        .map(|column| Column {
            name: column.as_str(),
            kind: kind_of(&column),
            nullable: column.def().is_null(),
            longest: longest(&column),
        })
        .collect();
    let relations: Vec<_> = E::Relation::iter().map(|relation| relation.def()).collect();
    let references = columns.iter().enumerate().filter_map(|(position, column)| {
        let table = relations.iter().find_map(|relation| referred(relation, column.name))?;
        Some(Reference {
            column: column.name,
            position,
            table,
        })
    });
    let references = references.collect();
    let export_columns = exported
        .iter()
        .map(|(column, heading)| ExportColumn {
            heading,
            source: ColumnSource::Own(column.as_str()),
            kind: kind_of(column),
        })
        .collect();
    Description {
        columns,
        references,
        export_columns,
        export_columns_with_names: Vec::new(),
    }
}

/// The table that the column references according to the relation. The other side of a relation owns it.
fn referred(relation: &RelationDef, column: &str) -> Option<Table> {
    match (&relation.from_col, &relation.to_tbl) {
        (Identity::Unary(key), TableRef::Table(name, _)) if !relation.is_owner && key.inner() == column => {
            Table::from_name(&name.1.inner())
        }
        _ => None,
    }
}

fn longest(column: &impl ColumnTrait) -> Option<u32> {
    match column.def().get_column_type() {
        ColumnType::String(StringLen::N(longest)) => Some(*longest),
        _ => None,
    }
}

/// The problem of a value of one of the kinds that only archives of version 2 have.
pub(crate) const FOREIGN_KIND: &str = "no table of this program has values of this kind";

fn kind_of(column: &impl ColumnTrait) -> Kind {
    match column.def().get_column_type() {
        ColumnType::BigInteger => Kind::Integer,
        ColumnType::Decimal(_) => Kind::Decimal,
        ColumnType::Date => Kind::Date,
        ColumnType::TimestampWithTimeZone => Kind::Timestamp,
        ColumnType::Boolean => Kind::Boolean,
        // Strings, texts and enumerations. The test that compares this list with the migrated schema finds any other
        // type.
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referenced_tables_come_first() {
        for table in Table::ALL {
            for reference in table.references() {
                assert!(reference.table < table, "{table} must come after {}", reference.table);
            }
        }
        let of_students = [Table::Enrollments, Table::Payments, Table::Attendance];
        assert_eq!(Table::Students.dependents(), of_students);
        assert_eq!(Table::Users.dependents(), []);
    }

    #[test]
    fn keys_are_columns() {
        for table in Table::ALL {
            let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
            assert!(table.unique_key().iter().all(|key| names.contains(key)), "{table}");
        }
    }

    #[test]
    fn every_row_fits_into_the_cells() {
        for table in Table::ALL {
            let with_names = table.export_columns(NameColumns::Included);
            assert!(
                table.columns().len() <= MAX_COLUMNS && with_names.len() <= MAX_COLUMNS,
                "{table}"
            );
        }
    }

    #[test]
    fn names_follow_their_ids() {
        let headings = |table: Table| -> Vec<_> {
            let columns = table.export_columns(NameColumns::Included).iter();
            columns.map(|column| column.heading).collect()
        };
        assert_eq!(
            headings(Table::Enrollments),
            [
                "ID",
                "Student ID",
                "Student Name",
                "Course ID",
                "Course Name",
                "Enrolled At"
            ]
        );
        for table in [Table::Users, Table::Students, Table::Courses, Table::PaymentCategories] {
            assert_eq!(
                table.export_columns(NameColumns::Included),
                table.export_columns(NameColumns::Omitted),
                "{table}"
            );
        }
    }

    #[test]
    fn every_column_but_the_password_hash_is_exported() {
        for table in Table::ALL {
            for column in table.columns() {
                let hidden = column.name == "password_hash";
                assert_eq!(table.is_exported(column.name), !hidden, "{table}.{}", column.name);
            }
        }
    }
}
