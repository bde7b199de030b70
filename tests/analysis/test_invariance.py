"""Shifts, turns and sizes: closed forms of linear and complex cells, what pooling adds, and equivariance."""

import numpy as np
import pytest

from v1sim import Grid, analysis, cells, convnet, gabor
from v1sim.analysis import equivariance, invariance, pooled_units

GRID = Grid((62, 70))
N = 0.5
"""n_x = n_y: pairs are all but ideal quadrature, and the envelope is round."""


def bank(**changes):
    tuning = {"orientation_deg": [90, 25], "phase": [0.0, -np.pi / 2], "centre": ([0.3, -1.2], [0.0, 0.6])}
    return gabor.Gabor.from_tuning(**{"spatial_frequency": 0.1, "n_x": N, "n_y": N} | tuning | changes)


@pytest.fixture(scope="module")
def linear():
    return cells.SimpleCells(bank(), GRID, nonlinearity="linear")


@pytest.fixture(scope="module")
def energy_free():
    """Complex cells whose halves are the Gabors themselves."""
    return cells.ComplexCells(bank(), GRID, balanced=False)


def test_a_linear_cell_answers_its_shifted_grating_with_the_cosine_of_the_shift(linear):
    found = invariance(linear, bank(), GRID, stimulus="grating").curves["shift"]
    for curve in found.relative:
        np.testing.assert_allclose(curve, np.cos(2 * np.pi * found.amount), atol=1e-4)
    # 60 degrees of phase; a straight line between amounts .025 apart errs by at most .025^2 / 8 |f''/f'|
    np.testing.assert_allclose(found.half_range, 1 / 6, atol=3e-4)


def test_a_complex_cell_answers_its_grating_wherever_it_stands():
    found = invariance(cells.ComplexCells(bank(), GRID), bank(), GRID, stimulus="grating").curves["shift"]
    np.testing.assert_allclose(found.relative, 1, atol=0.02)
    assert np.isinf(found.half_range).all()


def test_a_complex_cell_follows_its_patch_as_far_as_the_envelope_reaches(energy_free):
    found = invariance(energy_free, bank(), GRID).curves["shift"]
    expected = np.exp(-((found.amount / (2 * N)) ** 2))
    for curve in found.relative:
        np.testing.assert_allclose(curve, expected, atol=0.015)  # q = exp(-4 pi^2 n_x^2 / 2) of phase
    np.testing.assert_allclose(found.half_range, 2 * N * np.sqrt(np.log(2)), atol=0.01)


def test_a_linear_cell_answers_its_shifted_patch_with_its_autocorrelation(linear):
    found = invariance(linear, bank(), GRID).curves["shift"]
    expected = np.exp(-((found.amount / (2 * N)) ** 2)) * np.cos(2 * np.pi * found.amount)
    for curve in found.relative:
        np.testing.assert_allclose(curve, expected, atol=0.015)


def test_turns_of_a_patch_lower_a_complex_response_as_the_overlap_of_round_gabors_does(energy_free):
    """|<g, g turned>| = exp(-(2 pi n)^2 (1 - cos a) / 2) for round envelopes."""
    found = invariance(energy_free, bank(), GRID).curves["turn"]
    expected = np.exp(-((2 * np.pi * N) ** 2) * (1 - np.cos(np.deg2rad(found.amount))) / 2)
    for curve in found.relative:
        np.testing.assert_allclose(curve, expected, atol=0.015)
    half = np.rad2deg(np.arccos(1 - 2 * np.log(2) / (2 * np.pi * N) ** 2))
    np.testing.assert_allclose(found.tolerance, half, rtol=0.01)


def test_sizes_of_a_patch_change_a_complex_response_as_the_overlap_of_round_gabors_does(energy_free):
    """2 k^2 / (1 + k^2) exp(-(2 pi n)^2 (k - 1)^2 / (2 (1 + k^2))) at a magnification k."""
    found = invariance(energy_free, bank(), GRID, size=np.linspace(-1, 1, 21)).curves["size"]
    k = 2**found.amount
    expected = 2 * k**2 / (1 + k**2) * np.exp(-((2 * np.pi * N * (k - 1)) ** 2) / (2 * (1 + k**2)))
    for curve in found.relative:
        np.testing.assert_allclose(curve, expected, atol=0.03)
    lower, upper = found.half_range.T
    assert (upper > lower).all()  # larger patches have more contrast energy


