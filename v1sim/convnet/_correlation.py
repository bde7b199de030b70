"""Cross-correlation of maps with kernels, and its two transposes, as matrix products.

For a picture V and a kernel K, with stride s,

    Z[i, j, k] = sum over l, m, n of V[l, j*s + m, k*s + n] K[i, l, m, n].

The patches of one output row j are the rows j*s .. j*s + ky - 1 of a buffer

    B[r, l, n, k] = V[l, r, k*s + n],

which lie one after the other: so the matrix of patches of every output row is a view of B, and the buffer is
kx / s times as large as the picture, not ky kx / s^2 times as that of `im2col`. Several narrow pictures
stand side by side in the last axis of B. The work is cut into tiles whose buffers stay below `BUFFER_BYTES`;
how it is cut depends on the shapes alone, so that results do not depend on the number of threads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from v1sim.convnet._layer import Maps

BUFFER_BYTES = 2**22
"""Size of a tile's buffer of patches [bytes]: about what a second-level cache and its neighbour hold."""
COLUMNS = 256
"""Columns of a matrix product below which narrow pictures stand side by side."""


@dataclass(frozen=True)
class Tile:
    """Part of a batch: pictures, output rows and output columns."""

    pictures: slice
    rows: slice
    columns: slice


def correlate(x: Maps, kernel: NDArray[Any], stride: tuple[int, int]) -> Maps:
    """Return the cross-correlation of maps with a kernel, without padding.

    Parameters
    ----------
    x : ndarray, shape (n, channel, row, column)
        Maps, already padded.
    kernel : ndarray, shape (out, channel, ky, kx)
        Kernels, of the dtype of `x`.
    stride : tuple of int
        Along rows and columns.

    Returns
    -------
    ndarray, shape (n, out, row, column)
    """
    n_out, _, ky, kx = kernel.shape
    y = np.empty((len(x), n_out, *_outputs(x, (ky, kx), stride)), x.dtype)
    matrix = _as_matrix(kernel)
    for tile in _tiles(x, kernel, stride):
        patches = _patches(_buffer(x, tile, (ky, kx), stride), (ky, kx), stride)
        part = y[tile.pictures, :, tile.rows, tile.columns]
        if len(part) == 1:
            np.matmul(matrix, patches, out=part[0].swapaxes(0, 1))
        else:
            part[...] = _apart(np.matmul(matrix, patches), len(part))
    return y


def correlate_transposed(
    dy: Maps, kernel: NDArray[Any], stride: tuple[int, int], size: tuple[int, int]
) -> Maps:
    """Return the gradient in respect of the maps, of size (row, column), from that of the output."""
    _, channels, ky, kx = kernel.shape
    dx = np.zeros((len(dy), channels, *size), dy.dtype)
    matrix = np.ascontiguousarray(_as_matrix(kernel).T)
    for tile in _tiles(dx, kernel, stride):
        part = _together(dy[tile.pictures, :, tile.rows, tile.columns])
        n_rows, width = len(part), part.shape[2]
        buffer = np.zeros(((n_rows - 1) * stride[0] + ky, channels * kx, width), dy.dtype)
        for row, gradient in enumerate(part):
            window = buffer[row * stride[0] : row * stride[0] + ky].reshape(-1, width)
            window += matrix @ gradient
        _fold(buffer.reshape(len(buffer), channels, kx, width), dx, tile, stride)
    return dx


def kernel_gradient(x: Maps, dy: Maps, shape: tuple[int, ...], stride: tuple[int, int]) -> NDArray[Any]:
    """Return the gradient in respect of the kernel of that shape (out, channel, ky, kx)."""
    n_out, channels, ky, kx = shape
    total = np.zeros((n_out, ky * channels * kx), x.dtype)
    for tile in _tiles(x, np.empty(shape, x.dtype), stride):
        patches = _patches(_buffer(x, tile, (ky, kx), stride), (ky, kx), stride)
        part = _together(dy[tile.pictures, :, tile.rows, tile.columns])
        for gradient, patch in zip(part, patches, strict=True):
            total += gradient @ patch.T
    return total.reshape(n_out, ky, channels, kx).swapaxes(1, 2)


# -- patches ------------------------------------------------------------------------------------------


def _as_matrix(kernel: NDArray[Any]) -> NDArray[Any]:
    """Return kernels as rows whose elements are in the order (m, l, n) of a patch in the buffer."""
    return np.ascontiguousarray(kernel.swapaxes(1, 2)).reshape(len(kernel), -1)


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


def _together(dy: Maps) -> NDArray[Any]:
    """Return maps with pictures side by side, shape (row, channel, (picture, column))."""
    rows = dy.transpose(2, 1, 0, 3)
    return np.ascontiguousarray(rows).reshape(*rows.shape[:2], -1)


def _apart(rows: NDArray[Any], n_pictures: int) -> Maps:
    """Return maps (picture, channel, row, column) of rows with pictures side by side."""
    return rows.reshape(*rows.shape[:2], n_pictures, -1).transpose(2, 1, 0, 3)


def _tiles(x: Maps, kernel: NDArray[Any], stride: tuple[int, int]) -> Iterator[Tile]:
    """Yield tiles whose buffers are of about `BUFFER_BYTES` or less."""
    _, channels, ky, kx = kernel.shape
    n_rows, n_columns = _outputs(x, (ky, kx), stride)
    affordable = BUFFER_BYTES // (channels * kx * x.itemsize)  # (row, picture, column) places of the buffer
    width = max(1, min(n_columns, affordable // ky))
    pictures = max(1, min(len(x), COLUMNS // width, affordable // (ky * width)))
    height = max(1, min(n_rows, (affordable // (width * pictures) - ky) // stride[0] + 1))
    for first in _parts(len(x), pictures):
        for rows in _parts(n_rows, height):
            for columns in _parts(n_columns, width):
                yield Tile(first, rows, columns)


def _parts(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
