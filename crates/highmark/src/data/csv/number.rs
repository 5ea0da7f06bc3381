//! Numbers as they are written in files.

/// A whole number with blanks around it; `None` when it is none or does not fit.
#[inline]
pub(super) fn parse_int(field: &[u8]) -> Option<i64> {
    let field = field.trim_ascii();
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    // Up to 18 digits cannot overflow.
    let safe = digits.len() <= 18;
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Counting down, because i64 reaches further below zero.
        value = if safe {
            value * 10 - i64::from(digit)
        } else {
            value.checked_mul(10)?.checked_sub(i64::from(digit))?
        };
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A number with blanks around it, `inf` included; `None` when it is none.
#[inline]
pub(crate) fn parse_float(field: &[u8]) -> Option<f64> {
    // A whole number is the same in a column of floats as in one of integers that becomes one of floats later: -0 is
    // 0. It is also the quicker way.
    if let Some(value) = parse_int(field) {
        return Some(value as f64);
    }
    let field = field.trim_ascii();
    if let Some(value) = short_decimal(field) {
        return Some(value);
    }
    // Most texts are told apart by their first byte.
    match field.first()? {
        b'0'..=b'9' | b'-' | b'+' | b'.' | b'i' | b'I' | b'n' | b'N' => {
            std::str::from_utf8(field).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// A number of at most 15 digits with a point. Its digits and the power of ten are doubles both, so that their quotient is
/// the nearest double to it (Clinger, How to read floating point numbers accurately, 1990).
#[inline]
fn short_decimal(field: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() < 2 || digits.len() > 16 {
        return None;
    }
    let (mut value, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let value = value as f64 / POWERS[digits.len() - 1 - point?];
    Some(if negative { -value } else { value })
}

/// The same of a number whose decimals begin with `decimal`; one with a point is none then, since the point may part thousands.
#[inline]
pub(crate) fn parse_float_with(field: &[u8], decimal: u8) -> Option<f64> {
    if decimal == b'.' {
        return parse_float(field);
    }
    if field.contains(&b'.') {
        return None;
    }
    if !field.contains(&decimal) {
        return parse_float(field);
    }
    let with_point: Vec<u8> = field.iter().map(|byte| if *byte == decimal { b'.' } else { *byte }).collect();
    parse_float(&with_point)
}

/// A truth value in pandas' three spellings of each.
#[inline]
pub(super) fn parse_bool(field: &[u8]) -> Option<bool> {
    match field {
        b"True" | b"TRUE" | b"true" => Some(true),
        b"False" | b"FALSE" | b"false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Random, Stream};

    #[test]
    fn integers() {
        for (text, value) in [
            ("0", Some(0)),
            (" -17 ", Some(-17)),
            ("+5", Some(5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-", None),
            ("", None),
            ("1.0", None),
            ("12a", None),
        ] {
            assert_eq!(parse_int(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn floats() {
        assert_eq!(parse_float(b" 1.5e3 "), Some(1500.0));
        assert!(parse_float(b"-0").unwrap().is_sign_positive());
        assert!(parse_float(b"-0.0").unwrap().is_sign_negative());
        assert_eq!(parse_float(b"9223372036854775809"), Some(9_223_372_036_854_775_808.0));
        assert_eq!((parse_float(b"5."), parse_float(b"-.5")), (Some(5.0), Some(-0.5)));
        assert_eq!((parse_float(b"."), parse_float(b"-."), parse_float(b"1.2.3")), (None, None, None));
        assert_eq!(parse_float(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float(b"Infinity"), Some(f64::INFINITY));
        assert_eq!(parse_float(b"1,5"), None);
        assert_eq!(parse_float(b" "), None);
    }

    #[test]
    fn decimals_are_the_nearest_doubles() {
        let mut random = Random::new(1, Stream::User, 0);
        for _ in 0..20_000 {
            let mut digits = || random.next_u32() % 10;
            let (before, after) = (digits() as usize, digits() as usize);
            let some = |count, digits: &mut dyn FnMut() -> u32| -> String {
                (0..count).map(|_| digits().to_string()).collect()
            };
            let text = format!(
                "{}{}.{}",
                ["", "-"][before % 2],
                some(before, &mut digits),
                some(after, &mut digits)
            );
            let bits = |value: f64| value.to_bits();
            assert_eq!(parse_float(text.as_bytes()).map(bits), text.parse().ok().map(bits), "{text}");
        }
    }

    #[test]
    fn decimal_commas() {
        for (text, value) in [
            (" 1,5e3 ", Some(1500.0)),
            ("-,5", Some(-0.5)),
            ("7", Some(7.0)),
            ("inf", Some(f64::INFINITY)),
            // Thousands, perhaps.
            ("1.500", None),
            ("1.500,5", None),
            ("1,500,5", None),
            ("Oslo, Bergen", None),
            (",", None),
        ] {
            assert_eq!(parse_float_with(text.as_bytes(), b','), value, "{text}");
        }
        assert_eq!(parse_float_with(b"1.5", b'.'), Some(1.5));
    }
}
