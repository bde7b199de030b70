"""A sparse convolutional autoencoder: a code in the middle of a stack, and the picture at its end."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim import _checks
from v1sim.convnet._layer import Parameters
from v1sim.convnet._objectives import Batch, Gradients, only
from v1sim.convnet._stack import Stack


@final
@dataclass(frozen=True)
class SparseAutoencoder:
    r"""The picture back at the end of the stack, through a sparse code in its middle.

    .. math:: J = \langle \tfrac{1}{2} |\hat x - x|^2 + \lambda \sum |h| \rangle

    h is the output of the layer `code`, x hat that of the stack, as maps or, from a `Dense` layer, as one
    long list. Hold the kernels that decode at unit norm (`UnitNorm`), or they grow and the code shrinks. Data
    are pictures, shape (n, channel, row, column).

    Parameters
    ----------
    sparseness : float
        lambda, above 0.
    code : str
        Name of the layer whose output is the code.

    References
    ----------
    Ranzato, Poultney, Chopra & LeCun 2006, NIPS 19; Masci, Meier, Ciresan & Schmidhuber 2011, ICANN.
    """

    sparseness: float
    code: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "sparseness", _checks.positive("sparseness", self.sparseness))

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        (x,) = only(stack, batch, "pictures")
        encoder, decoder = self._halves(stack)
        h, pull_code = encoder.forward(x)
        again, pull_picture = decoder.forward(h)
        if again[0].size != x[0].size:
            raise ValueError(f"the stack must give back pictures of {x.shape[1:]}, got {again.shape[1:]}")
        error = again - x.reshape(again.shape)
        squared = np.sum(error**2, dtype=np.float64) / 2
        loss = float(squared + self.sparseness * np.sum(np.abs(h), dtype=np.float64)) / len(x)

        def gradients() -> Parameters:
            dh, of_decoder = pull_picture(error / len(x))
            of_encoder = pull_code(dh + np.sign(h) * (self.sparseness / len(x)))[1]
            return of_encoder | of_decoder

        return loss, gradients

    def _halves(self, stack: Stack) -> tuple[Stack, Stack]:
        """Return the layers up to the code, and those after it."""
        names = list(stack.layers)
        if self.code not in names[:-1]:
            inner = ", ".join(names[:-1]) or "none here"
            raise ValueError(f"code must be a layer before the last ({inner}), got {self.code!r}")
        layers, cut = list(stack.layers.items()), names.index(self.code) + 1
        return Stack(layers[:cut]), Stack(layers[cut:])
