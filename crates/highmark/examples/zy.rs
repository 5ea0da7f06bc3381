#![allow(unsafe_code)]
use highmark::*;
use std::time::Instant;
fn main() {
    let threads: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let levels = [10, 17, 8, 16, 7, 6, 3, 43, 3];
    let cols: Vec<(String, usize)> = levels.iter().enumerate().map(|(i, l)| (format!("c{i}"), *l)).collect();
    let mut model = TabularModel::new(&TabularConfig::default(), &cols, 6, 2, 42).unwrap().threads(threads);
    let mut opt = Optimizer::new(&OptimizerConfig::default(), model.params(), &[], 1e-3).unwrap();
    let rows = 64;
    let x_cat: Vec<u32> = (0..rows * 9).map(|i| ((i * 7 + i / 9 * 13) % levels[i % 9]) as u32).collect();
    let x_cont: Vec<f32> = (0..rows * 6).map(|i| (i % 11) as f32 / 5.0 - 1.0).collect();
    let batch = Batch { rows, x_cat, x_cont, targets: None };
    let mut p = vec![];
    let grad: Vec<f32> = (0..rows * 2).map(|i| ((i % 5) as f32 - 2.0) * 1e-3).collect();
    for round in 0..3 {
        let mut t = [0.0; 5];
        let n = 2000;
        for _ in 0..n {
            let a = Instant::now();
            model.step(&mut opt);
            t[0] += a.elapsed().as_secs_f64();
        }
        let mut step = 0;
        for _ in 0..n {
            model.params_mut().zero_grad();
            let a = Instant::now();
            model.forward(&batch, Mode::Train { seed: 1, step }, &mut p).unwrap();
            t[1] += a.elapsed().as_secs_f64();
            step += 1;
            let a = Instant::now();
            model.backward(&batch, &grad).unwrap();
            t[2] += a.elapsed().as_secs_f64();
            let a = Instant::now();
            model.grads_are_finite();
            t[3] += a.elapsed().as_secs_f64();
            let a = Instant::now();
            model.step(&mut opt);
            t[4] += a.elapsed().as_secs_f64();
        }
        println!(
            "{round}: step alone {:.1} | forward {:.1} backward {:.1} finite {:.1} step {:.1} us",
            t[0] / n as f64 * 1e6,
            t[1] / n as f64 * 1e6,
            t[2] / n as f64 * 1e6,
            t[3] / n as f64 * 1e6,
            t[4] / n as f64 * 1e6
        );
    }
}
struct A;
unsafe impl std::alloc::GlobalAlloc for A {
    unsafe fn alloc(&self, l: std::alloc::Layout) -> *mut u8 {
        unsafe { std::alloc::System.alloc(f(l)) }
    }
    unsafe fn alloc_zeroed(&self, l: std::alloc::Layout) -> *mut u8 {
        unsafe { std::alloc::System.alloc_zeroed(f(l)) }
    }
    unsafe fn dealloc(&self, p: *mut u8, l: std::alloc::Layout) {
        unsafe { std::alloc::System.dealloc(p, f(l)) }
    }
    unsafe fn realloc(&self, p: *mut u8, l: std::alloc::Layout, n: usize) -> *mut u8 {
        unsafe {
            let q = self.alloc(std::alloc::Layout::from_size_align_unchecked(n, l.align()));
            std::ptr::copy_nonoverlapping(p, q, l.size().min(n));
            self.dealloc(p, l);
            q
        }
    }
}
fn f(l: std::alloc::Layout) -> std::alloc::Layout {
    if l.size() >= 256 { std::alloc::Layout::from_size_align(l.size(), 64).unwrap() } else { l }
}
#[global_allocator]
static G: A = A;
