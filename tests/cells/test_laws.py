"""Laws that every cell keeps: one table of cells, every law over every entry."""

import itertools
import pickle

import numpy as np
import pytest

from v1sim import Grid, cells, gabor
from v1sim._types import Responder

GRID = Grid((12, 15))
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=0.15, orientation_deg=[0, 40, 115], n_x=[0.3, 0.4, 0.5], n_y=0.4, phase=[0, 1, -1.6]
)


def simple(nonlinearity):
    return cells.SimpleCells(BANK, GRID, nonlinearity=nonlinearity)


def subunits():
    pairs = cells.ComplexCells(BANK, GRID).pairs
    return cells.SubunitCells(pairs, GRID, suppressive=pairs[::-1], suppression=0, suppressive_saturation=0.5)


def summed_square(frames):
    return (frames**2).sum(axis=(1, 2))


CELLS = {
    "linear": lambda: simple("linear"),
    "relu": lambda: simple("relu"),
    "half_squared": lambda: simple("half_squared"),
    "power": lambda: simple(cells.Power(exponent=1.5, threshold=[0, 0.2, 0.4])),
    "softplus": lambda: simple(cells.Softplus()),
    "exponential": lambda: simple(cells.Exponential(sharpness=0.2)),
    "naka_rushton": lambda: simple(cells.NakaRushton(semi_saturation=2)),
    "push_pull": lambda: cells.PushPullCells(BANK, GRID, pull=0.5),
    "complex": lambda: cells.ComplexCells(BANK, GRID),
    "energy": lambda: cells.ComplexCells(BANK, GRID, readout="energy"),
    "literal": lambda: cells.ComplexCells(BANK, GRID, balanced=False),
    "intermediate": lambda: cells.IntermediateCells(BANK, GRID, complexity=[0, 0.5, 1]),
    "expansive": lambda: cells.IntermediateCells(
        BANK, GRID, complexity=[0, 0, 0.3], nonlinearity=cells.Power(exponent=[3, 1, 1], gain=[0.2, 1, 2])
    ),
    "subunits": subunits,
    "cascade": lambda: cells.Cascade(simple("relu"), np.eye(3)[:2]),
}
FAST, SLOW = cells.AdelsonBergen(n=3, rate=1.5), cells.AdelsonBergen(n=5, rate=1.5)
CELLS |= {
    "separable": lambda: cells.SpaceTimeCells(BANK, GRID, kernel=FAST, n_lags=9),
    "direction_selective": lambda: cells.DirectionSelectiveCells(
        BANK, GRID, temporal_frequency=0.1, envelope=cells.GammaEnvelope(tau=1.0), n_lags=7
    ),
    "drifting_linear": lambda: cells.DirectionSelectiveCells(
        BANK,
        GRID,
        temporal_frequency=-0.1,
        envelope=cells.GammaEnvelope(tau=1.0),
        n_lags=7,
        nonlinearity="linear",
    ),
    "motion_energy": lambda: cells.MotionEnergyCells(BANK, GRID, fast=FAST, slow=SLOW, n_lags=9),
    "normalised": lambda: cells.NormalizedCells(simple("relu"), semi_saturation=2.0),
    "normalised_by_motion": lambda: cells.NormalizedCells(
        cells.ComplexCells(BANK, GRID),
        pool=cells.MotionEnergyCells(BANK, GRID, fast=FAST, slow=SLOW, n_lags=9),
        semi_saturation=2.0,
        exponent=1,
    ),
    "filters": lambda: cells.from_filters(np.cos(np.arange(1080)).reshape(2, 3, 12, 15)),
    "function": lambda: cells.from_callable(summed_square, 1, grid=GRID),
    "opponent": lambda: cells.MotionEnergyCells(BANK, GRID, fast=FAST, slow=SLOW, n_lags=9, opponent=True),
}
SIGN_BLIND = {"complex", "energy", "literal", "subunits", "function"}
SIGN_BLIND |= {"motion_energy", "opponent", "normalised_by_motion"}
LINEAR = {"linear", "filters", "drifting_linear"}
SIGNED = {"linear", "opponent", "filters", "noisy", "drifting_linear"}
RATES = {"mean_rate": 20.0, "frame_rate": 60.0, "seed": 1}
RANDOM = {
    "poisson": lambda: cells.Poisson(simple("relu"), **RATES),
    "poisson_of_rates": lambda: cells.Poisson(simple("half_squared"), frame_rate=60.0, seed=1),
    "bernoulli": lambda: cells.Bernoulli(simple("relu"), **RATES, maximal_rate=60.0),
    "modulated": lambda: cells.ModulatedPoisson(simple("relu"), **RATES, gain_sd=0.5, gain_frames=30),
    "renewal": lambda: cells.GammaRenewal(CELLS["separable"](), **RATES, maximal_rate=200.0),
    "noisy": lambda: cells.Noisy(simple("relu"), sd=[0.1, 0.2, 0.3], seed=1),
}


