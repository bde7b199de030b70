"""Convolution stages with less sharing: a kernel a position, or t x t kernels that take turns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from v1sim.convnet._correlation import BUFFER_BYTES, correlate, correlate_transposed, kernel_gradient
from v1sim.convnet._geometry import Padding, Windows, padding_of, pair, reach_of, slices
from v1sim.convnet._layer import (
    Maps,
    Parameters,
    Pullback,
    Reach,
    Shape,
    bias_gradient,
    bias_of,
    check_channels,
    check_names,
    checks_gradient,
    output_of,
    parameter,
    present,
)
from v1sim.convnet._threads import workers

CHANNELS = 16
"""Output channels of a product: weights are read from as many places at once as a processor foresees."""


@final
@dataclass(frozen=True, eq=False)
class UnsharedConv2d:
    r"""Local connections without sharing: every position has kernels of its own.

    .. math:: Z[i, j, k] = b[i] + \sum_{l, m, n} V[l, j s + m, k s + n] \; w[i, j, k, l, m, n]

    Parameters
    ----------
    weights : ndarray, shape (out, output row, output column, in, row, column)
        w.
    bias : ndarray, shape (out,), optional
        b.
    stride : int or tuple of int, optional
        s, along rows and columns.
    padding : {"valid", "same", "full"} or tuple, optional
        As for `Conv2d`.

    Raises
    ------
    TypeError, ValueError
        As for `Conv2d`; also if an input does not give as many positions as there are kernels.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.5.
    """

    weights: NDArray[Any]
    bias: NDArray[Any] | None = None
    stride: int | tuple[int, int] = 1
    padding: Padding = "valid"

    label: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        w = parameter("weights", self.weights, "out, output row, output column, in, row, column")
        object.__setattr__(self, "weights", w)
        object.__setattr__(self, "bias", bias_of(self.bias, len(w)))
        object.__setattr__(self, "stride", pair("stride", self.stride, minimum=1))
        object.__setattr__(self, "padding", padding_of(self.padding))

    def output_channels(self, channels: int | None) -> int:
        """Return the number of output channels, or raise ValueError if the weights take other channels."""
        check_channels("weights", self.weights.shape[3], channels)
        return len(self.weights)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (out, row, column), or raise ValueError if there are not as many kernels."""
        rows, columns = self._windows(input_shape).outputs
        if (rows, columns) != self.weights.shape[1:3]:
            own = " x ".join(map(str, self.weights.shape[1:3]))
            raise ValueError(
                f"there are weights for {own} positions, but an input of {input_shape[1]} x {input_shape[2]} "
                f"(rows x columns) gives {rows} x {columns}"
            )
        return self.output_channels(input_shape[0]), rows, columns

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the size of the kernels, the stride and where the first window begins."""
        return reach_of(self.weights.shape[4:], self.stride, self.padding)

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return Z, shape (n, out, row, column), and its pullback."""
        shape = output_of(self, x)
        windows = self._windows(x.shape[1:])
        w = self.weights.astype(x.dtype, copy=False)
        padded = np.ascontiguousarray(windows.pad(x).transpose(1, 2, 3, 0))  # pictures last: see _patches
        y = np.empty((*shape[1:], shape[0], len(x)), x.dtype)  # (row, column, out, picture)

        def fill(rows: slice) -> None:
            patches, kernels = _patches(padded, rows, w.shape[4:], windows.stride), _kernels(w, rows)
            for channels in slices(shape[0], CHANNELS):
                np.matmul(kernels[:, :, channels], patches, out=y[rows, :, channels])
            if self.bias is not None:
                y[rows] += self.bias.astype(x.dtype, copy=False)[:, None]

        n = w.size * len(x)
        with workers(n) as each:
            for _ in each(fill, _row_parts(w, x, windows.stride[0])):
                pass

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            dz = np.ascontiguousarray(dy.transpose(2, 3, 1, 0))  # (row, column, out, n)
            dw = np.empty(w.shape, x.dtype)
            dx = np.zeros_like(padded)

            def spread(rows: slice) -> NDArray[Any]:
                patches = _patches(padded, rows, w.shape[4:], windows.stride)
                _kernels(dw, rows)[...] = dz[rows] @ patches.swapaxes(2, 3)
                gradient: NDArray[Any] = _kernels(w, rows).swapaxes(2, 3) @ dz[rows]
                return gradient

            parts = list(_row_parts(w, x, windows.stride[0]))
            with workers(2 * n) as each:
                for rows, gradient in zip(parts, each(spread, parts), strict=True):
                    _add_patches(gradient, dx, rows, w.shape[4:], windows.stride)
            return windows.crop(dx.transpose(3, 0, 1, 2)), {"weights": dw} | bias_gradient(dy, self.bias)

        return y.transpose(3, 2, 0, 1), pullback

    def parameters(self) -> Parameters:
        """Return the weights, and the bias where there is one."""
        return present(weights=self.weights, bias=self.bias)

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with other parameters."""
        check_names(parameters, self.parameters(), "UnsharedConv2d")
        return replace(self, **dict[str, Any](parameters))

    def _windows(self, input_shape: Shape) -> Windows:
        return Windows.of(input_shape[1:], self.weights.shape[4:], self.stride, self.padding)


def _kernels(w: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Return the weights of some output rows as a view of matrices, shape (row, column, out, (l, m, n))."""
    return w.reshape(*w.shape[:3], -1)[:, rows].transpose(1, 2, 0, 3)


