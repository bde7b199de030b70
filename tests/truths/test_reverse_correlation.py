"""Theory of reverse correlation; tolerances follow from the sample size.

T frames, D pixels, u = s(I) of a filter of unit norm under unit white noise, so that u is standard normal.
"""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, stimuli
from v1sim.revcorr import sta, stc
from v1sim.revcorr._bulk import bulk
from v1sim.revcorr._significance import edge_test, nested_test, neutralise
from v1sim.revcorr._time_shift import draw_shifts

GRID = Grid((14, 18))
T, D = 100_000, 14 * 18


def unit_gabor(**changes):
    parameters = {"beta_x": 0.04, "beta_y": 0.03, "f": 1.0, "phi": 0.6, "x0": 1, "y0": -0.5, "tau": 0.7}
    g = gabor.Gabor(alpha=1, **(parameters | changes))
    norm = np.linalg.norm(g.render(GRID))
    return gabor.Gabor(alpha=1 / norm, **(parameters | changes))


@pytest.fixture(scope="module")
def noise():
    return stimuli.GaussianNoise(GRID, n_frames=T, seed=7)


def residual(recovered, expected):
    return np.linalg.norm(recovered - expected)


@pytest.mark.parametrize(
    ("nonlinearity", "gain", "mean_square"),
    [
        ("linear", 1, 1),
        ("relu", 1 / 2, 1 / 2),  # E[u max(u, 0)] = 1/2
        ("half_squared", 2 / np.sqrt(2 * np.pi), 3 / 2),  # E[u max(u, 0)^2] = 2 / sqrt(2 pi)
        (np.tanh, 0.6057, 0.3943),  # E[1 - tanh^2 u] by Stein's lemma, and E[tanh^2 u]: quadrature
        (np.sign, 2 / np.sqrt(2 * np.pi), 1),  # E|u|
    ],
)
def test_sta_of_a_nonlinear_cell_is_its_filter_times_bussgang_gain(noise, nonlinearity, gain, mean_square):
    g = unit_gabor()
    recovered = sta(noise, cells.SimpleCells(g, GRID, nonlinearity=nonlinearity))
    w = g.render(GRID)
    measured_gain = (recovered.rf[0, 0] * w).sum()
    assert measured_gain == pytest.approx(gain, abs=5 * np.sqrt(3 * mean_square / T))
    predicted = np.sqrt(D * mean_square / T)  # residual norm
    assert residual(recovered.rf[0, 0], gain * w) == pytest.approx(predicted, rel=5 / np.sqrt(2 * D) + 0.2)


def test_the_field_is_the_covariance_whatever_the_mean_and_contrast_of_the_noise(rng):
    frames = 3 + 0.5 * rng.standard_normal((20_000, 5, 3)).astype(np.float32)
    w = rng.standard_normal((5, 3))
    responses = np.tensordot(frames, w, 2) + 10
    recovered = sta(stimuli.ArrayStimulus(frames), responses)
    assert np.abs(recovered.rf[0, 0] - w).max() < 5 * np.linalg.norm(w) / np.sqrt(20_000)


@pytest.mark.parametrize("n_frames", [2_000, 10_000, 50_000])
def test_sta_error_falls_as_paninski_2003_says(n_frames):
    """E|STA - c w|^2 / |c w|^2 = D E[r^2] / (T E[r]^2) relative to the filter, here for a rectified cell."""
    g, n_repeats = unit_gabor(), 6
    w = g.render(GRID)
    cell = cells.SimpleCells(g, GRID)
    errors = []
    for seed in range(n_repeats):
        recovered = sta(stimuli.GaussianNoise(GRID, n_frames=n_frames, seed=seed), cell)
        average = recovered.spike_triggered_average[0, 0]
        expected = w * (1 / 2) / (1 / np.sqrt(2 * np.pi))  # E[u r] / E[r]
        errors.append(((average - expected) ** 2).sum())
    predicted = D * (1 / 2) / (n_frames / (2 * np.pi))
    # a chi-squared of D degrees of freedom, repeated
    assert np.mean(errors) == pytest.approx(predicted, rel=5 * np.sqrt(2 / D / n_repeats))


