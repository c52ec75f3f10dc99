"""Rules D to G of docs/arithmetic-akida2.md, a test or more per rule, with the worked numbers of that page.

Expected numbers are written out or computed here, not taken from the oracle.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.akida2_models import array, conv, data, dense, dequantizer, layer, one_unit, scalars, values

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


# D: from sums to outputs -----------------------------------------------------------------------


def big(weight, **stage):
    """One unit with a buffer of 28 bits whose sum is weight · 2,000,000 on BIG: accumulators as outputs."""
    given = {"buffer_bits": 28, "output_bits": 32, **stage}
    return [data((1, 1, 100), 16), dense(np.full((100, 1), weight), **given)]


BIG = np.full((1, 1, 1, 100), 20_000, np.int16)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({}, 134_217_727),
        ({"bias": -100, "bias_shift": 20}, 29_360_127),
        ({"bias": -100, "bias_shift": 20, "activation": "ReLU", "max_value": 200, "max_value_shift": 16}, 13_107_200),
    ],
)
def test_d_worked_example_of_accumulators(engine, stage, expected):
    assert 20_000 * 100 * 100 == 200_000_000
    assert values(engine, big(100, **stage), BIG) == [expected]


@pytest.mark.parametrize(("bits", "signed", "expected"), [(8, True, 117), (4, True, 7), (4, False, 15)])
def test_d_worked_example_of_outputs(engine, bits, signed, expected):
    stage = {"bias": -100, "bias_shift": 20, "activation": "ReLU", "max_value": 200, "max_value_shift": 16}
    output = {"output_scales": 150, "output_shift": -24, "output_bits": bits, "output_signed": signed}
    assert values(engine, big(100, **stage, **output), BIG) == [expected]


def test_d1_the_sum_saturates_once_at_its_end(engine):
    """+2·10^8 and then −2·10^8: a sum that saturated on its way would not be 0."""
    model = [data((1, 1, 200), 16), dense(np.repeat([100, -100], 100)[:, None], buffer_bits=28)]
    assert values(engine, model, np.full((1, 1, 1, 200), 20_000, np.int16)) == [0]


def test_d2_the_sum_with_the_bias_saturates_again(engine):
    assert values(engine, big(100, bias=1, bias_shift=0), BIG) == [2**27 - 1]
    assert values(engine, big(-100, bias=-1, bias_shift=0), BIG) == [-(2**27)]


def test_d2_the_shifted_bias_does_not_saturate_alone(engine):
    """2^27 − 1 − 2^28 is −2^27 − 1, which saturates; with a saturated bias the sum would be −1.

    Beyond 64 bits as well.
    """
    for shift in (28, 32, 64, 255):
        assert values(engine, big(100, bias=-1, bias_shift=shift), BIG) == [-(2**27)]
        assert values(engine, big(-100, bias=1, bias_shift=shift), BIG) == [2**27 - 1]


def test_d3_pooling_comes_before_the_activation(engine):
    """A table that falls: the largest accumulator has the smallest entry."""
    table = np.arange(1024, -1024, -1)
    model = [
        data((2, 1, 1)),
        conv(1, 1, padding="Same", pool_type="Max", pool_size=2, activation="LUT", lut_values=table, weights=[[[[1]]]]),
    ]
    assert values(engine, model, array([5, 9], np.int8).reshape(1, 2, 1, 1)) == [-9]


def test_d4_relu_and_its_bound(engine):
    model = one_unit(activation="ReLU", max_value=3, max_value_shift=2)
    assert values(engine, model, scalars(-5, 0, 11, 12, 13)) == [0, 0, 11, 12, 12]


def average(positions, weight=1, **stage):
    made = conv(1, 1, weights=[[[[weight]]]], pool_type="Average", buffer_bits=28, **stage)
    return [data((1, positions, 1), 16), made]


def test_d5_a_global_average_is_wider_than_a_buffer(engine):
    """2500 positions of 32767 · 127 are 10,403,522,500, which saturates at 2^32. Scale 0 makes 0 of it."""
    stage = {"output_shift": -20, "output_bits": 16}
    x = np.full((2, 1, 2500, 1), 32767, np.int16)
    x[1] = -32767
    assert values(engine, average(2500, 127, **stage), x) == [4096, -4096]
    assert values(engine, average(2500, 127, output_scales=0), x) == [0, 0]
    # 100 positions of 4,161,409 are beyond 28 bits, and exact.
    x = x[:, :, :100]
    assert values(engine, average(100, 127, output_bits=32), x) == [416_140_900, -416_140_900]


def test_d6_products_saturate_at_two_to_the_32(engine):
    """134,217,727 · 255 saturates at 4,294,967,295, so shift −26 gives 64."""
    assert values(engine, big(100, output_scales=255, output_shift=-26), BIG) == [64]
    assert values(engine, big(-100, output_scales=255, output_shift=-26), BIG) == [-64]


def test_d6_the_upper_end_is_2_to_the_32_less_one(engine):
    """(2^32 − 1) / 2^33 is below a half, and 2^32 / 2^33 would be rounded to 1."""
    assert values(engine, big(100, output_scales=255, output_shift=-33), BIG) == [0]
    assert values(engine, big(100, output_scales=255, output_shift=-32), BIG) == [1]


def test_d6_scales_have_16_bits(engine):
    model = one_unit(output_scales=65535, output_shift=-16, output_bits=16)
    assert values(engine, model, scalars(1000, -1000)) == [1000, -1000]
    assert values(engine, one_unit(output_scales=0, output_shift=5), scalars(1000)) == [0]


@pytest.mark.parametrize("bits", [16, 20, 31])
def test_d6_products_saturate_at_the_post_op_buffer(engine, bits):
    """134,217,727 · 255 is beyond all. The upper end less one shift is below a half, and 2^n would be rounded to 1."""
    for shift, expected in [(3 - bits, [8, -8]), (-bits, [1, -1]), (-bits - 1, [0, 0])]:
        stage = {"output_scales": 255, "output_shift": shift, "post_op_buffer_bits": bits}
        assert [values(engine, big(w, **stage), BIG)[0] for w in (100, -100)] == expected


def test_d7_a_positive_shift_is_a_left_shift(engine):
    model = one_unit(output_scales=3, output_shift=4, output_bits=16)
    assert values(engine, model, scalars(-7, 7, 20_000)) == [-336, 336, 32767]
    assert values(engine, one_unit(output_shift=31), scalars(-1, 0, 1)) == [-128, 0, 127]


def test_d8_worked_example(engine):
    """−20 / 8 = −2.5 is rounded upwards to −2; an unsigned format gives 0."""
    assert values(engine, one_unit(output_shift=-3), scalars(-20)) == [-2]
    assert values(engine, one_unit(output_shift=-3, output_signed=False), scalars(-20)) == [0]


# E: look-up ------------------------------------------------------------------------------------

TABLE = np.arange(2048) * 3 - 5000


def looked_up(**stage):
    given = {"activation": "LUT", "lut_values": TABLE, "weights": [[[[1]]]], "output_bits": 32, **stage}
    return [data((1, 1, 1), 16), conv(1, 1, **given)]


def test_d8_accumulators_saturate_at_32_bits(engine):
    """134,217,727 · 255 leaves 32 signed bits, and 2^32 − 1 does as well."""
    assert values(engine, big(100, output_scales=255), BIG) == [INT32_MAX]
    assert values(engine, big(-100, output_scales=255), BIG) == [INT32_MIN]
    assert values(engine, big(100, output_scales=15), BIG) == [134_217_727 * 15]


def test_e_worked_examples(engine):
    model = looked_up(activation_scales=200, activation_shift=-12)
    assert values(engine, model, scalars(5000)) == [TABLE[1268]]
    model[1]["variables"]["weights"] = array([[[[9]]]], np.int8)
    assert values(engine, model, scalars(-10_000)) == [TABLE[0]]


def test_e1_every_index_meets_its_entry(engine):
    x = np.arange(-1100, 1100)
    expected = [TABLE[min(max(i, -1024), 1023) + 1024] for i in x]
    assert values(engine, looked_up(), scalars(*x)) == expected


@pytest.mark.parametrize("bits", [32, 31, 20, 16])
def test_e1_the_product_saturates(engine, bits):
    """2 · 10^8 · 255 is 5.1 · 10^10. Beyond 2^n the index stays where 2^n is: 2^n >> (n − 9) is 512."""
    unit = looked_up(channels=100, weights=np.full((1, 1, 100, 1), 100), post_op_buffer_bits=bits)[1]
    unit["variables"] |= {"activation_scales": array([255], np.uint16), "activation_shift": array([9 - bits], np.int8)}
    assert values(engine, [data((1, 1, 100), 16), unit], BIG) == [TABLE[1024 + 512]]
    assert values(engine, [data((1, 1, 100), 16), unit], -BIG) == [TABLE[1024 - 512]]


def test_e1_the_index_is_rounded_half_up(engine):
    assert values(engine, looked_up(activation_shift=-1), scalars(-3, -1, 1, 3)) == [
        TABLE[1024 + i] for i in (-1, 0, 1, 2)
    ]


def test_e2_entries_have_32_bits(engine):
    table = np.zeros(2048, int)
    table[[0, 2047]] = INT32_MIN, INT32_MAX
    model = looked_up(lut_values=table)
    assert values(engine, model, scalars(-2000, 2000)) == [INT32_MIN, INT32_MAX]
    with pytest.raises(ValueError, match=r"lut_values|2048"):
        engine.check(looked_up(lut_values=table[:2047]))


def test_e3_a_dense_layer_has_no_table(engine):
    with pytest.raises(ValueError, match=r"E3|activation"):
        engine.check([data((1, 1, 1)), dense([[1]], activation="LUT", lut_values=TABLE)])


def test_e3_a_global_average_comes_after_the_look_up(engine):
    model = [data((1, 2, 1), 16), *looked_up(pool_type="Average", lut_values=TABLE**2)[1:]]
    x = array([1, 2], np.int16).reshape(1, 1, 2, 1)
    assert values(engine, model, x) == [TABLE[1025] ** 2 + TABLE[1026] ** 2]


# F: pooling ------------------------------------------------------------------------------------


def column(engine, numbers, size, stride=None, padding="Same"):
    given = {"pool_type": "Max", "pool_size": size} | ({"pool_stride": stride} if stride else {})
    model = [data((len(numbers), len(numbers), 1)), conv(1, 1, padding=padding, weights=[[[[1]]]], **given)]
    x = np.repeat(array(numbers, np.int8)[:, None], len(numbers), axis=1).reshape(1, len(numbers), -1, 1)
    found = engine.forward(model, x)[0, ..., 0]
    assert (found == found[:, :1]).all()
    return found[:, 0].tolist()


def test_f1_cells_outside_the_map_are_left_out(engine):
    assert column(engine, [-5, -3, -9], 2, 2) == [-3, -9]
    assert column(engine, [-5, -3, -9], 2) == [-3, -9]
    assert column(engine, [-5, -3, -9], 3, 1) == [-3, -3, -3]
    assert column(engine, [-5, -3, -9], 2, padding="Valid") == [-3]


def test_f1_the_border_follows_c2(engine):
    """in = 5, size 4, stride 2: total 3, one cell before, two after."""
    assert column(engine, [-1, -2, -3, -4, -5], 4, 2) == [-1, -2, -4]


def test_f1_windows_may_overlap_or_leave_gaps(engine):
    numbers = [-1, -7, -3, -4, -5, -2]
    assert column(engine, numbers, 3, 1, "Valid") == [-1, -3, -3, -2]
    assert column(engine, numbers, 1, 4, "Valid") == [-1, -5]


def test_f2_worked_example(engine):
    """5, 0, 7 after ReLU: 12 · 171 / 512 is about 4, the mean."""
    model = average(3, activation="ReLU", output_scales=171, output_shift=-9)
    assert values(engine, model, array([5, -4, 7], np.int16).reshape(1, 1, 3, 1)) == [4]


def test_f2_a_global_average_of_accumulators_is_the_sum(engine):
    found = engine.forward(average(3, output_bits=32), array([500, -400, 700], np.int16).reshape(1, 1, 3, 1))
    assert found.shape == (1, 1, 1, 1)
    assert found.item() == 800


def test_f3_both_poolings_are_refused(engine):
    with pytest.raises(ValueError, match=r"F3|pool"):
        engine.check([data((4, 4, 1)), conv(1, 1, pool_type="Average", pool_size=2)])


# G: two inputs ---------------------------------------------------------------------------------


def two(kind, a_bits=16, b_bits=16, channels=1, params=None, **variables):
    """Branches a and b of two channels each pass x[…, :c] and x[…, c:]."""
    eye = np.eye(2 * channels)
    branches = []
    for start, bits in ((0, a_bits), (channels, b_bits)):
        given = {"output_bits": abs(bits), "output_signed": bits > 0}
        branches.append(dense(eye[:, start : start + channels], read=0, **given))
    wide = {"output_bits": 32} if kind == "Add" else {}
    joined = layer(kind, wide | (params or {}), read=(1, 2), **variables)
    return [data((1, 1, 2 * channels), 16), *branches, joined]


def pair(a, b):
    return array([a, b], np.int16).reshape(1, 1, 1, 2)


def test_g1_worked_example(engine):
    assert values(engine, two("Add", a_shift=[1], b_shift=[0]), pair(100, -7)) == [193]
    assert values(engine, two("Add", a_shift=[1], output_shift=[-1]), pair(100, -7)) == [97]
    held = two("Add", params={"output_bits": 8}, a_shift=[1])
    assert values(engine, held, pair(100, -7)) == [127]


def test_g1_saturates_three_times(engine):
    """Each shifted input and the sum have 32 bits."""
    assert values(engine, two("Add", a_shift=[20]), pair(32767, -1)) == [2**31 - 2]
    assert values(engine, two("Add", a_shift=[20], b_shift=[31]), pair(32767, -32768)) == [-1]
    assert values(engine, two("Add", a_shift=[15], b_shift=[15]), pair(32767, 32767)) == [2**31 - 2**16]
    assert values(engine, two("Add", a_shift=[16], b_shift=[16]), pair(32767, 32767)) == [2**31 - 1]


def test_g1_other_buffers(engine):
    """16 bits: 100 << 9 ends at 32,767, less 7; −100 << 9 at −32,768, less 7, and ends again."""
    model = two("Add", params={"buffer_bits": 16}, a_shift=[9])
    assert values(engine, model, pair(100, -7)) == [32_760]
    assert values(engine, model, pair(-100, -7)) == [-32_768]


def test_g1_there_is_no_scale_and_no_post_op_buffer(engine):
    """32,767 << 10 is far beyond 2^16, and comes back whole."""
    params = {"output_bits": 16, "post_op_buffer_bits": 16}
    model = two("Add", params=params, a_shift=[10], output_shift=[-10])
    assert values(engine, model, pair(32_767, 0)) == [32_767]


@pytest.mark.parametrize("shift", [32, 64, 255])
def test_g1_shifts_of_any_length(engine, shift):
    for a, expected in [(1, INT32_MAX - 7), (0, -7), (-1, INT32_MIN)]:
        assert values(engine, two("Add", a_shift=[shift]), pair(a, -7)) == [expected]
    zeros = dense([[1]], output_scales=0)
    assert values(engine, [data((1, 1, 1), 16), zeros, layer("Add", {}, (1, 1), a_shift=shift)], scalars(5)) == [0]


def test_g1_the_same_layer_twice(engine):
    joined = layer("Add", {"output_bits": 16}, (0, 0), a_shift=[2], b_shift=[0])
    assert values(engine, [data((1, 1, 1), 16), joined], scalars(-7, 1000)) == [-35, 5000]


def test_g1_needs_two_inbounds(engine):
    with pytest.raises(ValueError, match=r"G1|inbounds"):
        engine.check([data((1, 1, 1)), layer("Add", {}, (0, 0, 0))])


def test_g1_inputs_may_have_different_formats(engine):
    assert values(engine, two("Add", -4, 8), pair(15, -100)) == [-85]


def test_g1_shapes_are_equal(engine):
    wide, narrow = dense(np.ones((2, 2)), read=0), dense(np.ones((2, 1)), read=0)
    with pytest.raises(ValueError, match=r"G1|shape|Add"):
        engine.check([data((1, 1, 2)), wide, narrow, layer("Add", {}, read=(1, 2))])


def test_g2_channels_are_joined_in_the_order_of_the_inbounds(engine):
    model = two("Concatenate", channels=2)
    x = array([1, 2, 3, 4], np.int16).reshape(1, 1, 1, 4)
    assert values(engine, model, x) == [1, 2, 3, 4]
    model[3]["inbounds"] = [2, 1]
    assert values(engine, model, x) == [3, 4, 1, 2]


@pytest.mark.parametrize(
    ("a", "b", "dtype", "expected"),
    [
        (-4, 4, np.int8, [15, -8]),
        (-4, -4, np.uint8, [15, 0]),
        (8, 4, np.int8, [100, -8]),
        (-8, -4, np.uint8, [100, 0]),
        (-8, 16, np.int16, [100, -100]),
    ],
)
def test_g3_the_format_holds_all_values(engine, a, b, dtype, expected):
    """A negative number of bits stands for an unsigned format."""
    found = engine.forward(two("Concatenate", a, b), pair(100, -100))
    assert found.dtype == dtype
    assert found.ravel().tolist() == expected


def test_g3_nine_bits_are_refused(engine):
    with pytest.raises(ValueError, match=r"B1|bits|format"):
        engine.check(two("Concatenate", -8, 8))


def test_outputs_reach_a_dequantizer(engine):
    model = [*two("Add", a_shift=[1]), dequantizer([0.5], read=3)]
    assert engine.predict(model, pair(100, -7)).item() == np.float32(96.5)
