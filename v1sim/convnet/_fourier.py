"""Cross-correlation of maps with kernels in fewer multiplications: Fourier transforms along columns.

Rows of maps are cut into blocks of T columns that overlap (overlap-save: Oppenheim & Schafer 2010,
Discrete-Time Signal Processing, section 8.7.3). In the Fourier domain of a block, correlation along columns
is a product, and of the sum of `_correlation` only that over channels and rows is left:

    Z'[f, i, j] = sum over l, m of V'[f, l, j*s + m] conj(K'[f, i, l, m]).

The transforms are matrix products like all the rest: T is 20 to 60, where those are faster than an FFT; the
matrix `waves` leads to the Fourier domain, `back` leads from it to those columns that did not wrap round. The
spectrum of a real signal is T real numbers, in T / 2 pairs: the frequencies 0 and T / 2, which are real, then
the real and imaginary parts of the others. The spectra of all rows lie in one buffer in the order

    V'[f, row, (part, l), (picture, block)],

in which those under the window of an output row are one matrix, without a copy.

Where a stride, or kernels that take turns along columns, set the outputs of one kernel several columns apart,
such a step is the unit: the columns of a step are channels of the input, and turns are channels of the output
whose kernels begin a stride later each.

Rounding errors of an output are those of all columns of its block, not only of those under its window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from v1sim.convnet._geometry import HEIGHTS, rows_in_turn, slices
from v1sim.convnet._layer import Maps
from v1sim.convnet._threads import workers

LANES = 16
"""Values of float32 in the widest vector registers: products take as long for fewer columns."""
FEW = 12
"""Columns beyond full registers up to which BLAS reads a matrix faster down than along, by up to a third."""
NARROWEST, WIDEST = 8, 48
"""Steps from block to block: fewer or more have not been of use."""
COPY, SCATTER = 10, 40
"""Multiplications that take as long as copying a value in a run of its like, and to a place apart."""
DIRECT = 1.25
"""How much longer a multiplication of the direct sum takes: its products do not stay in a near cache."""
SIDE_BY_SIDE = 96
"""Blocks side by side in a product, of several pictures where those are narrow."""
CHANNELS = 64
"""Output channels of a product."""
BUFFER_BYTES, PRODUCT_BYTES = 2**22, 2**19
"""Size of a tile's buffer of spectra, and of the spectra of a product [bytes]."""
HELD = 3_000_000
"""Values of the transform and of the spectra of kernels, which are all in memory at once."""


