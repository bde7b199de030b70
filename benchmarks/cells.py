"""What cells cost beside their bare matrix products: 1,000 simple and 1,000 complex cells on 64 x 64 frames.

Run with ``python benchmarks/cells.py``. The bar: responses take at most 1.3 times the products.
"""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from v1sim import Grid, cells, gabor

N_CELLS, N_FRAMES, REPEATS = 1000, 256, 7
GRID = Grid((64, 64))


def best_time(function: Callable[[], object]) -> float:
    """Return the shortest of several times [s]."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the time to build, of the products, of the responses, and their ratio."""
    rng = np.random.default_rng(0)
    bank = gabor.Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.05, 0.15, N_CELLS),
        orientation_deg=rng.uniform(0, 180, N_CELLS),
        n_x=rng.uniform(0.15, 0.6, N_CELLS),
        n_y=0.4,
    )
    start = time.perf_counter()
    simple, pairs = cells.SimpleCells(bank, GRID), cells.ComplexCells(bank, GRID)
    print(f"built in {time.perf_counter() - start:.1f} s")
    frames = rng.standard_normal((N_FRAMES, *GRID.shape), dtype=np.float32)
    flat, fields = frames.reshape(N_FRAMES, -1), simple.weights.reshape(N_CELLS, -1)
    columns = np.ascontiguousarray(fields.T, dtype=np.float32)
    with threadpool_limits(limits=1, user_api="blas"):
        bare = best_time(lambda: (flat @ columns, flat @ pairs.columns))
        ours = best_time(lambda: (simple.respond(frames), pairs.respond(frames)))
    print(f"products {1e3 * bare:.0f} ms, responses {1e3 * ours:.0f} ms, ratio {ours / bare:.2f} (bar 1.3)")
    print(f"largest phase modulation {100 * pairs.phase_modulation.max():.2f} % (bar 1 %)")


if __name__ == "__main__":
    main()
