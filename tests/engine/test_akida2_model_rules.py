"""Rules K to M of docs/arithmetic-akida2.md, as in `test_akida2_rules.py`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.akida2_models import (
    array,
    buffer_temp_conv,
    conv,
    data,
    dense,
    depthwise_buffer_temp_conv,
    dequantizer,
    image,
    layer,
    one_unit,
    recurrent,
    scalars,
    values,
)

REFUSED_SUM = r"M2|-2147483648\.\.=2147483647"

# K: inputs and outputs -----------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.int8), (16, np.int16)])
def test_k1_input_data_is_signed(engine, bits, dtype):
    x = scalars(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, dtype=dtype)
    found = engine.forward([data((1, 1, 1), bits)], x)
    assert found.dtype == dtype
    assert found.tolist() == x.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_k1_input_data_of_few_bits_is_unsigned(engine, bits):
    top = 2**bits - 1
    model = [data((1, 1, 1), bits), dense([[-3]])]
    assert values(engine, model, scalars(0, top, dtype=np.uint8)) == [0, -3 * top]
    with pytest.raises(ValueError, match=str(top + 1)):
        engine.forward(model, scalars(top + 1, dtype=np.uint8))


@pytest.mark.parametrize("bits", [3, 5, 12, 32])
def test_k1_other_widths_are_refused(engine, bits):
    with pytest.raises(ValueError, match=r"B1|input_bits"):
        engine.check([data((1, 1, 1), bits)])


def quantizer(scales, zero_points=None, bits=8, signed=False, shape=(1, 1, 1), **params):
    given = {"scales": scales} | ({} if zero_points is None else {"zero_points": zero_points})
    params = {"input_shape": shape, "output_bits": bits, "output_signed": signed, **params}
    return layer("Quantizer", params, **given) | {"inbounds": []}


def test_k2_worked_example(engine):
    x = np.array([0.125, -2, 9, -9, np.inf, -np.inf], np.float32).reshape(-1, 1, 1, 1)
    found = engine.forward([quantizer(100, 128)], x)
    assert found.dtype == np.uint8
    assert found.ravel().tolist() == [140, 0, 255, 0, 255, 0]


def test_k2_the_largest_zero_point(engine):
    found = values(engine, [quantizer(100, 255)], scalars(-2.55, -2.54, -9, -np.inf, dtype=np.float32))
    assert found == [0, 1, 0, 0]


@pytest.mark.parametrize(("bits", "low", "high"), [(8, -128, 127), (16, -32768, 32767)])
def test_k2_signed(engine, bits, low, high):
    x = scalars(-1e9, 1e9, -np.inf, np.inf, 0.5, 1.5, 2.5, -0.5, -1.5, dtype=np.float32)
    assert values(engine, [quantizer(1, bits=bits, signed=True)], x) == [low, high, low, high, 0, 2, 2, 0, -2]


def test_k2_zero_points_of_signed_formats(engine):
    """Nothing saturates before the zero point is added: −200 + 100 is −100, and 200 + 100 beyond 127."""
    x = scalars(-300, -229, -228, -200, 0, 27, 28, 200, -np.inf, dtype=np.float32)
    expected = [-128, -128, -128, -100, 100, 127, 127, 127, -128]
    assert values(engine, [quantizer(1, 100, signed=True)], x) == expected
    x = scalars(-40_000, -32_800, 32_700, np.inf, dtype=np.float32)
    assert values(engine, [quantizer(1, 200, 16, signed=True)], x) == [-32_768, -32_600, 32_767, 32_767]


@pytest.mark.parametrize(("bits", "signed"), [(4, False), (4, True), (7, True), (16, False), (32, True)])
def test_k2_other_formats_are_refused(engine, bits, signed):
    with pytest.raises(ValueError, match=r"B1|output_bits|output_signed"):
        engine.check([quantizer(1, bits=bits, signed=signed)])


def test_k2_the_product_is_a_float32(engine):
    """A tie that only the rounded product is: it goes to the even 2."""
    x, scale = np.float32(2.5 / 0.7), np.float32(0.7)
    assert float(x) * float(scale) != 2.5
    assert x * scale == np.float32(2.5)
    assert values(engine, [quantizer(scale, bits=8, signed=True)], x.reshape(1, 1, 1, 1)) == [2]


def test_k2_nan_is_refused(engine):
    with pytest.raises(ValueError, match=r"(?i)nan"):
        engine.forward([quantizer(1)], np.full((1, 1, 1, 1), np.nan, np.float32))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan])
def test_k3_scales_are_finite_and_positive(engine, scale):
    for model in ([quantizer(np.float32(scale))], [*one_unit(), dequantizer(np.float32(scale), 1)]):
        with pytest.raises(ValueError, match="scales"):
            engine.check(model)


def test_k4_channels_first(engine):
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    found = engine.forward([quantizer([1, 1], shape=(2, 3, 4), channels_first=True)], x)
    assert found.tolist() == np.moveaxis(x, 1, 3).astype(int).tolist()


def test_k5_the_integer_is_rounded_first(engine):
    """2^24 + 1 becomes 2^24 before it is halved."""
    model = [*one_unit(bias=1, input_shift=12, output_bits=32), dequantizer(0.5, 1)]
    found = engine.predict(model, scalars(4096))
    assert found.dtype == np.float32
    assert found.item() == 8_388_608
    # 2^24 + 1 and 2^24 + 3 become 2^24 and 2^24 + 4; three quarters of them lie elsewhere in exact arithmetic.
    for bias, expected in [(1, 12_582_912), (3, 12_582_915)]:
        model = [*one_unit(bias=bias, input_shift=12, output_bits=32), dequantizer(0.75, 1)]
        assert engine.predict(model, scalars(4096)).item() == expected


def test_k5_the_product_is_rounded_once(engine):
    model = [*one_unit(), dequantizer(0.1, 1)]
    x = scalars(*range(-50, 50))
    assert engine.predict(model, x).ravel().tolist() == (x.ravel().astype(np.float32) * np.float32(0.1)).tolist()


# L: models -----------------------------------------------------------------------------------------


def test_l1_a_quantizer_feeds_any_layer(engine):
    kernel = np.ones((1, 1, 1, 1))
    behind = image((1, 1, 1), kernel) | {"inbounds": [0]}
    x = np.full((1, 1, 1, 1), 7.4, np.float32)
    assert values(engine, [quantizer(1, 3), behind], x) == [10]
    assert values(engine, [quantizer(1, 193), dense([[1]], read=0, output_bits=16)], x) == [200]
    assert values(engine, [quantizer(1, signed=True), layer("Add", {}, (0, 0))], -x) == [-14]
    signed = layer("InputData", {"input_shape": (1, 1, 1), "input_bits": 8}, 0)
    assert values(engine, [quantizer(1, signed=True), signed, dense([[2]], read=1)], -x) == [-14]
    wide, large = quantizer(1, bits=16, signed=True), quantizer([1], shape=(1, 2, 1))
    second = quantizer(1) | {"inbounds": [0]}
    for refused in ([wide, behind], [quantizer(1), signed], [wide, signed], [large, behind], [quantizer(1), second]):
        with pytest.raises(ValueError, match=r"L1|Quantizer|inbound"):
            engine.check(refused)


def test_l1_one_input_stands_first(engine):
    second = data((1, 1, 1)) | {"inbounds": [0]}
    for refused in ([dense([[1]])], [data((1, 1, 1)), second], [dense([[1]]) | {"inbounds": []}]):
        with pytest.raises(ValueError, match=r"L1|first layer|later layer|inbound"):
            engine.check(refused)


def test_l1_a_dequantizer_is_the_last_layer(engine):
    for reader in (dense([[1]], read=2), dequantizer(1, 2), layer("Add", {}, (1, 2))):
        with pytest.raises(ValueError, match=r"K5|L1|Dequantizer|float"):
            engine.check([*one_unit(), dequantizer(0.5, 1), reader])


def test_l1_every_layer_but_the_last_is_read(engine):
    unread = dense([[1]], read=0)
    with pytest.raises(ValueError, match=unread["name"]):
        engine.check([data((1, 1, 1)), unread, dense([[1]], read=0)])


def test_l2_l3_forward_is_what_the_dequantizer_reads(engine):
    model = [*one_unit(), dequantizer(0.25, 1)]
    x = scalars(-3, 300)
    found = engine.forward(model, x)
    assert found.dtype == np.int8
    assert found.ravel().tolist() == [-3, 127]
    assert engine.predict(model, x).ravel().tolist() == [-0.75, 31.75]


def test_l3_predict_needs_a_dequantizer(engine):
    with pytest.raises(ValueError, match="Dequantizer"):
        engine.predict(one_unit(), scalars(1))


def test_l5_another_number_of_streams_needs_a_reset(engine):
    session = engine.session(buffer_temp_conv(2, [[1], [10]]))
    session.forward(scalars(1, 2))
    with pytest.raises(ValueError, match="reset"):
        session.forward(scalars(1))
    session.reset()
    assert session.forward(scalars(1)).ravel().tolist() == [10]


# M: bounds and counts --------------------------------------------------------------------------------


def average(positions, weight=127):
    weights = np.full((3, 3, 4, 1), weight)
    made = conv(3, 1, channels=4, weights=weights, pool_type="Average", output_bits=32)
    return [data((1, positions, 4)), made]


def test_m2_worked_example(engine):
    """3669 positions are the most: 585,216 · 3669 is below 2^31."""
    for weight in (127, -127):
        engine.check(average(3669, weight))
        with pytest.raises(ValueError, match=r"M2|2147742720"):
            engine.check(average(3670, weight))


def test_m2_bias_shifts_and_table(engine):
    """One weight of 1 on 8 bits: the interval before the average follows every step."""
    for given, most in [
        ({"input_shift": [16]}, 2**31 // 2**23),  # −128 << 16
        ({"bias": 1, "bias_shift": 30}, 1),  # 2^30 + 127
        ({"input_shift": [255], "buffer_bits": 16}, 2**31 // 2**15),
        ({"activation": "LUT", "lut_values": np.repeat([-1000, 3], 1024)}, 2**31 // 1000),
        ({"activation": "ReLU", "input_shift": [16], "max_value": 1, "max_value_shift": 20}, 2**31 // 2**20 - 1),
    ]:
        made = conv(1, 1, weights=[[[[1]]]], pool_type="Average", output_bits=32, **given)
        engine.check([data((1, most, 1)), made])
        with pytest.raises(ValueError, match=REFUSED_SUM):
            engine.check([data((1, most + 1, 1)), made])


def test_m2_relu_takes_the_lower_end_away(engine):
    """Upwards 580,644 · 3698 is the most."""
    model, more = average(3698), average(3699)
    model[1]["params"]["activation"] = more[1]["params"]["activation"] = "ReLU"
    engine.check(model)
    with pytest.raises(ValueError, match=REFUSED_SUM):
        engine.check(more)


def test_m2_other_outputs_have_no_bound(engine):
    for bits in (8, 16):
        model = average(5000)
        model[1]["params"]["output_bits"] = bits
        engine.check(model)


def test_m3_a_sum_has_at_most_two_to_the_24_terms(engine):
    """4096 · 4096 are allowed, 4096 · 4097 are not."""
    engine.check([data((1, 4096, 4096)), dense(np.zeros((2**24, 1), np.int8))])
    with pytest.raises(ValueError, match=r"M3|16777216"):
        engine.check([data((1, 4097, 4096)), dense(np.zeros((4097 * 4096, 1), np.int8))])


def test_m4_multiply_accumulates(engine):
    def macs(shape, made):
        return engine.macs([data(shape), made])

    transposed = {"kernel_size": 3}
    full = layer("Conv2DTranspose", transposed, filters=5, weights=np.zeros((3, 3, 2, 5)))
    assert macs((4, 4, 2), full) == 1440
    assert macs((4, 4, 2), layer("DepthwiseConv2DTranspose", transposed, weights=np.zeros((3, 3, 2, 1)))) == 288
    assert macs((9, 8, 3), conv(3, 4, stride=2, channels=3, pool_type="Max", pool_size=2)) == 5 * 4 * 9 * 3 * 4
    depthwise = {"kernel_size": 3, "kernel_stride": 1, "padding": "Valid"}
    assert macs((5, 4, 3), layer("DepthwiseConv2D", depthwise, weights=np.zeros((3, 3, 3, 1)))) == 3 * 2 * 9 * 3
    assert macs((2, 3, 4), dense(np.zeros((24, 7)))) == 24 * 7
    assert engine.macs(buffer_temp_conv(4, np.zeros((12, 5)), shape=(2, 2, 3))) == 4 * 4 * 3 * 5
    assert engine.macs(depthwise_buffer_temp_conv(np.zeros((4, 3)), shape=(2, 2, 3))) == 4 * 4 * 3
    assert engine.macs([image((9, 8, 3), np.zeros((3, 3, 3, 4)), padding="Valid", stride=2)]) == 4 * 3 * 9 * 3 * 4
    assert engine.macs([data((1, 2, 3)), layer("Add", {}, (0, 0)), layer("Concatenate", {}, (1, 0))]) == 0
    model = recurrent((1, 6, 2), subsample=3, in_proj=np.zeros((2, 5)), out_proj=np.zeros((5, 7)))
    assert engine.macs(model) == 6 * (2 * 5 + 4 * 5) + 2 * 5 * 7


def test_m5_events_and_effective_multiply_accumulates(engine):
    """8 of 32 inputs are not zero in two samples: densities 12 / 32 and 4 / 32, 8 / 32 on average."""
    x = np.zeros((2, 4, 4, 2), np.int8)
    x[0].flat[:12], x[1].flat[:4] = -1, 127
    full = layer("Conv2DTranspose", {"kernel_size": 3, "filters": 5}, weights=np.zeros((3, 3, 2, 5)))
    assert engine.events([data((4, 4, 2)), full], x) == [(8, 0), (8, 1440 * 8 / 32)]
    model = [data((4, 4, 2)), conv(3, 5, channels=2), dense(np.zeros((80, 3)), read=1)]
    assert engine.events(model, x) == [(8, 0), (8, 360), (0, 0)]


def test_m5_events_of_two_inbounds_add_up(engine):
    joined = layer("Concatenate", {}, (0, 1))
    model = [data((1, 1, 2)), dense([[1], [1]]), joined, dense([[1], [1], [1]], read=2)]
    x = array([[3, 0], [1, -1], [0, 0], [1, 1]], np.int8).reshape(4, 1, 1, 2)
    # Inputs (3, 0), (1, −1), (0, 0), (1, 1) have the sums 3, 0, 0, 2: 5 and 2 events in four samples.
    assert engine.events(model, x) == [(1.25, 0), (1.25, 1.25), (1.75, 0), (1.75, 1.75)]
