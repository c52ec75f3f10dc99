//! Depthwise layers of Akida 2.0, in registers of any width. `docs/engine.md` defines the words.
//!
//! An instruction multiplies quads: four bytes of a channel, from four rows of a column, by four weights. Interleaving the
//! bytes of four rows makes the quads of a column. It leaves them in four registers, whose order packing the outputs undoes.
#![allow(unsafe_code)]

use crate::kernels::depthwise_u8::{DepthwiseU8Call, DepthwiseU8Layer, PackedDepthwise};
use crate::memory::{self, OutOfMemory};
use core::arch::x86_64::*;

/// A register of unsigned bytes, of weights, or of 32-bit sums.
///
/// # Safety
///
/// Methods need the instructions of the register. Pointers must be valid for all that a method reads or writes there.
pub(super) trait Register: Copy {
    /// The bytes of a register.
    const LANES: usize;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const u8) -> Self;
    /// The quads of four rows, in the order that [`channel`] tells.
    unsafe fn quads(rows: [Self; 4]) -> [Self; 4];
    /// Adds to 32-bit sums the products of quads of bytes and quads of weights.
    unsafe fn add_products(self, bytes: Self, weights: Self) -> Self;
    /// Makes outputs of sums: a line in integers, whose parameters lie a register apart.
    unsafe fn outputs(self, line: *const i32) -> Self;
    /// Stores outputs, each as its lowest byte, in the order of channels.
    unsafe fn store(outputs: [Self; 4], to: *mut u8);
}

/// The channel of a block whose quad lies at place `lane` of register `register`, one of four.
fn channel(register: usize, lane: usize) -> usize {
    lane / 4 * 16 + register * 4 + lane % 4
}

/// The parameters of a channel: what its sums start from, then a line in integers.
const PARAMETERS: usize = 6;

/// Where blocks of `lanes` channels begin. The last block ends with the last channel, and may overlap the one before.
fn blocks(channels: usize, lanes: usize) -> impl Iterator<Item = usize> {
    let last = channels.saturating_sub(lanes);
    (0..channels.div_ceil(lanes)).map(move |block| last.min(block * lanes))
}

/// The number of groups of four rows.
fn row_groups(rows: usize) -> usize {
    rows.div_ceil(4)
}

/// Packs weights as `[block][column][group of rows][register][channel][row]`, and parameters as
/// `[block][register][parameter][channel]`.
pub(super) fn pack<const LANES: usize>(
    layer: DepthwiseU8Layer<'_>,
) -> Result<PackedDepthwise, OutOfMemory> {
    let shape = layer.shape;
    let groups = row_groups(shape.rows);
    let count = shape.channels.div_ceil(LANES);
    let mut weights = memory::with_capacity(count * shape.columns * groups * 4 * LANES)?;
    let mut parameters = memory::with_capacity(count * PARAMETERS * LANES)?;
    for block in blocks(shape.channels, LANES) {
        for column in 0..shape.columns {
            for (group, register) in (0..groups).flat_map(|g| (0..4).map(move |r| (g, r))) {
                for lane in 0..LANES / 4 {
                    let channel = block + channel(register, lane);
                    for row in 4 * group..4 * group + 4 {
                        let inside = row < shape.rows && channel < shape.channels;
                        let cell = (row * shape.columns + column) * shape.channels;
                        weights.push(if inside {
                            layer.weights[cell + channel]
                        } else {
                            0
                        });
                    }
                }
            }
        }
        for register in 0..4 {
            let line = layer.rescaler.line.as_ref();
            let line = line.map(|l| [&l.low, &l.high, &l.scale, &l.half, &l.shift]);
            for parameter in 0..PARAMETERS {
                for lane in 0..LANES / 4 {
                    let channel = block + channel(register, lane);
                    let of_channel = match parameter {
                        0 => layer.start.get(channel),
                        _ => line.and_then(|line| line[parameter - 1].get(channel)),
                    };
                    parameters.push(of_channel.copied().unwrap_or(0));
                }
            }
        }
    }
    Ok(PackedDepthwise {
        weights,
        parameters,
    })
}

/// Computes the outputs of all positions.
///
/// # Safety
///
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn run<R: Register>(call: DepthwiseU8Call<'_>) {
    let DepthwiseU8Call {
        shape,
        input,
        run_step,
        positions,
        packed,
        mut outputs,
        ..
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
                };
                let mut to = outputs.as_mut_ptr().add(places.start * channels + block);
                if (shape.rows, shape.columns) == (3, 3) && row.step <= 2 * channels {
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

    /// Stores the outputs of the sums of a position.
    #[inline(always)]
    unsafe fn store<R: Register>(&self, sums: [R; 4], to: *mut u8) {
        // SAFETY: as this type's. No more outputs are written than the block has channels.
        unsafe {
            let mut outputs = sums;
            unrolled!(register < 4 => {
                let line = self.parameters_of::<R>(register).add(R::LANES / 4);
                outputs[register] = sums[register].outputs(line);
            });
            if self.width == R::LANES {
                R::store(outputs, to);
            } else {
                let mut bytes = [0u8; 64];
                R::store(outputs, bytes.as_mut_ptr());
                core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, self.width);
            }
        }
    }

    /// All positions of windows of 3x3 cells. Neighbouring windows share the quads of columns.
    #[inline(always)]
    unsafe fn three<R: Register>(&self, count: usize, mut to: *mut u8) {
        // SAFETY: as this type's.
        unsafe {
            let weights: [[R; 4]; 3] = core::array::from_fn(|c| self.weights::<R>(c, 0));
            let column = |offset: usize| self.column::<R>(offset, 0, 3);
            let channels = self.channels;
            let mut left = column(0);
            if self.step == channels {
                let mut middle = column(channels);
                for place in 0..count {
                    let right = column((place + 2) * channels);
                    let mut sums = self.start::<R>();
                    unrolled!(r < 4 => {
                        sums[r] = sums[r]
                            .add_products(left[r], weights[0][r])
                            .add_products(middle[r], weights[1][r])
                            .add_products(right[r], weights[2][r]);
                    });
                    self.store(sums, to);
                    (left, middle) = (middle, right);
                    to = to.add(channels);
                }
            } else {
                for place in 0..count {
                    let middle = column(place * self.step + channels);
                    let right = column(place * self.step + 2 * channels);
                    let mut sums = self.start::<R>();
                    unrolled!(r < 4 => {
                        sums[r] = sums[r]
                            .add_products(left[r], weights[0][r])
                            .add_products(middle[r], weights[1][r])
                            .add_products(right[r], weights[2][r]);
                    });
                    self.store(sums, to);
                    left = right;
                    to = to.add(channels);
                }
            }
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
            self.store(sums, to);
        }
    }
}

