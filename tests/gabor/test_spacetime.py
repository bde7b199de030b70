"""Separable and drifting fields are told apart, and their profiles and velocities recovered."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim import Grid
from v1sim.gabor import Gabor, fit_drifting, fit_separable

GRID = Grid((18, 22))
TRUTH = Gabor.from_tuning(
    spatial_frequency=0.14, orientation_deg=35, n_x=0.4, n_y=0.5, phase=0.6, centre=(1.5, -2)
).canonical()
PROFILE = np.array([0.1, 0.7, 1.0, 0.4, -0.5, -0.6, -0.2, 0.05])


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def drifting(drift):
    """A Gabor whose phase grows by `drift` a lag under an envelope in time."""
    lags = np.arange(12)
    frames = [replace(TRUTH, phi=TRUTH.phi + drift * lag).render(GRID) for lag in lags]
    return np.exp(-((lags - 5) ** 2) / 12)[:, None, None] * np.stack(frames)


def test_a_separable_field_gives_its_gabor_and_profile(rng):
    clean = PROFILE[:, None, None] * TRUTH.render(GRID)
    fit = fit_separable(clean + 0.05 * rng.standard_normal(clean.shape), GRID)
    assert fit.converged
    np.testing.assert_allclose(fit.temporal, PROFILE, atol=0.03)
    assert float(fit.gabor.f) == pytest.approx(float(TRUTH.f), rel=0.01)
    assert float(fit.gabor.phi) == pytest.approx(float(TRUTH.phi), abs=0.1)
    np.testing.assert_allclose(fit.render(), clean, atol=0.06)
    signal = clean.var()
    assert fit.r_squared == pytest.approx(signal / (signal + 0.05**2), abs=0.02)


def test_a_profile_and_its_negative_have_the_same_fit(rng):
    clean = PROFILE[:, None, None] * TRUTH.render(GRID)
    one, other = fit_separable(clean, GRID), fit_separable(-clean, GRID)
    np.testing.assert_allclose(one.render(), -other.render(), atol=1e-4)
    assert np.abs(np.cos(one.gabor.phi - other.gabor.phi) + 1) < 1e-4  # half a cycle apart
    assert one.temporal[np.abs(one.temporal).argmax()] > 0


def test_separability_tells_separable_from_drifting():
    still = fit_drifting(PROFILE[:, None, None] * TRUTH.render(GRID), GRID)
    moving = fit_drifting(drifting(0.8), GRID)
    assert still.separability == pytest.approx(1, abs=1e-6)
    assert 0.4 < moving.separability < 0.6
    assert fit_separable(drifting(0.8), GRID).r_squared < 0.7
    assert moving.r_squared == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("drift", [0.8, -0.5])
def test_the_velocity_of_a_drifting_field_is_recovered(rng, drift):
    clean = drifting(drift)
    fit = fit_drifting(clean + 0.05 * rng.standard_normal(clean.shape), GRID)
    assert fit.drift == pytest.approx(drift, abs=0.05)
    # cos(f x' + phi + drift * lag) with lag = -time: crests at x' = drift * time / f
    assert fit.velocity == pytest.approx(drift / float(TRUTH.f), rel=0.1)
    np.testing.assert_allclose(fit.render(), clean, atol=0.1)


def test_a_positive_velocity_moves_along_tau_as_time_goes_on():
    upright = replace(TRUTH, tau=np.zeros(()), x0=np.zeros(()), y0=np.zeros(()), phi=np.zeros(()))
    shifts = 0.5 * np.arange(12)  # the crest moves to the right by half a pixel a frame
    frames = [replace(upright, phi=-upright.f * shift).render(GRID) for shift in shifts]
    assert frames[1][9, 11:].argmax() >= frames[0][9, 11:].argmax()
    fit = fit_drifting(np.stack(frames)[::-1], GRID)  # lags grow into the past
    assert fit.velocity == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (np.ones((4, 8, 8)), "must not be constant"),
        (np.ones((1, 8, 8)), "2 lags"),
        (np.ones((8, 8)), "field must be"),
        (np.full((3, 8, 8), np.inf), "field must be finite"),
    ],
)
def test_what_is_no_space_time_field_is_refused(field, words):
    with pytest.raises(ValueError, match=words):
        fit_drifting(field)
    with pytest.raises(ValueError, match=words):
        fit_separable(field)