def test_z_is_standard_normal_where_nothing_drives_the_cell(noise, rng):
    z = sta(noise, rng.poisson(0.4, (T, 8)), n_lags=3).z
    assert z.std() == pytest.approx(1, abs=5 / np.sqrt(2 * z.size))
    assert z.mean() == pytest.approx(0, abs=5 / np.sqrt(z.size))


@pytest.fixture(scope="module")
def complex_cells():
    return cells.ComplexCells(unit_gabor(phi=[0.0, 1.2], tau=[0.7, 2.5]), GRID)


def test_sta_of_a_complex_cell_is_zero_up_to_the_floor(noise, complex_cells):
    recovered = sta(noise, complex_cells)
    energy = (recovered.spike_triggered_average**2).sum(axis=(1, 2, 3))
    # Weighted mean of frames: each pixel has variance 1 / N_eff. N_eff / T = E[r]^2 / E[r^2] = pi / 4.
    np.testing.assert_allclose(recovered.n_effective, T * np.pi / 4, rtol=0.02)
    np.testing.assert_allclose(energy, D / recovered.n_effective, rtol=5 * np.sqrt(2 / D))


def plane_cosines(stc_result, unit, pair):
    axes = stc_result.eigenvectors[unit, :2].reshape(2, -1)
    truth, _ = np.linalg.qr(pair.reshape(2, -1).T)
    return np.linalg.svd(axes @ truth, compute_uv=False)


@pytest.mark.parametrize(("power", "ratio"), [(1, 3 / 2), (2, 2)], ids=["L2 norm", "energy"])
def test_stc_of_a_complex_cell_is_its_plane_with_the_ratio_of_rayleigh_moments(
    noise, complex_cells, power, ratio
):
    recovered = stc(noise, lambda frames: complex_cells.respond(frames) ** power)
    gamma = D / recovered.n_effective
    for unit, g in enumerate(gamma):
        # Sample eigenvalue of a spike of height `ratio` (Paul 2007), and its overlap with the truth.
        expected = ratio + g * ratio / (ratio - 1)
        error = ratio * np.sqrt(2 / recovered.n_effective[unit])
        np.testing.assert_allclose(recovered.eigenvalues[unit, :2], expected, atol=5 * error)
        overlap = np.sqrt((1 - g / (ratio - 1) ** 2) / (1 + g / (ratio - 1)))
        cosines = plane_cosines(recovered, unit, complex_cells.pairs[unit])
        np.testing.assert_allclose(cosines, overlap, atol=0.01)
    assert recovered.n_excitatory == [2, 2]
    assert recovered.n_suppressive == [0, 0]


def test_bulk_of_the_spectrum_is_marchenko_pastur_with_the_effective_number_of_spikes(rng):
    """Counts that know nothing of the frames; with the plain number of spikes the edge would be elsewhere."""
    grid = Grid((10, 12))
    noise = stimuli.GaussianNoise(grid, n_frames=50_000, seed=1)
    counts = rng.poisson(rng.gamma(1, 0.5, 50_000))  # bursty: many frames with several spikes
    recovered = stc(noise, counts)
    n_effective = counts.sum() ** 2 / (counts**2).sum()
    assert recovered.n_effective[0] == pytest.approx(n_effective)
    assert n_effective < 0.6 * counts.sum()  # so that the plain number of spikes would fail
    g = 120 / n_effective
    assert recovered.eigenvalues[0, 0] == pytest.approx((1 + np.sqrt(g)) ** 2, rel=0.02)
    assert recovered.eigenvalues[0, -1] == pytest.approx((1 - np.sqrt(g)) ** 2, rel=0.02)
    assert recovered.eigenvalues[0].mean() == pytest.approx(1, abs=5 * np.sqrt(2 / n_effective / 120))


def test_a_suppressive_axis_has_less_variance(noise):
    w = unit_gabor().render(GRID).astype(np.float32)

    def quiet_when_driven(frames):
        return np.exp(-(np.tensordot(frames, w, 2) ** 2) / 2)

    recovered = stc(noise, quiet_when_driven)
    # Gaussian times Gaussian: variance 1 / (1 + 1) along w.
    assert recovered.eigenvalues[0, -1] == pytest.approx(1 / 2, abs=0.02)
    assert recovered.n_suppressive == [1]
    axis = recovered.suppressive_axes()[0, 0]
    assert abs((axis * w).sum()) > 0.99
    assert recovered.n_excitatory == [0]


