"""From any responder to its physiology: one call."""

from concurrent.futures import Executor
from typing import Any

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray, Frames, Responder
from v1sim.analysis._battery import Battery, Preferred, Tuning
from v1sim.analysis._fits import fit_contrast, fit_frequency, fit_orientation, fit_size
from v1sim.analysis._modulation import phase_modulation, ratio_of
from v1sim.analysis._physiology import Physiology
from v1sim.analysis._protocols import Protocols
from v1sim.analysis._ranges import (
    bandwidth_octaves,
    overlap_index,
    preferred_frequency,
    summation_diameter,
    suppression_index,
)
from v1sim.analysis._selectivity import (
    circular_variance,
    direction_index,
    direction_selectivity_index,
    half_bandwidth_deg,
    o_p_ratio,
    orientation_selectivity_index,
)
from v1sim.analysis._shown import Session
from v1sim.grid import Grid
from v1sim.stimuli import ArrayStimulus
from v1sim.stream import Progress, RunOptions, as_responder


def characterize(
    responder: Any,
    grid: Grid,
    *,
    protocols: Protocols | None = None,
    frame_rate: float | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Physiology:
    """Measure the physiology of units as in an experiment: gratings and bars in, tuning and indices out.

    A search shows gratings of all orientations and spatial (and temporal) frequencies to all units. Each unit
    is then shown its own: spatial frequencies at its preferred orientation, (temporal frequencies,)
    orientations at its preferred frequency, strips that tell where it looks, contrasts, apertures about that
    place, one cycle in fine steps, and light and dark bars. All units see all of this, and each is listened
    to while its own is shown: the cost grows with the square of the number of units.

    The default of 8 frames a condition is made for units that answer the same every time. Units that draw
    their responses, such as spikes, need as many frames as a neuron does trials: ``Protocols(n_frames=...)``.

    Parameters
    ----------
    responder : Responder or callable
        Units: whatever has ``respond``, or a function from frames (n_frames, ny, nx) to responses. Units with
        a memory of more than one frame see drifts both ways, and their transients are left out.
    grid : Grid
        Positions of the pixels of the frames that they watch.
    protocols : Protocols, optional
        What is shown; published numbers unless given.
    frame_rate : float, optional
        Frames per second: temporal frequencies are then in cycles/s, otherwise in cycles/frame.
    workers, executor : optional
        As in `v1sim.stream.RunOptions`; the result does not depend on them.
    progress : callable, optional
        Called with (frames shown, frames in all).

    Returns
    -------
    Physiology

    Raises
    ------
    TypeError, ValueError
        If the responder is none, does not take frames of the grid, has another frame rate, returns another
        shape or anything not finite; or if a protocol goes beyond what the grid or the frames can carry.

    Examples
    --------
    >>> from v1sim import cells, gabor
    >>> grid = Grid((24, 30))
    >>> g = gabor.Gabor.from_tuning(spatial_frequency=.12, orientation_deg=[30, 75], n_x=.4, n_y=.5)
    >>> result = characterize(cells.SimpleCells(g, grid), grid)
    >>> result.orientation_deg.round(1).tolist(), result.f1_f0.round(2).tolist()
    ([30.0, 75.0], [1.57, 1.57])
    """
    rate = float("nan") if frame_rate is None else _checks.positive("frame_rate", frame_rate)
    if protocols is not None and not isinstance(protocols, Protocols):
        raise TypeError(f"protocols must be Protocols, got {type(protocols).__name__}")
    units = _as_units(responder, grid)
    own_rate = getattr(responder, "frame_rate", None)
    if frame_rate is not None and own_rate not in (None, rate):
        raise ValueError(f"frame_rate must be that of the responder, {own_rate:g} frames/s, got {rate:g}")
    options = RunOptions(workers=workers, executor=executor, progress=progress)
    battery = Battery(Session(units, grid, options), protocols or Protocols())
    preferred = battery.run()
    return _measure(battery, preferred, grid, rate)


def _as_units(responder: Any, grid: Grid) -> Responder:
    if not isinstance(grid, Grid):
        raise TypeError(
            f"grid must be a Grid, got {type(grid).__name__}: Grid((ny, nx)) makes one of a shape"
        )
    if not isinstance(responder, Responder) and not callable(responder):
        raise TypeError(
            "responder must answer new frames (cells, units, or a function of frames), got "
            f"{type(responder).__name__}: recorded responses cannot be shown gratings"
        )
    own = getattr(responder, "grid", grid)
    if own != grid:
        raise ValueError(f"grid must be that of the responder, {own}, got {grid}")
    blank: Frames = np.zeros((1, *grid.shape), np.float32)
    return as_responder(responder, ArrayStimulus(blank))


def _measure(battery: Battery, p: Preferred, grid: Grid, rate: float) -> Physiology:
    """Take every measure of the curves of a battery that has run."""
    t, live = battery.tunings, np.isin(np.arange(battery.n_units), p.live)
    orientation = _rates(t["orientation"], p)
    axis, both = battery.orientations, battery.orientations
    directions = orientation
    if not battery.moving:  # the frames of the opposite drift are the same ones
        directions, both = np.tile(orientation, 2), np.concatenate([axis, axis + 180])
    contrast, size = (_evoked(t[name], p) for name in ("contrast", "size"))
    spatial = np.maximum(_evoked(t["spatial_frequency"], p), 0)
    diameters = t["size"].axis
    fits = {
        "orientation": fit_orientation(orientation, axis),
        "spatial_frequency": fit_frequency(spatial, battery.frequencies),
        "contrast": fit_contrast(contrast, t["contrast"].axis),
        "size": fit_size(size, diameters),
    }
    nothing = np.full(battery.n_units, np.nan)
    temporal, octaves = nothing, nothing
    if battery.moving:
        per_frame = battery.cycles / battery.n_frames * (1.0 if np.isnan(rate) else rate)
        curve = np.maximum(_evoked(t["temporal_frequency"], p), 0)
        fits["temporal_frequency"] = fit_frequency(curve, per_frame)
        temporal, octaves = preferred_frequency(curve, per_frame), bandwidth_octaves(curve, per_frame)
    phases, drift = t["phase"].f0, p.orientation - 90
    light, dark = (np.maximum(t[name].f0 - p.blank[:, None], 0) for name in ("light_bar", "dark_bar"))
    return Physiology(
        grid=grid,
        frame_rate=rate,
        responsive=live,
        modulated=live & p.modulated,
        spontaneous_response=p.blank,
        max_response=orientation.max(axis=1),
        orientation_deg=np.where(live, p.orientation % 180, np.nan),
        direction_deg=np.where(live & battery.moving, drift % 360, np.nan),
        orientation_half_bandwidth_deg=half_bandwidth_deg(orientation, axis),
        orientation_half_bandwidth_50_deg=half_bandwidth_deg(orientation, axis, level=0.5),
        circular_variance=circular_variance(orientation, axis),
        orientation_selectivity_index=orientation_selectivity_index(orientation, axis),
        o_p_ratio=o_p_ratio(orientation, axis),
        direction_selectivity_index=direction_selectivity_index(directions, both),
        direction_index=direction_index(directions, both),
        spatial_frequency=np.where(live, p.frequency, np.nan),
        spatial_frequency_bandwidth_octaves=bandwidth_octaves(spatial, battery.frequencies),
        temporal_frequency=temporal,
        temporal_frequency_bandwidth_octaves=octaves,
        f1_f0=ratio_of(p.f1, p.f0 - p.blank, scale=np.abs(phases).max(axis=1)),
        phase_modulation=phase_modulation(np.maximum(phases, 0)),
        c50=np.where(fits["contrast"].converged, fits["contrast"].parameters["c50"], np.nan),
        contrast_exponent=fits["contrast"].parameters["exponent"],
        centre_x=p.x,
        centre_y=p.y,
        summation_diameter=summation_diameter(size, diameters),
        suppression_index=suppression_index(size),
        overlap_index=overlap_index(light, dark, t["light_bar"].axis),
        tunings=t,
        fits=fits,
    )


def _rates(tuning: Tuning, p: Preferred) -> FloatArray:
    """Return the larger component of each unit as rates are: spontaneous ones included, none below zero."""
    return np.asarray(np.maximum(tuning.response(p.modulated), 0))


def _evoked(tuning: Tuning, p: Preferred) -> FloatArray:
    """Return the larger component of each unit, F0 less the spontaneous response; negative if suppressed."""
    return np.where(p.modulated[:, None], tuning.f1, tuning.f0 - p.blank[:, None])
