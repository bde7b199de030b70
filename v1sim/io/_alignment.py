"""Spike times and frame times to counts per frame: the frame on the screen at each spike.

Times are compared as whole ticks of the clock and never as floats: a spike at the very start of a frame
belongs to that frame, whatever the frame rate. The display is taken as a sequence of refreshes; a frame that
stays on (a dropped or a repeated one) is on the screen for several of them, so that lags count time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks

CLOCK_TICK = 1e-6
"""Resolution that times are compared at [s]: clocks tick at 10 to 100 kHz, displays below 1 kHz."""
_LATEST = CLOCK_TICK * 2**53
"""Times from here on [s] (285 years) are no times: a float64 does not hold them to a tick."""
_RATE_TOLERANCE = 5e-4
"""Largest relative difference of two clocks: tells 59.94 from 60 Hz, and is ten times that of quartzes."""
_REFRESH_TOLERANCE = 0.25
"""Largest distance of an interval from a whole number of refreshes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment:
    """Spikes and frames on the refreshes of the display.

    Parameters
    ----------
    spike_counts : ndarray of int, shape (n_refreshes, n_units)
        Spikes of each unit during each refresh.
    shown : ndarray of int, shape (n_refreshes,)
        Number of the frame that was on the screen: ``frames[shown]`` is the stimulus of the counts.
    breaks : tuple of int
        Refreshes at which the recording starts anew after a gap, as `v1sim.revcorr.sta` takes them.
    frame_rate : float
        Refreshes per second, by the frame times.
    n_repeated : int
        Refreshes that showed the frame of the one before (dropped or repeated frames).
    n_outside : ndarray of int, shape (n_units,)
        Spikes before the first frame, after the last, or in a gap, which are in no count.
    """

    spike_counts: NDArray[np.int64]
    shown: NDArray[np.int64]
    breaks: tuple[int, ...]
    frame_rate: float
    n_repeated: int
    n_outside: NDArray[np.int64]


def align_spikes(
    spike_times: ArrayLike | Sequence[ArrayLike],
    frame_times: ArrayLike,
    *,
    display_latency: float = 0.0,
    frame_rate: float | None = None,
    longest_gap: float = 0.25,
    outside: Literal["raise", "drop"] = "raise",
) -> Alignment:
    """Count the spikes during each refresh of the display.

    Parameters
    ----------
    spike_times : array_like, shape (n_spikes,), or sequence of them
        Spike times of one unit, or of each unit [s]; in any order.
    frame_times : array_like, shape (n_frames,)
        When each frame was sent to the display [s], rising, by the same clock. A frame that stayed on longer
        than one refresh shows as a longer interval to the next.
    display_latency : float, optional
        Time from sending a frame to its light [s].
    frame_rate : float, optional
        Refreshes per second as the display states them; checked against the frame times.
    longest_gap : float, optional
        An interval between frames above this [s] is a gap: the recording starts anew after it, and the
        frame before it counts as shown for one refresh.
    outside : {"raise", "drop"}, optional
        What to do with spikes while no frame was on: refuse them, or leave them out and count them.

    Returns
    -------
    Alignment
        The frame on the screen at a spike is lag 0.

    Raises
    ------
    TypeError, ValueError
        If times are not finite, frame times do not rise, intervals are not whole numbers of refreshes or
        contradict `frame_rate` (clocks that drift apart), the latency is negative, or spikes lie outside of
        the frame times.

    Examples
    --------
    Four frames at 60 Hz, the second of them on the screen for two refreshes:

    >>> aligned = align_spikes([.017, .040, .041, .060], [0, 1/60, 3/60, 4/60 - 1e-9], outside="drop")
    >>> aligned.shown, aligned.spike_counts[:, 0]
    (array([0, 1, 1, 2, 3]), array([0, 1, 2, 1, 0]))
    """
    latency = int(_ticks("display_latency", [display_latency])[0])
    if latency < 0:
        raise ValueError(f"display_latency must be at least 0, got {display_latency:g}")
    units = _units(spike_times)
    frames = _ticks("frame_times", frame_times)
    if frames.size < 2:
        raise ValueError(f"frame_times must hold at least 2 frames, got {frames.size}")
    intervals = np.diff(frames)
    if (intervals <= 0).any():
        first = int(np.flatnonzero(intervals <= 0)[0])
        kind = "the same as" if intervals[first] == 0 else "before"
        raise ValueError(f"frame_times must rise, but frame {first + 1} is {kind} frame {first}")
    is_gap = intervals > round(_checks.positive("longest_gap", longest_gap) / CLOCK_TICK)
    refresh = _refresh_ticks(frames, intervals[~is_gap], frame_rate)
    lasting = np.rint(intervals / refresh).astype(np.int64)  # refreshes that each frame stayed on
    lasting[is_gap] = 1
    lasting = np.append(lasting, 1)
    first_refresh = np.concatenate([[0], np.cumsum(lasting)])
    counts = np.zeros((first_refresh[-1], len(units)), np.int64)
    n_outside = np.zeros(len(units), np.int64)
    ends = np.where(is_gap, frames[:-1] + round(refresh), frames[1:])
    ends = np.append(ends, frames[-1] + round(refresh)).astype(np.int64)
    for unit, ticks in enumerate(units):
        lit = ticks - latency
        frame = np.searchsorted(frames, lit, side="right") - 1
        inside = (frame >= 0) & (lit < ends[frame])
        n_outside[unit] = (~inside).sum()
        frame, lit = frame[inside], lit[inside]
        # Within a frame that stayed on, the refresh by equal shares of its time, in whole ticks.
        share = np.floor_divide((lit - frames[frame]) * lasting[frame], ends[frame] - frames[frame])
        np.add.at(counts[:, unit], first_refresh[frame] + share, 1)
    if outside not in ("raise", "drop"):
        raise ValueError(f"outside must be 'raise' or 'drop', got {outside!r}")
    if outside == "raise" and n_outside.any():
        raise ValueError(
            f"spike_times must lie within the frame times {frames[0] * CLOCK_TICK:g} to "
            f"{ends[-1] * CLOCK_TICK:g} s and outside of gaps, but {n_outside.sum()} spikes do not: "
            "outside='drop' leaves them out"
        )
    shown = np.repeat(np.arange(frames.size), lasting)
    return Alignment(
        spike_counts=counts,
        shown=shown,
        breaks=tuple(int(k) for k in first_refresh[1:-1][is_gap]),
        frame_rate=1 / (refresh * CLOCK_TICK),
        n_repeated=int((lasting - 1).sum()),
        n_outside=n_outside,
    )


