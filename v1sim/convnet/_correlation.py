"""Cross-correlation of maps with kernels, and its two transposes, as matrix products.

For a picture V and a kernel K, with stride s,

    Z[i, j, k] = sum over l, m, n of V[l, j*s + m, k*s + n] K[i, l, m, n].

The patches of one output row j are the rows j*s .. j*s + ky - 1 of a buffer

    B[r, l, n, k] = V[l, r, k*s + n],

which lie one after the other: so the matrix of patches of every output row is a view of B, and the buffer is
kx / s times as large as the picture, not ky kx / s^2 times as that of `im2col`. Several narrow pictures
stand side by side in the last axis of B. The work is cut into tiles whose buffers stay below `BUFFER_BYTES`;
how it is cut depends on the shapes alone, so that results do not depend on the number of threads. A kernel as
large as its input has one position, and all three are plain matrix products.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from v1sim.convnet import _fourier as fourier
from v1sim.convnet._geometry import HEIGHTS, rows_in_turn, slices
from v1sim.convnet._layer import Maps, add_bias
from v1sim.convnet._threads import workers

BUFFER_BYTES = 2**22
"""Size of a tile's buffer of patches [bytes]: about what a second-level cache and its neighbour hold."""
PART_BYTES = 2**24
"""Size of the maps that are correlated at a time where they are copied afterwards [bytes]."""
COLUMNS = 1024
"""Columns of a matrix product up to which narrow pictures stand side by side: fewer waste the processor's."""
ROWS = 8
"""Output rows of one call."""
SMALL, FEWEST = 10**6, 256
"""Multiplications of a product whose operands OpenBLAS does not pack; columns from which that is worth it."""


@dataclass(frozen=True)
class Tile:
    """Part of a batch: pictures, output rows and output columns."""

    pictures: slice
    rows: slice
    columns: slice


