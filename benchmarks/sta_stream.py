"""STA of 100 simple cells from 200,000 frames of 32x32 Gaussian noise, against its unavoidable parts.

The whole run is compared with drawing the noise and doing the two matrix products (responses, and products
of responses and frames) alone, with the same workers in the same process. Target: at most 1.25 times.
Then peak memory at 100,000 and at 1,000,000 frames, each in a fresh process, and an STA of 50 cells at 10
lags from an array against one plain matrix product a lag (target: at most 1.5 times).

    python benchmarks/sta_stream.py
"""

import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from v1sim import cells, gabor, revcorr, stimuli

SHAPE = (32, 32)
WORKERS = 2
REPEATS = 5


def bank(n):
    """Return `n` Gabors of various orientation and phase."""
    turn = np.linspace(0, np.pi, n, endpoint=False)
    return gabor.Gabor(alpha=1, beta_x=0.02, beta_y=0.02, f=0.8, phi=3 * turn, x0=0, y0=0, tau=turn)


def seconds(work):
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def parts_alone(noise, weights):
    """Draw the noise and do the two products, spread over the workers, and nothing else."""
    rows = 1024

    def piece(k):
        rng = np.random.Generator(np.random.SFC64(k))
        for _ in range(8):
            frames = rng.standard_normal((rows, weights.shape[0]), dtype=np.float32)
            (frames @ weights).T @ frames

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(piece, range(round(noise.n_frames / rows / 8))))


def stream_ratio():
    """Print the whole run against its parts."""
    noise = stimuli.GaussianNoise(SHAPE, n_frames=200_000, seed=0)
    simple = cells.SimpleCells(bank(100), noise.grid)
    weights = simple.weights.reshape(100, -1).T.astype(np.float32)
    ratios = []
    for _ in range(REPEATS):
        whole = seconds(lambda: revcorr.sta(noise, simple, workers=WORKERS))
        alone = seconds(lambda: parts_alone(noise, weights))
        ratios.append(whole / alone)
        print(f"  whole run {whole:.2f} s, parts alone {alone:.2f} s, ratio {ratios[-1]:.2f}")
    print(f"STA stream, 200k frames, 100 cells: {median(ratios):.2f} x its parts (target <= 1.25)")


def array_ratio():
    """Print an STA at 10 lags from an array against one matrix product a lag."""
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((50_000, *SHAPE), dtype=np.float32)
    responses = rng.poisson(0.3, (50_000, 50)).astype(np.float32)
    stimulus, flat = stimuli.ArrayStimulus(frames), frames.reshape(len(frames), -1)

    def products():
        for lag in range(10):
            responses[9:].T @ flat[9 - lag : len(flat) - lag]

    ratios = []
    for _ in range(REPEATS):
        whole = seconds(lambda: revcorr.sta(stimulus, responses, n_lags=10))
        alone = seconds(products)
        ratios.append(whole / alone)
        print(f"  whole run {whole:.2f} s, products alone {alone:.2f} s, ratio {ratios[-1]:.2f}")
    print(
        f"STA from an array, 50k frames, 50 cells, 10 lags: {median(ratios):.2f} x products (target <= 1.5)"
    )


def peak_memory(n_frames):
    """Return the peak resident memory [MB] of an STA of `n_frames` frames in a fresh process."""
    command = [sys.executable, __file__, str(n_frames)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    """Print every figure."""
    if len(sys.argv) > 1:
        noise = stimuli.GaussianNoise(SHAPE, n_frames=int(sys.argv[1]), seed=0)
        revcorr.sta(noise, cells.SimpleCells(bank(100), noise.grid), workers=WORKERS)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    stream_ratio()
    array_ratio()
    small, large = peak_memory(100_000), peak_memory(1_000_000)
    print(f"Peak memory: {small:.0f} MB at 100k frames, {large:.0f} MB at 1M (target < 400 MB, within 10 %)")


if __name__ == "__main__":
    main()
