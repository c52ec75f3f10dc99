//! Kernels for AVX2 with FMA, and with the products of AVX-VNNI. `docs/engine.md` defines the words.
#![allow(unsafe_code)]

use super::depthwise;
use super::group::{GROUP, Product};
use super::stretches;
use crate::kernels::{DenseCall, DepthwiseCall, Sink, generic};
use crate::output::{IntegerLine, Line, PANEL};
use core::arch::asm;
use core::arch::x86_64::*;

pub(super) fn is_available() -> bool {
    #[cfg(feature = "std")]
    return std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
    #[cfg(not(feature = "std"))]
    return cfg!(all(target_feature = "avx2", target_feature = "fma"));
}

pub(super) fn has_vnni() -> bool {
    #[cfg(feature = "std")]
    return is_available() && std::is_x86_feature_detected!("avxvnni");
    #[cfg(not(feature = "std"))]
    return is_available() && cfg!(target_feature = "avxvnni");
}

/// Exact: a stretch of products is summed in 16 bits, no longer than the weights allow, then added in 32 bits.
pub(super) fn dense_u8(call: DenseCall<'_, u8, i8>) {
    let size = |panels, panel| panels * stretches::panel_size(panel);
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { dense::<false, false>(Product::packed(call, size)) }
}

/// Exact: two products of 16 bits are added in 32 bits, |input| < 2^15 and |weight| < 2^7.
pub(super) fn dense_i16(call: DenseCall<'_, i16, i16>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { dense::<true, false>(Product::new(call)) }
}

/// Exact: four products of 8 bits are added to 32 bits without an intermediate that is narrower.
pub(super) fn dense_u8_vnni(call: DenseCall<'_, u8, i8>) {
    // SAFETY: kernels are called only where `has_vnni` has answered yes.
    unsafe { dense::<false, true>(Product::new(call)) }
}

/// Exact: two products of 16 bits are added to 32 bits, |input| < 2^15 and |weight| < 2^7.
pub(super) fn dense_i16_vnni(call: DenseCall<'_, i16, i16>) {
    // SAFETY: kernels are called only where `has_vnni` has answered yes.
    unsafe { dense::<true, true>(Product::new(call)) }
}

/// Exact where no sum exceeds 16 bits.
pub(super) fn depthwise(call: DepthwiseCall<'_, i16>) {
    // SAFETY: kernels are called only where `is_available` has answered yes.
    unsafe { depthwise_sums(call) }
}

#[target_feature(enable = "avx2,fma")]
fn depthwise_sums(call: DepthwiseCall<'_, i16>) {
    if depthwise::is_covered(call.shape) {
        // SAFETY: this function has the instructions of the registers.
        unsafe { depthwise::run::<__m256i>(call) }
    } else {
        generic::depthwise_i16(call);
    }
}

/// The sums of a panel.
type Sums = [__m256i; 2];

/// Computes a product. `WORDS` means inputs of 16 bits, `VNNI` that the processor has AVX-VNNI.
#[target_feature(enable = "avx2,fma")]
fn dense<const WORDS: bool, const VNNI: bool>(mut product: Product<'_>) {
    for panel in 0..product.panels {
        let mut starts = product.positions.starts();
        let count = product.positions.count;
        let mut done = 0;
        while done < count {
            done += match count - done {
                6.. => tile::<6, WORDS, VNNI>(&mut product, panel, done, &mut starts),
                4.. => tile::<4, WORDS, VNNI>(&mut product, panel, done, &mut starts),
                2.. => tile::<2, WORDS, VNNI>(&mut product, panel, done, &mut starts),
                _ => tile::<1, WORDS, VNNI>(&mut product, panel, done, &mut starts),
            };
        }
    }
}

/// Computes a tile: `M` positions from `position` on, whose windows begin at `starts`, and one panel; gives `M`.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn tile<const M: usize, const WORDS: bool, const VNNI: bool>(
    product: &mut Product<'_>,
    panel: usize,
    position: usize,
    starts: &mut impl Iterator<Item = usize>,
) -> usize {
    let starts: [usize; M] = core::array::from_fn(|_| starts.next().unwrap_or_default());
    let first = panel * PANEL;
    let mut start = load(&product.start[first..]);
    if let Sink::Levels(levels, _) = &product.sink
        && let Some(line) = &levels.line
    {
        let [low, high] = load(&line.shift[first..]);
        start = [
            _mm256_add_epi32(start[0], low),
            _mm256_add_epi32(start[1], high),
        ];
    }
    let mut sums: [Sums; M] = [start; M];
    if WORDS || VNNI {
        add_runs::<M, WORDS, VNNI>(product, panel, starts, &mut sums);
    } else {
        add_stretches(product, panel, starts, &mut sums);
    }
    store(product, first, position, &sums);
    M
}

