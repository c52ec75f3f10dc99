"""Sweeps and searches."""

import csv
import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn import FormatError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from cnn2snn._keras import keras
from cnn2snn.reports.placement import Placement
from cnn2snn.sweeping import Configuration, SweepResult, grid, search, sweep
from cnn2snn.sweeping import job as job_module

layers = keras.layers
WIDTHS = [(4, 4, 8), (2, 4, 8), (4, 2, 4), (2, 2, 8)]


@pytest.fixture(scope="module")
def model():
    return small_network()


def small_network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(6, 3, padding="same", name="conv"),
            layers.ReLU(6.0, name="relu"),
            layers.Conv2D(8, 3, strides=2, padding="same", name="conv_b"),
            layers.ReLU(6.0, name="relu_b"),
            layers.Flatten(name="flatten"),
            layers.Dense(5, name="classes"),
        ]
    )


@pytest.fixture(scope="module")
def samples():
    return images_of_noise()


def images_of_noise():
    return (np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1)) / 255).astype(np.float32)


@pytest.fixture(scope="module")
def labels(model, samples):
    """The classes of the float model, a few of them wrong."""
    found = np.asarray(model(samples)).argmax(axis=1)
    found[::10] = (found[::10] + 1) % 5
    return found


@pytest.fixture(scope="module")
def table(model, samples, labels):
    return sweep(model, WIDTHS, samples, labels, "AKD1000")


def outcomes(results):
    return [result.outcome for result in results]


def test_each_result_is_that_of_the_steps_by_hand(table, model, samples, labels):
    images = np.rint(samples * 255).astype(np.uint8)
    for widths, result in zip(WIDTHS, table.results, strict=True):
        quantized = cnn2snn.quantize(model, *widths)
        ranged = cnn2snn.calibration.activation_ranges(quantized, samples, reference=model)
        converted = cnn2snn.convert(ranged, input_scaling=(255, 0))
        converted.map("AKD1000")
        placement = Placement.of(converted)
        assert result.accuracy == converted.evaluate(images, labels)
        assert (result.nps, result.passes, result.software_layers) == (placement.nps, placement.passes, 0)
        assert result.configuration == Configuration(*widths)
    # Weights at their width: 6 filters of 9, 8 of 54, 5 rows of 128, all of 4 bits but for the first layer.
    assert table.results[0].weight_bytes == 6 * 9 + (8 * 54 + 5 * 128) // 2
    assert (table.metric, table.device, table.samples) == ("accuracy", "AKD1000", 60)
    assert table.float_share == np.mean(np.asarray(model(samples)).argmax(1) == labels)


def test_estimates_are_those_of_the_mapped_model(model, samples, labels):
    (result,) = sweep(model, [(4, 4, 8)], samples, labels, "AKD1500", calibration="none").results
    converted = cnn2snn.convert(cnn2snn.quantize(model, 4, 4, 8), input_scaling=(255, 0))
    converted.map("AKD1500")
    converted.measure(np.rint(samples[:64] * 255).astype(np.uint8))
    estimate = converted.estimate()
    assert (result.latency_ms, result.energy_mj) == (estimate.latency_ms, estimate.energy_mj)


def test_what_is_refused_stays_in_the_table_with_the_reason(model, samples, labels):
    table = sweep(model, [(4, 4, 8), (3, 4, 8), (4, 8, 8)], samples, labels, calibration="none")
    good, three, eight = table.results
    assert good.refused is None
    assert three.accuracy is None
    assert "must be one of 2, 4, 8, received 3" in three.refused
    assert "relu" in eight.refused
    assert table.front == [good]
    assert table.best() is good
    assert "8/3/4: layer" in table.text()


def test_layers_may_have_widths_of_their_own(model, samples, labels):
    mixed = {"weights": 2, "activations": 4, "layers": {"conv_b": {"weights": 4}}, "name": "mixed"}
    (result,) = sweep(model, [mixed], samples, labels, calibration="none").results
    quantized = cnn2snn.quantize(model, 2, 4, 2, config={"conv_b": {"weights": 4}})
    images = np.rint(samples * 255).astype(np.uint8)
    assert result.accuracy == cnn2snn.convert(quantized, input_scaling=(255, 0)).evaluate(images, labels)
    assert result.configuration.label == "mixed"


def test_the_front_has_what_nothing_beats():
    rng = np.random.default_rng(0)
    results = [
        SweepResult(Configuration(w, 4, 8), *rng.integers(0, 4, 2).tolist(), *rng.integers(0, 3, 2).tolist(), 0)
        for w in range(40)
    ]
    table = cnn2snn.sweeping.Sweep(1, "accuracy", 1.0, None, results)

    def values(r):
        return np.array([-r.accuracy, r.weight_bytes, r.nps, r.passes])

    wanted = [
        r for r in results if not any(np.all(values(o) <= values(r)) and np.any(values(o) < values(r)) for o in results)
    ]
    assert sorted(map(id, table.front)) == sorted(map(id, wanted))
    assert 0 < len(table.front) < len(results)


