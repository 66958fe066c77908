//! All problems of the settings are reported at once.

use secrecy::ExposeSecret;

use campus_backup_domain::account::JwksSource;

use super::*;

fn check(flags: &[&str], environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let serve = Serve::of_flags(flags.iter().copied());
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::check(&serve, "info", &environment).map_err(|failure| {
        assert_eq!(failure.code(), 2);
        failure.lines()
    })
}

#[test]
fn all_problems_are_reported_at_once_on_separate_lines() {
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short");
    std::fs::write(&short, "too short\n").unwrap();
    set_mode(&short, 0o600);
    let missing = folder.path().join("missing");
    let missing = missing.display();
    let problems = check(
        &[
            "--listen=localhost",
            "--timezone=Mars/Olympus",
            "--max-downloads=0",
            "--chunk-size=1",
            "--token-lifetime=soon",
            "--log-format=xml",
            "--log=campus=loud",
            "--cors-origins=https://a.example/path,*,https://b.example",
            "--trusted-proxies=10.0.0.0/8,proxy,0.0.0.0/0,::/0,128.0.0.0/1",
            "--public-url=ftp://x",
            "--require-confirmation=maybe",
            "--schedules=sometimes",
            "--suspicion-threshold=100%",
            "--catch-up=366d",
            "--schedule-attempts=0",
            "--stale-after=59m",
            "--verify-stale-after=never",
            "--destination-folders=/mnt/nas,backups",
            "--copy-interval=10s",
            "--destination-stale-after=10m",
            "--audit-days=36501",
            "--oidc-issuer=https://id.example",
            "--database-url=oracle://system:s3cret@host/x",
            "--archives=s3://key:s3cret@bucket/archives",
            &format!("--admin-password-file={missing}"),
            &format!("--jwt-secret-previous-file={}", short.display()),
            &format!("--jwt-secret-file={missing}"),
        ],
        &[
            ("CAMPUS_BACKUP_LISTN", "x"),
            ("CAMPUS_BACKUP_DASHBOARD", "skip"),
            ("CAMPUS_BACKUP_JWT_SECRET", "s3cret"),
            ("CAMPUS_BACKUP_ADMIN_PASSWORD", ""),
            ("OTHER", "x"),
        ],
    )
    .unwrap_err();
    let unreadable = format!("--admin-password-file (CAMPUS_BACKUP_ADMIN_PASSWORD_FILE): `{missing}` can't be read");
    let expected = [
        "CAMPUS_BACKUP_LISTN is not a setting",
        "--listen (CAMPUS_BACKUP_LISTEN): `localhost` is not an address and a port",
        "--timezone (CAMPUS_BACKUP_TIMEZONE): `Mars/Olympus` is not a time zone",
        "--max-downloads (CAMPUS_BACKUP_MAX_DOWNLOADS): `0` is not a whole number from 1 to 1000",
        "--chunk-size (CAMPUS_BACKUP_CHUNK_SIZE): `1` is not a size from 4KiB to 1MiB, such as 64KiB",
        "--token-lifetime (CAMPUS_BACKUP_TOKEN_LIFETIME): `soon` is not a duration from 1s to 1d, such as 90s",
        "--log-format (CAMPUS_BACKUP_LOG_FORMAT): `xml` is not text or json",
        "--log (CAMPUS_BACKUP_LOG): `campus=loud` is not a filter",
        "--cors-origins (CAMPUS_BACKUP_CORS_ORIGINS): `https://a.example/path` is not an origin",
        "--cors-origins (CAMPUS_BACKUP_CORS_ORIGINS): `*` is not an origin",
        "--trusted-proxies (CAMPUS_BACKUP_TRUSTED_PROXIES): `proxy` is not an address",
        "--trusted-proxies (CAMPUS_BACKUP_TRUSTED_PROXIES): `0.0.0.0/0` has more in it than proxies",
        "--trusted-proxies (CAMPUS_BACKUP_TRUSTED_PROXIES): `::/0` has more in it than proxies",
        "--trusted-proxies (CAMPUS_BACKUP_TRUSTED_PROXIES): `128.0.0.0/1` has more in it than proxies",
        "--public-url (CAMPUS_BACKUP_PUBLIC_URL): `ftp://x` is not an address",
        "--require-confirmation (CAMPUS_BACKUP_REQUIRE_CONFIRMATION): `maybe` is not true or false",
        "--schedules (CAMPUS_BACKUP_SCHEDULES): `sometimes` is not on or off",
        "--catch-up (CAMPUS_BACKUP_CATCH_UP): `366d` is not a duration from 0s to 365d, such as 90s",
        "--schedule-attempts (CAMPUS_BACKUP_SCHEDULE_ATTEMPTS): `0` is not a whole number from 1 to 20",
        "--suspicion-threshold (CAMPUS_BACKUP_SUSPICION_THRESHOLD): `100%` is not a percentage from 1% to 99%, or off",
        "--stale-after (CAMPUS_BACKUP_STALE_AFTER): `59m` is not a duration from 1h to 365d, such as 90s",
        "--verify-stale-after (CAMPUS_BACKUP_VERIFY_STALE_AFTER): `never` is not a duration from 1h to 3650d",
        "--destination-folders (CAMPUS_BACKUP_DESTINATION_FOLDERS): `backups` is not the whole path of a folder",
        "--copy-interval (CAMPUS_BACKUP_COPY_INTERVAL): `10s` is not a duration from 1m to 1d, such as 90s",
        "--destination-stale-after (CAMPUS_BACKUP_DESTINATION_STALE_AFTER): `10m` is not a duration from 1h to 365d",
        "--audit-days (CAMPUS_BACKUP_AUDIT_DAYS): `36501` is not a whole number from 0 to 36500",
        "--oidc-jwks (CAMPUS_BACKUP_OIDC_JWKS): is missing",
        "--oidc-audience (CAMPUS_BACKUP_OIDC_AUDIENCE): is missing",
        "--oidc-role-claim (CAMPUS_BACKUP_OIDC_ROLE_CLAIM): is missing",
        "--database-url (DATABASE_URL): the value is not of the form",
        "--archives (CAMPUS_BACKUP_ARCHIVES): the value is not a folder, file:FOLDER, s3://BUCKET/PREFIX",
        &unreadable,
        "--jwt-secret-previous-file (CAMPUS_BACKUP_JWT_SECRET_PREVIOUS_FILE): the secret must have at least 32 bytes",
        "--jwt-secret-file (CAMPUS_BACKUP_JWT_SECRET_FILE): CAMPUS_BACKUP_JWT_SECRET is set as well",
    ];
    for expected in expected {
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\n{problems:#?}"
        );
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    assert!(
        problems
            .iter()
            .all(|problem| !problem.contains("s3cret") && !problem.contains('\n'))
    );
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_of_secrets_that_others_can_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "3f8c1be04a7d5926e1b7c09d48fa6253\n").unwrap();
    let key = folder.path().join("key");
    std::fs::write(
        &key,
        "AGE-SECRET-KEY-1TMK5EDNKG9ZUWF0E97N0Q4R9UU0LTAM4ZSWC2W3ZVFXTG7HS9F4QDN2GDU\n",
    )
    .unwrap();
    for flag in ["jwt-secret-file", "jwt-secret-previous-file", "admin-password-file"] {
        for (mode, accepted) in [
            (0o600, true),
            (0o400, true),
            (0o604, false),
            (0o644, false),
            (0o660, false),
        ] {
            set_mode(&secret, mode);
            let checked = check(&[&format!("--{flag}={}", secret.display())], &[]);
            assert_eq!(checked.is_ok(), accepted, "{flag} {mode:o}");
            if let Err(problems) = checked {
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(problems[0].starts_with(&format!("--{flag}")), "{problems:?}");
                assert!(problems[0].contains("others can read it; `chmod 600"), "{problems:?}");
            }
        }
    }
    for flag in ["archive-key-file", "archive-key-previous-file"] {
        set_mode(&key, 0o644);
        let problems = check(&[&format!("--{flag}={}", key.display())], &[]).unwrap_err();
        assert!(problems[0].contains("others can read it"), "{problems:?}");
        set_mode(&key, 0o600);
        check(&[&format!("--{flag}={}", key.display())], &[]).unwrap();
    }
}

