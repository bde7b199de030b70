r"""Cells as a layer stack: the same fields at every position of a frame.

A simple cell is a convolution with its field and a detector, a complex cell a convolution with both fields of
its pair and an L2 pool over the two channels:

.. math:: r = N(V * K + b), \quad c = \sqrt{(V * K_0)^2 + (V * K_1)^2}

A kernel is the cell's field as it stands on its own pixels, cut out around the pixel nearest to the cell's
centre, so that nothing is resampled and a centre between two pixels stays there. The unit at that pixel sees
what the cell sees; every other unit is the same cell moved by whole pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.cells import NONLINEARITIES, ComplexCells, FilterCells, Power, SimpleCells, Softplus
from v1sim.convnet import ChannelPool, Conv2d, Detector, Layer, Stack

_NEGLIGIBLE = 1e-7
"""Share of the sum of a field's magnitudes that a kernel may leave out: below the rounding of float32."""
_FAINT = 1e-12
"""Share of a field's largest weight below which a weight is 0: those that are subnormal in float32, of small
fields in a window that large ones need, make a convolution five times slower."""
_NAMED = {"linear": "identity", "relu": "relu", "half_squared": "half_square"}
_OF_EXPONENT = {1.0: "relu", 2.0: "half_square"}
_POOLS = {"l2": "l2", "energy": "sum_of_squares"}

Cells = SimpleCells | ComplexCells | FilterCells


def as_stack(cells: Cells, frame_shape: tuple[int, int]) -> Stack:
    """Return the stack whose units are these cells, at their own positions and at all others.

    Parameters
    ----------
    cells : SimpleCells, ComplexCells or FilterCells
        n cells. The nonlinearity of simple cells must be one that a `Detector` has, up to a gain and a
        threshold of each cell: linear, half-wave, half-squared, `Power` of exponent 1 or 2, or `Softplus`
        whose gain is its sharpness.
    frame_shape : tuple of int
        Rows and columns of the frames, at least those of the cells' grid, which lies in their middle.

    Returns
    -------
    Stack
        One output channel a cell, of the shape of the frame: convolution and detector, or convolution and
        pool over the pair. Unit ``cell_positions(cells, frame_shape)[i]`` of channel i is cell i. Beyond the
        cells' grid a field is 0: what the frame of a cell cuts off is cut off everywhere.

    Raises
    ------
    TypeError, ValueError
        If the cells are of another kind, look back in time or have a nonlinearity that no detector has, or
        the frame is smaller than their grid.

    Examples
    --------
    >>> from v1sim import Grid, gabor
    >>> bank = gabor.Gabor.from_tuning(
    ...     spatial_frequency=.15, orientation_deg=[0, 60], n_x=.3, n_y=.3, centre=([-2.2, 1.6], [.3, 1]))
    >>> cells = ComplexCells(bank, Grid((12, 15)))
    >>> stack = as_stack(cells, (12, 15))
    >>> frames = np.random.default_rng(0).standard_normal((4, 12, 15), dtype=np.float32)
    >>> everywhere, _ = stack.forward(frames[:, None])
    >>> rows, columns = cell_positions(cells, (12, 15)).T
    >>> bool(np.allclose(everywhere[:, [0, 1], rows, columns], cells.respond(frames), atol=1e-5))
    True
    """
    shape = _frame_shape(cells, frame_shape)
    kernels = _kernels(_fields(cells), _centres(cells))
    stages: list[Layer]
    if isinstance(cells, ComplexCells):
        stages = [Conv2d(kernels, padding="same"), ChannelPool(_POOLS[cells.readout], 2)]
    else:
        rule = _detector_rule(cells)
        scaled = kernels * rule.slope[:, None, None, None]
        stages = [Conv2d(scaled, rule.bias, padding="same"), Detector(rule.kind)]
    return Stack(stages, input_shape=(1, *shape))


