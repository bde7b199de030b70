"""The figures of learned filters show the arrays that they are made from."""

import numpy as np
import pytest

from v1sim import plotting
from v1sim.experiments import OrientationMapConfig, learn, learning_config, orientation_map

TINY = {"side": 8, "units": 8, "components": 24, "examples": 400, "batch": 100, "epochs": 2}


@pytest.fixture(scope="module")
def pairs():
    return learn(learning_config("coherent", **TINY), workers=1)[0]


@pytest.fixture(scope="module")
def single():
    return learn(learning_config("sparse", **TINY), workers=1)[0]


def images(figure):
    return [(axes.get_title(), np.asarray(axes.images[0].get_array())) for axes in figure.axes if axes.images]


def test_pairs_stand_under_each_other_below_the_modulation_of_their_phase(pairs):
    drawn = images(plotting.learned_filters(pairs))
    assert len(drawn) == 8
    for k in range(4):
        title, first = drawn[k]
        assert title == f"{pairs.depth[k]:.2f}"
        for image, field in ((first, pairs.filters[2 * k]), (drawn[4 + k][1], pairs.filters[2 * k + 1])):
            assert image == pytest.approx(field / np.abs(field).max())


def test_single_filters_stand_in_their_order_with_their_r_squared(single):
    drawn = images(plotting.learned_filters(single))
    assert len(drawn) == 8
    for k, (title, image) in enumerate(drawn):
        assert title == f"{single.fit.r_squared[k]:.2f}"
        field = single.filters[k]
        assert image == pytest.approx(field / np.abs(field).max())


def test_the_summary_shows_losses_shapes_and_the_phase_of_pairs(pairs, single):
    losses, goodness, shapes, phase = plotting.learned_summary(pairs).axes
    assert losses.lines[0].get_ydata() == pytest.approx(pairs.losses)
    assert losses.lines[1].get_ydata() == pytest.approx(pairs.held_out_losses)
    assert sum(goodness.patches[0].get_data().values) == 8
    assert shapes.lines[0].get_xdata() == pytest.approx(pairs.fit.gabor.n_x)
    assert shapes.lines[0].get_ydata() == pytest.approx(pairs.fit.gabor.n_y)
    assert [sum(patch.get_data().values) for patch in phase.patches] == pytest.approx([100, 100])
    assert phase.lines[0].get_xdata()[0] == pytest.approx(np.median(pairs.depth))
    assert len(plotting.learned_summary(single).axes) == 3


def test_everything_drawn_is_inside_the_figure(pairs):
    figure = plotting.learned_summary(pairs)
    figure.draw_without_rendering()
    width, height = figure.canvas.get_width_height()
    for axes in figure.axes:
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= width
            assert box.y0 >= 0
            assert box.y1 <= height


def test_the_curve_shows_depth_over_n_x_beside_the_cells_of_macaques(pairs):
    figure = plotting.coherence_curve([0.1, 0.2], [pairs, pairs])
    axes, beside = figure.axes
    n_x, depth = np.median(pairs.fit.gabor.n_x), np.median(pairs.depth)
    assert axes.lines[0].get_xydata() == pytest.approx(np.array([[n_x, depth]] * 2))
    assert axes.lines[1].get_ydata() == pytest.approx([np.median(pairs.shuffled_depth)] * 2)
    assert [text.get_text() for text in axes.texts] == ["0.1", "0.2"]
    assert sum(beside.patches[0].get_data().values) == 79


def test_a_sheet_shows_each_filter_in_its_place_and_its_orientation():
    result = orientation_map(
        OrientationMapConfig(tiles=3, side=6, components=12, picture=14, examples=60, batch=20, epochs=1),
        workers=1,
    )
    drawn = images(plotting.orientation_sheet(result))
    assert len(drawn) == 10
    for (_, image), field in zip(drawn, result.filters.reshape(9, 6, 6), strict=False):
        assert image == pytest.approx(field / np.abs(field).max())
    assert drawn[9][1] == pytest.approx(result.orientation_deg)
    assert f"{result.smoothness:.2f}" in drawn[9][0]
