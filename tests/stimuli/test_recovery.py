"""The field of one half-rectified simple cell is recovered with every kind that allows it.

The declared covariance whitens where a kind is coloured; where none is declared, the measured one does.
"""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, revcorr, stimuli

GRID = Grid((12, 14))
N = 60_000
FIELD = gabor.Gabor.from_tuning(
    spatial_frequency=0.14, orientation_deg=60, n_x=0.4, n_y=0.45, phase=0.7, centre=(0.8, -0.5)
)
COARSE_FIELD = gabor.Gabor.from_tuning(
    spatial_frequency=0.08, orientation_deg=60, n_x=0.3, n_y=0.35, phase=0.7, centre=(0.8, -0.5)
)
"""For stimuli that are made of checks, which show no detail finer than themselves."""
COARSE = ("checks", "sparse, several", "jittered checks, held")
SMALLEST_SHARE = 0.02
"""Directions with less than this share of the largest variance are left out: hardly shown, or not at all."""

GAUSSIAN = stimuli.GaussianNoise(GRID, n_frames=N, seed=0)
CLOUD = stimuli.MotionCloud(
    GRID,
    n_frames=N,
    seed=0,
    spatial_frequency=0.14,
    frequency_spread=1.0,
    orientation_deg=60,
    orientation_spread_deg=40,
    speed_spread=5,
)
SPOTS = tuple(
    stimuli.Spot(GRID, diameter=2, centre=(x, y), contrast=c)
    for x in GRID.x_axis
    for y in GRID.y_axis
    for c in (-1, 1)
)
GRATINGS = tuple(
    stimuli.Grating(GRID, n_frames=1, orientation_deg=o, spatial_frequency=f, phase_deg=p)
    for o in range(0, 180, 9)
    for f in np.linspace(0.02, 0.3, 15)
    for p in (0, 90, 180, 270)
)

ALLOWING = {
    "gaussian": GAUSSIAN,
    "binary": stimuli.BinaryNoise(GRID, n_frames=N, seed=0),
    "ternary": stimuli.TernaryNoise(GRID, n_frames=N, seed=0),
    "checks": stimuli.BinaryNoise(GRID, n_frames=N, seed=0, check_size=2),
    "jittered checks, held": stimuli.BinaryNoise(GRID, n_frames=N, seed=0, check_size=3, hold=2, jitter=True),
    "sparse": stimuli.SparseNoise(GRID, n_frames=N, seed=0),
    "sparse, several": stimuli.SparseNoise(GRID, n_frames=N, seed=0, n_spots=5, spot_size=2),
    "sparse, far apart": stimuli.SparseNoise(GRID, n_frames=N, seed=0, n_spots=5, min_distance=3),
    "sparse, balanced": stimuli.SparseNoise(GRID, n_frames=672, seed=0, balanced=True),
    "m-sequence": stimuli.MSequence(GRID, order=15),
    "m-sequence, inverse repeat": stimuli.MSequence(GRID, order=14, inverse_repeat=True),
    "hartley": stimuli.Hartley(GRID, seed=0, cutoff=0.3, n_repeats=4, n_blanks=10),
    "coloured in space": stimuli.ColouredNoise(GRID, n_frames=N, seed=0),
    "autoregressive": stimuli.ColouredNoise(GRID, n_frames=N, seed=0, temporal_correlation=0.6),
    "1/f in time": stimuli.ColouredNoise(GRID, n_frames=N, seed=0, spatial_exponent=1, temporal_exponent=0.5),
    "motion cloud": CLOUD,
    "natural patches": stimuli.NaturalPatches(GRID, n_frames=N, seed=0, normalise=True),
    "natural patches, whitened": stimuli.NaturalPatches(GRID, n_frames=N, seed=0, whiten=True),
    "natural movie": stimuli.NaturalMovie(GRID, n_frames=N, seed=0, whiten=True, fixation=4),
    "spots": stimuli.Protocol(conditions=SPOTS, n_repeats=1, seed=0),
    "gratings": stimuli.Protocol(conditions=GRATINGS, n_repeats=1, seed=0),
    "frozen noise": stimuli.FrozenNoise(replace(GAUSSIAN, seed=9, n_frames=200), GAUSSIAN, 3000),
    "array": stimuli.ArrayStimulus(np.random.default_rng(0).standard_normal((N, *GRID.shape))),
    "concatenated": stimuli.concatenate(GAUSSIAN, stimuli.BinaryNoise(GRID, n_frames=N, seed=0)),
    "repeated": stimuli.repeat(replace(GAUSSIAN, n_frames=N // 2), 2),
    "masked": stimuli.mask(GAUSSIAN, np.hypot(GRID.x, GRID.y) < 6.5),
    "scaled": stimuli.with_contrast(GAUSSIAN, 0.1),
}


def whitened(rf, stimulus):
    """Solve C w = rf Var, in the directions that the stimulus shows."""
    covariance = stimulus.covariance()
    if covariance is None:
        flat = stimulus.frames(0, stimulus.n_frames).reshape(stimulus.n_frames, -1).astype(float)
        covariance = np.cov(flat.T)
    values, axes = np.linalg.eigh(covariance)
    shown = values > SMALLEST_SHARE * values[-1]
    correlated = rf * np.diag(covariance)
    return axes[:, shown] @ ((axes[:, shown].T @ correlated) / values[shown])


@pytest.mark.parametrize("kind", ALLOWING)
def test_the_field_of_a_cell_is_recovered(kind):
    stimulus = ALLOWING[kind]
    cell = cells.SimpleCells(COARSE_FIELD if kind in COARSE else FIELD, GRID)
    found = revcorr.sta(stimulus, cell).rf[0, 0].ravel()
    if not stimulus.is_white:
        found = whitened(found, stimulus)
    assert np.corrcoef(found, cell.weights.ravel())[0, 1] > 0.95


def test_jitter_resolves_what_a_fixed_lattice_of_checks_cannot():
    cell = cells.SimpleCells(FIELD, GRID, nonlinearity="linear")
    found = {}
    for jitter in (False, True):
        checks = stimuli.BinaryNoise(GRID, n_frames=N, seed=0, check_size=2, jitter=jitter)
        field = whitened(revcorr.sta(checks, cell).rf[0, 0].ravel(), checks)
        found[jitter] = np.corrcoef(field, cell.weights.ravel())[0, 1]
    # the best that 2 x 2 checks can do is the field averaged over each of them
    averaged = cell.weights[0].reshape(6, 2, 7, 2).mean(axis=(1, 3)).repeat(2, axis=0).repeat(2, axis=1)
    assert found[False] < np.corrcoef(averaged.ravel(), cell.weights.ravel())[0, 1] + 0.01 < 0.92
    assert found[True] > 0.95