/// Adds the products of `M` windows and a panel to sums of 32 bits.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add_runs<const M: usize, const WORDS: bool, const VNNI: bool>(
    product: &Product<'_>,
    panel: usize,
    starts: [usize; M],
    sums: &mut [Sums; M],
) {
    for row in 0..product.rows {
        // SAFETY: `Product::new` has checked that every group of the windows and all weights can be read.
        unsafe {
            let inputs = starts.map(|start| product.input.add(start + row * product.run_step));
            let weights = product
                .weights
                .add((panel * product.rows + row) * product.run_size);
            for group in 0..product.groups {
                let weights = load_weights(weights, group);
                for (sums, input) in sums.iter_mut().zip(inputs) {
                    let x = broadcast(input, group);
                    for (sums, weights) in sums.iter_mut().zip(weights) {
                        *sums = add_products::<WORDS, VNNI>(*sums, x, weights);
                    }
                }
            }
        }
    }
}

/// Adds the products of `M` windows of bytes and a panel to sums of 32 bits, by way of stretches in 16 bits.
///
/// The first products of a stretch replace the sums of the stretch before.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add_stretches<const M: usize>(
    product: &Product<'_>,
    panel: usize,
    starts: [usize; M],
    sums: &mut [Sums; M],
) {
    let size = product.panel_size();
    // SAFETY: `dense_u8` has checked that every group of the windows, all weights and the table of every panel can be read.
    // The table has an entry for each group, and one more.
    unsafe {
        let panel = product.weights.add(panel * stretches::panel_size(size));
        let mut lengths = panel.add(size);
        let mut stretch: [Sums; M] = [[_mm256_setzero_si256(); 2]; M];
        let mut left = usize::from(*lengths);
        let mut is_new = true;
        for row in 0..product.rows {
            let inputs = starts.map(|start| product.input.add(start + row * product.run_step));
            let weights = panel.add(row * product.run_size);
            let mut group = 0;
            while group < product.groups {
                let end = product.groups.min(group + left);
                left -= end - group;
                if is_new {
                    let weights = load_weights(weights, group);
                    for (stretch, input) in stretch.iter_mut().zip(inputs) {
                        let x = broadcast(input, group);
                        *stretch = weights.map(|weights| _mm256_maddubs_epi16(x, weights));
                    }
                    is_new = false;
                    group += 1;
                }
                for group in group..end {
                    let weights = load_weights(weights, group);
                    for (stretch, input) in stretch.iter_mut().zip(inputs) {
                        let x = broadcast(input, group);
                        for (stretch, weights) in stretch.iter_mut().zip(weights) {
                            let products = _mm256_maddubs_epi16(x, weights);
                            *stretch = _mm256_add_epi16(*stretch, products);
                        }
                    }
                }
                group = end;
                if left == 0 {
                    for (sums, stretch) in sums.iter_mut().zip(&stretch) {
                        for (sums, stretch) in sums.iter_mut().zip(stretch) {
                            let pairs = _mm256_madd_epi16(*stretch, _mm256_set1_epi16(1));
                            *sums = _mm256_add_epi32(*sums, pairs);
                        }
                    }
                    lengths = lengths.add(1);
                    left = usize::from(*lengths);
                    is_new = true;
                }
            }
        }
    }
}

/// The weights of a group of a run.
///
/// # Safety
///
/// The run has this group.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn load_weights(run: *const u8, group: usize) -> [__m256i; 2] {
    // SAFETY: the caller's; the instruction needs no alignment.
    unsafe {
        let weights = run.add(group * PANEL * GROUP);
        [
            _mm256_loadu_si256(weights.cast()),
            _mm256_loadu_si256(weights.add(PANEL * GROUP / 2).cast()),
        ]
    }
}

/// A group of inputs in each lane.
///
/// # Safety
///
/// The run has this group.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn broadcast(run: *const u8, group: usize) -> __m256i {
    // SAFETY: the caller's.
    unsafe { _mm256_set1_epi32(run.add(group * GROUP).cast::<i32>().read_unaligned()) }
}

/// Adds the products of a group of inputs and the weights of eight filters. Each lane of `x` holds the same group.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn add_products<const WORDS: bool, const VNNI: bool>(
    mut sums: __m256i,
    x: __m256i,
    weights: __m256i,
) -> __m256i {
    match (WORDS, VNNI) {
        (false, false) => unreachable!("bytes are summed in stretches"),
        (true, false) => _mm256_add_epi32(sums, _mm256_madd_epi16(x, weights)),
        // Assembly lets one function serve processors with AVX-VNNI and without.
        // SAFETY: the instruction works on registers alone, and `VNNI` says that the processor has it.
        (false, true) => unsafe {
            asm!(
                "{{vex}} vpdpbusd {sums}, {x}, {weights}",
                sums = inout(ymm_reg) sums,
                x = in(ymm_reg) x,
                weights = in(ymm_reg) weights,
                options(pure, nomem, nostack, preserves_flags),
            );
            sums
        },
        // SAFETY: as above.
        (true, true) => unsafe {
            asm!(
                "{{vex}} vpdpwssd {sums}, {x}, {weights}",
                sums = inout(ymm_reg) sums,
                x = in(ymm_reg) x,
                weights = in(ymm_reg) weights,
                options(pure, nomem, nostack, preserves_flags),
            );
            sums
        },
    }
}

