//! A library for a program without an operating system. It does not build as soon as bgp-wire, or
//! one of its dependencies, needs the standard library, which has a panic handler too.
//!
//! ```text
//! cargo build --manifest-path crates/bgp-wire/no-std/Cargo.toml
//! ```
#![no_std]

use bgp_wire::{Context, MAX_MESSAGE, PeerKind, UpdateView, frame};
use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// Counts the prefixes that an UPDATE announces; -1 for anything else.
///
/// # Safety
/// `octets` points to `len` octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn announced_prefixes(octets: *const u8, len: usize) -> isize {
    // SAFETY: the caller says so.
    let octets = unsafe { core::slice::from_raw_parts(octets, len) };
    let Ok(Some(message)) = frame(octets, MAX_MESSAGE) else {
        return -1;
    };
    match UpdateView::parse(message.message(), &Context::new(PeerKind::Ebgp)) {
        Ok(update) => update.announced().count() as isize,
        Err(_) => -1,
    }
}

/// Nothing that is used here allocates.
struct NoMemory;

// SAFETY: a null pointer is how an allocator says that there is no memory.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
