"""Mean and variance of each model of spikes, as derived, at steady rates."""

import numpy as np
import pytest

from v1sim import Grid, cells

GRID = Grid((2, 3))
FRAME_RATE, N_CELLS, N_FRAMES = 50.0, 40, 256 * 40


def steady(frames):
    return np.ones((len(frames), N_CELLS))


CELLS = cells.from_callable(steady, N_CELLS, grid=GRID)
BLANK = np.zeros((N_FRAMES, *GRID.shape), np.float32)


def counts(make, rate, **options):
    """Counts (n_windows, 256 frames, n_cells) at a steady rate [spikes/s]."""
    drawn = make(CELLS, mean_rate=rate, frame_rate=FRAME_RATE, seed=4, **options).respond(BLANK)
    np.testing.assert_array_equal(drawn, drawn.round())
    return drawn.reshape(-1, 256, N_CELLS)


def mean_and_fano(windows):
    """Mean, and variance over mean, of counts (n_windows, n_cells) taken together."""
    return windows.mean(), windows.var(axis=0, ddof=1).mean() / windows.mean()


def fano_error(n_windows):
    """Five standard errors of a variance ratio, from so many windows of each cell."""
    return 5 * np.sqrt(2 / (n_windows * N_CELLS))


def test_poisson_counts_have_a_fano_factor_of_1():
    drawn = counts(cells.Poisson, 20.0).reshape(-1, N_CELLS)
    mean, fano = mean_and_fano(drawn)
    assert mean == pytest.approx(0.4, rel=5 / np.sqrt(0.4 * drawn.size))
    assert fano == pytest.approx(1, abs=2 * fano_error(len(drawn)))


def test_bernoulli_counts_have_a_fano_factor_of_1_minus_p():
    drawn = counts(cells.Bernoulli, 20.0).reshape(-1, N_CELLS)
    mean, fano = mean_and_fano(drawn)
    assert set(np.unique(drawn)) == {0, 1}
    assert mean == pytest.approx(0.4, rel=5 / np.sqrt(0.4 * drawn.size))
    assert fano == pytest.approx(0.6, abs=fano_error(len(drawn)))


@pytest.mark.parametrize("gain_sd", [0.3, 0.7])
def test_modulated_counts_have_a_fano_factor_of_1_plus_variance_of_gain_times_mean(gain_sd):
    windows = counts(cells.ModulatedPoisson, 20.0, gain_sd=gain_sd, gain_frames=16)
    windows = windows.reshape(-1, 16, N_CELLS).sum(axis=1)
    mean, fano = mean_and_fano(windows)
    expected = 1 + gain_sd**2 * 6.4  # 16 frames of 0.4
    assert mean == pytest.approx(6.4, abs=5 * np.sqrt(6.4 * expected / windows.size))
    assert fano == pytest.approx(expected, rel=2 * fano_error(len(windows)))


@pytest.mark.parametrize(
    ("shape", "dead_s"), [(1.0, 0.0), (1.0, 0.01), (2.0, 0.0), (2.0, 0.02), (4.5, 0.005)]
)
def test_renewal_counts_have_the_fano_factor_of_their_intervals(shape, dead_s):
    """F -> CV^2 = (1 - rate r)^2 / k over long windows, which begin in equilibrium."""
    windows = counts(cells.GammaRenewal, 25.0, shape=shape, refractory_period=dead_s).sum(axis=1)
    mean, fano = mean_and_fano(windows)
    squared_cv = (1 - 25 * dead_s) ** 2 / shape
    assert mean == pytest.approx(128, abs=5 * np.sqrt(128 * squared_cv / windows.size))
    assert fano == pytest.approx(squared_cv, rel=fano_error(len(windows)) + 0.03)


@pytest.mark.parametrize(("shape", "dead_s"), [(4.0, 0.02), (1.0, 0.03)])
def test_renewal_begins_in_equilibrium(shape, dead_s):
    """The rate is the same in every frame after a new beginning, its first frame above all."""
    windows = counts(cells.GammaRenewal, 25.0, shape=shape, refractory_period=dead_s)
    by_frame = windows.mean(axis=(0, 2))
    error = np.sqrt(0.25 / (windows.shape[0] * N_CELLS))  # at most one spike a frame, half of the time
    assert np.abs(by_frame - 0.5).max() < 5.5 * np.sqrt(2) * error
    assert abs(by_frame[0] - 0.5) < 4 * error


def test_refractory_cells_are_silent_after_a_spike():
    """Three frames of dead time: after a spike, none in the next two frames."""
    windows = counts(cells.GammaRenewal, 10.0, shape=1.0, refractory_period=3 / FRAME_RATE)
    assert windows.max() == 1
    for lag in (1, 2):
        assert (windows[:, lag:] * windows[:, :-lag]).sum() == 0
    assert (windows[:, 4:] * windows[:, :-4]).sum() > 0


