//! Reads everything before the first row.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::file_type::looks_like;
use super::lines::Lines;
use super::scan::{Scan, ValueProblem, timestamp};
use crate::error::{Error, Limit, Result};
use crate::limits::Limits;
use crate::schema::{Column, Schema, TableSchema};
use crate::value::{Kind, write_json_text};
use crate::writer::ColumnSchema;
use crate::{FORMAT, VERSION};

/// The header of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveHeader {
    /// The version of the format.
    pub version: u32,
    /// The moment of the data.
    pub created_at: DateTime<Utc>,
    /// The version of the program that wrote it.
    pub app_version: String,
    /// The engine of the rows.
    pub engine: String,
    /// The tables and their columns.
    pub schema: Schema,
}

/// The start of every archive of every version.
pub(super) const START: &str = "{\"format\":\"campus-backup\",\"version\":";

/// Reads the header up to the line that begins the tables, and returns it with the digest of its bytes. The format is
/// checked first, then the version, then the rest.
pub(super) fn read(lines: &mut Lines<'_>, limits: &Limits) -> Result<(ArchiveHeader, Sha256)> {
    let version = read_version(lines)?;
    let mut digest = Sha256::new();
    let mut line = |lines: &mut Lines<'_>| -> Result<Range<usize>> {
        let range = lines.advance()?;
        digest.update(lines.line(range.clone()));
        digest.update(b"\n");
        Ok(range)
    };
    let first = line(lines)?;
    let (created_at, app_version, engine) =
        description(utf8(lines, first)?).map_err(|problem| refuse(lines, problem))?;
    if app_version.len().max(engine.len()) > limits.header_text_bytes {
        return Err(Error::LimitExceeded {
            limit: Limit::HeaderTextBytes,
            allowed: limits.header_text_bytes as u64,
        });
    }
    let opening = line(lines)?;
    let mut tables = Vec::new();
    let mut has_more = match lines.line(opening) {
        b"\"schema\":{" => true,
        b"\"schema\":{}," => false,
        _ => return Err(refuse(lines, NO_SCHEMA)),
    };
    while has_more {
        if tables.len() == limits.tables {
            return Err(Error::LimitExceeded {
                limit: Limit::Tables,
                allowed: limits.tables as u64,
            });
        }
        let range = line(lines)?;
        let text = utf8(lines, range)?;
        let (json, more) = match (text.strip_suffix("},"), text.strip_suffix(',')) {
            (Some(json), _) if json.ends_with(']') => (json, false),
            (_, Some(json)) => (json, true),
            _ => return Err(refuse(lines, NO_SCHEMA)),
        };
        let table = table(json, limits).map_err(|problem| problem.unwrap_or_else(|problem| refuse(lines, problem)))?;
        if tables.iter().any(|other: &TableSchema| other.name == table.name) {
            return Err(refuse(lines, ValueProblem::Syntax("a table occurs twice")));
        }
        tables.push(table);
        has_more = more;
    }
    let header = ArchiveHeader {
        version,
        created_at,
        app_version,
        engine,
        schema: Schema { tables },
    };
    Ok((header, digest))
}

const NO_SCHEMA: ValueProblem = ValueProblem::Syntax("not a schema as this version writes it");

/// Checks the format and the version only.
fn read_version(lines: &mut Lines<'_>) -> Result<u32> {
    // A version is a small number with a comma after it.
    let start = lines.peek(START.len() + 20)?;
    if start.is_empty() {
        return Err(Error::Empty);
    }
    let Some(rest) = start.strip_prefix(START.as_bytes()) else {
        if START.as_bytes().starts_with(start) {
            return Err(Error::Truncated { at: lines.position() });
        }
        // Enough to recognize the kind of file, without reading much of a possible decompression bomb.
        let start = lines.peek(512)?;
        if let Some(problem) = rewritten(start) {
            return Err(Error::NotCanonical {
                at: lines.position(),
                problem,
            });
        }
        return Err(Error::NotAnArchive {
            looks_like: looks_like(start),
        });
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&rest[..digits]).unwrap_or_default();
    match (number.parse::<u64>(), rest.get(digits)) {
        (_, None) if digits == rest.len() && digits < 20 => Err(Error::Truncated { at: lines.position() }),
        (Ok(version @ 1..), Some(b',')) if !number.starts_with('0') => match u32::try_from(version) {
            Ok(version) if version <= VERSION => Ok(version),
            _ => Err(Error::NewerVersion { version }),
        },
        _ => Err(Error::Corrupt {
            at: lines.position(),
            problem: "not a version of the format",
        }),
    }
}

