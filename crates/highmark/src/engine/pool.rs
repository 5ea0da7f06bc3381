//! A small pool of threads for work that lasts microseconds.
//!
//! The work of a call is cut into tiles. Every number is computed within one tile in an order of its own, so neither
//! the cut nor the thread that a tile falls to makes a difference: any number of threads gives the same bits.
#![expect(unsafe_code, reason = "tiles of one buffer are lent to several threads at once")]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::cut::Lend;
use super::gemm::Scratch;
use super::pace::Pace;

/// Multiplications from which a second thread pays for the hand-over (about a microsecond).
const WORTH_THREADS: usize = 100_000;

/// How often a waiting thread looks again before it sleeps: some hundred microseconds, longer than the gap
/// between two calls within a step.
const SPINS: u32 = 20_000;

/// More than any tile count here can use, and less than the state can count.
const MAX_THREADS: usize = 1024;

/// Threads that wait for tiles, spinning first and then asleep.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// The calling thread's. It also keeps the pool from being `Sync`: two calls at once would overwrite each
    /// other's job.
    scratch: RefCell<Scratch>,
    pace: Cell<Pace>,
}

/// What one call asks of the workers.
struct Job<'a> {
    work: &'a (dyn Fn(usize, &mut Scratch) + Sync),
    tiles: usize,
    next: AtomicUsize,
    panicked: AtomicBool,
}

#[derive(Debug, Default)]
struct Shared {
    /// The number of the call, whether it can still be joined, and how many workers have joined: see the constants.
    /// A worker that the system does not let run never joins, and the caller does not wait for it.
    state: AtomicU64,
    /// The job of this call. Valid while it is open or somebody who joined is still at it.
    job: AtomicPtr<()>,
    sleepers: Mutex<usize>,
    wake: Condvar,
}

/// In [`Shared::state`]: the low bits count the workers that have joined, then come two flags and the call's number.
const JOINED: u64 = 0xffff;
const OPEN: u64 = 1 << 16;
const ENDING: u64 = 1 << 17;
const CALL: u32 = 18;

impl Pool {
    /// A pool that computes on `threads` threads, the calling one among them.
    pub(crate) fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let start = |number: usize| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("highmark-{number}")).spawn(move || worker(&shared)).ok()
        };
        // A thread that the system refuses is a thread fewer, with the same results.
        let workers = (1..threads.clamp(1, MAX_THREADS)).map_while(start).collect();
        Self { shared, workers, scratch: RefCell::new(Scratch::new()), pace: Cell::default() }
    }

    /// Into how many tiles to cut work of so many multiplications: one a thread, always the same for the same thread
    /// as far as it is free, so that numbers stay in the cache of the core that computes them.
    pub(crate) fn tiles(&self, multiplications: usize) -> usize {
        if multiplications < WORTH_THREADS { 1 } else { self.workers.len() + 1 }
    }

    /// Calls `work(i, tile i of what is lent)` for every `i < tiles`. Returns when all is done. A panic in `work` is
    /// passed on.
    #[expect(clippy::needless_pass_by_value, reason = "what is lent is borrowed until the end of the call")]
    pub(crate) fn run<L: Lend>(
        &self,
        tiles: usize,
        lent: L,
        work: impl Fn(usize, L::Tile, &mut Scratch) + Sync,
    ) {
        let one = |i: usize, scratch: &mut Scratch| {
            // SAFETY: each index is handed out once per call, different tiles do not overlap, and what is lent
            // stays mutably borrowed by `lent` until this function returns.
            work(i, unsafe { lent.tile(i) }, scratch);
        };
        let mut scratch = self.scratch.borrow_mut();
        if self.workers.is_empty() || tiles < 2 {
            (0..tiles).for_each(|i| one(i, &mut scratch));
            return;
        }
        let (mut pace, begin) = (self.pace.get(), Instant::now());
        if pace.together() {
            let job = Job { work: &one, tiles, next: AtomicUsize::new(0), panicked: AtomicBool::new(false) };
            self.start(&job);
            let finish = Finish(&self.shared);
            job.take_tiles(&mut scratch);
            drop(finish);
            assert!(!job.panicked.load(Ordering::Relaxed), "a worker thread panicked");
        } else {
            (0..tiles).for_each(|i| one(i, &mut scratch));
        }
        pace.took(begin.elapsed());
        self.pace.set(pace);
    }

    fn start(&self, job: &Job<'_>) {
        self.shared.job.store(std::ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
        self.shared.announce(OPEN);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.announce(ENDING);
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its tiles, so it has none to tell.
            let _ = worker.join();
        }
    }
}

