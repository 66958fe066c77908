//! A text may be as long on one engine as on another.

use campus_backup_domain::restore::RestoreMode;
use sea_orm::ConnectionTrait as _;

use harness::restore_rig::{RestorePlace, everything};
use harness::{Engine, on_every_engine, small_school};

/// The columns of the seven tables that hold long texts.
const TEXTS: [&str; 3] = [
    "students set address",
    "courses set description",
    "payment_categories set description",
];

#[on_every_engine]
async fn a_text_of_more_than_64_kib_makes_the_round_trip(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    // Two bytes a character.
    let text = "\u{fc}".repeat(35_000);
    for column in TEXTS {
        scratch
            .execute(&format!("update {column} = '{text}' where id = 1"))
            .await;
    }
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        for change in [
            "delete from attendance",
            "delete from payments",
            "delete from enrollments",
            "delete from students",
            "update courses set description = 'short'",
        ] {
            scratch.execute(change).await;
        }
        place.restore(&archive, &everything(mode)).await.unwrap();
        assert_eq!(place.digests().await, archive.summary().sha256, "{mode:?}");
        let restored = scratch.value("select address from students where id = 1").await;
        assert!(restored.as_ref() == Some(&text), "{mode:?}");
    }
}

/// The check that a text has no NUL stays with its column.
#[on_every_engine]
async fn a_long_text_has_no_nul(engine: Engine) {
    let school = small_school(engine).await;
    let nul = match engine {
        Engine::Sqlite | Engine::Mysql => "char(0)",
        Engine::Postgres => "chr(0)",
    };
    for column in TEXTS {
        let update = format!("update {column} = {nul}");
        let refused = school.scratch.connection().execute_unprepared(&update).await;
        assert!(refused.is_err(), "{column}");
    }
}
