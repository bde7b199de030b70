r"""Does a layer's map move with the picture? Shared kernels' does, that of kernels of their own does not.

For a map f of a layer and a shift T of the picture by d pixels, which moves the map by d / stride,

.. math:: E(d) = \frac{\lVert f(T x) - T f(x) \rVert}{\sqrt{\lVert f(T x) \rVert^2 + \lVert f(x) \rVert^2}},

each channel about its mean over pictures and positions: 0 for a map that moves along, 1 for one that has
nothing to do with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.convnet import Stack


@dataclass(frozen=True, eq=False, kw_only=True)
class Equivariance:
    """The equivariance error of a layer for each shift of the picture.

    Attributes
    ----------
    layer : str
        Name of the layer.
    shifts : ndarray of int, shape (m, 2)
        Rows down and columns to the right [px].
    error : ndarray, shape (m,)
        E of each; NaN for a shift that is no whole step of the map.
    """

    layer: str
    shifts: NDArray[np.intp]
    error: FloatArray

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a `.npz` file."""
        return {"layer": np.array(self.layer), "shifts": self.shifts, "error": self.error}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the errors whose `arrays` these are."""
        return cls(layer=str(arrays["layer"]), shifts=arrays["shifts"], error=arrays["error"])

    def to_table(self) -> dict[str, list[Any]]:
        """Return the columns ``rows``, ``columns`` and ``error``, a row for each shift."""
        rows, columns = self.shifts.T
        return {"rows": rows.tolist(), "columns": columns.tolist(), "error": self.error.tolist()}


def equivariance(stack: Stack, layer: str, pictures: ArrayLike, shifts: ArrayLike) -> Equivariance:
    """Return how far the map of a layer fails to move with the picture.

    The window on the pictures is moved, so that what comes in at one edge is picture too; positions that see
    padding are left out.

    Parameters
    ----------
    stack : Stack
        Layers with an `input_shape` of one channel.
    layer : str
        Name of the layer.
    pictures : array_like, shape (n, rows, columns)
        Larger than the stack's input by the span of the shifts, along each axis.
    shifts : array_like of int, shape (m, 2)
        Rows down and columns to the right that the pictures are moved by.

    Returns
    -------
    Equivariance

    Raises
    ------
    TypeError, ValueError
        If there is no such layer or no input shape, pictures are too small, too few or not finite, or a shift
        leaves no position in common.

    Examples
    --------
    >>> from v1sim.convnet import Conv2d
    >>> rng = np.random.default_rng(0)
    >>> stack = Stack([Conv2d(rng.standard_normal((2, 1, 3, 3)))], input_shape=(1, 8, 9))
    >>> found = equivariance(stack, "conv1", rng.standard_normal((5, 11, 12)), [[1, 0], [-2, 3]])
    >>> bool((found.error < 1e-12).all())
    True
    """
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")
    if layer not in stack.layers:
        raise ValueError(f"layer must be one of {', '.join(stack.layers)}, got {layer!r}")
    if stack.input_shape is None or stack.input_shape[0] != 1:
        raise ValueError(f"stack must have an input_shape of one channel, got {stack.input_shape}")
    shape = stack.input_shape[1:]
    moved = _checks.real_array("shifts", shifts)
    if moved.dtype.kind not in "iu" or moved.ndim != 2 or moved.shape[1] != 2:
        raise ValueError(f"shifts must be integers of shape (m, 2), got {moved.dtype} of {moved.shape}")
    moved = moved.astype(np.intp)
    base = np.maximum(moved.max(axis=0, initial=0), 0)
    room = base - np.minimum(moved.min(axis=0, initial=0), 0)
    images = _checks.real_array("pictures", pictures).astype(np.float64)
    _checks.finite("pictures", images)
    if images.ndim != 3 or not len(images) or (np.array(images.shape[1:]) < shape + room).any():
        raise ValueError(
            f"pictures must be (n >= 1, rows, columns) of at least {shape[0]} + {room[0]} x {shape[1]} + "
            f"{room[1]} px for these shifts, got {images.shape}"
        )
    reach = stack.receptive_field(layer)
    stride = np.array(reach.stride)
    still = _map(stack, layer, images, base)
    inside = [_unpadded(reach, axis, shape[axis], still.shape[2 + axis]) for axis in (0, 1)]
    errors = []
    for shift in moved:
        if (shift % stride).any():
            errors.append(float("nan"))
            continue
        # the window goes up and to the left, and so the picture down and to the right
        errors.append(_error(still, _map(stack, layer, images, base - shift), shift // stride, inside, shift))
    return Equivariance(layer=layer, shifts=moved, error=np.array(errors))


def _map(stack: Stack, layer: str, images: FloatArray, corner: NDArray[np.intp]) -> FloatArray:
    """Return the map of a layer for the window at a corner of the pictures."""
    _, rows, columns = stack.input_shape  # type: ignore[misc]
    top, left = (int(value) for value in corner)
    seen = images[:, None, top : top + rows, left : left + columns]
    return np.asarray(stack.activations(np.ascontiguousarray(seen))[layer], np.float64)


def _unpadded(reach: Any, axis: int, side: int, n: int) -> tuple[int, int]:
    """Return the first and the last (excluded) position of a map that see no padding."""
    first = np.arange(n) * reach.stride[axis] + reach.offset[axis]
    clear = np.flatnonzero((first >= 0) & (first + reach.size[axis] <= side))
    return (int(clear[0]), int(clear[-1]) + 1) if clear.size else (0, 0)


def _error(
    still: FloatArray,
    moved: FloatArray,
    steps: NDArray[np.intp],
    inside: list[tuple[int, int]],
    shift: NDArray[np.intp],
) -> float:
    """Return E for maps of which the second should be the first moved by whole steps."""
    before, after = [], []
    for (first, last), step in zip(inside, steps, strict=True):
        low, high = max(first, first + int(step)), min(last, last + int(step))
        if low >= high:
            raise ValueError(f"shifts: {shift.tolist()} leaves no position that both maps have")
        after.append(slice(low, high))
        before.append(slice(low - int(step), high - int(step)))
    one, other = still[:, :, before[0], before[1]], moved[:, :, after[0], after[1]]
    one, other = (maps - maps.mean(axis=(0, 2, 3), keepdims=True) for maps in (one, other))
    scale = np.sqrt((one**2).sum() + (other**2).sum())
    return float(np.linalg.norm(one - other) / scale) if scale > 0 else float("nan")
