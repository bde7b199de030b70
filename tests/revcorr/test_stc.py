"""The routes to the axes of an STC agree with each other and with the truth."""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, stimuli
from v1sim.revcorr import sta, stc
from v1sim.revcorr._time_shift import direct_covariances, fft_covariances
from v1sim.stream import Passes

GRID = Grid((14, 12))


def complex_cells(n=3):
    turn = np.linspace(0, 2, n)
    return cells.ComplexCells(
        gabor.Gabor(alpha=1, beta_x=0.06, beta_y=0.05, f=1.1, phi=0, x0=turn - 1, y0=0, tau=turn), GRID
    )


def principal_cosines(first, second):
    bases = [np.linalg.qr(axes.reshape(len(axes), -1).T)[0] for axes in (first, second)]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)


@pytest.fixture(scope="module")
def noise():
    return stimuli.GaussianNoise(GRID, n_frames=50_000, seed=0)


@pytest.fixture(scope="module")
def full(noise):
    return stc(noise, complex_cells())


@pytest.fixture(scope="module")
def matrix_free(noise):
    return stc(noise, complex_cells(), rank=2, seed=1)


def test_matrix_free_axes_span_the_plane_of_the_full_covariance(full, matrix_free):
    assert matrix_free.converged.all()
    for unit in range(3):
        cosines = principal_cosines(full.eigenvectors[unit, :2], matrix_free.eigenvectors[unit])
        assert cosines.min() > 0.99
    np.testing.assert_allclose(matrix_free.eigenvalues, full.eigenvalues[:, :2], rtol=0.01)
    assert matrix_free.n_excitatory == [2, 2, 2]
    np.testing.assert_allclose(matrix_free.sta, full.sta)


def test_matrix_free_finds_suppressive_axes_and_orders_them_last(noise):
    def mixed(frames):
        x = frames.reshape(len(frames), -1)
        return x[:, 5] ** 2 * np.exp(-(x[:, 60] ** 2) / 2)

    found = stc(noise, mixed, rank=3)
    assert (found.n_excitatory, found.n_suppressive) == ([1], [1])
    assert abs(found.excitatory_axes()[0].ravel()[5]) > 0.99
    assert abs(found.suppressive_axes()[0].ravel()[60]) > 0.98
    np.testing.assert_allclose(found.eigenvalues[0, [0, -1]], [3, 1 / 2], rtol=0.05)
    assert (np.diff(found.eigenvalues[0]) < 0).all()


def test_matrix_free_works_over_lags(noise):
    delayed = np.roll(complex_cells(1).respond(noise.frames(0, 50_000)), 2, axis=0)
    found = stc(noise, delayed, n_lags=3, rank=2)
    energy = np.square(found.eigenvectors[0]).sum(axis=(0, 2, 3))
    assert energy.argmax() == 2
    plane = complex_cells(1).pairs[0]
    assert principal_cosines(found.eigenvectors[0][:, 2], plane).min() > 0.95


def test_matrix_free_results_do_not_depend_on_workers(noise, matrix_free):
    alone = stc(noise, complex_cells(), rank=2, seed=1, workers=1)
    np.testing.assert_array_equal(alone.eigenvectors, matrix_free.eigenvectors)


def test_a_search_that_is_stopped_early_says_so(noise):
    found = stc(noise, complex_cells(), rank=2, max_passes=2)
    assert not found.converged.any()
    assert any("did not come to rest" in text for text in found.warnings)


def test_too_few_spikes_are_warned_of(rng):
    noise = stimuli.GaussianNoise(GRID, n_frames=2000, seed=0)
    counts = rng.poisson(0.05, 2000)
    n_effective = counts.sum() ** 2 / (counts**2).sum()
    (warning,) = stc(noise, counts).warnings
    assert f"N_eff [{n_effective:.1f}".split(".")[0] in warning
    assert "D = 168" in warning
    assert stc(noise, np.ones(2000) + counts).warnings == []


def test_rounding_is_no_suppression_where_there_are_fewer_spikes_than_dimensions(rng):
    """50 frames in 168 dimensions leave 118 eigenvalues at 0, half of them below it by rounding."""
    noise = stimuli.GaussianNoise(GRID, n_frames=2000, seed=0)
    counts = np.zeros(2000)
    counts[rng.choice(2000, 50, replace=False)] = 1
    assert stc(noise, counts).n_suppressive == [0]


