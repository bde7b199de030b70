"""The battery: a search with gratings that all units share, then each unit at what it prefers itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.analysis._modulation import harmonics_of
from v1sim.analysis._protocols import Protocols
from v1sim.analysis._ranges import preferred_frequency
from v1sim.analysis._selectivity import preferred_orientation_deg
from v1sim.analysis._shown import Bars, Gratings, Session
from v1sim.stimuli import GratingTable

_DEAD = 1e-5
"""Share of the largest mean response below which what gratings evoke is rounding (responses are float32)."""
_SEARCH_STEPS = (3, 2, 1)
"""Units with memory are searched with every third drift, or as many as go round, and every second frequency:
all triples of orientation, spatial and temporal frequency are many."""
_SEARCH_SPACING = 30.0
"""Most degrees between drifts of the search, between which the orientation is read for frequencies:
30 degrees leave these right to 1.5 %, 45 to 8 %."""
_BAR_REACH = 1.5
"""Bars reach from so many cycles before the centre to as many behind it."""
_BAR_WIDTH = 0.25
"""Width of a bar in cycles: half of a subregion."""


@dataclass(frozen=True, eq=False)
class Tuning:
    """Responses of all units along one stimulus.

    Attributes
    ----------
    axis : ndarray, shape (n,) or (n_units, n)
        Values of the stimulus, the same for all units or each one's own.
    f0, f1 : ndarray, shape (n_units, n)
        Mean response, the spontaneous one included, and amplitude of the first harmonic; NaN for units that
        do not respond.
    """

    axis: FloatArray
    f0: FloatArray
    f1: FloatArray

    def response(self, modulated: NDArray[np.bool_]) -> FloatArray:
        """Return the larger component of each unit: F1 where modulated, F0 elsewhere, (n_units, n)."""
        return np.where(modulated[:, None], self.f1, self.f0)


@dataclass(eq=False)
class Preferred:
    """What the battery has found so far of each unit, arrays of shape (n_units,); NaN where nothing.

    Attributes
    ----------
    blank : ndarray
        Response to mean luminance.
    live : ndarray of int
        Numbers of the units that respond to gratings.
    modulated : ndarray of bool
        Whether F1 exceeds the evoked F0.
    orientation, frequency, cycles : ndarray
        Preferred orientation [degrees], spatial frequency [cycles/unit] and number of cycles in a condition.
    x, y : ndarray
        Centre of the field [unit].
    f0, f1 : ndarray
        Mean, the spontaneous response included, and first harmonic on the preferred grating.
    """

    blank: FloatArray
    live: NDArray[np.intp]
    modulated: NDArray[np.bool_]
    orientation: FloatArray
    frequency: FloatArray
    cycles: NDArray[np.intp]
    x: FloatArray
    y: FloatArray
    f0: FloatArray
    f1: FloatArray


class Battery:
    """One run of all protocols on the units of a session.

    Parameters
    ----------
    session : Session
        The units.
    protocols : Protocols
        What to show.
    """

    def __init__(self, session: Session, protocols: Protocols) -> None:
        memory = session.responder.memory
        self.session = session
        self.protocols = protocols
        self.n_units = session.responder.n_units
        self.n_frames = protocols.frames_for(memory)
        self.frequencies = protocols.frequencies_for(session.grid)
        self.cycles = np.array(protocols.cycles_for(memory))
        self.moving = memory > 1
        n_drifts = (2 if self.moving else 1) * protocols.n_orientations
        self.orientations = 180 / protocols.n_orientations * np.arange(n_drifts)
        self.tunings: dict[str, Tuning] = {}

    def run(self) -> Preferred:
        """Show everything; `tunings` has the curves by name."""
        self._plan(self.n_units)
        p = self._search()
        self._plan(len(p.live))
        frequency = self._own("spatial_frequency", p, spatial_frequency=self.frequencies)
        best = preferred_frequency(self._excess(frequency, p), self.frequencies)
        p.frequency = np.where(np.isnan(best), p.frequency, best)
        if self.moving:
            temporal = self._own("temporal_frequency", p, cycles=self.cycles)
            p.cycles = self.cycles[np.nan_to_num(self._excess(temporal, p)).argmax(axis=1)]
        orientation = self._own("orientation", p, orientation_deg=self.orientations)
        best = preferred_orientation_deg(self._excess(orientation, p), self.orientations)
        p.orientation = np.where(np.isnan(best), p.orientation, best)
        self._find_centres(p)
        self._own("contrast", p, contrast=np.array(self.protocols.contrasts))
        self._own("size", p, diameter=self._diameters(p))
        self._phases(p)
        self._bars(p)
        return p

    # -- how much is shown ----------------------------------------------------------------------------

    def _plan(self, n_units: int) -> None:
        """Count the frames to come, for `n_units` units that respond."""
        q, length = self.protocols, self.n_frames + self.session.n_lead
        conditions = len(self.frequencies) + len(self.orientations) + 2 * q.n_places
        conditions += len(q.contrasts) + q.n_sizes + (len(self.cycles) if self.moving else 0)
        others = 2 * q.n_bar_positions * (self.session.n_lead + self.session.responder.memory)
        others += length if self.moving else q.n_phases
        search = 0 if self.session.n_shown else len(self._searched()[0]) * length
        self.session.n_planned = self.session.n_shown + search + n_units * (conditions * length + others)

    # -- protocols ------------------------------------------------------------------------------------

    def _searched(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return the index of orientation, frequency and cycles of each condition of the search."""
        n, spacing = len(self.orientations), 180 / self.protocols.n_orientations
        fitting = [s for s in _SEARCH_STEPS if n % s == 0 and s * spacing <= _SEARCH_SPACING]
        drift = max(fitting, default=1)
        coarse = (drift, 2, 2) if self.moving else (1, 1, 1)
        lengths = len(self.orientations), len(self.frequencies), len(self.cycles)
        axes = [np.arange(0, n, step) for n, step in zip(lengths, coarse, strict=True)]
        o, f, k = np.meshgrid(*axes, indexing="ij")
        return o.ravel(), f.ravel(), k.ravel()

    def _search(self) -> Preferred:
        """Show all units the same gratings, and blanks, and find the best of them."""
        o, f, k = self._searched()
        n_blanks = len(self.orientations)
        contrast = np.full(len(o) + n_blanks, self.protocols.contrast)
        contrast[len(o) :] = 0
        pad = (0, n_blanks)
        f0, f1 = self.session.gratings(
            n_counted=self.n_frames,
            cycles=self.cycles[np.pad(k, pad)],
            orientation_deg=self.orientations[np.pad(o, pad)],
            spatial_frequency=self.frequencies[np.pad(f, pad)],
            contrast=contrast,
        )
        blank, largest = f0[len(o) :].mean(axis=0), np.abs(f0).max(axis=0)
        f0, f1 = f0[: len(o)] - blank, f1[: len(o)]
        evoked = np.maximum(f0, f1)
        best, units = evoked.argmax(axis=0), np.arange(self.n_units)
        live = np.flatnonzero(evoked[best, units] > _DEAD * largest)
        modulated = f1[best, units] > f0[best, units]
        # between the orientations of the search, at the best frequencies
        rows = (f[:, None] == f[best]) & (k[:, None] == k[best])
        around = np.where(modulated, f1, np.maximum(f0, 0)).T[rows.T].reshape(self.n_units, -1)
        nothing = np.full(self.n_units, np.nan)
        return Preferred(
            blank=blank,
            live=live,
            modulated=modulated,
            orientation=preferred_orientation_deg(around, self.orientations[np.unique(o)]),
            frequency=self.frequencies[f[best]],
            cycles=self.cycles[k[best]],
            x=nothing,
            y=nothing,
            f0=nothing,
            f1=nothing,
        )

    def _own(self, name: str, p: Preferred, **varied: Any) -> Tuning:
        """Show each unit a series of gratings of its own: what is not varied is what it prefers.

        The values varied are (n,), the same for all units, or (n_live, n).
        """
        ((key, axis),) = varied.items()
        n = axis.shape[-1]
        values = {
            "orientation_deg": p.orientation[p.live, None],
            "spatial_frequency": p.frequency[p.live, None],
            "cycles": p.cycles[p.live, None],
            "contrast": np.full((len(p.live), 1), self.protocols.contrast),
        } | {key: np.atleast_2d(axis)}
        x, y = p.x[p.live, None], p.y[p.live, None]
        if key == "diameter":
            values |= {"centre_x": np.nan_to_num(x), "centre_y": np.nan_to_num(y)}
        flat = {k: np.broadcast_to(v, (len(p.live), n)).reshape(-1) for k, v in values.items()}
        f0, f1 = self._listen(p, n, flat)
        if key == "diameter":  # a unit that no strip drives has no place to centre an aperture on
            f0, f1 = (np.where(np.isnan(x + y), np.nan, f) for f in (f0, f1))
        own = axis if axis.ndim == 1 else self._spread(p, axis)
        self.tunings[name] = Tuning(own, self._spread(p, f0), self._spread(p, f1))
        return self.tunings[name]

    def _listen(self, p: Preferred, n: int, parameters: dict[str, Any]) -> tuple[FloatArray, FloatArray]:
        """Show n conditions to each live unit and listen to it alone: F0 and F1, (n_live, n)."""
        if not len(p.live):
            return np.empty((0, n)), np.empty((0, n))
        f0, f1 = self.session.gratings(n_counted=self.n_frames, units=np.repeat(p.live, n), **parameters)
        return f0.reshape(-1, n), f1.reshape(-1, n)

    def _spread(self, p: Preferred, values: FloatArray) -> FloatArray:
        """Put values of the live units in their places, NaN elsewhere."""
        out = np.full((self.n_units, *values.shape[1:]), np.nan)
        out[p.live] = values
        return out

    def _excess(self, tuning: Tuning, p: Preferred) -> FloatArray:
        """Return F1 of modulated units, and of others how far F0 exceeds the spontaneous response."""
        return np.where(p.modulated[:, None], tuning.f1, np.maximum(tuning.f0 - p.blank[:, None], 0))

    def _find_centres(self, p: Preferred) -> None:
        """Find where each unit looks: the centroid of its responses to strips of its preferred grating.

        Strips are triangles in profile that add up to the whole grating, so that the centroid of a linear
        unit's responses is that of its field, wherever it lies between the strips.
        """
        n = self.protocols.n_places
        height, width = self.session.grid.size
        places = [np.linspace(-side / 2, side / 2, n) for side in (width, height)]
        tents = [
            np.maximum(0, 1 - np.abs(axis - place[:, None]) / (place[1] - place[0]))
            for axis, place in zip((self.session.grid.x_axis, self.session.grid.y_axis), places, strict=True)
        ]
        across = np.concatenate([tents[0], np.ones((n, len(self.session.grid.x_axis)))])
        up = np.concatenate([np.ones((n, len(self.session.grid.y_axis))), tents[1]])
        parameters = {
            "orientation_deg": np.repeat(p.orientation[p.live], 2 * n),
            "spatial_frequency": np.repeat(p.frequency[p.live], 2 * n),
            "cycles": np.repeat(p.cycles[p.live], 2 * n),
            "contrast": self.protocols.contrast,
            "window": (np.tile(across, (len(p.live), 1)), np.tile(up, (len(p.live), 1))),
        }
        f0, f1 = self._listen(p, 2 * n, parameters)
        strips = self._excess(Tuning(np.arange(2.0 * n), self._spread(p, f0), self._spread(p, f1)), p)
        with np.errstate(invalid="ignore"):  # 0 / 0: no strip evokes anything, and the unit has no place
            p.x, p.y = (
                part @ place / part.sum(axis=1)
                for part, place in zip((strips[:, :n], strips[:, n:]), places, strict=True)
            )

    def _diameters(self, p: Preferred) -> FloatArray:
        """Return the diameters for each live unit, (n_live, n), in equal ratios."""
        largest = min(self.session.grid.size)
        smallest = np.minimum(0.5 / p.frequency[p.live], largest / 4)
        share = np.linspace(0, 1, self.protocols.n_sizes)
        return np.asarray(smallest[:, None] * (largest / smallest[:, None]) ** share)

    def _phases(self, p: Preferred) -> None:
        """Show one drift of the preferred grating in fine steps, and sort the responses by its phase."""
        n = self.n_frames if self.moving else self.protocols.n_phases
        phases, cycles = np.empty((0, n)), p.cycles[p.live]
        if len(p.live):
            table = GratingTable(
                grid=self.session.grid,
                orientation_deg=p.orientation[p.live],
                spatial_frequency=p.frequency[p.live],
                contrast=self.protocols.contrast,
            )
            phases = self.session.record(Gratings(self.session.n_lead, n, table, cycles), p.live)
        f0, f1 = harmonics_of(phases, cycles)
        p.f0, p.f1 = self._spread(p, f0), self._spread(p, f1)
        passed = cycles[:, None] * np.arange(n) % n
        order = np.argsort(passed, axis=1, kind="stable")
        phase: FloatArray = 360.0 / n * np.take_along_axis(passed, order, axis=1).astype(np.float64)
        self.tunings["phase"] = self._flashed(
            p, self._spread(p, phase), np.take_along_axis(phases, order, axis=1)
        )

    def _bars(self, p: Preferred) -> None:
        """Flash light and dark bars across each unit's centre."""
        q, n = self.protocols, self.protocols.n_bar_positions
        position = np.linspace(-_BAR_REACH, _BAR_REACH, n)
        f0 = np.empty((0, 2 * n))
        if len(p.live):
            tau = np.deg2rad(p.orientation[p.live, None] - 90)
            offset = np.tile(position, 2) / p.frequency[p.live, None]
            x, y = np.nan_to_num(p.x[p.live, None]), np.nan_to_num(p.y[p.live, None])
            sign = np.repeat([q.contrast, -q.contrast], n)
            bars = Bars(
                self.session.n_lead,
                self.session.responder.memory,
                place=self.session.grid,
                orientation_deg=np.repeat(p.orientation[p.live], 2 * n),
                width=np.repeat(_BAR_WIDTH / p.frequency[p.live], 2 * n),
                centre_x=(x + offset * np.cos(tau)).reshape(-1),
                centre_y=(y + offset * np.sin(tau)).reshape(-1),
                contrast=np.tile(sign, len(p.live)),
            )
            f0 = self.session.record(bars, np.repeat(p.live, 2 * n)).mean(axis=1).reshape(-1, 2 * n)
            f0[np.isnan(p.x[p.live]) | np.isnan(p.y[p.live])] = np.nan
        self.tunings["light_bar"] = self._flashed(p, position, f0[:, :n])
        self.tunings["dark_bar"] = self._flashed(p, position, f0[:, n:])

    def _flashed(self, p: Preferred, axis: FloatArray, f0: FloatArray) -> Tuning:
        """Keep the curve of a flashed stimulus, which has no harmonic."""
        spread = self._spread(p, f0)
        return Tuning(axis, spread, np.full_like(spread, np.nan))
