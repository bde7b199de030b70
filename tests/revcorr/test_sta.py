"""What an STA says of itself: where the field is, whether it is real, how reliable, how separable."""

import numpy as np
import pytest

from v1sim import cells, gabor, stimuli
from v1sim.revcorr import sta

SHAPE = (9, 13)


@pytest.fixture(scope="module")
def noise():
    return stimuli.GaussianNoise(SHAPE, n_frames=40_000, seed=9)


@pytest.fixture(scope="module")
def driven_and_idle(noise):
    """One cell driven two frames back, one that ignores the stimulus."""
    g = gabor.Gabor(alpha=1, beta_x=0.2, beta_y=0.1, f=1.2, phi=0, x0=1, y0=-1, tau=0.4)
    response = cells.SimpleCells(g, noise.grid).respond(noise.frames(0, noise.n_frames))
    idle = np.random.default_rng(3).poisson(0.3, noise.n_frames)
    return np.column_stack([np.roll(response[:, 0], 2), idle])


@pytest.fixture(scope="module")
def result(noise, driven_and_idle):
    return sta(noise, driven_and_idle, n_lags=4)


def test_the_maximum_statistic_tells_a_field_from_noise(result):
    assert result.p_value[0] < 1e-12
    assert result.p_value[1] > 0.01


def test_p_values_of_idle_cells_are_uniform(noise):
    counts = np.random.default_rng(4).poisson(0.3, (noise.n_frames, 300))
    p = np.sort(sta(noise, counts).p_value)
    distance = np.abs(p - (np.arange(300) + 0.5) / 300).max()
    assert distance < 1.95 / np.sqrt(300)  # Kolmogorov, p = .001


def test_the_footprint_is_the_field_with_few_false_pixels(result):
    footprint = result.footprint(0.05)
    assert footprint.shape == result.rf.shape
    assert result.peak_lag[0] == 2
    at_peak = footprint[0, 2]
    others = np.delete(footprint[0], 2, axis=0)
    assert at_peak.sum() > 15
    assert others.sum() <= 0.05 * at_peak.sum() + 3 * np.sqrt(0.05 * at_peak.sum()) + 1
    assert footprint[1].sum() <= 2


def test_the_footprint_follows_benjamini_and_hochberg(result):
    """By hand: the largest k with p_(k) <= q k / m, with p from erfc."""
    from math import erfc, sqrt

    z = result.z[0].ravel()
    p = np.array([erfc(abs(value) / sqrt(2)) for value in z])
    ranked = sorted(p)
    passing = [k for k in range(1, len(p) + 1) if ranked[k - 1] <= 0.1 * k / len(p)]
    assert result.footprint(0.1)[0].sum() == max(passing)


def test_reliability_is_what_a_second_experiment_gives(noise, driven_and_idle):
    short = stimuli.ArrayStimulus(noise.frames(0, 2000))
    other = stimuli.ArrayStimulus(noise.frames(20_000, 22_000))
    first = sta(short, driven_and_idle[:2000], n_lags=4)
    second = sta(other, driven_and_idle[20_000:22_000], n_lags=4)
    for unit in (0, 1):
        again = np.corrcoef(first.rf[unit].ravel(), second.rf[unit].ravel())[0, 1]
        assert first.reliability[unit] == pytest.approx(again, abs=0.25)
    assert first.reliability[0] > 0.5
    assert sta(noise, driven_and_idle, n_lags=4).reliability[0] > 0.97


def test_a_separable_field_is_split_into_its_factors(noise):
    """Weights (0, 1, -.5, 0) over lags times a spatial field."""
    g = gabor.Gabor(alpha=1, beta_x=0.2, beta_y=0.1, f=1.2, phi=0.5, x0=0, y0=0, tau=2)
    drive = cells.SimpleCells(g, noise.grid, nonlinearity="linear").respond(noise.frames(0, noise.n_frames))
    recovered = sta(noise, np.roll(drive, 1, axis=0) - 0.5 * np.roll(drive, 2, axis=0), n_lags=4)
    split = recovered.separate()
    np.testing.assert_allclose(split.temporal, np.array([0, 1, -0.5, 0]) / np.sqrt(1.25), atol=0.05)
    spatial = g.render(noise.grid) * np.sqrt(1.25)
    assert np.linalg.norm(split.spatial - spatial) < 0.1 * np.linalg.norm(spatial)
    assert split.rank == 1
    assert split.share > 0.97


def test_a_drifting_field_is_not_separable(noise):
    """A quarter cycle a frame: two products, of equal energy (even and odd)."""
    g = gabor.Gabor(
        alpha=1, beta_x=0.05, beta_y=0.1, f=1.2, phi=np.array([0, 1, 2, 3]) * np.pi / 2, x0=0, y0=0, tau=0
    )
    drive = cells.SimpleCells(g, noise.grid, nonlinearity="linear").respond(noise.frames(0, noise.n_frames))
    response = sum(np.roll(drive[:, lag], lag) for lag in range(4))
    split = sta(noise, response, n_lags=4).separate()
    assert split.rank == 2
    assert split.share == pytest.approx(0.5, abs=0.03)


def test_results_of_two_halves_add_up_to_the_whole(noise, driven_and_idle):
    whole = sta(noise, driven_and_idle, n_lags=3, breaks=(17_000,))
    parts = [
        sta(stimuli.ArrayStimulus(noise.frames(a, b)), driven_and_idle[a:b], n_lags=3)
        for a, b in ((0, 17_000), (17_000, 40_000))
    ]
    added = parts[0] + parts[1]
    assert added.n_frames == whole.n_frames == 40_000 - 4
    np.testing.assert_allclose(added.rf, whole.rf, atol=2e-7)  # blocks are cut elsewhere: float32 sums
    np.testing.assert_allclose(added.standard_error, whole.standard_error, rtol=1e-6)
    aligned = sta(noise, driven_and_idle)
    first, second = (
        sta(stimuli.ArrayStimulus(noise.frames(a, b)), driven_and_idle[a:b])
        for a, b in ((0, 2048 * 8), (2048 * 8, 40_000))
    )
    np.testing.assert_allclose((first + second).rf, aligned.rf, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(first.n_frames, 2048 * 8)  # the parts are as they were


def test_impossible_false_discovery_rates_are_refused(result):
    with pytest.raises(ValueError, match="false_discovery_rate must lie between 0 and 1, got 1"):
        result.footprint(1)
