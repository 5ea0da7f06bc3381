//! What the command fails with, and the exit code that goes with it.

use std::fmt::Display;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// A message for the user: what, where, and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong arguments or settings, whatever the data. Exit code 2.
    Usage(String),
    /// Everything else. Exit code 1.
    Failed(String),
    /// A signal or a deadline ended the work before it was done. Exit code 75, which asks for it to be taken up again.
    Interrupted(String),
    /// Whoever read the output has closed it. Nobody is left to tell, and nothing is wrong.
    Closed,
}

impl Failure {
    /// Of an error of the library that is about an argument or setting.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Of anything that went wrong.
    pub(crate) fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) | Self::Interrupted(message) => Some(message),
            Self::Closed => None,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 75,
        }
    }
}

/// The library's errors say what to do already. Those of settings depend on the data here: settings that are wrong
/// for any data were found before there was any.
impl From<highmark::Error> for Failure {
    fn from(error: highmark::Error) -> Self {
        match error.kind() {
            // By the name of the command.
            highmark::ErrorKind::Interrupted(what) => {
                Self::Interrupted(format!("{} was interrupted; run it again", what.replace('_', "-")))
            }
            highmark::ErrorKind::MissingTarget { .. } => {
                Self::Failed(format!("{error} with --drop-missing-target"))
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
