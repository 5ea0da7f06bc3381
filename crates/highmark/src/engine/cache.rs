//! Memory asked for before it is needed.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "an instruction that only gives a hint"))]

/// A cache line, in bytes.
const LINE: usize = 64;

/// Asks for the cache lines of `items`, and does not wait for them. Changes nothing.
#[inline(always)]
pub(crate) fn fetch<T>(items: &[T]) {
    #[cfg(target_arch = "x86_64")]
    if let [first, .., last] | [first @ last] = items {
        let (mut line, last) =
            (std::ptr::from_ref(first).cast::<i8>(), std::ptr::from_ref(last).cast::<i8>());
        loop {
            // SAFETY: a hint, and the address is within the slice.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line) };
            if line >= last {
                return;
            }
            line = line.wrapping_add(LINE).min(last);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = items;
}

/// Memory whose numbers mean nothing yet and that is written soon: its lines are made this core's own while something else
/// is computed, a few at a time. Those that another core has read since the last time have to be taken back from it, and
/// stores that follow each other would wait for that, some nanoseconds a line. A number is written into each, for after the
/// hint that there is for it (`prefetchw`) they took as long, measured on AMD EPYC; and many at once would wait as well.
#[derive(Debug)]
pub(crate) struct Claims<'a>(&'a mut [f32]);

impl<'a> Claims<'a> {
    pub(crate) fn new(numbers: &'a mut [f32]) -> Self {
        Self(numbers)
    }

    /// The lines of the next so many numbers, as far as there are any.
    #[inline(always)]
    pub(crate) fn claim(&mut self, count: usize) {
        let next = self.0.split_off_mut(..count.min(self.0.len())).unwrap_or_default();
        for line in next.chunks_mut(LINE / size_of::<f32>()) {
            line[0] = 0.0;
            // It must happen, though it will be written over.
            std::hint::black_box(&mut line[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_claimed_in_time() {
        for (len, times) in [(0, 3), (1, 3), (16, 1), (1000, 7), (1000, 200)] {
            let mut numbers = vec![1.0; len];
            let mut claims = Claims::new(&mut numbers);
            // Whole lines, and more than there are in the end.
            let each = len.div_ceil(times).next_multiple_of(16);
            (0..times).for_each(|_| claims.claim(each));
            let claimed = |line: &[f32]| line[0] == 0.0 && line[1..].iter().all(|x| *x == 1.0);
            assert!(numbers.chunks(16).all(claimed), "{len} in {times}");
        }
    }

    #[test]
    fn any_slice_will_do() {
        for len in [0, 1, 15, 16, 17, 1000] {
            fetch(&vec![1_u32; len]);
            fetch(&vec![1.0_f64; len]);
        }
    }
}
