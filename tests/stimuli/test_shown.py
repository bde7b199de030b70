"""Gratings, shapes, protocols and what is made of them: geometry, motion and order from closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid, stimuli

DEG = Grid((24, 36), pixel_size=0.1, unit="deg")


class TestGrating:
    @pytest.mark.parametrize("orientation", [90, 0, 180, 270, 30, 135])
    @pytest.mark.parametrize("rate", [None, 60])
    def test_a_drifting_grating_has_the_declared_speed_and_direction(self, orientation, rate):
        """The peak of the space-time spectrum lies at F along orientation - 90 and at -f_t."""
        tau = np.deg2rad(orientation - 90)
        fx, fy = 1.5 * np.cos(tau), 1.5 * np.sin(tau)  # cycles/deg
        grating = stimuli.Grating(
            DEG,
            n_frames=60,
            orientation_deg=orientation,
            spatial_frequency=1.5,
            temporal_frequency=9 / 60 * (rate or 1),
            frame_rate=rate,
        )
        padded = (60, 192, 288)  # finer steps than the patch has, for oblique waves
        spectrum = np.abs(np.fft.fftn(grating.frames(0, 60), s=padded, axes=(0, 1, 2)))
        t, row, column = np.unravel_index(spectrum[:30].argmax(), (30, *padded[1:]))
        assert t == 9
        found_fy, found_fx = -np.fft.fftfreq(192, 0.1)[row], np.fft.fftfreq(288, 0.1)[column]
        assert found_fx == pytest.approx(-fx, abs=0.04)
        assert found_fy == pytest.approx(-fy, abs=0.05)

    def test_its_bars_lie_at_the_orientation(self):
        """An oblique bar at 45 degrees rises to the right: y grows with x along a line of one phase."""
        frame = stimuli.Grating((21, 31), n_frames=1, orientation_deg=45, spatial_frequency=0.1).frames(0, 1)[
            0
        ]
        np.testing.assert_allclose(frame[1:, :-1], frame[:-1, 1:], atol=1e-5)

    def test_phase_contrast_and_mean_are_those_at_the_centre(self):
        grating = stimuli.Grating(
            (5, 7),
            n_frames=1,
            orientation_deg=10,
            spatial_frequency=0.1,
            phase_deg=60,
            contrast=0.4,
            mean_level=0.2,
            centre=(1, -2),
        )
        assert grating.frames(0, 1)[0, 4, 4] == pytest.approx(0.2 + 0.4 * 0.5)

    def test_a_counterphase_grating_is_the_mean_of_two_that_drift_apart(self):
        one = stimuli.Grating(
            (8, 12), n_frames=30, orientation_deg=20, spatial_frequency=0.1, temporal_frequency=0.04
        )
        other = replace(one, temporal_frequency=-0.04)
        both = (one.frames(0, 30) + other.frames(0, 30)) / 2
        np.testing.assert_allclose(replace(one, counterphase=True).frames(0, 30), both, atol=1e-6)

    def test_an_aperture_is_soft_and_has_its_diameter_at_half_height(self):
        flat = stimuli.Grating(
            (81, 101),
            n_frames=1,
            orientation_deg=0,
            spatial_frequency=0,
            diameter=40,
            edge=10,
            centre=(10, 5),
        ).frames(0, 1)[0]
        grid = Grid((81, 101))
        radius = np.hypot(grid.x - 10, grid.y - 5)
        assert (flat[radius <= 15] == 1).all()
        assert not flat[radius >= 25].any()
        np.testing.assert_allclose(flat[radius == 20], 0.5, atol=1e-6)
        # a raised cosine: 22.5 is three quarters of the way out
        np.testing.assert_allclose(
            flat[np.isclose(radius, 22.5, atol=0.02)], 0.5 - 0.5 * np.sin(np.pi / 4), atol=0.01
        )
        spread = 10**2 * (1 / 4 - 2 / np.pi**2)  # variance of the place of a raised-cosine edge
        assert flat.sum() == pytest.approx(np.pi * (20**2 + spread), rel=0.001)

    def test_a_size_series_differs_in_diameter_alone(self):
        whole = stimuli.Grating((16, 20), n_frames=2, orientation_deg=0, spatial_frequency=0.1)
        sums = [np.abs(g.frames(0, 1)).sum() for g in (*stimuli.size_series(whole, (4, 8, 12)), whole)]
        assert sums == sorted(sums)
        assert len(set(sums)) == 4

    def test_a_plaid_is_the_sum_of_its_gratings(self):
        a, b = (
            stimuli.Grating(
                (8, 12),
                n_frames=9,
                orientation_deg=o,
                spatial_frequency=0.1,
                contrast=0.5,
                temporal_frequency=0.1,
            )
            for o in (30, 120)
        )
        plaid = stimuli.Plaid((8, 12), gratings=(a, b))
        np.testing.assert_allclose(plaid.frames(2, 7), a.frames(2, 7) + b.frames(2, 7), atol=1e-6)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"spatial_frequency": 5.1}, r"spatial_frequency would alias: 5.1 cycles/deg .* at most 5"),
            ({"temporal_frequency": 31.0}, "temporal_frequency would alias: frames carry at most 30, got 31"),
            ({"contrast": 1.2}, r"contrast must be at most 1 .* got 1.2"),
            ({"contrast": 0.8, "mean_level": -0.3}, "clips: at most 0.7 fits"),
            ({"contrast": float("inf")}, "contrast must be finite"),
            ({"diameter": -1}, "diameter must be finite and above 0, got -1"),
            ({"centre": (1,)}, r"centre must be a pair \(x, y\), got \(1,\)"),
            ({"orientation_deg": float("nan")}, "orientation_deg must be finite, got nan"),
            ({"n_frames": 0}, "n_frames must be at least 1"),
        ],
    )
    def test_impossible_gratings_are_refused(self, changes, message):
        options = {"n_frames": 5, "orientation_deg": 90, "spatial_frequency": 1, "frame_rate": 60}
        with pytest.raises(ValueError, match=message):
            stimuli.Grating(DEG, **(options | changes))

    def test_frequencies_up_to_nyquist_are_shown_in_every_direction(self):
        diagonal = stimuli.Grating((8, 12), n_frames=1, orientation_deg=45, spatial_frequency=0.7)
        checks = stimuli.Grating((8, 12), n_frames=1, orientation_deg=90, spatial_frequency=0.5, phase_deg=90)
        np.testing.assert_allclose(np.abs(checks.frames(0, 1)), 1, atol=1e-5)
        assert np.abs(diagonal.frames(0, 1)).max() > 0.9
        with pytest.raises(ValueError, match="would alias"):
            replace(diagonal, orientation_deg=90)

    def test_impossible_plaids_are_refused(self):
        a = stimuli.Grating((8, 12), n_frames=9, orientation_deg=0, spatial_frequency=0.1, contrast=0.6)
        with pytest.raises(ValueError, match=r"must add up to at most 1, got 1.2"):
            stimuli.Plaid((8, 12), gratings=(a, a))
        with pytest.raises(ValueError, match="must share the grid"):
            stimuli.Plaid((8, 12), gratings=(a, replace(a, n_frames=8, contrast=0.1)))
        with pytest.raises(ValueError, match="gratings must hold at least one stimulus"):
            stimuli.Plaid((8, 12), gratings=())


class TestShapes:
    GRID = Grid((121, 161))

    @pytest.mark.parametrize(
        ("shape", "area"),
        [
            (stimuli.Bar(GRID, orientation_deg=35, width=11.3, length=70.6, centre=(5, -8)), 11.3 * 70.6),
            (stimuli.Bar(GRID, orientation_deg=0, width=0.4, length=50.0), 0.4 * 50),
            (stimuli.Spot(GRID, diameter=33.3, centre=(-20, 10)), np.pi * 33.3**2 / 4),
            (
                stimuli.Annulus(GRID, inner_diameter=20, outer_diameter=60.5, centre=(10, 10)),
                np.pi * (60.5**2 - 20**2) / 4,
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_areas_and_centres_are_those_of_the_figure(self, shape, area):
        frame = shape.frames(0, 1)[0].astype(float)
        assert frame.sum() == pytest.approx(area, rel=0.01)
        assert (frame * self.GRID.x).sum() / frame.sum() == pytest.approx(shape.centre[0], abs=0.05)
        assert (frame * self.GRID.y).sum() / frame.sum() == pytest.approx(shape.centre[1], abs=0.05)

    def test_a_bar_lies_along_its_orientation(self):
        frame = stimuli.Bar(self.GRID, orientation_deg=30, width=5, length=80).frames(0, 1)[0].astype(float)
        x, y = self.GRID.x, self.GRID.y
        moments = np.array([[(frame * a * b).sum() for a in (x, y)] for b in (x, y)]) / frame.sum()
        values, axes = np.linalg.eigh(moments)
        assert np.rad2deg(np.arctan(axes[1, 1] / axes[0, 1])) == pytest.approx(30, abs=0.2)
        assert values[1] == pytest.approx(80**2 / 12, rel=0.01)

    def test_the_light_side_of_an_edge_lies_90_degrees_before_its_orientation(self):
        up = stimuli.Edge((9, 13), orientation_deg=180, centre=(0, 1), contrast=0.5).frames(0, 1)[0]
        assert (up[:3] == 0.5).all()  # rows above y = 1
        assert (up[4:] == -0.5).all()
        np.testing.assert_allclose(up[3], 0, atol=1e-6)

    def test_a_gabor_patch_follows_its_formula(self):
        patch = stimuli.GaborPatch(
            (25, 31),
            orientation_deg=120,
            spatial_frequency=0.1,
            sigma=4,
            phase_deg=40,
            centre=(2, -3),
            contrast=-0.8,
        )
        grid = patch.grid
        along = (grid.x - 2) * np.cos(np.pi / 6) + (grid.y + 3) * np.sin(np.pi / 6)
        envelope = np.exp(-((grid.x - 2) ** 2 + (grid.y + 3) ** 2) / 32)
        expected = -0.8 * envelope * np.cos(2 * np.pi * 0.1 * along + np.deg2rad(40))
        np.testing.assert_allclose(patch.frames(0, 1)[0], expected, atol=1e-6)

    def test_impossible_shapes_are_refused(self):
        with pytest.raises(ValueError, match="inner_diameter must be below outer_diameter 2, got 3"):
            stimuli.Annulus((8, 12), inner_diameter=3, outer_diameter=2)
        with pytest.raises(ValueError, match="width must be finite and above 0"):
            stimuli.Bar((8, 12), orientation_deg=0, width=0, length=2)
        with pytest.raises(ValueError, match=r"contrast.* must be at most 1 .* got 1.5"):
            stimuli.Spot((8, 12), diameter=3, contrast=-1.5)
        with pytest.raises(ValueError, match=r"contrast.* above 0"):
            stimuli.Spot((8, 12), diameter=3, contrast=0)
        with pytest.raises(ValueError, match="spatial_frequency would alias"):
            stimuli.GaborPatch((8, 12), orientation_deg=90, spatial_frequency=0.6, sigma=2)


class TestProtocol:
    SPOTS = tuple(
        stimuli.Spot((8, 12), diameter=3, centre=(x, 0), n_frames=n) for x, n in ((-3, 4), (0, 6), (3, 5))
    )

    @pytest.mark.parametrize("seed", [None, 0])
    def test_every_condition_comes_once_a_repeat_after_its_blank(self, seed):
        protocol = stimuli.Protocol(conditions=self.SPOTS, n_blank=2, n_repeats=4, seed=seed)
        assert protocol.n_frames == 4 * (4 + 6 + 5 + 3 * 2) == 84
        shown = list(protocol)
        end = 0
        for presentation in shown:
            assert presentation.start == end + 2
            assert not protocol.frames(end, end + 2).any()
            np.testing.assert_array_equal(
                protocol.frames(presentation.start, presentation.stop),
                self.SPOTS[presentation.condition].frames(0, presentation.stop - presentation.start),
            )
            end = presentation.stop
        assert end == 84
        order = np.array([presentation.condition for presentation in shown]).reshape(4, 3)
        assert (np.sort(order, axis=1) == [0, 1, 2]).all()
        assert (seed is None) == (order == [0, 1, 2]).all()
        assert (seed is None) == (len(np.unique(order, axis=0)) == 1)

    def test_conditions_that_do_not_fit_together_are_refused(self):
        with pytest.raises(ValueError, match="conditions must hold at least one"):
            stimuli.Protocol(conditions=())
        with pytest.raises(ValueError, match="must share one grid and one frame rate"):
            stimuli.Protocol(conditions=(self.SPOTS[0], stimuli.Spot((8, 13), diameter=3)))
        with pytest.raises(ValueError, match="n_blank must be at least 0"):
            stimuli.Protocol(conditions=self.SPOTS, n_blank=-1)


class TestCompounds:
    NOISE = stimuli.BinaryNoise((5, 7), n_frames=30, seed=0)
    OTHER = stimuli.GaussianNoise((5, 7), n_frames=20, seed=0)

    def test_parts_follow_each_other(self):
        both = stimuli.concatenate(self.NOISE, self.OTHER, self.NOISE).frames(0, 80)
        np.testing.assert_array_equal(both[:30], self.NOISE.frames(0, 30))
        np.testing.assert_array_equal(both[30:50], self.OTHER.frames(0, 20))
        np.testing.assert_array_equal(both[50:], self.NOISE.frames(0, 30))

    def test_repeats_are_the_same_bits(self):
        thrice = stimuli.repeat(self.OTHER, 3).frames(0, 60).reshape(3, 20, 5, 7)
        np.testing.assert_array_equal(thrice, np.broadcast_to(self.OTHER.frames(0, 20), (3, 20, 5, 7)))

    def test_frozen_segments_come_back_and_fresh_frames_do_not(self):
        frozen = stimuli.FrozenNoise(self.OTHER, stimuli.GaussianNoise((5, 7), n_frames=70, seed=1), 30)
        assert frozen.n_frames == 3 * 20 + 70
        assert frozen.repeats == ((0, 20), (50, 70), (100, 120))
        for start, stop in frozen.repeats:
            np.testing.assert_array_equal(frozen.frames(start, stop), self.OTHER.frames(0, 20))
        frames, is_frozen = frozen.frames(0, 130), frozen.is_frozen(0, 130)
        assert is_frozen.sum() == 60
        np.testing.assert_array_equal(frames[~is_frozen], frozen.fresh.frames(0, 70))

    def test_a_mask_and_a_contrast_multiply(self):
        window = np.arange(35).reshape(5, 7) / 34
        masked = stimuli.with_contrast(stimuli.mask(self.NOISE, window), 0.5)
        np.testing.assert_allclose(masked.frames(3, 9), 0.5 * window * self.NOISE.frames(3, 9), rtol=1e-6)
        assert masked.peak == 0.5

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda n: stimuli.concatenate(), ValueError, "parts must hold at least one"),
            (lambda n: stimuli.concatenate(n, np.ones((3, 5, 7))), TypeError, "arrays as ArrayStimulus"),
            (lambda n: stimuli.repeat(n, 0), ValueError, "n_times must be at least 1"),
            (lambda n: stimuli.mask(n, np.ones((7, 5))), ValueError, r"shape \(5, 7\), got \(7, 5\)"),
            (lambda n: stimuli.mask(n, np.full((5, 7), 1.5)), ValueError, "must be from 0 to 1"),
            (lambda n: stimuli.mask(n, np.full((5, 7), np.nan)), ValueError, "weights must be finite"),
            (lambda n: stimuli.with_contrast(n, 1.25), ValueError, "factor 1.25 clips: .* at most 1 fits"),
            (lambda n: stimuli.with_contrast(n, 0), ValueError, "factor must be finite and above 0"),
            (lambda n: stimuli.FrozenNoise(n, n, 0), ValueError, "n_fresh must be at least 1"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, make, error, message):
        with pytest.raises(error, match=message):
            make(self.NOISE)
