"""A small classifier learns scikit-learn's digits: the proof that gradients carry through all stages."""

import numpy as np

from v1sim.convnet import Adam, Conv2d, CrossEntropy, Dense, Detector, Pool2d, Stack, train


def test_a_small_network_names_98_of_100_digits_that_it_never_saw(rng):
    from sklearn.datasets import load_digits  # slow to import

    data = load_digits()
    pictures, labels = (data.images / 16).astype(np.float32)[:, None], data.target
    order = rng.permutation(len(pictures))
    tested, learned_from = order[:360], order[360:]
    stack = Stack(
        [
            Conv2d.random(16, 1, 3, rng=rng, padding="same"),
            Detector("relu"),
            Pool2d("max", 2),
            Conv2d.random(32, 16, 3, rng=rng, padding="same"),
            Detector("relu"),
            Pool2d("max", 2),
            Dense.random(10, 128, rng=rng),
        ],
        input_shape=(1, 8, 8),
    )
    trained = train(
        stack,
        (pictures[learned_from], labels[learned_from]),
        objective=CrossEntropy(),
        optimiser=Adam(rate=3e-3),
        epochs=25,
        seed=0,
        batch_size=50,
    )
    scores, _ = trained.stack.forward(pictures[tested])
    assert np.mean(scores[:, :, 0, 0].argmax(axis=1) == labels[tested]) >= 0.98
