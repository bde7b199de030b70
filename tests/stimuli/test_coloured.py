"""Coloured noise and motion clouds have the spectra that their exponents and envelopes say."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid, stimuli

SHAPE = (12, 18)


def periodogram(frames):
    """Mean squared magnitude at each spatial frequency, over pixels: the variance if white."""
    return (np.abs(np.fft.fft2(frames.astype(float))) ** 2).mean(axis=0) / frames[0].size


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.5])
def test_spatial_power_falls_as_the_exponent_says(exponent):
    noise = stimuli.ColouredNoise(SHAPE, n_frames=8000, seed=0, spatial_exponent=exponent)
    power = periodogram(noise.frames(0, 8000))
    # along a row of 18 pixels, k cycles are k/18 cycles/px; power is exponential, sd = mean / sqrt(n)
    for k in (2, 4, 8):
        assert power[0, k] / power[0, 1] == pytest.approx(float(k) ** -exponent, rel=0.12)
    assert power[2, 3] / power[0, 6] == pytest.approx(2 ** (exponent / 2), rel=0.12)  # 1/6 twice, 2/6
    assert power[0, 0] / power[0, 1] == pytest.approx(1, rel=0.12)


def test_autoregressive_noise_is_one_endless_autoregression_across_blocks():
    rho = 0.8
    noise = stimuli.ColouredNoise(
        SHAPE, n_frames=120_000, seed=0, spatial_exponent=0, temporal_correlation=rho, sd=2.0
    )
    size = noise.block_size
    starts = range(size, 120_000 - 10, size)
    window = np.stack([noise.frames(k - 8, k + 8) for k in starts]) / 2.0  # (borders, 16, ny, nx)
    error = 5 / np.sqrt(len(starts) * SHAPE[0] * SHAPE[1])
    for i, j in ((7, 8), (6, 9), (0, 15), (8, 8), (7, 7), (4, 7), (9, 12)):
        product = (window[:, i] * window[:, j]).mean()
        assert product == pytest.approx(rho ** (j - i), abs=1.5 * error)
    # a first-order process: given the frame between, the past says nothing
    innovation = window[:, 8] - rho * window[:, 7]
    assert innovation.var() == pytest.approx(1 - rho**2, abs=error)
    for past in (6, 5, 2):
        assert (innovation * window[:, past]).mean() == pytest.approx(0, abs=error)


def test_slow_autoregressive_noise_stays_correlated_over_several_blocks():
    noise = stimuli.ColouredNoise(
        (300, 310), n_frames=200, seed=0, spatial_exponent=0, temporal_correlation=0.99
    )
    assert noise.block_size == 32
    first, later = noise.frames(10, 11)[0], noise.frames(110, 111)[0]
    assert (first * later).mean() == pytest.approx(0.99**100, abs=5 / 305)
    assert later.var() == pytest.approx(1, abs=5 * np.sqrt(2) / 305)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_temporal_power_falls_as_the_exponent_says(exponent):
    noise = stimuli.ColouredNoise(
        (8, 10), n_frames=2**15, seed=0, spatial_exponent=0, temporal_exponent=exponent
    )
    pieces = noise.frames(0, 2**15).reshape(-1, 512, 80).astype(float) * np.hanning(512)[:, None]
    power = (np.abs(np.fft.rfft(pieces, axis=1)) ** 2).mean(axis=(0, 2))
    for k in (
        8,
        16,
        32,
        64,
        128,
    ):  # a Hann window widens a line by one step, which bends a power law by little
        assert power[2 * k] / power[k] == pytest.approx(2.0**-exponent, rel=0.08)


class TestMotionCloud:
    CLOUD = stimuli.MotionCloud(
        Grid((32, 40)),
        n_frames=2048,
        seed=0,
        spatial_frequency=0.15,
        orientation_deg=60,
        speed=1.0,
        orientation_spread_deg=10,
        frequency_spread=0.3,
        speed_spread=0.1,
    )

    @staticmethod
    def spectrum(stimulus, n):
        frames = stimulus.frames(0, stimulus.n_frames).reshape(-1, n, *stimulus.frame_shape)
        power = (np.abs(np.fft.fftn(frames * np.hanning(n)[:, None, None], axes=(1, 2, 3))) ** 2).mean(axis=0)
        ft, fy, fx = np.meshgrid(*(np.fft.fftfreq(k) for k in power.shape), indexing="ij")
        return power, ft, -fy, fx  # rows are counted downwards, y upwards

    def test_its_energy_lies_at_the_frequency_orientation_and_speed_declared(self):
        power, ft, fy, fx = self.spectrum(self.CLOUD, 128)
        positive = fx > 0
        weight = power * positive
        f = np.hypot(fx, fy)
        angle = np.rad2deg(np.arctan2(fy, fx))
        mean = lambda values: float((weight * values).sum() / weight.sum())  # noqa: E731
        assert angle[np.unravel_index(weight.argmax(), weight.shape)] == pytest.approx(-30, abs=7)
        assert mean(angle) == pytest.approx(-30, abs=2)  # across bars at 60 degrees, 90 less
        # a bell in log f, times f df for the plane and f for the width in f_t: f^3 d(log f)
        sigma = 0.3 * np.log(2)
        assert mean(f) == pytest.approx(0.15 * np.exp((4**2 - 3**2) / 2 * sigma**2), rel=0.03)
        toward = fx * np.cos(np.deg2rad(-30)) + fy * np.sin(np.deg2rad(-30))
        speed = -float((weight * ft * toward).sum() / (weight * toward**2).sum())
        assert speed == pytest.approx(1.0, abs=0.03)

    def test_blocks_are_drawn_afresh(self):
        size = self.CLOUD.block_size
        whole = replace(self.CLOUD, n_frames=3 * size)
        blocks = [whole.frames(k * size, (k + 1) * size).ravel() for k in range(3)]
        assert np.abs(np.corrcoef(blocks) - np.eye(3)).max() < 0.2

    def test_speed_counts_in_units_of_the_grid_and_seconds(self):
        scaled = replace(
            self.CLOUD,
            grid=Grid((32, 40), pixel_size=0.1, unit="deg"),
            frame_rate=50,
            spatial_frequency=1.5,
            speed=5.0,
            speed_spread=0.5,
        )
        np.testing.assert_allclose(scaled.frames(0, 40), self.CLOUD.frames(0, 40), atol=1e-4)

    def test_what_would_alias_is_refused(self):
        with pytest.raises(ValueError, match=r"spatial_frequency would alias: .* carry at most 0.5"):
            replace(self.CLOUD, spatial_frequency=0.6, orientation_deg=90)
        with pytest.raises(
            ValueError, match=r"more than the 0.5 that frames can show: at most 3.333333333 fits"
        ):
            replace(self.CLOUD, speed=3.5)


def test_impossible_colours_are_refused():
    with pytest.raises(ValueError, match="spatial_exponent must be from 0 to 4, got 5"):
        stimuli.ColouredNoise(SHAPE, n_frames=1, seed=0, spatial_exponent=5)
    with pytest.raises(ValueError, match=r"temporal_correlation must be from 0 to 0.999, got 1"):
        stimuli.ColouredNoise(SHAPE, n_frames=1, seed=0, temporal_correlation=1)
    with pytest.raises(ValueError, match="choose temporal_correlation or temporal_exponent, not both"):
        stimuli.ColouredNoise(SHAPE, n_frames=1, seed=0, temporal_correlation=0.5, temporal_exponent=1)
