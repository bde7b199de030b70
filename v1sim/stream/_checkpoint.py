"""Checkpoints: merged sums and the number of the next frame, written whole or not at all.

A file belongs to one run: it carries a fingerprint of stimulus, responders and estimators, and no other run
takes it up.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v1sim._npz import read_npz, write_npz
from v1sim._types import Responder, Stimulus

_PROBE_FRAMES = 4
"""Frames at either end of the stimulus, and responses to them, that go into the fingerprint."""


def fingerprint(
    stimulus: Stimulus, responders: Sequence[Responder], estimators: Sequence[Any], history: Sequence[int]
) -> str:
    """Return a digest that differs when the frames, the responses or the sums of a run would.

    Parameters
    ----------
    stimulus : Stimulus
        Probed at its first and last frames.
    responders : sequence of Responder
        Probed with those frames.
    estimators : sequence of Estimator
        Empty ones; their names and shapes count.
    history : sequence of int
        Number of frames of history, then the breaks.
    """
    digest = hashlib.sha256()
    n = stimulus.n_frames
    digest.update(repr((type(stimulus).__name__, n, stimulus.frame_shape, stimulus.block_size)).encode())
    digest.update(repr(tuple(history)).encode())
    for start in (0, max(0, n - _PROBE_FRAMES)):
        frames = stimulus.frames(start, min(start + _PROBE_FRAMES, n))
        digest.update(frames.tobytes())
        for responder in responders:
            recorded = getattr(responder, "responses", None)
            answer = responder.respond(frames, start=start) if recorded is None else recorded
            digest.update(np.ascontiguousarray(answer).tobytes())
    for estimator in estimators:
        shapes = {name: (array.shape, str(array.dtype)) for name, array in estimator.state().items()}
        digest.update(repr((type(estimator).__name__, shapes)).encode())
        for name, value in sorted(vars(estimator).items()):  # what an estimator was told, not what it sums
            if name not in shapes and isinstance(value, np.ndarray):
                digest.update(value.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A place on disk for the state of one run.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint : str
        Digest of the run.
    """

    path: Path
    fingerprint: str

    def load(self, estimators: Sequence[Any]) -> int:
        """Fill empty estimators from the file and return the number of the next frame, 0 without a file.

        Raises
        ------
        ValueError
            If the file is damaged, or belongs to another run.
        """
        if not self.path.exists():
            return 0
        arrays = read_npz(self.path, required=("fingerprint", "next_frame"))
        if str(arrays["fingerprint"]) != self.fingerprint:
            raise ValueError(
                f"checkpoint {self.path} belongs to another run (other frames, responses, lags or "
                "estimators): remove it, or choose another path"
            )
        for k, estimator in enumerate(estimators):
            prefix = f"{k}."
            mine = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            estimator.restore(mine)
        return int(arrays["next_frame"])

    def save(self, estimators: Sequence[Any], next_frame: int) -> None:
        """Write the state in place of the file."""
        arrays: dict[str, ArrayLike] = {
            f"{k}.{name}": array
            for k, estimator in enumerate(estimators)
            for name, array in estimator.state().items()
        }
        arrays |= {"fingerprint": self.fingerprint, "next_frame": next_frame}
        write_npz(self.path, arrays)
