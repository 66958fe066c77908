//! PostgreSQL 12 and newer, from `pg_catalog`. Every role may read all of it.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::{choose_key, get, group_by, names_by_table, query, slice};
use crate::Engine;
use crate::catalog::{
    Catalog, Column, Kind, ObjectKind, OnDelete, OtherObject, Problem, Reference, Table, TableName, Traits, Unique,
};

/// Everything with columns, and sequences. Temporary tables are of one session alone.
const RELATIONS: &str = "SELECT c.oid::int8 AS id, n.nspname::text AS schema, c.relname::text AS name, \
    c.relkind::text AS kind, c.relispartition AS is_partition, c.relpersistence = 'u' AS is_unlogged, \
    EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
    AS is_of_extension, \
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS is_readable, \
    row_security_active(c.oid) AS has_row_security \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname <> 'information_schema' \
    AND n.nspname NOT LIKE 'pg\\_%'";

const COLUMNS: &str = "SELECT a.attrelid::int8 AS id, a.attnum::int4 AS number, a.attname::text AS name, \
    format_type(a.atttypid, a.atttypmod) AS native, a.atttypid::int8 AS type, a.atttypmod AS modifier, \
    a.attnotnull AS is_not_null, a.attgenerated <> '' AS is_generated, \
    COALESCE(l.collisdeterministic, true) AS is_deterministic \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_collation l ON l.oid = a.attcollation \
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY a.attrelid, a.attnum";

/// Types whose values have a kind, enumerations, and domains with the type below them.
const TYPES: &str = "SELECT t.oid::int8 AS id, t.typname::text AS name, t.typtype::text AS kind, \
    t.typnamespace = 'pg_catalog'::regnamespace AS is_builtin, t.typbasetype::int8 AS base, t.typtypmod AS modifier \
    FROM pg_type t WHERE t.typtype IN ('d', 'e') \
    OR (t.typtype = 'b' AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typcategory <> 'A')";

/// A foreign key to a partitioned table also has an entry for each partition, which has a parent.
const CONSTRAINTS: &str = "SELECT k.conrelid::int8 AS id, k.conname::text AS name, k.contype::text AS kind, \
    array_to_string(k.conkey, ' ') AS columns, array_to_string(k.confkey, ' ') AS target_columns, \
    k.confrelid::int8 AS target, k.confdeltype::text AS on_delete, k.condeferrable AS is_deferrable \
    FROM pg_constraint k WHERE k.contype IN ('p', 'f', 'c', 'x') AND k.conrelid <> 0 AND k.conparentid = 0 \
    ORDER BY k.conrelid, k.conname";

/// Unique indexes, also those of unique constraints. The columns of `INCLUDE` are no part of the key.
const UNIQUES: &str = "SELECT i.indrelid::int8 AS id, c.relname::text AS name, i.indkey::text AS columns, \
    i.indnkeyatts::int4 AS width, i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AS is_plain \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
    WHERE i.indisunique AND NOT i.indisprimary AND t.relkind IN ('r', 'p') ORDER BY i.indrelid, c.relname";

const TRIGGERS: &str = "SELECT tgrelid::int8 AS id, tgname::text AS name FROM pg_trigger \
    WHERE NOT tgisinternal ORDER BY tgrelid, tgname";

const RULES: &str = "SELECT ev_class::int8 AS id, rulename::text AS name FROM pg_rewrite \
    WHERE rulename <> '_RETURN' ORDER BY ev_class, rulename";

struct Relation {
    id: i64,
    name: TableName,
    kind: String,
    is_partition: bool,
    is_unlogged: bool,
    is_of_extension: bool,
    is_readable: bool,
    has_row_security: bool,
}

impl Relation {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let schema: String = get(row, "schema")?;
        let name: String = get(row, "name")?;
        Ok(Self {
            id: get(row, "id")?,
            name: match schema == "public" {
                true => TableName::new(name),
                false => TableName::in_schema(schema, name),
            },
            kind: get(row, "kind")?,
            is_partition: get(row, "is_partition")?,
            is_unlogged: get(row, "is_unlogged")?,
            is_of_extension: get(row, "is_of_extension")?,
            is_readable: get(row, "is_readable")?,
            has_row_security: get(row, "has_row_security")?,
        })
    }

    /// What it is, if it is no table with rows of its own.
    fn other_kind(&self) -> Option<ObjectKind> {
        match self.kind.as_str() {
            "v" => Some(ObjectKind::View),
            "m" => Some(ObjectKind::MaterializedView),
            "f" => Some(ObjectKind::ForeignTable),
            "S" => Some(ObjectKind::Sequence),
            _ if self.is_of_extension => Some(ObjectKind::ExtensionTable),
            _ if self.is_partition => Some(ObjectKind::Partition),
            _ => None,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let all = [
            (!self.is_readable, Problem::NotReadable),
            (self.has_row_security, Problem::RowSecurity),
        ];
        all.into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, problem)| problem)
            .collect()
    }
}

