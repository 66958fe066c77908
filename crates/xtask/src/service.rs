//! The released program, running on one of the databases.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::Result;
use crate::shell::{output, program};

pub(crate) const PROGRAM: &str = "target/release/campus-backup";

/// The program with a subcommand, on a database.
pub(crate) fn command<const N: usize>(database_url: &str, arguments: [&str; N]) -> Command {
    let mut command = program(PROGRAM, arguments);
    command
        .env("DATABASE_URL", database_url)
        .env("CAMPUS_BACKUP_DATA_DIR", "target/bench/data")
        .env("CAMPUS_BACKUP_LOG", "info");
    command
}

/// The service, which ends when this is dropped.
pub(crate) struct Service {
    process: Child,
    /// Host and port.
    pub(crate) address: String,
    /// The token of an administrator, which is valid for the whole run.
    pub(crate) token: String,
}

/// The result of a request, as curl reports it. Times are in seconds.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The time of the last byte.
    pub(crate) total: f64,
    /// The time of the first byte.
    pub(crate) first_byte: f64,
    /// `Content-Encoding`, empty if there was none.
    pub(crate) coding: String,
}

impl Service {
    /// Starts the service and waits until it listens.
    pub(crate) fn start(database_url: &str) -> Result<Self> {
        // `token` does not create a data folder.
        output(command(database_url, ["migrate"]))?;
        let token = output(command(database_url, ["token", "admin", "--lifetime", "86400"]))?;
        let mut serve = command(
            database_url,
            ["serve", "--listen", "127.0.0.1:0", "--max-downloads", "16"],
        );
        let mut process = serve.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut log = BufReader::new(process.stderr.take().ok_or("the service has no log")?).lines();
        let address = loop {
            let line = log.next().ok_or("the service ended before it listened")??;
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().to_owned();
            }
        };
        // The rest of the output must be read, or the service would wait.
        thread::spawn(move || log.for_each(drop));
        Ok(Self {
            process,
            address,
            token: token.trim().to_owned(),
        })
    }

    /// Sends one request with curl and these arguments. A broken transfer is an error, a refusal is not.
    pub(crate) fn curl<const N: usize>(&self, path: &str, arguments: [&str; N]) -> Result<Answer> {
        const TOLD: &str = "%{http_code} %{time_total} %{time_starttransfer} %header{content-encoding}";
        let header = format!("Authorization: Bearer {}", self.token);
        let url = format!("http://{}{path}", self.address);
        let mut command = program("curl", ["-sS", "-o", "/dev/null", "-w", TOLD, "-H", &header, &url]);
        command.args(arguments);
        let told = output(command)?;
        let mut told = told.split_whitespace();
        let mut next = || told.next().ok_or("curl told too little");
        Ok(Answer {
            status: next()?.parse()?,
            total: next()?.parse()?,
            first_byte: next()?.parse()?,
            coding: told.next().unwrap_or_default().to_owned(),
        })
    }

    /// The same; everything except a success is an error.
    pub(crate) fn succeed<const N: usize>(&self, path: &str, arguments: [&str; N]) -> Result<Answer> {
        let answer = self.curl(path, arguments)?;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(format!("{path} was answered with {}", answer.status).into())
        }
    }

    /// The JSON of a successful answer.
    pub(crate) fn json<const N: usize>(&self, path: &str, arguments: [&str; N]) -> Result<Value> {
        let header = format!("Authorization: Bearer {}", self.token);
        let url = format!("http://{}{path}", self.address);
        let mut command = program("curl", ["-sS", "--fail-with-body", "-H", &header, &url]);
        command.args(arguments);
        Ok(serde_json::from_str(&output(command)?)?)
    }

    /// Resets the peak to the current resident memory, and returns it in bytes.
    pub(crate) fn reset_peak(&self) -> Result<u64> {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5")?;
        self.memory("VmRSS:")
    }

    /// The peak of the resident memory since then, in bytes.
    pub(crate) fn peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .ok_or("no memory in /proc")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Best effort: the process ends with its data.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
