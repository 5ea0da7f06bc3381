//! A small pool of threads for work that lasts microseconds.
//!
//! The work of a call is cut into tiles. Every number is computed within one tile in an order of its own, so neither
//! the cut nor the thread that a tile falls to makes a difference: any number of threads gives the same bits.
#![expect(unsafe_code, reason = "tiles of one buffer are lent to several threads at once")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::cut::Lend;
use super::gemm::Scratch;
use super::pace::Pace;

/// Multiplications from which a second thread pays for the hand-over (about a microsecond).
const WORTH_THREADS: usize = 100_000;

/// As many multiplications take about as long as a number that is normalised, moved or stepped.
pub(crate) const PER_NUMBER: usize = 20;

/// How often a waiting thread looks again before it sleeps: some hundred microseconds, longer than the gap
/// between two calls within a step.
const SPINS: u32 = 20_000;

/// Threads that are made on any machine, if asked for. More of them than there are cores would only take turns, in tiles
/// that are the smaller the more there are.
const ON_FEW_CORES: usize = 8;

/// Threads that wait for tiles, spinning first and then asleep.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// The calling thread's. It also keeps the pool from being `Sync`: two calls at once would overwrite each
    /// other's job.
    scratch: RefCell<Scratch>,
    pace: Cell<Pace>,
    /// Whether the next call with one tile has work for all threads, which one does whole because they do not pay: such a call
    /// counts for [`Pace`]. Set by [`Pool::tiles`].
    whole: Cell<bool>,
    /// When the last call ended.
    ended: Cell<Instant>,
    /// Whether the first worker may still be on an errand, and whether it was offered a tile since it was sent.
    sent: Cell<bool>,
    offered: Cell<bool>,
}

/// Work of its own for a thread that would wait: [`Pool::send`].
pub(crate) trait Errand: fmt::Debug + Send + Sync {
    fn run(&self);
}

/// What one call asks of the workers.
struct Job<'a> {
    work: &'a (dyn Fn(usize, &mut Scratch) + Sync),
    panicked: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    /// One for each worker.
    desks: Vec<Desk>,
    /// How many workers are asleep, or about to be. Workers alone write it, so that looking at it costs nothing.
    sleepers: AtomicUsize,
    door: Mutex<()>,
    wake: Condvar,
}

/// Where one worker gets its tile: in memory of its own, since what two cores look at by turns travels between
/// them at some hundred nanoseconds a line. (128 bytes: processors fetch lines by pairs.)
#[derive(Debug)]
#[repr(align(128))]
struct Desk {
    state: AtomicU32,
    /// The job of this call, or null for an errand. Valid from the offer until the worker is done or the offer is withdrawn.
    job: AtomicPtr<()>,
    /// From the offer until it is taken or withdrawn.
    errand: Mutex<Option<Arc<dyn Errand>>>,
    /// For the tile that is offered here, whoever has it in the end: so what a tile needs is there after the first time, on
    /// whichever thread that was. Nobody ever waits for it, since a tile is either taken or withdrawn.
    scratch: Mutex<Scratch>,
}

/// In [`Desk::state`].
const IDLE: u32 = 0;
/// There is a tile, or an errand. A worker that the system does not let run never takes it, and the caller does not wait for it.
const OFFERED: u32 = 1;
const TAKEN: u32 = 2;
const ENDING: u32 = 3;

