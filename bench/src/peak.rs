//! How many operations a second the machine can do at all: fused multiply-adds in registers, touching no memory.
#![expect(unsafe_code, reason = "vector instructions that the machine was seen to have")]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// More chains than the latency of a multiply-add times the units that do them, and fewer than there are registers.
const CHAINS: usize = 12;

/// The widest multiply-add of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peak {
    /// 16 numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler makes of a plain loop.
    Portable,
}

impl Peak {
    /// The one to use here.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            Self::Portable => "portable",
        }
    }

    /// Operations of one round.
    pub fn round_flops(self) -> u64 {
        let lanes = match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            Self::Portable => LANES,
        };
        (2 * CHAINS * lanes) as u64
    }

    /// Does `rounds` rounds on each of `threads` threads; returns seconds from the first start to the last end.
    pub fn seconds(self, threads: usize, rounds: u64) -> f64 {
        let start = Barrier::new(threads);
        let one = || {
            start.wait();
            let begin = Instant::now();
            self.rounds(rounds);
            (begin, Instant::now())
        };
        let spans: Vec<_> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
            let mine = one();
            others.into_iter().filter_map(|thread| thread.join().ok()).chain([mine]).collect()
        });
        match (spans.iter().map(|s| s.0).min(), spans.iter().map(|s| s.1).max()) {
            (Some(first), Some(last)) => (last - first).as_secs_f64(),
            _ => 0.0,
        }
    }

    /// Operations a second on `threads` threads, from a run of about `seconds`.
    pub fn flops_per_second(self, threads: usize, seconds: f64) -> f64 {
        let trial = 1 << 20;
        let rounds = trial as f64 * seconds / self.seconds(threads, trial).max(1e-9);
        let rounds = (rounds as u64).max(trial);
        (threads as u64 * rounds * self.round_flops()) as f64 / self.seconds(threads, rounds)
    }

    fn rounds(self, rounds: u64) {
        match self {
            // SAFETY: `detect` is the only maker of this variant, and it has seen AVX-512F.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { x86::avx512(rounds) },
            // SAFETY: `detect` is the only maker of this variant, and it has seen AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { x86::avx2(rounds) },
            Self::Portable => portable(rounds),
        }
    }
}

/// The numbers neither grow nor vanish: x ← x · FACTOR + TERM stays near 1.
const FACTOR: f32 = 0.5;
const TERM: f32 = 0.5;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};
    use std::hint::black_box;

    use super::{CHAINS, FACTOR, TERM};

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(rounds: u64) {
        let (factor, term) = (_mm512_set1_ps(black_box(FACTOR)), _mm512_set1_ps(black_box(TERM)));
        let mut chains = [_mm512_set1_ps(black_box(1.0)); CHAINS];
        for _ in 0..rounds {
            for x in &mut chains {
                *x = _mm512_fmadd_ps(*x, factor, term);
            }
        }
        black_box(chains);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(rounds: u64) {
        let (factor, term) = (_mm256_set1_ps(black_box(FACTOR)), _mm256_set1_ps(black_box(TERM)));
        let mut chains = [_mm256_set1_ps(black_box(1.0)); CHAINS];
        for _ in 0..rounds {
            for x in &mut chains {
                *x = _mm256_fmadd_ps(*x, factor, term);
            }
        }
        black_box(chains);
    }
}

/// Four numbers: a vector register of every machine that has any.
const LANES: usize = 4;

fn portable(rounds: u64) {
    let (factor, term) = (black_box(FACTOR), black_box(TERM));
    let mut chains = [[black_box(1.0_f32); LANES]; CHAINS];
    for _ in 0..rounds {
        for x in chains.as_flattened_mut() {
            // Without the instruction `mul_add` is a slow call.
            *x = if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                x.mul_add(factor, term)
            } else {
                *x * factor + term
            };
        }
    }
    black_box(chains);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_rounds_take_longer_and_every_thread_works() {
        for peak in [Peak::Portable, Peak::detect()] {
            assert!(peak.seconds(1, 1 << 22) > 0.0, "{}", peak.name());
            assert!(peak.seconds(2, 1 << 16) > 0.0);
            assert_eq!(peak.round_flops() % 24, 0);
        }
    }
}
