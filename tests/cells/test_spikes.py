import itertools

import numpy as np
import pytest
from scipy import stats

from v1sim import cells, gabor, stimuli
from v1sim.cells._spikes import poisson_quantile
from v1sim.revcorr import sta


@pytest.fixture
def noise():
    return stimuli.GaussianNoise((9, 11), n_frames=60_000, seed=0)


@pytest.fixture
def spiking(noise):
    g = gabor.Gabor(alpha=[1, 5], beta_x=0.1, beta_y=0.08, f=1.2, phi=0, x0=0, y0=0, tau=[0.2, 1])
    simple = cells.SimpleCells(g, noise.grid)
    return cells.Poisson(simple, mean_rate=20.0, frame_rate=60.0, seed=1)


def test_quantiles_are_those_of_scipy(rng):
    mean = np.concatenate([[0, 1e-9, 0.3, 5, 80, 699], rng.gamma(1, 2, 500)])
    probability = rng.random((200, mean.size))
    np.testing.assert_array_equal(
        poisson_quantile(probability, np.broadcast_to(mean, probability.shape)),
        np.maximum(stats.poisson.ppf(probability, mean), 0),
    )


def test_counts_have_the_rate_that_was_asked_for(noise, spiking):
    counts = spiking.respond(noise.frames(0, noise.n_frames))
    np.testing.assert_array_equal(counts, counts.round())
    mean = spiking.responder.respond(noise.frames(0, noise.n_frames)).mean(axis=0)
    relative_sd = np.sqrt(np.pi - 1)  # of a rectified normal variable
    np.testing.assert_allclose(spiking.gain * mean * 60, 20, rtol=4 * relative_sd / np.sqrt(4096))
    np.testing.assert_allclose(counts.mean(axis=0), spiking.gain * mean, rtol=4 / np.sqrt(20_000))


def test_counts_are_poisson_given_the_response(noise, spiking):
    """Variance = mean of the counts about the mean of each frame, here of equal frames."""
    shown = noise.frames(0, 100)
    driving = spiking.responder.respond(shown).min(axis=1).argmax()
    frame = np.repeat(shown[driving : driving + 1], 20_000, axis=0)
    mean = (spiking.gain * spiking.responder.respond(frame[:1]))[0]
    counts = spiking.respond(frame)
    assert (mean > 0).all()
    error = 5 * np.sqrt((mean + 2 * mean**2) / 20_000)  # of a Poisson variance
    assert (np.abs(counts.mean(axis=0) - mean) <= error).all()
    assert (np.abs(counts.var(axis=0) - mean) <= error).all()


def test_counts_do_not_depend_on_how_frames_are_cut(noise, spiking):
    whole = spiking.respond(noise.frames(0, 5000))
    cuts = [0, 1, 700, 1024, 1025, 4000, 5000]
    pieces = [spiking.respond(noise.frames(a, b), start=a) for a, b in itertools.pairwise(cuts)]
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


def test_counts_of_another_seed_are_others(noise, spiking):
    other = cells.Poisson(spiking.responder, mean_rate=20.0, frame_rate=60.0, seed=2)
    frames = noise.frames(0, 1000)
    assert (spiking.respond(frames) != other.respond(frames)).any()


def test_spiking_cells_give_their_field_back(noise, spiking):
    recovered = sta(noise, spiking, workers=2)
    for field, weights in zip(recovered.rf[:, 0], spiking.responder.weights, strict=True):
        cosine = (field * weights).sum() / np.linalg.norm(field) / np.linalg.norm(weights)
        assert cosine > 0.98


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mean_rate": 0}, ValueError, "mean_rate must be finite and above 0, got 0"),
        ({"frame_rate": -60.0}, ValueError, "frame_rate must be finite and above 0"),
        ({"seed": 1.0}, TypeError, "seed must be an integer, got 1.0"),
        ({"nonlinearity": lambda s: -np.abs(s)}, ValueError, r"cells \[0, 1\] do not"),
    ],
)
def test_impossible_spikes_are_refused(spiking, changes, error, message):
    simple = cells.SimpleCells(
        spiking.responder.gabor, spiking.grid, nonlinearity=changes.pop("nonlinearity", "relu")
    )
    with pytest.raises(error, match=message):
        cells.Poisson(simple, **({"mean_rate": 20.0, "frame_rate": 60.0, "seed": 1} | changes))


def test_negative_and_enormous_means_are_refused(spiking, noise):
    linear = cells.SimpleCells(spiking.responder.gabor, spiking.grid, nonlinearity=lambda s: s + 1)
    poisson = cells.Poisson(linear, mean_rate=20.0, frame_rate=60.0, seed=1)
    with pytest.raises(
        ValueError, match=r"must not respond negatively to make spikes, but cells \[0, 1\] do"
    ):
        poisson.respond(noise.frames(0, 100))
    with pytest.raises(ValueError, match="mean count must be at most 700 a frame"):
        spiking.respond(1e4 * noise.frames(0, 10))
