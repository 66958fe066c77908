//! Counts in sentences.

/// `1 row`, `2 rows`: a count and a noun whose plural has an `s`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "second")),
            ["0 seconds", "1 second", "2 seconds"]
        );
    }
}
