"""Theory of the model cells."""

import numpy as np
import pytest

from v1sim import Grid, cells, gabor

GRID = Grid((40, 44))
F = 0.1


def drifting_grating(frequency, orientation_deg, n_phases=64):
    """One cycle of a grating whose bars have that orientation [deg], shape (n_phases, ny, nx)."""
    direction = np.deg2rad(orientation_deg - 90)
    along = GRID.x * np.cos(direction) + GRID.y * np.sin(direction)
    phases = 2 * np.pi * np.arange(n_phases) / n_phases
    return np.cos(2 * np.pi * frequency * along - phases[:, None, None]).astype(np.float32)


def f1_over_f0(responses):
    harmonics = np.fft.rfft(responses, axis=0) / len(responses)
    return 2 * np.abs(harmonics[1]) / np.abs(harmonics[0])


def tuned(**changes):
    parameters = {"n_x": [0.3, 0.4, 0.5], "n_y": 0.4, "phase": [0.0, 0.9, -1.6], "orientation_deg": 30}
    return gabor.Gabor.from_tuning(spatial_frequency=F, **(parameters | changes))


def test_s_is_the_gabor_weighted_sum_by_explicit_loops(rng):
    """s(I) = sum over x, y of w(x, y) I(x, y), each letter of the formula written out."""
    grid = Grid((3, 4))
    alpha, beta_x, beta_y, f, phi, x0, y0, tau = 1.5, 0.3, 0.2, 1.1, 0.4, 0.5, -0.25, 0.8
    g = gabor.Gabor(alpha=alpha, beta_x=beta_x, beta_y=beta_y, f=f, phi=phi, x0=x0, y0=y0, tau=tau)
    frame = rng.standard_normal((3, 4)).astype(np.float32)
    s = 0.0
    for row in range(3):
        for column in range(4):
            x, y = column - 1.5, 1 - row
            x_prime = (x - x0) * np.cos(tau) + (y - y0) * np.sin(tau)
            y_prime = -(x - x0) * np.sin(tau) + (y - y0) * np.cos(tau)
            w = alpha * np.exp(-beta_x * x_prime**2 - beta_y * y_prime**2) * np.cos(f * x_prime + phi)
            s += w * frame[row, column]
    for name, expected in {"linear": s, "relu": max(s, 0), "half_squared": max(s, 0) ** 2}.items():
        response = cells.SimpleCells(g, grid, nonlinearity=name).respond(frame[None])
        assert response.shape == (1, 1)
        assert response[0, 0] == pytest.approx(expected, rel=1e-5)
    negative = cells.SimpleCells(g, grid, nonlinearity="relu").respond(-frame[None])
    assert negative[0, 0] == pytest.approx(max(-s, 0), rel=1e-5)


def test_c_is_the_l2_norm_of_the_two_sums(rng):
    cell = cells.ComplexCells(tuned(), GRID)
    frames = rng.standard_normal((5, 40, 44)).astype(np.float32)
    s0 = np.einsum("tyx,nyx->tn", frames, cell.pairs[:, 0])
    s1 = np.einsum("tyx,nyx->tn", frames, cell.pairs[:, 1])
    np.testing.assert_allclose(cell.respond(frames), np.sqrt(s0**2 + s1**2), rtol=1e-4)


def test_half_wave_simple_cells_have_f1_over_f0_of_half_pi():
    responses = cells.SimpleCells(tuned(), GRID).respond(drifting_grating(F, 30, n_phases=720))
    np.testing.assert_allclose(f1_over_f0(responses), np.pi / 2, rtol=1e-4)


def test_balanced_complex_cells_do_not_see_phase():
    responses = cells.ComplexCells(tuned(), GRID).respond(drifting_grating(F, 30))
    np.testing.assert_allclose(f1_over_f0(responses), 0, atol=1e-4)


