"""The pooling stage over space: maximum, mean, L2 norm and sum of squares of a window."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._geometry import Axis, Padding, Windows, padding_of, pair, reach_of
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

Linear = Callable[[Maps], Maps]
KINDS = ("max", "mean", "l2", "sum_of_squares")


def pool_sums(
    kind: str, x: Maps, total: Linear, spread: Linear, count: NDArray[Any] | float
) -> tuple[Maps, Callable[[Maps], Maps]]:
    """Return the pooled maps, for the kinds that are made of sums, and their pullback.

    Parameters
    ----------
    kind : {"mean", "l2", "sum_of_squares"}
        What is pooled.
    x : ndarray
        The maps.
    total, spread : callable
        Sum over each neighbourhood, and its transpose.
    count : ndarray or float
        Number of values in each neighbourhood.

    Notes
    -----
    The norm has no derivative at 0; there it is taken as 0.
    """
    if kind == "mean":
        return total(x) / count, lambda dy: spread(dy / count)
    energy = total(x * x)
    if kind == "sum_of_squares":
        return energy, lambda dy: 2 * x * spread(dy)
    norm = np.sqrt(energy)
    return norm, lambda dy: x * spread(np.divide(dy, norm, out=np.zeros_like(norm), where=norm > 0))


@final
@dataclass(frozen=True, eq=False)
class Pool2d:
    """Pooling over windows of each channel.

    Parameters
    ----------
    kind : {"max", "mean", "l2", "sum_of_squares"}
        What is told of a window; "l2" is the square root of the sum of squares.
    size : int or tuple of int
        Rows and columns of the window.
    stride : int or tuple of int, optional
        Steps from window to window; the size unless told, so that windows tile the maps.
    padding : {"valid", "same", "full"} or tuple, optional
        As for `Conv2d`. What lies outside is no part of a window: a mean is over fewer values there.

    Raises
    ------
    TypeError, ValueError
        If a kind or padding is unknown, a size or stride is 0, a window could lie outside altogether, or, in
        `forward` and `output_shape`, the window is larger than its padded input.

    Notes
    -----
    The gradient of a maximum goes to the first of equal values, that of an L2 norm of 0 is 0.

    Examples
    --------
    >>> y, _ = Pool2d("l2", (1, 2)).forward(np.array([[[[3., 4., 0., 0.]]]]))
    >>> y.ravel()
    array([5., 0.])
    """

    kind: str
    size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: Padding = "valid"

    label: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        _checks.choice("kind", self.kind, KINDS)
        size = pair("size", self.size, minimum=1)
        stride = size if self.stride is None else pair("stride", self.stride, minimum=1)
        padding = padding_of(self.padding)
        for direction, zeros, side in zip(("rows", "columns"), padding, size, strict=False):
            if not isinstance(padding, str) and max(zeros) >= side:  # type: ignore[call-overload]
                raise ValueError(
                    f"padding of {direction} must be smaller than the window of {side}, got {zeros}"
                )
        for name, value in (("size", size), ("stride", stride), ("padding", padding)):
            object.__setattr__(self, name, value)

    def output_channels(self, channels: int | None) -> int | None:
        """Return the number of channels, unchanged."""
        return channels

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channel, row, column), or raise ValueError if the window is too large."""
        return input_shape[0], *self._windows(input_shape).outputs

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the size of the window, the stride and where the first window begins."""
        return reach_of(self.size, self.stride, self.padding)  # type: ignore[arg-type]

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the pooled maps and their pullback."""
        output_of(self, x)
        windows = self._windows(x.shape[1:])
        if self.kind == "max":
            y, back = _maximum(x, windows)
        else:
            y, back = pool_sums(
                self.kind,
                x,
                lambda v: _total(windows.pad(v), windows),
                lambda dy: windows.crop(_spread(dy, windows)),
                _total(windows.pad(np.ones((1, 1, *x.shape[2:]), x.dtype)), windows),
            )
        return y, lambda dy: (back(dy), {})

    def parameters(self) -> Parameters:
        """Return nothing: there is nothing to learn."""
        return {}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer itself; it has no parameters to replace."""
        check_names(parameters, {}, "Pool2d")
        return self

    def _windows(self, input_shape: Shape) -> Windows:
        return Windows.of(input_shape[1:], self.size, self.stride, self.padding)  # type: ignore[arg-type]


# -- one direction after the other --------------------------------------------------------------------


def _taps(x: Maps, axis: int, windows: Axis) -> list[Maps]:
    """Return, for every place m of a window, the values x[j*s + m] of all windows j along an axis."""
    along = np.moveaxis(x, axis, -1)
    span = (windows.outputs - 1) * windows.stride + 1
    return [np.moveaxis(along[..., m : m + span : windows.stride], -1, axis) for m in range(windows.kernel)]


def _total(padded: Maps, windows: Windows) -> Maps:
    """Return the sums of windows."""
    for axis, along in ((2, windows.rows), (3, windows.columns)):
        first, *others = _taps(padded, axis, along)
        padded = first.copy(order="K")
        for tap in others:
            padded += tap
    return padded


def _spread(dy: Maps, windows: Windows) -> Maps:
    """Return padded maps on which the value of each window is added to all its places."""
    for axis, along in ((3, windows.columns), (2, windows.rows)):
        shape = list(dy.shape)
        shape[axis] = along.padded
        padded = np.zeros(shape, dy.dtype)
        for tap in _taps(padded, axis, along):
            tap += dy
        dy = padded
    return dy


def _maximum(x: Maps, windows: Windows) -> tuple[Maps, Callable[[Maps], Maps]]:
    """Return the maxima of windows, and their pullback."""
    below, back_rows = _maximum_along(windows.pad(x, -np.inf), 2, windows.rows)
    y, back_columns = _maximum_along(below, 3, windows.columns)
    return y, lambda dy: windows.crop(back_rows(back_columns(dy)))


def _maximum_along(x: Maps, axis: int, windows: Axis) -> tuple[Maps, Callable[[Maps], Maps]]:
    first, *others = _taps(x, axis, windows)
    y = first.copy(order="K")
    for tap in others:
        np.maximum(y, tap, out=y)

    def back(dy: Maps) -> Maps:
        dx = np.zeros_like(x)
        waiting = np.ones_like(y, dtype=bool)  # windows that have not found their maximum yet
        for tap, gradient in zip(_taps(x, axis, windows), _taps(dx, axis, windows), strict=True):
            here = (tap == y) & waiting
            waiting ^= here
            gradient += dy * here
        return dx

    return y, back
