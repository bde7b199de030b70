"""Training: a stack, data and an objective in; the trained stack and its losses out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.convnet._layer import Parameters
from v1sim.convnet._objectives import Batch, Objective, check_stack, examples
from v1sim.convnet._optimisers import LBFGS, Optimiser, State
from v1sim.convnet._stack import Stack
from v1sim.convnet._training_state import TrainingState, digest, load_state, save_state
from v1sim.stream import Progress

Data = NDArray[Any] | tuple[NDArray[Any], ...]
"""Pictures, or pictures and what belongs to each: arrays with one entry an example along their first axis."""


class LearningDiverged(FloatingPointError):
    """A loss, a gradient or a parameter stopped being a finite number.

    Attributes
    ----------
    epoch, batch : int
        When, counted from 0; the batch may be one of the data held out.
    layer : str
        Name of the first layer where it shows, or "loss".
    """

    def __init__(self, epoch: int, batch: int, layer: str, checkpoint: Path | None) -> None:
        self.epoch, self.batch, self.layer = epoch, batch, layer
        where = "the loss" if layer == "loss" else f"layer {layer!r}"
        good = "there is no checkpoint"
        if checkpoint is not None and checkpoint.exists():
            good = f"{checkpoint} holds the state before this epoch"
        super().__init__(
            f"learning diverged in epoch {epoch}, batch {batch}: NaN or infinite values in {where}; {good}. "
            "A lower rate may help"
        )


@dataclass(frozen=True, eq=False)
class Training:
    """What training came to.

    Attributes
    ----------
    stack : Stack
        The trained stack; with `held_out` data, that of the epoch with the lowest loss on them.
    losses : ndarray, shape (epoch,)
        Mean loss over the batches of each epoch, as they were met.
    held_out_losses : ndarray, shape (epoch,) or (0,)
        Loss on the data held out, after each epoch.
    best_epoch : int
        The epoch from which the stack is, counted from 0.
    stopped_early : bool
        Whether `patience` ended it.
    seed : int
        Seed of the order of the examples.
    """

    stack: Stack
    losses: FloatArray
    held_out_losses: FloatArray
    best_epoch: int
    stopped_early: bool
    seed: int


def train(
    stack: Stack,
    data: Data,
    *,
    objective: Objective,
    optimiser: Optimiser | LBFGS,
    epochs: int,
    seed: int,
    batch_size: int = 100,
    held_out: Data | None = None,
    patience: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    callback: Callable[[Training], None] | None = None,
    progress: Progress | None = None,
) -> Training:
    """Return the stack that learned from data.

    Parameters
    ----------
    stack : Stack
        Where to start; it stays as it is.
    data : ndarray, or tuple of ndarray
        Pictures, shape (n, channel, row, column), or what else the objective takes. Examples are shuffled
        anew in every epoch; those that do not fill a batch are left out of it.
    objective : Objective
        What to make small.
    optimiser : Optimiser or LBFGS
        How to take steps.
    epochs : int
        Passes over the data, those before a checkpoint included.
    seed : int
        Seed of the order of the examples; epoch k draws from a stream of its own.
    batch_size : int, optional
        Examples a step.
    held_out : ndarray or tuple of ndarray, optional
        Data that are not learned from, on which the loss is told after each epoch.
    patience : int, optional
        Stop after so many epochs without a lower loss on `held_out`.
    checkpoint : path, optional
        An .npz that is written after each epoch. If it is there already, learning goes on from it and comes
        to the same bits as without a break.
    callback : callable, optional
        Called after each epoch with the `Training` so far.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of batches.

    Returns
    -------
    Training

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, the data are not finite or do not fit, or the checkpoint is damaged,
        further on than `epochs`, in no folder, or belongs to other data, another objective, optimiser, stack
        or seed.
    LearningDiverged
        If a number stops being finite. The checkpoint keeps the state of the last whole epoch.

    Examples
    --------
    >>> from v1sim.convnet import SGD, Dense, MeanSquaredError
    >>> x = np.random.default_rng(0).standard_normal((200, 1, 1, 3))
    >>> truth = Stack([Dense(np.array([[1., -2., .5]]))])
    >>> start = Stack([Dense(np.zeros((1, 3)))])
    >>> trained = train(start, (x, truth.forward(x)[0]), objective=MeanSquaredError(),
    ...                 optimiser=SGD(rate=.1), epochs=200, seed=0)
    >>> trained.stack.parameters()["dense1.weights"].round(6)
    array([[ 1. , -2. ,  0.5]])
    """
    check_stack(stack)
    if not stack.parameters():
        raise ValueError(f"stack must have parameters to learn; {', '.join(stack.layers)} have none")
    if isinstance(objective, type) or not isinstance(objective, Objective):
        raise TypeError(f"objective must be an objective, for example Coherent(0.1), got {objective!r}")
    if isinstance(optimiser, type) or not isinstance(optimiser, Optimiser | LBFGS):
        raise TypeError(f"optimiser must be an optimiser, for example SGD(rate=0.1), got {optimiser!r}")
    given = _finite("data", data)
    others = None if held_out is None else _finite("held_out", held_out)
    n_epochs = _checks.integer("epochs", epochs, minimum=1)
    seed = _checks.seed("seed", seed)
    size = min(_checks.integer("batch_size", batch_size, minimum=1), len(given[0]))
    if patience is not None:
        _checks.integer("patience", patience, minimum=1)
        if others is None:
            raise ValueError("patience needs held_out data")
    if others is not None and len(others) != len(given):
        raise ValueError(f"held_out must have as many arrays as data ({len(given)}), got {len(others)}")
    for name, function in (("callback", callback), ("progress", progress)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be callable, got {function!r}")
    path = None if checkpoint is None else _writable(checkpoint)
    run = _Run(stack, given, others, objective, optimiser, seed, size, path)
    at = run.begin()
    if at.epoch > n_epochs:
        raise ValueError(f"epochs must be at least the {at.epoch} of checkpoint {path}, got {n_epochs}")
    n_batches = len(given[0]) // size
    while at.epoch < n_epochs and not _exhausted(at, patience):
        at = run.epoch(at, _counted(progress, at.epoch * n_batches, n_epochs * n_batches))
        if path is not None:
            save_state(path, at, run.fingerprint)
        if callback is not None:
            callback(run.result(at, patience))
    return run.result(at, patience)


@dataclass(frozen=True, eq=False)
class _Run:
    """All that stays the same while a stack learns."""

    stack: Stack
    examples: Batch
    held_out: Batch | None
    objective: Objective
    optimiser: Optimiser | LBFGS
    seed: int
    batch_size: int
    checkpoint: Path | None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that decides what will be learned."""
        return digest(
            self.stack.layers, self.examples, self.held_out, self.objective, self.optimiser, self.seed,
            self.batch_size,
        )  # fmt: skip

    def begin(self) -> TrainingState:
        """Return the state of the checkpoint, or that before the first epoch."""
        if self.checkpoint is not None and self.checkpoint.exists():
            return load_state(self.checkpoint, self.fingerprint)
        parameters, state = self.stack.parameters(), State()
        if not isinstance(self.optimiser, LBFGS):
            parameters, state = self.optimiser.start(parameters)
        return TrainingState(0, parameters, state, (), (), parameters)

    def epoch(self, at: TrainingState, report: Callable[[int], None]) -> TrainingState:
        """Return the state after one more pass over the data."""
        parameters, state, losses = at.parameters, at.optimiser, []
        for k, batch in enumerate(self._batches(at.epoch)):
            loss, parameters, state = self._step(parameters, state, batch, at.epoch, k)
            losses.append(loss)
            report(k + 1)
        held_out = at.held_out_losses
        best = parameters
        if self.held_out is not None:
            told = self._loss_on(self.held_out, parameters, at.epoch)
            best = parameters if told < min(held_out, default=np.inf) else at.best
            held_out = (*held_out, told)
        mean = float(np.mean(losses))
        return TrainingState(at.epoch + 1, parameters, state, (*at.losses, mean), held_out, best)

    def result(self, at: TrainingState, patience: int | None) -> Training:
        """Return what training has come to."""
        return Training(
            stack=self.stack.with_parameters(at.best),
            losses=np.array(at.losses),
            held_out_losses=np.array(at.held_out_losses),
            best_epoch=at.best_epoch,
            stopped_early=_exhausted(at, patience),
            seed=self.seed,
        )

    def _batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
        order = rng.permutation(len(self.examples[0]))
        for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield tuple(array[chosen] for array in self.examples)

    def _step(
        self, parameters: Parameters, state: State, batch: Batch, epoch: int, number: int
    ) -> tuple[float, Parameters, State]:
        """Return the loss before a step, and parameters and state after it."""
        losses: list[float] = []

        def evaluate(at: Parameters) -> tuple[float, Parameters]:
            """Return loss and gradients, all finite; the first are those before the step."""
            stack = self.stack.with_parameters(at)
            loss, pull = self.objective.loss(stack, batch)
            gradients = pull()
            if not (np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients.values())):
                layer = _not_finite(stack, batch, gradients)
                raise LearningDiverged(epoch, number, layer, self.checkpoint)
            losses.append(loss)
            return loss, gradients

        # what runs away is looked for, and told with a place
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if isinstance(self.optimiser, LBFGS):
                new = self.optimiser.minimise(evaluate, parameters)
            else:
                new, state = self.optimiser.update(parameters, evaluate(parameters)[1], state)
        for name, value in new.items():
            if not np.isfinite(value).all():
                raise LearningDiverged(epoch, number, name.partition(".")[0], self.checkpoint)
        return losses[0], new, state

    def _loss_on(self, data: Batch, parameters: Parameters, epoch: int) -> float:
        """Return the mean loss over all examples held out, which must be finite too."""
        stack, n = self.stack.with_parameters(parameters), len(data[0])
        total = 0.0
        for number, start in enumerate(range(0, n, self.batch_size)):
            batch = tuple(array[start : start + self.batch_size] for array in data)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                loss, _ = self.objective.loss(stack, batch)
                if not np.isfinite(loss):
                    raise LearningDiverged(epoch, number, _not_finite(stack, batch, {}), self.checkpoint)
            total += loss * len(batch[0])
        return total / n