def _patches(
    padded: NDArray[Any], rows: slice, kernel: tuple[int, ...], stride: tuple[int, int]
) -> NDArray[Any]:
    """Return patches of output rows of maps (l, r, c, picture), shape (row, column, (l, m, n), picture)."""
    covered = padded[:, rows.start * stride[0] : (rows.stop - 1) * stride[0] + kernel[0]]
    if len(padded) == 1:
        return _patches_of_one_channel(covered[0], kernel, stride)
    windows = sliding_window_view(covered, kernel, axis=(1, 2))[:, :: stride[0], :: stride[1]]
    patches = np.ascontiguousarray(windows.transpose(1, 2, 0, 4, 5, 3))  # from (l, j, k, picture, m, n)
    return patches.reshape(*patches.shape[:2], len(padded) * kernel[0] * kernel[1], patches.shape[-1])


def _patches_of_one_channel(
    covered: NDArray[Any], kernel: tuple[int, ...], stride: tuple[int, int]
) -> NDArray[Any]:
    """Return patches as a view of a buffer B[k, r, n, picture], in which those of a column overlap."""
    windows = sliding_window_view(covered, kernel[1], axis=1)[:, :: stride[1]]  # (r, k, picture, n)
    buffer = np.array(windows.transpose(1, 0, 3, 2), order="C")  # anew: strides as its shape has them
    column, row, tap, one = buffer.strides
    n_rows = (buffer.shape[1] - kernel[0]) // stride[0] + 1
    shape = (n_rows, len(buffer), kernel[0] * kernel[1], buffer.shape[3])
    return as_strided(buffer, shape, (row * stride[0], column, tap, one), writeable=False)


def _add_patches(
    patches: NDArray[Any], dx: NDArray[Any], rows: slice, kernel: tuple[int, ...], stride: tuple[int, int]
) -> None:
    """Add patches (row, column, (l, m, n), picture) onto the maps (l, r, c, n) that they were read from."""
    n_rows, n_columns, _, n = patches.shape
    parts = patches.reshape(n_rows, n_columns, len(dx), *kernel, n).transpose(2, 3, 4, 0, 1, 5)
    for m in range(kernel[0]):
        first = rows.start * stride[0] + m
        row = slice(first, first + (n_rows - 1) * stride[0] + 1, stride[0])
        for k in range(kernel[1]):
            dx[:, row, k : k + (n_columns - 1) * stride[1] + 1 : stride[1]] += parts[:, m, k]


def _row_parts(w: NDArray[Any], x: Maps, stride: int) -> Iterator[slice]:
    """Return output rows whose patches take about `BUFFER_BYTES`, or one."""
    _, n_rows, n_columns, channels, ky, kx = w.shape
    affordable = BUFFER_BYTES // max(1, n_columns * channels * kx * len(x) * x.itemsize)  # rows of taps
    step = (affordable - ky) // stride + 1 if channels == 1 else affordable // ky
    half = (n_rows + 1) // 2  # so that a small batch can be shared by two
    return slices(n_rows, max(1, min(half, step)))


