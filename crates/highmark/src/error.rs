//! The error of the library: what went wrong, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. One word wide, so that a `Result` stays small; [`Error::kind`] tells the cases apart.
///
/// ```
/// use highmark::{Error, ErrorKind};
/// let error = Error::unknown("column", "salry", ["age", "salary"]);
/// assert!(matches!(error.kind(), ErrorKind::Unknown { .. }));
/// assert_eq!(error.to_string(), "there is no column `salry`; did you mean `salary`? There are: age, salary");
/// ```
///
/// What a callback's own code has failed with is the [`source`](std::error::Error::source) of the error that names the
/// callback, in its own type:
///
/// ```
/// use std::{error::Error as _, io};
/// use highmark::{Error, ErrorKind};
/// let source = Error::user(io::Error::other("the disk is full"));
/// let error: Error = ErrorKind::Callback { callback: "log".into(), event: "after_epoch".into(), source }.into();
/// assert_eq!(error.to_string(), "callback `log` at after_epoch: the disk is full");
/// assert!(error.source().is_some_and(|own| own.is::<io::Error>()));
/// ```
pub struct Error(Box<ErrorKind>);

/// The cases of [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused something with a file or folder.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A file that is not what it should be: ragged rows, foreign or damaged contents.
    #[error("{}{}{}: {message}", path.display(), line.map(|n| format!(", line {n}")).unwrap_or_default(), column.as_ref().map(|c| format!(", column `{c}`")).unwrap_or_default())]
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where that is known.
        line: Option<u64>,
        /// The column's name, where that is known.
        column: Option<String>,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A name that does not exist, with those that do.
    #[error("there is no {what} `{name}`{} There are: {}", nearest.as_ref().map_or_else(|| ".".into(), |n| format!("; did you mean `{n}`?")), shortened(available))]
    Unknown {
        /// What the name should have named: `column`, `monitor`, `metric`.
        what: &'static str,
        /// The name that was given.
        name: String,
        /// The closest name that exists, if one is close.
        nearest: Option<String>,
        /// All names that exist.
        available: Vec<String>,
    },
    /// Data that cannot be trained on, or does not fit the model.
    #[error("{}{message}", column.as_ref().map(|c| format!("column `{c}`: ")).unwrap_or_default())]
    Data {
        /// The column, if it is about one.
        column: Option<String>,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Rows without a target, which can be neither trained on nor measured.
    #[error(
        "column `{column}`: the target is missing in {missing} of {rows} rows, first in {first}; fill it in, or leave those rows out"
    )]
    MissingTarget {
        /// The target.
        column: String,
        /// In how many rows it is missing.
        missing: usize,
        /// How many rows there are.
        rows: usize,
        /// The first of them, in words: `line 4 of x.csv`.
        first: String,
    },
    /// A setting out of its range, or two that do not go together.
    #[error("{setting}: {message}")]
    Config {
        /// The setting, under the name that the user typed it by.
        setting: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A callback failed, or cancelled something that was not running.
    #[error("callback `{callback}` at {event}: {source}")]
    Callback {
        /// The name of the callback.
        callback: String,
        /// The event that it was handling.
        event: String,
        /// Its own error.
        source: Error,
    },
    /// Training cannot go on.
    #[error("{0}")]
    Training(String),
    /// The stop flag ended something that has no result when it is cut short: `validate`, `predict`, `lr_find`.
    #[error("{0} was interrupted: the stop flag is raised, and stays so until it is lowered")]
    Interrupted(&'static str),
    /// An error of the user's own code: a callback, a metric, a loss.
    #[error(transparent)]
    User(Box<dyn std::error::Error + Send + Sync>),
}

/// The name that was probably meant: the same but for its dashes, one with a letter's difference, one that contains it, or
/// else the nearest if it is near.
fn nearest(name: &str, available: &[String]) -> Option<String> {
    let letters =
        |name: &str| -> String { name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect() };
    let given = letters(name);
    let far = |other: &String| -> Option<(usize, usize)> {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
        let longer = name.chars().count().max(other.chars().count());
        let others = letters(other);
        if others == given && !given.is_empty() {
            Some((0, distance))
        } else if distance <= 1 {
            Some((1, distance))
        } else if given.chars().count() > 2 && others.contains(&given) {
            Some((2, distance))
        } else {
            (distance <= 1 + longer / 3).then_some((3, distance))
        }
    };
    let near = available.iter().filter_map(|other| Some((far(other)?, other)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, other)| other.clone())
}

/// Names one after the other, the first of them if a table is so wide that nobody would read them all.
pub(crate) fn shortened<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 50;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}