#[test]
fn short_or_guessable_secret_in_a_variable_is_refused() {
    let problems = check(&[], &[("CAMPUS_BACKUP_JWT_SECRET", &"x".repeat(32))]).unwrap_err();
    assert!(
        problems[0].contains("CAMPUS_BACKUP_JWT_SECRET: the secret is too easy to guess"),
        "{problems:?}"
    );
    let problems = check(&[], &[("CAMPUS_BACKUP_JWT_SECRET", &"x".repeat(31))]).unwrap_err();
    assert_eq!(
        problems,
        ["CAMPUS_BACKUP_JWT_SECRET: the secret must have at least 32 bytes, and has 31"]
    );
}

#[test]
fn invalid_location_of_provider_keys_is_refused() {
    let others = ["--oidc-issuer=i", "--oidc-audience=a", "--oidc-role-claim=roles"];
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for jwks in [
        missing.to_str().unwrap(),
        "ftp://id.example/keys",
        "http://id.example/keys",
        "https://user:password@id.example/keys",
    ] {
        let jwks = format!("--oidc-jwks={jwks}");
        let flags: Vec<&str> = others.into_iter().chain([jwks.as_str()]).collect();
        assert_eq!(check(&flags, &[]).unwrap_err().len(), 1, "{jwks}");
    }
    let flags: Vec<&str> = others
        .into_iter()
        .chain(["--oidc-jwks=https://id.example/keys"])
        .collect();
    let oidc = check(&flags, &[]).unwrap().oidc.unwrap();
    assert_eq!(oidc.jwks, JwksSource::Url("https://id.example/keys".parse().unwrap()));
    assert_eq!(oidc.admin_role, "admin");
    assert_eq!(check(&["--oidc-admin-role=root"], &[]).unwrap_err().len(), 4);
}

