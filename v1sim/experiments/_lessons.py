"""What each objective learns from pictures: stack, data and optimiser, set up from a configuration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import stimuli
from v1sim.convnet import (
    LBFGS,
    SGD,
    Adam,
    ChannelPool,
    Coherent,
    Conv2d,
    CrossEntropy,
    Dense,
    Detector,
    IndependentSubspaces,
    Layer,
    Objective,
    Optimiser,
    Orthonormal,
    Pool2d,
    ReconstructionICA,
    SparseAutoencoder,
    SparseCoding,
    Stack,
    UnitNorm,
    Whitening,
)
from v1sim.experiments._learning_config import LearningConfig

SIMPLE = "simple"
"""Name of the layer whose kernels are the filters, in every stack."""
KERNELS = f"{SIMPLE}.kernel"
ATOMS = "atoms"
"""Name of the layer of an autoencoder that makes a patch of its code, one column of weights a unit."""
_HELD_OUT = 0.1
"""Examples held out, as a share of those that are learned from."""
_BLOCK = 8192
"""Frames that are cut from pictures at a time."""
_FIXATION = 2
"""Mean length of a fixation [frames]: most places give one moment and the next, and many places are seen."""
_DRIFT = 1.5
"""Standard deviation of the step from one moment to the next, along each axis [px]."""
_FARTHEST = 5
"""Longest step along an axis that counts as drift [px], 3 1/3 standard deviations; others are saccades."""
_ITERATIONS = 10
"""Iterations of L-BFGS before the loss is told again."""
_WEIGHTS = 7
"""Number of the random stream of the first weights beside the seed."""
_LEFT = 0.75
"""Patches of `classify` come from this share of each picture, those held out from the rest on the right."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Lesson:
    """All that `v1sim.convnet.train` takes.

    Attributes
    ----------
    stack : Stack
        Where learning starts.
    data, held_out : tuple of ndarray
        Examples, and others from pictures (for "classify": parts of pictures) that are not learned from.
    objective, optimiser
        What is made small, and how.
    whitening : Whitening or None
        The space in which filters are orthonormal or nearly so.
    on_whitened : bool
        Whether the data are whitened patches, so that what is learned are filters of those.
    """

    stack: Stack
    data: tuple[NDArray[np.generic], ...]
    held_out: tuple[NDArray[np.generic], ...]
    objective: Objective
    optimiser: Optimiser | LBFGS
    whitening: Whitening | None = None
    on_whitened: bool = False


def lesson(config: LearningConfig) -> Lesson:
    """Return what a configuration asks for."""
    return _LESSONS[config.objective](config)


# -- pairs of filters, on pictures as they are ---------------------------------------------------------


def _coherent(config: LearningConfig) -> Lesson:
    data = _moments(config, "train", config.examples)
    held_out = _moments(config, "test", _held_out(config))
    return _pairs(config, data, held_out, Coherent(config.weight))


def _isa(config: LearningConfig) -> Lesson:
    data = _patches(config, "train", config.examples, whiten=False)
    held_out = _patches(config, "test", _held_out(config), whiten=False)
    return _pairs(config, data, held_out, IndependentSubspaces())


def _pairs(
    config: LearningConfig, data: NDArray[np.float32], held_out: NDArray[np.float32], objective: Objective
) -> Lesson:
    """Return a lesson of filters that are orthonormal in whitened space and pooled in pairs."""
    shape = data.shape[-3:]
    whitening = Whitening.fit(data.reshape(-1, *shape), config.components)
    kernel = whitening.random_filters(config.units, _rng(config)).astype(np.float32)
    layers: list[Layer | tuple[str, Layer]] = [(SIMPLE, Conv2d(kernel)), ("complex", ChannelPool("l2", 2))]
    rate = config.rate * config.units / 2  # the loss is a mean over pairs; the rate is for each of them
    sgd = SGD(rate=rate, fade=(int(0.6 * config.steps), config.steps))
    return Lesson(
        stack=Stack(layers, input_shape=shape),
        data=(data,),
        held_out=(held_out,),
        objective=objective,
        optimiser=Orthonormal(optimiser=sgd, parameter=KERNELS, whitening=whitening),
        whitening=whitening,
    )


