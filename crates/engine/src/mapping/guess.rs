//! Guesses a mapping from the names of tables and columns. A guess is a start for a person, and never used unseen: the
//! file says `reviewed = false`.

use std::fmt::Write as _;

use super::resolve::implied_references;
use super::{MappedReference, SheetName};
use crate::catalog::{Catalog, Column, Kind, Table};

/// Parts of the names of columns that no sheet shows.
const SECRETS: [&str; 6] = ["pass", "secret", "token", "salt", "hash", "mfa"];

/// Words for amounts of money.
const MONEY: [&str; 9] = [
    "amount", "paid", "fee", "price", "total", "balance", "cost", "due", "credit",
];

/// The words for the table of a sheet, the usual ones first.
const fn words(sheet: SheetName) -> &'static [&'static str] {
    match sheet {
        SheetName::Students => &["student", "pupil", "learner"],
        SheetName::Courses => &["course", "subject", "class", "klass"],
        SheetName::Payments => &[
            "payment",
            "receipt",
            "fee payment",
            "billing payment",
            "finance transaction",
        ],
        SheetName::Attendance => &[
            "attendance",
            "attendance period",
            "attendance log person",
            "attendance log",
            "roll call",
        ],
        SheetName::Enrollments => &[
            "enrollment",
            "enrolment",
            "course enrollment",
            "course enrolment",
            "student course",
            "course student",
            "course class person",
            "schedule",
            "registration",
        ],
        SheetName::Users => &["user", "account", "auth user", "app user", "staff", "person"],
    }
}

/// References that names suggest besides [`implied_references`]: `course_id` to the key `id` of `course` or `courses`.
pub fn suggested_references(catalog: &Catalog) -> Vec<MappedReference> {
    let mut references = implied_references(catalog);
    let names: Vec<_> = catalog
        .tables
        .iter()
        .map(|table| name_words(catalog, table).join("_"))
        .collect();
    for (place, table) in catalog.tables.iter().enumerate() {
        for (column, described) in table.columns.iter().enumerate() {
            let known = references.iter();
            let mut known = known.filter(|known| known.table == place && known.columns == [column]);
            let is_declared = table
                .references
                .iter()
                .any(|reference| reference.columns.contains(&column));
            if is_declared || known.next().is_some() {
                continue;
            }
            let Some(stem) = described.name.strip_suffix("_id") else {
                continue;
            };
            let stem = singular(&stem.to_lowercase());
            let mut targets = (0..catalog.tables.len()).filter(|target| names[*target] == stem);
            let (Some(target), None) = (targets.next(), targets.next()) else {
                continue;
            };
            if let Some(&[key]) = catalog.tables[target].key.as_ref().map(|key| key.columns.as_slice())
                && catalog.tables[target].columns[key].name == "id"
                && catalog.tables[target].columns[key].is_comparable(described)
                && target != place
            {
                references.push(MappedReference::by_name((place, column), (target, key)));
            }
        }
    }
    references.sort_by_key(|reference| (reference.table, reference.columns.clone()));
    references
}

/// The table of a sheet, as the names suggest. Among equal names, the one to which most tables refer.
pub fn table_of(catalog: &Catalog, sheet: SheetName) -> Option<usize> {
    let references = suggested_references(catalog);
    let in_degree = |place: usize| {
        let declared = catalog.tables.iter().flat_map(|table| &table.references);
        declared
            .filter(|reference| reference.table == catalog.tables[place].name)
            .count()
            + references.iter().filter(|reference| reference.target == place).count()
    };
    words(sheet).iter().find_map(|word| {
        let named =
            (0..catalog.tables.len()).filter(|place| name_words(catalog, &catalog.tables[*place]).join(" ") == *word);
        named.max_by_key(|place| (in_degree(*place), std::cmp::Reverse(*place)))
    })
}

/// The words of a table's name in lower case and in the singular, without the prefix that most tables share.
fn name_words(catalog: &Catalog, table: &Table) -> Vec<String> {
    let mut words = split(&table.name.name);
    let shares = |other: &&Table| split(&other.name.name).first() == words.first();
    if words.len() > 1
        && catalog.tables.len() > 2
        && catalog.tables.iter().filter(shares).count() * 2 > catalog.tables.len()
    {
        words.remove(0);
    }
    if let Some(last) = words.last_mut() {
        *last = singular(last);
    }
    words
}

/// The words of `StudentFees`, `student_fees` or `student fees`.
fn split(name: &str) -> Vec<String> {
    let mut words = Vec::<String>::new();
    let mut is_new = true;
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            is_new = true;
            continue;
        }
        is_new |= was_lower && letter.is_uppercase();
        was_lower = letter.is_lowercase();
        match words.last_mut().filter(|_| !is_new) {
            Some(word) => word.extend(letter.to_lowercase()),
            None => words.push(letter.to_lowercase().collect()),
        }
        is_new = false;
    }
    words
}

