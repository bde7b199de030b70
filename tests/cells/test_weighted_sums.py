"""Local cells are summed over tiles that they reach: the same responses, for fewer multiplications."""

import numpy as np

from v1sim import Grid, cells, gabor
from v1sim.cells._weighted_sums import WeightedSums

GRID = Grid((72, 96))
ROUNDOFF = 2.0**-24


def local_bank(rng, n=250, sigma=2.5):
    """Gabors whose 5.5 sigma reach covers a tenth of the frame."""
    return gabor.Gabor.from_tuning(
        spatial_frequency=0.4 / sigma,
        orientation_deg=rng.uniform(0, 180, n),
        n_x=0.4,
        n_y=0.4,
        phase=rng.uniform(-3, 3, n),
        centre=(rng.uniform(-45, 45, n), rng.uniform(-33, 33, n)),
    )


def off_by(sums, fields, frames):
    """Largest error of sums beside explicit float64 sums, in float32 roundoffs of |w| |I|."""
    flat, columns = frames.reshape(len(frames), -1).astype(float), fields.reshape(len(fields), -1)
    scale = np.linalg.norm(flat, axis=1)[:, None] * np.linalg.norm(columns, axis=1)
    return np.abs(sums - flat @ columns.T).max(initial=0, where=scale > 0) / (ROUNDOFF * scale.max())


def test_few_pixels_of_local_fields_are_multiplied_and_the_sums_are_those_of_all(rng):
    fields = local_bank(rng).render(GRID)
    sums = WeightedSums(fields, GRID)
    frames = rng.standard_normal((30, *GRID.shape), dtype=np.float32)
    assert sums.n_weights < 0.3 * fields.size
    dense = frames.reshape(30, -1) @ fields.reshape(len(fields), -1).astype(np.float32).T
    # one roundoff for what is left out, and the rounding of the product itself
    assert off_by(sums(frames), fields, frames) < 1 + 2 * max(off_by(dense, fields, frames), 0.5)


def test_what_is_left_out_is_below_a_roundoff_for_the_worst_frame(rng):
    """The worst frame is what was left out of the field itself: found by showing each pixel alone."""
    fields = local_bank(rng, n=300).render(GRID)
    fields[:5] = 0  # one field of nothing, and four of one pixel in a corner
    fields[[1, 2, 3, 4], [0, 0, -1, -1], [0, -1, 0, -1]] = 1
    seen = np.zeros_like(fields)
    sums = WeightedSums(fields, GRID)
    for row in range(GRID.shape[0]):
        pixels = np.zeros((GRID.shape[1], *GRID.shape), np.float32)
        pixels[np.arange(GRID.shape[1]), row, np.arange(GRID.shape[1])] = 1
        seen[:, row] = sums(pixels).T
    left_out = np.where(seen == 0, fields, 0)
    np.testing.assert_allclose(seen, fields - left_out, rtol=2 * ROUNDOFF)
    norm = np.linalg.norm(fields, axis=(1, 2))
    assert (np.linalg.norm(left_out, axis=(1, 2)) <= ROUNDOFF * norm).all()
    assert sums.n_weights < 0.5 * fields.size


def test_fields_of_the_whole_frame_are_one_plain_product(rng):
    fields = rng.standard_normal((6, *GRID.shape))
    assert WeightedSums(fields, GRID).n_weights == fields.size


def test_sums_do_not_depend_on_block_cuts(rng):
    sums = WeightedSums(local_bank(rng).render(GRID), GRID)
    frames = rng.standard_normal((40, *GRID.shape), dtype=np.float32)
    pieces = np.concatenate([sums(frames[a:b]) for a, b in ((0, 1), (1, 17), (17, 40))])
    np.testing.assert_allclose(pieces, sums(frames), atol=1e-5)


def test_no_fields_have_no_sums(rng):
    frames = rng.standard_normal((3, *GRID.shape), dtype=np.float32)
    assert WeightedSums(np.zeros((0, *GRID.shape)), GRID)(frames).shape == (3, 0)
    empty = WeightedSums(local_bank(rng, n=2).render(GRID), GRID)(frames[:0])
    assert empty.shape == (0, 2)


def test_sums_do_not_depend_on_which_other_fields_there_are(rng):
    fields = local_bank(rng).render(GRID)
    frames = rng.standard_normal((5, *GRID.shape), dtype=np.float32)
    alone = np.concatenate([WeightedSums(field[None], GRID)(frames) for field in fields[:20]], axis=1)
    together = WeightedSums(fields, GRID)(frames)[:, :20]
    np.testing.assert_allclose(together, alone, atol=8 * ROUNDOFF * np.linalg.norm(frames) * 3)


def test_no_weight_is_a_denormal_number(rng):
    """They slow a product down by an order of magnitude."""
    wide = Grid((40, 200))
    tiles = WeightedSums(local_bank(rng, n=2, sigma=4).render(wide), wide)._tiles
    weights = np.concatenate([tile.weights.ravel() for tile in tiles])
    assert np.abs(weights[weights != 0]).min() > np.finfo(np.float32).tiny


def test_local_simple_and_complex_cells_answer_like_explicit_sums(rng):
    bank = local_bank(rng)
    frames = rng.standard_normal((12, *GRID.shape), dtype=np.float32)
    simple, pairs = cells.SimpleCells(bank, GRID, nonlinearity="linear"), cells.ComplexCells(bank, GRID)
    s = np.einsum("tyx,nyx->tn", frames, simple.weights)
    s0, s1 = np.einsum("tyx,nhyx->htn", frames, pairs.pairs)
    assert pairs.sums.n_weights < 0.5 * pairs.pairs.size
    np.testing.assert_allclose(simple.respond(frames), s, atol=1e-4)
    np.testing.assert_allclose(pairs.respond(frames), np.hypot(s0, s1), atol=1e-4)
