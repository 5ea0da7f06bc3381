//! What is probably not as it is meant, told without stopping anything.

use std::fmt;

/// What is doubted of a table, though it can be used as it is. Its [`Display`](fmt::Display) is the line for people.
///
/// ```
/// use std::path::Path;
/// use highmark::{CsvOptions, WarningKind, read_csv_from};
///
/// let text = "age\n39\n50\n?\n28\n61\n";
/// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
/// let [warning] = table.warnings(&[]).try_into().unwrap();
/// assert_eq!((warning.kind, warning.column.as_deref()), (WarningKind::WordsAmongNumbers, Some("age")));
/// assert!(warning.to_string().starts_with("column `age`: is text because of `?` in line 4 of x.csv"));
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Of what kind it is.
    pub kind: WarningKind,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What is doubted, where, and what to do: one line, which names the column.
    pub message: String,
}

impl Warning {
    /// Of a column, which the line begins with.
    pub(super) fn of(kind: WarningKind, column: &str, text: impl fmt::Display) -> Self {
        Self { kind, column: Some(column.into()), message: format!("column `{column}`: {text}") }
    }

    /// The same of a target.
    pub(super) fn of_target(kind: WarningKind, target: &str, text: impl fmt::Display) -> Self {
        Self { kind, column: Some(target.into()), message: format!("target `{target}`: {text}") }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The kinds of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A few words make text of a column of numbers.
    WordsAmongNumbers,
    /// Numbers are text because they are written for people: with signs of thousands, currencies, percent.
    WrittenNumbers,
    /// Dates are categories, or whole numbers that count from 1970.
    Dates,
    /// There are more than half as many texts as values.
    OwnTexts,
    /// Texts differ in capitals or blanks alone.
    Spellings,
    /// NA among codes of two letters is taken as missing.
    MissingCode,
    /// All rows have the same value.
    Constant,
    /// Numbers count the rows, or are given to them.
    RowNumbers,
    /// Numbers have more digits than are kept.
    LostDigits,
    /// One number is so far from the others that it leaves no difference between them.
    Swamped,
    /// Numbers are so near to each other that normalizing takes them for the same.
    Narrow,
    /// A feature tells the target.
    Leak,
    /// A target has more than half as many classes as rows.
    ManyClasses,
    /// Classes of a target have a single row.
    SingleRows,
    /// Few whole numbers of a target are predicted as a quantity.
    FewNumbers,
    /// A missing value makes a quantity of a few whole numbers, which else are a category.
    Gaps,
    /// Whole numbers are taken as a quantity that stand for something, by the name of their column.
    Codes,
    /// Rows to validate on are trained on.
    SeenInTraining,
    /// There are more columns to predict from than rows to train on.
    MoreColumnsThanRows,
    /// So few rows validate that chance decides.
    FewToValidateOn,
}
