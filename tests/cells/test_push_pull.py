import numpy as np
import pytest

from v1sim import cells


def test_full_pull_makes_the_sum_linear(tuned, grid, rng):
    frames = rng.standard_normal((6, *grid.shape), dtype=np.float32)
    for nonlinearity in ("linear", "half_squared"):
        simple = cells.SimpleCells(tuned(), grid, nonlinearity=nonlinearity).respond(frames)
        pushed = cells.PushPullCells(tuned(), grid, nonlinearity=nonlinearity).respond(frames)
        np.testing.assert_allclose(pushed, simple, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_one_spot_meets_the_push_of_its_region_or_the_pull_of_the_other(tuned, grid, sign):
    """Light on ON and dark on OFF excite by |w|; the opposite inhibits by the pull times |w|."""
    pull = np.array([0, 0.4, 1.5])
    cell = cells.PushPullCells(tuned(), grid, pull=pull, nonlinearity="linear")
    weights = tuned().render(grid)
    for row, column in [(20, 22), (17, 20), (22, 27)]:
        spot = np.zeros((1, *grid.shape), np.float32)
        spot[0, row, column] = sign
        w = weights[:, row, column]
        expected = np.where(sign * w > 0, np.abs(w), -pull * np.abs(w))
        np.testing.assert_allclose(cell.respond(spot)[0], expected, rtol=1e-5)


def test_noise_excites_cells_without_pull_on_average(tuned, grid, rng):
    """E s = (1 - p) / 2 sum |w| E|I|, and E|I| = sqrt(2 / pi) for unit-variance noise."""
    frames = rng.standard_normal((3000, *grid.shape), dtype=np.float32)
    pull = np.array([0, 0.5, 1.0])
    signal = cells.PushPullCells(tuned(), grid, pull=pull, nonlinearity="linear").respond(frames)
    weights = tuned().render(grid)
    expected = (1 - pull) / 2 * np.abs(weights).sum(axis=(1, 2)) * np.sqrt(2 / np.pi)
    sd = np.linalg.norm(weights, axis=(1, 2)) / np.sqrt(3000)
    assert (np.abs(signal.mean(axis=0) - expected) < 5 * sd).all()


def test_negative_pull_is_refused(tuned, grid):
    with pytest.raises(ValueError, match=r"pull must be at least 0, got -0.5 \(cells \[1\]\)"):
        cells.PushPullCells(tuned(), grid, pull=[0, -0.5, 0])