impl Error {
    /// Which case it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The error of the user's own code in it, whichever callbacks it has come through.
    fn of_user(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::User(own) => Some(own.as_ref()),
            ErrorKind::Callback { source, .. } => source.of_user(),
            _ => None,
        }
    }

    /// An operating system's error on `path` while doing `action` (a verb).
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        ErrorKind::Io { action, path: path.as_ref().into(), source }.into()
    }

    /// A file that does not hold what it should.
    pub fn file(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        ErrorKind::File { path: path.as_ref().into(), line: None, column: None, message: message.into() }
            .into()
    }

    /// A name that does not exist; the nearest of `available` is suggested when it is close.
    pub fn unknown<S: Into<String>>(
        what: &'static str,
        name: impl Into<String>,
        available: impl IntoIterator<Item = S>,
    ) -> Self {
        let name = name.into();
        let available: Vec<String> = available.into_iter().map(Into::into).collect();
        let nearest = nearest(&name, &available);
        ErrorKind::Unknown { what, name, nearest, available }.into()
    }

    /// Data that cannot be used, for a reason that is not about one column.
    pub fn data(message: impl Into<String>) -> Self {
        ErrorKind::Data { column: None, message: message.into() }.into()
    }

    /// A column that cannot be used.
    pub fn column(column: impl Into<String>, message: impl Into<String>) -> Self {
        ErrorKind::Data { column: Some(column.into()), message: message.into() }.into()
    }

    /// A setting that cannot be used.
    pub fn config(setting: impl Into<String>, message: impl Into<String>) -> Self {
        ErrorKind::Config { setting: setting.into(), message: message.into() }.into()
    }

    /// Training cannot go on.
    pub fn training(message: impl Into<String>) -> Self {
        ErrorKind::Training(message.into()).into()
    }

    /// An error of the user's own code, carried as it is.
    pub fn user(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        ErrorKind::User(source.into()).into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            // Of the library's own there is nothing more to be said.
            ErrorKind::Callback { source, .. } => source.of_user().or_else(|| source.source()),
            kind => kind.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callbacks_own_error_is_in_the_chain() {
        let in_callback = |callback: &str, source: Error| -> Error {
            ErrorKind::Callback { callback: callback.into(), event: "after_epoch".into(), source }.into()
        };
        let own = || Error::user(std::io::Error::new(std::io::ErrorKind::StorageFull, "disk full"));
        for error in [in_callback("log", own()), in_callback("all", in_callback("log", own()))] {
            assert!(error.to_string().ends_with("callback `log` at after_epoch: disk full"), "{error}");
            let source =
                std::error::Error::source(&error).and_then(|own| own.downcast_ref::<std::io::Error>());
            assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::StorageFull));
        }
        let error = in_callback("log", Error::training("as planned"));
        assert_eq!(error.to_string(), "callback `log` at after_epoch: as planned");
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn of_many_names_the_first_are_shown() {
        let names: Vec<String> = (0..2000).map(|number| format!("f{number}")).collect();
        let error = Error::unknown("column", "price", names).to_string();
        assert!(error.ends_with(", f48, f49 and 1950 more"), "{error}");
    }

    #[test]
    fn unknown_names_with_and_without_a_near_one() {
        let error = |name: &str| Error::unknown("column", name, ["age", "salary"]).to_string();
        assert_eq!(error("nope"), "there is no column `nope`. There are: age, salary");
        assert_eq!(
            error("salry"),
            "there is no column `salry`; did you mean `salary`? There are: age, salary"
        );
    }

    #[test]
    fn the_name_that_was_meant() {
        let names = ["mcc", "roc_auc", "education", "education-num", "Survived", "sex"].map(String::from);
        let meant = |name: &str| nearest(name, &names);
        for (given, want) in [
            ("auc", "roc_auc"),
            ("rocauc", "roc_auc"),
            ("ROC-AUC", "roc_auc"),
            ("surv", "Survived"),
            ("education_num", "education-num"),
            ("educatoin", "education"),
            ("educ", "education"),
            ("mc", "mcc"),
        ] {
            assert_eq!(meant(given).as_deref(), Some(want), "{given}");
        }
        assert_eq!(meant("price"), None);
        assert_eq!(meant(""), None);
    }
}
