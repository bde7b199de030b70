"""Learning finds what is there to be found: known sources, subspaces, quadrature, atoms, weights."""

import numpy as np
import pytest

from v1sim.convnet import (
    LBFGS,
    SGD,
    Adam,
    ChannelPool,
    Coherent,
    Conv2d,
    CrossEntropy,
    Dense,
    Detector,
    IndependentSubspaces,
    MeanSquaredError,
    Orthonormal,
    ReconstructionICA,
    SparseAutoencoder,
    SparseCoding,
    Stack,
    UnitNorm,
    Whitening,
    train,
)


def as_patches(values):
    return np.ascontiguousarray(values).reshape(len(values), 1, 1, -1)


def held(whitening, rate=0.3):
    return Orthonormal(optimiser=SGD(rate=rate), parameter="w.kernel", whitening=whitening)


def amari(product):
    """Distance of a matrix from a scaled permutation, 0 to 1 (Amari, Cichocki & Yang 1996)."""
    p = np.abs(product)
    n = len(p)
    rows, columns = (p.sum(axis=a) / p.max(axis=a) - 1 for a in (0, 1))
    return (rows.sum() + columns.sum()) / (2 * n * (n - 1))


@pytest.fixture
def mixed(rng):
    """Six Laplace sources, mixed; the mean of each patch is 0 so that whitening takes nothing away."""
    sources = rng.laplace(size=(20_000, 6))
    mixing = rng.standard_normal((6, 8))
    mixing -= mixing.mean(axis=1, keepdims=True)
    return as_patches(sources @ mixing), mixing


def test_sparse_responses_are_the_sources_of_a_known_mixture(rng, mixed):
    patches, mixing = mixed
    whitening = Whitening.fit(patches, 6)
    start = Stack([("w", Conv2d(whitening.random_filters(6, rng))), Detector("absolute")])
    trained = train(
        start, patches, objective=IndependentSubspaces(), optimiser=held(whitening, 1.0), epochs=10, seed=0,
        batch_size=1000,
    )  # fmt: skip
    found = trained.stack.parameters()["w.kernel"].reshape(6, 8) @ mixing.T
    random = start.parameters()["w.kernel"].reshape(6, 8) @ mixing.T
    assert amari(found) < 0.03  # about sqrt(1 / n_samples) per entry; a random matrix: .3 to .4
    assert amari(random) > 0.2


def test_reconstruction_ica_finds_them_too(rng, mixed):
    patches, mixing = mixed
    whitening = Whitening.fit(patches, 6)
    whitened = whitening.apply(patches)
    start = Stack([("w", Conv2d(0.1 * rng.standard_normal((6, 1, 1, 8))))])
    trained = train(
        start, whitened, objective=ReconstructionICA(0.2), optimiser=LBFGS(iterations=150), epochs=1, seed=0,
        batch_size=len(whitened),
    )  # fmt: skip
    filters = whitening.filters(trained.stack.parameters()["w.kernel"])
    assert amari(filters.reshape(6, 8) @ mixing.T) < 0.05


def test_the_sparsest_subspaces_are_the_true_planes(rng):
    """Two planes, in each a Gaussian of a random size: nothing tells two axes of a plane apart.

    Which axes belong together is a choice among pairings, each a minimum of its own: hence several starts.
    """
    size = rng.exponential(size=(10_000, 2, 1))
    sources = (size * rng.standard_normal((10_000, 2, 2))).reshape(-1, 4)
    mixing = rng.standard_normal((4, 5))
    mixing -= mixing.mean(axis=1, keepdims=True)
    patches = as_patches(sources @ mixing)
    whitening = Whitening.fit(patches, 4)
    runs = []
    for _ in range(8):
        start = Stack([("w", Conv2d(whitening.random_filters(4, rng))), ChannelPool("l2", 2)])
        trained = train(
            start, patches, objective=IndependentSubspaces(), optimiser=held(whitening, 1.0), epochs=10,
            seed=0, batch_size=500,
        )  # fmt: skip
        product = trained.stack.parameters()["w.kernel"].reshape(4, 5) @ mixing.T
        power = (product**2).reshape(2, 2, 2, 2).sum(axis=(1, 3))  # of each found plane in each true one
        runs.append((trained.losses[-1], power / power.sum(axis=1, keepdims=True)))
    losses = np.array([loss for loss, _ in runs])
    found = np.array([share.max(axis=1).min() for _, share in runs]) > 0.99
    share = runs[losses.argmin()][1]
    assert found[losses.argmin()]
    assert sorted(share.argmax(axis=1).tolist()) == [0, 1]
    assert 0 < found.sum() < 8
    assert losses[found].max() < losses[~found].min()


