//! Whether threads pay, found by measurement: on a machine whose cores are taken by others, or are halves of
//! one core, two threads can be slower than one. The clock decides here about time, never about numbers: the results
//! are the same bits either way.

use std::time::Duration;

/// Calls in each trial: some steps of a small network.
const TRIAL: u32 = 96;

/// Calls before threads are tried again, at first and at most. It doubles each time that the answer stays the same, as long
/// as a trial costs more than its share of the time.
const SETTLED: (u32, u32) = (2_000, 32_000);
const SHARE: f64 = 1.0 / 200.0;

/// Calls that are looked at together between two trials: some hundred steps of a small network.
const WINDOW: u32 = 10 * TRIAL;

/// As much of the time between two calls as counts: more is not part of a step.
const BETWEEN: Duration = Duration::from_micros(50);

/// A call that took that many times the mean of the trial means that another process has taken a core. One such call in a
/// window may be an interrupt: a second one calls for a trial.
const STALL: u32 = 20;

/// What the next call of the pool should do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    phase: Phase,
    /// Calls left in this phase.
    left: u32,
    /// Time of the trials so far: alone, together, with what lay between the calls. There a thread waits for the numbers
    /// that another has computed, which is part of what threads cost.
    spent: [Duration; 2],
    /// Whether all threads won the last time.
    together: bool,
    /// Whether the last trial said otherwise: one alone may have been disturbed, so a second one decides.
    in_doubt: bool,
    /// Calls until the next trial, at most.
    settled: u32,
    /// Since a window began.
    window: Window,
}

/// Time and number of calls that are looked at together.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    time: Duration,
    calls: u32,
    stalls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// As the last trials found.
    Settled,
    /// One thread, with the clock.
    Alone,
    /// All threads, until those that have fallen asleep are awake.
    Waking,
    /// All threads, with the clock.
    Together,
}

impl Default for Pace {
    fn default() -> Self {
        // Begins with threads that are just being made; the first trial follows soon.
        Self {
            phase: Phase::Settled,
            left: 4 * TRIAL,
            spent: [Duration::ZERO; 2],
            together: true,
            in_doubt: false,
            settled: SETTLED.0,
            window: Window::default(),
        }
    }
}

impl Pace {
    /// Whether the next call should go to all threads.
    pub(super) fn together(self) -> bool {
        match self.phase {
            Phase::Settled => self.together,
            Phase::Alone => false,
            Phase::Waking | Phase::Together => true,
        }
    }

    /// Notes how long the call took, and how long after the end of the one before it began.
    pub(super) fn took(&mut self, time: Duration, after: Duration) {
        let spent = time + after.min(BETWEEN);
        match self.phase {
            Phase::Alone => self.spent[0] += spent,
            Phase::Together => self.spent[1] += spent,
            Phase::Settled => {
                if self.has_changed(time, spent) {
                    (self.left, self.settled) = (1, SETTLED.0);
                }
            }
            Phase::Waking => {}
        }
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        (self.phase, self.left) = match self.phase {
            Phase::Settled => {
                self.spent = [Duration::ZERO; 2];
                (Phase::Alone, TRIAL)
            }
            Phase::Alone => (Phase::Waking, TRIAL),
            Phase::Waking => (Phase::Together, TRIAL),
            Phase::Together => {
                let together = self.spent[1] < self.spent[0];
                let same = together == self.together;
                if same || self.in_doubt {
                    (self.together, self.in_doubt, self.window) = (together, false, Window::default());
                    self.settled = if same { (2 * self.settled).min(self.worth()) } else { SETTLED.0 };
                    (Phase::Settled, self.settled)
                } else {
                    (self.in_doubt, self.spent) = (true, [Duration::ZERO; 2]);
                    (Phase::Alone, TRIAL)
                }
            }
        };
    }

    /// From how many calls on a trial like the last one costs no more than its share.
    fn worth(&self) -> u32 {
        let [alone, together] = self.spent.map(|spent| spent.as_secs_f64());
        // Of a trial, what takes longer than it would have otherwise.
        let cost = if self.together { alone / together - 1.0 } else { 2.0 * (together / alone - 1.0) };
        ((f64::from(TRIAL) * cost / SHARE) as u32).clamp(SETTLED.0, SETTLED.1)
    }

    /// Whether the window that ends with this call took longer than the other way in the last trial, or threads were stopped
    /// in it.
    fn has_changed(&mut self, time: Duration, spent: Duration) -> bool {
        let [alone, together] = self.spent;
        let other = if self.together { alone } else { together };
        let tried = other > Duration::ZERO;
        let stalled = tried && self.together && time * TRIAL > together * STALL;
        let window = &mut self.window;
        *window = Window {
            time: window.time + spent,
            calls: window.calls + 1,
            stalls: window.stalls + u32::from(stalled),
        };
        let slower = window.calls == WINDOW && window.time > other * (WINDOW / TRIAL);
        let stopped = window.stalls > 1;
        if window.calls == WINDOW || stopped {
            *window = Window::default();
        }
        stopped || tried && slower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What share of `calls` goes to all threads when a call takes so many microseconds alone and together.
    fn share(pace: &mut Pace, calls: u32, alone: u64, together: u64) -> f64 {
        let mut count = 0;
        for _ in 0..calls {
            count += u32::from(pace.together());
            let time = Duration::from_micros(if pace.together() { together } else { alone });
            pace.took(time, Duration::from_micros(5));
        }
        f64::from(count) / f64::from(calls)
    }

    #[test]
    fn the_faster_way_gets_nearly_all_calls() {
        let mut pace = Pace::default();
        assert!(share(&mut pace, 100_000, 40, 25) > 0.98);
        assert!(share(&mut pace, 40_000, 40, 70) < 0.1);
        assert!(share(&mut pace, 200_000, 40, 70) < 0.02);
        share(&mut pace, 40_000, 40, 25);
        assert!(share(&mut pace, 200_000, 40, 25) > 0.98);
    }

    #[test]
    fn what_lies_between_counts_too() {
        let mut pace = Pace::default();
        for _ in 0..100_000 {
            let (time, after) = if pace.together() { (20, 45) } else { (40, 5) };
            pace.took(Duration::from_micros(time), Duration::from_micros(after));
        }
        assert!(share(&mut pace, 10_000, 40, 60) < 0.05);
    }

    #[test]
    fn a_trial_that_is_disturbed_does_not_decide() {
        let mut pace = Pace::default();
        share(&mut pace, 5_000, 40, 25);
        while pace.phase != Phase::Together {
            share(&mut pace, 1, 40, 25);
        }
        pace.took(Duration::from_millis(5), Duration::ZERO);
        assert!(share(&mut pace, 10_000, 40, 25) > 0.9);
        assert!(pace.together);
    }

    #[test]
    fn a_second_stall_calls_for_a_trial_at_once() {
        let mut pace = Pace::default();
        share(&mut pace, 20_000, 40, 25);
        // No other trial is due meanwhile.
        pace.left = SETTLED.1;
        let stall = Duration::from_millis(4);
        for _ in 0..3 {
            pace.took(stall, Duration::ZERO);
            // Long ago by the time of the next.
            share(&mut pace, WINDOW, 40, 25);
            assert_eq!(pace.phase, Phase::Settled);
        }
        pace.took(stall, Duration::ZERO);
        assert_eq!(pace.phase, Phase::Settled);
        share(&mut pace, 10, 40, 25);
        pace.took(stall, Duration::ZERO);
        assert_eq!(pace.phase, Phase::Alone);
    }
}
