"""The main job: known cells in, the same cells out."""

import numpy as np
import pytest

from v1sim.experiments import ReverseCorrelationConfig, ReverseCorrelationResult, reverse_correlation


@pytest.fixture(scope="module")
def result():
    return reverse_correlation(
        ReverseCorrelationConfig(shape=(20, 24), n_frames=60_000, n_simple=5, n_complex=2, seed=1)
    )


def test_known_cells_are_recovered(result):
    """D / T is .008: R^2 of the STA is 1 - 4 Var(r) D / T = .989 (rectified: Var(r) = .34, gain 1/2)."""
    simple = ~result.is_complex
    assert simple.sum() == 5
    assert result.recovery[simple].min() > 0.98
    assert np.median(result.orientation_error_deg[simple]) < 1
    assert np.median(result.frequency_error[simple]) < 0.02
    assert np.median(np.abs(result.phase_error_deg[simple])) < 10
    assert result.converged.all()


def test_complex_cells_are_recovered_as_planes(result):
    """Overlap^2 of an axis with the plane: (1 - g / .25) / (1 + g / .5), g = D / N_eff = .0102."""
    expected = np.sqrt((1 - 0.0102 / 0.25) / (1 + 0.0102 / 0.5))
    np.testing.assert_allclose(result.recovery[result.is_complex], expected, atol=0.015)
    np.testing.assert_array_equal(result.n_axes[:, 0], 2)
    assert result.orientation_error_deg[result.is_complex].max() < 2
    assert result.frequency_error[result.is_complex].max() < 0.03
    np.testing.assert_allclose(result.eigenvalues[:, :2], 1.5, atol=0.06)


def test_errors_of_angles_are_measured_around_the_circle(result):
    """A fit of 179.9 deg to a cell of .1 deg is .2 deg off, and its phase is the other way round."""
    arrays = result.arrays()
    true, fitted = arrays["true_parameters"].copy(), arrays["fitted_parameters"].copy()
    true[4], true[7] = 0.7, np.deg2rad(0.1)
    fitted[4], fitted[7] = -0.6, np.deg2rad(179.9)
    around = ReverseCorrelationResult.from_arrays(
        arrays | {"true_parameters": true, "fitted_parameters": fitted}
    )
    np.testing.assert_allclose(around.orientation_error_deg, 0.2, atol=1e-9)
    np.testing.assert_allclose(around.phase_error_deg, -np.rad2deg(0.1), atol=1e-9)


def test_results_do_not_depend_on_workers():
    config = ReverseCorrelationConfig(
        shape=(16, 18), n_frames=20_000, n_simple=2, n_complex=1, mean_rate=15.0
    )
    one, three = (reverse_correlation(config, workers=n).arrays() for n in (1, 3))
    for name, array in one.items():
        np.testing.assert_array_equal(array, three[name], err_msg=name)


@pytest.mark.parametrize(("n_simple", "n_complex"), [(2, 0), (0, 2)])
@pytest.mark.parametrize("noise", ["gaussian", "binary"])
def test_either_kind_of_cell_may_be_alone(n_simple, n_complex, noise):
    result = reverse_correlation(
        ReverseCorrelationConfig(
            shape=(16, 17), n_frames=20_000, n_simple=n_simple, n_complex=n_complex, noise=noise
        )
    )
    assert result.is_complex.sum() == n_complex
    assert (result.recovery > 0.9).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (15, 32)}, r"shape must be at least 16 pixels a side, got \(15, 32\)"),
        ({"n_frames": 0}, "n_frames must be at least 1"),
        ({"n_simple": 0, "n_complex": 0}, "must not both be 0"),
        ({"noise": "pink"}, "noise must be one of gaussian, binary, got 'pink'"),
        ({"mean_rate": 0.0}, "mean_rate must be finite and above 0"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_impossible_configurations_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ReverseCorrelationConfig(**changes)
