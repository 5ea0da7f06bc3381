//! The text of an experiment's file, and what is wrong with one in words.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, keys};

impl Config {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table: BTreeMap<Spanned<String>, Spanned<toml::Value>> =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_string())?;
        let line = |value: &Spanned<toml::Value>| {
            format!("line {}", 1 + text[..value.span().start].bytes().filter(|byte| *byte == b'\n').count())
        };
        let mut renamed = toml::Table::new();
        for (key, value) in &table {
            let (key, at) = (key.get_ref(), line(value));
            let name = key.replace('_', "-");
            keys::check(&name).map_err(|error| format!("{at}: {error}"))?;
            // Each by itself, because the error about all of them does not know the line.
            let alone = toml::Table::from_iter([(name.clone(), value.get_ref().clone())]);
            Self::deserialize(alone)
                .map_err(|error| format!("{at}: {}", in_words(key, &error.to_string())))?;
            if renamed.insert(name, value.get_ref().clone()).is_some() {
                return Err(format!("{at}: `{key}` is there twice"));
            }
        }
        Self::deserialize(renamed).map_err(|error| one_line(&error.to_string()))
    }
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', " ")
}

/// What serde says of the value of a key, in words that need no knowledge of Rust.
fn in_words(key: &str, message: &str) -> String {
    // It ends with the way to the value.
    let message = message.lines().next().unwrap_or_default();
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, wanted)) = wrong.and_then(|wrong| wrong.split_once(", expected ")) else {
        return format!("{key}: {}", one_line(message));
    };
    let wanted = match wanted {
        "usize" | "u64" | "u32" => "a whole number from 0",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        "variant identifier" => "a name in quotes",
        "path string" => "a path in quotes",
        other => other,
    };
    let found = match found {
        "map" => "a table",
        "sequence" => "a list",
        found => ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .unwrap_or(found),
    };
    format!("{key}: must be {wanted}, not {}", found.trim_matches('`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_types_are_told_in_words_with_their_line() {
        for (text, wanted) in [
            ("bs = 16\nepochs = \"many\"", "line 2: epochs: must be a whole number from 0, not \"many\""),
            ("# size\n\nbs = 3.5", "line 3: bs: must be a whole number from 0, not 3.5"),
            ("bs = -1", "line 1: bs: must be a whole number from 0, not -1"),
            ("lr = true", "line 1: lr: must be a number, not true"),
            ("layers = [200, \"a\"]", "line 1: layers: must be a whole number from 0, not \"a\""),
            ("layers = 200", "line 1: layers: must be a list in brackets, not 200"),
            ("header = 1", "line 1: header: must be true or false, not 1"),
            ("target = 5", "line 1: target: must be a list in brackets, not 5"),
            ("data = 5", "line 1: data: must be a text in quotes, not 5"),
            ("schedule.name = 3", "line 1: schedule: must be a name in quotes, not 3"),
            ("out = 5", "line 1: out: must be a path in quotes, not 5"),
        ] {
            assert_eq!(Config::parse(text).unwrap_err(), wanted);
        }
        let error = Config::parse("bs = 16\nepohcs = 3").unwrap_err();
        assert!(error.starts_with("line 2: there is no key `epohcs`; did you mean `epochs`?"), "{error}");
        let error = Config::parse("task = \"sorting\"").unwrap_err();
        assert!(error.starts_with("line 1: task: unknown variant `sorting`"), "{error}");
    }
}