def test_a_projected_out_sta_leaves_the_other_axes(noise):
    """A cell with a linear and a quadratic filter: the STA takes the linear one with it."""

    def both(frames):
        x = frames.reshape(len(frames), -1)
        return np.exp(0.7 * x[:, 20]) * (1 + x[:, 90] ** 2)

    for options in ({}, {"rank": 2}):
        found = stc(noise, both, project_sta=True, **options)
        sta = found.sta[0] / np.linalg.norm(found.sta[0])
        assert abs(sta.ravel()[20]) > 0.95
        assert abs(found.eigenvectors[0, 0].ravel()[90]) > 0.95
        strong = found.eigenvectors[0][np.abs(found.eigenvalues[0] - 1) > 1e-6]
        np.testing.assert_allclose(strong.reshape(len(strong), -1) @ sta.ravel(), 0, atol=1e-6)


@pytest.mark.parametrize("breaks", [(), (700, 1900, 1903)])
def test_both_routes_to_the_time_shift_null_agree(rng, breaks):
    frames = rng.choice([-1.0, 1.0], (3000, 1, 5)).astype(np.float32)
    counts = rng.poisson(0.7, 3000).astype(np.float32)
    stimulus, shifts = stimuli.ArrayStimulus(frames), np.array([17, 500, 2983])
    with Passes(stimulus, 4, 1, {"breaks": breaks}) as passes:
        direct = direct_covariances(passes, counts, shifts)
    variance = float(frames.var(axis=0).mean())
    by_fft = fft_covariances(
        stimulus, counts, shifts, n_lags=4, history=3, breaks=breaks, variance=variance, workers=2
    )
    np.testing.assert_allclose(by_fft, direct, atol=2e-3)  # the two variances are over other frames
    scale = np.trace(by_fft, axis1=1, axis2=2) / np.trace(direct, axis1=1, axis2=2)
    np.testing.assert_allclose(by_fft, direct * scale[:, None, None], atol=2e-5)


def test_history_never_crosses_a_break(rng):
    """Each block begins with a frame that would be the past of nothing if gaps were respected."""
    frames = rng.standard_normal((4000, 1, 3)).astype(np.float32)
    counts = rng.poisson(1, 4000)
    by_break = stc(stimuli.ArrayStimulus(frames), counts, n_lags=3, breaks=(1000, 2500))
    parts = [
        stc(stimuli.ArrayStimulus(frames[a:b]), counts[a:b], n_lags=3)
        for a, b in ((0, 1000), (1000, 2500), (2500, 4000))
    ]
    added = parts[0] + parts[1] + parts[2]
    assert by_break.n_frames == added.n_frames == 4000 - 3 * 2
    np.testing.assert_allclose(by_break.eigenvalues, added.eigenvalues, rtol=1e-5)
    across = stc(stimuli.ArrayStimulus(frames), counts, n_lags=3)
    assert across.n_frames == 3998


def test_results_without_a_full_covariance_are_not_added(full, matrix_free):
    with pytest.raises(ValueError, match="only results of a full covariance"):
        _ = full + matrix_free
    assert (full + full).n_frames == 2 * full.n_frames


@pytest.mark.parametrize("estimate", [sta, stc])
def test_results_for_other_units_lags_or_frames_are_not_added(rng, estimate):
    """NumPy would stretch an axis of length 1, or take 2 x 3 pixels for 3 x 2."""
    frames, counts = rng.standard_normal((400, 2, 3)), rng.poisson(1, (400, 2))
    one = estimate(stimuli.ArrayStimulus(frames), counts, n_lags=2)
    for other in (
        estimate(stimuli.ArrayStimulus(frames), counts),
        estimate(stimuli.ArrayStimulus(frames), counts[:, :1], n_lags=2),
        estimate(stimuli.ArrayStimulus(frames.swapaxes(1, 2)), counts, n_lags=2),
    ):
        with pytest.raises(ValueError, match="same units, lags and frame shape can be added"):
            _ = one + other
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = one + (sta if estimate is stc else stc)(stimuli.ArrayStimulus(frames), counts, n_lags=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank must be at least 1"),
        ({"rank": 2, "n_shifts": 50}, "n_shifts needs the full covariance"),
        ({"n_shifts": 38}, "n_shifts must be at least 39 for alpha = 0.05"),
        ({"rank": 2, "max_passes": 1}, "max_passes must be at least 2"),
        ({"n_lags": 300}, "D = 50400 dimensions, whose full covariances of 1 units and 0 shifts take 122 GB"),
        ({"breaks": (5, 3)}, r"breaks must rise and lie within the 50000 frames, got \[5, 3\]"),
        ({"breaks": (60_000,)}, "breaks must rise and lie within"),
        ({"breaks": tuple(range(3, 50_000, 3)), "n_lags": 4}, "only 3 frames without a break"),
    ],
)
def test_impossible_options_are_refused(noise, options, message):
    with pytest.raises(ValueError, match=message):
        stc(noise, complex_cells(1), **options)
