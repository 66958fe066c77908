//! The attribute [`macro@on_every_engine`], with which a test is run on each database engine.
//!
//! An attribute leaves the function as it is, so rustfmt, clippy and error positions work inside it. rstest's cases would do
//! the same, but can't skip an engine that is absent, and their names have no engine in them that a filter could select.

use proc_macro::{TokenStream, TokenTree};

/// Makes of `async fn name(engine: Engine)` one test an engine: `name::sqlite`, `name::postgres` and `name::mysql`.
///
/// A test passes at once where its engine is absent and not demanded by `TEST_ENGINES`, and fails after a time limit.
///
/// `#[on_every_engine(nightly)]` is for what does not depend on the engine: SQLite's test runs always, those of the servers
/// are ignored unless asked for, as `.ci/nightly` does. `#[on_every_engine(ignore)]` ignores all three.
#[proc_macro_attribute]
pub fn on_every_engine(arguments: TokenStream, function: TokenStream) -> TokenStream {
    const IGNORE: &str = "#[ignore = \"see the attribute on_every_engine of the function\"]";
    let (embedded, server) = match arguments.to_string().as_str() {
        "" => ("", ""),
        "nightly" => ("", IGNORE),
        "ignore" => (IGNORE, IGNORE),
        other => return error(&format!("`{other}`: the arguments are `nightly` and `ignore`")),
    };
    let Some(name) = name_of(&function) else {
        return error("an `async fn name(engine: Engine)` was expected");
    };
    let test = |ignore: &str, engine: &str, variant: &str| {
        format!(
            "#[tokio::test(flavor = \"multi_thread\")] {ignore} async fn {engine}() {{
                harness::engine::run(harness::Engine::{variant}, super::{name}).await;
            }}"
        )
    };
    let module = format!(
        "mod {name} {{ {} {} {} }}",
        test(embedded, "sqlite", "Sqlite"),
        test(server, "postgres", "Postgres"),
        test(server, "mysql", "Mysql"),
    );
    match module.parse::<TokenStream>() {
        Ok(module) => [function, module].into_iter().collect(),
        Err(_) => error("the name of the function can't be that of a module"),
    }
}

/// The identifier after `fn`.
fn name_of(function: &TokenStream) -> Option<String> {
    let mut tokens = function.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn"))?;
    tokens.next().map(|name| name.to_string())
}

fn error(message: &str) -> TokenStream {
    format!("compile_error!({message:?});").parse().unwrap_or_default()
}
