//! Can this chip hold it? Every limit of a device, checked on every layer.

use super::remedy;
use super::sequences::judge;
use super::violation::{Effect, Violation};
use crate::device::{Allowed, ConvLimits, Device, FullyLimits, ImageLimits, Limit, Registers};
use crate::{ConvParams, FullyConnected, Layer, LayerSpec, Model, Padding, Pair, Pooling};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Every limit of `device` that a layer of `model` breaks, in layer order.
///
/// An empty result means that each layer fits on the device by itself, so that [`map`](super::map) places them all.
///
/// # Examples
///
/// ```
/// use akida_sim::{ConvParams, Convolutional, InputData, ModelBuilder, Pair, Shape};
/// use akida_sim::{device::Device, map};
///
/// let mut builder = ModelBuilder::new();
/// builder.add("events", InputData::new(Shape::new(32, 32, 4), 4), &[])?;
/// let conv = ConvParams { act_bits: None, ..ConvParams::new(Pair::square(9), 16) };
/// builder.add("conv", Convolutional { conv }, &[])?;
/// let found = map::check(&builder.build()?, &Device::akd1000());
/// assert_eq!(found.len(), 1);
/// assert_eq!(
///     found[0].to_string(),
///     "layer \"conv\": kernel_size must be one of (1, 1), (3, 3), (5, 5), (7, 7), received (9, 9); use (7, 7)"
/// );
/// # Ok::<(), akida_sim::ModelError>(())
/// ```
#[must_use]
pub fn check(model: &Model, device: &Device) -> Vec<Violation> {
    judge(model, device).violations
}

/// The limits that each layer breaks by itself.
pub(super) fn check_layers(model: &Model, device: &Device) -> Vec<Violation> {
    let layers = model.layers();
    let mut found = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let readers: Vec<&Arc<Layer>> = layers
            .iter()
            .filter(|l| l.inbounds().contains(&index))
            .collect();
        let mut findings = Findings {
            layer,
            found: &mut found,
        };
        findings.layer(device, &readers);
        findings.registers(device.limits.registers_of(layer.spec()));
    }
    found
}

/// Collects the violations of one layer.
struct Findings<'a> {
    layer: &'a Layer,
    found: &'a mut Vec<Violation>,
}