impl Pool {
    /// A pool that computes on `threads` threads, the calling one among them, or on as many as make sense here.
    pub(crate) fn new(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let desk = |_| Desk {
            state: AtomicU32::new(IDLE),
            job: AtomicPtr::default(),
            errand: Mutex::new(None),
            scratch: Mutex::new(Scratch::new()),
        };
        let shared = Arc::new(Shared {
            desks: (1..threads.clamp(1, cores.max(ON_FEW_CORES))).map(desk).collect(),
            sleepers: AtomicUsize::new(0),
            door: Mutex::new(()),
            wake: Condvar::new(),
        });
        let start = |number: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("highmark-{}", number + 1);
            std::thread::Builder::new().name(name).spawn(move || worker(&shared, number)).ok()
        };
        // A thread that the system refuses is a thread fewer, with the same results.
        let workers = (0..shared.desks.len()).map_while(start).collect();
        Self {
            shared,
            workers,
            scratch: RefCell::new(Scratch::new()),
            pace: Cell::default(),
            whole: Cell::default(),
            ended: Cell::new(Instant::now()),
            sent: Cell::default(),
            offered: Cell::default(),
        }
    }

    /// Into how many tiles to cut work of so many multiplications: one a thread, always the same for the same thread
    /// as far as it is free, so that numbers stay in the cache of the core that computes them. One alone if it is so little, or
    /// as long as threads do not pay: it is faster with the work in one piece.
    pub(crate) fn tiles(&self, multiplications: usize) -> usize {
        let cut = multiplications >= WORTH_THREADS && !self.workers.is_empty();
        self.whole.set(cut && !self.pace.get().together());
        if cut && !self.whole.get() { self.threads() } else { 1 }
    }

    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
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
        if self.workers.is_empty() || tiles < 2 && !self.whole.take() {
            (0..tiles).for_each(|i| one(i, &mut scratch));
            return;
        }
        let (mut pace, begin) = (self.pace.get(), Instant::now());
        if tiles > 1 && pace.together() {
            self.call_back();
            self.run_together(tiles, &one, &mut scratch);
        } else {
            (0..tiles).for_each(|i| one(i, &mut scratch));
        }
        let end = Instant::now();
        pace.took(end - begin, begin - self.ended.replace(end));
        self.pace.set(pace);
    }

    /// Has a worker do `errand` while the calling thread goes on, until it needs that worker for a tile: if it has not begun
    /// by then it does not begin any more. Nor is it sent where the worker was offered no tile since the last one: then threads
    /// do not pay, and it may well be asleep. What an errand writes has a lock.
    pub(crate) fn send(&self, errand: Arc<dyn Errand>) {
        if !self.offered.take() {
            return;
        }
        self.call_back();
        let desk = &self.shared.desks[0];
        *desk.errand() = Some(errand);
        desk.offer(std::ptr::null_mut());
        self.shared.wake_sleepers();
        self.sent.set(true);
    }

    /// Waits for an errand that has begun; another is not done.
    fn call_back(&self) {
        if self.sent.take() {
            let desk = &self.shared.desks[0];
            if desk.withdraw() {
                *desk.errand() = None;
            }
            desk.wait();
        }
    }

    /// Offers a tile to each worker, the first and those that are too many being the calling thread's; it also takes
    /// what a worker has not begun when its own are done.
    fn run_together(&self, tiles: usize, work: &(dyn Fn(usize, &mut Scratch) + Sync), scratch: &mut Scratch) {
        let job = Job { work, panicked: AtomicBool::new(false) };
        let offers = &self.shared.desks[..self.workers.len().min(tiles - 1)];
        for desk in offers {
            desk.offer(std::ptr::from_ref(&job).cast_mut().cast());
        }
        self.shared.wake_sleepers();
        self.offered.set(true);
        let finish = Finish(offers);
        work(0, scratch);
        (offers.len() + 1..tiles).for_each(|i| work(i, scratch));
        for (i, desk) in offers.iter().enumerate() {
            if desk.withdraw() {
                work(i + 1, &mut desk.scratch());
            }
        }
        drop(finish);
        assert!(!job.panicked.load(Ordering::Relaxed), "a worker thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.call_back();
        self.shared.desks.iter().for_each(|desk| desk.state.store(ENDING, Ordering::Release));
        self.shared.wake_sleepers();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its tiles, so it has none to tell.
            let _ = worker.join();
        }
    }
}

/// Withdraws what nobody has taken and waits for those who are at it, even when the calling thread's own tile panics:
/// they hold references to its stack.
struct Finish<'a>(&'a [Desk]);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        for desk in self.0 {
            desk.withdraw();
            desk.wait();
        }
    }
}

impl Desk {
    fn offer(&self, job: *mut ()) {
        self.job.store(job, Ordering::Relaxed);
        self.state.store(OFFERED, Ordering::Release);
    }

