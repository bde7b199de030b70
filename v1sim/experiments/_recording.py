"""What drives a recorded neuron? STA and STC of a recording, with a null for the axes and fits to them."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis import RecoveredUnits, describe_recovered
from v1sim.io import Recording
from v1sim.revcorr import sta, stc
from v1sim.stimuli import ArrayStimulus
from v1sim.stream import Progress

_UNIT = "unit_"
"""Beginning of the names under which the units' arrays are saved."""


@dataclass(frozen=True, kw_only=True)
class RecordingConfig:
    """How to analyse a recording.

    Parameters
    ----------
    n_lags : int
        Number of lags: 0 is the frame shown with the response, growing into the past.
    n_shifts : int
        Number of circular time shifts of the null of the STC axes; 0 takes the analytic edges.
    alpha : float
        Probability of a false axis at the first step of the nested test.
    seed : int
        Seed of the shifts.
    project_sta : bool
        Project the STA out of the frames before the STC.
    """

    n_lags: int = 16
    n_shifts: int = 50
    alpha: float = 0.05
    seed: int = 0
    project_sta: bool = False

    def __post_init__(self) -> None:
        _checks.integer("n_lags", self.n_lags, minimum=1)
        _checks.integer("n_shifts", self.n_shifts, minimum=0)
        _checks.probability("alpha", self.alpha)
        _checks.seed("seed", self.seed)


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordingResult:
    """Receptive fields of recorded neurons.

    Parameters
    ----------
    sta : ndarray, shape (n_units, n_lags, ny, nx)
        Cov(response, frame) / Var(pixel).
    sta_z : ndarray, shape (n_units, n_lags, ny, nx)
        The same in standard errors.
    eigenvalues : ndarray, shape (n_units, n_lags * ny * nx)
        STC spectra as variance ratios, in descending order.
    bands : ndarray, shape (n_units, 2)
        Null band of the first test, lower and upper.
    axes : ndarray, shape (n_axes, n_lags, ny, nx)
        All significant axes of all units: of each unit the excitatory ones, then the suppressive ones, the
        strongest first.
    axis_units : ndarray of int, shape (n_axes,)
        Number of the unit that each belongs to.
    axis_ratios : ndarray, shape (n_axes,)
        Its variance ratio: above 1 excitatory, below 1 suppressive.
    sentences : ndarray of str, shape (n_units,)
        How the axes were counted.
    n_spikes, n_effective : ndarray, shape (n_units,)
        Number of spikes on frames with full history, and (sum n)^2 / sum n^2.
    n_frames : ndarray of int, shape ()
        Number of frames with full history.
    frame_rate : ndarray, shape ()
        Frames per second; NaN where not known.
    warnings : ndarray of str
        What limits the result, a sentence each.
    units : RecoveredUnits
        What both say of each unit, in the row in which model cells and learned units are described too:
        about the STA in any case, so that axes are counted by the edges of chance where it was projected out.
    """

    sta: FloatArray
    sta_z: FloatArray
    eigenvalues: FloatArray
    bands: FloatArray
    axes: FloatArray
    axis_units: NDArray[np.int64]
    axis_ratios: FloatArray
    sentences: NDArray[np.str_]
    n_spikes: FloatArray
    n_effective: FloatArray
    n_frames: NDArray[np.int64]
    frame_rate: FloatArray
    warnings: NDArray[np.str_]
    units: RecoveredUnits

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving; those of the units begin with ``unit_``."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "units"}
        return own | {_UNIT + name: value for name, value in self.units.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays; raise if an older version saved them, without the units."""
        units = {k.removeprefix(_UNIT): v for k, v in arrays.items() if k.startswith(_UNIT)}
        if not units:
            raise ValueError("the run is of an older version, which did not describe units: analyze it again")
        own = {name: value for name, value in arrays.items() if not name.startswith(_UNIT)}
        return cls(**own, units=RecoveredUnits.from_arrays(units))


def analyze_recording(
    recording: Recording,
    config: RecordingConfig,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RecordingResult:
    """Recover the STA and the significant STC axes of every unit of a recording.

    Parameters
    ----------
    recording : Recording
        Stimulus and spike counts.
    config : RecordingConfig
        Lags and null.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    progress : callable, optional
        Called with (work done, work in all) in frames, over all passes of the STC.

    Returns
    -------
    RecordingResult

    Raises
    ------
    ValueError
        If a unit has no spikes, the stimulus does not vary, or the recording is too short.
    """
    stimulus = ArrayStimulus(recording.stimulus, frame_rate=recording.frame_rate)
    counts = recording.spike_counts
    first = sta(stimulus, counts, n_lags=config.n_lags, breaks=recording.breaks, workers=workers)
    second = stc(
        stimulus,
        counts,
        n_lags=config.n_lags,
        n_shifts=config.n_shifts,
        alpha=config.alpha,
        seed=config.seed,
        project_sta=config.project_sta,
        breaks=recording.breaks,
        workers=workers,
        progress=progress,
    )
    about_sta = second
    if config.project_sta:
        about_sta = stc(stimulus, counts, n_lags=config.n_lags, breaks=recording.breaks, workers=workers)
    units = range(len(first.rf))
    axes = [np.concatenate([second.excitatory_axes(u), second.suppressive_axes(u)]) for u in units]
    ratios = [
        _significant_ratios(second.eigenvalues[u], second.n_excitatory[u], second.n_suppressive[u])
        for u in units
    ]
    return RecordingResult(
        sta=first.rf,
        sta_z=first.z,
        eigenvalues=second.eigenvalues,
        bands=np.array([(found.lower, found.upper) for found in second.significance]),
        axes=np.concatenate(axes),
        axis_units=np.repeat(units, [len(a) for a in axes]),
        axis_ratios=np.concatenate(ratios),
        sentences=np.array([found.sentence for found in second.significance]),
        n_spikes=first.response_mean * first.n_frames,
        n_effective=second.n_effective,
        n_frames=np.array(first.n_frames),
        warnings=np.array(second.warnings, dtype=np.str_),
        frame_rate=np.array(np.nan if recording.frame_rate is None else recording.frame_rate),
        units=describe_recovered(first, about_sta),
    )


def _significant_ratios(eigenvalues: FloatArray, n_excitatory: int, n_suppressive: int) -> FloatArray:
    """Return the ratios of the significant axes: the largest ones falling, then the smallest ones rising."""
    return np.concatenate([eigenvalues[:n_excitatory], eigenvalues[::-1][:n_suppressive]])
