import pytest

from v1sim import Grid, gabor

F = 0.1
"""Spatial frequency of the tuned cells [cycles/px]."""


@pytest.fixture
def grid():
    return Grid((40, 44))


@pytest.fixture
def tuned():
    """Make Gabors of frequency F with bars at 30 degrees, unless told otherwise."""

    def make(**changes):
        parameters = {"n_x": 0.4, "n_y": 0.4, "phase": [0.0, 0.9, -1.6], "orientation_deg": 30}
        return gabor.Gabor.from_tuning(**({"spatial_frequency": F} | parameters | changes))

    return make
