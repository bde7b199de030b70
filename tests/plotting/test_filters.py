"""The figures of fitted filters show the arrays that they are made from."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from v1sim import Grid, plotting
from v1sim.experiments import FilterFitConfig, FilterFitResult, fit_filters
from v1sim.gabor import Gabor
from v1sim.io import Filters

N = 40
SIDES = (10, 12)


@pytest.fixture(scope="module")
def result():
    """Forty filters; 1 is twice as strong as the others, 5 and 39 are dead."""
    rng = np.random.default_rng(9)
    truth = Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.15, 0.25, N),
        orientation_deg=rng.uniform(0, 180, N),
        n_x=rng.uniform(0.3, 0.5, N),
        n_y=rng.uniform(0.3, 0.6, N),
        phase=rng.uniform(-np.pi, np.pi, N),
    )
    fields = truth.render(Grid(SIDES)) + 0.02 * rng.standard_normal((N, *SIDES))
    fields[1] *= 2
    fields[[5, 39]] = 0
    return fit_filters(Filters(fields, "W"), FilterFitConfig())


def columns(figure):
    """Give the title and the three images of each filter drawn."""
    panels = [axes for axes in figure.axes if axes.images]
    band = 12
    for first in range(0, len(panels), 3 * band):
        part = panels[first : first + 3 * band]
        width = len(part) // 3
        for k in range(width):
            yield part[k].get_title(), [part[k + row * width].images[0] for row in range(3)]


def drawn(figure):
    found = list(columns(figure))
    return {int(title.split()[0]): (title, images) for title, images in found}


def test_the_first_filters_are_shown_and_no_dead_one_is_forgotten(result):
    shown = drawn(plotting.filter_fits(result))
    assert list(shown) == [*range(35), 39]


def test_rows_are_filter_fit_and_residual_on_the_scale_of_the_filter(result):
    figure = plotting.filter_fits(result)
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel() in ("filter", "fit", "residual")]
    assert labels == ["filter", "fit", "residual"] * 3
    rendered = result.fit.render()
    for i, (_, images) in drawn(figure).items():
        if result.live[i]:
            largest = np.abs(result.fit.fields[i]).max()
            expected = (result.fit.fields[i], rendered[i], result.fit.fields[i] - rendered[i])
            for image, field in zip(images, expected, strict=True):
                np.testing.assert_allclose(image.get_array(), field / largest, atol=1e-12)


def test_colours_are_symmetric_and_red_is_positive(result):
    for _, images in columns(plotting.filter_fits(result)):
        for image in images:
            assert image.get_clim() == (-1, 1)
            red, _, blue, _ = image.to_rgba(np.array([[0.9]]))[0, 0]
            assert red > blue
            assert image.origin == "upper"  # row 0 on top


def test_titles_tell_goodness_and_dead_filters_are_blank(result):
    figure = plotting.filter_fits(result)
    shown = drawn(figure)
    assert shown[1][0].split()[:2] == ["1", f"{result.fit.r_squared[1]:.2f}"]
    for i in (5, 39):
        assert shown[i][0].split() == [str(i), "dead"]
        assert all(np.abs(image.get_array()).max() < 1e-6 for image in shown[i][1])
    assert "dead: 5, 39" in figure.get_suptitle()


def test_kernels_with_channels_say_their_colour(result):
    colours = np.where(np.arange(N)[:, None] % 2, [1.0, 1.0], [1.0, -1.0])
    kernels = result.fit.fields[:, None] * colours[:, :, None, None]
    figure = plotting.filter_fits(fit_filters(Filters(kernels, ""), FilterFitConfig(null_copies=0)))
    shown = drawn(figure)
    assert shown[1][0].split()[1] == "A"
    assert shown[2][0].split()[1] == "O"
    assert shown[5][0].split() == ["5", "dead"]
    assert "47 % achromatic, 53 % opponent" in figure.get_suptitle()  # 18 and 20 of the 38 live ones


def test_ringach_counts_stand_in_their_cells(result):
    """The largest count, 19, is at n_x and n_y of .302 to .525; 8 at n_x .174-.302, n_y .1-.174."""
    neurons = plotting.filter_shapes(result).axes[0]
    said = {text.get_text(): text.get_position() for text in neurons.texts}
    assert sum(int(text.get_text()) for text in neurons.texts) == 79
    for count, (low_x, high_x), (low_y, high_y) in (
        ("19", (0.302, 0.525), (0.302, 0.525)),
        ("8", (0.174, 0.302), (0.1, 0.174)),
        ("3", (0.302, 0.525), (0.912, 1.585)),
    ):
        x, y = said[count]
        assert low_x < x < high_x
        assert low_y < y < high_y
    mesh = neurons.collections[0]
    coordinates = mesh.get_coordinates()
    row, column = np.unravel_index(np.asarray(mesh.get_array()).argmax(), (5, 5))
    np.testing.assert_allclose(coordinates[row, column], [0.302, 0.302])
    shape = np.asarray(mesh.get_array()).reshape(5, 5)
    np.testing.assert_allclose(coordinates[*np.argwhere(shape == 8)[0]], [0.174, 0.1])


def test_filters_are_scattered_with_n_x_across_and_n_y_up(result):
    neurons, filters = plotting.filter_shapes(result).axes
    points = {line.get_label(): line.get_xydata() for line in filters.lines}
    (label,) = [name for name in points if name.startswith("filters")]
    assert label == f"filters ({result.identified.sum()})"
    gabor = result.fit.gabor[result.identified]
    np.testing.assert_array_equal(points[label], np.column_stack([gabor.n_x, gabor.n_y]))
    for axes in (neurons, filters):
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_xlabel() == r"$n_x = \sigma_x F$ [cycles]"
    assert neurons.get_ylabel() == r"$n_y = \sigma_y F$ [cycles]"


def test_filters_beyond_the_axes_are_counted(result):
    arrays = result.arrays()
    arrays["parameters"] = arrays["parameters"].copy()
    arrays["parameters"][3, :4] = 1e-4  # f
    title = plotting.filter_shapes(FilterFitResult.from_arrays(arrays)).axes[1].get_title()
    assert title == "fitted filters, 4 of them beyond these axes"


def stairs(axes):
    return {patch.get_label(): patch for patch in axes.patches}


def test_histograms_are_shares_and_have_their_null(result):
    goodness, orientation, bandwidth, symmetry = plotting.filter_histograms(result).axes
    for axes in (goodness, orientation, bandwidth, symmetry):
        for patch in axes.patches:
            assert patch.get_data().values.sum() == pytest.approx(100)
        assert axes.get_ylabel() == "share [%]"
    assert list(stairs(goodness)) == ["live filters (38)", "scrambled (152)"]
    assert [name.split(" (")[0] for name in stairs(orientation)] == ["Gabor-like, no blob"]
    assert len(stairs(bandwidth)) == len(stairs(symmetry)) == 2
    filled, outline = goodness.patches
    assert filled.get_fill()
    assert not outline.get_fill()
    assert filled.get_data().values[-2:].sum() > 95  # good fits on the right
    assert outline.get_data().values[-2:].sum() < 10
    threshold = [line for line in goodness.lines if line.get_linestyle() == "--"]
    np.testing.assert_array_equal(threshold[0].get_xdata(), 0.8)


def test_orientation_and_symmetry_are_counted_in_degrees(result):
    _, orientation, _, symmetry = plotting.filter_histograms(result).axes
    gabor = result.fit.gabor[result.gabor_like & result.identified]
    values, edges, _ = orientation.patches[0].get_data()
    vertical = ((gabor.orientation_deg >= 75) & (gabor.orientation_deg < 105)).mean()
    assert edges[[0, -1]].tolist() == [0, 180]
    assert values[(edges[:-1] >= 75) & (edges[:-1] < 105)].sum() == pytest.approx(100 * vertical)
    values, edges, _ = symmetry.patches[0].get_data()
    assert edges[[0, -1]].tolist() == [0, 90]
    assert values[:3].sum() == pytest.approx(100 * (np.abs(np.tan(gabor.phi)) < np.tan(np.pi / 6)).mean())


def test_low_pass_filters_have_a_bar_of_their_own(result):
    arrays = result.arrays()
    arrays["parameters"] = arrays["parameters"].copy()
    arrays["parameters"][3, [0, 1, 2]] = 1e-4  # f: no carrier
    bandwidth = plotting.filter_histograms(FilterFitResult.from_arrays(arrays)).axes[2]
    values, edges, _ = bandwidth.patches[0].get_data()
    assert values[-1] >= 100 * 3 / 38
    ticks = dict(
        zip(bandwidth.get_xticks(), (t.get_text() for t in bandwidth.get_xticklabels()), strict=True)
    )
    assert ticks[edges[-2:].mean()] == "low-pass"


def test_without_a_null_there_is_no_outline(result):
    alone = fit_filters(Filters(result.fit.fields, ""), FilterFitConfig(null_copies=0))
    figure = plotting.filter_histograms(alone)
    assert all(len(axes.patches) == 1 for axes in figure.axes)


@pytest.mark.parametrize(
    "fields",
    [
        np.zeros((2, 6, 6)),
        np.arange(36.0).reshape(1, 6, 6),
        np.exp(-(Grid((9, 9)).x ** 2) - Grid((9, 9)).y ** 2),
    ],
    ids=["dead", "ramp", "blob"],
)
def test_figures_of_odd_stacks_are_drawn(tmp_path, fields):
    result = fit_filters(Filters(fields, ""), FilterFitConfig())
    for k, draw in enumerate((plotting.filter_fits, plotting.filter_shapes, plotting.filter_histograms)):
        draw(result).savefig(tmp_path / f"{k}.png")


def test_titles_and_labels_keep_apart_and_within_the_figure(result):
    for draw in (plotting.filter_fits, plotting.filter_shapes, plotting.filter_histograms):
        figure = draw(result)
        figure.draw_without_rendering()
        frame = figure.bbox
        texts = [figure._suptitle] if figure._suptitle else []
        for axes in figure.axes:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        boxes = [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]
        for k, box in enumerate(boxes):
            assert box.x0 >= frame.x0 - 1, draw.__name__
            assert box.x1 <= frame.x1 + 1, draw.__name__
            assert box.y0 >= frame.y0 - 1, draw.__name__
            assert box.y1 <= frame.y1 + 1, draw.__name__
            for other in boxes[:k]:
                assert not box.overlaps(other), draw.__name__


def test_filters_and_null_are_told_apart_by_colour(result):
    filled, outline = plotting.filter_histograms(result).axes[0].patches
    assert to_hex(filled.get_facecolor()) == "#1f6fb4"
    assert to_hex(outline.get_edgecolor()) == "#4d4d4d"
