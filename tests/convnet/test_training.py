"""Training: the same bits after a break, early stopping, and what happens when numbers run away."""

from dataclasses import replace

import numpy as np
import pytest

from v1sim.convnet import (
    LBFGS,
    SGD,
    Adam,
    ChannelPool,
    Coherent,
    Conv2d,
    Dense,
    Detector,
    IndependentSubspaces,
    LearningDiverged,
    MeanSquaredError,
    Orthonormal,
    Stack,
    Whitening,
    load_learned,
    train,
)
from v1sim.convnet._training_state import digest


@pytest.fixture
def task(rng):
    x = rng.standard_normal((90, 2, 4, 5)).astype(np.float32)
    target = rng.standard_normal((90, 3, 1, 1)).astype(np.float32)
    stack = Stack([Conv2d(rng.standard_normal((4, 2, 2, 2)).astype(np.float32)), Detector("tanh")])
    stack = Stack([*stack.layers.items(), Dense(rng.standard_normal((3, 48)).astype(np.float32))])
    options = {"objective": MeanSquaredError(), "seed": 3, "batch_size": 20}
    return stack, (x, target), options


OPTIMISERS = {"sgd": SGD(rate=0.01, fade=(3, 30)), "adam": Adam(), "l-bfgs": LBFGS(iterations=3)}


def same(one, two):
    assert all(np.array_equal(one.parameters()[k], two.parameters()[k]) for k in one.parameters())


@pytest.mark.parametrize("name", OPTIMISERS)
def test_learning_goes_on_from_a_checkpoint_with_the_same_bits(task, tmp_path, name):
    stack, data, options = task
    options |= {"optimiser": OPTIMISERS[name], "held_out": tuple(array[:30] for array in data)}
    straight = train(stack, data, epochs=6, **options)
    file = tmp_path / "state.npz"
    train(stack, data, epochs=2, checkpoint=file, **options)
    resumed = train(stack, data, epochs=6, checkpoint=file, **options)
    same(straight.stack, resumed.stack)
    assert np.array_equal(straight.losses, resumed.losses)
    assert np.array_equal(straight.held_out_losses, resumed.held_out_losses)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.npz"]


@pytest.mark.parametrize("optimiser", [SGD(rate=0.01, fade=(3, 9)), Adam(rate=0.01)])
def test_learning_is_the_optimisers_steps_one_after_the_other(task, optimiser):
    """With all examples in one batch, as many as there are: the steps can be taken by hand."""
    stack, data, options = task
    trained = train(stack, data, epochs=8, optimiser=optimiser, **options | {"batch_size": 1000})
    parameters, state = optimiser.start(stack.parameters())
    losses = []
    for _ in range(8):
        loss, gradients = MeanSquaredError().loss(stack.with_parameters(parameters), data)
        parameters, state = optimiser.update(parameters, gradients(), state)
        losses.append(loss)
    for name, value in parameters.items():
        assert trained.stack.parameters()[name] == pytest.approx(value, abs=1e-4)
    assert trained.losses == pytest.approx(losses, rel=1e-4)
    assert trained.best_epoch == 7


def test_the_loss_of_l_bfgs_is_that_before_its_iterations(task):
    stack, data, options = task
    trained = train(stack, data, epochs=1, optimiser=LBFGS(), **options | {"batch_size": 90})
    assert trained.losses[0] == pytest.approx(MeanSquaredError().loss(stack, data)[0], rel=1e-5)
    assert MeanSquaredError().loss(trained.stack, data)[0] < 0.9 * trained.losses[0]


def test_losses_are_means_over_all_batches_and_all_held_out_examples(task):
    """Learning so slow that nothing changes: both losses are those of the stack on all the data."""
    stack, data, options = task
    held_out = tuple(array[:50] for array in data)  # two batches and a half
    options |= {"optimiser": SGD(rate=1e-12), "batch_size": 18, "held_out": held_out}
    trained = train(stack, data, epochs=1, **options)
    assert trained.losses[0] == pytest.approx(MeanSquaredError().loss(stack, data)[0], rel=1e-5)
    assert trained.held_out_losses[0] == pytest.approx(MeanSquaredError().loss(stack, held_out)[0], rel=1e-5)


