"""Batched Gabor fits beside `scipy.optimize.curve_fit`: the same patches, one process, one thread each.

The peer is started as good scripts do it: carrier from the peak of a zero-padded spectrum, envelope from the
moments of the squared field. Run ``python benchmarks/gabor_fit.py --data FOLDER`` where FOLDER holds the
learned bases as .npy files of shape (n, ny, nx); without it only simulated patches are used. Both take turns,
and the time that counts is the processor's, which other work on the machine disturbs least.
"""

import argparse
import resource
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from _machine import SecondProcess
from scipy.optimize import curve_fit
from threadpoolctl import threadpool_limits

from v1sim import Grid
from v1sim.gabor import Gabor, fit_gabor

BASES = {
    "sparsenet 12x12": ("sparsenet_bases_144x12x12.npy", 0.92),
    "kent 16x16": ("kent_bases_512x16x16.npy", 0.96),
    "rctn 16x16": ("rctn_bases_384x16x16.npy", 0.857),
}
RESNET = "resnet50thin_conv1_64x3x7x7.npy"
WORKER_TURNS = 5
SETS = {"easy, SNR 1": (1.0, False), "hard, SNR 1": (1.0, True), "easy, SNR .25": (0.25, False)}


# -- patches ------------------------------------------------------------------------------------------


def simulated(n, snr, hard, seed):
    """Noisy patches of 32 x 32 pixels, the clean ones and the Gabors; `snr` is a ratio of variances."""
    rng, grid = np.random.default_rng(seed), Grid((32, 32))
    reach = 8 if hard else 3
    truth = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.05, 0.25, n),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(0.05, 1.2, n) if hard else rng.uniform(0.15, 0.7, n),
        n_y=rng.uniform(0.05, 1.2, n) if hard else rng.uniform(0.15, 1.0, n),
        phase=rng.uniform(-np.pi, np.pi, n),
        centre=(rng.uniform(-reach, reach, n), rng.uniform(-reach, reach, n)),
    )
    clean = truth.render(grid)
    noise = rng.standard_normal(clean.shape) * np.sqrt(clean.var(axis=(1, 2), keepdims=True) / snr)
    return clean + noise, clean, truth


def first_colour(kernels):
    """First principal component of the colour channels of each kernel, (n, ny, nx)."""
    n, channels, ny, nx = kernels.shape
    _, values, rows = np.linalg.svd(kernels.reshape(n, channels, -1).astype(float), full_matrices=False)
    return (values[:, :1] * rows[:, 0]).reshape(n, ny, nx)


# -- the peer -----------------------------------------------------------------------------------------


def peer_model(xy, alpha, beta_x, beta_y, f, phi, x0, y0, tau):
    """Evaluate the same eight-parameter function, as a script would write it."""
    x, y = xy
    along = (x - x0) * np.cos(tau) + (y - y0) * np.sin(tau)
    across = -(x - x0) * np.sin(tau) + (y - y0) * np.cos(tau)
    return alpha * np.exp(-beta_x * along**2 - beta_y * across**2) * np.cos(f * along + phi)


def peer_start(field, grid):
    """Start values: spectral peak of the padded field, centre and width of its squared values."""
    ny, nx = field.shape
    spectrum = np.abs(np.fft.rfft2(field - field.mean(), s=(4 * ny, 4 * nx)))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    kx = 2 * np.pi * np.fft.rfftfreq(4 * nx)[column]
    ky = -2 * np.pi * np.fft.fftfreq(4 * ny)[row]
    mass = field**2 / (field**2).sum()
    x0, y0 = (mass * grid.x).sum(), (mass * grid.y).sum()
    variance = (mass * ((grid.x - x0) ** 2 + (grid.y - y0) ** 2)).sum() / 2
    beta = 1 / (2 * variance)
    window = np.exp(-beta * ((grid.x - x0) ** 2 + (grid.y - y0) ** 2))
    component = (field * window * np.exp(-1j * (kx * (grid.x - x0) + ky * (grid.y - y0)))).sum()
    return [
        np.abs(field).max(),
        beta,
        beta,
        np.hypot(kx, ky),
        np.angle(component),
        x0,
        y0,
        np.arctan2(ky, kx),
    ]


