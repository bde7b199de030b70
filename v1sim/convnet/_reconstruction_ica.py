"""Reconstruction ICA: sparse responses from which the picture can be had back."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim import _checks
from v1sim.convnet._layer import Parameters
from v1sim.convnet._objectives import Batch, Gradients, check_linear, only
from v1sim.convnet._stack import Stack


@final
@dataclass(frozen=True)
class ReconstructionICA:
    r"""Sparse linear responses that reconstruct their picture: ICA without a hard constraint.

    .. math:: J = \langle \tfrac{1}{2} |W^T W x - x|^2 + \lambda \sum_i \sqrt{(W x)_i^2 + \epsilon} \rangle

    W is the stack, a linear one, and W^T its adjoint, which is its pullback; so shared, tiled and unshared
    convolutions learn by the same lines. Filters may be more than pixels. Nothing else holds their norm, and
    any optimiser will do. Data are whitened pictures, shape (n, channel, row, column).

    Parameters
    ----------
    sparseness : float
        lambda, above 0.
    smoothing : float, optional
        epsilon, above 0: rounds the corner of the absolute value.

    References
    ----------
    Le, Karpenko, Ngiam & Ng 2011, NIPS 24, equation 2; their lambda is the weight of the other
    term, |W^T W x - x|^2, and so 1 / (2 lambda) of this one.
    """

    sparseness: float
    smoothing: float = 1e-4

    def __post_init__(self) -> None:
        object.__setattr__(self, "sparseness", _checks.positive("sparseness", self.sparseness))
        object.__setattr__(self, "smoothing", _checks.positive("smoothing", self.smoothing))

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        (x,) = only(stack, batch, "pictures")
        check_linear(stack, "ReconstructionICA")
        s, pullback = stack.forward(x)
        error = pullback(s)[0] - x
        size = np.sqrt(s**2 + self.smoothing)
        squared = np.sum(error**2, dtype=np.float64) / 2
        loss = float(squared + self.sparseness * np.sum(size, dtype=np.float64)) / len(x)

        def gradients() -> Parameters:
            """W enters twice: as the filters of x, and as what reconstructs it from s."""
            again, pullback_of_error = stack.forward(error)
            from_filters = pullback((again + self.sparseness * s / size) / len(x))[1]
            from_patterns = pullback_of_error(s / len(x))[1]
            return {name: value + from_patterns[name] for name, value in from_filters.items()}

        return loss, gradients
