"""Frames that exist already: an array in memory, or a .npy file that is read piece by piece."""

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stream import check_range, default_block_size


@final
class ArrayStimulus:
    """Frames from an array, or from a ``.npy`` file that is mapped and never read as a whole.

    Parameters
    ----------
    source : array_like or path
        Real numbers, shape (n_frames, ny, nx), or (n_frames, nx) for one-dimensional stimuli such as
        flickering bars, which become frames of one row. Or the path of a ``.npy`` file with such an array;
        a worker process opens the file by itself instead of being sent the frames.
    grid : Grid, optional
        Positions of the pixels; in pixels unless told.
    frame_rate : float, optional
        Frames per second.

    Raises
    ------
    TypeError, ValueError
        If the array has another rank, is empty, does not hold real numbers, or does not fit `grid`; if a
        file is damaged or holds pickled objects.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> bars = ArrayStimulus(np.eye(24))
    >>> bars.frame_shape, bars.frames(3, 5).shape
    ((1, 24), (2, 1, 24))
    """

    def __init__(
        self,
        source: ArrayLike | str | PathLike[str],
        *,
        grid: Grid | None = None,
        frame_rate: float | None = None,
    ) -> None:
        self._path = Path(source) if isinstance(source, str | PathLike) else None
        if self._path is None:
            self._array = _as_frames(np.asarray(source), "stimulus")
        shape = self._array.shape[1:]
        if grid is not None and grid.shape != shape:
            raise ValueError(f"grid must have the frames' shape {shape}, got {grid.shape}")
        self.grid = Grid((shape[0], shape[1])) if grid is None else grid
        self.frame_rate = None if frame_rate is None else _checks.positive("frame_rate", frame_rate)

    @cached_property
    def _array(self) -> NDArray[np.generic]:
        """Frames as they are stored, shape (n_frames, ny, nx)."""
        path = self._path
        try:
            stored = np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[arg-type]
        except (ValueError, EOFError) as error:
            raise ValueError(f"stimulus file {path} is not a readable .npy array: {error}") from None
        if not isinstance(stored, np.ndarray):
            raise ValueError(f"stimulus file {path} must be a .npy array, got an archive")
        return _as_frames(stored, f"stimulus file {path}")

    def __getstate__(self) -> dict[str, object]:
        state = dict(self.__dict__)
        if self._path is not None:
            state.pop("_array", None)
        return state

    def __repr__(self) -> str:
        source = "" if self._path is None else f"{str(self._path)!r}, "
        return (
            f"ArrayStimulus({source}n_frames={self.n_frames}, grid={self.grid}, frame_rate={self.frame_rate})"
        )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self._array)

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Rows and columns (ny, nx) of a frame."""
        return self.grid.shape

    @property
    def block_size(self) -> int:
        """Number of frames that are read together."""
        return default_block_size(self.frame_shape)

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32, shape (stop - start, ny, nx)."""
        check_range(start, stop, self.n_frames)
        return np.ascontiguousarray(self._array[start:stop], dtype=np.float32)


def _as_frames(array: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    _checks.real_array(name, array)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"{name} must have shape (n_frames, ny, nx) or (n_frames, nx), got {array.shape}")
    return array if array.ndim == 3 else array[:, None, :]
