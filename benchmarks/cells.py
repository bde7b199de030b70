"""What cells cost beside their bare matrix products, and what local cells save.

Run with ``python benchmarks/cells.py``. The bars: 1,000 simple and 1,000 complex cells on 64 x 64 frames take
at most 1.3 times the products; cells whose support is below a quarter of a frame of 128 x 128 are at least
twice as fast as the products of the whole frame.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim import Grid, cells, gabor

N_CELLS, N_FRAMES, REPEATS = 1000, 256, 7


def interleaved(*functions: Callable[[], object]) -> list[float]:
    """Return the median time of each function, run in turns [s]."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(REPEATS):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def columns(fields: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return fields as the columns of one matrix, without the denormal numbers that slow any product down."""
    matrix = np.ascontiguousarray(fields.reshape(-1, fields.shape[-2] * fields.shape[-1]).T, np.float32)
    return np.where(np.abs(matrix) < 1e-20, np.float32(0), matrix)


def compare(name: str, bank: gabor.Gabor, grid: Grid, bar: str) -> cells.ComplexCells:
    """Print the times of the products and of the responses, and their ratio."""
    start = time.perf_counter()
    simple, pairs = cells.SimpleCells(bank, grid), cells.ComplexCells(bank, grid)
    built = time.perf_counter() - start
    frames = np.random.default_rng(1).standard_normal((N_FRAMES, *grid.shape), dtype=np.float32)
    flat, fields, halves = frames.reshape(N_FRAMES, -1), columns(simple.weights), columns(pairs.pairs)
    with threadpool_limits(limits=1, user_api="blas"):
        bare, ours = interleaved(
            lambda: (flat @ fields, flat @ halves), lambda: (simple.respond(frames), pairs.respond(frames))
        )
    print(
        f"{name}, {len(bank)} simple + {len(bank)} complex, {N_FRAMES} frames: built in {built:.1f} s; "
        f"products {1e3 * bare:.0f} ms, responses {1e3 * ours:.0f} ms, "
        f"ratio {ours / bare:.2f}, {bare / ours:.1f} times as fast ({bar})"
    )
    return pairs


def main() -> None:
    """Print both figures beside their bars."""
    rng = np.random.default_rng(0)
    tuning = {"orientation_deg": rng.uniform(0, 180, N_CELLS), "n_y": 0.4}
    wide = gabor.Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.05, 0.15, N_CELLS), n_x=rng.uniform(0.15, 0.6, N_CELLS), **tuning
    )
    pairs = compare("64 x 64 px, centred", wide, Grid((64, 64)), "bar: ratio 1.3")
    print(f"largest phase modulation {100 * pairs.phase_modulation.max():.2f} % (bar 1 %)")
    local = gabor.Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.08, 0.15, N_CELLS),
        n_x=0.4,
        centre=(rng.uniform(-54, 54, N_CELLS), rng.uniform(-54, 54, N_CELLS)),
        **tuning,
    )
    compare("128 x 128 px, local", local[:500], Grid((128, 128)), "bar: twice as fast")


if __name__ == "__main__":
    main()
