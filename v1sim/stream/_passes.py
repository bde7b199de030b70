"""Several passes over one stimulus that belong together."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from v1sim._types import Stimulus
from v1sim.stream._run import Job, RunOptions, run


class Passes:
    """A series of runs over the same stimulus: one progress, and a checkpoint file for each pass.

    Used as a context: when the block ends without an exception, the checkpoints are removed.

    Parameters
    ----------
    stimulus : Stimulus
        Source of frames.
    n_lags : int
        Number of lags of every pass.
    n_passes : int
        Number of passes at most.
    options : RunOptions
        How to go over the stimulus.
    """

    def __init__(self, stimulus: Stimulus, n_lags: int, n_passes: int, options: RunOptions) -> None:
        self.stimulus = stimulus
        self.n_lags = n_lags
        self.n_passes = n_passes
        self.options = options
        self.n_done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            for k in range(self.n_done):
                path = self._checkpoint(k)
                if path is not None:
                    path.unlink(missing_ok=True)

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Go over the stimulus once more."""
        options = self.options | RunOptions(progress=self._report, checkpoint=self._checkpoint(self.n_done))
        estimators = run(self.stimulus, jobs, n_lags=self.n_lags, **options)
        self.n_done += 1
        return estimators

    def _report(self, done: int, total: int) -> None:
        progress = self.options.get("progress")
        if progress is not None:
            progress(self.n_done * total + done, self.n_passes * total)

    def _checkpoint(self, k: int) -> Path | None:
        """Return the file of pass k: the one asked for, then the same with the number of the pass."""
        path = self.options.get("checkpoint")
        if path is None:
            return None
        return Path(path) if k == 0 else Path(f"{path}.{k}")
