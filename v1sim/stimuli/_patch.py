"""What all stimuli that are made from parameters share: a grid, a frame rate, fields that are set once."""

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stimuli._base import BaseStimulus
from v1sim.stream import check_range


@dataclass(frozen=True)
class PatchStimulus(BaseStimulus):
    """Abstract stimulus on a grid; a concrete one is a frozen dataclass of parameters."""

    grid: Grid | Any  # always a Grid; a shape (ny, nx) in pixels may be given instead
    _: KW_ONLY
    n_frames: int = field(init=False)
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            self._hold(grid=Grid(self.grid))
        if self.frame_rate is not None:
            self._hold(frame_rate=_checks.positive("frame_rate", self.frame_rate))

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: a worker process makes its own tables instead of being sent them."""
        return {field.name: self.__dict__[field.name] for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class FrameByFrame(PatchStimulus):
    """Abstract stimulus whose frames follow from their numbers: nothing to carry over, nothing to cut."""

    @abstractmethod
    def _at(self, numbers: NDArray[np.intp]) -> Frames:
        """Return the frames of these numbers, shape (n, ny, nx)."""

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        return np.ascontiguousarray(self._at(np.arange(start, stop)), dtype=np.float32)
