"""The population experiment: what is measured is what was drawn."""

import numpy as np
import pytest
from scipy import stats

from v1sim.experiments import PopulationConfig, PopulationResult, draw_population

CONFIG = PopulationConfig(n=21, shape=(80, 96), pixels_per_degree=24, eccentricity="parafoveal", seed=2)


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    return draw_population(CONFIG, neurons=np.append(rng.uniform(0, 1.8, 50), np.nan))


def test_measured_modulation_is_the_one_that_was_drawn(result):
    np.testing.assert_allclose(result.f1_f0, result.population.modulation_ratio, atol=0.03)
    measured = result.scores[-1]
    assert measured.statistic == "F1/F0, measured"
    assert measured.n == 21


def test_the_distance_to_neurons_is_smirnovs(result):
    assert len(result.neurons) == 50
    known = stats.ks_2samp(result.f1_f0, result.neurons).statistic
    assert result.distance_to_neurons == pytest.approx(known)
    alone = PopulationResult(population=result.population, f1_f0=result.f1_f0)
    assert np.isnan(alone.distance_to_neurons)


def test_a_saved_result_is_the_same_result(result):
    back = PopulationResult.from_arrays(result.arrays())
    assert back.to_table() == result.to_table()
    np.testing.assert_array_equal(back.neurons, result.neurons)
    assert back.population.notes() == result.population.notes()


def test_the_table_has_a_row_a_cell(result):
    table = result.to_table()
    assert {len(column) for column in table.values()} == {21}
    above = np.array(table["f1_f0_drawn"]) > 1
    np.testing.assert_array_equal(np.array(table["kind"]) == "simple", above)


def test_progress_ends_at_the_whole():
    said = []
    draw_population(CONFIG, progress=lambda *pair: said.append(pair))
    assert said[-1] == (21, 21)
    assert said == sorted(said)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (0, 5)}, r"shape\[0\] must be at least 1"),
        ({"pixels_per_degree": 0}, "pixels_per_degree must be finite and above 0"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        PopulationConfig(**changes)
