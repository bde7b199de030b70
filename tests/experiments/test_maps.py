"""Orientation maps: how their order is measured, and that topographic pooling makes it."""

import numpy as np
import pytest

from v1sim.experiments import OrientationMapConfig, map_smoothness, orientation_map


def test_orientations_that_turn_along_both_axes_are_smooth_and_their_shuffles_are_not():
    """Orientation (row + column) 180/n on a torus: neighbours differ by 180/n everywhere."""
    n = 8
    row, column = np.mgrid[:n, :n]
    smooth, shuffled, p = map_smoothness((row + column) * 180 / n, seed=0)
    assert smooth == pytest.approx(np.cos(2 * np.pi / n))
    assert abs(shuffled) < 0.05
    assert p == pytest.approx(1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_along_both_axes_count(axis):
    """Orientations that turn along one axis of 5 x 6 and are the same along the other."""
    turn = np.indices((5, 6))[axis] * 180 / (5, 6)[axis]
    smooth, _, _ = map_smoothness(turn, seed=0, shuffles=99)
    assert smooth == pytest.approx((np.cos(2 * np.pi / (5, 6)[axis]) + 1) / 2)


def test_orthogonal_neighbours_are_the_opposite_of_smooth():
    row, column = np.mgrid[:6, :6]
    smooth, _, p = map_smoothness(90 * ((row + column) % 2), seed=0, shuffles=99)
    assert smooth == pytest.approx(-1)
    assert p == 1


def test_the_p_value_of_random_maps_is_uniform():
    rng = np.random.default_rng(0)
    p = [map_smoothness(rng.uniform(0, 180, (5, 6)), seed=k, shuffles=99)[2] for k in range(200)]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.064)  # 3 standard errors of 200 maps


def test_one_orientation_everywhere_is_no_order():
    smooth, shuffled, p = map_smoothness(np.full((5, 6), 37.0), seed=0, shuffles=99)
    assert smooth == pytest.approx(1)
    assert shuffled == pytest.approx(1)
    assert p == 1


SMALL = {"examples": 2000, "epochs": 8}


def test_topographic_pooling_makes_a_smooth_map_and_no_pooling_none():
    pooled = orientation_map(OrientationMapConfig(**SMALL))
    assert pooled.p_value < 0.001
    assert pooled.smoothness > pooled.shuffled + 0.1
    alone = orientation_map(OrientationMapConfig(pool=1, **SMALL))
    assert alone.p_value > 0.01


@pytest.mark.parametrize(
    ("orientation", "options", "error", "words"),
    [
        (np.arange(6.0), {"seed": 0}, ValueError, r"orientation_deg must have the shape \(rows, columns\)"),
        (np.full((3, 4), np.nan), {"seed": 0}, ValueError, "orientation_deg must be finite"),
        (np.ones((3, 4)), {"seed": None}, TypeError, "seed must be an integer"),
        (np.ones((3, 4)), {"seed": 0, "shuffles": 0}, ValueError, "shuffles must be at least 1"),
    ],
)
def test_what_is_no_map_is_told(orientation, options, error, words):
    with pytest.raises(error, match=words):
        map_smoothness(orientation, **options)


def test_more_tiles_than_components_are_refused():
    with pytest.raises(ValueError, match="at most components"):
        OrientationMapConfig(tiles=9)
