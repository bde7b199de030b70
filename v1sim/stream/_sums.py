"""Sums over blocks: what most estimators are."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class Sums:
    """Abstract estimator whose array attributes are all plain sums over frames.

    A concrete one makes its arrays empty in ``__init__`` and adds to them in ``update``. Then merging is
    addition, and the state is the arrays. Arrays whose names begin with an underscore are what it was
    told, not what it sums.
    """

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray) and not name.startswith("_")
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a state of an estimator that was made alike.

        Raises
        ------
        ValueError
            If an array is missing or has another shape.
        """
        for name, array in self.state().items():
            if name not in state or state[name].shape != array.shape:
                found = state[name].shape if name in state else "nothing"
                raise ValueError(f"state must hold {name} of shape {array.shape}, got {found}")
            array[...] = state[name]

    def merge(self, other: Self) -> None:
        """Add the sums of later blocks."""
        for name, array in self.state().items():
            array += getattr(other, name)
