"""A plane is a plane: quadrature fits find its pair whatever axes it is given by."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from v1sim import Grid
from v1sim.gabor import Gabor, fit_quadrature


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def cell(rng):
    """A Gabor of 18 x 22 pixels."""
    return Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.1, 0.2),
        orientation_deg=rng.uniform(0, 180),
        n_x=rng.uniform(0.3, 0.5),
        n_y=rng.uniform(0.3, 0.5),
        phase=rng.uniform(-np.pi, np.pi),
        centre=(rng.uniform(-2, 2), rng.uniform(-2, 2)),
    ).canonical()


def halves(g, grid):
    pair = np.stack([g.render(grid), g.quadrature().render(grid)])
    return pair / np.linalg.norm(pair, axis=(1, 2), keepdims=True)


def test_a_clean_plane_in_any_rotation_gives_its_pair_back(rng):
    grid = Grid((18, 22))
    for _ in range(10):
        truth = cell(rng)
        mixed = np.einsum("ij,jyx->iyx", rng.normal(size=(2, 2)), halves(truth, grid))
        fit = fit_quadrature(mixed, grid)
        assert fit.converged
        np.testing.assert_allclose(fit.principal_cosines, 1, atol=1e-9)
        for name in ("f", "beta_x", "beta_y"):
            np.testing.assert_allclose(getattr(fit.even, name), getattr(truth, name), rtol=1e-4)
        np.testing.assert_allclose(fit.even.tau, truth.tau, atol=1e-4)
        np.testing.assert_allclose([fit.even.x0, fit.even.y0], [truth.x0, truth.y0], atol=1e-3)
        assert fit.phase_difference_deg == pytest.approx(90, abs=5)  # exactly 90 for halves of equal norm


@threadpool_limits.wrap(limits=1)
def energy_plane(rng, pair, n_eff_per_pixel):
    """Two leading eigenvectors of the response-weighted covariance of an energy cell in white noise."""
    n_pixels = pair[0].size
    weights = pair.reshape(2, -1)
    covariance, total, squares = np.zeros((n_pixels, n_pixels)), 0.0, 0.0
    while total == 0 or total**2 / squares < n_eff_per_pixel * n_pixels:
        frames = rng.standard_normal((4000, n_pixels))
        energy = ((frames @ weights.T) ** 2).sum(axis=1)
        covariance += (frames * energy[:, None]).T @ frames
        total, squares = total + energy.sum(), squares + (energy**2).sum()
    _, vectors = np.linalg.eigh(covariance / total)
    return vectors[:, -2:].T.reshape(pair.shape)


def test_the_pair_of_a_simulated_complex_cell_is_recovered_at_20_effective_spikes_a_pixel(rng):
    grid = Grid((18, 22))
    turned, detuned = [], []
    for _ in range(4):
        truth = cell(rng)
        fit = fit_quadrature(energy_plane(rng, halves(truth, grid), 20), grid)
        off = np.angle(np.exp(2j * (fit.even.tau - truth.tau))) / 2
        turned.append(abs(np.rad2deg(off)))
        detuned.append(abs(float(fit.even.f / truth.f) - 1))
        assert abs(off) < 4 * fit.standard_error["tau"]
        assert abs(fit.even.f - truth.f) < 4 * fit.standard_error["f"]
        assert abs(fit.phase_difference_deg - 90) < 3
        assert fit.principal_cosines.min() > 0.9
    assert np.median(turned) < 1
    assert np.median(detuned) < 0.02


def test_errors_are_the_scatter_of_repeated_fits(rng):
    grid = Grid((18, 22))
    truth = cell(rng)
    pair = halves(truth, grid)
    fits = [fit_quadrature(pair + 0.02 * rng.standard_normal(pair.shape), grid) for _ in range(60)]
    for name in ("f", "x0", "y0"):
        scatter = np.std([float(getattr(fit.even, name)) for fit in fits], ddof=1)
        said = np.median([fit.standard_error[name] for fit in fits])
        assert said == pytest.approx(scatter, rel=0.4)  # 60 draws: 9 %, four times that


def test_rotated_axes_lie_in_the_plane_and_look_like_the_halves(rng):
    grid = Grid((18, 22))
    truth = cell(rng)
    mixed = np.einsum("ij,jyx->iyx", rng.normal(size=(2, 2)), halves(truth, grid))
    fit = fit_quadrature(mixed, grid)
    rendered = fit.render() / np.linalg.norm(fit.render(), axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(fit.rotated, rendered, atol=1e-4)
    both = np.concatenate([mixed, fit.rotated]).reshape(4, -1)
    assert np.linalg.matrix_rank(both, tol=1e-8) == 2


def test_further_axes_do_not_disturb_the_pair(rng):
    grid = Grid((18, 22))
    truth = cell(rng)
    noise = rng.standard_normal((1, 18, 22))
    fit = fit_quadrature(np.concatenate([halves(truth, grid), noise]), grid)
    assert float(fit.even.f) == pytest.approx(float(truth.f), rel=0.02)
    assert fit.principal_cosines.min() > 0.99


@pytest.mark.parametrize("speed", [-1.5, 0.7])
def test_a_moving_grating_in_space_and_lags_gives_its_velocity(speed):
    lags, x = np.arange(16)[:, None], np.arange(24)[None]
    phase = 2 * np.pi * 0.12 * (x - 11.5 - speed * -(lags - 7.5))  # time is minus lag
    window = np.exp(-((x - 11.5) ** 2) / 30 - (lags - 7.5) ** 2 / 18)
    fit = fit_quadrature(np.stack([window * np.cos(phase), window * np.sin(phase)]))
    # The envelope is not aligned with the carrier, as a Gabor's must be, so this is near but not exact.
    assert fit.velocity == pytest.approx(speed, rel=0.15)


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (np.ones((1, 8, 8)), "two axes or more"),
        (np.ones((2, 1, 8)), "3 rows and columns"),
        (np.ones((2, 8, 8)), "independent axes"),
        (np.zeros((2, 8, 8)), "axes that are not zero"),
        (np.full((2, 8, 8), np.nan), "plane must be finite"),
    ],
)
def test_what_is_no_plane_is_refused(plane, words):
    with pytest.raises(ValueError, match=words):
        fit_quadrature(plane)