def test_of_epochs_with_the_same_held_out_loss_the_first_is_kept(task):
    """Pictures of nothing tell nothing of weights without a constant."""
    _, (x, target), options = task
    stack = Stack([Dense(np.ones((3, 40), np.float32))])
    held_out = (np.zeros_like(x), target)
    options |= {"optimiser": SGD(rate=1e-3), "held_out": held_out}
    once, thrice = (train(stack, (x, target), epochs=n, **options) for n in (1, 3))
    assert thrice.best_epoch == 0
    same(once.stack, thrice.stack)


def test_orthonormal_filters_resume_with_the_same_bits(rng, tmp_path):
    patches = rng.standard_normal((200, 1, 3, 4)).astype(np.float32)
    whitening = Whitening.fit(patches, 8)
    stack = Stack([("w", Conv2d(whitening.random_filters(6, rng).astype(np.float32))), ChannelPool("l2", 2)])
    held = Orthonormal(optimiser=SGD(rate=0.1), parameter="w.kernel", whitening=whitening)
    options = {"objective": IndependentSubspaces(), "optimiser": held, "seed": 0}
    straight = train(stack, patches, epochs=4, **options)
    file = tmp_path / "state.npz"
    train(stack, patches, epochs=1, checkpoint=file, **options)
    same(straight.stack, train(stack, patches, epochs=4, checkpoint=file, **options).stack)


def test_a_kill_between_epochs_costs_only_the_epoch(task, tmp_path):
    stack, data, options = task
    options |= {"optimiser": Adam(), "epochs": 5}
    straight = train(stack, data, **options)
    file = tmp_path / "state.npz"

    def killed(done, total):
        if done == 3 * total // 5 + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stack, data, checkpoint=file, progress=killed, **options)
    counted = []
    resumed = train(
        stack, data, checkpoint=file, progress=lambda done, total: counted.append((done, total)), **options
    )
    same(straight.stack, resumed.stack)
    assert counted == [(k, 20) for k in range(13, 21)]  # 4 batches an epoch, 3 epochs were whole


@pytest.mark.parametrize(
    "change", ["data", "seed", "objective", "optimiser", "stack", "batch_size", "held_out"]
)
def test_a_checkpoint_of_another_training_is_refused(task, tmp_path, change):
    stack, data, options = task
    options |= {"optimiser": SGD(rate=0.01), "epochs": 1, "checkpoint": tmp_path / "state.npz"}
    train(stack, data, **options)
    other = {
        "seed": 4,
        "batch_size": 30,
        "optimiser": SGD(rate=0.02),
        "held_out": data,
    }
    if change == "stack":
        kernel = stack.parameters()["conv1.kernel"] + np.float32(1e-6)
        stack = stack.with_parameters({"conv1.kernel": kernel})
    elif change == "data":
        data = (data[0], data[1] + np.float32(1e-3))
    elif change == "objective":
        options["objective"] = Coherent(1.0)
    else:
        options[change] = other[change]
    with pytest.raises(ValueError, match="belongs to another training"):
        train(stack, data, **options)


def test_a_damaged_checkpoint_is_told(task, tmp_path):
    stack, data, options = task
    file = tmp_path / "state.npz"
    file.write_bytes(b"PK\x03\x04 not much of an archive")
    with pytest.raises(ValueError, match=r"state\.npz is not a readable"):
        train(stack, data, optimiser=Adam(), epochs=1, checkpoint=file, **options)


@pytest.mark.parametrize(
    "spoil", [lambda a: a | {"other.kernel": a["epoch"]}, lambda a: a.pop("best.conv1.kernel")]
)
def test_a_checkpoint_with_other_arrays_is_told(task, tmp_path, spoil):
    stack, data, options = task
    file = tmp_path / "state.npz"
    train(stack, data, optimiser=Adam(), epochs=1, checkpoint=file, **options)
    with np.load(file) as archive:
        arrays = dict(archive)
    changed = spoil(arrays)
    np.savez(file, **(changed if isinstance(changed, dict) else arrays))
    with pytest.raises(ValueError, match=r"state\.npz is damaged: its arrays are not those of a training"):
        train(stack, data, optimiser=Adam(), epochs=2, checkpoint=file, **options)


