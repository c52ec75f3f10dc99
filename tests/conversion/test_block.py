"""What blocks say of themselves."""

import numpy as np
import pytest

from cnn2snn.conversion.block import Block, Kind, Normalization, Window
from tests.conversion.networks import branched_network, image_network


def test_normalizations_are_merged_in_their_order():
    block = image_network().blocks["conv"]
    assert [part.tolist() for part in block.normalization] == [[1, 1], [0, 0]]
    block.normalizations += [
        Normalization("first", np.array([2.0, -1.0]), np.array([1.0, 0.0]), np.zeros(2)),
        Normalization("second", np.array([3.0, 4.0]), np.array([0.5, 1.0]), np.zeros(2)),
    ]
    # 3 · (2z + 1) + 0.5 and 4 · (-z) + 1.
    assert [part.tolist() for part in block.normalization] == [[6, -4], [3.5, 1]]


def test_positions_are_summed_by_a_global_average_alone():
    blocks = branched_network().blocks
    assert {name: block.positions for name, block in blocks.items()} == {
        "small": 1,
        "large": 1,
        "join": 1,
        "separable": 4,
    }


@pytest.mark.parametrize(
    ("size", "stride", "padding", "expected"),
    [
        ((3, 3), (1, 1), "same", True),
        ((3, 3), (1, 1), "valid", False),
        ((1, 1), (1, 1), "same", False),
        # Windows of 2 cells at every second one cover 6 cells; 5 cells need one more.
        ((2, 1), (2, 1), "same", False),
        ((1, 2), (1, 2), "same", True),
        ((1, 1), (2, 2), "same", False),
    ],
)
def test_a_border_is_there_where_windows_reach_beyond_the_map(size, stride, padding, expected):
    window = Window(size, stride, padding)
    block = Block("conv", Kind.CONVOLUTION, "Convolution", [""], (6, 5, 1), (6, 5, 1), window)
    assert block.has_border is expected


def test_layers_without_a_window_have_no_border():
    assert not image_network().blocks["dense"].has_border


def test_blocks_say_what_they_read_and_whether_they_pool():
    blocks = {**branched_network().blocks, **image_network().blocks}
    assert {name for name, block in blocks.items() if block.is_input} == {"small", "large", "conv"}
    pooled = {name: block.is_pooled for name, block in blocks.items()}
    assert pooled == {
        "small": True,
        "large": True,
        "join": False,
        "separable": True,
        "conv": False,
        "dense": False,
    }
