//! Dates that are text.

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

#[cfg(test)]
mod tests {
    use super::*;

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
