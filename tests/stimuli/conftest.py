"""One table of constructors: every law of test_laws.py is held over every entry, a test's argument `name`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from v1sim import stimuli
from v1sim.grid import Grid

SHAPE = (6, 9)
GRID = Grid(SHAPE, pixel_size=0.5, unit="deg")
N = 5000  # more than two blocks of the default size


@dataclass(frozen=True)
class Entry:
    """A stimulus, and how many frames count as one independent sample of its covariance."""

    stimulus: object
    frames_a_sample: float = 1.0


GAUSSIAN = stimuli.GaussianNoise(SHAPE, n_frames=N, seed=1)
BINARY = stimuli.BinaryNoise(SHAPE, n_frames=N, seed=2, contrast=0.5)
GRATING = stimuli.Grating(
    GRID, n_frames=40, orientation_deg=30, spatial_frequency=0.6, temporal_frequency=3, frame_rate=60
)
WINDOW = np.linspace(0, 1, 54).reshape(SHAPE)


def pictures(folder):
    """Return the arguments that choose the pictures of the fixture."""
    return {"pictures": str(folder / "pictures"), "held_out": ("a.png",)}


TABLE: dict[str, Callable[[Path], Entry]] = {
    "gaussian": lambda folder: Entry(GAUSSIAN),
    "GAUSSIAN, a part of a byte": lambda folder: Entry(
        stimuli.GaussianNoise((5, 7), n_frames=N, seed=1, sd=0.3)
    ),
    "gaussian checks": lambda folder: Entry(stimuli.GaussianNoise(GRID, n_frames=N, seed=1, check_size=2)),
    "gaussian held": lambda folder: Entry(stimuli.GaussianNoise(SHAPE, n_frames=N, seed=1, hold=3), 3),
    "binary": lambda folder: Entry(BINARY),
    "BINARY, a part of a byte": lambda folder: Entry(stimuli.BinaryNoise((5, 7), n_frames=N, seed=2)),
    "binary checks, jittered and held": lambda folder: Entry(
        stimuli.BinaryNoise(SHAPE, n_frames=3 * N, seed=2, check_size=3, hold=3, jitter=True), 3
    ),
    "ternary": lambda folder: Entry(
        stimuli.TernaryNoise(SHAPE, n_frames=N, seed=3, density=0.4, contrast=0.8)
    ),
    "sparse": lambda folder: Entry(stimuli.SparseNoise(SHAPE, n_frames=N, seed=4)),
    "sparse, several large": lambda folder: Entry(
        stimuli.SparseNoise(SHAPE, n_frames=N, seed=4, n_spots=3, spot_size=2)
    ),
    "sparse, far apart": lambda folder: Entry(
        stimuli.SparseNoise(SHAPE, n_frames=N, seed=4, n_spots=3, min_distance=2.5)
    ),
    "sparse, balanced": lambda folder: Entry(stimuli.SparseNoise(SHAPE, n_frames=N, seed=4, balanced=True)),
    "sparse, balanced, several": lambda folder: Entry(
        stimuli.SparseNoise(SHAPE, n_frames=N, seed=4, balanced=True, n_spots=4)
    ),
    "m-sequence": lambda folder: Entry(stimuli.MSequence(SHAPE, order=12, n_lags=8, contrast=0.6)),
    "m-sequence, inverse repeat": lambda folder: Entry(
        stimuli.MSequence(SHAPE, order=9, n_lags=4, inverse_repeat=True, n_periods=2)
    ),
    "hartley": lambda folder: Entry(stimuli.Hartley(GRID, seed=5, cutoff=0.6, n_repeats=60)),
    "hartley, all, blanks, held": lambda folder: Entry(
        stimuli.Hartley(SHAPE, seed=5, cutoff=0.5, n_blanks=9, hold=2, n_repeats=20, contrast=0.9), 2
    ),
    "coloured in space": lambda folder: Entry(
        stimuli.ColouredNoise(SHAPE, n_frames=N, seed=6, spatial_exponent=1.5)
    ),
    "autoregressive": lambda folder: Entry(
        stimuli.ColouredNoise(SHAPE, n_frames=N, seed=6, temporal_correlation=0.7), 1.7 / 0.3
    ),
    "autoregressive, slow": lambda folder: Entry(
        stimuli.ColouredNoise(SHAPE, n_frames=N, seed=6, temporal_correlation=0.999, sd=0.2), 1000
    ),
    "1/f in time": lambda folder: Entry(
        stimuli.ColouredNoise(SHAPE, n_frames=N, seed=6, temporal_exponent=0.5), 8
    ),
    "motion cloud": lambda folder: Entry(
        stimuli.MotionCloud(
            GRID, n_frames=N, seed=7, spatial_frequency=0.5, speed=20, speed_spread=10, frame_rate=60
        ),
        30,
    ),
    "natural patches": lambda folder: Entry(
        stimuli.NaturalPatches(SHAPE, n_frames=N, seed=8, normalise=True, **pictures(folder))
    ),
    "natural movie": lambda folder: Entry(
        stimuli.NaturalMovie(SHAPE, n_frames=N, seed=8, whiten=True, split="train", **pictures(folder)), 18
    ),
    "grating": lambda folder: Entry(GRATING),
    "counterphase grating in an aperture": lambda folder: Entry(
        replace(GRATING, counterphase=True, diameter=2.5, edge=0.8, contrast=0.7, mean_level=-0.3)
    ),
    "plaid": lambda folder: Entry(
        stimuli.Plaid(
            GRID,
            frame_rate=60,
            gratings=(replace(GRATING, contrast=0.5), replace(GRATING, contrast=0.5, orientation_deg=120)),
        )
    ),
    "protocol": lambda folder: Entry(
        stimuli.Protocol(
            conditions=(GRATING, replace(GRATING, orientation_deg=100, n_frames=17)),
            n_blank=5,
            n_repeats=3,
            seed=9,
        )
    ),
    "bar": lambda folder: Entry(stimuli.Bar(GRID, orientation_deg=20, width=0.7, length=2.0, n_frames=3)),
    "edge": lambda folder: Entry(
        stimuli.Edge(GRID, orientation_deg=70, centre=(0.3, 0.1), contrast=-0.5, n_frames=3)
    ),
    "spot": lambda folder: Entry(stimuli.Spot(GRID, diameter=1.3, centre=(-0.4, 0.2), n_frames=3)),
    "annulus": lambda folder: Entry(stimuli.Annulus(GRID, inner_diameter=1, outer_diameter=2.2, n_frames=3)),
    "gabor patch": lambda folder: Entry(
        stimuli.GaborPatch(GRID, orientation_deg=40, spatial_frequency=0.5, sigma=0.6, n_frames=3)
    ),
    "frozen noise": lambda folder: Entry(
        stimuli.FrozenNoise(stimuli.BinaryNoise(SHAPE, n_frames=35, seed=3, contrast=0.5), BINARY, 217),
        5,  # the segment of 35 frames makes a seventh of the whole
    ),
    "array file": lambda folder: Entry(stimuli.ArrayStimulus(folder / "frames.npy", frame_rate=30)),
    "video": lambda folder: Entry(stimuli.Video(str(folder / "movie.gif"))),
    "concatenated": lambda folder: Entry(stimuli.concatenate(GAUSSIAN, BINARY)),
    "repeated": lambda folder: Entry(stimuli.repeat(replace(BINARY, n_frames=301), 4), 4),
    "masked": lambda folder: Entry(stimuli.mask(GAUSSIAN, WINDOW)),
    "scaled": lambda folder: Entry(stimuli.with_contrast(BINARY, 0.3)),
    "compound": lambda folder: Entry(
        stimuli.concatenate(
            stimuli.mask(stimuli.repeat(replace(BINARY, n_frames=40, hold=4), 2), WINDOW > 0.3),
            stimuli.with_contrast(stimuli.SparseNoise(SHAPE, n_frames=100, seed=1), 0.5),
        ),
        10,
    ),
}


def pytest_generate_tests(metafunc):
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("name", TABLE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("stimuli")
    rng = np.random.default_rng(0)
    np.save(place / "frames.npy", rng.standard_normal((3000, *SHAPE)).astype(np.float16))
    imageio.imwrite(place / "movie.gif", rng.integers(0, 256, (12, *SHAPE), dtype=np.uint8), plugin="pillow")
    (place / "pictures").mkdir()
    for name, shape in (("a.png", (20, 31)), ("b.png", (6, 9)), ("c.png", (40, 25)), ("d.png", (33, 30))):
        picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        imageio.imwrite(place / "pictures" / name, picture)
    return place


@pytest.fixture(scope="session")
def entries(folder):
    return {name: make(folder) for name, make in TABLE.items()}
