"""Fitted curves: parameters come back, errors cover them, and what cannot be told is said so."""

import numpy as np
import pytest

from v1sim import analysis

CONTRASTS = 2.0 ** np.arange(-6, 0.1, 0.5)
DIAMETERS = np.geomspace(0.4, 12, 12)
TRUTH = {
    "von_mises": (np.arange(0, 180, 10.0), [12, 143, 2.5, 1.5]),
    "double_von_mises": (np.arange(0, 360, 15.0), [12, 310, 6, 0.5, 3]),
    "log_gaussian": (0.02 * 2 ** np.arange(0, 5, 0.5), [30, 0.11, 0.7]),
    "naka_rushton": (CONTRASTS, [45, 0.21, 2.4]),
    "ratio_of_gaussians": (DIAMETERS, [60, 1.5, 0.8, 5]),
    "difference_of_gaussians": (DIAMETERS, [60, 1.5, 25, 5]),
}
FIT = {
    "von_mises": analysis.fit_orientation,
    "double_von_mises": analysis.fit_orientation,
    "log_gaussian": analysis.fit_frequency,
    "naka_rushton": analysis.fit_contrast,
    "ratio_of_gaussians": analysis.fit_size,
    "difference_of_gaussians": lambda r, d: analysis.fit_size(r, d, model="difference_of_gaussians"),
}


HEIGHTS = {
    "von_mises": ("amplitude", "baseline"),
    "double_von_mises": ("amplitude", "baseline", "null_amplitude"),
    "log_gaussian": ("amplitude",),
    "naka_rushton": ("r_max",),
    "ratio_of_gaussians": ("centre_gain",),
    "difference_of_gaussians": ("centre_gain", "surround_gain"),
}


def curve(name):
    """The formulas of the papers, written out a second time."""
    axis, p = TRUTH[name]
    from math import erf

    formulas = {
        "von_mises": lambda t: p[3] + p[0] * np.exp(p[2] * (np.cos(2 * np.deg2rad(t - p[1])) - 1)),
        "double_von_mises": lambda t: (
            p[3]
            + p[0] * np.exp(p[2] * (np.cos(np.deg2rad(t - p[1])) - 1))
            + p[4] * np.exp(p[2] * (np.cos(np.deg2rad(t - p[1] - 180)) - 1))
        ),
        "log_gaussian": lambda f: p[0] * np.exp(-(np.log2(f / p[1]) ** 2) / (2 * p[2] ** 2)),
        "naka_rushton": lambda c: p[0] * c ** p[2] / (c ** p[2] + p[1] ** p[2]),
        "ratio_of_gaussians": lambda d: p[0] * erf(d / p[1]) ** 2 / (1 + p[2] * erf(d / p[3]) ** 2),
        "difference_of_gaussians": lambda d: p[0] * erf(d / p[1]) - p[2] * erf(d / p[3]),
    }
    return axis, np.array([float(formulas[name](value)) for value in axis])


@pytest.mark.parametrize("name", TRUTH)
def test_the_parameters_of_a_clean_curve_come_back(name):
    axis, r = curve(name)
    fit = FIT[name](1e-3 * r[None], axis)
    assert fit.model == name
    assert fit.converged.all(), fit.message
    found = np.array(list(fit.parameters.values()))[:, 0]
    scale = np.where([one in HEIGHTS[name] for one in fit.parameters], 1e-3, 1)
    np.testing.assert_allclose(found, scale * TRUTH[name][1], rtol=1e-4)
    np.testing.assert_allclose(fit.evaluate(axis)[0], 1e-3 * r, atol=1e-7)
    assert fit.r_squared[0] == pytest.approx(1)


@pytest.mark.parametrize("name", ["von_mises", "log_gaussian", "naka_rushton"])
def test_errors_are_those_of_repeated_experiments(name, rng):
    axis, r = curve(name)
    noisy = r + 0.02 * r.max() * rng.standard_normal((300, len(r)))
    fit = FIT[name](noisy, axis)
    assert fit.converged.mean() > 0.98
    for parameter, truth in zip(fit.parameters, TRUTH[name][1], strict=True):
        spread = fit.parameters[parameter].std()
        stated = np.sqrt(np.mean(fit.standard_error[parameter] ** 2))
        assert stated == pytest.approx(spread, rel=0.2), parameter  # 300 spreads are known to 4 %
        assert abs(fit.parameters[parameter].mean() - truth) < 5 * spread / np.sqrt(300) + 0.01 * abs(truth)


@pytest.mark.parametrize("name", ["von_mises", "naka_rushton", "ratio_of_gaussians"])
def test_scipy_finds_the_same_parameters_and_errors(name, rng):
    from scipy.optimize import curve_fit

    axis, r = curve(name)
    noisy = r + 0.01 * r.max() * rng.standard_normal((8, len(r)))
    fit = FIT[name](noisy, axis)
    for unit in range(8):
        best, covariance = curve_fit(analysis.MODELS[name].function, axis, noisy[unit], p0=TRUTH[name][1])
        np.testing.assert_allclose([v[unit] for v in fit.parameters.values()], best, rtol=2e-3)
        errors = [v[unit] for v in fit.standard_error.values()]
        np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=0.02)


