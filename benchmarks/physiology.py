"""What the physiology of 500 cells costs beside its bare stimuli and matrix products, on 64 x 64 frames.

Run with ``python benchmarks/physiology.py``. The bars: the full battery takes less than 30 s on two cores,
and at most 1.5 times what it takes to make the very same frames and have the cells weigh and sum them.
The clock on the wall counts whatever else the machine does; processor time does not.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

from v1sim import Grid, analysis, cells, gabor
from v1sim.analysis import _shown

N_CELLS, REPEATS, WORKERS = 500, 3, 2
GRID = Grid((64, 64))


def population() -> gabor.Gabor:
    """Return Gabors spread over the patch, with frequencies and sizes as in macaque V1."""
    rng = np.random.default_rng(0)
    return gabor.Gabor.from_tuning(
        spatial_frequency=np.exp2(rng.uniform(np.log2(0.06), np.log2(0.2), N_CELLS)),
        orientation_deg=rng.uniform(0, 180, N_CELLS),
        n_x=rng.uniform(0.2, 0.6, N_CELLS),
        n_y=rng.uniform(0.2, 0.8, N_CELLS),
        phase=rng.uniform(-np.pi, np.pi, N_CELLS),
        centre=tuple(rng.uniform(-10, 10, (2, N_CELLS))),
    )


@contextmanager
def listening() -> Iterator[list[Any]]:
    """Give the list of all that is shown meanwhile."""
    shown: list[Any] = []

    def run(stimulus: Any, jobs: Any, **options: Any) -> Any:
        shown.append(stimulus)
        return original(stimulus, jobs, **options)

    original = _shown.run
    with mock.patch.object(_shown, "run", run):
        yield shown


def bare(shown: list[Any], units: Any) -> None:
    """Make the frames, block by block, and let the cells take their weighted sums."""

    def work(task: tuple[Any, int, int]) -> None:
        stimulus, start, stop = task
        units.respond(stimulus.frames(start, stop))

    tasks = [
        (stimulus, start, min(start + stimulus.block_size, stimulus.n_frames))
        for stimulus in shown
        for start in range(0, stimulus.n_frames, stimulus.block_size)
    ]
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, tasks))


def seconds(function: Callable[[], object]) -> np.ndarray:
    """Return how long a call takes, by the wall clock and in processor time."""
    start = np.array([time.perf_counter(), time.process_time()])
    function()
    return np.array([time.perf_counter(), time.process_time()]) - start


def main() -> None:
    """Print both times and their ratio, medians of interleaved runs."""
    bank = population()
    kinds = {"simple": cells.SimpleCells(bank, GRID), "complex": cells.ComplexCells(bank, GRID)}
    for name, units in kinds.items():
        ours, theirs = [], []
        for _ in range(REPEATS):
            with listening() as shown:
                ours.append(seconds(lambda u=units: analysis.characterize(u, GRID, workers=WORKERS)))
            theirs.append(seconds(lambda u=units, s=shown: bare(s, u)))
        n_frames = sum(stimulus.n_frames for stimulus in shown)
        wall, processor = np.median(np.array(ours) / np.array(theirs), axis=0)
        battery, products = (np.median(times, axis=0)[0] for times in (ours, theirs))
        print(f"{N_CELLS} {name} cells, {n_frames:,} frames: battery {battery:.1f} s (bar 30)")
        print(f"  stimuli and products {products:.1f} s, ratio {wall:.2f} (bar 1.5)")
        print(f"  ratio in processor time {processor:.2f}")


if __name__ == "__main__":
    main()
