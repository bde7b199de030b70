"""Recordings: what was shown, and the spikes that came."""

from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._npz import read_npz


@dataclass(frozen=True, eq=False)
class Recording:
    """A stimulus and the spike counts that it evoked.

    Parameters
    ----------
    stimulus : ndarray, shape (n_frames, ny, nx) or (n_frames, nx)
        Frames; one-dimensional ones are bars along x.
    spike_counts : ndarray, shape (n_frames, n_units)
        Spikes of each unit while each frame was shown.
    frame_rate : float, optional
        Frames per second.
    breaks : tuple of int, optional
        Numbers of the frames at which the recording starts anew after a gap.
    """

    stimulus: NDArray[np.generic]
    spike_counts: NDArray[np.generic]
    frame_rate: float | None = None
    breaks: tuple[int, ...] = ()


def load_recording(path: str | PathLike[str]) -> Recording:
    """Read a recording from a ``.npz`` archive.

    Parameters
    ----------
    path : path
        Archive with ``stimulus``, shape (n_frames, ny, nx) or (n_frames, nx), with ``spike_counts``, shape
        (n_frames,) or (n_frames, n_units), and perhaps with a number ``frame_rate`` [frames/s] and with
        ``breaks``, the numbers of the frames at which the recording starts anew after a gap.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If the archive is damaged, lacks an array or holds pickled objects; if the arrays do not hold finite
        real numbers, differ in their number of frames, or counts are negative.
    """
    arrays = read_npz(path, required=("stimulus", "spike_counts"), optional=("frame_rate", "breaks"))
    stimulus = _checks.real_array("stimulus", arrays["stimulus"])
    counts = _checks.real_array("spike_counts", arrays["spike_counts"])
    if stimulus.ndim not in (2, 3) or stimulus.size == 0:
        raise ValueError(
            f"stimulus must have shape (n_frames, ny, nx) or (n_frames, nx), got {stimulus.shape}"
        )
    if counts.ndim not in (1, 2) or counts.size == 0:
        raise ValueError(
            f"spike_counts must have shape (n_frames,) or (n_frames, n_units), got {counts.shape}"
        )
    if len(counts) != len(stimulus):
        raise ValueError(
            f"spike_counts must have one row a frame: got {len(counts)} rows for {len(stimulus)} frames"
        )
    _checks.finite("stimulus", stimulus)
    _checks.finite("spike_counts", counts)
    if (counts < 0).any():
        raise ValueError(f"spike_counts must not be negative, got a smallest count of {counts.min()}")
    rate = arrays.get("frame_rate")
    return Recording(
        stimulus=stimulus,
        spike_counts=counts.reshape(len(counts), -1),
        frame_rate=None if rate is None else _frame_rate(rate),
        breaks=_breaks(arrays["breaks"]) if "breaks" in arrays else (),
    )


def _frame_rate(value: NDArray[np.generic]) -> float:
    if value.size != 1:
        raise ValueError(f"frame_rate must be one number, got shape {value.shape}")
    return _checks.positive("frame_rate", _checks.real_array("frame_rate", value).item())


def _breaks(value: NDArray[np.generic]) -> tuple[int, ...]:
    if value.ndim != 1 or value.dtype.kind not in "iu":
        raise ValueError(f"breaks must be integers of shape (n,), got {value.dtype} of shape {value.shape}")
    return tuple(int(k) for k in value.tolist())
