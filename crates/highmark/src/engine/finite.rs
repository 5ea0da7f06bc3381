//! Whether numbers are finite.

use super::simd;

/// Whether all are finite. Zero times a number is zero, unless it is not finite: no branch in the way of vector registers.
pub(crate) fn all_finite(numbers: &[f32]) -> bool {
    let mut sums = [0.0_f32; 64];
    let (chunks, rest) = numbers.as_chunks::<64>();
    simd(
        #[inline(always)]
        || {
            // Of its own: the others would be written to memory for every chunk.
            let mut registers = [0.0_f32; 64];
            for chunk in chunks {
                for (sum, x) in registers.iter_mut().zip(chunk) {
                    *sum += x * 0.0;
                }
            }
            sums = registers;
        },
    );
    sums.iter().chain(rest).all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_not_finite_is_found_anywhere() {
        for length in [0, 1, 63, 64, 65, 200] {
            let mut numbers: Vec<f32> = (0..length).map(|i| (i as f32 - 40.0) * 1e30).collect();
            assert!(all_finite(&numbers));
            for i in 0..length {
                let before = numbers[i];
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    numbers[i] = bad;
                    assert!(!all_finite(&numbers), "{bad} at {i} of {length}");
                }
                numbers[i] = before;
            }
        }
        assert!(all_finite(&[f32::MAX, f32::MIN, f32::MIN_POSITIVE / 2.0, -0.0].repeat(20)));
    }
}
