"""Temporal kernels, direction-selective fields and motion energy."""

from math import factorial

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, stimuli
from v1sim.revcorr import sta, stc

N_FRAMES, TEMPORAL = 160, 1 / 16
FAST, SLOW = cells.AdelsonBergen(n=3, rate=1.0), cells.AdelsonBergen(n=5, rate=1.0)
GRID = Grid((24, 30))


def drift(orientation_deg, **changes):
    """One more cycle than the cells remember, then ten to look at."""
    options = {"spatial_frequency": 0.12, "temporal_frequency": TEMPORAL} | changes
    movie = stimuli.Grating(GRID, n_frames=N_FRAMES, orientation_deg=orientation_deg, **options)
    return movie.frames(0, N_FRAMES)


def bank(orientation_deg=(35, 100)):
    return gabor.Gabor.from_tuning(
        spatial_frequency=0.12, orientation_deg=orientation_deg, n_x=0.4, n_y=0.4, phase=[0.3, -1.0]
    )


def selective(**changes):
    options = {"temporal_frequency": TEMPORAL, "envelope": cells.GammaEnvelope(tau=3.0), "n_lags": 32}
    return cells.DirectionSelectiveCells(bank(), GRID, **(options | changes))


def energy(**changes):
    return cells.MotionEnergyCells(bank(), GRID, fast=FAST, slow=SLOW, n_lags=32, **changes)


@pytest.mark.parametrize("n", [3, 5])
def test_the_integral_of_adelson_and_bergens_kernel_vanishes(n):
    """Gamma(n + 1) / n! = Gamma(n + 3) / (n + 2)! = 1: the two phases are equal in area."""
    time = np.arange(0, 60, 0.01)
    kernel = cells.AdelsonBergen(n=n, rate=1.5)(time)
    assert kernel.sum() * 0.01 == pytest.approx(0, abs=1e-6)
    crossing = np.sqrt(factorial(n + 2) / factorial(n)) / 1.5  # where (kt)^2 = (n + 2)! / n!
    assert (kernel[(time > 0) & (time < crossing)] > 0).all()
    assert (kernel[time > crossing + 0.01] <= 0).all()


@pytest.mark.parametrize("omega", [0.3, 1.0, 2.0])
def test_the_slow_kernel_is_the_fast_one_through_two_more_stages(omega):
    """Each stage is 1 / (1 + i w / kappa): a quarter cycle behind and half as strong where w = kappa."""
    time = np.arange(0, 60, 0.005)
    fast, slow = ((np.exp(-1j * omega * time) * kernel(time)).sum() for kernel in (FAST, SLOW))
    assert slow / fast == pytest.approx((1 + 1j * omega) ** -2, abs=1e-4)


@pytest.mark.parametrize("weight", [0, 0.6, 1])
def test_the_phases_of_a_biphasic_gamma_have_areas_1_and_w(weight):
    time = np.arange(0, 400, 0.05)
    kernel = cells.BiphasicGamma(tau=2.0, tau_late=3.0, weight=weight)(time)
    assert kernel.sum() * 0.05 == pytest.approx(1 - weight, abs=1e-6)
    if not weight:
        assert time[kernel.argmax()] == pytest.approx(6)  # n tau


def test_a_frame_rate_puts_kernels_in_seconds():
    in_frames = cells.SpaceTimeCells(bank(), GRID, kernel=FAST, n_lags=20)
    in_seconds = cells.SpaceTimeCells(
        bank(), GRID, kernel=cells.AdelsonBergen(n=3, rate=120.0), n_lags=20, frame_rate=120
    )
    np.testing.assert_allclose(in_seconds.kernel, in_frames.kernel)
    assert selective().kernels == pytest.approx(
        selective(
            temporal_frequency=50 * TEMPORAL, envelope=cells.GammaEnvelope(tau=0.06), frame_rate=50
        ).kernels
    )


