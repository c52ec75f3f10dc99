//! Decodes a model, runs it and writes it again, without std: the exit code is 0 when everything is right.
#![no_std]
#![no_main]

extern crate alloc;

use akida_fbz::{decode, encode};
use akida_sim::{Plan, ValuesRef};
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_int;
use core::panic::PanicInfo;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Memory that is handed out once and never taken back.
struct Arena;

const SIZE: usize = 4 << 20;

#[repr(align(64))]
struct Memory(core::cell::UnsafeCell<[u8; SIZE]>);

// SAFETY: `Arena` hands out every byte once.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(core::cell::UnsafeCell::new([0; SIZE]));
static USED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: places are inside the memory, apart from each other and aligned up to 64 bytes.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = (layout.size() + 63) & !63;
        let begin = USED.fetch_add(size, Ordering::Relaxed);
        if layout.align() > 64 || begin + size > SIZE {
            return null_mut();
        }
        // SAFETY: `begin` lies inside the memory.
        unsafe { MEMORY.0.get().cast::<u8>().add(begin) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ARENA: Arena = Arena;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

static FILE: &[u8] = include_bytes!("../../../crates/akida-fbz/tests/data/tiny.fbz");

#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const u8) -> c_int {
    let Ok(model) = decode(FILE) else { return 1 };
    if encode(&model).as_deref() != Ok(FILE) {
        return 2;
    }
    if decode(&FILE[..FILE.len() - 1]).is_ok() {
        return 3;
    }
    // One input of 4 bits, five units with the weights 1, -1, 0, 1, -1.
    let plan = Plan::new(model);
    let mut scratch = plan.scratch();
    match plan.run(&mut scratch, &[13u8]) {
        Ok(ValuesRef::I32([13, -13, 0, 13, -13])) => 0,
        _ => 4,
    }
}
