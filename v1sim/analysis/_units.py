"""Units of a stack as responders, to be studied like any cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.convnet import (
    BatchStandardization,
    ChannelPool,
    Conv2d,
    Detector,
    NeighbourhoodPool,
    Pool2d,
    Stack,
)
from v1sim.grid import Grid

_SHARED = (Conv2d, Detector, Pool2d, ChannelPool, NeighbourhoodPool)
"""Layers that do the same everywhere, so that a unit answers a piece of the frame as it does the whole."""
_CHUNK_VALUES = 2**23
"""Most values in the largest maps at a time: 32 MB of float32."""


def as_responder(
    stack: Stack,
    layer: str,
    position: ArrayLike,
    *,
    channels: Sequence[int] | int | None = None,
    grid: Grid | None = None,
) -> "StackUnits":
    """Return units of a layer as a responder to frames (n_frames, ny, nx).

    Parameters
    ----------
    stack : Stack
        Layers that take one channel.
    layer : str
        Name of the layer whose output is the response.
    position : array_like of int, shape (2,) or (n_units, 2)
        Row and column in the map of the layer, row 0 on top: one for all units, or one for each.
    channels : int or sequence of int, optional
        Channel of each unit; every channel in turn unless given.
    grid : Grid, optional
        Positions of the pixels; of the stack's `input_shape`, in pixels, unless given.

    Returns
    -------
    StackUnits

    Raises
    ------
    TypeError, ValueError
        If there is no such layer, position or channel, positions and channels differ in number, the stack
        takes several channels, a layer standardises by the batch, or neither the stack nor a grid tells the
        shape of a frame.

    Examples
    --------
    >>> kernel = np.random.default_rng(0).standard_normal((3, 1, 4, 5))
    >>> stack = Stack([Conv2d(kernel), Detector("relu")], input_shape=(1, 9, 12))
    >>> units = as_responder(stack, "conv1", (2, 3))
    >>> frame = np.zeros((1, 9, 12), np.float32)
    >>> frame[0, 2, 3] = 1  # the upper left pixel of what the units see
    >>> bool(np.allclose(units.respond(frame)[0], kernel[:, 0, 0, 0]))
    True
    """
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")
    if grid is not None and not isinstance(grid, Grid):
        raise TypeError(
            f"grid must be a Grid, got {type(grid).__name__}: Grid((ny, nx)) makes one of a shape"
        )
    if layer not in stack.layers:
        raise ValueError(f"layer must be one of {', '.join(stack.layers)}, got {layer!r}")
    if grid is None and stack.input_shape is None:
        raise ValueError("the shape of a frame is not known: give the stack an input_shape, or give a grid")
    grid = Grid(stack.input_shape[1:]) if grid is None else grid  # type: ignore[index]
    through = {}
    for name, stage in stack.layers.items():
        through[name] = stage
        if isinstance(stage, BatchStandardization) and stage.mean is None:
            raise ValueError(
                f"layer {name!r} standardises by the batch: what a unit answers would depend on what else is "
                "shown with it. Freeze the layer to the statistics of given maps with its frozen(maps)"
            )
        if name == layer:
            break
    part = Stack(list(through.items()))
    n_channels, *size = part.output_shape((1, *grid.shape))
    chosen = np.arange(n_channels) if channels is None else _whole("channels", channels).reshape(-1)
    places = _whole("position", position)
    if places.shape not in ((2,), (len(chosen), 2)):
        raise ValueError(
            f"position must be (row, column), or one for each of {len(chosen)} channels, got shape "
            f"{places.shape}"
        )
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= n_channels:
        raise ValueError(
            f"channels must lie within 0 to {n_channels - 1} of {layer!r}, got {chosen.tolist()}"
        )
    places = np.broadcast_to(places, (len(chosen), 2))
    outside = np.flatnonzero(((places < 0) | (places >= size)).any(axis=1))
    if outside.size:
        raise ValueError(
            f"position must lie within the {size[0]} x {size[1]} map of {layer!r}, got "
            f"{places[outside[0]].tolist()}"
        )
    return StackUnits(part, grid, chosen, places)


@final
@dataclass(frozen=True, eq=False)
class StackUnits:
    """Units of a stack's last layer; `as_responder` makes them.

    Where all layers do the same everywhere, only what the units see is computed.

    Attributes
    ----------
    stack : Stack
        The layers up to theirs.
    grid : Grid
        Positions of the pixels.
    channels : ndarray of int, shape (n_units,)
        Channel of each.
    positions : ndarray of int, shape (n_units, 2)
        Row and column of each in the map of the layer.
    """

    stack: Stack
    grid: Grid
    channels: NDArray[np.intp]
    positions: NDArray[np.intp]
    memory: int = 1

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.channels)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses to frames (n_frames, ny, nx), shape (n_frames, n_units)."""
        ny, nx = self.grid.shape
        if frames.ndim != 3 or frames.shape[1:] != (ny, nx):
            raise ValueError(f"frames must have shape (n_frames, {ny}, {nx}), got {frames.shape}")
        rows, columns, places = self._piece()
        seen = np.asarray(frames, np.float32)[:, None, rows, columns]
        widest = max(int(np.prod(shape)) for shape in self.stack.shapes(seen.shape[1:]).values())
        chunk = max(1, _CHUNK_VALUES // widest)
        responses = np.empty((len(frames), self.n_units), np.float32)
        for first in range(0, len(frames), chunk):
            maps, _ = self.stack.forward(seen[first : first + chunk])
            responses[first : first + chunk] = maps[:, self.channels, places[:, 0], places[:, 1]]
        return responses

    def _piece(self) -> tuple[slice, slice, NDArray[np.intp]]:
        """Return rows and columns of a frame that the units see, and where they then are in the map."""
        if not all(isinstance(stage, _SHARED) for stage in self.stack.layers.values()):
            return slice(None), slice(None), self.positions
        reach = self.stack.receptive_field(list(self.stack.layers)[-1])
        pieces, moved = [], []
        for axis, side in enumerate(self.grid.shape):
            step, places = reach.stride[axis], self.positions[:, axis]
            begin = int(places.min()) * step + reach.offset[axis]
            end = int(places.max()) * step + reach.offset[axis] + reach.size[axis]
            # cut at whole steps, so that windows fall as before; padding then lies where it is not seen
            skipped = max(0, begin // step)
            pieces.append(slice(skipped * step, min(side, max(end, skipped * step + 1))))
            moved.append(places - skipped)
        return pieces[0], pieces[1], np.stack(moved, axis=1)


def _whole(name: str, value: ArrayLike) -> NDArray[np.intp]:
    array = _checks.real_array(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    return array.astype(np.intp)
