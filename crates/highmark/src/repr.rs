//! Numbers as Python shows them: what users of fastai and Keras know from their logs.

/// Python's `repr` of a float: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16.
pub(crate) fn repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.into();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{x:e}");
        let rounded = format!("{x:.*e}", decimals(&text));
        let text = even(x, text, rounded);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = x.to_string();
    let rounded = format!("{x:.*}", decimals(&text));
    let text = even(x, text, rounded);
    if text.contains('.') { text } else { text + ".0" }
}

/// How many digits follow the point.
fn decimals(text: &str) -> usize {
    let digits = text.split('e').next().unwrap_or_default();
    digits.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// Of two shortest texts that are equally near, Python takes the one that ends in an even digit, as `rounded` does; Rust's
/// `shortest` the larger one.
fn even(x: f64, shortest: String, rounded: String) -> String {
    if rounded.parse() == Ok(x) { rounded } else { shortest }
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_python() {
        let cases = [
            (f64::from(204.0_f32 / 236.0), "0.8644067645072937"),
            (1e-5, "1e-05"),
            (1.000_000_000_000_000_2e-6, "1.0000000000000002e-06"),
            (0.0001, "0.0001"),
            (0.0, "0.0"),
            (-2.0, "-2.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (-3e-7, "-3e-07"),
            (f64::from(0.821_723_94_f32), "0.8217239379882812"),
            (5e-324, "5e-324"),
            (f64::from(1e-5_f32), "9.999999747378752e-06"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (x, text) in cases {
            assert_eq!(super::repr(x), text);
        }
    }
}
