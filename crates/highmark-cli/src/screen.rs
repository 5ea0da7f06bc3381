//! Where lines for the user go.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use highmark::{Console, Output};

use crate::failure::{Failure, Result};

/// Which output the lines that accompany the work go to. The result itself goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Stdout,
    /// Standard output is kept clean for a result that is read by a program.
    Stderr,
    Silent,
}

impl Screen {
    pub(crate) fn new(quiet: bool, json: bool) -> Self {
        match (quiet, json) {
            (true, _) => Self::Silent,
            (false, true) => Self::Stderr,
            (false, false) => Self::Stdout,
        }
    }

    /// Shows a line. An output that is closed is ignored: the work goes on, since its result may be a file.
    pub(crate) fn say(self, line: impl Display) {
        let line = line.to_string();
        let line = visible(&line);
        match self {
            Self::Stdout => drop(writeln!(std::io::stdout(), "{line}")),
            Self::Stderr => drop(writeln!(std::io::stderr(), "{line}")),
            Self::Silent => {}
        }
    }

    /// The same for the library.
    pub(crate) fn console(self) -> Console {
        Console::new(match self {
            Self::Stdout => Output::Stdout,
            Self::Stderr => Output::Stderr,
            Self::Silent => Output::Silent,
        })
    }
}

/// A note that is not part of the result: on standard error.
pub(crate) fn note(line: impl Display) {
    drop(writeln!(std::io::stderr(), "{}", visible(&line.to_string())));
}

/// The one message of a failure.
pub(crate) fn error(message: &str) {
    drop(writeln!(std::io::stderr(), "error: {}", visible(message)));
}

/// Text from a file as a terminal may have it: what would move its cursor, change its colours or type into it is spelled out.
/// Line ends stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| c.is_control() && c != '\n';
    if !text.contains(hidden) {
        return text.into();
    }
    let spelled = |c: char| if hidden(c) { c.escape_default().to_string() } else { c.into() };
    text.chars().map(spelled).collect()
}

/// Whether a place for a result stands for standard output: `-`.
pub(crate) fn is_stdout(place: &Path) -> bool {
    place == Path::new("-")
}

/// Fails for a place, that of option `setting`, which stands for standard output, where `what` cannot go.
pub(crate) fn refuse_stdout(setting: &str, place: &Path, what: &str) -> Result<()> {
    if is_stdout(place) {
        return Err(Failure::usage(format!(
            "{setting}: - is standard output, where {what} cannot go; give another name, or ./- for one that is called so"
        )));
    }
    Ok(())
}

/// Writes a result to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(visible(text).as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed),
        Err(error) => Err(Failure::failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes a result to standard output as JSON, for a program to read.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&(json(value)? + "\n"))
}

/// JSON that people can read too.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(Failure::failed)
}
