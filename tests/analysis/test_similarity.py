"""The KS similarity of a sample with a published distribution, its interval, its ceiling and its p."""

import numpy as np
import pytest
from scipy import stats

from v1sim.analysis import MINIMUM_UNITS, Histogram, Sample, ks_similarity, published, similarity

EDGES = np.linspace(0, 1, 7)


def histogram(counts, edges=EDGES, **options):
    return Histogram(edges=edges, counts=np.asarray(counts), label="a", source="made", **options)


def midpoints(source):
    """Give single values that fall into the bins of a histogram as its cells do."""
    return np.repeat((source.edges[1:] + source.edges[:-1]) / 2, source.counts)


def test_similarity_with_a_sample_is_one_less_scipys_two_sample_statistic(rng):
    for n, m, shift in ((40, 308, 0.2), (77, 20, 0), (25, 25, 3)):
        x, y = np.round(rng.normal(shift, 1, n), 1), np.round(rng.normal(0, 1, m), 1)  # with ties
        mine = ks_similarity(x, Sample(values=y, label="a", source="drawn"))
        assert mine == pytest.approx(1 - stats.ks_2samp(x, y).statistic, abs=1e-12)


def test_similarity_with_a_histogram_is_scipys_on_values_that_both_stand_in_the_middle_of_their_bins(rng):
    source = histogram([3, 9, 14, 8, 0, 6])
    x = rng.uniform(0, 1, 50)
    binned = midpoints(histogram(np.histogram(x, EDGES)[0]))
    expected = 1 - stats.ks_2samp(binned, midpoints(source)).statistic
    assert ks_similarity(x, source) == pytest.approx(expected, abs=1e-12)


def test_similarity_by_hand():
    """Source 1, 1, 2 of 4 cells in the bins 0-1-2-3; sample .5, 1.5, 1.6, 1.7: F - G is 0, .5, 0."""
    source = histogram([1, 1, 2], edges=[0, 1, 2, 3])
    assert ks_similarity(np.array([0.5, 1.5, 1.6, 1.7]), source) == 0.5


@pytest.mark.parametrize(
    ("value", "expected"), [(-1.0, 0.0), (9.0, 0.0), (np.inf, 0.0), (0.5, 0.25), (3, 0.5)]
)
def test_what_lies_beyond_the_bins_counts_against_the_sample_and_the_last_edge_lies_within(value, expected):
    assert ks_similarity(np.full(4, value), histogram([1, 1, 2], edges=[0, 1, 2, 3])) == expected


def test_orientations_are_folded_into_the_period_of_the_bins():
    source = published("orientation_deg")[0]
    turned = ks_similarity(np.array([0.0, 170, 179, 45]) + 180 * np.arange(4), source)
    assert turned == ks_similarity(np.array([0.0, 0, 0, 45]), source)


@pytest.mark.parametrize("name", ["n_x", "f1_f0", "orientation_deg", "suppression_index"])
def test_the_cells_of_a_source_are_perfectly_similar_to_it(name):
    [source] = published(name)
    alike = similarity(midpoints(source), source, seed=0)
    assert alike.value == 1
    assert alike.p_value == 1
    assert alike.ceiling_low < alike.ceiling < alike.ceiling_high < 1


def test_samples_of_the_sources_half_size_come_as_near_as_its_ceiling_says(rng):
    """Halves of a sample of n are two independent samples of n / 2, which scipy can compare."""
    n, ceilings, alike = 120, [], []
    for _ in range(60):
        counts = np.histogram(rng.beta(2, 3, n), EDGES)[0]
        ceilings.append(similarity(np.zeros(1), histogram(counts), seed=1, n_resamples=200).ceiling)
        pair = rng.beta(2, 3, (2, n // 2))
        first, second = (midpoints(histogram(np.histogram(x, EDGES)[0])) for x in pair)
        alike.append(1 - stats.ks_2samp(first, second, method="asymp").statistic)
    error = np.hypot(np.std(alike), np.std(ceilings)) / np.sqrt(60)
    assert np.mean(ceilings) == pytest.approx(np.mean(alike), abs=3 * error)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.5])
@pytest.mark.parametrize("n", [MINIMUM_UNITS, 150])
def test_the_interval_covers_the_similarity_of_the_distributions(shift, n, rng):
    """Of beta(2, 3) binned and of a mixture of it with a uniform law, whose distance is known."""
    base = np.diff(stats.beta(2, 3).cdf(EDGES))
    mixed = (1 - shift) * base + shift * np.array([1, 0, 0, 0, 0, 0])
    truth = 1 - np.abs(np.cumsum(mixed - base)).max()
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    covered = []
    for seed in range(120):
        source = histogram(rng.multinomial(80, base))
        alike = similarity(rng.choice(middle, n, p=mixed), source, seed=seed, n_resamples=200)
        covered.append(alike.low <= truth + 1e-12 and alike.high >= truth - 1e-12)
    # at least 95 % of them; 88 % is 3.5 standard errors below
    assert np.mean(covered) >= 0.88


