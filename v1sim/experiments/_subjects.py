"""Who takes part in a comparison: model cells, units of stacks, filters of others, and controls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray, Frames, Responder, Responses
from v1sim.analysis import as_responder
from v1sim.convnet import ChannelPool, Conv2d, Detector, Stack
from v1sim.gabor import split_colour
from v1sim.grid import Grid
from v1sim.io import Filters

_LOW_PASS = 6
"""Low-pass control: Gaussian blur of white noise, sigma = side / 6 (as wide as a field of one cycle)."""
RANDOM_SIDE = 12
"""Rows and columns of the random filters: as many as the learned ones have."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """A population that takes part.

    Parameters
    ----------
    name : str
        What it is called in tables and figures.
    responder : Responder
        Its n units, which answer frames of the experiment's shape.
    fields : ndarray, shape (n, k, ny, nx)
        What each unit really weighs a frame with: k = 1 field, or the k = 2 whose norm it takes.
    kernels : ndarray, shape (m, rows, columns)
        The filters as they are, for direct fits and their null.
    """

    name: str
    responder: Responder
    fields: FloatArray
    kernels: FloatArray

    def __len__(self) -> int:
        return len(self.fields)


@dataclass(frozen=True, eq=False)
class Together:
    """Several responders as one: their units side by side."""

    responders: tuple[Responder, ...]

    @property
    def n_units(self) -> int:
        """Number of units in all."""
        return sum(responder.n_units for responder in self.responders)

    @property
    def memory(self) -> int:
        """Longest memory of any of them [frames]."""
        return max(responder.memory for responder in self.responders)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the responses of all units, shape (n_frames, n_units)."""
        return np.concatenate([one.respond(frames, start=start) for one in self.responders], axis=1)


def stack_subject(
    name: str, stack: Stack, layer: str, grid: Grid, *, most: int, rng: np.random.Generator
) -> Subject:
    """Return units of a layer at the middle of its map, at most so many, drawn by chance.

    The stack begins with a convolution of one channel; up to the layer there may be a detector and a pool over
    groups of channels.
    """
    whole = Stack(list(stack.layers.items()), input_shape=(1, *grid.shape))
    n_channels, *size = whole.shapes((1, *grid.shape))[layer]
    chosen = np.sort(rng.permutation(n_channels)[:most])
    position = np.array(size) // 2
    first, *others = _up_to(whole, layer)
    if not isinstance(first, Conv2d):
        raise ValueError(f"stack of {name!r} must begin with a Conv2d, got {type(first).__name__}")
    groups = [stage.group for stage in others if isinstance(stage, ChannelPool)]
    kernels = (
        first.kernel[:, 0]
        .astype(np.float64)
        .reshape(n_channels, int(np.prod(groups)), *first.kernel.shape[2:])
    )
    kernels = kernels[chosen]
    seen = whole.receptive_field(layer)
    top, left = position * seen.stride + seen.offset
    ny, nx = kernels.shape[2:]
    fields = np.zeros((*kernels.shape[:2], *grid.shape))
    fields[:, :, top : top + ny, left : left + nx] = kernels
    return Subject(
        name=name,
        responder=as_responder(whole, layer, position, channels=chosen, grid=grid),
        fields=fields,
        kernels=kernels.reshape(-1, ny, nx),
    )


def filter_subject(
    name: str, kernels: NDArray[np.generic], grid: Grid, *, most: int, rng: np.random.Generator
) -> Subject:
    """Return filters (n, ny, nx) as the half-rectified units of a convolution layer."""
    stack = Stack([Conv2d(np.asarray(kernels, np.float64)[:, None]), Detector("relu")])
    return stack_subject(name, stack, "relu1", grid, most=most, rng=rng)


def spatial_kernels(filters: Filters) -> FloatArray:
    """Return the live kernels of a file as (n, ny, nx): of those with channels, the spatial part."""
    kernels = np.asarray(filters.kernels, np.float64)
    if kernels.ndim == 2:
        kernels = kernels[None]
    if kernels.ndim == 4:
        kernels = split_colour(kernels).spatial
    norms = np.linalg.norm(kernels.reshape(len(kernels), -1), axis=1)
    return kernels[norms > DEAD_BELOW * np.median(norms)]


def shuffled_pairs(stack: Stack, pool: str) -> Stack:
    """Return the stack with the second filter of each pair moved on to the next pair."""
    (conv_name, conv), *others = stack.layers.items()
    pairs = np.asarray(conv.parameters()["kernel"]).reshape(-1, 2, *conv.parameters()["kernel"].shape[1:])
    mixed = np.stack([pairs[:, 0], np.roll(pairs[:, 1], 1, axis=0)], axis=1)
    return stack.with_parameters({f"{conv_name}.kernel": mixed.reshape(conv.parameters()["kernel"].shape)})


def random_kernels(n: int, side: int, rng: np.random.Generator, *, low_pass: bool) -> FloatArray:
    """Return Gaussian noise (n, side, side), white or blurred."""
    noise = rng.standard_normal((n, side, side))
    if not low_pass:
        return noise
    from scipy.ndimage import gaussian_filter1d

    for axis in (1, 2):
        noise = gaussian_filter1d(noise, side / _LOW_PASS, axis=axis, mode="wrap")
    return noise
