//! Many rows, made by the database itself.

use super::engine::Engine;
use super::scratch::Scratch;

/// So many students with addresses of so many characters, which no encoding makes much smaller, numbered from 1.
pub async fn wide_students(scratch: &Scratch, rows: u32, width: u32) {
    wide_students_after(scratch, 0, rows, width).await;
}

/// The same, numbered from the number after that.
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

/// One course, and a student with an enrollment and a payment in one transaction for each number: the three tables
/// have equally many rows at every moment. Answers with the statements for one number.
pub fn pair(number: u32) -> [String; 3] {
    [
        format!("insert into students (id, full_name, registration_number) values ({number}, 'Pair', 'P{number}')"),
        format!("insert into enrollments (student_id, course_id) values ({number}, 1)"),
        format!(
            "insert into payments (student_id, category_id, amount_paid, status) values ({number}, 1, 1.25, 'paid')"
        ),
    ]
}

/// What the rows of [`pair`] refer to.
pub async fn ground_for_pairs(scratch: &Scratch) {
    scratch
        .execute("insert into courses (id, name, fee, seats) values (1, 'Course', 1, 1)")
        .await;
    scratch
        .execute("insert into payment_categories (id, name) values (1, 'Category')")
        .await;
}

/// An enrollment that no download and no backup can hold, since what it refers to is not a number. Only SQLite admits it.
pub async fn unreadable_enrollment(scratch: &Scratch) {
    scratch
        .execute(
            "pragma foreign_keys = off; \
             insert into enrollments (id, student_id, course_id) values (7, 'nobody', 1); \
             pragma foreign_keys = on",
        )
        .await;
}

/// `i` from 1 to 100,000, in a way that every engine understands.
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