impl Findings<'_> {
    fn add(&mut self, limit: &Limit, effect: Effect, received: impl ToString, remedy: String) {
        self.found.push(Violation {
            layer: self.layer.name().to_string(),
            rule: limit.rule,
            received: received.to_string(),
            allowed: limit.allowed.to_string(),
            source: limit.source,
            standing: limit.standing,
            effect,
            remedy,
        });
    }

    fn number(&mut self, limit: &Limit, received: usize, remedy: &str) {
        if let Some(nearest) = limit.allowed.nearest(received)
            && nearest != received
        {
            let remedy = match remedy {
                "" => format!("use {nearest}"),
                remedy => remedy.replace("{}", &nearest.to_string()),
            };
            self.add(limit, Effect::Software, received, remedy);
        }
    }

    fn size(&mut self, limit: &Limit, received: Pair) {
        if let Some(nearest) = limit.allowed.nearest_size(received)
            && nearest != received
        {
            self.add(limit, Effect::Software, received, format!("use {nearest}"));
        }
    }

    fn padding(&mut self, limit: &Limit, received: Padding) {
        if let Allowed::Paddings(allowed) = limit.allowed
            && !allowed.contains(&received)
        {
            let remedy = String::from("use padding Same");
            self.add(limit, Effect::Software, format!("{received:?}"), remedy);
        }
    }

    fn word(&mut self, limit: &Limit, received: &str, remedy: &str) {
        if let Allowed::Words(allowed) = limit.allowed
            && !allowed.contains(&received)
        {
            self.add(limit, Effect::Software, received, remedy.to_string());
        }
    }

    fn layer(&mut self, device: &Device, readers: &[&Arc<Layer>]) {
        let limits = device.limits;
        let layer = self.layer;
        let remedy = "run it in software, between two sequences on the chip, or build the network without branches";
        self.word(&limits.layer_type, layer.spec().type_name(), remedy);
        match layer.spec() {
            LayerSpec::InputConvolutional(l) => self.image(&limits.image, &l.conv),
            LayerSpec::Convolutional(l) => self.conv(&limits.conv, &l.conv, readers),
            LayerSpec::SeparableConvolutional(l) => self.conv(&limits.separable, &l.conv, readers),
            LayerSpec::FullyConnected(l) => self.fully(&limits.fully, l),
            LayerSpec::InputData(_) | LayerSpec::Concat(_) => {}
        }
    }

    fn image(&mut self, limits: &ImageLimits, conv: &ConvParams) {
        let input = self.layer.connection().input.shape;
        let resize = "resize or tile the images to a size of {}";
        self.number(&limits.width, input.y, resize);
        self.number(&limits.height, input.x, resize);
        self.number(&limits.channels, input.c, "");
        self.size(&limits.kernel_size, conv.kernel_size);
        self.size(&limits.kernel_stride, conv.kernel_stride);
        self.padding(&limits.padding, conv.padding);
        if let Some(most) = limits.filters.allowed.filters(conv.kernel_size, input.c)
            && conv.filters > most
        {
            let received = format!(
                "{} with kernel_size {} and {} channels",
                conv.filters, conv.kernel_size, input.c
            );
            let remedy = format!("use at most {most} filters");
            self.add(&limits.filters, Effect::Software, received, remedy);
        }
        match conv.pooling {
            Pooling::None => {}
            Pooling::GlobalAverage => {
                let remedy = "pool in a later layer";
                self.word(&limits.pool_type, "Average", remedy);
            }
            Pooling::Max { size, stride } => {
                self.size(&limits.pool_size, size);
                if stride != size {
                    let received = format!("{stride} with pool_size {size}");
                    let remedy = format!("use pool_stride {size}");
                    self.add(&limits.pool_stride, Effect::Software, received, remedy);
                }
            }
        }
        self.bits(&limits.weights_bits, Some(conv.weights_bits));
        self.bits(&limits.act_bits, conv.act_bits);
    }

    fn conv(&mut self, limits: &ConvLimits, conv: &ConvParams, readers: &[&Arc<Layer>]) {
        let connection = self.layer.connection();
        let input = connection.input.shape;
        self.number(&limits.width, input.y, "");
        self.number(&limits.height, input.x, "");
        let remedy = "give the layer before at most {} filters";
        self.number(&limits.channels, input.c, remedy);
        self.size(&limits.kernel_size, conv.kernel_size);
        self.size(&limits.kernel_stride, conv.kernel_stride);
        if conv.kernel_stride == Pair::square(2) {
            self.size(&limits.strided_kernel, conv.kernel_size);
        }
        self.padding(&limits.padding, conv.padding);
        match conv.pooling {
            Pooling::None => {}
            Pooling::Max { size, stride } => {
                self.size(&limits.pool_size, size);
                self.size(&limits.pool_stride, stride);
                if stride.x > size.x || stride.y > size.y {
                    let received = format!("{stride}, above pool_size {size}");
                    let remedy = format!("use pool_stride {size}");
                    self.add(&limits.pool_stride, Effect::Software, received, remedy);
                }
                self.pooled_successor(&limits.pooled_successor, readers);
            }
            Pooling::GlobalAverage => {
                let pooled = connection.potential_shape;
                let remedy =
                    "reduce the map with strides or pooling in earlier layers to a width of {}";
                self.number(&limits.gap_width, pooled.y, remedy);
                let remedy = "keep at least {} rows with fewer strides or larger inputs, or leave the pooling out";
                self.number(&limits.gap_rows, pooled.x, remedy);
                if let Some(limit) = &limits.gap_input {
                    let remedy = "leave the pooling out: the map has one position";
                    self.number(limit, input.positions(), remedy);
                }
            }
        }
        self.bits(&limits.input_bits, Some(connection.input.format.bits));
        self.bits(&limits.weights_bits, Some(conv.weights_bits));
        self.bits(&limits.act_bits, conv.act_bits);
    }

    fn pooled_successor(&mut self, limit: &Limit, readers: &[&Arc<Layer>]) {
        let remedy = "pool in an earlier layer, or use kernel_stride (2, 2) instead of pooling";
        if readers.is_empty() {
            self.word(limit, "nothing: it is the last layer", remedy);
        }
        for reader in readers {
            self.word(limit, reader.spec().type_name(), remedy);
        }
    }

    fn fully(&mut self, limits: &FullyLimits, layer: &FullyConnected) {
        let connection = self.layer.connection();
        let remedy = "reduce the map with pooling, strides or fewer filters to at most {} values";
        self.number(&limits.inputs, connection.input.shape.len(), remedy);
        self.bits(&limits.input_bits, Some(connection.input.format.bits));
        self.bits(&limits.weights_bits, Some(layer.weights_bits));
        self.bits(&limits.act_bits, layer.act_bits);
    }

    fn bits(&mut self, limit: &Limit, bits: Option<u8>) {
        if let Some(bits) = bits {
            let remedy = "quantize it to {} bits";
            self.number(limit, usize::from(bits), remedy);
        }
    }

    /// The widest value of each variable against its register, then the potentials.
    fn registers(&mut self, registers: &Registers) {
        let Some(thresholds) = self.layer.thresholds() else {
            return;
        };
        let filters = |n: usize| if n == 1 { "filter" } else { "filters" };
        if let Allowed::Signed(bits) = registers.threshold.allowed {
            let (min, max) = signed(bits);
            let wide: Vec<(usize, i64)> = thresholds
                .threshold
                .iter()
                .map(|&t| i64::from(t))
                .enumerate()
                .filter(|(_, t)| !(min..=max).contains(t))
                .collect();
            if let Some(&(filter, worst)) =
                wide.iter().max_by_key(|(f, t)| (t.abs(), usize::MAX - f))
            {
                let (n, words) = (wide.len(), filters(wide.len()));
                let received = format!(
                    "threshold of filter {filter} ({n} {words} in all): {worst} cannot fit in {}",
                    registers.threshold.allowed
                );
                let excess = worst as f64 / if worst > 0 { max } else { min } as f64;
                let remedy = remedy::of_threshold(self.layer, thresholds, filter, excess);
                self.add(&registers.threshold, Effect::Refused, received, remedy);
            }
        }
        if let Allowed::Unsigned(bits, fraction) = registers.act_step.allowed {
            let scale = libm::exp2(f64::from(fraction));
            let programmed = |s: f32| libm::rint(f64::from(s) * scale);
            let most = libm::exp2(f64::from(bits)) - 1.0;
            let wide: Vec<(usize, f32)> = thresholds
                .act_step
                .iter()
                .copied()
                .enumerate()
                .filter(|&(_, s)| programmed(s) > most)
                .collect();
            if let Some(&(filter, worst)) = wide
                .iter()
                .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
            {
                let (n, words) = (wide.len(), filters(wide.len()));
                let received = format!(
                    "act_step of filter {filter} ({n} {words} in all) is {worst}, times {scale}: {} cannot fit in a {bits}-bit \
                     unsigned integer",
                    programmed(worst)
                );
                let remedy =
                    remedy::of_act_step(self.layer, thresholds, filter, programmed(worst) / most);
                self.add(&registers.act_step, Effect::Refused, received, remedy);
            }
        }
        if let Allowed::Signed(bits) = registers.potential.allowed {
            self.potentials(&registers.potential, bits);
        }
    }

    fn potentials(&mut self, limit: &Limit, bits: u32) {
        let (min, max) = signed(bits);
        let Some(reach) = self.layer.reach() else {
            return;
        };
        let ends = || reach.lowest.iter().zip(&reach.highest);
        let outside = |low: i32, high: i32| (min - i64::from(low)).max(i64::from(high) - max);
        let wide = ends().filter(|&(&l, &h)| outside(l, h) > 0).count();
        let worst = ends()
            .enumerate()
            .max_by_key(|&(f, (&l, &h))| (outside(l, h), usize::MAX - f));
        if let Some((filter, (low, high))) = worst
            && wide > 0
        {
            let received = format!(
                "{low} to {high} for filter {filter}, {wide} of {} filters in all",
                reach.lowest.len()
            );
            let remedy = "what the chip does beyond is not public; fewer bits, a smaller kernel or fewer channels exclude it, and \
                          potentials on samples show whether it happens";
            self.add(limit, Effect::Possible, received, remedy.to_string());
        }
    }
}

/// The range of a signed integer.
fn signed(bits: u32) -> (i64, i64) {
    let end = 1i64 << (bits - 1);
    (-end, end - 1)
}