/// Whether these are the first bytes of an archive that another program has written again.
fn rewritten(start: &[u8]) -> Option<&'static str> {
    let (start, has_mark) = match start.strip_prefix(b"\xef\xbb\xbf") {
        Some(start) => (start, true),
        None => (start, false),
    };
    if has_mark && start.starts_with(START.as_bytes()) {
        return Some("a byte order mark before the document");
    }
    let text = String::from_utf8_lossy(start);
    let squeezed: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let name = format!("\"format\":\"{FORMAT}\"");
    (squeezed.starts_with('{') && squeezed.contains(&name))
        .then_some("another program has laid it out anew; the file must stay as it was downloaded")
}

/// `created_at`, `app_version` and `engine`.
fn description(line: &str) -> std::result::Result<(DateTime<Utc>, String, String), ValueProblem> {
    let mut scratch = vec![0; line.len()];
    let mut scan = Scan::new(line, &mut scratch);
    let key = |scan: &mut Scan<'_>, key: &str| match scan.take(key.as_bytes()) {
        true => Ok(()),
        false => Err(ValueProblem::Syntax("not a header as this version writes it")),
    };
    key(&mut scan, &format!("{START}{VERSION},\"created_at\":"))?;
    let created_at = timestamp(quoted(&mut scan)?)?;
    key(&mut scan, ",\"app_version\":")?;
    let app_version = quoted(&mut scan)?.to_owned();
    key(&mut scan, ",\"engine\":")?;
    let engine = quoted(&mut scan)?.to_owned();
    key(&mut scan, ",")?;
    match scan.is_at_end() {
        true => Ok((created_at, app_version, engine)),
        false => Err(ValueProblem::Syntax("not a header as this version writes it")),
    }
}

fn quoted<'a>(scan: &mut Scan<'a>) -> std::result::Result<&'a str, ValueProblem> {
    match scan.value(Kind::Text, false)? {
        crate::Cell::Text(text) => Ok(text),
        _ => Err(ValueProblem::Invalid("a value of another type")),
    }
}

/// `"students":[{"name":"id","type":"integer","nullable":false},...]`
fn table(json: &str, limits: &Limits) -> std::result::Result<TableSchema, std::result::Result<Error, ValueProblem>> {
    let (name, list) = json
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\":"))
        .ok_or(Err(NO_SCHEMA))?;
    let columns: Vec<ColumnSchema<'_>> = serde_json::from_str(list).map_err(|_| Err(NO_SCHEMA))?;
    if columns.len() > limits.columns {
        return Err(Ok(Error::LimitExceeded {
            limit: Limit::Columns,
            allowed: limits.columns as u64,
        }));
    }
    if !is_name(name) || !columns.iter().all(|column| is_name(column.name)) {
        return Err(Err(ValueProblem::Syntax(
            "a name of other characters than a to z, 0 to 9 and _",
        )));
    }
    let mut canonical = Vec::with_capacity(json.len());
    write_json_text(name, &mut canonical);
    canonical.push(b':');
    canonical.extend_from_slice(&serde_json::to_vec(&columns).unwrap_or_default());
    if canonical != json.as_bytes() {
        return Err(Err(ValueProblem::Form("not a schema as the writer lays it out")));
    }
    let id = ColumnSchema {
        name: "id",
        kind: Kind::Integer,
        nullable: false,
    };
    if columns.first() != Some(&id) {
        return Err(Err(ValueProblem::Syntax("a table whose first column is not its id")));
    }
    let is_repeated = |(position, column): (usize, &ColumnSchema<'_>)| {
        columns[..position].iter().any(|other| other.name == column.name)
    };
    if columns.iter().enumerate().any(is_repeated) {
        return Err(Err(ValueProblem::Syntax("a column occurs twice")));
    }
    let columns = columns.iter().map(|column| Column {
        name: column.name.to_owned(),
        kind: column.kind,
        nullable: column.nullable,
    });
    Ok(TableSchema {
        name: name.to_owned(),
        columns: columns.collect(),
    })
}

/// Names need no escapes, so they are unchanged in every row.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn utf8<'a>(lines: &'a Lines<'_>, range: Range<usize>) -> Result<&'a str> {
    std::str::from_utf8(lines.line(range)).map_err(|_| refuse(lines, ValueProblem::Syntax("bytes that are not UTF-8")))
}

fn refuse(lines: &Lines<'_>, problem: ValueProblem) -> Error {
    let at = lines.position();
    match problem {
        ValueProblem::Invalid(problem) => Error::InvalidValue { at, problem },
        ValueProblem::Form(problem) => Error::NotCanonical { at, problem },
        ValueProblem::Syntax(problem) => Error::Corrupt { at, problem },
    }
}
