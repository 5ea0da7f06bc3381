//! The work that the benchmarks measure, through highmark's public interface alone: the article's model, a wide one,
//! and the machine's own limit.

mod flops;
mod peak;
mod synthetic;
mod work;

pub use flops::{forward_flops, step_flops};
pub use peak::Peak;
pub use synthetic::synthetic;
pub use work::{Shape, adult, tenth_of_adult, watcher, with_ids};
