//! The place and time of the measurement.

use std::fs::read_to_string;
use std::thread;

use serde_json::{Map, Value, json};

use crate::Result;
use crate::database::Engine;
use crate::service::PROGRAM;
use crate::shell::{output, program};

/// The date, the machine, and all versions. Prints a warning if the machine is not idle.
pub(crate) fn describe(engines: &[Engine]) -> Result<Value> {
    let mut versions = Map::new();
    let program_version = output(program(PROGRAM, ["--version"]))?;
    let number = program_version.trim().trim_start_matches("campus-backup").trim();
    versions.insert("campus-backup".to_owned(), json!(number));
    for engine in engines {
        versions.insert(engine.name().to_owned(), json!(engine.version()?));
    }
    let load = load()?;
    let kibibytes: f64 = field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse()?;
    if load > 0.5 {
        eprintln!("THE MACHINE IS NOT IDLE: its load is {load}");
    }
    Ok(json!({
        "date": output(program("date", ["-u", "+%Y-%m-%d %H:%M UTC"]))?.trim(),
        "cpu": field("/proc/cpuinfo", "model name")?,
        "cores": thread::available_parallelism()?.get(),
        "memory": format!("{:.0} GiB", kibibytes / 1_048_576.0),
        "system": output(program("uname", ["-sr"]))?.trim(),
        "versions": versions,
        "load_before": load,
    }))
}

/// The same as a sentence.
pub(crate) fn text(machine: &Value) -> String {
    let word = |name: &str| machine.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let versions = machine.get("versions").and_then(Value::as_object);
    let versions: Vec<_> = versions
        .into_iter()
        .flatten()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect();
    format!(
        "{}: {}, {} cores, {}, {}; {}.",
        word("date"),
        word("cpu"),
        machine.get("cores").unwrap_or(&Value::Null),
        word("memory"),
        word("system"),
        versions.join(", "),
    )
}

/// The average number of processes that wanted to run in the last minute.
fn load() -> Result<f64> {
    let text = read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn field(file: &str, name: &str) -> Result<String> {
    let text = read_to_string(file)?;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    Ok(line.split_once(':').map_or("", |(_, value)| value).trim().to_owned())
}
