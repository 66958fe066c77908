//! The refusals, and then the demo school.

use sea_orm::{ActiveValue, Order, PaginatorTrait, PrimaryKeyToColumn, QueryOrder};
use sha2::{Digest, Sha256};

use super::*;
use crate::entity::user::Role;
use crate::entity::{attendance, course, enrollment, payment, payment_category, student, user};
use crate::sample::School;

fn admin() -> DemoAdmin {
    DemoAdmin::New {
        username: "admin".to_owned(),
        password_hash: "$argon2id$of-the-test".to_owned(),
    }
}

/// A digest of every value of every table.
async fn digest(database: &Database) -> String {
    async fn rows<E: EntityTrait>(database: &Database, digest: &mut Sha256, mend: impl Fn(&mut E::Model)) {
        let key = E::PrimaryKey::iter().next().unwrap().into_column();
        for mut row in E::find()
            .order_by(key, Order::Asc)
            .all(database.connection())
            .await
            .unwrap()
        {
            mend(&mut row);
            digest.update(format!("{row:?}\n"));
        }
    }
    let mut digest = Sha256::new();
    rows::<user::Entity>(database, &mut digest, |_| {}).await;
    rows::<student::Entity>(database, &mut digest, |_| {}).await;
    // SQLite does not keep the scale of a decimal.
    rows::<course::Entity>(database, &mut digest, |row| row.fee = row.fee.normalize()).await;
    rows::<payment_category::Entity>(database, &mut digest, |_| {}).await;
    rows::<enrollment::Entity>(database, &mut digest, |_| {}).await;
    rows::<payment::Entity>(database, &mut digest, |row| {
        row.amount_paid = row.amount_paid.normalize()
    })
    .await;
    rows::<attendance::Entity>(database, &mut digest, |_| {}).await;
    hex::encode(digest.finalize())
}

#[tokio::test]
async fn database_with_a_row_is_refused_and_unchanged() {
    let School {
        database,
        folder: _folder,
    } = School::empty().await;
    let category = payment_category::ActiveModel {
        name: ActiveValue::Set("Tuition".to_owned()),
        ..Default::default()
    };
    payment_category::Entity::insert(category)
        .exec(database.connection())
        .await
        .unwrap();

    let before = digest(&database).await;
    let refused = fill(&database, 1, admin()).await;
    assert!(
        matches!(
            refused,
            Err(Error::NotEmpty {
                table: Table::PaymentCategories
            })
        ),
        "{refused:?}"
    );
    assert_eq!(digest(&database).await, before);

    assert!(matches!(fill(&database, 0, admin()).await, Err(Error::Invalid { .. })));
}

/// The state after the first start, which creates the administrator before a demo is requested.
#[tokio::test]
async fn first_administrator_is_kept() {
    let School {
        database,
        folder: _folder,
    } = School::empty().await;
    assert!(sole_administrator(&database).await.unwrap().is_none());
    let account = |id: i64, username: &str, role: Role| user::ActiveModel {
        id: ActiveValue::Set(id),
        username: ActiveValue::Set(username.to_owned()),
        password_hash: ActiveValue::Set("$argon2id$of-the-first-start".to_owned()),
        role: ActiveValue::Set(role),
        is_active: ActiveValue::Set(true),
        created_at: ActiveValue::Set(stats::now()),
        ..Default::default()
    };
    let first = account(3, "accounts", Role::Admin);
    user::Entity::insert(first).exec(database.connection()).await.unwrap();
    let sole = sole_administrator(&database).await.unwrap().unwrap();
    let filled = fill(&database, 1, sole.clone()).await.unwrap();
    assert_eq!((filled.rows[&Table::Users], filled.rows[&Table::Students]), (4, 1_000));
    let users = user::Entity::find()
        .order_by_asc(user::Column::Id)
        .all(database.connection())
        .await
        .unwrap();
    let names: Vec<_> = users.iter().map(|user| (user.id, user.username.as_str())).collect();
    assert_eq!(names[..2], [(3, "accounts"), (4, "accounts.staff")]);
    assert_eq!(users[0].password_hash, "$argon2id$of-the-first-start");
    // The administrator is no longer the only row.
    assert!(sole_administrator(&database).await.unwrap().is_none());
    let again = fill(&database, 1, sole).await;
    assert!(
        matches!(again, Err(Error::NotEmpty { table: Table::Users })),
        "{again:?}"
    );
}