def test_a_carrier_has_its_direction_and_turns_go_counter_clockwise():
    """Upright bars, a quarter cycle of ten pixels to the right; turned by 45 degrees; twice as large."""
    seen = []

    def watch(frames):
        seen.append(frames)
        return frames.reshape(len(frames), -1).sum(axis=1)

    eye = cells.from_callable(watch, 1, grid=GRID)
    one = bank(orientation_deg=90, phase=0.0, centre=(0.0, 0.0))
    invariance(eye, one, GRID, shift=[0, 0.25], turn=[0, 45], size=[0, 1])
    _, shifted, turned, larger = seen
    right = gabor.Gabor(**one.parameters() | {"x0": np.array(2.5)}).render(GRID)
    np.testing.assert_allclose(shifted[1], right, atol=1e-5)
    bars = gabor.Gabor.from_tuning(spatial_frequency=0.1, orientation_deg=135, n_x=N, n_y=N).render(GRID)
    np.testing.assert_allclose(turned[1], bars, atol=1e-5)
    coarse = gabor.Gabor.from_tuning(spatial_frequency=0.05, orientation_deg=90, n_x=N, n_y=N).render(GRID)
    np.testing.assert_allclose(larger[1], coarse, atol=1e-5)


def test_pooling_over_positions_slides_over_the_curve_of_the_simple_cell():
    """Shifts by whole pixels, a tenth of a cycle each, and a window of 9: what its positions see is known.

    Along the bars the window sees the same curve, only lower, since a Gabor is a product of both directions.
    """
    upright = bank(orientation_deg=90, phase=0.0, centre=(0.0, 0.0))
    simple = cells.SimpleCells(upright, GRID)
    steps = np.arange(-20, 21) / 10
    kinds = {"simple": simple} | pooled_units(simple, GRID.shape, window=9)
    found = {
        name: invariance(unit, upright, GRID, shift=steps, turn=[0], size=[0]).curves["shift"]
        for name, unit in kinds.items()
    }
    seen = np.lib.stride_tricks.sliding_window_view(found["simple"].relative[0], 9)  # shifts -1.6 .. 1.6
    expected = {"max": seen.max(axis=1), "mean": seen.mean(axis=1), "l2": np.linalg.norm(seen, axis=1)}
    for name, curve in expected.items():
        np.testing.assert_allclose(found[name].relative[0, 4:-4], curve / curve[16], atol=2e-3)
    one, mean, l2, most = (found[name].tolerance[0] for name in ("simple", "mean", "l2", "max"))
    assert one < mean < most
    assert one < l2 < most
    assert most > one + 0.4 - 1e-6  # within half a window of 4 px nothing is lost, and then as before


def test_pools_are_those_of_numpy(rng):
    simple = cells.SimpleCells(bank(), GRID)
    frames = rng.standard_normal((5, *GRID.shape), dtype=np.float32)
    maps, _ = analysis.as_stack(simple, GRID.shape).forward(frames[:, None])
    row, column = analysis.cell_positions(simple, GRID.shape)[1]
    window = maps[:, 1, row - 2 : row + 3, column - 2 : column + 3].reshape(5, 25)
    units = pooled_units(simple, GRID.shape, window=5)
    expected = {"max": window.max(axis=1), "mean": window.mean(axis=1), "l2": np.linalg.norm(window, axis=1)}
    for name, value in expected.items():
        np.testing.assert_allclose(units[name].respond(frames)[:, 1], value, rtol=1e-4)
        assert units[name].grid == GRID


