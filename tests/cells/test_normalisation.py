"""Divisive normalisation: what it does to contrast, to a mask and to the pool."""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor, stimuli

GRID = Grid((40, 44))
ORIENTATIONS = np.arange(0, 180, 15)
BANK = gabor.Gabor.from_tuning(spatial_frequency=0.1, orientation_deg=ORIENTATIONS, n_x=0.4, n_y=0.4)
DRIVE = cells.ComplexCells(BANK, GRID)
SIGMA = 10.0


def normalised(**changes):
    return cells.NormalizedCells(DRIVE, **({"semi_saturation": SIGMA, "maximum": 100.0} | changes))


def grating(orientation_deg, contrast):
    return stimuli.Grating(
        GRID, n_frames=4, orientation_deg=orientation_deg, spatial_frequency=0.1, contrast=contrast
    )


def test_the_contrast_response_is_a_hyperbolic_ratio_that_saturates():
    """Drive d c and pool m c^2: r = 100 d^2 c^2 / (sigma^2 + m c^2), a Naka-Rushton curve in c."""
    contrast = np.array([0.01, 0.03, 0.1, 0.3, 0.6, 1.0])
    full = DRIVE.respond(grating(45, 1.0).frames(0, 1))[0].astype(float)
    pooled = (full**2).mean()
    c50 = SIGMA / np.sqrt(pooled)
    assert 0.1 < c50 < 0.7  # the test looks at both ends of the curve
    measured = np.array([normalised().respond(grating(45, c).frames(0, 1))[0] for c in contrast])
    ratio = contrast**2 / (c50**2 + contrast**2)
    np.testing.assert_allclose(measured, 100 * full**2 / pooled * ratio[:, None], rtol=1e-3, atol=1e-6)


def test_a_crossed_mask_suppresses_though_it_does_not_drive():
    preferred, mask = grating(45, 0.5), grating(135, 0.5)
    plaid = stimuli.Plaid(GRID, gratings=(preferred, mask)).frames(0, 1)
    alone = preferred.frames(0, 1)
    cell = list(ORIENTATIONS).index(45)
    linear_alone, linear_plaid = (DRIVE.respond(f)[0, cell] for f in (alone, plaid))
    assert linear_plaid == pytest.approx(linear_alone, rel=0.02)
    r_alone, r_plaid = (normalised().respond(f)[0, cell] for f in (alone, plaid))
    assert r_plaid < 0.8 * r_alone
    assert DRIVE.respond(mask.frames(0, 1))[0, cell] < 0.02 * linear_alone


def test_a_pool_of_the_own_orientation_does_not_suppress_across():
    narrow = cells.pool_weights(BANK, orientation_deg=1.0)
    cell = list(ORIENTATIONS).index(45)
    preferred, mask = grating(45, 0.5), grating(135, 0.5)
    plaid = stimuli.Plaid(GRID, gratings=(preferred, mask)).frames(0, 1)
    own = normalised(pool_weights=narrow)
    assert own.respond(plaid)[0, cell] == pytest.approx(
        own.respond(preferred.frames(0, 1))[0, cell], rel=0.03
    )


def test_orientation_tuning_does_not_depend_on_contrast():
    """The pool sees all orientations alike, so contrast scales the curve without changing its shape."""
    low, high = (normalised().respond(grating(45, c).frames(0, 1))[0] for c in (0.1, 1.0))
    np.testing.assert_allclose(low / low.max(), high / high.max(), rtol=1e-3, atol=1e-6)
    assert high.max() < 100 * low.max() / 2  # without saturation: 100 times


def test_heegers_half_squared_cell_by_hand():
    """n = 1 on half-squared drives over sigma + the summed energies of four phases."""
    phases = np.pi / 2 * np.arange(4)
    g = gabor.Gabor.from_tuning(spatial_frequency=0.1, orientation_deg=45, n_x=0.4, n_y=0.4, phase=phases)
    drive = cells.SimpleCells(g, GRID, nonlinearity="half_squared")
    cell = cells.NormalizedCells(
        drive, semi_saturation=[50, 60, 70, 80], pool_weights=np.ones((4, 4)), exponent=1, maximum=10
    )
    frames = grating(45, 0.4).frames(0, 1)
    d = np.maximum(np.einsum("nyx,yx->n", g.render(GRID), frames[0]), 0) ** 2
    np.testing.assert_allclose(
        cell.respond(frames)[0], 10 * d / (np.array([50, 60, 70, 80]) + d.sum()), rtol=1e-4, atol=1e-9
    )


def test_pool_weights_fall_with_each_difference_as_a_gaussian():
    g = gabor.Gabor.from_tuning(
        spatial_frequency=[0.1, 0.1, 0.2, 0.1],
        orientation_deg=[10, 170, 10, 10],
        n_x=0.4,
        n_y=0.4,
        centre=([0, 0, 0, 3], [0, 0, 0, 4]),
    )
    weights = cells.pool_weights(g, orientation_deg=20, frequency_octaves=0.5, distance=10)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[0] / weights[0, 0], np.exp([0, -0.5, -2, -0.125]))
    assert cells.pool_weights(g[:2], g).shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"semi_saturation": 0.0}, "semi_saturation must be finite and above 0"),
        ({"pool_weights": np.ones((2, 2))}, r"pool_weights must have shape \(12, 12\), got \(2, 2\)"),
        ({"pool_weights": -np.eye(12)}, r"pool_weights must be at least 0, got -1 \(cells \[0, 1,"),
        ({"pool": cells.SimpleCells(BANK, Grid((40, 45)))}, r"pool must share the grid"),
    ],
)
def test_impossible_pools_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        normalised(**changes)


def test_negative_drives_are_refused():
    linear = cells.SimpleCells(BANK[:2], GRID, nonlinearity="linear")
    cell = cells.NormalizedCells(linear, semi_saturation=1.0)
    with pytest.raises(ValueError, match=r"responder must not respond negatively .* cells \[0, 1\] do"):
        cell.respond(np.concatenate([g.render(GRID)[None] for g in BANK[:2]]).astype(np.float32) * -1)


def test_rows_of_the_weights_are_the_cells_that_are_divided():
    frames = grating(45, 0.5).frames(0, 1)
    drive = DRIVE.respond(frames)[0].astype(float) ** 2
    weights = np.zeros((12, 12))
    weights[2, 3] = 1  # cell 2 is divided by cell 3, and no other by any
    expected = drive / (SIGMA**2 + np.where(np.arange(12) == 2, drive[3], 0))
    measured = normalised(pool_weights=weights, maximum=1.0).respond(frames)[0]
    np.testing.assert_allclose(measured, expected, rtol=1e-4, atol=1e-9)