def test_p_is_uniform_when_sample_and_source_are_of_one_distribution(rng):
    """Coarse bins tie distances, so that p may only be larger than uniform."""
    fine = np.linspace(0, 1, 40)
    p = [
        similarity(
            rng.uniform(0, 1, 60),
            histogram(np.histogram(rng.uniform(0, 1, 150), fine)[0], edges=fine),
            seed=seed,
            n_resamples=200,
        ).p_value
        for seed in range(200)
    ]
    for level in (0.05, 0.2, 0.5):
        share, error = np.mean(np.array(p) <= level), np.sqrt(level * (1 - level) / 200)
        assert share <= level + 3 * error
        assert share >= level - 4 * error


def test_p_finds_a_difference_that_scipy_finds(rng):
    x, y = rng.normal(0.3, 1, 100), rng.normal(0, 1, 100)
    mine = similarity(x, Sample(values=y, label="a", source="drawn"), seed=0, n_resamples=4000).p_value
    exact = stats.ks_2samp(x, y).pvalue
    assert mine == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 4000) + 1 / 4000)
    assert exact < 0.1


@pytest.mark.parametrize("n", [0, 3, MINIMUM_UNITS - 1])
def test_too_few_units_give_nan_but_leave_the_sources_ceiling(n):
    alike = similarity(np.linspace(0, 1, n), histogram([9, 9, 9, 9, 9, 9]), seed=0)
    assert np.isnan([alike.value, alike.low, alike.high, alike.p_value]).all()
    assert 0.7 < alike.ceiling < 1


def test_a_source_of_too_few_cells_has_no_ceiling():
    alike = similarity(np.linspace(0, 1, 50), histogram([5, 5, 5, 5, 5, 5]), seed=0)
    assert np.isnan(alike.ceiling)
    assert alike.value > 0.5


def test_the_minimum_is_where_a_sample_lies_a_fifth_from_its_own_distribution(rng):
    """The reason for the minimum: Kolmogorov's mean distance at that number."""
    distance = [stats.kstest(rng.uniform(0, 1, MINIMUM_UNITS), "uniform").statistic for _ in range(400)]
    assert np.mean(distance) == pytest.approx(0.19, abs=0.01)


@pytest.mark.parametrize(
    ("name", "label", "median"),
    [
        ("n_x", "simple", 0.366),
        ("n_y", "simple", 0.445),
        ("spatial_frequency", "simple_foveal", 2.8),
        ("spatial_frequency", "complex_foveal", 4.4),
        ("spatial_frequency", "simple_parafoveal", 1.7),
        ("spatial_frequency", "complex_parafoveal", 2.8),
        ("bandwidth_index", "simple", 0.54),
        ("bandwidth_index", "complex", 0.43),
        ("suppression_index", "all", 0.33),
    ],
)
def test_medians_are_those_that_the_papers_give(name, label, median):
    [source] = [one for one in published(name) if one.label == label]
    assert source.median == pytest.approx(median, rel=0.025)


def test_aspect_ratios_of_the_joint_counts_are_symmetric_steps_about_one():
    """By hand from the table: 2 + 9 + 19 + 7 + 0 = 37 cells on the diagonal, 8 + 2 + 1 just below it."""
    [source] = published("aspect_ratio")
    middle = np.flatnonzero((source.edges[:-1] < 1) & (source.edges[1:] > 1))
    assert source.counts[middle].tolist() == [37]
    assert source.counts[middle - 1].tolist() == [11]
    assert source.counts.sum() == 79
    np.testing.assert_allclose(source.edges * source.edges[::-1], 1, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": [0, 2, 1]}, "edges must rise"),
        ({"counts": [1, -1]}, "whole numbers of at least 0"),
        ({"counts": [1.5, 2]}, "whole numbers of at least 0"),
        ({"counts": [1, 2, 3]}, "one number a bin"),
    ],
)
def test_histograms_that_are_none_are_refused(change, message):
    given = {"edges": np.array([0, 1, 2]), "counts": np.array([1, 2])} | {
        name: np.array(value) for name, value in change.items()
    }
    with pytest.raises(ValueError, match=message):
        Histogram(**given, label="a", source="made")


def test_samples_must_be_finite():
    with pytest.raises(ValueError, match="values must be finite, got 1 NaN"):
        Sample(values=[1.0, np.nan], label="a", source="made")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ([0.3, np.nan, 0.2], ValueError, "values must not be NaN.*got 1 NaN"),
        (np.ones((2, 30)), ValueError, r"values must be numbers in a row, got shape \(2, 30\)"),
        (["a"], TypeError, "values must hold real numbers"),
    ],
)
def test_values_that_were_not_measured_are_not_compared(values, error, message):
    """NaN would fall into the last bin, and count as a unit beyond the source."""
    [source] = published("n_x")
    for compared in (ks_similarity, lambda *given: similarity(*given, seed=0)):
        with pytest.raises(error, match=message):
            compared(values, source)


def test_nothing_has_no_similarity_and_few_resamples_no_interval():
    [source] = published("n_x")
    with pytest.raises(ValueError, match=r"got shape \(0,\)"):
        ks_similarity([], source)
    with pytest.raises(ValueError, match="n_resamples must be at least 100, got 0"):
        similarity(np.full(30, 0.3), source, seed=0, n_resamples=0)


def test_a_measure_without_a_published_distribution_has_none_and_one_that_is_none_is_refused():
    assert published("symmetry") == ()
    with pytest.raises(ValueError, match=r"measure must be one of n_x, .*got 'nx'"):
        published("nx")
