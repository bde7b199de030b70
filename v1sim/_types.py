"""Arrays named by their meaning, and the three protocols that tie the house together."""

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]
"""Frames of a stimulus, contrast units, shape (n_frames, ny, nx)."""
Responses = NDArray[np.float32]
"""Responses of units to frames, shape (n_frames, n_units)."""
FloatArray = NDArray[np.float64]
"""Any array of float64; the docstring says its shape."""


@runtime_checkable
class Stimulus(Protocol):
    """A source of frames with random access: any range can be had at any time, bit for bit."""

    @property
    def n_frames(self) -> int:
        """Number of frames."""

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns (ny, nx) of a frame."""

    @property
    def block_size(self) -> int:
        """Number of frames that are made (or read) together; belongs to the stimulus, not to the run."""

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), shape (stop - start, ny, nx)."""


@runtime_checkable
class Responder(Protocol):
    """Whatever answers frames with responses can be studied: a cell, a unit, a recorded neuron."""

    @property
    def n_units(self) -> int:
        """Number of units that respond."""

    @property
    def memory(self) -> int:
        """Number of frames that a response depends on: 1 = only the frame shown with it."""

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Responses to consecutive frames, shape (n_frames, n_units).

        `start` is the number of the first frame within its stimulus; only responders that draw random
        numbers or look up recorded ones use it. A response that reaches back beyond the first frame given
        sees mean luminance (0) there.
        """


class Estimator(Protocol):
    """A monoid over blocks: sums that can be updated, merged in order and turned into a result."""

    def update(self, block: Any) -> None:
        """Add one `v1sim.stream.Block` to the sums."""

    def merge(self, other: Self) -> None:
        """Add the sums of another estimator, made from later blocks."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all sums as arrays by name."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `state` returned."""