def test_the_covariance_of_a_simple_cell_is_taken_about_its_sta(noise):
    """Frames of a rectified cell follow a Rayleigh law along w: variance 2 - pi/2 about the mean."""
    g = unit_gabor()
    recovered = stc(noise, cells.SimpleCells(g, GRID))
    assert recovered.eigenvalues[0, -1] == pytest.approx(2 - np.pi / 2, abs=0.02)
    assert (recovered.n_excitatory, recovered.n_suppressive) == ([0], [1])
    assert abs((recovered.suppressive_axes()[0, 0] * g.render(GRID)).sum()) > 0.98


@pytest.mark.parametrize("offset", [128.0, 1000.0])
def test_a_mean_a_thousand_times_the_contrast_changes_nothing(rng, offset):
    """The same frames with and without a mean: float32 frames of 1000 +- 1 carry 14 bits of contrast."""
    plain = (rng.integers(-8, 9, (20_000, 3, 4)) / 8).astype(np.float32)  # exact in float32 with the offset
    counts = rng.poisson(np.exp(plain[:, 1, 2]) * (1 + 2 * plain[:, 0, 1] ** 2) / 3)
    bright = stimuli.ArrayStimulus(plain + np.float32(offset))
    dark = stimuli.ArrayStimulus(plain)
    np.testing.assert_allclose(sta(bright, counts, n_lags=2).rf, sta(dark, counts, n_lags=2).rf, atol=1e-6)
    np.testing.assert_allclose(
        sta(bright, counts).spike_triggered_average - offset,
        sta(dark, counts).spike_triggered_average,
        atol=1e-5,
    )
    for options in ({}, {"rank": 2}):
        first, second = (stc(stimulus, counts, n_lags=2, **options) for stimulus in (bright, dark))
        np.testing.assert_allclose(first.eigenvalues, second.eigenvalues, atol=1e-4)
        assert first.n_excitatory == second.n_excitatory


def test_spikes_share_no_random_numbers_with_the_noise_of_the_same_seed():
    for make in (stimuli.GaussianNoise, stimuli.BinaryNoise):
        noise = make((8, 8), n_frames=20_000, seed=0)
        constant = cells.SimpleCells(
            gabor.Gabor(alpha=1, beta_x=1, beta_y=1, f=1, phi=0, x0=0, y0=0, tau=np.zeros(16)),
            noise.grid,
            nonlinearity=lambda s: np.ones_like(s),
        )
        spiking = cells.Poisson(constant, mean_rate=20, frame_rate=60, seed=0)
        assert np.abs(sta(noise, spiking).z).max() < 5


def test_stimuli_that_are_not_white_are_said_to_be(rng):
    counts = rng.poisson(0.5, 20_000)
    white = rng.standard_normal((20_000, 4, 5)).astype(np.float32)
    assert stc(stimuli.ArrayStimulus(white), counts).warnings == []
    uneven = white * np.linspace(1, 1.3, 5, dtype=np.float32)
    (warning,) = stc(stimuli.ArrayStimulus(uneven), counts).warnings
    assert "pixel variances differ by" in warning
    for axis, where in ((2, "to the right"), (1, "below"), (0, "in the next frame")):
        smooth = white + 0.3 * np.roll(white, 1, axis=axis)
        (warning,) = stc(stimuli.ArrayStimulus(smooth), counts).warnings
        assert f"pixels correlate by 0.2{'8' if axis == 0 else ''}"[:24] in warning
        assert where in warning


def test_responses_of_minus_zero_are_zero(noise):
    off = stc(noise, lambda frames: -np.minimum(frames[:, 0, 0], 0))
    on = stc(noise, lambda frames: np.maximum(-frames[:, 0, 0], 0))
    np.testing.assert_array_equal(off.eigenvalues, on.eigenvalues)


