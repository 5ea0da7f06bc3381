//! Columns that are left out, though nobody has said so.

use highmark::Identifier;

use crate::shell;
use crate::text_table::{COLUMNS, shortened, thousands};

/// A column that is left out, though nobody has said so.
pub(crate) struct LeftOut {
    pub(crate) found: Identifier,
}

impl LeftOut {
    /// Why they are, and what brings them back: a line for those of dates, and one for the others.
    pub(crate) fn lines(all: &[Self]) -> Vec<String> {
        let (dates, others): (Vec<&Self>, Vec<&Self>) =
            all.iter().partition(|left_out| left_out.found.date.is_some());
        let named = |columns: &[&Self]| {
            let shown = |of: &&Self| format!("`{}` ({})", of.found.column, thousands(of.found.distinct));
            shortened(&columns.iter().map(shown).collect::<Vec<_>>(), COLUMNS)
        };
        let mut lines = Vec::new();
        match &*others {
            [] => {}
            [one] => lines.push(one.line()),
            several => lines.push(format!(
                "{} columns have a text of its own in nearly every row, too few of each to learn from; to use them all the same, name them with --also-cat: {}",
                several.len(),
                named(several)
            )),
        }
        match &*dates {
            [] => {}
            [one] => lines.push(one.line()),
            several => lines.push(format!(
                "{} columns look like dates, each a category of its own; put the year, the month or what matters into columns of numbers: {}",
                several.len(),
                named(several)
            )),
        }
        lines
    }

    fn line(&self) -> String {
        let Identifier { column, distinct, present, date } = &self.found;
        if let Some(date) = date {
            return format!(
                "column `{column}`: looks like dates, such as {date}, each a category of its own; put the year, the month or what matters into columns of numbers"
            );
        }
        format!(
            "column `{column}`: has {} different texts in {} values, too few of each to learn from; to use it all the same: {}",
            thousands(*distinct),
            thousands(*present),
            self.option()
        )
    }

    /// What to type to use it.
    fn option(&self) -> String {
        let column = &*self.found.column;
        if column.contains(',') {
            return format!("also-cat = [{}] in a TOML file", toml::Value::from(column));
        }
        format!("--also-cat {}", shell::word(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(column: &str, date: Option<&str>) -> LeftOut {
        let found =
            Identifier { column: column.into(), distinct: 30, present: 31, date: date.map(String::from) };
        LeftOut { found }
    }

    #[test]
    fn what_to_type_is_taken_as_it_is_meant() {
        let option = |column| left_out(column, None).option();
        assert_eq!(option("name"), "--also-cat name");
        assert_eq!(option("full name"), "--also-cat 'full name'");
        assert_eq!(option("child's"), r"--also-cat 'child'\''s'");
        assert_eq!(option("a, b"), r#"also-cat = ["a, b"] in a TOML file"#);
    }

    #[test]
    fn many_are_told_in_a_line() {
        let lines = LeftOut::lines(&[
            left_out("a", None),
            left_out("b", None),
            left_out("day", Some("`2020-01-31` in line 2")),
        ]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("2 columns have") && lines[0].ends_with("`a` (30), `b` (30)"));
        assert!(lines[1].starts_with("column `day`: looks like dates, such as `2020-01-31` in line 2"));
    }
}