def test_without_labels_the_float_model_is_right(model, samples):
    table = sweep(model, [(8, 4, 8)], samples, calibration="none")
    assert (table.metric, table.float_share) == ("agreement", 1.0)
    images = np.rint(samples * 255).astype(np.uint8)
    converted = cnn2snn.convert(cnn2snn.quantize(model, 8, 4, 8), input_scaling=(255, 0))
    same = converted.predict_classes(images) == np.asarray(model(samples)).argmax(1)
    assert table.results[0].accuracy == np.mean(same)


def test_a_function_of_the_user_trains_each_model(model, samples, labels):
    def to_class_3(quantized):
        quantized.get_layer("classes").bias.assign(np.eye(5, dtype=np.float32)[3] * 1000)
        return quantized

    table = sweep(model, [(4, 4, 8), (2, 2, 8)], samples, labels, retrain=to_class_3)
    assert [result.accuracy for result in table.results] == [np.mean(labels == 3)] * 2


def test_converted_models_are_saved(model, samples, labels, tmp_path, table):
    sweep(model, WIDTHS[:1], samples, labels, folder=tmp_path / "models")
    saved = cnn2snn.akida.Model(tmp_path / "models" / "iq8_wq4_aq4.fbz")
    images = np.rint(samples * 255).astype(np.uint8)
    assert saved.evaluate(images, labels) == table.results[0].accuracy


def test_an_interrupted_sweep_goes_on_from_its_journal(model, samples, labels, table, tmp_path):
    journal = tmp_path / "sweep.jsonl"
    calls = []

    def interrupted(quantized):
        calls.append(quantized)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return quantized

    with pytest.raises(KeyboardInterrupt):
        sweep(model, WIDTHS, samples, labels, "AKD1000", journal=journal, retrain=interrupted)
    # The machine stopped in the middle of a line.
    with journal.open("ab") as file:
        file.write(b'{"configuration": {"wei')
    whole = sweep(model, WIDTHS, samples, labels, "AKD1000", journal=journal, retrain=interrupted)
    assert len(calls) == 3 + 2
    assert outcomes(whole.results) == outcomes(table.results)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(lines) == 1 + len(WIDTHS)
    again = sweep(model, reversed(WIDTHS), samples, labels, "AKD1000", journal=journal, retrain=interrupted)
    assert len(calls) == 5
    assert outcomes(again.results) == outcomes(table.results)[::-1]


def test_a_journal_of_something_else_is_refused(model, samples, labels, tmp_path):
    journal = tmp_path / "sweep.jsonl"
    sweep(model, WIDTHS[:1], samples, labels, journal=journal, calibration="none")
    with pytest.raises(InvalidArgumentError, match="another model, other samples or other options"):
        sweep(model, WIDTHS[:1], samples[1:], labels[1:], journal=journal, calibration="none")
    with pytest.raises(InvalidArgumentError, match="another model"):
        sweep(model, WIDTHS[:1], samples, labels, "AKD1000", journal=journal, calibration="none")
    for content in ("no journal", "{}\n", "[1]\nx\n"):
        (tmp_path / "other").write_text(content)
        with pytest.raises(FormatError, match=r"no JSON|not the journal"):
            sweep(model, WIDTHS[:1], samples, labels, journal=tmp_path / "other", calibration="none")


def test_tables_as_json_csv_and_text(table):
    values = json.loads(table.to_json())
    assert [entry["configuration"]["weights"] for entry in values["results"]] == [4, 2, 4, 2]
    assert [entry["front"] for entry in values["results"]] == [r in table.front for r in table.results]
    rows = list(csv.DictReader(table.to_csv().splitlines()))
    assert [float(row["accuracy"]) for row in rows] == [r.accuracy for r in table.results]
    assert [int(row["nps"]) for row in rows] == [r.nps for r in table.results]
    assert max(map(len, table.text().splitlines())) <= 80
    assert SweepResult.of(table.results[1].to_dict()) == table.results[1]


@pytest.mark.parametrize(
    ("configurations", "error", "text"),
    [
        ([], InvalidArgumentError, "at least one"),
        ([(4, 4), (4, 4, 4)], InvalidArgumentError, "are equal"),
        ([(4,)], InvalidArgumentError, "must have weights and activations"),
        ([{"weights": 4, "activations": 4, "bias": 3}], InvalidArgumentError, "must have weights and activations"),
        ([("4", 4)], InvalidArgumentError, "must be an integer"),
        ([{"weights": 4, "activations": 4, "layers": {"conv": 4}}], InvalidArgumentError, "widths by name"),
        ({"weights": 4}, InvalidArgumentError, "must be a list"),
    ],
)
def test_configurations_that_are_none_are_refused(model, samples, configurations, error, text):
    with pytest.raises(error, match=text):
        sweep(model, configurations, samples)