# -- single filters, on whitened pictures --------------------------------------------------------------


def _sparse(config: LearningConfig) -> Lesson:
    data, held_out = _whitened(config, config.side)
    optimiser = UnitNorm(optimiser=SGD(rate=config.rate), parameter=KERNELS)
    return Lesson(
        stack=Stack([(SIMPLE, Conv2d(_mixtures(config, data)))], input_shape=data.shape[1:]),
        data=(data,),
        held_out=(held_out,),
        objective=SparseCoding(config.weight),
        optimiser=optimiser,
    )


def _ica(config: LearningConfig) -> Lesson:
    data = _patches(config, "train", config.examples, whiten=False)
    held_out = _patches(config, "test", _held_out(config), whiten=False)
    whitening = Whitening.fit(data, config.components)
    whitened = whitening.apply(data)
    return Lesson(
        stack=Stack([(SIMPLE, Conv2d(_mixtures(config, whitened)))], input_shape=data.shape[1:]),
        data=(whitened,),
        held_out=(whitening.apply(held_out),),
        objective=ReconstructionICA(config.weight),
        optimiser=LBFGS(iterations=_ITERATIONS),
        whitening=whitening,
        on_whitened=True,
    )


def _autoencoder(config: LearningConfig) -> Lesson:
    data, held_out = _whitened(config, config.side)
    kernel = _mixtures(config, data)
    layers: list[Layer | tuple[str, Layer]] = [
        (SIMPLE, Conv2d(kernel / 2, np.zeros(config.units, np.float32))),
        ("code", Detector("relu")),
        (ATOMS, Dense(kernel.reshape(config.units, -1).T)),
    ]
    return Lesson(
        stack=Stack(layers, input_shape=data.shape[1:]),
        data=(data,),
        held_out=(held_out,),
        objective=SparseAutoencoder(config.weight, "code"),
        optimiser=UnitNorm(optimiser=Adam(rate=config.rate), parameter=f"{ATOMS}.weights", axis=1),
    )


