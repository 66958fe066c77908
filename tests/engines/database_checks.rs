//! The checks of the database's setup find each fault before the first write, and name the remedy.

use std::process::{Command, Stdio};
use std::time::Duration;

use campus_backup_domain::database::{DatabaseSettings, Defect, DefectReason, SchemaState};
use campus_backup_domain::{Database, Error};
use harness::defaults::Defaults;
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, tool, until};
use url::Url;
use uuid::Uuid;

fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings {
        url: url.to_owned(),
        connections: 2,
        readers: 1,
        lock_timeout: Duration::from_secs(10),
    }
}

fn defect(found: Result<(), Error>) -> Defect {
    match found {
        Err(Error::DatabaseDefect(defect)) => defect,
        other => panic!("{other:?}"),
    }
}

#[on_every_engine]
async fn database_as_the_migrations_make_it_has_no_defect(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    let database = scratch.database().await;
    database.check_server(&SchemaState::Empty).await.unwrap();
    database.check_tables().await.unwrap();
    database.check_writable().await.unwrap();
}

#[on_every_engine]
async fn encoding_that_can_not_hold_every_text_is_found(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    match engine {
        Engine::Sqlite => {}
        Engine::Postgres => {
            for encoding in ["LATIN1", "SQL_ASCII"] {
                let name = format!("test_{}", Uuid::now_v7().simple());
                let create = format!("create database {name} encoding '{encoding}' locale 'C' template template0");
                scratch.execute(&create).await;
                let mut url = Url::parse(scratch.url()).unwrap();
                url.set_path(&name);
                let database = Database::connect(&settings(url.as_str())).await.unwrap();
                let found = defect(database.check_server(&SchemaState::Empty).await);
                assert_eq!(found.reason, DefectReason::Encoding);
                assert!(
                    found.detail.contains(encoding) && found.detail.contains("CREATE DATABASE"),
                    "{found}"
                );
                scratch.execute(&format!("drop database {name} with (force)")).await;
            }
        }
        Engine::Mysql => {
            let database = scratch.database().await;
            scratch
                .execute("alter table courses modify description longtext character set latin1")
                .await;
            let found = defect(database.check_tables().await);
            assert_eq!(found.reason, DefectReason::Encoding);
            assert!(
                found.detail.contains("courses") && found.detail.contains("utf8mb4"),
                "{found}"
            );
        }
    }
}

#[on_every_engine]
async fn missing_right_is_found_with_the_statement_that_grants_it(engine: Engine) {
    if engine == Engine::Sqlite {
        return;
    }
    let scratch = Scratch::migrated(engine).await;
    let role = format!("role_{}", &Uuid::new_v4().simple().to_string()[..12]);
    let mut url = Url::parse(scratch.url()).unwrap();
    url.set_username(&role).unwrap();
    let settings = settings(url.as_str());
    let (name, all, withdraw) = (scratch.name(), "all on all tables in schema public", "drop owned by");
    let (create, grant_all, remove): (String, String, Vec<String>) = match engine {
        Engine::Postgres => (
            format!("create role {role} login"),
            format!("grant {all} to {role}"),
            vec![
                format!("reassign owned by {role} to current_user"),
                format!("{withdraw} {role}"),
                format!("drop role {role}"),
            ],
        ),
        _ => (
            format!("create user {role}"),
            format!("grant all on {name}.* to {role}"),
            vec![format!("drop user {role}")],
        ),
    };
    scratch.execute(&create).await;

    // Without any right the service can't read the log of migrations, or sees no table.
    match engine {
        Engine::Postgres => {
            let found = defect(Database::inspect(&settings).await.map(drop));
            assert_eq!(found.reason, DefectReason::MissingRights);
            scratch.execute(&grant_all).await;
            let database = Database::connect(&settings).await.unwrap();
            let found = defect(database.check_tables().await);
            assert!(found.detail.contains(&format!("OWNER TO {role}")), "{found}");
            for table in scratch
                .rows("select tablename::text from pg_tables where schemaname = 'public'")
                .await
            {
                let table = table[0].clone().unwrap();
                scratch.execute(&format!("alter table {table} owner to {role}")).await;
            }
            database.check_tables().await.unwrap();
            scratch.execute(&format!("revoke delete on students from {role}")).await;
            let found = defect(database.check_tables().await);
            assert!(
                found.detail.contains("DELETE") && found.detail.contains("students"),
                "{found}"
            );
            // Migrations create tables.
            scratch.execute("revoke create on schema public from public").await;
            let found = defect(database.check_server(&SchemaState::Empty).await);
            assert!(found.detail.contains("GRANT CREATE ON SCHEMA"), "{found}");
            database.check_server(&SchemaState::Current).await.unwrap();
        }
        _ => {
            scratch.execute(&format!("grant select on {name}.* to {role}")).await;
            assert_eq!(Database::inspect(&settings).await.unwrap(), SchemaState::Current);
            let database = Database::connect(&settings).await.unwrap();
            let found = defect(database.check_tables().await);
            assert_eq!(found.reason, DefectReason::MissingRights);
            let grant = format!("GRANT ALL ON `{name}`.* TO '{role}'@'%'");
            assert!(
                found.detail.contains("INSERT") && found.detail.contains(&grant),
                "{found}"
            );
            scratch.execute(&grant_all).await;
            // A right on a whole database takes effect in the next session.
            let database = Database::connect(&settings).await.unwrap();
            database.check_tables().await.unwrap();
        }
    }
    for statement in remove {
        scratch.execute(&statement).await;
    }
}

