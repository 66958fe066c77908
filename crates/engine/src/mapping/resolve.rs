//! Finds what a mapping names in the catalogue.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono_tz::Tz;
use toml::Spanned;

use super::{
    Condition, Conditions, DeclaredReference, Effect, ImpliedReferences, Mapping, MappingError, Part, Path, Rows,
    Scalar, SheetName, value,
};
use crate::catalog::{Catalog, Kind, OnDelete, Reference, Table, TableName};

/// A catalogue with what a mapping says about it. Tables are named by their places in the catalogue.
#[derive(Debug)]
pub struct MappedCatalog<'a> {
    /// The catalogue.
    pub catalog: &'a Catalog,
    /// Every reference, and what follows from it.
    pub references: Vec<MappedReference>,
    /// The sheets.
    pub sheets: BTreeMap<SheetName, MappedSheet>,
    /// Rows that are never removed.
    pub kept: Option<(usize, Vec<ResolvedCondition>)>,
    /// Tables that are not in backups.
    pub skipped: Vec<usize>,
}

/// A reference between two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedReference {
    /// The referring table.
    pub table: usize,
    /// Its columns.
    pub columns: Vec<usize>,
    /// The referenced table.
    pub target: usize,
    /// The columns there.
    pub target_columns: Vec<usize>,
    /// Who says so.
    pub source: ReferenceSource,
    /// What follows from it.
    pub effect: Effect,
    /// Values that stand for no row.
    pub none: Vec<String>,
}

impl MappedReference {
    /// The reference of a column with the name of another table's key. Both are the places of a table and of its column.
    pub(super) fn by_name((table, column): (usize, usize), (target, key): (usize, usize)) -> Self {
        Self {
            table,
            columns: vec![column],
            target,
            target_columns: vec![key],
            source: ReferenceSource::Name,
            effect: Effect::Mentions,
            none: Vec::new(),
        }
    }
}

/// Who says that a column refers to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceSource {
    /// The database: a foreign key.
    Database,
    /// The mapping.
    Mapping,
    /// Only the name of the column, which is that of the table's key.
    Name,
}

/// A sheet with everything that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct MappedSheet {
    /// The table.
    pub table: usize,
    /// The rows of the table that the sheet has.
    pub conditions: Vec<ResolvedCondition>,
    /// Heading, and the parts of the value.
    pub columns: Vec<(String, Vec<Part>)>,
}

/// A condition on a column of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolvedCondition {
    /// The column has one of these values.
    AnyOf {
        /// The column.
        column: usize,
        /// The values.
        values: Vec<Scalar>,
    },
    /// The column refers to a row that fulfils these conditions.
    Of {
        /// The column.
        column: usize,
        /// The referenced table.
        target: usize,
        /// Its key.
        target_column: usize,
        /// The conditions on its row.
        conditions: Vec<ResolvedCondition>,
    },
}

impl Mapping {
    /// Finds every table and column that the file names.
    ///
    /// # Errors
    /// Every fault, in the order of the file's members.
    pub fn resolve<'a>(&self, catalog: &'a Catalog) -> Result<MappedCatalog<'a>, Vec<MappingError>> {
        let mut resolver = Resolver {
            text: &self.text,
            catalog,
            declared_keys: BTreeMap::new(),
            references: Vec::new(),
            faults: Vec::new(),
        };
        resolver.check_settings(self);
        resolver.declare_keys(self);
        resolver.collect_references(self);
        let kept = self.keep.as_ref().and_then(|rows| resolver.rows("keep", rows));
        let sheets = self.sheet.iter();
        let sheets = sheets
            .filter_map(|(name, sheet)| Some((*name, resolver.sheet(*name, sheet)?)))
            .collect();
        let skipped = resolver.skipped(self);
        match resolver.faults.is_empty() {
            true => Ok(MappedCatalog {
                catalog,
                references: resolver.references,
                sheets,
                kept,
                skipped,
            }),
            false => Err(resolver.faults),
        }
    }
}

struct Resolver<'a> {
    text: &'a str,
    catalog: &'a Catalog,
    /// Keys of one table that only the mapping knows.
    declared_keys: BTreeMap<usize, Vec<usize>>,
    references: Vec<MappedReference>,
    faults: Vec<MappingError>,
}

impl<'a> Resolver<'a> {
    fn fault(&mut self, span: Range<usize>, member: &str, fault: impl Into<String>) {
        self.faults.push(MappingError::at(self.text, span, member, fault));
    }

