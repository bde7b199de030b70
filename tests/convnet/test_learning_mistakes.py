"""A mistake at the front doors of learning names the argument, what came and what is taken."""

import numpy as np
import pytest

from v1sim.convnet import LBFGS, SGD, Adam, Conv2d, Detector, IndependentSubspaces, Stack, sparse_codes, train

GOOD = {"objective": IndependentSubspaces(), "optimiser": SGD(rate=0.1), "epochs": 1, "seed": 0}
PICTURES = np.ones((4, 1, 5, 6))


def stack():
    return Stack([Conv2d(np.ones((2, 1, 3, 4)))])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"objective": "coherent"}, "objective must be an objective, for example Coherent"),
        ({"objective": IndependentSubspaces}, "objective must be an objective"),
        ({"optimiser": "sgd"}, "optimiser must be an optimiser, for example SGD"),
        ({"optimiser": SGD}, "optimiser must be an optimiser"),
    ],
)
def test_what_is_no_objective_or_optimiser_is_refused(changed, message):
    with pytest.raises(TypeError, match=message):
        train(stack(), PICTURES, **GOOD | changed)


def test_what_is_no_stack_is_refused():
    with pytest.raises(TypeError, match=r"stack must be a Stack, got str"):
        train("net", PICTURES, **GOOD)


def test_a_stack_with_nothing_to_learn_is_refused():
    with pytest.raises(ValueError, match="stack must have parameters to learn; relu1 have none"):
        train(Stack([Detector("relu")]), PICTURES, **GOOD)


@pytest.mark.parametrize("begin", [SGD(rate=0.1).start, Adam().start, lambda p: LBFGS().minimise(abs, p)])
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ([1.0], "parameters must be arrays by name, one or more, got \\[1.0\\]"),
        ({}, "one or more, got {}"),
        ({"a": 3.0}, "parameters must be arrays of floats, got float for 'a'"),
        ({"a": np.arange(3)}, "parameters must be arrays of floats, got an array of int64 for 'a'"),
    ],
)
def test_what_are_no_parameters_is_told_by_every_optimiser(begin, parameters, words):
    with pytest.raises(TypeError, match=words):
        begin(parameters)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match=r"data must hold at least one example"):
        train(stack(), PICTURES[:0], **GOOD)


@pytest.mark.parametrize(
    ("x", "atoms", "message"),
    [
        (np.full((3, 6), np.nan), np.ones((2, 6)), "x must be finite"),
        (np.ones((3, 6)), np.full((2, 6), np.inf), "atoms must be finite"),
        (np.ones((3, 5)), np.ones((2, 6)), r"x and atoms must be \(n, value\) and \(atom, value\)"),
        (np.ones(6), np.ones((2, 6)), r"x and atoms must be \(n, value\) and \(atom, value\)"),
        (np.ones((3, 6), int), np.ones((2, 6)), "x must be float32 or float64"),
        (np.ones((3, 6)), np.ones((0, 6)), r"atoms must not be empty, got shape \(0, 6\)"),
    ],
)
def test_codes_of_what_is_no_patch_are_refused(x, atoms, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sparse_codes(x, atoms, 0.1, n_steps=3)


def test_a_sparseness_or_number_of_steps_out_of_range_is_refused():
    with pytest.raises(ValueError, match="sparseness must be"):
        sparse_codes(np.ones((3, 6)), np.ones((2, 6)), -1.0, n_steps=3)
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        sparse_codes(np.ones((3, 6)), np.ones((2, 6)), 0.1, n_steps=0)
