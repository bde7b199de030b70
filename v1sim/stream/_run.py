"""The one engine: blocks of frames go in, sums come out, on any executor and with the same bits.

A run is cut into *spans* of a fixed number of blocks. A span is the unit of work: one worker fetches its
frames (and the history before them) once, lets every responder answer, and fills fresh estimators block by
block. Filled estimators are merged in the order of the spans, so that a result never depends on how many
workers made it. Nothing but a few spans is ever in memory.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import Estimator, Frames, Responder, Responses, Stimulus
from v1sim.stream._blocks import Block, block_pieces
from v1sim.stream._checkpoint import Checkpoint, fingerprint

SPAN_BLOCKS = 8
"""Blocks in a span: long enough to make fetching the history again cheap, short enough to share out."""

Progress = Callable[[int, int], None]
"""Called with the number of frames done and the number of frames in all."""
Job = tuple[Responder, Callable[[], Estimator]]
"""A responder, and a function without arguments that makes an empty estimator for its responses."""


class RunOptions(TypedDict, total=False):
    """How to go over a stimulus; every option may be left out.

    Parameters
    ----------
    breaks : sequence of int
        Numbers of the frames at which the recording starts anew after a gap: no history crosses them.
    workers : int
        Number of threads; all cores unless told. Results do not depend on it.
    executor : concurrent.futures.Executor
        Where to work instead, for example ``dask.distributed.Client(...).get_executor()``. It is not shut
        down. A worker process opens a memory-mapped stimulus by itself.
    progress : callable
        Called with (frames done, frames in all).
    checkpoint : path
        File that the state is written to while a run goes on, and from which the same run resumes with the
        same bits. Removed once the result stands.
    checkpoint_every : int
        Number of blocks between two writes, 64 unless told.
    """

    breaks: Sequence[int]
    workers: int | None
    executor: Executor | None
    progress: Progress | None
    checkpoint: str | PathLike[str] | None
    checkpoint_every: int


def run(
    stimulus: Stimulus,
    jobs: Sequence[Job],
    *,
    n_lags: int = 1,
    breaks: Sequence[int] = (),
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int = 64,
) -> list[Any]:
    """Show a stimulus to responders and fill an estimator for each, all in one pass.

    Frames without full history (`n_lags`, or the longest memory of a responder) are left out of every sum.

    Parameters
    ----------
    stimulus : Stimulus
        Source of frames.
    jobs : sequence of (responder, callable)
        Each responder with the maker of the estimator that its responses go to. A responder that stands in
        several jobs answers once.
    n_lags : int, optional
        Number of frames that an estimator sees for each response, the one shown with it included.
    breaks, workers, executor, progress, checkpoint, checkpoint_every : optional
        As in `RunOptions`. The checkpoint of a finished run stays, for its caller to remove.

    Returns
    -------
    list of Estimator
        The filled estimators, in the order of `jobs`.

    Raises
    ------
    TypeError, ValueError
        If `n_lags` exceeds the recording, frames or responses are not finite, breaks are not in order, or
        the checkpoint is damaged or belongs to another run.
    RuntimeError
        If the executor loses a worker twice in a row.
    """
    n_frames = stimulus.n_frames
    n_lags = _checks.integer("n_lags", n_lags, minimum=1)
    n_workers = worker_count(workers)
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    every = _checks.integer("checkpoint_every", checkpoint_every, minimum=1)
    history = max([n_lags, *(responder.memory for responder, _ in jobs)]) - 1
    stretches = find_stretches(n_frames, breaks, history)
    totals = [make() for _, make in jobs]
    saved, done = None, 0
    if checkpoint is not None:
        mark = fingerprint(stimulus, [responder for responder, _ in jobs], totals, (history, *breaks))
        saved = Checkpoint(Path(checkpoint), mark)
        done = saved.load(totals)
    span = SPAN_BLOCKS * stimulus.block_size
    tasks = [
        _Span(stimulus, jobs, start, min(start + span, n_frames), history, stretches, os.getpid())
        for start in range(done, n_frames, span)
    ]
    with threadpool_limits(limits=1, user_api="blas"), _own_pool(executor, n_workers) as pool:
        # An executor of our own needs one task more than workers; one from elsewhere may have a long way.
        ahead = n_workers + 1 if executor is None else 2 * n_workers
        for k, (task, filled) in enumerate(_in_order(pool, tasks, ahead)):
            for total, part in zip(totals, filled, strict=True):
                total.merge(part)
            last = task is tasks[-1]
            if saved is not None and (last or (k + 1) * SPAN_BLOCKS % every < SPAN_BLOCKS):
                saved.save(totals, task.stop)
            if progress is not None:
                progress(task.stop, n_frames)
    return totals


def worker_count(workers: int | None) -> int:
    """Return the number of workers that was asked for, all cores for None."""
    return _checks.integer("workers", os.cpu_count() or 1 if workers is None else workers, minimum=1)


def find_stretches(n_frames: int, breaks: Sequence[int], history: int) -> NDArray[np.int64]:
    """Return first and last (excluded) frame of each stretch of frames with full history, shape (n, 2).

    Raises
    ------
    TypeError, ValueError
        If breaks are not rising frame numbers, or no stretch is long enough.
    """
    if not isinstance(breaks, Iterable):
        raise TypeError(f"breaks must be a sequence of frame numbers, got {breaks!r}")
    edges = [0, *(_checks.integer("breaks", edge, minimum=1) for edge in breaks), n_frames]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValueError(f"breaks must rise and lie within the {n_frames} frames, got {list(breaks)}")
    stretches = [(first + history, last) for first, last in pairwise(edges) if first + history < last]
    if not stretches:
        longest = max(last - first for first, last in pairwise(edges))
        raise ValueError(
            f"n_lags (or a responder's memory) needs {history + 1} frames of history, "
            f"but the stimulus has only {longest} frames{' without a break' if breaks else ''}"
        )
    return np.array(stretches, dtype=np.int64)


@contextmanager
def _own_pool(executor: Executor | None, n_workers: int) -> Iterator[Executor]:
    """Give the executor, or threads of our own that stop at once when an exception passes."""
    if executor is not None:
        yield executor
        return
    with ThreadPoolExecutor(n_workers) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _in_order(pool: Executor, tasks: Sequence["_Span"], ahead: int) -> Iterator[tuple["_Span", list[Any]]]:
    """Keep `ahead` spans under way and yield them with their filled estimators in their order."""
    waiting = deque(tasks)
    running: deque[tuple[_Span, Future[list[Any]]]] = deque()
    try:
        while waiting or running:
            while waiting and len(running) < ahead:
                task = waiting.popleft()
                running.append((task, _submit(pool, task)))
            task, future = running.popleft()
            yield task, _outcome(pool, task, future)
    finally:
        for _, future in running:
            future.cancel()


def _submit(pool: Executor, task: "_Span") -> Future[list[Any]]:
    """Submit a span; a pool that is broken already says so when the outcome is asked for."""
    try:
        return pool.submit(task)
    except BrokenExecutor as error:
        failed: Future[list[Any]] = Future()
        failed.set_exception(error)
        return failed


def _outcome(pool: Executor, task: "_Span", future: Future[list[Any]]) -> list[Any]:
    """Return the filled estimators of a span; if its worker was lost, try it once more."""
    try:
        return future.result()
    except Exception as first:
        if not _is_lost_worker(first):
            raise
    try:
        return _submit(pool, task).result()
    except Exception as second:
        if not _is_lost_worker(second):
            raise
        raise RuntimeError(
            f"executor lost a worker twice at frames {task.start} to {task.stop} ({second}); "
            "a checkpoint, if there is one, has the frames before: run again with a new executor to resume"
        ) from second


def _is_lost_worker(error: Exception) -> bool:
    """Say whether an error is the executor's: of concurrent.futures, or dask's KilledWorker (by name)."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


