"""The four panels show the cells and the counts that they are made from."""

import numpy as np
import pytest

from v1sim import plotting
from v1sim.experiments import PopulationConfig, PopulationResult, draw_population


@pytest.fixture(scope="module")
def result():
    config = PopulationConfig(n=20, shape=(80, 96), pixels_per_degree=24, eccentricity="parafoveal")
    return draw_population(config, neurons=np.linspace(0, 1.8, 40))


def steps(axes):
    """Give the heights of each histogram by its label."""
    return {patch.get_label(): patch.get_data().values for patch in axes.patches}


def test_every_panel_has_the_cells_beside_their_source(result):
    shapes, orientation, frequency, ratio = plotting.population_panels(result).axes
    g, simple = result.population.gabor, result.population.simple
    drawn = {line.get_label(): line.get_xydata() for line in shapes.lines}
    np.testing.assert_array_equal(drawn[f"simple ({simple.sum()})"], np.stack([g.n_x, g.n_y], 1)[simple])
    assert sum(collection.get_array().sum() for collection in shapes.collections) == 79

    bars = steps(orientation)
    np.testing.assert_allclose(bars["De Valois et al. 1982a (385)"], 100 * np.array([110, 83, 100, 92]) / 385)
    upright = np.abs(g.orientation_deg - 90) < 22.5
    assert bars["cells (20)"][2] == pytest.approx(100 * upright.mean())

    assert set(steps(frequency)) == {
        f"simple ({simple.sum()})",
        f"complex ({(~simple).sum()})",
        "De Valois et al. 1982b, simple (78)",
        "De Valois et al. 1982b, complex (53)",
    }
    bars = steps(ratio)
    assert bars["neurons (40)"].sum() == pytest.approx(100)
    assert bars["cells, measured on gratings (20)"][5:].sum() == pytest.approx(100 * simple.mean())
    assert "20 cells, parafoveal, 4 x 3.33 deg at 24 pixels per degree" in shapes.figure.get_suptitle()


def test_neurons_are_left_out_where_there_are_none(result):
    alone = PopulationResult(population=result.population, f1_f0=result.f1_f0)
    ratio = plotting.population_panels(alone).axes[3]
    assert not any("neurons" in label for label in steps(ratio))
