"""Rules H to M of docs/arithmetic-akida2.md, as in `test_akida2_rules.py`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.akida2_models import array, conv, data, dense, dequantizer, image, layer, one_unit, scalars, values


def frames(*numbers):
    """Calls of one stream and one value."""
    return [array([n], np.int16).reshape(1, 1, 1, 1) for n in numbers]


def outputs(session, calls):
    return [session.forward(x).ravel().tolist() for x in calls]


# H: temporal layers ----------------------------------------------------------------------------


def buffer_temp_conv(fifo, weights, shape=(1, 1, 1), bits=16, **stage):
    params = {"fifo_size": fifo, "filters": np.shape(weights)[1]}
    made = layer("BufferTempConv", params, weights=np.asarray(weights)[None, None], **stage)
    return [data(shape, bits), made]


def depthwise_buffer_temp_conv(weights, shape=(1, 1, 1), **stage):
    params = {"fifo_size": len(weights)}
    made = layer("DepthwiseBufferTempConv", params, weights=np.asarray(weights)[None, None], **stage)
    return [data(shape, 16), made]


@pytest.mark.parametrize("kind", ["full", "depthwise"])
def test_h1_worked_example(engine, kind):
    """Weights (1, 10, 100), frames 1, 2, 3, 4: sums 100, 210, 321, 432; after a reset 100 again."""
    weights = [[1], [10], [100]]
    model = buffer_temp_conv(3, weights) if kind == "full" else depthwise_buffer_temp_conv(weights)
    session = engine.session(model)
    assert outputs(session, frames(1, 2, 3, 4)) == [[100], [210], [321], [432]]
    session.reset()
    assert outputs(session, frames(1)) == [[100]]


def test_h1_a_queue_of_one_frame_is_no_memory(engine):
    session = engine.session(buffer_temp_conv(1, [[2]]))
    assert outputs(session, frames(3, 0, 5)) == [[6], [0], [10]]


def test_h1_every_stream_has_a_queue(engine):
    session = engine.session(buffer_temp_conv(2, [[1], [10]]))
    calls = [scalars(1, 5), scalars(2, 6)]
    assert outputs(session, calls) == [[10, 50], [21, 65]]


def test_h2_frames_then_channels(engine):
    """w[t · C + c]: two frames of two channels."""
    session = engine.session(buffer_temp_conv(2, [[1], [2], [3], [4]], shape=(1, 1, 2)))
    calls = [array([10, 20], np.int16).reshape(1, 1, 1, 2), array([30, 50], np.int16).reshape(1, 1, 1, 2)]
    assert outputs(session, calls) == [[3 * 10 + 4 * 20], [1 * 10 + 2 * 20 + 3 * 30 + 4 * 50]]


def test_h2_every_pixel_has_a_queue(engine):
    session = engine.session(buffer_temp_conv(2, [[1], [10]], shape=(1, 2, 1)))
    calls = [array([1, 2], np.int16).reshape(1, 1, 2, 1), array([3, 4], np.int16).reshape(1, 1, 2, 1)]
    assert outputs(session, calls) == [[10, 20], [31, 42]]


def test_h2_h3_input_shifts(engine):
    shifted = {"input_shift": [0, 3]}
    x = array([1, 1], np.int16).reshape(1, 1, 1, 2)
    session = engine.session(buffer_temp_conv(2, [[1], [1], [1], [1]], shape=(1, 1, 2), **shifted))
    assert outputs(session, [x, x]) == [[9], [18]]
    session = engine.session(depthwise_buffer_temp_conv([[1, 1], [1, 1]], shape=(1, 1, 2), **shifted))
    assert outputs(session, [x, x]) == [[1, 8], [2, 16]]


def test_h3_each_channel_alone(engine):
    session = engine.session(depthwise_buffer_temp_conv([[1, 2], [3, 4]], shape=(1, 1, 2)))
    x = array([10, 100], np.int16).reshape(1, 1, 1, 2)
    assert outputs(session, [x, x]) == [[30, 400], [40, 600]]


def test_h4_the_stage_of_a_temporal_layer_has_32_bits(engine):
    """600 channels of 32767 · 127 pass 2^31; a 28-bit buffer would end at 2^27 − 1."""
    weights = np.full((600, 1), 127)
    x = np.full((1, 1, 1, 600), 32767, np.int16)
    session = engine.session(buffer_temp_conv(1, weights, shape=(1, 1, 600)))
    assert outputs(session, [x]) == [[2**31 - 1]]
    stage = {"bias": 1, "bias_shift": 4, "activation": "ReLU", "max_value": 9, "max_value_shift": 3}
    session = engine.session(buffer_temp_conv(1, [[1]], **stage, output_scales=3, output_shift=-1))
    assert outputs(session, frames(-20, 0, 10, 99)) == [[0], [24], [39], [108]]


# I: StatefulRecurrent --------------------------------------------------------------------------


def recurrent(x_shape=(1, 2, 1), subsample=1, bits=16, **given):
    given = {
        "in_proj": [[100]],
        "out_proj": [[2]],
        "A_real": 16384,
        "A_imag": 8192,
        "new_state_scale": 128,
        "new_state_shift": 3,
        "internal_state_outputs_shift": -15,
        **given,
    }
    states, channels = np.shape(given["out_proj"])
    params = {"stateful_channels": states, "output_channels": channels, "subsample": subsample}
    return [data(x_shape, bits), layer("StatefulRecurrent", params, **given)]


def steps(*numbers):
    return array(numbers, np.int16).reshape(1, 1, -1, 1)


def test_i_worked_example(engine):
    """States 3125 and 1563, of which subsampling keeps the second: 2 · 1563."""
    assert values(engine, recurrent(), steps(1000, 0)) == [6250, 3126]
    found = engine.forward(recurrent(subsample=2), steps(1000, 0))
    assert found.shape == (1, 1, 1, 1)
    assert found.item() == 3126


def test_i3_the_imaginary_state(engine):
    """(3125, 0) → (1563, 781) → 1563 / 2 − 781 / 4 = 586.25."""
    assert values(engine, recurrent((1, 3, 1)), steps(1000, 0, 0)) == [6250, 3126, 2 * 586]


def test_i1_input_shifts_and_saturation(engine):
    """28 bits: 33 channels of 32767 · 127 end at 2^27 − 1; times 1, shifted by 3: 2^30 − 8, state 32768 − …"""
    given = {"in_proj": np.full((33, 1), 127), "new_state_scale": 1, "new_state_shift": 0, "A_real": 0, "A_imag": 0}
    x = np.full((1, 1, 1, 33), 32767, np.int16)
    assert values(engine, recurrent((1, 1, 33), out_proj=[[1]], **given), x) == [2 ** (27 - 15)]
    shifted = recurrent((1, 1, 2), in_proj=[[1], [1]], out_proj=[[1]], input_shift=[0, 5])
    assert values(engine, shifted, array([100, 100], np.int16).reshape(1, 1, 1, 2)) == [(3300 * 128 * 8 + 2**14) >> 15]


def test_i2_the_new_state_saturates_at_32_bits(engine):
    """3,276,700 · 65535 is 2.1 · 10^11: 2^31 − 1, then / 2^2 / 2^15 gives 16384; at 2^32 it would be 32767."""
    given = {"new_state_scale": 65535, "new_state_shift": -2, "out_proj": [[1]]}
    assert values(engine, recurrent((1, 1, 1), **given), steps(32767)) == [16384]
    assert values(engine, recurrent((1, 1, 1), **given), steps(-32767)) == [-16384]


def test_i3_states_saturate_at_16_bits(engine):
    """A = 1 − 2^−15 and the same input again and again."""
    given = {"A_real": 32767, "A_imag": 0, "new_state_shift": 5, "out_proj": [[1]]}
    found = values(engine, recurrent((1, 4, 1), **given), steps(1000, 1000, 1000, 1000))
    assert found == [12500, 25000, 32767, 32767]


def test_i3_rounds_half_up(engine):
    """States of 1 with A = 1/2: 16384 / 32768 is rounded to 1, −16384 / 32768 to 0."""
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 15, "A_imag": 0, "out_proj": [[1]]}
    assert values(engine, recurrent((1, 3, 1), **given), steps(1, 0, 0)) == [1, 1, 1]
    assert values(engine, recurrent((1, 3, 1), **given), steps(-1, 0, 0)) == [-1, 0, 0]


def test_i4_states_last_from_call_to_call(engine):
    session = engine.session(recurrent((1, 1, 1)))
    assert outputs(session, [steps(1000), steps(0), steps(0)]) == [[6250], [3126], [1172]]
    session.reset()
    assert outputs(session, [steps(0)]) == [[0]]


def test_i4_time_is_a_multiple_of_the_subsampling(engine):
    with pytest.raises(ValueError, match=r"I4|subsample"):
        engine.check(recurrent((1, 3, 1), subsample=2))


def test_i5_bias_and_output(engine):
    stage = {"bias": 3, "bias_shift": 4, "activation": "ReLU", "output_scales": 5, "output_shift": -9}
    assert values(engine, recurrent(**stage), steps(1000, 0)) == [(6298 * 5 + 256) >> 9, (3174 * 5 + 256) >> 9]


# J: PicoPostProcessing ---------------------------------------------------------------------------


def pico(length=2, scale=40_000, shift=-18, threshold=34):
    """One state without memory: it passes the accumulator 5 · x, as J asks for accumulators of another layer."""
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 15, "A_real": 0, "A_imag": 0}
    model = recurrent((1, length, 1), **{**given, "out_proj": [[5]]})
    made = layer("PicoPostProcessing", {}, (1, 0), input_scales=scale, input_shift=shift, threshold=threshold)
    return [*model, made]


def test_j_worked_decisions(engine):
    """x = (1000, −400) gives acc = (5000, −2000), p = (763, −305); targets are x: d = (237, 95), m = 166."""
    for threshold, expected in [(166, 1), (167, 0), (0, 1)]:
        found = engine.forward(pico(threshold=threshold), steps(1000, -400))
        assert found.dtype == np.uint8
        assert found.shape == (1, 1, 1, 1)
        assert found.item() == expected


def test_j2_differences_saturate_at_16_bits(engine):
    """p = −32768 and a target of 30000 are 62768 apart: 32767."""
    model = pico(1, scale=65535, shift=0, threshold=32767)
    model[1]["variables"]["out_proj"] = array([[-5]], np.int8)
    assert values(engine, model, steps(30_000)) == [1]
    model[2]["variables"]["threshold"] = array([32768], np.uint16)
    assert values(engine, model, steps(30_000)) == [0]


def test_j1_the_product_saturates_at_two_to_the_44(engine):
    """(2^31 − 1) · 65535 saturates at 2^44 − 1; shift −30 makes 16384, which is 16383 from the target."""
    passed = {"output_bits": 16, "output_shift": 0}
    branches = [dense([[1]], read=0, **passed), dense([[0]], read=0, **passed)]
    decided = layer("PicoPostProcessing", {}, (3, 0), input_scales=65535, input_shift=-30, threshold=16383)
    model = [data((1, 1, 1), 16), *branches, layer("Add", {}, (1, 2), a_shift=31), decided]
    assert values(engine, model, scalars(1)) == [1]
    decided["variables"]["threshold"] = array([16384], np.uint16)
    assert values(engine, model, scalars(1)) == [0]


def test_j1_a_left_shift_saturates(engine):
    """p = 32767, 12767 from the target; 6.5 · 10^9 << 31 would wrap to a negative number in 64 bits."""
    model = pico(1, scale=65535, shift=31, threshold=12767)
    assert values(engine, model, steps(20_000)) == [1]
    model[2]["variables"]["threshold"] = array([12768], np.uint16)
    assert values(engine, model, steps(20_000)) == [0]


def test_j3_the_mean_is_rounded_down(engine):
    """p is 0: distances 1 and 2, mean 1.5."""
    assert values(engine, pico(scale=0, threshold=1), steps(1, -2)) == [1]
    assert values(engine, pico(scale=0, threshold=2), steps(1, -2)) == [0]


# K: inputs and outputs -----------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.int8), (16, np.int16)])
def test_k1_input_data_is_signed(engine, bits, dtype):
    x = scalars(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, dtype=dtype)
    found = engine.forward([data((1, 1, 1), bits)], x)
    assert found.dtype == dtype
    assert found.tolist() == x.tolist()


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
    with pytest.raises(ValueError, match="scales"):
        engine.check([quantizer(np.float32(scale))])


def test_k4_channels_first(engine):
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    found = engine.forward([quantizer([1, 1], shape=(2, 3, 4), channels_first=True)], x)
    assert found.tolist() == np.moveaxis(x, 1, 3).astype(int).tolist()


def test_k5_the_integer_is_rounded_first(engine):
    """2^24 + 1 becomes 2^24 before it is halved."""
    model = [*one_unit(bias=1, bias_shift=0, input_shift=12), dequantizer(0.5, 1)]
    found = engine.predict(model, scalars(4096))
    assert found.dtype == np.float32
    assert found.item() == 8_388_608


def test_k5_the_product_is_rounded_once(engine):
    model = [*one_unit(), dequantizer(0.1, 1)]
    x = scalars(*range(-50, 50))
    assert engine.predict(model, x).ravel().tolist() == (x.ravel().astype(np.float32) * np.float32(0.1)).tolist()


# L: models -----------------------------------------------------------------------------------------


def test_l1_a_quantizer_feeds_an_image_or_input_data(engine):
    kernel = np.ones((1, 1, 1, 1))
    behind = image((1, 1, 1), kernel) | {"inbounds": [0]}
    x = np.full((1, 1, 1, 1), 7.4, np.float32)
    assert values(engine, [quantizer(1, 3), behind], x) == [10]
    signed = layer("InputData", {"input_shape": (1, 1, 1), "input_bits": 8}, 0)
    assert values(engine, [quantizer(1, signed=True), signed, dense([[2]], read=1)], -x) == [-14]
    wide, plain = quantizer(1, bits=16, signed=True), dense([[1]], read=0)
    for refused in ([wide, behind], [quantizer(1), signed], [wide, signed], [quantizer(1), plain]):
        with pytest.raises(ValueError, match=r"L1|Quantizer|input"):
            engine.check(refused)


def test_l1_every_layer_but_the_last_is_read(engine):
    unread = dense([[1]], read=0, output_shift=0)
    with pytest.raises(ValueError, match=unread["name"]):
        engine.check([data((1, 1, 1)), unread, dense([[1]], read=0)])


def test_l2_l3_forward_is_what_the_dequantizer_reads(engine):
    model = [*one_unit(output_shift=0), dequantizer(0.25, 1)]
    x = scalars(-3, 300)
    found = engine.forward(model, x)
    assert found.dtype == np.int8
    assert found.ravel().tolist() == [-3, 127]
    assert engine.predict(model, x).ravel().tolist() == [-0.75, 31.75]


def test_l3_predict_needs_a_dequantizer(engine):
    with pytest.raises(ValueError, match="Dequantizer"):
        engine.predict(one_unit(output_shift=0), scalars(1))


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
    made = conv(3, 1, channels=4, weights=weights, pool_type="Average")
    return [data((1, positions, 4)), made]


def test_m2_worked_example(engine):
    """3669 positions are the most: 585,216 · 3669 is below 2^31."""
    for weight in (127, -127):
        engine.check(average(3669, weight))
        with pytest.raises(ValueError, match=r"M2|2147742720|int32|32 bits"):
            engine.check(average(3670, weight))


def test_m2_relu_takes_the_lower_end_away(engine):
    """Upwards 580,644 · 3698 is the most."""
    model, more = average(3698), average(3699)
    model[1]["params"]["activation"] = more[1]["params"]["activation"] = "ReLU"
    engine.check(model)
    with pytest.raises(ValueError, match=r"M2|int32|32 bits"):
        engine.check(more)


def test_m2_with_an_output_quantizer_there_is_no_bound(engine):
    model = average(5000)
    model[1]["variables"]["output_shift"] = array([-20], np.int8)
    engine.check(model)


def test_m4_multiply_accumulates(engine):
    def macs(shape, made):
        return engine.macs([data(shape), made])

    transposed = {"kernel_size": 3, "filters": 5}
    assert macs((4, 4, 2), layer("Conv2DTranspose", transposed, weights=np.zeros((3, 3, 2, 5)))) == 1440
    assert macs((4, 4, 2), layer("DepthwiseConv2DTranspose", transposed, weights=np.zeros((3, 3, 2, 1)))) == 288
    assert macs((9, 8, 3), conv(3, 4, stride=2, channels=3, pool_type="Max", pool_size=2)) == 5 * 4 * 9 * 3 * 4
    depthwise = {"kernel_size": 3, "kernel_stride": 1, "padding": "Valid"}
    assert macs((5, 4, 3), layer("DepthwiseConv2D", depthwise, weights=np.zeros((3, 3, 3, 1)))) == 3 * 2 * 9 * 3
    assert macs((2, 3, 4), dense(np.zeros((24, 7)))) == 24 * 7
    assert engine.macs(buffer_temp_conv(4, np.zeros((12, 5)), shape=(2, 2, 3))) == 4 * 4 * 3 * 5
    assert engine.macs(depthwise_buffer_temp_conv(np.zeros((4, 3)), shape=(2, 2, 3))) == 4 * 4 * 3
    model = recurrent((1, 6, 2), subsample=3, in_proj=np.zeros((2, 5)), out_proj=np.zeros((5, 7)))
    assert engine.macs(model) == 6 * (2 * 5 + 4 * 5) + 2 * 5 * 7
