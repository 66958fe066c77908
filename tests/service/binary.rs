//! The program at its start: settings, faults, and the files that it creates.

use std::os::unix::fs::PermissionsExt as _;

use harness::service::{Setup, one_time_password};
use harness::token::Token;
use harness::{Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, refusing_address, until, write_private};

/// Every setting of `serve`, as flag and as environment variable.
const SETTINGS: [(&str, &str); 39] = [
    ("--database-url", "DATABASE_URL"),
    ("--listen", "CAMPUS_BACKUP_LISTEN"),
    ("--data-dir", "CAMPUS_BACKUP_DATA_DIR"),
    ("--archives", "CAMPUS_BACKUP_ARCHIVES"),
    ("--admin-username", "CAMPUS_BACKUP_ADMIN_USERNAME"),
    ("--admin-password-file", "CAMPUS_BACKUP_ADMIN_PASSWORD_FILE"),
    ("", "CAMPUS_BACKUP_ADMIN_PASSWORD"),
    ("", "CAMPUS_BACKUP_JWT_SECRET"),
    ("", "CAMPUS_BACKUP_JWT_SECRET_PREVIOUS"),
    ("", "CAMPUS_BACKUP_SMTP_URL"),
    ("--smtp-url-file", "CAMPUS_BACKUP_SMTP_URL_FILE"),
    ("--smtp-from", "CAMPUS_BACKUP_SMTP_FROM"),
    ("--mail-attachment-limit", "CAMPUS_BACKUP_MAIL_ATTACHMENT_LIMIT"),
    ("--allow-local-targets", "CAMPUS_BACKUP_ALLOW_LOCAL_TARGETS"),
    ("", "CAMPUS_BACKUP_SECRETS_KEY"),
    ("--secrets-key-file", "CAMPUS_BACKUP_SECRETS_KEY_FILE"),
    ("--token-lifetime", "CAMPUS_BACKUP_TOKEN_LIFETIME"),
    ("--session-lifetime", "CAMPUS_BACKUP_SESSION_LIFETIME"),
    ("--timezone", "CAMPUS_BACKUP_TIMEZONE"),
    ("--cors-origins", "CAMPUS_BACKUP_CORS_ORIGINS"),
    ("--log", "CAMPUS_BACKUP_LOG"),
    ("--log-format", "CAMPUS_BACKUP_LOG_FORMAT"),
    ("--max-downloads", "CAMPUS_BACKUP_MAX_DOWNLOADS"),
    ("--chunk-size", "CAMPUS_BACKUP_CHUNK_SIZE"),
    ("--blocking-threads", "CAMPUS_BACKUP_BLOCKING_THREADS"),
    ("--stall-timeout", "CAMPUS_BACKUP_STALL_TIMEOUT"),
    ("--database-connections", "CAMPUS_BACKUP_DATABASE_CONNECTIONS"),
    ("--database-timeout", "CAMPUS_BACKUP_DATABASE_TIMEOUT"),
    ("--body-limit", "CAMPUS_BACKUP_BODY_LIMIT"),
    ("--body-timeout", "CAMPUS_BACKUP_BODY_TIMEOUT"),
    ("--shutdown-timeout", "CAMPUS_BACKUP_SHUTDOWN_TIMEOUT"),
    ("--require-confirmation", "CAMPUS_BACKUP_REQUIRE_CONFIRMATION"),
    ("--trusted-proxies", "CAMPUS_BACKUP_TRUSTED_PROXIES"),
    ("--public-url", "CAMPUS_BACKUP_PUBLIC_URL"),
    ("--internal-listen", "CAMPUS_BACKUP_INTERNAL_LISTEN"),
    ("--swagger-ui", "CAMPUS_BACKUP_SWAGGER_UI"),
    ("--require-store", "CAMPUS_BACKUP_REQUIRE_STORE"),
    ("--login-burst", "CAMPUS_BACKUP_LOGIN_BURST"),
    ("--login-burst-address", "CAMPUS_BACKUP_LOGIN_BURST_ADDRESS"),
];