@pytest.fixture(params=[*CELLS, *RANDOM])
def entry(request):
    return request.param, (CELLS | RANDOM)[request.param]()


@pytest.fixture(params=CELLS)
def cell(request):
    return request.param, CELLS[request.param]()


@pytest.fixture
def frames(rng):
    return rng.standard_normal((200, *GRID.shape), dtype=np.float32)


def test_is_a_responder_of_the_declared_shape_and_kind(entry, frames):
    _, responder = entry
    responses = responder.respond(frames)
    assert isinstance(responder, Responder)
    assert responder.grid == GRID
    assert responses.shape == (len(frames), responder.n_units)
    assert responses.dtype == np.float32
    assert np.isfinite(responses).all()


def test_responses_do_not_depend_on_block_cuts(entry, frames):
    """As the engine does it: `memory - 1` frames of history, whose own responses are dropped."""
    _, responder = entry
    whole, past = responder.respond(frames), responder.memory - 1
    pieces = []
    for low, high in itertools.pairwise([0, 1, 37, 64, 150, 200]):
        first = max(0, low - past)
        pieces.append(responder.respond(frames[first:high], start=first)[low - first :])
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-4, atol=1e-5)


def test_responses_vary_and_are_not_negative(entry, frames):
    name, responder = entry
    responses = responder.respond(frames)
    assert (responses.std(axis=0) > 0).all()
    assert name in SIGNED or (responses >= 0).all()


def test_the_future_is_not_seen(cell, frames):
    _, responder = cell
    changed = frames.copy()
    changed[120:] = 0
    before, after = responder.respond(frames), responder.respond(changed)
    np.testing.assert_allclose(after[:120], before[:120], rtol=1e-4, atol=1e-5)
    assert (after[120] != before[120]).any() or (after[125] != before[125]).any()


def test_memory_is_how_far_back_a_response_reaches(cell, frames):
    """A silent cell may miss the last frame of its memory once, but not each time."""
    _, responder = cell
    before, reaches = responder.respond(frames), []
    for shown in (20, 60, 100, 140):
        changed = frames.copy()
        changed[shown] *= -2
        moved = np.flatnonzero((np.abs(responder.respond(changed) - before) > 1e-6).any(axis=1)) - shown
        assert moved.min() >= 0
        reaches.append(moved.max())
    assert max(reaches) == responder.memory - 1


def test_contrast_sign_is_seen_or_not_as_the_theory_says(cell, frames):
    name, responder = cell
    light, dark = responder.respond(frames), responder.respond(-frames)
    same = np.allclose(light, dark, rtol=1e-4, atol=1e-5)
    assert same == (name in SIGN_BLIND)


def test_sums_of_frames_give_sums_of_responses_in_linear_cells_alone(cell, frames):
    """s(a I + b J) = a s(I) + b s(J)."""
    name, responder = cell
    first, second = frames[:100], frames[100:]
    whole = responder.respond(np.float32(0.5) * first - np.float32(2) * second)
    parts = 0.5 * responder.respond(first) - 2 * responder.respond(second)
    same = np.allclose(whole, parts, rtol=1e-3, atol=1e-3 * np.abs(parts).max())
    assert same == (name in LINEAR)


def test_frames_of_another_shape_are_refused(cell):
    with pytest.raises(ValueError, match=r"frames must have shape \(n_frames, 12, 15\), got \(2, 15, 12\)"):
        cell[1].respond(np.zeros((2, 15, 12), np.float32))


def test_survives_the_way_to_another_process(entry, frames):
    _, responder = entry
    copy = pickle.loads(pickle.dumps(responder))
    np.testing.assert_array_equal(copy.respond(frames), responder.respond(frames))


