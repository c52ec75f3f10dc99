"""Models with state: streams, clips, sessions."""

import copy
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.errors import FormatError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from tests.akida.akida2_models import fill, queue_model, stateful_model, steps


@pytest.fixture
def model():
    return queue_model()


def clip_of(model, length, streams, seed=0):
    limits = np.iinfo(model.input_dtype)
    shape = (length, streams, *model.input_shape)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, model.input_dtype, endpoint=True)


def test_state_is_told(model, events):
    assert model.has_state
    assert not events.has_state
    assert not akida.Model().has_state


def test_a_batch_is_one_step_of_so_many_streams(model):
    assert model.forward(steps([1, 5])[0]).ravel().tolist() == [1, 5]
    assert model.forward(steps([2, 0])[0], batch_size=1, threads=2).ravel().tolist() == [12, 50]
    assert [tap.ravel().tolist() for tap in model.forward_taps(steps([0, 3])[0])] == [[0, 3], [20, 3]]


def test_another_number_of_streams_needs_a_reset(model):
    model.forward(steps([1, 5])[0])
    message = r"inputs must be of shape \(2, 1, 1, 1\), one for each stream, received \(3, 1, 1, 1\); call reset\(\)"
    for run in (model.forward, model.forward_taps, model.predict_classes):
        with pytest.raises(InvalidArgumentError, match=message) as error:
            run(steps([1, 2, 3])[0])
        assert error.value.kind == "inputs"
    assert model.forward(steps([0, 0])[0]).ravel().tolist() == [10, 50]
    model.reset()
    assert model.forward(steps([1, 2, 3])[0]).ravel().tolist() == [1, 2, 3]


def test_refused_and_empty_inputs_settle_no_number_of_streams(model):
    assert model.forward(steps([])[0]).shape == (0, 1, 1, 1)
    assert model.forward(steps([1])[0]).ravel().tolist() == [1]
    floats = akida.Model(layers=[akida.Quantizer((1, 1, 1)), akida.InputData((1, 1, 1), 8), akida.BufferTempConv(1, 2)])
    with pytest.raises(InvalidArgumentError, match=r"inputs must be numbers, received NaN at \[1, 0, 0, 0\]"):
        floats.forward(np.array([0, np.nan, 0], np.float32).reshape(3, 1, 1, 1))
    assert floats.forward(np.zeros((2, 1, 1, 1), np.float32)).shape == (2, 1, 1, 1)


def test_refused_inputs_leave_the_streams_where_they_were(model):
    session = model.session(2)
    for stepped in (model.forward, session.step):
        stepped(steps([1, 5])[0])
        for wrong in (np.zeros((2, 1, 1, 1), np.uint8), steps([1])[0], steps([1, 2])):
            with pytest.raises(InvalidArgumentError):
                stepped(wrong)
        assert stepped(steps([0, 0])[0]).ravel().tolist() == [10, 50]


def test_edits_begin_new_streams(model):
    model.forward(steps([1])[0])
    weights = np.array([20, 1], np.int8).reshape(1, 1, 2, 1)
    model.get_layer("queue").set_variable("weights", weights)
    assert model.forward(steps([3, 4])[0]).ravel().tolist() == [3, 4]
    assert model.forward(steps([0, 0])[0]).ravel().tolist() == [60, 80]


def test_a_session_goes_on_with_the_model_as_it_was(model):
    session = model.session()
    session.step(steps([1])[0])
    model.get_layer("queue").set_variable("weights", np.zeros((1, 1, 2, 1), np.int8))
    model.reset()
    assert session.step(steps([2])[0]).item() == 12


def test_copies_have_no_streams(model):
    model.forward(steps([1])[0])
    text = model.to_json()
    assert akida.Model.from_json(text).forward(steps([0])[0]).item() == 0
    assert model.to_json() == text
    assert model.forward(steps([0])[0]).item() == 10


def test_pickled_models_have_no_streams(model):
    """Needs files of Akida 2.0."""
    model.forward(steps([1])[0])
    for make in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        again = make(model)
        assert again.forward(steps([0])[0]).item() == 0
    assert model.forward(steps([0])[0]).item() == 10


@pytest.mark.parametrize("build", [queue_model, stateful_model])
def test_clips_are_steps_one_after_the_other(build):
    model = build()
    clip = clip_of(model, 9, 3)
    outputs = model.session(3).run_clip(clip)
    assert outputs.shape == (9, 3, *model.output_shape)
    assert outputs.dtype == model.output_dtype
    session = model.session(streams=3)
    np.testing.assert_array_equal([session.step(step) for step in clip], outputs)
    np.testing.assert_array_equal([model.forward(step) for step in clip], outputs)
    parts = model.session(3)
    np.testing.assert_array_equal(np.concatenate([parts.run_clip(clip[:4]), parts.run_clip(clip[4:])]), outputs)
    taps = model.session(3)
    np.testing.assert_array_equal([taps.taps(step)[-1] for step in clip], outputs)


