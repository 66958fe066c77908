//! The attribute [`macro@on_every_engine`], which runs a test on each database engine.
//!
//! An attribute does not change the function, so rustfmt, clippy and error positions work inside it. rstest's cases
//! would be similar, but they can't skip an absent engine, and no filter could select an engine by their names.

use proc_macro::{TokenStream, TokenTree};

/// Generates one test for each engine from `async fn name(engine: Engine)`: `name::sqlite`, `name::postgres` and
/// `name::mysql`.
///
/// A test passes at once if its engine is absent and `TEST_ENGINES` does not name it. It fails after a time limit.
///
/// `#[on_every_engine(nightly)]` is for tests that do not depend on the engine: SQLite's test always runs, and the
/// servers' tests are ignored unless they are requested, as in `.ci/nightly`. `#[on_every_engine(ignore)]` ignores all
/// three.
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
