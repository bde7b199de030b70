"""How much a complex cell sees of the phase, measured on static gratings of every frequency and phase."""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor

PHASES = np.linspace(0, 2 * np.pi, 72, endpoint=False)


def gratings(cell, g, frequencies, phases):
    """Frames (n_frequencies * n_phases, ny, nx) of static gratings along the carrier."""
    along = cell.grid.x * np.cos(g.tau) + cell.grid.y * np.sin(g.tau)
    angles = 2 * np.pi * frequencies[:, None, None, None] * along + phases[:, None, None]
    return np.cos(angles).astype(np.float32).reshape(-1, *cell.grid.shape)


def modulation_at_preferred_frequency(cell, g, frequencies):
    """(max - min) / (max + min) over phase, at the frequency of the largest mean energy."""
    quarter = cell.respond(gratings(cell, g, frequencies, np.array([0, np.pi / 2])))
    best = (quarter.reshape(-1, 2) ** 2).sum(axis=1).argmax()
    response = cell.respond(gratings(cell, g, frequencies[best : best + 1], PHASES))
    return (response.max() - response.min()) / (response.max() + response.min())


@pytest.mark.parametrize("n_x", [0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.9])
@pytest.mark.parametrize(("orientation_deg", "centre"), [(90, (0, 0)), (25, (3.3, -2.6))])
def test_phase_moves_a_complex_cell_by_less_than_a_hundredth(n_x, orientation_deg, centre):
    g = gabor.Gabor.from_tuning(
        spatial_frequency=0.1, orientation_deg=orientation_deg, n_x=n_x, n_y=0.4, centre=centre
    )
    cell = cells.ComplexCells(g, Grid((52, 56)))
    measured = modulation_at_preferred_frequency(cell, g, np.linspace(0.08, 0.26, 300))
    assert measured < 0.01
    assert cell.phase_modulation[0] == pytest.approx(measured, abs=0.002)


def test_the_literal_pair_sees_phase_as_its_spectra_say():
    """Halves exp(-(k-f)^2 s^2 / 2) +- exp(-(k+f)^2 s^2 / 2): their gains differ, and so does c."""
    n_x, frequency = 0.2, 0.08
    g = gabor.Gabor.from_tuning(spatial_frequency=frequency, orientation_deg=90, n_x=n_x, n_y=0.3)
    cell = cells.ComplexCells(g, Grid((60, 64)), balanced=False)
    k = np.linspace(0.02, 0.3, 400)
    near, far = (np.exp(-2 * np.pi**2 * (k - s * frequency) ** 2 * (n_x / frequency) ** 2) for s in (1, -1))
    even, odd = near + far, near - far
    best = (even**2 + odd**2)[k >= frequency].argmax() + (k < frequency).sum()
    expected = (even[best] - odd[best]) / (even[best] + odd[best])
    assert expected > 0.03
    assert cell.phase_modulation[0] == pytest.approx(expected, abs=0.005)
    assert cells.ComplexCells(g, cell.grid).phase_modulation[0] < 0.01


def test_the_literal_pair_is_the_gabor_and_its_partner(tuned, grid):
    g = tuned(phase=0.7, n_x=0.2)
    pairs = cells.ComplexCells(g, grid, balanced=False).pairs
    np.testing.assert_array_equal(pairs[0, 0], g.render(grid))
    np.testing.assert_array_equal(pairs[0, 1], g.quadrature().render(grid))


def test_energy_is_the_square_of_the_norm(tuned, grid, rng):
    frames = rng.standard_normal((7, *grid.shape), dtype=np.float32)
    norm = cells.ComplexCells(tuned(), grid).respond(frames)
    energy = cells.ComplexCells(tuned(), grid, readout="energy").respond(frames)
    np.testing.assert_allclose(energy, norm**2, rtol=1e-5)


def test_unknown_readouts_are_refused(tuned, grid):
    with pytest.raises(ValueError, match="readout must be one of l2, energy, got 'max'"):
        cells.ComplexCells(tuned(), grid, readout="max")
