"""Checks, held frames, jitter, spots, m-sequences, Hartley functions: closed forms of what each must be."""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, revcorr, stimuli

NOISES = {
    "gaussian": stimuli.GaussianNoise,
    "binary": stimuli.BinaryNoise,
    "ternary": stimuli.TernaryNoise,
}


def borders(frames, axis):
    """Places along an axis (1 or 2) after which some row or column of some frame changes."""
    changes = np.diff(frames, axis=axis) != 0
    return np.flatnonzero(changes.any(axis=tuple(i for i in range(3) if i != axis))) + 1


class TestChecks:
    @pytest.mark.parametrize("kind", NOISES)
    @pytest.mark.parametrize("size", [2, 3, 4])
    def test_checks_are_k_pixels_wide(self, kind, size):
        frames = NOISES[kind]((10, 13), n_frames=200, seed=0, check_size=size).frames(0, 200)
        assert borders(frames, 1).tolist() == list(range(size, 10, size))
        assert borders(frames, 2).tolist() == list(range(size, 13, size))

    @pytest.mark.parametrize("kind", NOISES)
    def test_frames_are_held_for_k_refreshes(self, kind):
        noise = NOISES[kind]((5, 7), n_frames=9001, seed=0, hold=7)
        assert borders(noise.frames(0, 9001), 0).tolist() == list(range(7, 9001, 7))

    def test_jitter_moves_the_lattice_over_all_offsets_and_keeps_the_checks_whole(self):
        frames = stimuli.GaussianNoise((12, 14), n_frames=900, seed=0, check_size=3, jitter=True).frames(
            0, 900
        )
        offsets = []
        for frame in frames:
            rows, columns = borders(frame[None], 1), borders(frame[None], 2)
            assert set(np.diff(rows)) == set(np.diff(columns)) == {3}
            offsets.append(3 * (rows[0] % 3) + columns[0] % 3)
        counts = np.bincount(offsets, minlength=9)
        assert ((counts - 100) ** 2 / 100).sum() < 30  # chi square of 8 degrees of freedom, p = 2e-4

    def test_all_levels_of_ternary_noise_are_equally_frequent(self):
        frames = stimuli.TernaryNoise((5, 7), n_frames=6000, seed=0, contrast=0.5).frames(0, 6000)
        levels, counts = np.unique(frames, return_counts=True)
        assert levels.tolist() == [-0.5, 0, 0.5]
        np.testing.assert_allclose(counts / frames.size, 1 / 3, atol=5 * np.sqrt(2 / 9 / frames.size))

    def test_impossible_checks_are_refused(self):
        make = stimuli.BinaryNoise
        with pytest.raises(ValueError, match=r"contrast must be at most 1 .* got 1.5"):
            make((4, 5), n_frames=1, seed=0, contrast=1.5)
        with pytest.raises(ValueError, match="check_size must be at most the longer side of a frame, 5 px"):
            make((4, 5), n_frames=1, seed=0, check_size=6)
        with pytest.raises(ValueError, match="jitter needs a check_size of at least 2 px"):
            make((4, 5), n_frames=1, seed=0, jitter=True)
        with pytest.raises(TypeError, match="jitter must be True or False, got 'no'"):
            make((4, 5), n_frames=1, seed=0, check_size=2, jitter="no")
        with pytest.raises(ValueError, match="density must be above 0 and at most 1, got 2"):
            stimuli.TernaryNoise((4, 5), n_frames=1, seed=0, density=2)