/// A column with the number by which constraints and indexes name it.
struct NumberedColumn {
    number: i32,
    column: Column,
}

struct Constraint {
    name: String,
    kind: String,
    columns: Vec<i32>,
    target: i64,
    target_columns: Vec<i32>,
    on_delete: OnDelete,
    is_deferrable: bool,
}

struct UniqueIndex {
    name: String,
    columns: Vec<i32>,
    is_plain: bool,
}

pub(super) async fn introspect(connection: &impl ConnectionTrait) -> Result<Catalog, DbErr> {
    let relations = query(connection, RELATIONS).await?;
    let relations: Vec<_> = relations.iter().map(Relation::read).collect::<Result<_, _>>()?;
    let described = Described::read(connection, &relations).await?;
    let mut tables = Vec::new();
    let mut other_objects = Vec::new();
    for relation in &relations {
        match relation.other_kind() {
            Some(kind) => other_objects.push(OtherObject {
                name: relation.name.clone(),
                kind,
            }),
            None => tables.push(described.table(relation)),
        }
    }
    Ok(Catalog::new(Engine::Postgres, tables, other_objects))
}

/// The rows of all catalogs, by the number of the table.
struct Described<'a> {
    names: BTreeMap<i64, &'a TableName>,
    columns: BTreeMap<i64, Vec<NumberedColumn>>,
    constraints: BTreeMap<i64, Vec<Constraint>>,
    uniques: BTreeMap<i64, Vec<UniqueIndex>>,
    triggers: BTreeMap<i64, Vec<String>>,
    rules: BTreeMap<i64, Vec<String>>,
}

impl<'a> Described<'a> {
    async fn read(connection: &impl ConnectionTrait, relations: &'a [Relation]) -> Result<Self, DbErr> {
        let types = Types::read(connection).await?;
        let columns = query(connection, COLUMNS).await?;
        let constraints = query(connection, CONSTRAINTS).await?;
        let uniques = query(connection, UNIQUES).await?;
        Ok(Self {
            names: relations.iter().map(|relation| (relation.id, &relation.name)).collect(),
            columns: group_by(columns.iter().map(|row| read_column(row, &types)))?,
            constraints: group_by(constraints.iter().map(read_constraint))?,
            uniques: group_by(uniques.iter().map(read_unique_index))?,
            triggers: names_by_table(connection, TRIGGERS, "id").await?,
            rules: names_by_table(connection, RULES, "id").await?,
        })
    }

    fn table(&self, relation: &Relation) -> Table {
        let numbered = slice(&self.columns, &relation.id);
        let columns: Vec<_> = numbered.iter().map(|column| column.column.clone()).collect();
        let constraints = slice(&self.constraints, &relation.id);
        let mut traits = Traits {
            triggers: slice(&self.triggers, &relation.id).to_vec(),
            rules: slice(&self.rules, &relation.id).to_vec(),
            partitioned: relation.kind == "p",
            unlogged: relation.is_unlogged,
            ..Traits::default()
        };
        let mut primary = None;
        let mut references = Vec::new();
        for constraint in constraints {
            match constraint.kind.as_str() {
                "p" => {
                    primary = Some(Unique {
                        name: constraint.name.clone(),
                        columns: places(numbered, &constraint.columns),
                    });
                }
                "f" => references.extend(self.reference(numbered, constraint)),
                _ => traits.other_constraints.push(constraint.name.clone()),
            }
        }
        let (plain, other): (Vec<_>, Vec<_>) = slice(&self.uniques, &relation.id).iter().partition(|one| one.is_plain);
        let others = other.iter().map(|index| index.name.clone());
        traits.other_constraints.extend(others);
        let mut uniques = plain
            .iter()
            .map(|index| Unique {
                name: index.name.clone(),
                columns: places(numbered, &index.columns),
            })
            .collect();
        let key = choose_key(&columns, primary, &mut uniques);
        references.sort_by(|a, b| a.columns.cmp(&b.columns));
        Table {
            name: relation.name.clone(),
            columns,
            key,
            uniques,
            references,
            traits,
            problems: relation.problems(),
        }
    }

    fn reference(&self, columns: &[NumberedColumn], constraint: &Constraint) -> Option<Reference> {
        let table = (*self.names.get(&constraint.target)?).clone();
        let target = slice(&self.columns, &constraint.target);
        let target_columns = places(target, &constraint.target_columns);
        Some(Reference {
            columns: places(columns, &constraint.columns),
            table,
            target_columns: target_columns
                .iter()
                .map(|place| target[*place].column.name.clone())
                .collect(),
            on_delete: Some(constraint.on_delete),
            deferrable: constraint.is_deferrable,
        })
    }
}

/// The places of columns with these numbers. Numbers have gaps where columns were dropped.
fn places(columns: &[NumberedColumn], numbers: &[i32]) -> Vec<usize> {
    let place = |number: &i32| columns.iter().position(|column| column.number == *number);
    numbers.iter().filter_map(place).collect()
}

