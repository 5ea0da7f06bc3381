//! Cache lines asked for before they are needed. Neither call changes a number.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "two instructions that only give a hint"))]

/// A cache line, in bytes.
const LINE: usize = 64;

/// Asks for the cache lines of `numbers` as one that is going to write them. Those that another core has read since the
/// last time have to be taken from it, some hundred nanoseconds each; asked for together, they come together, while
/// stores wait for one after the other.
#[inline(always)]
pub(crate) fn claim(numbers: &mut [f32]) {
    for line in numbers.chunks(LINE / size_of::<f32>()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint; a processor that does not know it passes over it.
        unsafe {
            std::arch::asm!("prefetchw [{}]", in(reg) line.as_ptr(), options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }
}

/// Asks for the cache lines of `items` as one that is going to read them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_leave_everything_as_it_is() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let mut numbers: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let before = numbers.clone();
            claim(&mut numbers);
            fetch(&numbers);
            assert_eq!(numbers, before);
        }
    }
}
