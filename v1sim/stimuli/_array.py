"""Frames that exist already: an array in memory, on disk or in an open dataset, read piece by piece."""

from collections.abc import Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import Frames
from v1sim.grid import Grid
from v1sim.stimuli._base import BaseStimulus
from v1sim.stimuli._files import grid_of, refuse_other, sha256_of
from v1sim.stream import check_range


@final
class ArrayStimulus(BaseStimulus):
    """Frames from an array, or from a ``.npy`` file that is mapped and never read as a whole.

    Parameters
    ----------
    source : array_like, dataset or path
        Real numbers, shape (n_frames, ny, nx), or (n_frames, nx) for one-dimensional stimuli such as
        flickering bars, which become frames of one row. An open dataset (h5py, zarr, anything that has a
        shape and a dtype and can be sliced) is read slice by slice. Or the path of a ``.npy`` file with such
        an array; a worker process opens the file by itself instead of being sent the frames.
    grid : Grid or tuple of int, optional
        Positions of the pixels, of the frames' shape; in pixels unless told.
    frame_rate : float, optional
        Frames per second.
    sha256 : str, optional
        Checksum of the file, as `describe` gives it: another file is refused.

    Raises
    ------
    TypeError, ValueError
        If the array has another rank, is empty, does not hold real numbers, or does not fit `grid`; if a
        file is damaged, holds pickled objects, or is not the one of the checksum.
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
        grid: Grid | tuple[int, int] | None = None,
        frame_rate: float | None = None,
        sha256: str | None = None,
    ) -> None:
        self._path = Path(source) if isinstance(source, str | PathLike) else None
        if self._path is None:
            self._array = _as_dataset(source, "stimulus")
        self.grid = grid_of(_frame_shape(self._array), grid)
        self.n_frames = int(self._array.shape[0])
        self.frame_rate = None if frame_rate is None else _checks.positive("frame_rate", frame_rate)
        if sha256 is not None:
            if self._path is None:
                raise ValueError("sha256 is the checksum of a file: source must be a path")
            refuse_other(self._path, sha256)

    @cached_property
    def _array(self) -> Any:
        """Frames as they are stored, shape (n_frames, ny, nx) or (n_frames, nx)."""
        path = self._path
        try:
            stored = np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[arg-type]
        except (ValueError, EOFError) as error:
            raise ValueError(f"stimulus file {path} is not a readable .npy array: {error}") from None
        if not isinstance(stored, np.ndarray):
            raise ValueError(f"stimulus file {path} must be a .npy array, got an archive")
        return _as_dataset(stored, f"stimulus file {path}")

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

    def frames(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` (excluded), float32, shape (stop - start, ny, nx).

        Raises
        ------
        IndexError
            If they are not within the stimulus.
        ValueError
            If one of them holds NaN, or what float32 cannot hold.
        """
        check_range(start, stop, self.n_frames)
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinity, and refused below
            frames = np.ascontiguousarray(self._array[start:stop], dtype=np.float32)
        if not np.isfinite(frames).all():
            bad = np.flatnonzero(~np.isfinite(frames.reshape(len(frames), -1)).all(axis=1))
            raise ValueError(f"stimulus must be finite, got NaN or infinity in frame {start + int(bad[0])}")
        return frames.reshape(stop - start, *self.frame_shape)

    def _parameters(self) -> Mapping[str, Any]:
        if self._path is None:
            raise TypeError(
                "an array in memory has no description: save it with stimulus.save('frames.npy') and use "
                "ArrayStimulus('frames.npy'), which is described by path and checksum"
            )
        return {
            "source": self._path,
            "grid": self.grid,
            "frame_rate": self.frame_rate,
            "sha256": sha256_of(self._path),
        }


def _as_dataset(source: Any, name: str) -> Any:
    """Return what can be sliced along frames, once it is known to hold frames of real numbers."""
    is_dataset = all(hasattr(source, attribute) for attribute in ("shape", "dtype", "__getitem__"))
    if np.ma.is_masked(source):
        raise ValueError(f"{name} has masked values, which would be shown as data: fill them first")
    try:
        array: Any = source if is_dataset else np.asarray(source)
        kind = np.dtype(array.dtype).kind
    except ValueError:
        raise ValueError(f"{name} must be an array, got rows of different lengths") from None
    except TypeError:
        raise TypeError(f"{name} must be an array of NumPy's types, got dtype {array.dtype}") from None
    if kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if len(array.shape) not in (2, 3) or 0 in array.shape:
        raise ValueError(f"{name} must have shape (n_frames, ny, nx) or (n_frames, nx), got {array.shape}")
    return array


def _frame_shape(array: NDArray[Any]) -> tuple[int, int]:
    return (1, int(array.shape[1])) if len(array.shape) == 2 else (int(array.shape[1]), int(array.shape[2]))
