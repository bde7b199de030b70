"""The engine against slow references: explicit design matrices and an independent optimiser."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from v1sim import Grid
from v1sim.gabor import Bounds, Gabor, fit_gabor
from v1sim.gabor._chart import AT_BOUND, polynomials, second_derivatives
from v1sim.gabor._levenberg import _step, minimise
from v1sim.gabor._moments import Pixels, scratch
from v1sim.gabor._problem import Normal, Problem
from v1sim.gabor._rivals import FAMILIES

BASES = Path(__file__).parents[2].parent / "shared" / "data" / "sparsenet_bases_144x12x12.npy"
GRID = Grid((9, 12))


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def problem_of(data, family, weights=None, offset=False):
    pixels, box = Pixels.of(GRID), Bounds().box(GRID)
    seen = data if weights is None else data * weights
    power = (seen * data).sum(axis=1)
    room = scratch(pixels)
    return Problem(pixels, box, seen, weights, power, offset=offset, room=room, family=family)


def reference_cost(free, data, name, weights, offset):
    """Cost of one field by an explicit design matrix and numpy's least squares."""
    box, half = Bounds().box(GRID), max(GRID.size) / 2
    x0, y0, log_sx, log_sy, log_f, tau = box.inside(free[None])[0][0]
    x, y = GRID.x / half - x0, GRID.y / half - y0
    along, across = x * np.cos(tau) + y * np.sin(tau), -x * np.sin(tau) + y * np.cos(tau)
    if name == "dog":
        columns = [np.exp(-(x**2 + y**2) / (2 * np.exp(2 * s))) for s in (log_sx, log_sy)]
    else:
        window = np.exp(-(along**2) / (2 * np.exp(2 * log_sx)) - across**2 / (2 * np.exp(2 * log_sy)))
        columns = [window * np.cos(np.exp(log_f) * along), window * np.sin(np.exp(log_f) * along)]
        columns = {"gaussian": columns[:1], "gaussian_derivative": columns[1:]}.get(name, columns)
    if offset:
        columns.append(np.ones(GRID.shape))
    root = np.ones(data.size) if weights is None else np.sqrt(weights)
    design = np.stack([column.ravel() * root for column in columns], axis=1)
    residual = data * root - design @ np.linalg.lstsq(design, data * root, rcond=None)[0]
    return residual @ residual


@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["gabor", "dog", "gaussian", "gaussian_derivative"])
def test_cost_and_gradient_are_those_of_the_explicit_problem(rng, name, weighted, offset):
    data = rng.standard_normal((4, GRID.shape[0] * GRID.shape[1]))
    weights = rng.uniform(0, 2, data.shape) if weighted else None
    if offset:
        data = data - np.average(data, axis=1, weights=weights)[:, None]
    problem = problem_of(data, FAMILIES[name], weights, offset)
    free = rng.uniform(-0.6, 0.6, (4, 6))
    normal = problem.normal(free, np.arange(4))
    frozen = set(FAMILIES[name].frozen)
    for i in range(4):
        here = None if weights is None else weights[i]
        assert normal.cost[i] == pytest.approx(reference_cost(free[i], data[i], name, here, offset), rel=1e-9)
        for j in set(range(6)) - frozen:
            step = np.eye(6)[j] * 1e-5
            rise = reference_cost(free[i] + step, data[i], name, here, offset) - reference_cost(
                free[i] - step, data[i], name, here, offset
            )
            assert -2 * normal.gradient[i, j] == pytest.approx(rise / 2e-5, rel=1e-5, abs=1e-5)


def test_the_gauss_newton_matrix_is_the_curvature_where_the_residual_vanishes(rng):
    free = rng.uniform(-0.5, 0.5, (1, 6))
    x0, y0, log_sx, log_sy, log_f, tau = Bounds().box(GRID).inside(free)[0][0]
    half = max(GRID.size) / 2
    truth = Gabor(
        alpha=1,
        beta_x=np.exp(-2 * log_sx) / 2 / half**2,
        beta_y=np.exp(-2 * log_sy) / 2 / half**2,
        f=np.exp(log_f) / half,
        phi=0.7,
        x0=x0 * half,
        y0=y0 * half,
        tau=tau,
    )
    data = truth.render(GRID).reshape(1, -1)
    normal = problem_of(data, FAMILIES["gabor"]).normal(free, np.arange(1))
    assert normal.cost[0] < 1e-12
    for _ in range(5):
        step = 1e-4 * rng.standard_normal(6)
        cost = reference_cost(free[0] + step, data[0], "gabor", None, False)
        assert cost == pytest.approx(step @ normal.hessian[0] @ step, rel=5e-3)


def test_second_derivatives_are_the_differences_of_first_ones(rng):
    shape = rng.uniform(-0.8, 0.8, (5, 6))
    sums = rng.standard_normal((5, 6)) + 1j * rng.standard_normal((5, 6))

    def first(shape):
        _, _, d_envelope, d_carrier = polynomials(shape)
        linear = d_carrier.shape[2]
        return np.einsum("nim,nm->ni", d_envelope, sums) + 1j * np.einsum(
            "nim,nm->ni", d_carrier, sums[:, :linear]
        )

    for j, step in enumerate(1e-5 * np.eye(6)):
        expected = (first(shape + step) - first(shape - step)) / 2e-5
        np.testing.assert_allclose(second_derivatives(shape, sums)[:, j], expected, rtol=1e-6, atol=1e-7)


