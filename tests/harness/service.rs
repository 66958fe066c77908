//! Starts the program, as a service or as a command.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::client::{Client, http};
use super::process::Process;
use super::{Scratch, WAIT_LIMIT, until};

/// The program under test: the value of `CAMPUS_BACKUP_PROGRAM`, or the program that Cargo built beside the tests.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = std::env::var_os("CAMPUS_BACKUP_PROGRAM");
        let path = named.or_else(|| std::env::var_os("CARGO_BIN_EXE_service-under-test"));
        let path = PathBuf::from(path.expect("CAMPUS_BACKUP_PROGRAM, or a test that Cargo starts"));
        path.canonicalize()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    &PROGRAM
}

/// The password of `admin`, also in the small school.
pub const ADMIN_PASSWORD: &str = "violet-anchor-42-Meadow-thrush";

/// The secret that signs tokens, unless a test sets another.
pub const JWT_SECRET: &str = "5d0a8f3be1c72946b3f8e07a19cd526478e2d9a4f60b1c35ca914e6d83b7f025";

/// The arguments and variables of the program. It inherits no environment variable of the tests.
pub struct Setup {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    folder: Arc<TempDir>,
}

impl Setup {
    /// Only an empty working folder.
    pub fn bare() -> Self {
        Self {
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// Uses this database, with an administrator and a secret that the tests know.
    pub fn on(scratch: &Scratch) -> Self {
        Self::bare()
            .set("DATABASE_URL", scratch.url())
            .set("CAMPUS_BACKUP_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .set("CAMPUS_BACKUP_JWT_SECRET", JWT_SECRET)
    }

    /// Creates an installation: the data folder and the schema.
    pub async fn installed(self) -> Self {
        let mut migrate = self.again();
        migrate.arguments = vec!["migrate".to_owned()];
        let done = migrate.run().await;
        assert_eq!(done.code, Some(0), "{done:?}");
        self
    }

    /// The same setup in the same folder, for one more program.
    pub fn again(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
        }
    }

    pub fn set(mut self, variable: &str, value: impl ToString) -> Self {
        self.environment.insert(variable.to_owned(), value.to_string());
        self
    }

    pub fn unset(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn arguments(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, |setup, argument| setup.argument(argument))
    }

    /// The working folder of the program. Its data folder is `data` in it by default.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment variables of the program.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self) -> Finished {
        self.begin().finished().await
    }

    /// Starts a command.
    pub fn begin(&self) -> Running {
        Running {
            process: Process::spawn(self.command()),
        }
    }

    /// Runs a command with this standard input.
    pub async fn run_with_input(&self, input: &[u8]) -> Finished {
        let mut command = self.command();
        command.stdin(Stdio::piped());
        let mut process = Process::spawn(command);
        let mut stdin = process.child.stdin.take().unwrap();
        let input = input.to_vec();
        // A refused command may not read all of its input.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let status = process.ended(Duration::from_secs(120)).await;
        Finished {
            code: status.code(),
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    /// Runs a command whose standard output is closed.
    pub async fn run_without_reader(&self) -> Finished {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = self.command();
        command.stdout(writer);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        Finished {
            code: ended.status.code(),
            stdout: String::new(),
            stderr: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Starts the service on a free port and waits until it listens.
    pub async fn start(&self) -> Service {
        let setup = self.again().arguments(&["--listen", "127.0.0.1:0"]);
        let mut process = Process::spawn(setup.command());
        let address = process.address().await;
        Service {
            client: http(),
            address,
            process,
            setup,
        }
    }
}

/// A running command.
pub struct Running {
    process: Process,
}

impl Running {
    /// All output on stdout so far.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// Sends the signal that a terminal sends on Ctrl-C.
    pub fn interrupt(&self) {
        let pid = self.process.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the command ends.
    pub async fn finished(mut self) -> Finished {
        let status = self.process.ended(Duration::from_secs(120)).await;
        Finished {
            code: status.code(),
            stdout: self.process.stdout(),
            stderr: self.process.stderr(),
        }
    }
}

/// The outcome of a finished command.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// The password that a command generated and printed once.
    pub fn password(&self) -> &str {
        one_time_password(&self.stdout).unwrap_or_else(|| panic!("no password was printed: {self:?}"))
    }

    /// Checks that the error is one plain line: no backtrace, no panic, no Rust notation.
    pub fn assert_plain_fault(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.trim().is_empty(), "nothing was said");
        for noise in [
            "panicked",
            "RUST_BACKTRACE",
            "stack backtrace",
            "Error {",
            "DbErr",
            "Os {",
        ] {
            assert!(!self.stderr.contains(noise), "`{noise}` in {}", self.stderr);
        }
    }
}

/// The password in `Administrator .. was created. One-time password: ..`. That of a demo is a `Password: ..`.
pub fn one_time_password(stdout: &str) -> Option<&str> {
    let rest = stdout.split_once("assword: ")?.1;
    rest.split_whitespace().next()
}

/// A running service, which is killed when this is dropped.
pub struct Service {
    client: reqwest::Client,
    address: String,
    process: Process,
    setup: Setup,
}

impl Service {
    /// Starts the service on this database, with the settings of [`Setup::on`].
    pub async fn on(scratch: &Scratch) -> Self {
        Setup::on(scratch).start().await
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The working folder of the service.
    pub fn folder(&self) -> PathBuf {
        self.setup.folder().to_owned()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.client.clone(), self.base_url(), None)
    }

    /// A client with this token.
    pub fn bearer(&self, token: &str) -> Client {
        Client::new(self.client.clone(), self.base_url(), Some(token.to_owned()))
    }

    /// Signs in and returns the client.
    pub async fn login(&self, username: &str, password: &str) -> Client {
        let body = json!({"username": username, "password": password});
        let answer = self.anonymous().post("/auth/login", &body).await.expect(200);
        self.bearer(answer.json()["access_token"].as_str().unwrap())
    }

    /// Signs in with a one-time password, changes it to [`ADMIN_PASSWORD`], and returns the client.
    pub async fn first_login(&self, username: &str, one_time_password: &str) -> Client {
        let restricted = self.login(username, one_time_password).await;
        let body = json!({"current_password": one_time_password, "new_password": ADMIN_PASSWORD});
        let answer = restricted.post("/auth/password", &body).await.expect(200);
        self.bearer(answer.json()["access_token"].as_str().unwrap())
    }

    /// The signed-in administrator.
    pub async fn admin(&self) -> Client {
        self.login("admin", ADMIN_PASSWORD).await
    }

    /// All output on stdout so far.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// All log lines so far.
    pub fn logs(&self) -> String {
        self.process.stderr()
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends SIGTERM, as systemd and Docker do.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the service ends.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended(WAIT_LIMIT).await
    }

    /// Sends SIGTERM and waits until the service ends.
    pub async fn stop(mut self) -> Finished {
        self.terminate();
        let code = self.ended().await.code();
        Finished {
            code,
            stdout: self.stdout(),
            stderr: self.logs(),
        }
    }

    /// The current and the peak resident memory.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
        };
        Memory {
            now: bytes("VmRSS:"),
            peak: bytes("VmHWM:"),
        }
    }

    /// The processor time of the service, in steps of ten milliseconds.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // proc(5): the name in brackets may contain spaces. User and system time are the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The number of open files and sockets.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Waits until the service has at most this many open files and sockets.
    pub async fn until_open_files(&self, most: usize) {
        until("open files fall back", WAIT_LIMIT, async || self.open_files() <= most).await;
    }
}

/// Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}
