//! Reads everything before the first row.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::file_type::looks_like;
use super::lines::Lines;
use super::scan::{Scan, ValueProblem, timestamp};
use crate::FORMAT;
use crate::error::{Error, Limit, Result};
use crate::header::{ArchiveHeader, NO_CATALOG, is_catalog};
use crate::limits::Limits;
use crate::schema::{Column, Reference, Schema, TableSchema};
use crate::value::Kind;
use crate::version::Version;
use crate::writer::ColumnSchema;

/// The start of every archive of every version.
pub(super) const START: &str = "{\"format\":\"campus-backup\",\"version\":";

/// Reads the header up to the line that begins the tables, and returns it with the digest of its bytes. The format is
/// checked first, then the version, then the rest.
pub(super) fn read(lines: &mut Lines<'_>, limits: Limits) -> Result<(ArchiveHeader, Sha256)> {
    let version = read_version(lines, limits.newest)?;
    let limits = limits.within(version);
    lines.set_limits(limits);
    let mut digest = Sha256::new();
    let mut line = |lines: &mut Lines<'_>| -> Result<Range<usize>> {
        let range = lines.advance()?;
        digest.update(lines.line(range.clone()));
        digest.update(b"\n");
        Ok(range)
    };
    let first = line(lines)?;
    let mut header = description(utf8(lines, first)?, version).map_err(|problem| refuse(lines, problem))?;
    if header.app_version.len().max(header.engine.len()) > limits.header_text_bytes {
        return Err(Error::LimitExceeded {
            limit: Limit::HeaderTextBytes,
            allowed: limits.header_text_bytes as u64,
        });
    }
    let opening = line(lines)?;
    let mut tables: Vec<TableSchema> = Vec::new();
    let mut names = HashSet::new();
    let mut schema_bytes = 0;
    // The end of each table but for a comma.
    let end = match version {
        Version::One => "]",
        Version::Two => "]}",
    };
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
        schema_bytes += range.len() as u64;
        if schema_bytes > limits.schema_bytes {
            return Err(Error::LimitExceeded {
                limit: Limit::SchemaBytes,
                allowed: limits.schema_bytes,
            });
        }
        let text = utf8(lines, range)?;
        let (json, more) = match (text.strip_suffix("},"), text.strip_suffix(',')) {
            (Some(json), _) if json.ends_with(end) => (json, false),
            (_, Some(json)) => (json, true),
            _ => return Err(refuse(lines, NO_SCHEMA)),
        };
        let table = table(json, version, &limits)
            .map_err(|problem| problem.unwrap_or_else(|problem| refuse(lines, problem)))?;
        if !names.insert(table.name.clone()) {
            return Err(refuse(lines, ValueProblem::Syntax("a table occurs twice")));
        }
        tables.push(table);
        has_more = more;
    }
    header.schema = Schema { tables };
    Ok((header, digest))
}

const NO_SCHEMA: ValueProblem = ValueProblem::Syntax("not a schema as this version writes it");

