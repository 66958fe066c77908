//! Mapping files against a small catalogue.

use super::*;
use crate::Engine;
use crate::catalog::{Catalog, Column, Key, KeySource, Kind, OnDelete, Reference, Table, TableName, Traits};

fn column(name: &str, kind: Kind, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        native: kind.to_string(),
        nullable,
        generated: false,
        collation_exact: true,
    }
}

fn table(name: &str, columns: Vec<Column>, references: Vec<Reference>) -> Table {
    let key = (columns[0].name == "id").then(|| Key {
        columns: vec![0],
        source: KeySource::Primary,
    });
    Table {
        name: TableName::new(name),
        columns,
        key,
        uniques: Vec::new(),
        references,
        traits: Traits::default(),
        problems: Vec::new(),
    }
}

fn reference(column: usize, table: &str, on_delete: Option<OnDelete>) -> Reference {
    Reference {
        columns: vec![column],
        table: TableName::new(table),
        target_columns: vec!["id".to_owned()],
        on_delete,
        deferrable: false,
    }
}

/// Pupils in houses, their fees, a log without a key, and a table whose names have points.
fn catalog() -> Catalog {
    let (int, text) = (Kind::Integer, Kind::Text);
    let pupil = vec![
        column("id", int, false),
        column("name", text, false),
        column("house_id", int, true),
        column("role_id", int, false),
    ];
    let fee = vec![
        column("id", int, false),
        column("pupil_id", int, false),
        column("amount", Kind::Decimal, false),
    ];
    let log = vec![column("pupil_id", int, true), column("a.b", text, true)];
    let tables = vec![
        table(
            "role",
            vec![column("id", int, false), column("category", text, false)],
            Vec::new(),
        ),
        table(
            "house",
            vec![column("id", int, false), column("title", text, false)],
            Vec::new(),
        ),
        table("pupil", pupil, vec![reference(2, "house", Some(OnDelete::Clear))]),
        table("fee", fee, vec![reference(1, "pupil", None)]),
        table("log", log, Vec::new()),
    ];
    Catalog::new(Engine::Postgres, tables, Vec::new())
}

const HEAD: &str = "version = 1\nengine = \"postgresql\"\n";

fn faults(rest: &str) -> Vec<String> {
    let mapping = Mapping::parse(&format!("{HEAD}{rest}")).unwrap();
    let faults = mapping.resolve(&catalog()).unwrap_err();
    faults.iter().map(MappingError::to_string).collect()
}

#[test]
fn mappings_of_real_applications_are_read() {
    for text in [
        include_str!("../../../../tests/fixtures/adopt/mapping/accdt.toml"),
        include_str!("../../../../tests/fixtures/adopt/mapping/gibbon.toml"),
        include_str!("../../../../tests/fixtures/adopt/mapping/rosariosis.toml"),
    ] {
        let mapping = Mapping::parse(text).unwrap();
        assert_eq!(mapping.sheets().collect::<Vec<_>>(), SheetName::ALL);
        assert!(!mapping.reviewed);
    }
}

#[test]
fn faults_of_the_syntax_have_a_line() {
    for (text, line, part) in [
        (
            "version = 1\nengine = \"mysql\"\nsql = \"x\"\n",
            3,
            "unknown field `sql`",
        ),
        ("version = 2\nengine = \"mysql\"\n", 1, "version 1"),
        (
            "version = 1\nengine = \"mysql\"\n[sheet.teachers]\ntable = \"t\"\ncolumns = []\n",
            3,
            "unknown variant `teachers`",
        ),
        (
            "version = 1\nengine = \"mysql\"\n[[reference]]\nfrom = \"a.b\"\nto = \"c\"\nhow = \"hangs\"\n",
            6,
            "`hangs`",
        ),
        (
            "version = 1\nengine = \"mysql\"\n\n[keep]\ntable = \"t\"\nwhere = { a = 1.5 }\n",
            6,
            "floating point",
        ),
        (
            "version = 1\nengine = \"mysql\"\n\n[keep]\ntable = \"t\"\nwhere = { a = [] }\n",
            6,
            "at least one value",
        ),
        ("version = 1\nengine = \"mysql\n", 2, ""),
    ] {
        let error = Mapping::parse(text).unwrap_err();
        assert_eq!(error.line, Some(line), "{error}\n{text}");
        assert!(error.fault.contains(part), "{error}\n{text}");
    }
}

