//! The rule for user names, for new accounts and for accounts from a restore.

use super::LONGEST_NAME;

/// Why a name is refused.
const PROBLEM: &str = "must have 1 to 255 characters, none of them invisible, and no space at either end";

/// Invisible characters other than spaces: Unicode's default ignorable ones (fillers, joiners, direction marks,
/// variation selectors, tags), line separators, annotations, and the empty pattern of Braille. With one of them, two
/// different names look the same.
const INVISIBLE: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a new account may have that name.
///
/// # Errors
/// What the name must be. The text follows the word "username".
pub(crate) fn check(username: &str) -> Result<(), &'static str> {
    let length = username.chars().count();
    let has_edges = username.trim() != username;
    match (1..=LONGEST_NAME).contains(&length) && !has_edges && !username.contains(is_invisible) {
        true => Ok(()),
        false => Err(PROBLEM),
    }
}

/// An unusual space counts as invisible too: it looks like the usual one.
fn is_invisible(character: char) -> bool {
    let is_listed = |(first, last): &(char, char)| (first..=last).contains(&&character);
    character.is_control() || (character.is_whitespace() && character != ' ') || INVISIBLE.iter().any(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_others_are_refused() {
        for name in [
            "a",
            "head office",
            "büro, \"kasse\"",
            "-old.admin",
            "𠮷田秀英",
            "Ольга",
            "e\u{301}va",
            "🏫",
        ] {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
        for name in [
            "",
            " admin",
            "admin ",
            "admin\u{a0}",
            "ad\u{a0}min",
            "ad\u{2009}min",
            "ad\0min",
            "admin\n",
            "ad\u{ad}min",
            "admin\u{200b}",
            "\u{200e}admin",
            "\u{202e}nimda",
            "ad\u{2060}min",
            "admin\u{fe0f}",
            "\u{feff}admin",
            "admin\u{3164}",
            "admin\u{e0061}",
            &"x".repeat(256),
        ] {
            assert_eq!(check(name), Err(PROBLEM), "{name:?}");
        }
    }
}
