import numpy as np
import pytest

from v1sim import cells


def test_powers_follow_their_formula_beyond_the_threshold():
    signal = np.float32([[-3, 1], [2, 2], [5, 5]])
    power = cells.Power(exponent=[1, 3], threshold=[0, 1], gain=[2, 0.5])
    np.testing.assert_allclose(power(signal), [[0, 0], [4, 0.5], [10, 32]])


def test_softplus_lies_between_the_rectifier_and_log_2_above_it():
    signal = np.linspace(-6, 6, 49, dtype=np.float32)
    softplus = cells.Softplus(sharpness=2, threshold=1, gain=3)
    above = softplus(signal) - 3 * np.maximum(signal - 1, 0)
    assert (above >= 0).all()
    assert above.max() == pytest.approx(3 * np.log(2) / 2)
    assert signal[above.argmax()] == 1
    np.testing.assert_allclose(softplus(np.float32([1000])), [2997])


def test_the_exponential_turns_sums_into_products():
    exponential = cells.Exponential(sharpness=0.7, gain=2)
    a, b = np.float32([0.3]), np.float32([-1.1])
    np.testing.assert_allclose(exponential(a + b), exponential(a) * exponential(b) / 2, rtol=1e-6)
    np.testing.assert_allclose(exponential(np.float32([0])), [2])


def test_the_hyperbolic_ratio_is_half_at_its_semi_saturation_and_never_above_its_maximum():
    ratio = cells.NakaRushton(semi_saturation=[0.2, 0.5], exponent=[2, 3.5], maximum=[30, 50])
    np.testing.assert_allclose(ratio(np.float32([0.2, 0.5])), [15, 25], rtol=1e-6)
    np.testing.assert_allclose(ratio(np.float32([-1, -1])), 0)
    np.testing.assert_allclose(ratio(np.float32([1e30, 1e30])), [30, 50])
    # far below, the slope on logarithmic axes is the exponent
    low = ratio(np.float32([[1e-2, 1e-2], [1e-1 * 0.1 * 2, 2e-2]]))
    np.testing.assert_allclose(np.log2(low[1] / low[0]), [2, 3.5], rtol=0.01)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda s: s[:, :1], r"nonlinearity must return shape \(4, 3\), got \(4, 1\)"),
        (lambda s: s.sum(), r"nonlinearity must return shape \(4, 3\), got \(\)"),
        (
            lambda s: np.where(np.arange(3) == 1, np.nan, s),
            r"nonlinearity must return finite numbers, but those of cells \[1\] are not",
        ),
        (
            lambda s: s / np.array([1, 1, 0]) ** 2,
            r"nonlinearity must return finite numbers, but those of cells \[2\] are not",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide|invalid):RuntimeWarning")
@pytest.mark.parametrize("make", [cells.SimpleCells, cells.PushPullCells])
def test_functions_that_answer_wrongly_are_refused(tuned, grid, rng, make, function, message):
    cell = make(tuned(), grid, nonlinearity=function)
    with pytest.raises(ValueError, match=message):
        cell.respond(rng.standard_normal((4, *grid.shape), dtype=np.float32))


def test_answers_of_other_functions_become_float32(tuned, grid, rng):
    cell = cells.SimpleCells(tuned(), grid, nonlinearity=lambda s: s.astype(float) ** 2)
    assert cell.respond(rng.standard_normal((4, *grid.shape), dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.Power(exponent=0), "exponent must be finite and above 0, got 0"),
        (lambda: cells.Power(gain=[1, -2]), r"gain must be finite and above 0, got -2 \(cells \[1\]\)"),
        (lambda: cells.Softplus(threshold=np.nan), "threshold must be finite"),
        (lambda: cells.Exponential(sharpness=np.ones((2, 2))), r"one a cell, got shape \(2, 2\)"),
        (lambda: cells.NakaRushton(semi_saturation=-1), "semi_saturation must be finite and above 0"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
