"""What is said of a unit follows from its response to noise, whoever it is."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, revcorr, stimuli
from v1sim.analysis import RecoveredUnits, complexity_index, describe_recovered, recovered_planes
from v1sim.analysis._recovered import _averages, _noise_free

GRID = Grid((10, 12))
N = 60_000
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=[0.15, 0.17], orientation_deg=[40.0, 130.0], n_x=[0.4, 0.35], n_y=[0.4, 0.5]
)


def unit_norm(field):
    return field / np.linalg.norm(field)


def halves():
    even, odd = (unit_norm(g.render(GRID)) for g in (BANK[0], BANK[0].quadrature()))
    return even, unit_norm(odd - even * (even * odd).sum())


def recover(responder):
    noise = stimuli.GaussianNoise(GRID, n_frames=N, seed=3)
    return revcorr.sta(noise, responder), revcorr.stc(noise, responder)


# Closed forms for u ~ N(0, 1): E[r], E[r u] and E[r u^2] give |s|^2 = (E[r u] / E[r])^2 and the excess
# E[r u^2] / E[r] - 1 of the covariance about the origin.
CLOSED_FORMS = {
    "half-wave": (lambda u, v: np.maximum(u, 0), 1 / (1 + np.pi)),
    "half-squared": (lambda u, v: np.maximum(u, 0) ** 2, 2 / (2 + 8 / np.pi)),
    "energy": (lambda u, v: u**2 + v**2, 1.0),
    "norm": (lambda u, v: np.hypot(u, v), 1.0),
    "exponential": (lambda u, v: np.exp(u / 2), 0.25**2 / 2 / (0.25 + 0.25**2 / 2)),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_complexity_index_is_the_second_order_share(name):
    response, expected = CLOSED_FORMS[name]
    even, odd = halves()

    def unit(frames):
        flat = frames.reshape(len(frames), -1)
        return response(flat @ even.ravel(), flat @ odd.ravel())

    assert complexity_index(*recover(unit))[0] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("ratio", [0.3, 1.8, 3.0])
def test_a_variance_ratio_is_freed_of_what_noise_adds_to_it(ratio):
    """Baik & Silverstein 2006: a spike l in the covariance is seen at l + gamma l / (l - 1)."""
    seen = ratio + 0.04 * ratio / (ratio - 1)
    assert _noise_free(np.array([seen]), 0.04)[0] == pytest.approx(ratio, rel=1e-9)


def test_the_power_of_an_average_is_freed_of_what_noise_adds_to_it():
    """Half-wave cells have |s|^2 = pi / 2; from 2,000 frames of 120 pixels noise adds a tenth to it."""
    noise = stimuli.GaussianNoise(GRID, n_frames=2000, seed=5)
    bank = gabor.Gabor.from_tuning(
        spatial_frequency=0.15, orientation_deg=np.arange(0, 180, 6), n_x=0.4, n_y=0.4
    )
    units = cells.SimpleCells(bank, GRID)
    found = _averages(revcorr.sta(noise, units), revcorr.stc(noise, units), 0.05)
    assert np.square(found).sum(axis=1).mean() == pytest.approx(np.pi / 2, rel=0.04)


def test_rows_of_simple_complex_and_idle_units_stand_one_under_the_other(rng):
    simple, pair = cells.SimpleCells(BANK, GRID), cells.ComplexCells(BANK, GRID)
    idle = rng.poisson(1.0, (N, 1)).astype(np.float32)
    frames = stimuli.GaussianNoise(GRID, n_frames=N, seed=3).frames(0, N)
    found = describe_recovered(
        *recover(np.concatenate([simple.respond(frames), pair.respond(frames), idle], axis=1)), GRID
    )
    assert found.kind.tolist() == ["simple", "simple", "complex", "complex", "none"]
    assert found.n_excitatory.tolist() == [0, 0, 2, 2, 0]
    assert found.n_suppressive.tolist() == [1, 1, 0, 0, 0]  # half of noise varies less about its mean
    rows = found.to_table()
    assert np.abs(np.array(rows["orientation_deg"][:4]) - [40, 130, 40, 130]).max() < 3
    assert np.array(rows["spatial_frequency"][:2]) == pytest.approx([0.15, 0.17], rel=0.03)
    assert np.array(rows["symmetry_deg"][:2]) == pytest.approx([0, 0], abs=5)
    assert np.isnan(rows["symmetry_deg"][2:]).all()  # a pair of both phases has none of its own
    assert np.isnan([rows["spatial_frequency"][4], rows["complexity_index"][4], rows["velocity"][0]]).all()
    assert {len(column) for column in rows.values()} == {5}


@pytest.mark.parametrize("complexity", [0.3, 0.6, 1.0])
def test_the_plane_of_a_cell_between_simple_and_complex_is_its_pairs(complexity):
    cell = cells.IntermediateCells(BANK, GRID, complexity=complexity)
    for pair, plane in zip(cell.pairs, recovered_planes(*recover(cell))[:, :, 0], strict=True):
        bases = [np.linalg.qr(fields.reshape(2, -1).T)[0] for fields in (pair, plane)]
        assert np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).min() > 0.96


def test_a_blob_has_no_carrier_and_still_its_place_and_shape():
    found = describe_recovered(*recover(cells.SimpleCells(BANK, GRID)))
    rows = replace(found, blob=np.array([True, False])).to_table()
    for name in ("spatial_frequency", "symmetry_deg"):
        assert np.isnan(rows[name]).tolist() == [True, False]
    assert np.isfinite(rows["orientation_deg"]).all()


def test_r_squared_of_a_plane_is_the_mean_squared_cosine_with_its_pair(rng):
    """One axis of a pair, the other turned 60 degrees out of its plane: (1 + 1/4) / 2."""
    even, odd = (half.ravel() for half in halves())
    away = rng.standard_normal(even.size)
    away = unit_norm(away - even * (even @ away) - odd * (odd @ away))
    turned = odd * 0.5 + away * np.sqrt(0.75)

    def unit(frames):
        flat = frames.reshape(len(frames), -1)
        return np.hypot(flat @ even, flat @ turned)

    assert describe_recovered(*recover(unit)).r_squared[0] == pytest.approx(0.625, abs=0.04)


def test_a_unit_without_a_second_direction_has_no_plane():
    assert np.isnan(recovered_planes(*recover(cells.SimpleCells(BANK[:1], GRID)))).all()


def test_a_direction_selective_cell_has_its_velocity_in_space_and_time():
    grid = Grid((1, 20))
    noise = stimuli.GaussianNoise(grid, n_frames=80_000, seed=1)
    tau = np.arctan(-0.8)  # the carrier's direction in x and -lag: bars move 0.8 px a frame to the right
    even = gabor.Gabor(alpha=1, beta_x=0.06, beta_y=0.09, f=1.2, phi=0, x0=0, y0=0, tau=tau)
    pair = np.stack([even.render(Grid((8, 20))), even.quadrature().render(Grid((8, 20)))])[:, :, None]
    responses = np.hypot(*cells.from_filters(pair).respond(noise.frames(0, noise.n_frames)).T)
    found = describe_recovered(
        revcorr.sta(noise, responses, n_lags=8), revcorr.stc(noise, responses, n_lags=8), grid
    )
    rows = found.to_table()
    assert found.is_space_time
    assert rows["kind"] == ["complex"]
    frequency = 1.2 / (2 * np.pi)
    assert rows["velocity"][0] == pytest.approx(0.8, rel=0.05)
    assert rows["spatial_frequency"][0] == pytest.approx(frequency * np.cos(tau), rel=0.05)
    assert rows["temporal_frequency"][0] == pytest.approx(-frequency * np.sin(tau), rel=0.05)
    assert np.isnan(rows["orientation_deg"][0])


def test_a_gabor_is_fitted_within_what_a_unit_can_see_and_stays_in_its_place():
    """A field that a window cuts off is a Gabor within the window, and none on the whole frame."""
    grid = Grid((20, 24))
    window = np.array([[3, 13, 10, 22]])
    field = np.zeros(grid.shape)
    g = gabor.Gabor.from_tuning(
        spatial_frequency=0.12, orientation_deg=30, n_x=0.5, n_y=0.6, centre=(3.0, 2.5)
    )
    field[3:13, 10:22] = g.render(grid)[3:13, 10:22]
    noise = stimuli.GaussianNoise(grid, n_frames=N, seed=0)
    cell = cells.from_filters(field[None], nonlinearity="relu")
    results = revcorr.sta(noise, cell), revcorr.stc(noise, cell, rank=2)
    found = describe_recovered(*results, grid, windows=window)
    assert found.r_squared[0] > 0.95 > describe_recovered(*results, grid).r_squared[0]
    parameters = dict(zip(g.parameters(), found.parameters[:, 0], strict=True))
    assert (parameters["x0"], parameters["y0"]) == pytest.approx((3.0, 2.5), abs=0.3)
    assert found.to_table()["n_x"][0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ([[0, 10, 0, 13]], "within the frame of 10 x 12"),
        ([[0, 10, -1, 5]], "within the frame"),
        ([[4, 4, 0, 12]], "within the frame"),
        ([[0, 10, 0, 12]] * 2, r"shape \(1, 4\)"),
        ([[0.0, 10.0, 0.0, 12.0]], "integers"),
    ],
)
def test_windows_outside_the_frame_are_refused(windows, message):
    results = recover(cells.SimpleCells(BANK[:1], GRID))
    with pytest.raises(ValueError, match=message):
        describe_recovered(*results, GRID, windows=np.array(windows))


@pytest.mark.parametrize("window", [[4, 6, 0, 12], [4, 7, 5, 8]])
def test_a_window_too_small_for_a_gabor_has_none_and_keeps_the_rest(window):
    found = describe_recovered(*recover(cells.SimpleCells(BANK[:1], GRID)), GRID, windows=np.array([window]))
    assert found.kind.tolist() == ["simple"]
    assert np.isnan(found.r_squared).all()


def test_results_that_do_not_belong_together_are_refused():
    noise = stimuli.GaussianNoise(GRID, n_frames=2000, seed=0)
    two, one = cells.SimpleCells(BANK, GRID), cells.SimpleCells(BANK[:1], GRID)
    sta, stc = revcorr.sta(noise, two), revcorr.stc(noise, two)
    for measure in (describe_recovered, complexity_index, recovered_planes):
        with pytest.raises(ValueError, match="same units"):
            measure(sta, revcorr.stc(noise, one))
        with pytest.raises(ValueError, match="about the STA"):
            measure(sta, revcorr.stc(noise, two, project_sta=True))
        with pytest.raises(TypeError, match="must be an STA and an STC, got STC, STA"):
            measure(stc, sta)
        with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
            measure(sta, stc, alpha=1.5)


def test_saved_rows_come_back():
    found = describe_recovered(*recover(cells.SimpleCells(BANK, GRID)))
    again = RecoveredUnits.from_arrays(found.arrays()).to_table()
    for name, column in found.to_table().items():
        np.testing.assert_array_equal(again[name], column)