@final
@dataclass(frozen=True, eq=False)
class TiledConv2d:
    r"""Convolution with t x t kernels that take turns as the window moves.

    .. math:: Z[i, j, k] = b[i] + \sum_{l, m, n} V[l, j s + m, k s + n] \; K[i, l, m, n, j \% t, k \% t]

    With t = 1 it is `Conv2d`, with t as large as the output `UnsharedConv2d`. Neighbouring positions have
    kernels of their own, and yet there are no more of them than t^2: so that pooling over positions can learn
    invariances other than to shifts.

    Parameters
    ----------
    kernel : ndarray, shape (out, in, row, column, t, t)
        K; t may differ between rows and columns.
    bias : ndarray, shape (out,), optional
        b.
    stride : int or tuple of int, optional
        s, along rows and columns.
    padding : {"valid", "same", "full"} or tuple, optional
        As for `Conv2d`.

    Raises
    ------
    TypeError, ValueError
        As for `Conv2d`.

    Notes
    -----
    Large kernels are applied as those of `Conv2d` are; a stride is there that of one kernel, t times as long.

    References
    ----------
    Gregor & LeCun 2010, arXiv:1006.0448; Le et al. 2010, NIPS 23 (tiled convolutional networks); Goodfellow,
    Bengio & Courville 2016, Deep Learning, section 9.5.
    """

    kernel: NDArray[Any]
    bias: NDArray[Any] | None = None
    stride: int | tuple[int, int] = 1
    padding: Padding = "valid"

    label: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        kernel = parameter("kernel", self.kernel, "out, in, row, column, t, t")
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(self, "bias", bias_of(self.bias, len(kernel)))
        object.__setattr__(self, "stride", pair("stride", self.stride, minimum=1))
        object.__setattr__(self, "padding", padding_of(self.padding))

    def output_channels(self, channels: int | None) -> int:
        """Return the number of output channels, or raise ValueError if the kernels take other channels."""
        check_channels("kernel", self.kernel.shape[1], channels)
        return len(self.kernel)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (out, row, column), or raise ValueError."""
        return self.output_channels(input_shape[0]), *self._windows(input_shape).outputs

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the size of the kernels, the stride and where the first window begins."""
        return reach_of(self.kernel.shape[2:4], self.stride, self.padding)

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return Z, shape (n, out, row, column), and its pullback."""
        shape = output_of(self, x)
        windows = self._windows(x.shape[1:])
        padded = windows.pad(x)
        kernels = np.ascontiguousarray(self.kernel.transpose(5, 4, 0, 1, 2, 3), dtype=x.dtype)
        y = correlate(padded, kernels, windows.stride, self.bias)
        step, t = windows.stride[1], min(len(kernels), shape[2])
        stride = (windows.stride[0], step * t)  # one convolution for each turn along the columns

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            dx = np.zeros_like(padded)
            gradient = np.zeros(kernels.shape, x.dtype)
            for turn in range(t):
                part, seen = dy[..., turn::t], padded[..., turn * step :]
                dx[..., turn * step :] += correlate_transposed(part, kernels[turn], stride, seen.shape[2:])
                gradient[turn] = kernel_gradient(seen, part, kernels.shape[1:], stride)
            gradient = gradient.transpose(2, 3, 4, 5, 1, 0)
            return windows.crop(dx), {"kernel": gradient} | bias_gradient(dy, self.bias)

        return y, pullback

    def parameters(self) -> Parameters:
        """Return the kernels, and the bias where there is one."""
        return present(kernel=self.kernel, bias=self.bias)

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with other parameters."""
        check_names(parameters, self.parameters(), "TiledConv2d")
        return replace(self, **dict[str, Any](parameters))

    def _windows(self, input_shape: Shape) -> Windows:
        return Windows.of(input_shape[1:], self.kernel.shape[2:4], self.stride, self.padding)
