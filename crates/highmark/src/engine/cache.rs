//! Memory asked for before it is needed.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "an instruction that only gives a hint"))]

/// Asks for the cache lines of `items`, and does not wait for them. Changes nothing.
#[inline(always)]
pub(crate) fn fetch<T>(items: &[T]) {
    #[cfg(target_arch = "x86_64")]
    if let [first, .., last] | [first @ last] = items {
        const LINE: usize = 64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_slice_will_do() {
        for len in [0, 1, 15, 16, 17, 1000] {
            fetch(&vec![1_u32; len]);
            fetch(&vec![1.0_f64; len]);
        }
    }
}