#[test]
fn every_name_that_the_database_lacks_is_a_fault() {
    let found = faults(
        "timezone = \"Mars/Base\"\nhide = [\"pupil.secret\", \"nothing.x\", \"pupil\"]\nmoney = [\"pupil.name\"]\n\
         entity = \"students\"\nkeep = { table = \"pupil\", where = { rank = 1 } }\n\
         [[reference]]\nfrom = \"log.pupil_id\"\nto = \"log\"\nhow = \"belongs\"\n\
         [sheet.courses]\ntable = \"lessons\"\ncolumns = []\n\
         [sheet.payments]\ntable = \"fee\"\ncolumns = [\n    [\"A\", \"pupil_id.name\"],\n    [\"B\", \"pupil_id.house_id.color\"],\n    \
         [\"C\", \"amount.x\"],\n    [\"D\", \"{id\"]\n]\n\
         [skip]\nbackup = [\"sessions\"]\n",
    );
    let expected = [
        "line 3: timezone: `Mars/Base` is no time zone of the IANA database, such as `Europe/Berlin`",
        "line 4: hide: the table `pupil` has no column `secret`",
        "line 4: hide: `nothing.x` is not `table.column`, or the database has no such table",
        "line 4: hide: `pupil` is not `table.column`, or the database has no such table",
        "line 5: money: `pupil.name` has no numbers, but text values",
        "line 6: entity: the file has no [sheet.students]",
        "line 10: reference.to: `log` has no key of one column, which a reference needs",
        "line 7: keep.where: the table `pupil` has no column `rank`",
        "line 13: sheet.courses.table: the database has no table `lessons`",
        "line 19: sheet.payments.columns: the table `house` has no column `color`",
        "line 20: sheet.payments.columns: `amount` of `fee` refers to no table. Declare it with [[reference]]",
        "line 21: sheet.payments.columns: `{id` has a { without a } after it",
        "line 24: skip.backup: the database has no table `sessions`",
    ];
    assert_eq!(found, expected);
    let mapping = Mapping::parse("version = 1\nengine = \"mysql\"\n").unwrap();
    let found = mapping.resolve(&catalog()).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "line 2: engine: the database is of the engine `postgresql`"
    );
}

#[test]
fn columns_of_a_reference_can_be_compared() {
    let found = faults("[[reference]]\nfrom = \"log.a.b\"\nto = \"pupil\"\nhow = \"belongs\"\n");
    assert_eq!(
        found,
        ["line 4: reference.from: `log.a.b` is `text` and the key of `pupil` is `integer`, which can't be compared"]
    );
}

#[test]
fn effect_of_a_reference_follows_from_the_database_unless_declared() {
    let catalog = catalog();
    let rest = "implied = \"same-name\"\n[[reference]]\nfrom = \"log.pupil_id\"\nto = \"pupil\"\nhow = \"belongs\"\nnone = [\"0\"]\n";
    let mapping = Mapping::parse(&format!("{HEAD}{rest}")).unwrap();
    let mapped = mapping.resolve(&catalog).unwrap();
    let mut found: Vec<_> = mapped
        .references
        .iter()
        .map(|reference| {
            let table = mapped.table(reference.table);
            let column = table.column_names(&reference.columns);
            (format!("{}.{column}", table.name), reference.effect, reference.source)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        // The action is not known, but the column may not be NULL.
        ("fee.pupil_id".to_owned(), Effect::Belongs, ReferenceSource::Database),
        ("log.pupil_id".to_owned(), Effect::Belongs, ReferenceSource::Mapping),
        ("pupil.house_id".to_owned(), Effect::Refuses, ReferenceSource::Database),
    ];
    assert_eq!(found, expected);
}

#[test]
fn conditions_of_a_sheet_are_resolved() {
    let catalog = catalog();
    let rest = "[sheet.students]\ntable = \"pupil\"\n\
                where = { house_id = [1, 2], role_id = { of = \"role\", where = { category = \"Student\" } } }\n\
                columns = [[\"Name\", \"{name} ({house_id.title})\"]]\n";
    let mapping = Mapping::parse(&format!("{HEAD}{rest}")).unwrap();
    let mapped = mapping.resolve(&catalog).unwrap();
    let sheet = &mapped.sheets[&SheetName::Students];
    let place = |name: &str| catalog.tables.iter().position(|table| table.name.name == name).unwrap();
    assert_eq!(sheet.table, place("pupil"));
    let expected = [
        ResolvedCondition::AnyOf {
            column: 2,
            values: vec![Scalar::Integer(1), Scalar::Integer(2)],
        },
        ResolvedCondition::Of {
            column: 3,
            target: place("role"),
            target_column: 0,
            conditions: vec![ResolvedCondition::AnyOf {
                column: 1,
                values: vec![Scalar::Text("Student".to_owned())],
            }],
        },
    ];
    assert_eq!(sheet.conditions, expected);
}

#[test]
fn guessed_mapping_is_valid() {
    let catalog = catalog();
    let text = guess(&catalog);
    let mapping = Mapping::parse(&text).unwrap();
    assert!(!mapping.reviewed);
    let mapped = mapping.resolve(&catalog).unwrap();
    assert_eq!(mapped.sheets.keys().copied().collect::<Vec<_>>(), [SheetName::Students]);
    assert_eq!(mapped.name(mapped.sheets[&SheetName::Students].table).name, "pupil");
    let guessed: Vec<_> = mapped
        .references
        .iter()
        .filter(|reference| reference.source == ReferenceSource::Mapping)
        .map(|reference| {
            (
                mapped.name(reference.table).to_string(),
                reference.columns.clone(),
                reference.effect,
            )
        })
        .collect();
    // The database declares the other two.
    let expected = [
        ("log".to_owned(), vec![0], Effect::Mentions),
        ("pupil".to_owned(), vec![3], Effect::Mentions),
    ];
    assert_eq!(guessed, expected);
}
