"""Rules A to C of docs/arithmetic-akida2.md, a test or more per rule, with the worked numbers of that page.

Expected numbers are written out or computed here, not taken from the oracle. `test_akida2_stage_rules.py` has D to G,
`test_akida2_temporal_rules.py` H to J, `test_akida2_model_rules.py` K to M. Every test runs against all of
`tests.oracle.akida2_implementations`.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.oracle.akida2_models import array, conv, data, dense, image, layer, one_unit, scalars, values

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

# A: notation ---------------------------------------------------------------------------------


def test_a1_shapes_are_height_then_width(engine):
    model = [data((5, 8, 3)), conv(3, 2, padding="Valid", stride=2, channels=3)]
    assert engine.shapes(model)[-1] == (2, 3, 2)
    assert engine.forward(model, np.zeros((7, 5, 8, 3), np.int8)).shape == (7, 2, 3, 2)


def test_a3_a4_the_upper_end_is_one_less_than_a_power_of_two(engine):
    """32767 · 127 · 33 is 137,326,497; a buffer of 28 bits ends at 134,217,727."""
    model = [data((1, 1, 33), 16), dense(np.full((33, 1), 127), buffer_bits=28, output_bits=32)]
    x = np.full((2, 1, 1, 33), 32767, np.int16)
    x[1] = -32768
    assert 32767 * 127 * 33 > 2**27
    assert values(engine, model, x) == [2**27 - 1, -(2**27)]


def test_a6_ties_are_rounded_upwards(engine):
    model = one_unit(output_shift=-1)
    expected = [-2, -1, -1, 0, 1, 1, 2, 3]
    assert values(engine, model, scalars(-5, -3, -2, -1, 1, 2, 3, 5)) == expected
    assert values(engine, one_unit(output_shift=2), scalars(5)) == [20]


@pytest.mark.parametrize("shift", [-128, -63, -33, -17, -16, -15, -3, 0, 1, 5, 31, 62, 64, 127])
def test_a6_shifts_are_those_of_real_numbers(engine, shift):
    x = [-32768, -32767, -4097, -4, -3, 0, 1, 2, 4, 12, 4096, 32767]
    model = one_unit(output_bits=16, output_shift=shift)
    exact = [math.floor(Fraction(v) * Fraction(2) ** shift + Fraction(1, 2)) for v in x]
    assert values(engine, model, scalars(*x)) == [min(max(v, -32768), 32767) for v in exact]


# B: values and formats -----------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8])
def test_b1_unsigned_formats(engine, bits):
    model = one_unit(output_bits=bits, output_signed=False, output_shift=0)
    found = engine.forward(model, scalars(-1, 0, 1, 2**bits - 1, 2**bits))
    assert found.ravel().tolist() == [0, 0, 1, 2**bits - 1, 2**bits - 1]
    assert found.dtype == np.uint8


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8, 16])
def test_b1_signed_formats(engine, bits):
    half = 2 ** (bits - 1)
    model = one_unit(output_bits=bits, output_signed=True, output_shift=1)
    found = engine.forward(model, scalars(-half // 2, -half, (half - 2) // 2, half // 2, 0))
    assert found.ravel().tolist() == [-half, -half, half - 2, half - 1, 0]
    assert found.dtype == (np.int8 if bits <= 8 else np.int16)


@pytest.mark.parametrize(
    ("bits", "signed"), [(0, True), (1, True), (9, True), (15, True), (33, True), (12, False), (16, False), (32, False)]
)
def test_b1_other_formats_are_refused(engine, bits, signed):
    with pytest.raises(ValueError, match=r"B1|B8|output_bits|output_signed"):
        engine.check(one_unit(output_bits=bits, output_signed=signed))


def test_b2_thirty_two_bits_are_int32(engine):
    found = engine.forward(one_unit(output_bits=32, output_shift=0), scalars(-32768, 32767))
    assert found.dtype == np.int32
    assert found.ravel().tolist() == [-32768, 32767]


@pytest.mark.parametrize("bits", [17, 28, 32])
def test_b3_a_layer_cannot_read_32_bits(engine, bits):
    wide = one_unit(output_bits=bits)
    readers = [
        dense([[1]], read=1),
        layer("Add", {}, (0, 1)),
        layer("Concatenate", {}, (1, 0)),
        conv(1, 1, channels=1) | {"inbounds": [1]},
    ]
    for reader in readers:
        with pytest.raises(ValueError, match=r"B3|32"):
            engine.check([*wide, reader])


def test_b3_inputs_outside_their_format_are_an_error(engine):
    model = [data((1, 1, 1), 4), dense([[1]])]
    assert values(engine, model, scalars(0, 15, dtype=np.uint8)) == [0, 15]
    with pytest.raises(ValueError, match="16"):
        engine.forward(model, scalars(3, 16, dtype=np.uint8))


@pytest.mark.parametrize(("bits", "top"), [(2, 1), (4, 7), (8, 127)])
def test_b4_range_of_the_weights(engine, bits, top):
    model = [data((1, 1, 1)), dense([[-top, top]], weights_bits=bits)]
    assert values(engine, model, scalars(1, dtype=np.int8)) == [-top, top]
    model[1]["variables"]["weights"] = array([[-top - 1, top]], np.int8)
    with pytest.raises(ValueError, match=str(-top - 1)):
        engine.check(model)


@pytest.mark.parametrize("bits", [0, 1, 3, 5, 16])
def test_b4_other_widths_are_refused(engine, bits):
    with pytest.raises(ValueError, match="weights_bits"):
        engine.check([data((1, 1, 1)), dense([[0]], weights_bits=bits)])


def test_b5_what_is_not_set_changes_nothing(engine):
    zeros = {"input_shift": [0, 0], "bias": 0, "bias_shift": 0, "max_value": -1, "max_value_shift": 0}
    for spelt in ({}, {**zeros, "output_scales": 1, "output_shift": 0}):
        unit = dense([[1], [1]], activation="ReLU", output_bits=16, **spelt)
        x = array([[30000, 2000], [-3, 5], [-7, 0]], np.int16).reshape(3, 1, 1, 2)
        assert values(engine, [data((1, 1, 2), 16), unit], x) == [32000, 2, 0]


def test_b5_a_table_that_is_not_set_is_of_zeros(engine):
    """Scale 1 and shift 0 are the defaults of an index: entry 1024 + 5 belongs to 5."""
    model = [data((1, 1, 1), 16), conv(1, 1, weights=[[[[1]]]], activation="LUT", bias=3, output_bits=32)]
    assert values(engine, model, scalars(2)) == [0]
    model[1]["variables"]["lut_values"] = array(np.arange(2048), np.int32)
    assert values(engine, model, scalars(2)) == [1029]


@pytest.mark.parametrize("shift", [32, 33, 62, 63, 64, 200, 255])
def test_b5_left_shifts_of_any_length_are_exact(engine, shift):
    """All values but 0 leave every buffer. A bound of 0 stays, a bound of 1 is beyond all."""
    for bias, expected in [(1, INT32_MAX), (0, 5), (-1, INT32_MIN)]:
        assert values(engine, one_unit(output_bits=32, bias=bias, bias_shift=shift), scalars(5)) == [expected]
    for bound, expected in [(0, 0), (1, 5)]:
        model = one_unit(activation="ReLU", max_value=bound, max_value_shift=shift)
        assert values(engine, model, scalars(5)) == [expected]
    found = values(engine, one_unit(output_bits=32, input_shift=shift), scalars(-3, 0, 3))
    assert found == [INT32_MIN, 0, INT32_MAX]


@pytest.mark.parametrize(("shift", "ends"), [(-128, 0), (-64, 0), (-63, 0), (-34, 0), (32, 1), (63, 1), (127, 1)])
def test_b5_signed_shifts_of_any_length_are_exact(engine, shift, ends):
    """A left shift takes all values but 0 to the ends, a right shift takes all to 0."""
    expected = [INT32_MIN * ends, 0, INT32_MAX * ends]
    model = one_unit(output_bits=32, output_scales=65535, output_shift=shift)
    assert values(engine, model, scalars(-32768, 0, 32767)) == expected
    looked_up = conv(1, 1, weights=[[[[1]]]], activation="LUT", lut_values=np.arange(2048), output_bits=16)
    looked_up["variables"]["activation_shift"] = array([shift], np.int8)
    expected = [0, 1024, 2047] if ends else [1024] * 3
    assert values(engine, [data((1, 1, 1), 16), looked_up], scalars(-32768, 0, 32767)) == expected


def test_b5_no_bound_is_no_large_number(engine):
    """255 << 31 is beyond every accumulator, a bound of 0 is below all, and −1 is none."""
    for bound, shift, expected in [(None, 0, 30_000), (-1, 2, 30_000), (255, 31, 30_000), (0, 0, 0), (255, 0, 255)]:
        given = {} if bound is None else {"max_value": bound, "max_value_shift": shift}
        assert values(engine, one_unit(activation="ReLU", output_bits=16, **given), scalars(30_000)) == [expected]
    with pytest.raises(ValueError, match=r"max_value.*-2"):
        engine.check(one_unit(activation="ReLU", max_value=-2))


def test_b6_buffers(engine):
    """600 · 32767 · 127 is beyond 32 bits. All buffers of 16 to 32 bits are allowed."""
    x = np.full((1, 1, 1, 600), 32767, np.int16)
    for given, bits in [({}, 32), ({"buffer_bits": 32}, 32), ({"buffer_bits": 28}, 28), ({"buffer_bits": 16}, 16)]:
        model = [data((1, 1, 600), 16), dense(np.full((600, 1), 127), output_bits=32, **given)]
        assert values(engine, model, x) == [2 ** (bits - 1) - 1]
        assert values(engine, model, -x) == [-(2 ** (bits - 1))]


def test_b6_buffers_of_post_operations_leave_the_sign_out(engine):
    """32767 · 65535 is 2,147,385,345, below 2^31."""
    for given, high in [({}, 2_147_385_345), ({"post_op_buffer_bits": 31}, 2_147_385_345)]:
        model = one_unit(output_scales=65535, output_bits=32, **given)
        assert values(engine, model, scalars(-32767, 32767)) == [-high, high]
    for bits in (16, 20, 30):
        model = one_unit(output_scales=65535, output_bits=32, post_op_buffer_bits=bits)
        assert values(engine, model, scalars(-32767, 32767)) == [-(2**bits), 2**bits - 1]


@pytest.mark.parametrize("name", ["buffer_bits", "post_op_buffer_bits"])
@pytest.mark.parametrize("bits", [15, 33])
def test_b6_other_buffers_are_refused(engine, name, bits):
    joined = layer("Add", {name: bits}, (0, 0))
    for made in (dense([[1]], **{name: bits}), joined):
        with pytest.raises(ValueError, match=name):
            engine.check([data((1, 1, 1)), made])


def test_b7_signs_of_outputs(engine):
    """ReLU is unsigned below 8 bits; output_signed overrides."""
    for bits, activation, signed, expected in [
        (8, "ReLU", None, [0, 127]),
        (4, "ReLU", None, [0, 15]),
        (4, "ReLU", True, [0, 7]),
        (8, "ReLU", False, [0, 255]),
        (4, "NoActivation", None, [-8, 7]),
        (4, "NoActivation", False, [0, 15]),
    ]:
        chosen = {} if signed is None else {"output_signed": signed}
        model = one_unit(activation=activation, output_bits=bits, output_shift=0, **chosen)
        assert values(engine, model, scalars(-1000, 1000)) == expected


@pytest.mark.parametrize("bits", [17, 28, 32])
def test_b8_accumulators_as_outputs(engine, bits):
    """The format has 32 bits, whatever output_bits above 16 are given."""
    found = engine.forward(one_unit(bias=100, bias_shift=20, output_bits=bits), scalars(-1000))
    assert found.dtype == np.int32
    assert found.item() == 104_856_600


def test_b8_scale_and_shift_act_on_accumulators_too(engine):
    model = one_unit(output_scales=3, output_shift=-1, output_bits=32)
    assert values(engine, model, scalars(-5, 5, 10_000)) == [-7, 8, 15_000]


# C: sums ---------------------------------------------------------------------------------------


def test_c1_input_shift(engine):
    """x = (3, −2), shifts (0, 2), weights (5, 1): 7."""
    model = [data((1, 1, 2)), dense([[5], [1]], input_shift=[0, 2])]
    assert values(engine, model, array([[3, -2]], np.int8).reshape(1, 1, 1, 2)) == [7]


def test_c1_shifted_inputs_saturate(engine):
    """Buffer of 16 bits: 127 << 9 is 65,024 and ends at 32,767, from which 127 is taken; −128 << 9 at −32,768."""
    x = array([[127, -1], [-128, 1]], np.int8)
    given = {"input_shift": [9, 0], "buffer_bits": 16, "output_bits": 32}
    kernel = np.zeros((3, 3, 2, 2), int)
    kernel[1, 1] = [[1, 0], [0, 1]]
    layers = [
        dense([[1], [127]], **given),
        conv(1, 1, channels=2, weights=[[[[1], [127]]]], **given),
        layer("Conv2DTranspose", {"kernel_size": 3, "filters": 2}, weights=kernel, **given),
    ]
    for made in layers[:2]:
        assert values(engine, [data((1, 1, 2)), made], x.reshape(2, 1, 1, 2)) == [32_767 - 127, -32_768 + 127]
    found = engine.forward([data((1, 1, 2)), layers[2]], x.reshape(2, 1, 1, 2))
    assert found[:, 1, 1].tolist() == [[32_767, -1], [-32_768, 1]]
    each = {"kernel_size": 1, "kernel_stride": 1, "padding": "Same"}
    depthwise = layer("DepthwiseConv2D", each, weights=np.full((1, 1, 2, 1), -1), **given)
    assert values(engine, [data((1, 1, 2)), depthwise], x.reshape(2, 1, 1, 2)) == [-32_767, 1, 32_767, -1]


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("stride", range(1, 4))
@pytest.mark.parametrize("kernel", range(1, 8))
def test_c2_output_size(engine, size, stride, kernel):
    def rows(padding):
        return engine.shapes([data((size, 8, 1)), conv(kernel, 1, padding=padding, stride=stride)])[-1][0]

    assert rows("Same") == math.ceil(size / stride)
    if size >= kernel and kernel <= 8:
        assert rows("Valid") == (size - kernel) // stride + 1
    else:
        with pytest.raises(ValueError, match=r"kernel_size|window"):
            rows("Valid")


@pytest.mark.parametrize(
    ("padding", "kernel", "stride", "before", "after"),
    [
        ("Same", 3, 2, 0, 1),
        ("SameUpper", 3, 2, 1, 0),
        ("Same", 4, 1, 1, 2),
        ("SameUpper", 4, 1, 2, 1),
        ("Same", 6, 3, 2, 2),
        ("SameUpper", 6, 3, 2, 2),
        ("SameUpper", 5, 2, 2, 1),
        ("SameUpper", 1, 2, 0, 0),
    ],
)
def test_c2_border(engine, padding, kernel, stride, before, after):
    """in = 8. The weight stands at the first cell of the window."""
    weights = np.zeros((kernel, kernel, 1, 1), np.int8)
    weights[-1, -1] = 1  # flipped
    model = [data((8, 8, 1)), conv(kernel, 1, padding=padding, stride=stride, weights=weights)]
    x = np.arange(1, 65, dtype=np.int8).reshape(1, 8, 8, 1)
    framed = np.pad(x[0, ..., 0], ((before, after),) * 2)
    last = framed.shape[0] - kernel + 1
    assert engine.forward(model, x)[0, ..., 0].tolist() == framed[:last:stride, :last:stride].tolist()


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 1)])
def test_c3_same_upper_is_refused_with_max_pooling(engine, kernel, stride):
    given = {"padding": "SameUpper", "stride": stride}
    with pytest.raises(ValueError, match=r"SameUpper|C3"):
        engine.check([data((8, 8, 1)), conv(kernel, 1, **given, pool_type="Max", pool_size=2)])
    engine.check([data((8, 8, 1)), conv(kernel, 1, **given, pool_type="Average")])


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_c3_same_upper_of_an_image(engine, kernel):
    weights = np.zeros((kernel, kernel, 1, 1), np.int8)
    weights[0, 0] = 1
    model = [image((8, 8, 1), weights, padding="SameUpper", stride=2, padding_value=[9])]
    x = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    before = kernel // 2
    framed = np.pad(x[0, ..., 0], before, constant_values=9)
    assert engine.forward(model, x)[0, ..., 0].tolist() == framed[:8:2, :8:2].tolist()


def test_c4_an_image_has_a_padding_value_per_channel(engine):
    """One pixel (10, 20, 30), a kernel of ones, padding (1, 2, 3): 60 + 8 · 6 = 108."""
    model = [image((1, 1, 3), np.ones((3, 3, 3, 1)), padding_value=[1, 2, 3])]
    assert values(engine, model, array([10, 20, 30], np.uint8).reshape(1, 1, 1, 3)) == [108]


def test_c4_an_image_is_cross_correlated(engine):
    model = [image((2, 2, 1), np.array([1, 2, 3, 4]).reshape(2, 2, 1, 1), padding="Valid", output_bits=16)]
    x = array([1, 10, 2, 255], np.uint8).reshape(1, 2, 2, 1)
    assert values(engine, model, x) == [1 * 1 + 2 * 10 + 3 * 2 + 4 * 255]


def test_c4_other_channels_are_refused(engine):
    with pytest.raises(ValueError, match=r"C4|channels|input_shape"):
        engine.check([image((3, 3, 2), np.ones((1, 1, 2, 1)))])


def test_c5_a_convolution_flips_its_kernel(engine):
    """x = ((1, 10), (2, 5)), w = ((1, 2), (3, 4)): 43."""
    model = [data((2, 2, 1)), conv(2, 1, padding="Valid", weights=np.array([1, 2, 3, 4]).reshape(2, 2, 1, 1))]
    assert values(engine, model, array([1, 10, 2, 5], np.int8).reshape(1, 2, 2, 1)) == [4 * 1 + 3 * 10 + 2 * 2 + 5]


def test_c5_cells_outside_the_map_are_zero(engine):
    model = [data((3, 4, 1)), conv(3, 1, weights=np.ones((3, 3, 1, 1)))]
    found = engine.forward(model, np.full((1, 3, 4, 1), -1, np.int8))
    assert found[0, ..., 0].tolist() == [[-4, -6, -6, -4], [-6, -9, -9, -6], [-4, -6, -6, -4]]


def test_c6_a_depthwise_convolution_flips_each_channel_alone(engine):
    kernel = np.array([[1, 10], [2, 20], [3, 30], [4, 40]]).reshape(2, 2, 2, 1)
    params = {"kernel_size": 2, "kernel_stride": 1, "padding": "Valid", "output_bits": 16}
    made = layer("DepthwiseConv2D", params, weights=kernel)
    x = array([[1, 1], [10, 2], [2, 3], [5, 4]], np.int8).reshape(1, 2, 2, 2)
    assert values(engine, [data((2, 2, 2)), made], x) == [43, 40 * 1 + 30 * 2 + 20 * 3 + 10 * 4]


@pytest.mark.parametrize(
    ("taps", "expected"), [((1, 10, 100), (1, 10, 102, 20)), ((1, 10, 100, 127), (10, 102, 147, 200))]
)
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_c7_c8_transposed(engine, taps, expected, depthwise, axis):
    """Along one axis; the other one has a kernel of (1, 0, …), or (0, 1, 0, …) where one cell lies before."""
    k = len(taps)
    other = np.zeros(k, int)
    other[(k - 2) // 2] = 1
    kernel = np.outer(taps, other) if axis == 0 else np.outer(other, taps)
    kind = "DepthwiseConv2DTranspose" if depthwise else "Conv2DTranspose"
    params = {"kernel_size": k, "output_bits": 16} | ({} if depthwise else {"filters": 1})
    shape = (2, 1, 1) if axis == 0 else (1, 2, 1)
    model = [data(shape), layer(kind, params, weights=kernel.reshape(k, k, 1, 1))]
    found = engine.forward(model, array([1, 2], np.int8).reshape(1, *shape))[0, ..., 0]
    assert found.shape == ((4, 2) if axis == 0 else (2, 4))
    assert (found[:, 0] if axis == 0 else found[0]).tolist() == list(expected)


@pytest.mark.parametrize("kernel", [2, 5])
def test_c7_other_kernels_are_refused(engine, kernel):
    made = layer("Conv2DTranspose", {"kernel_size": kernel, "filters": 1}, weights=np.zeros((kernel, kernel, 1, 1)))
    with pytest.raises(ValueError, match=r"C7|kernel_size"):
        engine.check([data((2, 2, 1)), made])


def test_c9_the_last_axis_runs_fastest(engine):
    """X = 2, Y = 3, C = 2: x[1, 0, 1] meets row 7."""
    model = [data((2, 3, 2)), dense(np.eye(12))]
    x = np.arange(12, dtype=np.int8).reshape(1, 2, 3, 2)
    found = engine.forward(model, x)
    assert found.shape == (1, 1, 1, 12)
    assert found.ravel().tolist() == list(range(12))
    assert found[0, 0, 0, 7] == x[0, 1, 0, 1]


def test_c9_input_shifts_are_per_channel(engine):
    model = [data((1, 3, 2)), dense(np.eye(6), input_shift=[0, 3])]
    assert values(engine, model, np.ones((1, 1, 3, 2), np.int8)) == [1, 8, 1, 8, 1, 8]
