"""The small multiples show what was compared: rows are populations, grey is published, blue is theirs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch

from v1sim import plotting
from v1sim.analysis import Sample
from v1sim.convnet import ChannelPool, Conv2d, Stack
from v1sim.experiments import ComparisonConfig, compare_populations
from v1sim.io import OrientationData, read_published
from v1sim.plotting._comparison import DISTRIBUTIONS, EXAMPLES

BLUE, GREY = "#1f6fb4", "#b8b8b8"
CONFIG = ComparisonConfig(shape=(16, 18), n_frames=4_000, n_images=100, n_units=2, null_copies=1)


@pytest.fixture(scope="module")
def result():
    kernels = np.random.default_rng(3).standard_normal((4, 1, 7, 6))
    some = np.linspace(0.05, 0.95, 40)
    neurons = OrientationData(
        **dict.fromkeys(OrientationData.__dataclass_fields__, some) | {"max_f1": some**2}
    )
    stacks = {"pairs": Stack([Conv2d(kernels), ChannelPool("l2", 2)])}
    return compare_populations(CONFIG, stacks, {}, neurons=neurons)


@pytest.fixture(scope="module")
def rows(result):
    figure = plotting.comparison(result)
    return np.array(figure.axes).reshape(len(result.names), -1)


def histograms(axes, colour):
    found = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    return [
        patch
        for patch in found
        if to_hex(patch.get_facecolor() if patch.get_fill() else patch.get_edgecolor()) == colour
    ]


def test_each_row_says_who_it_is_and_how_well_it_was_recovered(result, rows):
    for k, row in enumerate(rows):
        words = [text.get_text() for text in row[0].texts]
        assert words[0] == result.names[k]
        mine = result.population == k
        assert f"{mine.sum()} units\nagreement {np.median(result.agreement[mine]):.3f}" in words[1]


def test_examples_are_fields_of_the_rows_own_units(result, rows):
    for k, row in enumerate(rows):
        own = result.found[result.population == k, 0]
        shown = [axes.images[0].get_array() for axes in row[1 : EXAMPLES + 1] if axes.images]
        assert len(shown) == min(EXAMPLES, len(own))
        for field in shown:
            assert any(np.allclose(field, one / (np.abs(one).max() or 1), atol=1e-6) for one in own)


def test_shapes_are_drawn_over_ringachs_counts(result, rows):
    counts = read_published("ringach2002b_nx_ny_joint").values[:, 2:]
    for k, row in enumerate(rows):
        axes = row[EXAMPLES + 1]
        np.testing.assert_array_equal(axes.collections[0].get_array(), counts.T)
        columns = result.comparison.populations[str(result.names[k])].columns
        np.testing.assert_array_equal(axes.lines[-1].get_xdata(), columns["n_x"])
        np.testing.assert_array_equal(axes.lines[-1].get_ydata(), columns["n_y"])


def test_histograms_are_shares_per_unit_of_the_axis(result, rows):
    place = EXAMPLES + 2 + list(DISTRIBUTIONS).index("f1_f0")
    for k, row in enumerate(rows):
        values = result.comparison.populations[str(result.names[k])].columns["f1_f0"]
        (patch,) = histograms(row[place], BLUE)
        heights, edges, _ = patch.get_data()
        assert (heights * np.diff(edges)).sum() == pytest.approx(1)
        middle = (edges[:-1] + edges[1:]) / 2
        assert (heights * np.diff(edges) * middle).sum() == pytest.approx(np.nanmean(values), abs=0.11)


def test_the_last_bin_has_all_above(result, monkeypatch):
    columns = result.comparison.populations[result.names[1]].columns
    monkeypatch.setitem(columns, "bandwidth_octaves", np.array([1.0, 2.0, 9.0, np.inf]))
    place = EXAMPLES + 2 + list(DISTRIBUTIONS).index("bandwidth_octaves")
    drawn = np.array(plotting.comparison(result).axes).reshape(len(result.names), -1)
    row = drawn[1]
    (patch,) = histograms(row[place], BLUE)
    heights, edges, _ = patch.get_data()
    assert (heights * np.diff(edges))[-1] == pytest.approx(0.5)
    assert drawn[-1, place].get_xticklabels()[-1].get_text() == "4+"


def test_published_orientations_are_moved_into_the_range_that_is_drawn(rows):
    """De Valois et al. 1982: bins of 45 degrees from -22.5 on, 110 / 83 / 100 / 92 cells."""
    (patch,) = histograms(rows[0, EXAMPLES + 2], GREY)
    heights, edges, _ = patch.get_data()
    assert edges.tolist() == [0, 22.5, 67.5, 112.5, 157.5, 180]
    counts = heights * 385 * 45
    assert counts.round(6).tolist() == [110, 83, 100, 92, 110]


def test_recorded_neurons_stand_in_for_published_histograms(result, rows):
    sources = result.comparison.sources
    assert all(isinstance(source, Sample) for source in sources["circular_variance"])
    (patch,) = histograms(rows[0, -1], GREY)
    heights, edges, _ = patch.get_data()
    assert (heights * np.diff(edges)).sum() == pytest.approx(1)
