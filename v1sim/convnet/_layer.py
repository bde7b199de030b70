"""What a layer is: parameters that are set once, and a forward pass that returns its own way back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks

Maps = NDArray[Any]
"""Feature maps, shape (n, channel, row, column), float32 or float64."""
Shape = tuple[int, int, int]
"""Shape of one picture's maps: (channel, row, column)."""
Parameters = dict[str, NDArray[Any]]
"""Arrays by name: parameters, or gradients in respect of them."""
Pullback = Callable[[Maps], tuple[Maps, Parameters]]
"""From the gradient in respect of a layer's output to those in respect of its input and its parameters."""

L = TypeVar("L")


@dataclass(frozen=True)
class Reach:
    """The inputs that an output sees along (rows, columns).

    Output (j, k) sees `size` inputs from (j, k) * `stride` + `offset` on; with padding, `offset` is negative.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    offset: tuple[int, int] = (0, 0)


@runtime_checkable
class Layer(Protocol):
    """One stage of a stack: frozen, with its parameters as plain arrays."""

    @property
    def label(self) -> str:
        """What the stage is called where it has no name of its own: "conv", "relu", "pool"."""

    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the output for `x` and its pullback; both have the dtype of `x`."""

    def parameters(self) -> Parameters:
        """Return what learning may change, by name."""

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the same layer with some or all of its parameters replaced."""

    def output_channels(self, channels: int | None) -> int | None:
        """Return the number of output channels, None where unknown, or raise ValueError in words."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for an input of that shape, or raise ValueError in words."""

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return what an output sees; only layers that see everything need the shape of the input."""


def maps(x: object) -> Maps:
    """Return `x` if it is a batch of float maps, or raise."""
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"x must be an array of float32 or float64, got {_kind(x)}: convert it, and mind its scale"
        )
    if x.ndim != 4:
        raise ValueError(f"x must have the axes (n, channel, row, column), got shape {x.shape}")
    return x


def _kind(x: object) -> str:
    return f"an array of {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__


def output_of(layer: Layer, x: object) -> Shape:
    """Return the shape of one picture's output for the batch `x`, or raise if `x` does not fit."""
    return layer.output_shape(maps(x).shape[1:])


def checks_gradient(
    forward: Callable[[L, Maps], tuple[Maps, Pullback]],
) -> Callable[[L, Maps], tuple[Maps, Pullback]]:
    """Have the pullbacks of a `forward` refuse a gradient that is not one in respect of its output."""

    @wraps(forward)
    def checked(layer: L, x: Maps) -> tuple[Maps, Pullback]:
        y, pullback = forward(layer, x)
        shape = y.shape  # and not y, which would stay in memory

        def pull_back(dy: Maps) -> tuple[Maps, Parameters]:
            if not isinstance(dy, np.ndarray) or dy.dtype not in (np.float32, np.float64):
                raise TypeError(f"dy must be an array of float32 or float64, got {_kind(dy)}")
            if dy.shape != shape:
                raise ValueError(f"dy must have the shape of the output {shape}, got {dy.shape}")
            return pullback(dy)

        return y, pull_back

    return checked


def parameter(name: str, value: ArrayLike, axes: str) -> NDArray[Any]:
    """Return `value` as an array of finite floats with the axes named in `axes`, none of them empty.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : array_like
        The parameter.
    axes : str
        Names of its axes, with commas between them.

    Returns
    -------
    ndarray
        float32 where it came so, float64 otherwise.
    """
    array = _checks.real_array(name, value)
    n_axes = axes.count(",") + 1
    if array.ndim != n_axes or 0 in array.shape:
        raise ValueError(f"{name} must have the axes ({axes}), none of them empty, got shape {array.shape}")
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    _checks.finite(name, array)
    return array


def bias_of(value: ArrayLike | None, n_outputs: int) -> NDArray[Any] | None:
    """Return the bias as an array of one number an output channel, or None where there is none."""
    if value is None:
        return None
    bias = parameter("bias", value, "out")
    if len(bias) != n_outputs:
        raise ValueError(f"bias must have {n_outputs} values, one an output channel, got {len(bias)}")
    return bias


def check_channels(name: str, takes: int, channels: int | None) -> None:
    """Raise if the number of channels is known and is not the one that a parameter takes."""
    if channels is not None and channels != takes:
        raise ValueError(f"the {name} takes {takes} channels, but the input has {channels}")


def whole(input_shape: Shape | None) -> Reach:
    """Return the reach of an output that sees all of its input, or raise if that is not known."""
    if input_shape is None:
        raise ValueError(
            "what it sees is known only with the shape of the input: give the stack an input_shape"
        )
    return Reach(input_shape[1:])


def add_bias(y: Maps, bias: NDArray[Any] | None) -> None:
    """Add one number an output channel, in place."""
    if bias is not None:
        y += bias.astype(y.dtype)[:, None, None]


def bias_gradient(dy: Maps, bias: NDArray[Any] | None) -> Parameters:
    """Return the gradient of the bias by name, or nothing where there is no bias."""
    return {} if bias is None else {"bias": channel_sums(dy).astype(dy.dtype)}


def across_channels(matrix: NDArray[Any], x: Maps) -> Maps:
    """Return maps whose channels are sums of the channels of `x`, with the weights (out, in) of a matrix."""
    return np.tensordot(matrix, x, axes=(1, 1)).swapaxes(0, 1)


def channel_sums(x: Maps) -> NDArray[np.float64]:
    """Return the sum of each channel: along rows in the precision of `x`, then in double."""
    return np.asarray(x.sum(axis=3).sum(axis=(0, 2), dtype=np.float64))


def present(**parameters: NDArray[Any] | None) -> Parameters:
    """Return those of the parameters that are there."""
    return {name: value for name, value in parameters.items() if value is not None}


def check_names(given: Mapping[str, object], known: Mapping[str, object], layer: str) -> None:
    """Raise if `given` holds a name that is not among the `known` parameters of a layer."""
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(
            f"{layer} has no parameter {', '.join(unknown)}; it has {', '.join(known) or 'none'}"
        )
