"""Sweeps by local processes and by a Dask cluster, of which one is killed in the middle of its work."""

import itertools
import json
import os

import pytest

from cnn2snn.sweeping import sweep
from tests.keras.test_sweeping import WIDTHS, images_of_noise, outcomes, small_network
from tests.sweeping.training import NOTES, die_once, die_once_here


@pytest.fixture(scope="module")
def table():
    """What one process finds."""
    return sweep(small_network(), WIDTHS, images_of_noise(), None, "AKD1000")


def runs_by_widths(folder):
    """How often each configuration was trained, by what workers noted."""
    names = sorted("-".join(path.name.split("-")[:2]) for path in folder.iterdir() if path.name != "died")
    return {name: len(list(group)) for name, group in itertools.groupby(names)}


# The process that dies takes with it what others of its pool were at; each is done again.
def test_local_processes_give_what_one_process_gives_though_one_is_killed(table, tmp_path, monkeypatch):
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv(NOTES, str(notes))
    journal = tmp_path / "sweep.jsonl"
    found = sweep(
        small_network(), WIDTHS, images_of_noise(), None, "AKD1000", processes=2, retrain=die_once_here, journal=journal
    )
    assert (notes / "died").exists()
    assert outcomes(found.results) == outcomes(table.results)
    assert len(journal.read_text().splitlines()) == 1 + len(WIDTHS)
    assert {path.name.split("-")[2] for path in notes.iterdir() if path.name != "died"}.isdisjoint({str(os.getpid())})


def test_a_cluster_gives_what_one_process_gives_though_a_worker_is_killed(table, tmp_path):
    distributed = pytest.importorskip("distributed")
    notes = tmp_path / "notes"
    notes.mkdir()
    journal = tmp_path / "sweep.jsonl"

    def train(quantized):
        return die_once(str(notes), quantized)

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = sweep(
            small_network(), WIDTHS, images_of_noise(), None, "AKD1000", client, retrain=train, journal=journal
        )
    assert (notes / "died").exists()
    assert outcomes(found.results) == outcomes(table.results)
    keys = [json.loads(line)["configuration"] for line in journal.read_text().splitlines()[1:]]
    assert len(keys) == len(WIDTHS)
    assert runs_by_widths(notes).keys() == {"4-4", "2-4", "4-2", "2-2"}
