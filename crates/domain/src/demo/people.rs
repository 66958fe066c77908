//! Users and students.

use chrono::{NaiveDate, TimeDelta};

use super::DemoAdmin;
use super::chance::{Chance, term_begins};
use super::names;
use crate::catalog::Table;
use crate::entity::user::Role;
use crate::entity::{student, user};

/// No password matches this hash, so the account can't sign in until a password is set.
const NO_PASSWORD: &str = "!";

pub(super) fn students_at(scale: u32) -> i64 {
    1_000 * i64::from(scale)
}

/// The administrator and four of the staff.
pub(super) fn users(admin: &DemoAdmin) -> impl Iterator<Item = user::Model> {
    const STAFF: [(&str, Option<&str>, Role, bool); 4] = [
        ("accounts", Some("accounts@school.example"), Role::Accountant, true),
        ("meera.iyer", Some("meera.iyer@school.example"), Role::Teacher, true),
        ("josé.ñandú", None, Role::Teacher, true),
        ("o'brien", Some("o'brien@school.example"), Role::Teacher, false),
    ];
    let mut chance = Chance::of(Table::Users);
    let created_at = chance.moment(-2_700, -2_699);
    let (first, id) = match admin {
        DemoAdmin::New {
            username,
            password_hash,
        } => {
            let first = user::Model {
                id: 1,
                username: username.clone(),
                email: None,
                password_hash: password_hash.clone(),
                role: Role::Admin,
                is_active: true,
                created_at,
            };
            (Some(first), 1)
        }
        DemoAdmin::Existing { id, .. } => (None, *id),
    };
    let taken = admin.username().to_owned();
    let staff = (id + 1..)
        .zip(STAFF)
        .map(move |(id, (username, email, role, is_active))| user::Model {
            id,
            // The administrator may have the name of a member of the staff.
            username: if username == taken {
                format!("{username}.staff")
            } else {
                username.to_owned()
            },
            email: email.map(str::to_owned),
            password_hash: NO_PASSWORD.to_owned(),
            role,
            is_active,
            created_at: chance.moment(-2_600, -300),
        });
    first.into_iter().chain(staff)
}

/// 1,000 students at scale 1.
pub(super) fn students(scale: u32) -> impl Iterator<Item = student::Model> {
    let mut chance = Chance::of(Table::Students);
    (1..=students_at(scale)).map(move |id| student::Model {
        id,
        full_name: names::person(&mut chance),
        registration_number: registration_number(id),
        email: (!chance.once_in(12)).then(|| format!("student{id}@school.example")),
        phone: phone(&mut chance),
        address: names::address(&mut chance),
        date_of_birth: date_of_birth(&mut chance),
        created_at: chance.moment(-2_000, -90),
    })
}

/// Unique, and mostly with leading zeros. Some look like a number with an exponent or like a date, as real ones do.
fn registration_number(id: i64) -> String {
    match id % 50 {
        7 => format!("{id}E5"),
        23 => format!("2026-{id:04}"),
        41 => format!("R/{id:05}"),
        _ => format!("{id:08}"),
    }
}

fn phone(chance: &mut Chance) -> Option<String> {
    let number = chance.below(100_000_000);
    let (high, low) = (number / 100_000, number % 100_000);
    match chance.below(20) {
        0 | 1 => None,
        2 => Some(format!("+44 20 7946 0{:03}", number % 1_000)),
        3 => Some(format!("(555) 01{:02}", number % 100)),
        4 => Some(format!("098{high:03}{low:05}")),
        5 => Some(String::new()),
        _ => Some(format!("+91 98{high:03} {low:05}")),
    }
}

/// Mostly of school age; one in forty is an older learner, born before 1970.
fn date_of_birth(chance: &mut Chance) -> Option<NaiveDate> {
    const YEAR: u64 = 365;
    let days = match chance.below(40) {
        0..=2 => return None,
        3 => 57 * YEAR + chance.below(31 * YEAR),
        4 => 20 * YEAR + chance.below(25 * YEAR),
        _ => 10 * YEAR + chance.below(9 * YEAR),
    };
    Some((term_begins() - TimeDelta::days(days as i64)).date_naive())
}
