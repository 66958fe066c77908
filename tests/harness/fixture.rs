//! Databases of invented school applications, with the awkward shapes that real ones have: `fixtures/adopt/`.

use std::path::PathBuf;

use super::{Engine, Scratch};

/// A database with the fixture of the engine.
pub async fn adoptable(engine: Engine) -> Scratch {
    let scratch = Scratch::empty(engine).await;
    let file = format!("fixtures/adopt/{}.sql", engine.word());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    // One connection, because the script sets properties of its session.
    let connection = scratch.another_connection().await;
    let script = std::fs::read_to_string(&path).unwrap();
    let loaded = sea_orm::ConnectionTrait::execute_unprepared(&connection, &script).await;
    loaded.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    connection.close().await.unwrap();
    scratch
}

/// A role that may read the tables of a database and nothing else. It is removed with [`ReadingRole::drop_role`].
pub struct ReadingRole {
    /// The database, for that role.
    pub url: String,
    drop: Vec<String>,
}

impl ReadingRole {
    /// Creates the role. SQLite has none: there it is the owner of the file.
    pub async fn create(scratch: &Scratch) -> Self {
        let database = scratch.name();
        let user = format!("r{}", &database[database.len() - 24..]);
        let (create, drop) = match scratch.engine() {
            Engine::Sqlite => (Vec::new(), Vec::new()),
            Engine::Postgres => {
                let schemas = "select distinct quote_ident(nspname) from pg_class c join pg_namespace n \
                               on n.oid = c.relnamespace where nspname !~ '^pg_' and nspname <> 'information_schema'";
                let mut create = vec![format!("create role {user} login password 'reads-only-77'")];
                for schema in scratch.rows(schemas).await.into_iter().flatten().flatten() {
                    create.push(format!("grant usage on schema {schema} to {user}"));
                    create.push(format!("grant select on all tables in schema {schema} to {user}"));
                }
                (
                    create,
                    vec![format!("drop owned by {user}"), format!("drop role {user}")],
                )
            }
            Engine::Mysql => (
                vec![
                    format!("create user {user}@'%' identified by 'reads-only-77'"),
                    format!("grant select on {database}.* to {user}@'%'"),
                ],
                vec![format!("drop user {user}@'%'")],
            ),
        };
        for statement in &create {
            scratch.execute(statement).await;
        }
        let mut url = url::Url::parse(scratch.url()).unwrap();
        if !create.is_empty() {
            url.set_username(&user).unwrap();
            url.set_password(Some("reads-only-77")).unwrap();
        }
        Self { url: url.into(), drop }
    }

    pub async fn drop_role(self, scratch: &Scratch) {
        for statement in &self.drop {
            scratch.execute(statement).await;
        }
    }
}