def test_the_order_of_examples_is_the_seeds(task):
    stack, data, options = task
    options |= {"optimiser": Adam(rate=0.01), "epochs": 2}
    same(train(stack, data, **options).stack, train(stack, data, **options).stack)
    other = train(stack, data, **(options | {"seed": 4}))
    once = train(stack, data, **options).stack.parameters()
    assert not np.array_equal(other.stack.parameters()["dense1.weights"], once["dense1.weights"])


class Watched:
    """Mean squared error that notes which examples it is shown."""

    def __init__(self):
        self.seen = []

    def __repr__(self):
        return "Watched"

    def loss(self, stack, batch):
        self.seen.append(batch[1][:, 0, 0, 0])
        return MeanSquaredError().loss(stack, batch)


def test_every_epoch_shows_each_example_once_in_an_order_of_its_own(rng):
    number = np.arange(12.0).reshape(12, 1, 1, 1)
    stack, objective = Stack([Dense(np.ones((1, 1)))]), Watched()
    train(
        stack,
        (number, number),
        objective=objective,
        optimiser=SGD(rate=1e-6),
        epochs=3,
        seed=0,
        batch_size=4,
    )
    epochs = np.array(objective.seen).reshape(3, 12)
    assert np.array_equal(np.sort(epochs, axis=1), np.tile(np.arange(12.0), (3, 1)))
    assert len({tuple(epoch) for epoch in epochs.tolist()} | {tuple(range(12))}) == 4


def test_the_stack_that_is_given_stays_as_it_is(task):
    stack, data, options = task
    before = {name: value.copy() for name, value in stack.parameters().items()}
    train(stack, data, optimiser=Adam(), epochs=1, **options)
    assert all(np.array_equal(before[name], value) for name, value in stack.parameters().items())


def test_patience_stops_where_the_held_out_loss_turns_and_gives_the_best_stack(rng):
    """Few noisy examples and many weights: the loss held out falls, then rises."""
    x = rng.standard_normal((60, 1, 1, 40))
    target = (x[:, :, :, :1] + 2 * rng.standard_normal((60, 1, 1, 1))).astype(x.dtype)
    data, held_out = (x[:30], target[:30]), (x[30:], target[30:])
    start = Stack([Dense(np.zeros((1, 40)))])
    options = {"objective": MeanSquaredError(), "optimiser": SGD(rate=0.02, momentum=0), "seed": 0}
    told = []
    stopped = train(
        start, data, epochs=500, batch_size=30, held_out=held_out, patience=7,
        callback=lambda training: told.append(training.losses.size), **options,
    )  # fmt: skip
    assert stopped.stopped_early
    assert len(stopped.losses) == stopped.best_epoch + 1 + 7 < 500
    assert stopped.best_epoch == stopped.held_out_losses.argmin()
    loss, _ = MeanSquaredError().loss(stopped.stack, held_out)
    assert loss == pytest.approx(stopped.held_out_losses.min())
    assert told == list(range(1, len(stopped.losses) + 1))


def test_learning_that_runs_away_says_when_and_where_and_keeps_the_last_good_state(task, tmp_path):
    stack, data, options = task
    options |= {"optimiser": SGD(rate=0.01), "epochs": 3}
    file = tmp_path / "state.npz"
    train(stack, data, **options | {"epochs": 2, "checkpoint": file})
    kept = file.read_bytes()

    def poisoned(self, stack, batch):
        loss, gradients = MeanSquaredError().loss(stack, batch)
        calls.append(loss)
        if len(calls) == 3:
            spoiled = gradients()
            spoiled["dense1.weights"][0, 0] = np.nan
            return loss, lambda: spoiled
        return loss, gradients

    calls = []
    objective = type("MeanSquaredError", (), {"loss": poisoned, "__repr__": lambda self: "same"})()
    with pytest.raises(LearningDiverged, match=r"epoch 0, batch 2: .*layer 'dense1'; there is no checkpoint"):
        train(stack, data, **options | {"objective": objective})
    assert file.read_bytes() == kept


