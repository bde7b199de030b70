"""Populations of cells that are drawn from published counts, and scored against them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.cells import _statistics
from v1sim.cells._continuum import IntermediateCells
from v1sim.cells._modulation import complexity_of, exponent_of, mean_response
from v1sim.cells._nonlinearity import Power
from v1sim.cells._scores import Score, score
from v1sim.cells._statistics import KINDS, Histogram
from v1sim.gabor import Gabor
from v1sim.grid import Grid

_OF_EACH = ("peak_frequency", "modulation_ratio", "maximal_rate", "spontaneous_rate")
_WORDS, _NUMBERS = ("eccentricity", "placement"), ("seed", "too_large", "too_fine", "moved")
"""Fields that are saved under their own names."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Population:
    """A population of cells along the continuum from simple to complex; `sample_population` makes it.

    Parameters
    ----------
    gabor : Gabor
        Receptive fields of n cells [degrees], whose amplitude makes the gain at the preferred grating 1.
    grid : Grid
        Positions of the pixels [degrees].
    peak_frequency : ndarray, shape (n,)
        Preferred spatial frequency of the balanced pair [cycles/degree]: that of the carrier, and above it
        for few cycles (half an octave at n_x = .15). A simple cell of few cycles, one half alone, may peak
        .2 octaves beside it.
    modulation_ratio : ndarray, shape (n,)
        F1/F0 on the preferred drifting grating; simple cells are those above 1.
    maximal_rate : ndarray, shape (n,)
        Mean rate to the preferred drifting grating at full contrast [spikes/s].
    spontaneous_rate : ndarray, shape (n,)
        Mean rate to mean luminance [spikes/s].
    eccentricity, placement : str
        As in `sample_population`.
    simple_fraction : float or None
        Share of simple cells that was asked for; None is the published one.
    seed : int
        Seed of the draw.
    too_large, too_fine : int
        Number of draws refused since more than 1 % of their energy lay outside of the frame even in its
        middle, or beyond the Nyquist frequency of its pixels; both were redrawn.
    moved : int
        Number of cells that were moved from their place towards the middle until they fitted.
    """

    gabor: Gabor
    grid: Grid
    peak_frequency: FloatArray
    modulation_ratio: FloatArray
    maximal_rate: FloatArray
    spontaneous_rate: FloatArray
    eccentricity: str
    placement: str
    simple_fraction: float | None
    seed: int
    too_large: int
    too_fine: int
    moved: int

    def __len__(self) -> int:
        return len(self.gabor)

    @property
    def simple(self) -> NDArray[np.bool_]:
        """Whether a cell is simple, F1/F0 > 1 (Skottun et al. 1991), shape (n,)."""
        return np.asarray(self.modulation_ratio > 1)

    @property
    def kinds(self) -> NDArray[np.str_]:
        """``"simple"`` or ``"complex"``, shape (n,)."""
        return np.where(self.simple, *KINDS)

    @property
    def complexity(self) -> FloatArray:
        """The lambda of `IntermediateCells`, from 0 (half-wave) to 1 (blind to phase), shape (n,)."""
        return complexity_of(self.modulation_ratio)

    @property
    def exponent(self) -> FloatArray:
        """Exponent of the output, above 1 where F1/F0 exceeds the pi/2 of a half-wave, shape (n,)."""
        return exponent_of(self.modulation_ratio)

    @cached_property
    def responder(self) -> IntermediateCells:
        """All cells as one responder, whose responses are driven rates [spikes/s].

        To each cell's preferred grating at full contrast it gives the maximal less the spontaneous rate on
        average. `Poisson` and its kin take these rates as they are without a `mean_rate`, and add the
        spontaneous ones if told.
        """
        driven = self.maximal_rate - self.spontaneous_rate
        gain = driven / mean_response(self.complexity, self.exponent)
        output = Power(exponent=self.exponent.astype(np.float32), gain=gain.astype(np.float32))
        return IntermediateCells(self.gabor, self.grid, complexity=self.complexity, nonlinearity=output)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """Every drawn statistic beside the counts that it was drawn from."""
        g, shapes = self.gabor, _statistics.envelope_shapes()
        orientation = (g.orientation_deg + 22.5) % 180 - 22.5
        phase = np.arctan2(np.sin(g.phi), np.cos(g.phi))
        ratios = _statistics.modulation_ratios(self.simple_fraction)
        drawn: list[tuple[str, Histogram, tuple[FloatArray, ...]]] = [
            ("n_x", shapes.marginal(0), (g.n_x,)),
            ("n_y", shapes.marginal(1), (g.n_y,)),
            ("n_x, n_y joint", shapes, (g.n_x, g.n_y)),
            ("orientation", _statistics.orientations(), (orientation,)),
            ("F1/F0", ratios, (self.modulation_ratio,)),
        ]
        for kind in KINDS:
            of = self.kinds == kind
            frequencies = _statistics.peak_frequencies(kind, self.eccentricity)
            rates = _statistics.rates(kind)
            if of.any():
                drawn += [
                    (f"peak frequency, {kind}", frequencies, (self.peak_frequency[of],)),
                    (f"maximal rate, {kind}", rates.marginal(0), (self.maximal_rate[of],)),
                    (f"spontaneous, {kind}", rates.marginal(1), (self.spontaneous_rate[of],)),
                ]
        drawn.append(("phase", _statistics.phases(), (phase,)))
        return tuple(score(name, table, np.stack(v, axis=1)) for name, table, v in drawn)

    def score_f1_f0(self, measured: FloatArray) -> Score:
        """Return the score of measured F1/F0 (n,) against the counts that they should follow."""
        ratios = _statistics.modulation_ratios(self.simple_fraction)
        return score("F1/F0, measured", ratios, measured[:, None])

    def summary(self) -> None:
        """Print what was drawn, what did not fit, and the score of each statistic."""
        print("\n".join([*self.notes(), "", *_table(self.scores)]))

    def notes(self) -> list[str]:
        """Return what must be known about the draw, a sentence each."""
        height, width = self.grid.size
        n, refused = len(self), self.too_large + self.too_fine
        return [
            f"{n} cells, {self.simple.sum()} simple and {(~self.simple).sum()} complex, {self.eccentricity}, "
            f"on {width:g} x {height:g} deg at {1 / self.grid.pixel_size:g} pixels per degree, "
            f"seed {self.seed}.",
            f"{refused} draws did not fit and were redrawn ({100 * refused / (n + refused):.1f} %): "
            f"{self.too_large} too large for the frame, {self.too_fine} too fine for its pixels"
            + (", which depletes high and low frequencies and long envelopes." if refused else "."),
            f"{self.moved} cells were moved from their place towards the middle until they fitted.",
            "The tables are drawn from independently of each other. In macaque, finer cells tend to have "
            "narrower bandwidths (De Valois et al. 1982b), so n_x and frequency are not independent; n_x and "
            "n_y were counted in simple cells and are used for all.",
        ]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that makes the population by name, for saving."""
        fraction = np.nan if self.simple_fraction is None else self.simple_fraction
        return {
            "gabor": np.stack(list(self.gabor.parameters().values())),
            "shape": np.array(self.grid.shape),
            "pixel_size": np.array(self.grid.pixel_size),
            "simple_fraction": np.array(fraction),
            **{name: np.array(getattr(self, name)) for name in (*_OF_EACH, *_WORDS, *_NUMBERS)},
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a population from saved arrays."""
        names = ("alpha", "beta_x", "beta_y", "f", "phi", "x0", "y0", "tau")
        ny, nx = (int(side) for side in arrays["shape"])
        fraction = float(arrays["simple_fraction"])
        plain: dict[str, Any] = {name: arrays[name] for name in _OF_EACH}
        plain |= {name: str(arrays[name]) for name in _WORDS}
        plain |= {name: int(arrays[name]) for name in _NUMBERS}
        return cls(
            gabor=Gabor(**dict(zip(names, arrays["gabor"], strict=True))),
            grid=Grid((ny, nx), pixel_size=float(arrays["pixel_size"]), unit="deg"),
            simple_fraction=None if np.isnan(fraction) else fraction,
            **plain,
        )


def _table(scores: tuple[Score, ...]) -> list[str]:
    """Return the scores as lines of text."""
    lines = [
        f"{'statistic':26}{'source':24}{'n':>6}{'KS':>8}{'95 % band':>11}{'chi2':>8}{'df':>4}{'p':>8}",
    ]
    for s in scores:
        band = f"{s.ks_band:.3f}" if np.isfinite(s.ks_band) else "-"
        lines.append(
            f"{s.statistic:26}{s.source:24}{s.n:6d}{s.ks:8.3f}{band:>11}"
            f"{s.chi2:8.1f}{s.degrees:4d}{s.p_value:8.3f}"
        )
    return lines