def test_a_response_that_does_not_saturate_has_no_c50_but_an_exponent():
    fit = analysis.fit_contrast(np.stack([CONTRASTS, CONTRASTS**2.5]), CONTRASTS)
    np.testing.assert_allclose(fit.parameters["exponent"], [1, 2.5], rtol=1e-3)
    assert not fit.converged.any()
    assert all("does not saturate" in text for text in fit.message)


@pytest.mark.parametrize(("depth", "flat"), [(0.002, True), (0.05, False)])
def test_a_curve_is_flat_below_a_hundredth_of_its_height(depth, flat):
    axis = TRUTH["von_mises"][0]
    fit = analysis.fit_orientation(3 * (1 + depth * np.cos(2 * np.deg2rad(axis - 40)))[None], axis)
    assert fit.message[0].startswith("flat") == flat


def test_flat_and_one_sided_curves_are_said_to_be_so():
    flat = analysis.fit_orientation(np.full((1, 18), 3.0), TRUTH["von_mises"][0])
    assert "no orientation is preferred" in flat.message[0]
    assert np.isnan(flat.r_squared[0])  # there is no variance to explain
    f = TRUTH["log_gaussian"][0]
    low_pass = analysis.fit_frequency(np.exp(-(np.log2(f / 0.005) ** 2) / 2)[None], f)
    assert "beyond the frequencies shown" in low_pass.message[0]
    growing = analysis.fit_size(DIAMETERS[None] ** 2, DIAMETERS)
    assert "still grows" in growing.message[0]


@pytest.mark.parametrize("name", TRUTH)
def test_a_unit_without_a_curve_has_no_fit(name):
    axis, r = curve(name)
    fit = FIT[name](np.stack([r, np.full_like(r, np.nan), np.zeros_like(r)]), axis)
    assert fit.converged.tolist() == [True, False, False]
    assert fit.message[1:] == ("no response to fit",) * 2
    for values in (*fit.parameters.values(), *fit.standard_error.values(), fit.r_squared):
        assert np.isnan(values[1:]).all()


def test_fewer_samples_than_parameters_leave_no_errors():
    fit = analysis.fit_contrast([[1.0, 2, 2.5]], [0.1, 0.3, 1])
    assert np.isnan(list(fit.standard_error.values())).all()


def test_an_unknown_model_of_size_is_refused():
    with pytest.raises(ValueError, match="ratio_of_gaussians or difference_of_gaussians, got 'gabor'"):
        analysis.fit_size(np.ones((1, 12)), DIAMETERS, model="gabor")


def test_the_preferred_angle_lies_within_the_circle():
    """A peak just below the end of the circle is highest at 0, from where a fit turns to below 0."""
    half, whole = np.arange(0, 180, 10.0), np.arange(0, 360, 20.0)
    curves = np.exp(2 * (np.cos(2 * np.deg2rad(half - np.array([[178.0], [1.0]]))) - 1))
    found = analysis.fit_orientation(curves, half).parameters["preferred_deg"]
    np.testing.assert_allclose(found, [178, 1], atol=1e-3)
    drift = np.exp(3 * (np.cos(np.deg2rad(whole - 357)) - 1))[None]
    assert analysis.fit_orientation(drift, whole).parameters["preferred_deg"] == pytest.approx(
        [357], abs=1e-3
    )


@pytest.mark.parametrize(
    ("diameter", "error", "message"),
    [
        (DIAMETERS[::-1], ValueError, "diameter must rise, from 0 or above"),
        (DIAMETERS - 2 * DIAMETERS[-1], ValueError, "diameter must rise, from 0 or above"),
        (np.where(np.arange(len(DIAMETERS)) > 3, np.nan, DIAMETERS), ValueError, "diameter must rise"),
        (3.0, ValueError, "diameter must have shape"),
        (np.ones((3, len(DIAMETERS))), ValueError, "diameter must have shape"),
        (["a"] * len(DIAMETERS), TypeError, "diameter must hold real numbers"),
    ],
)
def test_diameters_that_do_not_rise_are_refused(diameter, error, message):
    curves = np.ones((2, len(DIAMETERS)))
    for measure in (analysis.fit_size, analysis.summation_diameter):
        with pytest.raises(error, match=message):
            measure(curves, diameter)


def test_units_may_have_diameters_of_their_own_and_silent_ones_none():
    axis, r = curve("ratio_of_gaussians")
    own = np.stack([axis, 2 * axis, np.full_like(axis, np.nan)])
    found = analysis.fit_size(np.stack([r, r, np.full_like(r, np.nan)]), own).parameters["centre_size"]
    assert found[1] == pytest.approx(2 * found[0], rel=1e-3)
    assert np.isnan(found[2])


def test_a_fit_is_evaluated_at_a_single_value():
    axis, r = curve("log_gaussian")
    assert analysis.fit_frequency(r[None], axis).evaluate(axis[4]) == pytest.approx(r[4], rel=1e-3)