def test_doubling_all_counts_changes_nothing_but_the_scale(noise, rng):
    counts = rng.poisson(0.3, T)
    once, twice = stc(noise, counts), stc(noise, 2 * counts)
    np.testing.assert_allclose(once.eigenvalues, twice.eigenvalues, rtol=1e-5)
    assert once.n_effective == pytest.approx(twice.n_effective)
    np.testing.assert_allclose(2 * sta(noise, counts).rf, sta(noise, 2 * counts).rf, atol=1e-7)


def test_a_frame_with_n_spikes_weighs_n_times_not_n_squared(rng):
    """Counts on frames are the same as single spikes on repeated frames."""
    frames = rng.standard_normal((3000, 3, 4)).astype(np.float32)
    counts = rng.poisson(1.0, 3000)
    counts[0] = 0  # single spikes need one silent frame to vary
    repeated = np.concatenate([np.repeat(frames, counts, axis=0), frames[:1]])
    spikes = np.append(np.ones(counts.sum()), 0)
    by_counts = stc(stimuli.ArrayStimulus(frames), counts)
    by_spikes = stc(stimuli.ArrayStimulus(repeated), spikes)
    np.testing.assert_allclose(by_counts.sta, by_spikes.sta, atol=1e-6)
    scale = by_counts.eigenvalues / by_spikes.eigenvalues  # the two pixel variances differ: one number
    np.testing.assert_allclose(scale, scale[0, 0], rtol=1e-4)


def test_silent_frames_leave_the_spike_triggered_average_and_covariance(rng):
    frames = rng.choice([-1.0, 1.0], (4000, 2, 5))
    counts = rng.poisson(0.5, 4000)
    more = np.concatenate([frames, rng.choice([-1.0, 1.0], (1000, 2, 5))])
    padded = np.append(counts, np.zeros(1000))
    plain, longer = (
        stc(stimuli.ArrayStimulus(frames), counts),
        stc(stimuli.ArrayStimulus(more), padded),
    )
    np.testing.assert_allclose(plain.sta, longer.sta, atol=1e-7)
    np.testing.assert_allclose(plain.n_effective, longer.n_effective)
    np.testing.assert_allclose(plain.eigenvalues, longer.eigenvalues, rtol=2e-3)  # the pixel variance alone


def test_the_lag_of_a_delayed_cell_is_found_exactly(noise):
    g = unit_gabor()
    current = cells.SimpleCells(g, GRID).respond(noise.frames(0, T))
    delayed = np.roll(current, 2, axis=0)
    recovered = sta(noise, delayed, n_lags=5)
    energy = (recovered.rf[0] ** 2).sum(axis=(1, 2))
    assert energy.argmax() == 2
    assert energy[2] > 20 * np.delete(energy, 2).max()


def test_transposed_frames_give_transposed_fields(rng):
    frames = rng.standard_normal((5000, 3, 5)).astype(np.float32)
    counts = rng.poisson(np.exp(frames[:, 1, 2] - 1))
    upright = sta(stimuli.ArrayStimulus(frames), counts, n_lags=2).rf
    lying = sta(stimuli.ArrayStimulus(frames.swapaxes(1, 2)), counts, n_lags=2).rf
    np.testing.assert_allclose(upright, lying.swapaxes(2, 3), atol=1e-6)


def test_permuting_units_permutes_results(noise, rng):
    counts = rng.poisson([[0.1, 0.3, 0.7]], (T, 3))
    order = [2, 0, 1]
    np.testing.assert_allclose(sta(noise, counts).rf[order], sta(noise, counts[:, order]).rf, atol=1e-8)


def test_the_time_shift_null_holds_its_level():
    """200 cells that ignore the stimulus; 39 shifts reach alpha = .05 exactly: 10 false ones, 3 sd = 9."""
    noise = stimuli.GaussianNoise((2, 5), n_frames=3000, seed=5)
    counts = np.random.default_rng(5).poisson(0.5, (3000, 200))
    recovered = stc(noise, counts, n_shifts=39, seed=1)
    false = sum(a + b > 0 for a, b in zip(recovered.n_excitatory, recovered.n_suppressive, strict=True))
    assert false == pytest.approx(200 * 0.05, abs=3 * np.sqrt(200 * 0.05 * 0.95))
    assert recovered.significance[0].level == pytest.approx(0.05)


