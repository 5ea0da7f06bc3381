//! An allocator that takes a large allocation for what it is here: a length field that was believed.

use std::alloc::{GlobalAlloc, Layout, System};

/// Inputs have at most 64 KiB; nothing in them stands for more than this.
const LARGEST: usize = 64 << 20;

struct Limited;

#[global_allocator]
static LIMITED: Limited = Limited;

fn check(size: usize) {
    if size > LARGEST {
        eprintln!("an allocation of {size} bytes");
        std::process::abort();
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(at, layout, size) }
    }
}
