"""Fixtures that all tests share."""

from pathlib import Path

import numpy as np
import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def rng():
    return np.random.default_rng(20020101)


@pytest.fixture
def shared_data():
    """Give the folder of recordings and filters for development, or skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the folder of recordings {SHARED_DATA} is not here")
    return SHARED_DATA
