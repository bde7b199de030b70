"""The overview of a stimulus shows its frames the right way up, and what was measured and declared."""

import numpy as np

from v1sim import Grid, plotting, stimuli

GRID = Grid((8, 12), pixel_size=0.1, unit="deg")


def test_frames_stand_upright_with_grey_in_the_middle_and_rows_are_read_first():
    upper = stimuli.Spot(GRID, diameter=0.3, centre=(0.3, 0.25), contrast=0.5, n_frames=11)
    found = stimuli.measure(upper)
    figure = plotting.stimulus_overview(found)
    *sheet, spectrum, correlation, histogram = figure.axes
    shown = [axes.images[0] for axes in sheet if axes.images]
    assert len(shown) == 11
    assert [axes.axison for axes in sheet] == [True] * 11 + [False] * 5
    assert {image.get_clim() for image in shown} == {(-0.5, 0.5)}
    assert shown[0].origin == "upper"
    row, column = np.unravel_index(shown[0].get_array().argmax(), GRID.shape)
    assert GRID.y[row, column] > 0.1 < GRID.x[row, column]
    title = figure.subfigs[0].get_suptitle()
    for words in ("Spot: frames 0 to 10, row by row", "1.2 deg wide", "white is contrast 0.5"):
        assert words in title
    assert spectrum.get_xlabel() == "spatial frequency [cycles/deg]"
    assert correlation.get_xlabel() == "lag [frames]"
    assert histogram.get_xlabel() == "contrast"


def test_what_is_measured_stands_beside_what_is_declared_in_the_units_of_the_grid():
    noise = stimuli.ColouredNoise(GRID, n_frames=400, seed=0, temporal_correlation=0.5)
    found = stimuli.measure(noise, n_lags=5)
    *_, spectrum, correlation, histogram = plotting.stimulus_overview(found).axes
    lines = {line.get_label(): line for line in spectrum.lines}
    np.testing.assert_allclose(lines["measured"].get_xdata(), found.frequency * 10)  # of 0.1 deg
    np.testing.assert_array_equal(lines["measured"].get_ydata(), found.power)
    np.testing.assert_allclose(lines["declared"].get_xdata(), found.frequency * 10)
    np.testing.assert_array_equal(lines["declared"].get_ydata(), found.declared_power)
    lines = {line.get_label(): line for line in correlation.lines}
    np.testing.assert_array_equal(lines["measured"].get_ydata(), found.autocorrelation)
    np.testing.assert_allclose(lines["declared"].get_ydata(), 0.5 ** np.arange(5))
    assert "(declared 1)" in histogram.get_title()
