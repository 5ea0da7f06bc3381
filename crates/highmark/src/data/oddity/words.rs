//! Numbers that became text.

use super::super::factors::Factors;
use super::super::level::Level;
use super::super::origin::Origin;
use super::place;
use crate::data::warning::{Warning, WarningKind};

/// How many words are named.
const NAMED: usize = 5;

/// Says which words make text of a column that otherwise holds numbers, or that its numbers are written in a way that is read
/// as text. `counts` has the rows of each level.
pub(in super::super) fn words_among_numbers(
    name: &str,
    factors: &Factors,
    counts: &[usize],
    origin: &Origin,
) -> Option<Warning> {
    let (mut words, mut written) = (Vec::new(), Vec::new());
    for (level, value) in factors.levels.iter().enumerate() {
        let Level::Text(text) = value else { return None };
        if origin.number(text).is_some() {
            continue;
        }
        if is_written_number(text, origin.decimal_is_point()) {
            written.push(level);
        } else {
            words.push(level);
        }
    }
    let distinct = factors.levels.len();
    if let Some(first) = written.first()
        && distinct > 2
        && words.len() * 10 <= distinct
    {
        return Some(Warning::of(
            WarningKind::WrittenNumbers,
            name,
            format!(
                "is text because of numbers such as {}; to have them as numbers, write them with digits and a \
             decimal {} alone, without signs of thousands, currencies or percent",
                place(factors, *first, origin),
                origin.decimal_name()
            ),
        ));
    }
    words.extend(written);
    let rows: usize = words.iter().map(|level| counts[*level]).sum();
    let present: usize = counts.iter().sum();
    if words.is_empty() || words.len() * 3 > distinct - words.len() || rows * 2 > present {
        return None;
    }
    let mut shown = Vec::new();
    for level in words.iter().take(NAMED) {
        let more =
            if counts[*level] > 1 { format!(" and {} more", counts[*level] - 1) } else { String::new() };
        shown.push(place(factors, *level, origin) + &more);
    }
    if words.len() > NAMED {
        shown.push(format!("and {} other words", words.len() - NAMED));
    }
    Some(Warning::of(
        WarningKind::WordsAmongNumbers,
        name,
        format!(
            "is text because of {}; everything else in it is a number. Declare missing what means that, or correct it",
            shown.join(", ")
        ),
    ))
}

/// Whether a text that is none to a machine is a number in the way that people write it: `1,000.50`, `1.000,50`, `3,5`, `$20`,
/// `12 %`; and `1.000` where decimals do not begin with a point.
fn is_written_number(text: &str, point: bool) -> bool {
    let marks = |c: char| "$€£¥%".contains(c);
    let digits = text.trim().trim_start_matches(['-', '+']).trim_matches(|c| marks(c) || c == ' ');
    let digits = digits.trim_start_matches(['-', '+']);
    let marked = text.contains(marks);
    let groups: Vec<&str> = digits.split([',', '.', ' ', '\'', '_', '\u{a0}', '\u{202f}']).collect();
    if groups.iter().any(|group| group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let separators: Vec<char> = digits.chars().filter(|c| !c.is_ascii_digit()).collect();
    let Some((last, thousands)) = separators.split_last() else { return marked };
    let whole = |groups: &[&str]| groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    match thousands.first() {
        // One separator: a decimal comma, or thousands.
        None => *last == ',' || (*last == '.' && marked) || ((*last != '.' || !point) && whole(&groups)),
        Some(first) => {
            let decimals = last != first && ",.".contains(*last);
            let end = groups.len() - usize::from(decimals);
            // Points alone part versions and addresses too.
            thousands.iter().all(|c| c == first)
                && whole(&groups[..end])
                && (decimals || *first == ',' || !point)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for text in [
            "1,000.50",
            "1.000,50",
            "3,5",
            "$20",
            "$1,000",
            "12 %",
            "-4,5",
            "12'345",
            "1 000 000,5",
            "1,234,567",
            "€ 3.50",
        ] {
            assert!(is_written_number(text, true), "{text}");
        }
        assert!(!is_written_number("1.6007", false));
        for text in ["654.159", "1.234.567", "1.000,50", "$20"] {
            assert!(is_written_number(text, false), "{text}");
        }
        for text in [
            "",
            "Oslo",
            "$",
            "1.2.3",
            "192.168.100.100",
            "2020-01-31",
            "31.12.2020",
            "555 123 4567",
            "1,,2",
            "a1",
        ] {
            assert!(!is_written_number(text, true), "{text}");
            assert!(!is_written_number(text, false) || text == "192.168.100.100", "{text}");
        }
    }
}
