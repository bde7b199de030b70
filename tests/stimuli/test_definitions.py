"""What each kind is by definition, to the last term: exact moments, bounds, independence of what is drawn."""

import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid, stimuli
from v1sim.stimuli import _random, _spectra
from v1sim.stream import block_generator

SHAPE = (6, 9)
NOISE = {"n_frames": 500, "seed": 5}
GRATING = {"n_frames": 16, "orientation_deg": 0, "spatial_frequency": 0.1}


def population(frames, lag=0):
    """Covariance between pixels of frames that follow each other in a circle, (n_pixels, n_pixels)."""
    flat = frames.reshape(len(frames), -1).astype(float)
    flat -= flat.mean(axis=0)
    return np.roll(flat, -lag, axis=0).T @ flat / len(flat)


@pytest.mark.parametrize(
    ("stimulus", "digest"),
    [
        (stimuli.BinaryNoise((5, 7), contrast=0.5, **NOISE), "c1e2d1c202f1"),
        (stimuli.BinaryNoise(SHAPE, check_size=2, hold=3, jitter=True, **NOISE), "b7f4722c3288"),
        (stimuli.BinaryNoise(SHAPE, check_size=4, **NOISE), "f7e749a7de33"),
        (stimuli.TernaryNoise(SHAPE, density=0.5, contrast=0.5, **NOISE), "e7b21cd224d4"),
        (stimuli.SparseNoise(SHAPE, **NOISE), "1d671454e247"),
        (stimuli.SparseNoise(SHAPE, n_spots=3, min_distance=2, **NOISE), "7ba15fff304c"),
        (stimuli.SparseNoise(SHAPE, n_spots=2, balanced=True, **NOISE), "f14be96386f6"),
        (stimuli.MSequence((4, 7), order=8, inverse_repeat=True), "c397a1d50223"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, stimuli.BaseStimulus) else "",
)
def test_a_seed_gives_the_frames_that_it_always_gave(stimulus, digest):
    """Results name a kind and a seed: other frames of that name would make them unrepeatable."""
    frames = stimulus.frames(0, stimulus.n_frames)  # levels that every machine has exactly
    assert hashlib.sha256(frames.astype("<f4").tobytes()).hexdigest()[:12] == digest


def test_the_order_of_conditions_is_that_of_the_seed_for_ever():
    hartley = stimuli.Hartley(SHAPE, seed=5, cutoff=0.2, n_blanks=2)
    function, sign = hartley.order(0, 12)
    assert function.tolist() == [3, 4, -1, 1, -1, 4, 0, 3, 2, 0, 1, 2]
    assert sign.tolist() == [-1, 1, 0, 1, 0, -1, -1, 1, 1, 1, -1, -1]


class TestWhiteNoise:
    def test_a_pattern_may_be_held_longer_than_a_block(self):
        held = stimuli.BinaryNoise((2, 3), n_frames=9000, seed=0, hold=3000)
        assert held.block_size == 3000
        assert (np.ptp(held.frames(0, 9000).reshape(3, 3000, 6), axis=1) == 0).all()

    def test_a_check_may_be_as_long_as_the_longer_side(self):
        bars = stimuli.BinaryNoise((9, 4), n_frames=50, seed=0, check_size=9).frames(0, 50)
        assert (np.ptp(bars, axis=(1, 2)) == 0).all()

    def test_blocks_and_purposes_draw_from_streams_of_their_own(self):
        draws = [_random.second_generator(0, k).random(4000) - 0.5 for k in range(3)]
        draws += [block_generator(0, k).random(4000) - 0.5 for k in range(3)]
        assert np.abs(np.corrcoef(draws) - np.eye(6)).max() < 5 / np.sqrt(4000)


class TestSparseNoise:
    @pytest.mark.parametrize("distance", [2.0, 3.0])
    def test_spots_may_lie_exactly_at_the_least_distance(self, distance):
        noise = stimuli.SparseNoise((8, 11), n_frames=400, seed=0, n_spots=3, min_distance=distance)
        nearest = []
        for frame in noise.frames(0, 400):
            apart = np.abs(np.argwhere(frame)[:, None] - np.argwhere(frame))
            apart = np.linalg.norm(np.minimum(apart, np.array(frame.shape) - apart), axis=-1)
            nearest.append(apart[np.triu_indices(3, 1)].min())
        assert min(nearest) == distance

    def test_the_two_showings_of_a_position_come_at_any_two_places_of_a_repeat(self):
        frames = stimuli.SparseNoise(SHAPE, n_frames=108 * 40, seed=0, balanced=True).frames(0, 108 * 40)
        repeats = frames.reshape(40, 2, 54, 54)
        same_half = (np.count_nonzero(repeats, axis=2) == 2).any(axis=1).mean()
        # the second showing falls on any of the other 107 places, 53 of which are in the same half
        assert same_half == pytest.approx(53 / 107, abs=5 * np.sqrt(0.25 / (40 * 54)))

    def test_spots_of_a_balanced_frame_are_not_neighbours_more_often_than_by_chance(self):
        noise = stimuli.SparseNoise(SHAPE, n_frames=54 * 60, seed=0, n_spots=2, balanced=True)
        pairs = np.nonzero(noise.frames(0, noise.n_frames).reshape(-1, 54))[1].reshape(-1, 2)
        # 53 of the 54 * 53 / 2 pairs of positions have successive numbers
        assert (np.diff(pairs) == 1).mean() == pytest.approx(2 / 54, abs=5 * np.sqrt(2 / 54 / len(pairs)))


class TestMSequence:
    @pytest.mark.parametrize("shape", [(3, 5), (2, 3)])
    def test_the_covariance_over_a_period_is_exactly_that_declared(self, shape):
        n_lags = 15 // (shape[0] * shape[1])
        m = stimuli.MSequence(
            shape, order=4, n_lags=n_lags, contrast=0.5
        )  # 15 frames for 15 pixels: just fits
        for lag in range(n_lags):
            np.testing.assert_allclose(m.covariance(lag), population(m.frames(0, 15), lag), atol=1e-12)
        assert m.frames(0, 15).mean(axis=0) == pytest.approx(m.mean)
        assert m.covariance(n_lags) is None

    def test_pixels_are_as_far_apart_in_the_sequence_as_the_period_allows(self):
        m = stimuli.MSequence((4, 7), order=10, n_lags=3)
        steps = np.diff([*m.shifts, m.period])
        assert (steps.min() + 1) * 28 > m.period

    def test_advice_names_the_smallest_order_that_fits(self):
        with pytest.raises(ValueError, match="order 5 fits"):
            stimuli.MSequence((4, 4), order=4)  # 16 pixels, 15 frames
        assert stimuli.MSequence((4, 4), order=5).n_frames == 31

    def test_the_sequence_of_all_stimuli_cannot_be_overwritten(self):
        with pytest.raises(ValueError, match="read-only"):
            stimuli.MSequence((2, 3), order=5).sequence[0] = 0


class TestHartley:
    def test_a_cutoff_holds_the_frequency_that_it_names(self):
        # one cycle in 5 pixels of 0.7 deg is 2/7 cycles/deg, which rounds to the other side
        hartley = stimuli.Hartley(Grid((5, 7), pixel_size=0.7, unit="deg"), seed=0, cutoff=2 / 7)
        assert {(0, 1), (0, -1)} <= {tuple(pair) for pair in hartley.wave_numbers.tolist()}

    def test_a_worker_is_sent_the_parameters_and_not_the_basis(self):
        hartley = stimuli.Hartley((40, 60), seed=0, cutoff=0.1)
        frames = hartley.frames(0, 3)
        sent = pickle.dumps(hartley)
        assert len(sent) < 1000 < hartley.basis.nbytes
        np.testing.assert_array_equal(pickle.loads(sent).frames(0, 3), frames)


class TestMovies:
    def test_slow_noise_has_the_autocorrelation_declared_up_to_the_length_of_a_segment(self):
        noise = stimuli.ColouredNoise(
            (170, 200), n_frames=32 * 8, seed=0, spatial_exponent=0, temporal_exponent=1.5
        )
        assert noise.block_size == 32
        frames = noise.frames(0, 32 * 8).reshape(32 * 8, -1).astype(float)
        for lag in (0, 7, 20, 31, 39):
            starts = range(0, 32 * 6)  # whole blocks
            measured = np.mean([(frames[t] * frames[t + lag]).mean() for t in starts])
            assert measured == pytest.approx(noise.autocorrelation(lag), abs=0.01)
        assert noise.autocorrelation(40) == noise.autocorrelation(10**6) == 0

    def test_a_long_request_keeps_two_transforms_and_not_all(self):
        maker = _spectra.MovieMaker(0, np.ones((_spectra.segment_length(32), 3, 4), np.float32))
        for block in range(9):
            maker(block, np.empty((32, 3, 4), np.float32))
            assert len(maker._pairs) <= 2


class TestMotionCloud:
    CLOUD = stimuli.MotionCloud(
        Grid((24, 30)), n_frames=1, seed=0, spatial_frequency=0.15, speed=1.2, speed_spread=0.6
    )

    def test_it_is_the_cloud_of_sanz_leon_and_others_in_other_parameters(self):
        f_0, b_f, b_theta, b_v, theta, v = 0.2, 0.35, 0.4, 0.5, np.deg2rad(-35), 0.8
        cloud = replace(
            self.CLOUD,
            spatial_frequency=f_0 * np.exp(-(b_f**2)),
            frequency_spread=b_f / np.sqrt(2) / np.log(2),
            orientation_deg=np.rad2deg(theta) + 90,
            orientation_spread_deg=np.rad2deg(b_theta) / np.sqrt(2),
            speed=v,
            speed_spread=b_v / np.sqrt(2),
        )
        # an envelope of amplitudes, log-normal in f with its Jacobian 1/f
        ft, fy, fx = np.meshgrid(*map(np.fft.fftfreq, cloud.power.shape), indexing="ij")
        fy = -fy
        f = np.hypot(fx, fy)
        f[f == 0] = np.inf
        plane = ft + v * (np.cos(theta) * fx + np.sin(theta) * fy)
        envelope = (
            1 / f * np.exp(-0.5 * np.log(f / f_0) ** 2 / b_f**2)
            * np.exp(np.cos(2 * (np.arctan2(fy, fx) - theta)) / (4 * b_theta**2))
            * sum(np.exp(-0.5 * ((plane + alias) / (b_v * f)) ** 2) for alias in (-1, 0, 1))
        )  # fmt: skip
        expected = envelope**2 / (envelope**2).mean()
        shown = (expected > 0.01 * expected.max()) & (np.abs(fx) < 0.5) & (np.abs(fy) < 0.5)
        assert shown.sum() > 1000
        np.testing.assert_allclose(cloud.power[shown], expected[shown], rtol=0.03)

    def test_its_power_is_even_so_that_frames_are_real(self):
        power = self.CLOUD.power
        opposite = power[np.ix_(*(-np.arange(n) % n for n in power.shape))]
        np.testing.assert_array_equal(power, opposite)

    @pytest.mark.parametrize("speed", [1.2, -3.3])
    def test_how_it_moves_does_not_change_what_a_frame_shows(self, speed):
        still, moving = replace(self.CLOUD, speed=0.0), replace(self.CLOUD, speed=speed)
        in_a_frame = still.power.sum(axis=0)
        np.testing.assert_allclose(moving.power.sum(axis=0), in_a_frame, atol=0.005 * in_a_frame.max())

    def test_a_rigid_cloud_drifts_at_its_speed_between_the_frequencies_of_a_segment(self):
        rigid = replace(self.CLOUD, n_frames=300, speed=0.37, speed_spread=0.0)
        frames = rigid.frames(0, 300)
        assert frames.var() == pytest.approx(1, abs=0.2)
        spectra = np.fft.fft2(frames)
        turned = np.angle((spectra[1:] * spectra[:-1].conj()).sum(axis=0)) / (2 * np.pi)
        fx, weight = np.fft.fftfreq(30), (np.abs(spectra) ** 2).sum(axis=0)
        row = weight[0, 1:14]  # waves along x alone, to the right: 90 degrees
        assert -(row * turned[0, 1:14] * fx[1:14]).sum() / (row * fx[1:14] ** 2).sum() == pytest.approx(
            0.37, abs=0.02
        )


class TestGrating:
    def test_moments_are_declared_for_whole_cycles_only(self):
        drifting = stimuli.Grating((7, 11), temporal_frequency=1 / 8, mean_level=0.2, contrast=0.6, **GRATING)
        for grating in (drifting, replace(drifting, spatial_frequency=0)):
            frames = grating.frames(0, 16).astype(float)
            np.testing.assert_allclose(frames.mean(axis=0), grating.mean, atol=1e-6)
            np.testing.assert_allclose(frames.var(axis=0), grating.variance, atol=1e-6)
        # two phases are not all; a grating that hardly moves does not run through any; nor does half a cycle
        others = [replace(drifting, temporal_frequency=f) for f in (0.5, 0.0, 1e-12, 1 / 32, 0.1)]
        for other in (*others, replace(drifting, diameter=5), replace(drifting, counterphase=True)):
            assert other.mean is None
            assert other.variance is None

    def test_horizontal_bars_alias_too(self):
        with pytest.raises(ValueError, match="spatial_frequency would alias"):
            stimuli.Grating((7, 11), **(GRATING | {"spatial_frequency": 0.51}))
        with pytest.raises(ValueError, match="spatial_frequency would alias"):
            stimuli.GaborPatch((7, 11), orientation_deg=0, spatial_frequency=0.51, sigma=2)

    def test_contrasts_that_add_up_to_one_fit_and_more_do_not(self):
        for level in (0.1, 0.3, 0.7, 0.9):
            assert stimuli.Grating((7, 11), contrast=1 - level, mean_level=level, **GRATING).peak <= 1 + 1e-9
        one = stimuli.Grating((7, 11), contrast=0.5, **GRATING)
        assert stimuli.Plaid((7, 11), gratings=(one, one)).peak == 1
        with pytest.raises(ValueError, match=r"must add up to at most 1, got 1\.01"):
            stimuli.Plaid((7, 11), gratings=(one, replace(one, contrast=0.51)))

    def test_an_edge_wider_than_its_aperture_or_without_one_is_refused(self):
        widest = stimuli.Grating((41, 61), diameter=20, edge=20, **(GRATING | {"spatial_frequency": 0}))
        assert widest.frames(0, 1).max() == pytest.approx(1)
        with pytest.raises(ValueError, match=r"edge must be at most the diameter, 20 px, got 20\.5"):
            replace(widest, edge=20.5)
        with pytest.raises(ValueError, match="edge 20 is that of an aperture: give its diameter too"):
            replace(widest, diameter=None)


class TestShapes:
    GRID = Grid((21, 33), pixel_size=0.5, unit="deg")

    def test_what_is_smaller_than_a_pixel_covers_its_share_of_one(self):
        bar = stimuli.Bar(self.GRID, orientation_deg=0, width=0.2, length=0.1).frames(0, 1)
        assert bar.sum() * 0.25 == pytest.approx(0.2 * 0.1)
        pixel, half = (stimuli.Spot(self.GRID, diameter=d).frames(0, 1) for d in (0.5, 0.25))
        np.testing.assert_allclose(half, pixel / 4)  # a quarter of the area
        assert pixel.max() == 1
        hole = {"inner_diameter": 0.05, "outer_diameter": 6}
        ring = stimuli.Annulus(self.GRID, **hole).frames(0, 1)[0]
        assert ring[10, 16] == pytest.approx(1 - 0.1**2)  # a tenth of a pixel across

    def test_a_ring_without_width_is_refused(self):
        with pytest.raises(ValueError, match="inner_diameter must be below outer_diameter 2, got 2"):
            stimuli.Annulus(self.GRID, inner_diameter=2, outer_diameter=2)

    def test_the_peak_is_the_contrast_without_its_sign(self):
        weak = stimuli.Spot(self.GRID, diameter=3, contrast=-0.25)
        assert weak.peak == np.abs(weak.frames(0, 1)).max() == 0.25
        strong = replace(weak, contrast=0.75)
        assert stimuli.Protocol(conditions=(weak, strong)).peak == 0.75
        for first, then in ((weak, strong), (strong, weak)):
            assert stimuli.FrozenNoise(first, then, 1).peak == stimuli.concatenate(first, then).peak == 0.75
        assert stimuli.mask(weak, np.zeros(self.GRID.shape)).peak == 0
        assert stimuli.mask(stimuli.GaussianNoise(SHAPE, **NOISE), np.zeros(SHAPE)).peak == 0


class TestCompounds:
    WEAK, STRONG = (stimuli.MSequence((3, 5), order=4, contrast=c) for c in (0.2, 1.0))

    @pytest.mark.parametrize("kind", ["concatenated", "frozen"])
    def test_moments_are_those_of_all_frames_also_where_the_parts_have_other_means(self, kind):
        twice = stimuli.repeat(self.STRONG, 2)
        both = (
            stimuli.concatenate(self.WEAK, twice)
            if kind == "concatenated"
            else stimuli.FrozenNoise(self.WEAK, twice, 10)
        )
        frames = both.frames(0, both.n_frames).astype(float)
        assert both.n_frames == (45 if kind == "concatenated" else 3 * 15 + 30)
        assert both.mean == pytest.approx(frames.mean())
        assert both.variance == pytest.approx(frames.var(axis=0).mean())
        np.testing.assert_allclose(both.covariance(), population(frames), atol=1e-7)
        assert both.covariance(1) is None

    def test_moments_are_not_declared_where_one_part_does_not_know_its_own(self):
        unknown = stimuli.Spot((3, 5), diameter=2)
        for both in (stimuli.concatenate(self.WEAK, unknown), stimuli.FrozenNoise(unknown, self.WEAK, 5)):
            assert both.mean is both.variance is both.covariance() is None

    def test_parts_are_held_as_they_were_given(self):
        parts = [self.WEAK, self.STRONG]
        protocol, plaid = (
            stimuli.Protocol(conditions=parts),
            stimuli.Plaid(
                (3, 5), gratings=(stimuli.Grating((3, 5), contrast=c, **GRATING) for c in (0.3, 0.4))
            ),
        )
        parts.clear()
        assert protocol.conditions == (self.WEAK, self.STRONG)
        assert plaid.peak == pytest.approx(0.7)

    def test_a_repeated_stimulus_does_not_claim_what_happens_where_it_begins_again(self):
        noise = stimuli.GaussianNoise(SHAPE, **NOISE)
        assert not stimuli.repeat(noise, 2).is_white
        assert stimuli.repeat(noise, 2).covariance(1) is None

    def test_the_mean_of_a_window_is_declared_where_it_is_one_number(self):
        window = np.linspace(0, 1, 15).reshape(3, 5)
        masked = stimuli.mask(self.STRONG, window)
        assert np.ptp(masked.frames(0, 15).mean(axis=0)) > 0.05  # a pixel's mean depends on its weight
        assert masked.mean is None
        assert stimuli.mask(self.STRONG, np.full((3, 5), 0.5)).mean == pytest.approx(-1 / 30)
        assert stimuli.mask(stimuli.GaussianNoise((3, 5), **NOISE), window).mean == 0
        np.testing.assert_allclose(masked.covariance(), population(masked.frames(0, 15)), atol=1e-7)

    def test_scaled_moments_go_with_the_square(self):
        scaled = stimuli.with_contrast(self.STRONG, 0.25)
        frames = scaled.frames(0, 15).astype(float)
        assert scaled.variance == pytest.approx(frames.var(axis=0).mean())
        np.testing.assert_allclose(scaled.covariance(), population(frames), atol=1e-12)
        # three times a third: rounding alone must not clip
        assert stimuli.with_contrast(
            stimuli.BinaryNoise(SHAPE, contrast=0.7, **NOISE), 1 / 0.7
        ).peak == pytest.approx(1)

    def test_weights_cannot_be_changed_behind_its_back(self):
        weights = np.ones(SHAPE)
        masked = stimuli.mask(stimuli.GaussianNoise(SHAPE, **NOISE), weights)
        weights[:] = 0
        assert masked.weights.all()
        with pytest.raises(ValueError, match="read-only"):
            masked.weights[0, 0] = 0
