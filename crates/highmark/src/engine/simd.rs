//! Plain loops compiled for the widest vectors of the processor at hand.

/// Runs `work` with what the processor offers: its loops become AVX-512, AVX2 or NEON instructions if they are there.
/// Only what is inlined into `work` takes part, so everything called within must be `#[inline(always)]`. The
/// results are the same bits for all of them: vectors change no order of sums, and no product is fused into a sum.
#[inline(always)]
pub(crate) fn simd<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
