//! Work on several items at once.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism, scope};

/// 0 until it is known: asking the system takes longer than many a piece of work.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Lets tables be read and prepared on so many threads at most, in the whole process and from now on; 0 is one a core, which
/// is the default. Results never depend on it.
pub fn set_data_threads(threads: usize) {
    THREADS.store(threads, Ordering::Relaxed);
}

/// How many threads there are to work on data.
pub(crate) fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let cores = available_parallelism().map_or(1, usize::from);
            // Unless somebody has set it in between.
            let set = THREADS.compare_exchange(0, cores, Ordering::Relaxed, Ordering::Relaxed);
            set.err().unwrap_or(cores)
        }
        threads => threads,
    }
}

/// What `work` makes of each item, in the order of the items.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let helpers = threads().min(items.len()).saturating_sub(1);
    let queue = Mutex::new(items.into_iter().enumerate());
    let run = || {
        let mut done = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, item)) = next else { return done };
            done.push((number, work(item)));
        }
    };
    let mut done = scope(|scope| {
        // A thread that the system refuses is a thread fewer, with the same results.
        let helpers: Vec<_> =
            (0..helpers).map_while(|_| Builder::new().spawn_scoped(scope, run).ok()).collect();
        let mut done = run();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0, 1, 2, 1000] {
            assert_eq!(map((0..count).collect(), |i| i * 2), (0..count).map(|i| i * 2).collect::<Vec<_>>());
        }
    }
}
