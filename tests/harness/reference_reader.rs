//! Reads a table in the plainest way: the engine itself writes each value as text, and the text is parsed. The readers of
//! snapshots, which look at values in the drivers' representation, are tested against it.

use campus_backup_archive::value::YEARS;
use campus_backup_archive::{Cell, Kind};
use campus_backup_domain::catalog::ColumnSource;
use campus_backup_domain::snapshot::{Selection, Sink};
use campus_backup_domain::{Database, Engine, Table};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Timelike as _, Utc};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};

/// Reads all rows of a table, in the order of their ids.
pub async fn read(database: &Database, table: Table, selection: Selection, sink: &mut impl Sink) {
    let fields = fields(table, selection);
    let columns: Vec<_> = fields
        .iter()
        .flat_map(|(_, value)| columns_of(database.engine(), value))
        .collect();
    let sql = format!("SELECT {} FROM {table} AS t ORDER BY t.id", columns.join(", "));
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    for row in connection.query_all_raw(statement).await.unwrap() {
        let values: Vec<_> = fields
            .iter()
            .enumerate()
            .map(|(position, (kind, _))| match database.engine() {
                Engine::Sqlite => sqlite_value(&row, position, *kind),
                engine => server_value(&row, position, *kind, engine),
            })
            .collect();
        let cells: Vec<_> = fields
            .iter()
            .zip(&values)
            .map(|((kind, _), value)| value.cell(*kind))
            .collect();
        sink.row(&cells).unwrap();
    }
}

/// The kinds of the selection's values, and their SQL.
fn fields(table: Table, selection: Selection) -> Vec<(Kind, String)> {
    match selection {
        Selection::Columns => {
            let columns = table.columns().iter();
            columns
                .map(|column| (column.kind, format!("t.{}", column.name)))
                .collect()
        }
        Selection::ExportColumns(names) => {
            let columns = table.export_columns(names).iter();
            let value = |source| match source {
                ColumnSource::Own(name) => format!("t.{name}"),
                ColumnSource::Of { key, table, column } => {
                    format!("(SELECT o.{column} FROM {table} AS o WHERE o.id = t.{key})")
                }
            };
            columns.map(|column| (column.kind, value(column.source))).collect()
        }
    }
}

/// The columns of the result for one value.
fn columns_of(engine: Engine, value: &str) -> Vec<String> {
    match engine {
        Engine::Sqlite => vec![
            format!("typeof({value})"),
            format!("CASE typeof({value}) WHEN 'text' THEN CAST({value} AS BLOB) ELSE {value} END"),
        ],
        Engine::Postgres => vec![format!("CAST({value} AS TEXT)")],
        Engine::Mysql => vec![format!("CAST({value} AS CHAR)")],
    }
}

/// A value as text.
struct TextValue {
    /// As its kind has it; none if the engine stores a value of another type.
    ordinary: Option<String>,
    /// As an archive has it if the kind can't hold it; none for NULL.
    native: Option<String>,
}

impl TextValue {
    fn cell(&self, kind: Kind) -> Cell<'_> {
        let ordinary = self.ordinary.as_deref().and_then(|text| parse(kind, text));
        ordinary.unwrap_or_else(|| self.native.as_deref().map_or(Cell::Null, Cell::Native))
    }
}

fn server_value(row: &QueryResult, position: usize, kind: Kind, engine: Engine) -> TextValue {
    let native: Option<String> = row.try_get_by_index(position).unwrap();
    let ordinary = native.as_ref().map(|text| match (engine, kind) {
        // The server leaves out the minutes of the offset.
        (Engine::Postgres, Kind::Timestamp) => format!("{text}:00"),
        _ => text.clone(),
    });
    TextValue { ordinary, native }
}

