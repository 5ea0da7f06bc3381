//! Two kinds of the same work in turn, A B A B, so that whatever disturbs the machine disturbs both.

use std::time::Duration;

use super::worker::Worker;
use super::{Result, build};
use crate::say;

/// Rounds of `bench pairs`.
const ROUNDS: usize = 15;

/// The times of two workers, round by round, in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) a: Vec<f64>,
    pub(crate) b: Vec<f64>,
}

impl Times {
    /// One round. The pause lets threads that wait in a loop fall asleep.
    pub(crate) fn round(&mut self, a: &mut Worker, b: &mut Worker) -> Result<()> {
        for (worker, times) in [(a, &mut self.a), (b, &mut self.b)] {
            std::thread::sleep(Duration::from_millis(20));
            times.push(worker.turns()?);
        }
        Ok(())
    }

    /// What B took in units of what A took, pair by pair: the median, the lowest and the highest.
    pub(crate) fn ratio(&self) -> (f64, f64, f64) {
        spread(&self.a.iter().zip(&self.b).map(|(a, b)| b / a).collect::<Vec<_>>())
    }
}

/// The median, the lowest and the highest.
pub(crate) fn spread(numbers: &[f64]) -> (f64, f64, f64) {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    let half = sorted.len() / 2;
    let median = if sorted.len().is_multiple_of(2) {
        f64::midpoint(at(half.wrapping_sub(1)), at(half))
    } else {
        at(half)
    };
    (median, at(0), at(sorted.len().wrapping_sub(1)))
}

/// `cargo xtask bench pairs`.
pub(crate) fn run() -> Result<()> {
    build::release(&["highmark-bench"])?;
    say(&format!("\nin turn, {ROUNDS} rounds: median of the ratios (lowest, highest)"));
    let questions = [
        (
            "article, an epoch: 2 threads are so many times as fast as 1",
            ["article", "2", "flat"],
            ["article", "1", "flat"],
        ),
        (
            "wide, an epoch: 2 threads are so many times as fast as 1",
            ["wide", "2", "flat"],
            ["wide", "1", "flat"],
        ),
        (
            "article: an epoch with every event heard, against none",
            ["article", "2", "flat"],
            ["article", "2", "watched"],
        ),
        ("the same on 1 thread", ["article", "1", "flat"], ["article", "1", "watched"]),
    ];
    for (question, a, b) in questions {
        let (mut a, mut b) = (Worker::ours(&a)?, Worker::ours(&b)?);
        let mut times = Times::default();
        let rounds = if question.starts_with("wide") { 3 } else { ROUNDS };
        (0..rounds).try_for_each(|_| times.round(&mut a, &mut b))?;
        let (median, low, high) = times.ratio();
        say(&format!("{question:<66}{median:.3} ({low:.3}, {high:.3})"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]).0, 2.5);
        assert!(spread(&[]).0.is_nan());
        let times = Times { a: vec![1.0, 2.0, 1.0], b: vec![3.0, 8.0, 5.0] };
        assert_eq!(times.ratio(), (4.0, 3.0, 5.0));
    }
}