    fn tables(&self) -> &'a [Table] {
        &self.catalog.tables
    }

    fn check_settings(&mut self, mapping: &Mapping) {
        let engine = mapping.engine.get_ref();
        // The scheme of the address is as usual a name as that of the engine.
        let is_same = engine == self.catalog.engine.name()
            || (engine == "postgres" && self.catalog.engine.name() == "postgresql");
        if !is_same {
            let fault = format!("the database is of the engine `{}`", self.catalog.engine.name());
            self.fault(mapping.engine.span(), "engine", fault);
        }
        if let Some(zone) = &mapping.timezone
            && zone.get_ref().parse::<Tz>().is_err()
        {
            let fault = format!(
                "`{}` is no time zone of the IANA database, such as `Europe/Berlin`",
                zone.get_ref()
            );
            self.fault(zone.span(), "timezone", fault);
        }
        for name in &mapping.hide {
            self.column("hide", name);
        }
        for name in &mapping.money {
            let found = self.column("money", name);
            if let Some((table, column)) = found {
                let kind = self.tables()[table].columns[column].kind;
                if !matches!(
                    kind,
                    Kind::Integer | Kind::Decimal | Kind::Real | Kind::Real32 | Kind::Native
                ) {
                    self.fault(
                        name.span(),
                        "money",
                        format!("`{}` has no numbers, but {kind} values", name.get_ref()),
                    );
                }
            }
        }
        if let Some(entity) = &mapping.entity
            && !mapping.sheet.contains_key(entity.get_ref())
        {
            self.fault(
                entity.span(),
                "entity",
                format!("the file has no [sheet.{}]", entity.get_ref()),
            );
        }
        for schema in mapping.only.iter().flat_map(|only| &only.schemas) {
            let has = |table: &Table| table.name.schema.as_deref().unwrap_or("public") == schema.get_ref();
            if !self.tables().iter().any(has) {
                let fault = format!("the database has no table in the schema `{}`", schema.get_ref());
                self.fault(schema.span(), "only.schemas", fault);
            }
        }
    }

    fn declare_keys(&mut self, mapping: &Mapping) {
        for key in &mapping.key {
            let Some(table) = self.table("key.table", &key.table) else {
                continue;
            };
            let mut columns = Vec::new();
            for name in &key.columns {
                match self.tables()[table].column(name.get_ref()) {
                    Some(column) => columns.push(column),
                    None => self.no_column("key.columns", name.span(), table, name.get_ref()),
                }
            }
            if self.tables()[table].key.is_some() {
                let fault = format!("`{}` already has a key in the database", self.tables()[table].name);
                self.fault(key.table.span(), "key.table", fault);
            }
            self.declared_keys.insert(table, columns);
        }
    }

    /// The columns of the key, of the database or of the mapping.
    fn key(&self, table: usize) -> &[usize] {
        let of_database = self.tables()[table].key.as_ref().map(|key| key.columns.as_slice());
        of_database.unwrap_or_else(|| self.declared_keys.get(&table).map_or(&[], Vec::as_slice))
    }

    /// The references of the mapping, then those of the database that it does not name, then the implied ones.
    fn collect_references(&mut self, mapping: &Mapping) {
        for declared in &mapping.reference {
            if let Some(reference) = self.declared_reference(declared) {
                self.references.push(reference);
            }
        }
        for (place, table) in self.tables().iter().enumerate() {
            for reference in &table.references {
                let known = self.references.iter();
                let mut known = known.filter(|known| known.table == place && known.columns == reference.columns);
                if known.next().is_none()
                    && let Some(reference) = self.database_reference(place, reference)
                {
                    self.references.push(reference);
                }
            }
        }
        if mapping.implied == Some(ImpliedReferences::SameName) {
            let implied = implied_references(self.catalog);
            let is_new = |implied: &MappedReference| {
                let known = self.references.iter();
                !known
                    .clone()
                    .any(|known| known.table == implied.table && known.columns.contains(&implied.columns[0]))
            };
            let new: Vec<_> = implied.into_iter().filter(is_new).collect();
            self.references.extend(new);
        }
    }

    fn declared_reference(&mut self, declared: &DeclaredReference) -> Option<MappedReference> {
        let from = self.column("reference.from", &declared.from);
        let target = self.table("reference.to", &declared.to);
        let ((table, column), target) = (from?, target?);
        let &[key] = self.key(target) else {
            let fault = format!(
                "`{}` has no key of one column, which a reference needs",
                declared.to.get_ref()
            );
            self.fault(declared.to.span(), "reference.to", fault);
            return None;
        };
        let (from, to) = (
            &self.tables()[table].columns[column],
            &self.tables()[target].columns[key],
        );
        if !from.is_comparable(to) {
            let fault = format!(
                "`{}` is `{}` and the key of `{}` is `{}`, which can't be compared",
                declared.from.get_ref(),
                from.native,
                declared.to.get_ref(),
                to.native
            );
            self.fault(declared.from.span(), "reference.from", fault);
            return None;
        }
        Some(MappedReference {
            table,
            columns: vec![column],
            target,
            target_columns: vec![key],
            source: ReferenceSource::Mapping,
            effect: declared.how,
            none: declared.none.clone(),
        })
    }

    fn database_reference(&self, table: usize, reference: &Reference) -> Option<MappedReference> {
        let target = self.tables().iter().position(|table| table.name == reference.table)?;
        let columns = &self.tables()[table].columns;
        let is_required = reference.columns.iter().all(|column| !columns[*column].nullable);
        let target_columns = reference
            .target_columns
            .iter()
            .map(|name| self.tables()[target].column(name));
        Some(MappedReference {
            table,
            columns: reference.columns.clone(),
            target,
            target_columns: target_columns.collect::<Option<_>>()?,
            source: ReferenceSource::Database,
            effect: match (reference.on_delete, is_required) {
                (Some(OnDelete::Cascade), _) | (_, true) => Effect::Belongs,
                // The database would empty the column, and nothing would show it afterwards.
                _ => Effect::Refuses,
            },
            none: Vec::new(),
        })
    }

    fn sheet(&mut self, name: SheetName, sheet: &super::Sheet) -> Option<MappedSheet> {
        let member = format!("sheet.{name}");
        let table = self.table(&format!("{member}.table"), &sheet.table)?;
        let conditions = self.conditions_of(&format!("{member}.where"), table, sheet.conditions.as_ref())?;
        let member = format!("{member}.columns");
        let mut columns = Vec::new();
        for (heading, written) in &sheet.columns {
            match value::parts(written.get_ref()) {
                Ok(parts) => {
                    for part in &parts {
                        if let Part::Path(path) = part {
                            self.check_path(&member, written.span(), table, path);
                        }
                    }
                    columns.push((heading.clone(), parts));
                }
                Err(fault) => self.fault(written.span(), &member, format!("`{}` {fault}", written.get_ref())),
            }
        }
        Some(MappedSheet {
            table,
            conditions,
            columns,
        })
    }

    /// Follows a path to its last column.
    fn check_path(&mut self, member: &str, span: Range<usize>, start: usize, path: &Path) {
        let mut table = start;
        let mut rest = path.0.as_str();
        // A column's name may have points, so the whole rest is tried first.
        while self.tables()[table].column(rest).is_none() {
            let step = rest.match_indices('.').find_map(|(point, _)| {
                let column = self.tables()[table].column(&rest[..point])?;
                Some((column, &rest[point + 1..]))
            });
            let Some((column, after)) = step else {
                return self.no_column(member, span, table, rest);
            };
            let Some(reference) = self.reference_of(table, column) else {
                let of = &self.tables()[table];
                let fault = format!(
                    "`{}` of `{}` refers to no table. Declare it with [[reference]]",
                    of.columns[column].name, of.name
                );
                return self.fault(span, member, fault);
            };
            (table, rest) = (reference.target, after);
        }
    }

    /// The reference of one column alone.
    fn reference_of(&self, table: usize, column: usize) -> Option<&MappedReference> {
        let mut all = self.references.iter();
        all.find(|reference| reference.table == table && reference.columns == [column])
    }

    fn rows(&mut self, member: &str, rows: &Rows) -> Option<(usize, Vec<ResolvedCondition>)> {
        let table = self.table(&format!("{member}.table"), &rows.table)?;
        let conditions = self.conditions_of(&format!("{member}.where"), table, rows.conditions.as_ref())?;
        Some((table, conditions))
    }

    fn conditions_of(
        &mut self,
        member: &str,
        table: usize,
        conditions: Option<&Spanned<Conditions>>,
    ) -> Option<Vec<ResolvedCondition>> {
        match conditions {
            None => Some(Vec::new()),
            Some(written) => self.conditions(member, written.span(), table, written.get_ref()),
        }
    }

    fn conditions(
        &mut self,
        member: &str,
        span: Range<usize>,
        table: usize,
        conditions: &Conditions,
    ) -> Option<Vec<ResolvedCondition>> {
        let resolve = |(name, condition): (&String, &Condition)| {
            let Some(column) = self.tables()[table].column(name) else {
                self.no_column(member, span.clone(), table, name);
                return None;
            };
            match condition {
                Condition::AnyOf(values) => Some(ResolvedCondition::AnyOf {
                    column,
                    values: values.clone(),
                }),
                Condition::Of { table, conditions } => {
                    let target = self.find_table(member, span.clone(), table)?;
                    let &[target_column] = self.key(target) else {
                        self.fault(span.clone(), member, format!("`{table}` has no key of one column"));
                        return None;
                    };
                    Some(ResolvedCondition::Of {
                        column,
                        target,
                        target_column,
                        conditions: self.conditions(member, span.clone(), target, conditions)?,
                    })
                }
            }
        };
        // All of them, so that every fault is found.
        let resolved: Vec<_> = conditions.iter().map(resolve).collect();
        resolved.into_iter().collect()
    }

    fn skipped(&mut self, mapping: &Mapping) -> Vec<usize> {
        let Some(skip) = &mapping.skip else {
            return Vec::new();
        };
        for name in &skip.restore {
            self.table("skip.restore", name);
        }
        skip.backup
            .iter()
            .filter_map(|name| self.table("skip.backup", name))
            .collect()
    }

    fn table(&mut self, member: &str, name: &Spanned<String>) -> Option<usize> {
        self.find_table(member, name.span(), name.get_ref())
    }

    fn find_table(&mut self, member: &str, span: Range<usize>, name: &str) -> Option<usize> {
        let found = table_named(self.tables(), name);
        if found.is_none() {
            let fault = format!("the database has no table `{name}`");
            self.fault(span, member, fault);
        }
        found
    }

    /// `table.column` or `schema.table.column`. Both names may have points.
    fn column(&mut self, member: &str, name: &Spanned<String>) -> Option<(usize, usize)> {
        let written = name.get_ref();
        let tables = self.tables();
        let splits = written
            .match_indices('.')
            .map(|(point, _)| (&written[..point], &written[point + 1..]));
        let found: Vec<_> = splits
            .filter_map(|(table, column)| Some((table_named(tables, table)?, column)))
            .collect();
        let column = found
            .iter()
            .find_map(|(table, column)| Some((*table, tables[*table].column(column)?)));
        if column.is_none() {
            match found.first() {
                Some((table, column)) => self.no_column(member, name.span(), *table, column),
                None => {
                    let fault = format!("`{written}` is not `table.column`, or the database has no such table");
                    self.fault(name.span(), member, fault);
                }
            }
        }
        column
    }

    fn no_column(&mut self, member: &str, span: Range<usize>, table: usize, column: &str) {
        let fault = format!("the table `{}` has no column `{column}`", self.tables()[table].name);
        self.fault(span, member, fault);
    }
}

