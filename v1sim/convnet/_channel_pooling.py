"""The pooling stage over channels: groups, as in a complex cell, and neighbourhoods, as in a cortical map."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._layer import (
    Maps,
    Parameters,
    Pullback,
    Reach,
    Shape,
    across_channels,
    check_channels,
    check_names,
    checks_gradient,
    output_of,
    parameter,
)
from v1sim.convnet._pooling import KINDS, pool_sums


@final
@dataclass(frozen=True, eq=False)
class ChannelPool:
    """Pooling over groups of channels: output channel i is that of channels i*g .. i*g + g - 1.

    The L2 pool over a quadrature pair of channels is a complex cell, c(I) = sqrt(s0^2 + s1^2).

    Parameters
    ----------
    kind : {"max", "mean", "l2", "sum_of_squares"}
        What is told of a group; "l2" is the square root of the sum of squares.
    group : int
        Number of channels g in a group.

    Raises
    ------
    TypeError, ValueError
        If the kind is unknown, the group is empty, or the channels do not come out even.

    Examples
    --------
    >>> pair = np.array([3., 4.]).reshape(1, 2, 1, 1)
    >>> ChannelPool("l2", 2).forward(pair)[0].item()
    5.0
    """

    kind: str
    group: int

    label: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        _checks.choice("kind", self.kind, KINDS)
        object.__setattr__(self, "group", _checks.integer("group", self.group, minimum=1))

    def output_channels(self, channels: int | None) -> int | None:
        """Return the number of groups, or raise ValueError if the channels do not come out even."""
        if channels is None:
            return None
        if channels % self.group:
            raise ValueError(f"{channels} channels cannot be divided into groups of {self.group}")
        return channels // self.group

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (group, row, column)."""
        return self.output_channels(input_shape[0]) or 0, *input_shape[1:]

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return a single position."""
        return Reach()

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the pooled channels and their pullback."""
        n_groups, *size = output_of(self, x)
        grouped = x.reshape(len(x), n_groups, self.group, *size)
        if self.kind == "max":
            y, back = _maximum(grouped)
        else:
            y, back = pool_sums(
                self.kind,
                grouped,
                lambda v: v.sum(axis=2),
                lambda dy: np.broadcast_to(dy[:, :, None], grouped.shape),
                self.group,
            )
        return y, lambda dy: (back(dy).reshape(x.shape), {})

    def parameters(self) -> Parameters:
        """Return nothing: there is nothing to learn."""
        return {}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer itself; it has no parameters to replace."""
        check_names(parameters, {}, "ChannelPool")
        return self


def _maximum(grouped: Maps) -> tuple[Maps, Callable[[Maps], Maps]]:
    """Return the maxima over axis 2, and their pullback to the first of equal values."""
    place = grouped.argmax(axis=2, keepdims=True)

    def back(dy: Maps) -> Maps:
        dx = np.zeros_like(grouped)
        np.put_along_axis(dx, place, dy[:, :, None], axis=2)
        return dx

    return np.take_along_axis(grouped, place, axis=2)[:, :, 0], back


@final
@dataclass(frozen=True, eq=False)
class NeighbourhoodPool:
    r"""Pooling over weighted, perhaps overlapping neighbourhoods of channels.

    With weights W[i, l] >= 0 the "l2" pool is

    .. math:: Z[i, j, k] = \sqrt{\sum_l W[i, l] \, V[l, j, k]^2}

    Parameters
    ----------
    kind : {"mean", "l2", "sum_of_squares"}
        What is told of a neighbourhood; the mean is weighted.
    weights : ndarray, shape (out, in)
        W. `torus_neighbourhoods` gives those of a topographic map. They are part of the architecture and are
        not learned.

    Raises
    ------
    TypeError, ValueError
        If the kind is unknown, the weights are negative, not finite or all 0 in a neighbourhood, or the input
        has other channels.

    References
    ----------
    Hyvarinen & Hoyer 2001, Vision Research 41:2413 (topographic pooling).
    """

    kind: str
    weights: NDArray[Any]

    label: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        _checks.choice("kind", self.kind, tuple(kind for kind in KINDS if kind != "max"))
        matrix = parameter("weights", self.weights, "out, in")
        if matrix.min() < 0 or not matrix.any(axis=1).all():
            raise ValueError("weights must be at least 0, with some above 0 in every row")
        object.__setattr__(self, "weights", matrix)

    def output_channels(self, channels: int | None) -> int:
        """Return the number of neighbourhoods, or raise ValueError if they have other channels."""
        check_channels("pool", self.weights.shape[1], channels)
        return len(self.weights)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (out, row, column)."""
        return self.output_channels(input_shape[0]), *input_shape[1:]

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return a single position."""
        return Reach()

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the pooled channels and their pullback."""
        output_of(self, x)
        matrix = self.weights.astype(x.dtype, copy=False)
        y, back = pool_sums(
            self.kind,
            x,
            lambda v: across_channels(matrix, v),
            lambda dy: across_channels(matrix.T, dy),
            matrix.sum(axis=1)[:, None, None],
        )
        return y, lambda dy: (back(dy), {})

    def parameters(self) -> Parameters:
        """Return nothing: there is nothing to learn."""
        return {}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer itself; it has no parameters to replace."""
        check_names(parameters, {}, "NeighbourhoodPool")
        return self


def torus_neighbourhoods(rows: int, columns: int, size: int) -> NDArray[np.float64]:
    """Return the weights of square neighbourhoods on a sheet of channels whose edges meet.

    Parameters
    ----------
    rows, columns : int
        Shape of the sheet; channel r * columns + c lies at (r, c).
    size : int
        Side of a neighbourhood, odd, so that it has a middle.

    Returns
    -------
    ndarray, shape (rows * columns, rows * columns)
        1 where a channel lies in the neighbourhood, 0 elsewhere.

    Raises
    ------
    ValueError
        If the side is even or larger than the sheet.
    """
    n_rows, n_columns = _checks.shape2d("(rows, columns)", (rows, columns))
    side = _checks.integer("size", size, minimum=1)
    if side % 2 == 0 or side > min(n_rows, n_columns):
        raise ValueError(f"size must be odd and at most {min(n_rows, n_columns)}, got {side}")
    near = [_near(n, side) for n in (n_rows, n_columns)]
    return np.kron(*near).astype(np.float64)


def _near(n: int, side: int) -> NDArray[np.float64]:
    """Return 1 where two places on a ring of n are less than side / 2 apart."""
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.asarray(np.minimum(apart, n - apart) <= side // 2, np.float64)
