//! One value of a category.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::hash::FastMap;

/// One value of a categorical column, or one class of a target, with its type.
///
/// Levels of one column have one type. [`Level::matches`] compares across types, so that a model trained on
/// the text `"3"` knows the number 3 when a later file happens to hold numbers.
///
/// ```
/// use highmark::Level;
/// assert!(Level::Int(3).matches(&Level::Text("3".into())));
/// assert!(Level::Text("3".into()).matches(&Level::Float(3.0)));
/// assert!(!Level::Text("3".into()).matches(&Level::Text(" 3".into())));
/// assert_eq!(Level::Bool(true).to_string(), "True");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Level {
    /// A truth value; written `False` and `True`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; never NaN, which is a missing value.
    Float(f64),
    /// Text, with all its blanks.
    Text(String),
}

impl Level {
    /// Whether two levels mean the same value, whatever their types: 3, 3.0 and `"3"` do, and so do true,
    /// `"True"`, `"true"` and 1. Two texts match only when they are equal to the letter.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => self.number().is_some_and(|number| other.number() == Some(number)),
        }
    }

    /// Adds to a hash what is the same of all levels that match.
    pub(crate) fn hash_meaning(&self, hasher: &mut impl Hasher) {
        let number = self.number();
        number.hash(hasher);
        if let (None, Self::Text(text)) = (number, self) {
            text.hash(hasher);
        }
    }

    /// The order of levels in a vocabulary: false before true, numbers by size, text by code points.
    /// Types are ordered among each other only so that the order is total.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) => 1,
            Self::Float(_) => 2,
            Self::Text(_) => 3,
        }
    }

    /// The number that it is or spells, to compare across types; `None` for other text.
    fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(value) => Some(Number::Int(i64::from(*value))),
            Self::Int(value) => Some(Number::Int(*value)),
            Self::Float(value) => Some(Number::of(*value)),
            Self::Text(text) => match text.trim() {
                word if word.eq_ignore_ascii_case("true") => Some(Number::Int(1)),
                word if word.eq_ignore_ascii_case("false") => Some(Number::Int(0)),
                word => match word.parse() {
                    Ok(value) => Some(Number::Int(value)),
                    Err(_) => word.parse().ok().map(Number::of),
                },
            },
        }
    }
}

/// A number that is equal to others and can be looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Number {
    Int(i64),
    /// The bits of a number with a fraction, or beyond an i64.
    Float(u64),
}

impl Number {
    fn of(value: f64) -> Self {
        // 2^63, the first that an i64 cannot hold.
        let fits = value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0;
        if fits { Self::Int(value as i64) } else { Self::Float(value.to_bits()) }
    }
}

/// The levels of a column by value: finds what [`Level::matches`], in constant time.
pub(crate) struct Vocabulary<'a> {
    texts: FastMap<&'a str, usize>,
    /// Of the text levels (`true`) that spell a number, and of all others.
    numbers: FastMap<(bool, Number), usize>,
}

impl<'a> Vocabulary<'a> {
    /// Of these levels; when several match a value, the first counts.
    pub(crate) fn new(levels: &'a [Level]) -> Self {
        let (mut texts, mut numbers) = (FastMap::default(), FastMap::default());
        for (position, level) in levels.iter().enumerate() {
            if let Level::Text(text) = level {
                texts.entry(text.as_str()).or_insert(position);
            }
            if let Some(number) = level.number() {
                numbers.entry((matches!(level, Level::Text(_)), number)).or_insert(position);
            }
        }
        Self { texts, numbers }
    }

    /// The position of the level that means this value.
    pub(crate) fn find(&self, level: &Level) -> Option<usize> {
        let among = |text: bool| level.number().and_then(|number| self.numbers.get(&(text, number)));
        match level {
            Level::Text(text) => self.texts.get(text.as_str()).or_else(|| among(false)),
            _ => among(false).or_else(|| among(true)),
        }
        .copied()
    }
}

/// As it is shown in tables and vocabularies: `True`, `3`, `3.0`, `Private`.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A text of a file in the words of a message: its beginning, if it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_across_types() {
        let text = |s: &str| Level::Text(s.into());
        for (a, b, same) in [
            (Level::Int(3), Level::Float(3.0), true),
            (Level::Int(3), Level::Float(3.5), false),
            (text("3"), Level::Float(3.0), true),
            (text("3.0"), Level::Int(3), true),
            (text("03"), Level::Int(3), true),
            (text("x"), Level::Int(3), false),
            (text("true"), Level::Bool(true), true),
            (Level::Bool(false), Level::Int(0), true),
            (text("a"), text("A"), false),
            (Level::Int(i64::MAX), Level::Int(i64::MAX - 1), false),
        ] {
            assert_eq!(a.matches(&b), same, "{a:?} {b:?}");
            assert_eq!(b.matches(&a), same, "{b:?} {a:?}");
            let (a, b) = ([a], [b]);
            assert_eq!(Vocabulary::new(&a).find(&b[0]).is_some(), same, "{a:?} {b:?}");
            assert_eq!(Vocabulary::new(&b).find(&a[0]).is_some(), same, "{b:?} {a:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(quoted("Troms\u{f8}"), "`Troms\u{f8}`");
        assert_eq!(quoted(&"\u{f8}".repeat(1_000_000)), format!("`{}...`", "\u{f8}".repeat(40)));
    }

    #[test]
    fn types_survive_json() {
        let levels = vec![
            Level::Bool(true),
            Level::Int(3),
            Level::Float(3.0),
            Level::Text("3".into()),
            Level::Text("true".into()),
        ];
        let json = serde_json::to_string(&levels).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Level>>(&json).unwrap(), levels);
    }
}
