r"""Weighted sums of frames, :math:`s = \sum w\,I`, over no more pixels than the fields reach.

A field that is local has nearly all of its weights at zero. The frame is cut into tiles, and each tile is
multiplied by the weights of those fields alone that have something in it: a product with a block-sparse
matrix. Let w' be what is kept of w. By the Cauchy-Schwarz inequality the sum is off by at most

.. math:: |s - s'| \le \|w - w'\|\,\|I\| \le 2^{-24} \|w\|\,\|I\|,

since no more than 2^-48 of the energy of w is left out: half of it with whole tiles, half with tiny weights.
That is one unit roundoff of float32 on the scale on which the whole product is rounded itself: a product of
N pixels may be off by N 2^-24 |w| |I| (Higham 2002, section 3.1). A Gabor so cut reaches 5.5 sigma.
Tiny weights are left out because many are below the smallest normal number of float32, where processors are
many times slower.

The size of the tiles follows from the cost alone; one tile as large as the frame is the plain product.
"""

import itertools
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Frames, Responses
from v1sim.cells._responder import check_frames
from v1sim.grid import Grid

NEGLECTED = 2.0**-48
"""Share of a field's energy that may be left out: the square of float32's unit roundoff."""
_SIDES = (8, 12, 16, 24, 32, 48)
"""Sides of tiles that are tried, beside the whole frame [px]."""
_GATHER, _ADD, _CALL = 75, 75, 15_000
"""Cost a frame of gathering one pixel, of adding to one sum and of one product, in multiplications of a
large product: ratios of times measured in blocks of 256 frames. On one core a product costs a fifth of that;
the rest keeps products few, as threads of a busy machine wait for each other at each."""


@dataclass(frozen=True, eq=False)
class _Tile:
    """The fields that have something in a tile."""

    rows: slice
    columns: slice
    fields: NDArray[np.intp]  # their numbers
    weights: NDArray[np.float32]  # (fields, pixels of the tile)


@final
class WeightedSums:
    """The linear stage of all cells: each field's sum over each frame.

    Parameters
    ----------
    fields : ndarray, shape (n, ny, nx)
        Weights.
    grid : Grid
        Positions of the pixels, of that shape.
    """

    def __init__(self, fields: FloatArray, grid: Grid) -> None:
        self.grid = grid
        self.n_fields = len(fields)
        cuts = [(_cut(grid.shape[0], side), _cut(grid.shape[1], side)) for side in _SIDES]
        cuts.append(([slice(0, grid.shape[0])], [slice(0, grid.shape[1])]))
        squares = fields**2
        energies = [_energies(squares, *cut) for cut in cuts]
        kept = [_kept(energy) for energy in energies]
        costs = [_cost(keep, *cut) for keep, cut in zip(kept, cuts, strict=True)]
        best = int(np.argmin(costs))
        rows, columns = cuts[best]
        energy = energies[-1][:, 0, 0]
        smallest = np.sqrt(NEGLECTED / 2 * energy / (grid.shape[0] * grid.shape[1]))
        self._tiles = [
            _Tile(row, column, chosen, _weights(fields, smallest, chosen, row, column))
            for r, row in enumerate(rows)
            for c, column in enumerate(columns)
            if (chosen := np.flatnonzero(kept[best][:, r, c])).size
        ]

    @property
    def n_weights(self) -> int:
        """Number of multiplications a frame: those of the plain product unless fields are local."""
        return sum(tile.weights.size for tile in self._tiles)

    def __call__(self, frames: Frames) -> Responses:
        """Return sum w(x, y) I(x, y) of frames (n_frames, ny, nx), shape (n_frames, n)."""
        check_frames(frames, self.grid)
        sums = np.zeros((self.n_fields, len(frames)), np.result_type(frames, np.float32))
        for tile in self._tiles:
            seen = frames[:, tile.rows, tile.columns].reshape(len(frames), tile.weights.shape[1])
            sums[tile.fields] += tile.weights @ seen.T
        return sums.T


def _cut(length: int, side: int) -> list[slice]:
    """Return tiles of about that side that are as equal as can be."""
    n = max(round(length / side), 1)
    edges = [length * k // n for k in range(n + 1)]
    return [slice(*pair) for pair in itertools.pairwise(edges)]


def _energies(squares: FloatArray, rows: list[slice], columns: list[slice]) -> FloatArray:
    """Return the energy of each field in each tile, shape (n, rows of tiles, columns of tiles)."""
    bands = np.add.reduceat(squares, [row.start for row in rows], axis=1)
    return np.asarray(np.add.reduceat(bands, [column.start for column in columns], axis=2))


def _kept(energies: FloatArray) -> NDArray[np.bool_]:
    """Return which tiles each field keeps: the strongest, until what is left out is negligible."""
    n, *tiles = energies.shape
    flat = energies.reshape(n, int(np.prod(tiles)))
    order = np.argsort(flat, axis=1)
    below = np.cumsum(np.take_along_axis(flat, order, axis=1), axis=1)
    kept = np.empty(flat.shape, bool)
    np.put_along_axis(kept, order, below > NEGLECTED / 2 * flat.sum(axis=1, keepdims=True), axis=1)
    return kept.reshape(energies.shape)


def _cost(kept: NDArray[np.bool_], rows: list[slice], columns: list[slice]) -> float:
    if len(rows) == len(columns) == 1:
        return float(kept.sum() * (rows[0].stop * columns[0].stop))
    pixels = np.outer([r.stop - r.start for r in rows], [c.stop - c.start for c in columns])
    shared = kept.sum(axis=0)
    return float((shared * (pixels + _ADD) + pixels * _GATHER + _CALL)[shared > 0].sum())


def _weights(
    fields: FloatArray, smallest: FloatArray, chosen: NDArray[np.intp], row: slice, column: slice
) -> NDArray[np.float32]:
    """Return the weights of chosen fields in a tile, shape (fields, pixels); tiny ones are zero."""
    inside = fields[chosen, row, column].reshape(
        len(chosen), (row.stop - row.start) * (column.stop - column.start)
    )
    return np.where(np.abs(inside) < smallest[chosen, None], 0, inside).astype(np.float32)