def test_the_time_shift_null_sees_weak_axes():
    """An axis three times the detection threshold of Baik, Ben Arous & Peche, lambda - 1 = 3 sqrt(g)."""
    n, d = 8000, 12
    noise = stimuli.GaussianNoise((3, 4), n_frames=n, seed=6)
    rng = np.random.default_rng(6)
    u = noise.frames(0, n).reshape(n, d)[:, 5]
    # Rates 1 + a (u^2 - 1) weigh u^2 to 1 + 2 a; Poisson counts of mean .5 have N_eff = n / (1 + 1 / .5).
    excess = 3 * np.sqrt(d / (n / 3))
    counts = rng.poisson(0.5 * (1 + excess / 2 * (u**2 - 1))[:, None], (n, 40))
    found = stc(noise, counts, n_shifts=79, seed=2)
    hits = [abs(found.eigenvectors[k, 0].ravel()[5]) > 0.7 and found.n_excitatory[k] >= 1 for k in range(40)]
    assert np.mean(hits) > 0.85


def test_found_axes_are_projected_out_of_the_null():
    """A strong axis widens the null of a slow cell; once it is out, a weak axis shows."""
    rng = np.random.default_rng(8)
    dimensions, shifts = 12, 59
    strong, weak = np.eye(dimensions)[[0, 1]]
    covariance = np.eye(dimensions) + 4 * np.outer(strong, strong) + 0.3 * np.outer(weak, weak)
    null = np.eye(dimensions) + rng.uniform(0.4, 0.6, (shifts, 1, 1)) * np.outer(strong, strong)
    noise = 0.01 * rng.standard_normal((shifts, dimensions, dimensions))
    null = (null + noise + noise.swapaxes(1, 2)).astype(np.float32)
    found = nested_test(covariance, null, alpha=0.05, seed=0, workers=1)
    assert found.upper > 1.4
    assert (found.n_excitatory, found.n_suppressive) == (2, 0)


def test_a_neutral_axis_is_an_eigenvector_of_ratio_one_and_leaves_the_others(rng):
    a = rng.standard_normal((7, 7))
    covariance = a @ a.T
    axis = rng.standard_normal(7)
    axis /= np.linalg.norm(axis)
    changed = covariance.copy()
    neutralise(changed, axis)
    np.testing.assert_allclose(changed @ axis, axis, atol=1e-12)
    complement = np.linalg.qr(np.column_stack([axis, rng.standard_normal((7, 6))]))[0][:, 1:]
    np.testing.assert_allclose(
        complement.T @ changed @ complement, complement.T @ covariance @ complement, atol=1e-12
    )
    np.testing.assert_allclose(changed, changed.T, atol=1e-12)


def test_shifts_are_distinct_and_longer_than_the_memory_both_ways():
    shifts = draw_shifts(100, 91, memory=5, seed=0)
    assert sorted(shifts) == list(range(5, 96))


def test_the_time_shift_null_finds_excitatory_and_suppressive_axes():
    noise = stimuli.GaussianNoise((3, 6), n_frames=20_000, seed=2)

    def driven(frames):
        x = frames.reshape(len(frames), -1)
        return (x[:, 3] ** 2 + x[:, 4] ** 2) * np.exp(-(x[:, 10] ** 2))

    recovered = stc(noise, driven, n_shifts=40, seed=3)
    assert (recovered.n_excitatory, recovered.n_suppressive) == ([2], [1])
    found = recovered.significance[0]
    assert found.method == "time-shift"
    assert "40 distinct circular time shifts" in found.sentence
    assert "(seed 3)" in found.sentence
    assert found.lower < 1 < found.upper
    assert abs(recovered.suppressive_axes()[0].reshape(-1)[10]) > 0.99


