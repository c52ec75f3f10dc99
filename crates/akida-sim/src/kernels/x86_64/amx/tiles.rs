//! Tile registers: whether this host has them, and their use by a thread.

use super::windows::{ROWS, STEP};
use crate::kernels::x86_64::avx512;
use core::arch::asm;
use core::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

/// Whether processor and system have tile registers. The first call asks the system for their use by this process.
pub(in super::super) fn is_available() -> bool {
    static GRANTED: OnceLock<bool> = OnceLock::new();
    avx512::has_vnni() && *GRANTED.get_or_init(|| has_tiles() && ask_for_tiles())
}

/// Whether the processor has tile registers and multiplies bytes in them.
fn has_tiles() -> bool {
    const TILES: u32 = 1 << 24;
    const BYTES: u32 = 1 << 25;
    // SAFETY: every processor with AVX-512 answers this; newer compilers know that it is safe.
    #[allow(unused_unsafe)]
    let leaf = unsafe { __cpuid_count(7, 0) };
    leaf.edx & (TILES | BYTES) == TILES | BYTES
}

/// Asks Linux to keep the tile registers of this process's threads. Linux keeps them only for a process that has asked.
fn ask_for_tiles() -> bool {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: a system call that changes no memory of this process; the registers that it changes are named.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// The tile registers of this thread, in use as long as this value lives.
pub(super) struct Tiles;

impl Tiles {
    #[inline]
    pub(super) fn new() -> Self {
        /// All tile registers have sixteen rows of 64 bytes.
        #[repr(C, align(64))]
        struct Configuration {
            palette: u8,
            start_row: u8,
            reserved: [u8; 14],
            row_bytes: [u16; 16],
            rows: [u8; 16],
        }
        const fn first<T: Copy>(value: T, none: T) -> [T; 16] {
            let mut tiles = [none; 16];
            let mut i = 0;
            while i < 8 {
                tiles[i] = value;
                i += 1;
            }
            tiles
        }
        static CONFIGURATION: Configuration = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: first(STEP as u16, 0),
            rows: first(ROWS as u8, 0),
        };
        // SAFETY: the instruction reads 64 bytes. They describe registers that the processor has, as `Tiles` are made only
        // where `is_available` has answered yes.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) &raw const CONFIGURATION,
                options(nostack, readonly, preserves_flags),
            );
        }
        Self
    }
}

impl Drop for Tiles {
    /// Gives up the tile registers, also on unwinding: Linux keeps no such registers of a thread that uses none.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a processor with tile registers can release them at any time.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}
