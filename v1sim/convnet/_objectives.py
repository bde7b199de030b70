"""What an objective is: a loss of a stack on a batch, with its own way back to the parameters."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

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


def only(batch: Batch, names: str) -> Batch:
    """Return the batch if it has one array for each of the comma-separated `names`, or raise."""
    if len(batch) != names.count(",") + 1:
        raise ValueError(f"data must be ({names}), got {len(batch)} arrays")
    return batch


def check_linear(stack: Stack, objective: str) -> None:
    """Raise if a stack is not a linear map without a constant."""
    for name, layer in stack.layers.items():
        linear = isinstance(layer, Conv2d | TiledConv2d | UnsharedConv2d | Dense)
        if not linear or "bias" in layer.parameters():
            raise ValueError(
                f"layer {name!r}: {objective} takes a stack of convolutions or dense layers without bias, "
                f"got {type(layer).__name__}{' with a bias' if linear else ''}"
            )
