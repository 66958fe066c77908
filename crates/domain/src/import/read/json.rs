//! Reads JSON: our archives and downloads, the complete backup of the original application, a list of objects, or JSON Lines.
//!
//! The file is read twice, because the keys of all objects are the headings. Only one object is in memory at a time.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::decode::Charset;
use super::fault::{FileFault, ReadError};
use super::limits::{MAX_FILE_COLUMNS, MAX_ROW_BYTES, MAX_ROWS};
use super::raw::{CellDefect, OwnedCell, RawCell, RawSink};
use crate::catalog::Table;

/// Keys under which a document may have its tables.
const CONTAINERS: [&str; 4] = ["tables", "data", "backup", "records"];

/// What a JSON file has besides the rows of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JsonFile {
    /// All keys of the objects of the table, in the order of their first appearance.
    pub(super) keys: Vec<String>,
    /// Whether it is an archive of ours.
    pub(super) is_archive: bool,
    /// The tables that it names.
    pub(super) tables: BTreeSet<Table>,
}

/// Finds the keys of all objects of the table.
///
/// # Errors
/// If it is no JSON, or has no rows of the table.
pub(super) fn scan(path: &Path, charset: Charset, table: Table) -> Result<JsonFile, ReadError> {
    let mut keys: Vec<String> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut rows = 0_u64;
    let mut file = walk(path, charset, table, &mut |row, fields| {
        rows = row;
        for (key, _) in fields {
            if known.insert(key.clone()) {
                keys.push(key.clone());
            }
        }
        match keys.len() > MAX_FILE_COLUMNS {
            true => {
                let problem = format!("The objects up to row {row} have more than {MAX_FILE_COLUMNS} different keys.");
                Err(FileFault::new(problem).in_row(row).into())
            }
            false => Ok(ControlFlow::Continue(())),
        }
    })?;
    if rows == 0 {
        let others: Vec<_> = file.tables.iter().map(|table| table.name()).collect();
        let problem = match (file.tables.contains(&table), others.is_empty()) {
            (true, _) => format!("The file has no rows of {table}."),
            (false, true) => format!("The file has no objects that could be rows of {table}."),
            (false, false) => format!("The file has no {table}; it has {}.", others.join(", ")),
        };
        return Err(FileFault::new(problem).into());
    }
    file.keys = keys;
    Ok(file)
}

/// Gives the rows to the sink, with their cells in the order of the keys. Row 1 is the first object.
pub(super) fn rows(
    path: &Path,
    charset: Charset,
    table: Table,
    keys: &[String],
    sink: &mut RawSink<'_>,
) -> Result<(), ReadError> {
    let mut order: Vec<Option<usize>> = Vec::new();
    walk(path, charset, table, &mut |row, fields| {
        order.clear();
        order.resize(keys.len(), None);
        let mut twice = Vec::new();
        for (place, (key, _)) in fields.iter().enumerate() {
            // The keys of most objects have the same order.
            let same = keys.get(place).is_some_and(|known| known == key);
            let column = if same {
                Some(place)
            } else {
                keys.iter().position(|known| known == key)
            };
            if let Some(column) = column
                && order[column].replace(place).is_some()
            {
                twice.push(column);
            }
        }
        let mut cells: Vec<_> = order
            .iter()
            .map(|place| match place {
                Some(place) => fields[*place].1.as_raw(),
                None => RawCell::Unreadable(CellDefect::NoKey),
            })
            .collect();
        for column in twice {
            cells[column] = RawCell::Unreadable(CellDefect::KeyTwice);
        }
        sink(row, &cells)
    })
    .map(drop)
}

type Fields = Vec<(String, OwnedCell)>;
type Receive<'r> = dyn FnMut(u64, &Fields) -> Result<ControlFlow<()>, ReadError> + 'r;

