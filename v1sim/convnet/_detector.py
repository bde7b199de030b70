"""The detector stage: a nonlinearity at every position, beside its derivative."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._layer import (
    Maps,
    Parameters,
    Pullback,
    Reach,
    Shape,
    check_names,
    checks_gradient,
    output_of,
)

Rule = Callable[[Maps], tuple[Maps, Callable[[], Maps]]]
"""From x to f(x), and to a function that gives f'(x)."""

LEAK = 0.01
"""Slope of a leaky detector below 0 (Maas, Hannun & Ng 2013)."""


def _relu(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return np.maximum(x, 0), lambda: (x > 0).astype(x.dtype)


def _leaky_relu(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return np.maximum(x, LEAK * x), lambda: np.where(x > 0, 1, LEAK).astype(x.dtype)


def _absolute(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return np.abs(x), lambda: np.sign(x)


def _square(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return x * x, lambda: 2 * x


def _half_square(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    half = np.maximum(x, 0)
    return half * half, lambda: 2 * half


def _softplus(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), lambda: _logistic(x)


def _sigmoid(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    y = _logistic(x)
    return y, lambda: y * (1 - y)


def _tanh(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    y = np.tanh(x)
    return y, lambda: 1 - y * y


def _identity(x: Maps) -> tuple[Maps, Callable[[], Maps]]:
    return x, lambda: np.ones_like(x)


def _logistic(x: Maps) -> Maps:
    """Return 1 / (1 + exp(-x)), which as a tanh neither overflows nor divides."""
    y: NDArray[Any] = 0.5 * np.tanh(0.5 * x) + 0.5
    return y


RULES: dict[str, Rule] = {
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "absolute": _absolute,
    "square": _square,
    "half_square": _half_square,
    "softplus": _softplus,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "identity": _identity,
}


@final
@dataclass(frozen=True, eq=False)
class Detector:
    """A nonlinearity at every position.

    Parameters
    ----------
    kind : str
        "relu" max(x, 0), "leaky_relu" (slope 0.01 below 0), "absolute" |x|, "square" x^2, "half_square"
        max(x, 0)^2, "softplus" log(1 + e^x), "sigmoid" 1 / (1 + e^-x), "tanh", "identity".

    Raises
    ------
    ValueError
        If the kind is not known.

    Notes
    -----
    At the kink of relu and absolute the derivative is taken as 0, at that of the leaky one as the slope
    below.

    Examples
    --------
    >>> y, pullback = Detector("half_square").forward(np.array([[[[-2., 3.]]]]))
    >>> y.ravel(), pullback(np.ones_like(y))[0].ravel()
    (array([0., 9.]), array([0., 6.]))
    """

    kind: str

    def __post_init__(self) -> None:
        _checks.choice("kind", self.kind, tuple(RULES))

    @property
    def label(self) -> str:
        """The kind."""
        return self.kind

    def output_channels(self, channels: int | None) -> int | None:
        """Return the number of channels, unchanged."""
        return channels

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape, unchanged."""
        return input_shape

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return a single position."""
        return Reach()

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return f(x) and its pullback, dy f'(x)."""
        output_of(self, x)
        y, derivative = RULES[self.kind](x)
        return y, lambda dy: (dy * derivative(), {})

    def parameters(self) -> Parameters:
        """Return nothing: there is nothing to learn."""
        return {}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer itself; it has no parameters to replace."""
        check_names(parameters, {}, "Detector")
        return self
