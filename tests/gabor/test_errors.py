"""Errors are calibrated, the bootstrap agrees with them, and the table says what the fit says."""

import csv
import json

import numpy as np
import pytest

from v1sim import Grid
from v1sim.gabor import Gabor, bootstrap, compare_models, fit_gabor


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def noisy(rng, n, grid, snr, n_x=(0.2, 0.7)):
    """Gabors and their noisy fields; `snr` is the ratio of variances."""
    truth = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.08, 0.25, n),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(*n_x, n),
        n_y=rng.uniform(0.2, 0.7, n),
        phase=rng.uniform(-np.pi, np.pi, n),
        centre=(rng.uniform(-4, 4, n), rng.uniform(-4, 4, n)),
    ).canonical()
    clean = truth.render(grid)
    sd = np.sqrt(clean.var(axis=(1, 2), keepdims=True) / snr)
    return truth, clean + sd * rng.standard_normal(clean.shape)


def named_like(truth, found):
    """Parameters of the truth with angles named as near to those found as they can be."""
    turns = np.round((found.tau - truth.tau) / np.pi)
    phi = np.where(turns % 2 == 1, -truth.phi, truth.phi)
    nearest = found.phi + np.angle(np.exp(1j * (phi - found.phi)))
    return truth.parameters() | {"tau": truth.tau + turns * np.pi, "phi": nearest}


@pytest.mark.parametrize(
    ("snr", "n_x", "unflagged", "n"),
    [
        (1.0, (0.2, 0.7), 0.95, 2000),
        (4.0, (0.2, 0.7), 0.95, 2000),
        (1.0, (0.05, 0.7), 0.65, 2000),
        (0.25, (0.2, 0.7), 0.85, 2000),
        (4.0, (0.15, 0.3), 0.7, 2000),
        (1.0, (0.15, 0.3), 0.6, 8000),  # all near the blob limit: flags choose by the noise too
        (0.25, (0.15, 0.3), 0.4, 8000),
    ],
)
def test_the_95_percent_interval_covers_the_truth_in_93_to_97_percent(rng, snr, n_x, unflagged, n):
    grid = Grid((20, 24))
    truth, fields = noisy(rng, n, grid, snr, n_x)
    fit = fit_gabor(fields, grid)
    trusted = ~fit.flagged & fit.converged
    assert trusted.mean() > unflagged
    expected = named_like(truth, fit.gabor)
    for name, interval in fit.confidence_interval(0.95).items():
        inside = (interval[:, 0] <= expected[name]) & (expected[name] <= interval[:, 1])
        assert 0.93 <= inside[trusted].mean() <= 0.97, name


@pytest.mark.parametrize("offset", [False, True])
def test_the_covariance_is_that_of_how_the_minimum_moves_with_every_pixel(rng, offset):
    grid = Grid((11, 14))
    truth = Gabor.from_tuning(spatial_frequency=0.25, orientation_deg=50, n_x=0.5, n_y=0.6, centre=(1, -0.5))
    fields = truth.render(grid)[None] + 0.25 * rng.standard_normal((1, *grid.shape))
    exact = {"offset": offset, "tolerance": 1e-15, "max_iterations": 200}
    fit = fit_gabor(fields, grid, **exact)
    nudge = 0.02 * float(fit.noise_sd[0])
    steps = nudge * np.eye(fields[0].size).reshape(-1, *grid.shape)
    ends = [fit_gabor(fields + sign * steps, grid, starts=fit.gabor[0], **exact) for sign in (1, -1)]
    parameters = [np.stack(list(named_like(end.gabor, fit.gabor).values())) for end in ends]
    moved = (parameters[0] - parameters[1]) / (2 * nudge)
    expected = fit.noise_sd[0] ** 2 * moved @ moved.T
    error = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        fit.covariance[0] / np.outer(error, error), expected / np.outer(error, error), atol=0.01
    )


@pytest.mark.parametrize("phase", [0, np.pi / 2])
def test_near_the_blob_limit_a_field_tells_no_more_of_its_carrier_than_the_fourth_power_of_f(phase):
    """What a Gaussian (or its derivative) of another width leaves of it grows sixteenfold as f doubles."""
    grid = Grid((40, 30))
    power = []
    for frequency in (0.01, 0.02):
        g = Gabor.from_tuning(
            spatial_frequency=frequency, orientation_deg=90, n_x=4 * frequency, n_y=0.1, phase=phase
        )
        field = g.render(grid) / np.linalg.norm(g.render(grid))
        kind = "gaussian_derivative" if phase else "gaussian"
        found = compare_models(field, grid, seed=0, models=(kind,))
        power.append(1 - found.r_squared[kind][0])
    assert power[1] / power[0] == pytest.approx(2 ** (2 * 4), rel=0.3)