def test_what_does_not_fall_is_infinite_and_what_is_silent_has_no_range():
    amount, curve = np.array([-1.0, 0, 1, 2]), np.array([[2.0, 4, 3, 1], [3, 3, 3, 3], [1, 0, 0, 1]])
    found = analysis.InvarianceCurve(change="shift", amount=amount, response=curve)
    np.testing.assert_array_equal(found.half_range, [[np.inf, 1.5], [np.inf, np.inf], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.tolerance, [np.inf, np.inf, np.nan])


def test_responses_are_taken_above_those_to_mean_luminance():
    raised = cells.SimpleCells(bank(), GRID, nonlinearity=cells.Exponential(sharpness=0.01, gain=5))
    found = invariance(raised, bank(), GRID, shift=[0, 5], turn=[0], size=[0]).curves["shift"]
    np.testing.assert_allclose(found.response[:, 1], 0, atol=1e-3)  # five cycles away: as good as blank


def test_curves_survive_their_arrays(linear, tmp_path):
    once = invariance(linear, bank(), GRID, shift=[-1, 0, 1], turn=[0, 9], size=[-1, 0])
    np.savez(tmp_path / "i.npz", allow_pickle=False, **once.arrays())
    with np.load(tmp_path / "i.npz", allow_pickle=False) as arrays:
        again = analysis.Invariance.from_arrays(arrays)
    np.testing.assert_equal(again.to_table(), once.to_table())
    np.testing.assert_equal(again.arrays(), once.arrays())


def test_tolerances_of_several_kinds_are_one_table(linear, energy_free):
    found = {
        name: invariance(one, bank(), GRID, stimulus="grating", turn=[0], size=[0])
        for name, one in (("linear", linear), ("complex", energy_free))
    }
    table = analysis.tolerances(found)
    assert table["units"] == ["linear", "complex"]
    assert table["shift_cycles"] == pytest.approx([1 / 6, np.inf], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shift": [0.5, 1]}, "shift must rise, with 0 among its values"),
        ({"turn": [0, 10, 5]}, "turn must rise, with 0 among its values"),
        ({"size": [-3, 0]}, r"size: at -3 octaves a stimulus .* the Nyquist frequency, 0.5 cycles/px"),
        ({"size": [0, np.inf]}, "size must be finite"),
        ({"preferred": gabor.Gabor(**bank().parameters() | {"f": 0.0})}, "preferred must have a carrier"),
        ({"stimulus": "bar"}, "stimulus must be one of patch, grating"),
        ({"preferred": bank(orientation_deg=[1, 2, 3], phase=0, centre=(0, 0))}, "one for each of 2 units"),
    ],
)
def test_mistakes_are_named(change, message, linear):
    given = {"preferred": bank()} | change
    with pytest.raises(ValueError, match=message):
        invariance(linear, given.pop("preferred"), GRID, **given)


def test_units_of_another_grid_and_what_are_no_units_are_refused(linear):
    """A stimulus drawn in other units of length would be shown without a word."""
    with pytest.raises(ValueError, match="grid must be that of the responder"):
        invariance(linear, bank(), Grid(GRID.shape, 0.1, "deg"))
    with pytest.raises(TypeError, match="got function and Gabor"):
        invariance(lambda frames: frames[:, 0, :2], bank(), GRID)
    with pytest.raises(TypeError, match="and str"):
        invariance(linear, "gabor", GRID)


def test_turns_stop_where_a_carrier_would_be_faster_than_pixels_along_an_axis():
    """A carrier of .6 cycles/px at 45 degrees has .42 along each axis, and .5 once it is turned by 11.4."""
    fast = gabor.Gabor.from_tuning(spatial_frequency=0.6, orientation_deg=45, n_x=1, n_y=1)
    units = cells.ComplexCells(fast, GRID)
    turns = invariance(units, fast, GRID, shift=[0], size=[0]).curves["turn"].amount
    np.testing.assert_allclose([turns[0], turns[-1]], [-9, 9])  # in steps of 3
    with pytest.raises(ValueError, match="turn: at 12 degrees a stimulus lies beyond the Nyquist"):
        invariance(units, fast, GRID, shift=[0], size=[0], turn=[0, 12])


def test_windows_without_a_middle_are_refused(linear):
    with pytest.raises(ValueError, match="window must be odd"):
        pooled_units(linear, GRID.shape, window=4)


