"""Static nonlinearities: from the generator signal s(I) to a response."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Nonlinearity = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Applied to each value alone: same shape in and out."""


def linear(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the signal as it is."""
    return signal


def relu(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-wave rectification, max(s, 0)."""
    return np.maximum(signal, 0)


def half_squared(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-squaring, max(s, 0)^2 (Heeger 1992)."""
    return np.square(np.maximum(signal, 0))


NONLINEARITIES: dict[str, Nonlinearity] = {"linear": linear, "relu": relu, "half_squared": half_squared}


def as_nonlinearity(nonlinearity: str | Nonlinearity) -> Nonlinearity:
    """Return the nonlinearity of that name, or the callable as it is."""
    if callable(nonlinearity):
        return nonlinearity
    if nonlinearity not in NONLINEARITIES:
        names = ", ".join(NONLINEARITIES)
        raise ValueError(f"nonlinearity must be one of {names}, or a callable, got {nonlinearity!r}")
    return NONLINEARITIES[nonlinearity]
