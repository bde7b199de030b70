"""What populations answer to the same images, compared: CKA, RSA, best match, and chance."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from v1sim import Grid, analysis, cells, convnet, gabor, stimuli
from v1sim.analysis import best_match_correlation, compare_responses, linear_cka, representational_similarity

MEASURES = {
    "cka": linear_cka,
    "rsa_euclidean": lambda x, y: representational_similarity(x, y, dissimilarity="euclidean"),
    "rsa_correlation": representational_similarity,
    "best_match": best_match_correlation,
}


@pytest.fixture
def responses(rng):
    """Give correlated responses of 25 units to 90 images."""
    return rng.standard_normal((90, 25)) @ rng.standard_normal((25, 25)) + rng.standard_normal(25)


def turned(responses, rng):
    return responses @ np.linalg.qr(rng.standard_normal((25, 25)))[0]


@pytest.mark.parametrize("name", MEASURES)
def test_a_population_is_the_same_as_itself_scaled_and_with_its_units_in_another_order(name, responses, rng):
    other = 3.7 * responses[:, rng.permutation(25)]
    assert MEASURES[name](responses, other) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", MEASURES)
def test_orthogonal_maps_of_the_units_leave_cka_and_euclidean_rsa_as_they_are(name, responses, rng):
    alike = MEASURES[name](responses, turned(responses, rng))
    assert (alike == pytest.approx(1, abs=1e-9)) == (name in ("cka", "rsa_euclidean"))


@pytest.mark.parametrize("name", MEASURES)
def test_an_invertible_linear_map_changes_every_measure(name, responses, rng):
    """The counter-example: as many units, from which the others can be told exactly, are not the same."""
    stretched = turned(responses, rng) * np.geomspace(1, 30, 25)
    solved = stretched @ np.linalg.lstsq(stretched, responses, rcond=None)[0]
    np.testing.assert_allclose(solved, responses, atol=1e-8)
    assert MEASURES[name](responses, stretched) < 0.95


@pytest.mark.parametrize("name", MEASURES)
def test_a_scale_for_each_unit_leaves_the_best_match_alone_as_it_is(name, responses):
    alike = MEASURES[name](responses, responses * np.geomspace(1, 30, 25))
    assert (alike == pytest.approx(1, abs=1e-9)) == (name == "best_match")


def test_cka_by_hand():
    x = np.array([[1.0, 0], [-1, 0], [0, 0]])
    assert linear_cka(x, 2 * x[:, [0, 0]]) == pytest.approx(1)
    # |Y'X|^2 = 2^2 + 0, |X'X| = 2, |Y'Y|^2 = 2^2 + 6^2
    y = np.array([[1.0, 1], [-1, 1], [0, -2]])
    assert linear_cka(x, y) == pytest.approx(4 / (2 * np.sqrt(40)))


def test_cka_of_products_is_cka_of_gram_matrices(responses, rng):
    """The other half of Kornblith's identity: |Y'X|^2 = <K, L> of the doubly centred Gram matrices."""
    other = rng.standard_normal((90, 7))
    centre = np.eye(90) - 1 / 90
    k, ell = (centre @ z @ z.T @ centre for z in (responses, other))
    gram = (k * ell).sum() / np.sqrt((k * k).sum() * (ell * ell).sum())
    assert linear_cka(responses, other) == pytest.approx(gram, rel=1e-10)


def test_rsa_is_scipys_rank_correlation_of_scipys_distances(responses, rng):
    other = rng.standard_normal((90, 9)) + responses[:, :9]
    for kind in ("correlation", "euclidean"):
        expected = stats.spearmanr(pdist(responses, kind), pdist(other, kind)).statistic
        found = representational_similarity(responses, other, dissimilarity=kind)
        assert found == pytest.approx(expected, abs=1e-9)


def test_best_match_is_the_mean_of_the_largest_entries_of_numpys_correlations(responses, rng):
    other = responses[:, :6] + rng.standard_normal((90, 6))
    matrix = np.corrcoef(responses.T, other.T)[:25, 25:]
    assert best_match_correlation(responses, other) == pytest.approx(matrix.max(axis=1).mean())
    assert best_match_correlation(other, responses) == pytest.approx(matrix.max(axis=0).mean())


def test_silent_populations_have_no_similarity_and_silent_units_no_match(responses):
    silent = np.ones((90, 4))
    for measure in MEASURES.values():
        assert np.isnan(measure(responses, silent))
    with_silent = np.concatenate([responses, silent], axis=1)
    assert best_match_correlation(with_silent, responses) == pytest.approx(1)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (np.ones((4, 2)), "the same images, got 90 and 4"),
        (np.ones(90), r"second must have shape \(n_images >= 3, n_units\), got \(90,\)"),
        (np.full((90, 2), np.nan), "second must be finite"),
    ],
)
def test_responses_that_do_not_fit_are_refused(second, message, responses):
    with pytest.raises(ValueError, match=message):
        linear_cka(responses, second)


# -- responders on images -----------------------------------------------------------------------------


PATCHES = stimuli.NaturalPatches((12, 15), n_frames=900, seed=3, split="test", whiten=True)
BANK = gabor.Gabor.from_tuning(
    spatial_frequency=0.15, orientation_deg=np.arange(0, 180, 7.5), n_x=0.4, n_y=0.5, phase=np.arange(24) / 4
)


@pytest.fixture(scope="module")
def compared():
    linear = cells.SimpleCells(BANK, PATCHES.grid, nonlinearity="linear")
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((24, 24)))[0]
    populations = {
        "linear": linear,
        "turned": lambda frames: linear.respond(frames) @ (5 * turn),
        "complex": cells.ComplexCells(BANK, PATCHES.grid),
        "few": cells.ComplexCells(BANK[:3], PATCHES.grid),
        "one": lambda frames: frames.sum(axis=(1, 2)),
    }
    return populations, compare_responses(
        populations, PATCHES, seed=0, n_images=120, dissimilarity="euclidean"
    )


def test_streamed_measures_are_those_of_all_responses_at_once(compared):
    populations, found = compared
    frames = PATCHES.frames(0, 900)
    x, y = (populations[name].respond(frames) for name in ("linear", "complex"))
    assert found.cka[0, 2] == pytest.approx(linear_cka(x, y), rel=1e-6)
    assert found.best_match[0, 2] == pytest.approx(best_match_correlation(x, y), rel=1e-6)
    assert found.best_match[2, 0] == pytest.approx(best_match_correlation(y, x), rel=1e-6)
    rsa = representational_similarity(x[:120], y[:120], dissimilarity="euclidean")
    assert found.rsa[0, 2] == pytest.approx(rsa, rel=1e-6)


def test_a_turned_population_is_the_same_to_cka_and_every_population_to_itself(compared):
    _, found = compared
    assert found.cka[0, 1] == pytest.approx(1, abs=1e-5)
    assert found.rsa[0, 1] == pytest.approx(1, abs=1e-5)
    assert found.best_match[0, 1] < 0.95
    for matrix in (found.cka, found.rsa, found.best_match):
        np.testing.assert_allclose(np.diag(matrix)[:3], 1, atol=1e-6)
    assert np.isnan(np.diag(found.rsa_p)).all()  # itself in another order is no chance level of anything


def test_like_populations_are_nearer_than_chance(compared):
    _, found = compared
    assert found.cka_p[0, 1] == pytest.approx(1 / 201)
    assert found.rsa_p[0, 1] == pytest.approx(1 / 201)
    assert found.best_match_p[0, 1] == pytest.approx(1 / 201)


def test_three_cells_are_no_population(compared):
    _, found = compared
    for matrix in (found.cka, found.rsa, found.best_match, found.cka_p):
        assert np.isnan(matrix[3]).all()
        assert np.isnan(matrix[:, 3]).all()
    assert "few (3) beside linear (24): fewer than 20 units" in found.summary()


def test_a_comparison_of_responses_survives_its_arrays(compared, tmp_path):
    _, found = compared
    np.savez(tmp_path / "r.npz", allow_pickle=False, **found.arrays())
    with np.load(tmp_path / "r.npz", allow_pickle=False) as arrays:
        again = analysis.ResponseComparison.from_arrays(arrays)
    np.testing.assert_equal(again.to_table(), found.to_table())
    assert again.summary() == found.summary()


def test_results_do_not_depend_on_the_number_of_workers(compared):
    populations, _ = compared
    one = {name: populations[name] for name in ("linear", "complex")}
    again = [compare_responses(one, PATCHES, seed=0, n_images=60, workers=n) for n in (1, 2)]
    np.testing.assert_equal(again[0].to_table(), again[1].to_table())


def test_p_is_uniform_for_populations_that_have_nothing_in_common(rng):
    """Recorded responses without a relation, some images strong in one of them, as real images are."""
    frames = stimuli.ArrayStimulus(np.zeros((40, 2, 3)))
    p = []
    for seed in range(150):
        strength = np.exp(rng.standard_normal((2, 40, 1)))
        pair = dict(zip("ab", strength * rng.standard_normal((2, 40, 20)), strict=True))
        found = compare_responses(
            pair, frames, seed=seed, n_images=40, n_permutations=39, dissimilarity="euclidean", workers=1
        )
        p.append([found.cka_p[0, 1], found.rsa_p[0, 1], found.best_match_p[0, 1], found.best_match_p[1, 0]])
    for level in (0.1, 0.5):
        share = (np.array(p) <= level).mean(axis=0)
        np.testing.assert_allclose(share, level, atol=3.5 * np.sqrt(level * (1 - level) / 150))


def test_populations_on_another_grid_are_told_how_to_see_the_same():
    other = cells.SimpleCells(BANK, Grid((14, 15)))
    with pytest.raises(
        ValueError, match=r"'b' sees 14 x 15 px of 1 px, but the stimulus shows 12 x 15.*Conv2d"
    ):
        compare_responses({"a": cells.SimpleCells(BANK, PATCHES.grid), "b": other}, PATCHES, seed=0)
    degrees = stimuli.NaturalPatches(Grid((12, 15), 0.05, "deg"), n_frames=50, seed=0)
    with pytest.raises(ValueError, match=r"'a' sees 12 x 15 px of 1 px, .* shows 12 x 15 px of 0.05 deg"):
        compare_responses({name: cells.SimpleCells(BANK, PATCHES.grid) for name in "ab"}, degrees, seed=0)


def test_what_is_no_responder_is_named():
    stack = convnet.Stack([convnet.Conv2d(np.ones((20, 1, 3, 3)))], input_shape=(1, 12, 15))
    linear = cells.SimpleCells(BANK, PATCHES.grid)
    with pytest.raises(TypeError, match=r"population 'b' is a stack: choose units of it with as_responder"):
        compare_responses({"a": linear, "b": stack}, PATCHES, seed=0)
    with pytest.raises(
        ValueError, match=r"population 'b': responses must have one row a frame: got 5 rows for 900"
    ):
        compare_responses({"a": linear, "b": np.ones((5, 24))}, PATCHES, seed=0)


def test_one_population_cannot_be_compared():
    with pytest.raises(ValueError, match="populations must hold at least two, got 1"):
        compare_responses({"a": cells.SimpleCells(BANK, PATCHES.grid)}, PATCHES, seed=0)


def test_p_is_that_of_permutation_tests_written_out(rng):
    """Whole images of one population change places, for RSA as in Mantel 1967; units of unequal scale."""
    strength = np.exp(rng.standard_normal((2, 30, 1)))
    first, second = strength[0] * rng.standard_normal((30, 22)), strength[1] * rng.standard_normal((30, 20))
    second += 0.25 * first[:, :20]
    first *= np.geomspace(1, 100, 22)  # the two that the second has no part in weigh most
    pair = {"a": np.pad(first, ((0, 0), (1, 1))), "b": second}  # two silent units
    frames = stimuli.ArrayStimulus(np.zeros((30, 2, 3)))
    found = compare_responses(
        pair, frames, seed=1, n_images=30, n_permutations=999, dissimilarity="euclidean"
    )

    def measured(order):
        return np.array(
            [
                linear_cka(first, second[order]),
                stats.spearmanr(pdist(first), pdist(second[order])).statistic,
                best_match_correlation(first, second[order]),
                best_match_correlation(second[order], first),
            ]
        )

    expected = measured(np.arange(30))
    p = (1 + sum(measured(rng.permutation(30)) >= expected for _ in range(999))) / 1000
    values = [found.cka[0, 1], found.rsa[0, 1], found.best_match[0, 1], found.best_match[1, 0]]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    mine = [found.cka_p[0, 1], found.rsa_p[0, 1], found.best_match_p[0, 1], found.best_match_p[1, 0]]
    np.testing.assert_array_less(np.abs(mine - p), 3 * np.sqrt(2 * p * (1 - p) / 999))
    assert np.unique(mine).size == 4
    assert (found.cka_p[1, 0], found.rsa_p[1, 0]) == (found.cka_p[0, 1], found.rsa_p[0, 1])


def test_a_single_unit_and_silent_units_leave_the_others_as_they_are(rng):
    """Of a single unit no image's pattern varies; a silent unit has no match and is none."""
    frames = stimuli.ArrayStimulus(np.zeros((60, 2, 3)))
    base, other = rng.standard_normal((2, 60, 21))
    pair = {"a": base, "b": other + base}
    alone = compare_responses(pair, frames, seed=0, n_images=60, n_permutations=19)
    silent = {"a": np.pad(base, ((0, 0), (0, 2))), "b": pair["b"]}
    crowd = compare_responses(silent | {"one": base[:, :1]}, frames, seed=0, n_images=60, n_permutations=19)
    assert crowd.n_images == 60
    for name in ("cka", "best_match", "cka_p", "best_match_p"):
        np.testing.assert_allclose(getattr(crowd, name)[:2, :2], getattr(alone, name), rtol=1e-6)
    assert np.isfinite(crowd.rsa[:2, :2]).all()
    dark = compare_responses(pair | {"dark": 0 * base}, frames, seed=0, n_images=60, n_permutations=19)
    for name in ("cka", "best_match", "cka_p", "rsa_p", "best_match_p"):
        assert np.isnan(getattr(dark, name)[2]).all()