#[on_every_engine]
async fn read_only_server_is_found(engine: Engine) {
    if engine == Engine::Sqlite {
        return;
    }
    let read_only = Defaults {
        postgres: &[("default_transaction_read_only", "on")],
        mysql: &[("read_only", "ON")],
    };
    let Some(scratch) = read_only.database(engine).await else {
        return;
    };
    let found = defect(scratch.database().await.check_writable().await);
    assert_eq!(found.reason, DefectReason::ReadOnly);
    assert!(found.detail.contains("read_only"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_without_the_right_to_write_is_found() {
    // The superuser may write to everything.
    if String::from_utf8_lossy(&tool::run(Command::new("id").arg("-u")).stdout).trim() == "0" {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::migrated(Engine::Sqlite).await;
    let database = scratch.database().await;
    let file = scratch.folder().join("school.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    let found = defect(database.check_writable().await);
    assert_eq!(found.reason, DefectReason::ReadOnly);
    assert!(found.detail.contains("chmod"), "{found}");
}

/// `PgBouncer` in a given mode, between a test and a server.
#[on_every_engine]
async fn connection_pooler_in_transaction_mode_is_found(engine: Engine) {
    if engine != Engine::Postgres || !tool::is_available("pgbouncer") {
        return;
    }
    let scratch = Scratch::migrated(engine).await;
    let server = Url::parse(scratch.url()).unwrap();
    for (mode, is_refused) in [("transaction", true), ("session", false)] {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let (file, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users"));
        std::fs::write(&users, format!("\"{}\" \"\"\n", server.username())).unwrap();
        let user = server.username();
        let settings = format!(
            "[databases]\n* = host={} port={} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nauth_file = {}\npool_mode = {mode}\n\
             ignore_startup_parameters = extra_float_digits\n",
            server.host_str().unwrap(),
            server.port().unwrap(),
            users.display(),
        );
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        if String::from_utf8_lossy(&tool::run(Command::new("id").arg("-u")).stdout).trim() == "0" {
            // `PgBouncer` refuses to run as root.
            use std::os::unix::fs::PermissionsExt as _;
            command.args(["-u", "nobody"]);
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut pooler = command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = server.clone();
        url.set_port(Some(port)).unwrap();
        until("the pooler answers", WAIT_LIMIT, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        let found = Database::inspect(&self::settings(url.as_str())).await;
        pooler.kill().unwrap();
        pooler.wait().unwrap();
        match is_refused {
            true => assert_eq!(defect(found.map(drop)).reason, DefectReason::TransactionPooling),
            false => assert_eq!(found.unwrap(), SchemaState::Current),
        }
    }
}
