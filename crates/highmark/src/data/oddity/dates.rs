//! Dates that are text.

use std::cmp::Ordering;

use super::MANY;
use crate::Table;
use crate::data::factors::Factors;
use crate::data::level::Level;

/// Rows that tell most columns from dates.
const GLANCE: usize = 64;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Whether a text begins with a date, in any of the usual orders: a day, a month and a year, one of them with four digits, or
/// all with two.
pub(super) fn is_date(text: &str) -> bool {
    let mut parts = text.trim().split(['-', '/', '.', ' ', ',', 'T']).filter(|part| !part.is_empty());
    let (Some(a), Some(b), Some(c)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let (mut years, mut small, mut months) = (0, 0, 0);
    for part in [a, b, c] {
        match part.parse::<u32>() {
            Ok(1000..=2999) if part.len() == 4 => years += 1,
            Ok(0..=99) if part.len() == 2 => small += 1,
            Ok(1..=9) if part.len() == 1 => months += 1,
            _ if MONTHS.iter().any(|month| part.to_lowercase().starts_with(month)) => months += 1,
            _ => return false,
        }
    }
    (years == 1 && small + months == 2) || small == 3
}

/// Whether a text begins as dates do that sort as text: year, month and day, with dashes between them.
fn sorts_as_text(text: &str) -> bool {
    let pattern = b"0000-00-00";
    let fits =
        |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    let text = text.as_bytes();
    if text.len() < pattern.len() || !text.iter().zip(pattern).all(fits) {
        return false;
    }
    let two = |at: usize| (text[at] - b'0') * 10 + text[at + 1] - b'0';
    // A number that goes on, as `2026-01-0001` does, is none of a day.
    (1..=12).contains(&two(5)) && (1..=31).contains(&two(8)) && !text.get(10).is_some_and(u8::is_ascii_digit)
}

impl Table {
    /// The first column of dates such as `2026-11-23` by which the rows are in order: `Less` if the latest come last,
    /// `Greater` if they come first. Rows without a date are passed over.
    ///
    /// ```
    /// use std::{cmp::Ordering, path::Path};
    /// use highmark::{CsvOptions, read_csv_from};
    ///
    /// let rows: String = (0..48).map(|row| format!("2{:03}-01-31,{}\n", row / 2, row % 7)).collect();
    /// let text = format!("day,sold\n{rows}");
    /// let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default())?;
    /// assert_eq!(table.in_order_of_time(), Some(("day".to_string(), Ordering::Less)));
    /// # Ok::<(), highmark::Error>(())
    /// ```
    pub fn in_order_of_time(&self) -> Option<(String, Ordering)> {
        self.columns().iter().find_map(|(name, array)| {
            if array.data_type().is_numeric() {
                return None;
            }
            let glance = Factors::of(name, &array.slice(0, array.len().min(GLANCE))).ok()?;
            let text = |level: &Level| matches!(level, Level::Text(text) if sorts_as_text(text));
            if !glance.levels.iter().all(text) {
                return None;
            }
            let factors = Factors::of(name, array).ok()?;
            if factors.levels.len() <= MANY || !factors.levels.iter().all(text) {
                return None;
            }
            let dates = || factors.codes.iter().filter_map(|code| factors.levels.get(*code as usize));
            let order = |wanted: Ordering| dates().is_sorted_by(|a, b| a.order(b) != wanted.reverse());
            let found = [Ordering::Less, Ordering::Greater].into_iter().find(|wanted| order(*wanted))?;
            Some((name.clone(), found))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{CsvOptions, read_csv_from};

    #[test]
    fn rows_in_order_of_time() {
        let found = |date: &dyn Fn(usize) -> String| {
            let rows: String = (0..60).map(|row| format!("{},{row}.5\n", date(row))).collect();
            let text = format!("when,y\n{rows}");
            let table = read_csv_from(Path::new("x.csv"), text.as_bytes(), &CsvOptions::default()).unwrap();
            table.in_order_of_time().map(|(_, order)| order)
        };
        let day = |row: usize| format!("20{:02}-0{}-01", row / 3, 1 + row % 3);
        assert_eq!(found(&day), Some(Ordering::Less));
        assert_eq!(found(&|row| day(59 - row)), Some(Ordering::Greater));
        assert_eq!(found(&|row| format!("{}T08:15:53Z", day(row))), Some(Ordering::Less));
        assert_eq!(found(&|row| if row == 4 { String::new() } else { day(row) }), Some(Ordering::Less));
        assert_eq!(found(&|row| day(row * 37 % 60)), None);
        assert_eq!(found(&|row| format!("2026-01-0{}", 1 + row / 30)), None);
        assert_eq!(found(&|row| format!("c-{row:03}")), None);
        assert_eq!(found(&|row| format!("2026-01-{row:04}")), None);
        assert_eq!(found(&|row| format!("2026-13-{:02}", 1 + row / 2)), None);
    }

    #[test]
    fn dates_of_all_kinds() {
        for text in [
            "2020-01-31",
            "31/12/2020",
            "1/2/2020",
            "29.08.21",
            "2020-11-24T08:15:53Z",
            "2020-11-24 08:15",
            "Aug 29, 2021",
            "29 August 2021",
            "29-Aug-2021",
        ] {
            assert!(is_date(text), "{text}");
        }
        for text in
            ["", "Oslo", "192.168.1.1", "1.2.3", "cust-00001", "three blind mice", "555 123 4567", "2020"]
        {
            assert!(!is_date(text), "{text}");
        }
    }
}
