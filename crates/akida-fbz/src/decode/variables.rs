//! Weights, thresholds and steps of a layer, within the limits.

use super::{check_known, required};
use crate::error::{DecodeError, DecodeErrorKind, Location};
use crate::generated as fb;
use crate::limits::Limits;
use akida_sim::{Connection, LayerSpec, Variables, WeightShape, Weights};
use alloc::format;
use alloc::string::String;
use flatbuffers::Vector;

/// What the layers not yet read may still take.
pub(super) struct Budget {
    /// Bytes of vectors: FlatBuffers could share one vector between many layers, and a small payload would then take
    /// much memory.
    bytes: usize,
    weights: u64,
    max_weights: u64,
}

impl Budget {
    pub(super) fn new(payload_len: usize, limits: &Limits) -> Self {
        Self {
            bytes: payload_len,
            weights: limits.max_weights(),
            max_weights: limits.max_weights(),
        }
    }

    pub(super) fn take_bytes(
        &mut self,
        count: usize,
        at: impl FnOnce() -> Location,
    ) -> Result<(), DecodeError> {
        match self.bytes.checked_sub(count) {
            Some(rest) => {
                self.bytes = rest;
                Ok(())
            }
            None => Err(DecodeError::field(
                DecodeErrorKind::Payload,
                at(),
                "stored apart from the values of other layers",
                "values shared with them",
            )),
        }
    }

    /// The variables of the layer at `index`, whose shapes `connection` gives.
    pub(super) fn variables(
        &mut self,
        index: usize,
        spec: &LayerSpec,
        connection: &Connection,
        table: Option<fb::Variables<'_>>,
    ) -> Result<Option<Variables>, DecodeError> {
        let at = |name: &str| Location::layer(index, name);
        let (Some(bits), Some(shape)) = (spec.weights_bits(), connection.weights) else {
            return match table {
                None => Ok(None),
                Some(_) => Err(surplus(at("variables"), spec)),
            };
        };
        let table = required(table, || at("variables"))?;
        check_known(&table._tab, fb::Variables::VT_ACT_STEP, || at("variables"))?;
        let mut weights = |name: &str, packed: Option<Vector<'_, u8>>, shape| {
            let packed = required(packed, || at(name))?;
            self.weights(|| at(name), packed.bytes(), bits, shape)
        };
        let kernel = weights("weights", table.weights(), shape)?;
        let weights_pw = match connection.weights_pw {
            Some(shape) => Some(weights("weights_pw", table.weights_pw(), shape)?),
            None if table.weights_pw().is_some() => return Err(surplus(at("weights_pw"), spec)),
            None => None,
        };
        let filters = connection.output_shape.c;
        let mut per_filter = |name: &str, received: Option<usize>| {
            let received = required(received, || at(name))?;
            if received != filters {
                let allowed = format!("{filters} values, one per filter");
                let received = format!("{received}");
                return Err(wrong_length(at(name), allowed, received));
            }
            self.take_bytes(received.saturating_mul(4), || at(name))
        };
        let (threshold, act_step) = (table.threshold(), table.act_step());
        per_filter("threshold", threshold.map(|t| t.len()))?;
        per_filter("act_step", act_step.map(|s| s.len()))?;
        Ok(Some(Variables {
            weights: kernel,
            weights_pw,
            threshold: threshold.iter().flatten().collect(),
            act_step: act_step.iter().flatten().collect(),
        }))
    }

    fn weights(
        &mut self,
        at: impl Fn() -> Location,
        packed: &[u8],
        bits: u8,
        shape: WeightShape,
    ) -> Result<Weights, DecodeError> {
        // The builder has checked that the product is below 2^31.
        let count: usize = shape.iter().product();
        let length = count.div_ceil(usize::from(8 / bits));
        if packed.len() != length {
            let allowed = format!("{length} bytes, {count} weights at weights_bits {bits}");
            let received = format!("{}", packed.len());
            return Err(wrong_length(at(), allowed, received));
        }
        self.take_bytes(packed.len(), &at)?;
        self.weights = self.weights.checked_sub(count as u64).ok_or_else(|| {
            let max = self.max_weights;
            DecodeError::field(
                DecodeErrorKind::Limit,
                at(),
                format!("within {max} weights of all layers together"),
                format!("{count} after {}", max - self.weights),
            )
            .remedy("if you trust the file, raise Limits::with_max_weights")
        })?;
        Weights::from_packed(shape, bits, packed).map_err(|error| DecodeError::model(at(), error))
    }
}

fn surplus(at: Location, spec: &LayerSpec) -> DecodeError {
    let allowed = format!("absent for {}", spec.type_name());
    DecodeError::field(DecodeErrorKind::Payload, at, allowed, "values")
}

fn wrong_length(at: Location, allowed: String, received: String) -> DecodeError {
    DecodeError::field(DecodeErrorKind::Payload, at, allowed, received)
}