class TestSparseNoise:
    def test_every_frame_has_the_spots_asked_for(self):
        frames = stimuli.SparseNoise((6, 9), n_frames=3000, seed=0, n_spots=4, contrast=0.3).frames(0, 3000)
        assert (np.count_nonzero(frames, axis=(1, 2)) == 4).all()
        np.testing.assert_allclose(np.unique(frames), [-0.3, 0, 0.3], rtol=1e-6)

    def test_spots_of_locally_sparse_noise_keep_their_distance(self):
        frames = stimuli.SparseNoise((12, 15), n_frames=500, seed=0, n_spots=5, min_distance=3.5).frames(
            0, 500
        )
        nearest = []
        for frame in frames:
            places = np.argwhere(frame)
            assert len(places) == 5
            apart = np.linalg.norm(places[:, None] - places, axis=-1)
            nearest.append(apart[np.triu_indices(5, 1)].min())
        assert 3.5 <= min(nearest) < 3.7  # the nearest lattice distance above 3.5 is sqrt(13)

    @pytest.mark.parametrize("n_spots", [1, 4, 5])
    def test_a_balanced_repeat_shows_every_position_light_once_and_dark_once(self, n_spots):
        noise = stimuli.SparseNoise((6, 9), n_frames=10**4, seed=0, n_spots=n_spots, balanced=True)
        length = 2 * -(-54 // n_spots)
        assert noise.frames_per_repeat == length
        for first in (0, 3 * length):
            repeat = noise.frames(first, first + length)
            assert ((repeat == 1).sum(axis=0) == 1).all()
            assert ((repeat == -1).sum(axis=0) == 1).all()
        assert (noise.frames(0, length) != noise.frames(length, 2 * length)).any()

    def test_impossible_spots_are_refused(self):
        with pytest.raises(ValueError, match="n_spots must be at most the 15 positions, got 16"):
            stimuli.SparseNoise((6, 9), n_frames=1, seed=0, spot_size=2, n_spots=16)
        with pytest.raises(ValueError, match="n_spots must be at most 3: more are not sure to fit"):
            stimuli.SparseNoise((6, 9), n_frames=1, seed=0, n_spots=4, min_distance=2.5)
        with pytest.raises(ValueError, match="balanced repeats cannot keep a min_distance"):
            stimuli.SparseNoise((6, 9), n_frames=1, seed=0, balanced=True, min_distance=2)


class TestMSequence:
    @pytest.mark.parametrize("order", [4, 7, 10, 13])
    def test_the_autocorrelation_is_exactly_1_and_minus_1_over_the_period(self, order):
        sequence = stimuli.MSequence((2, 3), order=order).sequence.astype(int)
        period = 2**order - 1
        sums = [int(sequence @ np.roll(sequence, k)) for k in range(min(period, 300))]
        assert sums == [period] + [-1] * (len(sums) - 1)

    @pytest.mark.parametrize("order", range(4, 25))
    def test_every_order_is_offered_and_maximal(self, order):
        sequence = stimuli.MSequence((1, 2), order=order).sequence
        assert len(sequence) == 2**order - 1
        assert int(sequence.sum(dtype=int)) == -1  # one dark frame more than light ones
        # a window of `order` bits never comes twice in a maximal sequence
        bits = (sequence[: min(len(sequence), 2**16)] < 0).astype(np.int64)
        windows = sum(bits[k : len(bits) - order + k] << k for k in range(order))
        assert len(np.unique(windows)) == len(windows)

    def test_pixels_and_lags_never_see_the_same_piece(self):
        m = stimuli.MSequence((4, 7), order=9, n_lags=18)  # 504 pairs in 511 frames
        frames = m.frames(0, m.n_frames).reshape(511, -1)
        design = np.concatenate([np.roll(frames, lag, axis=0) for lag in range(18)], axis=1)
        products = design.T @ design
        np.testing.assert_array_equal(products, 512 * np.eye(504) - 1)

    def test_inverse_repeat_cancels_a_purely_even_cell_exactly(self):
        m = stimuli.MSequence((4, 7), order=8, inverse_repeat=True)
        frames = m.frames(0, m.n_frames).reshape(m.n_frames, -1).astype(float)
        odd = frames @ np.arange(1, 29)
        assert not (frames.T @ odd**2).any()
        assert (frames.T @ odd).all()

    @pytest.mark.parametrize("contrast", [1.0, 0.25])
    def test_the_circular_estimator_agrees_with_matrix_products(self, rng, contrast):
        m = stimuli.MSequence((5, 6), order=10, n_lags=7, contrast=contrast, n_periods=2)
        responses = rng.standard_normal((m.period, 3))
        by_transform = revcorr.m_sequence_sta(
            m.sequence, m.shifts, np.tile(responses, (2, 1)), m.frame_shape, n_lags=7, contrast=contrast
        )
        frames = m.frames(0, m.period).reshape(m.period, -1).astype(float)
        for lag in range(7):
            shown = np.roll(frames, lag, axis=0)
            covariance = np.cov(responses.T, shown.T, bias=True)[:3, 3:]
            expected = (covariance / shown.var(axis=0)).reshape(3, 5, 6)
            np.testing.assert_allclose(by_transform.rf[:, lag], expected, atol=1e-9)
        assert by_transform.pixel_variance[0, 0] == pytest.approx(m.variance)
        assert by_transform.frame_mean[0, 0, 0] == pytest.approx(m.mean)

    def test_the_circular_estimator_is_the_sta_of_one_period(self):
        grid = Grid((5, 8))
        m = stimuli.MSequence(grid, order=11)
        cell = cells.SimpleCells(
            gabor.Gabor(alpha=1, beta_x=0.1, beta_y=0.1, f=1, phi=0.3, x0=0, y0=0, tau=[0.5, 2]), grid
        )
        responses = cell.respond(m.frames(0, m.n_frames))
        streamed = revcorr.sta(m, responses)
        direct = revcorr.m_sequence_sta(m.sequence, m.shifts, responses, m.frame_shape)
        np.testing.assert_allclose(direct.rf, streamed.rf, atol=1e-6)
        np.testing.assert_allclose(direct.standard_error, streamed.standard_error, rtol=1e-5)
        np.testing.assert_allclose(
            direct.spike_triggered_average, streamed.spike_triggered_average, atol=1e-6
        )
        np.testing.assert_allclose(direct.n_effective, streamed.n_effective, rtol=1e-5)

    def test_a_sequence_too_short_for_pixels_and_lags_is_refused_and_told_what_fits(self):
        with pytest.raises(ValueError, match=r"order 9 gives 511 frames, .* 560 pairs .*: order 10 fits"):
            stimuli.MSequence((4, 7), order=9, n_lags=20)
        stimuli.MSequence((4, 7), order=10, n_lags=20)
        with pytest.raises(ValueError, match="order 24 fits at most 16777215 of them"):
            stimuli.MSequence((1000, 1000), order=24, n_lags=20)
        with pytest.raises(ValueError, match="order must be at most 24, got 25"):
            stimuli.MSequence((4, 7), order=25)
        with pytest.raises(ValueError, match="order must be at least 4, got 3"):
            stimuli.MSequence((1, 2), order=3)

    def test_the_estimator_refuses_what_it_cannot_tell_apart(self, rng):
        m = stimuli.MSequence((2, 3), order=6, n_lags=10)
        responses = rng.standard_normal(63)
        with pytest.raises(ValueError, match="6 pixels x 11 lags apart on 63 frames: some coincide"):
            revcorr.m_sequence_sta(m.sequence, m.shifts, responses, (2, 3), n_lags=11)
        with pytest.raises(ValueError, match=r"whole periods of 63 frames, got \(62,\)"):
            revcorr.m_sequence_sta(m.sequence, m.shifts, responses[1:], (2, 3))
        with pytest.raises(ValueError, match=r"shifts must be 8 integers, one a pixel, got shape \(6,\)"):
            revcorr.m_sequence_sta(m.sequence, m.shifts, responses, (2, 4))
        with pytest.raises(ValueError, match="must vary"):
            revcorr.m_sequence_sta(m.sequence, m.shifts, np.ones(63), (2, 3))


class TestHartley:
    @pytest.mark.parametrize("shape", [(6, 9), (8, 7), (1, 12)])
    def test_functions_are_orthogonal_and_a_full_set_spans_all_images(self, shape):
        grid = Grid(shape, pixel_size=0.1, unit="deg")
        some = stimuli.Hartley(grid, seed=0, cutoff=2.0).basis.reshape(-1, shape[0] * shape[1])
        np.testing.assert_allclose(some @ some.T, shape[0] * shape[1] / 2 * np.eye(len(some)), atol=1e-4)
        side = stimuli.Hartley(grid, seed=0, cutoff=5.0)
        frequency = np.hypot(*(side.wave_numbers / (0.1 * shape[1], 0.1 * shape[0])).T)
        assert frequency.max() <= 5 + 1e-9
        assert len(side.wave_numbers) == (np.hypot(*corner_frequencies(shape)) <= 0.5 + 1e-9).sum()

    def test_a_function_is_the_cas_of_its_wave_numbers(self):
        hartley = stimuli.Hartley((8, 12), seed=0, cutoff=0.3, contrast=0.5)
        place = hartley.wave_numbers.tolist().index([2, 1])  # two cycles to the right, one upwards
        angle = 2 * np.pi * (2 * np.arange(12) / 12 + np.arange(7, -1, -1)[:, None] / 8)
        # cas a = sqrt 2 cos(a - 45 degrees), so the contrast is the peak
        np.testing.assert_allclose(hartley.basis[place], 0.5 * np.cos(angle - np.pi / 4), atol=1e-6)

    def test_every_repeat_shows_every_function_with_both_signs_and_the_blanks(self):
        hartley = stimuli.Hartley((6, 9), seed=3, cutoff=0.3, n_repeats=3, n_blanks=5, hold=2)
        n = len(hartley.wave_numbers)
        length = 2 * (2 * n + 5)
        assert hartley.n_frames == 3 * length
        for repeat in range(3):
            function, sign = hartley.order(repeat * length, (repeat + 1) * length)
            shown = sorted(zip(function[::2].tolist(), sign[::2].tolist(), strict=True))
            assert shown == sorted([(-1, 0)] * 5 + [(k, s) for k in range(n) for s in (-1, 1)])
            assert (function[::2] == function[1::2]).all()
        orders = hartley.order(0, 3 * length)[0].reshape(3, length)
        assert len(np.unique(orders, axis=0)) == 3  # each repeat has an order of its own
        frames = hartley.frames(0, length)
        function, sign = hartley.order(0, length)
        np.testing.assert_array_equal(frames, hartley.basis[function] * sign[:, None, None])

    def test_frequencies_beyond_nyquist_and_bases_beyond_memory_are_refused(self):
        with pytest.raises(ValueError, match=r"cutoff would alias: 6 cycles/deg .* carry at most 5"):
            stimuli.Hartley(Grid((6, 9), pixel_size=0.1, unit="deg"), seed=0, cutoff=6)
        with pytest.raises(ValueError, match="lower it, or show fewer pixels"):
            stimuli.Hartley((200, 300), seed=0, cutoff=0.5)


def corner_frequencies(shape):
    """Return |f_y| and |f_x| of all functions on a patch [cycles/px]."""
    return np.meshgrid(*(np.minimum(np.arange(n), n - np.arange(n)) / n for n in shape), indexing="ij")
