"""Measures on tuning curves, against their closed forms."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import iv

from v1sim import analysis

ORIENTATIONS = np.arange(0, 180, 10.0)
DIRECTIONS = np.arange(0, 360, 10.0)


def von_mises(axis_deg, preferred_deg, kappa):
    """Tuning over orientation, exp(kappa (cos 2(theta - theta0) - 1)), one row a unit."""
    turn = np.deg2rad(axis_deg[None] - np.atleast_1d(preferred_deg)[:, None])
    return np.exp(np.atleast_1d(kappa)[:, None] * (np.cos(2 * turn) - 1))


@pytest.mark.parametrize("axis", [ORIENTATIONS, DIRECTIONS], ids=["180", "360"])
def test_the_circular_variance_of_a_von_mises_curve_is_a_ratio_of_bessel_functions(axis):
    kappa = np.array([0.2, 1, 3, 8])
    curves = von_mises(axis, [3, 47, 90, 171], kappa)
    expected = 1 - iv(1, kappa) / iv(0, kappa)
    np.testing.assert_allclose(analysis.circular_variance(curves, axis), expected, atol=2e-5)


@pytest.mark.parametrize("axis", [ORIENTATIONS, DIRECTIONS], ids=["180", "360"])
@pytest.mark.parametrize("level", [2**-0.5, 0.5])
def test_the_half_bandwidth_of_a_von_mises_curve_is_an_arc_cosine(axis, level):
    kappa = np.array([1, 2, 4, 8])
    curves = von_mises(axis, [3, 47, 90, 171], kappa)
    expected = np.rad2deg(np.arccos(1 + np.log(level) / kappa) / 2)
    measured = analysis.half_bandwidth_deg(curves, axis, level=level)
    np.testing.assert_allclose(measured, expected, atol=0.15)  # 18 samples lack I_9(8) / I_0(8) = .4 %


def test_the_highest_frequency_of_an_even_number_of_samples_counts_once():
    """Four samples have cos 4 theta as +1, -1, +1, -1: between them the curve is that, not twice that."""

    def r(theta_deg):
        turn = 2 * np.deg2rad(theta_deg)
        return 1 + np.cos(turn) + 0.2 * np.cos(2 * turn)

    axis = np.array([0.0, 45.0, 90.0, 135.0])
    expected = brentq(lambda theta: r(theta) - r(0) / 2, 0, 90)
    assert analysis.half_bandwidth_deg(r(axis), axis, level=0.5) == pytest.approx(expected, abs=0.05)


def test_a_curve_that_never_falls_to_the_level_has_no_half_bandwidth():
    """Its trough is exp(-2 kappa) of its peak."""
    kappa = -np.log(0.6) / 2
    assert np.isnan(analysis.half_bandwidth_deg(von_mises(ORIENTATIONS, 30, kappa), ORIENTATIONS, level=0.5))
    assert analysis.half_bandwidth_deg(von_mises(ORIENTATIONS, 30, kappa), ORIENTATIONS, level=0.7) < 90


def test_the_preferred_orientation_lies_between_the_samples():
    preferred = [0.2, 44.4, 121.7, 179.6]
    measured = analysis.preferred_orientation_deg(von_mises(ORIENTATIONS, preferred, 2), ORIENTATIONS)
    np.testing.assert_allclose(measured, preferred, atol=1e-3)


def test_a_rectified_sinusoid_has_f1_over_f0_of_half_pi_and_a_constant_none():
    phase = 2 * np.pi * np.arange(512) / 512
    r = np.stack([np.maximum(np.cos(phase - 0.4), 0), np.full(512, 3.0), 2 + np.cos(phase)])
    assert analysis.modulation_ratio(r) == pytest.approx([np.pi / 2, 0, 0.5], abs=1e-4)
    assert analysis.modulation_ratio(r[2], baseline=1) == pytest.approx(1)  # Skottun: the evoked mean
    assert np.isnan(
        analysis.modulation_ratio(np.stack([np.cos(phase), 0 * phase]))
    ).all()  # no mean, no ratio


@pytest.mark.parametrize("cycles", [1, 3, 7])
def test_f1_is_taken_at_the_frequency_of_the_grating(cycles):
    phase = 2 * np.pi * cycles * np.arange(31) / 31
    f0, f1 = analysis.harmonics(2.5 + 1.5 * np.cos(phase + 1) + 0.7 * np.cos(2 * phase), cycles=cycles)
    assert (f0, f1) == (pytest.approx(2.5), pytest.approx(1.5))


def test_selectivity_indices_follow_from_three_responses():
    """P = 10 at 40 degrees, N = 4 at 220, O = 2 and 3 at 130 and 310."""
    curve = np.ones(36)
    curve[[4, 22, 13, 31]] = 10, 4, 2, 3
    assert analysis.direction_selectivity_index(curve, DIRECTIONS) == pytest.approx(6 / 14)
    assert analysis.direction_index(curve, DIRECTIONS) == pytest.approx(0.6)
    assert analysis.o_p_ratio(curve, DIRECTIONS) == pytest.approx(0.25)
    assert analysis.orientation_selectivity_index(curve, DIRECTIONS) == pytest.approx(7.5 / 12.5)


def test_an_orthogonal_orientation_between_two_samples_is_interpolated():
    curve = [10.0, 3, 2, 4, 5]  # steps of 36 degrees: 90 lies midway between 72 and 108
    assert analysis.o_p_ratio(curve, 36 * np.arange(5.0)) == pytest.approx(0.3)


def test_the_bandwidth_of_a_log_gaussian_is_its_full_width():
    """2 sqrt(2 ln(1 / level)) standard deviations."""
    f = 0.01 * 2 ** np.arange(0, 6, 1 / 3)
    preferred, sd = np.array([0.05, 0.08, 0.11]), np.array([0.4, 0.6, 0.8])
    curves = np.exp(-(np.log2(f / preferred[:, None]) ** 2) / (2 * sd[:, None] ** 2))
    middle = preferred * np.cosh(np.log(2) * np.sqrt(-2 * np.log(0.9)) * sd)  # of the range above 90 %
    np.testing.assert_allclose(analysis.preferred_frequency(curves, f), middle, rtol=5e-3)
    for level in (0.5, 0.7):
        width = 2 * np.sqrt(-2 * np.log(level)) * sd
        np.testing.assert_allclose(analysis.bandwidth_octaves(curves, f, level=level), width, rtol=0.01)


def test_a_low_pass_curve_has_no_bandwidth():
    f = 2.0 ** np.arange(-6, 0)
    assert np.isnan(analysis.bandwidth_octaves(1 / (1 + 20 * f), f))


def test_suppression_below_the_spontaneous_rate_exceeds_1():
    assert analysis.suppression_index([5, 10, 1], baseline=2) == pytest.approx(9 / 8)
    assert analysis.suppression_index([5, 9, 10], baseline=2) == 0
    assert np.isnan(analysis.suppression_index([2, 1, 0], baseline=2))


def test_the_summation_field_is_reached_where_an_exponential_has_95_percent():
    d = np.linspace(0, 10, 201)
    curve = 1 - np.exp(-d)
    expected = -np.log(1 - 0.95 * curve[-1])
    assert analysis.summation_diameter(curve, d) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("apart", [0.0, 1.5, 4.0])
def test_the_overlap_of_two_gaussian_zones_follows_from_their_widths(apart):
    x = np.linspace(-12, 12, 41)
    on, off = (np.exp(-((x - c) ** 2) / (2 * s**2)) for c, s in ((-apart / 2, 1.5), (apart / 2, 2.0)))
    width = np.sqrt(2 * np.log(2)) * (1.5 + 2.0)
    expected = (width - apart) / (width + apart)
    assert analysis.overlap_index(on, off, x) == pytest.approx(expected, abs=2e-3)


def test_phase_modulation_is_the_contrast_of_the_response():
    assert analysis.phase_modulation([[1, 3], [0, 2], [2, 2]]) == pytest.approx([0.5, 1, 0])


ANGULAR = {
    "circular_variance": ORIENTATIONS,
    "orientation_selectivity_index": ORIENTATIONS,
    "o_p_ratio": ORIENTATIONS,
    "direction_selectivity_index": DIRECTIONS,
    "direction_index": DIRECTIONS,
    "preferred_orientation_deg": ORIENTATIONS,
    "half_bandwidth_deg": ORIENTATIONS,
}
ALL = ANGULAR | dict.fromkeys(("preferred_frequency", "bandwidth_octaves"), np.arange(1.0, 9))


@pytest.mark.parametrize("name", ALL)
def test_silent_units_and_units_without_a_curve_measure_nan(name, rng):
    axis = ALL[name]
    curves = rng.uniform(0.1, 1, (4, len(axis)))
    curves[1], curves[2, 3] = 0, np.nan
    measured = getattr(analysis, name)(curves, axis)
    assert measured.shape == (4,)
    assert np.isnan(measured[[1, 2]]).all()
    alone = getattr(analysis, name)(curves[3], axis)
    np.testing.assert_allclose(measured[3], alone)


@pytest.mark.parametrize("name", ALL)
def test_measures_do_not_depend_on_the_size_of_responses(name, rng):
    axis = ALL[name]
    curves = von_mises(axis, [20, 60], 2) if name in ANGULAR else np.exp(-((axis - 4.3) ** 2))
    measure = getattr(analysis, name)
    np.testing.assert_allclose(measure(1e-9 * curves, axis), measure(curves, axis), rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_bad_curves_are_refused(name):
    measure, axis = getattr(analysis, name), ALL[name]
    good = np.ones((2, len(axis)))
    with pytest.raises(ValueError, match=r"must not be negative.*units \[1\]"):
        measure(np.stack([good[0], -good[1]]), axis)
    with pytest.raises(ValueError, match="one response a condition"):
        measure(good[:, 1:], axis)
    with pytest.raises(ValueError, match="infinity"):
        measure(good * np.inf, axis)
    with pytest.raises(TypeError, match="real numbers"):
        measure(good * 1j, axis)
    with pytest.raises(ValueError, match="must"):
        measure(good, axis[::-1])


def test_orientations_must_go_round_and_cycles_fit():
    with pytest.raises(ValueError, match="round 180 or 360"):
        analysis.circular_variance(np.ones(4), [0, 45, 90, 180])
    with pytest.raises(ValueError, match="360 degrees"):
        analysis.direction_index(np.ones(18), ORIENTATIONS)
    with pytest.raises(ValueError, match="Nyquist"):
        analysis.modulation_ratio(np.ones(8), cycles=4)
