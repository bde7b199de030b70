"""What do filters become that learn from pictures? Training, then Gabors and the phase of pairs."""

from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim._types import FloatArray
from v1sim.convnet import Stack, train
from v1sim.experiments._learning_config import LearningConfig
from v1sim.experiments._lessons import ATOMS, KERNELS, Lesson, lesson
from v1sim.experiments._pairs import SharedTuning, phase_modulation, shared_tuning, shuffled_phase_modulation
from v1sim.gabor import GaborFit, fit_gabor, from_arrays, to_arrays
from v1sim.stream import Progress


@dataclass(frozen=True, eq=False, kw_only=True)
class LearningResult:
    """Filters that were learned, and what became of them.

    Attributes
    ----------
    objective : str
        What was made small.
    kernels : ndarray, shape (n, ny, nx)
        Weights of the first layer on the frames that it takes.
    fit : GaborFit
        Gabors fitted to the filters. For "coherent", "isa" and "ica" these are patterns of the whitened
        patch, in which they are orthonormal or nearly so; for "autoencoder" the atoms that decode; otherwise
        the kernels themselves. Its `fields` are the filters.
    losses, held_out_losses : ndarray, shape (epoch,)
        Loss in each epoch, and after it on pictures that were not learned from.
    depth, kernel_depth : ndarray, shape (n / 2,) or (0,)
        Phase modulation of each pair's pooled response, of the filters and of the kernels; see
        `phase_modulation`.
    shuffled_depth : ndarray, shape (copies, n / 2) or (0, 0)
        The same with the second halves shuffled.
    accuracy, chance : float
        Share of held-out patches whose picture is named rightly, and by always naming the commonest; NaN
        unless the objective is "classify".
    """

    objective: str
    kernels: NDArray[Any]
    fit: GaborFit
    losses: FloatArray
    held_out_losses: FloatArray
    depth: FloatArray
    kernel_depth: FloatArray
    shuffled_depth: FloatArray
    accuracy: float
    chance: float

    @property
    def filters(self) -> NDArray[Any]:
        """The filters that Gabors were fitted to, shape (n, ny, nx)."""
        return self.fit.fields

    @property
    def shared(self) -> SharedTuning | None:
        """What the halves of pairs share; None where there are no pairs."""
        return shared_tuning(self.fit) if len(self.depth) else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving."""
        own = {name: np.asarray(getattr(self, name)) for name in _OWN}
        return to_arrays(self.fit) | own

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays."""
        own: dict[str, Any] = {name: arrays[name] for name in _OWN}
        numbers = {name: float(own[name]) for name in ("accuracy", "chance")}
        return cls(fit=from_arrays(arrays), **own | numbers | {"objective": str(own["objective"])})


_OWN = (
    "objective",
    "kernels",
    "losses",
    "held_out_losses",
    "depth",
    "kernel_depth",
    "shuffled_depth",
    "accuracy",
    "chance",
)


def learn(
    config: LearningConfig,
    *,
    checkpoint: str | PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[LearningResult, Stack]:
    """Train a stack on pictures and look at its filters.

    Parameters
    ----------
    config : LearningConfig
        What to learn; see `learning_config`.
    checkpoint : path, optional
        File from which learning goes on, and that is written after each epoch.
    workers : int, optional
        Threads that fit Gabors; all cores unless told.
    progress : callable, optional
        Called with (batches done, batches in all).

    Returns
    -------
    result : LearningResult
    stack : Stack
        The trained stack.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If the pictures are too small, unreadable or not there, or a checkpoint is of another run.
    v1sim.convnet.LearningDiverged
        If learning comes to numbers that are not finite.
    """
    if not isinstance(config, LearningConfig):
        raise TypeError(f"config must be a LearningConfig, as of learning_config, got {config!r}")
    given = lesson(config)
    with threadpool_limits(limits=1, user_api="blas"):  # the products are small: threads would wait, not work
        trained = train(
            given.stack,
            given.data,
            objective=given.objective,
            optimiser=given.optimiser,
            epochs=config.epochs,
            seed=config.seed,
            batch_size=config.batch,
            held_out=given.held_out,
            checkpoint=checkpoint,
            progress=progress,
        )
    stack = trained.stack
    if given.on_whitened and given.whitening is not None:
        stack = stack.with_parameters({KERNELS: given.whitening.filters(stack.parameters()[KERNELS])})
    return _result(config, given, stack, trained.losses, trained.held_out_losses, workers), stack


def _result(
    config: LearningConfig,
    given: Lesson,
    stack: Stack,
    losses: FloatArray,
    held_out_losses: FloatArray,
    workers: int | None,
) -> LearningResult:
    kernels = stack.parameters()[KERNELS]
    filters = kernels if given.whitening is None else given.whitening.patterns(kernels)
    if config.objective == "autoencoder":
        filters = stack.parameters()[f"{ATOMS}.weights"].T.reshape(kernels.shape)
    pairs = filters.reshape(-1, 2, *filters.shape[2:]) if config.pairs else np.empty((0, 2, 1, 1))
    of_kernels = kernels.reshape(-1, 2, *kernels.shape[2:]) if config.pairs else pairs
    shuffled = shuffled_phase_modulation(pairs, seed=config.seed) if config.pairs else np.empty((0, 0))
    accuracy, chance = _accuracy(stack, given) if config.objective == "classify" else (np.nan, np.nan)
    return LearningResult(
        objective=config.objective,
        kernels=kernels[:, 0],
        fit=fit_gabor(filters[:, 0].astype(np.float64), workers=workers),
        losses=losses,
        held_out_losses=held_out_losses,
        depth=phase_modulation(pairs),
        kernel_depth=phase_modulation(of_kernels),
        shuffled_depth=shuffled,
        accuracy=accuracy,
        chance=chance,
    )


def _accuracy(stack: Stack, given: Lesson) -> tuple[float, float]:
    """Return the share of held-out examples that are named rightly, and that of the commonest name."""
    pictures, labels = given.held_out
    named = stack.forward(pictures)[0][:, :, 0, 0].argmax(axis=1)
    return float(np.mean(named == labels)), float(np.bincount(labels).max() / len(labels))
