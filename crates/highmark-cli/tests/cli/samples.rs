//! Small data with something to learn in it.

use std::fmt::Write;

/// Pseudo-random numbers from 0 to below 1, the same every time.
fn numbers() -> impl FnMut() -> f64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Columns age (with missing values), city and height, and targets that follow from them:
/// `answer` (yes, no), `grade` (a, b, c), `price` (a number), `tall` and `old` (0, 1).
pub(crate) fn people(rows: usize) -> String {
    let mut next = numbers();
    let mut text = String::from("age,city,height,answer,grade,price,tall,old\n");
    for row in 0..rows {
        let age = 18.0 + (next() * 60.0).floor();
        let city = ["Oslo", "Bergen", "Paris"][(next() * 3.0) as usize];
        let height = 1.5 + (next() * 50.0).floor() / 100.0;
        let score = age / 60.0 + if city == "Oslo" { 0.5 } else { 0.0 } + next() * 0.2;
        let answer = if score > 1.0 { "yes" } else { "no" };
        let grade = if score > 1.2 {
            "a"
        } else if score > 0.8 {
            "b"
        } else {
            "c"
        };
        let price = 100.0 * score + height;
        let (tall, old) = (i32::from(height > 1.75), i32::from(age > 45.0));
        let shown = if row % 17 == 3 { String::new() } else { format!("{age:.1}") };
        let _ = writeln!(text, "{shown},{city},{height:.2},{answer},{grade},{price:.3},{tall},{old}");
    }
    text
}

/// Options for a training that takes no time.
pub(crate) const QUICK: &str = "--layers 16 --bs 16 --epochs 3 --lr 0.01";