def test_coherence_makes_quadrature_pairs_of_drifting_waves(rng):
    """Waves of four frequencies drift; sparseness alone cannot tell which filters belong together."""
    n, frequencies = 8000, np.arange(1, 5)
    x = np.arange(16)
    amplitude, phase = rng.standard_normal((n, 4, 1)), 2 * np.pi * rng.random((n, 4, 1))
    drift = 2 * np.pi * rng.random((n, 1, 1))
    moments = [
        (amplitude * np.cos(2 * np.pi * frequencies[:, None] / 16 * x + phase + d)).sum(axis=1)
        for d in (0.0, drift)
    ]
    movies = np.stack(moments, axis=1)[:, :, None, None]
    whitening = Whitening.fit(movies.reshape(-1, 1, 1, 16), 8)
    start = Stack([("w", Conv2d(whitening.random_filters(8, rng))), ChannelPool("l2", 2)])
    trained = train(
        start, movies, objective=Coherent(1.0), optimiser=held(whitening, 0.5), epochs=10, seed=0,
        batch_size=500,
    )  # fmt: skip
    w = np.fft.rfft(trained.stack.parameters()["w.kernel"].reshape(4, 2, 16))[:, :, 1:5]
    power = np.sum(np.abs(w) ** 2, axis=1)
    best = power.argmax(axis=1)
    assert sorted(best.tolist()) == [0, 1, 2, 3]
    depth = np.abs(np.sum(w**2, axis=1)) / power
    assert depth[np.arange(4), best].max() < 0.05


def test_sparse_coding_finds_the_atoms_of_a_known_dictionary(rng):
    atoms = rng.standard_normal((20, 16))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = rng.laplace(size=(6000, 20)) * (rng.random((6000, 20)) < 0.1)
    patches = as_patches(codes @ atoms)
    start = Stack([("w", Conv2d(rng.standard_normal((20, 1, 1, 16))))])
    trained = train(
        start, patches, objective=SparseCoding(0.1, n_steps=60), epochs=30, seed=0, batch_size=200,
        optimiser=UnitNorm(optimiser=SGD(rate=0.5), parameter="w.kernel"),
    )  # fmt: skip
    found = trained.stack.parameters()["w.kernel"].reshape(20, 16)
    alike = np.abs(atoms @ found.T).max(axis=1)
    assert np.sum(alike > 0.98) >= 18


def test_an_autoencoder_finds_the_shape_that_is_strewn_over_pictures(rng):
    """A shape that is hardly like its own shifts: a matched filter and a threshold tell where it lies."""
    shape = np.array([[1, -2, 1], [0, 3, -1], [-1, 1, 2]]) / np.sqrt(22)
    places = (rng.random((600, 1, 10, 12)) < 0.02) * rng.exponential(size=(600, 1, 10, 12))
    pictures, _ = Conv2d(shape[None, None], padding="full", flip=True).forward(places)
    kernel = shape + rng.standard_normal((1, 1, 3, 3)) / 3  # centred; otherwise a shift of it would do
    start = Stack(
        [
            Conv2d(0.3 * kernel, np.zeros(1)),
            ("code", Detector("relu")),
            ("w", Conv2d(kernel, padding="full", flip=True)),
        ]
    )
    trained = train(
        start, pictures, objective=SparseAutoencoder(0.02, "code"), epochs=60, seed=0, batch_size=50,
        optimiser=UnitNorm(optimiser=Adam(rate=0.02), parameter="w.kernel", axis=1),
    )  # fmt: skip
    found = trained.stack.parameters()["w.kernel"][0, 0]
    assert np.sum(found * shape) > 0.99


def test_the_weights_that_made_the_targets_are_found(rng):
    truth = Stack([("w", Conv2d(rng.standard_normal((3, 1, 3, 4)), rng.standard_normal(3)))])
    x = rng.standard_normal((100, 1, 6, 7))
    start = Stack([("w", Conv2d(np.zeros((3, 1, 3, 4)), np.zeros(3)))])
    trained = train(
        start, (x, truth.forward(x)[0]), objective=MeanSquaredError(), optimiser=LBFGS(iterations=100),
        epochs=1, seed=0,
    )  # fmt: skip
    for name, value in truth.parameters().items():
        assert trained.stack.parameters()[name] == pytest.approx(value, abs=1e-4)


def test_the_cross_entropy_of_two_gaussians_leads_to_their_discriminant(rng):
    """Means +-m, covariance 1: the log odds of the classes are 2 m x, whatever the sample of labels."""
    labels, m = rng.integers(0, 2, 20_000), np.array([0.5, -0.3, 0.2])
    x = (rng.standard_normal((20_000, 3)) + np.where(labels[:, None] == 1, m, -m)).reshape(-1, 1, 1, 3)
    start = Stack([("w", Dense(np.zeros((2, 3)), np.zeros(2)))])
    trained = train(
        start, (x, labels), objective=CrossEntropy(), optimiser=LBFGS(iterations=50), epochs=1, seed=0,
        batch_size=len(x),
    )  # fmt: skip
    weights = trained.stack.parameters()["w.weights"]
    assert weights[1] - weights[0] == pytest.approx(2 * m, abs=0.08)  # 4 standard errors of a coefficient