/// Closes the call and waits for those who have joined it, even when the calling thread's own tile panics: they hold
/// references to its stack.
struct Finish<'a>(&'a Shared);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spins = 0_u32;
        while state & JOINED > 0 {
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
            state = self.0.state.load(Ordering::Acquire);
        }
    }
}

impl Job<'_> {
    fn take_tiles(&self, scratch: &mut Scratch) {
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= self.tiles {
                return;
            }
            (self.work)(i, scratch);
        }
    }
}

impl Shared {
    /// Only the owner of the pool calls this, and only when nobody is at work.
    fn announce(&self, flag: u64) {
        let call = (self.state.load(Ordering::Relaxed) >> CALL) + 1;
        self.state.store(call << CALL | flag, Ordering::SeqCst);
        // The lock orders this look at the sleepers after a worker's last look at the state.
        if *self.sleepers.lock().unwrap_or_else(PoisonError::into_inner) > 0 {
            self.wake.notify_all();
        }
    }

    /// Waits for a call other than `seen`, which may be closed by then, and returns the state.
    fn next_call(&self, seen: u64) -> u64 {
        let new = |state: u64| state >> CALL != seen && state & (OPEN | ENDING) != 0;
        for _ in 0..SPINS {
            let state = self.state.load(Ordering::Acquire);
            if new(state) {
                return state;
            }
            std::hint::spin_loop();
        }
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        *sleepers += 1;
        let state = loop {
            let state = self.state.load(Ordering::SeqCst);
            if new(state) {
                break state;
            }
            sleepers = self.wake.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
        };
        *sleepers -= 1;
        state
    }
}

fn worker(shared: &Shared) {
    let mut seen = 0;
    let mut scratch = Scratch::new();
    loop {
        let state = shared.next_call(seen);
        if state & ENDING != 0 {
            return;
        }
        if shared.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // Somebody else joined first, or the call is closed: look again.
            continue;
        }
        seen = state >> CALL;
        // SAFETY: this thread has joined while the call was open, and the caller keeps the job alive until all who
        // joined have left.
        let job = unsafe { &*shared.job.load(Ordering::Relaxed).cast::<Job<'_>>() };
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.take_tiles(&mut scratch))).is_err() {
            job.panicked.store(true, Ordering::Relaxed);
        }
        shared.state.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut::{Cut, Rows};
    use super::*;

    #[test]
    fn every_tile_once_for_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads);
            let (mut a, mut b) = (vec![0.0; 103], vec![0.0; 206]);
            let cut = Cut::new(103, 5);
            for _ in 0..200 {
                pool.run(5, (Rows::new(&mut a, 1, cut), Rows::new(&mut b, 2, cut)), |i, (a, b), _| {
                    a.iter_mut().for_each(|x| *x += i as f32);
                    b.iter_mut().for_each(|x| *x += 1.0);
                });
            }
            for tile in 0..5 {
                assert!(a[cut.range(tile)].iter().all(|x| *x == (tile * 200) as f32));
            }
            assert!(b.iter().all(|x| *x == 200.0));
        }
    }

    #[test]
    fn it_wakes_after_a_sleep() {
        let pool = Pool::new(3);
        let mut a = vec![0.0; 400];
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            pool.run(4, Rows::new(&mut a, 1, Cut::new(400, 4)), |_, a, _| a[0] += 1.0);
        }
        assert_eq!(a.iter().sum::<f32>(), 12.0);
    }

    #[test]
    fn a_panic_in_a_tile_reaches_the_caller_and_the_pool_lives() {
        let pool = Pool::new(2);
        let mut a = vec![0.0; 800];
        let cut = Cut::new(800, 2);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(2, Rows::new(&mut a, 1, cut), |i, _, _| assert!(i != 1, "tile one"));
        }));
        assert!(caught.is_err());
        pool.run(2, Rows::new(&mut a, 1, cut), |_, a, _| a.fill(1.0));
        assert!(a.iter().all(|x| *x == 1.0));
    }
}
