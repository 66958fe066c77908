//! The seven tables of the school's data. Foreign keys restrict: what goes with a row is decided by the service,
//! counted and reported, never by a silent cascade.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        for table in [
            d.table("users")
                .col(d.id())
                .col(d.string("username", 255).not_null().unique_key())
                .col(d.string("email", 255))
                .col(d.string("password_hash", 255).not_null())
                .col(d.word("role", &["admin", "accountant", "teacher"]))
                .col(ColumnDef::new("is_active").boolean().not_null().default(true))
                .col(d.created_at("created_at")),
            d.table("students")
                .col(d.id())
                .col(d.string("full_name", 255).not_null())
                .col(d.string("registration_number", 255).not_null().unique_key())
                .col(d.string("email", 255))
                .col(d.string("phone", 255))
                .col(d.text("address"))
                .col(ColumnDef::new("date_of_birth").date())
                .col(d.created_at("created_at")),
            d.table("courses")
                .col(d.id())
                .col(d.string("name", 255).not_null().unique_key())
                .col(d.text("description"))
                .col(d.string("instructor_name", 255))
                .col(d.string("instructor_contact", 255))
                .col(d.money("fee"))
                .col(ColumnDef::new("seats").big_integer().not_null())
                .col(d.created_at("created_at")),
            d.table("payment_categories")
                .col(d.id())
                .col(d.string("name", 255).not_null().unique_key())
                .col(d.text("description"))
                .col(d.created_at("created_at")),
            d.table("enrollments")
                .col(d.id())
                .col(reference("student_id"))
                .col(reference("course_id"))
                .col(d.created_at("enrolled_at"))
                .foreign_key(&mut restrict("enrollments", "student_id", "students"))
                .foreign_key(&mut restrict("enrollments", "course_id", "courses")),
            d.table("payments")
                .col(d.id())
                .col(reference("student_id"))
                .col(reference("category_id"))
                .col(d.money("amount_paid"))
                .col(d.created_at("payment_date"))
                .col(d.word("status", &["paid", "pending", "partial_paid"]))
                .col(d.string("transaction_id", 255))
                .foreign_key(&mut restrict("payments", "student_id", "students"))
                .foreign_key(&mut restrict("payments", "category_id", "payment_categories")),
            d.table("attendance")
                .col(d.id())
                .col(reference("student_id"))
                .col(reference("course_id"))
                .col(ColumnDef::new("date").date().not_null())
                .col(d.word("status", &["present", "absent", "leave"]))
                .foreign_key(&mut restrict("attendance", "student_id", "students"))
                .foreign_key(&mut restrict("attendance", "course_id", "courses")),
        ] {
            manager.create_table(table.to_owned()).await?;
        }
        for (table, columns, unique) in [
            ("enrollments", &["student_id", "course_id"][..], true),
            ("enrollments", &["course_id"], false),
            ("payments", &["student_id"], false),
            ("payments", &["category_id"], false),
            ("attendance", &["student_id", "course_id", "date"], true),
            ("attendance", &["course_id"], false),
        ] {
            manager.create_index(index(table, columns, unique)).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "attendance",
            "payments",
            "enrollments",
            "payment_categories",
            "courses",
            "students",
            "users",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn reference(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null();
    column
}

fn restrict(table: &'static str, column: &'static str, target: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(target, "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

fn index(table: &'static str, columns: &[&'static str], unique: bool) -> IndexCreateStatement {
    let kind = if unique { "uq" } else { "ix" };
    let mut index = Index::create();
    index.name(format!("{kind}_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    index
}