def test_arguments_that_are_not_possible_are_refused(model, samples, labels):
    with pytest.raises(InvalidArgumentError, match="calibration must be"):
        sweep(model, [(4, 4)], samples, calibration="best")
    with pytest.raises(InvalidTypeError, match="retrain"):
        sweep(model, [(4, 4)], samples, retrain=3)
    with pytest.raises(InvalidTypeError, match="Dask Client"):
        sweep(model, [(4, 4)], samples, client="tcp://here")
    with pytest.raises(InvalidArgumentError, match="no usual scaling"):
        sweep(model, [(4, 4)], samples * 0.7)
    with pytest.raises(InvalidArgumentError, match="processes"):
        sweep(model, [(4, 4)], samples, processes=-1)


def test_a_search_narrows_what_matters_least_and_keeps_the_accuracy(model, samples):
    (start,) = sweep(model, [(4, 4, 8)], samples, calibration="none").results
    limit = start.accuracy - 0.3
    found = search(model, samples, accuracy=limit, calibration="none")
    assert found.met
    assert found.best.accuracy >= limit
    assert found.best is found.steps[-1]
    assert found.best.weight_bytes < found.steps[0].weight_bytes
    losses = [entry[3] for entry in found.sensitivities]
    assert losses == sorted(losses)
    kinds = {entry[:3] for entry in found.sensitivities}
    assert kinds == {
        ("conv", "weights", 4),
        ("conv_b", "weights", 2),
        ("classes", "weights", 2),
        ("relu", "activations", 2),
        ("relu_b", "activations", 2),
    }
    # Each step is what a sweep gives for its configuration.
    (alone,) = sweep(model, [found.best.configuration], samples, calibration="none").results
    assert alone.outcome == found.best.outcome
    # Nothing that is left to narrow keeps the limit.
    for layer, kind, bits in kinds:
        if found.best.configuration.layers.get(layer, {}).get(kind) is None:
            narrowed = found.best.configuration.with_layer(layer, kind, bits)
            assert sweep(model, [narrowed], samples, calibration="none").results[0].accuracy < limit
    assert max(map(len, found.text().splitlines())) <= 80
    assert json.loads(found.to_json())["met"]


def test_a_search_for_less_energy_ends_at_the_first_that_has_it(model, samples):
    start = sweep(model, [(4, 4, 8)], samples, None, "AKD1500", calibration="none").results[0]
    limit = start.energy_mj * 0.999
    found = search(model, samples, None, "AKD1500", energy=limit, calibration="none")
    assert found.met
    assert found.best.energy_mj <= limit
    assert all(step.energy_mj > limit for step in found.steps[:-1])
    hopeless = search(model, samples, None, "AKD1500", energy=1e-9, calibration="none")
    assert not hopeless.met
    assert "not all kept" in hopeless.text()


def test_searches_without_sense_are_refused(model, samples):
    with pytest.raises(InvalidArgumentError, match="needs a limit"):
        search(model, samples)
    with pytest.raises(InvalidArgumentError, match="need a device"):
        search(model, samples, nps=10)
    with pytest.raises(InvalidArgumentError, match="at most 1"):
        search(model, samples, accuracy=95)
    with pytest.raises(UnsupportedModelError, match="to begin with, 8/3/4, was refused"):
        search(model, samples, accuracy=0.9, start=(3, 4, 8))


def test_workers_that_always_die_are_told_of(model, samples, labels, monkeypatch):
    class Lost:
        def __init__(self, *_):
            self.status = "error"

        def exception(self):
            from distributed.scheduler import KilledWorker

            return KilledWorker("a", None, [])

    pytest.importorskip("distributed")
    import distributed

    class Client:
        def scatter(self, value, broadcast, hash):
            return value

        def submit(self, *given, pure):
            return Lost()

        def cancel(self, futures):
            pass

    monkeypatch.setattr(distributed, "as_completed", lambda futures: futures)
    with pytest.raises(UnsupportedModelError, match="workers died 4 times"):
        sweep(model, [(4, 4, 8)], samples, labels, client=Client())


def test_a_worker_loads_a_model_once(model, samples, labels, monkeypatch):
    loads = []
    load = job_module._load
    monkeypatch.setattr(job_module, "_load", lambda content: loads.append(1) or load(content))
    monkeypatch.setattr(job_module, "_known", {})
    sweep(model, grid((2, 4), (2, 4), (8,)), samples, labels, calibration="none")
    assert len(loads) == 1
