//! Memory in large pages: copying megabytes out of pages of 4 KiB takes half as long again, for looking up where they are.
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "advice to the system about memory"))]

/// The bytes of a large page. Threads that fill memory together do so by parts of at least as many: two that meet in a
/// page that is not there yet both write its zeros.
pub(crate) const LARGE_PAGE: usize = 2 << 20;

/// Asks the system to put memory that nothing was written to yet into pages of 2 MiB, as far as it fills them.
pub(crate) fn large_pages<T>(memory: &[T]) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        const SMALL: usize = 4096;
        let (start, bytes) = (memory.as_ptr().addr(), size_of_val(memory));
        let first = start.next_multiple_of(SMALL);
        let pages = (start + bytes).saturating_sub(first) / SMALL;
        if bytes >= LARGE_PAGE {
            let first = memory.as_ptr().with_addr(first).cast_mut();
            // SAFETY: these are whole pages of memory that we have borrowed, and the advice changes nothing in them. That
            // it may be refused only costs time.
            let _ = unsafe { madvise(first.cast(), pages * SMALL, Advice::LinuxHugepage) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// `len` zeros in large pages, touched already.
pub(crate) fn large_zeros(len: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; len];
    large_pages(&numbers);
    // The system hands out a page when it is written to for the first time.
    std::hint::black_box(&mut numbers[..]).fill(0.0);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_any_length() {
        for len in [0, 1, 1000, 1 << 19, (3 << 19) + 77] {
            let mut numbers = large_zeros(len);
            assert!(numbers.len() == len && numbers.iter().all(|x| *x == 0.0));
            numbers.fill(1.5);
            large_pages(&numbers);
            assert!(numbers.iter().all(|x| *x == 1.5));
        }
    }
}
