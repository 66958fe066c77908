//! Finds the row with the headings, and matches them with the columns of the table.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::FileFault;
use super::raw::{OwnedCell, OwnedRow};
use super::synonyms::{Certainty, Meaning, Vocabulary, normalized};
use super::{FileColumn, FileSource, FileTarget, ReadOptions};
use crate::catalog::{NameColumns, Table};

/// The headings of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Headings {
    /// Their row.
    pub(super) row: u64,
    /// The columns that belong to the table.
    pub(super) columns: Vec<FileColumn>,
    /// All headings, also those of columns that are ignored.
    pub(super) all: Vec<String>,
    /// The ignored headings, and why.
    pub(super) ignored: Vec<(String, String)>,
}

/// Finds the headings among the first rows: those of the row of which most belong to the table.
///
/// # Errors
/// If there are none, if they are those of another table, if two are the same, and if a mapping fits no column.
pub(super) fn find(source: &FileSource<'_>, rows: &[OwnedRow]) -> Result<Headings, FileFault> {
    let table = source.table;
    if rows.is_empty() {
        return Err(FileFault::new("The file is empty."));
    }
    let vocabulary = Vocabulary::of(table);
    let best = best_row(&vocabulary, source.options, rows);
    if let Some(other) = other_table(table, rows, best.map_or(0, |(score, _)| score)) {
        let problem = format!("The file has the headings of {other}, not those of {table}.");
        return Err(FileFault::new(problem));
    }
    let Some((_, row)) = best else {
        let expected = table
            .export_columns(NameColumns::Omitted)
            .iter()
            .map(|column| column.heading);
        let expected: Vec<_> = expected.collect();
        let problem = format!(
            "The file has no headings of {table}: none of its first rows has one of {}. Write them above the data, or say with \
             `columns` which heading is which column.",
            expected.join(", ")
        );
        return Err(FileFault::new(problem));
    };
    let headings = Matcher {
        source,
        vocabulary: &vocabulary,
        row: row.row,
        all: row.cells.iter().map(text).collect(),
    };
    headings.matched()
}

/// How many columns of the table the row names, for the row that names most; the first one if there are several.
pub(super) fn best_row<'r>(
    vocabulary: &Vocabulary,
    options: &ReadOptions,
    rows: &'r [OwnedRow],
) -> Option<(usize, &'r OwnedRow)> {
    let scored = rows.iter().map(|row| (score(vocabulary, options, row), row));
    scored
        .rev()
        .max_by_key(|(score, _)| *score)
        .filter(|(score, _)| *score > 0)
}

fn score(vocabulary: &Vocabulary, options: &ReadOptions, row: &OwnedRow) -> usize {
    let mut found = BTreeSet::new();
    for cell in &row.cells {
        let OwnedCell::Text(heading) = cell else { continue };
        match mapping(options, heading) {
            Some(_) => drop(found.insert(normalized(heading))),
            None => {
                if let Some((Meaning::Target(_), _)) = vocabulary.meaning(heading) {
                    found.insert(normalized(heading));
                }
            }
        }
    }
    found.len()
}

/// The column that a person gives to a heading; empty if it is to be ignored.
fn mapping<'o>(options: &'o ReadOptions, heading: &str) -> Option<&'o str> {
    let heading = normalized(heading);
    let mut mapped = options.columns.iter();
    let found = mapped.find(|(given, _)| normalized(given) == heading);
    found.filter(|_| !heading.is_empty()).map(|(_, column)| column.as_str())
}

/// The table whose own export has exactly these headings, or all of whose headings the file has.
fn other_table(table: Table, rows: &[OwnedRow], score: usize) -> Option<Table> {
    let exported = |table: Table, names| -> BTreeSet<String> {
        let columns = table.export_columns(names).iter();
        columns.map(|column| normalized(column.heading)).collect()
    };
    let is_of = |table: Table, found: &BTreeSet<String>| {
        [NameColumns::Omitted, NameColumns::Included]
            .iter()
            .any(|names| exported(table, *names) == *found)
    };
    rows.iter().find_map(|row| {
        let found: BTreeSet<_> = row
            .cells
            .iter()
            .map(|cell| normalized(&text(cell)))
            .filter(|cell| !cell.is_empty())
            .collect();
        let own_columns = exported(table, NameColumns::Omitted);
        let others = Table::ALL.into_iter().filter(|other| *other != table);
        let mut others = others.filter(|other| {
            let other_columns = exported(*other, NameColumns::Omitted);
            let is_more =
                other_columns.is_subset(&found) && other_columns.len() > score && !own_columns.is_subset(&found);
            is_of(*other, &found) || is_more
        });
        others.next().filter(|_| !is_of(table, &found))
    })
}

