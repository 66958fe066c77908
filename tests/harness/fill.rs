//! Many rows, which the database itself generates.

use super::engine::Engine;
use super::scratch::Scratch;

/// Inserts `rows` students, numbered from 1. Their addresses have `width` characters, which barely compress.
pub async fn wide_students(scratch: &Scratch, rows: u32, width: u32) {
    wide_students_after(scratch, 0, rows, width).await;
}

/// The same, numbered from the number after `last`.
pub async fn wide_students_after(scratch: &Scratch, last: i64, rows: u32, width: u32) {
    let address = match scratch.engine() {
        Engine::Sqlite => format!("hex(randomblob({}))", width / 2),
        Engine::Postgres | Engine::Mysql => {
            let digests = (0..width / 32).map(|number| format!("md5(concat(i, '-', {number}))"));
            format!("concat({})", digests.collect::<Vec<_>>().join(", "))
        }
    };
    scratch
        .execute(&format!(
            "insert into students (id, full_name, registration_number, address) \
             select i + {last}, 'Student', 'W' || (i + {last}), {address} from {} where i <= {rows}",
            numbers()
        ))
        .await;
}

/// The statements that insert a student, an enrollment and a payment in one transaction. The three tables have equally
/// many rows at every moment.
pub fn pair(number: u32) -> [String; 3] {
    [
        format!("insert into students (id, full_name, registration_number) values ({number}, 'Pair', 'P{number}')"),
        format!("insert into enrollments (student_id, course_id) values ({number}, 1)"),
        format!(
            "insert into payments (student_id, category_id, amount_paid, status) values ({number}, 1, 1.25, 'paid')"
        ),
    ]
}

/// The rows to which the rows of [`pair`] refer.
pub async fn insert_references_of_pairs(scratch: &Scratch) {
    scratch
        .execute("insert into courses (id, name, fee, seats) values (1, 'Course', 1, 1)")
        .await;
    scratch
        .execute("insert into payment_categories (id, name) values (1, 'Category')")
        .await;
}

/// An enrollment that no download and no backup can contain, because its student id is not a number. Only SQLite
/// accepts it.
pub async fn unreadable_enrollment(scratch: &Scratch) {
    scratch
        .execute(
            "pragma foreign_keys = off; \
             insert into enrollments (id, student_id, course_id) values (7, 'not-a-number', 1); \
             pragma foreign_keys = on",
        )
        .await;
}

/// `i` from 1 to 100,000, as SQL for every engine.
fn numbers() -> String {
    let digits: Vec<_> = (0..10).map(|digit| format!("select {digit} as n")).collect();
    let digits = digits.join(" union all ");
    let places: Vec<_> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|name| format!("({digits}) {name}"))
        .collect();
    let number = "1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n";
    format!("(select {number} as i from {}) numbers", places.join(" cross join "))
}
