//! Rows that are too few for what is made of them.

use super::{Warning, WarningKind};
use crate::plural::plural;

/// Validation rows from which on a share of right answers says something.
const FEW: usize = 10;

/// What to tell of so many columns to predict from, rows to train on and rows to validate on.
pub(in crate::data) fn few_rows(columns: usize, train: usize, valid: usize) -> Vec<Warning> {
    let warning = |kind, message| Warning { kind, column: None, message };
    let mut warnings = Vec::new();
    if columns > train {
        let message = format!(
            "{} to predict from are more than the {} to train on, which can be learned by heart; leave columns out, or collect more rows",
            plural(columns, "column"),
            plural(train, "row")
        );
        warnings.push(warning(WarningKind::MoreColumnsThanRows, message));
    }
    if valid < FEW {
        let message = format!(
            "{} to validate on {} few: which model is the best, and when to stop, is left to chance; hold back more rows",
            plural(valid, "row"),
            if valid == 1 { "is" } else { "are" }
        );
        warnings.push(warning(WarningKind::FewToValidateOn, message));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_told() {
        let kinds = |columns, train, valid| {
            few_rows(columns, train, valid).iter().map(|warning| warning.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(40, 40, 10), []);
        assert_eq!(kinds(41, 40, 10), [WarningKind::MoreColumnsThanRows]);
        assert_eq!(kinds(40, 40, 9), [WarningKind::FewToValidateOn]);
        assert!(
            few_rows(2, 1, 1)[0]
                .message
                .starts_with("2 columns to predict from are more than the 1 row to train on")
        );
        assert!(few_rows(2, 1, 1)[1].message.starts_with("1 row to validate on is few"));
    }
}
