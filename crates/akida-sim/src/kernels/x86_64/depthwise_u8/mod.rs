//! Depthwise layers of Akida 2.0, in registers of any width. `docs/engine.md` defines the words.
//!
//! An instruction multiplies quads: four bytes of a channel, from four rows of a column, by four weights. Interleaving the
//! bytes of four rows makes the quads of a column. It leaves them in four registers, whose order packing the outputs undoes.
#![allow(unsafe_code)]

mod pack;
mod registers;

use crate::kernels::depthwise_u8::{DepthwiseU8Call, DepthwiseU8Layer, PackedDepthwise};
use crate::memory::OutOfMemory;
pub(super) use pack::pack;
use pack::{PARAMETERS, blocks, row_groups};
use registers::{Register, Ymm, YmmAvxVnni, YmmVnni, Zmm};

/// Computes the outputs of all positions.
///
/// # Safety
///
/// As for [`Register`].
#[inline(always)]
unsafe fn run<R: Register>(call: DepthwiseU8Call<'_>) {
    let DepthwiseU8Call {
        shape,
        input,
        run_step,
        positions,
        packed,
        rescaler,
        mut outputs,
    } = call;
    let channels = shape.channels;
    let groups = row_groups(shape.rows);
    let count = channels.div_ceil(R::LANES);
    let (Some(last), Some(outputs)) = (positions.end().checked_sub(1), outputs.bytes()) else {
        return;
    };
    let block_size = shape.columns * groups * 4 * R::LANES;
    let in_cell = channels.max(R::LANES);
    let window = (shape.rows - 1) * run_step + (shape.columns - 1) * channels;
    assert!(last + window + in_cell <= input.len(), "inputs");
    assert!(count * block_size <= packed.weights.len(), "weights");
    assert!(
        count * PARAMETERS * R::LANES <= packed.parameters.len(),
        "parameters"
    );
    assert!(positions.count * channels <= outputs.len(), "outputs");
    for (begin, places) in positions.rows() {
        for (index, block) in blocks(channels, R::LANES).enumerate() {
            // SAFETY: the assertions above hold for every window, block and output.
            unsafe {
                let row = Row {
                    input: input.as_ptr().add(begin + block),
                    step: positions.step,
                    run_step,
                    channels,
                    rows: shape.rows,
                    columns: shape.columns,
                    weights: packed.weights.as_ptr().add(index * block_size).cast(),
                    parameters: packed
                        .parameters
                        .as_ptr()
                        .add(index * PARAMETERS * R::LANES),
                    width: R::LANES.min(channels),
                    flip: rescaler.flip,
                };
                let mut to = outputs.as_mut_ptr().add(places.start * channels + block);
                let strides = [channels, 2 * channels];
                if (shape.rows, shape.columns) == (3, 3) && strides.contains(&row.step) {
                    row.three::<R>(places.len(), to);
                    continue;
                }
                for place in 0..places.len() {
                    row.any::<R>(place, to);
                    to = to.add(channels);
                }
            }
        }
    }
}

/// A row of positions and a block of channels. All pointers are valid for what the methods read.
struct Row {
    input: *const u8,
    step: usize,
    run_step: usize,
    channels: usize,
    rows: usize,
    columns: usize,
    weights: *const u8,
    parameters: *const i32,
    /// The number of channels of the block.
    width: usize,
    /// The bits of outputs that are flipped.
    flip: u8,
}

impl Row {
    /// The quads of a group of rows of the column at `offset`. Rows that the kernel does not have are zero.
    #[inline(always)]
    unsafe fn column<R: Register>(&self, offset: usize, group: usize, rows: usize) -> [R; 4] {
        // SAFETY: as this type's.
        unsafe {
            let cell = self.input.add(offset + 4 * group * self.run_step);
            let mut loaded = [R::zero(); 4];
            unrolled!(row < 4 => {
                if 4 * group + row < rows {
                    loaded[row] = R::load(cell.add(row * self.run_step));
                }
            });
            R::quads(loaded)
        }
    }

    /// The weights of a group of rows of a column.
    #[inline(always)]
    unsafe fn weights<R: Register>(&self, column: usize, group: usize) -> [R; 4] {
        let place = (column * row_groups(self.rows) + group) * 4 * R::LANES;
        // SAFETY: as this type's.
        core::array::from_fn(|register| unsafe {
            R::load(self.weights.add(place + register * R::LANES))
        })
    }

    /// What sums start from.
    #[inline(always)]
    unsafe fn start<R: Register>(&self) -> [R; 4] {
        // SAFETY: as this type's.
        core::array::from_fn(|register| unsafe {
            R::load(self.parameters_of::<R>(register).cast())
        })
    }

    #[inline(always)]
    unsafe fn parameters_of<R: Register>(&self, register: usize) -> *const i32 {
        // SAFETY: as this type's.
        unsafe { self.parameters.add(register * PARAMETERS * R::LANES / 4) }
    }

