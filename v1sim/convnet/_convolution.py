"""The convolution stage: kernels that are shared by all positions, and the dense layer, which has but one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._correlation import correlate, correlate_transposed, kernel_gradient
from v1sim.convnet._geometry import Padding, Windows, padding_of, pair, reach_of
from v1sim.convnet._layer import (
    Maps,
    Parameters,
    Pullback,
    Reach,
    Shape,
    add_bias,
    bias_gradient,
    bias_of,
    check_channels,
    check_names,
    checks_gradient,
    output_of,
    parameter,
    present,
    whole,
)


@final
@dataclass(frozen=True, eq=False)
class Conv2d:
    r"""Convolution with kernels that are shared by all positions.

    .. math:: Z[i, j, k] = b[i] + \sum_{l, m, n} V[l, j s + m, k s + n] \; K[i, l, m, n]

    This is cross-correlation, as networks compute it. With `flip` the kernel is turned by 180 degrees first,
    which makes it the convolution of mathematics. Indices start at 0; the input is padded with zeros.

    Parameters
    ----------
    kernel : ndarray, shape (out, in, row, column)
        K.
    bias : ndarray, shape (out,), optional
        b.
    stride : int or tuple of int, optional
        s, along rows and columns.
    padding : {"valid", "same", "full"} or tuple, optional
        Widths of the output at stride 1: m - k + 1, m, m + k - 1 (m of the input, k of the kernel). Or zeros
        on each side: (rows, columns), or ((top, bottom), (left, right)).
    flip : bool, optional
        True convolution.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong axes or is not finite, a stride is 0, a padding is unknown, or, in
        `forward` and `output_shape`, the input has other channels or is smaller than the kernel.

    Notes
    -----
    Large kernels are applied in the Fourier domain of blocks of columns, if that takes fewer multiplications.
    An output then has the rounding errors, and any NaN, of inputs up to 48 strides beside its window; so have
    gradients.

    References
    ----------
    Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.5. Oppenheim & Schafer 2010, Discrete-Time
    Signal Processing, section 8.7.3 (blocks of columns: overlap-save).

    Examples
    --------
    >>> edge = Conv2d(np.array([[[[-1., 1.]]]]))
    >>> y, pullback = edge.forward(np.array([[[[0., 0., 1., 1.]]]]))
    >>> y.ravel()
    array([0., 1., 0.])
    """

    kernel: NDArray[Any]
    bias: NDArray[Any] | None = None
    stride: int | tuple[int, int] = 1
    padding: Padding = "valid"
    flip: bool = False

    label: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        kernel = parameter("kernel", self.kernel, "out, in, row, column")
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(self, "bias", bias_of(self.bias, len(kernel)))
        object.__setattr__(self, "stride", pair("stride", self.stride, minimum=1))
        object.__setattr__(self, "padding", padding_of(self.padding))

    @classmethod
    def random(
        cls,
        out_channels: int,
        in_channels: int,
        size: int | tuple[int, int],
        *,
        rng: np.random.Generator,
        stride: int | tuple[int, int] = 1,
        padding: Padding = "valid",
        flip: bool = False,
    ) -> Self:
        """Return a layer with Gaussian kernels of variance 2 / (in * row * column) and a bias of 0.

        That keeps the variance of rectified responses from stage to stage (He et al. 2015, equation 10).
        """
        n_out = _checks.integer("out_channels", out_channels, minimum=1)
        n_in = _checks.integer("in_channels", in_channels, minimum=1)
        ky, kx = pair("size", size, minimum=1)
        kernel = rng.standard_normal((n_out, n_in, ky, kx)) * np.sqrt(2 / (n_in * ky * kx))
        return cls(kernel, np.zeros(n_out), stride, padding, flip)

    def output_channels(self, channels: int | None) -> int:
        """Return the number of kernels, or raise ValueError if they take another number of channels."""
        check_channels("kernel", self.kernel.shape[1], channels)
        return len(self.kernel)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (out, row, column) for an input (in, row, column), or raise ValueError."""
        return self.output_channels(input_shape[0]), *self._windows(input_shape).outputs

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the size of the kernel, the stride and where the first window begins."""
        return reach_of(self.kernel.shape[2:], self.stride, self.padding, flip=self.flip)

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return Z, shape (n, out, row, column), and its pullback."""
        output_of(self, x)
        windows = self._windows(x.shape[1:])
        kernel = self._turned(self.kernel).astype(x.dtype, copy=False)[None]
        padded = windows.pad(x)
        y = correlate(padded, kernel[None], windows.stride, self.bias)

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            dx = correlate_transposed(dy, kernel, windows.stride, padded.shape[2:])
            gradient = kernel_gradient(padded, dy, kernel.shape, windows.stride)
            return windows.crop(dx), {"kernel": self._turned(gradient[0])} | bias_gradient(dy, self.bias)

        return y, pullback

    def parameters(self) -> Parameters:
        """Return the kernel, and the bias where there is one."""
        return present(kernel=self.kernel, bias=self.bias)

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with other parameters."""
        check_names(parameters, self.parameters(), "Conv2d")
        return replace(self, **dict[str, Any](parameters))

    def _turned(self, kernel: NDArray[Any]) -> NDArray[Any]:
        return kernel[:, :, ::-1, ::-1] if self.flip else kernel

    def _windows(self, input_shape: Shape) -> Windows:
        return Windows.of(input_shape[1:], self.kernel.shape[2:], self.stride, self.padding, flip=self.flip)


@final
@dataclass(frozen=True, eq=False)
class Dense:
    """Every output from every input: a convolution whose kernel is as large as its input.

    Parameters
    ----------
    weights : ndarray, shape (out, in)
        One row an output. Inputs are counted in the order (channel, row, column), last fastest, so that the
        same numbers as (out, channel, row, column) are the kernel of the `Conv2d` that it equals.
    bias : ndarray, shape (out,), optional
        Added to the outputs.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong axes or is not finite, or the input has another number of values.

    Notes
    -----
    The output keeps the axes of maps, shape (n, out, 1, 1).
    """

    weights: NDArray[Any]
    bias: NDArray[Any] | None = None

    label: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        matrix = parameter("weights", self.weights, "out, in")
        object.__setattr__(self, "weights", matrix)
        object.__setattr__(self, "bias", bias_of(self.bias, len(matrix)))

    @classmethod
    def random(cls, out_channels: int, n_inputs: int, *, rng: np.random.Generator) -> Self:
        """Return a layer with Gaussian weights of variance 1 / n_inputs and a bias of 0."""
        n_out = _checks.integer("out_channels", out_channels, minimum=1)
        n_in = _checks.integer("n_inputs", n_inputs, minimum=1)
        return cls(rng.standard_normal((n_out, n_in)) / np.sqrt(n_in), np.zeros(n_out))

    def output_channels(self, channels: int | None) -> int:
        """Return the number of outputs."""
        return len(self.weights)

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the whole input."""
        return whole(input_shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (out, 1, 1), or raise ValueError if the input has another number of values."""
        n_inputs, n_in = int(np.prod(input_shape)), self.weights.shape[1]
        if n_inputs != n_in:
            raise ValueError(
                f"the weights take {n_in} values, but an input of {' x '.join(map(str, input_shape))} "
                f"(channel x row x column) has {n_inputs}"
            )
        return len(self.weights), 1, 1

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the outputs, shape (n, out, 1, 1), and their pullback."""
        shape = output_of(self, x)
        matrix = self.weights.astype(x.dtype, copy=False)
        rows = x.reshape(len(x), matrix.shape[1])
        y = (rows @ matrix.T).reshape(len(x), *shape)
        add_bias(y, self.bias)

        def pullback(dy: Maps) -> tuple[Maps, Parameters]:
            flat = dy.reshape(len(x), len(matrix))
            gradients = {"weights": flat.T @ rows} | bias_gradient(dy, self.bias)
            return (flat @ matrix).reshape(x.shape), gradients

        return y, pullback

    def parameters(self) -> Parameters:
        """Return the weights, and the bias where there is one."""
        return present(weights=self.weights, bias=self.bias)

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer with other parameters."""
        check_names(parameters, self.parameters(), "Dense")
        return replace(self, **dict[str, Any](parameters))


@final
@dataclass(frozen=True, eq=False)
class Flatten:
    """Maps as one long list of channels: (channel, row, column) becomes (channel * row * column, 1, 1)."""

    label: ClassVar[str] = "flatten"

    def output_channels(self, channels: int | None) -> None:
        """Return None: it depends on the rows and columns."""

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return the whole input."""
        return whole(input_shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channel * row * column, 1, 1)."""
        return int(np.prod(input_shape)), 1, 1

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the same numbers in the order (channel, row, column), last fastest, and the pullback."""
        shape = output_of(self, x)
        return x.reshape(len(x), *shape), lambda dy: (dy.reshape(x.shape), {})

    def parameters(self) -> Parameters:
        """Return nothing: there is nothing to learn."""
        return {}

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the layer itself; it has no parameters to replace."""
        check_names(parameters, {}, "Flatten")
        return self
