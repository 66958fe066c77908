//! Checks that the rows of an archive refer to rows of the archive, in one pass.
//!
//! In an archive a row comes after the rows that it refers to ([`Table::ALL`]). It is therefore enough to remember the ids of
//! the tables that others refer to: students, courses and payment categories.

use std::collections::BTreeMap;

use campus_backup_archive as archive;
use campus_backup_archive::Cell;
use campus_backup_archive::error::Limit;

use crate::catalog::{Reference, Table};
use crate::error::{Error, Result};

/// How many words of ids are kept, for all tables together: 16 MiB. A word has 64 consecutive ids. Even with one id a word,
/// this is enough for a million students.
const MAX_WORDS: usize = 1 << 20;

/// The references of an archive's rows. Those of an archive with one table are not checked.
#[derive(Debug)]
pub(crate) struct References {
    tables: Vec<Table>,
    parents: BTreeMap<Table, Ids>,
    table: Option<Table>,
    followed: Vec<Reference>,
    max_words: usize,
}

impl References {
    /// The references between the tables of an archive.
    pub(crate) fn between(tables: &[Table]) -> Self {
        Self {
            tables: tables.to_vec(),
            parents: BTreeMap::new(),
            table: None,
            followed: Vec::new(),
            max_words: MAX_WORDS,
        }
    }

    /// Begins the next table of the archive.
    pub(crate) fn begin_table(&mut self, table: Table) {
        self.table = Some(table);
        let followed = table.references().iter().copied();
        self.followed = followed
            .filter(|reference| self.tables.contains(&reference.table))
            .collect();
        if table.dependents().iter().any(|table| self.tables.contains(table)) {
            self.parents.insert(table, Ids::default());
        }
    }

    /// Checks the next row of that table. Rows come in the order of their ids, as in every archive.
    ///
    /// # Errors
    /// [`Error::Orphan`] if it refers to a missing row; [`Error::Archive`] with
    /// [`Limit::ScatteredIds`] if the ids are so scattered that remembering them takes too much memory.
    pub(crate) fn row(&mut self, id: i64, cells: &[Cell<'_>]) -> Result<()> {
        let Some(table) = self.table else {
            return Ok(());
        };
        for reference in &self.followed {
            if let Some(Cell::Integer(parent)) = cells.get(reference.position)
                && !self
                    .parents
                    .get(&reference.table)
                    .is_some_and(|ids| ids.contains(*parent))
            {
                return Err(Error::Orphan { table, row: id });
            }
        }
        if let Some(ids) = self.parents.get_mut(&table)
            && ids.push(id)
            && self.parents.values().map(|ids| ids.words.len()).sum::<usize>() > self.max_words
        {
            return Err(Error::Archive(archive::Error::LimitExceeded {
                limit: Limit::ScatteredIds,
                allowed: self.max_words as u64,
            }));
        }
        Ok(())
    }
}

/// A set of ids that were added in ascending order: one bit an id, in words of 64 ids. Empty words are left out.
#[derive(Debug, Default)]
struct Ids {
    words: Vec<(i64, u64)>,
}

impl Ids {
    /// Adds an id that is greater than all before, and returns whether that took another word.
    fn push(&mut self, id: i64) -> bool {
        let (key, bit) = place(id);
        match self.words.last_mut() {
            Some((last, bits)) if *last == key => {
                *bits |= bit;
                false
            }
            _ => {
                self.words.push((key, bit));
                true
            }
        }
    }

    fn contains(&self, id: i64) -> bool {
        let (key, bit) = place(id);
        self.word(key).is_some_and(|bits| bits & bit != 0)
    }

    fn word(&self, key: i64) -> Option<u64> {
        let (first, _) = self.words.first()?;
        // The position if no word was left out.
        let guess = usize::try_from(key.checked_sub(*first)?).ok()?;
        match self.words.get(guess) {
            Some((found, bits)) if *found == key => Some(*bits),
            _ => {
                let found = self.words.binary_search_by_key(&key, |(key, _)| *key).ok()?;
                self.words.get(found).map(|(_, bits)| *bits)
            }
        }
    }
}

fn place(id: i64) -> (i64, u64) {
    (id >> 6, 1 << (id & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn row_with_a_missing_reference_is_an_orphan() {
        let mut references = References::between(&Table::ALL);
        for table in [Table::Students, Table::Courses] {
            references.begin_table(table);
            references.row(-7, &[Cell::Integer(-7)]).unwrap();
            references.row(7, &[Cell::Integer(7)]).unwrap();
        }
        references.begin_table(Table::Enrollments);
        let mut enrollment = |student, course| {
            let cells = [Cell::Integer(1), Cell::Integer(student), Cell::Integer(course)];
            references.row(1, &cells)
        };
        enrollment(7, -7).unwrap();
        for (student, course) in [(7, 8), (8, 7), (i64::MIN, 7), (i64::MAX, 7), (0, 7)] {
            let refused = enrollment(student, course).unwrap_err();
            assert!(
                matches!(
                    refused,
                    Error::Orphan {
                        table: Table::Enrollments,
                        row: 1
                    }
                ),
                "{refused}"
            );
        }
    }

    #[test]
    fn ids_that_would_take_too_much_memory_are_refused() {
        let mut references = References::between(&Table::ALL);
        references.max_words = 2;
        references.begin_table(Table::Students);
        references.row(1, &[Cell::Integer(1)]).unwrap();
        references.begin_table(Table::Courses);
        references.row(1, &[Cell::Integer(1)]).unwrap();
        references.row(63, &[Cell::Integer(63)]).unwrap();
        let refused = references.row(64, &[Cell::Integer(64)]).unwrap_err();
        assert_eq!(refused.archive_code(), Some("limit_exceeded"));
    }

    #[test]
    fn references_to_tables_outside_the_archive_are_not_checked() {
        let mut references = References::between(&[Table::Payments]);
        references.begin_table(Table::Payments);
        references
            .row(1, &[Cell::Integer(1), Cell::Integer(99), Cell::Integer(99)])
            .unwrap();
    }

    proptest! {
        #[test]
        fn ids_are_remembered(
            ids in prop::collection::btree_set(prop_oneof![any::<i64>(), -200i64..200], 0..200),
            others in prop::collection::vec(prop_oneof![any::<i64>(), -200i64..200], 0..50),
        ) {
            let ids: BTreeSet<i64> = ids;
            let mut kept = Ids::default();
            for id in &ids {
                kept.push(*id);
            }
            for id in ids.iter().chain(&others) {
                prop_assert_eq!(kept.contains(*id), ids.contains(id));
            }
        }
    }
}
