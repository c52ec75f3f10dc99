"""Rules H to J of docs/arithmetic-akida2.md, as in `test_akida2_rules.py`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.akida2_models import (
    array,
    buffer_temp_conv,
    data,
    dense,
    depthwise_buffer_temp_conv,
    layer,
    recurrent,
    scalars,
    values,
)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def frames(*numbers):
    """Calls of one stream and one value."""
    return [array([n], np.int16).reshape(1, 1, 1, 1) for n in numbers]


def outputs(session, calls):
    return [session.forward(x).ravel().tolist() for x in calls]


# H: temporal layers ----------------------------------------------------------------------------


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
    session = engine.session(depthwise_buffer_temp_conv([[2, -3]], shape=(1, 1, 2)))
    x = array([5, 7], np.int16).reshape(1, 1, 1, 2)
    assert outputs(session, [x, x]) == [[10, -21], [10, -21]]


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


def test_h4_the_stage_of_a_temporal_layer(engine):
    """600 channels of 32767 · 127 pass 2^31."""
    weights = np.full((600, 1), 127)
    x = np.full((1, 1, 1, 600), 32767, np.int16)
    session = engine.session(buffer_temp_conv(1, weights, shape=(1, 1, 600)))
    assert outputs(session, [x]) == [[2**31 - 1]]
    stage = {"bias": 1, "bias_shift": 4, "activation": "ReLU", "max_value": 9, "max_value_shift": 3}
    session = engine.session(buffer_temp_conv(1, [[1]], **stage, output_scales=3, output_shift=-1))
    assert outputs(session, frames(-20, 0, 10, 99)) == [[0], [24], [39], [108]]


def test_h4_shifted_frames_saturate(engine):
    """Buffer of 16 bits: 127 << 9 ends at 32,767. The queue holds frames before their shift."""
    given = {"input_shift": [9], "buffer_bits": 16}
    for model in (buffer_temp_conv(2, [[1], [-1]], **given), depthwise_buffer_temp_conv([[1], [-1]], **given)):
        session = engine.session(model)
        assert outputs(session, frames(127, 1, 60, -127)) == [[-32_767], [32_767 - 512], [512 - 30_720], [32_767]]


@pytest.mark.parametrize("shift", [32, 64, 255])
def test_h4_shifts_of_any_length(engine, shift):
    session = engine.session(buffer_temp_conv(2, [[1], [1]], input_shift=[shift]))
    assert outputs(session, frames(1, -1, 0, -1)) == [[INT32_MAX], [-1], [INT32_MIN], [INT32_MIN]]


@pytest.mark.parametrize(("bits", "top"), [(2, 1), (4, 7)])
def test_h_weights_have_the_ranges_of_b4(engine, bits, top):
    for make in (lambda w: buffer_temp_conv(1, [[w]], weights_bits=bits), lambda w: depthwise(w, bits)):
        assert outputs(engine.session(make(-top)), frames(3)) == [[-3 * top]]
        with pytest.raises(ValueError, match=str(-top - 1)):
            engine.check(make(-top - 1))


def depthwise(weight, bits):
    return depthwise_buffer_temp_conv([[weight]], weights_bits=bits)


# I: StatefulRecurrent --------------------------------------------------------------------------


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
    """28 bits where nothing is given (B6): 33 channels of 32767 · 127 end at 2^27 − 1; / 2^15 is rounded to 4096."""
    given = {"in_proj": np.full((33, 1), 127), "new_state_scale": 1, "new_state_shift": 0, "A_real": 0, "A_imag": 0}
    x = np.full((1, 1, 1, 33), 32767, np.int16)
    assert values(engine, recurrent((1, 1, 33), out_proj=[[1]], **given), x) == [2 ** (27 - 15)]
    wide = recurrent((1, 1, 33), out_proj=[[1]], buffer_bits=32, **given)
    assert values(engine, wide, x) == [(32767 * 127 * 33 + 2**14) >> 15]
    shifted = recurrent((1, 1, 2), in_proj=[[1], [1]], out_proj=[[1]], input_shift=[0, 5])
    assert values(engine, shifted, array([100, 100], np.int16).reshape(1, 1, 1, 2)) == [(3300 * 128 * 8 + 2**14) >> 15]


def test_i1_shifted_inputs_saturate(engine):
    """Buffer of 16 bits: 100 << 9 ends at 32,767, from which 127 is taken; · 1024 / 2^15 is 1020."""
    given = {"in_proj": [[1], [127]], "out_proj": [[1]], "input_shift": [9, 0], "buffer_bits": 16}
    x = array([100, -1], np.int16).reshape(1, 1, 1, 2)
    assert values(engine, recurrent((1, 1, 2), **given), x) == [1020]
    given["input_shift"] = [255, 0]
    assert values(engine, recurrent((1, 1, 2), **given), x) == [1020]


def test_i2_the_new_state_saturates_at_32_bits(engine):
    """3,276,700 · 65535 is 2.1 · 10^11: 2^31 − 1, then / 2^2 / 2^15 gives 16384; at 2^32 it would be 32767."""
    given = {"new_state_scale": 65535, "new_state_shift": -2, "out_proj": [[1]]}
    assert values(engine, recurrent((1, 1, 1), **given), steps(32767)) == [16384]
    assert values(engine, recurrent((1, 1, 1), **given), steps(-32767)) == [-16384]


def test_i2_the_shifted_new_state_saturates_at_32_bits(engine):
    """u = 2^31 − 1, k = −16: 32767 follows. Then −32768 · 32767 + 2^31 − 1 is 1,073,774,591, / 2^16 rounded to 16384.

    Without saturation of u the second state would be 32767.
    """
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 40, "out_proj": [[1]]}
    given |= {"A_real": -32768, "A_imag": 0, "internal_state_outputs_shift": -16}
    assert values(engine, recurrent((1, 2, 1), **given), steps(1, 1)) == [32767, 16384]


@pytest.mark.parametrize(("shift", "expected"), [(-128, 0), (-48, 0), (32, 1), (127, 1)])
def test_i2_i3_shifts_of_any_length(engine, shift, expected):
    """A new state at the ends of 32 bits is a state of 2^16, which saturates."""
    given = {"new_state_shift": shift, "out_proj": [[1]], "internal_state_outputs_shift": -15}
    assert values(engine, recurrent((1, 1, 1), **given), steps(20)) == [32767 * expected]
    given = {"new_state_shift": 0, "out_proj": [[1]], "internal_state_outputs_shift": shift}
    assert values(engine, recurrent((1, 1, 1), **given), steps(-20)) == [-32768 * expected]


def test_i3_states_rotate(engine):
    """A = −32768 · (1 + i), k = −15.

    (−32768, 0) → (2^30, 2^30) / 2^15 = (32768, 32768), held at 32767 → (0, −65534), held at −32768 → −2^30 / 2^15.
    """
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 15, "out_proj": [[1]]}
    model = recurrent((1, 4, 1), A_real=-32768, A_imag=-32768, **given)
    assert values(engine, model, steps(-32768, 0, 0, 0)) == [-32768, 32767, 0, -32768]


def test_i3_the_sum_with_the_new_state_saturates(engine):
    """u = ±32767 << 16, k = −17: ±16383.5 is rounded upwards. Then 16384 · 32767 + u ends at 2^31 − 1, so 16384.

    Without saturation the second state would be 20479.
    """
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 16, "out_proj": [[1]]}
    given |= {"A_real": 32767, "A_imag": 0, "internal_state_outputs_shift": -17}
    assert values(engine, recurrent((1, 2, 1), **given), steps(32767, 32767)) == [16384, 16384]
    assert values(engine, recurrent((1, 2, 1), **given), steps(-32767, -32767)) == [-16383, -16384]


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
    with pytest.raises(ValueError, match=r"I4|a multiple of 2 steps"):
        engine.check(recurrent((1, 3, 1), subsample=2))


def test_i5_the_output_projection_has_the_buffer(engine):
    """16 bits: 300 states of 3125 · 2 are far beyond 32,767."""
    given = {"out_proj": np.full((300, 1), 2), "in_proj": np.full((1, 300), 100), "buffer_bits": 16}
    assert values(engine, recurrent((1, 1, 1), **given), steps(1000)) == [32_767]
    assert values(engine, recurrent((1, 1, 1), **given), steps(-1000)) == [-32_768]


def test_i6_projections_have_8_bits(engine):
    for name in ("in_proj", "out_proj"):
        with pytest.raises(ValueError, match="-128"):
            engine.check(recurrent(**{name: [[-128]]}))


def test_i5_bias_and_output(engine):
    stage = {"bias": 3, "bias_shift": 4, "activation": "ReLU", "output_scales": 5, "output_shift": -9}
    assert values(engine, recurrent(**stage), steps(1000, 0)) == [(6298 * 5 + 256) >> 9, (3174 * 5 + 256) >> 9]


# J: PicoPostProcessing ---------------------------------------------------------------------------


def pico(length=2, scale=40_000, shift=-18, threshold=34, **params):
    """One state without memory: it passes the accumulator 5 · x, as J asks for accumulators of another layer."""
    given = {"in_proj": [[1]], "new_state_scale": 1, "new_state_shift": 15, "A_real": 0, "A_imag": 0}
    model = recurrent((1, length, 1), **{**given, "out_proj": [[5]]})
    made = layer("PicoPostProcessing", params, (1, 0), input_scales=scale, input_shift=shift, threshold=threshold)
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
    branches = [dense([[w]], read=0, output_bits=16) for w in (1, 0)]
    decided = layer("PicoPostProcessing", {}, (3, 0), input_scales=65535, input_shift=-30, threshold=16383)
    model = [data((1, 1, 1), 16), *branches, layer("Add", {"output_bits": 32}, (1, 2), a_shift=31), decided]
    assert values(engine, model, scalars(1)) == [1]
    decided["variables"]["threshold"] = array([16384], np.uint16)
    assert values(engine, model, scalars(1)) == [0]


def test_j1_a_left_shift_saturates(engine):
    """p = 32767, 12767 from the target; 6.5 · 10^9 << 31 would wrap to a negative number in 64 bits."""
    for shift in (31, 32, 62, 64, 127):
        for threshold, expected in [(12767, 1), (12768, 0)]:
            model = pico(1, scale=65535, shift=shift, threshold=threshold)
            assert values(engine, model, steps(20_000)) == [expected]


@pytest.mark.parametrize(("bits", "distance"), [(33, 16_383), (34, 12_288), (48, 12_288)])
def test_j1_the_buffer_is_a_parameter(engine, bits, distance):
    """5 · 32767 · 65535 / 2^19 is 20,479.2; 2^33 ends it at 16384. The target is 32767."""
    for threshold, expected in [(distance, 1), (distance + 1, 0)]:
        model = pico(1, scale=65535, shift=-19, threshold=threshold, buffer_bits=bits)
        assert values(engine, model, steps(32_767)) == [expected]


def test_j_other_buffers_shapes_and_targets_are_refused(engine):
    for bits in (32, 49):
        with pytest.raises(ValueError, match="buffer_bits"):
            engine.check(pico(buffer_bits=bits))
    narrower = recurrent((1, 2, 1), subsample=2)
    for target in (0, 1):
        wrong = [*narrower, layer("PicoPostProcessing", {}, (1, target))]
        with pytest.raises(ValueError, match=r"J:|shape|bits"):
            engine.check(wrong)


def test_j_maps_have_one_row(engine):
    with pytest.raises(ValueError, match=r"J:|shape"):
        engine.check([data((2, 3, 1), 16), layer("PicoPostProcessing", {}, (0, 0))])


def test_j_a_target_of_8_bits(engine):
    """acc = 5 · x, p = acc: distances 40 and 80, mean 60."""
    for threshold, expected in [(60, 1), (61, 0)]:
        model = pico(scale=1, shift=0, threshold=threshold)
        model[0]["params"]["input_bits"] = 8
        assert values(engine, model, steps(10, -20).astype(np.int8)) == [expected]


def test_j3_each_channel_alone(engine):
    """Distances (4, 8) and (0, 0): channels are the last axis."""
    given = {"in_proj": np.eye(2), "new_state_scale": 1, "new_state_shift": 15, "A_real": 0, "A_imag": 0}
    model = recurrent((1, 2, 2), **given, out_proj=[[5, 0], [0, 1]])
    decided = layer("PicoPostProcessing", {}, (1, 0), threshold=[6, 0], input_scales=[1, 1])
    x = array([1, 9, -2, 7], np.int16).reshape(1, 1, 2, 2)
    assert values(engine, [*model, decided], x) == [1, 1]
    decided["variables"]["threshold"] = array([7, 1], np.uint16)
    found = engine.forward([*model, decided], x)
    assert found.shape == (1, 1, 1, 2)
    assert found.ravel().tolist() == [0, 0]


def test_j3_the_mean_is_rounded_down(engine):
    """p is 0: distances 1 and 2, mean 1.5."""
    assert values(engine, pico(scale=0, threshold=1), steps(1, -2)) == [1]
    assert values(engine, pico(scale=0, threshold=2), steps(1, -2)) == [0]