/// Walks through the document, and gives each row of the table to `receive`.
fn walk(path: &Path, charset: Charset, table: Table, receive: &mut Receive<'_>) -> Result<JsonFile, ReadError> {
    let budget = Rc::new(Cell::new(u64::MAX));
    let limited = Limited {
        source: charset.open(path)?,
        budget: Rc::clone(&budget),
    };
    let mut walker = Walker {
        table,
        receive,
        budget,
        row: 0,
        file: JsonFile::default(),
        ended: None,
    };
    let mut documents = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, limited));
    loop {
        let result = match documents.end() {
            Ok(()) => return Ok(walker.file),
            Err(_) => Root {
                walker: &mut walker,
                is_top: true,
            }
            .deserialize(&mut documents),
        };
        if let Err(error) = result {
            return match walker.ended.take() {
                Some(Ok(())) => Ok(walker.file),
                Some(Err(ended)) => Err(ended),
                None => Err(json_error(error, walker.row)),
            };
        }
    }
}

fn json_error(error: serde_json::Error, row: u64) -> ReadError {
    let place = match row {
        0 => String::new(),
        row => format!(", after row {row}"),
    };
    if error.is_io() {
        let error = io::Error::from(error);
        return match error.kind() {
            io::ErrorKind::FileTooLarge => {
                let problem = format!("Row {} has more than {} MiB.", row + 1, MAX_ROW_BYTES >> 20);
                FileFault::new(problem).in_row(row + 1).into()
            }
            io::ErrorKind::InvalidData => FileFault::new(format!("The text is malformed{place}: {error}."))
                .in_row(row + 1)
                .into(),
            _ => error.into(),
        };
    }
    let problem = match error.is_eof() {
        true => format!("The JSON ends too early{place}. The file is cut, or its end is missing."),
        false => format!("The file is not valid JSON{place}: {error}."),
    };
    let fault = FileFault::new(problem);
    if row == 0 {
        fault.into()
    } else {
        fault.in_row(row + 1).into()
    }
}

/// Limits how much is read for one row.
struct Limited {
    source: Box<dyn Read>,
    budget: Rc<Cell<u64>>,
}

impl Read for Limited {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.budget.get() == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.source.read(out)?;
        if self.budget.get() != u64::MAX {
            self.budget.set(self.budget.get().saturating_sub(read as u64));
        }
        Ok(read)
    }
}

struct Walker<'r, 's> {
    table: Table,
    receive: &'r mut Receive<'s>,
    budget: Rc<Cell<u64>>,
    row: u64,
    file: JsonFile,
    /// Why reading has ended before the end of the document.
    ended: Option<Result<(), ReadError>>,
}

impl Walker<'_, '_> {
    /// Passes a row to the receiver. The error ends the parser; the reason is in `ended`.
    fn receive<E: serde::de::Error>(&mut self, fields: &Fields) -> Result<(), E> {
        self.row += 1;
        let flow = match self.row > MAX_ROWS {
            true => Err(FileFault::new(format!("The file has more than {MAX_ROWS} rows.")).into()),
            false => (self.receive)(self.row, fields),
        };
        self.ended = Some(match flow {
            Ok(ControlFlow::Continue(())) => return Ok(()),
            Ok(ControlFlow::Break(())) => Ok(()),
            Err(error) => Err(error),
        });
        Err(E::custom("ended"))
    }

    fn begin_row(&self) {
        self.budget.set(MAX_ROW_BYTES as u64);
    }

    fn end_row(&self) {
        self.budget.set(u64::MAX);
    }
}

/// The document, or an object in it that has the tables.
struct Root<'w, 'r, 's> {
    walker: &'w mut Walker<'r, 's>,
    is_top: bool,
}

