"""What filters become that learn from pictures, and how that is measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from v1sim import Grid, gabor, stimuli
from v1sim.convnet import Stack, load_learned
from v1sim.experiments import (
    OBJECTIVES,
    LearningResult,
    learn,
    learning_config,
    phase_modulation,
    shared_tuning,
    shuffled_phase_modulation,
)

TINY = {"side": 8, "units": 8, "components": 24, "examples": 400, "batch": 100, "epochs": 5}
"""Options of the `v1sim learn --objective coherent` that made tiny_coherent.npz: --side 8 and so on."""


def test_a_tiny_stack_learns_the_weights_that_are_stored():
    """Errors grow some tenfold in these 20 steps: rounding (1e-7) moves weights by 2e-6 of the largest.

    The rest is room for decoders of the one .jpg among the pictures, which may differ by 1 in 255.
    """
    stored = Stack.load(Path(__file__).with_name("tiny_coherent.npz")).parameters()["simple.kernel"]
    _, stack = learn(learning_config("coherent", **TINY))
    kernel = stack.parameters()["simple.kernel"]
    assert kernel == pytest.approx(stored, abs=1e-3 * float(np.abs(stored).max()))
    _, other = learn(learning_config("coherent", weight=0.3, **TINY))
    assert np.abs(other.parameters()["simple.kernel"] - stored).max() > 0.01 * np.abs(stored).max()


# -- phase ----------------------------------------------------------------------------------------------


def depth_over_a_cycle(pair, grid):
    """Search gratings by brute force, then step the best one through a cycle."""
    best = (0.0, None)
    for fx in np.arange(-24, 25) / 64:
        for fy in np.arange(0, 25) / 64:
            wave = np.exp(2j * np.pi * (fx * grid.x + fy * grid.y))
            power = np.sum(np.abs(np.sum(pair * wave, axis=(1, 2))) ** 2)
            best = max(best, (power, (fx, fy)), key=lambda found: found[0])
    fx, fy = best[1]
    phase = np.linspace(0, 2 * np.pi, 721)[:, None, None]
    gratings = np.cos(2 * np.pi * (fx * grid.x + fy * grid.y) + phase)
    c = np.sqrt(np.sum(np.einsum("pyx,kyx->pk", gratings, pair) ** 2, axis=1))
    return (c.max() - c.min()) / (c.max() + c.min())


def test_depth_is_that_of_the_pooled_response_over_a_cycle_of_the_best_grating(rng):
    grid = Grid((8, 8))
    even = gabor.Gabor.from_tuning(
        spatial_frequency=rng.uniform(0.12, 0.25, 6), orientation_deg=rng.uniform(0, 180, 6), n_x=0.4,
        n_y=0.4, phase=rng.uniform(0, 6, 6),
    )  # fmt: skip
    second = replace(even, phi=even.phi + rng.uniform(0.2, 1.5, 6), alpha=rng.uniform(0.5, 1, 6))
    pairs = np.stack([even.render(grid), second.render(grid)], axis=1)
    expected = [depth_over_a_cycle(pair, grid) for pair in pairs]
    assert phase_modulation(pairs) == pytest.approx(expected, abs=2e-3)  # the gratings differ by a fine step


def test_depth_of_one_filter_alone_is_1_and_of_a_quadrature_pair_of_many_cycles_0():
    grid = Grid((32, 40))
    g = gabor.Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=30, n_x=0.9, n_y=0.9)
    even, odd = g.render(grid), g.quadrature().render(grid)
    depths = phase_modulation(np.array([[even, odd], [even, 2 * even], [even, 0 * even]]))
    assert depths == pytest.approx([0, 1, 1], abs=1e-3)


def test_shuffled_halves_are_never_their_own_partner(rng):
    """Pairs of which only the true halves are in quadrature."""
    n, x = 5, np.arange(64)
    waves = 2 * np.pi * np.arange(4, 4 + n)[:, None] / 64 * x
    pairs = np.stack([np.cos(waves), np.sin(waves)], axis=1)[:, :, None]
    assert phase_modulation(pairs).max() < 0.05
    shuffled = shuffled_phase_modulation(pairs, seed=0, copies=30)
    assert shuffled.shape == (30, n)
    assert shuffled.min() > 0.5


def test_orientations_are_shared_across_the_end_of_their_circle():
    orientation = np.array([[1.0, 179], [90, 100], [0, 90]]).ravel()
    frequency = np.array([[0.1, 0.14], [0.1, 0.15], [0.2, 0.19]]).ravel()
    g = gabor.Gabor.from_tuning(spatial_frequency=frequency, orientation_deg=orientation, n_x=0.5, n_y=0.5)
    shared = shared_tuning(gabor.fit_gabor(g.render(Grid((28, 28)))))
    assert shared.orientation == pytest.approx(2 / 3)
    assert shared.frequency == pytest.approx(2 / 3)


def test_a_pair_that_answers_nothing_has_no_depth_and_a_single_one_no_shuffle():
    pairs = np.zeros((2, 2, 5, 6))
    pairs[0, 0, 2, 3] = 1
    depths = phase_modulation(pairs)
    assert depths[0] == pytest.approx(1)
    assert np.isnan(depths[1])
    with pytest.raises(ValueError, match="pairs must be two or more"):
        shuffled_phase_modulation(pairs[:1], seed=0)


@pytest.mark.parametrize(
    "measure", [phase_modulation, lambda pairs: shuffled_phase_modulation(pairs, seed=0)]
)
def test_what_are_no_pairs_is_told(measure):
    with pytest.raises(ValueError, match=r"pairs must have the shape \(n, 2, ny, nx\), got \(4, 3, 5, 6\)"):
        measure(np.ones((4, 3, 5, 6)))
    with pytest.raises(ValueError, match="pairs must be finite"):
        measure(np.full((4, 2, 5, 6), np.nan))
    with pytest.raises(TypeError, match="pairs must hold real numbers"):
        measure(np.full((4, 2, 5, 6), "a"))


def test_an_odd_number_of_filters_makes_no_pairs():
    g = gabor.Gabor.from_tuning(spatial_frequency=0.2, orientation_deg=np.arange(3.0), n_x=0.4, n_y=0.4)
    with pytest.raises(ValueError, match="fit must be of pairs, an even number of filters, got 3"):
        shared_tuning(gabor.fit_gabor(g.render(Grid((10, 12)))))


# -- what ships -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coherent():
    return load_learned("coherent").parameters()["simple.kernel"]


def test_the_pairs_that_ship_are_blind_to_phase_and_shuffled_ones_are_not(coherent):
    pairs = coherent.reshape(-1, 2, 16, 16)
    assert np.median(phase_modulation(pairs)) < 0.12
    assert np.median(shuffled_phase_modulation(pairs, seed=0)) > 0.8


def test_the_halves_that_ship_share_their_orientation_and_are_gabors(coherent):
    fit = gabor.fit_gabor(coherent[:, 0].astype(np.float64))
    assert shared_tuning(fit).orientation >= 0.93
    assert np.mean(fit.r_squared > 0.8) >= 0.9


def test_the_pairs_that_ship_answer_pictures_that_they_never_saw_more_sparsely_than_noise():
    stack = load_learned("coherent")
    patches = stimuli.NaturalPatches((16, 16), n_frames=4000, seed=5, split="test")
    pictures = patches.frames(0, 4000)[:, None]
    noise = np.random.default_rng(0).standard_normal(pictures.shape).astype(np.float32)

    def kurtosis(x):
        c = stack.forward(x)[0][:, :, 0, 0]
        return np.median(np.mean(c**4, axis=0) / np.mean(c**2, axis=0) ** 2)

    assert kurtosis(noise) < 3  # 2 for a norm of two equal Gaussians
    assert kurtosis(pictures) > 6


def test_the_sparse_code_that_ships_is_made_of_gabors():
    atoms = load_learned("sparse").parameters()["simple.kernel"]
    assert np.linalg.norm(atoms.reshape(64, -1), axis=1) == pytest.approx(np.ones(64), abs=1e-5)
    fit = gabor.fit_gabor(atoms[:, 0].astype(np.float64))
    assert np.sum(fit.r_squared > 0.9) >= 60


# -- the experiment -------------------------------------------------------------------------------------

SMALL = {
    "coherent": TINY,
    "isa": TINY,
    "ica": TINY | {"batch": 400, "epochs": 2},
    "sparse": TINY,
    "autoencoder": {"side": 6, "units": 8, "examples": 400, "batch": 20, "epochs": 3},
    "classify": {"side": 5, "units": 4, "examples": 200, "batch": 20, "epochs": 3},
}


@pytest.fixture(scope="module")
def runs():
    return {name: learn(learning_config(name, **SMALL[name]), workers=1) for name in OBJECTIVES}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns(runs, name):
    result, _ = runs[name]
    assert result.losses[-1] < result.losses[0]
    assert len(result.losses) == len(result.held_out_losses) == SMALL[name]["epochs"]
    assert np.isfinite(result.held_out_losses).all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_saved_result_comes_back(runs, name, tmp_path):
    result, _ = runs[name]
    np.savez(tmp_path / "r.npz", **result.arrays())
    with np.load(tmp_path / "r.npz") as saved:
        back = LearningResult.from_arrays(dict(saved))
    assert back.objective == name
    for key, value in result.arrays().items():
        assert np.array_equal(back.arrays()[key], value, equal_nan=value.dtype.kind == "f"), key


def test_filters_of_pairs_are_orthonormal_where_the_pictures_are_white(runs):
    for name in ("coherent", "isa"):
        w = runs[name][0].filters.reshape(8, -1)
        assert w @ w.T == pytest.approx(np.eye(8), abs=1e-4)


def test_only_pairs_have_a_phase_and_only_classes_an_accuracy(runs):
    for name, (result, _) in runs.items():
        assert len(result.depth) == (4 if name in ("coherent", "isa") else 0)
        assert (result.shared is None) == (len(result.depth) == 0)
        assert np.isnan(result.accuracy) == (name != "classify")


def test_a_checkpoint_of_the_experiment_goes_on_to_the_same_bits(runs, tmp_path):
    file = tmp_path / "state.npz"
    learn(learning_config("sparse", **TINY | {"epochs": 2}), checkpoint=file, workers=1)
    resumed, _ = learn(learning_config("sparse", **TINY), checkpoint=file, workers=1)
    assert np.array_equal(resumed.kernels, runs["sparse"][0].kernels)


@pytest.mark.parametrize(
    ("objective", "changes", "words"),
    [
        ("slow", {}, "objective must be one of coherent"),
        ("coherent", {"units": 7}, "units must be even"),
        ("coherent", {"units": 300}, "at most components"),
        ("sparse", {"side": 2}, "side must be at least 4"),
        ("sparse", {"weight": -1.0}, "weight"),
    ],
)
def test_configurations_that_cannot_be_learned_are_refused(objective, changes, words):
    with pytest.raises(ValueError, match=words):
        learning_config(objective, **changes)


def test_pictures_smaller_than_a_patch_are_told():
    with pytest.raises(ValueError, match="smaller than a frame"):
        learn(learning_config("sparse", **TINY | {"side": 400}))
