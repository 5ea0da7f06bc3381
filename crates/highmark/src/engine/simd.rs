//! Plain loops compiled for the widest vectors of the processor at hand.

use pulp::{Arch, Simd, WithSimd};

/// Runs `work` with what the processor offers: its loops become AVX-512, AVX2 or NEON instructions if they are there.
/// Only what is inlined into `work` takes part, so it and everything called within must be `#[inline(always)]`. The
/// results are the same bits for all of them: vectors change no order of sums, and no product is fused into a sum.
#[inline(always)]
pub(crate) fn simd(work: impl FnOnce()) {
    Arch::new().dispatch(Work(work));
}

struct Work<F>(F);

impl<F: FnOnce()> WithSimd for Work<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        (self.0)();
    }
}
