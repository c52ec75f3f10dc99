"""A stream of frames through a model of Akida 2.0 with a memory: which of two cameras sees a movement?

A temporal layer keeps the last two frames of each stream, and takes the older from the newer. What differs is added up
over the frame. Two streams run side by side: one camera sees a dot that moves for a while, the other a dot at rest.

    python examples/stream.py
"""

from __future__ import annotations

import numpy as np

from cnn2snn import akida

SIZE = 8
FRAMES = 10


def model() -> akida.Model:
    """Returns a model that gives 0 for a frame like the one before it, and more the more differs."""
    change = akida.DepthwiseBufferTempConv(fifo_size=2, name="change")
    amount = akida.Conv2D(1, 1, pool_type=akida.PoolType.Average, output_bits=8, name="amount")
    network = akida.Model(layers=[akida.InputData((SIZE, SIZE, 1), input_bits=8, name="frames"), change, amount])
    # The older frame times -1, the newer frame times 1. The ReLU of the layer leaves out what has gone dark.
    change.set_variable("weights", np.array([-1, 1], np.int8).reshape(1, 1, 2, 1))
    amount.set_variable("weights", np.ones((1, 1, 1, 1), np.int8))
    return network


def frame(row: int, column: int) -> np.ndarray:
    """Returns a frame of shape (SIZE, SIZE, 1) with a bright dot."""
    pixels = np.zeros((SIZE, SIZE, 1), np.int8)
    pixels[row, column] = 100
    return pixels


def main() -> None:
    network = model()
    session = network.session(streams=2)
    # The dot of camera 0 moves in frames 3 to 6.
    columns = np.clip(np.arange(FRAMES) - 2, 0, 4)
    clip = np.array([[frame(2, column), frame(5, 5)] for column in columns])
    # Before the first frame all is dark, so that a dot at rest is new as well.
    print("frame  camera 0  camera 1")
    moved = []
    for number, frames in enumerate(clip):
        amounts = session.step(frames).ravel()
        moved.append(amounts > 0)
        print(f"{number:5}  {amounts[0]:8}  {amounts[1]:8}" + ("  movement" if number and amounts.any() else ""))
        if number == 4:
            # A stream can be kept as bytes, and go on elsewhere.
            kept = session.save()
            session = network.session(streams=2)
            session.restore(kept)
    assert [n for n, (first, _) in enumerate(moved) if first] == [0, 3, 4, 5, 6]
    assert [n for n, (_, second) in enumerate(moved) if second] == [0]
    # A whole clip, with time as its first axis, gives the same.
    session.reset()
    whole = session.run_clip(clip)
    assert (whole.reshape(FRAMES, 2) > 0).tolist() == np.array(moved).tolist()
    print("the whole clip at once gives the same")


if __name__ == "__main__":
    main()
