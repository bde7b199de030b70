"""Populations drawn from published counts: what they score, what they hold, how they answer."""

import numpy as np
import pytest
from scipy import stats

from v1sim import Grid, cells, stimuli
from v1sim.cells._balance import balanced_pairs
from v1sim.cells._extent import energy_beyond_nyquist, energy_outside
from v1sim.cells._scores import chi_squared
from v1sim.gabor import Gabor
from v1sim.io import read_published

ROOMY = Grid((480, 640), pixel_size=1 / 80, unit="deg")
"""6 x 8 degrees at 80 pixels per degree hold all that is drawn."""
USUAL = Grid((128, 128), pixel_size=1 / 32, unit="deg")
SEEDS = range(20)


@pytest.fixture(scope="module", params=["foveal", "parafoveal"])
def draws(request):
    return [cells.sample_population(400, ROOMY, seed, eccentricity=request.param) for seed in SEEDS]


def test_marginals_are_inside_the_95_percent_band_of_their_source_for_20_seeds(draws):
    for population in draws:
        for score in population.scores:
            assert score.inside, (population.seed, score)


def test_what_is_drawn_follows_the_counts_exactly(draws):
    """The p values of 20 seeds are uniform: more than 5 of them below .05 happen once in 3,000 times."""
    for scores in zip(*(population.scores for population in draws), strict=True):
        p = np.array([score.p_value for score in scores])
        assert (p < 0.05).sum() <= 5, scores[0].statistic
        assert (p > 0.95).sum() <= 5, scores[0].statistic


def test_a_roomy_grid_refuses_next_to_nothing(draws):
    refused = [population.too_large + population.too_fine for population in draws]
    assert sum(refused) < 0.01 * 400 * len(draws)


def test_the_usual_grid_stays_inside_the_band_too():
    for seed in SEEDS:
        population = cells.sample_population(300, USUAL, seed)
        assert all(score.inside for score in population.scores), seed


def test_bins_hold_as_many_cells_as_published(draws):
    """Summed over seeds, against the file itself: the joint counts of n_x and n_y."""
    table = read_published("ringach2002b_nx_ny_joint").values
    edges = np.append(table[:, 0], table[-1, 1])
    found = sum(np.histogram2d(p.gabor.n_x, p.gabor.n_y, [edges, edges])[0] for p in draws)
    expected = 400 * len(draws) * table[:, 2:] / 79
    assert found.sum() == 400 * len(draws)
    assert (np.abs(found - expected) <= 4.5 * np.sqrt(expected)).all()
    assert (found[expected == 0] == 0).all()


def test_kinds_follow_f1_over_f0_and_their_published_share(draws):
    simple = np.concatenate([p.simple for p in draws])
    assert simple.mean() == pytest.approx(124 / 308, abs=4 * np.sqrt(0.24 / simple.size))
    for p in draws:
        np.testing.assert_array_equal(p.kinds == "simple", p.modulation_ratio > 1)
        assert (p.spontaneous_rate < p.maximal_rate).all()


@pytest.mark.parametrize("fraction", [0.0, 0.8, 1.0])
def test_the_share_of_simple_cells_is_an_option(fraction):
    population = cells.sample_population(500, ROOMY, 3, simple_fraction=fraction)
    assert population.simple.mean() == pytest.approx(fraction, abs=4 * np.sqrt(0.16 / 500))
    assert all(score.p_value > 1e-3 for score in population.scores)


def test_the_seed_is_all_that_a_population_depends_on():
    first, same, other = (cells.sample_population(30, USUAL, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.gabor.render(USUAL), same.gabor.render(USUAL))
    assert (first.peak_frequency != other.peak_frequency).any()


@pytest.mark.parametrize("n", [1, 3])
def test_few_cells_have_scores_too(n):
    population = cells.sample_population(n, USUAL, 0, simple_fraction=1, placement="random")
    scores = {score.statistic: score for score in population.scores}
    assert scores["peak frequency, simple"].n == n
    assert "peak frequency, complex" not in scores
    assert scores["orientation"].degrees == 0
    assert np.isnan(scores["orientation"].p_value)
    assert all(score.inside for score in population.scores)


def test_chi_squared_is_that_of_scipy_and_joins_small_bins(rng):
    observed, expected = rng.poisson(20, 8).astype(float), np.full(8, 20.0)
    expected *= observed.sum() / expected.sum()
    known = stats.chisquare(observed, expected)
    assert chi_squared(observed, expected) == pytest.approx((known.statistic, 7, known.pvalue))
    small = chi_squared(np.array([1.0, 3, 40, 56]), np.array([2.0, 2, 2, 94]))
    joined = stats.chisquare([44, 56], [6, 94])
    assert small == pytest.approx((joined.statistic, 1, joined.pvalue))


# -- what the grid can hold ---------------------------------------------------------------------------


def bank(rng, n=40):
    return Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.04, 0.12, n),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=np.geomspace(0.1, 1.2, n),
        n_y=rng.uniform(0.1, 0.9, n),
        phase=rng.uniform(-3, 3, n),
        centre=(rng.uniform(-15, 15, n), rng.uniform(-10, 10, n)),
    )