def test_a_rate_that_is_too_high_is_told_with_the_layer_and_the_checkpoint(rng, tmp_path):
    x = rng.standard_normal((40, 1, 4, 4)).astype(np.float32)
    stack = Stack([Conv2d(rng.standard_normal((2, 1, 4, 4)).astype(np.float32)), Detector("square")])
    file = tmp_path / "state.npz"
    options = {
        "objective": MeanSquaredError(), "seed": 0, "batch_size": 20, "checkpoint": file,
        "optimiser": SGD(rate=3.0),
    }  # fmt: skip
    target = np.zeros((40, 2, 1, 1), np.float32)
    train(stack, (x, target), epochs=1, **options)
    kept = file.read_bytes()
    with pytest.raises(LearningDiverged, match="holds the state before this epoch") as caught:
        train(stack, (x, target), epochs=50, **options)
    assert caught.value.epoch >= 1
    assert caught.value.layer in ("conv1", "square1", "loss")  # what overflows first is a matter of the step
    assert str(caught.value.epoch) in str(caught.value)
    assert len(kept) == file.stat().st_size


def test_the_layer_that_runs_away_is_the_first_whose_output_does(rng):
    movies = 1e200 * rng.standard_normal((6, 2, 1, 3, 4))
    stack = Stack([Conv2d(rng.standard_normal((2, 1, 3, 4))), Detector("square"), ChannelPool("mean", 2)])
    with pytest.raises(LearningDiverged, match=r"epoch 0, batch 0: .* layer 'square1'"):
        train(stack, movies, objective=Coherent(1.0), optimiser=SGD(rate=0.1), epochs=1, seed=0)


def test_a_step_out_of_all_numbers_is_told_with_its_layer(rng, tmp_path):
    """Loss and gradient are finite, what they lead to is not; nothing has been written by then."""
    x = 1e5 * rng.standard_normal((6, 1, 1, 3))
    stack = Stack([("mine", Dense(np.zeros((1, 3))))])
    with pytest.raises(LearningDiverged, match=r"epoch 0, batch 0: .* layer 'mine'; there is no checkpoint"):
        train(
            stack, (x, x[..., :1]), objective=MeanSquaredError(), optimiser=SGD(rate=1e300), epochs=1, seed=0,
            checkpoint=tmp_path / "state.npz",
        )  # fmt: skip


def test_orthonormal_filters_that_run_away_are_told_with_their_layer(rng):
    patches = rng.standard_normal((200, 1, 3, 4))
    whitening = Whitening.fit(patches, 8)
    stack = Stack([("w", Conv2d(whitening.random_filters(6, rng))), ChannelPool("l2", 2)])
    held = Orthonormal(optimiser=SGD(rate=1e200), parameter="w.kernel", whitening=whitening)
    with pytest.raises(LearningDiverged, match=r"epoch 0, batch 0: .* layer 'w'"):
        train(stack, patches, objective=IndependentSubspaces(), optimiser=held, epochs=1, seed=0)


def test_a_loss_held_out_that_is_not_finite_stops_learning_too(task):
    stack, (x, target), options = task
    far = (x, target.astype(np.float64) * 1e200)
    with pytest.raises(LearningDiverged, match="epoch 0, batch 0: NaN or infinite values in the loss"):
        train(stack, (x, target), optimiser=Adam(), epochs=2, held_out=far, **options)


