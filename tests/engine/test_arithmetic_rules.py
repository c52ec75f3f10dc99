"""One test or more per rule of docs/arithmetic.md, with the worked numbers of that page.

Expected numbers are written out or computed here, not taken from the oracle.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import Padding, PoolType
from cnn2snn.errors import Cnn2SnnError

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def events(shape, bits=4):
    return akida.InputData(shape, input_bits=bits)


def build(*made, **variables):
    """A sequential model; `variables` are those of its last layer."""
    model = akida.Model(layers=list(made))
    for name, values in variables.items():
        made[-1].set_variable(name, np.asarray(values))
    return model


def weights(values, shape):
    return np.asarray(values, np.int8).reshape(shape)


def scalar_layer(act_bits=4, activation=True, weights_bits=8, **variables):
    """One input channel of 4 bits, one unit, weight 1: the potential is the input."""
    unit = akida.FullyConnected(1, weights_bits=weights_bits, activation=activation, act_bits=act_bits)
    return build(events((1, 1, 1)), unit, weights=weights([1], (1, 1, 1, 1)), **variables)


def scalars(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def potentials(layer, kernel, x, *, bits=4, **variables):
    """Potentials of one layer (built without activation) on one sample x (X, Y, C)."""
    x = np.asarray(x, np.uint8)
    made = [layer] if hasattr(layer.parameters, "input_shape") else [events(x.shape, bits), layer]
    found = build(*made, weights=np.asarray(kernel, np.int8), **variables).forward(x[None])
    assert found.dtype == np.int32
    return found[0]


# A, B: values --------------------------------------------------------------------------------


def test_a1_shapes_and_pairs_are_height_then_width():
    layer = akida.Convolutional((3, 1), 2, padding=Padding.Valid, kernel_stride=(1, 2))
    model = build(events((5, 8, 3)), layer)
    assert list(layer.input_dims) == [5, 8, 3]
    assert list(layer.output_dims) == [3, 4, 2]
    assert model.forward(np.zeros((7, 5, 8, 3), np.uint8)).shape == (7, 3, 4, 2)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_b1_an_input_beyond_its_bits_is_an_error(bits):
    model = build(events((1, 2, 1), bits), akida.FullyConnected(1))
    x = np.zeros((2, 1, 2, 1), np.uint8)
    x[1, 0, 1, 0] = 2**bits - 1
    model.forward(x)
    x[1, 0, 1, 0] = 2**bits
    for run in (model.forward, model.forward_taps):
        with pytest.raises(ValueError, match=str(2**bits)):
            run(x)


def test_b1_eight_bits_occur_only_at_an_image():
    image = akida.InputConvolutional((1, 1, 1), (1, 1), 1, weights_bits=2, activation=False)
    assert potentials(image, weights([1], (1, 1, 1, 1)), [[[255]]]).item() == 255
    for bits in (0, 3, 5):
        with pytest.raises(ValueError, match="input_bits"):
            akida.Model(layers=[akida.InputData((1, 1, 1), input_bits=bits)])
    # Inputs of 8 and 16 bits are signed, and belong to Akida 2.0.
    for bits in (8, 16):
        with pytest.raises(ValueError, match=r"FullyConnected of Akida 1\.0"):
            akida.Model(layers=[akida.InputData((1, 1, 1), input_bits=bits), akida.FullyConnected(1)])


@pytest.mark.parametrize(("bits", "low", "high"), [(1, 0, 1), (2, -1, 1), (4, -7, 7), (8, -127, 127)])
def test_b2_range_of_the_weights(bits, low, high):
    layer = akida.FullyConnected(2, weights_bits=bits)
    build(events((1, 1, 1)), layer, weights=weights([low, high], (1, 1, 1, 2)))
    for value in (low - 1, min(high + 1, 127)):
        if low <= value <= high:
            continue
        with pytest.raises(ValueError, match=str(value)):
            layer.set_variable("weights", weights([0, value], (1, 1, 1, 2)))
    assert layer.get_variable("weights").ravel().tolist() == [low, high]


@pytest.mark.parametrize("name", ["weights", "weights_pw"])
def test_b2_minus_8_is_refused_for_four_bits_of_both_separable_kernels(name):
    layer = akida.SeparableConvolutional((1, 1), 1, weights_bits=4)
    build(events((1, 1, 1)), layer)
    layer.set_variable(name, weights([-7], (1, 1, 1, 1)))
    with pytest.raises(ValueError, match="-8"):
        layer.set_variable(name, weights([-8], (1, 1, 1, 1)))


@pytest.mark.parametrize("bits", [0, 3, 5, 6, 7, 9, 16])
def test_b2_other_widths_are_refused(bits):
    with pytest.raises(ValueError, match="weights_bits"):
        akida.Model(layers=[events((1, 1, 1)), akida.FullyConnected(1, weights_bits=bits)])


def test_b3_thresholds_are_int32_one_per_channel():
    layer = akida.FullyConnected(2)
    build(events((1, 1, 1)), layer, threshold=np.array([INT32_MIN, INT32_MAX], np.int32))
    for bad in (np.zeros(3, np.int32), np.zeros(2, np.int64), np.zeros((1, 2), np.int32)):
        with pytest.raises(Cnn2SnnError, match="threshold"):
            layer.set_variable("threshold", bad)
    assert layer.get_variable("threshold").tolist() == [INT32_MIN, INT32_MAX]


@pytest.mark.parametrize("bad", [0.0, -0.0, -1.0, np.inf, -np.inf, np.nan])
def test_b4_steps_are_finite_and_positive(bad):
    layer = akida.FullyConnected(2)
    build(events((1, 1, 1)), layer, act_step=np.array([1e-45, 3e38], np.float32))
    with pytest.raises(ValueError, match="act_step"):
        layer.set_variable("act_step", np.array([1.0, bad], np.float32))
    assert layer.get_variable("act_step").tolist() == [np.float32(1e-45), np.float32(3e38)]


def no_activation(**arguments):
    return {"weights_bits": 8, "activation": False, **arguments}


def convolution_bound(terms):
    return [events((1, 1, terms)), akida.Convolutional((1, 1), 1, **no_activation())]


def global_average_bound(terms):
    layer = akida.Convolutional((1, 1), 1, **no_activation(pool_type=PoolType.Average))
    return [events((1, terms, 1)), layer]


def even_kernel_bound(terms):
    """Same padding adds terms of the kernel that only see the border: they count all the same."""
    layer = akida.Convolutional((1, 2), 1, **no_activation())
    return [events((1, 1, terms)), layer]


def separable_bound(terms):
    return [events((1, 1, terms)), akida.SeparableConvolutional((1, 1), 1, **no_activation())]


def separable_average_bound(terms):
    layer = akida.SeparableConvolutional((1, 1), 1, **no_activation(pool_type=PoolType.Average))
    return [events((1, terms, 1)), layer]


def fully_connected_bound(terms):
    return [events((1, 1, terms)), akida.FullyConnected(1, **no_activation())]


@pytest.mark.parametrize(
    ("layers", "per_term"),
    [
        (convolution_bound, 15 * 127),
        (global_average_bound, 15 * 127),
        (even_kernel_bound, 2 * 15 * 127),
        (separable_bound, 15 * 127 * 127),
        (separable_average_bound, 15 * 127 * 127),
        (fully_connected_bound, 15 * 127),
    ],
)
def test_b5_potentials_fit_32_bits(layers, per_term):
    """The largest number of terms is accepted, one more is refused, whatever the weights are."""
    terms = INT32_MAX // per_term
    build(*layers(terms))
    with pytest.raises(Cnn2SnnError, match=str((terms + 1) * per_term)):
        build(*layers(terms + 1))


def test_b5_of_an_image():
    """66,311 terms of 255 · 127 fit: 22,103 · 3 are fewer, 22,104 · 3 are one more."""

    def image(width):
        layer = akida.InputConvolutional((1, width, 3), (1, width), 1, **no_activation())
        return build(layer)

    image(22_103)
    with pytest.raises(Cnn2SnnError, match=str(66_312 * 255 * 127)):
        image(22_104)


def test_b5_worked_example():
    """3×3 kernel, 256 channels of 4 bits, 4-bit weights: 241,920."""
    layer = akida.Convolutional((3, 3), 1, weights_bits=4, activation=False)
    kernel = np.full((3, 3, 256, 1), 7, np.int8)
    found = potentials(layer, kernel, np.full((3, 3, 256), 15))
    assert found[1, 1, 0] == 241_920


# C: convolution ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("kernel", range(1, 6))
def test_c1_output_size(size, stride, kernel):
    def dims(padding):
        layer = akida.Convolutional((kernel, 1), 1, padding=padding, kernel_stride=(stride, 1), activation=False)
        build(events((size, 1, 1)), layer)
        return layer.output_dims[0]

    assert dims(Padding.Same) == math.ceil(size / stride)
    if size >= kernel:
        assert dims(Padding.Valid) == math.floor((size - kernel) / stride) + 1
    else:
        with pytest.raises(Cnn2SnnError, match="kernel_size"):
            dims(Padding.Valid)


def test_c2_the_odd_border_cell_comes_after():
    """in = 8, k = 3, s = 2: 4 positions, no border before, one cell after."""
    layer = akida.InputConvolutional(
        (8, 8, 1),
        (3, 3),
        1,
        kernel_stride=(2, 2),
        weights_bits=2,
        activation=False,
        padding_value=9,
    )
    x = np.arange(1, 65).reshape(8, 8, 1)
    corner = np.zeros((3, 3, 1, 1), np.int8)
    corner[0, 0] = 1
    assert potentials(layer, corner, x)[..., 0].tolist() == x[::2, ::2, 0].tolist()
    layer = akida.InputConvolutional(
        (8, 8, 1),
        (3, 3),
        1,
        kernel_stride=(2, 2),
        weights_bits=2,
        activation=False,
        padding_value=9,
    )
    found = potentials(layer, corner[::-1, ::-1], x)[..., 0]
    assert found[:3, :3].tolist() == x[2::2, 2::2, 0].tolist()
    assert found[3].tolist() == found[:, 3].tolist() == [9, 9, 9, 9]


def test_c2_an_even_border_lies_on_both_sides():
    """in = 7, k = 3, s = 2: 4 positions, one cell before and one after."""
    layer = akida.Convolutional((3, 1), 1, weights_bits=4, kernel_stride=(2, 1), activation=False)
    kernel = weights([3, 2, 1], (3, 1, 1, 1))  # flipped: 1, 2, 3 from top to bottom
    found = potentials(layer, kernel, np.arange(1, 8).reshape(7, 1, 1))
    padded = [0, 1, 2, 3, 4, 5, 6, 7, 0]
    expected = [padded[i] + 2 * padded[i + 1] + 3 * padded[i + 2] for i in (0, 2, 4, 6)]
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize("padding_value", [0, 1, 77, 255])
def test_c3_an_image_is_cross_correlated_with_its_padding_value(padding_value):
    layer = akida.InputConvolutional(
        (1, 3, 3), (1, 3), 1, weights_bits=4, activation=False, padding_value=padding_value
    )
    kernel = weights([1, 4, 0, 2, 5, 0, 3, 6, 7], (1, 3, 3, 1))  # per column: three channels
    x = np.array([[[10, 1, 0], [20, 2, 0], [30, 3, 0]]])
    v = padding_value
    expected = [
        (v + 2 * 10 + 3 * 20) + (4 * v + 5 * 1 + 6 * 2),
        (10 + 2 * 20 + 3 * 30) + (4 * 1 + 5 * 2 + 6 * 3),
        (20 + 2 * 30 + 3 * v) + (4 * 2 + 5 * 3 + 6 * v) + 7 * v,
    ]
    assert potentials(layer, kernel, x).ravel().tolist() == expected


@pytest.mark.parametrize("padding_value", [-1, 256])
def test_c3_the_padding_value_is_a_byte(padding_value):
    with pytest.raises((ValueError, OverflowError), match="padding_value"):
        akida.InputConvolutional((1, 1, 1), (1, 1), 1, padding_value=padding_value)


def test_c4_a_convolution_flips_its_kernel_on_both_axes():
    layer = akida.Convolutional((2, 2), 1, padding=Padding.Valid, weights_bits=4, activation=False)
    kernel = weights([1, 2, 3, 4], (2, 2, 1, 1))
    x = np.array([[1, 10], [2, 5]]).reshape(2, 2, 1)
    assert potentials(layer, kernel, x).item() == 4 * 1 + 3 * 10 + 2 * 2 + 1 * 5


def test_c4_cells_outside_the_map_are_zero():
    layer = akida.Convolutional((3, 3), 1, weights_bits=1, activation=False)
    found = potentials(layer, np.ones((3, 3, 1, 1), np.int8), np.ones((3, 4, 1)))
    assert found[..., 0].tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]


def test_c5_a_separable_layer_flips_its_depthwise_kernel_and_rounds_nothing():
    layer = akida.SeparableConvolutional((1, 2), 2, padding=Padding.Valid, weights_bits=8, activation=False)
    x = np.array([[[3, 4], [5, 6]]])
    depthwise = weights([100, 7, -90, 11], (1, 2, 2, 1))  # per column: channel 0, channel 1
    pointwise = weights([127, -1, -127, 2], (1, 1, 2, 2))
    d0, d1 = -90 * 3 + 100 * 5, 11 * 4 + 7 * 6
    found = potentials(layer, depthwise, x, weights_pw=pointwise)
    assert found.ravel().tolist() == [127 * d0 - 127 * d1, -d0 + 2 * d1]


def test_c5_depthwise_sums_beyond_16_bits():
    layer = akida.SeparableConvolutional((7, 7), 1, padding=Padding.Valid, weights_bits=8, activation=False)
    depthwise = np.full((7, 7, 2, 1), 127, np.int8)
    depthwise[:, :, 1] = -127
    pointwise = weights([127, -127], (1, 1, 2, 1))
    found = potentials(layer, depthwise, np.full((7, 7, 2), 15), weights_pw=pointwise)
    assert found.item() == 2 * 49 * 15 * 127 * 127


def test_c6_the_first_axis_runs_fastest():
    """X = 2, Y = 3, C = 2: x[1, 2, 1] meets row 1 · 6 + 2 · 2 + 1 = 11."""
    layer = akida.FullyConnected(12, weights_bits=1, activation=False)
    kernel = np.eye(12, dtype=np.int8).reshape(1, 1, 12, 12)  # unit u reads row u
    x = np.arange(12).reshape(2, 3, 2)
    found = potentials(layer, kernel, x)
    assert found.shape == (1, 1, 12)
    assert found[0, 0, 11] == x[1, 2, 1]
    expected = [x[i, j, c] for c in range(2) for j in range(3) for i in range(2)]
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_c7_input_data_passes_its_inputs(bits):
    x = np.random.default_rng(1).integers(0, 2**bits, (3, 2, 3, 4)).astype(np.uint8)
    model = build(events((2, 3, 4), bits))
    np.testing.assert_array_equal(model.forward(x), x)
    assert model.forward(x).dtype == np.uint8


def joined(order=("a", "b"), b_bits=2, b_stride=(1, 1)):
    model = akida.Model()
    first = events((2, 2, 1), 2)
    model.add(first)
    layers = {
        "a": akida.Convolutional((1, 1), 1, name="a", act_bits=2),
        "b": akida.Convolutional((1, 1), 2, name="b", act_bits=b_bits, kernel_stride=b_stride),
    }
    for layer in layers.values():
        model.add(layer, inbound_layers=[first])
    model.add(akida.Concat(), inbound_layers=[layers[name] for name in order])
    layers["a"].set_variable("weights", weights([1], (1, 1, 1, 1)))
    layers["a"].set_variable("act_step", np.array([0.25], np.float32))
    layers["b"].set_variable("threshold", np.array([-1, 0], np.int32))
    layers["b"].set_variable("act_step", np.array([0.25, 1], np.float32))
    return model


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_c8_concat_joins_channels_in_the_order_of_its_inbounds(order):
    x = np.array([0, 1, 2, 3], np.uint8).reshape(1, 2, 2, 1)
    found = joined(order).forward(x).reshape(4, 3)
    levels = {"a": [[0], [1], [2], [3]], "b": [[1, 0]] * 4}
    expected = np.concatenate([levels[name] for name in order], axis=1)
    np.testing.assert_array_equal(found, expected)


def test_c8_concat_needs_equal_bits_and_sizes():
    with pytest.raises(Cnn2SnnError, match="act_bits"):
        joined(b_bits=4)
    with pytest.raises(Cnn2SnnError, match="height and width"):
        joined(b_stride=(2, 1))


# D: pooling ----------------------------------------------------------------------------------


def column(values, **pooling):
    """A column of potentials under pooling: weight −1 on inputs −values."""
    layer = akida.Convolutional((1, 1), 1, weights_bits=2, activation=False, **pooling)
    x = -np.asarray(values).reshape(-1, 1, 1)
    return potentials(layer, weights([-1], (1, 1, 1, 1)), x).ravel().tolist()


def maximum(size, stride=(-1, -1), padding=Padding.Same):
    return {
        "pool_type": PoolType.Max,
        "pool_size": size,
        "pool_stride": stride,
        "padding": padding,
    }


def test_d1_cells_outside_the_map_are_left_out_of_the_maximum():
    assert column([-5, -3, -9], **maximum((2, 1), (2, 1))) == [-3, -9]
    assert column([-5, -3, -9], **maximum((2, 1))) == [-3, -9]
    assert column([-5, -3, -9], **maximum((3, 1), (1, 1))) == [-3, -3, -3]
    assert column([-5, -3, -9], **maximum((2, 1), padding=Padding.Valid)) == [-3]


def test_d1_the_border_of_pooling_follows_c2():
    """in = 5, size 4, stride 2: total 3, one cell before, two after."""
    assert column([-1, -2, -3, -4, -5], **maximum((4, 1), (2, 1))) == [-1, -2, -4]
    assert column([-5, -4, -3, -2, -1], **maximum((4, 1), (2, 1))) == [-3, -1, -1]


def test_d1_windows_may_overlap_or_leave_gaps():
    values = [-1, -7, -3, -4, -5, -2]
    valid = Padding.Valid
    assert column(values, **maximum((3, 1), (1, 1), valid)) == [-1, -3, -3, -2]
    assert column(values, **maximum((1, 1), (4, 1), valid)) == [-1, -5]
    assert column(values, **maximum((2, 1), (3, 1), valid)) == [-1, -4]


def test_d1_the_padding_value_of_an_image_does_not_enter_pooling():
    layer = akida.InputConvolutional(
        (3, 1, 1), (1, 1), 1, weights_bits=2, activation=False, padding_value=255, **maximum((2, 1))
    )
    kernel = weights([1], (1, 1, 1, 1))
    assert potentials(layer, kernel, np.array([5, 3, 9]).reshape(3, 1, 1)).ravel().tolist() == [
        5,
        9,
    ]


def test_d1_pooling_comes_before_threshold_and_step():
    layer = akida.Convolutional((1, 1), 1, weights_bits=2, act_bits=4, **maximum((2, 1)))
    model = build(
        events((2, 1, 1)),
        layer,
        weights=weights([-1], (1, 1, 1, 1)),
        threshold=np.array([-9], np.int32),
    )
    x = np.array([5, 8], np.uint8).reshape(1, 2, 1, 1)
    assert model.forward(x).item() == 4  # of the larger potential, −5


def test_d2_global_average_is_the_sum():
    layer = akida.Convolutional((1, 1), 2, weights_bits=2, activation=False, pool_type=PoolType.Average)
    x = np.arange(12).reshape(3, 4, 1)
    found = potentials(layer, weights([1, -1], (1, 1, 1, 2)), x)
    assert found.shape == (1, 1, 2)
    assert found.ravel().tolist() == [66, -66]


def test_d2_other_average_pooling_is_refused():
    with pytest.raises(Cnn2SnnError, match=r"(?i)average"):
        akida.Convolutional((1, 1), 1, pool_type=PoolType.Average, pool_size=(2, 2))


# E: activation -------------------------------------------------------------------------------


@pytest.mark.parametrize("act_bits", [1, 2, 4])
@pytest.mark.parametrize("step", [0.1, 0.25, 0.6, 1.0, 1.7, 3e38, 1e-45])
def test_e1_e2_levels_in_real_arithmetic(act_bits, step):
    model = scalar_layer(act_bits, threshold=np.array([3], np.int32))
    model.layers[1].set_variable("act_step", np.array([step], np.float32))
    s = Fraction(float(np.float32(step))) * Fraction(2) ** (4 - act_bits)
    top = 2**act_bits - 1
    expected = [min(max(math.ceil(Fraction(p - 3) / s), 0), top) for p in range(16)]
    assert model.forward(scalars(*range(16))).ravel().tolist() == expected


def test_e2_a_potential_must_exceed_a_boundary():
    model = scalar_layer(4, threshold=np.array([5], np.int32))
    assert model.forward(scalars(4, 5, 6, 7, 15)).ravel().tolist() == [0, 0, 1, 2, 10]


def test_e3_worked_boundaries():
    """b = 2, T = 10, S = 0.6: boundaries 10, 12, 14."""
    model = scalar_layer(2, threshold=np.array([10], np.int32), act_step=np.float32([0.6]))
    found = model.forward(scalars(9, 10, 11, 12, 13, 14, 15)).ravel().tolist()
    assert found == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("threshold", [INT32_MIN, INT32_MIN + 1, INT32_MAX - 1, INT32_MAX])
@pytest.mark.parametrize("step", [1e-45, 0.5, 1e9, 3e38])
def test_e3_boundaries_do_not_wrap(threshold, step):
    model = scalar_layer(4, threshold=np.array([threshold], np.int32))
    model.layers[1].set_variable("act_step", np.array([step], np.float32))
    s = Fraction(float(np.float32(step)))
    expected = [min(max(math.ceil(Fraction(p - threshold) / s), 0), 15) for p in (0, 1, 15)]
    assert model.forward(scalars(0, 1, 15)).ravel().tolist() == expected


@pytest.mark.parametrize("step", [1e-45, 0.7, 3e38])
def test_e4_the_step_has_no_influence_for_one_bit(step):
    model = scalar_layer(1, threshold=np.array([7], np.int32))
    model.layers[1].set_variable("act_step", np.array([step], np.float32))
    assert model.forward(scalars(0, 7, 8, 15)).ravel().tolist() == [0, 0, 1, 1]


def test_e5_levels_are_bytes():
    assert scalar_layer(2).forward(scalars(1)).dtype == np.uint8


@pytest.mark.parametrize("bits", [0, 3, 5, 8])
def test_e_other_activation_widths_are_refused(bits):
    with pytest.raises(ValueError, match="act_bits"):
        akida.Model(layers=[events((1, 1, 1)), akida.FullyConnected(1, act_bits=bits)])


# F: without activation -----------------------------------------------------------------------


def test_f1_forward_gives_potentials_without_threshold_and_step():
    model = scalar_layer(activation=False, threshold=[np.int32(9)], act_step=[np.float32(4)])
    found = model.forward(scalars(0, 3, 15))
    assert found.dtype == np.int32
    assert found.ravel().tolist() == [0, 3, 15]


def test_f2_worked_example():
    """P = 3, T = −1, S = float32(4.1666665): float32(4 / 4.166666507720947) = 0.96000004."""
    model = scalar_layer(activation=False, threshold=[np.int32(-1)])
    model.layers[1].set_variable("act_step", np.array([4.1666665], np.float32))
    found = model.predict(scalars(3))
    assert found.dtype == np.float32
    assert found.shape == (1, 1, 1, 1)
    assert found.item() == np.float32(0.96000004)


def test_f2_the_difference_is_exact():
    """P − T leaves 32 bits, and 24 bits: neither wraps nor rounds before the division."""
    for threshold, step in [(INT32_MIN, 1.0), (INT32_MAX, 1.0), (-16777217, 3.0), (-16777218, 3.0)]:
        model = scalar_layer(activation=False, threshold=[np.int32(threshold)])
        model.layers[1].set_variable("act_step", np.array([step], np.float32))
        expected = np.float32((15 - threshold) / step)
        assert model.predict(scalars(15)).item() == expected


def test_f2_rounds_once_through_double_precision():
    """Cases in which a division in single precision gives another number."""
    rng = np.random.default_rng(5)
    different = 0
    for step in rng.uniform(0.1, 10, 50).astype(np.float32):
        threshold = int(rng.integers(INT32_MIN, INT32_MAX))
        model = scalar_layer(activation=False, threshold=[np.int32(threshold)])
        model.layers[1].set_variable("act_step", np.array([step]))
        expected = np.float32((15 - threshold) / float(step))
        assert model.predict(scalars(15)).item() == expected
        different += np.float32(15 - threshold) / step != expected
    assert different


def test_f2_divides():
    """1143768535 / 49 = 23342215, a tie that goes to the even float32; times 1 / 49 is below it."""
    model = scalar_layer(activation=False, threshold=[np.int32(-1143768535)])
    model.layers[1].set_variable("act_step", np.array([49], np.float32))
    assert model.predict(scalars(0)).item() == 23342216.0


def test_f2_beyond_float32_is_infinity():
    for threshold, expected in [(-1, np.inf), (100, -np.inf), (15, 0.0)]:
        model = scalar_layer(activation=False, threshold=[np.int32(threshold)])
        model.layers[1].set_variable("act_step", np.array([1e-45], np.float32))
        assert model.predict(scalars(15)).item() == expected


def test_f3_predict_needs_a_last_layer_without_activation():
    model = scalar_layer(4)
    with pytest.raises(Cnn2SnnError, match="activation"):
        model.predict(scalars(1))


# G: models -----------------------------------------------------------------------------------


def test_g1_the_first_layer_is_an_input_and_no_other_is():
    with pytest.raises(Cnn2SnnError, match="InputData"):
        akida.Model(layers=[akida.FullyConnected(1)])
    with pytest.raises(Cnn2SnnError, match="InputData"):
        akida.Model(layers=[events((1, 1, 1)), events((1, 1, 1))])


def test_g1_every_layer_but_the_last_is_read():
    model = akida.Model()
    first = events((1, 1, 1))
    model.add(first)
    model.add(akida.FullyConnected(1, name="forgotten"), inbound_layers=[first])
    model.add(akida.FullyConnected(1), inbound_layers=[first])
    with pytest.raises(Cnn2SnnError, match="forgotten"):
        model.forward(scalars(1))


def test_g2_input_bits_are_the_act_bits_of_the_inbound():
    second = akida.FullyConnected(1, act_bits=2)
    third = akida.FullyConnected(1)
    build(events((1, 1, 1), 4), second, third)
    assert (second.input_bits, third.input_bits) == (4, 2)


def test_g2_a_layer_without_activation_is_the_last():
    model = scalar_layer(activation=False)
    with pytest.raises(Cnn2SnnError, match="activation"):
        model.add(akida.FullyConnected(1))


def class_model(units, activation, act_bits=4, **variables):
    """Unit u has the potential x[u]."""
    layer = akida.FullyConnected(units, weights_bits=1, activation=activation, act_bits=act_bits)
    eye = np.eye(units, dtype=np.int8).reshape(1, 1, units, units)
    return build(events((1, 1, units)), layer, weights=eye, **variables)


@pytest.mark.parametrize("activation", [True, False])
def test_g3_the_lowest_index_wins_a_tie(activation):
    model = class_model(4, activation)
    x = np.array([[1, 5, 5, 2], [0, 0, 0, 0], [3, 2, 1, 3]], np.uint8).reshape(3, 1, 1, 4)
    assert model.predict_classes(x).tolist() == [1, 0, 0]


def test_g3_without_activation_the_float_outputs_decide():
    """Potentials (5, 4), but (5 − 3) / 2 < (4 − 0) / 1."""
    variables = {"threshold": np.array([3, 0], np.int32), "act_step": np.float32([2, 1])}
    model = class_model(2, False, **variables)
    assert model.predict_classes(np.array([5, 4], np.uint8).reshape(1, 1, 1, 2)).tolist() == [1]


def test_g3_with_activation_the_levels_decide():
    """Potentials 5 and 6 are the same level of one bit."""
    model = class_model(2, True, act_bits=1)
    assert model.predict_classes(np.array([5, 6], np.uint8).reshape(1, 1, 1, 2)).tolist() == [0]


def test_g3_units_are_contiguous_groups():
    model = class_model(6, True)
    x = np.zeros((6, 1, 1, 6), np.uint8)
    x[range(6), 0, 0, range(6)] = 1
    assert model.predict_classes(x, num_classes=3).tolist() == [0, 0, 1, 1, 2, 2]
    assert model.predict_classes(x, num_classes=2).tolist() == [0, 0, 0, 1, 1, 1]
    assert model.predict_classes(x, num_classes=6).tolist() == list(range(6))
    assert model.evaluate(x, np.array([0, 0, 1, 2, 2, 2]), num_classes=3) == 5 / 6
    for bad in (4, 7, -1):
        with pytest.raises(ValueError, match="num_classes"):
            model.predict_classes(x, num_classes=bad)


def test_g3_needs_one_position():
    model = build(events((2, 1, 1)), akida.Convolutional((1, 1), 3))
    with pytest.raises(Cnn2SnnError):
        model.predict_classes(np.zeros((1, 2, 1, 1), np.uint8))


def test_g4_multiply_accumulates():
    pooled = {"pool_type": PoolType.Max, "pool_size": (2, 2)}
    image = akida.InputConvolutional((9, 8, 3), (3, 2), 4, kernel_stride=(2, 1), **pooled)
    separable = akida.SeparableConvolutional((3, 3), 5)
    dense = akida.FullyConnected(7)
    model = build(image, separable, dense)
    convolution = (5 * 8) * 3 * 2 * 3 * 4
    assert model.macs == convolution + (3 * 4) * (3 * 3 * 4 + 4 * 5) + 3 * 4 * 5 * 7