def run_peer(fields, grid):
    """Fit one by one: parameters (n, 8), NaN where curve_fit raised, and seconds."""
    out = np.full((len(fields), 8), np.nan)
    xy = np.stack([grid.x.ravel(), grid.y.ravel()])
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, field in enumerate(fields):
            try:
                out[i], _ = curve_fit(peer_model, xy, field.ravel(), p0=peer_start(field, grid))
            except RuntimeError:
                continue
    return out, time.process_time() - start


def peer_fields(parameters, grid):
    """Fields (n, ny, nx) of the peer's parameters, NaN where there are none."""
    with np.errstate(all="ignore"):
        return np.stack([peer_model((grid.x, grid.y), *p) for p in parameters])


def peer_degenerate(parameters, grid):
    """Tell which fits left what a patch holds: sigma above it, frequency beyond Nyquist, centre outside."""
    _, beta_x, beta_y, f, _, x0, y0, _ = parameters.T
    ny, nx = grid.shape
    with np.errstate(all="ignore"):
        wide = ~((beta_x > 0) & (beta_y > 0)) | (np.minimum(beta_x, beta_y) < 1 / (2 * max(ny, nx) ** 2))
        outside = (np.abs(x0) > nx / 2) | (np.abs(y0) > ny / 2)
        return np.isfinite(f) & (wide | outside | (np.abs(f) > np.pi))


# -- measures -----------------------------------------------------------------------------------------


def r_squared(model, fields):
    """Share of the variance of each field."""
    residual = ((model - fields) ** 2).sum(axis=(1, 2))
    return 1 - residual / ((fields - fields.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2))


def cost(model, fields):
    """Residual sum of squares of each field; infinite where there is no model."""
    return np.nan_to_num(((model - fields) ** 2).sum(axis=(1, 2)), nan=np.inf)


def in_turns(fields, grid, turns, **options):
    """Return our fit, the peer's parameters, and fits per second of both over all `turns`.

    In every turn we fit all fields and the peer its share of them, so that each sees the same machine.
    """
    ours, theirs, parameters = [], [], []
    for part in np.array_split(fields, turns):
        start = time.process_time()
        fit = fit_gabor(fields, grid, workers=1, **options)
        ours.append(time.process_time() - start)
        found, seconds = run_peer(part, grid)
        theirs.append(seconds)
        parameters.append(found)
    return fit, np.concatenate(parameters), len(fields) / np.median(ours), len(fields) / sum(theirs)


def unflagged_degenerate(fit):
    """Count the fits that left what a patch can hold without a flag."""
    ny, nx = fit.grid.shape
    g = fit.gabor
    bad = (g.sigma_x > max(ny, nx)) | (g.sigma_y > max(ny, nx)) | (g.spatial_frequency > 0.5)
    bad |= (np.abs(g.x0) > nx / 2) | (np.abs(g.y0) > ny / 2)
    return int((bad & ~fit.flagged).sum())


def bench_simulated(n, turns):
    """Fits per second, success against the clean truth, and share that reaches the optimum."""
    grid = Grid((32, 32))
    print(f"\nsimulated 32x32, {n} patches")
    print(
        f"{'patches':16}{'peer/s':>8}{'ours/s':>8}{'ratio':>7}{'success: peer':>15}{'ours':>7}{'optimum':>9}"
    )
    for name, (snr, hard) in SETS.items():
        fields, clean, truth = simulated(n, snr, hard, seed=0)
        fit, parameters, rate, peer_rate = in_turns(fields, grid, turns)
        success = (r_squared(fit.render(), clean) > 0.95).mean()
        peer_success = (r_squared(peer_fields(parameters, grid), clean) > 0.95).mean()
        from_truth = fit_gabor(fields, grid, starts=truth)
        optimum = cost(fit.render(), fields) <= 1.001 * cost(from_truth.render(), fields)
        print(
            f"{name:16}{peer_rate:8.0f}{rate:8.0f}{rate / peer_rate:7.1f}{peer_success:15.3f}{success:7.3f}"
            f"{optimum.mean():9.3f}"
        )