def test_far_tails_of_an_envelope_are_zero_and_not_the_slow_smallest_numbers():
    pixels = Pixels.of(Grid((24, 32)), np.float32)
    shape = np.array([[0.9, -0.7, np.log(0.05), np.log(0.1), np.log(20.0), 0.3]])
    envelope, carrier, *_ = FAMILIES["gabor"].polynomials(shape)
    atoms = np.stack(FAMILIES["gabor"].atoms(pixels, envelope, carrier, scratch(pixels)))
    assert (atoms == 0).any()
    assert np.abs(atoms).max() > 0.5
    power = (atoms**2).sum(axis=0)  # of the envelope alone
    assert power[power > 0].min() >= np.finfo(np.float32).tiny


def test_a_coordinate_that_is_pushed_beyond_its_bound_stops_there(rng):
    wide = np.cos(0.9 * GRID.x + 0.3) + 0.05 * rng.standard_normal(GRID.shape)  # no envelope at all
    problem = problem_of(wide.reshape(1, -1), FAMILIES["gabor"])
    start = problem.box.free(np.array([[0.0, 0, -0.5, -0.5, np.log(0.9 * 6), 0]]))
    end = minimise(problem, start, np.arange(1), tolerance=1e-12, max_iterations=200)
    assert problem.box.reached(end.free)[0, 2:4].any()
    assert np.abs(end.free).max() < 2 * AT_BOUND


def test_chunks_do_not_show(rng):
    n, grid = 700, Grid((14, 18))
    truth = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.1, 0.2, n),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(0.3, 0.6, n),
        n_y=rng.uniform(0.3, 0.6, n),
        phase=rng.uniform(-3, 3, n),
        centre=(rng.uniform(-3, 3, n), rng.uniform(-2, 2, n)),
    )
    fields = truth.render(grid) + 0.1 * rng.standard_normal((n, *grid.shape))
    whole = fit_gabor(fields)
    for i in (0, 1, 300, 510, 511, 512, 513, 698, 699):
        alone = fit_gabor(fields[i])
        assert float(alone.r_squared) == pytest.approx(whole.r_squared[i], rel=1e-6)
        for name, value in alone.gabor.parameters().items():
            apart = abs(value - getattr(whole.gabor, name)[i])
            assert apart < 0.01 * alone.standard_error[name], name


@pytest.mark.skipif(not BASES.exists(), reason="the learned bases are not at hand")
def test_no_real_filter_is_fitted_worse_than_by_an_independent_optimiser_from_there():
    fields = np.load(BASES).astype(np.float64)[:40]
    grid = Grid(fields.shape[1:])
    fit = fit_gabor(fields, grid)
    trusted = np.flatnonzero(fit.converged & ~fit.flagged)
    assert len(trusted) > 20
    names = list(fit.gabor.parameters())
    for i in trusted:
        start = [float(value[i]) for value in fit.gabor.parameters().values()]

        def residual(p, field=fields[i]):
            return (Gabor(**dict(zip(names, p, strict=True))).render(grid) - field).ravel()

        peer = least_squares(residual, start, x_scale="jac", max_nfev=30)
        assert 2 * peer.cost >= (1 - 1e-3) * (fit[i].residual ** 2).sum()


@pytest.mark.skipif(not BASES.exists(), reason="the learned bases are not at hand")
def test_real_filters_are_fitted_or_flagged_and_never_degenerate():
    fields = np.load(BASES).astype(np.float64)
    fit = fit_gabor(fields, offset=True)
    assert np.median(fit.r_squared) >= 0.92
    g = fit.gabor
    outside = np.maximum(np.abs(g.x0), np.abs(g.y0)) > 6
    wide = np.maximum(g.sigma_x, g.sigma_y) > 12
    assert not ((outside | wide | (g.spatial_frequency > 0.5)) & ~fit.flagged).any()


def test_a_field_whose_two_atoms_are_one_to_rounding_stays_where_it_is():
    """Projecting both out leaves rounding, whose sign is an accident: it is no slope to follow, nor NaN."""
    left = -np.diag([1.6e2, 2.8e3, 5e-5, 0.18, 28.0, 1.7e2])
    here = Normal(np.ones(1), np.full((1, 6), 0.5), left[None], np.ones((1, 2)))
    free = np.full((1, 6), 0.3)
    step, promised = _step(here, np.zeros((1, 6, 6)), free, np.full(1, 1e-2), np.ones(6, bool))
    np.testing.assert_array_equal(step, 0)
    assert promised[0] <= 0


def test_fields_of_few_large_pixels_are_fitted_as_said():
    """On the way of one of these fields an envelope is so narrow that its two atoms are one to rounding."""
    fields = np.random.default_rng(13).standard_t(2, (200, 12, 12))[80:85]
    fit = fit_gabor(fields, Grid((12, 12)))
    about = fields - fields.mean(axis=(1, 2), keepdims=True)
    rest = ((fields - fit.render(Grid((12, 12)))) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(fit.r_squared, 1 - rest / (about**2).sum(axis=(1, 2)), atol=1e-9)