fn text(cell: &OwnedCell) -> String {
    cell.as_raw().text().trim().to_owned()
}

struct Matcher<'a> {
    source: &'a FileSource<'a>,
    vocabulary: &'a Vocabulary,
    row: u64,
    all: Vec<String>,
}

impl Matcher<'_> {
    fn matched(mut self) -> Result<Headings, FileFault> {
        while self.all.last().is_some_and(String::is_empty) {
            self.all.pop();
        }
        self.check_mapping()?;
        let mut ignored = BTreeMap::new();
        let mut chosen: BTreeMap<FileTarget, (Certainty, usize)> = BTreeMap::new();
        let mut student_name = None;
        for (position, heading) in self.all.iter().enumerate() {
            let Some((meaning, certainty)) = self.meaning(heading)? else {
                let reason = match mapping(self.source.options, heading) {
                    Some(_) => "It is to be ignored.".to_owned(),
                    None => format!("The table {} has no such column.", self.source.table),
                };
                ignored.insert(position, reason);
                continue;
            };
            let Meaning::Target(target) = meaning else {
                student_name = Some(position);
                continue;
            };
            match chosen.get(&target).copied() {
                Some((other, place)) if other == certainty => return Err(self.twice(place, position)),
                Some((other, _)) if other > certainty => {
                    drop(ignored.insert(position, used_instead(&self.all, &chosen, target)))
                }
                before => {
                    chosen.insert(target, (certainty, position));
                    if let Some((_, place)) = before {
                        ignored.insert(place, used_instead(&self.all, &chosen, target));
                    }
                }
            }
        }
        self.prefer_ids(&mut chosen, &mut ignored);
        self.ignore_student_name(student_name, &chosen, &mut ignored)?;
        let mut columns: Vec<_> = chosen
            .into_iter()
            .map(|(target, (_, position))| FileColumn {
                position,
                heading: self.all[position].clone(),
                target,
            })
            .collect();
        columns.sort_by_key(|column| column.position);
        let named = ignored
            .into_iter()
            .filter(|(position, _)| !self.all[*position].is_empty());
        Ok(Headings {
            row: self.row,
            columns,
            ignored: named
                .map(|(position, reason)| (self.all[position].clone(), reason))
                .collect(),
            all: self.all,
        })
    }

    /// The meaning of a heading; none if it is ignored.
    fn meaning(&self, heading: &str) -> Result<Option<(Meaning, Certainty)>, FileFault> {
        match mapping(self.source.options, heading) {
            None => Ok(self.vocabulary.meaning(heading)),
            Some("") => Ok(None),
            Some(name) => match self.vocabulary.column(name) {
                Some(target) => Ok(Some((Meaning::Target(target), Certainty::Mapping))),
                None => {
                    let names = self.source.table.columns().iter().map(|column| column.name);
                    let names: Vec<_> = names.collect();
                    let problem = format!(
                        "`columns` gives the heading `{heading}` to the column `{name}`, which {} does not have. Its columns are {}.",
                        self.source.table,
                        names.join(", ")
                    );
                    Err(FileFault::new(problem).in_column(heading))
                }
            },
        }
    }

    /// A mapping of a heading that the file does not have is a mistake of the person.
    fn check_mapping(&self) -> Result<(), FileFault> {
        let found: BTreeSet<_> = self.all.iter().map(|heading| normalized(heading)).collect();
        let mut given = self.source.options.columns.keys();
        match given.find(|heading| !found.contains(&normalized(heading))) {
            None => Ok(()),
            Some(heading) => {
                let problem = format!(
                    "`columns` names the heading `{heading}`, which the file does not have in row {}.",
                    self.row
                );
                Err(FileFault::new(problem).in_column(heading.clone()))
            }
        }
    }

    fn twice(&self, first: usize, second: usize) -> FileFault {
        let (first, second) = (&self.all[first], &self.all[second]);
        let problem = match normalized(first) == normalized(second) {
            true => format!(
                "The heading `{second}` is twice in row {}. Rename or remove one of the columns.",
                self.row
            ),
            false => format!(
                "The headings `{first}` and `{second}` in row {} mean the same column. Say with `columns` which one is right.",
                self.row
            ),
        };
        FileFault::new(problem).in_row(self.row).in_column(second.clone())
    }

    /// If a file has both the id and the name of a row of another table, the id counts.
    fn prefer_ids(&self, chosen: &mut BTreeMap<FileTarget, (Certainty, usize)>, ignored: &mut BTreeMap<usize, String>) {
        let ids: Vec<_> = chosen
            .iter()
            .filter_map(|(target, (_, place))| match target {
                FileTarget::Own(position) => Some((*position, *place)),
                FileTarget::Reference { .. } => None,
            })
            .collect();
        chosen.retain(|target, (_, place)| {
            let FileTarget::Reference { position, .. } = target else {
                return true;
            };
            match ids.iter().find(|(own, _)| own == position) {
                None => true,
                Some((_, id)) => {
                    ignored.insert(
                        *place,
                        format!("The column `{}` says the same, and it counts.", self.all[*id]),
                    );
                    false
                }
            }
        });
    }

    /// Several students may have one name.
    fn ignore_student_name(
        &self,
        position: Option<usize>,
        chosen: &BTreeMap<FileTarget, (Certainty, usize)>,
        ignored: &mut BTreeMap<usize, String>,
    ) -> Result<(), FileFault> {
        let Some(position) = position else { return Ok(()) };
        let mut references = self.source.table.references().iter();
        let key = references.find(|reference| reference.table == Table::Students);
        let identifies = |target: &FileTarget| match (target, key) {
            (FileTarget::Own(place) | FileTarget::Reference { position: place, .. }, Some(key)) => {
                *place == key.position
            }
            _ => false,
        };
        let heading = &self.all[position];
        if !chosen.keys().any(identifies) {
            let problem = format!(
                "Only `{heading}` says which student a row belongs to, and several students may have one name. Add a column with \
                 the registration number."
            );
            return Err(FileFault::new(problem).in_row(self.row).in_column(heading.clone()));
        }
        ignored.insert(position, "Another column says which student it is.".to_owned());
        Ok(())
    }
}

