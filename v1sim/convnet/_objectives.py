"""What an objective is: a loss of a stack on a batch, with its own way back to the parameters."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._convolution import Conv2d, Dense
from v1sim.convnet._layer import Parameters
from v1sim.convnet._stack import Stack
from v1sim.convnet._unshared import TiledConv2d, UnsharedConv2d

Gradients = Callable[[], Parameters]
"""Gives the gradients of a loss by the names of the stack's parameters."""
Batch = tuple[NDArray[Any], ...]
"""What an objective learns from: arrays with one entry an example along their first axis."""


@runtime_checkable
class Objective(Protocol):
    """A number that learning makes small: a mean over the examples of a batch."""

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and a function that gives its gradients."""


def only(stack: object, batch: object, names: str) -> Batch:
    """Return the batch if it has one array for each of the comma-separated `names`, or raise.

    Whether `stack` is one is looked at too, so that every objective says so in the same words.
    """
    check_stack(stack)
    arrays = examples("batch", batch)
    if len(arrays) != names.count(",") + 1:
        raise ValueError(f"data must be ({names}), got {len(arrays)} arrays")
    return arrays


def check_stack(stack: object) -> None:
    """Raise if `stack` is none."""
    if not isinstance(stack, Stack):
        raise TypeError(f"stack must be a Stack, got {type(stack).__name__}")


def examples(name: str, arrays: object) -> Batch:
    """Return `arrays` if they are a tuple of arrays with as many entries each, one or more, or raise."""
    if not isinstance(arrays, tuple) or not arrays:
        raise TypeError(f"{name} must be a tuple of arrays, got {type(arrays).__name__}")
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray) or not array.ndim:
            raise TypeError(f"{name}[{i}] must be an array of examples, got {type(array).__name__}")
        _checks.real_array(f"{name}[{i}]", array)
    lengths = [len(array) for array in arrays]
    if 0 in lengths:
        raise ValueError(f"{name} must hold at least one example, got shapes {[a.shape for a in arrays]}")
    if len(set(lengths)) > 1:
        raise ValueError(f"{name} must have as many examples in each array, got {lengths}")
    return arrays


def check_linear(stack: Stack, objective: str) -> None:
    """Raise if a stack is not a linear map without a constant."""
    for name, layer in stack.layers.items():
        linear = isinstance(layer, Conv2d | TiledConv2d | UnsharedConv2d | Dense)
        if not linear or "bias" in layer.parameters():
            raise ValueError(
                f"layer {name!r}: {objective} takes a stack of convolutions or dense layers without bias, "
                f"got {type(layer).__name__}{' with a bias' if linear else ''}"
            )