def cell_positions(cells: Cells, frame_shape: tuple[int, int]) -> NDArray[np.intp]:
    """Return the unit of each cell's channel in `as_stack` that is the cell itself.

    It is the pixel nearest to the centre of its Gabor, or, for filters, to the centre of their energy.

    Parameters
    ----------
    cells : SimpleCells, ComplexCells or FilterCells
        n cells.
    frame_shape : tuple of int
        Rows and columns of the frames.

    Returns
    -------
    ndarray of int, shape (n, 2)
        Row and column, row 0 on top.

    Raises
    ------
    TypeError, ValueError
        As `as_stack`.
    """
    shape = _frame_shape(cells, frame_shape)
    margins = [(of_frame - of_grid) // 2 for of_frame, of_grid in zip(shape, cells.grid.shape, strict=True)]
    return np.asarray(_centres(cells) + margins)


def _frame_shape(cells: Cells, frame_shape: tuple[int, int]) -> tuple[int, int]:
    """Return the shape, once it is known that the cells can be convolved and fit into it."""
    if not isinstance(cells, SimpleCells | ComplexCells | FilterCells):
        raise TypeError(
            "cells must be SimpleCells, ComplexCells or FilterCells, which are a convolution and a detector "
            f"or a pool, got {type(cells).__name__}: make such cells of its Gabors or fields"
        )
    if cells.memory > 1:
        raise ValueError(f"cells must see one frame, got cells that see {cells.memory}")
    shape = _checks.shape2d("frame_shape", frame_shape)
    if any(frame < own for frame, own in zip(shape, cells.grid.shape, strict=True)):
        raise ValueError(f"frame_shape must be at least the cells' grid {cells.grid.shape}, got {shape}")
    return shape


def _fields(cells: Cells) -> FloatArray:
    """Return the fields that make up each cell, shape (n_cells, 1 or 2, ny, nx)."""
    if isinstance(cells, ComplexCells):
        return cells.pairs
    return cells.weights.reshape(cells.n_units, 1, *cells.grid.shape)


def _centres(cells: Cells) -> NDArray[np.intp]:
    """Return the row and column of the pixel nearest to the centre of each cell, shape (n_cells, 2)."""
    grid = cells.grid
    if isinstance(cells, FilterCells):
        energy = (_fields(cells) ** 2).sum(axis=1)
        total = np.maximum(energy.sum(axis=(1, 2)), np.finfo(np.float64).tiny)
        x, y = ((energy * axis).sum(axis=(1, 2)) / total for axis in (grid.x, grid.y))
    else:
        x, y = np.atleast_1d(cells.gabor.x0), np.atleast_1d(cells.gabor.y0)
    rows = np.rint((grid.y_axis[0] - y) / grid.pixel_size)
    columns = np.rint((x - grid.x_axis[0]) / grid.pixel_size)
    last = np.array(grid.shape) - 1
    return np.asarray(np.clip(np.stack([rows, columns], axis=1), 0, last), np.intp)


def _kernels(fields: FloatArray, centres: NDArray[np.intp]) -> FloatArray:
    """Cut each field out around its centre, wide enough for all, shape (n_cells * n_fields, 1, ky, kx)."""
    magnitude = np.abs(fields).sum(axis=1)
    reach = [_reach(magnitude.sum(axis=2 - axis), centres[:, axis]) for axis in (0, 1)]
    size = [2 * side + 1 for side in reach]
    seen = np.abs(fields) > _FAINT * np.abs(fields).max(axis=(2, 3), keepdims=True)
    padded = np.pad(np.where(seen, fields, 0), ((0, 0), (0, 0), *((side, side) for side in reach)))
    cut = [
        own[:, row : row + size[0], column : column + size[1]]
        for own, (row, column) in zip(padded, centres, strict=True)
    ]
    return np.stack(cut).reshape(-1, 1, *size)


def _reach(profiles: FloatArray, centres: NDArray[np.intp]) -> int:
    """Return how far from their centres profiles (n_cells, n) have all but a negligible part of their sum."""
    apart = np.abs(np.arange(profiles.shape[1]) - centres[:, None])
    farthest = 0
    for profile, distance in zip(profiles, apart, strict=True):
        beyond = np.bincount(distance, profile)[::-1].cumsum()[::-1]  # sum at this distance and farther
        kept = np.flatnonzero(beyond > _NEGLIGIBLE / 2 * profile.sum())  # half each for rows and columns
        farthest = max(farthest, int(kept[-1]) if kept.size else 0)
    return farthest


@dataclass(frozen=True, eq=False)
class _Rule:
    """A nonlinearity as a detector of a line: N(s) = detector(slope s + bias), one number a cell."""

    kind: str
    slope: FloatArray
    bias: FloatArray | None = None


def _detector_rule(cells: SimpleCells | FilterCells) -> _Rule:
    """Return the detector that is the cells' nonlinearity, or raise."""
    # a function that somebody gave is held in a wrapper that looks at its answers
    n, nonlinearity = cells.n_units, getattr(cells.nonlinearity, "function", cells.nonlinearity)
    for name, kind in _NAMED.items():
        if nonlinearity is NONLINEARITIES[name]:
            return _Rule(kind, np.ones(n))
    if isinstance(nonlinearity, Power):
        exponents = {float(exponent) for exponent in np.atleast_1d(nonlinearity.exponent)}
        if len(exponents) == 1 and exponents <= set(_OF_EXPONENT):
            [exponent] = exponents
            slope = _each(nonlinearity.gain, n) ** (1 / exponent)  # g s^n = (g^(1/n) s)^n
            return _Rule(_OF_EXPONENT[exponent], slope, -slope * _each(nonlinearity.threshold, n))
        raise ValueError(
            f"a detector has no power of {', '.join(f'{e:g}' for e in sorted(exponents))}: one exponent for "
            "all cells, 1 or 2, can be convolved"
        )
    if isinstance(nonlinearity, Softplus):
        slope = _each(nonlinearity.sharpness, n)
        if not np.allclose(_each(nonlinearity.gain, n), slope):
            raise ValueError(
                "a softplus detector has the slope 1 far above threshold: the gain must be the sharpness, "
                f"got gain {nonlinearity.gain} and sharpness {nonlinearity.sharpness}"
            )
        return _Rule("softplus", slope, -slope * _each(nonlinearity.threshold, n))
    raise ValueError(
        f"no detector is {getattr(nonlinearity, '__name__', type(nonlinearity).__name__)}: linear, relu, "
        "half_squared, Power of exponent 1 or 2 and Softplus have one"
    )


def _each(parameter: float | NDArray[np.float32], n: int) -> FloatArray:
    return np.broadcast_to(np.asarray(parameter, np.float64), (n,))
