//! Courses, enrollments and attendance.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use rust_decimal::Decimal;

use super::chance::{Chance, term_begins};
use super::names;
use super::people::students_at;
use crate::catalog::Table;
use crate::entity::{attendance, course, enrollment};

fn courses_at(scale: u32) -> i64 {
    40 * i64::from(scale)
}

/// 40 courses at scale 1, with different names.
pub(super) fn courses(scale: u32) -> impl Iterator<Item = course::Model> {
    let mut chance = Chance::of(Table::Courses);
    (1..=courses_at(scale)).map(move |id| {
        let position = (id - 1) as usize;
        let (name, section) = (
            names::COURSES[position % names::COURSES.len()],
            position / names::COURSES.len(),
        );
        course::Model {
            id,
            name: match section {
                0 => name.to_owned(),
                _ => format!("{name} (section {})", section + 1),
            },
            description: chance.pick(names::DESCRIPTIONS).map(str::to_owned),
            instructor_name: (!chance.once_in(9)).then(|| names::person(&mut chance)),
            instructor_contact: chance.pick(names::CONTACTS).map(str::to_owned),
            fee: match id {
                // The largest amount that the column can hold, and a free course.
                40 => Decimal::new(999_999_999_999, 2),
                7 => Decimal::new(0, 2),
                _ => {
                    let whole = 100 * (10 + chance.below(240) as i64);
                    Decimal::new(whole * 100 + chance.weighted(&[(6, 0), (1, 5), (1, 50), (1, 99)]), 2)
                }
            },
            seats: *chance.pick(&[12, 20, 25, 30, 36, 40, 60, 120]),
            created_at: chance.moment(-2_500, -200),
        }
    })
}

/// 3,000 enrollments at scale 1, three a student on average. The newest course has no enrollments yet.
pub(super) fn enrollments(scale: u32) -> impl Iterator<Item = enrollment::Model> {
    const COURSES_OF_TEN_STUDENTS: [usize; 10] = [3, 2, 4, 3, 1, 5, 3, 2, 4, 3];
    let mut chance = Chance::of(Table::Enrollments);
    let open_courses = courses_at(scale) - 1;
    let mut id = 0;
    (1..=students_at(scale)).flat_map(move |student_id| {
        let wanted = COURSES_OF_TEN_STUDENTS[(student_id % 10) as usize];
        let mut taken = Vec::with_capacity(wanted);
        while taken.len() < wanted {
            let course_id = chance.id(open_courses);
            if !taken.contains(&course_id) {
                taken.push(course_id);
            }
        }
        let enrolled: Vec<_> = taken
            .into_iter()
            .map(|course_id| {
                id += 1;
                enrollment::Model {
                    id,
                    student_id,
                    course_id,
                    enrolled_at: chance.moment(-60, 0),
                }
            })
            .collect();
        enrolled
    })
}

/// 100,000 rows at scale 1: 33 or 34 days for each enrollment, and no other pair of student and course.
///
/// They are in the order of their unique key, so that a million of them can be inserted quickly without dropping the
/// indexes.
pub(super) fn attendance(scale: u32) -> impl Iterator<Item = attendance::Model> {
    use attendance::AttendanceStatus::{Absent, Leave, Present};
    let mut chance = Chance::of(Table::Attendance);
    let days = school_days();
    let mut id = 0;
    enrollments(scale).flat_map(move |enrollment| {
        let wanted = enrollment.id * 100 / 3 - (enrollment.id - 1) * 100 / 3;
        // A course meets every other school day, and not every student attends from the first meeting on.
        let first = (enrollment.course_id % 2) as usize + 2 * chance.below(14) as usize;
        let rows: Vec<_> = days
            .iter()
            .skip(first)
            .step_by(2)
            .take(wanted as usize)
            .map(|date| {
                id += 1;
                attendance::Model {
                    id,
                    student_id: enrollment.student_id,
                    course_id: enrollment.course_id,
                    date: *date,
                    status: chance.weighted(&[(88, Present), (8, Absent), (4, Leave)]),
                }
            })
            .collect();
        rows
    })
}

/// The first hundred school days of the term: Monday to Friday without public holidays.
fn school_days() -> Vec<NaiveDate> {
    const HOLIDAYS: [(u32, u32); 3] = [(8, 14), (10, 2), (10, 20)];
    std::iter::successors(Some(term_begins()), |day: &DateTime<Utc>| {
        Some(*day + TimeDelta::days(1))
    })
    .map(|day| day.date_naive())
    .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
    .filter(|day| !HOLIDAYS.contains(&(day.month(), day.day())))
    .take(100)
    .collect()
}