@pytest.mark.parametrize(
    "make", [selective, lambda: cells.SpaceTimeCells(bank(), GRID, kernel=FAST, n_lags=9)]
)
def test_responses_are_the_space_time_weighted_sum(make, rng):
    cell = make()
    frames = rng.standard_normal((40, *GRID.shape), dtype=np.float32)
    past = frames[::-1][: cell.memory]  # lag 0 first
    expected = np.einsum("nlyx,lyx->n", cell.weights, past)
    np.testing.assert_allclose(cell.respond(frames)[-1], np.maximum(expected, 0), rtol=1e-4, atol=1e-4)


def test_a_drifting_field_is_its_formula():
    g, cell = bank(), selective()
    for lag in (0, 5, 13):
        weights = (
            np.exp(3 * (1 - lag / 9))
            * (lag / 9) ** 3
            * gabor.Gabor(**g.parameters() | {"phi": g.phi + 2 * np.pi * TEMPORAL * lag}).render(GRID)
        )
        np.testing.assert_allclose(cell.weights[:, lag], weights, atol=1e-12)


@pytest.mark.parametrize("make", [selective, energy])
@pytest.mark.parametrize(("unit", "orientation_deg"), [(0, 35), (1, 100)])
def test_direction_selective_cells_prefer_the_direction_of_their_carrier(make, unit, orientation_deg):
    preferred, opposite = (
        make().respond(drift(o))[-64:, unit].mean() for o in (orientation_deg, orientation_deg + 180)
    )
    assert preferred > (4 if make is energy else 10) * opposite


def test_a_negative_temporal_frequency_prefers_the_opposite_direction():
    forth, back = (
        selective(temporal_frequency=s * TEMPORAL).respond(drift(35))[-64:, 0].mean() for s in (1, -1)
    )
    assert forth > 10 * back


def test_separable_cells_have_no_direction():
    cell = cells.SpaceTimeCells(bank(), GRID, kernel=FAST, n_lags=32)
    forth, back = (cell.respond(drift(o))[-64:, 0].mean() for o in (35, 215))
    assert forth == pytest.approx(back, rel=0.02)


def test_motion_energy_of_both_directions_is_that_of_the_kernels_transfer():
    """E+- = A^2 |H_fast -+ i H_slow|^2 for a balanced pair: the ratio needs the two kernels alone."""
    lags = np.arange(32)
    fast, slow = ((np.exp(2j * np.pi * TEMPORAL * lags) * k(lags)).sum() for k in (FAST, SLOW))
    expected = np.abs(fast - 1j * slow) ** 2 / np.abs(fast + 1j * slow) ** 2
    forth, back = (energy().respond(drift(o))[-64:, 0] for o in (35, 215))
    assert forth.mean() / back.mean() == pytest.approx(max(expected, 1 / expected), rel=0.05)
    assert forth.std() / forth.mean() < 0.02  # and it does not see phase


def test_opponent_cells_are_the_difference_and_change_sign_with_direction():
    opponent = energy(opponent=True)
    forth, back = (opponent.respond(drift(o))[-64:, 0].mean() for o in (35, 215))
    assert forth > 0
    assert back == pytest.approx(-forth, rel=0.02)
    reverse = cells.MotionEnergyCells(
        gabor.Gabor(**bank().parameters() | {"tau": bank().tau + np.pi}),
        GRID,
        fast=FAST,
        slow=SLOW,
        n_lags=32,
    )
    movie = drift(20)
    difference = energy().respond(movie) - reverse.respond(movie)
    np.testing.assert_allclose(opponent.respond(movie), difference, rtol=1e-3, atol=1e-3 * difference.max())


def test_a_counterphase_grating_balances_the_opponents():
    still = energy(opponent=True).respond(drift(35, counterphase=True))[-64:, 0].mean()
    assert abs(still) < 0.02 * energy().respond(drift(35, counterphase=True))[-64:, 0].mean()


