"""Losses and objectives: their gradients, and truths about what they measure."""

import numpy as np
import pytest

from v1sim.convnet import (
    ChannelPool,
    Coherent,
    Conv2d,
    CrossEntropy,
    Dense,
    Detector,
    IndependentSubspaces,
    MeanSquaredError,
    NeighbourhoodPool,
    Pool2d,
    ReconstructionICA,
    SparseAutoencoder,
    SparseCoding,
    Stack,
    TiledConv2d,
    UnsharedConv2d,
    sparse_codes,
    torus_neighbourhoods,
)

RNG = np.random.default_rng(19960613)
X = RNG.standard_normal((7, 2, 5, 6))
LABELS = RNG.integers(0, 4, 7)
MOVIES = RNG.standard_normal((4, 3, 2, 5, 6))


def draw(*shape):
    return RNG.standard_normal(shape)


CASES = {
    "mean squared error": (
        MeanSquaredError(),
        Stack([Conv2d(draw(3, 2, 3, 4), draw(3)), Detector("tanh")]),
        (X, draw(7, 3, 3, 3)),
    ),
    "cross-entropy": (
        CrossEntropy(),
        Stack([Conv2d(draw(3, 2, 2, 2)), Detector("softplus"), Dense(draw(4, 3 * 4 * 5), draw(4))]),
        (X, LABELS),
    ),
    "independent components": (IndependentSubspaces(), Stack([Conv2d(draw(4, 2, 5, 6))]), (X,)),
    "independent subspaces": (
        IndependentSubspaces(),
        Stack([Conv2d(draw(6, 2, 4, 4)), ChannelPool("l2", 2)]),
        (X,),
    ),
    "topographic, channels": (
        IndependentSubspaces(),
        Stack([Conv2d(draw(12, 2, 5, 6)), NeighbourhoodPool("l2", torus_neighbourhoods(3, 4, 3))]),
        (X,),
    ),
    "topographic, tiled": (
        IndependentSubspaces(),
        Stack([TiledConv2d(draw(1, 2, 2, 3, 2, 2)), Pool2d("l2", 2, 1)]),
        (X,),
    ),
    "coherent": (
        Coherent(0.7),
        Stack([Conv2d(draw(6, 2, 5, 6)), ChannelPool("l2", 2)]),
        (MOVIES,),
    ),
    "coherent, no pool": (Coherent(0.7), Stack([Conv2d(draw(6, 2, 5, 6))]), (MOVIES,)),
    "reconstruction ICA, dense": (ReconstructionICA(0.3), Stack([Dense(draw(5, 60))]), (X,)),
    "reconstruction ICA": (ReconstructionICA(0.3), Stack([Conv2d(draw(5, 2, 3, 2))]), (X,)),
    "reconstruction ICA, tiled": (
        ReconstructionICA(0.3),
        Stack([TiledConv2d(draw(2, 2, 3, 3, 2, 3))]),
        (X,),
    ),
    "reconstruction ICA, unshared": (
        ReconstructionICA(0.3),
        Stack([UnsharedConv2d(draw(2, 3, 4, 2, 3, 3))]),
        (X,),
    ),
    "sparse coding": (SparseCoding(0.8, n_steps=4000), Stack([Conv2d(draw(9, 2, 5, 6))]), (X,)),
    "autoencoder": (
        SparseAutoencoder(0.4, "code"),
        Stack(
            [
                Conv2d(draw(3, 2, 2, 3), draw(3)),
                ("code", Detector("softplus")),
                Conv2d(draw(2, 3, 2, 3), padding="full"),
            ]
        ),
        (X,),
    ),
    "autoencoder, code of both signs": (
        SparseAutoencoder(0.4, "code"),
        Stack([Conv2d(draw(3, 2, 2, 3), draw(3)), ("code", Detector("tanh")), Dense(draw(60, 48))]),
        (X,),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_central_differences(name, rng):
    objective, stack, batch = CASES[name]
    parameters = stack.parameters()
    _, gradients = objective.loss(stack, batch)
    found, step = gradients(), 1e-5
    assert found.keys() == parameters.keys()
    for _ in range(3):
        along = {key: rng.standard_normal(value.shape) for key, value in parameters.items()}

        def at(side, along=along):
            moved = {key: value + side * step * along[key] for key, value in parameters.items()}
            return objective.loss(stack.with_parameters(moved), batch)[0]

        slope = sum(np.sum(found[key] * along[key]) for key in found)
        assert slope == pytest.approx((at(1) - at(-1)) / (2 * step), rel=1e-6, abs=1e-7)


def test_losses_are_means_over_examples():
    for objective, stack, batch in CASES.values():
        once, _ = objective.loss(stack, batch)
        twice, _ = objective.loss(stack, tuple(np.concatenate([array, array]) for array in batch))
        assert twice == pytest.approx(once, rel=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_gradients_from_single_precision_pictures_are_in_single_precision(name):
    objective, stack, batch = CASES[name]
    single = tuple(array if array is LABELS else array.astype(np.float32) for array in batch)
    _, gradients = objective.loss(stack, single)
    assert {value.dtype for value in gradients().values()} == {np.dtype(np.float32)}


# -- what is measured, in closed form -------------------------------------------------------------------


def test_responses_of_both_signs_count_by_their_size():
    """Filters that read a pixel and minus another: <|c|> = (|a| + |b|) / 2."""
    stack = Stack([Conv2d(np.array([[1.0, 0], [0, -1]])[:, None, None])])
    x = np.array([[3.0, 5], [-7, 1]])[:, None, None]
    assert IndependentSubspaces().loss(stack, (x,))[0] == pytest.approx((3 + 5 + 7 + 1) / 4)
    still = np.stack([x, x], axis=1)
    assert Coherent(2.0).loss(stack, (still,))[0] == pytest.approx((3 + 5 + 7 + 1) / 4)


def test_reconstruction_ica_of_no_filters_pays_the_picture_and_the_rounded_corner():
    """At W = 0: |x|^2 / 2 and lambda sqrt(epsilon) a response; epsilon is 1e-4 unless told."""
    stack = Stack([Conv2d(np.zeros((5, 2, 5, 6)))])
    picture = np.mean(np.sum(X**2, axis=(1, 2, 3))) / 2
    assert ReconstructionICA(0.3).loss(stack, (X,))[0] == pytest.approx(picture + 5 * 0.3 * 1e-2)
    loss, _ = ReconstructionICA(0.3, smoothing=0.25).loss(stack, (X,))
    assert loss == pytest.approx(picture + 5 * 0.3 * 0.5)


def test_an_autoencoder_that_gives_back_half_pays_an_eighth_and_its_code():
    """x hat = x / 2 by way of a code of x: |x|^2 / 8 + lambda sum |x|."""
    stack = Stack([("code", Dense(np.eye(3))), Dense(np.eye(3) / 2)])
    x = np.array([[1.0, -2, 4], [0, -3, 0]])[:, :, None, None]
    expected = np.mean([21 / 8 + 0.1 * 7, 9 / 8 + 0.1 * 3])
    assert SparseAutoencoder(0.1, "code").loss(stack, (x,))[0] == pytest.approx(expected)


def test_sparse_coding_of_one_atom_is_a_soft_threshold_and_its_loss():
    """A patch 2 phi + r with r orthogonal to the unit atom phi: a = 2 - lambda."""
    stack = Stack([Conv2d(np.array([0.6, 0.8, 0]).reshape(1, 1, 1, 3))])
    x = np.array([1.2, 1.6, 3]).reshape(1, 1, 1, 3)
    loss, _ = SparseCoding(0.5, n_steps=1).loss(stack, (x,))
    assert loss == pytest.approx((9 + 0.5**2) / 2 + 0.5 * 1.5)


def test_cross_entropy_of_equal_scores_is_the_log_of_the_number_of_classes():
    stack = Stack([Dense(np.zeros((4, 60)))])
    assert CrossEntropy().loss(stack, (X, LABELS))[0] == pytest.approx(np.log(4))


def test_cross_entropy_stands_large_scores():
    stack = Stack([Dense(np.eye(4, 60) * 1e4)])
    loss, gradients = CrossEntropy().loss(stack, (X, LABELS))
    assert np.isfinite(loss)
    assert np.isfinite(gradients()["dense1.weights"]).all()


def test_coherence_of_a_still_movie_costs_nothing():
    stack = Stack([Conv2d(draw(6, 2, 5, 6)), ChannelPool("l2", 2)])
    still = np.repeat(X[:, None], 3, axis=1)
    sparse, _ = IndependentSubspaces().loss(stack, (X,))
    assert Coherent(100.0).loss(stack, (still,))[0] == pytest.approx(sparse)


def test_coherence_sees_no_drift_in_a_quadrature_pair_and_all_of_it_in_one_filter():
    """A wave that drifts by a phase p changes |cos| of one filter, and the norm of a pair not at all."""
    x, p = np.arange(16) * np.pi / 4, np.linspace(0, 2 * np.pi, 9)
    wave = np.cos(x + p[:, None])[None, :, None, None, :]
    pair = np.stack([np.cos(x), np.sin(x)])[:, None, None, :]
    norm = Stack([Conv2d(pair), ChannelPool("l2", 2)])
    alone = Stack([Conv2d(pair), ChannelPool("l2", 1)])

    def change(stack):
        return Coherent(1.0).loss(stack, (wave,))[0] - Coherent(0.0).loss(stack, (wave,))[0]

    assert change(norm) == pytest.approx(0, abs=1e-20)
    response = 8 * np.abs(np.cos(p))
    assert change(alone) == pytest.approx(np.mean(np.diff(response) ** 2))


# -- sparse codes ---------------------------------------------------------------------------------------


def lasso(x, atoms, sparseness, codes):
    return np.sum((x - codes @ atoms) ** 2) / 2 + sparseness * np.sum(np.abs(codes))


@pytest.fixture
def problem(rng):
    atoms = rng.standard_normal((40, 25))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    return rng.standard_normal((11, 25)), atoms


def test_codes_meet_the_optimality_conditions_of_the_lasso(problem):
    """The residual times an atom is lambda sign(a) where the atom is active, at most lambda elsewhere."""
    x, atoms = problem
    codes = sparse_codes(x, atoms, 0.4, n_steps=20_000)
    correlation = (x - codes @ atoms) @ atoms.T
    active = codes != 0
    assert 0.05 < active.mean() < 0.5
    assert correlation[active] == pytest.approx(0.4 * np.sign(codes[active]), abs=1e-7)
    assert np.abs(correlation[~active]).max() <= 0.4 + 1e-7


def test_codes_of_orthonormal_atoms_are_soft_thresholds(rng):
    atoms = np.linalg.qr(rng.standard_normal((25, 25)))[0]
    x = rng.standard_normal((6, 25))
    product = x @ atoms.T
    expected = np.sign(product) * np.maximum(np.abs(product) - 0.3, 0)
    assert sparse_codes(x, atoms, 0.3, n_steps=1) == pytest.approx(expected)


def test_ista_never_goes_up_and_fista_is_far_ahead_of_it(problem):
    x, atoms = problem
    best = lasso(x, atoms, 0.1, sparse_codes(x, atoms, 0.1, n_steps=20_000))
    ista = [
        lasso(x, atoms, 0.1, sparse_codes(x, atoms, 0.1, n_steps=n, accelerated=False))
        for n in range(1, 60, 7)
    ]
    fista = lasso(x, atoms, 0.1, sparse_codes(x, atoms, 0.1, n_steps=57))
    assert np.all(np.diff(ista) <= 1e-12)
    assert fista - best < (ista[-1] - best) / 5


def test_momentum_is_that_of_beck_and_teboulle():
    """Along an axis of curvature h < L, with t = 1, 1.61803, 2.19353, 2.74979, 3.29472 (their 4.2)."""
    atoms, h = np.diag([1.0, 0.5]), 0.25  # L = 1
    optimum = (0.5 * 4.0 - 0.01) / h
    before, ahead = -optimum, -optimum  # distances from the optimum
    for n_steps, momentum in enumerate([0, 0.618034 / 2.193527, 1.193527 / 2.749791, 1.749791 / 3.294721], 1):
        after = (1 - h) * ahead
        codes = sparse_codes(np.array([[0, 4.0]]), atoms, 0.01, n_steps=n_steps)
        assert codes[0, 1] - optimum == pytest.approx(after, rel=1e-5)
        ahead, before = after + momentum * (after - before), after


def test_atoms_of_nothing_have_codes_of_nothing():
    assert not sparse_codes(np.ones((3, 6)), np.zeros((2, 6)), 0.1, n_steps=5).any()


def test_fista_keeps_the_bound_of_beck_and_teboulle(problem):
    """F(a_k) - F* <= 2 L |a_0 - a*|^2 / (k + 1)^2, theorem 4.4."""
    x, atoms = problem
    best = sparse_codes(x, atoms, 0.1, n_steps=20_000)
    lipschitz = np.linalg.norm(atoms, 2) ** 2
    for k in (1, 5, 20, 80):
        gap = lasso(x, atoms, 0.1, sparse_codes(x, atoms, 0.1, n_steps=k)) - lasso(x, atoms, 0.1, best)
        assert gap <= 2 * lipschitz * np.sum(best**2) / (k + 1) ** 2


# -- bad input ------------------------------------------------------------------------------------------

CONV = Stack([Conv2d(np.ones((4, 2, 5, 6)))])
BAD = {
    "one array too many": (MeanSquaredError(), CONV, (X, X, X), "pictures, targets"),
    "targets of another shape": (MeanSquaredError(), CONV, (X, X), "shape of the output"),
    "labels beyond the classes": (CrossEntropy(), CONV, (X, LABELS + 1), r"0 \.\. 3"),
    "labels that are no integers": (CrossEntropy(), CONV, (X, LABELS + 0.5), "integers"),
    "labels below the classes": (CrossEntropy(), CONV, (X, LABELS - 1), r"0 \.\. 3"),
    "labels of two axes": (CrossEntropy(), CONV, (X, LABELS[:, None]), "one a picture"),
    "an output that is a map": (
        CrossEntropy(),
        Stack([Conv2d(np.ones((4, 2, 4, 6)))]),
        (X, LABELS),
        r"output \(n, class, 1, 1\)",
    ),
    "labels of some pictures": (CrossEntropy(), CONV, (X, LABELS[:5]), r"as many examples .* \[7, 5\]"),
    "no pictures": (IndependentSubspaces(), CONV, (X[:0],), "at least one example"),
    "movies without time": (Coherent(1.0), CONV, (X,), "moment"),
    "movies of one moment": (Coherent(1.0), CONV, (MOVIES[:, :1],), "two moments"),
    "a detector in linear ICA": (
        ReconstructionICA(1.0),
        Stack([Conv2d(np.ones((4, 2, 5, 6))), Detector("relu")]),
        (X,),
        "layer 'relu1'",
    ),
    "a bias in sparse coding": (
        SparseCoding(1.0),
        Stack([Conv2d(np.ones((4, 2, 5, 6)), np.ones(4))]),
        (X,),
        "with a bias",
    ),
    "atoms smaller than the patch": (
        SparseCoding(1.0),
        Stack([Conv2d(np.ones((4, 2, 5, 5)))]),
        (X,),
        "as large as the patches",
    ),
    "atoms in two layers": (
        SparseCoding(1.0),
        Stack([Conv2d(np.ones((4, 2, 5, 6))), Conv2d(np.ones((4, 4, 1, 1)))]),
        (X,),
        "one unflipped layer",
    ),
    "atoms larger than the patch": (
        SparseCoding(1.0),
        Stack([Conv2d(np.ones((4, 2, 7, 8)), padding=(1, 1))]),
        (X,),
        "as large as the patches",
    ),
    "atoms turned round": (
        SparseCoding(1.0),
        Stack([Conv2d(np.ones((4, 2, 5, 6)), flip=True)]),
        (X,),
        "one unflipped layer",
    ),
    "no such code": (SparseAutoencoder(1.0, "nowhere"), CONV, (X,), r"before the last \(none here\)"),
    "a code that is the output": (
        SparseAutoencoder(1.0, "conv2"),
        Stack([Conv2d(np.ones((1, 2, 2, 2))), Conv2d(np.ones((2, 1, 2, 2)))]),
        (X,),
        r"before the last \(conv1\), got 'conv2'",
    ),
    "a picture of fewer pixels": (
        SparseAutoencoder(1.0, "conv1"),
        Stack([Conv2d(np.ones((1, 2, 2, 2))), Conv2d(np.ones((9, 1, 2, 2)))]),
        (X,),
        "give back pictures",
    ),
    "a picture of another size": (
        SparseAutoencoder(1.0, "conv1"),
        Stack([Conv2d(np.ones((1, 2, 2, 2))), Conv2d(np.ones((2, 1, 2, 2)))]),
        (X,),
        "give back pictures",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_an_objective_is_told(name):
    objective, stack, batch, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        objective.loss(stack, batch)


@pytest.mark.parametrize(
    "objective",
    [MeanSquaredError(), CrossEntropy(), IndependentSubspaces(), Coherent(1.0), ReconstructionICA(1.0),
     SparseCoding(1.0), SparseAutoencoder(1.0, "code")],
)  # fmt: skip
def test_what_is_no_stack_or_batch_is_told_by_every_objective(objective):
    with pytest.raises(TypeError, match="stack must be a Stack, got str"):
        objective.loss("net", (X,))
    with pytest.raises(TypeError, match="batch must be a tuple of arrays, got ndarray"):
        objective.loss(CONV, X)
    with pytest.raises(TypeError, match=r"batch\[0\] must be an array of examples, got list"):
        objective.loss(CONV, (X.tolist(),))


@pytest.mark.parametrize("make", [ReconstructionICA, SparseCoding, lambda s: SparseAutoencoder(s, "code")])
@pytest.mark.parametrize("value", [0, -1.0, np.nan])
def test_sparseness_must_be_above_zero(make, value):
    with pytest.raises(ValueError, match="sparseness"):
        make(value)


def test_coherence_must_not_be_rewarded_for_change():
    with pytest.raises(ValueError, match="weight must be at least 0"):
        Coherent(-0.1)
    with pytest.raises(TypeError, match="weight must be a number"):
        Coherent([0.1, 0.2])
