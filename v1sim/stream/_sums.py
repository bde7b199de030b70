"""Sums over blocks: what most estimators are."""

from collections.abc import Mapping
from copy import deepcopy
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

    def plus(self, other: Self) -> Self:
        """Return the sums of both, and leave these as they are.

        Raises
        ------
        TypeError, ValueError
            If the other sums are of another kind, or of other units, lags or frames.
        """
        if type(other) is not type(self):
            raise TypeError(f"only sums of one kind can be added, got {type(self).__name__} and {other!r}")
        mine, its = self._made_for(), other._made_for()
        for name, value in mine.items():
            if value != its[name]:
                raise ValueError(
                    "only results for the same units, lags and frame shape can be added, "
                    f"got {name} of {value} and {its[name]}"
                )
        total = deepcopy(self)
        total.merge(other)
        return total

    def _made_for(self) -> dict[str, Any]:
        """Return the shapes of the sums, and what it was told, by name."""
        state = self.state()
        return {name: state[name].shape if name in state else value for name, value in vars(self).items()}