/// Stores the results of a tile: `M` positions from `position` on, the panel whose first filter is `first`.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn store<const M: usize>(
    product: &mut Product<'_>,
    first: usize,
    position: usize,
    sums: &[Sums; M],
) {
    let filters = product.filters;
    let width = PANEL.min(filters - first);
    let place = |p: usize| (position + p) * filters + first;
    if let Sink::Levels(levels, out) = &mut product.sink
        && let Some(line) = &levels.line
    {
        let line = OnLine::new(line, first, levels.highest);
        unrolled!(p < M => {
            out[place(p)..][..width].copy_from_slice(&line.levels(&sums[p])[..width]);
        });
        return;
    }
    if let Sink::Rescaled(rescaler, out) = &mut product.sink
        && let Some(line) = &rescaler.line
        && let Some(out) = out.bytes()
    {
        let line = OnIntegerLine::new(line, first, rescaler.flip);
        unrolled!(p < M => {
            out[place(p)..][..width].copy_from_slice(&line.outputs(&sums[p])[..width]);
        });
        return;
    }
    unrolled!(p < M => {
        product.sink.store(place(p), first, &values(&sums[p])[..width]);
    });
}

/// The parameters of an [`IntegerLine`] for a panel, in registers.
struct OnIntegerLine {
    low: Sums,
    high: Sums,
    scale: Sums,
    half: Sums,
    shift: Sums,
    /// The bits that are flipped.
    flip: __m256i,
}

impl OnIntegerLine {
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn new(line: &IntegerLine, first: usize, flip: u8) -> Self {
        Self {
            low: load(&line.low[first..]),
            high: load(&line.high[first..]),
            scale: load(&line.scale[first..]),
            half: load(&line.half[first..]),
            shift: load(&line.shift[first..]),
            flip: _mm256_set1_epi32(flip.into()),
        }
    }

    /// The outputs of sums that have started from the bias, each as its lowest byte.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn outputs(&self, sums: &Sums) -> [u8; PANEL] {
        let [low, high] = core::array::from_fn(|i| {
            let clipped = _mm256_min_epi32(_mm256_max_epi32(sums[i], self.low[i]), self.high[i]);
            let product = _mm256_mullo_epi32(clipped, self.scale[i]);
            let shifted = _mm256_srav_epi32(_mm256_add_epi32(product, self.half[i]), self.shift[i]);
            let flipped = _mm256_xor_si256(shifted, self.flip);
            // The lowest byte alone, so that packing does not saturate.
            _mm256_and_si256(flipped, _mm256_set1_epi32(0xff))
        });
        bytes(low, high)
    }
}

/// Sixteen 32-bit values in 0..=255 as bytes.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn bytes(low: __m256i, high: __m256i) -> [u8; PANEL] {
    // Packing works on halves of registers. The permutation puts the filters in order again.
    let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high));
    let packed = _mm_packus_epi16(
        _mm256_castsi256_si128(words),
        _mm256_extracti128_si256::<1>(words),
    );
    let mut bytes = [0; PANEL];
    // SAFETY: 16 writable bytes; the instruction needs no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), packed) };
    bytes
}

/// The parameters of a [`Line`] for a panel, in registers.
struct OnLine {
    slope: [__m256; 2],
    offset: [__m256; 2],
    highest: __m256,
}

impl OnLine {
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn new(line: &Line, first: usize, highest: u8) -> Self {
        Self {
            slope: load_f32(&line.slope[first..]),
            offset: load_f32(&line.offset[first..]),
            highest: _mm256_set1_ps(f32::from(highest)),
        }
    }

    /// The levels of potentials to which the line's shift has been added.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn levels(&self, shifted: &Sums) -> [u8; PANEL] {
        let [low, high] = core::array::from_fn(|i| {
            let place = _mm256_fmadd_ps(
                _mm256_cvtepi32_ps(shifted[i]),
                self.slope[i],
                self.offset[i],
            );
            let clipped = _mm256_min_ps(_mm256_max_ps(place, _mm256_setzero_ps()), self.highest);
            _mm256_cvttps_epi32(clipped)
        });
        bytes(low, high)
    }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn load(values: &[i32]) -> Sums {
    let values = &values[..PANEL];
    // SAFETY: 64 readable bytes; the instruction needs no alignment.
    unsafe {
        [
            _mm256_loadu_si256(values.as_ptr().cast()),
            _mm256_loadu_si256(values.as_ptr().add(PANEL / 2).cast()),
        ]
    }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn load_f32(values: &[f32]) -> [__m256; 2] {
    let values = &values[..PANEL];
    // SAFETY: 64 readable bytes; the instruction needs no alignment.
    unsafe {
        [
            _mm256_loadu_ps(values.as_ptr()),
            _mm256_loadu_ps(values.as_ptr().add(PANEL / 2)),
        ]
    }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
fn values(sums: &Sums) -> [i32; PANEL] {
    let mut values = [0; PANEL];
    let (low, high) = values.split_at_mut(PANEL / 2);
    // SAFETY: each half has 32 writable bytes; the instruction needs no alignment.
    unsafe {
        _mm256_storeu_si256(low.as_mut_ptr().cast(), sums[0]);
        _mm256_storeu_si256(high.as_mut_ptr().cast(), sums[1]);
    }
    values
}
