"""Are known receptive fields recovered? Model cells watch noise; only frames and responses are analysed."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim._types import FloatArray, Responder
from v1sim.cells import ComplexCells, Poisson, SimpleCells
from v1sim.gabor import Gabor, fit_gabor, fit_quadrature
from v1sim.grid import Grid
from v1sim.revcorr import STASums, STCSums, sta_from_sums, stc_from_sums
from v1sim.stimuli import BinaryNoise, GaussianNoise
from v1sim.stream import Job, Progress, run

SMALLEST_SIDE = 16
"""Fewest pixels along a side: the lowest-frequency cells then stay below half the Nyquist frequency."""
CYCLES_PER_PATCH = (3.0, 5.5)
WIDTH_CYCLES = (0.25, 0.5)
LENGTH_CYCLES = (0.3, 0.6)
"""Ranges of F (per shorter side), n_x and n_y: the bulk of Ringach 2002, as far as it fits the patch."""
HIGHEST_FREQUENCY = 0.25
"""Highest F [cycles/px]: half the Nyquist frequency."""


@dataclass(frozen=True, kw_only=True)
class ReverseCorrelationConfig:
    """What to simulate.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns (ny, nx) of a frame, at least 16 each.
    n_frames : int
        Number of frames.
    n_simple, n_complex : int
        Number of half-rectified simple and of complex cells, at least one in all.
    noise : {"gaussian", "binary"}
        Kind of white noise.
    mean_rate : float or None
        Mean rate of Poisson spikes [spikes/s]; without it, responses are the cells' own, noiseless.
    frame_rate : float
        Frames per second, for spikes.
    seed : int
        Seed of the cells, the noise and the spikes.
    """

    shape: tuple[int, int] = (32, 32)
    n_frames: int = 200_000
    n_simple: int = 24
    n_complex: int = 8
    noise: Literal["gaussian", "binary"] = "gaussian"
    mean_rate: float | None = None
    frame_rate: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checks.shape2d("shape", self.shape))
        if min(self.shape) < SMALLEST_SIDE:
            raise ValueError(f"shape must be at least {SMALLEST_SIDE} pixels a side, got {self.shape}")
        _checks.integer("n_frames", self.n_frames, minimum=1)
        _checks.integer("n_simple", self.n_simple, minimum=0)
        _checks.integer("n_complex", self.n_complex, minimum=0)
        if self.n_simple + self.n_complex == 0:
            raise ValueError("n_simple and n_complex must not both be 0: there would be no cell")
        _checks.choice("noise", self.noise, ("gaussian", "binary"))
        if self.mean_rate is not None:
            _checks.positive("mean_rate", self.mean_rate)
        _checks.positive("frame_rate", self.frame_rate)
        _checks.seed("seed", self.seed)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReverseCorrelationResult:
    """What was put in and what came out; simple cells first, n = n_simple + n_complex.

    Parameters
    ----------
    is_complex : ndarray of bool, shape (n,)
        Kind of each cell.
    true_parameters : ndarray, shape (8, n)
        Gabor parameters of the cells, in the order of `v1sim.gabor.Gabor`. Of a complex cell, those of the
        quadrature pair that fits its own pair best: balancing moves a pair of few cycles off the plain one.
    true_fields : ndarray, shape (n, 2, ny, nx)
        Weights of a simple cell (twice the same), or the balanced pair of a complex one.
    recovered_fields : ndarray, shape (n, 2, ny, nx)
        STA of a simple cell (twice the same), or the first two STC axes of a complex one.
    fitted_parameters : ndarray, shape (8, n)
        Gabor fitted to the STA of a simple cell; even half of the quadrature pair fitted to the STC plane of
        a complex one.
    fitted_r_squared : ndarray, shape (n,)
        Share of the variance of that field, or of that plane, that the fit explains.
    converged : ndarray of bool, shape (n,)
        Whether the fit came to rest.
    recovery : ndarray, shape (n,)
        Recovered against true, at the best scale: R^2 of the STA for a simple cell, smallest principal
        cosine of the two planes for a complex one.
    eigenvalues : ndarray, shape (n_complex, ny * nx)
        STC spectra as variance ratios.
    edges : ndarray, shape (n_complex, 2)
        Edges of the spectrum of chance, lower and upper.
    n_axes : ndarray of int, shape (n_complex, 2)
        Number of excitatory and of suppressive axes beyond them.
    example_frame : ndarray, shape (ny, nx)
        The first frame of the noise.
    """

    is_complex: NDArray[np.bool_]
    true_parameters: FloatArray
    true_fields: FloatArray
    recovered_fields: FloatArray
    fitted_parameters: FloatArray
    fitted_r_squared: FloatArray
    converged: NDArray[np.bool_]
    recovery: FloatArray
    eigenvalues: FloatArray
    edges: FloatArray
    n_axes: NDArray[np.int64]
    example_frame: NDArray[np.float32]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every array by name, for saving."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make a result from saved arrays."""
        return cls(**arrays)

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
        ny, nx = self.example_frame.shape
        return Grid((ny, nx))

    @property
    def truth(self) -> Gabor:
        """The cells' Gabors, in canonical form."""
        return _unpacked(self.true_parameters).canonical()

    @property
    def fitted(self) -> Gabor:
        """The fitted Gabors."""
        return _unpacked(self.fitted_parameters)

    @property
    def orientation_error_deg(self) -> FloatArray:
        """Distance of fitted from true orientation [degrees, 0 to 90], shape (n,)."""
        difference = self.fitted.orientation_deg - self.truth.orientation_deg
        return np.asarray(np.abs((difference + 90) % 180 - 90))

    @property
    def phase_error_deg(self) -> FloatArray:
        """Fitted minus true phase [degrees, -180 to 180], shape (n,).

        Where the orientation was folded at 0 or 180 degrees, the fitted phase is turned around with it.
        """
        folded = np.abs(self.fitted.tau - self.truth.tau) > np.pi / 2
        difference = np.where(folded, -self.fitted.phi, self.fitted.phi) - self.truth.phi
        return np.asarray(np.rad2deg((difference + np.pi) % (2 * np.pi) - np.pi))

    @property
    def frequency_error(self) -> FloatArray:
        """Relative error of the spatial frequency, shape (n,)."""
        return np.asarray(np.abs(self.fitted.spatial_frequency / self.truth.spatial_frequency - 1))


