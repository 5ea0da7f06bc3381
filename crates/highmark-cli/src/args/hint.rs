//! What was probably meant by arguments that are refused.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::Args;

/// What to tell of a value that is refused because it stands behind a blank, where the list of an option goes on behind a comma:
/// `--layers 200 100`.
pub(crate) fn comma_hint(arguments: &[OsString], error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidArg) else { return None };
    let typed: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    let mut refused_at = (0..typed.len()).rev().filter(|at| typed[*at] == refused);
    refused_at.find_map(|at| hint_at(&typed, at))
}

/// The same for the argument at `end`.
fn hint_at(typed: &[&str], end: usize) -> Option<String> {
    let begin = typed[..end].iter().rposition(|argument| argument.starts_with("--"))?;
    let (option, first) = match typed[begin].split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (typed[begin], None),
    };
    let command = Args::command();
    let used = typed.get(1).and_then(|name| command.find_subcommand(name))?;
    let known = used.get_arguments().find(|known| known.get_long() == option.strip_prefix("--"))?;
    known.get_value_delimiter()?;
    let behind = typed[begin + 1..].iter().copied().take_while(|argument| !argument.starts_with('-'));
    let values = first.into_iter().chain(behind.filter(|argument| !is_data(argument)));
    let values: Vec<&str> = values.map(|value| value.trim_matches(',')).collect();
    (values.len() > 1 && !typed[end].starts_with('-')).then(|| {
        format!(
            "hint: the values of {option} are separated by commas, without blanks: {option} {}",
            values.join(",")
        )
    })
}

/// Whether an argument is a file to read rather than a value.
fn is_data(argument: &str) -> bool {
    let path = Path::new(argument);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["csv", "tsv", "txt", "parquet", "pq", "toml"].contains(&&*extension.to_ascii_lowercase())
        || path.is_file()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn hint(line: &str) -> Option<String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        comma_hint(&arguments, &Args::try_parse_from(&arguments).unwrap_err())
    }

    #[test]
    fn lists_with_blanks() {
        for line in ["highmark train x.csv --layers 200 100", "highmark train x.csv --layers=200 100 --bs 8"]
        {
            let hint = hint(line).unwrap();
            assert!(hint.ends_with("--layers 200,100"), "{hint}");
        }
        for (line, end) in [
            ("highmark train x.csv --layers 100 100", "--layers 100,100"),
            ("highmark train 100 --layers 100 100", "--layers 100,100"),
            ("highmark train --layers 200 100 iris.csv", "--layers 200,100"),
            ("highmark train x.csv --class-weights 1 2 3 --bs 8", "--class-weights 1,2,3"),
        ] {
            let hint = hint(line).unwrap();
            assert!(hint.ends_with(end), "{hint}");
        }
        assert!(hint("highmark train x.csv --cat a, b").unwrap().ends_with("--cat a,b"));
        for other in [
            "highmark train x.csv y.csv",
            "highmark train x.csv --bs 3 4",
            "highmark train x.csv --nonsense",
            "highmark",
        ] {
            assert_eq!(hint(other), None, "{other}");
        }
    }
}
