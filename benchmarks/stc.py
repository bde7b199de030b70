"""STC at scale: matrix-free against full covariances, many time shifts, growth, workers.

    python benchmarks/stc.py [--recording FILE.npz]

The recording (``stimulus`` and ``spike_counts``) is for the time-shift null; without it the null is made for
binary noise of the same size. Ratios are medians of runs in this process.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median

import numpy as np
from _machine import SecondProcess
from threadpoolctl import threadpool_limits

from v1sim import cells, gabor, io, revcorr, stimuli
from v1sim.revcorr._time_shift import draw_shifts, fft_covariances

SHAPE, N_FRAMES, N_CELLS = (32, 32), 200_000, 64
FRAMES, PASSES, TURNS = (25_000, 50_000, 100_000, 200_000, 400_000), 3, 3


def complex_cells(n, shape=SHAPE):
    """Return `n` complex cells of various orientation, frequency and place."""
    turn = np.linspace(0, np.pi, n, endpoint=False)
    bank = gabor.Gabor(
        alpha=1,
        beta_x=0.03,
        beta_y=0.02,
        f=0.7 + 0.4 * np.abs(np.sin(5 * turn)),
        phi=0,
        x0=3 * np.sin(7 * turn),
        y0=3 * np.cos(7 * turn),
        tau=turn,
    )
    return cells.ComplexCells(bank, stimuli.GaussianNoise(shape, n_frames=1, seed=0).grid)


def seconds(work):
    """Return the seconds of a call, and what it returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def cpu_seconds(work):
    """Return the processor's seconds of a call, over all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def search_seconds(noise, group):
    """Return the processor's and the clock's seconds of a matrix-free search of `PASSES` passes."""
    start = time.perf_counter()
    passes = []
    options = {"progress": lambda done, total: passes.append(done)}
    used = cpu_seconds(lambda: revcorr.stc(noise, group, rank=2, max_passes=PASSES, workers=2, **options))
    if passes[-1] != PASSES * noise.n_frames:
        raise RuntimeError(f"the search came to rest after {passes[-1] / noise.n_frames:g} passes")
    return used, time.perf_counter() - start


def smallest_cosine(first, second):
    """Return the smallest principal cosine of two planes (2, ...)."""
    bases = [np.linalg.qr(axes.reshape(2, -1).T)[0] for axes in (first, second)]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[-1]


def matrix_free_against_full():
    """Print the time a cell, the agreement of the planes, and the peak memory."""
    noise = stimuli.GaussianNoise(SHAPE, n_frames=N_FRAMES, seed=0)
    many, few = complex_cells(N_CELLS), 2
    some = cells.ComplexCells(many.gabor[:few], many.grid)
    free_time, free = seconds(lambda: revcorr.stc(noise, many, rank=2))
    full_time, full = seconds(lambda: revcorr.stc(noise, some))
    cosines = [smallest_cosine(free.eigenvectors[k], full.eigenvectors[k, :2]) for k in range(few)]
    ratio = (full_time / few) / (free_time / N_CELLS)
    print(
        f"matrix-free STC of {N_CELLS} cells: {free_time:.1f} s ({1e3 * free_time / N_CELLS:.0f} ms a cell), "
        f"full covariance {full_time / few:.1f} s a cell: {ratio:.1f} x faster a cell (target >= 10), "
        f"converged {free.converged.all()}, smallest principal cosine {min(cosines):.4f} (target > .99)"
    )
    peak = float(
        subprocess.run(
            [sys.executable, __file__, "--peak"], check=True, capture_output=True, text=True
        ).stdout
    )
    print(f"peak memory of the matrix-free run: {peak:.0f} MB (target < 600)")


def time_shifts(path):
    """Print 500 shifted covariances of a recording by one FFT route against a loop of single ones."""
    if path:
        recording = io.load_recording(path)
        frames, counts = recording.stimulus.astype(np.float32), recording.spike_counts[:, 0]
    else:
        rng = np.random.default_rng(0)
        frames, counts = rng.choice([-1, 1], (294_912, 24)), rng.poisson(0.7, 294_912)
    n_lags, n_shifts, looped = 16, 500, 4
    stimulus = stimuli.ArrayStimulus(frames)
    responses = counts.astype(np.float32)
    shifts = draw_shifts(stimulus.n_frames, n_shifts, memory=n_lags, seed=0)
    design = np.lib.stride_tricks.sliding_window_view(frames.reshape(len(frames), -1), n_lags, axis=0)
    design = np.ascontiguousarray(design[:, :, ::-1].transpose(0, 2, 1), np.float32).reshape(len(design), -1)

    def loop():
        for shift in shifts[:looped]:
            weights = np.roll(responses, shift)[n_lags - 1 :]
            (design.T * weights) @ design / weights.sum()

    def by_fft():
        return fft_covariances(
            stimulus,
            responses,
            shifts,
            n_lags=n_lags,
            history=n_lags - 1,
            breaks=(),
            variance=1.0,
            workers=2,
        )

    ratios = []
    for _ in range(3):
        single = seconds(loop)[0] / looped
        whole, _ = seconds(by_fft)
        ratios.append(n_shifts * single / whole)
        print(f"  500 shifts {whole:.1f} s, single covariance {single:.2f} s")
    print(f"500 time-shift covariances, D = 384: {median(ratios):.1f} x a loop of single ones (target >= 10)")


def growth():
    """Print exponents of growth with frames and cells, and what does not grow.

    Seconds are the processor's, which other work on the machine disturbs least, and of all turns the least
    are taken. The number of passes is fixed by `max_passes`: a search that comes to rest sooner would look
    cheaper.
    """
    many = complex_cells(64, (16, 16))
    noise = stimuli.GaussianNoise((16, 16), n_frames=FRAMES[-1], seed=0)
    sizes = np.array(FRAMES, float)
    revcorr.stc(replace(noise, n_frames=2_000), many, rank=2, max_passes=PASSES)
    runs = np.array(
        [[search_seconds(replace(noise, n_frames=n), many) for n in FRAMES] for _ in range(TURNS)]
    )
    used, wall = runs.min(axis=0).T
    slope, fixed = np.polyfit(sizes, used, 1, w=1 / used)
    print("growth with frames (seconds of the processor, of the clock):")
    print(
        "  " + ", ".join(f"{n // 1000}k {u:.2f} {w:.2f}" for n, u, w in zip(FRAMES, used, wall, strict=True))
    )
    print(f"  {slope * 1e6:.1f} us a frame and {1e3 * fixed:.0f} ms that do not grow, {PASSES} passes each")
    for name, seconds_of in (("processor", used), ("clock", wall)):
        exponent = np.polyfit(np.log(sizes), np.log(seconds_of), 1)[0]
        print(f"  exponent, {name}: {exponent:.2f} (target 1.0 +- .1)")
    shown, counts = stimuli.ArrayStimulus(noise.frames(0, 100_000)), (8, 16, 32, 64)
    groups = [complex_cells(n, (16, 16)) for n in counts]
    turns = [[cpu_seconds(lambda g=g: revcorr.stc(shown, g)) for g in groups] for _ in range(TURNS)]
    used = np.min(turns, axis=0)
    print("growth with cells (seconds of the processor, full covariances):")
    print("  " + ", ".join(f"{n} cells {u:.2f}" for n, u in zip(counts, used, strict=True)))
    exponent = np.polyfit(np.log(counts), np.log(used), 1)[0]
    print(f"  exponent, processor: {exponent:.2f} (target 1.0 +- .1)")


def workers():
    """Print the gain from a second worker, beside that of a second process with a bare kernel."""
    many = complex_cells(64, (16, 16))
    noise = stimuli.GaussianNoise((16, 16), n_frames=200_000, seed=0)
    simple = cells.SimpleCells(many.gabor, many.grid)
    jobs = {
        "matrix-free STC": lambda n: revcorr.stc(noise, many, rank=2, max_passes=PASSES, workers=n),
        "STA": lambda n: revcorr.sta(noise, simple, n_lags=5, workers=n),
    }
    with threadpool_limits(1, user_api="blas"), SecondProcess() as machine:
        for name, job in jobs.items():
            gains, limits = [], []
            for _ in range(TURNS):
                gains.append(seconds(lambda job=job: job(1))[0] / seconds(lambda job=job: job(2))[0])
                limits.append(machine.gain())
            print(
                f"two workers, {name}: {median(gains):.2f} x one (target >= 1.7); "
                f"two processes of a bare kernel: {median(limits):.2f} x"
            )


def main():
    """Print every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recording", default=None)
    parser.add_argument("--peak", action="store_true", help="print the peak memory of a matrix-free run [MB]")
    arguments = parser.parse_args()
    if arguments.peak:
        noise = stimuli.GaussianNoise(SHAPE, n_frames=N_FRAMES, seed=0)
        revcorr.stc(noise, complex_cells(N_CELLS), rank=2, workers=2)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    matrix_free_against_full()
    time_shifts(arguments.recording)
    growth()
    workers()


if __name__ == "__main__":
    main()
