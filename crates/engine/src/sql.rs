//! Names and values in statements.

use crate::Engine;
use crate::catalog::{Table, TableName};

/// A name in quotes.
pub(crate) fn quote(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Mysql => format!("`{}`", name.replace('`', "``")),
        Engine::Sqlite | Engine::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A table in `FROM`, with its own rows alone. Without `ONLY`, PostgreSQL adds the rows of tables that inherit from it, which
/// are tables of their own.
pub(crate) fn source(engine: Engine, table: &Table) -> String {
    let name = quote_table(engine, &table.name);
    match engine == Engine::Postgres && !table.traits.partitioned {
        true => format!("ONLY {name}"),
        false => name,
    }
}

/// The name of a table, with the schema where the session could have another one.
fn quote_table(engine: Engine, table: &TableName) -> String {
    let name = quote(engine, &table.name);
    match (&table.schema, engine) {
        (Some(schema), _) => format!("{}.{name}", quote(engine, schema)),
        (None, Engine::Postgres) => format!("public.{name}"),
        (None, Engine::Sqlite) => format!("main.{name}"),
        (None, Engine::Mysql) => name,
    }
}

/// A text as a literal, in a session that treats `\` as this service's sessions do.
pub(crate) fn literal(engine: Engine, text: &str) -> String {
    let quotes = text.replace('\'', "''");
    match engine {
        Engine::Mysql => format!("'{}'", quotes.replace('\\', "\\\\")),
        Engine::Sqlite | Engine::Postgres => format!("'{quotes}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(quote(Engine::Postgres, "colour\"d"), "\"colour\"\"d\"");
        assert_eq!(quote(Engine::Mysql, "colour`d"), "`colour``d`");
        assert_eq!(
            quote_table(Engine::Postgres, &TableName::new("order")),
            "public.\"order\""
        );
        assert_eq!(
            quote_table(Engine::Postgres, &TableName::in_schema("library", "loan")),
            "\"library\".\"loan\""
        );
        assert_eq!(literal(Engine::Sqlite, "it's \\"), "'it''s \\'");
        assert_eq!(literal(Engine::Mysql, "it's \\"), "'it''s \\\\'");
    }
}
