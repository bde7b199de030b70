"""Losses against a target: mean squared error and cross-entropy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim.convnet._layer import Parameters
from v1sim.convnet._objectives import Batch, Gradients, only
from v1sim.convnet._stack import Stack


@final
@dataclass(frozen=True)
class MeanSquaredError:
    """Mean of (output - target)^2 over examples and outputs.

    Data are (pictures, targets); targets have the shape of the output.
    """

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        x, target = only(stack, batch, "pictures, targets")
        y, pullback = stack.forward(x)
        if target.shape != y.shape:
            raise ValueError(f"targets must have the shape of the output {y.shape}, got {target.shape}")
        error = y - target
        return float(np.mean(error**2, dtype=np.float64)), lambda: pullback(2 * error / error.size)[1]


@final
@dataclass(frozen=True)
class CrossEntropy:
    r"""Mean of -log p(label), with p the softmax of the output.

    .. math:: p_k = \exp(y_k) / \sum_j \exp(y_j)

    Data are (pictures, labels); the output has shape (n, class, 1, 1), labels are integers from 0, one a
    picture.
    """

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        x, labels = only(stack, batch, "pictures, labels")
        y, pullback = stack.forward(x)
        if y.shape[2:] != (1, 1) or labels.shape != y.shape[:1] or labels.dtype.kind not in "iu":
            raise ValueError(
                "labels must be integers, one a picture, and the output (n, class, 1, 1): "
                f"got labels {labels.dtype} {labels.shape}, output {y.shape}"
            )
        if labels.min() < 0 or labels.max() >= y.shape[1]:
            raise ValueError(
                f"labels must lie in 0 .. {y.shape[1] - 1}, got {labels.min()} .. {labels.max()}"
            )
        scores = y[:, :, 0, 0] - y[:, :, 0, 0].max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        each = np.arange(len(labels))

        def gradients() -> Parameters:
            dy = np.exp(log_p)
            dy[each, labels] -= 1
            return pullback((dy / len(labels))[:, :, None, None])[1]

        return -float(np.mean(log_p[each, labels], dtype=np.float64)), gradients
