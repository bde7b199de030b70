"""What an experimenter shows to a unit: how many of what, by default as published."""

from dataclasses import dataclass

import numpy as np

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis._curves import as_axis
from v1sim.grid import Grid

_STATIC_PHASES = 8
"""Phases of a grating for units without memory (Marques, Schrimpf & DiCarlo 2021 take as many)."""
_FINE_FRAMES = 61
"""Frames of a drift in fine steps: a prime, so that every number of cycles passes through 61 phases."""
_FEWEST_PHASES = 8
"""With 8 phases F1/F0 of a half-wave rectified cosine lies between 1.53 and 1.66 in place of pi/2, with 4
between 1.41 and 2, depending on where the first phase falls."""
_OCTAVE_SHARE = 3
"""Spatial frequencies an octave."""


@dataclass(frozen=True, kw_only=True)
class Protocols:
    """Numbers of conditions and their values.

    Parameters
    ----------
    n_orientations : int, optional
        Orientations within 180 degrees, in equal steps; units with memory see each drift both ways.
    spatial_frequencies : sequence of float, optional
        [cycles/unit], rising, up to the grid's Nyquist frequency. Three an octave, from one cycle in the
        shorter side of the patch on, unless given.
    temporal_cycles : sequence of int, optional
        For units with memory: cycles within `n_frames`, rising, below half of them.
    n_frames : int, optional
        Frames a condition that count, which are the phases of a cycle: 8 for units without memory, 61 for
        others, after as many frames as they remember. A prime number passes through all phases at every
        number of cycles.
    contrasts : sequence of float, optional
        Contrasts of the contrast protocol, rising, in (0, 1]; in half octaves from 1/32 on unless given.
    contrast : float, optional
        Contrast of all other gratings and of bars, in (0, 1].
    n_sizes : int, optional
        Diameters, in equal ratios from half a cycle of the unit's preferred grating to the shorter side of
        the patch.
    n_places : int, optional
        Strips along each axis that a patch is cut into, to find where a unit looks.
    n_phases : int, optional
        Phases of the phase protocol, from which F1/F0 comes, for units without memory; others see `n_frames`.
    n_bar_positions : int, optional
        Positions of light and dark bars, a quarter of a cycle wide, over three cycles across the centre.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J Neurosci 22:5639. De Valois, Albrecht & Thorell 1982, Vision Res 22:545.
    Albrecht & Hamilton 1982, J Neurophysiol 48:217. Cavanaugh, Bair & Movshon 2002a, J Neurophysiol 88:2530.
    """

    n_orientations: int = 18
    spatial_frequencies: tuple[float, ...] | None = None
    temporal_cycles: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 11, 16, 22)
    n_frames: int | None = None
    contrasts: tuple[float, ...] = tuple(2.0 ** (k / 2) for k in range(-10, 1))
    contrast: float = 1.0
    n_sizes: int = 12
    n_places: int = 9
    n_phases: int = _FINE_FRAMES
    n_bar_positions: int = 17

    def __post_init__(self) -> None:
        for name, minimum in (
            ("n_orientations", 4),
            ("n_sizes", 4),
            ("n_places", 3),
            ("n_phases", _FEWEST_PHASES),
            ("n_bar_positions", 5),
        ):
            _checks.integer(name, getattr(self, name), minimum=minimum)
        if self.n_frames is not None:
            _checks.integer("n_frames", self.n_frames, minimum=_FEWEST_PHASES)
        given = ("contrasts",) if self.spatial_frequencies is None else ("contrasts", "spatial_frequencies")
        for name in given:
            axis = as_axis(name, getattr(self, name), minimum=4)
            if axis[0] <= 0:
                raise ValueError(f"{name} must be above 0, got {axis[0]:g}")
            object.__setattr__(self, name, tuple(axis.tolist()))
        as_axis("temporal_cycles", self.temporal_cycles, minimum=4)
        cycles = tuple(_checks.integer("temporal_cycles", k, minimum=1) for k in self.temporal_cycles)
        object.__setattr__(self, "temporal_cycles", cycles)
        highest = max(self.contrasts[-1], _checks.positive("contrast", self.contrast))
        if highest > 1:
            raise ValueError(f"contrasts must be at most 1 (black lies 1 below the mean), got {highest:g}")

    def frames_for(self, memory: int) -> int:
        """Return the number of frames a condition that count, for units of this memory."""
        if self.n_frames is not None:
            return self.n_frames
        return _STATIC_PHASES if memory == 1 else _FINE_FRAMES

    def frequencies_for(self, grid: Grid) -> FloatArray:
        """Return the spatial frequencies [cycles/unit] to show on a grid.

        Raises
        ------
        ValueError
            If one is beyond the Nyquist frequency of the grid, or the patch is too small for four of them.
        """
        if self.spatial_frequencies is None:
            lowest = 1 / min(grid.size)
            steps = np.log2(grid.nyquist / lowest) * _OCTAVE_SHARE
            found = lowest * np.exp2(np.arange(np.floor(steps + 1e-9) + 1) / _OCTAVE_SHARE)
            if len(found) < 4:
                raise ValueError(
                    f"grid must have at least 4 x 4 pixels, got {grid.shape[0]} x {grid.shape[1]}"
                )
            return found
        highest = self.spatial_frequencies[-1]
        if highest > grid.nyquist * (1 + 1e-9):
            raise ValueError(
                f"spatial_frequencies would alias: pixels of {grid.pixel_size:g} {grid.unit} carry at most "
                f"{grid.nyquist:.4g} cycles/{grid.unit} (Nyquist), got {highest:g}"
            )
        return np.array(self.spatial_frequencies)

    def cycles_for(self, memory: int) -> tuple[int, ...]:
        """Return the numbers of cycles to show: one to units without memory, which time does not change.

        Raises
        ------
        ValueError
            If one is not below half of the frames.
        """
        if memory == 1:
            return (1,)
        n_frames, highest = self.frames_for(memory), self.temporal_cycles[-1]
        if 2 * highest >= n_frames:
            raise ValueError(
                f"temporal_cycles must stay below half of the {n_frames} frames (Nyquist), got {highest}"
            )
        return self.temporal_cycles
