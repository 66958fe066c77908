//! Random schools: the outcome is that of the model, the plan predicts it, and a refusal changes nothing.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::super::{Restore, RestoreMode, Scope};
use super::model::{Refusal, key, restored};
use super::place::*;
use crate::account::Admin;
use crate::catalog::Table;
use crate::error::Error;
use crate::sample::*;

/// Random choices, one after the other; the first option when there are no more.
struct Dice(std::vec::IntoIter<u8>);

impl Dice {
    fn up_to(&mut self, sides: u8) -> i64 {
        (self.0.next().unwrap_or_default() % sides).into()
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.up_to(u8::try_from(choices.len()).unwrap())).unwrap()]
    }
}

fn row(dice: &mut Dice, table: Table, id: i64) -> SampleRow {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    match table {
        Table::Users => user(
            id,
            dice.of(&NAMES),
            dice.of(&["teacher", "admin"]),
            dice.of(&["!", "?"]),
        ),
        Table::Students => student(id, dice.of(&NAMES), dice.of(&["x", "y"])),
        Table::Courses => course(id, dice.of(&NAMES), dice.up_to(2)),
        Table::PaymentCategories => category(id, dice.of(&NAMES)),
        Table::Enrollments => enrollment(id, 1 + dice.up_to(4), 1 + dice.up_to(4)),
        Table::Payments => payment(id, 1 + dice.up_to(4), 1 + dice.up_to(4), 1 + dice.up_to(3)),
        Table::Attendance => {
            let status = dice.of(&["present", "absent"]);
            attendance(id, 1 + dice.up_to(4), 1 + dice.up_to(4), 1, status)
        }
    }
}

/// A school with valid rows.
fn school(dice: &mut Dice) -> SampleRows {
    let mut school = SampleRows::default();
    for table in Table::ALL {
        for id in 1..=4 {
            let row = row(dice, table, id);
            if dice.up_to(5) > 0 && fits(&school, table, &row) {
                school.put(table, row);
            }
        }
    }
    school
}

fn fits(school: &SampleRows, table: Table, row: &SampleRow) -> bool {
    let taken = !key(table, row).is_empty() && school.of(table).any(|other| key(table, other) == key(table, row));
    let whole = table
        .references()
        .iter()
        .all(|reference| school.row(reference.table, integer(&row[reference.position])).is_some());
    !taken && whole
}

/// A school with a few changes, which may be invalid.
fn changed(dice: &mut Dice, school: &SampleRows) -> SampleRows {
    let mut changed = school.clone();
    let careful = dice.up_to(4) > 0;
    for _ in 0..dice.up_to(9) {
        let table = dice.of(&Table::ALL);
        let id = 1 + dice.up_to(5);
        let row = row(dice, table, id);
        let old = changed.take(table, id);
        if dice.up_to(4) > 0 && (!careful || fits(&changed, table, &row)) {
            changed.put(table, row);
        } else if let Some(old) = old.filter(|_| dice.up_to(2) > 0) {
            changed.put(table, old);
        }
    }
    changed
}

fn scope(dice: &mut Dice) -> Scope {
    match dice.up_to(4) {
        0 => Scope::All,
        1 => of_student(1 + dice.up_to(5)),
        _ => Scope::Tables((0..=dice.up_to(3)).map(|_| dice.of(&Table::ALL)).collect()),
    }
}

async fn check(live: &School, entropy: Vec<u8>) -> Result<(), TestCaseError> {
    let mut dice = Dice(entropy.into_iter());
    let request = Restore {
        scope: scope(&mut dice),
        mode: dice.of(&[RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing]),
        disable_administrators: dice.up_to(2) > 0,
    };
    let archive = school(&mut dice);
    let (before, archive) = match dice.up_to(3) {
        0 => (school(&mut dice), archive),
        _ => (archive.clone(), changed(&mut dice, &archive)),
    };
    let acting = Some(1).filter(|_| before.row(Table::Users, 1).is_some() && dice.up_to(3) > 0);
    let admin = Admin::acting(acting);
    live.fill(&before).await;
    let source = archive.source(&Table::ALL);
    let expected = restored(&before, &archive, &request, acting);
    let context = format!("{request:?} {acting:?}\n{:#?}\n{:#?}", before.lines(), archive.lines());

    let plan = live.plan(&admin, &source, &request).await;
    let done = live.restore(&admin, &source, &request).await;
    let after = live.lines().await;
    match expected {
        Err(refusal) => {
            prop_assert!(done.is_err(), "{context}\n{done:?}");
            prop_assert_eq!(after, before.lines(), "{}", context);
            match (refusal, plan) {
                (Refusal::NoRow, plan) => prop_assert!(matches!(plan, Err(Error::RowNotFound { .. })), "{plan:?}"),
                (Refusal::Blocked, Ok(plan)) => prop_assert!(!plan.blockers.is_empty(), "{context}\n{plan:?}"),
                (Refusal::Blocked, Err(error)) => prop_assert!(false, "{error:?}\n{context}"),
            }
        }
        Ok(outcome) => {
            prop_assert!(done.is_ok(), "{done:?}\n{context}");
            prop_assert_eq!(after, outcome.lines(), "{}", context);
            let (plan, done) = (plan.unwrap(), done.unwrap());
            prop_assert_eq!(&plan.blockers, &[], "{}", context);
            for (table, planned) in &plan.tables {
                let rows = |school: &SampleRows| school.of(*table).count() as u64;
                prop_assert_eq!(planned.rows_before, rows(&before), "{} {}", table, context);
                prop_assert_eq!(planned.rows_after, rows(&outcome), "{} {}", table, context);
                if let Some(done) = done.tables.get(table) {
                    prop_assert_eq!(done.rows, rows(&outcome));
                    prop_assert_eq!((done.kept, done.renumbered), (planned.kept, planned.renumbered));
                }
                let same = |row: &&SampleRow| outcome.row(*table, id(row)) == Some(*row);
                let gone = before
                    .of(*table)
                    .filter(|row| outcome.row(*table, id(row)).is_none())
                    .count() as u64;
                let stay = before.of(*table).filter(same).count() as u64;
                prop_assert_eq!(planned.deletes + planned.cascades, gone, "{} {}", table, context);
                prop_assert_eq!(planned.updates, rows(&before) - gone - stay, "{} {}", table, context);
            }
            let again = live.plan(&admin, &source, &request).await.unwrap();
            let renumbered = plan.tables.get(&Table::Users).is_some_and(|users| users.renumbered > 0);
            let changes = |plan: &super::super::Plan| {
                plan.tables
                    .values()
                    .map(|table| table.inserts + table.updates + table.deletes)
                    .sum::<u64>()
            };
            prop_assert!(
                renumbered || changes(&again) == 0,
                "a second time there is nothing to do\n{context}"
            );
        }
    }
    Ok(())
}

#[test]
fn outcome_equals_that_of_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let live = runtime.block_on(School::empty());
    let config = Config {
        cases: 120,
        failure_persistence: None,
        ..Config::default()
    };
    let entropy = prop::collection::vec(any::<u8>(), 300);
    let result = TestRunner::new(config).run(&entropy, |entropy| runtime.block_on(check(&live, entropy)));
    if let Err(error) = result {
        panic!("{error}");
    }
}