MAKERS = {
    "simple": cells.SimpleCells,
    "complex": cells.ComplexCells,
    "push_pull": cells.PushPullCells,
    "intermediate": lambda g, grid: cells.IntermediateCells(g, grid, complexity=0.5),
    "separable": lambda g, grid: cells.SpaceTimeCells(g, grid, kernel=FAST, n_lags=9),
    "direction_selective": lambda g, grid: cells.DirectionSelectiveCells(
        g, grid, temporal_frequency=0.1, envelope=cells.GammaEnvelope(tau=1.0), n_lags=7
    ),
    "motion_energy": lambda g, grid: cells.MotionEnergyCells(g, grid, fast=FAST, slow=SLOW, n_lags=9),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_gabors_beyond_nyquist_are_refused_by_index(make):
    g = gabor.Gabor(alpha=1, beta_x=0.1, beta_y=0.1, f=[1, 3.3, 4], phi=0, x0=0, y0=0, tau=[0, 0.8, 1.5])
    with pytest.raises(ValueError, match=r"below the Nyquist frequency, 0.5 cycles/px.*cells \[2\] reach"):
        make(g, GRID)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_gabors_off_the_frame_are_refused_by_index(make):
    g = gabor.Gabor(alpha=1, beta_x=0.1, beta_y=0.1, f=1, phi=0, x0=[0, 7, 0], y0=[0, 0, -7], tau=0)
    with pytest.raises(ValueError, match=r"within the frame of 15 x 12 px, but cells \[2\] do not"):
        make(g, GRID)


def test_pixels_taken_for_degrees_are_noticed():
    degrees = Grid((12, 15), pixel_size=0.05, unit="deg")
    far = gabor.Gabor(alpha=1, beta_x=0.1, beta_y=0.1, f=1, phi=0, x0=4, y0=0, tau=0)
    with pytest.raises(ValueError, match=r"frame of 0.75 x 0.6 deg, but cells \[0\] do not: are they in deg"):
        cells.SimpleCells(far, degrees)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: cells.Poisson(simple("relu"), **RATES | {"mean_rate": [1.0, 2.0]}), "mean_rate"),
        (lambda: cells.Bernoulli(simple("relu"), **RATES, maximal_rate=[60.0, 70.0]), "maximal_rate"),
        (lambda: cells.Noisy(simple("relu"), sd=[1.0, 2.0], seed=0), "sd"),
        (lambda: simple(cells.Power(gain=[1.0, 2.0])), r"nonlinearity\.gain"),
        (
            lambda: cells.from_filters(np.ones((3, 2, 3)), nonlinearity=cells.Softplus(threshold=[1.0, 2.0])),
            "threshold",
        ),
        (lambda: cells.PushPullCells(BANK, GRID, pull=[1.0, 2.0]), "pull"),
        (lambda: cells.IntermediateCells(BANK, GRID, complexity=[0.1, 0.2]), "complexity"),
        (lambda: cells.NormalizedCells(simple("relu"), semi_saturation=[1.0, 2.0]), "semi_saturation"),
        (lambda: cells.NormalizedCells(simple("relu"), semi_saturation=1, maximum=[1.0, 2.0]), "maximum"),
    ],
)
def test_a_parameter_for_each_cell_has_as_many_numbers_as_there_are_cells(make, name):
    with pytest.raises(ValueError, match=rf"{name} must be one number or one a cell \(3\), got shape \(2,\)"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda other: cells.Poisson(other, **RATES),
        lambda other: cells.Noisy(other, sd=1, seed=0),
        lambda other: cells.NormalizedCells(other, semi_saturation=1),
        lambda other: cells.NormalizedCells(simple("relu"), pool=other, semi_saturation=1),
        lambda other: cells.Cascade(other, np.eye(3)),
    ],
)
def test_what_is_no_cells_is_refused(make):
    for other, found in ((np.ones((9, 3)), "ndarray"), (cells.SimpleCells, "the class SimpleCells")):
        with pytest.raises(
            TypeError, match=rf"must be cells \(respond, n_units, memory, grid\), got {found}"
        ):
            make(other)


@pytest.mark.parametrize("name", CELLS)
def test_frames_that_are_no_array_are_refused_in_words(name):
    with pytest.raises(TypeError, match=r"frames must be an array \(n_frames, \d+, \d+\), got list"):
        CELLS[name]().respond([[[0.0]]])