/// SQLite stores any type in any column.
fn sqlite_value(row: &QueryResult, position: usize, kind: Kind) -> TextValue {
    let storage_class: String = row.try_get_by_index(2 * position).unwrap();
    let position = 2 * position + 1;
    let (ordinary, native) = match storage_class.as_str() {
        "null" => {
            return TextValue {
                ordinary: None,
                native: None,
            };
        }
        "integer" => {
            let number: i64 = row.try_get_by_index(position).unwrap();
            let fits = matches!(kind, Kind::Integer | Kind::Decimal | Kind::Boolean);
            (fits.then(|| number.to_string()), number.to_string())
        }
        "real" => {
            let number: f64 = row.try_get_by_index(position).unwrap();
            let decimal = Decimal::try_from(number).ok().filter(|_| kind == Kind::Decimal);
            let native = match number {
                f64::INFINITY => "9e999".to_owned(),
                f64::NEG_INFINITY => "-9e999".to_owned(),
                number => format!("{number:?}"),
            };
            (decimal.map(|decimal| decimal.to_string()), native)
        }
        "text" => {
            let bytes: Vec<u8> = row.try_get_by_index(position).unwrap();
            let fits = matches!(kind, Kind::Text | Kind::Date | Kind::Timestamp);
            match String::from_utf8(bytes) {
                Ok(text) if text.contains('\0') => (None, cast(text.as_bytes())),
                Ok(text) if text.is_empty() || is_literal(&text) => {
                    let quoted = format!("'{}'", text.replace('\'', "''"));
                    (fits.then_some(text), quoted)
                }
                Ok(text) => (fits.then(|| text.clone()), text),
                Err(error) => (None, cast(error.as_bytes())),
            }
        }
        "blob" => (None, blob(&row.try_get_by_index::<Vec<u8>>(position).unwrap())),
        other => panic!("SQLite has no storage class {other}"),
    };
    TextValue {
        ordinary,
        native: Some(native),
    }
}

fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("X'{digits}'")
}

fn cast(bytes: &[u8]) -> String {
    format!("CAST({} AS TEXT)", blob(bytes))
}

/// Whether an archive would take the text of a native value for a literal of SQL.
fn is_literal(text: &str) -> bool {
    let inner = |start, end| text.strip_prefix(start)?.strip_suffix(end);
    let is_hexadecimal = |digits: &str| {
        let mut bytes = digits.bytes();
        digits.len().is_multiple_of(2) && bytes.all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
    };
    inner("X'", "'").is_some_and(is_hexadecimal)
        || inner("CAST(X'", "' AS TEXT)").is_some_and(is_hexadecimal)
        || inner("'", "'").is_some_and(|quoted: &str| !quoted.replace("''", "").contains('\''))
        || matches!(text, "9e999" | "-9e999")
        || text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
        || text
            .parse::<f64>()
            .is_ok_and(|number| number.is_finite() && format!("{number:?}") == text)
}

/// The value of a kind, unless the text is that of a native value.
fn parse(kind: Kind, text: &str) -> Option<Cell<'_>> {
    match kind {
        Kind::Integer => text.parse().ok().map(Cell::Integer),
        Kind::Text => Some(Cell::Text(text)),
        Kind::Decimal => text.parse().ok().map(Cell::Decimal),
        Kind::Date => {
            let date = NaiveDate::parse_from_str(text, "%F").ok();
            date.filter(|date| YEARS.contains(&date.year())).map(Cell::Date)
        }
        Kind::Timestamp => {
            let is_ordinary = |time: &DateTime<Utc>| {
                YEARS.contains(&time.year())
                    && time.nanosecond() < 1_000_000_000
                    && time.nanosecond().is_multiple_of(1000)
            };
            timestamp(text).filter(is_ordinary).map(Cell::Timestamp)
        }
        // No column of the school has them.
        Kind::Real | Kind::Real32 | Kind::Datetime | Kind::Bytes | Kind::Native => None,
        Kind::Boolean => match text {
            "true" | "1" => Some(Cell::Boolean(true)),
            "false" | "0" => Some(Cell::Boolean(false)),
            _ => None,
        },
    }
}

/// A timestamp in any form that SQLite knows; the servers' forms are among them. Without an offset it is UTC.
fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let with_offset = ["%FT%T%.f%:z", "%F %T%.f%:z", "%F %R%:z", "%FT%R%:z"];
    let in_utc = [
        "%F %T%.f",
        "%FT%T%.f",
        "%F %T%.fZ",
        "%FT%T%.fZ",
        "%F %R",
        "%FT%R",
        "%F %RZ",
        "%FT%RZ",
    ];
    let with_offset = with_offset
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok());
    with_offset.map(|time| time.to_utc()).or_else(|| {
        let time = in_utc
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        time.map(|time| time.and_utc())
    })
}
