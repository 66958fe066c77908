//! The subcommands: `migrate`, `admin`, `token`, `demo`, `openapi`.

use serde_json::json;

use harness::service::{Setup, one_time_password};
use harness::token::Token;
use harness::{Engine, Scratch, Service, on_every_engine, small_school, write_private};

#[on_every_engine]
async fn migrate_creates_only_the_schema(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    for _ in 0..2 {
        let migrated = Setup::on(&scratch).argument("migrate").run().await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
    }
    assert_eq!(scratch.count("users").await, 0);
    assert_eq!(harness::schema_shape::read(&scratch).await.len(), 29);
}

#[on_every_engine]
async fn administrators_are_created_and_get_new_passwords(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).unset("CAMPUS_BACKUP_ADMIN_PASSWORD");
    let made = setup
        .again()
        .arguments(&["admin", "create", "second", "--email", "second@school.example"])
        .run()
        .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let service = setup.start().await;
    let second = service.first_login("second", made.password()).await;
    second.get("/backup/stats").await.expect(200);
    assert_eq!(
        second.get("/auth/me").await.expect(200).json()["email"],
        "second@school.example"
    );

    let again = setup.again().arguments(&["admin", "create", "second"]).run().await;
    again.assert_plain_fault(1);
    let teacher = setup.again().arguments(&["admin", "create", "teacher"]).run().await;
    teacher.assert_plain_fault(1);
    let unknown = setup
        .again()
        .arguments(&["admin", "reset-password", "unknown"])
        .run()
        .await;
    unknown.assert_plain_fault(1);

    let file = school.scratch.folder().join("password");
    write_private(&file, "copper-lantern-18-river\n");
    let reset = [
        "admin",
        "reset-password",
        "second",
        "--password-file",
        file.to_str().unwrap(),
    ];
    let reset = setup.again().arguments(&reset).run().await;
    assert_eq!(reset.code, Some(0), "{reset:?}");
    assert!(
        !(reset.stdout + &reset.stderr).contains("copper-lantern"),
        "what was given is not printed"
    );
    service
        .login("second", "copper-lantern-18-river")
        .await
        .get("/backup/stats")
        .await
        .expect(200);
    let body = serde_json::json!({"username": "second", "password": made.password()});
    service
        .anonymous()
        .post("/auth/login", &body)
        .await
        .problem(401, "wrong_credentials");

    write_private(&file, "12345678\n");
    let weak = [
        "admin",
        "reset-password",
        "second",
        "--password-file",
        file.to_str().unwrap(),
    ];
    let weak = setup.again().arguments(&weak).run().await;
    assert_ne!(weak.code, Some(0), "{weak:?}");

    let generated = setup
        .again()
        .arguments(&["admin", "reset-password", "second"])
        .run()
        .await;
    service
        .first_login("second", generated.password())
        .await
        .get("/backup/stats")
        .await
        .expect(200);
}

#[on_every_engine]
async fn token_is_issued_without_a_password(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let issued = setup
        .again()
        .arguments(&["token", "admin", "--lifetime", "60"])
        .run()
        .await;
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let token = issued.stdout.trim();
    service.bearer(token).get("/backup/stats").await.expect(200);
    let claims = Token::open(token).claims;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    for name in ["unknown", "-old.admin"] {
        let refused = setup.again().arguments(&["token", "--", name]).run().await;
        refused.assert_plain_fault(1);
        assert_eq!(refused.stdout, "");
    }
}

#[on_every_engine]
async fn demo_fills_only_an_empty_database(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let demo = Setup::on(&scratch).arguments(&["demo", "--scale", "1"]);
    let filled = demo.run().await;
    assert_eq!(filled.code, Some(0), "{filled:?}");
    let expected = [
        ("users", 5),
        ("students", 1_000),
        ("courses", 40),
        ("payment_categories", 8),
        ("enrollments", 3_000),
        ("payments", 5_000),
        ("attendance", 100_000),
    ];
    for (table, rows) in expected {
        assert_eq!(scratch.count(table).await, rows, "{table}");
    }
    let again = demo.run().await;
    again.assert_plain_fault(1);
    assert!(
        again.stderr.contains("users"),
        "it says what is there: {}",
        again.stderr
    );
    assert_eq!(scratch.count("attendance").await, 100_000);
    // The names are as awkward as those of a real school: many scripts, and every difficulty of CSV.
    for trap in [
        "full_name like '%,%'",
        "full_name like '%''%'",
        "address like '%\n%'",
        "phone like '+91%'",
        "registration_number like '0%'",
        "email is null",
        "date_of_birth is null",
    ] {
        assert_ne!(
            scratch
                .number(&format!("select count(*) from students where {trap}"))
                .await,
            0,
            "{trap}"
        );
    }
    let service = Service::on(&scratch).await;
    let printed = one_time_password(&filled.stdout)
        .map(str::to_owned)
        .or_else(|| one_time_password(&service.stdout()).map(str::to_owned));
    let password = printed.unwrap_or_else(|| harness::ADMIN_PASSWORD.to_owned());
    let stats = service
        .login("admin", &password)
        .await
        .get("/backup/stats")
        .await
        .expect(200)
        .json();
    assert_eq!(stats["total"], 109_053);
}