BAD = {
    "nan": (lambda x, t: {"data": (np.where(x > 2, np.nan, x), t)}, r"data\[0\] must be finite"),
    "lengths": (lambda x, t: {"data": (x, t[:5])}, "as many examples"),
    "text": (lambda x, t: {"data": (np.full(90, "a"), t)}, r"data\[0\] must hold real numbers"),
    "masked": (lambda x, t: {"data": (np.ma.masked_greater(x, 2), t)}, r"data\[0\] has masked values"),
    "number": (lambda x, t: {"data": (x, np.array(3.0))}, r"data\[1\] must be an array of examples"),
    "nothing": (lambda x, t: {"data": ()}, "data must be a tuple of arrays"),
    "held out": (lambda x, t: {"held_out": x}, r"held_out must have as many arrays as data \(2\), got 1"),
    "held out nan": (lambda x, t: {"held_out": (x, t * np.nan)}, r"held_out\[1\] must be finite"),
    "callback": (lambda x, t: {"callback": "print"}, "callback must be callable, got 'print'"),
    "progress": (lambda x, t: {"progress": 5}, "progress must be callable, got 5"),
    "folder": (lambda x, t: {"checkpoint": "nowhere/state.npz"}, "checkpoint must be a file in a folder"),
    "no file": (lambda x, t: {"checkpoint": "."}, "checkpoint must be a file in a folder"),
    "none": (lambda x, t: {"data": (x[:0], t[:0])}, "at least one example"),
    "epochs": (lambda x, t: {"epochs": 0}, "epochs"),
    "seed": (lambda x, t: {"seed": -1}, "seed"),
    "batch": (lambda x, t: {"batch_size": 0}, "batch_size"),
    "patience": (lambda x, t: {"patience": 3}, "patience needs held_out"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_learned_from_is_told(task, name):
    stack, data, options = task
    change, words = BAD[name]
    options |= {"data": data, "optimiser": Adam(), "epochs": 1} | change(*data)
    with pytest.raises((TypeError, ValueError), match=words):
        train(stack, options.pop("data"), **options)


def test_a_checkpoint_that_is_further_on_than_asked_is_told(task, tmp_path):
    stack, data, options = task
    options |= {"optimiser": Adam(), "checkpoint": tmp_path / "state.npz"}
    done = train(stack, data, epochs=3, **options)
    same(done.stack, train(stack, data, epochs=3, **options).stack)  # nothing is left to do
    with pytest.raises(ValueError, match=r"epochs must be at least the 3 of checkpoint .*, got 2"):
        train(stack, data, epochs=2, **options)


class Other:
    """Something with the words of an array of 1."""

    def __repr__(self):
        return "1"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (np.arange(6), np.arange(6).reshape(2, 3)),
        (np.zeros(2), np.zeros(2, np.int64)),
        ({"a": 1, "b": 1}, {"a": 1, "c": 1}),
        ([np.zeros(2000)], [np.eye(1, 2000, 1000)[0]]),
        (Detector("tanh"), "tanh"),
        (1, Other()),
        (SGD(rate=0.5, momentum=0.25), SGD(rate=0.25, momentum=0.5)),
        (MeanSquaredError(), IndependentSubspaces()),
    ],
)
def test_digests_tell_apart_what_learns_otherwise(one, two):
    assert digest(one) == digest(one)
    assert digest(one) != digest(two)


def test_data_that_are_no_arrays_are_refused(task):
    stack, _, options = task
    with pytest.raises(TypeError, match="data must be an array or a tuple of arrays, got list"):
        train(stack, [1, 2], optimiser=Adam(), epochs=1, **options)


def test_an_error_in_a_layer_names_it(task):
    stack, (x, target), options = task
    with pytest.raises(ValueError, match="layer 'conv1'"):
        train(stack, (x[:, :1], target), optimiser=Adam(), epochs=1, **options)


def test_unknown_stacks_are_told_with_those_that_there_are():
    with pytest.raises(ValueError, match="name must be one of coherent, sparse, got 'isa'"):
        load_learned("isa")
    with pytest.raises(ValueError, match=r"name must be one of coherent, sparse, got \['isa'\]"):
        load_learned(["isa"])


def test_a_frozen_training_can_be_replaced_but_not_changed(task):
    stack, data, options = task
    trained = train(stack, data, optimiser=Adam(), epochs=1, **options)
    with pytest.raises(AttributeError):
        trained.seed = 5
    assert replace(trained, seed=5).seed == 5