@pytest.mark.parametrize("build", [queue_model, stateful_model])
def test_streams_do_not_know_each_other(build):
    model = build()
    clip = clip_of(model, 6, 4)
    outputs = model.session(4).run_clip(clip)
    for stream in range(4):
        alone = model.session().run_clip(clip[:, stream : stream + 1])
        np.testing.assert_array_equal(alone[:, 0], outputs[:, stream])


def test_sessions_do_not_know_each_other(model):
    one, two = model.session(), model.session()
    one.step(steps([1])[0])
    assert two.step(steps([0])[0]).item() == 0
    assert model.forward(steps([0])[0]).item() == 0
    assert one.step(steps([0])[0]).item() == 10


def test_reset_puts_streams_before_their_first_input(model):
    session = model.session(2)
    session.step(steps([1, 5])[0])
    session.reset()
    assert session.streams == 2
    assert session.step(steps([0, 0])[0]).ravel().tolist() == [0, 0]


@pytest.mark.parametrize("build", [queue_model, stateful_model])
def test_streams_are_saved_and_restored(build):
    model = build()
    clip = clip_of(model, 8, 3)
    session = model.session(3)
    session.run_clip(clip[:5])
    saved = session.save()
    assert isinstance(saved, bytes)
    rest = session.run_clip(clip[5:])
    session.restore(saved)
    np.testing.assert_array_equal(session.run_clip(clip[5:]), rest)
    # Another number of streams, and an equal model.
    other = akida.Model.from_json(model.to_json()).session(1)
    other.restore(bytearray(saved))
    assert other.streams == 3
    np.testing.assert_array_equal(other.run_clip(clip[5:]), rest)
    assert model.session(3).save() != saved


def test_foreign_bytes_are_no_streams(model):
    session = model.session()
    session.step(steps([1])[0])
    saved = session.save()
    for wrong in (b"", saved[:-1], saved + b"\0", b"X" + saved[1:], stateful_model().session().save()):
        with pytest.raises(FormatError, match=r"a saved session must come from .* the same model; restore it with"):
            session.restore(wrong)
    with pytest.raises(InvalidTypeError, match="saved must be bytes, received list"):
        session.restore([1])
    assert session.step(steps([0])[0]).item() == 10


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (steps([1, 2, 3])[0], ValueError, r"of shape \(2, 1, 1, 1\), one for each stream, .*; make another session"),
        (
            steps([1, 2]),
            ValueError,
            r"of shape \(n, 1, 1, 1\), received \(1, 2, 1, 1, 1\); run whole clips, time first",
        ),
        (steps([1, 2])[0, 0], ValueError, r"of shape \(n, 1, 1, 1\), received \(1, 1, 1\); for a single sample add"),
        (np.zeros((2, 1, 1, 1), np.uint8), ValueError, "of dtype int8, received uint8"),
        ([[1]], TypeError, r"a numpy\.ndarray, received list"),
    ],
)
def test_refused_steps_are_explained(model, inputs, error, message):
    session = model.session(2)
    for step in (session.step, session.taps):
        with pytest.raises(error, match=f"inputs must be {message}"):
            step(inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        # Six samples would be three steps of two streams.
        (steps([1, 2, 3], [4, 5, 6]), r"of shape \(2, 2, 1, 1, 1\), one for each stream, received \(2, 3, 1, 1, 1\)"),
        (steps([1, 2])[0], r"of shape \(t, n, 1, 1, 1\), received \(2, 1, 1, 1\); .* inputs\[:, numpy\.newaxis\]"),
    ],
)
def test_refused_clips_are_explained(model, inputs, message):
    with pytest.raises(InvalidArgumentError, match=f"inputs must be {message}"):
        model.session(2).run_clip(inputs)


def test_clips_in_place_of_steps_get_advice(model):
    with pytest.raises(InvalidArgumentError, match=r"run whole clips, time first, by session\(streams\)\.run_clip"):
        model.forward(steps([1, 2]))


def test_empty_clips_give_no_outputs(model):
    session = model.session(2)
    assert session.run_clip(steps([1, 2])[:0]).shape == (0, 2, 1, 1, 1)
    with pytest.raises(InvalidArgumentError, match="one for each stream"):
        session.run_clip(np.zeros((4, 0, 1, 1, 1), np.int8))


@pytest.mark.parametrize(("streams", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (None, TypeError)])
def test_sessions_have_streams(model, streams, error):
    with pytest.raises(error, match="streams must be"):
        model.session(streams)


def test_unfinished_models_have_no_sessions():
    with pytest.raises(UnsupportedModelError):
        akida.Model().session()