def test_edges_of_equal_weights_are_those_of_marchenko_pastur_and_johnstone():
    n, d = 5000, 300
    found = bulk(np.array([2.0]), np.array([n]), d)
    assert found.upper == pytest.approx((1 + np.sqrt(d / n)) ** 2)
    assert found.lower == pytest.approx((1 - np.sqrt(d / n)) ** 2)
    root_n, root_d = np.sqrt(n), np.sqrt(d)  # Johnstone 2001, theorem 1.1, and its mirror image
    upper_scale = (root_n + root_d) * (1 / root_n + 1 / root_d) ** (1 / 3) / n
    lower_scale = (root_n - root_d) * (1 / root_d - 1 / root_n) ** (1 / 3) / n
    assert found.upper_scale == pytest.approx(upper_scale)
    assert found.lower_scale == pytest.approx(lower_scale)


def test_edges_without_enough_spikes_leave_room_for_no_suppression():
    found = bulk(np.array([1.0]), np.array([200]), 300)
    assert (found.lower, found.lower_scale) == (0, 0)
    assert found.upper == pytest.approx((1 + np.sqrt(1.5)) ** 2)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: np.ones(n),
        lambda rng, n: rng.rayleigh(size=n),
        lambda rng, n: rng.poisson(rng.gamma(0.25, 4, n)),
    ],
    ids=["equal", "complex cell", "bursts"],
)
def test_edges_hold_their_level_whatever_the_weights(draw):
    """Extreme eigenvalues of pure noise leave the edges in 2.5 % of draws a side: 400 draws, 3 sd."""
    rng = np.random.default_rng(4)
    n, d, draws = 1000, 50, 400
    above = below = 0
    for _ in range(draws):
        x, weights = rng.standard_normal((n, d)), draw(rng, n)
        spectrum = np.linalg.eigvalsh((x.T * weights) @ x / weights.sum())
        chance = bulk(*np.unique(weights[weights > 0], return_counts=True), d)
        found = edge_test(spectrum, chance, alpha=0.05)
        above, below = above + (found.n_excitatory > 0), below + (found.n_suppressive > 0)
    allowed = 3 * np.sqrt(draws * 0.025 * 0.975)
    assert above == pytest.approx(draws * 0.025, abs=allowed)
    assert below == pytest.approx(draws * 0.025, abs=allowed)


@pytest.mark.parametrize(
    ("responses", "options", "error", "message"),
    [
        ([-1.0] * 50 + [1.0] * 50, {}, ValueError, "responses must not be negative for stc"),
        ([0, 1] * 50, {"n_shifts": 101}, ValueError, "at most the 99 distinct shifts"),
        ([0, 1] * 50, {"n_shifts": -1}, ValueError, "n_shifts must be at least 0"),
        ([0, 1] * 50, {"alpha": 0}, ValueError, "alpha must be finite and above 0, got 0"),
        ([0, 1] * 50, {"seed": 0.5}, TypeError, "seed must be an integer, got 0.5"),
        ([0] * 100, {}, ValueError, "never responded"),
    ],
)
def test_stc_refuses_what_it_cannot_do(rng, responses, options, error, message):
    stimulus = stimuli.ArrayStimulus(rng.standard_normal((100, 2, 3)))
    with pytest.raises(error, match=message):
        stc(stimulus, responses, **options)


def test_stimuli_that_never_vary_are_refused(rng):
    counts = rng.poisson(1, 100)
    with pytest.raises(ValueError, match="every pixel has zero variance"):
        sta(stimuli.ArrayStimulus(np.full((100, 2, 3), 0.1)), counts)
    frames = rng.standard_normal((100, 2, 3))
    frames[:, 0, 1] = 0.1
    with pytest.raises(ValueError, match="1 of 6 pixels never do"):
        stc(stimuli.ArrayStimulus(frames), counts)
    masked = sta(stimuli.ArrayStimulus(frames), counts)
    assert masked.rf[0, 0, 0, 1] == masked.z[0, 0, 0, 1] == 0
    assert masked.standard_error[0, 0, 0, 1] == np.inf


def test_average_by_negative_responses_is_refused(rng):
    recovered = sta(stimuli.ArrayStimulus(rng.standard_normal((100, 2, 3))), rng.standard_normal((100, 2)))
    with pytest.raises(ValueError, match=r"negative ones in units \[0, 1\]"):
        _ = recovered.spike_triggered_average
