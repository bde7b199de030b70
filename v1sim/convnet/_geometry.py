"""Where windows lie: kernel, stride and padding along rows and columns.

Output j of an axis reads the inputs j*s + m - before, m = 0 .. k-1, of an axis padded with zeros.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from v1sim import _checks
from v1sim.convnet._layer import Maps, Reach

Padding = str | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]
"""A name ("valid", "same", "full"), one number an axis, or (before, after) of rows and of columns."""
PADDINGS = ("valid", "same", "full")
HEIGHTS = 2
"""Rows of a tile in heights of a kernel, where affordable: the last one is read again by the next tile."""


def pair(name: str, value: object, *, minimum: int) -> tuple[int, int]:
    """Return one integer, or one a direction, as (rows, columns), or raise."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(f"{name} must be one integer or (rows, columns), got {value!r}")
        rows, columns = (_checks.integer(f"{name}[{i}]", v, minimum=minimum) for i, v in enumerate(value))
        return rows, columns
    number = _checks.integer(name, value, minimum=minimum)
    return number, number


def padding_of(value: object) -> Padding:
    """Return a padding as a name, or as ((top, bottom), (left, right)), or raise."""
    if isinstance(value, str):
        return _checks.choice("padding", value, PADDINGS)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(
            f"padding must be one of {', '.join(PADDINGS)}, (rows, columns) or "
            f"((top, bottom), (left, right)), got {value!r}"
        )
    rows, columns = (pair(f"padding[{i}]", side, minimum=0) for i, side in enumerate(value))
    return rows, columns


@dataclass(frozen=True)
class Axis:
    """Windows along one axis: input and kernel size, stride, zeros before and after the input."""

    size: int
    kernel: int
    stride: int
    before: int
    after: int

    @property
    def padded(self) -> int:
        """Size of the input with its padding."""
        return self.before + self.size + self.after

    @property
    def outputs(self) -> int:
        """Number of windows: m - k + 1 at stride 1 without padding."""
        return (self.padded - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class Windows:
    """Windows along rows and columns."""

    rows: Axis
    columns: Axis

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        kernel: tuple[int, ...],
        stride: object,
        padding: Padding,
        *,
        flip: bool = False,
    ) -> Self:
        """Return the windows of a kernel on maps of a size, or raise if the kernel does not fit.

        Under "same" the centre of the kernel is its element (k - 1) // 2, as in scipy and torch. A flipped
        kernel has that element k // 2 from its start, which matters where k is even.
        """
        sides = [_sides(padding, i, kernel[i], flip=flip) for i in range(2)]
        steps = pair("stride", stride, minimum=1)
        rows, columns = (Axis(size[i], kernel[i], steps[i], *sides[i]) for i in range(2))
        if rows.padded < rows.kernel or columns.padded < columns.kernel:
            raise ValueError(
                f"the kernel of {kernel[0]} x {kernel[1]} (rows x columns) is larger than its input of "
                f"{size[0]} x {size[1]}, padded to {rows.padded} x {columns.padded}"
            )
        return cls(rows, columns)

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return self.rows.outputs, self.columns.outputs

    @property
    def stride(self) -> tuple[int, int]:
        """Stride along rows and columns."""
        return self.rows.stride, self.columns.stride

    @property
    def inner(self) -> tuple[slice, slice]:
        """Where the input lies in its padded copy."""
        r, c = self.rows, self.columns
        return slice(r.before, r.before + r.size), slice(c.before, c.before + c.size)

    def pad(self, x: Maps, fill: float = 0.0) -> Maps:
        """Return maps with their padding; the maps themselves where there is none."""
        if (self.rows.padded, self.columns.padded) == (self.rows.size, self.columns.size):
            return x
        padded: np.ndarray[Any, Any] = np.full(
            (*x.shape[:2], self.rows.padded, self.columns.padded), fill, x.dtype
        )
        padded[:, :, *self.inner] = x
        return padded

    def crop(self, padded: Maps) -> Maps:
        """Return the part of padded maps that is input: the transpose of `pad`."""
        return padded[:, :, *self.inner]


def slices(total: int, size: int) -> Iterator[slice]:
    """Yield slices of a size, the last one smaller, that together are all of `total`."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def rows_in_turn(rows: slice, turns: int, together: int) -> Iterator[tuple[int, slice]]:
    """Yield groups of rows whose kernel is the same, row j that of turn j % turns.

    Parameters
    ----------
    rows : slice
        Output rows of a tile.
    turns : int
        Kernels that take turns.
    together : int
        Rows of a group, or fewer.

    Yields
    ------
    turn : int
    group : slice
        Rows counted from the first of the tile; the last group may end after them.
    """
    n_rows = rows.stop - rows.start
    for first in range(min(turns, n_rows)):
        for start in range(first, n_rows, turns * together):
            yield (rows.start + first) % turns, slice(start, start + turns * together, turns)


def reach_of(kernel: tuple[int, ...], stride: object, padding: Padding, *, flip: bool = False) -> Reach:
    """Return what an output of a window sees."""
    before = tuple(_sides(padding, i, kernel[i], flip=flip)[0] for i in range(2))
    return Reach((kernel[0], kernel[1]), pair("stride", stride, minimum=1), (-before[0], -before[1]))


def _sides(padding: Padding, axis: int, kernel: int, *, flip: bool) -> tuple[int, int]:
    """Return the zeros before and after the input along an axis."""
    if padding == "valid":
        return 0, 0
    if padding == "full":
        return kernel - 1, kernel - 1
    if padding == "same":
        before = kernel // 2 if flip else (kernel - 1) // 2
        return before, kernel - 1 - before
    if isinstance(padding, str):
        raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, got {padding!r}")
    before, after = pair("padding", padding[axis], minimum=0)
    return before, after
