"""Are these filters Gabors? Fits to a stack of filters, beside the same fits to phase-scrambled ones."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.analysis import gabor_like, scrambled_null
from v1sim.gabor import Gabor, GaborFit, fit_gabor, from_arrays, to_arrays
from v1sim.grid import Grid
from v1sim.io import Filters
from v1sim.stream import Progress

DIMENSIONS = (2, 3, 4)
"""One filter (ny, nx), a stack (n, ny, nx), or one with channels (n, channels, ny, nx)."""
SUMMARISED = (
    "r_squared",
    "spatial_frequency",
    "n_x",
    "n_y",
    "aspect_ratio",
    "bandwidth_octaves",
    "orientation_bandwidth_deg",
    "symmetry",
)
"""What has a median over filters; orientation and phase are angles on a circle and have none."""


@dataclass(frozen=True, kw_only=True)
class FilterFitConfig:
    """How to fit filters.

    Parameters
    ----------
    offset : bool
        Fit a constant too: recovered and learned filters often have a mean of their own.
    threshold : float
        R^2 above which a fit counts as Gabor-like, between 0 and 1.
    null_copies : int
        Phase-scrambled copies of each filter that are fitted for the chance level; 0 for none.
    seed : int
        Seed of their phases.
    pixel_size : float or None
        Side of a pixel [degrees of visual angle]. With it lengths are in degrees and frequencies in cycles
        a degree; without, in pixels.
    """

    offset: bool = True
    threshold: float = 0.8
    null_copies: int = 4
    seed: int = 0
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        _checks.probability("threshold", self.threshold)
        _checks.integer("null_copies", self.null_copies, minimum=0)
        _checks.seed("seed", self.seed)
        if self.pixel_size is not None:
            _checks.positive("pixel_size", self.pixel_size)


@dataclass(frozen=True, eq=False, kw_only=True)
class FilterFitResult:
    """Gabors fitted to n filters, and to m phase-scrambled copies of those that are not dead.

    Parameters
    ----------
    fit : GaborFit
        The fit to all filters, of shape (n,).
    layer : str
        Name of the array or layer that they come from, empty where the file has none.
    threshold : float
        R^2 above which a fit counts as Gabor-like.
    null_parameters : ndarray, shape (8, m)
        Gabors fitted to the scrambled copies, in the order of `v1sim.gabor.Gabor`.
    null_r_squared : ndarray, shape (m,)
        Share of the variance that they explain.
    null_blob : ndarray of bool, shape (m,)
        Whether they are flagged as blobs.
    """

    fit: GaborFit
    layer: str
    threshold: float
    null_parameters: FloatArray
    null_r_squared: FloatArray
    null_blob: NDArray[np.bool_]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving; those of the fit as `v1sim.gabor.to_arrays` names them."""
        own = {
            "layer": np.array(self.layer),
            "threshold": np.array(self.threshold),
            "null_parameters": self.null_parameters,
            "null_r_squared": self.null_r_squared,
            "null_blob": self.null_blob,
        }
        return to_arrays(self.fit) | own

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays."""
        return cls(
            fit=from_arrays(arrays),
            layer=str(arrays["layer"]),
            threshold=float(arrays["threshold"]),
            **{name: arrays[name] for name in ("null_parameters", "null_r_squared", "null_blob")},
        )

    @property
    def null_gabor(self) -> Gabor:
        """The Gabors fitted to the scrambled copies, of shape (m,)."""
        return Gabor(**dict(zip(self.fit.gabor.parameters(), self.null_parameters, strict=True)))

    @property
    def live(self) -> NDArray[np.bool_]:
        """Filters with anything in them to fit, shape (n,)."""
        return ~self.fit.flags["dead"]

    @property
    def identified(self) -> NDArray[np.bool_]:
        """Live filters whose frequency and phase can be told, which those of a blob cannot, shape (n,)."""
        return self.live & ~self.fit.flags["blob"]

    @property
    def gabor_like(self) -> NDArray[np.bool_]:
        """Live filters with an R^2 above the threshold, shape (n,)."""
        return self.live & gabor_like(self.fit.r_squared, self.threshold)

    @property
    def null_gabor_like(self) -> NDArray[np.bool_]:
        """Scrambled copies with an R^2 above the threshold, shape (m,)."""
        return gabor_like(self.null_r_squared, self.threshold)

    @property
    def colour_words(self) -> list[str]:
        """``"achromatic"``, ``"opponent"`` or ``"coloured"`` for each filter; empty for dead or grey ones."""
        colour = self.fit.colour
        if colour is None:
            return [""] * len(self.fit)
        words = np.where(colour.achromatic, "achromatic", np.where(colour.opponent, "opponent", "coloured"))
        return [str(word) for word in np.where(self.live, words, "")]

    def medians(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """Return medians over the chosen filters, NaN if there are none.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n,)
            For instance `live` or `identified`.

        Returns
        -------
        dict of str to float
            ``r_squared``, ``spatial_frequency`` [cycles/px or cycles/deg], ``n_x``, ``n_y``,
            ``aspect_ratio``, ``bandwidth_octaves`` (infinite where most are low-pass),
            ``orientation_bandwidth_deg``, ``symmetry`` [radians].
        """
        if not chosen.any():
            return dict.fromkeys(SUMMARISED, np.nan)
        values = {name: getattr(self.fit.gabor, name) for name in SUMMARISED if name != "r_squared"}
        return {
            name: float(np.median(value[chosen]))
            for name, value in ({"r_squared": self.fit.r_squared} | values).items()
        }

    def to_table(self) -> dict[str, list[Any]]:
        """Return the columns of `v1sim.gabor.GaborFit.to_table`, and for kernels with channels their colour.

        Returns
        -------
        dict of str to list
            Of colour: the word for it, the share of the power that its spatial part explains, and the
            weight of each channel.
        """
        columns, colour = self.fit.to_table(), self.fit.colour
        if colour is None:
            return columns
        weights = {f"channel_{k}": weight.tolist() for k, weight in enumerate(colour.colour.T)}
        return columns | {
            "colour": self.colour_words,
            "colour_explained": colour.explained.tolist(),
            **weights,
        }


def fit_filters(
    filters: Filters,
    config: FilterFitConfig,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> FilterFitResult:
    """Fit a Gabor to each filter and to phase-scrambled copies of it.

    Parameters
    ----------
    filters : Filters
        Kernels (ny, nx), (n, ny, nx) or (n, channels, ny, nx), as `v1sim.io.read_filters` gives them.
    config : FilterFitConfig
        Offset, threshold and null.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    progress : callable, optional
        Called with (fits done, fits in all).

    Returns
    -------
    FilterFitResult
        Blobs are fitted by simpler functions too, and `GaborFit.model` names the best.

    Raises
    ------
    TypeError, ValueError
        If the kernels are not real or not finite, are of another number of dimensions, or have no more
        pixels than a Gabor has parameters.
    """
    kernels = _checks.real_array("filters", filters.kernels)
    if kernels.ndim not in DIMENSIONS:
        raise ValueError(
            f"filters must have the shape (ny, nx), (n, ny, nx) or (n, channels, ny, nx), got {kernels.shape}"
        )
    if kernels.size == 0:
        raise ValueError(f"filters must hold at least one filter, got shape {kernels.shape}")
    stack = kernels[None] if kernels.ndim == min(DIMENSIONS) else kernels
    total = len(stack) * (1 + config.null_copies)

    def told(before: int) -> Progress | None:
        return None if progress is None else lambda done, _: progress(before + done, total)

    ny, nx = (int(side) for side in stack.shape[-2:])
    grid = Grid((ny, nx)) if config.pixel_size is None else Grid((ny, nx), config.pixel_size, "deg")
    fit = fit_gabor(stack, grid, offset=config.offset, model="auto", workers=workers, progress=told(0))
    null = scrambled_null(
        fit,
        seed=config.seed,
        copies=config.null_copies,
        workers=workers,
        progress=told(total - config.null_copies * int((~fit.flags["dead"]).sum())),
    )
    return FilterFitResult(
        fit=fit,
        layer=filters.layer,
        threshold=config.threshold,
        null_parameters=null.parameters,
        null_r_squared=null.r_squared,
        null_blob=null.blob,
    )