#[tokio::test(flavor = "multi_thread")]
async fn help_lists_every_setting_with_its_default() {
    let help = Setup::bare().arguments(&["serve", "--help"]).run().await;
    assert_eq!(help.code, Some(0), "{help:?}");
    for (flag, variable) in SETTINGS {
        assert!(help.stdout.contains(flag), "{flag} is not in the help");
        assert!(help.stdout.contains(variable), "{variable} is not in the help");
    }
    for variable in ["JWKS", "ISSUER", "AUDIENCE", "ROLE_CLAIM", "ADMIN_ROLE"] {
        assert!(
            help.stdout.contains(&format!("CAMPUS_BACKUP_OIDC_{variable}")),
            "{variable} is not in the help"
        );
    }
    for default in ["127.0.0.1:8080", "15m", "UTC", "64KiB", "./data"] {
        assert!(
            help.stdout.contains(default),
            "the default {default} is not in the help"
        );
    }
    assert!(help.stdout.contains("--demo"));
    let top = Setup::bare().argument("--help").run().await;
    for subcommand in ["serve", "migrate", "admin", "token", "demo", "openapi"] {
        assert!(top.stdout.contains(subcommand), "{subcommand} is not in the help");
    }
}

/// A value that the help shows could be a secret from the environment.
#[tokio::test(flavor = "multi_thread")]
async fn help_shows_no_secret() {
    let setup = Setup::bare()
        .set("DATABASE_URL", "postgres://someone:database-password-77@127.0.0.1:1/x")
        .set("CAMPUS_BACKUP_ADMIN_PASSWORD", "administrator-password-77")
        .set("CAMPUS_BACKUP_JWT_SECRET", "jwt-secret-77-jwt-secret-77-jwt-secret-77")
        .set("CAMPUS_BACKUP_SMTP_URL", "smtps://office:mail-password-77@mail.example");
    for arguments in [&["--help"][..], &["serve", "--help"], &["serve", "--nonsense"]] {
        let help = setup.again().arguments(arguments).run().await;
        let said = help.stdout + &help.stderr;
        assert!(!said.contains("password-77") && !said.contains("secret-77"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_starts_without_configuration() {
    let service = Setup::bare().start().await;
    let stdout = service.stdout();
    until("the password is printed", WAIT_LIMIT, async || {
        one_time_password(&service.stdout()).is_some()
    })
    .await;
    assert!(
        service
            .stdout()
            .contains("Administrator `admin` was created. One-time password: "),
        "{stdout}"
    );
    let password = one_time_password(&service.stdout()).unwrap().to_owned();
    assert!(password.len() >= 16, "{}", password.len());
    assert!(
        !service.logs().contains(&password),
        "a password has nothing to do in the log"
    );
    let restricted = service.login("admin", &password).await;
    restricted
        .get("/backup/stats")
        .await
        .problem(403, "password_change_required");
    let admin = service.first_login("admin", &password).await;
    let stats = admin.get("/backup/stats").await.expect(200).json();
    assert_eq!(stats["users"], 1);

    let data = service.folder().join("data");
    assert!(data.join("campus-backup.db").is_file());
    assert_eq!(mode(&data) & 0o077, 0, "other users have access: {:o}", mode(&data));
    let secrets: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().contains("secret"))
        .collect();
    assert_eq!(
        secrets.len(),
        2,
        "the signing secret and the key of secrets: {secrets:?}"
    );
    for secret in secrets {
        assert_eq!(mode(&secret) & 0o777, 0o600);
        assert!(std::fs::read(&secret).unwrap().len() >= 32, "256 bits at least");
    }
}

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode()
}

#[tokio::test(flavor = "multi_thread")]
async fn created_secret_and_account_are_kept() {
    let setup = Setup::bare();
    let service = setup.start().await;
    until("the password is printed", WAIT_LIMIT, async || {
        one_time_password(&service.stdout()).is_some()
    })
    .await;
    let password = one_time_password(&service.stdout()).unwrap().to_owned();
    let token = service.first_login("admin", &password).await.token().to_owned();
    let finished = service.stop().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);

    let service = setup.start().await;
    service.bearer(&token).get("/backup/stats").await.expect(200);
    service.admin().await;
    assert_eq!(service.stdout(), "", "the password is printed once");
}

/// A secret that other users can read is reported.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_different_services_differ() {
    let mut signatures = Vec::new();
    for _ in 0..2 {
        let service = Setup::bare()
            .set("CAMPUS_BACKUP_ADMIN_PASSWORD", harness::ADMIN_PASSWORD)
            .start()
            .await;
        let token = service.admin().await.token().to_owned();
        let other = Token::open(&token).sign("");
        assert_ne!(other, token);
        signatures.push((service, token));
    }
    let (first, second) = (&signatures[0], &signatures[1]);
    first
        .0
        .bearer(&second.1)
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
    second
        .0
        .bearer(&first.1)
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_are_reported_all_at_once() {
    let refused = Setup::bare()
        .set("CAMPUS_BACKUP_TIMEZON", "UTC")
        .set("CAMPUS_BACKUP_JWT_SECRET", "short")
        .set("CAMPUS_BACKUP_TIMEZONE", "Mars/Olympus")
        .set("CAMPUS_BACKUP_ADMIN_PASSWORD", "one-strong-password-1")
        .set("CAMPUS_BACKUP_ADMIN_PASSWORD_FILE", "missing")
        .set("CAMPUS_BACKUP_OIDC_ISSUER", "https://login.school.example")
        .set("CAMPUS_BACKUP_MAX_DOWNLOADS", "0")
        .argument("serve")
        .run()
        .await;
    refused.assert_plain_fault(2);
    for variable in [
        "CAMPUS_BACKUP_TIMEZON`",
        "CAMPUS_BACKUP_JWT_SECRET",
        "CAMPUS_BACKUP_TIMEZONE",
        "CAMPUS_BACKUP_ADMIN_PASSWORD_FILE",
        "CAMPUS_BACKUP_OIDC_JWKS",
        "CAMPUS_BACKUP_MAX_DOWNLOADS",
    ] {
        let named = refused.stderr.replace(['"', '\''], "`");
        assert!(
            named.contains(variable.trim_end_matches('`')),
            "{variable} is not named: {named}"
        );
    }
    assert!(!refused.stderr.contains("one-strong-password-1"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_invalid_setting_is_refused() {
    for (variable, value) in [
        ("CAMPUS_BACKUP_NONSENSE", "1"),
        ("CAMPUS_BACKUP_LISTEN", "nowhere"),
        ("CAMPUS_BACKUP_TIMEZONE", "Europe/Atlantis"),
        ("CAMPUS_BACKUP_TOKEN_LIFETIME", "soon"),
        ("CAMPUS_BACKUP_TOKEN_LIFETIME", "0"),
        ("CAMPUS_BACKUP_LOG_FORMAT", "xml"),
        ("CAMPUS_BACKUP_CORS_ORIGINS", "*"),
        ("CAMPUS_BACKUP_INTERNAL_LISTEN", "9090"),
        ("CAMPUS_BACKUP_SWAGGER_UI", "off"),
        ("CAMPUS_BACKUP_REQUIRE_STORE", "maybe"),
        ("CAMPUS_BACKUP_CORS_ORIGINS", "https://school.example/path"),
        ("CAMPUS_BACKUP_TRUSTED_PROXIES", "everybody"),
        ("CAMPUS_BACKUP_PUBLIC_URL", "ftp://school.example"),
        ("CAMPUS_BACKUP_ADMIN_PASSWORD", "12345678"),
        ("CAMPUS_BACKUP_JWT_SECRET", "0123456789012345678901234567890"),
        ("CAMPUS_BACKUP_JWT_SECRET_PREVIOUS", "short"),
        ("CAMPUS_BACKUP_STALL_TIMEOUT", "-1"),
        ("CAMPUS_BACKUP_DATABASE_CONNECTIONS", "0"),
        ("DATABASE_URL", "oracle://somewhere/x"),
        ("DATABASE_URL", "not a url"),
        ("CAMPUS_BACKUP_ARCHIVES", "ftp://somewhere/x"),
        // The path leads through a file, so the folder can't exist.
        (
            "CAMPUS_BACKUP_ARCHIVES",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml/below"),
        ),
    ] {
        let refused = Setup::bare()
            .set(variable, value)
            .set("CAMPUS_BACKUP_SHUTDOWN_TIMEOUT", 1);
        let refused = refused
            .arguments(&["serve", "--listen", "127.0.0.1:0"][..if variable.ends_with("LISTEN") { 1 } else { 3 }]);
        let refused = refused.run().await;
        assert_eq!(refused.code, Some(2), "{variable}={value}: {refused:?}");
        refused.assert_plain_fault(2);
    }
    for arguments in [
        &["serve", "--nonsense"][..],
        &["nonsense"],
        &["admin"],
        &["admin", "create"],
        &["token"],
    ] {
        assert_eq!(
            Setup::bare().arguments(arguments).run().await.code,
            Some(2),
            "{arguments:?}"
        );
    }
    // Secrets are accepted only from the environment and files, because every user of the machine sees arguments.
    for argument in ["--admin-password=x", "--jwt-secret=x"] {
        assert_eq!(
            Setup::bare().arguments(&["serve", argument]).run().await.code,
            Some(2),
            "{argument}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_can_come_from_files() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let write = |name: &str, text: &str| {
        let path = scratch.folder().join(name);
        write_private(&path, text);
        path.display().to_string()
    };
    let secret = write("jwt", "a secret out of a file, with a line break at its end\n");
    let password = write("password", "copper-lantern-18-river\n");
    let service = Setup::bare()
        .set("DATABASE_URL", scratch.url())
        .set("CAMPUS_BACKUP_JWT_SECRET_FILE", secret)
        .set("CAMPUS_BACKUP_ADMIN_PASSWORD_FILE", password)
        .set("CAMPUS_BACKUP_ADMIN_USERNAME", "head")
        .start()
        .await;
    service
        .login("head", "copper-lantern-18-river")
        .await
        .get("/backup/stats")
        .await
        .expect(200);
    assert_eq!(service.stdout(), "", "a password that was given is not printed");
}

#[tokio::test(flavor = "multi_thread")]
async fn used_port_is_a_plain_error() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let second = Setup::on(&scratch)
        .arguments(&["serve", "--listen", service.address()])
        .run()
        .await;
    second.assert_plain_fault(4);
    assert!(second.stderr.contains(service.address()), "{}", second.stderr);
    service.anonymous().get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_database_is_a_plain_error() {
    let (address, _refusing) = refusing_address();
    let folder = tempfile::tempdir().unwrap();
    for url in [
        format!("postgres://service:database-password-77@{address}/school"),
        format!("mysql://service:database-password-77@{address}/school"),
        format!("sqlite://{}/missing/school.db", folder.path().display()),
    ] {
        let setup = Setup::bare()
            .set("DATABASE_URL", &url)
            .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 2);
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
            let refused = setup.again().arguments(arguments).run().await;
            refused.assert_plain_fault(3);
            assert!(!refused.stderr.contains("database-password-77"), "{}", refused.stderr);
        }
    }
}

#[on_every_engine]
async fn newer_schema_is_not_changed(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    scratch
        .execute("insert into backup_migrations (version, applied_at) values ('m20991231_000001_future', 1)")
        .await;
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["demo"]] {
        let refused = Setup::on(&scratch).arguments(arguments).run().await;
        refused.assert_plain_fault(5);
        assert!(refused.stderr.contains("m20991231_000001_future"), "{}", refused.stderr);
    }
    assert_eq!(scratch.count("users").await, 0);
}

#[on_every_engine(nightly)]
async fn service_stops_on_a_signal(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let service = Service::on(&scratch).await;
    service.admin().await.get("/backup/stats").await.expect(200);
    let finished = service.stop().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[on_every_engine]
async fn two_copies_can_start_at_once_on_one_database(engine: Engine) {
    let scratch = Scratch::empty(engine).await;
    let setup = Setup::on(&scratch);
    let (first, second) = tokio::join!(setup.start(), setup.start());
    for service in [first, second] {
        service.admin().await.get("/backup/stats").await.expect(200);
    }
    assert_eq!(scratch.count("users").await, 1, "one administrator is made");
}