fn read_column(row: &QueryResult, types: &Types) -> Result<(i64, NumberedColumn), DbErr> {
    let (kind, is_padded) = types.kind(get(row, "type")?, get(row, "modifier")?);
    let column = Column {
        name: get(row, "name")?,
        kind,
        native: get(row, "native")?,
        nullable: !get::<bool>(row, "is_not_null")?,
        generated: get(row, "is_generated")?,
        collation_exact: get::<bool>(row, "is_deterministic")? && !is_padded,
    };
    let number = get(row, "number")?;
    Ok((get(row, "id")?, NumberedColumn { number, column }))
}

fn read_constraint(row: &QueryResult) -> Result<(i64, Constraint), DbErr> {
    let constraint = Constraint {
        name: get(row, "name")?,
        kind: get(row, "kind")?,
        columns: numbers(get(row, "columns")?),
        target: get(row, "target")?,
        target_columns: numbers(get(row, "target_columns")?),
        on_delete: match get::<String>(row, "on_delete")?.as_str() {
            "c" => OnDelete::Cascade,
            "n" | "d" => OnDelete::Clear,
            _ => OnDelete::Refuse,
        },
        is_deferrable: get(row, "is_deferrable")?,
    };
    Ok((get(row, "id")?, constraint))
}

fn read_unique_index(row: &QueryResult) -> Result<(i64, UniqueIndex), DbErr> {
    let width = usize::try_from(get::<i32>(row, "width")?).unwrap_or_default();
    let mut columns = numbers(get(row, "columns")?);
    columns.truncate(width);
    let index = UniqueIndex {
        name: get(row, "name")?,
        columns,
        is_plain: get(row, "is_plain")?,
    };
    Ok((get(row, "id")?, index))
}

/// Numbers with blanks between them.
fn numbers(list: Option<String>) -> Vec<i32> {
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// The types of PostgreSQL, by their numbers.
struct Types(BTreeMap<i64, Type>);

struct Type {
    name: String,
    is_enumeration: bool,
    is_builtin: bool,
    /// The type below a domain, with its modifier.
    base: Option<(i64, i32)>,
}

impl Types {
    async fn read(connection: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut types = BTreeMap::new();
        for row in query(connection, TYPES).await? {
            let kind: String = get(&row, "kind")?;
            let base = (get(&row, "base")?, get(&row, "modifier")?);
            let described = Type {
                name: get(&row, "name")?,
                is_enumeration: kind == "e",
                is_builtin: get(&row, "is_builtin")?,
                base: (kind == "d").then_some(base),
            };
            types.insert(get(&row, "id")?, described);
        }
        Ok(Self(types))
    }

    /// The kind of a type, and whether blanks at the end of its values don't count.
    fn kind(&self, id: i64, modifier: i32) -> (Kind, bool) {
        let Some(described) = self.0.get(&id) else {
            return (Kind::Native, false);
        };
        match described.base {
            // PostgreSQL allows no domain over itself.
            Some((base, modifier)) => self.kind(base, modifier),
            None if described.is_enumeration => (Kind::Text, false),
            None if described.is_builtin => (builtin_kind(&described.name, modifier), described.name == "bpchar"),
            None => (Kind::Native, false),
        }
    }
}

fn builtin_kind(name: &str, modifier: i32) -> Kind {
    match name {
        "int2" | "int4" | "int8" => Kind::Integer,
        "bool" => Kind::Boolean,
        "text" | "varchar" | "bpchar" | "name" | "json" | "jsonb" | "uuid" => Kind::Text,
        "numeric" => numeric_scale(modifier).map_or(Kind::Native, Kind::decimal),
        "float4" => Kind::Real32,
        "float8" => Kind::Real,
        "date" => Kind::Date,
        "timestamp" => Kind::Datetime,
        "timestamptz" => Kind::Timestamp,
        "bytea" => Kind::Bytes,
        _ => Kind::Native,
    }
}

/// The digits after the point of `numeric(p, s)`. None of a `numeric` without both, whose values have any number of
/// digits. A negative scale of PostgreSQL 15 rounds before the point, so that no digit is after it.
fn numeric_scale(modifier: i32) -> Option<u32> {
    // The modifier is ((p << 16) | (s & 0x7ff)) + 4, with s as a number of eleven bits.
    let bits = modifier.checked_sub(4).filter(|bits| *bits >= 0)?.cast_unsigned() & 0x7ff;
    Some(if bits < 0x400 { bits } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_of_numeric_is_read_from_its_modifier() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(numeric_scale(modifier(12, 2)), Some(2));
        assert_eq!(numeric_scale(modifier(38, 19)), Some(19));
        assert_eq!(numeric_scale(modifier(1000, 1000)), Some(1000));
        assert_eq!(numeric_scale(modifier(2, -3)), Some(0));
        assert_eq!(numeric_scale(-1), None);
    }
}
