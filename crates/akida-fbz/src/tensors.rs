//! How the file stores the variables of layers: in which field, and in how many bytes.

use akida_sim::{Format, VariableRule, VariableSpec};

/// The variables that have a field of their own. All others are tensors.
pub(crate) const FIELDS: [&str; 4] = ["weights", "weights_pw", "threshold", "act_step"];

/// Whether a variable has a field of its own.
pub(crate) fn has_field(variable: &VariableSpec) -> bool {
    FIELDS.contains(&variable.name)
}

/// The bytes that the values of a variable take in the payload.
pub(crate) fn stored_bytes(variable: &VariableSpec) -> u64 {
    let count = variable.count() as u64;
    match (variable.rule, Element::of(variable.rule)) {
        (VariableRule::Weights { bits }, _) => count.div_ceil(u64::from(8 / bits.clamp(1, 8))),
        (_, Some(element)) if !has_field(variable) => count * element.bytes as u64,
        _ => 4 * count,
    }
}

/// The type of the integers of a tensor.
#[derive(Clone, Copy)]
pub(crate) struct Element {
    /// 1, 2 or 4.
    pub(crate) bytes: usize,
    signed: bool,
}

impl Element {
    /// The type of the integers that a rule allows, which is the documented type of the variable. `None` for rules on other
    /// values.
    pub(crate) const fn of(rule: VariableRule) -> Option<Self> {
        let format = match rule {
            VariableRule::Integers { format, .. } => format,
            VariableRule::Bounds => Format::signed(16),
            VariableRule::Weights { .. } | VariableRule::Positive => return None,
        };
        Some(Self {
            bytes: format.bytes(),
            signed: format.signed,
        })
    }

    /// The integer in the bytes, which are of the right number.
    pub(crate) fn read(self, bytes: &[u8]) -> i32 {
        match (self.signed, bytes) {
            (false, &[a]) => a.into(),
            (true, &[a]) => i8::from_le_bytes([a]).into(),
            (false, &[a, b]) => u16::from_le_bytes([a, b]).into(),
            (true, &[a, b]) => i16::from_le_bytes([a, b]).into(),
            (_, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_of_a_format_survives_in_its_bytes() {
        for bits in [1, 7, 8, 9, 16] {
            for format in [Format::unsigned(bits), Format::signed(bits)] {
                let rule = VariableRule::Integers { format, first: 0 };
                let element = Element::of(rule).unwrap();
                for value in format.min()..=format.max() {
                    let bytes = (value as i32).to_le_bytes();
                    let read = element.read(&bytes[..element.bytes]);
                    assert_eq!(i64::from(read), value, "{format:?}");
                }
            }
        }
        let element = Element::of(VariableRule::Bounds).unwrap();
        assert_eq!((element.bytes, element.read(&[0xFF, 0xFF])), (2, -1));
        let format = Format::signed(32);
        let element = Element::of(VariableRule::Integers { format, first: 0 }).unwrap();
        for value in [i32::MIN, -1, 0, i32::MAX] {
            assert_eq!(element.read(&value.to_le_bytes()), value);
        }
    }
}