def halves(frames):
    return np.repeat(np.where(frames[:, :1, 0] > 0, 2.0, 0.5), N_CELLS, axis=1)


def test_renewal_rates_follow_the_response():
    responder = cells.from_callable(halves, N_CELLS, grid=GRID)
    spiking = cells.GammaRenewal(
        responder, mean_rate=12.5, frame_rate=FRAME_RATE, seed=2, shape=3.0, refractory_period=0.01
    )
    frames = BLANK.copy()
    frames[np.arange(N_FRAMES) % 64 >= 32] = 1
    means = spiking.mean_counts(frames)[:, 0]
    drawn = spiking.respond(frames).mean(axis=1).reshape(-1, 64).mean(axis=0)
    assert means[63] == pytest.approx(4 * means[0])
    for frame in (20, 52):  # far from the change the process is in equilibrium again
        around = drawn[frame - 8 : frame + 8].mean()
        assert around == pytest.approx(means[frame], rel=0.05)


def test_renewal_counts_are_the_same_wherever_a_worker_begins():
    spiking = cells.GammaRenewal(
        CELLS, mean_rate=20.0, frame_rate=FRAME_RATE, seed=2, refractory_period=0.004
    )
    whole = spiking.respond(BLANK[:1500])
    for low, high in ((300, 700), (511, 513), (1000, 1500)):
        first = low - (spiking.memory - 1)
        piece = spiking.respond(BLANK[max(first, 0) : high], start=max(first, 0))
        np.testing.assert_array_equal(piece[low - max(first, 0) :], whole[low:high])


def test_additive_noise_has_its_variance_and_leaves_the_mean():
    sd = np.linspace(0, 2, N_CELLS)
    drawn = cells.Noisy(CELLS, sd=sd, seed=3).respond(BLANK)
    assert (np.abs(drawn.mean(axis=0) - 1) <= 5 * sd / np.sqrt(N_FRAMES)).all()
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=5 / np.sqrt(2 * N_FRAMES))
    np.testing.assert_array_equal(drawn[:, 0], 1)


def pixel(frames):
    return np.repeat(np.maximum(frames[:, :1, 0], 0), 2, axis=1)


def test_rates_lie_between_spontaneous_and_maximal():
    cell = cells.Poisson(
        cells.from_callable(pixel, 2, grid=GRID),
        mean_rate=[20.0, 40.0],
        frame_rate=100.0,
        seed=1,
        spontaneous_rate=[5.0, 0.0],
        maximal_rate=[60.0, 90.0],
    )
    frames = np.zeros((3, 2, 3), np.float32)
    frames[:, 0, 0] = [-1, 0.5, 100]
    rates = cell.mean_counts(frames) * 100
    np.testing.assert_allclose(rates[[0, 2]], [[5, 0], [60, 90]])
    # half-wave noise has the mean 1 / sqrt(2 pi), known to about 2 %
    np.testing.assert_allclose(
        rates[1], np.array([5, 0]) + np.array([15, 40]) * 0.5 * np.sqrt(2 * np.pi), rtol=0.1
    )


def test_models_of_one_seed_do_not_share_their_numbers():
    models = [cells.Poisson, cells.Bernoulli]
    first, second = (counts(make, 20.0).ravel() > 0 for make in models)
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (cells.Poisson, {"spontaneous_rate": -1.0}, "spontaneous_rate must be at least 0, got -1"),
        (cells.Poisson, {"spontaneous_rate": 30.0}, r"spontaneous_rate must be below mean_rate.*cells \[0\]"),
        (cells.Poisson, {"spontaneous_rate": 5.0, "maximal_rate": 4.0}, "must be below maximal_rate"),
        (cells.Bernoulli, {"mean_rate": 80.0}, "mean count must be at most 1 a frame, got 1.6 from cells"),
        (cells.ModulatedPoisson, {"gain_sd": 0.0, "gain_frames": 2}, "gain_sd must be finite and above 0"),
        (cells.ModulatedPoisson, {"gain_sd": 1.0, "gain_frames": 0}, "gain_frames must be at least 1"),
        (cells.GammaRenewal, {"shape": 0.0}, "shape must be finite and above 0"),
        (cells.GammaRenewal, {"refractory_period": 0.05}, "rates must stay below 1 / refractory_period, 20"),
    ],
)
def test_impossible_variability_is_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(CELLS, **({"mean_rate": 20.0, "frame_rate": FRAME_RATE, "seed": 0} | options)).respond(BLANK[:9])
