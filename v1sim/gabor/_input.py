"""What can be fitted: fields, their grid and their weights, checked once at the door."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim._types import FloatArray
from v1sim.gabor._errors import N_PARAMETERS
from v1sim.grid import Grid

_SMALLEST_SIDE = 3


def checked_fields(fields: ArrayLike, grid: Grid | None) -> tuple[NDArray[np.generic], Grid, bool]:
    """Return the fields as a stack (n, ny, nx), their grid, and whether there was only one."""
    array = _checks.real_array("fields", fields)
    if array.ndim not in (2, 3):
        raise ValueError(
            f"fields must have the shape (ny, nx), (n, ny, nx) or (n, channels, ny, nx), got {array.shape}"
        )
    single = array.ndim == 2
    stack = array[None] if single else array
    if not len(stack):
        raise ValueError(f"fields must hold at least one field, got shape {array.shape}")
    if min(stack.shape[1:]) < _SMALLEST_SIDE or stack[0].size <= N_PARAMETERS + 1:
        raise ValueError(
            f"fields must have at least {_SMALLEST_SIDE} rows and columns and more than {N_PARAMETERS + 1} "
            f"pixels, got {stack.shape[1:]}: a Gabor has {N_PARAMETERS} parameters, "
            "and a profile has no orientation"
        )
    if grid is not None and not isinstance(grid, Grid):
        raise TypeError(f"grid must be a Grid, got {type(grid).__name__}")
    if grid is not None and grid.shape != stack.shape[1:]:
        raise ValueError(f"grid is of shape {grid.shape}, but fields are of shape {stack.shape[1:]}")
    ny, nx = stack.shape[1:]
    return stack, Grid((ny, nx)) if grid is None else grid, single


def checked_weights(
    weights: ArrayLike | None, stack: NDArray[np.generic], shape: tuple[int, ...], *, offset: bool
) -> FloatArray | None:
    """Return weights of the shape of the stack (a view), or None; check that all that counts is finite."""
    if weights is None:
        _checks.finite("fields", stack)
        return None
    array = _checks.real_array("weights", weights).astype(np.float64)
    _checks.finite("weights", array)
    if (array < 0).any():
        raise ValueError(f"weights must be at least 0, got {array.min()}")
    try:
        mass = np.broadcast_to(array, shape).reshape(stack.shape)
    except ValueError:
        raise ValueError(
            f"weights of shape {array.shape} do not broadcast to fields of shape {shape}"
        ) from None
    if not np.isfinite(stack[mass > 0]).all():
        raise ValueError("fields must be finite wherever weights are above 0; give bad pixels the weight 0")
    fewest = int((mass > 0).sum(axis=(1, 2)).min())
    needed = N_PARAMETERS + int(offset) + 1
    if fewest < needed:
        raise ValueError(f"weights must be above 0 at {needed} pixels or more of each field, got {fewest}")
    return mass
