"""Objectives on pooled responses: sparse, as of independent subspaces, and coherent in time."""

from dataclasses import dataclass
from typing import final

import numpy as np

from v1sim import _checks
from v1sim.convnet._layer import Parameters
from v1sim.convnet._objectives import Batch, Gradients, only
from v1sim.convnet._stack import Stack


@final
@dataclass(frozen=True)
class IndependentSubspaces:
    r"""Sparse responses: their mean absolute value.

    .. math:: J = \langle |c_p| \rangle

    over pictures, units p and positions. With filters that are held orthonormal in whitened space
    (`Orthonormal`), the mean square of a response is fixed, so that a small mean means a sparse response. The
    stack says what is sparse: convolution and L2 pool over groups of channels, c = sqrt(s0^2 + s1^2), are
    independent subspace analysis; an L2 pool over overlapping neighbourhoods (`NeighbourhoodPool`, or
    `TiledConv2d` and `Pool2d`) is its topographic form; no pool is independent component analysis.

    Data are pictures, shape (n, channel, row, column).

    References
    ----------
    Hyvarinen & Hoyer 2000, Neural Computation 12:1705, equation 9, with p(u) an exponential of the norm;
    Hyvarinen, Hoyer & Inki 2001, Neural Computation 13:1527. Le et al. 2010, NIPS 23 (tiled).
    """

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        (x,) = only(stack, batch, "pictures")
        c, pullback = stack.forward(x)
        loss = float(np.mean(np.abs(c), dtype=np.float64))
        return loss, lambda: pullback(np.sign(c) / c.size)[1]


@final
@dataclass(frozen=True)
class Coherent:
    r"""Responses that are sparse, and change little from one moment to the next.

    .. math:: J = \langle |c_p(t)| \rangle + w \; \langle (c_p(t+1) - c_p(t))^2 \rangle

    The first term makes fields small and oriented, the second makes a pair of filters blind to the phase of
    what moves through them: it turns two filters into a quadrature pair. The larger w, the less phase is left
    in the response, and the more cycles the filters have: in the limit they are plane waves.

    Data are short movies, shape (n, moment, channel, row, column), two moments or more.

    Parameters
    ----------
    weight : float
        w, at least 0; 0 is `IndependentSubspaces`.

    References
    ----------
    Hurri & Hyvarinen 2003, Neural Computation 15:663; Kording, Kayser, Einhauser & Konig 2004, J
    Neurophysiol 91:206. The sparse term is that of Hyvarinen & Hoyer 2000. The former hold the correlation of
    rectified responses high and have no pairs; the latter divide the squared change by the variance, where
    here the mean square is held by `Orthonormal`.
    """

    weight: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _checks.not_negative("weight", self.weight))

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        (movies,) = only(stack, batch, "movies")
        if movies.ndim != 5 or movies.shape[1] < 2:
            raise ValueError(
                "movies must have the axes (n, moment, channel, row, column) and two moments or more, "
                f"got shape {movies.shape}"
            )
        pooled, pullback = stack.forward(movies.reshape(-1, *movies.shape[2:]))
        c = pooled.reshape(*movies.shape[:2], *pooled.shape[1:])
        change = c[:, 1:] - c[:, :-1]
        sparse = np.mean(np.abs(c), dtype=np.float64)
        slow = np.mean(change**2, dtype=np.float64)

        def gradients() -> Parameters:
            dc = np.sign(c) / c.size
            pull = change * (2 * self.weight / change.size)
            dc[:, 1:] += pull
            dc[:, :-1] -= pull
            return pullback(dc.reshape(pooled.shape))[1]

        return float(sparse + self.weight * slow), gradients
