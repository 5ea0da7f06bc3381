//! Copies that leave the caches alone.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "stores that pass the caches have no safe form")
)]

use super::cut::{Cut, Rows};
use super::pool::Pool;

/// [`stream_copy`] on the threads of a pool, if there are so many numbers that it pays.
pub(crate) fn stream_copy_on(pool: &Pool, to: &mut [f32], from: &[f32]) {
    assert_eq!(to.len(), from.len());
    let tiles = pool.tiles(from.len());
    let cut = Cut::new(from.len(), tiles);
    pool.run(tiles, Rows::new(to, 1, cut), |i, to, _| stream_copy(to, &from[cut.range(i)]));
}

/// Copies `from` into `to`, of the same length, past the caches: what is copied is not read again soon, and memory that is
/// written as a whole need not be read first.
pub(crate) fn stream_copy(to: &mut [f32], from: &[f32]) {
    assert_eq!(to.len(), from.len());
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m128, _mm_loadu_ps, _mm_sfence, _mm_stream_ps};
        // SAFETY: four floats are a vector, whatever their bits.
        let (head, body, tail) = unsafe { to.align_to_mut::<__m128>() };
        let (first, rest) = from.split_at(head.len());
        let (vectors, last) = rest.split_at(4 * body.len());
        head.copy_from_slice(first);
        tail.copy_from_slice(last);
        for (to, from) in body.iter_mut().zip(vectors.as_chunks::<4>().0) {
            // SAFETY: both are of four floats, and `to` is aligned. Every x86-64 has these instructions.
            unsafe { _mm_stream_ps(std::ptr::from_mut(to).cast(), _mm_loadu_ps(from.as_ptr())) };
        }
        // SAFETY: as above. It puts these stores before those by which another thread learns of them.
        unsafe { _mm_sfence() };
    }
    #[cfg(not(target_arch = "x86_64"))]
    to.copy_from_slice(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads() {
        let from: Vec<f32> = (0..200_003).map(|x| x as f32).collect();
        for threads in 1..4 {
            let mut to = vec![0.0; from.len()];
            stream_copy_on(&Pool::new(threads), &mut to, &from);
            assert!(to == from, "{threads} threads");
        }
    }

    #[test]
    fn every_number_for_any_place_in_memory() {
        let from: Vec<f32> = (0..137).map(|x| x as f32 + 1.0).collect();
        for start in 0..9 {
            for len in [0, 1, 3, 4, 5, 16, 128 - 9] {
                let mut to = [0.0; 137];
                stream_copy(&mut to[start..start + len], &from[9 - start..][..len]);
                assert_eq!(to[start..start + len], from[9 - start..][..len]);
                assert!(to[..start].iter().chain(&to[start + len..]).all(|x| *x == 0.0));
            }
        }
    }
}
