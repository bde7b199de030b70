"""Frames per second of every kind, against the generator alone; m-sequence STA against matrix products.

The yardstick is ``Generator.standard_normal(dtype=float32)`` of as many values, drawn into one block again
and again in the same process; kinds and yardstick take turns, and medians of the ratios are printed. Targets:
Gaussian noise within 1.15 times, coloured noise within 3 times, binary noise at least 4 times the frames per
second of Gaussian noise.

Then the STA of 50 cells at 16 lags from an m-sequence of order 16 on 32 x 32 pixels: one circular correlation
a cell against the matrix products of a stimulus that lies ready in memory. Targets: at least 5 times faster,
equal within 1e-4.

    python benchmarks/stimuli.py
"""

import os
import time
from dataclasses import replace
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from v1sim import Grid, revcorr, stimuli

GRID = Grid((32, 32))
BLOCKS = 8  # in a request, as the engine makes them: v1sim.stream works in spans of eight blocks
REPEATS = 7
GAUSSIAN = stimuli.GaussianNoise(GRID, n_frames=BLOCKS * 1024, seed=0)
BINARY = stimuli.BinaryNoise(GRID, n_frames=BLOCKS * 1024, seed=0)
COLOURED = stimuli.ColouredNoise(GRID, n_frames=BLOCKS * 1024, seed=0)
N = {"n_frames": BLOCKS * 1024, "seed": 0}
KINDS = {
    "Gaussian": GAUSSIAN,
    "binary": BINARY,
    "binary, checks of 4 px": replace(BINARY, check_size=4),
    "binary, checks of 4 px, jittered": replace(BINARY, check_size=4, jitter=True),
    "ternary": stimuli.TernaryNoise(GRID, **N),
    "coloured, 1/f^2": COLOURED,
    "coloured, 1/f^2, autoregressive": replace(COLOURED, temporal_correlation=0.9),
    "coloured, 1/f^2, 1/f in time": replace(COLOURED, temporal_exponent=1.0),
    "motion cloud": stimuli.MotionCloud(GRID, spatial_frequency=0.15, **N),
    "sparse": stimuli.SparseNoise(GRID, **N),
    "locally sparse, 5 spots": stimuli.SparseNoise(GRID, n_spots=5, min_distance=5, **N),
    "m-sequence": stimuli.MSequence(GRID, order=13),
    "Hartley": stimuli.Hartley(GRID, seed=0, cutoff=0.2, n_repeats=16),
    "natural patches": stimuli.NaturalPatches(GRID, normalise=True, **N),
    "natural movie": stimuli.NaturalMovie(GRID, whiten=True, **N),
    "grating": stimuli.Grating(
        GRID, n_frames=BLOCKS * 1024, orientation_deg=30, spatial_frequency=0.1, temporal_frequency=0.1
    ),
}


def seconds(work):
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(stimulus):
    """Have all frames, span by span."""
    span = BLOCKS * stimulus.block_size
    for start in range(0, stimulus.n_frames, span):
        stimulus.frames(start, min(start + span, stimulus.n_frames))


def draw_alone(n_frames):
    """Draw as many values with the generator alone."""
    rng = np.random.Generator(np.random.SFC64(0))
    block = np.empty((1024, *GRID.shape), np.float32)
    for start in range(0, n_frames, 1024):
        rng.standard_normal(dtype=np.float32, out=block[: min(1024, n_frames - start)])


def generators():
    """Print the speed of every kind."""
    rates = {}
    for name, stimulus in KINDS.items():
        show(stimulus)  # tables are made, pictures are read
        ratios, times = [], []
        for _ in range(REPEATS):
            times.append(seconds(lambda s=stimulus: show(s)))
            ratios.append(times[-1] / seconds(lambda n=stimulus.n_frames: draw_alone(n)))
        rates[name] = 1 / median(ratios)
        frames_per_second = stimulus.n_frames / median(times)
        print(f"{name:34s} {frames_per_second:9.0f} frames/s, {median(ratios):6.3f} x the generator alone")
    print(f"Gaussian noise: {1 / rates['Gaussian']:.2f} x the generator alone (target <= 1.15)")
    print(f"Binary noise: {rates['binary'] / rates['Gaussian']:.1f} x the frames/s of Gaussian (target >= 4)")
    for name in ("coloured, 1/f^2", "coloured, 1/f^2, autoregressive", "coloured, 1/f^2, 1/f in time"):
        print(f"{name}: {1 / rates[name]:.2f} x the generator alone (target <= 3)")


def m_sequence():
    """Print the circular estimator against matrix products."""
    n_lags, n_cells = 16, 50
    m = stimuli.MSequence(GRID, order=16, n_lags=n_lags)
    frames = m.frames(0, m.period).reshape(m.period, -1)
    responses = np.random.default_rng(0).standard_normal((m.period, n_cells)).astype(np.float32)
    responses += frames[:, :n_cells]  # something to find
    variance = 1 - float(m.mean) ** 2

    def products():
        about_mean = responses - responses.mean(axis=0)
        circular = np.concatenate([about_mean, about_mean[: n_lags - 1]])
        return np.stack([circular[lag : lag + m.period].T @ frames for lag in range(n_lags)], axis=1)

    def circular(workers=None):
        return revcorr.m_sequence_sta(
            m.sequence, m.shifts, responses, m.frame_shape, n_lags=n_lags, workers=workers
        )

    for threads in (1, os.cpu_count()):
        ratios = []
        for _ in range(REPEATS):
            with threadpool_limits(threads, user_api="blas"):
                slow = seconds(products)
            fast = seconds(lambda n=threads: circular(n))
            ratios.append(slow / fast)
            print(f"  products {slow:.2f} s, circular correlation {fast:.3f} s, ratio {ratios[-1]:.1f}")
        print(f"M-sequence STA, {threads} threads: {median(ratios):.1f} x faster (target >= 5)")
    expected = products().reshape(n_cells, n_lags, *GRID.shape) / m.period / variance
    difference = np.abs(circular().rf - expected).max()
    print(f"M-sequence STA differs from the products by {difference:.1e} (target <= 1e-4)")


if __name__ == "__main__":
    generators()
    m_sequence()