/// Implements [`Register`] but for the products.
macro_rules! register {
    ($register:ty, $lanes:literal, [$zero:ident, $load:ident, $store:ident],
     [$low8:ident, $high8:ident, $low16:ident, $high16:ident],
     [$max:ident, $min:ident, $mul:ident, $add:ident, $shift:ident],
     [$pack32:ident, $pack16:ident, $and:ident, $set:ident], $products:expr) => {
        impl Register for $register {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: as the trait's.
                Self(unsafe { $zero() })
            }

            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: as the trait's; the instruction needs no alignment.
                Self(unsafe { $load(from.cast()) })
            }

            #[inline(always)]
            unsafe fn quads([a, b, c, d]: [Self; 4]) -> [Self; 4] {
                // SAFETY: as the trait's.
                unsafe {
                    let upper = [$low8(a.0, b.0), $high8(a.0, b.0)];
                    let lower = [$low8(c.0, d.0), $high8(c.0, d.0)];
                    [
                        Self($low16(upper[0], lower[0])),
                        Self($high16(upper[0], lower[0])),
                        Self($low16(upper[1], lower[1])),
                        Self($high16(upper[1], lower[1])),
                    ]
                }
            }

            #[inline(always)]
            unsafe fn add_products(self, bytes: Self, weights: Self) -> Self {
                // SAFETY: as the trait's.
                Self(unsafe { $products(self.0, bytes.0, weights.0) })
            }

            #[inline(always)]
            unsafe fn outputs(self, line: *const i32) -> Self {
                // SAFETY: as the trait's; the instructions need no alignment.
                unsafe {
                    let parameter = |index: usize| $load(line.add(index * $lanes / 4).cast());
                    let clipped = $min($max(self.0, parameter(0)), parameter(1));
                    let product = $add($mul(clipped, parameter(2)), parameter(3));
                    Self($shift(product, parameter(4)))
                }
            }

            #[inline(always)]
            unsafe fn store([a, b, c, d]: [Self; 4], to: *mut u8) {
                // SAFETY: as the trait's; the instruction needs no alignment.
                unsafe {
                    // The lowest byte alone, so that packing does not saturate.
                    let byte = $set(0xff);
                    let words = [$pack32(a.0, b.0), $pack32(c.0, d.0)];
                    let words = words.map(|words| $and(words, byte));
                    $store(to.cast(), $pack16(words[0], words[1]));
                }
            }
        }
    };
}

/// 64 channels, with AVX-512 and VNNI.
#[derive(Clone, Copy)]
pub(super) struct Zmm(__m512i);
/// 32 channels, with the VNNI of AVX-512.
#[derive(Clone, Copy)]
pub(super) struct YmmVnni(__m256i);
/// 32 channels, with AVX-VNNI.
#[derive(Clone, Copy)]
pub(super) struct YmmAvxVnni(__m256i);
/// 32 channels, with AVX2. Two products are added in 16 bits.
#[derive(Clone, Copy)]
pub(super) struct Ymm(__m256i);

register!(
    Zmm,
    64,
    [
        _mm512_setzero_si512,
        _mm512_loadu_si512,
        _mm512_storeu_si512
    ],
    [
        _mm512_unpacklo_epi8,
        _mm512_unpackhi_epi8,
        _mm512_unpacklo_epi16,
        _mm512_unpackhi_epi16
    ],
    [
        _mm512_max_epi32,
        _mm512_min_epi32,
        _mm512_mullo_epi32,
        _mm512_add_epi32,
        _mm512_srav_epi32
    ],
    [
        _mm512_packs_epi32,
        _mm512_packus_epi16,
        _mm512_and_si512,
        _mm512_set1_epi16
    ],
    |sum, x, w| _mm512_dpbusd_epi32(sum, x, w)
);
register!(
    YmmVnni,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16
    ],
    |sum, x, w| _mm256_dpbusd_epi32(sum, x, w)
);
register!(
    YmmAvxVnni,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16
    ],
    |sum, x, w| _mm256_dpbusd_avx_epi32(sum, x, w)
);
register!(
    Ymm,
    32,
    [
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256
    ],
    [
        _mm256_unpacklo_epi8,
        _mm256_unpackhi_epi8,
        _mm256_unpacklo_epi16,
        _mm256_unpackhi_epi16
    ],
    [
        _mm256_max_epi32,
        _mm256_min_epi32,
        _mm256_mullo_epi32,
        _mm256_add_epi32,
        _mm256_srav_epi32
    ],
    [
        _mm256_packs_epi32,
        _mm256_packus_epi16,
        _mm256_and_si256,
        _mm256_set1_epi16
    ],
    |sum, x, w| {
        let pairs = _mm256_maddubs_epi16(x, w);
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
);

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