fn singular(word: &str) -> String {
    let stem = match word {
        _ if word.ends_with("ss") || word.len() < 4 => word,
        _ => match word.strip_suffix("ies") {
            Some(stem) => return format!("{stem}y"),
            None => word
                .strip_suffix("sses")
                .map_or_else(|| word.strip_suffix('s').unwrap_or(word), |_| &word[..word.len() - 2]),
        },
    };
    stem.to_owned()
}

fn is_secret(column: &Column) -> bool {
    let name = column.name.to_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

fn is_money(column: &Column) -> bool {
    matches!(column.kind, Kind::Decimal | Kind::Real | Kind::Real32 | Kind::Native)
        && split(&column.name).iter().any(|word| MONEY.contains(&word.as_str()))
}

/// The text of a guessed mapping file.
pub fn guess(catalog: &Catalog) -> String {
    let mut text = String::from(
        "# Guessed by `campus-backup adopt` from the names of tables and columns. Read every line, correct it, and then\n\
         # set `reviewed` to true. `campus-backup adopt --check FILE` compares this file with the database.\n\
         version = 1\n",
    );
    let line = |text: &mut String, member: &str, value: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{member} = {value}");
    };
    line(&mut text, "engine", &quoted(catalog.engine.name()));
    line(&mut text, "reviewed", "false");
    line(&mut text, "catalog", &quoted(&catalog.digest));
    line(
        &mut text,
        "timezone",
        "\"UTC\"  # The zone of times without a zone. The database does not say it.",
    );
    line(&mut text, "hide", &list(columns_of(catalog, is_secret)));
    line(&mut text, "money", &list(columns_of(catalog, is_money)));
    let sheets: Vec<_> = SheetName::ALL
        .into_iter()
        .filter_map(|sheet| Some((sheet, table_of(catalog, sheet)?)))
        .collect();
    if sheets.iter().any(|(sheet, _)| *sheet == SheetName::Students) {
        line(&mut text, "entity", "\"students\"");
    }
    for reference in suggested_references(catalog) {
        let from = &catalog.tables[reference.table];
        let column = from.columns.get(reference.columns[0]).map_or("", |column| &column.name);
        text.push_str("\n[[reference]]  # No foreign key: the name of the column suggests it.\n");
        line(&mut text, "from", &quoted(&format!("{}.{column}", from.name)));
        line(
            &mut text,
            "to",
            &quoted(&catalog.tables[reference.target].name.to_string()),
        );
        line(&mut text, "how", &quoted(reference.effect.name()));
    }
    for (sheet, table) in sheets {
        let table = &catalog.tables[table];
        let _ = writeln!(text, "\n[sheet.{sheet}]");
        line(&mut text, "table", &quoted(&table.name.to_string()));
        let shown = table
            .columns
            .iter()
            .filter(|column| !is_secret(column) && column.kind != Kind::Bytes);
        // A name with braces can't be written as a path.
        let shown = shown.filter(|column| !column.name.is_empty() && !column.name.contains(['{', '}']));
        text.push_str("columns = [\n");
        for column in shown {
            let _ = writeln!(
                text,
                "    [{}, {}],",
                quoted(&heading(&column.name)),
                quoted(&column.name)
            );
        }
        text.push_str("]\n");
    }
    text
}

fn columns_of(catalog: &Catalog, is_wanted: fn(&Column) -> bool) -> Vec<String> {
    let mut names: Vec<_> = catalog
        .tables
        .iter()
        .flat_map(|table| {
            let wanted = table.columns.iter().filter(|column| is_wanted(column));
            wanted.map(|column| format!("{}.{}", table.name, column.name))
        })
        .collect();
    names.sort();
    names
}

/// `first_name` as `First Name`.
fn heading(name: &str) -> String {
    let words = split(name);
    let capitalized = words.iter().map(|word| match word.as_str() {
        "id" => "ID".to_owned(),
        word => word
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(word.chars().skip(1))
            .collect(),
    });
    let heading = capitalized.collect::<Vec<String>>().join(" ");
    match heading.is_empty() {
        true => name.to_owned(),
        false => heading,
    }
}

fn list(names: Vec<String>) -> String {
    match names.is_empty() {
        true => "[]".to_owned(),
        false => format!(
            "[\n{}]",
            names
                .iter()
                .map(|name| format!("    {},\n", quoted(name)))
                .collect::<String>()
        ),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(
            split("gibbonCourseClassPerson"),
            ["gibbon", "course", "class", "person"]
        );
        assert_eq!(split("mdl_user_enrolments"), ["mdl", "user", "enrolments"]);
        assert_eq!(split("House Name"), ["house", "name"]);
        assert_eq!(split("PersonID"), ["person", "id"]);
        assert_eq!(heading("PersonID"), "Person ID");
        assert_eq!(heading("first_name"), "First Name");
    }

    #[test]
    fn plural_words_become_singular() {
        for (word, expected) in [
            ("students", "student"),
            ("classes", "class"),
            ("categories", "category"),
            ("class", "class"),
            ("attendance", "attendance"),
            ("bus", "bus"),
        ] {
            assert_eq!(singular(word), expected);
        }
    }
}
