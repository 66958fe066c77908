//! Long texts have the same limit on every engine.

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
async fn text_of_more_than_64_kib_is_restored(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    // Two bytes for each character.
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

/// The check for NUL characters stays when a migration changes the type of the column.
#[on_every_engine]
async fn long_text_with_nul_is_refused(engine: Engine) {
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
