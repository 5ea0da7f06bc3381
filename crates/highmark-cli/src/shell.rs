//! Paths and names in commands that the user is told to type.

use std::ffi::OsStr;

/// A path or a name as a shell takes it for one word: in quotes if it has to be.
pub(crate) fn word(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref().display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "_-./+:,@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_part_is_quoted() {
        assert_eq!((word("runs/a-1"), word("håus/1")), ("runs/a-1".into(), "håus/1".into()));
        assert_eq!(word("odd/with space"), "'odd/with space'");
        assert_eq!(word("it's; $HOME"), r"'it'\''s; $HOME'");
    }
}
