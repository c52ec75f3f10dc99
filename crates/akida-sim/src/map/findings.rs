//! Collecting what a layer breaks: one value against one limit at a time.

use super::violation::{Effect, Violation};
use crate::device::{Allowed, Limit};
use crate::{Layer, Padding, Pair};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The violations of one layer so far.
pub(super) struct Findings<'a> {
    layer: &'a Layer,
    violations: Vec<Violation>,
}

impl<'a> Findings<'a> {
    /// No violation so far.
    pub(super) fn of(layer: &'a Layer) -> Self {
        Self {
            layer,
            violations: Vec::new(),
        }
    }

    /// The violations that were found.
    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Reports a value that breaks a limit.
    pub(super) fn add(
        &mut self,
        limit: &Limit,
        effect: Effect,
        received: impl ToString,
        remedy: String,
    ) {
        let violation = Violation::of(self.layer, limit, effect, received.to_string(), remedy);
        self.violations.push(violation);
    }

    /// Checks a number. In the remedy `{}` stands for the nearest number that is allowed; an empty remedy is "use {}".
    pub(super) fn number(&mut self, limit: &Limit, received: usize, remedy: &str) {
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

    /// Checks a number of bits; a layer may have none.
    pub(super) fn bits(&mut self, limit: &Limit, bits: Option<u8>) {
        if let Some(bits) = bits {
            self.number(limit, usize::from(bits), "quantize it to {} bits");
        }
    }

    /// Checks a (height, width).
    pub(super) fn size(&mut self, limit: &Limit, received: Pair) {
        if let Some(nearest) = limit.allowed.nearest_size(received)
            && nearest != received
        {
            self.add(limit, Effect::Software, received, format!("use {nearest}"));
        }
    }

    /// Checks a padding.
    pub(super) fn padding(&mut self, limit: &Limit, received: Padding) {
        if let Allowed::Paddings(allowed) = limit.allowed
            && !allowed.contains(&received)
        {
            let remedy = String::from("use padding Same");
            self.add(limit, Effect::Software, format!("{received:?}"), remedy);
        }
    }

    /// Checks the types of the layers that read this one; there must be one.
    pub(super) fn successors(&mut self, limit: &Limit, readers: &[&Arc<Layer>], remedy: &str) {
        if readers.is_empty() {
            self.word(limit, "nothing: it is the last layer", remedy);
        }
        for reader in readers {
            self.word(limit, reader.spec().type_name(), remedy);
        }
    }

    /// Checks a word.
    pub(super) fn word(&mut self, limit: &Limit, received: &str, remedy: &str) {
        if let Allowed::Words(allowed) = limit.allowed
            && !allowed.contains(&received)
        {
            self.add(limit, Effect::Software, received, remedy.to_string());
        }
    }
}