def _whitened(config: LearningConfig, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return patches of whitened pictures, to learn from and held out; the former of unit variance in all."""
    data = _patches(config, "train", config.examples, side=side, whiten=True)
    held_out = _patches(config, "test", _held_out(config), side=side, whiten=True)
    scale = data.std(dtype=np.float64).astype(np.float32)
    return data / scale, held_out / scale


def _mixtures(config: LearningConfig, data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return random mixtures of patches, of unit norm: noise with the spectrum of the data.

    White noise would keep the frequencies that the pictures lack, as nothing that is learned takes them out.
    """
    corners = data[:, :, : config.side, : config.side].reshape(len(data), -1)
    mixed = _rng(config).standard_normal((config.units, len(data))).astype(np.float32) @ corners
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.asarray(mixed.reshape(config.units, 1, config.side, config.side))


# -- which picture is it? -------------------------------------------------------------------------------


def _classify(config: LearningConfig) -> Lesson:
    """Return a lesson in naming the picture of a patch; held out are the right parts of pictures."""
    side = 2 * config.side
    patches = stimuli.NaturalPatches(
        (side, side), n_frames=2 * config.examples, seed=config.seed, pictures=config.pictures, whiten=True
    )
    where = patches.where(0, patches.n_frames)
    cut = (_LEFT * patches.picture_shapes[:, 1]).astype(np.intp)[where[:, 0]]
    left = np.flatnonzero(where[:, 2] + side <= cut)[: config.examples]
    right = np.flatnonzero(where[:, 2] >= cut)[: _held_out(config)]
    if len(left) < config.examples or len(right) < _held_out(config):
        raise ValueError(
            f"pictures must be some {8 * side} px wide for patches of {side} px on both sides of a cut, got "
            f"widths of {patches.picture_shapes[:, 1].min()} to {patches.picture_shapes[:, 1].max()} px"
        )
    frames = patches.frames(0, patches.n_frames)[:, None]
    rng, n_pictures = _rng(config), len(patches.names)
    conv1 = Conv2d.random(config.units, 1, config.side, rng=rng, padding="same")
    conv2 = Conv2d.random(config.units, config.units, 5, rng=rng, padding="same")
    n_inputs = config.units * (side // 4) ** 2
    layers: list[Layer | tuple[str, Layer]] = [
        (SIMPLE, conv1),
        Detector("relu"),
        Pool2d("max", 2),
        conv2,
        Detector("relu"),
        Pool2d("max", 2),
        Dense.random(n_pictures, n_inputs, rng=rng),
    ]
    labels = where[:, 0].astype(np.int64)
    return Lesson(
        stack=Stack(layers, input_shape=(1, side, side)),
        data=(frames[left], labels[left]),
        held_out=(frames[right], labels[right]),
        objective=CrossEntropy(),
        optimiser=Adam(rate=config.rate),
    )


# -- patches ------------------------------------------------------------------------------------------


def _moments(config: LearningConfig, split: str, n: int) -> NDArray[np.float32]:
    """Return pairs of moments between which the eye drifted, shape (n, 2, 1, row, column).

    The eye walks over the pictures as in `v1sim.stimuli.NaturalMovie`: neighbouring frames count where it
    moved, and by no more than a drift does.
    """
    pairs = np.empty((n, 2, 1, config.side, config.side), np.float32)
    found = start = 0
    while found < n:
        movie = stimuli.NaturalMovie(
            (config.side, config.side),
            n_frames=start + _BLOCK,
            seed=config.seed,
            fixation=_FIXATION,
            drift=_DRIFT,
            pictures=config.pictures,
            split=split,
        )
        where = movie.where(start, start + _BLOCK)
        step = np.abs(np.diff(where, axis=0))
        drifted = (step[:, 0] == 0) & (step[:, 1:].max(axis=1) > 0) & (step[:, 1:].max(axis=1) <= _FARTHEST)
        if not drifted.any():
            raise ValueError(
                f"pictures must be larger than a filter ({config.side} px), or nothing moves in it"
            )
        first = np.flatnonzero(drifted)[: n - found]
        frames = movie.frames(start, start + _BLOCK)
        pairs[found : found + len(first), 0, 0] = frames[first]
        pairs[found : found + len(first), 1, 0] = frames[first + 1]
        found, start = found + len(first), start + _BLOCK
    return pairs


def _patches(
    config: LearningConfig, split: str, n: int, *, whiten: bool, side: int | None = None
) -> NDArray[np.float32]:
    """Return patches of pictures less their mean, shape (n, 1, row, column)."""
    side = config.side if side is None else side
    frames = stimuli.NaturalPatches(
        (side, side), n_frames=n, seed=config.seed, pictures=config.pictures, split=split, whiten=whiten
    ).frames(0, n)
    return np.asarray((frames - frames.mean(axis=(1, 2), keepdims=True))[:, None])


def _rng(config: LearningConfig) -> np.random.Generator:
    """Return the stream of the first weights, apart from those of places and of the order of examples."""
    return np.random.default_rng([config.seed, _WEIGHTS])


def _held_out(config: LearningConfig) -> int:
    return max(1, int(_HELD_OUT * config.examples))


_LESSONS: dict[str, Callable[[LearningConfig], Lesson]] = {
    "coherent": _coherent,
    "isa": _isa,
    "ica": _ica,
    "sparse": _sparse,
    "autoencoder": _autoencoder,
    "classify": _classify,
}