def stack_repeats(counts: ArrayLike, starts: Sequence[int], n_frames: int) -> NDArray[Any]:
    """Put the repeats of one segment of a stimulus on top of each other.

    Parameters
    ----------
    counts : array_like, shape (n_refreshes, n_units)
        Responses to the whole recording.
    starts : sequence of int
        Refreshes at which the repeats begin.
    n_frames : int
        Length of the segment.

    Returns
    -------
    ndarray, shape (n_repeats, n_frames, n_units)

    Raises
    ------
    TypeError, ValueError
        If there are no repeats, or one does not begin at a whole number or lie within the recording.
    """
    array = _checks.real_array("counts", counts)
    n_frames = _checks.integer("n_frames", n_frames, minimum=1)
    if not len(starts):
        raise ValueError("starts must hold at least one repeat")
    for start in starts:
        _checks.integer("starts", start, minimum=0)
        if start > len(array) - n_frames:
            raise ValueError(
                f"starts must leave room for {n_frames} frames within the {len(array)} recorded, got {start}"
            )
    return np.stack([array[start : start + n_frames] for start in starts])


def _ticks(name: str, times: ArrayLike) -> NDArray[np.int64]:
    """Return times [s] as whole ticks of the clock."""
    array = _checks.real_array(name, times).astype(np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), got {array.shape}")
    _checks.finite(name, array)
    if array.size and np.abs(array).max() >= _LATEST:
        raise ValueError(f"{name} must be in seconds, got {array[np.abs(array).argmax()]:g}")
    return np.rint(array / CLOCK_TICK).astype(np.int64)


def _units(spike_times: Any) -> list[NDArray[np.int64]]:
    """Return the spike times of each unit in ticks."""
    if isinstance(spike_times, list | tuple) and spike_times and np.ndim(spike_times[0]) == 1:
        return [_ticks(f"spike_times[{unit}]", times) for unit, times in enumerate(spike_times)]
    return [_ticks("spike_times", spike_times)]


def _refresh_ticks(
    frames: NDArray[np.int64], intervals: NDArray[np.int64], frame_rate: float | None
) -> float:
    """Return the length of a refresh in ticks, from the intervals that are no gaps."""
    if not intervals.size:
        raise ValueError("frame_times must have an interval that is no gap: raise longest_gap")
    typical = float(np.median(intervals))
    if frame_rate is not None:
        typical = 1 / (_checks.positive("frame_rate", frame_rate) * CLOCK_TICK)
    refreshes = np.rint(intervals / typical)
    off = np.abs(intervals / typical - refreshes)
    if (off > _REFRESH_TOLERANCE).any() or (refreshes < 1).any():
        worst = intervals[off.argmax()] * CLOCK_TICK
        raise ValueError(
            f"frame_times must be whole refreshes of {typical * CLOCK_TICK:.6g} s apart, got {worst:.6g} s"
        )
    measured = float(intervals.sum() / refreshes.sum())
    if abs(measured / typical - 1) > _RATE_TOLERANCE and frame_rate is not None:
        raise ValueError(
            f"frame_rate is {frame_rate:g} Hz, but the frame times say {1 / (measured * CLOCK_TICK):.4g} Hz: "
            "the clocks drift apart"
        )
    return measured