def test_the_sta_of_a_direction_selective_cell_is_tilted_in_space_and_time():
    """Recovered from noise, the field drifts by omega a lag, along the carrier (half-wave: w / 2)."""
    grid = Grid((9, 11))
    g = gabor.Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=90, n_x=0.4, n_y=0.4)
    cell = cells.DirectionSelectiveCells(
        g, grid, temporal_frequency=0.1, envelope=cells.GammaEnvelope(tau=1.0), n_lags=8
    )
    noise = stimuli.GaussianNoise(grid.shape, n_frames=60_000, seed=3)
    rf = sta(noise, cell, n_lags=8, workers=2).rf[0]
    truth = cell.weights[0]
    assert (rf * truth).sum() / np.linalg.norm(rf) / np.linalg.norm(truth) > 0.97
    assert (rf * truth).sum() / (truth**2).sum() == pytest.approx(0.5, rel=0.03)
    fit = gabor.fit_drifting(rf, grid)
    towards_x = np.cos(float(fit.gabor.tau))  # the canonical tau may name the carrier backwards
    assert abs(towards_x) > np.cos(np.deg2rad(5))
    assert np.sign(towards_x) * fit.drift == pytest.approx(2 * np.pi * 0.1, rel=0.1)


def motion_energy_fields(cell):
    """Both space-time fields of a motion-energy cell, (e_f - o_s, o_f + e_s), from its definition."""
    even, odd = cells.ComplexCells(cell.gabor, cell.grid).pairs[0]
    fast, slow = (k(np.arange(cell.memory)) for k in (cells.AdelsonBergen(n=n, rate=2.0) for n in (3, 5)))
    first = np.multiply.outer(fast, even) - np.multiply.outer(slow, odd)
    return np.stack([first, np.multiply.outer(fast, odd) + np.multiply.outer(slow, even)])


def share_of_drift(fields):
    """Share of the power of fields (n, n_lags, ny, nx) at frequencies that drift to the right.

    A field cos(f x + w l) matches the drift cos(f x - w t): in its spectrum f and w have the same sign.
    """
    power = (np.abs(np.fft.fftn(fields, axes=(1, 3))) ** 2).sum(axis=(0, 2))
    sign = np.sign(np.multiply.outer(*(np.fft.fftfreq(n) for n in power.shape)))
    return power[sign > 0].sum() / power[sign != 0].sum()


@pytest.mark.parametrize(("orientation_deg", "rightwards"), [(90, True), (270, False)])
def test_the_stc_of_a_motion_energy_cell_is_its_pair_tilted_in_space_and_time(orientation_deg, rightwards):
    """The plane is found, to the angle that so many frames allow, and its spectrum tells the direction."""
    grid = Grid((8, 10))
    g = gabor.Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=90, n_x=0.4, n_y=0.4)
    g = gabor.Gabor(**g.parameters() | {"tau": np.deg2rad(orientation_deg - 90.0)})
    fast, slow = (cells.AdelsonBergen(n=n, rate=2.0) for n in (3, 5))
    cell = cells.MotionEnergyCells(g, grid, fast=fast, slow=slow, n_lags=6)
    noise = stimuli.GaussianNoise(grid.shape, n_frames=40_000, seed=5)
    axes = stc(noise, cell, n_lags=6, workers=1).eigenvectors[0, :2].reshape(2, 6, 8, 10)
    truth = motion_energy_fields(cell)
    bases = (np.linalg.qr(fields.reshape(2, -1).T)[0] for fields in (axes, truth))
    cosines = np.linalg.svd(np.matmul(*(b.T if k == 0 else b for k, b in enumerate(bases))))[1]
    assert cosines.min() > 0.95
    found, expected = share_of_drift(axes), share_of_drift(truth)
    assert (expected > 0.8) if rightwards else (expected < 0.2)
    assert found == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.AdelsonBergen(n=0, rate=1.0), "n must be at least 1"),
        (lambda: cells.AdelsonBergen(n=3, rate=-1.0), "rate must be finite and above 0"),
        (lambda: cells.BiphasicGamma(tau=0.0, tau_late=1.0), "tau must be finite and above 0"),
        (lambda: selective(temporal_frequency=0.6), "would alias: frames carry at most 0.5, got 0.6"),
        (lambda: selective(n_lags=0), "n_lags must be at least 1"),
        (lambda: selective(n_lags=1), "kernel must not be zero at all 1 lags"),
        (lambda: selective(envelope=lambda t: t[:-1]), r"one weight a lag, shape \(32,\), got \(31,\)"),
    ],
)
def test_impossible_times_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