impl<'de> DeserializeSeed<'de> for Root<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        match self.is_top {
            true => read_rows(self.walker, rows),
            false => ignore(rows),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut fields = Fields::new();
        let mut has_tables = false;
        self.walker.begin_row();
        while let Some(key) = map.next_key::<String>()? {
            let table = Table::from_name(&key);
            let is_container = CONTAINERS.contains(&key.as_str());
            if self.is_top && key == "format" {
                let format: JsonValue = map.next_value()?;
                self.walker.file.is_archive = format.0 == OwnedCell::Text(campus_backup_archive::FORMAT.to_owned());
                fields.push((key, format.0));
            } else if is_container && self.is_top {
                self.walker.end_row();
                let tables_before = self.walker.file.tables.len();
                map.next_value_seed(Root {
                    walker: &mut *self.walker,
                    is_top: false,
                })?;
                has_tables |= self.walker.file.tables.len() > tables_before;
            } else if let Some(table) = table {
                self.walker.end_row();
                let is_wanted = table == self.walker.table;
                let is_list = map.next_value_seed(Rows {
                    walker: &mut *self.walker,
                    is_wanted,
                })?;
                if is_list {
                    self.walker.file.tables.insert(table);
                    has_tables = true;
                }
            } else {
                let value: JsonValue = map.next_value()?;
                fields.push((key, value.0));
            }
        }
        self.walker.end_row();
        // An object without tables is a row of JSON Lines.
        match self.is_top && !has_tables && !self.walker.file.is_archive {
            true => self.walker.receive(&fields),
            false => Ok(()),
        }
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        scalar(self.is_top)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        scalar(self.is_top)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        scalar(self.is_top)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        scalar(self.is_top)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        scalar(self.is_top)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        scalar(self.is_top)
    }
}

fn scalar<E: serde::de::Error>(is_top: bool) -> Result<(), E> {
    match is_top {
        true => Err(E::custom("a single value is no table")),
        false => Ok(()),
    }
}

fn ignore<'de, A: SeqAccess<'de>>(mut values: A) -> Result<(), A::Error> {
    while values.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn read_rows<'de, A: SeqAccess<'de>>(walker: &mut Walker<'_, '_>, mut rows: A) -> Result<(), A::Error> {
    loop {
        walker.begin_row();
        let Some(JsonRow(fields)) = rows.next_element()? else {
            walker.end_row();
            return Ok(());
        };
        walker.receive(&fields)?;
    }
}

/// The value of a key with the name of a table. Says whether it is a list.
struct Rows<'w, 'r, 's> {
    walker: &'w mut Walker<'r, 's>,
    is_wanted: bool,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<bool, A::Error> {
        match self.is_wanted {
            true => read_rows(self.walker, rows)?,
            false => ignore(rows)?,
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// An object that is a row.
struct JsonRow(Fields);

impl<'de> serde::Deserialize<'de> for JsonRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = JsonRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the columns of a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonRow, A::Error> {
                let mut fields = Fields::new();
                while let Some((key, JsonValue(value))) = map.next_entry()? {
                    if fields.len() > MAX_FILE_COLUMNS {
                        return Err(A::Error::custom(format!(
                            "an object has more than {MAX_FILE_COLUMNS} keys"
                        )));
                    }
                    fields.push((key, value));
                }
                Ok(JsonRow(fields))
            }
        }
        deserializer.deserialize_map(RowVisitor)
    }
}

/// The value of a key.
struct JsonValue(OwnedCell);

impl<'de> serde::Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = OwnedCell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Text(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Text(text))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Other(RawCell::Boolean(value)))
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Other(RawCell::Integer(value)))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<OwnedCell, E> {
                // A larger number is refused by its column.
                Ok(i64::try_from(value).map_or_else(
                    |_| OwnedCell::Text(value.to_string()),
                    |value| OwnedCell::Other(RawCell::Integer(value)),
                ))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Other(RawCell::Number(value)))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<OwnedCell, E> {
                Ok(OwnedCell::Other(RawCell::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<OwnedCell, A::Error> {
                ignore(values)?;
                Ok(OwnedCell::Other(RawCell::Unreadable(CellDefect::Nested)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnedCell, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(OwnedCell::Other(RawCell::Unreadable(CellDefect::Nested)))
            }
        }
        deserializer.deserialize_any(ValueVisitor).map(JsonValue)
    }
}