/// Checks the format and the version only.
fn read_version(lines: &mut Lines<'_>, newest: Version) -> Result<Version> {
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
        (Ok(version @ 1..), Some(b',')) if !number.starts_with('0') => match Version::from_number(version) {
            Some(version) if version <= newest => Ok(version),
            _ => Err(Error::NewerVersion { version, newest }),
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

/// Everything but the schema.
fn description(line: &str, version: Version) -> std::result::Result<ArchiveHeader, ValueProblem> {
    let mut scratch = vec![0; line.len()];
    let mut scan = Scan::new(line, &mut scratch, version);
    let key = |scan: &mut Scan<'_>, key: &str| match scan.take(key.as_bytes()) {
        true => Ok(()),
        false => Err(ValueProblem::Syntax("not a header as this version writes it")),
    };
    key(&mut scan, &format!("{START}{version},\"created_at\":"))?;
    let created_at = timestamp(quoted(&mut scan)?)?;
    key(&mut scan, ",\"app_version\":")?;
    let app_version = quoted(&mut scan)?.to_owned();
    key(&mut scan, ",\"engine\":")?;
    let engine = quoted(&mut scan)?.to_owned();
    let mut catalog = String::new();
    if version >= Version::Two {
        key(&mut scan, ",\"catalog\":")?;
        catalog = quoted(&mut scan)?.to_owned();
        if !is_catalog(&catalog, version) {
            return Err(ValueProblem::Invalid(NO_CATALOG));
        }
    }
    key(&mut scan, ",")?;
    match scan.is_at_end() {
        true => Ok(ArchiveHeader {
            version,
            created_at,
            app_version,
            engine,
            catalog,
            schema: Schema::default(),
        }),
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
fn table(
    json: &str,
    version: Version,
    limits: &Limits,
) -> std::result::Result<TableSchema, std::result::Result<Error, ValueProblem>> {
    let table = match version {
        Version::One => plain_table(json)?,
        Version::Two => described_table(json).map_err(Err)?,
    };
    if table.columns.len() > limits.columns {
        return Err(Ok(Error::LimitExceeded {
            limit: Limit::Columns,
            allowed: limits.columns as u64,
        }));
    }
    if let Some(problem) = table.name_problem(version) {
        return Err(Err(ValueProblem::Syntax(problem)));
    }
    let mut canonical = Vec::with_capacity(json.len());
    table.write(version, &mut canonical);
    if canonical != json.as_bytes() {
        return Err(Err(ValueProblem::Form("not a schema as the writer lays it out")));
    }
    match table.structure_problem(version) {
        Some(problem) => Err(Err(ValueProblem::Syntax(problem))),
        None => Ok(table),
    }
}

/// A table of version 1, whose names need no escapes.
fn plain_table(json: &str) -> std::result::Result<TableSchema, std::result::Result<Error, ValueProblem>> {
    let (name, list) = json
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\":"))
        .ok_or(Err(NO_SCHEMA))?;
    let columns: Vec<ColumnSchema<'_>> = serde_json::from_str(list).map_err(|_| Err(NO_SCHEMA))?;
    if columns.iter().any(|column| column.kind.since() > Version::One) {
        return Err(Err(NO_SCHEMA));
    }
    let columns = columns.iter().map(|column| Column {
        name: column.name.to_owned(),
        kind: column.kind,
        nullable: column.nullable,
        native: String::new(),
        has_total: false,
    });
    Ok(TableSchema::with_id(name.to_owned(), columns.collect()))
}

/// A table of version 2.
fn described_table(json: &str) -> std::result::Result<TableSchema, ValueProblem> {
    let mut scratch = vec![0; json.len()];
    let mut scan = Scan::new(json, &mut scratch, Version::Two);
    if !json.starts_with('"') {
        return Err(NO_SCHEMA);
    }
    let name = scan.text()?;
    if !scan.take(b":") {
        return Err(NO_SCHEMA);
    }
    let table: DescribedTable = serde_json::from_slice(scan.rest()).map_err(|_| NO_SCHEMA)?;
    let positions: HashMap<&str, usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| (column.name.as_str(), position))
        .collect();
    let find = |names: &[String]| {
        let found = names.iter().map(|name| positions.get(name.as_str()).copied());
        let unknown = ValueProblem::Syntax("a key or a reference with a column that the table does not have");
        found.collect::<Option<Vec<usize>>>().ok_or(unknown)
    };
    let references = table.references.into_iter().map(|reference| {
        Ok(Reference {
            columns: find(&reference.columns)?,
            table: reference.table,
            to: reference.to,
        })
    });
    let references = references.collect::<std::result::Result<_, ValueProblem>>()?;
    let key = table.key.as_deref().map(find).transpose()?;
    let columns = table.columns.into_iter().map(|column| Column {
        name: column.name,
        kind: column.kind,
        nullable: column.nullable,
        native: column.native,
        has_total: column.total,
    });
    Ok(TableSchema {
        name: name.to_owned(),
        schema: table.schema,
        columns: columns.collect(),
        key,
        references,
    })
}

/// The order of the members and their presence is checked by writing them again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedTable {
    schema: Option<String>,
    columns: Vec<DescribedColumn>,
    key: Option<Vec<String>>,
    references: Vec<DescribedReference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedColumn {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    native: String,
    nullable: bool,
    #[serde(default)]
    total: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedReference {
    columns: Vec<String>,
    table: String,
    to: Vec<String>,
}

fn utf8<'a>(lines: &'a Lines<'_>, range: Range<usize>) -> Result<&'a str> {
    std::str::from_utf8(lines.line(range)).map_err(|_| refuse(lines, ValueProblem::Syntax("bytes that are not UTF-8")))
}

fn refuse(lines: &Lines<'_>, problem: ValueProblem) -> Error {
    problem.into_error(lines.position())
}
