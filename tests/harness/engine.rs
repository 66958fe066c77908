//! The three engines, and which of them are here.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use sea_orm::{ConnectOptions, Database};
use url::Url;

use super::scratch;

/// One of the three engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
    Mysql,
}

/// Those that answered when the first test asked.
static FOUND: LazyLock<Vec<Engine>> = LazyLock::new(|| blocking(discover()));

impl Engine {
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    /// The word for it in `TEST_ENGINES`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The word for it in answers and archives.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
            Self::Mysql => "mysql",
        }
    }

    /// Whether its tests can run; that they can't is a failure if they were demanded.
    pub fn is_here(self) -> bool {
        let here = FOUND.contains(&self);
        assert!(here || !demanded(self), "{self:?} was demanded and did not answer");
        here
    }

    /// Where its server is. SQLite has none.
    pub fn server(self) -> Option<Url> {
        let (variable, default) = match self {
            Self::Sqlite => return None,
            Self::Postgres => ("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
            Self::Mysql => ("TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/"),
        };
        let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        Some(Url::parse(&url).unwrap_or_else(|error| panic!("{variable}: {error}")))
    }
}

fn demanded(engine: Engine) -> bool {
    std::env::var("TEST_ENGINES").is_ok_and(|list| list.split(',').any(|word| word.trim() == engine.word()))
}

async fn discover() -> Vec<Engine> {
    let mut found = vec![Engine::Sqlite];
    let mut line = "campus-backup tests: engines found: sqlite".to_owned();
    let mut left_out = String::new();
    for engine in [Engine::Postgres, Engine::Mysql] {
        let url = engine.server().expect("only SQLite has no server");
        let mut options = ConnectOptions::new(url.as_str());
        options
            .max_connections(1)
            .connect_timeout(Duration::from_secs(3))
            .acquire_timeout(Duration::from_secs(3))
            .sqlx_logging(false);
        match Database::connect(options).await {
            Ok(connection) => {
                found.push(engine);
                line += &format!(", {}", engine.word());
                scratch::sweep(engine, &connection).await;
            }
            Err(error) => left_out += &format!(" LEFT OUT: {} ({error});", engine.word()),
        }
    }
    // Straight to the file: the macros' output is captured while a test passes, and this must be seen.
    let _ = writeln!(std::io::stderr(), "{line}.{left_out}");
    found
}

/// Waits for a future where nothing can be awaited, such as in `Drop`, on a thread with a runtime of its own.
pub fn blocking<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(future)
        });
        thread.join().unwrap()
    })
}

/// No test may hang: what has not ended by then never will.
const TEST_LIMIT: Duration = Duration::from_secs(600);

/// Runs a test on an engine, for the attribute `on_every_engine`. Where the engine is absent, the test passes at once.
pub async fn run<F: Future<Output = ()>>(engine: Engine, test: impl FnOnce(Engine) -> F) {
    if engine.is_here() {
        tokio::time::timeout(TEST_LIMIT, test(engine))
            .await
            .expect("the test has hung");
    }
}
