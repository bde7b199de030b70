"""Populations side by side: what is measured, what is compared, what is refused."""

import numpy as np
import pytest
from scipy import stats

from v1sim import Grid, analysis, gabor
from v1sim.analysis import Sample, compare, measure
from v1sim.cells import sample_population
from v1sim.io import read_orientation_data

SHAPES = {"n_x": 0.4, "n_y": 0.5, "spatial_frequency": 0.15}


def bank(n, rng, **changes):
    tuning = {"orientation_deg": rng.uniform(0, 180, n), "phase": rng.uniform(-3, 3, n)} | SHAPES | changes
    return gabor.Gabor.from_tuning(**tuning)


@pytest.fixture
def fitted(rng):
    """Fit 24 Gabors, 6 blobs (n_x .05), 3 fields of noise and a dead one, 14 x 17 pixels."""
    grid = Grid((14, 17))
    blobs = bank(6, rng, n_x=0.05, n_y=0.05, spatial_frequency=0.03, phase=np.zeros(6))
    noise = rng.standard_normal((3, 14, 17))
    fields = np.concatenate([bank(24, rng).render(grid), blobs.render(grid), noise, np.zeros((1, 14, 17))])
    return gabor.fit_gabor(
        fields + 1e-3 * rng.standard_normal(fields.shape) * fields.any((1, 2))[:, None, None]
    )


def test_gabors_are_measured_as_they_are(rng):
    found = measure(bank(5, rng))
    for name, value in SHAPES.items():
        np.testing.assert_allclose(found.columns[name], value)
    np.testing.assert_allclose(found.columns["aspect_ratio"], 1.25)


def test_only_gabor_like_filters_that_are_no_blobs_are_measured(fitted):
    found = measure(fitted)
    assert found.n_units == 34
    assert np.isfinite(found.columns["n_x"]).tolist() == [True] * 24 + [False] * 10
    np.testing.assert_allclose(found.columns["n_x"][:24], 0.4, atol=0.02)


def test_bandwidth_index_is_that_of_the_spectrum_of_a_long_gabor():
    """Read off a numerical spectrum at 1/sqrt(2) of its peak, for a field that has no mirror image there."""
    grid, n_x = Grid((1, 4001)), 0.8
    field = gabor.Gabor.from_tuning(spatial_frequency=0.02, orientation_deg=90, n_x=n_x, n_y=1).render(grid)[
        0
    ]
    spectrum, frequency = np.abs(np.fft.rfft(field, 2**18)), np.fft.rfftfreq(2**18)
    above = frequency[spectrum > spectrum.max() / np.sqrt(2)]
    assert analysis.bandwidth_index(np.array(n_x)) == pytest.approx(above.min() / above.max(), abs=2e-3)
    assert analysis.bandwidth_index(np.array(0.1)) == 0


def test_a_comparison_has_a_row_for_each_measure_source_and_population(rng):
    both = compare({"a": bank(30, rng), "b": {"f1_f0": rng.uniform(0, 2, 40)}}, seed=0, n_resamples=100)
    found = [(row.measure, row.source, row.population) for row in both.rows]
    assert ("n_x", "simple", "a") in found
    assert ("f1_f0", "all", "b") in found
    assert not any(measure == "n_x" and population == "b" for measure, _, population in found)
    table = both.to_table()
    assert {len(column) for column in table.values()} == {len(both.rows)}


def test_a_population_of_identical_cells_is_as_far_as_the_source_is_wide(rng):
    """All cells in one bin: the distance is the larger share of the source below or above that bin."""
    [row] = compare({"a": {"n_x": np.full(30, 0.4)}}, seed=0).rows
    below, above = (2 + 0 + 1 + 8 + 9 + 4 + 1) / 79, (1 + 7 + 4) / 79
    assert row.similarity.value == pytest.approx(1 - max(below, above))
    assert row.median == 0.4


def test_any_sample_may_stand_as_the_source(rng):
    cells, units = rng.beta(2, 2, 308), rng.beta(2, 3, 70)
    source = Sample(values=cells, label="real", source="cells of our own")
    [row] = compare({"a": {"circular_variance": units}}, seed=0, sources={"circular_variance": source}).rows
    assert row.similarity.value == pytest.approx(1 - stats.ks_2samp(units, cells).statistic)
    assert (row.source, row.n_source, row.source_median) == ("real", 308, np.median(cells))


def test_three_cells_are_no_distribution(rng):
    comparison = compare({"three": {"f1_f0": [0.1, 0.2, 1.5]}}, seed=0)
    [row] = comparison.rows
    assert row.n == 3
    assert np.isnan([row.median, row.similarity.value, row.similarity.low]).all()
    assert "fewer than the 20 units" in comparison.summary()


