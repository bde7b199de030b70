"""The figures of a recording show its axes the right way up and in the right colours."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from v1sim import plotting
from v1sim.analysis import RecoveredUnits
from v1sim.experiments import RecordingResult

RED, BLUE = "#c0392b", "#2456a6"
N_LAGS = 4


def recording(ny, nx):
    """Two units: the first with 2 excitatory and 1 suppressive axis, the second with 1 excitatory."""
    rng = np.random.default_rng(2)
    axes = rng.standard_normal((4, N_LAGS, ny, nx))
    n_values = N_LAGS * ny * nx
    eigenvalues = np.tile(np.linspace(1.1, 0.9, n_values), (2, 1))
    eigenvalues[0, [0, 1, -1]] = 2.0, 1.5, 0.5
    eigenvalues[1, 0] = 1.4
    return RecordingResult(
        sta=rng.standard_normal((2, N_LAGS, ny, nx)),
        sta_z=np.zeros((2, N_LAGS, ny, nx)),
        eigenvalues=eigenvalues,
        bands=np.array([[0.8, 1.2], [0.7, 1.3]]),
        axes=axes,
        axis_units=np.array([0, 0, 0, 1]),
        axis_ratios=np.array([2.0, 1.5, 0.5, 1.4]),
        sentences=np.array(["a", "b"]),
        n_spikes=np.array([10.0, 20.0]),
        n_effective=np.array([9.0, 15.0]),
        n_frames=np.array(100),
        frame_rate=np.array(np.nan),
        warnings=np.array([], dtype=str),
        units=RecoveredUnits(
            kind=np.array(["complex", "simple"]),
            complexity_index=np.array([0.9, 0.2]),
            sta_p_value=np.array([0.5, 0.001]),
            n_excitatory=np.array([2, 1]),
            n_suppressive=np.array([1, 0]),
            parameters=np.ones((8, 2)),
            r_squared=np.array([0.9, 0.8]),
            blob=np.zeros(2, bool),
            is_space_time=ny == 1,
        ),
    )


def maps(figure):
    return [axes for axes in figure.axes if axes.images and axes.get_title()]


def test_space_time_maps_have_the_present_on_top_and_the_past_below():
    result = recording(1, 6)
    for axes in maps(plotting.recording_axes(result, 0)):
        bottom, top = axes.get_ylim()
        assert (bottom, top) == (N_LAGS - 0.5, -0.5)
        image = axes.images[0]
        assert image.origin == "upper"
        assert image.get_extent() == [-3, 3, N_LAGS - 0.5, -0.5]
    first = maps(plotting.recording_axes(result, 0))[0]
    sta = result.sta[0, :, 0]
    np.testing.assert_allclose(first.images[0].get_array(), sta / np.abs(sta).max())
    assert first.get_ylabel() == "lag [frames]"


def test_pictures_have_y_up_and_show_the_lag_of_most_energy():
    result = recording(3, 5)
    result.sta[0, 2] *= 10
    first = maps(plotting.recording_axes(result, 0))[0]
    assert first.images[0].get_extent() == [-2.5, 2.5, -1.5, 1.5]
    assert first.get_ylim() == (-1.5, 1.5)
    assert first.images[0].origin == "upper"
    np.testing.assert_allclose(first.images[0].get_array(), result.sta[0, 2] / np.abs(result.sta[0, 2]).max())
    assert first.texts[0].get_text() == "lag 2"
    assert first.get_ylabel() == "y [px]"


def test_a_unit_shows_its_own_axes_with_its_own_ratios():
    result = recording(1, 6)
    titles = [axes.get_title() for axes in maps(plotting.recording_axes(result, 0))]
    assert titles == ["STA", "excitatory 1: 2.000", "excitatory 2: 1.500", "suppressive 1: 0.500"]
    second = maps(plotting.recording_axes(result, 1))
    assert [axes.get_title() for axes in second] == ["STA", "excitatory 1: 1.400"]
    axis = result.axes[3, :, 0]
    np.testing.assert_allclose(second[1].images[0].get_array(), axis / np.abs(axis).max())


def test_maps_have_colours_symmetric_about_zero():
    for axes in maps(plotting.recording_axes(recording(1, 6), 0)):
        assert axes.images[0].get_clim() == (-1, 1)
        assert np.abs(axes.images[0].get_array()).max() == pytest.approx(1)


def test_excitatory_axes_are_red_suppressive_ones_blue_and_the_band_is_the_units_own():
    result = recording(1, 6)
    axes = plotting.recording_spectrum(result, 0).axes[0]
    coloured = {
        to_hex(line.get_color()): line.get_xydata() for line in axes.lines if line.get_marker() == "o"
    }
    np.testing.assert_allclose(coloured[RED], [[1, 2.0], [2, 1.5]])
    np.testing.assert_allclose(coloured[BLUE], [[24, 0.5]])
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    np.testing.assert_allclose([band.y0, band.y1], [0.8, 1.2])
    assert "unit 0: 2 excitatory, 1 suppressive" in axes.get_title()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rank of axis", "variance ratio (1 = chance)")