def correlate(
    x: Maps, kernels: NDArray[Any], stride: tuple[int, int], bias: NDArray[Any] | None = None
) -> Maps:
    """Return the cross-correlation of maps with kernels that take turns, without padding.

    Parameters
    ----------
    x : ndarray, shape (n, channel, row, column)
        Maps, already padded.
    kernels : ndarray, shape (t, u, out, channel, ky, kx)
        Kernels, of the dtype of `x`: t take turns along columns, u along rows, so that the output in row j
        and column k is that of kernel k % t, j % u.
    stride : tuple of int
        Along rows and columns.
    bias : ndarray, shape (out,), optional
        Added to the channels.

    Returns
    -------
    ndarray, shape (n, out, row, column)
        A view of memory in the order (row, out, n, column), in which the products come out.
    """
    turns, _, n_out, _, ky, kx = kernels.shape
    if x.shape[2:] == (ky, kx):
        y: Maps = (_flat(x) @ _flat(kernels[0, 0]).T).reshape(len(x), n_out, 1, 1)
        add_bias(y, bias)
        return y
    blocks = fourier.blocks_for(x.shape, kernels.shape, stride)
    if blocks is not None:
        return fourier.correlate(x, kernels, stride, bias, blocks)
    n_rows, n_columns = _outputs(x, (ky, kx), stride)
    step, turns = stride[1], min(turns, n_columns)
    n_steps = -(-n_columns // turns)
    wide = _widened(x, (n_steps * turns - 1) * step + kx)  # so that all turns have as many columns
    y = np.empty((n_rows, n_out, len(x), n_steps * turns), x.dtype)
    for turn in range(turns):
        seen = wide[..., turn * step : wide.shape[3] - (turns - 1 - turn) * step]
        _correlate(seen, kernels[turn], (stride[0], step * turns), bias, y[..., turn::turns])
    return y[..., :n_columns].transpose(2, 1, 0, 3)


def _correlate(
    x: Maps, kernels: NDArray[Any], stride: tuple[int, int], bias: NDArray[Any] | None, y: NDArray[Any]
) -> None:
    """Put the correlation with kernels that take turns along rows into y, shape (row, out, n, column)."""
    ky, kx = kernels.shape[3:]
    matrices = _as_matrices(kernels)
    offset = None if bias is None else bias.astype(y.dtype, copy=False)[:, None]
    contiguous = y.strides[3] == y.itemsize  # into every t-th column matmul does not write with BLAS

    def fill(tile: Tile) -> None:
        patches = _patches(_buffer(x, tile, (ky, kx), stride), (ky, kx), stride)
        target = y[tile.rows, :, tile.pictures, tile.columns]
        for turn, rows in rows_in_turn(tile.rows, len(matrices), ROWS):
            part = target[rows]
            shape = *part.shape[:2], patches.shape[2]
            products = part.reshape(shape) if contiguous else np.empty(shape, y.dtype)
            np.matmul(matrices[turn], patches[rows], out=products)
            if offset is not None:
                products += offset
            if not contiguous:
                part[...] = products.reshape(part.shape)

    with workers(y.size * matrices.shape[2]) as each:
        for _ in each(fill, _tiles(x, kernels.shape[1:], stride)):
            pass


def correlate_transposed(
    dy: Maps, kernels: NDArray[Any], stride: tuple[int, int], size: tuple[int, int]
) -> Maps:
    """Return the gradient in respect of the maps, of size (row, column), from that of the output."""
    turns, n_out, channels, ky, kx = kernels.shape
    if size == (ky, kx):
        return np.asarray(_flat(dy) @ _flat(kernels[0])).reshape(len(dy), channels, ky, kx)
    dx = np.zeros((len(dy), channels, *size), dy.dtype)
    if stride == (1, 1) and turns == 1 and n_out < channels:
        _correlate_turned(dy, kernels[0], dx)
        return dx
    matrices = np.ascontiguousarray(_as_matrices(kernels).swapaxes(1, 2))

    def spread(tiles: list[Tile]) -> None:
        for tile in tiles:
            part = _together(dy[tile.pictures, :, tile.rows, tile.columns])
            n_rows, width = len(part), part.shape[2]
            buffer = np.zeros(((n_rows - 1) * stride[0] + ky, channels * kx, width), dy.dtype)
            for row, (gradient, matrix) in enumerate(zip(part, _turns(matrices, tile.rows), strict=True)):
                window = buffer[row * stride[0] : row * stride[0] + ky].reshape(-1, width)
                window += matrix @ gradient
            _fold(buffer.reshape(len(buffer), channels, kx, width), dx, tile, stride)

    tiles = groupby(_tiles(dx, kernels.shape[1:], stride), key=lambda tile: tile.pictures)
    pictures = [list(group) for _, group in tiles]  # tiles of one picture overlap: one thread adds them up
    with workers(dy.size * matrices.shape[1]) as each:
        for _ in each(spread, pictures):
            pass
    return dx


def _correlate_turned(dy: Maps, kernels: NDArray[Any], dx: Maps) -> None:
    """Put the correlation of dy, with zeros around it, with kernels turned by 180 degrees into dx.

    At stride 1 that is the transpose of their correlation. Where dy has fewer channels than dx it is faster
    than to spread each value of dy, and these zeros take less memory than dx.
    """
    _, _, ky, kx = kernels.shape
    turned = np.ascontiguousarray(kernels.swapaxes(0, 1)[:, :, ::-1, ::-1])
    sides = ((0, 0), (0, 0), (ky - 1, ky - 1), (kx - 1, kx - 1))
    for part in slices(len(dy), max(1, PART_BYTES // (prod(dx.shape[1:]) * dx.itemsize))):
        dx[part] = correlate(np.pad(dy[part], sides), turned[None, None], (1, 1))


def kernel_gradient(x: Maps, dy: Maps, shape: tuple[int, ...], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the gradient in respect of the kernels of that shape (t, out, channel, ky, kx)."""
    t, n_out, channels, ky, kx = shape
    if x.shape[2:] == (ky, kx) and t == 1:
        return np.asarray(_flat(dy).T @ _flat(x)).reshape(shape)

    def share(tile: Tile) -> NDArray[Any]:
        patches = _patches(_buffer(x, tile, (ky, kx), stride), (ky, kx), stride)
        part = _together(dy[tile.pictures, :, tile.rows, tile.columns])
        totals = np.zeros((t, n_out, ky * channels * kx), x.dtype)
        for gradient, patch, total in zip(part, patches, _turns(totals, tile.rows), strict=True):
            total += gradient @ patch.T
        return totals

    totals = np.zeros((t, n_out, ky * channels * kx), x.dtype)
    tiles = _tiles(x, shape[1:], stride)
    with workers(dy.size * totals.shape[2]) as each:
        for part in each(share, tiles):
            totals += part
    return totals.reshape(t, n_out, ky, channels, kx).swapaxes(2, 3)


# -- patches ------------------------------------------------------------------------------------------


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    """Return maps or kernels as rows."""
    return array.reshape(len(array), prod(array.shape[1:]))


def _as_matrices(kernels: NDArray[Any]) -> NDArray[Any]:
    """Return kernels as rows whose elements are in the order (m, l, n) of a patch in the buffer."""
    return np.ascontiguousarray(kernels.swapaxes(2, 3)).reshape(*kernels.shape[:2], -1)


def _turns(matrices: NDArray[Any], rows: slice) -> list[NDArray[Any]]:
    """Return the matrix of each output row."""
    return [matrices[j % len(matrices)] for j in range(rows.start, rows.stop)]


def _outputs(x: Maps, kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[int, int]:
    return (x.shape[2] - kernel[0]) // stride[0] + 1, (x.shape[3] - kernel[1]) // stride[1] + 1


def _buffer(x: Maps, tile: Tile, kernel: tuple[int, int], stride: tuple[int, int]) -> NDArray[Any]:
    """Return B[r, l, n, (picture, k)] of a tile."""
    windows = sliding_window_view(_under(x, tile, kernel, stride), kernel[1], axis=3)[:, :, :, :: stride[1]]
    columns = np.ascontiguousarray(windows.transpose(2, 1, 4, 0, 3))
    return columns.reshape(*columns.shape[:3], -1)


def _patches(buffer: NDArray[Any], kernel: tuple[int, int], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the patches of all output rows as a view of B, shape (row, (m, l, n), (picture, k))."""
    n_rows, channels, kx, width = buffer.shape
    step = buffer.strides[0]
    n_out = (n_rows - kernel[0]) // stride[0] + 1
    return as_strided(
        buffer,
        (n_out, kernel[0] * channels * kx, width),
        (step * stride[0], width * buffer.itemsize, buffer.itemsize),
        writeable=False,
    )


def _under(x: Maps, tile: Tile, kernel: tuple[int, int], stride: tuple[int, int]) -> Maps:
    """Return the part of the maps that the windows of a tile cover."""
    rows, columns = (
        slice(part.start * s, (part.stop - 1) * s + k)
        for part, k, s in zip((tile.rows, tile.columns), kernel, stride, strict=True)
    )
    return x[tile.pictures, :, rows, columns]


def _fold(buffer: NDArray[Any], dx: Maps, tile: Tile, stride: tuple[int, int]) -> None:
    """Add a buffer B[r, l, n, (picture, k)] onto the maps that it was read from."""
    n_rows, channels, kx, width = buffer.shape
    n_pictures = tile.pictures.stop - tile.pictures.start
    columns = width // n_pictures
    first = tile.rows.start * stride[0]
    rows = slice(first, first + n_rows)
    for n in range(kx):
        start = tile.columns.start * stride[1] + n
        reached = slice(start, start + (columns - 1) * stride[1] + 1, stride[1])
        part = buffer[:, :, n].reshape(n_rows, channels, n_pictures, columns)
        dx[tile.pictures, :, rows, reached] += part.transpose(2, 1, 0, 3)


def _widened(x: Maps, n_columns: int) -> Maps:
    """Return maps with columns of zeros on their right, where they have fewer than `n_columns`."""
    missing = max(0, n_columns - x.shape[3])
    return np.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing))) if missing else x[..., :n_columns]


def _together(dy: Maps) -> NDArray[Any]:
    """Return maps with pictures side by side, shape (row, channel, (picture, column))."""
    rows = dy.transpose(2, 1, 0, 3)
    return np.ascontiguousarray(rows).reshape(*rows.shape[:2], -1)


def _tiles(x: Maps, kernel: tuple[int, ...], stride: tuple[int, int]) -> Iterator[Tile]:
    """Yield tiles whose buffers are of about `BUFFER_BYTES` or less."""
    _, channels, ky, kx = kernel
    small = SMALL // prod(kernel)
    together = small if FEWEST <= small < COLUMNS else COLUMNS
    n_rows, n_columns = _outputs(x, (ky, kx), stride)
    affordable = BUFFER_BYTES // (channels * kx * x.itemsize)  # (row, picture, column) places of the buffer
    width = max(1, min(n_columns, affordable // ky))
    half = (len(x) + 1) // 2  # so that gradients, whose tiles of one picture overlap, can be shared by two
    several = max(1, min(half, together // width, affordable // (HEIGHTS * ky * width)))
    pictures = several if width == n_columns else 1
    height = max(1, min(n_rows, (affordable // (width * pictures) - ky) // stride[0] + 1))
    cuts = [(len(x), pictures), (n_rows, height), (n_columns, width)]
    for parts in product(*(slices(total, size) for total, size in cuts)):
        yield Tile(*parts)