    /// Takes the offer back; whether it was still there.
    fn withdraw(&self) -> bool {
        // Looked at first: the exchange alone would take the line from the worker that is about to write to it.
        self.state.load(Ordering::Relaxed) == OFFERED
            && self.state.compare_exchange(OFFERED, IDLE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Waits until what was taken is done.
    fn wait(&self) {
        let mut spins = 0_u32;
        while self.state.load(Ordering::Acquire) == TAKEN {
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn errand(&self) -> MutexGuard<'_, Option<Arc<dyn Errand>>> {
        self.errand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_news(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), OFFERED | ENDING)
    }
}

impl Shared {
    /// After the desks have changed.
    fn wake_sleepers(&self) {
        // Either this sees the worker that is going to sleep, or that one sees its desk changed.
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            drop(self.door.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Waits until there is something on the desk.
    fn wait(&self, desk: &Desk) {
        for _ in 0..SPINS {
            if desk.has_news() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while !desk.has_news() {
            door = self.wake.wait(door).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn worker(shared: &Shared, number: usize) {
    let desk = &shared.desks[number];
    loop {
        shared.wait(desk);
        if desk.state.compare_exchange(OFFERED, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_err() {
            if desk.state.load(Ordering::Relaxed) == ENDING {
                return;
            }
            // The offer was withdrawn.
            continue;
        }
        let job = desk.job.load(Ordering::Relaxed).cast::<Job<'_>>();
        // SAFETY: the caller keeps the job alive until what was taken is done.
        if let Some(job) = unsafe { job.as_ref() } {
            let tile = AssertUnwindSafe(|| (job.work)(number + 1, &mut desk.scratch()));
            if catch_unwind(tile).is_err() {
                job.panicked.store(true, Ordering::Relaxed);
            }
        } else {
            let errand = desk.errand().take();
            // Whoever misses what it should have done does it, and panics where that can be told.
            let _ = catch_unwind(AssertUnwindSafe(|| errand.iter().for_each(|errand| errand.run())));
        }
        desk.state.store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut::{Cut, Rows};
    use super::*;
    use std::time::Duration;

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
    fn work_is_whole_while_threads_do_not_pay_and_counts_for_the_next_trial() {
        let pool = Pool::new(2);
        let mut pace = Pace::default();
        while pace.together() {
            pace.took(Duration::from_micros(40), Duration::ZERO);
        }
        pool.pace.set(pace);
        let mut a = vec![0.0; 400];
        let mut calls = 0;
        while !pool.pace.get().together() {
            // Too little for threads in any case, which is no trial.
            assert_eq!(pool.tiles(WORTH_THREADS - 1), 1);
            pool.run(1, Rows::new(&mut a, 1, Cut::new(400, 1)), |_, a, _| a[0] += 1.0);
            assert_eq!(pool.tiles(WORTH_THREADS), 1);
            pool.run(1, Rows::new(&mut a, 1, Cut::new(400, 1)), |_, a, _| a[0] += 1.0);
            calls += 1;
            assert!(calls < 1000, "the trial does not end");
        }
        assert_eq!(a[0], (2 * calls) as f32);
        assert_eq!(pool.tiles(WORTH_THREADS), 2);
        // One call a trial's call: as many as `Pace` needs by itself.
        let mut alone = 0;
        while !pace.together() {
            pace.took(Duration::from_micros(40), Duration::ZERO);
            alone += 1;
        }
        assert_eq!(calls, alone);
    }

    /// Counts how often it was run.
    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl Errand for Count {
        fn run(&self) {
            let before = self.0.fetch_add(1, Ordering::Relaxed);
            assert!(before.is_multiple_of(2), "every other one");
        }
    }

    #[test]
    fn errands_are_run_at_most_once_beside_tiles() {
        let count = Arc::new(Count::default());
        for threads in [1, 2, 3] {
            let pool = Pool::new(threads);
            let mut a = vec![0.0; 400];
            count.0.store(0, Ordering::Relaxed);
            for sent in 1..=400 {
                pool.send(Arc::<Count>::clone(&count));
                if sent % 2 == 0 {
                    std::thread::sleep(Duration::from_micros(100));
                }
                pool.run(4, Rows::new(&mut a, 1, Cut::new(400, 4)), |_, a, _| a[0] += 1.0);
                assert!(count.0.load(Ordering::Relaxed) <= sent);
            }
            assert_eq!(a.iter().sum::<f32>(), 1600.0);
            assert_eq!(count.0.load(Ordering::Relaxed) > 1, threads > 1);
            pool.send(Arc::<Count>::clone(&count));
            drop(pool);
            assert_eq!(Arc::strong_count(&count), 1, "nobody keeps it");
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