def test_infinite_bandwidths_count_and_missing_ones_do_not():
    octaves = np.concatenate([np.linspace(1, 2, 19), np.full(20, np.inf), np.full(7, np.nan)])
    [row] = compare({"low-pass": {"bandwidth_octaves": octaves}}, seed=0).rows
    assert (row.n, row.n_units, row.median) == (39, 46, np.inf)


def test_pixels_and_degrees_are_told_apart_and_brought_together(rng):
    pixels, degrees = measure(bank(30, rng)), measure(bank(30, rng, spatial_frequency=3.0), unit="deg")
    with pytest.raises(
        ValueError, match=r"pixels in px, degrees in deg.*in_unit\('deg', pixel_size=\.\.\.\)"
    ):
        compare({"pixels": pixels, "degrees": degrees}, seed=0)
    both = {"pixels": pixels.in_unit("deg", pixel_size=0.05), "degrees": degrees}
    rows = [row for row in compare(both, seed=0).rows if row.measure == "spatial_frequency"]
    assert [row.median for row in rows] == pytest.approx([3.0] * 8)
    assert len(rows) == 8  # four published histograms
    shapes = compare({"pixels": pixels, "degrees": degrees}, seed=0, measures=["n_x", "n_y"])
    assert [row.measure for row in shapes.rows] == ["n_x", "n_x", "n_y", "n_y"]


def test_a_unit_is_neither_relabelled_nor_changed_twice(fitted):
    with pytest.raises(ValueError, match=r"population is in px, not in deg: bring it there with in_unit"):
        measure(fitted, unit="deg")
    degrees = measure(fitted).in_unit("deg", pixel_size=0.1)
    with pytest.raises(ValueError, match="measurements are in deg already"):
        degrees.in_unit("deg", pixel_size=0.1)


def test_frequencies_in_pixels_are_reported_but_not_compared_with_degrees(rng):
    [row] = compare({"a": bank(30, rng)}, seed=0, measures=["spatial_frequency"]).rows
    assert np.isnan(row.similarity.value)
    assert row.note == "in px: published numbers are in deg"
    assert row.median == pytest.approx(0.15)


def test_measurements_of_the_same_units_join(rng):
    fit, tuning = measure(bank(25, rng)), measure({"f1_f0": rng.uniform(0, 2, 25)})
    assert set((fit | tuning).columns) == {*fit.columns, "f1_f0"}
    with pytest.raises(ValueError, match="same units to be joined, got 25 and 24"):
        fit | measure({"f1_f0": rng.uniform(0, 2, 24)})
    with pytest.raises(ValueError, match=r"in px and in deg cannot be joined.*in_unit"):
        fit | measure({"f1_f0": rng.uniform(0, 2, 25)}, unit="deg")


def test_gabor_like_shares_stand_beside_their_null(fitted):
    null = analysis.scrambled_null(fitted, seed=1, copies=2)
    assert len(null.r_squared) == 2 * 33  # the dead field has no copies
    share = compare({"fields": fitted}, seed=0, nulls={"fields": null}, n_resamples=100).shares["fields"]
    assert (share.n_like, share.n) == (30, 33)
    assert share.null_share < 0.5
    wilson = stats.binomtest(30, 33).proportion_ci(method="wilson")
    assert share.interval == pytest.approx((wilson.low, wilson.high), abs=1e-6)