#[test]
fn service_needs_no_settings() {
    let settings = check(&[], &[]).unwrap();
    assert_eq!(settings.listen, LISTEN);
    assert_eq!(settings.database.url, "sqlite:./data/campus-backup.db");
    assert_eq!(
        format!("{:?}", settings.archives),
        format!("{:?}", store::StoreSettings::folder("./data/archives"))
    );
    assert_eq!(settings.database.readers, 8);
    assert_eq!(settings.token_lifetime.as_secs(), 900);
    assert_eq!(settings.session_lifetime.as_secs(), 12 * 60 * 60);
    assert_eq!(settings.timezone, Tz::UTC);
    assert!(settings.jwt_secret.is_none() && settings.oidc.is_none() && settings.cors_origins.is_empty());
}

#[test]
fn empty_values_count_as_not_set() {
    let settings = check(
        &[
            "--listen=",
            "--timezone= ",
            "--public-url=",
            "--cors-origins=",
            "--database-url=",
            "--archives=",
        ],
        &[("CAMPUS_BACKUP_JWT_SECRET", "")],
    );
    assert_eq!(settings.unwrap().listen, LISTEN);
}

#[test]
fn valid_values_are_accepted() {
    let secret = "3f8c1be04a7d5926e1b7c09d48fa6253";
    let settings = check(
        &[
            "--listen=[::]:0",
            "--database-url=mariadb://u:p@host/school",
            "--trusted-proxies=10.0.0.1, fd00::/8",
            "--cors-origins=https://School.example:8443,http://localhost:3000",
            "--public-url=https://backup.school.example/",
            "--archives=s3://school/campus",
            "--timezone=Asia/Kolkata",
            "--require-confirmation",
        ],
        &[("CAMPUS_BACKUP_JWT_SECRET", secret)],
    )
    .unwrap();
    assert_eq!(settings.database.url, "mysql://u:p@host/school");
    assert!(format!("{:?}", settings.archives).contains("school"));
    assert_eq!(settings.trusted_proxies.0.len(), 2);
    assert_eq!(
        settings.cors_origins,
        ["https://school.example:8443", "http://localhost:3000"]
    );
    assert_eq!(settings.public_url.as_deref(), Some("https://backup.school.example"));
    assert!(settings.require_confirmation);
    assert_eq!(settings.jwt_secret.as_ref().unwrap().expose_secret(), secret);
    assert!(!format!("{settings:?}").contains("u:p"));
}

#[test]
fn blocking_threads_must_suffice_for_all_downloads() {
    let threads = |number: &str| check(&["--max-downloads=20", &format!("--blocking-threads={number}")], &[]);
    let problems = threads("81").unwrap_err();
    assert!(
        problems[0].contains("`81` is not a whole number from 82 to"),
        "{problems:?}"
    );
    assert_eq!(threads("82").unwrap().blocking_threads, 82);
    let default = |downloads: &str| {
        check(&[&format!("--max-downloads={downloads}")], &[])
            .unwrap()
            .blocking_threads
    };
    assert_eq!((default("8"), default("300")), (512, 1202));
}

#[test]
fn durations_and_sizes_are_accepted_with_units_and_without() {
    let with_units = check(
        &[
            "--undo-window",
            "2d",
            "--upload-limit",
            "1GiB",
            "--body-limit",
            "16KiB",
            "--shutdown-timeout",
            "0",
        ],
        &[],
    )
    .unwrap();
    let plain = check(
        &[
            "--undo-window",
            "172800",
            "--upload-limit",
            "1073741824",
            "--body-limit",
            "16384",
            "--shutdown-timeout",
            "0s",
        ],
        &[],
    )
    .unwrap();
    for settings in [with_units, plain] {
        assert_eq!(settings.undo_window, Duration::from_secs(172_800));
        assert_eq!(settings.upload_limit, 1 << 30);
        assert_eq!(settings.import_limit, 1 << 30);
        assert_eq!(settings.body.size, 16 << 10);
        assert_eq!(settings.shutdown_timeout, Duration::ZERO);
    }
}
