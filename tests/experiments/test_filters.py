"""Filters of known kind: Gabors are told from noise, dead ones from live ones, colour from grey."""

import numpy as np
import pytest

from v1sim import Grid
from v1sim.experiments import FilterFitConfig, FilterFitResult, fit_filters
from v1sim.gabor import Gabor
from v1sim.io import Filters

GRID = Grid((14, 16))


def gabors(rng, n):
    return Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.12, 0.25, n),
        orientation_deg=rng.uniform(0, 180, n),
        n_x=rng.uniform(0.3, 0.5, n),
        n_y=rng.uniform(0.3, 0.6, n),
        phase=rng.uniform(-np.pi, np.pi, n),
    )


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(4)
    fields = gabors(rng, 30).render(GRID) + 0.02 * rng.standard_normal((30, 14, 16)) + 0.3
    fields[7] = 0.3
    return fit_filters(Filters(fields, "W"), FilterFitConfig())


def test_gabors_are_gabor_like_and_their_scrambled_copies_are_not(result):
    assert result.gabor_like.sum() == 29
    assert result.null_gabor_like.mean() < 0.1
    assert len(result.null_r_squared) == 4 * 29


def test_a_constant_of_the_filters_is_taken_out_and_can_be_left_in(result):
    np.testing.assert_allclose(result.fit.offset[result.live], 0.3, atol=0.02)
    kernels = Filters(result.fit.fields, "W")
    without = fit_filters(kernels, FilterFitConfig(offset=False, null_copies=0))
    assert np.nanmedian(without.fit.r_squared) < np.nanmedian(result.fit.r_squared) - 0.1


def test_a_dead_filter_counts_nowhere(result):
    np.testing.assert_array_equal(np.flatnonzero(~result.live), [7])
    assert not result.gabor_like[7]
    assert not result.identified[7]
    assert result.medians(result.live)["r_squared"] == pytest.approx(
        np.median(np.delete(result.fit.r_squared, 7))
    )


def test_medians_are_those_of_the_filters_that_were_made(rng):
    truth = gabors(rng, 40)
    result = fit_filters(Filters(truth.render(GRID), ""), FilterFitConfig(null_copies=0))
    found = result.medians(np.ones(40, bool))
    for name in ("spatial_frequency", "n_x", "n_y", "symmetry"):
        assert found[name] == pytest.approx(np.median(getattr(truth, name)), rel=1e-3), name
    assert np.isnan(result.medians(np.zeros(40, bool))["n_x"])
    assert len(result.null_r_squared) == 0


def test_the_null_depends_on_the_seed_alone(result):
    kernels = Filters(result.fit.fields, "W")
    same, other = (fit_filters(kernels, FilterFitConfig(seed=seed), workers=2) for seed in (0, 1))
    np.testing.assert_array_equal(same.null_parameters, result.null_parameters)
    assert not np.array_equal(other.null_r_squared, result.null_r_squared)
    np.testing.assert_array_equal(other.fit.r_squared, result.fit.r_squared)


def test_kernels_with_channels_are_told_by_their_colour(rng):
    spatial = gabors(rng, 4).render(GRID)
    colours = np.array([[1, 1, 1], [1, -1, 0], [1, 0, 0], [0, 0, 0]])
    result = fit_filters(Filters(spatial[:, None] * colours[:, :, None, None], "conv1"), FilterFitConfig())
    assert result.colour_words == ["achromatic", "opponent", "coloured", ""]
    table = result.to_table()
    np.testing.assert_allclose(table["colour_explained"][:3], 1)
    np.testing.assert_allclose([table[f"channel_{k}"][2] for k in range(3)], [1, 0, 0], atol=1e-12)
    assert (result.fit.r_squared[:3] > 0.999).all()


def test_a_saved_result_is_the_same_result(result):
    back = FilterFitResult.from_arrays(result.arrays())
    np.testing.assert_equal(back.to_table(), result.to_table())
    np.testing.assert_array_equal(back.null_gabor.n_x, result.null_gabor.n_x)
    assert (back.layer, back.threshold) == ("W", 0.8)


def test_a_single_filter_is_a_stack_of_one(rng):
    result = fit_filters(Filters(gabors(rng, 1).render(GRID)[0], ""), FilterFitConfig())
    assert result.fit.shape == (1,)
    assert len(result.null_r_squared) == 4


def test_filters_that_are_all_dead_have_no_null():
    result = fit_filters(Filters(np.zeros((3, 8, 8)), ""), FilterFitConfig())
    assert not result.live.any()
    assert len(result.null_r_squared) == 0


def test_progress_ends_at_the_whole(rng):
    said = []
    kernels = np.concatenate([gabors(rng, 3).render(GRID), np.zeros((1, *GRID.shape))])
    fit_filters(Filters(kernels, ""), FilterFitConfig(), progress=lambda *pair: said.append(pair))
    assert said[-1][0] == said[-1][1]
    assert said == sorted(said)


@pytest.mark.parametrize(
    ("kernels", "error", "message"),
    [
        (np.zeros(5), ValueError, r"filters must have the shape .*, got \(5,\)"),
        (np.zeros((2, 3, 4, 5, 6)), ValueError, r"filters must have the shape .*, got \(2, 3, 4, 5, 6\)"),
        (np.zeros((0, 8, 8)), ValueError, r"filters must hold at least one filter, got shape \(0, 8, 8\)"),
        (np.zeros((4, 0, 8, 8)), ValueError, "filters must hold at least one filter"),
        (np.full((2, 8, 8), np.nan), ValueError, "must be finite"),
        (np.zeros((2, 8, 8), complex), TypeError, "filters must hold real numbers"),
        (np.zeros((2, 2, 8)), ValueError, "at least 3 rows and columns"),
    ],
)
def test_what_cannot_be_fitted_is_refused(kernels, error, message):
    with pytest.raises(error, match=message):
        fit_filters(Filters(kernels, ""), FilterFitConfig())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 1.0}, "threshold must lie between 0 and 1"),
        ({"null_copies": -1}, "null_copies must be at least 0"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        FilterFitConfig(**changes)