def reverse_correlation(
    config: ReverseCorrelationConfig, *, workers: int | None = None, progress: Progress | None = None
) -> ReverseCorrelationResult:
    """Show noise to model cells, recover their fields by STA and STC, fit Gabors, compare with the truth.

    Parameters
    ----------
    config : ReverseCorrelationConfig
        What to simulate.
    workers : int, optional
        Number of threads; all cores unless told. The result does not depend on it.
    progress : callable, optional
        Called with (frames done, frames in all).

    Returns
    -------
    ReverseCorrelationResult

    Raises
    ------
    ValueError
        If the configuration is impossible.
    """
    grid = Grid(config.shape)
    truth = sample_gabors(config.n_simple + config.n_complex, grid, np.random.default_rng(config.seed))
    is_complex = np.arange(len(truth)) >= config.n_simple
    noise_seed, *spike_seeds = (int(k) for k in np.random.SeedSequence(config.seed).generate_state(3))
    noise = _NOISE[config.noise](grid, n_frames=config.n_frames, seed=noise_seed)
    simple, complex_ = SimpleCells(truth[~is_complex], grid), ComplexCells(truth[is_complex], grid)
    jobs: list[Job] = [
        (_spiking(simple, config, spike_seeds[0]), partial(STASums, config.n_simple, grid.shape, 1)),
        (_spiking(complex_, config, spike_seeds[1]), partial(STCSums, config.n_complex, grid.shape, 1)),
    ]
    sta_sums, stc_sums = run(noise, jobs, workers=workers, progress=progress)
    sta, stc = sta_from_sums(sta_sums), stc_from_sums(stc_sums)

    true_fields = np.concatenate([np.repeat(simple.weights[:, None], 2, axis=1), complex_.pairs])
    recovered = np.concatenate([np.repeat(sta.rf, 2, axis=1), stc.eigenvectors[:, :2, 0]])
    targets, fits = _plane_fits(complex_.pairs, grid), _plane_fits(recovered[is_complex], grid)
    true_parameters, (parameters, r_squared, converged) = (
        _packed(truth),
        _field_fits(sta.rf[:, 0], grid, workers),
    )
    true_parameters[:, is_complex] = targets[0]
    return ReverseCorrelationResult(
        is_complex=is_complex,
        true_parameters=true_parameters,
        true_fields=true_fields,
        recovered_fields=recovered,
        fitted_parameters=np.concatenate([parameters, fits[0]], axis=1),
        fitted_r_squared=np.concatenate([r_squared, fits[1]]),
        converged=np.concatenate([converged, fits[2]]),
        recovery=np.where(
            is_complex,
            smallest_principal_cosine(true_fields, recovered),
            _r_squared(true_fields[:, 0], recovered[:, 0]),
        ),
        eigenvalues=stc.eigenvalues,
        edges=np.array([(found.lower, found.upper) for found in stc.significance]).reshape(-1, 2),
        n_axes=np.column_stack([stc.n_excitatory, stc.n_suppressive]).astype(np.int64),
        example_frame=noise.frames(0, 1)[0],
    )


