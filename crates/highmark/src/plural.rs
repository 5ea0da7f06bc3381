//! Counts in sentences.

/// A count with its noun: `1 epoch`, `2 epochs`.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