def bench_bases(folder, turns):
    """Learned filters, for which nothing is known but what a fit leaves; both with and without a constant."""
    print("\nlearned bases (degenerate: sigma above the patch, frequency above Nyquist or centre outside)")
    print(
        f"{'patches':16}{'peer/s':>8}{'ours/s':>8}{'ratio':>7}{'R2: peer':>10}{'ours':>8}{'+ offset':>10}"
        f"{'reach':>7}{'peer degenerate':>17}{'raised':>8}{'ours unflagged':>16}{'flagged':>9}"
    )
    for name, (file, reach) in BASES.items():
        fields = np.load(folder / file).astype(np.float64)
        grid = Grid(fields.shape[1:])
        fit, parameters, rate, peer_rate = in_turns(fields, grid, turns)
        raised = np.isnan(parameters[:, 0]).mean()
        peer = np.nanmedian(r_squared(peer_fields(parameters, grid), fields))
        shifted = np.median(fit_gabor(fields, grid, offset=True).r_squared)
        print(
            f"{name:16}{peer_rate:8.0f}{rate:8.0f}{rate / peer_rate:7.1f}{peer:10.4f}"
            f"{np.median(fit.r_squared):8.4f}{shifted:10.4f}{reach:7.3f}"
            f"{peer_degenerate(parameters, grid).mean():17.3f}{raised:8.3f}"
            f"{unflagged_degenerate(fit):16d}{fit.flagged.mean():9.3f}"
        )
    kernels = first_colour(np.load(folder / RESNET))
    for offset in (False, True):
        fit = fit_gabor(kernels, offset=offset)
        dead = fit.flags["dead"]
        median = np.median(fit.r_squared[~dead])
        kind = "with" if offset else "without"
        print(
            f"ResNet conv1 7x7 {kind} offset: median R2 {median:.4f} over {(~dead).sum()} live kernels "
            f"(reach 0.970), {dead.sum()} dead"
        )


def bench_scale(n):
    """Memory of many fields, and what a second worker brings."""
    fields = np.empty((n, 32, 32), np.float32)
    for start in range(0, n, 500):  # in parts, so that making them does not set the peak
        part = fields[start : start + 500]
        part[:] = simulated(len(part), 1.0, False, seed=start)[0]
    fit_gabor(fields[:600], workers=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    turns = []
    with ProcessPoolExecutor(2) as pool, SecondProcess() as machine:
        fit_gabor(fields[:1200], executor=pool)
        for _ in range(WORKER_TURNS):
            one = clocked(fields, workers=1)
            turns.append(
                (one / clocked(fields, workers=2), one / clocked(fields, executor=pool), machine.gain())
            )
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    threads, processes, limit = np.median(turns, axis=0)
    print(f"\n{n} fields of 32x32 ({fields.nbytes / 2**20:.0f} MB): peak memory grew by {grown:.0f} MB")
    print(
        f"1 thread {n / one:.0f} fits/s in the last turn; gain by the clock, medians of {WORKER_TURNS} turns:"
    )
    print(
        f"2 threads {threads:.2f} x (target >= 1.7), 2 processes {processes:.2f} x, "
        f"2 processes of a bare kernel {limit:.2f} x"
    )


def clocked(fields, **options):
    """Time the fits of all fields by the clock."""
    start = time.perf_counter()
    fit_gabor(fields, **options)
    return time.perf_counter() - start


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with the learned bases")
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5, help="how often both take their turn")
    parser.add_argument("--many", type=int, default=10_000, help="fields of the memory and worker test")
    options = parser.parse_args()
    with threadpool_limits(1):
        fit_gabor(simulated(16, 1.0, False, seed=9)[0])  # imports
        bench_scale(options.many)
        bench_simulated(options.patches, options.turns)
        if options.data is not None:
            bench_bases(options.data, options.turns)


if __name__ == "__main__":
    main()