@dataclass(frozen=True, eq=False)
class _Span:
    """The work on frames `start` to `stop`: callable without arguments, and picklable when its parts are."""

    stimulus: Stimulus
    jobs: Sequence[Job]
    start: int
    stop: int
    history: int
    stretches: NDArray[np.int64]
    parent_process: int

    def __call__(self) -> list[Any]:
        if os.getpid() != self.parent_process:
            _hold_blas_to_one_thread()
        origin = max(0, self.start - self.history)
        frames = self.stimulus.frames(origin, self.stop)
        ny, nx = self.stimulus.frame_shape
        if frames.shape != (self.stop - origin, ny, nx):
            raise ValueError(
                f"stimulus must give frames {origin} to {self.stop} as ({self.stop - origin}, {ny}, {nx}), "
                f"got {frames.shape}"
            )
        estimators = [make() for _, make in self.jobs]
        for low, high in self._pieces():
            shown = frames[low - self.history - origin : high - origin]
            self._fill(estimators, shown.reshape(len(shown), -1), shown, low)
        return estimators

    def _pieces(self) -> Iterator[tuple[int, int]]:
        """Yield first and last (excluded) frame of each piece of a block that has its history."""
        starts, stops = self.stretches.T
        mine = slice(np.searchsorted(stops, self.start, side="right"), np.searchsorted(starts, self.stop))
        for first, last in self.stretches[mine].tolist():
            low, high = max(first, self.start), min(last, self.stop)
            for _, _, part in block_pieces(low, high, self.stimulus.block_size):
                yield low + part.start, low + part.stop

    def _fill(self, estimators: Sequence[Any], flat: NDArray[np.float32], frames: Frames, low: int) -> None:
        """Let the responders answer a piece that begins at frame `low`, and update the estimators."""
        _check_frames(flat, low - self.history)
        answers: dict[int, Responses] = {}
        for (responder, _), estimator in zip(self.jobs, estimators, strict=True):
            if id(responder) not in answers:
                answers[id(responder)] = _respond(responder, frames, self.history, low)
            estimator.update(Block(flat, answers[id(responder)]))


def _respond(responder: Responder, frames: Frames, history: int, low: int) -> Responses:
    """Return the checked responses to the frames after the history, the first of which has number `low`."""
    past = responder.memory - 1
    n = len(frames) - history
    responses = responder.respond(frames[history - past :], start=low - past)[past:]
    if responses.shape != (n, responder.n_units):
        raise ValueError(f"responder must return shape ({n}, {responder.n_units}), got {responses.shape}")
    if not np.isfinite(responses).all():
        row, unit = (int(i) for i in np.argwhere(~np.isfinite(responses))[0])
        raise ValueError(
            f"responses must be finite, got {responses[row, unit]} from unit {unit} at frame {low + row}"
        )
    return responses


def _check_frames(flat: NDArray[np.float32], start: int) -> None:
    if not np.isfinite(flat).all():
        bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
        raise ValueError(f"stimulus must be finite, got NaN or infinity in frame {start + int(bad[0])}")


@cache
def _hold_blas_to_one_thread() -> None:
    """Hold the BLAS of a worker process to one thread, for as long as the process lives."""
    threadpool_limits(limits=1, user_api="blas")