/// A user who is not an administrator is real data.
#[tokio::test]
async fn other_users_are_kept() {
    let School {
        database,
        folder: _folder,
    } = School::empty().await;
    let teacher = user::ActiveModel {
        username: ActiveValue::Set("teacher".to_owned()),
        password_hash: ActiveValue::Set("!".to_owned()),
        role: ActiveValue::Set(Role::Teacher),
        is_active: ActiveValue::Set(true),
        created_at: ActiveValue::Set(stats::now()),
        ..Default::default()
    };
    user::Entity::insert(teacher).exec(database.connection()).await.unwrap();
    assert!(sole_administrator(&database).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_scale_gives_the_same_school() {
    let (school, other_school) = (School::empty().await, School::empty().await);
    let (database, other) = (school.database, other_school.database);
    let filled = fill(&database, 1, admin()).await.unwrap();
    assert_eq!(fill(&other, 1, admin()).await.unwrap(), filled);
    assert_eq!(digest(&other).await, digest(&database).await);

    let expected = [
        (Table::Users, 5),
        (Table::Students, 1_000),
        (Table::Courses, 40),
        (Table::PaymentCategories, 8),
        (Table::Enrollments, 3_000),
        (Table::Payments, 5_000),
        (Table::Attendance, 100_000),
    ];
    assert_eq!(filled.rows, BTreeMap::from(expected));
    assert_eq!(filled.total(), 109_053);
    let stored = attendance::Entity::find().count(database.connection()).await.unwrap();
    assert_eq!(stored, 100_000);

    // A second time it is no longer empty, and a new row gets the next id.
    assert!(matches!(
        fill(&database, 1, admin()).await,
        Err(Error::NotEmpty { table: Table::Users })
    ));
    assert_eq!(next_student(&database).await, 1_001);
}

async fn next_student(database: &Database) -> i64 {
    let student = student::ActiveModel {
        full_name: ActiveValue::Set("Ada".to_owned()),
        registration_number: ActiveValue::Set("new".to_owned()),
        ..Default::default()
    };
    student::Entity::insert(student)
        .exec(database.connection())
        .await
        .unwrap()
        .last_insert_id
}

#[test]
fn rows_contain_awkward_values() {
    let students: Vec<_> = people::students(1).collect();
    let some = |wanted: &dyn Fn(&student::Model) -> bool| students.iter().filter(|row| wanted(row)).count();
    assert!(some(&|row| row.email.is_none()) > 0);
    assert!(some(&|row| row.phone.is_none()) > 0);
    assert!(some(&|row| row.address.is_none()) > 0);
    assert!(some(&|row| row.address.as_deref() == Some("")) > 0);
    assert!(some(&|row| row.date_of_birth.is_none()) > 0);
    assert!(
        some(&|row| row
            .date_of_birth
            .is_some_and(|date| date < chrono::NaiveDate::default()))
            > 0
    );
    assert!(some(&|row| row.created_at.timestamp_subsec_micros() != 0) > 0);
    assert!(some(&|row| row.registration_number.starts_with('0')) > 0);
    assert!(some(&|row| row.phone.as_deref().is_some_and(|phone| phone.starts_with("+91 98"))) > 0);
    for awkward in ["\n", "\r\n", "\"", ",", "🏠", "=1+1", "@cmd", "-2+3", "\\"] {
        let found = some(&|row| row.address.as_deref().is_some_and(|address| address.contains(awkward)));
        assert!(found > 0, "{awkward:?}");
    }
    for letter in ['ł', 'श', 'ம', 'ا', 'נ', '王', 'ハ', '김', 'Щ', 'Ε', '"', '\''] {
        assert!(some(&|row| row.full_name.contains(letter)) > 0, "{letter}");
    }
    let courses: Vec<_> = courses::courses(2).collect();
    assert!(courses.iter().any(|row| row.fee.to_string() == "9999999999.99"));
    assert!(courses.iter().any(|row| row.description.is_none()));
    assert!(courses.iter().any(|row| row.instructor_name.is_none()));
    assert!(courses.iter().any(|row| row.instructor_contact.is_none()));
    let payments: Vec<_> = money::payments(1).collect();
    let ending = |cents: &str| payments.iter().any(|row| row.amount_paid.to_string().ends_with(cents));
    assert!(ending(".00") && ending(".05"));
    assert!(payments.iter().any(|row| row.transaction_id.is_none()));
    assert!(
        people::users(&admin()).all(|row| (row.role == Role::Admin) == (row.password_hash != "!")),
        "only the administrator can sign in"
    );
}

#[test]
fn the_administrator_may_have_a_name_of_the_staff() {
    let names: std::collections::BTreeSet<_> = people::users(&DemoAdmin::New {
        username: "accounts".to_owned(),
        password_hash: "!".to_owned(),
    })
    .map(|row| row.username)
    .collect();
    assert_eq!(names.len(), 5);
}