def _counted(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """Return what tells `progress` of the batches of an epoch."""
    return lambda done: None if progress is None else progress(before + done, total)


def _exhausted(at: TrainingState, patience: int | None) -> bool:
    """Return whether the last `patience` epochs brought no lower loss on the data held out."""
    return patience is not None and at.epoch - 1 - at.best_epoch >= patience


def _finite(name: str, data: object) -> Batch:
    """Return data as a tuple of arrays of finite numbers with as many entries each, or raise."""
    if not isinstance(data, np.ndarray | tuple):
        raise TypeError(f"{name} must be an array or a tuple of arrays, got {type(data).__name__}")
    arrays = examples(name, data if isinstance(data, tuple) else (data,))
    for i, array in enumerate(arrays):
        own = name if len(arrays) == 1 else f"{name}[{i}]"
        _checks.finite(own, array)
    return arrays


def _writable(checkpoint: str | PathLike[str]) -> Path:
    """Return the path of a checkpoint, or raise before anything is learned if it cannot be written there."""
    path = Path(checkpoint)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"checkpoint must be a file in a folder that there is, got {path}")
    return path


def _not_finite(stack: Stack, batch: Batch, gradients: Parameters) -> str:
    """Return the name of the first layer whose output or gradient is not finite."""
    pictures = batch[0].reshape(-1, *batch[0].shape[-3:])
    for name, y in stack.activations(pictures).items():
        if not np.isfinite(y).all():
            return name
    for name, gradient in gradients.items():
        if not np.isfinite(gradient).all():
            return name.partition(".")[0]
    return "loss"