    /// Stores the outputs of the sums of `P` positions, `channels` bytes apart. They share the reading of parameters.
    #[inline(always)]
    unsafe fn store<R: Register, const P: usize>(&self, sums: &[[R; 4]; P], to: *mut u8) {
        // SAFETY: as this type's. No more outputs are written than the block has channels.
        unsafe {
            let mut outputs = *sums;
            unrolled!(register < 4 => {
                let line = self.parameters_of::<R>(register).add(R::LANES / 4);
                let line = R::line(line);
                for outputs in &mut outputs {
                    outputs[register] = outputs[register].outputs(line);
                }
            });
            for (place, outputs) in outputs.into_iter().enumerate() {
                let to = to.add(place * self.channels);
                if self.width == R::LANES {
                    R::store(outputs, self.flip, to);
                } else {
                    let mut bytes = [0u8; 64];
                    R::store(outputs, self.flip, bytes.as_mut_ptr());
                    core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, self.width);
                }
            }
        }
    }

    /// All positions of windows of 3x3 cells. Neighbouring windows share the quads of columns.
    #[inline(always)]
    unsafe fn three<R: Register>(&self, count: usize, mut to: *mut u8) {
        // SAFETY: as this type's.
        unsafe {
            let channels = self.channels;
            let column = |index: usize| self.column::<R>(index * channels, 0, 3);
            if self.step == channels {
                let (mut a, mut b) = (column(0), column(1));
                for place in (0..count & !1).step_by(2) {
                    let (c, d) = (column(place + 2), column(place + 3));
                    let sums = [self.three_sums([a, b, c]), self.three_sums([b, c, d])];
                    self.store(&sums, to);
                    (a, b) = (c, d);
                    to = to.add(2 * channels);
                }
                if count % 2 == 1 {
                    let sums = [self.three_sums([a, b, column(count + 1)])];
                    self.store(&sums, to);
                }
                return;
            }
            let mut a = column(0);
            for place in (0..count & !1).step_by(2) {
                let (b, c) = (column(2 * place + 1), column(2 * place + 2));
                let (d, e) = (column(2 * place + 3), column(2 * place + 4));
                let sums = [self.three_sums([a, b, c]), self.three_sums([c, d, e])];
                self.store(&sums, to);
                a = e;
                to = to.add(2 * channels);
            }
            if count % 2 == 1 {
                let sums = [self.three_sums([a, column(2 * count - 1), column(2 * count)])];
                self.store(&sums, to);
            }
        }
    }

    /// The sums of a window of 3x3 cells, from the quads of its columns.
    #[inline(always)]
    unsafe fn three_sums<R: Register>(&self, columns: [[R; 4]; 3]) -> [R; 4] {
        // SAFETY: as this type's.
        unsafe {
            let mut sums = self.start::<R>();
            unrolled!(c < 3 => {
                let weights = self.weights::<R>(c, 0);
                unrolled!(r < 4 => {
                    sums[r] = sums[r].add_products(columns[c][r], weights[r]);
                });
            });
            sums
        }
    }

    /// The position at `place`, of windows of any size.
    #[inline(always)]
    unsafe fn any<R: Register>(&self, place: usize, to: *mut u8) {
        // SAFETY: as this type's.
        unsafe {
            let mut sums = self.start::<R>();
            for column in 0..self.columns {
                for group in 0..row_groups(self.rows) {
                    let offset = place * self.step + column * self.channels;
                    let quads = self.column::<R>(offset, group, self.rows);
                    let weights = self.weights::<R>(column, group);
                    unrolled!(r < 4 => {
                        sums[r] = sums[r].add_products(quads[r], weights[r]);
                    });
                }
            }
            self.store(&[sums], to);
        }
    }
}

/// Exact: four products of 8 bits are added to 32 bits without an intermediate that is narrower.
pub(super) fn avx512(call: DepthwiseU8Call<'_>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { run_avx512(call) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn run_avx512(call: DepthwiseU8Call<'_>) {
    // SAFETY: this function has the instructions of the registers.
    unsafe {
        if call.shape.channels <= YmmVnni::LANES {
            run::<YmmVnni>(call);
        } else {
            run::<Zmm>(call);
        }
    }
}

/// The packing of [`avx512`].
pub(super) fn pack_avx512(layer: DepthwiseU8Layer<'_>) -> Result<PackedDepthwise, OutOfMemory> {
    if layer.shape.channels <= YmmVnni::LANES {
        pack::<32>(layer)
    } else {
        pack::<64>(layer)
    }
}

/// Exact: as [`avx512`].
pub(super) fn avxvnni(call: DepthwiseU8Call<'_>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { run_avxvnni(call) }
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn run_avxvnni(call: DepthwiseU8Call<'_>) {
    // SAFETY: this function has the instructions of the register.
    unsafe { run::<YmmAvxVnni>(call) }
}

/// Exact where twice the largest product fits 16 bits.
pub(super) fn avx2(call: DepthwiseU8Call<'_>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { run_avx2(call) }
}

#[target_feature(enable = "avx2,fma")]
fn run_avx2(call: DepthwiseU8Call<'_>) {
    // SAFETY: this function has the instructions of the register.
    unsafe { run::<Ymm>(call) }
}
