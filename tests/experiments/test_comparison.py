"""The comparison recovers what is known of those who take part, whoever they are."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import gabor
from v1sim.convnet import ChannelPool, Conv2d, Detector, Stack
from v1sim.experiments import ComparisonConfig, ComparisonResult, compare_populations, comparison_grid
from v1sim.experiments._comparison import held_out_images
from v1sim.grid import Grid
from v1sim.io import Filters

CONFIG = ComparisonConfig(shape=(16, 18), n_frames=40_000, n_images=100, n_units=4, null_copies=1)
KERNEL = Grid((11, 12))
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=[0.16, 0.18, 0.2], orientation_deg=[20.0, 80.0, 140.0], n_x=0.4, n_y=0.4
)


@pytest.fixture(scope="module")
def result():
    pairs = np.stack([BANK.render(KERNEL), BANK.quadrature().render(KERNEL)], axis=1)
    stacks = {
        "pairs": Stack([Conv2d(pairs.reshape(6, 1, *KERNEL.shape)), ChannelPool("l2", 2)]),
        "edges": Stack([Conv2d(BANK.render(KERNEL)[:, None]), Detector("relu")]),
    }
    given = {"file.npy": Filters(BANK.quadrature().render(KERNEL), "")}
    return compare_populations(CONFIG, stacks, given)


def of(result, name):
    return result.population == list(result.names).index(name)


def test_everyone_takes_part(result):
    assert result.names.tolist() == [
        "model V1",
        "pairs",
        "pairs, shuffled",
        "pairs, unpooled",
        "edges",
        "SPORCO dictionary",
        "ResNet-50 conv1",
        "file.npy",
        "random, white",
        "random, low-pass",
    ]
    assert np.bincount(result.population).tolist() == [8, 3, 3, 4, 3, 4, 4, 3, 4, 4]
    assert len(result.agreement) == len(result.units) == len(result.physiology.f1_f0) == 40


@pytest.mark.parametrize(
    "name", ["edges", "pairs, unpooled", "file.npy", "SPORCO dictionary", "random, white"]
)
def test_filters_are_recovered_as_simple_units(result, name):
    mine = of(result, name)
    assert (result.agreement[mine] > 0.97).all()
    assert (result.units.kind[mine] == "simple").all()
    assert np.abs(result.physiology.f1_f0[mine] - np.pi / 2).max() < 0.02


def test_pooled_pairs_are_recovered_as_complex_units(result):
    mine = of(result, "pairs")
    assert (result.agreement[mine] > 0.95).all()
    assert (result.units.kind[mine] == "complex").all()
    assert result.units.complexity_index[mine].min() > 0.95


@pytest.mark.parametrize("name", ["pairs", "edges", "file.npy"])
def test_noise_and_gratings_agree_with_the_fields_that_were_put_in(result, name):
    mine, rows = of(result, name), result.to_table()
    scale = comparison_grid(CONFIG.shape).pixel_size
    for column in ("orientation_deg", "grating_orientation_deg"):
        off = np.array(rows[column])[mine] - BANK.orientation_deg
        assert np.abs((off + 90) % 180 - 90).max() < 5
    assert np.array(rows["spatial_frequency"])[mine] * scale == pytest.approx(
        BANK.spatial_frequency, rel=0.05
    )
    assert np.array(rows["n_x"])[mine] == pytest.approx(BANK.n_x, rel=0.1)


def test_shuffled_pairs_see_phase_where_true_ones_do_not(result):
    depth = result.physiology.phase_modulation
    assert np.median(depth[of(result, "pairs, shuffled")]) > 0.5
    assert depth[of(result, "pairs")].max() < 0.1  # plain pairs of few cycles still see a little


@pytest.mark.parametrize("name", ["SPORCO dictionary", "ResNet-50 conv1", "random, low-pass"])
def test_recovered_fields_are_as_much_gabors_as_the_kernels_on_their_own_pixels(result, name):
    """The edge of a kernel lies within the frame, but counts neither for nor against its Gabor."""
    for unit in np.flatnonzero(of(result, name)):
        field = result.actual[unit, 0]
        rows, columns = (np.flatnonzero(field.any(axis=axis)) for axis in (1, 0))
        kernel = field[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        direct = gabor.fit_gabor(kernel).r_squared
        assert result.units.r_squared[unit] == pytest.approx(direct, abs=0.04)


def test_random_filters_are_no_gabors_and_their_scrambled_copies_neither(result):
    share = result.shares["random, white"]
    assert share.share == share.null_share == 0
    assert result.shares["edges"].share == 1


def test_only_gabors_have_shapes_and_everyone_has_tuning(result):
    of_random, of_edges, of_odd = (
        result.comparison.populations[name].columns for name in ("random, white", "edges", "file.npy")
    )
    assert np.isnan(of_random["n_x"]).all()
    assert np.isfinite(of_random["f1_f0"]).all()
    assert np.isfinite(of_edges["n_x"]).all()
    assert of_edges["symmetry"] == pytest.approx([0, 0, 0], abs=0.1)
    assert of_odd["symmetry"] == pytest.approx([np.pi / 2] * 3, abs=0.1)


def test_gains_do_not_tell_populations_apart(rng):
    kernels = rng.standard_normal((24, 6, 7))
    louder = kernels * rng.uniform(0.1, 10, (24, 1, 1))
    few = replace(CONFIG, n_frames=500, n_units=24)
    given = {name: Filters(some, "") for name, some in (("one", kernels), ("louder", louder))}
    responses = compare_populations(few, {}, given).responses
    one, other = (list(responses.populations).index(name) for name in given)
    assert responses.cka[one, other] == pytest.approx(1, abs=1e-3)


def test_units_are_in_degrees_of_the_frame_that_was_shown(result):
    assert result.grid == comparison_grid(CONFIG.shape)
    assert set(result.to_table()["length_unit"]) == {result.grid.unit}


def test_workers_do_not_change_a_number(result):
    few = replace(CONFIG, n_frames=500, n_units=2)
    first, second = (compare_populations(few, {}, {}, workers=workers).arrays() for workers in (1, 2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_where_noise_shows_no_plane_the_agreement_is_0(result):
    pairs = result.actual[of(result, "pairs")][:, :, 3:14, 3:15]
    stack = Stack([Conv2d(pairs.reshape(6, 1, 11, 12)), ChannelPool("l2", 2)])
    short = compare_populations(replace(CONFIG, n_frames=500), {"pairs": stack}, {})
    mine = of(short, "pairs")
    assert (short.agreement[mine] == 0).all()
    assert (short.found[mine] == 0).all()


def test_responses_are_compared_on_pictures_that_the_shipped_stacks_have_not_seen():
    """data/learned/README.md: every fifth picture, astronaut and coins, was held out from learning."""
    assert held_out_images(CONFIG).names == ("astronaut", "coins")


def test_a_saved_result_comes_back(result):
    again = ComparisonResult.from_arrays(result.arrays())
    for name, column in result.to_table().items():
        np.testing.assert_array_equal(again.to_table()[name], column)
    assert again.comparison.summary() == result.comparison.summary()
    np.testing.assert_array_equal(again.responses.cka, result.responses.cka)


def test_the_same_name_twice_is_refused():
    with pytest.raises(ValueError, match="populations must have different names"):
        compare_populations(CONFIG, {}, {"model V1": Filters(np.ones((2, 4, 4)), "")})