def test_a_model_without_state_can_have_sessions(events):
    inputs = np.arange(24, dtype=np.uint8).reshape(2, 2, 3, 2) % 16
    np.testing.assert_array_equal(events.session(2).run_clip(inputs[np.newaxis])[0], inputs)
    events.reset()
    # Its batches are of any size.
    assert events.forward(inputs[:1]).shape == (1, 2, 3, 2)
    assert events.forward(inputs).shape == (2, 2, 3, 2)


def test_sessions_are_not_copied(model):
    session = model.session(3)
    assert repr(session) == "<Session of 3 streams>"
    assert repr(model.session()) == "<Session of 1 stream>"
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(InvalidTypeError, match=r"save\(\) its streams"):
            act(session)


def test_classes_are_those_of_a_step():
    model = akida.Model(layers=[akida.InputData((1, 1, 3), 8), akida.DepthwiseBufferTempConv(2)])
    model.layers[1].set_variable("weights", np.array([[2] * 3, [1] * 3], np.int8)[np.newaxis, np.newaxis])
    first, second = np.array([[9, 0, 1], [0, 0, 5]], np.int8).reshape(2, 1, 1, 1, 3)
    assert model.predict_classes(first).tolist() == [0]
    assert model.evaluate(second, [0]) == 1.0
    model.reset()
    assert model.predict_classes(second).tolist() == [2]


def test_float_outputs_are_those_of_a_step():
    model = queue_model()
    with pytest.raises(
        UnsupportedModelError, match=r'"queue": predict needs a Dequantizer.*; use forward for integers'
    ):
        model.predict(steps([1])[0])
    # The refusal has not moved the streams.
    assert model.forward(steps([2, 3])[0]).ravel().tolist() == [2, 3]
    model.add(akida.Dequantizer("floats"))
    model.get_layer("floats").set_variable("scales", np.array([0.5], np.float32))
    assert model.predict(steps([1])[0]).item() == 0.5
    assert model.predict(steps([0])[0]).item() == 5
    outputs = model.session(2).run_clip(steps([1, 2], [3, 4]))
    floats = model.dequantize(outputs)
    assert (floats.dtype, floats.shape) == (np.float32, (2, 2, 1, 1, 1))
    assert floats.ravel().tolist() == [0.5, 1, 6.5, 12]


def test_samples_of_a_model_with_state_are_measured_as_one_stream():
    model = queue_model()
    assert model.forward(steps([4])[0]).item() == 4
    clip = np.array([0, 1, 0, 0, 0], np.int8).reshape(5, 1, 1, 1)
    outputs = model.session().run_clip(clip[:, np.newaxis])
    expected = {"in": np.mean(clip == 0), "queue": np.mean(outputs == 0)}
    assert 0 < expected["queue"] < expected["in"]
    statistics = model.measure(clip)
    assert statistics.samples == 5
    assert {name: layer.sparsity for name, layer in statistics.layers.items()} == expected
    assert akida.evaluate_sparsity(model, clip) == expected
    assert model.statistics == statistics
    # The model's own streams have not moved.
    other = queue_model()
    other.forward(steps([4])[0])
    assert model.forward(steps([1])[0]).item() == other.forward(steps([1])[0]).item()


def test_threads_take_turns_with_a_session():
    """Steps of several threads come one after the other: a sum of all inputs is that of one thread."""
    model = akida.Model(layers=[akida.InputData((1, 1, 1), 8), akida.BufferTempConv(1, 1000, output_bits=32)])
    model.layers[1].set_variable("weights", np.ones((1, 1, 1000, 1), np.int8))
    together = threading.Barrier(4)
    for step in (model.session().step, model.forward):

        def run(value, step=step):
            together.wait()
            for _ in range(50):
                step(steps([value])[0])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, [1, 2, 3, 4]))
        assert step(steps([0])[0]).item() == 50 * (1 + 2 + 3 + 4)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timer")
def test_a_long_clip_can_be_interrupted():
    """A clip that is stopped has not happened."""

    class Stop(Exception):
        pass

    def handle(number, frame):
        raise Stop

    model = fill(akida.Model(layers=[akida.InputData((32, 32, 16), 8), akida.BufferTempConv(64, 8, name="queue")]))
    session = model.session()
    clip = np.ones((1, 1, 32, 32, 16), np.int8)
    session.run_clip(clip)
    before = session.save()
    old = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Stop):
            session.run_clip(np.broadcast_to(clip, (3000, *clip.shape[1:])))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert session.save() == before


def test_other_threads_go_on_during_a_clip():
    """A session holds no lock of the interpreter: Python code runs many times meanwhile."""
    model = akida.Model(layers=[akida.InputData((32, 32, 16), 8), akida.BufferTempConv(64, 8)])
    session = model.session()
    clip = np.ones((600, 1, 32, 32, 16), np.int8)
    run = threading.Thread(target=session.run_clip, args=(clip,))
    ticks = 0
    run.start()
    while run.is_alive():
        threading.Event().wait(0.001)
        ticks += 1
    assert ticks > 10
