//! What a column of a sheet shows: a path, or a text with paths in braces.

/// A column of the sheet's table, or of a table that is reached over references: `category_id.name`. Not split yet,
/// because the name of a column may have points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(pub String);

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A text as it is.
    Literal(String),
    /// The value at the end of a path.
    Path(Path),
}

/// The parts of a value. Without braces the whole is a path.
///
/// # Errors
/// What is wrong with the braces.
pub(super) fn parts(value: &str) -> Result<Vec<Part>, &'static str> {
    if !value.contains(['{', '}']) {
        return Ok(vec![Part::Path(Path(value.to_owned()))]);
    }
    let mut parts = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return Err("has a } without a { before it");
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (path, after) = after.split_once('}').ok_or("has a { without a } after it")?;
        if path.is_empty() || path.contains('{') {
            return Err("needs a path between { and }");
        }
        parts.push(Part::Path(Path(path.to_owned())));
        rest = after;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Part {
        Part::Path(Path(name.to_owned()))
    }

    #[test]
    fn value_is_a_path_or_a_text_with_paths() {
        assert_eq!(parts("a.b"), Ok(vec![path("a.b")]));
        let blank = Part::Literal(" ".to_owned());
        assert_eq!(parts("{a} {b.c}"), Ok(vec![path("a"), blank, path("b.c")]));
        assert_eq!(parts("no. {a}"), Ok(vec![Part::Literal("no. ".to_owned()), path("a")]));
        for wrong in ["{a", "a}", "{}", "{a{b}}", "{a}}"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }
}