def test_noise_sd_is_that_of_the_noise(rng):
    grid = Grid((20, 24))
    truth, _ = noisy(rng, 300, grid, 1.0)
    fit = fit_gabor(truth.render(grid) + 0.3 * rng.standard_normal((300, 20, 24)), grid)
    # the mean of 300 estimates of 472 degrees of freedom each scatters by .3 / sqrt(2 * 300 * 472)
    assert np.mean(fit.noise_sd**2) == pytest.approx(0.09, rel=4 * np.sqrt(2 / (300 * 472)))


def test_goodness_is_that_of_the_residual_plain_and_for_each_degree_of_freedom(rng):
    """1 - SS / SS_total, and the same of variances that are free of bias."""
    _, fields = noisy(rng, 5, Grid((9, 11)), 2.0)
    for offset, n_parameters in ((False, 8), (True, 9)):
        fit = fit_gabor(fields, offset=offset)
        left = (fit.residual**2).sum(axis=(1, 2))
        freedom = fields[0].size - n_parameters
        np.testing.assert_allclose(fit.r_squared, 1 - left / (98 * fields.var(axis=(1, 2), ddof=1)))
        variance = left / freedom
        np.testing.assert_allclose(fit.adjusted_r_squared, 1 - variance / fields.var(axis=(1, 2), ddof=1))
        np.testing.assert_allclose(fit.noise_sd, np.sqrt(variance))
        np.testing.assert_array_equal(fit.degrees_of_freedom, freedom)


def test_most_blobs_are_flagged_and_few_gabors(rng):
    grid = Grid((20, 24))
    _, blobs = noisy(rng, 300, grid, 4.0, n_x=(0.03, 0.08))
    _, gabors = noisy(rng, 300, grid, 4.0, n_x=(0.3, 0.7))
    assert fit_gabor(blobs, grid).flagged.mean() > 0.8
    assert fit_gabor(gabors, grid).flagged.mean() < 0.02


def test_a_field_of_two_equal_gabors_is_ambiguous(rng):
    grid = Grid((24, 24))
    one = Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=50, n_x=0.4, n_y=0.4, centre=(-6, -5))
    alone = one.render(grid)
    noise = 0.02 * rng.standard_normal((24, 24))
    assert not fit_gabor(alone + noise, grid).flags["ambiguous"]
    assert fit_gabor(alone + alone[:, ::-1] + noise, grid).flags["ambiguous"]


def test_the_bootstrap_agrees_with_the_jacobian(rng):
    grid = Grid((20, 24))
    _, fields = noisy(rng, 2, grid, 2.0, n_x=(0.4, 0.6))
    fit = fit_gabor(fields, grid)
    replicas = fit.bootstrap(400, seed=1)
    for name, error in fit.standard_error.items():
        # a standard deviation of 400 draws is known to 3.5 %, curvature adds a little
        np.testing.assert_allclose(replicas.standard_error[name], error, rtol=0.2)
        low, high = replicas.confidence_interval(0.9)[name].T
        assert (low < getattr(fit.gabor, name)).all()
        assert (getattr(fit.gabor, name) < high).all()
    dead = fit_gabor(np.stack([fields[0], 0 * fields[0]]), grid).bootstrap(3, seed=1)
    np.testing.assert_array_equal(np.isnan(dead.standard_error["f"]), [False, True])
    again = bootstrap(fit[1], 5, seed=2)
    assert again.samples["f"].shape == (5,)
    np.testing.assert_array_equal(again.samples["f"], bootstrap(fit[1], 5, seed=2).samples["f"])
    assert not np.array_equal(again.samples["f"], bootstrap(fit[1], 5, seed=3).samples["f"])
    with pytest.raises(ValueError, match="n must be at least 2"):
        bootstrap(fit, 1, seed=0)


def test_table_csv_and_json_hold_the_same_numbers(rng, tmp_path):
    grid = Grid((12, 14), pixel_size=0.1, unit="deg")
    fields = rng.normal(size=(4, 12, 14)).cumsum(axis=1)
    fields[2] = 1.5
    fit = fit_gabor(fields, grid)
    table = fit.to_table()
    assert {len(column) for column in table.values()} == {4}
    assert table["f"] == fit.gabor.f.tolist()
    assert "dead" in table["flags"][2]
    fit.write_csv(tmp_path / "fit.csv")
    with (tmp_path / "fit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["n_x"]) for row in rows] == fit.gabor.n_x.tolist()
    assert [row["message"] for row in rows] == fit.message
    fit.write_json(tmp_path / "fit.json")
    read = json.loads((tmp_path / "fit.json").read_text())
    assert read["unit"] == "deg"
    assert [record["tau"] for record in read["fields"]] == fit.gabor.tau.tolist()
    assert read["fields"][2]["r_squared"] is None
    assert fit[0].to_table()["field"] == [0]