/// `demo` works after the first start, which creates an administrator.
#[on_every_engine]
async fn demo_fills_the_database_of_the_first_start(engine: Engine) {
    for is_served in [false, true] {
        let scratch = Scratch::empty(engine).await;
        let setup = Setup::on(&scratch);
        setup.start().await.stop().await;
        let hash = scratch.value("select password_hash from users").await;
        let service = match is_served {
            true => setup.again().argument("--demo").start().await,
            false => {
                let filled = setup.again().argument("demo").run().await;
                assert_eq!(filled.code, Some(0), "{filled:?}");
                assert!(one_time_password(&filled.stdout).is_none(), "{filled:?}");
                setup.start().await
            }
        };
        assert_eq!(
            (scratch.count("users").await, scratch.count("students").await),
            (5, 1_000)
        );
        let kept = "select password_hash from users where username = 'admin'";
        assert_eq!(scratch.value(kept).await, hash);
        service.admin().await.get("/backup/stats").await.expect(200);
    }
}

/// A clear can still be undone, and demo rows would block the undo.
#[on_every_engine]
async fn demo_does_not_fill_a_cleared_school(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let setup = Setup::on(&scratch);
    let service = setup.again().argument("--demo").start().await;
    let admin = service.admin().await;
    admin
        .clear(&json!({"table": "all", "confirm": "all"}))
        .await
        .expect(200);
    scratch.execute("delete from users where username <> 'admin'").await;
    service.stop().await;

    let service = setup.again().argument("--demo").start().await;
    let stats = service.admin().await.get("/backup/stats").await.expect(200).json();
    assert_eq!(stats["total"], 1);
    service.stop().await;
    setup.again().argument("demo").run().await.assert_plain_fault(1);
}

#[on_every_engine]
async fn demo_changes_no_existing_school(engine: Engine) {
    let school = small_school(engine).await;
    let before = school.scratch.everything().await;
    let refused = Setup::on(&school.scratch)
        .arguments(&["demo", "--scale", "1"])
        .run()
        .await;
    refused.assert_plain_fault(1);
    assert_eq!(school.scratch.everything().await, before);
    let service = Setup::on(&school.scratch).argument("--demo").start().await;
    service.admin().await.get("/backup/stats").await.expect(200);
    assert_eq!(
        school.scratch.everything().await,
        before,
        "serve --demo fills only an empty database"
    );
}

/// All engines get the same demo school.
#[tokio::test(flavor = "multi_thread")]
async fn demo_is_equal_on_all_engines() {
    let mut first: Option<String> = None;
    for engine in harness::Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
        let scratch = Scratch::empty(engine).await;
        Setup::on(&scratch).arguments(&["demo", "--scale", "1"]).run().await;
        let service = Service::on(&scratch).await;
        let setup = Setup::on(&scratch).installed().await;
        let token = setup.arguments(&["token", "admin"]).run().await.stdout;
        let admin = service.bearer(token.trim());
        for table in ["students", "payments", "attendance"] {
            let archive = admin
                .get(&format!("/backup/download/{table}?format=json"))
                .await
                .expect(200)
                .json();
            let digest = archive["summary"]["sha256"][table].as_str().unwrap().to_owned();
            if table == "attendance" {
                let first = first.get_or_insert_with(|| digest.clone());
                assert_eq!(*first, digest, "{engine:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn document_is_printed_without_a_database() {
    let printed = Setup::bare().argument("openapi").run().await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let document: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
    assert!(document["paths"]["/backup/stats"].is_object());
    assert!(!Setup::bare().folder().join("data").exists());
}
