"""Who takes part in a comparison: model cells, units of stacks, filters of others, and controls."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Responder
from v1sim.analysis import as_responder
from v1sim.cells import sample_population
from v1sim.convnet import ChannelPool, Conv2d, Detector, Stack, load_learned
from v1sim.experiments._learning import learn
from v1sim.experiments._learning_config import learning_config
from v1sim.gabor import split_colour
from v1sim.grid import Grid
from v1sim.io import Filters, read_shipped_filters
from v1sim.stream import Progress

PIXELS_PER_DEGREE = 16
"""Of all frames: parafoveal cells then fill a frame of 32 pixels, 2 degrees."""
LEARNED = ("sparse", "coherent")
"""Objectives of the learned stacks."""
RANDOM_SIDE = 12
"""Rows and columns of random filters: as many as those of the sparse stack have."""
BLUR = 6
"""Low-pass random filters are blurred with sigma = side / 6, which leaves them about one cycle."""
SMALLEST_SIDE, FEWEST_PIXELS = 3, 10
"""Of filters: as many as a Gabor can be fitted to."""
_DEAD = 1e-3
"""Norm of a dead kernel, over the median norm."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """A population that takes part.

    Parameters
    ----------
    name : str
        What it is called in tables and figures.
    responder : Responder
        Its n units, which answer frames of the experiment's grid.
    fields : ndarray, shape (n, 2, ny, nx)
        The two fields of which each unit takes the norm, or its one field twice.
    is_pair : ndarray of bool, shape (n,)
        Whether they are two.
    kernels : ndarray, shape (m, rows, columns)
        The filters as they are, for direct fits and their null.
    window : tuple of int
        First row, row behind the last, first column and column behind the last that the units can see.
    """

    name: str
    responder: Responder
    fields: FloatArray
    is_pair: NDArray[np.bool_]
    kernels: FloatArray
    window: tuple[int, int, int, int]

    def __len__(self) -> int:
        return len(self.fields)


def comparison_grid(shape: tuple[int, int]) -> Grid:
    """Return the grid of the frames, in degrees."""
    return Grid(shape, pixel_size=1 / PIXELS_PER_DEGREE, unit="deg")


def comparison_subjects(
    shape: tuple[int, int],
    stacks: Mapping[str, Stack],
    filters: Mapping[str, Filters],
    *,
    n_units: int,
    seed: int,
) -> list[Subject]:
    """Return all who take part.

    Model V1 cells drawn from published counts; units of learned stacks, and of pooled ones also the same
    filters in shuffled pairs and before the pool; a dictionary and a network that others trained; the filters
    given; random filters, white and low-pass.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of a frame.
    stacks : mapping of str to Stack
        Learned stacks by name: convolution, detector and perhaps a pool over pairs of channels.
    filters : mapping of str to Filters
        Further filters, of one channel or several.
    n_units : int
        Most units of each population; twice as many model cells, which are simple and complex.
    seed : int
        Seed of all draws.

    Returns
    -------
    list of Subject

    Raises
    ------
    ValueError
        If filters are larger than a frame, too small for a Gabor, all 0 or not finite, or a stack is of
        another kind.
    """
    grid, rng = comparison_grid(shape), np.random.default_rng(seed)
    (chance,) = rng.spawn(1)  # so that the controls are the same whoever else takes part
    subjects = [model_cells(2 * n_units, grid, seed)]
    for name, stack in stacks.items():
        if not isinstance(stack, Stack):
            raise TypeError(f"stacks must hold Stacks, got {type(stack).__name__} for {name!r}")
        *_, last = stack.layers.values()
        if isinstance(last, ChannelPool):
            before = Stack([*list(stack.layers.items())[:-1], Detector("relu")])
            for suffix, part in (
                ("", stack),
                (", shuffled", shuffled_pairs(stack)),
                (", unpooled", before),
            ):
                subjects.append(stack_subject(name + suffix, part, grid, most=n_units, rng=rng))
        else:  # products of either sign, which cells tell by their half
            rectified = Stack([*stack.layers.items(), Detector("relu")])
            subjects.append(stack_subject(name, rectified, grid, most=n_units, rng=rng))
    others = {
        "SPORCO dictionary": read_shipped_filters("sporco"),
        "ResNet-50 conv1": read_shipped_filters("resnet"),
        **filters,
    }
    for name, found in others.items():
        subjects.append(filter_subject(name, spatial_kernels(name, found), grid, most=n_units, rng=rng))
    for name, low_pass in (("random, white", False), ("random, low-pass", True)):
        drawn = random_kernels(n_units, RANDOM_SIDE, chance, low_pass=low_pass)
        subjects.append(filter_subject(name, drawn, grid, most=n_units, rng=rng))
    return subjects


def shipped_stacks() -> dict[str, Stack]:
    """Return the stacks that come with the package, by their objectives."""
    return {name: load_learned(name) for name in LEARNED}


def trained_stacks(seed: int, *, progress: Progress | None = None) -> dict[str, Stack]:
    """Learn the same stacks anew; `progress` is called with (batches done, batches in all)."""
    configs = {name: learning_config(name, seed=seed) for name in LEARNED}
    total, before, stacks = sum(config.steps for config in configs.values()), 0, {}
    for name, config in configs.items():

        def told(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        stacks[name] = learn(config, progress=told)[1]
        before += config.steps
    return stacks


def model_cells(n: int, grid: Grid, seed: int) -> Subject:
    """Return simple and complex cells drawn from published counts."""
    population = sample_population(n, grid, seed, eccentricity="parafoveal")
    pairs = population.responder.pairs
    single = population.simple
    fields = np.where(single[:, None, None, None], pairs[:, :1], pairs)
    return Subject(
        name="model V1",
        responder=population.responder,
        fields=fields,
        is_pair=~single,
        kernels=pairs[:, 0],
        window=(0, grid.shape[0], 0, grid.shape[1]),
    )


def stack_subject(name: str, stack: Stack, grid: Grid, *, most: int, rng: np.random.Generator) -> Subject:
    """Return units of the last layer at the middle of its map, at most so many, drawn by chance.

    The stack is a convolution of one channel, and perhaps detectors and a pool over pairs of channels.
    """
    first, *others = stack.layers.values()
    group = prod(stage.group for stage in others if isinstance(stage, ChannelPool))
    if not isinstance(first, Conv2d) or group > 2:
        raise ValueError(f"stack {name!r} must be a Conv2d, and pool at most pairs of its channels")
    ny, nx = first.kernel.shape[2:]
    if ny > grid.shape[0] or nx > grid.shape[1]:
        raise ValueError(
            f"filters of {name!r} have {ny} x {nx} pixels, more than a frame of "
            f"{grid.shape[0]} x {grid.shape[1]}: choose a larger shape"
        )
    if min(ny, nx) < SMALLEST_SIDE or ny * nx < FEWEST_PIXELS:
        raise ValueError(
            f"filters of {name!r} have {ny} x {nx} pixels: a Gabor takes {SMALLEST_SIDE} rows and columns "
            f"and {FEWEST_PIXELS} pixels at least"
        )
    whole = Stack(list(stack.layers.items()), input_shape=(1, *grid.shape))
    n_channels, *size = whole.output_shape((1, *grid.shape))
    layer = list(whole.layers)[-1]
    chosen = np.sort(rng.permutation(n_channels)[:most])
    kernels = first.kernel.astype(np.float64).reshape(n_channels, group, *first.kernel.shape[2:])[chosen]
    position = np.array(size) // 2
    seen = whole.receptive_field(layer)
    top, left = (int(edge) for edge in position * seen.stride + seen.offset)
    fields = np.zeros((len(chosen), 2, *grid.shape))
    fields[:, :, top : top + ny, left : left + nx] = kernels
    return Subject(
        name=name,
        responder=as_responder(whole, layer, position, channels=chosen.tolist(), grid=grid),
        fields=fields,
        is_pair=np.full(len(chosen), group == 2),
        kernels=kernels.reshape(-1, ny, nx),
        window=(top, top + ny, left, left + nx),
    )


def filter_subject(
    name: str, kernels: FloatArray, grid: Grid, *, most: int, rng: np.random.Generator
) -> Subject:
    """Return filters (n, ny, nx) as the half-rectified units of a convolution layer."""
    stack = Stack([Conv2d(kernels[:, None]), Detector("relu")])
    return stack_subject(name, stack, grid, most=most, rng=rng)


def spatial_kernels(name: str, filters: Filters) -> FloatArray:
    """Return the live kernels of a file as (n, ny, nx): of those with channels, the spatial part."""
    kernels = np.asarray(filters.kernels, np.float64)
    _checks.finite(f"filters of {name!r}", kernels)
    if kernels.ndim == 2:
        kernels = kernels[None]
    if kernels.ndim == 4:
        kernels = split_colour(kernels).spatial
    norms = np.linalg.norm(kernels.reshape(len(kernels), -1), axis=1)
    alive = norms > _DEAD * np.median(norms)
    if not alive.any():
        raise ValueError(f"filters of {name!r} are all 0")
    return np.asarray(kernels[alive])


def shuffled_pairs(stack: Stack) -> Stack:
    """Return a stack of pooled pairs whose second filters have moved on to the next pair."""
    name = f"{next(iter(stack.layers))}.kernel"
    kernel = stack.parameters()[name]
    pairs = kernel.reshape(-1, 2, *kernel.shape[1:])
    mixed = np.stack([pairs[:, 0], np.roll(pairs[:, 1], 1, axis=0)], axis=1)
    return stack.with_parameters({name: mixed.reshape(kernel.shape)})


def random_kernels(n: int, side: int, rng: np.random.Generator, *, low_pass: bool) -> FloatArray:
    """Return Gaussian noise (n, side, side), white or blurred."""
    noise = rng.standard_normal((n, side, side))
    if low_pass:
        from scipy.ndimage import gaussian_filter1d

        for axis in (1, 2):
            noise = gaussian_filter1d(noise, side / BLUR, axis=axis, mode="wrap")
    return np.asarray(noise)
