"""The one engine: blocks of frames go in, sums come out, on any executor and with the same bits.

A run is cut into *spans* of a fixed number of blocks. A span is the unit of work: one worker fetches its
frames (and the history before them) once, lets every responder answer, and fills fresh estimators block by
block. Filled estimators are merged in the order of the spans, so that a result never depends on how many
workers made it. Nothing but a few spans is ever in memory.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import _checks
from v1sim._types import Estimator, Frames, Responder, Responses, Stimulus

BLOCK_VALUES = 2**20
"""Pixels in a block of the default size: 4 MB of float32, a few blocks fit into a processor's cache."""
MAX_BLOCK_FRAMES = 2048
"""Most frames in a block of the default size, so that small frames too give work for several workers."""
SPAN_BLOCKS = 8
"""Blocks in a span: long enough to make fetching the history again cheap, short enough to share out."""

Progress = Callable[[int, int], None]
"""Called with the number of frames done and the number of frames in all."""
Job = tuple[Responder, Callable[[], Estimator]]
"""A responder, and a function without arguments that makes an empty estimator for its responses."""


def default_block_size(frame_shape: tuple[int, int]) -> int:
    """Return the number of frames of a block of about `BLOCK_VALUES` pixels."""
    return max(1, min(MAX_BLOCK_FRAMES, BLOCK_VALUES // (frame_shape[0] * frame_shape[1])))


def check_range(start: int, stop: int, n_frames: int) -> None:
    """Raise if `start` to `stop` is not a range within `n_frames` frames."""
    if not 0 <= start <= stop <= n_frames:
        raise IndexError(f"frames {start} to {stop} are not within the {n_frames} frames of the stimulus")


def block_pieces(start: int, stop: int, block_size: int) -> Iterator[tuple[int, slice, slice]]:
    """Cut the range `start` to `stop` at the borders of blocks.

    Yields
    ------
    tuple of (int, slice, slice)
        Number of the block, the part of the block that lies in the range, the part of the range it fills.
    """
    for k in range(start // block_size, -(-stop // block_size)):
        first = k * block_size
        low, high = max(start, first), min(stop, first + block_size)
        yield k, slice(low - first, high - first), slice(low - start, high - start)


def block_generator(seed: int, block: int) -> np.random.Generator:
    """Return the random generator that belongs to block number `block` of whatever has this `seed`."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(block,))))


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive frames, the history before them, and the responses to them.

    Parameters
    ----------
    frames : ndarray, shape (history + n_frames, n_pixels)
        Flattened frames; the first `history` of them only serve as the past of the others.
    responses : ndarray, shape (n_frames, n_units)
        One row for each frame after the history.
    """

    frames: NDArray[np.float32]
    responses: Responses

    def lag(self, lag: int) -> NDArray[np.float32]:
        """Return the frames shown `lag` frames before each response, shape (n_frames, n_pixels)."""
        stop = len(self.frames) - lag
        return self.frames[stop - len(self.responses) : stop]

    def design(self, n_lags: int) -> NDArray[np.float32]:
        """Return the last `n_lags` frames before each response side by side, the newest first.

        Returns
        -------
        ndarray, shape (n_frames, n_lags * n_pixels)
        """
        if n_lags == 1:
            return self.lag(0)
        recent = self.frames[len(self.frames) - len(self.responses) - (n_lags - 1) :]
        windows = sliding_window_view(recent, n_lags, axis=0)[:, :, ::-1]
        return windows.transpose(0, 2, 1).reshape(len(self.responses), -1)


@dataclass(frozen=True, eq=False)
class RecordedResponses:
    """Responses that were recorded (or computed) beforehand, as a responder."""

    responses: Responses
    memory: int = 1

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.responses.shape[1])

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Look up the responses to the frames that begin at number `start`."""
        return self.responses[start : start + len(frames)]


@dataclass(frozen=True, eq=False)
class FunctionResponder:
    """Any function from frames (n_frames, ny, nx) to responses (n_frames,) or (n_frames, n_units)."""

    function: Callable[[Frames], Any]
    n_units: int
    memory: int = 1

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Call the function and check the shape of what it returns."""
        answer = np.asarray(self.function(frames), dtype=np.float32).reshape(len(frames), -1)
        if answer.shape[1] != self.n_units:
            raise ValueError(
                f"responder must return {self.n_units} units for every block, got {answer.shape[1]}"
            )
        return answer


def as_responder(responder: Any, stimulus: Stimulus) -> Responder:
    """Turn what a user hands in into a responder.

    Parameters
    ----------
    responder : Responder, array_like or callable
        A responder as it is; an array of counts or rates, shape (n_frames,) or (n_frames, n_units); or a
        function from frames (n_frames, ny, nx) to responses.
    stimulus : Stimulus
        What the responder watches.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or recorded responses do not have one finite row a frame.
    """
    if isinstance(responder, Responder):
        return responder
    if callable(responder):
        answer = np.asarray(responder(stimulus.frames(0, 1)))
        if answer.ndim not in (1, 2) or len(answer) != 1:
            raise ValueError(f"responder must return one row a frame, got shape {answer.shape} for 1 frame")
        return FunctionResponder(responder, n_units=answer.size)
    array = _checks.real_array("responses", responder)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"responses must have shape (n_frames,) or (n_frames, n_units), got {array.shape}")
    if len(array) != stimulus.n_frames:
        raise ValueError(
            f"responses must have one row a frame: got {len(array)} rows for {stimulus.n_frames} frames"
        )
    _checks.finite("responses", array)
    return RecordedResponses(np.asarray(array, np.float32).reshape(len(array), -1))


def over_passes(progress: Progress, n_passes: int, n_frames: int) -> Progress:
    """Return a callback that reports the progress of several passes in a row as that of one."""
    finished = 0

    def report(done: int, total: int) -> None:
        nonlocal finished
        progress(finished + done, n_passes * n_frames)
        if done == total:
            finished += total

    return report


def run(
    stimulus: Stimulus,
    jobs: Sequence[Job],
    *,
    n_lags: int = 1,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
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
    workers : int, optional
        Number of threads; all cores unless told.
    executor : concurrent.futures.Executor, optional
        Where to work instead. It is not shut down.
    progress : callable, optional
        Called with (frames done, frames in all) after each span.

    Returns
    -------
    list of Estimator
        The filled estimators, in the order of `jobs`.

    Raises
    ------
    TypeError, ValueError
        If `n_lags` exceeds the recording, or frames or responses are not finite.
    """
    n_lags = _checks.integer("n_lags", n_lags, minimum=1)
    n_workers = _checks.integer("workers", os.cpu_count() or 1 if workers is None else workers, minimum=1)
    history = max([n_lags, *(responder.memory for responder, _ in jobs)]) - 1
    if history >= stimulus.n_frames:
        raise ValueError(
            f"n_lags (or a responder's memory) needs {history + 1} frames of history, "
            f"but the stimulus has only {stimulus.n_frames} frames"
        )
    span = SPAN_BLOCKS * stimulus.block_size
    starts = range(0, stimulus.n_frames, span)
    tasks = [
        _Span(stimulus, jobs, start, min(start + span, stimulus.n_frames), history, os.getpid())
        for start in starts
        if min(start + span, stimulus.n_frames) > history
    ]
    with threadpool_limits(limits=1, user_api="blas"):
        if executor is not None:
            return _collect(executor, tasks, 2 * n_workers, stimulus.n_frames, progress)
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                return _collect(pool, tasks, n_workers + 1, stimulus.n_frames, progress)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _collect(
    pool: Executor, tasks: Sequence["_Span"], ahead: int, n_frames: int, progress: Progress | None
) -> list[Any]:
    """Keep `ahead` spans under way and merge the filled estimators in the order of the spans."""
    waiting = deque(tasks)
    running: deque[tuple[_Span, Future[list[Any]]]] = deque()
    totals: list[Any] = []
    while waiting or running:
        while waiting and len(running) < ahead:
            task = waiting.popleft()
            running.append((task, pool.submit(task)))
        task, future = running.popleft()
        filled = future.result()
        if totals:
            for total, part in zip(totals, filled, strict=True):
                total.merge(part)
        else:
            totals = filled
        if progress is not None:
            progress(task.stop, n_frames)
    return totals


@dataclass(frozen=True, eq=False)
class _Span:
    """The work on frames `start` to `stop`: callable without arguments, and picklable when its parts are."""

    stimulus: Stimulus
    jobs: Sequence[Job]
    start: int
    stop: int
    history: int
    parent_process: int

    def __call__(self) -> list[Any]:
        if os.getpid() != self.parent_process:
            _hold_blas_to_one_thread()
        origin = max(self.start, self.history) - self.history
        frames = self.stimulus.frames(origin, self.stop)
        ny, nx = self.stimulus.frame_shape
        if frames.shape != (self.stop - origin, ny, nx):
            raise ValueError(
                f"stimulus must give frames {origin} to {self.stop} as ({self.stop - origin}, {ny}, {nx}), "
                f"got {frames.shape}"
            )
        flat = frames.reshape(len(frames), -1)
        estimators = [make() for _, make in self.jobs]
        for _, _, part in block_pieces(origin + self.history, self.stop, self.stimulus.block_size):
            low, high = part.start + self.history, part.stop + self.history
            _check_frames(flat[part.start : high], origin + part.start)
            answers: dict[int, Responses] = {}
            for (responder, _), estimator in zip(self.jobs, estimators, strict=True):
                if id(responder) not in answers:
                    answers[id(responder)] = _respond(responder, frames, low, high, origin)
                estimator.update(Block(flat[part.start : high], answers[id(responder)]))
        return estimators


def _respond(responder: Responder, frames: Frames, low: int, high: int, origin: int) -> Responses:
    """Return the checked responses to frames[low:high], whose first frame has number `origin`."""
    past = responder.memory - 1
    responses = responder.respond(frames[low - past : high], start=origin + low - past)[past:]
    if responses.shape != (high - low, responder.n_units):
        raise ValueError(
            f"responder must return shape ({high - low}, {responder.n_units}), got {responses.shape}"
        )
    if not np.isfinite(responses).all():
        row, unit = (int(i) for i in np.argwhere(~np.isfinite(responses))[0])
        raise ValueError(
            f"responses must be finite, got {responses[row, unit]} from unit {unit} "
            f"at frame {origin + low + row}"
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