@dataclass(frozen=True, order=True)
class Blocks:
    """How columns are cut into blocks.

    Attributes
    ----------
    turns : int
        Kernels that take turns along columns.
    step : int
        Input columns between two outputs of one of them.
    taps : int
        Size of the kernels in steps, the last one filled up with zeros.
    span : int
        Steps from block to block.
    count : int
        Blocks of a row.
    pictures : int
        How many stand side by side.
    """

    turns: int
    step: int
    taps: int
    span: int
    count: int
    pictures: int

    @property
    def size(self) -> int:
        """Return T, in steps: even, and enough for the span and all that its windows see."""
        return (self.span + self.taps) // 2 * 2

    def values_of_kernels(self, kernels: tuple[int, ...]) -> int:
        """Return the number of values of the spectra of kernels (t, u, out, channel, ky, kx)."""
        return 2 * self.size * self.step * prod(kernels[:5])

    def multiplications(self, shape: tuple[int, ...], kernels: tuple[int, ...], stride: int) -> int:
        """Return how many it takes, with those that take as long as copies and empty registers do.

        Parameters
        ----------
        shape, kernels : tuple of int
            As for `blocks_for`.
        stride : int
            Along rows.
        """
        turns, _, n_out, channels, ky, _ = kernels
        n_rows, blocks = (shape[2] - ky) // stride + 1, self.pictures * self.count
        channels *= self.step
        forward = (self.size + COPY) * self.size * channels * blocks * shape[2]
        along_rows = 2 * self.size * ky * channels * turns * n_out * _in_lanes(blocks) * n_rows
        back = self.size * turns * n_out * blocks * _in_lanes(self.span * turns) * n_rows
        of_kernels = (self.taps + COPY) * self.values_of_kernels(kernels)
        return -(-shape[0] // self.pictures) * (forward + along_rows + back) + of_kernels


def blocks_for(shape: tuple[int, ...], kernels: tuple[int, ...], stride: tuple[int, int]) -> Blocks | None:
    """Return the blocks that take the fewest multiplications, or None if the direct sum takes fewer.

    None also if the spectra of the kernels take too much memory: they are read anew for every row, and beyond
    the caches are no faster than the direct sum.

    Parameters
    ----------
    shape : tuple of int
        Of the maps, (n, channel, row, column).
    kernels : tuple of int
        Shape (t, u, out, channel, ky, kx), as for `correlate`.
    stride : tuple of int
        Along rows and columns.
    """
    turns, _, n_out, channels, ky, kx = kernels
    n_rows, n_columns = (shape[2] - ky) // stride[0] + 1, (shape[3] - kx) // stride[1] + 1
    step, n_steps = stride[1] * turns, -(-n_columns // turns)
    taps = -(-(kx + (turns - 1) * stride[1]) // step)
    ways = []
    for count in range(-(-n_steps // WIDEST), -(-n_steps // NARROWEST) + 1):
        pictures = max(1, min(shape[0], SIDE_BY_SIDE // count))
        ways.append(Blocks(turns, step, taps, -(-n_steps // count), count, pictures))
    cost, best = min((way.multiplications(shape, kernels, stride[0]), way) for way in ways)
    direct = channels * kx * (COPY + DIRECT * ky * n_out) + (SCATTER * n_out if turns > 1 else 0)
    held = 4 * best.size**2 + best.values_of_kernels(kernels)  # the transform, and what it takes to make it
    return best if cost < shape[0] * n_rows * n_columns * direct and held <= HELD else None


def _in_lanes(n: int) -> int:
    return (-(-n // LANES) + 1) * LANES


def correlate(
    x: Maps, kernels: NDArray[Any], stride: tuple[int, int], bias: NDArray[Any] | None, blocks: Blocks
) -> Maps:
    """Return the cross-correlation of maps with kernels that take turns, without padding.

    Parameters
    ----------
    x : ndarray, shape (n, channel, row, column)
        Maps, already padded.
    kernels : ndarray, shape (t, u, out, channel, ky, kx)
        Kernels, of the dtype of `x`; the output in row j and column k is that of kernel k % t, j % u.
    stride : tuple of int
        Along rows and columns.
    bias : ndarray, shape (out,) or None
        Added to the channels.
    blocks : Blocks
        How to cut columns.

    Returns
    -------
    ndarray, shape (n, out, row, column)
        A view of memory in the order (row, out, n, column), with columns to spare.
    """
    n_out, _, ky, kx = kernels.shape[2:]
    n_rows, n_columns = (x.shape[2] - ky) // stride[0] + 1, (x.shape[3] - kx) // stride[1] + 1
    waves = _waves(blocks.size).astype(x.dtype)
    weights = np.full((blocks.size, 1), 2 / blocks.size)
    weights[:2] /= 2  # frequencies that stand for themselves alone
    back = np.kron(weights * waves[:, : blocks.span], np.eye(blocks.turns)).astype(x.dtype)
    if 0 < back.shape[1] % LANES <= FEW:  # the same numbers in another order of memory
        back = np.asfortranarray(back)
    y = np.empty((n_rows, n_out, len(x), blocks.count, blocks.span * blocks.turns), x.dtype)

    def fill(tile: Tile) -> None:
        seen = x[tile.pictures, :, tile.rows.start * stride[0] : (tile.rows.stop - 1) * stride[0] + ky]
        windows = _windows(_spectra(seen, tile.blocks, blocks, waves), ky, stride[0])
        target = y[tile.rows, tile.channels, tile.pictures, tile.blocks]
        target = target.reshape(*target.shape[:2], windows.shape[3], -1)
        of_tile = matrices[tile.channels.start // CHANNELS]
        shape = (*of_tile.shape[1:3], windows.shape[3])
        together = min(len(target), max(1, PRODUCT_BYTES // (prod(shape) * x.itemsize)))
        pairs = np.empty((together, *shape), x.dtype)
        spectra = pairs.reshape(together, len(back), -1, shape[2])  # (row, (f, part, turn), out, block)
        for turn, group in rows_in_turn(tile.rows, kernels.shape[1], together):
            rows = slice(len(target[group]))
            np.matmul(of_tile[turn], windows[group], out=pairs[rows])
            if bias is not None:  # a constant is all in frequency 0
                spectra[rows, : blocks.turns] += blocks.size * bias[tile.channels, None]
            np.matmul(spectra[rows].transpose(0, 2, 3, 1), back, out=target[group])

    with workers(blocks.multiplications(x.shape, kernels.shape, stride[0])) as each:
        parts = [kernels[:, :, channels] for channels in slices(n_out, CHANNELS)]
        matrices = list(each(lambda part: _matrices(part, blocks, stride[1]), parts))
        for _ in each(fill, _tiles(y, kernels.shape, stride[0], blocks)):
            pass
    return y.reshape(*y.shape[:3], -1)[..., :n_columns].transpose(2, 1, 0, 3)


@dataclass(frozen=True)
class Tile:
    """Part of the work: pictures, their blocks (all, or some of one picture), output rows and channels."""

    pictures: slice
    blocks: slice
    rows: slice
    channels: slice


def _tiles(y: NDArray[Any], kernels: tuple[int, ...], stride: int, blocks: Blocks) -> Iterator[Tile]:
    """Yield tiles of y[row, out, n, block, column] whose spectra take about `BUFFER_BYTES` or less."""
    n_rows, n_out, n, _, _ = y.shape
    _, _, _, channels, ky, _ = kernels
    affordable = BUFFER_BYTES // (blocks.size * channels * blocks.step * y.itemsize)  # (row, picture, block)
    wide = max(1, min(LANES, affordable // ky), affordable // (HEIGHTS * ky))
    count, pictures = min(blocks.count, wide), max(1, min(blocks.pictures, wide // blocks.count))
    most = n_rows if pictures < n else (n_rows + 1) // 2  # so that a small batch can be shared by two
    rows = max(1, min(most, (affordable // (pictures * count) - ky) // stride + 1))
    cuts = [(n, pictures), (blocks.count, count), (n_rows, rows), (n_out, CHANNELS)]
    for parts in product(*(slices(total, size) for total, size in cuts)):
        yield Tile(*parts)


def _waves(size: int) -> NDArray[np.float64]:
    """Return the real discrete Fourier transform as a matrix, rows in the order of pairs."""
    pairs = np.fft.rfft(np.eye(size), axis=0)
    ends, others = pairs[[0, -1]].real, pairs[1:-1]
    parts = np.stack([others.real, others.imag], axis=1).reshape(size - 2, size)
    return np.concatenate([ends, parts])


def _matrices(kernels: NDArray[Any], blocks: Blocks, stride: int) -> NDArray[Any]:
    """Return conjugate spectra of kernels, shape (u, f, (part, turn, out), (row, part, (channel, step))).

    The product of a pair of real numbers with a pair is a matrix of 2 x 2 times a pair.
    """
    turns, others, n_out, channels, ky, kx = kernels.shape
    wide = np.zeros((blocks.taps * blocks.step, others, turns, n_out, ky, channels), kernels.dtype)
    for turn in range(turns):
        wide[turn * stride : turn * stride + kx, :, turn] = kernels[turn].transpose(4, 0, 1, 3, 2)
    taps = wide.reshape(blocks.taps, blocks.step, -1).swapaxes(1, 2).reshape(blocks.taps, -1)
    first, second = _waves(blocks.size)[:, : blocks.taps].reshape(-1, 2, blocks.taps).swapaxes(0, 1)
    products = np.stack([first, second, -second, first], axis=1)  # conj(a + ib) (c + id)
    products[0, 1:3], products[0, 3] = 0, second[0]  # two real numbers
    spectra = products.reshape(-1, blocks.taps).astype(kernels.dtype) @ taps
    spectra = spectra.reshape(-1, 2, 2, others, turns, n_out, ky, channels * blocks.step)
    matrices = spectra.transpose(3, 0, 1, 4, 5, 6, 2, 7)
    return matrices.reshape(others, blocks.size // 2, 2 * turns * n_out, -1)


def _spectra(seen: Maps, part: slice, blocks: Blocks, waves: NDArray[Any]) -> NDArray[Any]:
    """Return V'[f, row, (part, channel, step), (picture, block)] of the rows and blocks of a tile."""
    n, channels, n_rows, _ = seen.shape
    count, first = part.stop - part.start, part.start * blocks.span * blocks.step
    width = blocks.step * ((count - 1) * blocks.span + blocks.size)
    columns = seen[..., first : first + width]
    rows = np.zeros((n_rows, channels, n, width), seen.dtype)
    rows[..., : columns.shape[3]] = columns.transpose(2, 1, 0, 3)
    row, channel, picture, column = rows.strides
    step = blocks.step * column
    parts = as_strided(
        rows,
        (n_rows, channels, blocks.step, n, count, blocks.size),
        (row, channel, column, picture, blocks.span * step, step),
        writeable=False,
    )
    spectra = waves @ parts.reshape(-1, blocks.size).T
    spectra = spectra.reshape(blocks.size // 2, 2, n_rows, channels * blocks.step, n * count)
    ordered = np.ascontiguousarray(spectra.swapaxes(1, 2))
    return ordered.reshape(len(ordered), n_rows, -1, n * count)


def _windows(spectra: NDArray[Any], ky: int, stride: int) -> NDArray[Any]:
    """Return the spectra under the windows of output rows as a view (row, f, (m, part, l), block)."""
    n_frequencies, n_rows, channels, width = spectra.shape
    frequency, row, channel, one = spectra.strides
    return as_strided(
        spectra,
        ((n_rows - ky) // stride + 1, n_frequencies, ky * channels, width),
        (row * stride, frequency, channel, one),
        writeable=False,
    )
