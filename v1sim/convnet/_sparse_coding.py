"""Sparse coding: few active atoms reconstruct a patch; the codes are inferred by ISTA or FISTA."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._layer import Maps
from v1sim.convnet._objectives import Batch, Gradients, check_linear, only
from v1sim.convnet._stack import Stack


@final
@dataclass(frozen=True)
class SparseCoding:
    r"""Patches as sums of few atoms.

    .. math:: J = \langle \min_a \tfrac{1}{2} |x - \sum_k a_k \phi_k|^2 + \lambda \sum_k |a_k| \rangle

    The atoms phi are the kernels of a stack of one layer without bias, as large as the patch; hold them at
    unit norm (`UnitNorm`), or they grow and the codes shrink. At the minimum over a the loss depends on the
    atoms only through the first term (envelope theorem): the gradient is -<a_k (x - sum a phi)>.

    Data are patches, shape (n, channel, row, column).

    Parameters
    ----------
    sparseness : float
        lambda, above 0, in the unit of the patches, as atoms of unit norm have none: an atom is active where
        it and the residual have a product of lambda.
    n_steps : int, optional
        Steps of FISTA from a code of zeros.

    References
    ----------
    Olshausen & Field 1996, Nature 381:607; Beck & Teboulle 2009, SIAM J Imaging Sci 2:183.
    """

    sparseness: float
    n_steps: int = 30

    def __post_init__(self) -> None:
        object.__setattr__(self, "sparseness", _checks.positive("sparseness", self.sparseness))
        object.__setattr__(self, "n_steps", _checks.integer("n_steps", self.n_steps, minimum=1))

    def loss(self, stack: Stack, batch: Batch) -> tuple[float, Gradients]:
        """Return the loss and its gradients."""
        (x,) = only(stack, batch, "patches")
        name, atoms = _atoms(stack, x)
        flat = x.reshape(len(x), -1)
        phi = atoms.reshape(len(atoms), -1).astype(x.dtype, copy=False)
        a = sparse_codes(flat, phi, self.sparseness, n_steps=self.n_steps)
        residual = flat - a @ phi
        squared = np.sum(residual**2, dtype=np.float64) / 2
        loss = float(squared + self.sparseness * np.sum(np.abs(a), dtype=np.float64)) / len(x)
        return loss, lambda: {name: (a.T @ residual / -len(x)).reshape(atoms.shape)}


def _atoms(stack: Stack, x: Maps) -> tuple[str, NDArray[Any]]:
    """Return the one parameter of a stack that holds the atoms, and its name, or raise."""
    check_linear(stack, "SparseCoding")
    parameters = list(stack.parameters().items())
    name, atoms = parameters[0]
    turned = any(getattr(layer, "flip", False) for layer in stack.layers.values())
    whole = stack.output_shape(x.shape[1:])[1:] == (1, 1) and atoms[0].size == x[0].size
    if len(parameters) > 1 or turned or not whole:
        raise ValueError(
            "SparseCoding takes a stack of one unflipped layer whose kernels are as large as the patches "
            f"{x.shape[1:]}, got {', '.join(f'{key} {value.shape}' for key, value in parameters)}"
        )
    return name, atoms


def sparse_codes(
    x: NDArray[Any], atoms: NDArray[Any], sparseness: float, *, n_steps: int, accelerated: bool = True
) -> NDArray[Any]:
    r"""Return the codes that minimise 1/2 |x - a phi|^2 + lambda sum |a|, by proximal gradient steps.

    .. math::
        a_{t+1} = S_{\lambda / L}(y_t - \nabla / L), \qquad
        y_{t+1} = a_{t+1} + \frac{\tau_t - 1}{\tau_{t+1}} (a_{t+1} - a_t)

    with S the soft threshold, L the largest eigenvalue of phi phi^T, and
    tau_{t+1} = (1 + sqrt(1 + 4 tau_t^2)) / 2 (FISTA); or y = a (ISTA).

    Parameters
    ----------
    x : ndarray, shape (n, value)
        Patches.
    atoms : ndarray, shape (atom, value)
        phi.
    sparseness : float
        lambda.
    n_steps : int
        Number of steps, from codes of zeros.
    accelerated : bool, optional
        FISTA; otherwise ISTA.

    Returns
    -------
    ndarray, shape (n, atom)

    Raises
    ------
    TypeError, ValueError
        If patches or atoms are empty or not finite floats, their shapes do not agree, or a number is out of
        range.

    References
    ----------
    Beck & Teboulle 2009, SIAM J Imaging Sci 2:183, section 4.
    """
    for name, array in (("x", x), ("atoms", atoms)):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            raise TypeError(f"{name} must be float32 or float64, got {getattr(array, 'dtype', type(array))}")
        if not array.size:
            raise ValueError(f"{name} must not be empty, got shape {array.shape}")
        _checks.finite(name, array)
    if x.ndim != 2 or atoms.ndim != 2 or x.shape[1] != atoms.shape[1]:
        raise ValueError(f"x and atoms must be (n, value) and (atom, value), got {x.shape} and {atoms.shape}")
    sparseness = _checks.positive("sparseness", sparseness)
    n_steps = _checks.integer("n_steps", n_steps, minimum=1)
    gram = atoms @ atoms.T
    step = 1 / max(float(np.linalg.eigvalsh(gram.astype(np.float64))[-1]), np.finfo(x.dtype).tiny)
    drive = x @ atoms.T
    codes: NDArray[Any] = np.zeros_like(drive)
    ahead, tau = codes, 1.0
    for _ in range(n_steps):
        moved = ahead - step * (ahead @ gram - drive)
        new = moved - np.clip(moved, -step * sparseness, step * sparseness)  # the soft threshold
        tau_next = (1 + np.sqrt(1 + 4 * tau**2)) / 2 if accelerated else 1.0
        ahead = new + float((tau - 1) / tau_next) * (new - codes)
        codes, tau = new, tau_next
    return codes
