//! The limits of Akida 1.0 that a layer breaks by itself.

use crate::device::Limit;
use crate::device::akida1::{ConvLimits, FullyLimits, ImageLimits, LayerLimits, Limits};
use crate::map::findings::Findings;
use crate::map::violation::Effect;
use crate::{Layer, Pair, Pooling, Stage, Weights, Windows};
use alloc::format;
use alloc::sync::Arc;

/// Checks every parameter of a layer that the documentation limits.
pub(super) fn check_limits(
    findings: &mut Findings<'_>,
    layer: &Layer,
    readers: &[&Arc<Layer>],
    limits: &Limits,
) {
    let remedy = "run it in software, between two sequences on the chip, or build the network without branches";
    findings.word(&limits.layer_type, layer.spec().type_name(), remedy);
    let Some(windows) = layer.connection().operation.windows() else {
        return;
    };
    match limits.of(layer.spec()) {
        LayerLimits::Unlimited => {}
        LayerLimits::Image(limits) => check_image(findings, layer, windows, limits),
        LayerLimits::Conv(limits) => check_conv(findings, layer, windows, readers, limits),
        LayerLimits::Fully(limits) => check_fully(findings, layer, limits),
    }
}

fn check_image(
    findings: &mut Findings<'_>,
    layer: &Layer,
    windows: &Windows,
    limits: &ImageLimits,
) {
    let input = layer.connection().input.shape;
    let resize = "resize or tile the images to a size of {}";
    findings.number(&limits.width, input.y, resize);
    findings.number(&limits.height, input.x, resize);
    findings.number(&limits.channels, input.c, "");
    findings.size(&limits.kernel_size, windows.size);
    findings.size(&limits.kernel_stride, windows.stride);
    findings.padding(&limits.padding, windows.padding);
    let filters = layer.connection().output.shape.c;
    if let Some(most) = limits.filters.allowed.filters(windows.size, input.c)
        && filters > most
    {
        let received = format!(
            "{filters} with kernel_size {} and {} channels",
            windows.size, input.c
        );
        let remedy = format!("use at most {most} filters");
        findings.add(&limits.filters, Effect::Software, received, remedy);
    }
    match windows.pooling {
        Pooling::None => {}
        Pooling::GlobalAverage => {
            findings.word(&limits.pool_type, "Average", "pool in a later layer");
        }
        Pooling::Max { size, stride } => {
            findings.size(&limits.pool_size, size);
            if stride != size {
                let received = format!("{stride} with pool_size {size}");
                let remedy = format!("use pool_stride {size}");
                findings.add(&limits.pool_stride, Effect::Software, received, remedy);
            }
        }
    }
    findings.bits(&limits.weights_bits, weights_bits(layer));
    findings.bits(&limits.act_bits, act_bits(layer));
}

fn check_conv(
    findings: &mut Findings<'_>,
    layer: &Layer,
    windows: &Windows,
    readers: &[&Arc<Layer>],
    limits: &ConvLimits,
) {
    let input = layer.connection().input;
    findings.number(&limits.width, input.shape.y, "");
    findings.number(&limits.height, input.shape.x, "");
    let remedy = "give the layer before at most {} filters";
    findings.number(&limits.channels, input.shape.c, remedy);
    findings.size(&limits.kernel_size, windows.size);
    findings.size(&limits.kernel_stride, windows.stride);
    if windows.stride == Pair::square(2) {
        findings.size(&limits.strided_kernel, windows.size);
    }
    findings.padding(&limits.padding, windows.padding);
    match windows.pooling {
        Pooling::None => {}
        Pooling::Max { size, stride } => {
            check_max_pooling(findings, size, stride, limits);
            check_pooled_successor(findings, readers, &limits.pooled_successor);
        }
        Pooling::GlobalAverage => check_global_average(findings, layer, limits),
    }
    findings.bits(&limits.input_bits, Some(input.format.bits));
    findings.bits(&limits.weights_bits, weights_bits(layer));
    findings.bits(&limits.act_bits, act_bits(layer));
}

fn check_max_pooling(findings: &mut Findings<'_>, size: Pair, stride: Pair, limits: &ConvLimits) {
    findings.size(&limits.pool_size, size);
    findings.size(&limits.pool_stride, stride);
    if stride.x > size.x || stride.y > size.y {
        let received = format!("{stride}, above pool_size {size}");
        let remedy = format!("use pool_stride {size}");
        findings.add(&limits.pool_stride, Effect::Software, received, remedy);
    }
}

fn check_pooled_successor(findings: &mut Findings<'_>, readers: &[&Arc<Layer>], limit: &Limit) {
    let remedy = "pool in an earlier layer, or use kernel_stride (2, 2) instead of pooling";
    findings.successors(limit, readers, remedy);
}

fn check_global_average(findings: &mut Findings<'_>, layer: &Layer, limits: &ConvLimits) {
    let pooled = layer.connection().potential_shape;
    let remedy = "reduce the map with strides or pooling in earlier layers to a width of {}";
    findings.number(&limits.gap_width, pooled.y, remedy);
    let remedy =
        "keep at least {} rows with fewer strides or larger inputs, or leave the pooling out";
    findings.number(&limits.gap_rows, pooled.x, remedy);
    if let Some(limit) = &limits.gap_input {
        let positions = layer.connection().input.shape.positions();
        let remedy = "leave the pooling out: the map has one position";
        findings.number(limit, positions, remedy);
    }
}

fn check_fully(findings: &mut Findings<'_>, layer: &Layer, limits: &FullyLimits) {
    let input = layer.connection().input;
    let remedy = "reduce the map with pooling, strides or fewer filters to at most {} values";
    findings.number(&limits.inputs, input.shape.len(), remedy);
    findings.bits(&limits.input_bits, Some(input.format.bits));
    findings.bits(&limits.weights_bits, weights_bits(layer));
    findings.bits(&limits.act_bits, act_bits(layer));
}

/// The bits of the weights; of a separable layer both kernels have as many.
fn weights_bits(layer: &Layer) -> Option<u8> {
    layer.weights().map(Weights::bits)
}

/// The bits of the levels; `None` for a layer without activation.
fn act_bits(layer: &Layer) -> Option<u8> {
    match layer.connection().stage {
        Stage::Thresholds => Some(layer.connection().output.format.bits),
        Stage::Raw | Stage::Rescale(_) => None,
    }
}