fn used_instead(all: &[String], chosen: &BTreeMap<FileTarget, (Certainty, usize)>, target: FileTarget) -> String {
    let place = chosen.get(&target).map_or(0, |(_, place)| *place);
    format!("The column `{}` is used instead.", all[place])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chrono_tz::Tz;

    use super::*;

    fn row(row: u64, cells: &[&str]) -> OwnedRow {
        let cells = cells.iter().map(|cell| OwnedCell::Text((*cell).to_owned())).collect();
        OwnedRow { row, cells }
    }

    fn found(table: Table, columns: &[(&str, &str)], rows: &[OwnedRow]) -> Result<Headings, FileFault> {
        let options = ReadOptions {
            columns: columns
                .iter()
                .map(|(heading, column)| ((*heading).to_owned(), (*column).to_owned()))
                .collect(),
            ..ReadOptions::default()
        };
        let source = FileSource {
            path: Path::new(""),
            table,
            zone: Tz::UTC,
            options: &options,
        };
        find(&source, rows)
    }

    fn names(table: Table, headings: &Headings) -> Vec<String> {
        let name = |target| match target {
            FileTarget::Own(position) => table.columns()[position].name.to_owned(),
            FileTarget::Reference { table, column, .. } => format!("{table}.{column}"),
        };
        headings.columns.iter().map(|column| name(column.target)).collect()
    }

    #[test]
    fn headings_are_found_below_titles() {
        let rows = [
            row(1, &["Greenfield School", "", ""]),
            row(3, &["Students of 2024"]),
            row(4, &["Sr No", "STUDENT NAME", "reg. no.", "D.O.B", ""]),
            row(5, &["1", "Anita", "R-1", "01-02-2010"]),
        ];
        let headings = found(Table::Students, &[], &rows).unwrap();
        assert_eq!(headings.row, 4);
        assert_eq!(
            names(Table::Students, &headings),
            ["full_name", "registration_number", "date_of_birth"]
        );
        assert_eq!(headings.all.len(), 4);
        assert_eq!(headings.ignored[0].0, "Sr No");
    }

    #[test]
    fn mapping_counts_before_words() {
        let rows = [row(1, &["Code", "Name", "Roll No", "Notes"])];
        let headings = found(
            Table::Students,
            &[("CODE", "registration_number"), ("roll no", ""), ("Notes", "address")],
            &rows,
        )
        .unwrap();
        assert_eq!(
            names(Table::Students, &headings),
            ["registration_number", "full_name", "address"]
        );
        let unknown = found(Table::Students, &[("Nothing", "email")], &rows).unwrap_err();
        assert_eq!(unknown.column.as_deref(), Some("Nothing"));
        let unknown = found(Table::Students, &[("Notes", "remarks")], &rows).unwrap_err();
        assert!(
            unknown.detail.contains("full_name, registration_number"),
            "{}",
            unknown.detail
        );
    }

    #[test]
    fn ambiguous_headings_are_refused() {
        for (cells, said) in [
            (&["Full Name", "Reg No", "reg no"][..], "is twice"),
            (&["Full Name", "Reg No", "Roll No"], "mean the same column"),
        ] {
            let fault = found(Table::Students, &[], &[row(2, cells)]).unwrap_err();
            assert!(fault.detail.contains(said), "{}", fault.detail);
            assert_eq!(fault.row, Some(2));
        }
        // Our own heading counts before another word.
        let headings = found(
            Table::Students,
            &[],
            &[row(1, &["Name", "Full Name", "Registration Number"])],
        )
        .unwrap();
        assert_eq!(headings.columns[0].heading, "Full Name");
        // What is ignored may be there twice.
        assert!(found(Table::Students, &[], &[row(1, &["Name", "Note", "Note"])]).is_ok());
    }

    #[test]
    fn id_counts_before_a_name() {
        let cells = [
            "ID",
            "Student ID",
            "Student Name",
            "Course ID",
            "Course Name",
            "Enrolled At",
        ];
        let headings = found(Table::Enrollments, &[], &[row(1, &cells)]).unwrap();
        assert_eq!(
            names(Table::Enrollments, &headings),
            ["id", "student_id", "course_id", "enrolled_at"]
        );
        assert_eq!(headings.ignored.len(), 2);
        let headings = found(Table::Enrollments, &[], &[row(1, &["Roll No", "Course"])]).unwrap();
        assert_eq!(
            names(Table::Enrollments, &headings),
            ["students.registration_number", "courses.name"]
        );
    }

    #[test]
    fn name_of_a_student_does_not_identify_a_row() {
        let fault = found(Table::Enrollments, &[], &[row(1, &["Student Name", "Course"])]).unwrap_err();
        assert!(fault.detail.contains("registration number"), "{}", fault.detail);
    }

    #[test]
    fn every_other_export_is_recognized() {
        for table in [
            Table::Students,
            Table::Courses,
            Table::PaymentCategories,
            Table::Enrollments,
            Table::Payments,
            Table::Attendance,
        ] {
            for other in Table::ALL {
                for names in [NameColumns::Omitted, NameColumns::Included] {
                    let cells: Vec<_> = other
                        .export_columns(names)
                        .iter()
                        .map(|column| column.heading)
                        .collect();
                    let result = found(table, &[], &[row(1, &cells)]);
                    if table == other {
                        assert_eq!(result.unwrap().row, 1, "{table}");
                    } else {
                        let fault = result.unwrap_err();
                        assert!(
                            fault.detail.contains(&format!("headings of {other}")),
                            "{table} {other}: {}",
                            fault.detail
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn file_without_headings_is_refused() {
        for rows in [
            &[][..],
            &[row(1, &["1", "Anita", "R-1"])],
            &[row(1, &["Colour", "Size"])],
        ] {
            assert!(found(Table::Students, &[], rows).is_err());
        }
    }
}