def test_energy_outside_is_that_of_the_pixels_there(rng):
    """Of the worst phase in the balanced pair's plane, on a frame four times as large."""
    g, small, large = bank(rng), Grid((48, 64)), Grid((192, 256))
    pairs = balanced_pairs(g, large)
    pairs /= np.linalg.norm(pairs, axis=(2, 3), keepdims=True)
    outside = (np.abs(large.x) > 32) | (np.abs(large.y) > 24)
    gram = np.einsum("nip,njp->nij", *[pairs[:, :, outside]] * 2)
    measured = np.linalg.eigvalsh(gram)[:, -1]
    told = energy_outside(g, small)
    near = (measured > 1e-3) & (measured < 0.05)
    assert near.sum() > 8
    np.testing.assert_allclose(told[near], measured[near], rtol=0.12)  # pixels, and the turn of the balance
    assert (measured[told < 0.01] < 0.0112).all()


def test_energy_beyond_nyquist_is_that_of_the_spectrum(rng):
    """Of fields sampled four times as finely, whose spectrum shows what lies beyond."""
    g = bank(rng)
    g = Gabor(**g.parameters() | {"f": 4 * g.f, "beta_x": 16 * g.beta_x, "beta_y": 16 * g.beta_y})
    fine = Grid((256, 256), pixel_size=0.25, unit="deg")
    partner = 1j * g.quadrature().render(fine)
    power = np.abs(np.fft.fft2(g.render(fine) + partner)) ** 2  # one-sided: no DC of few cycles
    frequency = np.abs(np.fft.fftfreq(256, 0.25))
    within = np.where(frequency == 0.5, 0.5, frequency < 0.5)
    measured = 1 - within @ power @ within / power.sum(axis=(1, 2))
    told = energy_beyond_nyquist(g, Grid((64, 64)))
    near = (measured > 1e-4) & (measured < 0.05)
    assert near.sum() > 5
    np.testing.assert_allclose(told[near], measured[near], rtol=0.15)


@pytest.mark.parametrize("placement", ["tiling", "random"])
def test_no_cell_has_more_than_a_hundredth_of_its_energy_outside(placement):
    population = cells.sample_population(300, USUAL, 1, placement=placement)
    assert energy_outside(population.gabor, USUAL).max() <= 0.01
    assert population.moved == ((energy_outside(population.gabor, USUAL) > 0.0099).sum())


def test_tiles_cover_the_frame_in_rows_and_cells_that_fit_stay_there():
    grid = Grid((96, 192), pixel_size=1 / 32, unit="deg")
    population = cells.sample_population(50, grid, 1)
    x, y = population.gabor.x0, population.gabor.y0
    assert x[0] < -1.5 < 1.5 < x[9]  # 5 rows of 10 tiles of 0.6 degrees
    assert y[0] > 0.5 > -0.5 > y[-1]
    wanted = np.stack([np.tile(0.6 * (np.arange(10) - 4.5), 5), np.repeat(0.6 * (2 - np.arange(5)), 10)])
    stayed = np.isclose(np.hypot(x - wanted[0], y - wanted[1]), 0, atol=1e-9)
    assert stayed.sum() == 50 - population.moved
    away = np.hypot(x, y)[~stayed] / np.hypot(*wanted[:, ~stayed])
    assert (away < 1).all()


def test_what_does_not_fit_is_counted_and_seen_in_the_scores_of_what_was_redrawn_alone():
    coarse = Grid((64, 64), pixel_size=1 / 10, unit="deg")
    population, free = (cells.sample_population(600, grid, 2) for grid in (coarse, ROOMY))
    assert population.too_fine > 200 > 20 > population.too_large
    p = {score.statistic: score.p_value for score in population.scores}
    assert p["peak frequency, simple"] < 1e-6
    assert not {s.statistic: s.inside for s in population.scores}["peak frequency, complex"]
    for name in ("modulation_ratio", "maximal_rate", "spontaneous_rate"):
        np.testing.assert_array_equal(getattr(population, name), getattr(free, name))
    np.testing.assert_allclose(population.gabor.orientation_deg, free.gabor.orientation_deg)