def test_even_and_odd_gabors_differ_in_norm_as_predicted():
    n_x = np.array([0.15, 0.2, 0.3])
    g = tuned(n_x=n_x, phase=0.0)
    q = np.exp(-4 * np.pi**2 * n_x**2)
    even, odd = (np.linalg.norm(half.render(GRID), axis=(1, 2)) for half in (g, g.quadrature()))
    np.testing.assert_allclose(even / odd, np.sqrt((1 + q) / (1 - q)), rtol=1e-3)


def test_pairs_are_balanced():
    cell = cells.ComplexCells(tuned(n_x=[0.15, 0.3, 0.5]), GRID)
    gram = np.einsum("niyx,njyx->nij", cell.pairs, cell.pairs)
    norms = gram[:, 0, 0]
    np.testing.assert_allclose(gram / norms[:, None, None], np.broadcast_to(np.eye(2), (3, 2, 2)), atol=1e-12)
    np.testing.assert_allclose(cell.pairs.sum(axis=(2, 3)), 0, atol=1e-10)


def test_the_pair_is_that_of_the_gabor_where_nothing_needs_balance():
    g = tuned(n_x=[0.8, 1.0, 1.2], n_y=0.5)
    cell = cells.ComplexCells(g, Grid((101, 103)))
    plain = np.stack([g.render(cell.grid), g.quadrature().render(cell.grid)], axis=1)
    np.testing.assert_allclose(cell.pairs, plain, atol=1e-4)


def test_the_common_norm_of_a_pair_is_the_root_mean_square_of_the_plain_halves():
    g = tuned(n_x=[0.15, 0.2, 0.3], phase=0.0)
    even, odd = (np.linalg.norm(half.render(GRID), axis=(1, 2)) for half in (g, g.quadrature()))
    norms = np.linalg.norm(cells.ComplexCells(g, GRID).pairs, axis=(2, 3))
    np.testing.assert_allclose(norms**2, np.repeat((even**2 + odd**2)[:, None] / 2, 2, axis=1))


def test_the_phase_of_a_complex_cell_turns_its_pair_but_not_its_response(rng):
    frames = rng.standard_normal((20, 40, 44)).astype(np.float32)
    responses = cells.ComplexCells(tuned(n_x=0.2, phase=[0.0, 0.7, 2.0]), GRID).respond(frames)
    np.testing.assert_allclose(responses, responses[:, :1].repeat(3, axis=1), rtol=1e-4)


@pytest.mark.parametrize("change", [{"f": [1.0, 0.0]}, {"alpha": [1.0, 0.0]}], ids=["flat", "zero"])
def test_a_field_without_carrier_has_no_quadrature_pair(change):
    plain = {"alpha": 1, "beta_x": 0.1, "beta_y": 0.1, "f": 1, "phi": 0, "x0": 0, "y0": 0, "tau": 0}
    g = gabor.Gabor(**plain | change)
    with pytest.raises(ValueError, match=r"cells \[1\] have an odd or an even half that is zero"):
        cells.ComplexCells(g, Grid((9, 11)))


@pytest.mark.parametrize("make", [cells.SimpleCells, cells.ComplexCells])
def test_frames_of_another_shape_are_refused(make):
    with pytest.raises(ValueError, match=r"frames must have shape \(n_frames, 40, 44\), got \(2, 44, 40\)"):
        make(tuned(), GRID).respond(np.zeros((2, 44, 40), np.float32))


@pytest.mark.parametrize("make", [cells.SimpleCells, cells.ComplexCells])
def test_banks_of_something_else_are_refused(make):
    with pytest.raises(TypeError, match=r"grid must be a Grid, got tuple: Grid\(\(ny, nx\)\)"):
        make(tuned(), (4, 5))
    with pytest.raises(TypeError, match="gabor must be a Gabor, got list"):
        make([1, 2], GRID)


def test_unknown_nonlinearities_are_refused():
    with pytest.raises(ValueError, match="linear, relu, half_squared, or a callable, got 'cubic'"):
        cells.SimpleCells(tuned(), GRID, nonlinearity="cubic")