_Fits = tuple[FloatArray, FloatArray, NDArray[np.bool_]]
_NOISE: dict[str, type[GaussianNoise] | type[BinaryNoise]] = {
    "gaussian": GaussianNoise,
    "binary": BinaryNoise,
}


def sample_gabors(n: int, grid: Grid, rng: np.random.Generator) -> Gabor:
    """Draw a bank of Gabors that fit a patch: frequency, widths, orientation, phase and centre are uniform.

    Parameters
    ----------
    n : int
        Number of Gabors.
    grid : Grid
        The patch, in pixels.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Gabor
        Of shape (n,).
    """
    side = min(grid.shape)
    frequency = rng.uniform(*CYCLES_PER_PATCH, n) / side
    return Gabor.from_tuning(
        spatial_frequency=np.minimum(frequency, HIGHEST_FREQUENCY),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(*WIDTH_CYCLES, n),
        n_y=rng.uniform(*LENGTH_CYCLES, n),
        phase=rng.uniform(-np.pi, np.pi, n),
        centre=(rng.uniform(-1, 1, n) * side / 16, rng.uniform(-1, 1, n) * side / 16),
    )


def _spiking(cells: SimpleCells | ComplexCells, config: ReverseCorrelationConfig, seed: int) -> Responder:
    if config.mean_rate is None:
        return cells
    return Poisson(cells, mean_rate=config.mean_rate, frame_rate=config.frame_rate, seed=seed)


def _field_fits(fields: FloatArray, grid: Grid, workers: int | None) -> _Fits:
    """Fit a Gabor to each field (n, ny, nx): parameters (8, n), R^2 (n,), whether it came to rest (n,)."""
    if not len(fields):
        return np.empty((8, 0)), np.empty(0), np.empty(0, bool)
    fit = fit_gabor(fields, grid, workers=workers)
    return _packed(fit.gabor), fit.r_squared, fit.converged


def _plane_fits(planes: FloatArray, grid: Grid) -> _Fits:
    """Fit a quadrature pair to each plane (n, 2, ny, nx): the even half, mean squared cosine, at rest."""
    fits = [fit_quadrature(plane, grid) for plane in planes]
    return (
        np.array([[*fit.even.canonical().parameters().values()] for fit in fits]).reshape(-1, 8).T,
        np.array([np.square(fit.principal_cosines).mean() for fit in fits]),
        np.array([fit.converged for fit in fits], bool),
    )


def _packed(gabor: Gabor) -> FloatArray:
    return np.stack(list(gabor.parameters().values()))


def _unpacked(parameters: FloatArray) -> Gabor:
    return Gabor(**dict(zip((field.name for field in fields(Gabor)), parameters, strict=True)))


def _r_squared(true: FloatArray, recovered: FloatArray) -> FloatArray:
    """Return the squared cosine between fields (n, ny, nx): R^2 at the best scale, without an offset."""
    overlap = np.einsum("nyx,nyx->n", true, recovered)
    energy = np.einsum("nyx,nyx->n", true, true) * np.einsum("nyx,nyx->n", recovered, recovered)
    return np.asarray(overlap**2 / energy)


def smallest_principal_cosine(true: FloatArray, recovered: FloatArray) -> FloatArray:
    """Return the cosine of the largest angle between planes spanned by pairs (n, 2, ny, nx)."""
    size = true.shape[2] * true.shape[3]
    bases = [np.linalg.qr(pairs.reshape(-1, 2, size).swapaxes(1, 2))[0] for pairs in (true, recovered)]
    return np.linalg.svd(bases[0].swapaxes(1, 2) @ bases[1], compute_uv=False)[:, -1]
