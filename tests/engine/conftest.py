"""Fixtures of the tests of arithmetic."""

from __future__ import annotations

import pytest

from tests.oracle.akida2_implementations import IMPLEMENTATIONS


@pytest.fixture(params=IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS.keys())
def engine(request):
    """Each implementation of Akida 2.0 that the rules are held against."""
    return request.param
