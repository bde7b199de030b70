"""Fits against closed truths: round trips, symmetries, an independent optimiser, bounds, failure as data."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from scipy.optimize import least_squares

from v1sim import Grid
from v1sim.gabor import Bounds, Gabor, fit_gabor

NAMES = ("alpha", "beta_x", "beta_y", "f", "phi", "x0", "y0", "tau")


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def population(rng, n, scale=1.0):
    """Gabors of 24 x 32 pixels that are well inside the patch and not blobs, lengths times `scale`."""
    return Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.08, 0.22, n) / scale,
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(0.25, 0.6, n),
        n_y=rng.uniform(0.25, 0.6, n),
        phase=rng.uniform(-np.pi, np.pi, n),
        centre=(rng.uniform(-5, 5, n) * scale, rng.uniform(-3, 3, n) * scale),
        amplitude=rng.uniform(0.1, 10, n),
    ).canonical()


def assert_same(found, truth, rtol):
    for name in ("alpha", "beta_x", "beta_y", "f"):
        np.testing.assert_allclose(getattr(found, name), getattr(truth, name), rtol=rtol)
    np.testing.assert_allclose(found.x0, truth.x0, atol=rtol / truth.f.min())
    np.testing.assert_allclose(found.y0, truth.y0, atol=rtol / truth.f.min())
    # tau and phi are angles, and (tau + pi, -phi) is the same function
    np.testing.assert_allclose(np.exp(2j * found.tau), np.exp(2j * truth.tau), atol=rtol)
    sign = np.sign(np.cos(found.tau - truth.tau))
    np.testing.assert_allclose(np.exp(1j * sign * found.phi), np.exp(1j * truth.phi), atol=rtol)


@pytest.mark.parametrize("shape", [(24, 32), (32, 24), (25, 31)])
def test_a_rendered_gabor_is_recovered_to_ten_digits(rng, shape):
    grid, truth = Grid(shape), population(rng, 40)
    fit = fit_gabor(truth.render(grid), grid, tolerance=1e-14)
    assert fit.converged.all()
    assert not fit.flagged.any()
    assert_same(fit.gabor, truth, 1e-9)
    np.testing.assert_allclose(fit.r_squared, 1, atol=1e-12)


def test_lengths_come_out_in_the_unit_of_the_grid(rng):
    grid, truth = Grid((24, 32), pixel_size=0.05, unit="deg"), population(rng, 10, scale=0.05)
    fit = fit_gabor(truth.render(grid), grid, tolerance=1e-14)
    assert_same(fit.gabor, truth, 1e-9)


def curvature(residual, at, scale):
    """Second derivatives of half the sum of squares, by differences of a share of `scale`."""
    steps = 0.02 * np.diag(scale)

    def half_squares(p):
        return 0.5 * np.sum(residual(p) ** 2)

    def mixed(a, b):
        ends = [sign * half_squares(at + a + sign * b) for sign in (1, -1)]
        return sum(ends) - sum(sign * half_squares(at - a + sign * b) for sign in (1, -1))

    return np.array([[mixed(a, b) / (4 * a.sum() * b.sum()) for b in steps] for a in steps])


def test_the_fit_is_the_optimum_that_scipy_finds(rng):
    grid, truth = Grid((16, 20)), population(rng, 8, scale=0.7)
    fields = truth.render(grid)
    fields = fields + rng.normal(scale=0.5 * fields.std(axis=(1, 2), keepdims=True), size=fields.shape)
    fit = fit_gabor(fields, grid, tolerance=1e-12)
    for one, field in zip(fit, fields, strict=True):
        start = [float(value) for value in one.gabor.parameters().values()]

        def residual(p, field=field):
            return (Gabor(**dict(zip(NAMES, p, strict=True))).render(grid) - field).ravel()

        peer = least_squares(
            residual, np.array(start) * 1.01, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14
        )
        assert np.sum(one.residual**2) <= 2 * peer.cost * (1 + 1e-9)
        np.testing.assert_allclose(start, peer.x, rtol=1e-4, atol=1e-4)
        s2 = 2 * peer.cost / (field.size - 8)
        plain = peer.jac.T @ peer.jac
        inverse = np.linalg.inv(curvature(residual, peer.x, np.sqrt(s2 / np.diag(plain))))
        expected = np.sqrt(s2 * np.diag(inverse @ plain @ inverse))
        np.testing.assert_allclose([float(e) for e in one.standard_error.values()], expected, rtol=1e-3)
        assert float(one.noise_sd) == pytest.approx(np.sqrt(s2), rel=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": -1, "phi": np.pi},
        {"f": -1, "phi_sign": -1},
        {"tau": np.pi, "phi_sign": -1},
        {"phi": 4 * np.pi},
    ],
)
def test_all_names_of_one_function_fold_to_one_fit(rng, change):
    grid, truth = Grid((24, 32)), population(rng, 5)
    p = dict(truth.parameters())
    p["alpha"] = p["alpha"] * change.get("alpha", 1)
    p["f"] = p["f"] * change.get("f", 1)
    p["tau"] = p["tau"] + change.get("tau", 0)
    p["phi"] = p["phi"] * change.get("phi_sign", 1) + change.get("phi", 0)
    fit = fit_gabor(Gabor(**p).render(grid), grid, tolerance=1e-14)
    assert_same(fit.gabor, truth, 1e-8)
    assert ((fit.gabor.tau >= 0) & (fit.gabor.tau < np.pi)).all()
    assert (fit.gabor.alpha > 0).all()


def test_scaling_a_field_scales_amplitude_and_noise_alone(rng):
    grid = Grid((24, 32))
    fields = population(rng, 5).render(grid) + rng.normal(scale=0.05, size=(5, *grid.shape))
    one, other = fit_gabor(fields, grid), fit_gabor(fields * 1e-30, grid)
    np.testing.assert_allclose(other.gabor.alpha, one.gabor.alpha * 1e-30, rtol=1e-6)
    np.testing.assert_allclose(other.noise_sd, one.noise_sd * 1e-30, rtol=1e-6)
    np.testing.assert_allclose(other.gabor.f, one.gabor.f, rtol=1e-6)
    np.testing.assert_allclose(other.r_squared, one.r_squared, rtol=1e-9)


def test_turning_the_picture_turns_the_gabor(rng):
    grid = Grid((24, 24))
    fields = population(rng, 6, scale=0.8).render(grid) + rng.normal(scale=0.02, size=(6, 24, 24))
    fit = fit_gabor(fields, grid)
    turned = fit_gabor(np.rot90(fields, axes=(1, 2)), grid)  # counter-clockwise, as tau counts
    np.testing.assert_allclose(
        np.exp(2j * turned.gabor.tau), np.exp(2j * (fit.gabor.tau + np.pi / 2)), atol=1e-4
    )
    np.testing.assert_allclose(turned.gabor.x0, -fit.gabor.y0, atol=1e-3)
    np.testing.assert_allclose(turned.r_squared, fit.r_squared, rtol=1e-8)


def test_an_offset_is_fitted_when_asked_for(rng):
    grid, truth = Grid((24, 32)), population(rng, 5)
    fit = fit_gabor(truth.render(grid) + 0.7, grid, offset=True, tolerance=1e-14)
    assert_same(fit.gabor, truth, 1e-7)
    np.testing.assert_allclose(fit.offset, 0.7, atol=1e-8)
    np.testing.assert_allclose(fit.render(), truth.render(grid) + 0.7, atol=1e-8)


def test_pixels_of_weight_zero_are_not_looked_at(rng):
    grid, truth = Grid((24, 32)), population(rng, 5)
    fields, weights = truth.render(grid), np.ones((24, 32))
    fields[:, 10:13, 4:9], weights[10:13, 4:9] = np.nan, 0
    fit = fit_gabor(fields, grid, weights=weights, tolerance=1e-14)
    assert_same(fit.gabor, truth, 1e-8)
    with pytest.raises(ValueError, match="fields must be finite wherever weights are above 0"):
        fit_gabor(fields, grid, weights=np.ones((24, 32)))


def test_a_weight_of_two_counts_like_two_pixels_in_the_estimate(rng):
    grid = Grid((12, 14))
    field = population(rng, 1, scale=0.6).render(grid)[0] + rng.normal(scale=0.05, size=(12, 14))
    other = field + rng.normal(scale=0.05, size=(12, 14))
    weights = rng.integers(1, 4, size=(12, 14)).astype(float)
    fit = fit_gabor(field, grid, weights=weights, tolerance=1e-12)
    names = list(fit.gabor.parameters())

    def residual(p):
        model = Gabor(**dict(zip(names, p, strict=True))).render(grid)
        return (np.sqrt(weights) * (model - field)).ravel()

    start = [float(v) for v in fit.gabor.parameters().values()]
    peer = least_squares(residual, start, x_scale="jac", xtol=1e-14, ftol=1e-14)
    np.testing.assert_allclose(start, peer.x, rtol=1e-4)
    assert not np.allclose(
        start, [float(v) for v in fit_gabor(other, grid).gabor.parameters().values()], rtol=1e-4
    )


def test_bounds_hold_and_are_flagged():
    grid = Grid((16, 16))
    spot = np.zeros((16, 16))
    spot[5, 9] = 1.0  # finer than any envelope of half a pixel
    fit = fit_gabor(spot, grid)
    assert fit.gabor.sigma_x >= 0.5 - 1e-9
    assert fit.gabor.sigma_y >= 0.5 - 1e-9
    ramp = np.linspace(1, 3, 16) * np.ones((16, 1))
    fit = fit_gabor(ramp, grid)
    assert fit.flags["at_bound"] or fit.flags["blob"]
    assert fit.gabor.sigma_x <= 16 + 1e-9
    assert abs(fit.gabor.x0) <= 12 + 1e-9
    checkers = (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    fit = fit_gabor(checkers, grid)
    assert fit.gabor.spatial_frequency <= 0.5 + 1e-9
    assert fit.flags["beyond_nyquist"] or fit.r_squared < 0.5


def test_tighter_bounds_are_kept(rng):
    grid = Grid((24, 32))
    bounds = Bounds(margin=0, smallest_sigma_px=2, largest_sigma=0.1, largest_frequency=0.3)
    fit = fit_gabor(rng.normal(size=(30, 24, 32)), grid, bounds=bounds)
    assert (fit.gabor.sigma_x >= 2 - 1e-9).all()
    assert (fit.gabor.sigma_y <= 3.2 + 1e-9).all()
    assert (fit.gabor.spatial_frequency <= 0.15 + 1e-9).all()
    assert (np.abs(fit.gabor.y0) <= 12 + 1e-9).all()


def test_a_constant_field_is_dead_and_says_so(rng):
    grid = Grid((24, 32))
    fields = population(rng, 3).render(grid)
    fields[1] = 4.25
    fit = fit_gabor(fields, grid)
    np.testing.assert_array_equal(fit.flags["dead"], [False, True, False])
    assert not fit.converged[1]
    assert np.isnan(fit.r_squared[1])
    assert "constant" in fit.message[1]
    assert fit.message[0] == "converged"
    np.testing.assert_allclose(fit.render()[1], 4.25)


def test_a_blob_is_flagged():
    grid = Grid((24, 32))
    truth = Gabor.from_tuning(spatial_frequency=0.02, orientation_deg=30, n_x=0.05, n_y=0.08)
    fit = fit_gabor(truth.render(grid), grid)
    assert fit.flags["blob"]
    assert "size" in fit.message


def test_results_are_the_same_bits_for_any_number_of_threads(rng):
    fields = rng.normal(size=(600, 9, 11)).cumsum(axis=1)
    one, two, three = (fit_gabor(fields, workers=w) for w in (1, 2, 3))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one.gabor, name), getattr(two.gabor, name))
        np.testing.assert_array_equal(getattr(one.gabor, name), getattr(three.gabor, name))
    np.testing.assert_array_equal(one.covariance, two.covariance)


def test_views_and_half_precision_are_taken_and_left_alone(rng):
    grid = Grid((24, 32))
    fields = population(rng, 4).render(grid)
    turned = np.asfortranarray(fields.transpose(0, 2, 1)).transpose(0, 2, 1)[::-1]
    before = turned.copy()
    fit = fit_gabor(turned, grid)
    np.testing.assert_array_equal(turned, before)
    np.testing.assert_allclose(fit.gabor.f[::-1], fit_gabor(fields, grid).gabor.f, rtol=1e-6)
    half = fit_gabor(fields.astype(np.float16), grid)
    np.testing.assert_allclose(half.gabor.f, fit.gabor.f[::-1], rtol=1e-2)
    assert fit_gabor((fields * 100).astype(np.int8), grid).converged.all()


def test_a_fit_is_indexed_like_an_array(rng):
    grid = Grid((24, 32))
    fields = population(rng, 5).render(grid)
    fit = fit_gabor(fields, grid)
    assert len(fit) == 5
    assert fit[2].shape == ()
    assert fit[1:4].shape == (3,)
    assert fit[fit.r_squared > 0.5].shape == (5,)
    single = fit_gabor(fields[2], grid)
    assert single.shape == ()
    assert single.render().shape == grid.shape
    np.testing.assert_allclose(single.gabor.f, fit[2].gabor.f, rtol=1e-9)
    np.testing.assert_allclose(fit.residual, fields - fit.render())
    with pytest.raises(TypeError, match="cannot be indexed"):
        single[0]


def test_intervals_have_the_level_asked_for(rng):
    grid = Grid((24, 32))
    fields = population(rng, 3).render(grid) + rng.normal(scale=0.05, size=(3, 24, 32))
    fit = fit_gabor(fields, grid)
    narrow, wide = fit.confidence_interval(0.5), fit.confidence_interval(0.99)
    for name, value in fit.gabor.parameters().items():
        assert (wide[name][:, 0] < narrow[name][:, 0]).all()
        assert (narrow[name][:, 0] < value).all()
        assert (value < narrow[name][:, 1]).all()
        assert (narrow[name][:, 1] < wide[name][:, 1]).all()
    width = np.diff(wide["x0"])[:, 0]  # 768 - 8 degrees of freedom: nearly normal, 2 x 2.58
    np.testing.assert_allclose(width / fit.standard_error["x0"], 2 * 2.582, rtol=1e-3)


@pytest.mark.parametrize(
    ("fields", "options", "error", "words"),
    [
        (np.ones((1, 20)), {}, ValueError, "a profile has no orientation"),
        (np.ones((5, 2, 20)), {}, ValueError, "a profile has no orientation"),
        (np.ones((3, 3)), {}, ValueError, "more than 9 pixels"),
        (np.ones(20), {}, ValueError, r"fields must have the shape \(ny, nx\)"),
        (np.ones((2, 2, 2, 5, 5)), {}, ValueError, r"fields must have the shape \(ny, nx\)"),
        (np.ones((0, 5, 5)), {}, ValueError, "at least one field"),
        (np.ones((5, 5)) * 1j, {}, TypeError, "fields must hold real numbers"),
        (np.full((5, 5), np.nan), {}, ValueError, "fields must be finite"),
        (np.ones((5, 5)), {"grid": Grid((5, 6))}, ValueError, r"grid is of shape \(5, 6\)"),
        (np.ma.masked_less(np.eye(5), 1), {}, ValueError, "fields has masked values"),
        (np.ones((5, 5)), {"grid": (5, 5)}, TypeError, "grid must be a Grid, got tuple"),
        (np.ones((5, 5)), {"bounds": (1, 2)}, TypeError, "bounds must be Bounds, got tuple"),
        (np.ones((2, 0, 5, 5)), {}, ValueError, "kernels must have channels and pixels"),
        (np.ones((5, 5)), {"weights": np.ones(4)}, ValueError, "do not broadcast"),
        (np.ones((5, 5)), {"weights": -np.ones((5, 5))}, ValueError, "weights must be at least 0"),
        (np.ones((5, 5)), {"weights": np.eye(5)}, ValueError, "weights must be above 0 at 9 pixels"),
        (np.ones((5, 5)), {"workers": 0}, ValueError, "workers must be at least 1"),
        (np.ones((5, 5)), {"starts": 1.5}, TypeError, "starts must be an integer"),
        (np.ones((5, 5)), {"tolerance": 0}, ValueError, "tolerance must be finite and above 0"),
    ],
)
def test_misuse_is_refused_by_name(fields, options, error, words):
    with pytest.raises(error, match=words):
        fit_gabor(fields, **options)


@pytest.mark.parametrize(
    "options", [{"margin": -1}, {"largest_frequency": 2}, {"smallest_sigma_px": 0}, {"largest_sigma": np.inf}]
)
def test_bounds_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Bounds(**options)
    with pytest.raises(ValueError, match="smallest_sigma_px"):
        fit_gabor(np.eye(8), bounds=Bounds(smallest_sigma_px=9))


def test_progress_counts_fields(rng):
    seen = []
    fit_gabor(rng.normal(size=(600, 5, 5)), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(512, 600), (600, 600)]


def test_a_fit_can_be_started_from_gabors(rng):
    grid, truth = Grid((24, 32)), population(rng, 5)
    fields = truth.render(grid)
    assert_same(fit_gabor(fields, grid, starts=truth, tolerance=1e-14).gabor, truth, 1e-9)
    far = Gabor.from_tuning(spatial_frequency=0.4, orientation_deg=0, n_x=0.5, n_y=0.5)
    assert (fit_gabor(fields, grid, starts=far).r_squared < 0.99).any()  # it does start there
    with pytest.raises(ValueError, match="starts must be one Gabor or one a field"):
        fit_gabor(fields, grid, starts=truth[:3])


def test_processes_give_the_bits_that_threads_give(rng):
    fields = rng.normal(size=(600, 7, 9)).cumsum(axis=1)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = fit_gabor(fields, executor=pool)
    here = fit_gabor(fields, workers=1)
    np.testing.assert_array_equal(there.gabor.f, here.gabor.f)
    np.testing.assert_array_equal(there.covariance, here.covariance)


def test_kernels_that_have_faded_are_dead(rng):
    grid = Grid((24, 32))
    fields = population(rng, 5).render(grid)
    fields[3] *= 1e-8
    np.testing.assert_array_equal(fit_gabor(fields, grid).flags["dead"], np.arange(5) == 3)
    assert not fit_gabor(fields[3], grid).flags["dead"]  # alone, there is nothing to compare it with


def test_colour_kernels_are_fitted_by_their_spatial_part(rng):
    grid, truth = Grid((24, 32)), population(rng, 4)
    colours = np.abs(rng.normal(size=(4, 3)))
    kernels = colours[:, :, None, None] * truth.render(grid)[:, None]
    fit = fit_gabor(kernels, grid, tolerance=1e-14)
    expected = truth.alpha * np.linalg.norm(colours, axis=1)
    np.testing.assert_allclose(fit.gabor.alpha, expected, rtol=1e-8)
    np.testing.assert_allclose(fit.gabor.f, truth.f, rtol=1e-8)
    np.testing.assert_allclose(fit[1].colour.colour, colours[1] / np.linalg.norm(colours[1]), rtol=1e-9)
    assert fit_gabor(truth.render(grid), grid).colour is None


def test_fits_that_end_on_a_bound_converge_there(rng):
    grid = Grid((14, 16))
    wide = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.1, 0.2, 60),
        orientation_deg=rng.uniform(0, 180, 60),
        n_x=rng.uniform(3, 6, 60),
        n_y=rng.uniform(3, 6, 60),
    )
    fields = wide.render(grid) + 0.05 * rng.standard_normal((60, 14, 16))
    fit = fit_gabor(fields, grid)
    assert fit.flags["at_bound"].mean() > 0.8
    assert fit.converged.mean() > 0.95
    assert np.isnan(fit.standard_error["beta_x"][fit.flags["at_bound"]]).any()
    assert np.isfinite(fit.standard_error["f"]).mean() > 0.9
