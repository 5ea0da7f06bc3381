//! Training or validation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of batch is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Training.
    Train,
    /// Validation, or nothing at all.
    Validate,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Validate => "validation",
        })
    }
}
