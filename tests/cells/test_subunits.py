"""Intermediate cells, cells of several subunits, and cascades."""

import numpy as np
import pytest

from v1sim import Grid, cells
from v1sim.stimuli import Grating


def drifting(grid, frequency=0.1, n_frames=720):
    return Grating(
        grid,
        n_frames=n_frames,
        orientation_deg=30,
        spatial_frequency=frequency,
        temporal_frequency=1 / n_frames,
    ).frames(0, n_frames)


def test_f1_over_f0_runs_from_half_pi_to_zero_with_complexity(tuned, grid):
    """A half-wave has F0 = 1/pi and F1 = 1/2, a constant has F0 = 1: they add up in the shares given."""
    share = np.array([0, 0.15, 0.5, 1])
    responses = cells.IntermediateCells(tuned(phase=[0.0] * 4), grid, complexity=share).respond(
        drifting(grid)
    )
    harmonics = np.abs(np.fft.rfft(responses, axis=0)) / 720
    expected = (1 - share) / 2 / ((1 - share) / np.pi + share)
    np.testing.assert_allclose(2 * harmonics[1] / harmonics[0], expected, atol=2e-3)
    assert expected[1] == pytest.approx(1, abs=0.02)


def test_a_power_of_the_output_raises_f1_over_f0_above_half_pi(tuned, grid):
    """Integrals of cos^n: F1/F0 is 16 / 3 pi for n = 2 and 9 pi / 16 for n = 3, at every contrast."""
    cell = cells.IntermediateCells(
        tuned(phase=[0.0] * 3), grid, complexity=0, nonlinearity=cells.Power(exponent=[1, 2, 3])
    )
    for contrast in (1, np.float32(0.1)):
        harmonics = np.abs(np.fft.rfft(cell.respond(contrast * drifting(grid)), axis=0))
        expected = [np.pi / 2, 16 / (3 * np.pi), 9 * np.pi / 16]
        np.testing.assert_allclose(2 * harmonics[1] / harmonics[0], expected, rtol=1e-4)


@pytest.mark.parametrize("complexity", [-0.1, [0, 1.2, 0]])
def test_complexity_is_a_share(tuned, grid, complexity):
    with pytest.raises(ValueError, match=r"complexity must be at (least 0|most 1)"):
        cells.IntermediateCells(tuned(), grid, complexity=complexity)


def spots(*values):
    """Frames of 2 x 3 pixels that show these values in the pixels (0, 0), (0, 1) and (1, 2)."""
    frames = np.zeros((len(values), 2, 3), np.float32)
    frames[:, 0, 0], frames[:, 0, 1], frames[:, 1, 2] = np.transpose(values)
    return frames


def pixel_fields():
    fields = np.zeros((3, 2, 3))
    fields[0, 0, 0] = fields[1, 0, 1] = fields[2, 1, 2] = 1
    return fields


def test_rusts_formula_by_hand():
    drive, excitatory, suppressive = pixel_fields()
    cell = cells.SubunitCells(
        excitatory[None, None],
        Grid((2, 3)),
        suppressive=suppressive[None, None],
        drive=drive[None],
        exponent=2,
        baseline=0.5,
        excitation=2,
        suppression=3,
        excitatory_saturation=0.1,
        suppressive_saturation=0.2,
    )
    responses = cell.respond(spots((3, 4, 0), (-3, -4, 0), (0, 0, 2), (3, -4, 2)))[:, 0]
    expected = [0.5 + 50 / 3.5, 0.5 + 32 / 2.6, 0, 0.5 + (50 - 12) / (1 + 2.5 + 0.8)]
    np.testing.assert_allclose(responses, expected, rtol=1e-6)


def test_a_pair_of_subunits_is_an_energy_cell(tuned, grid, rng):
    energy = cells.ComplexCells(tuned(), grid, readout="energy")
    frames = rng.standard_normal((5, *grid.shape), dtype=np.float32)
    same = cells.SubunitCells(energy.pairs, grid).respond(frames)
    np.testing.assert_allclose(same, energy.respond(frames), rtol=1e-4)


def test_suppressive_subunits_divide_what_excites():
    fields = pixel_fields()
    cell = cells.SubunitCells(
        fields[None, :1], Grid((2, 3)), suppressive=fields[None, 1:2], suppression=0, suppressive_saturation=1
    )
    responses = cell.respond(spots((3, 0, 0), (3, 2, 0), (3, -2, 0)))[:, 0]
    np.testing.assert_allclose(responses, [9, 9 / 5, 9 / 5], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"excitatory": np.zeros((2, 3))}, r"excitatory must have shape \(n_cells, n_subunits, 2, 3\)"),
        ({"suppressive": np.zeros((2, 1, 2, 3))}, r"suppressive must have shape \(1, n_subunits, 2, 3\)"),
        ({"drive": np.full((1, 2, 3), np.inf)}, "drive must be finite"),
        ({"exponent": 0.0}, "exponent must be finite and above 0"),
        ({"suppression": -1.0}, "suppression must be at least 0"),
        ({"baseline": np.inf}, "baseline must be at least 0 and finite, got inf"),
    ],
)
def test_impossible_subunits_are_refused(changes, message):
    given = {"excitatory": np.zeros((1, 1, 2, 3)), "grid": Grid((2, 3))} | changes
    with pytest.raises(ValueError, match=message):
        cells.SubunitCells(**given)


def test_parameters_of_all_cells_are_single_numbers():
    with pytest.raises(TypeError, match=r"baseline must be a number, got \[1.0, 2.0\] \(list\)"):
        cells.SubunitCells(np.zeros((1, 1, 2, 3)), Grid((2, 3)), baseline=[1.0, 2.0])


def test_cascade_weights_have_a_column_for_every_cell_before(tuned, grid):
    with pytest.raises(ValueError, match=r"weights must have shape \(n_cells, 3\), got \(1, 2\)"):
        cells.Cascade(cells.SimpleCells(tuned(), grid), np.ones((1, 2)))


def test_the_second_stage_rectifies_what_the_first_says(tuned, grid, rng):
    frames = rng.standard_normal((9, *grid.shape), dtype=np.float32)
    first = cells.SimpleCells(tuned(), grid)
    r = first.respond(frames)
    cascade = cells.Cascade(first, [[1, -1, 0], [0, 2, -3]])
    expected = np.stack([r[:, 0] - r[:, 1], 2 * r[:, 1] - 3 * r[:, 2]], axis=1).clip(0)
    np.testing.assert_allclose(cascade.respond(frames), expected, rtol=1e-5, atol=1e-5)