# -- how the cells answer -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def population():
    return cells.sample_population(24, Grid((96, 112), pixel_size=1 / 32, unit="deg"), 4)


def drifting(population, i, frequency=None, n_frames=180):
    return stimuli.Grating(
        population.grid,
        n_frames=n_frames,
        orientation_deg=float(population.gabor.orientation_deg[i]),
        spatial_frequency=float(population.peak_frequency[i] if frequency is None else frequency),
        temporal_frequency=1 / n_frames,
    ).frames(0, n_frames)


def test_cells_have_the_modulation_ratio_and_the_rate_that_were_drawn(population):
    """On drifting gratings; cells at the border lose up to 7 % of their gain with 1 % of their energy."""
    driven = population.maximal_rate - population.spontaneous_rate
    for i in range(len(population)):
        harmonics = np.abs(np.fft.rfft(population.responder.respond(drifting(population, i))[:, i])) / 180
        ratio = 2 * harmonics[1] / harmonics[0]
        assert ratio == pytest.approx(population.modulation_ratio[i], abs=0.03), i
        lost = 0.07 if energy_outside(population.gabor[i], population.grid) > 0.001 else 0.015
        assert driven[i] * (1 - lost) ** population.exponent[i] < harmonics[0] < driven[i] * 1.01, i


def test_cells_of_few_cycles_prefer_the_frequency_that_was_drawn(population):
    """Carriers lie half an octave below and more; a half alone, as here, peaks up to .2 beside its pair."""
    few = np.argsort(population.gabor.n_x)[:5]
    below = population.gabor.spatial_frequency[few] / population.peak_frequency[few]
    assert below.min() < 0.7
    octaves = np.linspace(-0.6, 0.6, 25)
    for i in few:
        response = []
        for octave in octaves:
            frames = drifting(population, i, population.peak_frequency[i] * 2**octave, n_frames=12)
            response.append(population.responder.respond(frames)[:, i].mean())
        assert abs(octaves[np.argmax(response)]) < 0.2, i


def test_rates_make_spikes_as_they_are(population):
    spiking = cells.Poisson(
        population.responder, frame_rate=60.0, seed=1, spontaneous_rate=population.spontaneous_rate
    )
    frames = drifting(population, 3)
    rates = population.responder.respond(frames) + population.spontaneous_rate
    np.testing.assert_allclose(60 * spiking.mean_counts(frames), rates, rtol=1e-5)


def test_a_saved_population_is_the_same_population(population):
    back = cells.Population.from_arrays(population.arrays())
    frames = drifting(population, 0, n_frames=4)
    np.testing.assert_array_equal(back.responder.respond(frames), population.responder.respond(frames))
    assert back.scores == population.scores or np.isnan([s.p_value for s in back.scores]).any()
    assert back.notes() == population.notes()


def test_the_summary_prints_every_score(population, capsys):
    population.summary()
    printed = capsys.readouterr().out
    assert "on 3.5 x 3 deg at 32 pixels per degree, seed 4" in printed
    for score in population.scores:
        assert f"{score.statistic:26}{score.source}" in printed
        assert f"{score.ks:.3f}" in printed


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"statistics": "ferret"}, ValueError, "statistics must be one of macaque, got 'ferret'"),
        ({"eccentricity": "far"}, ValueError, "eccentricity must be one of foveal, parafoveal, got 'far'"),
        ({"placement": "map"}, ValueError, "placement must be one of tiling, random, got 'map'"),
        ({"simple_fraction": 1.2}, ValueError, "simple_fraction must be at most 1, got 1.2"),
        ({"simple_fraction": -0.1}, ValueError, "simple_fraction must be at least 0"),
        (
            {"grid": Grid((64, 64))},
            ValueError,
            r"must be in degrees .* pixels_per_degree.* got the unit 'px'",
        ),
        ({"grid": (64, 64)}, TypeError, "grid must be a Grid, got tuple"),
        (
            {"grid": Grid((64, 64), pixel_size=32, unit="deg")},
            ValueError,
            r"2048 x 2048 deg at 0.03125 pixels per degree; 0 draws reached beyond the frame, \d+ beyond the",
        ),
        (
            {"grid": Grid((4, 5), pixel_size=1 / 80, unit="deg")},
            ValueError,
            "grid cannot hold such cells: .* did not fit in 200 draws on 0.0625 x 0.05 deg",
        ),
    ],
)
def test_impossible_populations_are_refused(changes, error, message):
    given = {"n": 20, "grid": USUAL, "seed": 0} | changes
    with pytest.raises(error, match=message):
        cells.sample_population(**given)
