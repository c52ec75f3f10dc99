//! The documented names of the variables of layers.

/// Kernels, depthwise kernels and matrices.
pub(crate) const WEIGHTS: &str = "weights";
/// The pointwise kernel of a separable layer.
pub(crate) const WEIGHTS_PW: &str = "weights_pw";
/// Thresholds, one per filter.
pub(crate) const THRESHOLD: &str = "threshold";
/// Steps, one per filter.
pub(crate) const ACT_STEP: &str = "act_step";
/// How far the values of each channel are shifted to the left before they are multiplied.
pub(crate) const INPUT_SHIFT: &str = "input_shift";
/// The value of border cells, one per channel.
pub(crate) const PADDING_VALUE: &str = "padding_value";
/// What is added to accumulators, before its shift.
pub(crate) const BIAS: &str = "bias";
/// How far a bias is shifted to the left.
pub(crate) const BIAS_SHIFT: &str = "bias_shift";
/// The bound of a ReLU, before its shift.
pub(crate) const MAX_VALUE: &str = "max_value";
/// How far a bound is shifted to the left.
pub(crate) const MAX_VALUE_SHIFT: &str = "max_value_shift";
/// What accumulators are multiplied by to choose an entry of a table.
pub(crate) const ACTIVATION_SCALES: &str = "activation_scales";
/// The shift behind that: to the left where it is positive.
pub(crate) const ACTIVATION_SHIFT: &str = "activation_shift";
/// The table of an activation, from its lowest index on.
pub(crate) const LUT_VALUES: &str = "lut_values";
/// What accumulators are multiplied by to become outputs.
pub(crate) const OUTPUT_SCALES: &str = "output_scales";
/// The shift behind that: to the left where it is positive.
pub(crate) const OUTPUT_SHIFT: &str = "output_shift";
/// How far the first summand is shifted to the left.
pub(crate) const A_SHIFT: &str = "a_shift";
/// How far the second summand is shifted to the left.
pub(crate) const B_SHIFT: &str = "b_shift";
/// What floats are multiplied by to become integers, or integers to become floats.
pub(crate) const SCALES: &str = "scales";
/// What is added to rounded floats.
pub(crate) const ZERO_POINTS: &str = "zero_points";
/// The projection of inputs on states.
pub(crate) const IN_PROJ: &str = "in_proj";
/// The projection of states on outputs.
pub(crate) const OUT_PROJ: &str = "out_proj";
/// The real parts of what states are multiplied by.
pub(crate) const A_REAL: &str = "A_real";
/// The imaginary parts of what states are multiplied by.
pub(crate) const A_IMAG: &str = "A_imag";
/// What projected inputs are multiplied by.
pub(crate) const NEW_STATE_SCALE: &str = "new_state_scale";
/// The shift behind that.
pub(crate) const NEW_STATE_SHIFT: &str = "new_state_shift";
/// The shift of products of states.
pub(crate) const STATE_SHIFT: &str = "internal_state_outputs_shift";
/// What predictions are multiplied by.
pub(crate) const INPUT_SCALES: &str = "input_scales";

/// The number of entries of a table: one for each value of 11 bits.
pub(crate) const LUT_ENTRIES: usize = 2048;