def test_a_comparison_survives_its_arrays(fitted, rng, tmp_path):
    null = analysis.scrambled_null(fitted, seed=1, copies=1)
    sources = {"f1_f0": Sample(values=rng.uniform(0, 2, 50), label="ours", source="cells of our own")}
    tuned = {"f1_f0": rng.uniform(0, 2, 25), "orientation_deg": rng.uniform(0, 180, 25)}
    once = compare(
        {"fits": fitted, "cells": tuned}, seed=0, nulls={"fits": null}, sources=sources, n_resamples=100
    )
    np.savez(tmp_path / "c.npz", allow_pickle=False, **once.arrays())
    with np.load(tmp_path / "c.npz", allow_pickle=False) as arrays:
        again = analysis.Comparison.from_arrays(arrays)
    assert again.summary() == once.summary()
    np.testing.assert_equal(again.to_table(), once.to_table())
    np.testing.assert_equal(again.populations["cells"].columns, once.populations["cells"].columns)
    for name, sources in once.sources.items():
        for one, other in zip(sources, again.sources[name], strict=True):
            np.testing.assert_equal(vars(other), vars(one))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"populations": {}}, ValueError, "at least one population"),
        ({"populations": {"a": {"nx": [1, 2]}}}, ValueError, r"some of the columns n_x, .*, got nx"),
        ({"populations": {"a": [1, 2]}}, TypeError, "a population must be a GaborFit.*got list"),
        ({"measures": ["f1"]}, ValueError, "measures must be one of n_x.*got 'f1'"),
        ({"measures": []}, ValueError, "measures must name at least one measure"),
        ({"measures": ["n_y"]}, ValueError, "measures: no population has n_y; they have n_x"),
        ({"nulls": {"b": None}}, ValueError, r"nulls must name populations \(a\), got b"),
        ({"populations": {"a": {"n_x": [1], "n_y": [1, 2]}}}, ValueError, "one value a unit"),
        ({"nulls": {"a": "null"}}, TypeError, r"a null belongs to a GaborFit: .*got dict"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_mistakes_are_named(arguments, error, message):
    given = {"populations": {"a": {"n_x": np.linspace(0.1, 1, 30)}}, "seed": 0} | arguments
    with pytest.raises(error, match=message):
        compare(given.pop("populations"), **given)


def test_a_population_drawn_from_published_counts_comes_as_near_to_them_as_its_own_score_says():
    """The score of the population is the distance at the same edges, computed by other code."""
    drawn = sample_population(200, Grid((64, 64), 1 / 24, "deg"), seed=1)
    rows = compare({"drawn": drawn}, seed=0, n_resamples=100).rows
    found = {row.measure: row.similarity for row in rows if row.source in ("simple", "all")}
    scores = {score.statistic: 1 - score.ks for score in drawn.scores}
    for name, statistic in (
        ("n_x", "n_x"),
        ("n_y", "n_y"),
        ("orientation_deg", "orientation"),
        ("f1_f0", "F1/F0"),
    ):
        assert found[name].value == pytest.approx(scores[statistic], abs=1e-9), name
        assert found[name].p_value > 0.01


def test_recorded_neurons_stand_as_sources_with_the_papers_medians(shared_data):
    """Ringach, Shapley & Hawken 2002: circular variance .605, half-bandwidth 23.5, F1/F0 > 1 in 40.3 %."""
    data = read_orientation_data(shared_data / "ringach2002_orientation_308cells.csv")
    real = analysis.recorded(data, label="macaque", source="Ringach, Shapley & Hawken 2002")
    assert {one.n for one in real.values()} == {308}
    assert real["circular_variance"].median == pytest.approx(0.605, abs=5e-4)
    assert real["orientation_half_bandwidth_deg"].median == 23.5
    assert (real["f1_f0"].values > 1).mean() == pytest.approx(0.403, abs=5e-4)
    cells = {"f1_f0": data.f1_f0, "circular_variance": data.circular_variance}
    for row in compare(
        {"themselves": cells}, seed=0, sources=real | {"f1_f0": analysis.published("f1_f0")}
    ).rows:
        assert row.similarity.value == pytest.approx(1)  # the published histogram was made of these cells


def test_tables_of_other_rooms_are_understood_by_their_names():
    found = measure(
        {
            "spatial_frequency_bandwidth_octaves": [1.5, 2.0],
            "symmetry_deg": [0.0, 90.0],
            "n_x": [0.4, 0.1],
            "message": ["measured", "measured"],
        }
    )
    np.testing.assert_allclose(found.columns["symmetry"], [0, np.pi / 2])
    np.testing.assert_allclose(found.columns["bandwidth_octaves"], [1.5, 2.0])
    assert set(found.columns) == {"symmetry", "bandwidth_octaves", "n_x"}


def test_gratings_measure_of_drawn_cells_what_they_were_drawn_to_be():
    """Known and measured stand in one table under the same names, in the same unit."""
    drawn = sample_population(24, Grid((28, 32), 1 / 16, "deg"), seed=3, eccentricity="parafoveal")
    measured = measure(analysis.characterize(drawn.responder, drawn.grid))
    known = measure(drawn)
    assert (known.unit, measured.unit) == ("deg", "deg")
    apart = np.abs(measured.columns["orientation_deg"] - known.columns["orientation_deg"])
    assert np.nanmedian(np.minimum(apart, 180 - apart)) < 2
    for name in ("f1_f0", "spatial_frequency"):
        ratio = measured.columns[name] / known.columns[name]
        assert np.nanmedian(np.abs(np.log(ratio))) < 0.05, name
    both = compare({"known": known, "measured": measured}, seed=0, n_resamples=100)
    near = {row.population: row.similarity.value for row in both.rows if row.measure == "f1_f0"}
    assert near["measured"] == pytest.approx(near["known"], abs=0.1)


def test_a_threshold_that_no_fit_can_exceed_is_refused():
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1, got 5"):
        measure({"n_x": [0.4]}, threshold=5)


def test_populations_have_names():
    with pytest.raises(TypeError, match="populations must be a mapping of names to populations, got list"):
        compare([{"n_x": [0.4]}], seed=0)
