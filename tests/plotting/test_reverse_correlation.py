"""The figures of the main job: true and fitted are not swapped, red is excitation, y points up."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from v1sim import Grid, plotting
from v1sim.experiments import ReverseCorrelationResult
from v1sim.gabor import Gabor

RED, BLUE, SIMPLE = "#c0392b", "#2456a6", "#1f6fb4"
GRID = Grid((8, 10))


@pytest.fixture
def result():
    """Two simple cells and one complex one; every fit is off by a known step."""
    rng = np.random.default_rng(3)

    def gabor(step):
        return Gabor.from_tuning(
            spatial_frequency=np.array([0.1, 0.12, 0.14]) + 0.01 * step,
            orientation_deg=np.array([20.0, 60.0, 100.0]) + 2 * step,
            n_x=np.array([0.3, 0.35, 0.4]) + 0.02 * step,
            n_y=np.array([0.5, 0.55, 0.6]) + 0.03 * step,
            phase=np.array([0.2, 0.4, 0.6]) + 0.1 * step,
        ).canonical()

    true, fitted = (np.stack(list(gabor(step).parameters().values())) for step in (0, 1))
    eigenvalues = np.linspace(1.05, 0.95, 80)
    eigenvalues[[0, 1, 79]] = 1.6, 1.5, 0.6
    return ReverseCorrelationResult(
        is_complex=np.array([False, False, True]),
        true_parameters=true,
        true_fields=rng.standard_normal((3, 2, *GRID.shape)),
        recovered_fields=rng.standard_normal((3, 2, *GRID.shape)),
        fitted_parameters=fitted,
        fitted_r_squared=np.array([0.91, 0.92, 0.93]),
        converged=np.ones(3, bool),
        recovery=np.array([0.81, 0.82, 0.83]),
        eigenvalues=eigenvalues[None],
        edges=np.array([[0.9, 1.1]]),
        n_axes=np.array([[2, 1]]),
        example_frame=rng.standard_normal(GRID.shape).astype(np.float32),
    )


def images(figure):
    return [axes.images[0] for axes in figure.axes if axes.images]


def normalised(field):
    return field / np.abs(field).max()


def test_the_story_runs_from_noise_to_residual_with_y_up(result):
    figure = plotting.story(result, 1)
    noise, cell, recovered, fit, residual = images(figure)
    seen, drawn = result.recovered_fields[1, 0], result.fitted[1].render(GRID)
    np.testing.assert_allclose(noise.get_array(), normalised(result.example_frame), rtol=1e-6)
    np.testing.assert_allclose(cell.get_array(), normalised(result.true_fields[1, 0]))
    np.testing.assert_allclose(recovered.get_array(), normalised(seen))
    np.testing.assert_allclose(fit.get_array(), drawn / np.abs(seen).max())
    np.testing.assert_allclose(residual.get_array(), (seen - drawn) / np.abs(seen).max())
    for image in images(figure):
        assert image.get_clim() == (-1, 1)
        assert image.get_extent() == [-5, 5, -4, 4]
        assert image.origin == "upper"
    first = figure.axes[0]
    assert first.get_ylim() == (-4, 4)
    assert (first.get_xlabel(), first.get_ylabel()) == ("x [px]", "y [px]")
    assert (
        "orientation 62.0 deg (true 60.0), 0.1300 cycles/px (true 0.1200), R² 0.920" in figure.get_suptitle()
    )


def test_simple_cells_stand_over_their_sta_and_fit(result):
    figure = plotting.simple_cells(result)
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels[:3] == ["cell", "STA", "fit"]
    shown = images(figure)
    assert len(shown) == 6
    np.testing.assert_allclose(shown[1].get_array(), normalised(result.true_fields[1, 0]))
    np.testing.assert_allclose(shown[3].get_array(), normalised(result.recovered_fields[1, 0]))
    np.testing.assert_allclose(shown[5].get_array(), normalised(result.fitted[1].render(GRID)))


def test_complex_cells_show_both_halves_and_both_axes(result):
    shown = images(plotting.complex_cells(result))
    expected = [*result.true_fields[2], *result.recovered_fields[2], result.fitted[2].render(GRID)]
    assert len(shown) == 5
    for image, field in zip(shown, expected, strict=True):
        np.testing.assert_allclose(image.get_array(), normalised(field))
        assert image.get_clim() == (-1, 1)


def test_parameters_have_truth_across_and_fit_up(result):
    figure = plotting.parameters(result)
    truth, fitted = result.truth, result.fitted
    expected = {
        "orientation [deg]": (truth.orientation_deg, fitted.orientation_deg),
        "spatial frequency [cycles/px]": (truth.spatial_frequency, fitted.spatial_frequency),
        "$n_x$ [cycles]": (truth.n_x, fitted.n_x),
        "$n_y$ [cycles]": (truth.n_y, fitted.n_y),
        "phase [deg], simple cells": (np.rad2deg(truth.phi)[:2], np.rad2deg(fitted.phi)[:2]),
    }
    assert len(figure.axes) == 5
    for axes, (name, (x, y)) in zip(figure.axes, expected.items(), strict=True):
        assert (axes.get_xlabel(), axes.get_ylabel()) == (f"true {name}", f"fitted {name}")
        points = {line.get_label(): line for line in axes.lines}
        np.testing.assert_allclose(points["simple"].get_xydata(), np.column_stack([x, y])[:2])
        np.testing.assert_allclose(points["complex"].get_xydata(), np.column_stack([x, y])[2:])
        assert to_hex(points["simple"].get_color()) == SIMPLE


def test_spectra_have_excitation_in_red_and_suppression_in_blue(result):
    axes = plotting.spectra(result).axes[0]
    coloured = {
        to_hex(line.get_color()): line.get_xydata() for line in axes.lines if line.get_marker() == "o"
    }
    np.testing.assert_allclose(coloured[RED], [[1, 1.6], [2, 1.5]])
    np.testing.assert_allclose(coloured[BLUE], [[80, 0.6]])
    assert axes.get_title() == "cell 3: 2 excitatory, 1 suppressive"


def test_many_cells_are_drawn_in_bands_of_twelve(result):
    more = np.tile(np.arange(2), 7)
    arrays = {
        name: array[..., more] if name.endswith("parameters") else array[more]
        for name, array in result.arrays().items()
        if name not in ("eigenvalues", "edges", "n_axes", "example_frame")
    }
    rest = {name: result.arrays()[name] for name in ("eigenvalues", "edges", "n_axes", "example_frame")}
    figure = plotting.simple_cells(ReverseCorrelationResult.from_arrays(arrays | rest))
    assert len(images(figure)) == 3 * 14
    titles = [axes.get_title() for axes in figure.axes if axes.images and axes.get_title()]
    assert titles == [str(k + 1) for k in range(14)]