# -- equivariance -------------------------------------------------------------------------------------

SHIFTS = [[0, 0], [1, 0], [0, -1], [2, 0], [-2, 2], [3, 3], [4, -2]]


@pytest.fixture
def pictures(rng):
    return rng.standard_normal((40, 24, 26))


def stack(layer, *others):
    return convnet.Stack([layer, *others], input_shape=(1, 16, 19))


def test_shared_kernels_move_with_the_picture_and_kernels_of_their_own_do_not(rng, pictures):
    shared = stack(
        convnet.Conv2d(rng.standard_normal((3, 1, 4, 5)), padding="same"), convnet.Detector("relu")
    )
    unshared = stack(convnet.UnsharedConv2d(rng.standard_normal((3, 13, 15, 1, 4, 5))))
    found = equivariance(shared, "relu1", pictures, SHIFTS).error
    np.testing.assert_allclose(found, 0, atol=1e-12)
    found = equivariance(unshared, "conv1", pictures, SHIFTS).error
    assert found[0] == 0
    np.testing.assert_allclose(found[1:], 1, atol=0.05)  # unrelated kernels


def test_tiled_kernels_move_with_the_picture_by_whole_tiles_alone(rng, pictures):
    tiled = stack(convnet.TiledConv2d(rng.standard_normal((3, 1, 4, 5, 2, 2))))
    found = equivariance(tiled, "conv1", pictures, SHIFTS)
    whole = (found.shifts % 2 == 0).all(axis=1)
    np.testing.assert_allclose(found.error[whole], 0, atol=1e-12)
    np.testing.assert_allclose(found.error[~whole], 1, atol=0.1)


def test_strides_know_whole_steps_alone(rng, pictures):
    strided = stack(convnet.Conv2d(rng.standard_normal((3, 1, 4, 5)), stride=2, padding="same"))
    found = equivariance(strided, "conv1", pictures, SHIFTS)
    whole = (found.shifts % 2 == 0).all(axis=1)
    assert np.isnan(found.error).tolist() == (~whole).tolist()
    np.testing.assert_allclose(found.error[whole], 0, atol=1e-12)


def test_the_error_lies_between_for_kernels_that_are_partly_shared(rng, pictures):
    """Kernels k + n with n of variance 1 of their own: half of the power moves along, so E = sqrt(1/2)."""
    common = rng.standard_normal((3, 1, 1, 1, 4, 5))
    partly = stack(convnet.UnsharedConv2d(common + rng.standard_normal((3, 13, 15, 1, 4, 5))))
    found = equivariance(partly, "conv1", pictures, SHIFTS[1:]).error
    power = (common**2).sum() / (3 * 4 * 5)
    np.testing.assert_allclose(found, np.sqrt(1 / (1 + power)), atol=0.05)


def test_errors_survive_their_arrays(rng, pictures):
    once = equivariance(stack(convnet.Conv2d(rng.standard_normal((3, 1, 4, 5)))), "conv1", pictures, SHIFTS)
    again = analysis.Equivariance.from_arrays(once.arrays())
    assert again.to_table() == once.to_table()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": "conv2"}, "layer must be one of conv1, got 'conv2'"),
        ({"shifts": [[9, 0]]}, r"at least 16 \+ 9 x 19 \+ 0 px for these shifts, got \(40, 24, 26\)"),
        ({"shifts": [[0.5, 0]]}, r"shifts must be integers of shape \(m, 2\)"),
        ({"shifts": [1, 0]}, r"shifts must be integers of shape \(m, 2\)"),
        ({"pictures": np.full((2, 24, 26), np.nan)}, "pictures must be finite"),
        ({"pictures": np.ones((0, 24, 26))}, r"pictures must be \(n >= 1, rows, columns\)"),
    ],
)
def test_equivariance_needs_layers_and_pictures_that_are_there(change, message, rng, pictures):
    given = {"layer": "conv1", "pictures": pictures, "shifts": SHIFTS} | change
    with pytest.raises(ValueError, match=message):
        equivariance(stack(convnet.Conv2d(rng.standard_normal((3, 1, 4, 5)))), **given)
