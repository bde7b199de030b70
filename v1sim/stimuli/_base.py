"""What every stimulus of this room can do besides yielding frames: declare and describe itself, be saved."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Frames
from v1sim.grid import Grid
from v1sim.stimuli import _save
from v1sim.stream import Progress, default_block_size


class BaseStimulus(ABC):
    """Abstract stimulus: whoever knows `grid`, `n_frames`, `frame_rate` and `frames` gets the rest.

    What a stimulus declares is the expectation over its frames and pixels; ``None`` says "not known in closed
    form". A concrete kind overrides what it knows.
    """

    grid: Grid
    n_frames: int
    frame_rate: float | None

    @abstractmethod
    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32 contrast, shape (stop - start, ny, nx)."""

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns (ny, nx) of a frame."""
        return self.grid.shape

    @property
    def block_size(self) -> int:
        """Number of frames that are made (or read) together."""
        return default_block_size(self.frame_shape)

    @property
    def mean(self) -> float | None:
        """Expected contrast of a pixel, or None where it is not known."""
        return None

    @property
    def variance(self) -> float | None:
        """Expected variance of a pixel [contrast^2], averaged over pixels, or None where it is not known."""
        return None

    @property
    def peak(self) -> float:
        """Largest distance from the mean luminance of a pixel [contrast]; infinite if unlimited."""
        return float("inf")

    @property
    def is_white(self) -> bool:
        """Whether all pixels of all frames are uncorrelated and of one variance."""
        return False

    def covariance(self, lag: int = 0) -> FloatArray | None:
        """Covariance between the pixels of frames that are `lag` frames apart, averaged over frames.

        Parameters
        ----------
        lag : int, optional
            Distance in frames, at least 0.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels), or None
            Pixels in the order of ``frame.reshape(-1)``; None where it is not known in closed form.
        """
        lag = _checks.integer("lag", lag, minimum=0)
        if not self.is_white or self.variance is None:
            return None
        n_pixels = self.frame_shape[0] * self.frame_shape[1]
        return np.diag(np.full(n_pixels, self.variance if lag == 0 else 0.0))

    def describe(self) -> dict[str, Any]:
        """Return what `from_description` builds the same bits from again: a dictionary that JSON can hold.

        Raises
        ------
        TypeError
            If a part of it has no description, such as an array in memory.
        """
        return {"kind": type(self).__name__, **{k: plain(k, v) for k, v in self._parameters().items()}}

    def _parameters(self) -> Mapping[str, Any]:
        """Return the constructor's arguments by name."""
        if not is_dataclass(self):
            raise TypeError(f"{type(self).__name__} has no description")
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    def _hold(self, **checked: Any) -> None:
        """Set fields of a frozen dataclass to their checked values: only while the stimulus is made."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def save(
        self,
        path: str | PathLike[str],
        *,
        preview: str | PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Write all frames into a ``.npy`` or ``.npz`` file, block by block.

        A ``.npz`` holds the array `stimulus` as the recordings of `v1sim.io` do.

        Parameters
        ----------
        path : path
            File to write; it appears only once it is whole.
        preview : path, optional
            A movie of the first frames besides, ``.gif`` or ``.mp4`` (see `save_movie`).
        progress : callable, optional
            Called with (frames done, frames in all).

        Raises
        ------
        ValueError
            If a name ends differently, or no writer for the movie is installed.
        OSError
            If the file cannot be written.
        """
        if preview is not None:
            _save.check_movie(Path(preview))  # before the long work
        _save.save_frames(self, Path(path), progress)
        if preview is not None:
            self.save_movie(preview)

    def save_movie(self, path: str | PathLike[str], *, n_frames: int = 120) -> None:
        """Write the first frames as a movie for the eye: ``.gif``, or ``.mp4`` if a writer is installed.

        Grey is mean luminance; black and white are `peak`, or three standard deviations if that is unlimited.

        Parameters
        ----------
        path : path
            File to write.
        n_frames : int, optional
            Most frames to write.

        Raises
        ------
        ValueError
            If the name ends differently, or no writer for it is installed.
        """
        _save.save_movie(self, Path(path), n_frames, self.display_limit())

    def display_limit(self) -> float:
        """Return the contrast that is shown as white: `peak`, or three standard deviations if unlimited."""
        if np.isfinite(self.peak):
            return self.peak
        variance = self.variance
        if variance is None:
            variance = float(np.var(self.frames(0, min(self.n_frames, self.block_size))))
        return 3 * variance**0.5 or 1.0


def plain(name: str, value: Any) -> Any:
    """Return a constructor's argument in types that JSON knows.

    Raises
    ------
    TypeError
        If there is no such form.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, BaseStimulus):
        return value.describe()
    if isinstance(value, Grid):
        return {"shape": list(value.shape), "pixel_size": value.pixel_size, "unit": value.unit}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [plain(name, item) for item in value]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{name} has no description: {type(value).__name__} is not a value that JSON can hold")
