"""Settings of the whole test suite. Shared helpers live in packages beside it, not here."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import pytest
from hypothesis import settings

# Before any test imports TensorFlow: no GPU, whose results differ between machines; no chatter.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# No deadline: a slow machine is not a failure. In CI the same examples are drawn every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def same_random_state():
    """Every test starts from the same state of the global generators, in any order of tests."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - Keras initializers and third-party code draw from it
    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            sys.modules[name].utils.set_random_seed(0)
