//! Rows of any number, in the encoded form alone, with something to learn in them.

use std::sync::Arc;

use highmark::{Dataset, Result, Targets};

/// `rows` rows of as many codes as there are `levels` (of so many levels each) and `n_cont` numbers, with two classes
/// that depend on both; others for another `seed`, from 1.
pub fn synthetic(rows: usize, levels: &[usize], n_cont: usize, seed: u64) -> Result<Arc<Dataset>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
    let mut draw = move || {
        // xorshift64*: good enough to look random, and fast enough to fill a gigabyte.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 24) as f32
    };
    let mut codes = Vec::with_capacity(rows * levels.len());
    let mut numbers = Vec::with_capacity(rows * n_cont);
    let mut classes = Vec::with_capacity(rows);
    for _ in 0..rows {
        let mut signal = 0.0;
        for levels in levels {
            let code = (draw() * *levels as f32) as u32;
            signal += if code.is_multiple_of(2) { 0.5 } else { -0.5 };
            codes.push(code);
        }
        for _ in 0..n_cont {
            let number = 4.0 * draw() - 2.0;
            signal += number;
            numbers.push(number);
        }
        classes.push(u32::from(signal + 2.0 * draw() > 1.0));
    }
    Dataset::new(levels.len(), n_cont, codes, numbers, Some(Targets::Classes(classes))).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_range_and_both_classes() {
        let data = synthetic(1000, &[10, 3], 6, 1).unwrap();
        assert_eq!((data.rows(), data.n_cat(), data.n_cont()), (1000, 2, 6));
        assert!(data.x_cat().chunks(2).all(|row| row[0] < 10 && row[1] < 3));
        let Some(Targets::Classes(classes)) = data.targets() else { panic!("classes") };
        let ones = classes.iter().sum::<u32>();
        assert!((200..800).contains(&ones), "{ones}");
    }
}