fn table_named(tables: &[Table], name: &str) -> Option<usize> {
    tables.iter().position(|table| table.name.to_string() == name)
}

/// The references that names alone suggest: a column that has the name of the key of exactly one other table, and can be
/// compared with it. `id` suggests nothing.
pub(super) fn implied_references(catalog: &Catalog) -> Vec<MappedReference> {
    let mut keys = BTreeMap::<&str, Vec<(usize, usize)>>::new();
    for (place, table) in catalog.tables.iter().enumerate() {
        if let Some([column]) = table.key.as_ref().map(|key| key.columns.as_slice()) {
            keys.entry(table.columns[*column].name.as_str())
                .or_default()
                .push((place, *column));
        }
    }
    keys.remove("id");
    let mut references = Vec::new();
    for (place, table) in catalog.tables.iter().enumerate() {
        for (column, described) in table.columns.iter().enumerate() {
            let Some(&[(target, key)]) = keys.get(described.name.as_str()).map(Vec::as_slice) else {
                continue;
            };
            let is_declared = table
                .references
                .iter()
                .any(|reference| reference.columns.contains(&column));
            let is_comparable = catalog.tables[target].columns[key].is_comparable(described);
            if target != place && is_comparable && !is_declared {
                references.push(MappedReference::by_name((place, column), (target, key)));
            }
        }
    }
    references
}

impl MappedCatalog<'_> {
    /// The table at a place.
    pub fn table(&self, place: usize) -> &Table {
        &self.catalog.tables[place]
    }

    /// The name of the table at a place.
    pub fn name(&self, place: usize) -> &TableName {
        &self.table(place).name
    }
}
